//! Other people's word for a plan, and times at which nothing is promoted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_store::{Ledger, StoreError};

use super::{Ruling, Verdict};
use crate::names::Digest;
use crate::plan::{Plan, canonical};
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
    /// By the person's SSH key, over [`Approval::message`] in the namespace [`NAMESPACE`]: what `ssh-keygen -Y sign`
    /// writes.
    #[serde(default)]
    pub signature: Option<String>,
}

/// What an approval's signature is for: it is worth nothing as a signature of anything else.
pub const NAMESPACE: &str = "signalbox-approval";

impl Approval {
    /// What is signed: all that it says, in one canonical form.
    pub fn message(&self) -> String {
        let bare = Approval { signature: None, ..self.clone() };
        canonical(&serde_json::to_value(bare).expect("BUG: an approval is JSON"))
    }
}

/// What one approval is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    #[serde(flatten)]
    pub approval: Approval,
    pub counts: bool,
    /// Why it does not count; or that it does without a signature.
    pub note: Option<String>,
}

/// Says whether an approval's signature is one by this public key (a line as in `~/.ssh/id_ed25519.pub`); if not, why.
pub type Verify<'a> = &'a dyn Fn(&Approval, &str) -> Result<(), String>;

const KIND: &str = "approval";

/// Keeps an approval.
pub fn approve(ledger: &Ledger, approval: &Approval) -> Result<(), StoreError> {
    let body = serde_json::to_string(approval).expect("BUG: an approval is JSON");
    ledger.record(KIND, &approval.plan.to_string(), approval.at_unix_ms, &body)?;
    Ok(())
}

/// All that was said of a plan, oldest first, each with what it is worth now.
pub fn words(
    gate: &ApprovalGate,
    policy: &Policy,
    plan: &Plan,
    ledger: &Ledger,
    now_unix_ms: i64,
    verify: Verify,
) -> Result<Vec<Word>, StoreError> {
    let hash = plan.hash();
    let rows = ledger.records(KIND, &hash.to_string())?;
    let mut all: Vec<Approval> = rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
    // In the order in which they were said, each once: an old word that is pasted again is not a later one.
    all.sort_by_key(|approval| approval.at_unix_ms);
    all.dedup();
    let oldest = now_unix_ms - i64::from(gate.valid_hours) * 3_600_000;
    let judge = |approval: &Approval| -> Result<Option<String>, String> {
        let roles = &policy.roles;
        if approval.plan != hash {
            return Err("it is of another plan".into());
        }
        if approval.by == plan.made_by {
            return Err("its author's own".into());
        }
        if !roles.approvers.is_empty() && !roles.approvers.contains(&approval.by) {
            return Err("signalbox.toml does not name them as an approver".into());
        }
        if !(oldest..=now_unix_ms).contains(&approval.at_unix_ms) {
            return Err(format!("it is older than {} hours, or of a time to come", gate.valid_hours));
        }
        match roles.keys.get(&approval.by) {
            Some(key) => verify(approval, key).map(|()| None),
            None if roles.keys.is_empty() => Ok(Some("not signed: signalbox.toml names no keys".into())),
            None => Err("signalbox.toml names no key of theirs".into()),
        }
    };
    // Later words of the same person take the place of earlier ones; only what is theirs for sure does.
    let judged: Vec<_> = all.into_iter().map(|approval| (judge(&approval), approval)).collect();
    let mut words = Vec::new();
    for (n, (judgement, approval)) in judged.iter().enumerate() {
        let later = judged[n + 1..].iter().any(|(other, later)| other.is_ok() && later.by == approval.by);
        let (counts, note) = match judgement {
            Err(why) => (false, Some(why.clone())),
            Ok(_) if approval.withdrawn => (false, Some("taken back".into())),
            Ok(_) if later => (false, Some("they said otherwise, or again, since".into())),
            Ok(note) => (true, note.clone()),
        };
        words.push(Word { approval: approval.clone(), counts, note });
    }
    Ok(words)
}

/// Enough approvals of this very plan, from people who may give them and are not its author, that are not too old,
/// and signed where the policy names keys.
pub fn approvals(
    gate: Option<&ApprovalGate>,
    policy: &Policy,
    plan: &Plan,
    ledger: &Ledger,
    now_unix_ms: i64,
    verify: Verify,
) -> Result<Verdict, StoreError> {
    const GATE: &str = "approvals";
    let Some(gate) = gate.filter(|gate| gate.n > 0) else {
        return Ok(Verdict::new(GATE, Ruling::Skipped, "none is asked for"));
    };
    let words = words(gate, policy, plan, ledger, now_unix_ms, verify)?;
    let given: BTreeSet<&str> = words.iter().filter(|word| word.counts).map(|word| word.approval.by.as_str()).collect();
    let evidence = json!({ "plan": plan.hash(), "asked": gate.n, "given": given, "all": words });
    let names = given.iter().copied().collect::<Vec<_>>().join(", ");
    let signed = if policy.roles.keys.is_empty() { ", not signed" } else { "" };
    Ok(if given.len() >= gate.n as usize {
        Verdict::new(GATE, Ruling::Pass, format!("approved by {names}{signed}"))
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

    fn unsigned(_: &Approval, _: &str) -> Result<(), String> {
        Err("no signature is looked at here".into())
    }

    #[test]
    fn where_the_policy_names_keys_only_what_is_signed_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger")).expect("opens");
        let gate = ApprovalGate { n: 1, valid_hours: 24 };
        let mut policy = Policy::default();
        policy.roles.keys.insert("grace".into(), "key of grace".into());
        let this = plan("this");
        // Stands for ssh-keygen: a signature is the key and what it signs.
        let verify = |approval: &Approval, key: &str| match &approval.signature {
            Some(signature) if *signature == format!("{key}: {}", approval.message()) => Ok(()),
            Some(_) => Err("the signature is of something else".into()),
            None => Err("it is not signed".into()),
        };
        let give = |by: &str, hour: i64, withdrawn: bool, sign: &dyn Fn(&Approval) -> Option<String>| {
            let mut approval = Approval {
                by: by.into(),
                plan: this.hash(),
                at_unix_ms: hour * HOUR,
                comment: Some("fine".into()),
                withdrawn,
                signature: None,
            };
            approval.signature = sign(&approval);
            approve(&ledger, &approval).expect("kept");
        };
        let by_grace = |approval: &Approval| Some(format!("key of grace: {}", approval.message()));
        let said = |now: i64| {
            let verdict = approvals(Some(&gate), &policy, &this, &ledger, now * HOUR, &verify).expect("read");
            let words = words(&gate, &policy, &this, &ledger, now * HOUR, &verify).expect("read");
            (verdict.ruling, words.last().and_then(|word| word.note.clone()).unwrap_or_default())
        };
        give("grace", 1, false, &|_| None);
        assert_eq!(said(2), (Ruling::Fail, "it is not signed".into()));
        give("eve", 1, false, &by_grace);
        assert_eq!(said(2), (Ruling::Fail, "signalbox.toml names no key of theirs".into()));
        give("grace", 1, false, &|approval| by_grace(&Approval { comment: None, ..approval.clone() }));
        assert_eq!(said(2), (Ruling::Fail, "the signature is of something else".into()));
        give("grace", 1, false, &by_grace);
        assert_eq!(said(2), (Ruling::Pass, String::new()));
        give("grace", 2, true, &|_| None);
        assert_eq!(said(3).0, Ruling::Pass, "nobody else takes it back for her");
        give("grace", 2, true, &by_grace);
        assert_eq!(said(3), (Ruling::Fail, "taken back".into()));
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
            let approval =
                Approval { by: by.into(), plan: plan.hash(), at_unix_ms, comment: None, withdrawn, signature: None };
            approve(&ledger, &approval).expect("kept");
        };
        let ruling = |now: i64| approvals(Some(&gate), &policy, &this, &ledger, now, &unsigned).expect("read").ruling;
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
        assert_eq!(approvals(None, &policy, &this, &ledger, 0, &unsigned).expect("read").ruling, Ruling::Skipped);
    }
}
