//! What a reader hands on: everything new since its last cursor, to be committed together with the next one.

use crate::{Lifecycle, MediaItem, ParamValue, Points, Problem, Status};

/// Where a reader stands, in its own words (JSON): kept by the store, given back on reopening.
/// Opaque to everyone but the reader; a cursor that a reader cannot understand means "read anew".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub String);

/// News from one source.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub runs: Vec<RunDelta>,
    /// Registered models and versions, as far as the source tells (MLflow registries). Replaces what the
    /// source said before when `Some`.
    pub models: Option<Vec<ModelRef>>,
    /// New problems.
    pub problems: Vec<Problem>,
    /// Paths (as in `Problem::path`) whose earlier problems no longer hold: the file was replaced or healed.
    pub healed: Vec<String>,
    /// Native keys of runs that are gone from the source (rows or directories removed).
    pub gone: Vec<String>,
    /// How many bytes were read to make this batch (of the source's files, pages for SQLite are not counted).
    pub bytes_read: u64,
    /// How many points it holds.
    pub n_points: u64,
}

/// News of one run. A field that is `None` or empty says nothing new.
#[derive(Clone, Debug, Default)]
pub struct RunDelta {
    /// The run within its source: MLflow's run id, or "" where the source is one run.
    pub key: String,
    /// Forget every point, param and tag that this source told of this run before: its file was replaced.
    pub reset: bool,
    pub head: RunHead,
    /// Set or replaced, by name.
    pub params: Vec<(String, ParamValue)>,
    /// Set or replaced, by name.
    pub tags: Vec<(String, String)>,
    /// Appended; what has the same tag, step, part, index and offset as another is the same.
    pub media: Vec<MediaItem>,
    /// Parts whose media told before are to be forgotten: the files were replaced. Goes before `media`.
    pub media_reset: Vec<String>,
    /// Set or replaced, by (name, digest).
    pub datasets: Vec<DatasetRef>,
    /// Appended.
    pub series: Vec<SeriesDelta>,
    /// "What earlier parts said from this step on no longer counts" (TensorBoard's SessionLog START).
    pub purges: Vec<PurgeMark>,
}

/// The run's head data; `None` means "no news", `Some(None)` means "known to be absent".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunHead {
    pub name: Option<String>,
    pub status: Option<Status>,
    /// Unix seconds.
    pub started: Option<f64>,
    /// Unix seconds.
    pub ended: Option<Option<f64>>,
    /// The parent's native key, in the same source (for MLflow: in the same store).
    pub parent: Option<String>,
    pub experiment: Option<String>,
    pub user: Option<String>,
    pub lifecycle: Option<Lifecycle>,
    /// Where artifacts lie, relative to the project (`/` between parts), if they lie inside of it.
    pub artifact_root: Option<String>,
    /// The writing process on this host, where the format tells it and the host name is ours.
    pub pid: Option<u32>,
}

/// New points of one metric.
#[derive(Clone, Debug, Default)]
pub struct SeriesDelta {
    pub metric: String,
    /// The writer's file within the source, "" where there is one only. Parts are ordered by name:
    /// of two points with one step, the later part's counts; within a part, the later written.
    pub part: String,
    pub points: Points,
    /// Forget what this part held before: the file was replaced by another.
    pub reset: bool,
}

/// See `RunDelta::purges`. Applies to parts before `part`, and to points of `part` written before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeMark {
    pub part: String,
    pub step: i64,
}

/// A data set that a run was given (MLflow's dataset inputs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetRef {
    pub name: String,
    pub digest: String,
    /// Such as "training"; "" if the tool does not say.
    pub context: String,
    /// The tool's own words: source type and source, as JSON or text.
    pub source: String,
    /// Schema or profile, as the tool's JSON; "" if absent.
    pub schema: String,
}

/// A model that a source tells of: logged by a run, or a version in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub name: String,
    /// The registry's version number; "" for a logged model that is not registered.
    pub version: String,
    /// Native key of the run that made it, "" if unknown.
    pub run: String,
    /// Stage as the registry says ("Production", "None"), "" if it has none.
    pub stage: String,
    /// Aliases that point to this version.
    pub aliases: Vec<String>,
    /// Where the files are, in the tool's own words.
    pub source: String,
    /// READY, PENDING_REGISTRATION and the like; "" if the tool does not say.
    pub status: String,
    /// Unix seconds, NaN if unknown, as bits: equality is exact.
    pub created_unix_ms: i64,
}
