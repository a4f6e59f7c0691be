//! What a run logged beside numbers: where it lies. Its bytes stay in the tool's own files.

use serde::{Deserialize, Serialize};

/// What kind of thing was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    /// Edges and counts.
    Histogram,
    Text,
    /// Columns and rows, as JSON.
    Table,
    /// Plotly's JSON.
    Figure,
    Html,
    /// Of no kind that is drawn: a mesh, a molecule.
    Other,
}

impl MediaKind {
    pub const ALL: [MediaKind; 9] = [
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Audio,
        MediaKind::Histogram,
        MediaKind::Text,
        MediaKind::Table,
        MediaKind::Figure,
        MediaKind::Html,
        MediaKind::Other,
    ];

    /// The stable name, as in the store.
    pub fn name(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
            MediaKind::Histogram => "histogram",
            MediaKind::Text => "text",
            MediaKind::Table => "table",
            MediaKind::Figure => "figure",
            MediaKind::Html => "html",
            MediaKind::Other => "other",
        }
    }

    pub fn from_name(name: &str) -> Option<MediaKind> {
        MediaKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One picture, sound, histogram…
#[derive(Clone, Debug, PartialEq)]
pub struct MediaItem {
    pub kind: MediaKind,
    pub tag: String,
    pub step: i64,
    /// Unix seconds; NaN if unknown.
    pub time: f64,
    /// Of several under one tag at one step: which, from 0.
    pub index: u32,
    /// The writer's file that tells of it, as in [`crate::SeriesDelta::part`]: when that is replaced, it is gone.
    pub part: String,
    /// Where in that file the record begins that tells of it (and holds it, where `path` is empty).
    pub offset: u64,
    /// Its own file, relative to the source (`/` between parts); "" where the record holds it.
    pub path: String,
    /// The tool's words on it; may be empty.
    pub caption: String,
}
