//! Bytes to records, one module per run format, resumable, no opinion on storage.
