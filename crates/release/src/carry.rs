//! Carries a plan out, and takes it back.
//!
//! Before each call a line in the journal, after it another; after each step a look at the systems themselves. A call
//! whose answer was lost is never made again blindly: one looks until it is seen, or the step's time is over. What
//! fails is taken back, step by step in reverse; but only what is still as this plan has left it: nothing is fought over.

mod call;
mod undo;
mod wait;

use std::time::Duration;

use signalbox_store::{Ledger, StoreError};

use crate::failure::{Failure, Outcome};
use crate::journal::{End, Journal, Line, Progress, StepState};
use crate::look::{Eye, World};
use crate::plan::{Action, Expect, Plan, Step, Who};
use crate::ports::{Cancel, Cx};
use undo::undone;
use wait::{all_hold, what_parts};

/// Time, for tests to own.
pub trait Clock: Send + Sync {
    fn unix_ms(&self) -> i64;
    /// Waits, or less if it is stopped.
    fn pause(&self, time: Duration, cancel: &Cancel);
}

/// The machine's.
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn pause(&self, time: Duration, cancel: &Cancel) {
        let end = std::time::Instant::now() + time;
        while let Some(left) = end.checked_duration_since(std::time::Instant::now())
            && !cancel.is_stopped()
        {
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

/// Why carrying a plan out broke off. What was done is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] StoreError),
    #[error("{0} is being carried out by another Signalbox")]
    Taken(String),
    #[error("it has ended already")]
    Ended,
    /// Neither done nor undone for sure: somebody has to look.
    #[error("step {}: {why}", step + 1)]
    Stuck { step: usize, why: String },
}

/// What one does with a plan that was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    GoOn,
    GoBack,
    /// Take things as they are.
    Adopt {
        reason: String,
    },
}

/// How the open step of a plan that was cut short stands, as the systems say now.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No step is open.
    Between {
        next: usize,
    },
    Done {
        step: usize,
        saw: Vec<String>,
    },
    NotDone {
        step: usize,
        saw: Vec<String>,
    },
    /// What the step brings is there in part: it is still being loaded, or registered, or it is not what it should be.
    UnderWay {
        step: usize,
        saw: Vec<String>,
    },
    /// It is neither as before nor as after the step.
    ChangedByAnother {
        step: usize,
        saw: Vec<String>,
    },
    /// The system does not tell.
    Unseen {
        step: usize,
        why: String,
    },
}

const LOOK_LIMIT: Duration = Duration::from_secs(15);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How long something that is neither as before nor as after a step may still be on its way.
const SETTLE_MS: i64 = 5_000;
/// How long a plan stays its carrier's after a sign of life.
const CLAIM_MS: i64 = 120_000;

pub struct Carrier<'a> {
    pub world: &'a World,
    pub ledger: &'a Ledger,
    pub clock: &'a dyn Clock,
    pub cancel: Cancel,
    /// A person, as the audit will name them.
    pub by: String,
    /// This process, so that no other carries the same plan out.
    pub owner: String,
    /// Told of every line.
    pub told: &'a (dyn Fn(&Line) + Sync),
}

/// How a step went.
enum Went {
    Well,
    Badly(String, Option<Failure>),
}

impl Carrier<'_> {
    /// Carries a plan out from its first step, or takes back what was done.
    pub fn apply(&self, plan: &Plan) -> Result<End, CarryError> {
        self.claimed(plan, |journal| {
            let progress = self.progress(plan, journal)?;
            if progress.end.is_some() {
                return Err(CarryError::Ended);
            }
            self.write(journal, Line::Began { by: self.by.clone() })?;
            self.forward(plan, journal, &progress)
        })
    }

    /// Goes on with a plan that was cut short.
    pub fn resume(&self, plan: &Plan, choice: &Choice) -> Result<End, CarryError> {
        self.claimed(plan, |journal| {
            let progress = self.progress(plan, journal)?;
            if progress.is_untidy() {
                return self.finish(plan, journal, choice);
            }
            if progress.end.is_some() {
                return Err(CarryError::Ended);
            }
            match choice {
                Choice::Adopt { reason } => {
                    self.write(journal, Line::Adopted { by: self.by.clone(), reason: reason.clone() })?;
                    Ok(End::Adopted)
                }
                Choice::GoOn if progress.back.is_none() => {
                    self.write(journal, Line::Began { by: self.by.clone() })?;
                    self.forward(plan, journal, &progress)
                }
                // What has turned back goes on back.
                Choice::GoOn => self.back(plan, journal),
                Choice::GoBack => {
                    if progress.back.is_none() {
                        self.write(journal, Line::TurnsBack { why: format!("{} took it back", self.by) })?;
                    }
                    self.back(plan, journal)
                }
            }
        })
    }

    /// What is left of a plan that went through: it cannot be taken back any more, only rolled back by another.
    fn finish(&self, plan: &Plan, journal: &Journal, choice: &Choice) -> Result<End, CarryError> {
        match choice {
            Choice::GoOn => self.tidy(plan, journal)?,
            Choice::GoBack => return Err(CarryError::Ended),
            Choice::Adopt { reason } => {
                let left = format!("left as it is by {}: {reason}", self.by);
                self.write(journal, Line::Tidied { failures: vec![left] })?;
            }
        }
        Ok(End::Committed)
    }

    /// How a plan that was cut short stands. Changes nothing.
    pub fn standing(&self, plan: &Plan, progress: &Progress) -> Standing {
        let open = |state: &StepState| match state {
            StepState::Open | StepState::Answered | StepState::Undoing => true,
            StepState::Failed { .. } => progress.back.is_none(),
            _ => false,
        };
        let Some(step) = progress.steps.iter().position(open) else {
            let next = progress.steps.iter().position(|state| *state == StepState::Waiting);
            return Standing::Between { next: next.unwrap_or(plan.steps.len()) };
        };
        if let StepState::Failed { why } = &progress.steps[step] {
            return Standing::NotDone { step, saw: vec![why.clone()] };
        }
        // What it looks like now says nothing of a watch that was not watched to its end.
        if plan.steps[step].judges() && progress.steps[step] != StepState::Answered {
            return Standing::NotDone { step, saw: vec!["it was cut short, and begins anew".into()] };
        }
        let cx = self.cx(LOOK_LIMIT);
        let eye = Eye::new(self.world, plan, &cx);
        let all = |expects: &[Expect]| -> Result<(bool, Vec<String>), Failure> {
            let looks = expects.iter().map(|expect| eye.look(expect)).collect::<Result<Vec<_>, _>>()?;
            Ok((looks.iter().all(|look| look.holds), looks.into_iter().map(|look| look.saw).collect()))
        };
        let (done, not_done) = (all(&plan.steps[step].after), all(&undone(&plan.steps[step])));
        match (done, not_done) {
            (Ok((true, saw)), _) => Standing::Done { step, saw },
            (_, Ok((true, saw))) => Standing::NotDone { step, saw },
            (Err(failure), _) | (_, Err(failure)) => Standing::Unseen { step, why: failure.message },
            // What these bring bears the plan's key, or its version: nobody else has brought it.
            (Ok((_, saw)), _) if plan.steps[step].brings() => Standing::UnderWay { step, saw },
            (Ok((_, saw)), _) => Standing::ChangedByAnother { step, saw },
        }
    }

    fn forward(&self, plan: &Plan, journal: &Journal, progress: &Progress) -> Result<End, CarryError> {
        for (n, step) in plan.steps.iter().enumerate() {
            if progress.steps[n] == StepState::Seen {
                continue;
            }
            // It had failed already, and was cut short before it turned back.
            if let StepState::Failed { why } = &progress.steps[n] {
                self.write(journal, Line::TurnsBack { why: format!("{}: {why}", step.title) })?;
                return self.back(plan, journal);
            }
            let fresh = match &progress.steps[n] {
                StepState::Waiting => true,
                // Only a watch that was watched to its end has judged.
                state => step.judges() && *state != StepState::Answered,
            };
            if let Went::Badly(why, failure) = self.step(plan, journal, n, step, fresh)? {
                self.write(journal, Line::Failed { step: n, back: false, why: why.clone(), failure })?;
                self.write(journal, Line::TurnsBack { why: format!("{}: {why}", step.title) })?;
                return self.back(plan, journal);
            }
        }
        self.write(journal, Line::Committed)?;
        self.tidy(plan, journal)?;
        Ok(End::Committed)
    }

    /// One step: is it as the plan saw it, do it, is it as it must be. `fresh`: it was never begun.
    fn step(&self, plan: &Plan, journal: &Journal, n: usize, step: &Step, fresh: bool) -> Result<Went, CarryError> {
        self.keep(plan)?;
        if self.cancel.is_stopped() {
            return Ok(Went::Badly("it was stopped".into(), None));
        }
        if !fresh && let Some(looks) = self.settled(plan, journal, n, step)? {
            self.write(journal, Line::Seen { step: n, back: false, looks })?;
            return Ok(Went::Well);
        }
        match self.wait_for(plan, &step.before, Duration::ZERO) {
            Ok(looks) if all_hold(&looks) => {}
            Ok(looks) => return Ok(Went::Badly(format!("not as the plan saw it: {}", what_parts(&looks)), None)),
            Err(failure) => return Ok(Went::Badly(format!("it cannot be looked at: {failure}"), Some(failure))),
        }
        self.write(journal, Line::Intends { step: n, back: false })?;
        let outcome = self.act(plan, &step.action, &plan.key(n, false), step.limit_secs);
        self.write(journal, Line::Answered { step: n, back: false, outcome: outcome.clone() })?;
        if let Outcome::Refused(failure) = outcome {
            return Ok(Went::Badly(failure.message.clone(), Some(failure)));
        }
        let unknown = if let Outcome::Unknown(failure) = &outcome { Some(failure) } else { None };
        match self.wait_for(plan, &step.after, Duration::from_secs(step.limit_secs)) {
            Ok(looks) if all_hold(&looks) => {
                self.write(journal, Line::Seen { step: n, back: false, looks })?;
                Ok(Went::Well)
            }
            Ok(looks) => {
                let mut why = format!("it is not so: {}", what_parts(&looks));
                if let Some(failure) = unknown {
                    why = format!("the answer was lost ({failure}), and {why}");
                }
                Ok(Went::Badly(why, unknown.cloned()))
            }
            Err(failure) => Ok(Went::Badly(format!("it cannot be looked at: {failure}"), Some(failure))),
        }
    }

    /// Takes back what was begun, in reverse. What stopped the way forward does not stop this.
    fn back(&self, plan: &Plan, journal: &Journal) -> Result<End, CarryError> {
        let (by, owner) = (self.by.clone(), self.owner.clone());
        Carrier { cancel: Cancel::default(), by, owner, ..*self }.take_back(plan, journal)
    }

    /// After the end: what is of no more use. What fails here is told, and undoes nothing.
    fn tidy(&self, plan: &Plan, journal: &Journal) -> Result<(), CarryError> {
        let mut failures = Vec::new();
        for (i, action) in plan.tidy.iter().enumerate() {
            if let Some(why) = self.is_still_wanted(plan, action) {
                failures.push(why);
                continue;
            }
            let key = plan.key(plan.steps.len() + i, false);
            if let Outcome::Refused(f) | Outcome::Unknown(f) = self.act(plan, action, &key, 60) {
                failures.push(f.message);
            }
        }
        self.write(journal, Line::Tidied { failures })
    }

    /// Why what was there before is better left: days may have gone by, and somebody may want it again.
    fn is_still_wanted(&self, plan: &Plan, action: &Action) -> Option<String> {
        let Action::Unstage { target, service, .. } = action else { return None };
        let (target, service, who) = (target.clone(), service.clone(), Some(Who::Candidate));
        let serves = Expect::Serves { target, service, who, share: 100, proven: false };
        match self.wait_for(plan, &[serves], Duration::ZERO) {
            Ok(looks) if all_hold(&looks) => None,
            Ok(looks) => Some(format!("the version before was left loaded: {}", what_parts(&looks))),
            Err(failure) => Some(format!("the version before was left loaded: {failure}")),
        }
    }

    fn claimed(&self, plan: &Plan, work: impl FnOnce(&Journal) -> Result<End, CarryError>) -> Result<End, CarryError> {
        let journal = Journal::of(self.ledger, plan)?;
        self.keep(plan)?;
        let end = work(&journal);
        self.ledger.release(plan.id.as_str(), &self.owner)?;
        end
    }

    /// A sign of life: the plan stays ours.
    fn keep(&self, plan: &Plan) -> Result<(), CarryError> {
        let now = self.clock.unix_ms();
        if self.ledger.claim(plan.id.as_str(), &self.owner, now, now + CLAIM_MS)? {
            Ok(())
        } else {
            Err(CarryError::Taken(plan.title.clone()))
        }
    }

    fn progress(&self, plan: &Plan, journal: &Journal) -> Result<Progress, CarryError> {
        let lines: Vec<Line> = journal.lines()?.into_iter().map(|(_, line)| line).collect();
        Ok(Progress::of(plan.steps.len(), &lines))
    }

    fn write(&self, journal: &Journal, line: Line) -> Result<(), CarryError> {
        journal.write(self.clock.unix_ms(), &line)?;
        (self.told)(&line);
        Ok(())
    }

    fn cx(&self, limit: Duration) -> Cx {
        Cx { cancel: self.cancel.clone(), limit }
    }
}
