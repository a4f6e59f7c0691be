//! Projects, what is being watched, preferences.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, TS)]
pub struct Project {
    pub id: u32,
    pub path: String,
    pub name: String,
    pub open: bool,
    pub demo: bool,
    /// The folder is not there now.
    pub missing: bool,
    /// Unix seconds.
    pub last_opened: f64,
    pub n_runs: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WatchMode {
    Notify,
    Polling,
    Mixed,
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Watching {
    pub project: u32,
    pub mode: WatchMode,
    /// Why it is polled, in a sentence.
    pub why: Option<String>,
    pub n_dirs: usize,
    pub n_sources: usize,
    pub scanning: bool,
    pub scanned_files: u64,
    pub read_bytes: u64,
    pub backlog_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StatusLine {
    pub projects: Vec<Watching>,
    pub points_per_second: f64,
    pub n_points: u64,
    pub n_live: usize,
    pub n_problems: usize,
    pub jobs: Vec<Job>,
    pub cpu_percent: f64,
    pub memory_bytes: u64,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Job {
    pub id: u32,
    pub name: String,
    pub project: Option<u32>,
    pub done: u64,
    pub total: Option<u64>,
    pub unit: String,
    pub can_stop: bool,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct About {
    pub version: String,
    pub data_dir: String,
    /// The shell can ask with the system's own dialogs.
    pub can_dialog: bool,
    pub demo_path: Option<String>,
    /// The user's home folder, which the page writes as `~`.
    pub home: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PickedPath {
    pub path: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PrefValue {
    #[ts(type = "unknown")]
    pub value: serde_json::Value,
}

#[derive(Clone, Debug, Default, Deserialize, TS)]
pub struct Empty {}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct FolderPath {
    pub path: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfProject {
    pub project: u32,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct GetPref {
    pub key: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SetPref {
    pub key: String,
    #[ts(type = "unknown")]
    pub value: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfJob {
    pub id: u32,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ProblemsQuery {
    pub project: Option<u32>,
    pub limit: usize,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ProblemsPage {
    pub total: usize,
    pub rows: Vec<ProblemRow>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct RunName {
    pub id: u32,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ProblemRow {
    pub project: u32,
    pub path: String,
    pub offset: Option<u64>,
    pub kind: String,
    pub message: String,
    pub first_seen: f64,
    pub runs: Vec<RunName>,
}
