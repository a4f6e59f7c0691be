//! Other people's word for a plan, and times at which nothing is promoted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_store::{Ledger, StoreError};

use super::{Ruling, Verdict};
use crate::names::Digest;
use crate::plan::Plan;
use crate::policy::{ApprovalGate, Policy};

/// One person's word for one plan: for its hash, so for nothing that was changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: String,
    pub plan: Digest,
    pub at_unix_ms: i64,
    pub comment: Option<String>,
    /// Taken back by the same person.
    #[serde(default)]
    pub withdrawn: bool,
}

const KIND: &str = "approval";

/// Keeps an approval.
pub fn approve(ledger: &Ledger, approval: &Approval) -> Result<(), StoreError> {
    let body = serde_json::to_string(approval).expect("BUG: an approval is JSON");
    ledger.record(KIND, &approval.plan.to_string(), approval.at_unix_ms, &body)?;
    Ok(())
}

/// Enough approvals of this very plan, from people who may give them and are not its author, that are not too old.
pub fn approvals(
    gate: Option<&ApprovalGate>,
    policy: &Policy,
    plan: &Plan,
    ledger: &Ledger,
    now_unix_ms: i64,
) -> Result<Verdict, StoreError> {
    const GATE: &str = "approvals";
    let Some(gate) = gate.filter(|gate| gate.n > 0) else {
        return Ok(Verdict::new(GATE, Ruling::Skipped, "none is asked for"));
    };
    let hash = plan.hash();
    let rows = ledger.records(KIND, &hash.to_string())?;
    let all: Vec<Approval> = rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
    let oldest = now_unix_ms - i64::from(gate.valid_hours) * 3_600_000;
    let mut given = BTreeSet::new();
    for approval in &all {
        let may = policy.roles.approvers.is_empty() || policy.roles.approvers.contains(&approval.by);
        let counts = may
            && !approval.withdrawn
            && approval.plan == hash
            && approval.by != plan.made_by
            && (oldest..=now_unix_ms).contains(&approval.at_unix_ms);
        if counts {
            given.insert(approval.by.as_str());
        } else if approval.withdrawn {
            given.remove(approval.by.as_str());
        }
    }
    let evidence = json!({ "plan": hash, "asked": gate.n, "given": given, "all": all });
    let names = given.iter().copied().collect::<Vec<_>>().join(", ");
    Ok(if given.len() >= gate.n as usize {
        Verdict::new(GATE, Ruling::Pass, format!("approved by {names}"))
    } else {
        Verdict::new(GATE, Ruling::Fail, format!("{} of {} people have approved it", given.len(), gate.n))
    }
    .with(evidence))
}

/// No freeze lasts now.
pub fn frozen(policy: &Policy, now_unix_ms: i64) -> Verdict {
    const GATE: &str = "freeze";
    match policy.frozen(now_unix_ms) {
        Some(freeze) => Verdict::new(GATE, Ruling::Fail, format!("frozen until {}: {}", freeze.to, freeze.reason)),
        None => Verdict::new(GATE, Ruling::Pass, "nothing is frozen now"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::VersionRef;
    use crate::plan::Candidate;

    const HOUR: i64 = 3_600_000;

    fn plan(title: &str) -> Plan {
        let name = |text: &str| text.parse().expect("a name");
        let at = VersionRef {
            registry: name("own"),
            model: "churn".parse().expect("a name"),
            version: "2".parse().expect("a version"),
            digest: None,
        };
        Plan {
            id: "p1".parse().expect("an id"),
            title: title.into(),
            made_by: "ada".into(),
            made_unix_ms: 0,
            candidate: Candidate::Version(at),
            golden: vec![],
            steps: vec![],
            tidy: vec![],
            policy: None,
        }
    }

    #[test]
    fn an_approval_is_anothers_for_this_very_plan_and_not_too_old() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger")).expect("opens");
        let gate = ApprovalGate { n: 1, valid_hours: 24 };
        let mut policy = Policy::default();
        policy.roles.approvers = vec!["grace".into(), "ada".into()];
        let (this, other) = (plan("this"), plan("other"));
        let give = |by: &str, plan: &Plan, at_unix_ms: i64, withdrawn: bool| {
            let approval = Approval { by: by.into(), plan: plan.hash(), at_unix_ms, comment: None, withdrawn };
            approve(&ledger, &approval).expect("kept");
        };
        let ruling = |now: i64| approvals(Some(&gate), &policy, &this, &ledger, now).expect("read").ruling;
        assert_eq!(ruling(30 * HOUR), Ruling::Fail);
        give("ada", &this, 29 * HOUR, false);
        assert_eq!(ruling(30 * HOUR), Ruling::Fail, "the author's own");
        give("eve", &this, 29 * HOUR, false);
        assert_eq!(ruling(30 * HOUR), Ruling::Fail, "not an approver");
        give("grace", &other, 29 * HOUR, false);
        assert_eq!(ruling(30 * HOUR), Ruling::Fail, "of another plan");
        give("grace", &this, 2 * HOUR, false);
        assert_eq!(ruling(30 * HOUR), Ruling::Fail, "too old");
        assert_eq!(ruling(3 * HOUR), Ruling::Pass);
        give("grace", &this, 29 * HOUR, false);
        assert_eq!(ruling(30 * HOUR), Ruling::Pass);
        assert_eq!(ruling(28 * HOUR), Ruling::Fail, "not given yet, and the one before is too old");
        give("grace", &this, 30 * HOUR, true);
        assert_eq!(ruling(30 * HOUR), Ruling::Fail, "taken back");
        assert_eq!(approvals(None, &policy, &this, &ledger, 0).expect("read").ruling, Ruling::Skipped);
    }
}
