//! What the commands of promotions do.

use super::systems::Rules;
use super::views;
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use serde_json::json;
use signalbox_release::{
    Action, Audit, Choice, Clock, End, Outcome, Plan, Progress, SystemClock, TargetAt, VersionRef, Who, World,
};
use signalbox_types::RunId;
use std::collections::BTreeSet;

/// The kind of the record.
const DISCARDED: &str = "discarded";

/// What a name of a target stands for; none for this machine.
fn system<'a>(rules: &'a Rules, target: &str) -> Option<&'a TargetAt> {
    let found = rules.policy.targets.iter().find(|(name, _)| name.as_str() == target);
    found.map(|(_, at)| at).filter(|at| !matches!(at, TargetAt::Local { .. }))
}

impl App {
    pub(crate) fn models(&self, _: Empty) -> Result<Vec<RegistryView>, CallError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for project in std::iter::once(None).chain(self.open_projects().into_iter().map(Some)) {
            let (world, failures) = self.world(project.as_deref())?;
            let id_of = project.as_ref().map(|project| project.id.0);
            for (id, port) in &world.registries {
                // Two names of our own registry are one registry.
                if seen.insert(port.title()) {
                    found.push(RegistryView { project: id_of, ..views::registry(self, &**port, id.to_string()) });
                }
            }
            let title = project.as_ref().map_or_else(String::new, |project| project.name.clone());
            let told = |failure, allow| RegistryView {
                id: String::new(),
                title: title.clone(),
                models: Vec::new(),
                failure: Some(failure),
                project: id_of,
                allow,
            };
            found.extend(failures.into_iter().map(|failure| told(failure, None)));
            let asked = project.as_ref().and_then(|project| self.not_allowed(project));
            found.extend(asked.map(|(failure, allow)| told(failure, Some(allow))));
        }
        Ok(found)
    }

    pub(crate) fn production(&self, _: Empty) -> Result<Vec<ServiceView>, CallError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        // What a policy says of a service goes before what holds without one.
        let plans = self.all_plans()?;
        for project in self.open_projects().into_iter().map(Some).chain(std::iter::once(None)) {
            let (world, failures) = self.world(project.as_deref())?;
            let why_not = project.as_ref().and_then(|project| self.not_allowed(project)).map(|(failure, _)| failure);
            for at in self.services(project.as_deref(), &world) {
                let port = world.targets.get(&at.target);
                let title = port.map_or_else(|| at.target.to_string(), |port| port.title());
                if !seen.insert((title, at.service.clone())) {
                    continue;
                }
                let mut view = match port {
                    Some(port) => views::service(&world, &at, &**port),
                    None => views::unseen(&at, why_not.clone().or_else(|| failures.first().cloned())),
                };
                view.project = project.as_ref().map(|project| project.id.0);
                view.can_go_back = self.before_now(&plans, project.as_deref(), &view.target, &view.service).is_some();
                found.push(view);
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
        let project = args.project.map(|project| self.project(project)).transpose()?;
        let plans = self.all_plans()?;
        let (plan, at) = self.before_now(&plans, project.as_deref(), &args.target, &args.service).ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "No promotion to this service is known that could be taken back.")
                .hint("Promote the version that shall serve, from the list of models.")
        })?;
        let home = self.ground(plan)?.root;
        let project = self.project_of_plan(plan).map(|project| project.id.0);
        if let (Some(root), None) = (&home, project) {
            let why = format!("The promotion before was made in {}, which is not open.", crate::project::show(root));
            return Err(
                CallError::new(ErrorCode::Refused, why).hint("Open that folder: its signalbox.toml names the systems.")
            );
        }
        self.propose(Propose {
            run: None,
            path: None,
            model: Some(at.model.to_string()),
            registry: Some(at.registry.to_string()),
            version: Some(at.version.to_string()),
            project,
        })
    }

    /// The last promotion to a service that went through, and what served before it. Other projects may call another
    /// target so: it is the system that counts.
    fn before_now<'a>(
        &self,
        plans: &'a [(Plan, Progress)],
        project: Option<&OpenProject>,
        target: &str,
        service: &str,
    ) -> Option<(&'a Plan, &'a VersionRef)> {
        let rules = project.map(|project| Rules::of(&project.root)).transpose().ok()?.unwrap_or_default();
        let wanted = system(&rules, target);
        plans.iter().filter(|(_, progress)| progress.end == Some(End::Committed)).find_map(|(plan, _)| {
            let (name, at) = plan.steps.iter().find_map(|step| match &step.inverse {
                Some(Action::Route { target, service: of, to: Some(Who::Version(at)), .. })
                    if of.as_str() == service =>
                {
                    Some((target, at))
                }
                _ => None,
            })?;
            let made_under = self.made_under(plan).ok()?;
            (system(&made_under, name.as_str()) == wanted).then_some((plan, at))
        })
    }

    pub(crate) fn plans(&self, _: Empty) -> Result<Vec<PlanRow>, CallError> {
        let mut plans = self.all_plans()?;
        plans.retain(|(plan, progress)| progress.began || !self.is_discarded(plan).unwrap_or(false));
        let row = |(plan, progress): &(Plan, Progress)| {
            let row = views::row(plan, progress, self.is_running(&plan.id));
            if row.state != "cut_short" {
                return Ok(row);
            }
            // It may have ended between the two looks.
            Ok(views::row(plan, &self.plan_row(plan.id.as_str())?.1, false))
        };
        plans.iter().map(row).collect()
    }

    /// A plan that was never begun is shown no more.
    pub(crate) fn discard_plan(&self, args: OfPlan) -> Result<(), CallError> {
        let (plan, progress) = self.plan_row(&args.plan)?;
        if progress.began {
            return Err(
                CallError::new(ErrorCode::Refused, "This plan was begun.").hint("Go on with it, or take it back.")
            );
        }
        self.audit("discard", Some(&plan.id), None, json!({ "title": plan.title }))?;
        self.ledger()?.record(DISCARDED, plan.id.as_str(), SystemClock.unix_ms(), "true")?;
        Ok(())
    }

    fn is_discarded(&self, plan: &Plan) -> Result<bool, CallError> {
        Ok(!self.ledger()?.records(DISCARDED, plan.id.as_str())?.is_empty())
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
        if self.is_discarded(&plan)? {
            return Err(
                CallError::new(ErrorCode::Refused, "This plan was discarded.").hint("Make it again, from the run.")
            );
        }
        let ground = self.ground(&plan)?;
        let model = ground.rules.model(plan.candidate.model());
        let (verdicts, _) = self.verdicts(&plan, &ground, &model)?;
        self.check_gates(&plan, &verdicts, &args.overrides, &ground.rules)?;
        let world = self.world_of(ground.root.as_deref(), &ground.rules)?.0;
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
        let world = self.world_of_plan(&plan, &self.ground(&plan)?)?;
        self.audit("resume", Some(&plan.id), None, json!({ "choice": args.choice }))?;
        Ok((plan, world, choice))
    }

    pub(crate) fn stop_plan(&self, args: OfPlan) -> Result<(), CallError> {
        let (plan, _) = self.plan_row(&args.plan)?;
        let is_here = self.is_running_here(&plan.id);
        if !is_here && !self.is_running(&plan.id) {
            return Err(CallError::new(ErrorCode::Refused, "Nobody carries this plan out."));
        }
        if !is_here {
            return Err(CallError::new(ErrorCode::Refused, "Another Signalbox carries this plan out.")
                .hint("Stop it there; in a terminal with Ctrl-C."));
        }
        self.audit("stop", Some(&plan.id), None, json!({}))?;
        self.stop_promotion(&plan.id);
        Ok(())
    }

    /// Ends a service on this machine, after its requests in flight.
    pub(crate) fn stop_service(&self, args: OfService) -> Result<(), CallError> {
        let name = |e: signalbox_release::BadName| CallError::new(ErrorCode::BadRequest, sentence(&e.to_string()));
        let service = args.service.parse().map_err(name)?;
        self.audit("stop service", None, None, json!({ "target": args.target, "service": args.service }))?;
        let project = args.project.map(|project| self.project(project)).transpose()?;
        let rules = project.map(|project| Rules::of(&project.root)).transpose()?.unwrap_or_default();
        if system(&rules, &args.target).is_some() {
            return Err(CallError::new(ErrorCode::Refused, "Only what serves on this machine is stopped here."));
        }
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
