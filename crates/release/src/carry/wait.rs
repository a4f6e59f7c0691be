//! Looking until it is so, or cannot be any more.

use std::time::Duration;

use signalbox_store::StoreError;

use super::{BETWEEN_LOOKS, Carrier, CarryError, LOOK_LIMIT, SETTLE_MS};
use crate::failure::{Failure, FailureCode, Outcome};
use crate::journal::{Journal, Line};
use crate::look::{Eye, Look};
use crate::plan::{Action, Expect, Plan, Step};
use crate::ports::Cancel;

impl Carrier<'_> {
    /// How it looks after a step that may have been done before a cut, or is still under way: a call outlives its caller.
    /// None: it is as before the step, or becomes neither.
    pub(super) fn settled(
        &self,
        plan: &Plan,
        journal: &Journal,
        n: usize,
        step: &Step,
    ) -> Result<Option<Vec<Look>>, CarryError> {
        // Until then a call that nobody has heard of may still arrive, and would be made twice.
        let may_land = may_land(journal, n)?.map_or(i64::MIN, |since| since + SETTLE_MS);
        let is_quick = matches!(step.action, Action::Route { .. } | Action::Point { .. });
        let time = if is_quick { SETTLE_MS } else { i64::try_from(step.limit_secs).unwrap_or(i64::MAX / 2000) * 1000 };
        let until = self.clock.unix_ms() + time;
        loop {
            self.keep(plan)?;
            match self.wait_for(plan, &step.after, Duration::ZERO) {
                Ok(looks) if all_hold(&looks) => return Ok(Some(looks)),
                Ok(looks) if looks.iter().any(|look| look.is_final) => return Ok(None),
                _ => {}
            }
            let before = self.wait_for(plan, &step.before, Duration::ZERO);
            let is_as_before = before.is_ok_and(|looks| all_hold(&looks));
            let now = self.clock.unix_ms();
            if is_as_before && now >= may_land || now >= until || self.cancel.is_stopped() {
                return Ok(None);
            }
            self.clock.pause(BETWEEN_LOOKS, &self.cancel);
        }
    }

    /// Looks until all of it holds, or cannot any more, or the time is over.
    pub(super) fn wait_for(&self, plan: &Plan, expects: &[Expect], time: Duration) -> Result<Vec<Look>, Failure> {
        let until = self.clock.unix_ms() + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        let cx = self.cx(LOOK_LIMIT);
        let eye = Eye::new(self.world, plan, &cx);
        loop {
            let looked = expects.iter().map(|expect| eye.look(expect)).collect::<Result<Vec<_>, _>>();
            let enough = match &looked {
                Ok(looks) => all_hold(looks) || looks.iter().any(|look| look.is_final),
                Err(failure) => matches!(failure.code, FailureCode::Denied | FailureCode::Cancelled),
            };
            if enough || self.clock.unix_ms() >= until || self.cancel.is_stopped() {
                return looked;
            }
            self.clock.pause(BETWEEN_LOOKS, &self.cancel);
        }
    }

    /// Looks until the system tells, whatever it tells.
    pub(super) fn patiently(&self, plan: &Plan, expects: &[Expect], limit_secs: u64) -> Result<Vec<Look>, Failure> {
        let until = self.clock.unix_ms() + i64::try_from(limit_secs).unwrap_or(i64::MAX / 2000) * 1000;
        loop {
            match self.wait_for(plan, expects, Duration::ZERO) {
                Err(failure) if self.clock.unix_ms() < until && failure.code != FailureCode::Denied => {
                    self.clock.pause(BETWEEN_LOOKS, &Cancel::default());
                }
                looked => return looked,
            }
        }
    }
}

/// Since when (Unix ms) a step's call is under way and nobody knows what came of it: its effect may still come.
pub(super) fn may_land(journal: &Journal, n: usize) -> Result<Option<i64>, StoreError> {
    let mut since = None;
    for (at_unix_ms, line) in journal.lines()? {
        match line {
            Line::Intends { step, back: false } if step == n => since = Some(at_unix_ms),
            Line::Answered { step, back: false, outcome } if step == n => {
                since = matches!(outcome, Outcome::Unknown(_)).then_some(at_unix_ms);
            }
            _ => {}
        }
    }
    Ok(since)
}

pub(super) fn all_hold(looks: &[Look]) -> bool {
    looks.iter().all(|look| look.holds)
}

pub(super) fn what_parts(looks: &[Look]) -> String {
    let parts: Vec<&str> = looks.iter().filter(|look| !look.holds).map(|look| look.saw.as_str()).collect();
    parts.join("; ")
}
