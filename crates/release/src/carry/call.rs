//! The call of each action.

use std::time::Duration;

use super::{BETWEEN_LOOKS, Carrier, LOOK_LIMIT};
use crate::failure::{Failure, FailureCode, Outcome};
use crate::gate::{self, Ruling};
use crate::look::Eye;
use crate::names::{OpKey, ServiceName, SystemId, VersionRef};
use crate::plan::{Action, Candidate, Expect, Limits, Plan, TooFew, Who};
use crate::policy::LatencyGate;
use crate::ports::{Cx, Deployable, Split};
use crate::seen::VersionState;

/// How long a watch goes on when nothing can be seen: a laptop that wakes up, a connection that was reset.
const BLIND_MS: i64 = 30_000;

impl Carrier<'_> {
    /// Makes a step's call.
    pub(super) fn act(&self, plan: &Plan, action: &Action, key: &OpKey, limit_secs: u64) -> Outcome {
        let cx = self.cx(Duration::from_secs(limit_secs.max(1)));
        self.call(plan, action, key, &cx).unwrap_or_else(Outcome::Refused)
    }

    fn call(&self, plan: &Plan, action: &Action, key: &OpKey, cx: &Cx) -> Result<Outcome, Failure> {
        let eye = Eye::new(self.world, plan, cx);
        let must = |who: &Who| -> Result<VersionRef, Failure> {
            eye.resolve(who)?.ok_or_else(|| Failure::new(FailureCode::NotFound, "the candidate is not registered"))
        };
        let candidate = &plan.candidate;
        Ok(match action {
            Action::Register => {
                let Candidate::New { registry, model, what } = candidate else {
                    return Err(Failure::new(FailureCode::Invalid, "the plan registers nothing"));
                };
                self.world.registry(registry)?.register(model, what, key, cx)
            }
            Action::Withdraw => {
                // A lost answer may have left more than one with this plan's key.
                let mut last = Outcome::Done(serde_json::Value::Null);
                for version in eye.own_versions()?.iter().filter(|v| v.state != VersionState::Withdrawn) {
                    let at = &version.at;
                    last = self.world.registry(&at.registry)?.withdraw(&at.model, &at.version, cx);
                    if !matches!(last, Outcome::Done(_)) {
                        break;
                    }
                }
                last
            }
            Action::Stage { target, service, who } => {
                let what = self.deployable(must(who)?, cx)?;
                self.world.target(target)?.stage(service, &what, key, cx)
            }
            Action::Unstage { target, service, who } => self.world.target(target)?.unstage(service, &must(who)?, cx),
            Action::Route { target, service, to, share, rest } => {
                let (to, rest) = (to.as_ref().map(must).transpose()?, rest.as_ref().map(must).transpose()?);
                let rest = rest.filter(|rest| !to.as_ref().is_some_and(|to| to.is(rest)));
                let among = Some(parties(plan, target, service, &eye)?);
                self.world.target(target)?.route(service, &Split { to, share: *share, rest, among }, key, cx)
            }
            Action::Smoke { target, service, gate } => {
                self.smoke(plan, target, service, gate, must(&Who::Candidate)?, cx)?
            }
            Action::Bake { target, service, limits } => self.bake(plan, target, service, limits)?,
            Action::Point { registry, model, alias, from, to } => {
                let (from, to) = (from.as_ref().map(must).transpose()?, to.as_ref().map(must).transpose()?);
                let (from, to) = (from.map(|at| at.version), to.map(|at| at.version));
                self.world.registry(registry)?.point(model, alias, from.as_ref(), to.as_ref(), cx)
            }
        })
    }

    /// Only a pass lets the plan go on.
    fn smoke(
        &self,
        plan: &Plan,
        target: &SystemId,
        service: &ServiceName,
        gate: &LatencyGate,
        candidate: VersionRef,
        cx: &Cx,
    ) -> Result<Outcome, Failure> {
        let verdict = gate::smoke(gate, self.world.target(target)?, service, &candidate, &plan.golden, cx);
        let raw = serde_json::to_value(&verdict).expect("BUG: a verdict is JSON");
        Ok(match verdict.ruling {
            Ruling::Pass => Outcome::Done(raw),
            _ => Outcome::Refused(Failure::new(FailureCode::Server, verdict.says).raw(raw)),
        })
    }

    /// Watches until the time is over. A breach ends it at once; that one look fails does not.
    fn bake(&self, plan: &Plan, target: &SystemId, service: &ServiceName, limits: &Limits) -> Result<Outcome, Failure> {
        // Each look has its own time: a candidate that hangs is seen now, not when the watch is over.
        let cx = self.cx(LOOK_LIMIT);
        let eye = Eye::new(self.world, plan, &cx);
        let mut blind_since = None;
        let until = self.clock.unix_ms() + i64::try_from(limits.secs).unwrap_or(i64::MAX / 2000) * 1000;
        let expect = Expect::Healthy { target: target.clone(), service: service.clone(), limits: limits.clone() };
        loop {
            self.keep(plan).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
            let look = match eye.look(&expect) {
                Ok(look) => {
                    blind_since = None;
                    look
                }
                Err(failure) => {
                    let now = self.clock.unix_ms();
                    let is_over = now - *blind_since.get_or_insert(now) >= BLIND_MS || now >= until + BLIND_MS;
                    if self.cancel.is_stopped() || failure.code == FailureCode::Denied || is_over {
                        return Ok(Outcome::Refused(failure));
                    }
                    self.clock.pause(BETWEEN_LOOKS, &self.cancel);
                    continue;
                }
            };
            if !look.holds {
                return Ok(Outcome::Refused(Failure::new(FailureCode::Server, look.saw)));
            }
            if self.cancel.is_stopped() {
                return Ok(Outcome::Refused(Failure::new(FailureCode::Cancelled, "it was stopped")));
            }
            let left = until - self.clock.unix_ms();
            if left <= 0 && look.is_thin && limits.too_few == TooFew::TakeBack {
                let said = format!("{}: {} requests were to come in {} s", look.saw, limits.min_requests, limits.secs);
                return Ok(Outcome::Refused(Failure::new(FailureCode::Server, said).hint(
                    "Send it requests while it is watched, watch it longer, or let bake.too_few = \"go_on\" in signalbox.toml.",
                )));
            }
            if left <= 0 {
                return Ok(Outcome::Done(serde_json::json!({ "saw": look.saw })));
            }
            self.clock.pause(Duration::from_millis(left.unsigned_abs().min(2000)), &self.cancel);
        }
    }

    fn deployable(&self, at: VersionRef, cx: &Cx) -> Result<Deployable, Failure> {
        let registry = self.world.registry(&at.registry)?;
        let version = registry
            .version(&at.model, &at.version, cx)?
            .ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not in its registry any more")))?;
        let path = registry.fetch(&version, cx)?;
        Ok(Deployable { version: version.at.clone(), path: Some(path), source: version.source })
    }
}

/// The versions that a plan gives a service's traffic to and takes it from.
fn parties(plan: &Plan, target: &SystemId, service: &ServiceName, eye: &Eye) -> Result<Vec<VersionRef>, Failure> {
    let mut all = Vec::new();
    for action in plan.steps.iter().flat_map(|step| std::iter::once(&step.action).chain(&step.inverse)) {
        let Action::Route { target: at, service: of, to, rest, .. } = action else { continue };
        if at != target || of != service {
            continue;
        }
        for who in to.iter().chain(rest) {
            all.extend(eye.resolve(who)?);
        }
    }
    Ok(all)
}
