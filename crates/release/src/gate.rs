//! Conditions that must hold before a plan may be applied, each with what it is judged by.
//!
//! Only [`Ruling::Pass`] passes. "Too little is known" and "it could not be judged" are answers of their own, and an
//! override is a line in the audit with a name and a reason, not a pass.

mod approval;
mod artifact;
mod metric;
mod signature;
mod smoke;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::Digest;

pub use approval::{Approval, NAMESPACE, Verify, Word, approvals, approve, frozen, words};
pub use artifact::{Risk, complete, risks, secret_in, size};
pub use metric::{Measured, metric, paired_bootstrap};
pub use signature::{Signature, signature, signature_of};
pub use smoke::smoke;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    Pass,
    Fail,
    /// Too little is known to say.
    Inconclusive,
    /// It could not be judged.
    Error,
    /// The policy does not ask for it.
    Skipped,
}

/// What a gate found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub gate: String,
    pub ruling: Ruling,
    /// For a person: "val_acc 0.972, 0.011 better than churn 4".
    pub says: String,
    /// What it is judged by, in full.
    pub evidence: Value,
    pub bound: Bound,
}

/// What evidence is about. It counts for nothing else: a version that is registered again has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub version: Option<Digest>,
    pub data: Option<Digest>,
    pub policy: Option<Digest>,
}

impl Verdict {
    fn new(gate: &str, ruling: Ruling, says: impl Into<String>) -> Verdict {
        Verdict { gate: gate.to_owned(), ruling, says: says.into(), evidence: Value::Null, bound: Bound::default() }
    }

    fn with(mut self, evidence: Value) -> Verdict {
        self.evidence = evidence;
        self
    }

    pub fn about(mut self, bound: Bound) -> Verdict {
        self.bound = bound;
        self
    }

    /// It says something of what is wanted now, and does not stand in the way.
    pub fn passes(&self, now: &Bound) -> bool {
        matches!(self.ruling, Ruling::Pass | Ruling::Skipped) && self.bound == *now
    }
}
