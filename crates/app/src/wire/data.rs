//! Data files and the monitors over them.

use super::ExportFormat;
use serde::{Deserialize, Serialize};
use signalbox_drift::monitor::{Definition, Timeline};
use signalbox_drift::read::Problem;
use signalbox_drift::rules::{Checked, Rules};
use std::collections::BTreeMap;
use ts_rs::TS;

/// A data file of a project, or a folder of files of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct DataSource {
    pub project: u32,
    /// Relative to the project.
    pub path: String,
    pub is_folder: bool,
    pub n_files: usize,
    pub bytes: u64,
    /// Runs that were given it, the newest first.
    pub runs: Vec<SourceRun>,
    /// What DVC keeps of it.
    pub dvc: Option<DvcOut>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct SourceRun {
    pub run: u32,
    pub name: String,
    /// Such as "training"; empty if nothing was said.
    pub context: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct DvcOut {
    pub md5: Option<String>,
    /// As many bytes as when DVC took it in; null where that is not known, as of folders. DVC's own `status` tells more.
    pub is_same_size: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MonitorState {
    /// The reference is being read.
    Freezing,
    /// Files are being read.
    Reading,
    /// All there is has been read; changes are waited for.
    Watching,
    /// The person has not said yet that its engine may be asked.
    Asking,
    /// It cannot be; `trouble` says why.
    Failed,
}

/// Something has moved, and nobody has said yet that it is known.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct DataAlert {
    /// Hours since 1970 (UTC), of the bucket in which it was seen first without a break since.
    pub since: i64,
    pub columns: Vec<String>,
    pub says: String,
    /// A person has said that it is known.
    pub acknowledged: bool,
    /// Unix seconds, until when nothing is said of it.
    pub snoozed_until: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct MonitorRow {
    pub project: u32,
    pub name: String,
    pub definition: Definition,
    /// It stands in the project's signalbox.toml; else in Signalbox alone.
    pub in_policy: bool,
    pub state: MonitorState,
    pub trouble: Option<String>,
    pub files_done: usize,
    pub files: usize,
    pub rows: u64,
    /// Places that could not be read.
    pub n_lost: usize,
    pub alert: Option<DataAlert>,
    /// Whether there were rows enough to say that something has moved, or has not.
    pub judged: bool,
    /// `null`: it watches files.
    pub table: Option<WatchedTable>,
}

/// A table that a monitor has counted where it lies.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct WatchedTable {
    /// Postgres, ClickHouse, Spark Connect.
    pub engine: String,
    /// Host, port and database, for a person.
    pub at: String,
    /// Whether what is sent is sealed, or stays on this machine.
    pub is_private: bool,
    /// Whose password it would be given: where it comes from. `null`: none is known.
    pub credential: Option<String>,
    /// Unix seconds of the last answer.
    pub asked: Option<f64>,
    pub every_minutes: u32,
}

/// The person allows to ask an engine for counts of a project's monitors.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct AllowEngine {
    pub project: u32,
    /// As the definition has it, to the letter.
    pub url: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct LookAgain {
    pub project: u32,
    pub name: String,
    /// Of a table: not its last hours alone.
    pub all: bool,
}

/// A monitor that would fit what lies in a project.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct SuggestedMonitor {
    pub project: u32,
    pub name: String,
    pub definition: Definition,
    /// Why, in a sentence.
    pub because: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct DataOverview {
    pub sources: Vec<DataSource>,
    pub monitors: Vec<MonitorRow>,
    pub suggested: Vec<SuggestedMonitor>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfMonitor {
    pub project: u32,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct MonitorQuery {
    pub project: u32,
    pub name: String,
    /// One segment; all if none.
    #[serde(default)]
    pub segment: Option<String>,
    /// Of a bucket; chosen if none.
    #[serde(default)]
    pub hours: Option<i64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MonitorView {
    pub row: MonitorRow,
    /// `null` until the reference is read.
    pub timeline: Option<Timeline>,
    /// The reference by its content.
    pub digest: Option<String>,
    pub reference_rows: u64,
    /// How sure a drift has to be, and what counts as an effect.
    pub rule: signalbox_drift::verdict::Rule,
    pub problems: Vec<Problem>,
    /// Rows without a time.
    pub n_timeless: u64,
    pub n_labels: u64,
    /// How much the model turns on each column, of 1 together; empty where nothing tells it.
    pub importance: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct WindowQuery {
    pub project: u32,
    pub name: String,
    #[serde(default)]
    pub segment: Option<String>,
    /// Hours since 1970 (UTC).
    pub from: i64,
    /// Not within.
    pub till: i64,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SaveMonitor {
    pub project: u32,
    pub name: String,
    pub definition: Definition,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct AckAlert {
    pub project: u32,
    pub name: String,
    /// Unix seconds: say nothing until then. None: it is known, say nothing until something else moves.
    #[serde(default)]
    pub until: Option<f64>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfPath {
    pub project: u32,
    /// Relative to the project.
    pub path: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ProfileQuery {
    /// Chosen by who asks: it is told how far it is by this number, and may stop it.
    #[serde(default)]
    pub work: Option<u32>,
    pub project: u32,
    /// Relative to the project.
    pub path: String,
    #[serde(default)]
    pub target: Option<String>,
    #[serde(default)]
    pub test: Option<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct DriftQuery {
    /// As a profile's.
    #[serde(default)]
    pub work: Option<u32>,
    pub project: u32,
    pub reference: String,
    pub current: String,
    /// Besides our own.
    #[serde(default)]
    pub methods: Vec<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MethodInfo {
    pub name: String,
    pub says: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct RulesQuery {
    pub project: u32,
    /// The monitor's.
    pub name: String,
    /// What the reference keeps, even where the team has written rules.
    #[serde(default)]
    pub learn: bool,
    /// Which of the monitor's files, relative to the project; the newest if nothing is said.
    #[serde(default)]
    pub path: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RulesFrom {
    /// `signalbox.toml`.
    Team,
    /// The reference keeps them.
    Reference,
}

/// Rules for a monitor's data, and how a file of it keeps them.
#[derive(Clone, Debug, Serialize, TS)]
pub struct RulesView {
    pub from: RulesFrom,
    /// As they stand in `signalbox.toml`: what is not asked is not there.
    #[ts(type = "Record<string, unknown>")]
    pub rules: Rules,
    /// Relative to the project, by name; the newest are last.
    pub files: Vec<String>,
    /// None: there is no file yet.
    pub checked: Option<Checked>,
    /// Of the reference, where the rules were learnt.
    pub problems: Vec<Problem>,
}

/// Of a profile or a comparison that is being made.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfWork {
    pub work: u32,
}

/// Which of a monitor's charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DriftChart {
    /// A column's effect over time.
    Column,
    /// A column's distribution in a window, over the reference's.
    Shape,
    Quality,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SaveDrift {
    /// Suggested file name.
    pub name: String,
    pub format: ExportFormat,
    pub what: DriftChart,
    pub project: u32,
    pub monitor: String,
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub segment: Option<String>,
    /// Of a bucket.
    #[serde(default)]
    pub hours: Option<i64>,
    /// A window, hours since 1970 (UTC); all of the time if nothing is said.
    #[serde(default)]
    pub from: Option<i64>,
    #[serde(default)]
    pub till: Option<i64>,
    pub dark: bool,
}
