//! A dry run: the gates judged anew and the first step's conditions looked at, with nothing sent and nothing written.

use super::gates::{Subject, judge, measured};
use super::ground::Ground;
use super::systems::Rules;
use super::{reading, transferring, views};
use crate::app::App;
use crate::wire::*;
use signalbox_release::gate::{Measured, Ruling, Verdict};
use signalbox_release::{Candidate, Eye, Plan, World, digest_of};
use std::collections::BTreeMap;

impl App {
    pub(crate) fn rehearse(&self, args: Apply) -> Result<Rehearsal, CallError> {
        let (plan, progress) = self.plan_row(&args.plan)?;
        if plan.hash().to_string() != args.hash {
            return Err(
                CallError::new(ErrorCode::Refused, "This is not the plan that was shown.").hint("Open it again.")
            );
        }
        if progress.began {
            return Err(CallError::new(ErrorCode::Refused, "This plan was begun already.")
                .hint("`signalbox status` says how it stands."));
        }
        if self.is_foreign(&plan)? {
            return Err(CallError::new(
                ErrorCode::Refused,
                format!("{} made this plan on another machine.", plan.made_by),
            )
            .hint("Who made it carries it out, and rehearses it."));
        }
        let ground = self.ground(&plan)?;
        let rules = &ground.rules;
        let world = self.world_of(ground.root.as_deref(), rules)?.0;
        let verdicts = self.judged_anew(&plan, &ground, &world)?;
        let blocks = |v: &&Verdict| !matches!(v.ruling, Ruling::Pass | Ruling::Skipped);
        let stands = verdicts.iter().filter(blocks).filter_map(|v| stands(v, &args.overrides, rules));
        let cx = reading();
        let eye = Eye::new(&world, &plan, &cx);
        let before = plan.steps.first().map_or(&[][..], |step| &step.before).iter().map(|expect| {
            let (holds, saw) = match eye.look(expect) {
                Ok(look) => (look.holds, look.saw),
                Err(failure) => (false, failure.message),
            };
            LookView { expects: plan.expects(expect), holds, saw }
        });
        Ok(Rehearsal {
            stands: stands.collect(),
            before: before.collect(),
            gates: verdicts.iter().map(views::verdict).collect(),
        })
    }

    /// The artifact, the metrics and the policy as they are now. Whether the model loads is kept by the artifact's
    /// digest: of an artifact that is the same, it is the same.
    fn judged_anew(&self, plan: &Plan, ground: &Ground, world: &World) -> Result<Vec<Verdict>, CallError> {
        let name = plan.candidate.model();
        let rules = &ground.rules;
        let model = rules.model(name);
        let (mut verdicts, _) = self.verdicts(plan, ground, &model)?;
        let registry = world.registry(plan.candidate.registry())?;
        let (folder, measured) = match &plan.candidate {
            Candidate::New { what, .. } => {
                let path = what.path.clone().ok_or_else(|| {
                    CallError::new(ErrorCode::Unreadable, "The plan names no artifact on this machine.")
                })?;
                (path, what.run.as_deref().map(|run| self.measured_now(run)).unwrap_or_default())
            }
            Candidate::Version(at) => {
                let version = registry.version(&at.model, &at.version, &reading())?.ok_or_else(|| {
                    CallError::new(ErrorCode::NotFound, format!("{at} is not in its registry any more."))
                })?;
                (registry.fetch(&version, &transferring())?, self.measured_of(&version))
            }
        };
        let tree = digest_of(&folder).map_err(|e| CallError::new(ErrorCode::Unreadable, sentence(&e.to_string())))?;
        let production = match &model.alias {
            Some(alias) => match registry.pointer(name, alias, &reading())?.to {
                Some(version) => registry.version(name, &version, &reading())?,
                None => None,
            },
            None => None,
        };
        let old = production.as_ref().map(|version| self.measured_of(version)).unwrap_or_default();
        let subject = Subject { path: &folder, tree: &tree, wanted: plan.candidate.digest(), measured };
        let mut anew = judge(&subject, rules, &model, world, production.as_ref(), &old);
        if let Some(rule) = &model.gates.drift {
            let is_home =
                |project: &&std::sync::Arc<crate::project::OpenProject>| Some(&project.root) == ground.root.as_ref();
            let open = self.open_projects();
            let about = super::bound(&tree.digest, rules.digest.as_ref());
            anew.push(crate::data::drift_gate(self, open.iter().find(is_home), rule, &about));
        }
        for verdict in anew {
            match verdicts.iter_mut().find(|kept| kept.gate == verdict.gate) {
                Some(kept) => *kept = verdict,
                None => verdicts.push(verdict),
            }
        }
        Ok(verdicts)
    }

    fn measured_now(&self, run: &str) -> BTreeMap<String, Measured> {
        let Some((project, run)) = self.run_by_id(run) else { return BTreeMap::new() };
        let data = self.data_of(run).unwrap_or_default();
        let catalogue = project.catalogue();
        catalogue.get(run).map(|run| measured(&catalogue, run, data)).unwrap_or_default()
    }
}

/// What a gate that does not pass would say to these overrides; None: it would let the plan through.
fn stands(verdict: &Verdict, overrides: &[Override], rules: &Rules) -> Option<String> {
    let overriders = &rules.policy.roles.overriders;
    let may = overriders.is_empty() || overriders.contains(&super::person());
    let is_overridden = overrides.iter().any(|o| o.gate == verdict.gate && !o.reason.trim().is_empty());
    if is_overridden && may && super::gates::is_for_people(&verdict.gate) {
        return None;
    }
    let why = if is_overridden { ", and it is not yours to override" } else { "" };
    Some(format!("the gate {:?} does not pass: {}{why}", verdict.gate, verdict.says))
}
