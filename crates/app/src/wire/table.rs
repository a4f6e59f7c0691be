//! The runs table: columns, queries, pages, and the filter's helpers.

use super::{CallError, Cell};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Which number of a metric a column shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    #[default]
    Last,
    Best,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    Attr,
    Param,
    Tag,
    Metric,
}

/// A column that can be shown. `key` is `attr:<name>`, `param:<name>`, `tag:<name>` or `metric:<name>`.
#[derive(Clone, Debug, Serialize, TS)]
pub struct ColumnInfo {
    pub key: String,
    pub kind: ColumnKind,
    pub name: String,
    pub title: String,
    pub numeric: bool,
    /// How many runs have it.
    pub n_runs: usize,
    /// How many values it takes, counted to 1,000.
    pub distinct: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct ColumnRef {
    pub key: String,
    pub stat: Option<Stat>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct SortKey {
    pub column: ColumnRef,
    pub descending: bool,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct TableQuery {
    pub project: u32,
    pub filter: String,
    pub sort: Vec<SortKey>,
    pub columns: Vec<ColumnRef>,
    pub offset: usize,
    pub limit: usize,
    pub show_deleted: bool,
    pub show_hidden: bool,
}

/// What a run is doing, as far as can honestly be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Moving, or its process is alive.
    Running,
    /// Its source says running, but nothing shows life.
    Silent,
    Scheduled,
    Finished,
    Failed,
    Killed,
    /// No word on how it ended.
    Stopped,
}

impl RunState {
    pub fn name(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Silent => "silent",
            RunState::Scheduled => "scheduled",
            RunState::Finished => "finished",
            RunState::Failed => "failed",
            RunState::Killed => "killed",
            RunState::Stopped => "stopped",
        }
    }
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct TableRow {
    pub id: u32,
    pub name: String,
    /// Index into the ten run colours.
    pub color: u8,
    /// Dash pattern, 0 is solid: colours repeat with another dash.
    pub dash: u8,
    pub status: RunState,
    pub hidden: bool,
    pub pinned: bool,
    /// The user's own.
    pub tags: Vec<String>,
    pub has_note: bool,
    pub n_problems: usize,
    /// Its files are no longer there.
    pub gone: bool,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct TablePage {
    /// Changes whenever the project's runs do.
    pub version: u32,
    pub total: usize,
    pub matched: usize,
    pub offset: usize,
    pub rows: Vec<TableRow>,
    /// For each column of the query: no run that matches, on whatever page, has a value in it.
    pub empty: Vec<bool>,
    /// The filter was not understood; the page then holds the rows that no filter would hide.
    pub filter_error: Option<CallError>,
    /// The filter was understood and matches nothing: a name in it that no run has, for a person.
    pub filter_hint: Option<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct IdsQuery {
    pub project: u32,
    pub filter: String,
    pub sort: Vec<SortKey>,
    pub show_deleted: bool,
    pub show_hidden: bool,
    pub limit: usize,
}

/// Runs in table order, as parallel lists.
#[derive(Clone, Debug, Default, Serialize, TS)]
pub struct Ids {
    pub ids: Vec<u32>,
    pub colors: Vec<u8>,
    pub dashes: Vec<u8>,
    pub names: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct FilterText {
    pub project: u32,
    pub filter: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct FilterCheck {
    pub ok: bool,
    pub error: Option<CallError>,
    pub matched: usize,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct CompleteQuery {
    pub project: u32,
    pub filter: String,
    /// In UTF-16 units.
    pub caret: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CompletionKind {
    Field,
    Operator,
    Value,
    Keyword,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct Completion {
    pub text: String,
    pub kind: CompletionKind,
    pub detail: String,
    /// What it replaces, in UTF-16 units.
    pub from: usize,
    pub to: usize,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct MetricsQuery {
    pub project: u32,
    /// Only metrics of these runs; null for all.
    pub runs: Option<Vec<u32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    Min,
    Max,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MetricInfo {
    pub name: String,
    pub n_runs: usize,
    pub n_points: u64,
    /// "train" of "train/loss"; "" without.
    pub prefix: String,
    /// Which way is better, where the name tells.
    pub goal: Option<Goal>,
}
