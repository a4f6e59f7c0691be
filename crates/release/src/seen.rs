//! What was observed elsewhere. Always read anew, never remembered as the truth.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::{AliasName, Digest, ModelName, ServiceName, VersionName, VersionRef};

/// A registered model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub name: ModelName,
    pub aliases: Vec<(AliasName, VersionName)>,
    pub description: Option<String>,
    pub raw: Value,
}

/// A version of a registered model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub at: VersionRef,
    pub state: VersionState,
    /// The registry's id of the run that made it.
    pub run: Option<String>,
    /// Where its artifact lies, as the registry says.
    pub source: Option<String>,
    pub made_unix_ms: Option<i64>,
    pub made_by: Option<String>,
    pub tags: Vec<(String, String)>,
    pub raw: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    Pending,
    Ready,
    Failed(String),
    /// Signalbox registered it for a plan that was rolled back.
    Withdrawn,
}

/// What an alias points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pointer {
    pub to: Option<VersionName>,
    /// Who moved it last, and when, where the registry keeps that.
    pub moved_by: Option<String>,
    pub moved_unix_ms: Option<i64>,
    pub raw: Value,
}

/// What a target serves under one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    pub service: ServiceName,
    pub phase: Phase,
    /// All that is loaded for the service, with its share of the traffic.
    pub loaded: Vec<Served>,
    /// What another does to it just now.
    pub foreign: Option<String>,
    pub raw: Value,
}

/// One version at a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// None: something that no registry that we know tells of.
    pub version: Option<VersionRef>,
    /// What the target itself calls it.
    pub label: String,
    /// Percent of the requests that come for the service.
    pub share: u8,
    pub ready: bool,
    pub identity: Identity,
    pub since_unix_ms: Option<i64>,
}

/// How sure it is that what is served is the version that is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The target names a digest that is the version's.
    Proven(Digest),
    /// The target names the version; nothing shows that it is so.
    Claimed,
    Unknown,
}

/// For colours; the target's own words are in `raw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Absent,
    Starting,
    Serving,
    Degraded,
    Failed,
    Unknown,
}

impl Observed {
    /// The version that takes requests; None where nothing does, or several do.
    pub fn live(&self) -> Option<&Served> {
        self.loaded.iter().find(|served| served.share == 100)
    }

    /// The version among what is loaded.
    pub fn of(&self, version: &VersionRef) -> Option<&Served> {
        self.loaded.iter().find(|served| served.version.as_ref().is_some_and(|at| at.is(version)))
    }
}

/// An answer to a prediction request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub body: Value,
    /// The version that the answer names.
    pub by: Option<String>,
    pub took_ms: f64,
}

/// How a version fared over a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    pub n_requests: u64,
    pub n_errors: u64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    /// Where the figures come from.
    pub source: String,
}
