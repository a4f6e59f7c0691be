//! What can be set, with the defaults that fit a laptop.

use std::sync::Arc;
use std::time::Duration;

use signalbox_formats::{Listing, Reader, Recognised, SourceSpec};
use signalbox_types::Cursor;

/// How sources are recognised and opened: `signalbox_formats`, unless a test brings its own.
pub trait Formats: Send + Sync {
    fn recognise(&self, listing: &Listing) -> Recognised;
    fn open(&self, spec: &SourceSpec, cursor: Option<&Cursor>) -> Box<dyn Reader>;
}

/// The formats that Signalbox reads.
pub struct RealFormats;

impl Formats for RealFormats {
    fn recognise(&self, listing: &Listing) -> Recognised {
        signalbox_formats::recognise(listing)
    }

    fn open(&self, spec: &SourceSpec, cursor: Option<&Cursor>) -> Box<dyn Reader> {
        signalbox_formats::open(spec, cursor)
    }
}

/// Settings of an engine.
#[derive(Clone)]
pub struct Options {
    /// Follow changes after the first walk. Off: everything is read to its end once.
    pub follow: bool,
    /// Never use the system's notifications.
    pub force_polling: bool,
    /// How many folders the system may be asked to tell of, over one project; `None`: 60 % of what it allows.
    pub max_watches: Option<usize>,
    /// Reading threads; `None`: one per processor, at most 4.
    pub n_readers: Option<usize>,
    /// How much of a source is read before another gets its turn.
    pub slice_bytes: usize,
    /// How much may be read and not committed yet.
    pub max_in_flight_bytes: u64,
    /// How many readers stay open; `None`: 4,096, or less if the system allows fewer open files.
    pub max_open_readers: Option<usize>,
    /// How long changes are gathered before they are looked at.
    pub debounce: Duration,
    /// The least time between two reads of one source.
    pub min_read_gap: Duration,
    /// The least time between two commits.
    pub min_commit_gap: Duration,
    /// How often a polled source is asked while it changes, and when it does not.
    pub poll_active: Duration,
    pub poll_idle: Duration,
    /// How often polled folders are looked through for new sources.
    pub poll_dirs: Duration,
    /// How often everything is looked through even where the system tells of changes.
    pub sanity: Duration,
    /// How long a source must be missing before it counts as gone: writers delete and create anew.
    pub gone_after: Duration,
    /// Unix seconds: the clock of what is stored.
    pub clock: fn() -> f64,
    pub formats: Arc<dyn Formats>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            follow: true,
            force_polling: false,
            max_watches: None,
            n_readers: None,
            slice_bytes: 4 << 20,
            max_in_flight_bytes: 64 << 20,
            max_open_readers: None,
            debounce: Duration::from_millis(4),
            min_read_gap: Duration::from_millis(10),
            min_commit_gap: Duration::from_millis(20),
            poll_active: Duration::from_secs(1),
            poll_idle: Duration::from_secs(10),
            poll_dirs: Duration::from_secs(15),
            sanity: Duration::from_secs(600),
            gone_after: Duration::from_secs(1),
            clock: unix_now,
            formats: Arc::new(RealFormats),
        }
    }
}

impl Options {
    pub(crate) fn reader_threads(&self) -> usize {
        self.n_readers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()).min(4)).max(1)
    }

    /// A reader may hold some files open; half of what the process may open is left to everything else.
    pub(crate) fn open_readers(&self) -> usize {
        self.max_open_readers.unwrap_or_else(|| (open_files_limit() / 2).clamp(64, 4096)).max(1)
    }
}

fn unix_now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The soft limit of open files, as `/proc/self/limits` tells it; a common one elsewhere.
fn open_files_limit() -> usize {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|n| n.parse().ok())
        .unwrap_or(256)
}
