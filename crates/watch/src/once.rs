//! Everything below a folder, read to its end once: what the command line does with no project open.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signalbox_store::StoreError;
use signalbox_types::{Problem, ProjectId};

use crate::engine::Engine;
use crate::event::{ScanCounts, WatchEvent};
use crate::options::Options;
use crate::sync::{Cancel, lock};

/// What reading once came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub counts: ScanCounts,
    pub n_points: u64,
    pub read_bytes: u64,
    /// Folders that could not be looked into. Problems inside of sources are in the store.
    pub problems: Vec<Problem>,
    /// It was cancelled: what was committed until then is in the store.
    pub cancelled: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadProgress {
    pub scanning: bool,
    pub counts: ScanCounts,
    pub read_bytes: u64,
    /// What is known to be still unread; grows while `scanning`.
    pub left_bytes: u64,
    pub n_points: u64,
}

/// Why a folder could not be read into the store.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the folder cannot be opened: {0}")]
    Folder(std::io::Error),
    #[error("{0}")]
    Store(StoreError),
    /// A thread of ours has failed.
    #[error("reading was cut short by a fault in Signalbox; please report it")]
    Fault,
}

/// Walks `root` and reads every source to its end into the store at `store_path`, by a writing connection of
/// its own. `progress` is called about ten times a second on the calling thread.
pub fn read_to_end(
    store_path: &Path,
    project: ProjectId,
    root: &Path,
    options: Options,
    cancel: &Cancel,
    mut progress: impl FnMut(ReadProgress),
) -> Result<Summary, ReadError> {
    let options = Options { follow: false, ..options };
    let counts = Arc::new(Mutex::new(ScanCounts::default()));
    let for_sink = Arc::clone(&counts);
    let sink = move |event| {
        if let WatchEvent::ScanDone { counts, .. } | WatchEvent::ScanProgress { counts, .. } = event {
            *lock(&for_sink) = counts;
        }
    };
    std::fs::read_dir(root).map_err(ReadError::Folder)?;
    let engine = Engine::start(store_path, options, sink).map_err(ReadError::Store)?;
    engine.watch(project, root);
    let mut summary = Summary::default();
    loop {
        let done = engine.shared().work.wait_for_none(Duration::from_millis(100));
        if let Some(error) = engine.shared().mail.take_failure() {
            return Err(ReadError::Store(error));
        }
        let stats = engine.project_stats(project).ok_or(ReadError::Fault)?;
        progress(ReadProgress {
            scanning: stats.scanning,
            counts: *lock(&counts),
            read_bytes: stats.read_bytes,
            left_bytes: stats.backlog_bytes,
            n_points: stats.n_points,
        });
        summary.cancelled = cancel.is_cancelled();
        if done || summary.cancelled {
            summary.counts = stats.counts;
            (summary.n_points, summary.read_bytes, summary.problems) =
                (stats.n_points, stats.read_bytes, stats.problems);
            break;
        }
    }
    engine.stop();
    Ok(summary)
}
