//! Evaluates the gates of a proposal and keeps what they found.

use super::ground::Ground;
use super::systems::Rules;
use crate::app::App;
use crate::catalogue::Run;
use crate::wire::*;
use signalbox_release::gate::{self, Bound, Measured, Risk, Ruling, Verdict};
use signalbox_release::{Clock, SystemClock};
use signalbox_release::{Digest, ModelPolicy, Plan, Tree, Version, World};
use std::collections::BTreeMap;
use std::path::Path;

const VERDICTS: &str = "verdicts";
const OVERRIDE: &str = "override";

/// What is known of the artifact that is to be promoted.
pub(crate) struct Subject<'a> {
    pub path: &'a Path,
    pub tree: &'a Tree,
    pub wanted: Option<&'a Digest>,
    /// The candidate's own metrics, at their last step, and the data that it was made with.
    pub measured: BTreeMap<String, Measured>,
}

/// All gates that can be judged before anything is done. `production`: the version that the alias names now.
pub(crate) fn judge(
    subject: &Subject,
    rules: &Rules,
    model: &ModelPolicy,
    world: &World,
    production: Option<&Version>,
    production_metrics: &BTreeMap<String, Measured>,
) -> Vec<Verdict> {
    let about = super::bound(&subject.tree.digest, rules.digest.as_ref());
    let mut verdicts = vec![
        gate::complete(subject.path, subject.tree, subject.wanted),
        gate::size(subject.tree, model.gates.max_bytes),
        signature(subject, model, world, production),
    ];
    if let Some(rule) = &model.gates.metric {
        let new = subject.measured.get(&rule.name);
        let old = production.and_then(|_| production_metrics.get(&rule.name));
        verdicts.push(match (production, old) {
            (Some(version), None) => {
                let mut verdict = gate::metric(rule, new, None);
                verdict.ruling = Ruling::Inconclusive;
                verdict.says = format!("{} of {} is not known here", rule.name, version.at);
                verdict
            }
            _ => gate::metric(rule, new, old),
        });
    }
    verdicts.into_iter().map(|verdict| verdict.about(about.clone())).collect()
}

/// Whether the model, loaded by itself, gives an answer at all.
pub(crate) fn loads(asked: &super::golden::Asked) -> Verdict {
    let (ruling, says) = match &asked.why_none {
        None => (Ruling::Pass, "loaded by itself, it answers its input example".to_owned()),
        Some(why) if asked.is_broken => (Ruling::Fail, why.clone()),
        Some(why) => (Ruling::Skipped, format!("it was not tried: {why}")),
    };
    let evidence = super::golden::told(asked);
    Verdict { gate: "loads".into(), ruling, says, evidence, bound: Bound::default() }
}

/// The policy has a limit for the candidate's answers, and there is nobody or nothing to ask.
pub(crate) fn nothing_to_ask(asked: Option<&super::golden::Asked>) -> Verdict {
    let says = match asked {
        None => "nothing is served, so there is nobody to ask",
        Some(asked) if asked.golden.is_empty() => "there is no request to ask: the model has no input example",
        Some(_) => "a version without traffic cannot be asked at this target",
    };
    Verdict {
        gate: "latency".into(),
        ruling: Ruling::Inconclusive,
        says: says.into(),
        evidence: serde_json::Value::Null,
        bound: Bound::default(),
    }
}

fn signature(subject: &Subject, model: &ModelPolicy, world: &World, production: Option<&Version>) -> Verdict {
    let skipped = |says: &str| Verdict {
        gate: "signature".into(),
        ruling: Ruling::Skipped,
        says: says.into(),
        evidence: serde_json::Value::Null,
        bound: Bound::default(),
    };
    if !model.gates.signature {
        return skipped("the policy does not ask for it");
    }
    let error = |why: String| Verdict { ruling: Ruling::Error, ..skipped(&why) };
    let Some(version) = production else { return skipped("nothing is in production to compare it with") };
    let fetched =
        world.registry(&version.at.registry).and_then(|registry| registry.fetch(version, &super::transferring()));
    let old = match fetched {
        Ok(path) => gate::signature_of(&path),
        Err(failure) => return error(format!("the artifact of {} cannot be read: {failure}", version.at)),
    };
    match (gate::signature_of(subject.path), old) {
        (Ok(new), Ok(old)) => gate::signature(new.as_ref(), old.as_ref()),
        (Err(why), _) | (_, Err(why)) => error(why),
    }
}

/// A run's metrics at their last step. The data is known if the run names one data set with a digest.
pub(crate) fn measured(
    catalogue: &crate::catalogue::Catalogue,
    run: &Run,
    data: Option<Digest>,
) -> BTreeMap<String, Measured> {
    let of = |m: &signalbox_store::MetricSummary| {
        let value = Measured { value: m.last, data: data.clone(), parts: Vec::new() };
        (catalogue.metric_name(m.metric).to_owned(), value)
    };
    run.row.metrics.iter().map(of).collect()
}

/// What a person should know of the artifact.
pub(crate) fn risks(path: &Path, tree: &Tree) -> Vec<String> {
    let say = |risk: Risk| match risk {
        Risk::Pickle { path } => format!("{path} is a pickle: loading it runs what its author put in"),
        Risk::Secret { path, kind, line } => format!("{path}, line {line}: it looks like {kind}"),
        Risk::Unread { path, why } => format!("{path} could not be looked through: {why}"),
    };
    gate::risks(path, tree).into_iter().map(say).collect()
}

/// Whether a reason can take the place of a gate's verdict: not where nobody knows what was judged, and by what.
pub(crate) fn is_for_people(gate: &str) -> bool {
    !matches!(gate, "policy" | "gates")
}

impl App {
    pub(crate) fn keep_verdicts(&self, plan: &Plan, verdicts: &[Verdict], risks: &[String]) -> Result<(), CallError> {
        let body = serde_json::json!({ "verdicts": verdicts, "risks": risks }).to_string();
        self.ledger()?.record(VERDICTS, &plan.hash().to_string(), SystemClock.unix_ms(), &body)?;
        Ok(())
    }

    /// What the gates found when the plan was made, and what a person should know.
    pub(crate) fn kept_verdicts(&self, plan: &Plan) -> Result<(Vec<Verdict>, Vec<String>), CallError> {
        let kept = self.ledger()?.records(VERDICTS, &plan.hash().to_string())?;
        let kept: serde_json::Value =
            kept.last().and_then(|row| serde_json::from_str(&row.body).ok()).unwrap_or_default();
        // No verdict is no pass.
        let unknown = Verdict {
            gate: "gates".into(),
            ruling: Ruling::Error,
            says: "what the gates have found is not kept, or does not read: make the plan again".into(),
            evidence: serde_json::Value::Null,
            bound: Bound::default(),
        };
        let verdicts = serde_json::from_value(kept["verdicts"].clone()).unwrap_or_else(|_| vec![unknown]);
        Ok((verdicts, serde_json::from_value(kept["risks"].clone()).unwrap_or_default()))
    }

    /// The verdicts on a plan: those that were kept, and those that change by themselves (approvals, freezes).
    pub(crate) fn verdicts(
        &self,
        plan: &Plan,
        ground: &Ground,
        model: &ModelPolicy,
    ) -> Result<(Vec<Verdict>, Vec<String>), CallError> {
        let rules = &ground.rules;
        let (mut verdicts, risks) = self.kept_verdicts(plan)?;
        let (ledger, now) = (self.ledger()?, SystemClock.unix_ms());
        let asked = model.gates.approvals.as_ref();
        verdicts.push(gate::approvals(asked, &rules.policy, plan, &ledger, now, &super::sign::verify)?);
        verdicts.push(gate::frozen(&rules.policy, now));
        if let Some(verdict) = ground.verdict() {
            verdicts.push(verdict);
        } else if plan.policy != rules.digest {
            verdicts.push(Verdict {
                gate: "policy".into(),
                ruling: Ruling::Fail,
                says: "signalbox.toml was changed since the plan was made: make it again".into(),
                evidence: serde_json::Value::Null,
                bound: Bound::default(),
            });
        }
        Ok((verdicts, risks))
    }

    /// Refuses a plan that a gate stands against, but for what is overridden by somebody who may, with a reason.
    pub(crate) fn check_gates(
        &self,
        plan: &Plan,
        verdicts: &[Verdict],
        overrides: &[Override],
        rules: &Rules,
    ) -> Result<(), CallError> {
        let mut overridden = Vec::new();
        for verdict in verdicts.iter().filter(|v| !matches!(v.ruling, Ruling::Pass | Ruling::Skipped)) {
            let Some(wanted) = overrides.iter().find(|o| o.gate == verdict.gate && !o.reason.trim().is_empty()) else {
                return Err(CallError::new(
                    ErrorCode::Refused,
                    format!("The gate {:?} does not pass: {}.", verdict.gate, verdict.says),
                )
                .hint("Mend what it tells of, or override it with a reason."));
            };
            let may =
                rules.policy.roles.overriders.is_empty() || rules.policy.roles.overriders.contains(&super::person());
            if !may || !is_for_people(&verdict.gate) {
                return Err(CallError::new(
                    ErrorCode::Refused,
                    format!("The gate {:?} is not yours to override.", verdict.gate),
                )
                .hint("signalbox.toml names who may, under [roles]."));
            }
            overridden.push(serde_json::json!({ "gate": verdict.gate, "verdict": verdict, "reason": wanted.reason }));
        }
        // Only what let a plan through is told as an override.
        for detail in overridden {
            self.ledger()?.record(OVERRIDE, &plan.hash().to_string(), SystemClock.unix_ms(), &detail.to_string())?;
            self.audit("override", Some(&plan.id), None, detail)?;
        }
        Ok(())
    }
}
