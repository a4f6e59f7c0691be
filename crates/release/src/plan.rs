//! A plan: what a promotion will do, call by call, before anything is done.
//!
//! It is a value: made from what was observed, hashed by content, shown, approved by its hash, carried out by
//! [`crate::carry`]. Nothing in it depends on what happens later but the version's number, which the registry gives.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::{AliasName, Digest, ModelName, OpKey, PlanId, ServiceName, SystemId, VersionRef};
use crate::policy::LatencyGate;
use crate::ports::{Registration, Request};

/// The version that is promoted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    Version(VersionRef),
    /// The plan's first step registers it; its number is known after that.
    New {
        registry: SystemId,
        model: ModelName,
        what: Registration,
    },
}

impl Candidate {
    pub fn registry(&self) -> &SystemId {
        match self {
            Candidate::Version(at) => &at.registry,
            Candidate::New { registry, .. } => registry,
        }
    }

    pub fn model(&self) -> &ModelName {
        match self {
            Candidate::Version(at) => &at.model,
            Candidate::New { model, .. } => model,
        }
    }

    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Candidate::Version(at) => at.digest.as_ref(),
            Candidate::New { what, .. } => what.digest.as_ref(),
        }
    }
}

/// A version that a step is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    Candidate,
    Version(VersionRef),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes the candidate a version of its model.
    Register,
    /// Marks it as withdrawn. Undoes `Register`.
    Withdraw,
    /// Loads a version at a target, without traffic.
    Stage {
        target: SystemId,
        service: ServiceName,
        who: Who,
    },
    Unstage {
        target: SystemId,
        service: ServiceName,
        who: Who,
    },
    /// Gives a version a share of the traffic, in percent, and what is left to `rest`. `None`: nobody serves.
    Route {
        target: SystemId,
        service: ServiceName,
        to: Option<Who>,
        share: u8,
        rest: Option<Who>,
    },
    /// Asks the candidate, before it takes traffic, as often as the policy says: it must be right, and fast enough.
    Smoke {
        target: SystemId,
        service: ServiceName,
        gate: LatencyGate,
    },
    /// Watches the version that serves for a while.
    Bake {
        target: SystemId,
        service: ServiceName,
        limits: Limits,
    },
    /// Moves an alias from where it was seen. `None`: it points at nothing.
    Point {
        registry: SystemId,
        model: ModelName,
        alias: AliasName,
        from: Option<Who>,
        to: Option<Who>,
    },
}

/// What the version that serves must keep to while it bakes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub secs: u64,
    /// Share of requests that may fail, 0 to 1.
    pub max_error_rate: f64,
    pub max_p95_ms: Option<f64>,
    /// Below this many requests there is no verdict on the rates; the golden request is asked all the same.
    pub min_requests: u64,
    /// What follows if there were fewer by the end.
    #[serde(default)]
    pub too_few: TooFew,
}

/// What follows from a watch that saw too little to judge by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooFew {
    /// What is not known to be well does not stay.
    #[default]
    TakeBack,
    GoOn,
}

/// What must be seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// One version of the model carries this plan's key, is ready, and has the digest that was checked.
    Registered,
    /// None does that is not marked as withdrawn.
    NotRegistered,
    /// The target has it loaded. `proven`: and it gives the golden answer.
    Loaded {
        target: SystemId,
        service: ServiceName,
        who: Who,
        proven: bool,
    },
    NotLoaded {
        target: SystemId,
        service: ServiceName,
        who: Who,
    },
    /// It has this share of the traffic. `proven`: and who answers the service's address gives the golden answer.
    Serves {
        target: SystemId,
        service: ServiceName,
        who: Option<Who>,
        share: u8,
        proven: bool,
    },
    /// The alias points there.
    Alias {
        registry: SystemId,
        model: ModelName,
        alias: AliasName,
        to: Option<Who>,
    },
    /// What serves keeps to the limits.
    Healthy {
        target: SystemId,
        service: ServiceName,
        limits: Limits,
    },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, for a person: "Load churn 7 at staging".
    pub title: String,
    pub action: Action,
    /// The calls, exactly. What the registry will give is written as `{version}`.
    pub requests: Vec<Request>,
    /// Must be seen just before it.
    pub before: Vec<Expect>,
    /// Must be seen after it.
    pub after: Vec<Expect>,
    /// Undoes it; none for what leaves nothing behind.
    pub inverse: Option<Action>,
    pub limit_secs: u64,
    /// What it leaves running, or costs.
    pub leaves: Option<String>,
}

impl Step {
    /// It changes nothing, and only its own answer tells whether it passed.
    pub fn judges(&self) -> bool {
        matches!(self.action, Action::Smoke { .. } | Action::Bake { .. })
    }

    /// It adds something that bears the plan's key, or its version.
    pub fn brings(&self) -> bool {
        matches!(self.action, Action::Register | Action::Stage { .. })
    }
}

/// A request with the answer that the version gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    pub request: Value,
    pub answer: Value,
    /// Numbers may differ by this share of the larger one.
    pub tolerance: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub id: PlanId,
    /// What it is for: "Promote churn (adam-deep) to production".
    pub title: String,
    pub made_by: String,
    pub made_unix_ms: i64,
    pub candidate: Candidate,
    pub golden: Vec<Golden>,
    pub steps: Vec<Step>,
    /// After the last step: what is of no more use. A failure here undoes nothing.
    pub tidy: Vec<Action>,
    /// Digest of the policy that it was made under.
    pub policy: Option<Digest>,
}

impl Plan {
    /// Of everything that it says, in one canonical form. What is approved is this hash.
    pub fn hash(&self) -> Digest {
        Digest::of(canonical(&serde_json::to_value(self).expect("BUG: a plan is JSON")))
    }

    pub fn key(&self, step: usize, back: bool) -> OpKey {
        OpKey::new(&self.id, step, back)
    }

    /// The key under which the candidate is registered, if this plan does that.
    pub fn registration_key(&self) -> Option<OpKey> {
        self.steps.iter().position(|step| step.action == Action::Register).map(|step| self.key(step, false))
    }
}

/// JSON with the keys of each object in order and no space: the same value always gives the same bytes.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        assert_eq!(
            canonical(&json!({"b": [1, {"y": null, "x": "\n"}], "a": 0.5})),
            r#"{"a":0.5,"b":[1,{"x":"\n","y":null}]}"#
        );
        let (one, two): (Value, Value) = (
            serde_json::from_str(r#"{"a":1,"b":2}"#).expect("JSON"),
            serde_json::from_str(r#"{"b":2,"a":1}"#).expect("JSON"),
        );
        assert_eq!(canonical(&one), canonical(&two));
    }
}
