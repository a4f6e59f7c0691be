//! What the engine tells: one closed list, coalesced before it is told.

use signalbox_types::{MetricId, Problem, ProjectId, RunId, SourceId};

/// How a project's changes are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not at all: reading once, or the folder is not there.
    #[default]
    None,
    /// The system tells of every change.
    Notify,
    /// Folders are looked at from time to time.
    Polling,
    /// Some are told of, some are looked at.
    Mixed,
}

impl Mode {
    /// The stable name, as it crosses to the page.
    pub fn name(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::Notify => "notify",
            Mode::Polling => "polling",
            Mode::Mixed => "mixed",
        }
    }
}

/// News for whoever shows them. The callback that takes them must be quick: it runs on the engine's threads.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// Records of a project are in the store now.
    Committed {
        project: ProjectId,
        /// Runs with any news, the new ones included; ascending.
        runs: Vec<RunId>,
        new_runs: Vec<RunId>,
        /// Series with new points; ascending.
        series: Vec<(RunId, MetricId)>,
        n_points: u64,
        /// Bytes of the sources' files that were read for it.
        read_bytes: u64,
        problems_changed: bool,
        models_changed: bool,
    },
    /// How far the first walk is, about ten times a second.
    ScanProgress { project: ProjectId, counts: ScanCounts },
    /// The first walk has ended (its sources may still be being read).
    ScanDone { project: ProjectId, counts: ScanCounts },
    /// Every source that the first walk found is watched now, and those that it missed are gone.
    Known { project: ProjectId },
    /// How changes are seen, whenever that changes; `why` is a sentence, there unless all is well.
    Mode { project: ProjectId, mode: Mode, why: Option<String> },
    /// A folder that cannot be looked into. Problems inside of sources are in the store.
    Problem { project: ProjectId, problem: Problem },
    /// What `Problem` said of this path no longer holds.
    Healed { project: ProjectId, path: String },
    /// A source's files are no longer there; its runs stay, marked as gone.
    Gone { project: ProjectId, source: SourceId },
    /// They are there again.
    Back { project: ProjectId, source: SourceId },
    /// The store refused; reading goes on by itself when it takes records again.
    StoreTrouble { message: String, hint: &'static str },
}

/// What a walk has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCounts {
    pub dirs: u64,
    pub files: u64,
    pub sources: u64,
    /// Bytes read of files in order to recognise them.
    pub peeked_bytes: u64,
}

/// A project at this moment, for the status bar.
#[derive(Clone, Debug, Default)]
pub struct ProjectStats {
    pub mode: Mode,
    pub why: Option<String>,
    pub scanning: bool,
    pub counts: ScanCounts,
    /// Folders that the system tells of.
    pub n_dirs_watched: u64,
    /// Folders that are looked at from time to time.
    pub n_dirs_polled: u64,
    pub n_sources: u64,
    /// Sources that wait to be read or are being read.
    pub n_waiting: u64,
    /// Bytes that are still to be read, as far as file lengths told it.
    pub backlog_bytes: u64,
    pub read_bytes: u64,
    pub n_points: u64,
    /// Folders that cannot be looked into.
    pub problems: Vec<Problem>,
}

/// The engine at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineStats {
    pub read_bytes: u64,
    pub n_points: u64,
    /// Over the last two seconds.
    pub points_per_second: f64,
    pub bytes_per_second: f64,
    pub n_commits: u64,
    /// Bytes that were read and are not committed yet.
    pub in_flight_bytes: u64,
    pub n_open_readers: u64,
}
