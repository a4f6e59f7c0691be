//! What tells whether a step is still there to be taken back.

use crate::plan::{Action, Expect, Step};

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
pub(super) fn ours(step: &Step) -> Vec<Expect> {
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
        // They carry this plan's key, or are a version that only this plan has loaded.
        Action::Register
        | Action::Stage { .. }
        | Action::Withdraw
        | Action::Unstage { .. }
        | Action::Smoke { .. }
        | Action::Bake { .. } => Vec::new(),
    }
}
