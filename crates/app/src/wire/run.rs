//! One run: its page, its artifacts, the user's own words on it, exports and frames.

use super::{Cell, MediaTagRow, ProblemRow, RunName, TableRow};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfRun {
    pub run: u32,
}

/// Runs that are one training.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct JoinRuns {
    pub project: u32,
    pub runs: Vec<u32>,
}

/// A record that is a run of its own.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct SplitRun {
    pub project: u32,
    pub record: u32,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct RunDetail {
    pub id: u32,
    pub row: TableRow,
    pub project: u32,
    /// The run's own id: MLflow's run id, or the path of its record.
    pub key: String,
    pub path: String,
    pub source_format: String,
    pub source_title: String,
    /// Unix seconds.
    pub started: Option<f64>,
    pub ended: Option<f64>,
    pub last_change: f64,
    pub duration: Option<f64>,
    pub experiment: Option<String>,
    pub user: Option<String>,
    pub parent: Option<RunName>,
    pub children: Vec<RunName>,
    pub params: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
    pub own: Annotation,
    pub metrics: Vec<MetricRow>,
    pub datasets: Vec<Dataset>,
    pub models: Vec<ModelRow>,
    /// What it logged beside numbers, by kind and name.
    pub media: Vec<MediaTagRow>,
    pub sources: Vec<RunSource>,
    pub problems: Vec<ProblemRow>,
    pub artifact_root: Option<String>,
    /// What the state rests on, in a sentence.
    pub state_why: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MetricRow {
    pub name: String,
    pub n: u64,
    pub last: Cell,
    pub last_step: i64,
    pub best: Cell,
    pub best_step: Option<i64>,
    pub min: Cell,
    pub min_step: Option<i64>,
    pub max: Cell,
    pub max_step: Option<i64>,
    pub n_nan: u64,
    pub n_pos_inf: u64,
    pub n_neg_inf: u64,
    pub n_rewinds: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub context: String,
    pub source: String,
    pub schema: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ModelRow {
    pub name: String,
    pub version: String,
    pub stage: String,
    pub aliases: Vec<String>,
    pub run: Option<u32>,
    pub status: String,
    pub source: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct RunSource {
    /// The record's id: of a run that several tools recorded each has one.
    pub run: u32,
    pub format: String,
    pub title: String,
    pub path: String,
    /// Why it is one run with the first, as a clause; `null` for the first.
    pub why: Option<String>,
    pub n_metrics: usize,
    /// What it says otherwise than the run's page, a sentence each.
    pub differs: Vec<String>,
    pub files: Vec<SourceFile>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct SourceFile {
    pub path: String,
    pub bytes: u64,
}

/// The user's own words on a run; kept in our store, never in the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Annotation {
    pub name: Option<String>,
    pub color: Option<u8>,
    pub hidden: bool,
    pub pinned: bool,
    pub tags: Vec<String>,
    pub note: String,
}

/// A change of annotations: what is absent stays as it is; `null` takes a name or colour back.
#[derive(Clone, Debug, Default, Deserialize, TS)]
pub struct Annotate {
    pub runs: Vec<u32>,
    #[serde(default, deserialize_with = "present")]
    #[ts(optional, type = "string | null")]
    pub name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[ts(optional, type = "number | null")]
    pub color: Option<Option<u8>>,
    #[serde(default)]
    #[ts(optional)]
    pub hidden: Option<bool>,
    #[serde(default)]
    #[ts(optional)]
    pub pinned: Option<bool>,
    #[serde(default)]
    #[ts(optional)]
    pub add_tags: Option<Vec<String>>,
    #[serde(default)]
    #[ts(optional)]
    pub remove_tags: Option<Vec<String>>,
    #[serde(default)]
    #[ts(optional)]
    pub note: Option<String>,
}

/// Tells `null` (take it back) from absent (leave it).
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ArtifactsQuery {
    pub run: u32,
    /// Below the run's artifact root, `/` between parts; "" for the root.
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    Text,
    Json,
    Csv,
    Image,
    Other,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ArtifactEntry {
    pub path: String,
    pub name: String,
    pub is_dir: bool,
    pub bytes: u64,
    pub kind: ArtifactKind,
}

/// The blob "artifact": a file's first `max_bytes` bytes.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct ArtifactBlob {
    pub run: u32,
    pub path: String,
    pub max_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum XAxis {
    #[default]
    Step,
    /// Seconds since the run's first point.
    Relative,
    /// Unix seconds.
    Wall,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SmoothKind {
    #[default]
    None,
    /// Debiased exponential moving average; amount is the weight, 0 to 0.999.
    Ema,
    /// Amount is sigma in points.
    Gaussian,
    /// Amount is the window in points.
    Mean,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct Smooth {
    pub kind: SmoothKind,
    pub amount: f64,
}

/// What a chart asks for; the answer is a binary frame (crates/series, `frame`).
#[derive(Clone, Debug, Deserialize, TS)]
pub struct FrameArgs {
    pub project: u32,
    pub metric: String,
    pub runs: Vec<u32>,
    pub x: XAxis,
    pub x0: Option<f64>,
    pub x1: Option<f64>,
    /// Device pixels of the plot area.
    pub width: u32,
    pub smooth: Smooth,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ExportCsv {
    pub project: u32,
    pub runs: Vec<u32>,
    /// Empty: all.
    pub metrics: Vec<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ExportedText {
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    Csv,
    Svg,
    Png,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SaveExport {
    /// Suggested file name.
    pub name: String,
    pub format: ExportFormat,
    pub project: u32,
    pub runs: Vec<u32>,
    pub metrics: Vec<String>,
    pub x: XAxis,
    pub smooth: Smooth,
    pub log_y: bool,
    pub dark: bool,
}
