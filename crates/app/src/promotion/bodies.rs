//! What the commands of promotions do.

use super::systems::Rules;
use super::views;
use crate::app::App;
use crate::wire::*;
use serde_json::json;
use signalbox_release::{Action, Audit, Choice, End, Outcome, Plan, Policy, Who, World};
use signalbox_types::RunId;
use std::collections::BTreeSet;

impl App {
    pub(crate) fn models(&self, _: Empty) -> Result<Vec<RegistryView>, CallError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for project in std::iter::once(None).chain(self.open_projects().into_iter().map(Some)) {
            let (world, failures) = self.world(project.as_deref())?;
            for (id, port) in &world.registries {
                // Two names of our own registry are one registry.
                if seen.insert(port.title()) {
                    found.push(views::registry(self, &**port, id.to_string()));
                }
            }
            let title = project.as_ref().map_or_else(String::new, |project| project.name.clone());
            let told = |failure, allow| RegistryView {
                id: String::new(),
                title: title.clone(),
                models: Vec::new(),
                failure: Some(failure),
                allow,
            };
            found.extend(failures.into_iter().map(|failure| told(failure, None)));
            if let Some(project) = &project
                && let Some(failure) = self.not_allowed(project)
            {
                found.push(told(failure, Some(project.id.0)));
            }
        }
        Ok(found)
    }

    pub(crate) fn production(&self, _: Empty) -> Result<Vec<ServiceView>, CallError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        // What a policy says of a service goes before what holds without one.
        for project in self.open_projects().into_iter().map(Some).chain(std::iter::once(None)) {
            let (world, _) = self.world(project.as_deref())?;
            for at in self.services(project.as_deref(), &world) {
                let Some(port) = world.targets.get(&at.target) else { continue };
                if seen.insert((port.title(), at.service.clone())) {
                    found.push(views::service(&world, &at, &**port));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn run_models(&self, args: OfRunModels) -> Result<Vec<RunModel>, CallError> {
        Ok(self.models_of_run(RunId(args.run))?.into_iter().map(|(model, _)| model).collect())
    }

    pub(crate) fn propose(&self, args: Propose) -> Result<PlanView, CallError> {
        let plan = self.make_plan(&args)?;
        self.plan_view(plan.id.as_str())
    }

    /// Back to the version that served before the last promotion that went through.
    pub(crate) fn propose_rollback(&self, args: OfService) -> Result<PlanView, CallError> {
        for (plan, progress) in self.all_plans()? {
            if progress.end != Some(End::Committed) {
                continue;
            }
            let before = plan.steps.iter().find_map(|step| match &step.inverse {
                Some(Action::Route { target, service, to: Some(Who::Version(at)), .. })
                    if target.as_str() == args.target && service.as_str() == args.service =>
                {
                    Some(at.clone())
                }
                _ => None,
            });
            if let Some(at) = before {
                let project = self.project_of_plan(&plan).map(|project| project.id.0);
                return self.propose(Propose {
                    run: None,
                    path: None,
                    model: Some(at.model.to_string()),
                    registry: Some(at.registry.to_string()),
                    version: Some(at.version.to_string()),
                    project,
                });
            }
        }
        Err(CallError::new(ErrorCode::NotFound, "No promotion to this service is known that could be taken back.")
            .hint("Promote the version that shall serve, from the list of models."))
    }

    pub(crate) fn plans(&self, _: Empty) -> Result<Vec<PlanRow>, CallError> {
        let plans = self.all_plans()?;
        Ok(plans.iter().map(|(plan, progress)| views::row(plan, progress, self.is_running(&plan.id))).collect())
    }

    pub(crate) fn plan(&self, args: OfPlan) -> Result<PlanView, CallError> {
        self.plan_view(&args.plan)
    }

    pub(crate) fn apply_plan(&self, args: Apply) -> Result<(), CallError> {
        let (plan, world) = self.may_apply(&args)?;
        self.carry(plan, world, None)
    }

    /// The plan as it was shown, with the systems that it is about, if nothing stands against it.
    pub(crate) fn may_apply(&self, args: &Apply) -> Result<(Plan, World), CallError> {
        let (plan, progress) = self.plan_row(&args.plan)?;
        if plan.hash().to_string() != args.hash {
            return Err(
                CallError::new(ErrorCode::Refused, "This is not the plan that was shown.").hint("Open it again.")
            );
        }
        if self.is_foreign(&plan)? {
            return Err(CallError::new(
                ErrorCode::Refused,
                format!("{} made this plan on another machine.", plan.made_by),
            )
            .hint("It is here to be read and approved; who made it carries it out."));
        }
        if progress.began {
            return Err(CallError::new(ErrorCode::Refused, "This plan was begun already.")
                .hint("Go on with it, or take it back."));
        }
        let project = self.project_of_plan(&plan);
        let rules = match &project {
            Some(project) => Rules::of(project)?,
            None => Rules { policy: Policy::default(), digest: None },
        };
        let model = rules.model(plan.candidate.model());
        let (verdicts, _) = self.verdicts(&plan, &rules, &model)?;
        self.check_gates(&plan, &verdicts, &args.overrides, &rules)?;
        let (world, _) = self.world(project.as_deref())?;
        self.audit("apply", Some(&plan.id), None, json!({ "hash": args.hash, "verdicts": verdicts }))?;
        Ok((plan, world))
    }

    pub(crate) fn resume_plan(&self, args: Resume) -> Result<(), CallError> {
        let (plan, world, choice) = self.may_resume(args)?;
        self.carry(plan, world, Some(choice))
    }

    pub(crate) fn may_resume(&self, args: Resume) -> Result<(Plan, World, Choice), CallError> {
        let (plan, progress) = self.plan_row(&args.plan)?;
        if !progress.is_open() {
            let (says, hint) = match progress.began {
                false => ("This plan was not begun.", "Carry it out: what stands against it is judged then."),
                true => ("This plan has ended.", "Make another one to change what is so now."),
            };
            return Err(CallError::new(ErrorCode::Refused, says).hint(hint));
        }
        let choice = match args.choice.as_str() {
            "go_on" => Choice::GoOn,
            "go_back" => Choice::GoBack,
            "adopt" => match args.reason.filter(|reason| !reason.trim().is_empty()) {
                Some(reason) => Choice::Adopt { reason },
                None => return Err(CallError::new(ErrorCode::BadRequest, "Say why things are taken as they are.")),
            },
            other => return Err(CallError::new(ErrorCode::BadRequest, format!("{other:?} is no way to go on."))),
        };
        let (world, _) = self.world(self.project_of_plan(&plan).as_deref())?;
        self.audit("resume", Some(&plan.id), None, json!({ "choice": args.choice }))?;
        Ok((plan, world, choice))
    }

    pub(crate) fn stop_plan(&self, args: OfPlan) -> Result<(), CallError> {
        let (plan, _) = self.plan_row(&args.plan)?;
        if !self.is_running_here(&plan.id) && self.is_running(&plan.id) {
            return Err(CallError::new(ErrorCode::Refused, "Another Signalbox carries this plan out.")
                .hint("Stop it there; in a terminal with Ctrl-C."));
        }
        self.audit("stop", Some(&plan.id), None, json!({}))?;
        self.stop_promotion(&plan.id);
        Ok(())
    }

    /// The person has seen which addresses the project's policy names, as it is now.
    pub(crate) fn allow_policy(&self, args: OfProject) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let Some(digest) = Rules::of(&project)?.digest else {
            return Err(CallError::new(ErrorCode::NotFound, "This project has no signalbox.toml."));
        };
        self.audit(
            "allow policy",
            None,
            None,
            json!({ "project": crate::project::show(&project.root), "policy": digest }),
        )?;
        self.write(|store| store.set_pref(&super::elsewhere::allowed_key(&digest), "true"))
    }

    /// Ends a service on this machine, after its requests in flight.
    pub(crate) fn stop_service(&self, args: OfService) -> Result<(), CallError> {
        let name = |e: signalbox_release::BadName| CallError::new(ErrorCode::BadRequest, sentence(&e.to_string()));
        let service = args.service.parse().map_err(name)?;
        self.audit("stop service", None, None, json!({ "target": args.target, "service": args.service }))?;
        match self.local_target()?.stop_service(&service, &super::reading()) {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(failure) | Outcome::Unknown(failure) => Err(failure.into()),
        }
    }

    /// Ends all that serves on this machine; the next promotion brings it back.
    pub(crate) fn stop_keeper(&self, _: Empty) -> Result<(), CallError> {
        self.audit("stop keeper", None, None, json!({}))?;
        Ok(self.local_target()?.stop(&super::reading())?)
    }

    pub(crate) fn audit_trail(&self, args: AuditQuery) -> Result<AuditPage, CallError> {
        let ledger = self.ledger()?;
        let audit = Audit(&ledger);
        let (total, head, broken) = match audit.verify()? {
            Ok((n, head)) => (n, Some(head).filter(|head| !head.is_empty()), None),
            Err(broken) => (broken.seq, None, Some(format!("Entry {}: {}.", broken.seq, broken.why))),
        };
        let rows = audit.entries(args.from.max(1))?.into_iter().map(|(seq, hash, entry)| AuditRow {
            seq,
            hash,
            at: views::secs(entry.at_unix_ms),
            who: entry.who,
            machine: entry.machine,
            what: entry.what,
            plan: entry.plan.map(|plan| plan.to_string()),
            step: entry.step,
            detail: views::pretty(&entry.detail),
        });
        Ok(AuditPage { rows: rows.collect(), total, broken, head })
    }
}
