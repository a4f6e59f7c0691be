//! Carrying a plan out on the caller's thread, line by line: what a terminal does.

use super::word_of;
use crate::app::App;
use crate::wire::*;
use signalbox_release::{CarryError, Clock, Line, Look, Outcome, Plan, SystemClock};
use std::sync::Mutex;

impl App {
    /// `apply_plan`, until its end. `told` is given each line of the journal once it is on the disk.
    pub fn apply_here(&self, args: &Apply, told: &mut (dyn FnMut(LineView) + Send)) -> Result<PlanView, CallError> {
        let (plan, world) = self.may_apply(args)?;
        self.to_its_end(&plan, &world, None, told)
    }

    /// `resume_plan`, likewise.
    pub fn resume_here(&self, args: Resume, told: &mut (dyn FnMut(LineView) + Send)) -> Result<PlanView, CallError> {
        let (plan, world, choice) = self.may_resume(args)?;
        self.to_its_end(&plan, &world, Some(&choice), told)
    }

    /// What a terminal's Ctrl-C means: this plan is not carried out any further, also if it is about to begin.
    pub fn stop_here(&self, plan: &str) {
        let Ok(plan) = plan.parse() else { return };
        // It is told all the same if it cannot be kept.
        let _ = self.audit("stop", Some(&plan), None, serde_json::json!({}));
        self.stop_promotion(&plan);
    }

    /// How it ended is what the plan says then; one that is stuck stands open.
    fn to_its_end(
        &self,
        plan: &Plan,
        world: &signalbox_release::World,
        choice: Option<&signalbox_release::Choice>,
        told: &mut (dyn FnMut(LineView) + Send),
    ) -> Result<PlanView, CallError> {
        let hold = self.hold(&plan.id)?;
        let told = Mutex::new(told);
        let told = |line: &Line| crate::app::lock(&told)(view(plan, SystemClock.unix_ms(), line));
        match self.carry_out(hold, plan, world, choice, &told) {
            Ok(_) | Err(CarryError::Stuck { .. }) => self.plan_view(plan.id.as_str()),
            Err(e @ (CarryError::Taken(_) | CarryError::Ended)) => {
                Err(CallError::new(ErrorCode::Refused, sentence(&e.to_string())))
            }
            Err(e @ CarryError::Journal(_)) => Err(CallError::new(ErrorCode::Store, sentence(&e.to_string()))
                .hint("What was done before is in the journal: go on with the plan, or take it back.")),
        }
    }
}

/// A line of a plan's journal, for a person.
pub(super) fn view(plan: &Plan, at_unix_ms: i64, line: &Line) -> LineView {
    let step = super::step_of(line);
    let saw = |looks: &[Look]| looks.iter().map(|look| look.saw.clone()).collect();
    let mut proof = Vec::new();
    let says: Vec<String> = match line {
        Line::Began { by } => vec![format!("by {by}")],
        Line::Intends { .. } | Line::Committed | Line::TakenBack => Vec::new(),
        Line::Answered { outcome, .. } => match outcome {
            Outcome::Done(_) => Vec::new(),
            Outcome::Refused(failure) => vec![format!("no: {failure}")],
            Outcome::Unknown(failure) => vec![format!("the answer was lost: {failure}")],
        },
        Line::Seen { looks, .. } => {
            proof = looks.iter().filter_map(|look| look.proof.clone()).collect();
            saw(looks)
        }
        Line::Failed { why, .. } | Line::TurnsBack { why } => vec![why.clone()],
        Line::Left { saw, .. } => vec![saw.clone()],
        Line::Adopted { by, reason } => vec![format!("by {by}: {reason}")],
        Line::Tidied { failures } => failures.clone(),
    };
    let outcome = match line {
        Line::Answered { outcome: Outcome::Done(_), .. } => Some("done"),
        Line::Answered { outcome: Outcome::Refused(_), .. } => Some("refused"),
        Line::Answered { outcome: Outcome::Unknown(_), .. } => Some("unknown"),
        _ => None,
    };
    let back = matches!(
        line,
        Line::Intends { back: true, .. }
            | Line::Answered { back: true, .. }
            | Line::Seen { back: true, .. }
            | Line::Failed { back: true, .. }
            | Line::Left { .. }
    );
    LineView {
        at: super::views::secs(at_unix_ms),
        what: word_of(line).into(),
        step,
        title: step.and_then(|n| plan.steps.get(n)).map(|step| step.title.clone()),
        back,
        outcome: outcome.map(str::to_owned),
        says,
        proof,
    }
}
