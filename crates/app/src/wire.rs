//! What crosses to the page: wire types, not domain types. `wire::typescript()` prints their TypeScript,
//! which is committed as `ui/src/lib/host/wire.ts` and checked for freshness by a test.
//!
//! Numbers that JSON cannot hold cross as the strings "NaN", "Infinity", "-Infinity" ([`Cell`]).

mod code;
mod console;
mod data;
mod lineage;
mod media;
mod policy;
mod project;
mod promotion;
mod run;
mod secrets;
mod storage;
mod table;
mod typescript;

pub use code::*;
pub use console::*;
pub use data::*;
pub use lineage::*;
pub use media::*;
pub use policy::*;
pub use project::*;
pub use promotion::*;
pub use run::*;
pub use secrets::*;
pub use storage::*;
pub use table::*;
pub use typescript::typescript;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What an error means to the caller. Closed: the page branches on it, never on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    NotFound,
    BadFilter,
    BadRequest,
    StoreNewer,
    Store,
    Unreadable,
    Refused,
    /// Nobody has allowed it yet.
    NotAllowed,
    /// A system elsewhere, or a program beside us, did not do its part.
    Remote,
    Internal,
}

/// A place in a filter's text, in UTF-16 units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Place {
    pub start: usize,
    pub end: usize,
}

/// An error at the edge: what was lost, and the next action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    pub code: ErrorCode,
    pub message: String,
    pub hint: Option<String>,
    pub detail: Option<Place>,
    /// What has to be allowed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub models: Option<AllowModels>,
}

impl CallError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, detail: None, models: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<signalbox_store::StoreError> for CallError {
    fn from(e: signalbox_store::StoreError) -> Self {
        let code = match e {
            signalbox_store::StoreError::Newer { .. } => ErrorCode::StoreNewer,
            _ => ErrorCode::Store,
        };
        let hint = Some(e.hint().to_owned());
        CallError { code, message: sentence(&e.to_string()), hint, detail: None, models: None }
    }
}

/// Errors of the crates below begin small and end open; a person reads sentences.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    let head: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{head}{}.", chars.as_str())
}

/// A value in a table: a number, a text, nothing, or a number's name where JSON has none for it.
#[derive(Clone, Debug, PartialEq, TS)]
#[ts(type = "string | number | null")]
pub enum Cell {
    None,
    Number(f64),
    Text(String),
}

impl Cell {
    pub fn number(x: Option<f64>) -> Cell {
        x.map_or(Cell::None, Cell::Number)
    }
}

impl Serialize for Cell {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::None => s.serialize_none(),
            Cell::Text(t) => s.serialize_str(t),
            Cell::Number(x) => match signalbox_types::number_json(*x) {
                Some(name) => s.serialize_str(name),
                None => s.serialize_f64(*x),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match serde_json::Value::deserialize(d)? {
            serde_json::Value::Null => Cell::None,
            serde_json::Value::Number(n) => Cell::Number(n.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(t) => Cell::Text(t),
            other => return Err(serde::de::Error::custom(format!("{other} is no cell"))),
        })
    }
}

/// News for the page, coalesced to the screen's rate. It says what changed, not how: the page asks again
/// for what it shows.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// `changed: null` means many.
    Runs {
        project: u32,
        version: u32,
        changed: Option<Vec<u32>>,
    },
    /// Points arrived. An empty `metrics` means many.
    Series {
        project: u32,
        runs: Vec<u32>,
        metrics: Vec<String>,
    },
    Status {
        status: StatusLine,
    },
    Projects,
    Problems {
        project: u32,
    },
    /// Show this project: it came by the command line, a drop or a second instance.
    Open {
        project: u32,
    },
    /// A profile or a comparison goes on: so many columns are done.
    Work {
        work: u32,
        done: usize,
        of: usize,
    },
    /// A monitor over data got further, or the list of them changed.
    Data {
        project: u32,
        name: String,
    },
    /// What a monitor watches has moved.
    Alert {
        project: u32,
        name: String,
        message: String,
        hint: String,
    },
    /// A promotion got further.
    Promotion {
        plan: String,
    },
    Notice {
        level: Level,
        message: String,
        hint: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warn,
    Error,
}
