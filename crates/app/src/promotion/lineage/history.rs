//! The plans that a version came into being or into production by, those that were taken back included.

use super::{Found, Place};
use crate::app::App;
use crate::promotion::{here, sign, views};
use crate::wire::*;
use signalbox_release::gate::{self, Verdict};
use signalbox_release::{ApprovalGate, AuditEntry, Candidate, End, Line, Plan, Progress, SystemId};
use std::collections::HashSet;

impl App {
    pub(super) fn promotions_of(
        &self,
        places: &[Place],
        found: &Found,
        entries: &[AuditEntry],
    ) -> Result<Vec<LineagePlan>, CallError> {
        let ledger = self.ledger()?;
        let mut out = Vec::new();
        for (plan, progress) in self.all_plans()? {
            let lines = signalbox_release::plan_lines(&ledger, plan.id.as_str())?;
            // What was only proposed has changed nothing.
            if progress.began && is_of(places, found, &plan, &lines) {
                out.push(self.promotion(&plan, &progress, &lines, entries)?);
            }
        }
        Ok(out)
    }

    fn promotion(
        &self,
        plan: &Plan,
        progress: &Progress,
        lines: &[(i64, Line)],
        entries: &[AuditEntry],
    ) -> Result<LineagePlan, CallError> {
        let ledger = self.ledger()?;
        let hash = plan.hash().to_string();
        let of_plan = |what: &str| {
            let entries = entries.iter().filter(|entry| entry.plan.as_ref() == Some(&plan.id));
            entries.filter(|entry| entry.what == what).collect::<Vec<_>>()
        };
        // Those of the last attempt: approvals and freezes are judged when it is carried out.
        let judged = of_plan("apply").last().copied().or_else(|| of_plan("plan").last().copied());
        let verdicts: Vec<Verdict> =
            judged.and_then(|entry| serde_json::from_value(entry.detail["verdicts"].clone()).ok()).unwrap_or_default();
        let risks = of_plan("plan").last().map(|entry| entry.detail["risks"].clone());
        // As they stood when it was carried out: what has expired since counted then.
        let begun =
            lines.iter().find(|(_, line)| matches!(line, Line::Began { .. })).map_or(plan.made_unix_ms, |(at, _)| *at);
        let rules = self.ground(plan)?.made_under(plan).unwrap_or_default();
        let gate = rules.model(plan.candidate.model()).gates.approvals;
        let gate = gate.unwrap_or(ApprovalGate { n: 0, valid_hours: 24 * 365 });
        let words = gate::words(&gate, &rules.policy, plan, &ledger, begun, &sign::verify)?;
        let approvals = words.into_iter().map(|word| LineageApproval {
            says: match (word.counts, word.note) {
                (true, None) => "counted".into(),
                (true, Some(note)) => format!("counted; {note}"),
                (false, note) => note.unwrap_or_else(|| "did not count".into()),
            },
            by: word.approval.by,
            at: views::secs(word.approval.at_unix_ms),
            comment: word.approval.comment,
        });
        let overrides = of_plan("override").into_iter().map(|entry| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            OverrideView {
                gate: text(&entry.detail["gate"]),
                says: text(&entry.detail["verdict"]["says"]),
                reason: text(&entry.detail["reason"]),
                by: Some(entry.who.clone()),
                at: views::secs(entry.at_unix_ms),
            }
        });
        let calls: Vec<CallView> = lines.iter().map(|(at, line)| call(plan, *at, line)).collect();
        let mut proven: Vec<String> = match progress.end {
            Some(End::Committed) => {
                calls.iter().filter(|call| !call.line.back).flat_map(|call| call.line.proof.clone()).collect()
            }
            _ => Vec::new(),
        };
        let mut seen = HashSet::new();
        proven.retain(|proof| seen.insert(proof.clone()));
        Ok(LineagePlan {
            row: views::row(plan, progress, self.is_running(&plan.id)),
            gates: verdicts.iter().map(views::verdict).collect(),
            risks: risks.and_then(|risks| serde_json::from_value(risks).ok()).unwrap_or_default(),
            approvals: approvals.collect(),
            overrides: overrides.collect(),
            calls,
            proven,
            ended: progress.end.as_ref().and(lines.last()).map(|(at, _)| views::secs(*at)),
            hash,
        })
    }
}

fn call(plan: &Plan, at_unix_ms: i64, line: &Line) -> CallView {
    let requests = match line {
        Line::Intends { step, back: false } => plan.steps.get(*step).map(|step| views::requests(&step.requests)),
        _ => None,
    };
    CallView { line: here::view(plan, at_unix_ms, line), requests: requests.unwrap_or_default() }
}

/// Whether a plan is about the version: it names it, or the registry has answered its registration with it.
fn is_of(places: &[Place], found: &Found, plan: &Plan, lines: &[(i64, Line)]) -> bool {
    let at = &found.version.at;
    let registry = plan.candidate.registry();
    if plan.candidate.model() != &at.model || !is_same(places, found, registry) {
        return false;
    }
    match &plan.candidate {
        Candidate::Version(named) => named.version == at.version,
        Candidate::New { .. } => views::version_of(plan, lines).as_deref() == Some(at.version.as_str()),
    }
}

/// Our own registry goes by the name that a policy gives it, too.
fn is_same(places: &[Place], found: &Found, registry: &SystemId) -> bool {
    let at = &found.version.at.registry;
    let title = |id: &SystemId| {
        let own = places[found.place].world.registries.get(id);
        own.or_else(|| places.iter().find_map(|place| place.world.registries.get(id))).map(|port| port.title())
    };
    registry == at || title(registry).is_some_and(|of_plan| title(at) == Some(of_plan))
}
