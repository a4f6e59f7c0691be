//! What takes room, what forgetting a project means, and giving room back.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A kind of room. Closed: the page has a colour for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Series, as they were logged.
    Points,
    /// Extremes by stretch, from which charts of long series are drawn, and what is known of each series.
    Levels,
    /// Params, tags, where media lie, problems, where reading stands.
    Catalogue,
    /// What the code was when runs began.
    Code,
    /// Names, notes, tags and colours of the person's own.
    Words,
    /// Tables that have no kind of their own here.
    Other,
    /// Pages, indexes and preferences.
    Structure,
    /// Free pages: given back by compacting, or taken by new points.
    Free,
    /// The write-ahead log.
    Log,
    /// What was counted in data files.
    Counts,
    /// Copies of what was fetched from registries elsewhere.
    Fetched,
    /// The window's own cache.
    Window,
    /// Registered models' artifacts.
    Models,
    /// Plans, their journal and the audit.
    Promotions,
    /// The vault, what keeps models serving, and the like.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct RoomPart {
    pub kind: RoomKind,
    pub title: String,
    pub bytes: u64,
    /// Where it lies.
    pub path: String,
    /// Why it is never deleted from here; `null`: it is.
    pub stays: Option<String>,
}

/// What is kept of a project. Bytes are those of the values; pages and indexes around them are the file's.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ProjectRoomRow {
    pub id: u32,
    pub name: String,
    pub path: String,
    pub open: bool,
    pub demo: bool,
    /// The folder is not there now.
    pub missing: bool,
    /// Unix seconds.
    pub last_opened: f64,
    /// Closed for 90 days or more.
    pub long_closed: bool,
    pub n_runs: u64,
    pub n_points: u64,
    pub n_problems: u64,
    /// Runs that are gone from the disk, as the watcher saw it.
    pub n_gone_runs: u64,
    pub n_gone_points: u64,
    /// All of the following.
    pub bytes: u64,
    pub points_bytes: u64,
    pub levels_bytes: u64,
    pub catalogue_bytes: u64,
    pub words_bytes: u64,
    pub other_bytes: u64,
    pub counts_bytes: u64,
}

/// Something that is forgotten just now.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ForgettingRow {
    pub name: String,
    pub n_runs: u64,
    pub n_left: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct CompactState {
    pub free_bytes: u64,
    /// In short steps, beside everything else; else the file is written anew once, and new points wait meanwhile.
    pub in_steps: bool,
    /// Bytes that must be free on the disk for it.
    pub needs_bytes: u64,
    /// Why it cannot be done now.
    pub refused: Option<String>,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StorageView {
    /// Our own folder.
    pub path: String,
    /// All that lies in it.
    pub bytes: u64,
    pub parts: Vec<RoomPart>,
    /// The largest first.
    pub projects: Vec<ProjectRoomRow>,
    pub forgetting: Vec<ForgettingRow>,
    pub compact: CompactState,
}

/// `work`: a number that the caller chose, to hear how far it is and to stop it.
#[derive(Clone, Debug, Default, Deserialize, TS)]
#[serde(default)]
pub struct StorageQuery {
    pub work: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ProjectStorageQuery {
    pub project: u32,
    #[serde(default)]
    pub work: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct TakenRow {
    pub name: String,
    pub n_points: u64,
    pub bytes: u64,
}

/// The twenty largest runs and metrics of a project.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ProjectStorage {
    pub n_runs: u64,
    pub n_metrics: u64,
    pub runs: Vec<TakenRow>,
    pub metrics: Vec<TakenRow>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ForgetQuery {
    pub project: u32,
    /// Only those of its runs that are gone from the disk.
    #[serde(default)]
    pub gone_only: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ForgetLine {
    pub what: String,
    pub n: Option<u64>,
    pub bytes: Option<u64>,
    pub why: Option<String>,
}

/// What forgetting would do. Nothing is done by asking for it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ForgetPlan {
    pub project: u32,
    pub gone_only: bool,
    pub name: String,
    pub path: String,
    pub open: bool,
    pub missing: bool,
    pub goes: Vec<ForgetLine>,
    /// Of what goes: what no folder has, so that it cannot be read again.
    pub lost: Vec<ForgetLine>,
    pub stays: Vec<ForgetLine>,
    /// What the person types, where something is lost.
    pub confirm: Option<String>,
    /// There is something that [`SaveWords`] would write.
    pub has_words: bool,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SaveWords {
    /// Suggested file name.
    pub name: String,
    pub project: u32,
}

/// Bytes on the disk before and after.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Compacted {
    pub before_bytes: u64,
    pub after_bytes: u64,
    /// Pages that were not given back: it was stopped.
    pub left_bytes: u64,
    /// Somebody still read what was: the file is cut with the next writing.
    pub is_later: bool,
}
