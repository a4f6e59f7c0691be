//! A source while its project is open: where its reader stands and whose turn it is.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signalbox_formats::{Reader, SourceSpec};
use signalbox_types::{Cursor, Format, SourceId};

use crate::sync::lock;

/// What names a source inside of its project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub format: Format,
    pub rel: PathBuf,
}

impl Key {
    pub fn of(spec: &SourceSpec) -> Key {
        Key { format: spec.format, rel: spec.rel.clone() }
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing to do until somebody says so.
    Idle,
    /// To be read at a later time: polled, or read a moment ago.
    Later,
    /// Stands in one of the queues.
    Queued,
    Reading,
    /// Its files are not there, or its project is closed: never queued.
    Gone,
}

pub(crate) struct State {
    pub stage: Stage,
    /// Told of changes while it was being read.
    pub again: bool,
    /// Counts changes of `stage` to `Later`: an entry of an earlier one is void.
    pub stamp: u64,
    /// When the entry that counts is due.
    pub due: Option<Instant>,
    /// Grows when what is in flight no longer counts, because the store stands elsewhere.
    pub epoch: u64,
    pub reader: Option<Box<dyn Reader>>,
    /// After the last slice that was handed on; what a new reader starts from.
    pub cursor: Cursor,
    pub watch_paths: Vec<PathBuf>,
    /// Some of its folders are not told of by the system.
    pub polled: bool,
    pub poll_gap: Duration,
    /// Reads without news, in a row.
    pub n_quiet: u32,
    pub last_read: Option<Instant>,
    /// When it was read last, in turns of the engine: the least is closed first.
    pub last_turn: u64,
    /// Not read before this: the store did not take what was read.
    pub rest_until: Option<Instant>,
    /// The project holds a problem of ours about it; the next commit heals it.
    pub faulty: bool,
    /// When it had new points.
    pub rhythm: crate::liveness::Rhythm,
    /// Bytes that are probably still to be read; see `Source::set_bytes_left`.
    bytes_left: u64,
}

/// One source of an open project.
pub(crate) struct Source {
    pub id: SourceId,
    pub spec: SourceSpec,
    pub path: PathBuf,
    /// The source is one file, and not what lies in a directory.
    pub is_file: bool,
    pub project: std::sync::Arc<crate::project::Project>,
    /// What the store expects of the next commit. Used by the writing thread only.
    pub generation: AtomicU64,
    state: Mutex<State>,
}

impl Source {
    pub fn new(
        id: SourceId,
        spec: SourceSpec,
        project: std::sync::Arc<crate::project::Project>,
        cursor: Cursor,
        generation: u64,
    ) -> Source {
        let path = spec.path();
        let is_file = !path.is_dir();
        let state = State {
            stage: Stage::Idle,
            again: false,
            stamp: 0,
            due: None,
            epoch: 0,
            reader: None,
            cursor,
            watch_paths: Vec::new(),
            polled: false,
            poll_gap: Duration::ZERO,
            n_quiet: 0,
            last_read: None,
            last_turn: 0,
            rest_until: None,
            faulty: false,
            rhythm: Default::default(),
            bytes_left: 0,
        };
        Source { id, spec, path, is_file, project, generation: AtomicU64::new(generation), state: Mutex::new(state) }
    }

    /// Keeps the project's sum in step.
    pub fn set_bytes_left(&self, state: &mut State, bytes_left: u64) {
        let sum = &self.project.backlog_bytes;
        sum.fetch_add(bytes_left, Ordering::Relaxed);
        sum.fetch_sub(state.bytes_left, Ordering::Relaxed);
        state.bytes_left = bytes_left;
    }

    /// About `bytes_read` fewer are left.
    pub fn read_some(&self, state: &mut State, bytes_read: u64) {
        let left = state.bytes_left.saturating_sub(bytes_read);
        self.set_bytes_left(state, left);
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Starts over from what the store holds; whatever is in flight no longer counts.
    pub fn restart_from(&self, cursor: Cursor, generation: u64) {
        self.generation.store(generation, Ordering::Release);
        let mut state = self.state();
        state.epoch += 1;
        state.reader = None;
        state.cursor = cursor;
    }

    /// Whether a change of `name` in one of its folders is news of it.
    pub fn concerns(&self, path: &Path, name: &std::ffi::OsStr) -> bool {
        if !self.is_file || self.path == path {
            return true;
        }
        // `mlflow.db-journal` beside `mlflow.db`, `hparams.yaml` beside `metrics.csv`.
        let own = self.path.file_name().map_or(&[][..], |n| n.as_encoded_bytes());
        name.as_encoded_bytes().starts_with(own) || crate::prune::may_matter(name)
    }
}
