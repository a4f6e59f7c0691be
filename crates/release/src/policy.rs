//! `signalbox.toml`: what the team has agreed on. Kept in the project and in git; read at use, never written unasked.

mod check;
mod edit;
mod systems;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::names::{AliasName, Digest, ModelName, ServiceName, SystemId};
use crate::plan::Limits;
use check::Fault;
pub use edit::{Change, FreezeText, Proposal, propose};
pub use systems::{KserveProtocol, RegistryAt, ShareAt, StorageAt, TargetAt};

#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    /// `why` names line and column.
    #[error("{path}: {why}")]
    Wrong { path: String, why: String },
    /// What was asked for does not hold together; `field` leads to it: `models`, `churn`, `bake`, `max_error_rate`.
    #[error("{why}")]
    Field { field: Vec<String>, why: String },
    /// The file is right, and written in a way that cannot be changed piece by piece.
    #[error("{path} cannot be changed here without rewriting it: {why}")]
    Unedited { path: String, why: String },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    #[serde(default)]
    pub registries: BTreeMap<SystemId, RegistryAt>,
    #[serde(default)]
    pub targets: BTreeMap<SystemId, TargetAt>,
    #[serde(default)]
    pub models: BTreeMap<ModelName, ModelPolicy>,
    #[serde(default)]
    pub roles: Roles,
    /// Data that are watched, by name: what stands there is the monitors' own (`signalbox-drift`).
    #[serde(default)]
    pub data: BTreeMap<String, serde_json::Value>,
    /// Stretches of time in which nothing is promoted.
    #[serde(default)]
    pub freeze: Vec<Freeze>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPolicy {
    pub registry: SystemId,
    #[serde(default)]
    pub target: Option<SystemId>,
    /// What the target calls it; the model's name if nothing is said.
    #[serde(default)]
    pub service: Option<ServiceName>,
    #[serde(default)]
    pub alias: Option<AliasName>,
    /// What serves follows the alias: it moves first.
    #[serde(default)]
    pub alias_first: bool,
    /// Shares of traffic on the way to 100, in percent.
    #[serde(default)]
    pub shares: Vec<u8>,
    #[serde(default)]
    pub bake: Option<Limits>,
    /// Where requests, errors and times are counted, if not by the target itself.
    #[serde(default)]
    pub health: Option<HealthAt>,
    #[serde(default)]
    pub keep_old: bool,
    #[serde(default)]
    pub gates: Gates,
}

/// Three questions to Prometheus about one version over the last seconds. In each, `{version}`, `{service}`, `{model}`
/// and `{secs}` stand for what is asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthAt {
    /// Its address.
    pub prometheus: String,
    /// How many requests: `sum(increase(requests_total{version="{version}"}[{secs}s]))`.
    pub requests: String,
    /// How many of them failed.
    pub errors: String,
    /// Within how many milliseconds 95 % were answered.
    #[serde(default)]
    pub p95_ms: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// At least as good as the version in production, by this much.
    #[serde(default)]
    pub metric: Option<MetricGate>,
    #[serde(default)]
    pub max_bytes: Option<u64>,
    #[serde(default)]
    pub latency: Option<LatencyGate>,
    /// The candidate's signature must fit that of the version in production.
    #[serde(default)]
    pub signature: bool,
    /// What the model sees now is like what it was made with.
    #[serde(default)]
    pub drift: Option<DriftGate>,
    /// How many people other than the author.
    #[serde(default)]
    pub approvals: Option<ApprovalGate>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricGate {
    pub name: String,
    pub better: Better,
    #[serde(default)]
    pub margin: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    Lower,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyGate {
    pub max_p95_ms: f64,
    /// Requests that the candidate is asked before it takes traffic.
    #[serde(default = "twenty")]
    pub n_requests: u32,
    #[serde(default)]
    pub max_error_rate: f64,
}

fn twenty() -> u32 {
    20
}

/// Judged on the last hours of data that are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftGate {
    /// A table under `[data]`.
    pub data: String,
    #[serde(default = "week")]
    pub hours: u32,
    /// So many columns may have drifted.
    #[serde(default)]
    pub max_columns: u32,
    /// Columns that may drift.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// The model must have been right this often, on the rows whose labels are in.
    #[serde(default)]
    pub min_accuracy: Option<f64>,
    /// Between any two groups of the data's `groups`.
    #[serde(default)]
    pub max_unfairness: Option<f64>,
    /// The files of these hours must keep the rules that stand with the data.
    #[serde(default)]
    pub rules: bool,
}

fn week() -> u32 {
    168
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGate {
    pub n: u32,
    #[serde(default = "day")]
    pub valid_hours: u32,
}

fn day() -> u32 {
    24
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Who may approve; anybody if it is empty.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// Who may override a gate; anybody if it is empty.
    #[serde(default)]
    pub overriders: Vec<String>,
    /// People's public SSH keys, a line each as in `~/.ssh/id_ed25519.pub`. If any is named, only signed approvals
    /// count.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    pub from: toml::value::Datetime,
    pub to: toml::value::Datetime,
    pub reason: String,
}

/// The file's name, in the project's folder.
pub const POLICY_FILE: &str = "signalbox.toml";

impl Policy {
    /// The policy of a project's folder; `None` if it has none.
    pub fn of(project: &Path) -> Result<Option<(Policy, Digest)>, PolicyError> {
        let path = project.join(POLICY_FILE).display().to_string();
        Policy::text_of(project)?.map(|text| Policy::parse(&text, &path)).transpose()
    }

    /// Its text; `None` if there is no such file.
    pub fn text_of(project: &Path) -> Result<Option<String>, PolicyError> {
        let path = project.join(POLICY_FILE);
        match read(&path) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(PolicyError::Io { path: path.display().to_string(), source }),
        }
    }

    /// Reads a policy's text; `path` is for the error.
    pub fn parse(text: &str, path: &str) -> Result<(Policy, Digest), PolicyError> {
        let wrong = |why: String| PolicyError::Wrong { path: path.to_owned(), why };
        let policy: Policy = toml::from_str(text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        policy.check().map_err(|fault| wrong(fault.to_string()))?;
        Ok((policy, Digest::of(text)))
    }

    /// The freeze that lasts now.
    pub fn frozen(&self, now_unix_ms: i64) -> Option<&Freeze> {
        let now = now_unix_ms.div_euclid(1000);
        self.freeze.iter().find(|freeze| {
            matches!((unix_secs(&freeze.from), unix_secs(&freeze.to)), (Some(from), Some(to)) if (from..to).contains(&now))
        })
    }
}

/// Far above any policy.
const MAX_BYTES: u64 = 1 << 20;

/// A project's file may be anything: a pipe that never ends, a gigabyte.
fn read(path: &Path) -> std::io::Result<String> {
    let seen = std::fs::metadata(path)?;
    if !seen.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it has more than 1 MiB"));
    }
    Ok(text)
}

/// Seconds since 1970; a time without an offset is taken as UTC.
fn unix_secs(at: &toml::value::Datetime) -> Option<i64> {
    let date = at.date?;
    let days = signalbox_types::days_from_civil(date.year.into(), date.month.into(), date.day.into());
    let secs = at
        .time
        .map_or(0, |time| i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + time.second.map_or(0, i64::from));
    let offset = match at.offset {
        Some(toml::value::Offset::Custom { minutes }) => i64::from(minutes) * 60,
        Some(toml::value::Offset::Z) | None => 0,
    };
    Some(days * 86_400 + secs - offset)
}

/// Milliseconds since 1970 of a moment as RFC 3339 writes it; none for a time that names no offset.
pub fn unix_ms_of(text: &str) -> Option<i64> {
    let at: toml::value::Datetime = text.parse().ok()?;
    let (time, _) = at.time.zip(at.offset)?;
    Some(unix_secs(&at)? * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_odd_ones_are_none() {
        let check = |text, expected: Option<i64>| assert_eq!(unix_ms_of(text), expected, "{text:?}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-21T10:10:00Z", Some(1_795_255_800_000));
        check("2026-11-21T11:10:00.25+01:00", Some(1_795_255_800_250));
        check("2026-11-21T09:40:00.123456789-00:30", Some(1_795_255_800_123));
        for odd in [
            "",
            "2026-11-21",
            "10:10:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T10:10:00",
            "2026-11-21T10:10:00.Z",
            "2026-11-21T+1:10:00Z",
            "2026-11-21T10:10:00+0100",
            "2026-11-21T10:10:00Zjunk",
        ] {
            check(odd, None);
        }
    }

    const WHOLE: &str = r#"
        [registries.own]
        kind = "embedded"
        [registries.team]
        kind = "mlflow"
        url = "https://mlflow.example"
        [targets.here]
        kind = "local"
        [targets.cluster]
        kind = "ray_serve"
        url = "http://head:8265"
        share = { here = "/mnt/share" }
        application = { import_path = "serving:build", args = { model = "{path}" } }
        [targets.kube]
        kind = "kserve"
        namespace = "models"
        storage = { uri = "pvc://models/{model}/{version}", mount = "/mnt/models" }
        [models.churn]
        registry = "team"
        target = "here"
        alias = "champion"
        shares = [10, 50]
        bake = { secs = 60, max_error_rate = 0.01, max_p95_ms = 500.0, min_requests = 20 }
        [models.churn.gates]
        metric = { name = "val_acc", better = "higher", margin = 0.005 }
        signature = true
        approvals = { n = 1 }
        [roles]
        approvers = ["ada", "grace"]
        [[freeze]]
        from = 2026-12-20
        to = 2027-01-04T08:00:00+01:00
        reason = "holidays"
    "#;

    #[test]
    fn a_policy_is_read() {
        let (policy, digest) = Policy::parse(WHOLE, "signalbox.toml").expect("read");
        let churn = &policy.models[&"churn".parse::<ModelName>().expect("a name")];
        assert_eq!(churn.shares, [10, 50]);
        assert_eq!(churn.gates.approvals.as_ref().expect("there").valid_hours, 24);
        assert_eq!(digest, Digest::of(WHOLE));
        // date -u -d … +%s says these.
        let at = |secs: i64| policy.frozen(secs * 1000).map(|freeze| freeze.reason.as_str());
        assert_eq!(at(1_797_724_799), None);
        assert_eq!(at(1_797_724_800), Some("holidays"));
        assert_eq!(at(1_799_045_999), Some("holidays"));
        assert_eq!(at(1_799_046_000), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, wanted: &str| {
            let error = Policy::parse(text, "signalbox.toml").expect_err(wanted).to_string();
            assert!(error.contains(wanted), "{error}");
        };
        check("[models.churn]\nregistry = \"none\"", "there is no registry called none");
        check("[registries.own]\nkind = \"embedded\"\n[models.churn]\nregistry = \"own\"\nalais = \"x\"", "line 5");
        check("[registries.'a/b']\nkind = \"embedded\"", "separates names");
        check("[registries.own]\nkind = \"redis\"", "redis");
        check("[targets.t]\nkind = \"v2\"\nurl = \"http://h\"", "repository");
        check("[[freeze]]\nfrom = 2026-01-02\nto = 2026-01-01\nreason = \"r\"", "ends before it begins");
        let churn =
            |rest: &str| format!("[registries.own]\nkind = \"embedded\"\n[models.churn]\nregistry = \"own\"\n{rest}");
        check(&churn("gates.latency = { max_p95_ms = nan }"), "max_p95_ms");
        check(&churn("gates.latency = { max_p95_ms = 5.0, max_error_rate = -0.1 }"), "max_error_rate");
        check(&churn("bake = { secs = 9300000000000000, max_error_rate = 0.1, min_requests = 1 }"), "30 days");
        check(&churn("bake = { secs = 9, max_error_rate = 0.1, min_requests = 1, max_p95_ms = inf }"), "max_p95_ms");
        check(&churn("gates.drift = { data = \"seen\" }"), "[data.\"seen\"]");
        let seen = "[data.seen]\nreference = \"a.csv\"\ncurrent = \"b\"";
        check(&churn(&format!("gates.drift = {{ data = \"seen\", min_accuracy = 90.0 }}\n{seen}")), "from 0 to 1");
        check(&churn(&format!("gates.drift = {{ data = \"seen\", hours = 0 }}\n{seen}")), "gates.drift.hours");
        check("[roles.keys]\nada = \"ssh-ed25519\"", "roles.keys.ada");
        check("[roles.keys]\nada = \"ssh-ed25519 AAAA\\neve ssh-ed25519 BBBB\"", "roles.keys.ada");
        check("[[freeze]]\nfrom = 10:00:00\nto = 2026-01-01\nreason = \"r\"", "are dates");
    }
}
