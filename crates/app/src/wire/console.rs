//! What a run printed.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A file with what a run printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct ConsoleFile {
    /// Relative to the project, `/` between parts.
    pub path: String,
    pub bytes: u64,
    /// Unix seconds, whole.
    pub modified: u64,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ConsoleQuery {
    pub run: u32,
    /// One of the files that `console` lists.
    pub path: String,
    /// The text that ends before this byte; `null` for the file's end.
    pub end: Option<u64>,
}

/// Whole lines of a file.
#[derive(Clone, Debug, Serialize, TS)]
pub struct ConsoleText {
    /// As a terminal shows it: without colours, and of a line that was written over its last state.
    pub text: String,
    /// Where it begins and ends in the file, in bytes.
    pub from: u64,
    pub to: u64,
    /// The file's size.
    pub bytes: u64,
    /// How many lines are not shown because they look as if they held a password or key.
    pub n_hidden: usize,
}
