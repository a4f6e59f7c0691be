//! A project's `signalbox.toml` as the page's forms have it. The types of the policy itself are those of
//! `signalbox-release`, told to TypeScript; a test keeps both alike, field by field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, TS)]
pub struct PolicyFile {
    pub path: String,
    /// `None`: the project has none.
    pub text: Option<String>,
    pub digest: Option<String>,
    /// `None`: there is none, or it is not understood.
    pub policy: Option<TeamPolicy>,
    pub failure: Option<super::FailureView>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct ProposePolicy {
    pub project: u32,
    #[ts(type = "PolicyChange[]")]
    pub changes: Vec<Value>,
}

/// The file as it would be. Nothing is written.
#[derive(Clone, Debug, Serialize, TS)]
pub struct PolicyProposal {
    /// Of the text that it was made from: if it is not the one that was shown, the file has changed since.
    pub digest: Option<String>,
    pub text: String,
    /// For `git apply` in the project's folder; empty if nothing changes.
    pub diff: String,
    /// What it means, in sentences.
    pub says: Vec<String>,
    /// Addresses that the file does not name now.
    pub new_addresses: Vec<String>,
    /// What was asked for does not hold together; then `text` is the file as it is.
    pub problem: Option<PolicyProblem>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct PolicyProblem {
    /// The way to the field: `models`, `churn`, `bake`, `max_error_rate`. Empty where no field is to blame.
    pub field: Vec<String>,
    pub message: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct SavePolicy {
    pub project: u32,
    #[ts(type = "PolicyChange[]")]
    pub changes: Vec<Value>,
    /// Of the file that the person has seen.
    pub digest: Option<String>,
    pub what: PolicyForm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PolicyForm {
    File,
    Diff,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct SavedPolicy {
    /// `None` when the person thought better of it.
    pub path: Option<String>,
    /// The file has changed since it was shown: nothing was written.
    pub stale: bool,
}

/// As `signalbox_release::Change`.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum PolicyChange {
    SetModel { name: String, rules: Box<ModelRules> },
    RemoveModel { name: String },
    SetRegistry { name: String, at: RegistryRules },
    RemoveRegistry { name: String },
    SetTarget { name: String, at: TargetRules },
    RemoveTarget { name: String },
    SetRoles { roles: RoleRules },
    SetData { name: String, table: DataRules },
    RemoveData { name: String },
    AddFreeze { freeze: FreezeRule },
    ChangeFreeze { was: FreezeRule, freeze: FreezeRule },
    RemoveFreeze { freeze: FreezeRule },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct TeamPolicy {
    pub registries: BTreeMap<String, RegistryRules>,
    pub targets: BTreeMap<String, TargetRules>,
    pub models: BTreeMap<String, ModelRules>,
    pub roles: RoleRules,
    pub data: BTreeMap<String, DataRules>,
    pub freeze: Vec<FreezeRule>,
}

/// What is watched, and rules for it: a `MonitorDefinition` and `Rules` in one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct DataRules(#[ts(type = "Record<string, unknown>")] pub Map<String, Value>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RegistryRules {
    Embedded,
    Mlflow { url: String },
    Oci { url: String, repository: String, ca: Option<String> },
    Gto { repository: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetRules {
    Local {
        python: Option<String>,
        port: Option<u16>,
    },
    V2 {
        url: String,
        repository: String,
        metrics: Option<String>,
    },
    RayServe {
        url: String,
        serve: Option<String>,
        metrics: Option<String>,
        share: Option<ShareRule>,
        #[ts(type = "Record<string, unknown>")]
        application: Map<String, Value>,
    },
    Kserve {
        context: Option<String>,
        namespace: String,
        ingress: Option<String>,
        storage: Option<StorageRule>,
        #[ts(type = "\"v1\" | \"v2\"")]
        protocol: String,
        format: String,
        runtime: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ShareRule {
    pub here: String,
    pub there: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct StorageRule {
    pub uri: String,
    pub mount: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ModelRules {
    pub registry: String,
    pub target: Option<String>,
    pub service: Option<String>,
    pub alias: Option<String>,
    pub alias_first: bool,
    pub shares: Vec<u8>,
    pub bake: Option<BakeRule>,
    pub health: Option<HealthRule>,
    pub keep_old: bool,
    pub gates: GateRules,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct BakeRule {
    pub secs: u64,
    pub max_error_rate: f64,
    pub max_p95_ms: Option<f64>,
    pub min_requests: u64,
    #[ts(type = "\"take_back\" | \"go_on\"")]
    pub too_few: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HealthRule {
    pub prometheus: String,
    pub requests: String,
    pub errors: String,
    pub p95_ms: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct GateRules {
    pub metric: Option<MetricRule>,
    pub max_bytes: Option<u64>,
    pub latency: Option<LatencyRule>,
    pub signature: bool,
    pub drift: Option<DriftGateRule>,
    pub approvals: Option<ApprovalRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct MetricRule {
    pub name: String,
    #[ts(type = "\"higher\" | \"lower\"")]
    pub better: String,
    pub margin: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LatencyRule {
    pub max_p95_ms: f64,
    pub n_requests: u32,
    pub max_error_rate: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct DriftGateRule {
    pub data: String,
    pub hours: u32,
    pub max_columns: u32,
    pub ignore: Vec<String>,
    pub min_accuracy: Option<f64>,
    pub max_unfairness: Option<f64>,
    pub rules: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    pub n: u32,
    pub valid_hours: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct RoleRules {
    pub approvers: Vec<String>,
    pub overriders: Vec<String>,
    pub keys: BTreeMap<String, String>,
}

/// Times as TOML writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct FreezeRule {
    pub from: String,
    pub to: String,
    pub reason: String,
}
