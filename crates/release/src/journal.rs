//! What was done of a plan, line by line: one before each call, one after. What is so follows from the lines alone.

use serde::{Deserialize, Serialize};
use signalbox_store::{Ledger, PlanRow, StoreError};

use crate::failure::{Failure, Outcome};
use crate::look::Look;
use crate::names::PlanId;
use crate::plan::Plan;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Line {
    /// Somebody began to carry it out, or went on.
    Began { by: String },
    /// The call of this step is about to be made.
    Intends { step: usize, back: bool },
    /// It was made, and this came back.
    Answered { step: usize, back: bool, outcome: Outcome },
    /// What must be so after the step was seen.
    Seen { step: usize, back: bool, looks: Vec<Look> },
    /// The step did not get where it should.
    Failed { step: usize, back: bool, why: String, failure: Option<Failure> },
    /// Taking back: this step's work is not there any more, or another has changed it since: it was left alone.
    Left { step: usize, saw: String },
    /// From here on it is taken back.
    TurnsBack { why: String },
    /// All steps were seen to have worked.
    Committed,
    /// All that it did is undone, but for what `Left` lines tell.
    TakenBack,
    /// A person took things as they are.
    Adopted { by: String, reason: String },
    /// What was of no more use is gone, or could not be removed.
    Tidied { failures: Vec<String> },
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StepState {
    Waiting,
    /// The call may have been made; what came of it is not known.
    Open,
    /// The system said yes; that it is so was not seen yet.
    Answered,
    Seen,
    Failed {
        why: String,
    },
    /// Its inverse may have been called; what came of it is not known.
    Undoing,
    Undone,
    Left {
        saw: String,
    },
}

/// How a plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Committed,
    TakenBack,
    Adopted,
}

/// What the lines add up to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    pub steps: Vec<StepState>,
    /// Of each step, whether its call may have been made: what was never begun is not taken back.
    pub begun: Vec<bool>,
    /// Why it turned back, once it did.
    pub back: Option<String>,
    pub end: Option<End>,
    pub began: bool,
    pub tidied: bool,
}

impl Progress {
    /// `lines` may come from a newer version or a damaged file: steps that the plan has not are passed over.
    pub fn of(n_steps: usize, lines: &[Line]) -> Progress {
        let mut progress = Progress {
            steps: vec![StepState::Waiting; n_steps],
            begun: vec![false; n_steps],
            back: None,
            end: None,
            began: false,
            tidied: false,
        };
        for line in lines {
            progress.take(line);
        }
        progress
    }

    fn take(&mut self, line: &Line) {
        if let Line::Intends { step, back: false } = line
            && let Some(begun) = self.begun.get_mut(*step)
        {
            *begun = true;
        }
        let mut set = |step: usize, state: StepState| {
            if let Some(slot) = self.steps.get_mut(step) {
                *slot = state;
            }
        };
        match line {
            Line::Began { .. } => self.began = true,
            Line::Intends { step, back: false } => set(*step, StepState::Open),
            Line::Intends { step, back: true } => set(*step, StepState::Undoing),
            Line::Answered { step, back: false, outcome: Outcome::Done(_) } => set(*step, StepState::Answered),
            // A no is an end: the plan turns back, also when it was cut short before it said so.
            Line::Answered { step, back: false, outcome: Outcome::Refused(failure) } => {
                set(*step, StepState::Failed { why: failure.message.clone() });
            }
            // What is not known, and an inverse that was called, stay as they are until one has looked.
            Line::Answered { .. } => {}
            Line::Seen { step, back: false, .. } => set(*step, StepState::Seen),
            Line::Seen { step, back: true, .. } => set(*step, StepState::Undone),
            Line::Failed { step, back: false, why, .. } => set(*step, StepState::Failed { why: why.clone() }),
            Line::Failed { back: true, .. } => {}
            Line::Left { step, saw } => set(*step, StepState::Left { saw: saw.clone() }),
            Line::TurnsBack { why } => self.back = Some(why.clone()),
            Line::Committed => self.end = Some(End::Committed),
            Line::TakenBack => self.end = Some(End::TakenBack),
            Line::Adopted { .. } => self.end = Some(End::Adopted),
            Line::Tidied { .. } => self.tidied = true,
        }
    }

    /// Somebody began, and nobody ended it; or it ended well, and what is of no more use is still there.
    pub fn is_open(&self) -> bool {
        self.began && (self.end.is_none() || self.is_untidy())
    }

    /// It went through and was cut short before the version from before was unloaded.
    pub fn is_untidy(&self) -> bool {
        self.end == Some(End::Committed) && !self.tidied
    }
}

/// A plan's journal in the ledger.
pub struct Journal<'a> {
    ledger: &'a Ledger,
    plan: &'a PlanId,
}

impl<'a> Journal<'a> {
    /// Keeps the plan, if it is not kept yet.
    pub fn of(ledger: &'a Ledger, plan: &'a Plan) -> Result<Journal<'a>, StoreError> {
        ledger.add_plan(&PlanRow {
            id: plan.id.to_string(),
            hash: plan.hash().to_string(),
            body: serde_json::to_string(plan).expect("BUG: a plan is JSON"),
            made_unix_ms: plan.made_unix_ms,
        })?;
        Ok(Journal { ledger, plan: &plan.id })
    }

    /// Adds a line; it is on the disk when this returns.
    pub fn write(&self, at_unix_ms: i64, line: &Line) -> Result<(), StoreError> {
        let body = serde_json::to_string(line).expect("BUG: a line is JSON");
        self.ledger.append(self.plan.as_str(), at_unix_ms, &body)?;
        Ok(())
    }

    /// All lines with their times. Those that this version does not know are passed over.
    pub fn lines(&self) -> Result<Vec<(i64, Line)>, StoreError> {
        lines(self.ledger, self.plan.as_str())
    }
}

/// The lines of any plan.
pub fn lines(ledger: &Ledger, plan: &str) -> Result<Vec<(i64, Line)>, StoreError> {
    let rows = ledger.journal(plan)?;
    Ok(rows.into_iter().filter_map(|row| Some((row.at_unix_ms, serde_json::from_str(&row.body).ok()?))).collect())
}

/// The plans of the ledger, newest first, each with how far it is. Those that do not read are passed over.
pub fn all(ledger: &Ledger) -> Result<Vec<(Plan, Progress)>, StoreError> {
    let mut found = Vec::new();
    for row in ledger.plans()? {
        let Ok(plan) = serde_json::from_str::<Plan>(&row.body) else { continue };
        let lines: Vec<Line> = lines(ledger, &row.id)?.into_iter().map(|(_, line)| line).collect();
        let progress = Progress::of(plan.steps.len(), &lines);
        found.push((plan, progress));
    }
    Ok(found)
}
