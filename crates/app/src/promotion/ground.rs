//! The ground that a plan stands on: the folder and the rules that it was made under, and those that hold now.
//!
//! A plan names its systems by the policy's names. What they meant when it was made is kept beside it: one that was cut
//! short is gone on with, or taken back, on the very systems that it has changed, whatever the file says by now.

use super::systems::Rules;
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use serde::{Deserialize, Serialize};
use signalbox_release::gate::{Bound, Ruling, Verdict};
use signalbox_release::{Candidate, Clock, Plan, Policy, SystemClock, World};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kind of the record.
const HOME: &str = "home";

#[derive(Serialize, Deserialize)]
struct Home {
    root: Option<PathBuf>,
    /// Registries, targets and models; without the freezes, which say nothing of systems.
    policy: Policy,
}

pub(crate) struct Ground {
    pub root: Option<PathBuf>,
    /// As they are now.
    pub rules: Rules,
    /// Why they are not those that the plan was made under, if it cannot be judged by them at all.
    pub trouble: Option<String>,
    made_under: Option<Policy>,
}

impl Ground {
    /// What stands against judging the plan here.
    pub fn verdict(&self) -> Option<Verdict> {
        let says = self.trouble.clone()?;
        let (gate, evidence, bound) = ("policy".into(), serde_json::Value::Null, Bound::default());
        Some(Verdict { gate, ruling: Ruling::Error, says, evidence, bound })
    }

    /// The rules that the plan's systems are named by.
    pub fn made_under(&self, plan: &Plan) -> Result<Rules, CallError> {
        if let Some(policy) = &self.made_under {
            return Ok(Rules { policy: policy.clone(), digest: plan.policy.clone() });
        }
        if plan.policy == self.rules.digest {
            return Ok(self.rules.clone());
        }
        Err(CallError::new(ErrorCode::Refused, "signalbox.toml is not the one that this plan was made under.").hint(
            "Put back the version of the file from when the plan was made, and try again; or take things as they are.",
        ))
    }
}

impl App {
    /// Keeps where a plan is made.
    pub(super) fn keep_home(&self, plan: &Plan, root: Option<&Path>, rules: &Rules) -> Result<(), CallError> {
        let policy = Policy { freeze: Vec::new(), ..rules.policy.clone() };
        let home = Home { root: root.map(Path::to_path_buf), policy };
        let body = serde_json::to_string(&home).map_err(|e| CallError::new(ErrorCode::Internal, format!("{e}.")))?;
        self.ledger()?.record(HOME, &plan.hash().to_string(), SystemClock.unix_ms(), &body)?;
        Ok(())
    }

    fn home_of(&self, plan: &Plan) -> Result<Option<Home>, CallError> {
        let kept = self.ledger()?.records(HOME, &plan.hash().to_string())?;
        Ok(kept.last().and_then(|row| serde_json::from_str(&row.body).ok()))
    }

    /// The rules that a plan's systems are named by; the file as it is now is read only where they were not kept.
    pub(super) fn made_under(&self, plan: &Plan) -> Result<Rules, CallError> {
        match self.home_of(plan)? {
            Some(home) => Ok(Rules { policy: home.policy, digest: plan.policy.clone() }),
            None => self.ground(plan)?.made_under(plan),
        }
    }

    pub(crate) fn ground(&self, plan: &Plan) -> Result<Ground, CallError> {
        let (root, made_under) = match self.home_of(plan)? {
            Some(home) => (home.root, Some(home.policy)),
            None => (self.folder_of_plan(plan).map(|project| project.root.clone()), None),
        };
        let ground = |rules, trouble| Ground { root: root.clone(), rules, trouble, made_under: made_under.clone() };
        let nobodys = Rules { policy: made_under.clone().unwrap_or_default(), digest: None };
        Ok(match &root {
            Some(root) => match Rules::of(root) {
                Ok(rules) => ground(rules, None),
                Err(e) => ground(nobodys, Some(e.message)),
            },
            None if plan.policy.is_some() => {
                let why = "open the project whose signalbox.toml it was made under, at that file's version";
                ground(nobodys, Some(why.into()))
            }
            None => ground(nobodys, None),
        })
    }

    /// The systems that a plan was made for.
    pub(crate) fn world_of_plan(&self, plan: &Plan, ground: &Ground) -> Result<World, CallError> {
        Ok(self.world_of(ground.root.as_deref(), &ground.made_under(plan)?)?.0)
    }

    /// The open project that a plan was made in.
    pub(crate) fn project_of_plan(&self, plan: &Plan) -> Option<Arc<OpenProject>> {
        self.project_at(self.ground(plan).ok()?.root.as_deref())
    }

    pub(super) fn project_at(&self, root: Option<&Path>) -> Option<Arc<OpenProject>> {
        let root = root?;
        self.open_projects().into_iter().find(|project| project.root == root)
    }

    /// Of a plan that came from elsewhere, or was made before its folder was kept: the open project whose policy it was
    /// made under, or whose run it promotes.
    fn folder_of_plan(&self, plan: &Plan) -> Option<Arc<OpenProject>> {
        let is_under = |project: &OpenProject| {
            plan.policy.is_some() && Rules::of(&project.root).is_ok_and(|rules| rules.digest == plan.policy)
        };
        let by_run = || match &plan.candidate {
            Candidate::New { what, .. } => self.run_by_id(what.run.as_deref()?).map(|(project, _)| project),
            Candidate::Version(_) => None,
        };
        self.open_projects().into_iter().find(|project| is_under(project)).or_else(by_run)
    }
}
