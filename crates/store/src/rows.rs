//! What readers of the store get: plain rows without invariants.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use signalbox_types::{
    DatasetRef, Format, Lifecycle, MetricId, ModelRef, ParamValue, Points, Problem, ProjectId, RunId, SourceId, Status,
};

/// A folder that is or was watched.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub path: PathBuf,
    /// Unix seconds.
    pub added: f64,
    pub last_opened: f64,
    /// Those that were there when it was last watched.
    pub n_runs: u64,
}

/// A format at a path inside a project.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRow {
    pub id: SourceId,
    pub project: ProjectId,
    pub format: Format,
    /// Below the project; empty for the project's folder itself.
    pub rel: PathBuf,
    pub gone: bool,
    /// Bytes read of it so far.
    pub n_bytes: u64,
}

/// A run with everything that the table shows.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub id: RunId,
    pub source: SourceId,
    pub key: String,
    pub name: Option<String>,
    pub status: Status,
    /// Unix seconds, as its source says.
    pub started: Option<f64>,
    pub ended: Option<f64>,
    pub parent_key: Option<String>,
    pub experiment: Option<String>,
    pub user: Option<String>,
    pub lifecycle: Lifecycle,
    pub artifact_root: Option<String>,
    pub pid: Option<u32>,
    /// Unix seconds by our clock.
    pub first_seen: f64,
    /// Unix seconds by our clock at the last commit with news of it.
    pub last_change: f64,
    /// Where "relative" time begins: the time of the run's first point; `None` before one with a time came.
    pub first_time: Option<f64>,
    /// Its source, or the run inside of it, is no longer there.
    pub gone: bool,
    pub params: Vec<(String, ParamValue)>,
    pub tags: Vec<(String, String)>,
    pub annotation: Option<Annotation>,
    /// By metric id.
    pub metrics: Vec<MetricSummary>,
}

/// Our own words on a run. Kept by project, source path and run key: they survive a re-read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotation {
    pub name: Option<String>,
    pub color: Option<u32>,
    pub hidden: bool,
    pub pinned: bool,
    pub tags: Vec<String>,
    pub note: String,
}

/// What is known of one metric of one run without reading its points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricSummary {
    pub metric: MetricId,
    /// Every point that was logged, over all parts.
    pub n: u64,
    /// The smallest step of the line.
    pub first_step: i64,
    /// The greatest step of the line, and the last writer's value and time at it.
    pub last_step: i64,
    pub last: f64,
    pub last_time: f64,
    /// Time of the first point that was written; NaN if unknown.
    pub first_time: f64,
    /// Over the finite values of all points; NaN if there is none.
    pub min: f64,
    pub max: f64,
    /// Where they were reached first.
    pub min_step: i64,
    pub max_step: i64,
    pub n_nan: u64,
    pub n_pos_inf: u64,
    pub n_neg_inf: u64,
    /// How often a step did not follow its predecessor.
    pub n_rewinds: u32,
    /// A restart took every point off the line: `first_step`, `last…` are then those of the last point written.
    pub line_empty: bool,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemRow {
    pub source: SourceId,
    pub problem: Problem,
    /// Unix seconds by our clock.
    pub first_seen: f64,
}

/// A model that a source tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRow {
    pub source: SourceId,
    /// The run that made it, if it is known to us.
    pub run: Option<RunId>,
    pub model: ModelRef,
}

/// A data set of a run.
pub type DatasetRow = DatasetRef;

/// Every point of one metric of one run that one writer wrote, in writing order.
#[derive(Clone, Debug, PartialEq)]
pub struct PartPoints {
    pub part: String,
    pub points: Points,
}

/// What a commit changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// What the next commit of this source must expect.
    pub generation: u64,
    /// Runs with any news, the new ones included; ascending.
    pub runs: Vec<RunId>,
    pub new_runs: Vec<RunId>,
    /// Series with new points; ascending.
    pub series: Vec<(RunId, MetricId)>,
    pub n_points: u64,
    pub problems_changed: bool,
    pub models_changed: bool,
}

/// One source's news for `Store::commit_many`.
#[derive(Clone, Copy, Debug)]
pub struct SourceCommit<'a> {
    pub source: SourceId,
    pub expected_generation: u64,
    /// Applied in order.
    pub batches: &'a [signalbox_types::Batch],
    pub cursor: &'a signalbox_types::Cursor,
}

/// Whose points are drawn, and under which run's id: of a run that several records tell of, one holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub record: RunId,
    pub shown: RunId,
}

impl From<RunId> for Drawn {
    fn from(run: RunId) -> Drawn {
        Drawn { record: run, shown: run }
    }
}

/// What a chart asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameQuery {
    pub project: ProjectId,
    pub metric: String,
    pub runs: Vec<Drawn>,
    pub axis: signalbox_series::Axis,
    /// The visible range in the axis' own unit; `None` for the end of the data.
    pub x0: Option<f64>,
    pub x1: Option<f64>,
    /// Pixels.
    pub width: u32,
    pub smooth: signalbox_series::Smooth,
}
