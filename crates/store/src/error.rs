//! What the user lost, and what to do about it.

use std::path::PathBuf;

use signalbox_types::{ProjectId, RunId, SourceId};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store was written by a later version. Nothing was written to it.
    #[error(
        "the store at {path} was written by a newer version of Signalbox (format {found}; this one knows up to {known})"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// The file is not a Signalbox store. Nothing was written to it.
    #[error("{path} is not a Signalbox store")]
    NotOurs { path: PathBuf },
    /// Another instance committed this source since its cursor was read.
    #[error("another instance has committed source {source_id} meanwhile")]
    Conflict { source_id: SourceId },
    /// The source is not in the store: its project was forgotten.
    #[error("source {0} is not in the store")]
    UnknownSource(SourceId),
    /// The project is not in the store: it was forgotten, perhaps by another instance.
    #[error("project {0} is not in the store")]
    UnknownProject(ProjectId),
    /// The run is not in the store.
    #[error("run {0} is not in the store")]
    UnknownRun(RunId),
    /// No room on the disk; the transaction was rolled back.
    #[error("the disk that holds the store is full")]
    Full,
    /// Giving free pages back takes room itself. Nothing was changed.
    #[error("compacting needs {} free {place}, where {} are", megabytes(*.needs), megabytes(*.has))]
    NoRoom { place: String, needs: u64, has: u64 },
    /// The store's file or folder cannot be written.
    #[error("the store at {path} cannot be written")]
    ReadOnly { path: PathBuf },
    /// Another instance held the store for too long.
    #[error("the store is locked by another process")]
    Busy,
    /// What the store holds does not decode.
    #[error("the store is damaged: {what}")]
    Damaged { what: String },
    /// A folder or file could not be made or read.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// A series or a count grew past what the format can number.
    #[error("{what} exceeds what the store can hold")]
    Limit { what: &'static str },
    /// Anything else that SQLite says.
    #[error("the store's database failed: {0}")]
    Sqlite(rusqlite::Error),
}

impl StoreError {
    /// The next action, for a person.
    pub fn hint(&self) -> &'static str {
        match self {
            StoreError::Newer { .. } => "Update Signalbox, or start it with another data directory.",
            StoreError::NotOurs { .. } => "Move the file away, or start Signalbox with another data directory.",
            StoreError::Conflict { .. } => "Read the source's cursor again and continue from there.",
            StoreError::UnknownSource(_) | StoreError::UnknownProject(_) | StoreError::UnknownRun(_) => {
                "Open the project again."
            }
            StoreError::NoRoom { .. } => "Free some space on that disk, and compact again.",
            StoreError::Full => "Free some space on that disk; reading goes on by itself.",
            StoreError::ReadOnly { .. } => "Check the permissions of the data directory, or choose another one.",
            StoreError::Busy => "Close the other window, or wait until it has finished.",
            StoreError::Damaged { .. } => "Forget the project and open it again: the folder holds everything.",
            StoreError::Io { .. } => "Check that the data directory exists and may be written.",
            StoreError::Limit { .. } => "Split the project.",
            StoreError::Sqlite(_) => "Start Signalbox again; if it stays, forget the project and open it anew.",
        }
    }
}

impl StoreError {
    /// Names the file where SQLite's own error did not.
    pub(crate) fn at(self, file: &std::path::Path) -> Self {
        match self {
            StoreError::ReadOnly { .. } => StoreError::ReadOnly { path: file.to_path_buf() },
            StoreError::NotOurs { .. } => StoreError::NotOurs { path: file.to_path_buf() },
            other => other,
        }
    }

    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        StoreError::Damaged { what: what.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::ReadOnly { path: PathBuf::from("store") }
            }
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { what: error.to_string() },
            Some(ErrorCode::NotADatabase) => StoreError::NotOurs { path: PathBuf::from("store") },
            _ => StoreError::Sqlite(error),
        }
    }
}

impl From<signalbox_series::CodecError> for StoreError {
    fn from(error: signalbox_series::CodecError) -> Self {
        StoreError::damaged(error)
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// What this crate's functions return.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
