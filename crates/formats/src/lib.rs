//! Bytes to records, one module per run format, resumable, no opinion on storage.
//!
//! [`recognise()`] tells from one directory's listing which sources lie in it, [`open()`] gives the reader of
//! one source. Readers are synchronous, hold no lock between two reads and never write beside what they read.

mod api;
mod recognise;
mod unread;

pub use api::{Descend, Entry, Listing, Progress, Reader, Recognised, SourceSpec};
pub use recognise::recognise;

use signalbox_types::Cursor;

/// The reader of a source, from where `cursor` says; a cursor that it cannot understand means from the beginning.
pub fn open(spec: &SourceSpec, _cursor: Option<&Cursor>) -> Box<dyn Reader> {
    Box::new(unread::Unread::new(spec))
}
