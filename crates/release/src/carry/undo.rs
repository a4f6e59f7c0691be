//! What tells whether a step is still there to be taken back.

use crate::plan::{Action, Expect, Plan, Step, Who};

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
