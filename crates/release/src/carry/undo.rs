//! The way back: what a step has left, as long as it is still this plan's.

use std::time::Duration;

use super::wait::{all_hold, may_land, what_parts};
use super::{BETWEEN_LOOKS, Carrier, CarryError, SETTLE_MS};
use crate::failure::{Failure, Outcome};
use crate::journal::{End, Journal, Line, StepState};
use crate::plan::{Action, Expect, Plan, Step, Who};

impl Carrier<'_> {
    pub(super) fn take_back(&self, plan: &Plan, journal: &Journal) -> Result<End, CarryError> {
        let progress = self.progress(plan, journal)?;
        for (n, step) in plan.steps.iter().enumerate().rev() {
            let done_with =
                matches!(progress.steps[n], StepState::Waiting | StepState::Undone | StepState::Left { .. });
            // A step that was never begun has nothing of ours, though another's may look the same.
            if progress.begun[n] && !done_with {
                self.undo(plan, journal, n, step)?;
            }
        }
        self.write(journal, Line::TakenBack)?;
        Ok(End::TakenBack)
    }

    fn undo(&self, plan: &Plan, journal: &Journal, n: usize, step: &Step) -> Result<(), CarryError> {
        self.keep(plan)?;
        let wanted = undone(step);
        let Some(inverse) = &step.inverse else {
            return self.write(journal, Line::Seen { step: n, back: true, looks: Vec::new() });
        };
        let stuck = |why: String| CarryError::Stuck { step: n, why };
        // A change that is under way ends as one or as the other.
        let until = self.clock.unix_ms() + SETTLE_MS;
        let mut may_land = may_land(journal, n)?.is_some();
        // What was put there and never loaded is not seen, and is removed all the same.
        let is_staged = matches!(step.action, Action::Stage { .. });
        let is_ours = loop {
            let cannot =
                |f: Failure| stuck(format!("it cannot be taken back now, because it cannot be looked at: {f}"));
            let looks = self.patiently(plan, &wanted, step.limit_secs).map_err(cannot)?;
            if all_hold(&looks) && may_land {
                may_land = false;
                self.clock.pause(Duration::from_millis(SETTLE_MS.unsigned_abs()), &self.cancel);
                continue;
            }
            if all_hold(&looks) && is_staged {
                break true;
            }
            if all_hold(&looks) {
                return self.write(journal, Line::Seen { step: n, back: true, looks });
            }
            let looks = self.patiently(plan, &ours(plan, step), step.limit_secs).map_err(cannot)?;
            if all_hold(&looks) {
                break true;
            }
            if self.clock.unix_ms() >= until {
                self.write(journal, Line::Left { step: n, saw: what_parts(&looks) })?;
                break false;
            }
            self.clock.pause(BETWEEN_LOOKS, &self.cancel);
        };
        if !is_ours {
            return Ok(());
        }
        self.write(journal, Line::Intends { step: n, back: true })?;
        let outcome = self.act(plan, inverse, &plan.key(n, true), step.limit_secs);
        self.write(journal, Line::Answered { step: n, back: true, outcome: outcome.clone() })?;
        // Whatever it said: what is so decides.
        match self.wait_for(plan, &wanted, Duration::from_secs(step.limit_secs)) {
            Ok(looks) if all_hold(&looks) => self.write(journal, Line::Seen { step: n, back: true, looks }),
            seen => {
                let saw = match seen {
                    Ok(looks) => what_parts(&looks),
                    Err(failure) => failure.message,
                };
                let (why, failure) = match outcome {
                    Outcome::Done(_) => (format!("taking it back did not work: {saw}"), None),
                    Outcome::Refused(f) | Outcome::Unknown(f) => {
                        (format!("taking it back failed: {f}; {saw}"), Some(f))
                    }
                };
                self.write(journal, Line::Failed { step: n, back: true, why: why.clone(), failure })?;
                Err(stuck(why))
            }
        }
    }
}

/// What is so if the step was never done, or is undone.
pub(super) fn undone(step: &Step) -> Vec<Expect> {
    match &step.action {
        Action::Register => vec![Expect::NotRegistered],
        Action::Stage { target, service, who } => {
            vec![Expect::NotLoaded { target: target.clone(), service: service.clone(), who: who.clone() }]
        }
        // What was there before: what the inverse brings back.
        Action::Route { .. } | Action::Point { .. } => match &step.inverse {
            Some(Action::Route { target, service, to, share, .. }) => vec![Expect::Serves {
                target: target.clone(),
                service: service.clone(),
                who: to.clone(),
                share: *share,
                proven: false,
            }],
            Some(Action::Point { registry, model, alias, to, .. }) => vec![Expect::Alias {
                registry: registry.clone(),
                model: model.clone(),
                alias: alias.clone(),
                to: to.clone(),
            }],
            _ => Vec::new(),
        },
        Action::Withdraw | Action::Unstage { .. } | Action::Smoke { .. } | Action::Bake { .. } => Vec::new(),
    }
}

/// What is so while the step's own work is there: only then is it ours to take back.
pub(super) fn ours(plan: &Plan, step: &Step) -> Vec<Expect> {
    let idle = |action: &Action| match action {
        Action::Stage { target, service, .. } | Action::Route { target, service, .. } => {
            let (target, service, who) = (target.clone(), service.clone(), Some(Who::Candidate));
            Some(Expect::Serves { target, service, who, share: 0, proven: false })
        }
        _ => None,
    };
    match &step.action {
        Action::Route { target, service, to, share, .. } => vec![Expect::Serves {
            target: target.clone(),
            service: service.clone(),
            who: to.clone(),
            share: *share,
            proven: false,
        }],
        Action::Point { registry, model, alias, to, .. } => vec![Expect::Alias {
            registry: registry.clone(),
            model: model.clone(),
            alias: alias.clone(),
            to: to.clone(),
        }],
        // A version that only this plan has loaded; but one that another has given traffic stays.
        Action::Stage { .. } => idle(&step.action).into_iter().collect(),
        // It carries this plan's key. What serves is not withdrawn.
        Action::Register => {
            let mut all: Vec<Expect> = plan.steps.iter().filter_map(|step| idle(&step.action)).collect();
            all.dedup();
            all
        }
        Action::Withdraw | Action::Unstage { .. } | Action::Smoke { .. } | Action::Bake { .. } => Vec::new(),
    }
}
