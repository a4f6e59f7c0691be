//! A model's training data, and what it has seen since, hour by hour.
//!
//! The reference is frozen once: its columns, their bins and levels, and what lies in them. Each file of the current data
//! is read once and becomes cells, one for each hour and segment, of counts on the frozen bins. Counts add up: any stretch
//! of time is a sum of cells, and nothing is read again for it. A file that is rewritten replaces its cells; rows that come
//! late are in their hour's.

mod bands;
mod baseline;
mod cell;
mod fill;
mod frozen;
mod labels;
mod quality;
mod timeline;
mod window;

pub use baseline::Baseline;
pub use cell::{Cell, CellColumn, FileCells};
pub use fill::{fill_file, time_column};
pub use frozen::{Bins, FrozenColumn, Reference};
pub use labels::Labels;
pub(crate) use labels::Texts;
pub use quality::{QualityCell, Task};
pub use timeline::{
    Band, Bucket, Cells, ColumnLine, FairMetric, Fairness, GroupRate, Point, QualityPoint, Timeline, of_quality,
    timeline,
};
pub use window::{ColumnWindow, Window, window};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is watched: paths are relative to the project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(rename = "MonitorDefinition")]
pub struct Definition {
    /// What the model was trained on: a file or a folder.
    pub reference: String,
    /// What it has seen since: a file or a folder.
    pub current: String,
    /// The column of the time of each row; found by itself if there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The column by which rows are told apart besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Columns that are not watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// What the model said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
    /// How sure it was of the positive class, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// The class that `score` is of; of two classes the later one by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The column of the truth, in the reference and, where it comes along, in the current data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Labels that come later: a file or a folder with `id` and `label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// The column by which labels find their rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Attributes by which fairness is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Groups with fewer labelled rows are listed, not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_group: Option<u64>,
}

/// Seconds of an hour, the finest that is told apart.
pub const HOUR: i64 = 3600;
