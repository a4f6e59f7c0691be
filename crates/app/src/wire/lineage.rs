//! How a version was made, by whom it was let through, and where it is used; the journal's lines; dry runs; checks of
//! the audit. `None` is "not recorded": it is said, never left out.

use super::{Cell, Dataset, FailureView, PlanRow, RequestView, ServiceView, VerdictView};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Of what serves (`target`, `service`), or of a version (`model`, `version`, and `registry` where several have it).
#[derive(Clone, Debug, Default, Deserialize, TS)]
#[ts(optional_fields)]
pub struct LineageQuery {
    pub target: Option<String>,
    pub service: Option<String>,
    pub registry: Option<String>,
    pub model: Option<String>,
    pub version: Option<String>,
}

/// endpoint → version → run → code, data, environment, gates, people.
#[derive(Clone, Debug, Serialize, TS)]
pub struct LineageView {
    /// When it was gathered; Unix seconds, as all times here.
    pub at: f64,
    /// What was asked for, if it was a service.
    pub endpoint: Option<ServiceView>,
    pub version: LineageVersion,
    pub run: Option<LineageRun>,
    pub code: LineageCode,
    pub data: Vec<Dataset>,
    pub environment: LineageEnvironment,
    pub artifact: LineageArtifact,
    /// The plans that registered or promoted it, newest first.
    pub promotions: Vec<LineagePlan>,
    pub used: Vec<UseView>,
    pub people: Vec<PersonView>,
    /// Systems that did not tell: it may be used there too.
    pub unseen: Vec<FailureView>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct LineageVersion {
    pub registry: String,
    pub registry_title: String,
    pub model: String,
    pub version: String,
    /// `pending`, `ready`, `failed` or `withdrawn`.
    pub state: String,
    pub digest: Option<String>,
    pub made: Option<f64>,
    pub made_by: Option<String>,
    /// Where the registry says that its artifact lies.
    pub source: Option<String>,
    /// The registry's, or the promotion's, word for the run that made it.
    pub run: Option<String>,
    pub tags: Vec<(String, String)>,
}

/// The run, as a project on this machine knows it.
#[derive(Clone, Debug, Serialize, TS)]
pub struct LineageRun {
    pub id: u32,
    pub key: String,
    pub name: String,
    pub project: String,
    /// Its record, below the project.
    pub path: String,
    /// Who wrote the record: "MLflow".
    pub tool: String,
    pub experiment: Option<String>,
    pub state: String,
    pub state_why: String,
    pub user: Option<String>,
    pub started: Option<f64>,
    pub ended: Option<f64>,
    pub params: Vec<(String, String)>,
    pub metrics: Vec<LineageMetric>,
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct LineageMetric {
    pub name: String,
    pub last: Cell,
    pub step: i64,
    /// How often it was logged.
    pub n: u64,
}

#[derive(Clone, Debug, Default, Serialize, TS)]
pub struct LineageCode {
    pub commit: Option<String>,
    /// Whether the working tree had changes that the commit has not.
    pub dirty: Option<String>,
    pub branch: Option<String>,
    pub repository: Option<String>,
    /// What was run: a script, a notebook, a project's entry point.
    pub entry: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, TS)]
pub struct LineageEnvironment {
    pub python: Option<String>,
    pub mlflow: Option<String>,
    /// The files of the artifact that say what it needs.
    pub files: Vec<EnvironmentFile>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct EnvironmentFile {
    pub path: String,
    pub bytes: u64,
    pub digest: String,
    /// None: it is too large, or no text.
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, TS)]
pub struct LineageArtifact {
    /// Of the files as they are now.
    pub digest: Option<String>,
    pub bytes: u64,
    pub files: Vec<ArtifactDigest>,
    /// Why the files cannot be shown.
    pub failure: Option<FailureView>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ArtifactDigest {
    pub path: String,
    pub bytes: u64,
    pub digest: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct LineagePlan {
    pub row: PlanRow,
    pub hash: String,
    /// As they were judged when it was carried out; of a plan that was not, when it was made.
    pub gates: Vec<VerdictView>,
    pub risks: Vec<String>,
    pub approvals: Vec<LineageApproval>,
    pub overrides: Vec<OverrideView>,
    pub calls: Vec<CallView>,
    pub proven: Vec<String>,
    pub ended: Option<f64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct LineageApproval {
    pub by: String,
    pub at: f64,
    pub comment: Option<String>,
    /// `counted`, `taken back`, or why it did not count when the plan was begun.
    pub says: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct OverrideView {
    pub gate: String,
    pub says: String,
    pub reason: String,
    pub by: Option<String>,
    pub at: f64,
}

/// A call to a system, with when it was made and what was seen after it.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CallView {
    pub line: LineView,
    /// For those that were about to be made.
    pub requests: Vec<RequestView>,
}

/// Where the version is used: an alias that names it, or a service that has it loaded.
#[derive(Clone, Debug, Serialize, TS)]
pub struct UseView {
    /// `alias` or `service`.
    pub kind: String,
    pub system: String,
    pub name: String,
    /// Percent of a service's traffic.
    pub share: Option<u8>,
    /// The target names the digest of the very artifact.
    pub proven: Option<bool>,
    pub address: Option<String>,
    pub by: Option<String>,
    pub since: Option<f64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PersonView {
    pub who: String,
    pub did: Vec<String>,
}

/// A line of a plan's journal.
#[derive(Clone, Debug, Serialize, TS)]
pub struct LineView {
    pub at: f64,
    /// `began`, `asks`, `answered`, `seen`, `failed`, `turns back`, `takes back`, `seen undone`, `left alone`,
    /// `committed`, `taken back`, `adopted` or `tidied`.
    pub what: String,
    pub step: Option<usize>,
    pub title: Option<String>,
    pub back: bool,
    /// Of an answer: `done`, `refused` or `unknown`.
    pub outcome: Option<String>,
    pub says: Vec<String>,
    pub proof: Vec<String>,
}

/// What would stand against a plan now.
#[derive(Clone, Debug, Serialize, TS)]
pub struct Rehearsal {
    /// Gates that do not let it through.
    pub stands: Vec<String>,
    /// The first step's conditions, as they are seen now.
    pub before: Vec<LookView>,
    /// Judged anew.
    pub gates: Vec<VerdictView>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct LookView {
    pub expects: String,
    pub holds: bool,
    pub saw: String,
}

#[derive(Clone, Debug, Default, Deserialize, TS)]
#[ts(optional_fields)]
pub struct AuditHead {
    /// A hash that was kept elsewhere.
    pub head: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct AuditCheck {
    /// Entries that hold.
    pub total: u64,
    /// The last hash.
    pub head: Option<String>,
    /// Why the chain does not hold.
    pub broken: Option<String>,
    /// The entry that does not.
    pub at: Option<u64>,
    /// The entry that has the hash that was kept.
    pub kept: Option<u64>,
}
