//! What discovery and the watcher see of a format: recognise a directory, open a source, read its news.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use signalbox_types::{Batch, Cursor, Format};

/// A source: a format at a place inside a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceSpec {
    pub format: Format,
    /// Absolute root of the project.
    pub project: PathBuf,
    /// Path of the source below the root; "" = the project folder itself.
    pub rel: PathBuf,
}

impl SourceSpec {
    /// Where the source lies, absolute.
    pub fn path(&self) -> PathBuf {
        // Joining "" would add a trailing slash, under which a file cannot be opened.
        if self.rel.as_os_str().is_empty() { self.project.clone() } else { self.project.join(&self.rel) }
    }
}

/// One name in a directory.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: OsString,
    pub is_dir: bool,
    /// Bytes; 0 for directories.
    pub len: u64,
}

/// One directory, its symlinks already resolved by whoever walked it.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub project: &'a Path,
    pub rel: &'a Path,
    pub entries: &'a [Entry],
}

/// What a directory turned out to hold.
#[derive(Clone, Debug)]
pub struct Recognised {
    pub sources: Vec<SourceSpec>,
    /// Paths below the project's root of which it cannot be told now: what was known of them goes on to hold.
    pub undecided: Vec<PathBuf>,
    pub descend: Descend,
    pub peeked_bytes: u64,
}

/// Which sub-directories discovery should go on into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Descend {
    All,
    Only(Vec<OsString>),
    None,
}

/// Whether a reader has more to say at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The budget ran out first: call again.
    More,
    /// Nothing complete is left; call again after a change.
    CaughtUp,
}

/// Reads one source, from where its cursor says.
pub trait Reader: Send {
    /// Adds the news to `batch`, reading about `budget_bytes` (at least one record). Never panics and never
    /// fails: trouble goes into `batch.problems`, once per place. Cheap when nothing changed.
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress;

    /// The state after the last `read()`: reopening with it is as never having stopped.
    fn cursor(&self) -> Cursor;

    /// Directories (absolute) whose changes mean news of this source.
    fn watch_paths(&self) -> Vec<PathBuf>;
}
