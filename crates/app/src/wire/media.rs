//! What a run logged beside numbers.

use serde::{Deserialize, Serialize};
use signalbox_types::MediaKind;
use ts_rs::TS;

/// What a run logged under one tag.
#[derive(Clone, Debug, Serialize, TS)]
pub struct MediaTagRow {
    /// Names it in the other calls.
    pub tag: i64,
    #[ts(
        type = "\"image\" | \"video\" | \"audio\" | \"histogram\" | \"text\" | \"table\" | \"figure\" | \"html\" | \"other\""
    )]
    pub kind: MediaKind,
    pub name: String,
    pub n: u64,
    pub first_step: i64,
    pub last_step: i64,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfMediaTag {
    pub tag: i64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MediaItems {
    /// By step; thinned out evenly where there are very many.
    pub items: Vec<MediaEntry>,
    /// How many there are.
    pub n: u64,
}

/// One item; `step`, `part`, `index` and `offset` name it.
#[derive(Clone, Debug, Serialize, TS)]
pub struct MediaEntry {
    pub step: i64,
    /// Unix seconds.
    pub time: Option<f64>,
    pub part: i64,
    pub index: u32,
    pub offset: u64,
    pub caption: String,
    /// Its own file, relative to the run; "" where it stands among the records.
    pub path: String,
}

/// The blob "media": the item's bytes as its writer encoded them.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct MediaBlob {
    pub tag: i64,
    pub step: i64,
    pub part: i64,
    pub index: u32,
    pub offset: u64,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct MediaTextsQuery {
    pub tag: i64,
    pub offset: usize,
    pub limit: usize,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct MediaText {
    pub step: i64,
    /// Unix seconds.
    pub time: Option<f64>,
    pub text: String,
    /// Why it cannot be shown.
    pub fault: Option<String>,
}

/// Histograms over steps, in even bins from `low` to `high`.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Histograms {
    pub steps: Vec<i64>,
    pub low: f64,
    pub high: f64,
    /// By step, then by bin.
    pub counts: Vec<Vec<f64>>,
    /// How many there are; evenly chosen ones are here.
    pub n: u64,
    /// Why some cannot be shown.
    pub fault: Option<String>,
}
