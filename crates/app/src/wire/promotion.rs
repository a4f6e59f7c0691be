//! Models, what serves, plans and their progress, the audit.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// All registries, each with its models or with why they cannot be shown.
#[derive(Clone, Debug, Serialize, TS)]
pub struct RegistryView {
    pub id: String,
    pub title: String,
    pub models: Vec<ModelView>,
    pub failure: Option<FailureView>,
    /// Whose policy names it.
    pub project: Option<u32>,
    /// What the policy names and the person has not allowed yet.
    pub allow: Option<AllowView>,
}

/// What a policy would have us speak to, trust and write to.
#[derive(Clone, Debug, Serialize, TS)]
pub struct AllowView {
    pub project: u32,
    /// Stands for the policy's text and all that it names: what is allowed is what was shown.
    pub policy: String,
    pub names: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct Allow {
    pub project: u32,
    pub policy: String,
}

/// To load a project's models with a Python: it runs what their authors put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AllowModels {
    /// Nothing: the models of our own registry, for no project.
    pub project: Option<u32>,
    pub python: String,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ModelView {
    pub name: String,
    /// Newest first.
    pub versions: Vec<VersionView>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct VersionView {
    pub version: String,
    /// `pending`, `ready`, `failed` or `withdrawn`.
    pub state: String,
    /// Why it failed.
    pub why: Option<String>,
    pub aliases: Vec<String>,
    pub digest: Option<String>,
    /// The registry's id of its run, and that run here, where it is known.
    pub run: Option<String>,
    pub run_here: Option<super::RunName>,
    pub project: Option<u32>,
    pub made: Option<f64>,
    pub made_by: Option<String>,
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct FailureView {
    pub message: String,
    pub hint: Option<String>,
    /// `denied`, `locked` (the vault), `not_allowed`, `unreachable`, `timed_out`, `not_found`, `conflict`, `invalid`,
    /// `busy`, `server`, `local` or `cancelled`.
    pub code: Option<String>,
}

/// A service at a target: what serves, and what the alias says.
#[derive(Clone, Debug, Serialize, TS)]
pub struct ServiceView {
    pub target: String,
    pub target_title: String,
    pub service: String,
    /// `absent`, `starting`, `serving`, `degraded`, `failed` or `unknown`.
    pub phase: String,
    pub loaded: Vec<ServedView>,
    pub alias: Option<AliasView>,
    /// Alias and truth part, or another is at work.
    pub alarm: Option<String>,
    pub address: Option<String>,
    pub failure: Option<FailureView>,
    /// Whose policy names it.
    pub project: Option<u32>,
    /// A promotion to it is known that another version served before.
    pub can_go_back: bool,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ServedView {
    pub label: String,
    pub model: Option<String>,
    pub version: Option<String>,
    pub share: u8,
    pub ready: bool,
    /// The target names the digest of the very artifact that was registered.
    pub proven: bool,
    pub digest: Option<String>,
    pub since: Option<f64>,
    pub n_requests: Option<u64>,
    pub n_errors: Option<u64>,
    pub p95_ms: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct AliasView {
    pub registry: String,
    pub alias: String,
    pub version: Option<String>,
    pub moved_by: Option<String>,
    pub moved: Option<f64>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfRunModels {
    pub run: u32,
}

/// A model among a run's artifacts.
#[derive(Clone, Debug, Serialize, TS)]
pub struct RunModel {
    /// Among the run's artifacts, as `artifacts` lists it.
    pub path: String,
    pub name: String,
    /// Under which it is registered if nothing else is said.
    pub suggested: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[ts(optional_fields)]
pub struct Propose {
    pub run: Option<u32>,
    /// Of a run: which of its models. Without it, its only one.
    pub path: Option<String>,
    /// The registered model's name.
    pub model: Option<String>,
    /// An existing version instead of a run.
    pub registry: Option<String>,
    pub version: Option<String>,
    /// The project whose policy holds; a run's own if nothing is said.
    pub project: Option<u32>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfPlan {
    pub plan: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct Apply {
    pub plan: String,
    /// Of what was shown: a plan that was changed since is not carried out.
    pub hash: String,
    pub overrides: Vec<Override>,
}

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Override {
    pub gate: String,
    pub reason: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[ts(optional_fields)]
pub struct Resume {
    pub plan: String,
    /// `go_on`, `go_back` or `adopt`.
    pub choice: String,
    /// For `adopt`.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[ts(optional_fields)]
pub struct Approve {
    pub plan: String,
    pub hash: String,
    pub comment: Option<String>,
    pub withdraw: bool,
}

/// One person's word for a plan.
#[derive(Clone, Debug, Serialize, TS)]
pub struct ApprovalView {
    pub by: String,
    pub at: f64,
    pub comment: Option<String>,
    pub signed: bool,
    pub counts: bool,
    /// Why it does not count.
    pub note: Option<String>,
}

/// The text of a plan's file.
#[derive(Clone, Debug, Deserialize, TS)]
pub struct PlanText {
    pub text: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ApprovalText {
    pub plan: String,
    pub text: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct OfService {
    pub target: String,
    pub service: String,
    /// Whose policy names the target.
    #[serde(default)]
    pub project: Option<u32>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PlanRow {
    pub id: String,
    pub title: String,
    pub made_by: String,
    pub made: f64,
    /// `proposed`, `running`, `cut_short`, `committed`, `taken_back` or `adopted`.
    pub state: String,
    /// Why it turned back.
    pub back: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PlanView {
    pub row: PlanRow,
    pub hash: String,
    pub model: String,
    /// The version, once its registry has given it.
    pub version: Option<String>,
    pub steps: Vec<StepView>,
    pub gates: Vec<VerdictView>,
    pub risks: Vec<String>,
    pub n_golden: usize,
    /// What it does after the end.
    pub tidy: Vec<String>,
    /// How the step at which it was cut short stands: `done`, `not_done`, `under_way`, `changed_by_another` or `unseen`.
    pub standing: Option<String>,
    pub standing_saw: Vec<String>,
    /// Oldest first.
    pub approvals: Vec<ApprovalView>,
    /// Our own word as the text that goes back to the plan's author.
    pub own_approval: Option<String>,
    /// How many people the policy asks for.
    pub n_approvals: u32,
    /// Who looks at it made it.
    pub is_own: bool,
    /// It was made on another machine, and is here to be read and approved.
    pub foreign: bool,
    /// The open project whose rules it is judged by.
    pub project: Option<u32>,
    /// What was proven, at the end.
    pub proven: Vec<String>,
    pub ended: Option<f64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct StepView {
    /// In its author's words.
    pub title: String,
    /// In ours: what it does.
    pub does: String,
    pub requests: Vec<RequestView>,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub inverse: Option<String>,
    pub limit_secs: u64,
    pub leaves: Option<String>,
    /// `waiting`, `open`, `answered`, `seen`, `failed`, `undoing`, `undone` or `left`.
    pub state: String,
    /// What was seen, or why it failed.
    pub saw: Vec<String>,
    pub proof: Vec<String>,
    pub at: Option<f64>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct RequestView {
    pub verb: String,
    pub to: String,
    /// Indented JSON.
    pub body: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct VerdictView {
    pub gate: String,
    /// `pass`, `fail`, `inconclusive`, `error` or `skipped`.
    pub ruling: String,
    pub says: String,
    /// Indented JSON.
    pub evidence: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct AuditQuery {
    /// The number of the first entry.
    pub from: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct AuditPage {
    pub rows: Vec<AuditRow>,
    /// The number of all entries.
    pub total: u64,
    /// Where the chain is broken; `None`: it holds.
    pub broken: Option<String>,
    /// The last hash.
    pub head: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct AuditRow {
    pub seq: u64,
    pub hash: String,
    pub at: f64,
    pub who: String,
    pub machine: String,
    pub what: String,
    pub plan: Option<String>,
    pub step: Option<usize>,
    /// Indented JSON.
    pub detail: String,
}
