//! A plan in words.

use crate::plan::{Action, Candidate, Expect, Plan, Who};

impl Plan {
    /// What must be seen, as a person would say it.
    pub fn expects(&self, expect: &Expect) -> String {
        let name = |who: &Who| self.name(who);
        match expect {
            Expect::Registered => format!("one version of {} carries this plan's key", self.candidate.model()),
            Expect::NotRegistered => format!("no version of {} carries this plan's key", self.candidate.model()),
            Expect::Loaded { target, who, proven, .. } => {
                let proof = if *proven && !self.golden.is_empty() { " and gives the golden answers" } else { "" };
                format!("{} is loaded on {target}{proof}", name(who))
            }
            Expect::NotLoaded { target, who, .. } => format!("{} is not loaded on {target}", name(who)),
            Expect::Serves { service, who: None, .. } => format!("nobody serves {service}"),
            Expect::Serves { service, who: Some(who), share, proven, .. } => {
                let proof = if *proven && !self.golden.is_empty() { " and gives the golden answers" } else { "" };
                format!("{} has {share} % of the traffic of {service}{proof}", name(who))
            }
            Expect::Alias { alias, to: Some(who), .. } => format!("{alias} points at {}", name(who)),
            Expect::Alias { alias, to: None, .. } => format!("{alias} points at nothing"),
            Expect::Healthy { service, .. } => format!("{service} keeps to its limits"),
        }
    }

    /// What an action does, as a person would say it. Systems are called as the policy calls them.
    pub fn does(&self, action: &Action) -> String {
        match action {
            Action::Register => format!("register {} in {}", self.candidate.model(), self.candidate.registry()),
            Action::Withdraw => format!("mark {} as withdrawn", self.name(&Who::Candidate)),
            Action::Stage { target, who, .. } => format!("load {} on {target}", self.name(who)),
            Action::Unstage { target, who, .. } => format!("unload {} on {target}", self.name(who)),
            Action::Route { target, service, to: Some(who), share, .. } => {
                format!("give {} {share} % of the traffic of {service} on {target}", self.name(who))
            }
            Action::Route { target, service, to: None, .. } => format!("let nobody serve {service} on {target}"),
            Action::Smoke { gate, .. } => format!("ask the candidate {} times", gate.n_requests),
            Action::Bake { service, limits, .. } => format!("watch {service} for {} s", limits.secs),
            Action::Point { registry, model, alias, to: Some(who), .. } => {
                format!("point {alias} of {model} in {registry} at {}", self.name(who))
            }
            Action::Point { registry, model, alias, to: None, .. } => {
                format!("take {alias} of {model} in {registry} away")
            }
        }
    }

    fn name(&self, who: &Who) -> String {
        match (who, &self.candidate) {
            (Who::Version(at), _) | (Who::Candidate, Candidate::Version(at)) => at.to_string(),
            (Who::Candidate, Candidate::New { model, .. }) => format!("the new {model}"),
        }
    }
}
