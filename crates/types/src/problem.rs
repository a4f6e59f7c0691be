//! What could not be read: data that the user sees, not a log line.

use serde::{Deserialize, Serialize};

/// What kind of trouble, for counting and for the hint that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A record is damaged; it was skipped and reading went on.
    DamagedRecord,
    /// The framing is damaged; nothing after the offset can be read until the file is replaced.
    DamagedFile,
    /// The file says something its format does not allow.
    Malformed,
    /// The system refused: permission, vanished, IO error.
    Unreadable,
    /// Larger than we are willing to take in (a limit of ours, named in the message).
    TooLarge,
    /// Another program's database needs its own recovery first.
    NeedsRecovery,
    /// Read, but only in part: a format version or a feature that is not understood.
    Unsupported,
    /// The folder cannot be watched by the system; it is polled.
    Polling,
}

/// One thing that could not be read as it should. `(path, offset, kind)` names it: said again, it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Relative to the project, `/` between parts, bytes that are not UTF-8 replaced.
    pub path: String,
    /// Byte offset (for text files that of the line's beginning; for tables the row), where one is known.
    pub offset: Option<u64>,
    pub kind: ProblemKind,
    /// What was lost and what to do about it, in one sentence for a person.
    pub message: String,
}
