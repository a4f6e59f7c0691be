//! What the page is shown of plans and systems.

use super::ground::Ground;
use super::reading;
use super::systems::ServiceAt;
use crate::app::App;
use crate::wire::*;
use serde::Serialize;
use signalbox_release::gate::{Ruling, Verdict};
use signalbox_release::{
    Action, Candidate, End, Identity, Line, Outcome, Phase, Plan, Progress, Registry, Standing, StepState, Target,
    Version, VersionState, World,
};

const HEALTH_SECS: u64 = 300;

pub(crate) fn row(plan: &Plan, progress: &Progress, running: bool) -> PlanRow {
    let state = match &progress.end {
        Some(End::Committed) => "committed",
        Some(End::TakenBack) => "taken_back",
        Some(End::Adopted) => "adopted",
        None if running => "running",
        None if progress.began => "cut_short",
        None => "proposed",
    };
    PlanRow {
        id: plan.id.to_string(),
        title: plan.title.clone(),
        made_by: plan.made_by.clone(),
        made: secs(plan.made_unix_ms),
        state: state.into(),
        back: progress.back.clone(),
    }
}

pub(crate) fn secs(unix_ms: i64) -> f64 {
    unix_ms as f64 / 1000.0
}

pub(crate) fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

pub(crate) fn verdict(verdict: &Verdict) -> VerdictView {
    VerdictView {
        gate: verdict.gate.clone(),
        ruling: match verdict.ruling {
            Ruling::Pass => "pass",
            Ruling::Fail => "fail",
            Ruling::Inconclusive => "inconclusive",
            Ruling::Error => "error",
            Ruling::Skipped => "skipped",
        }
        .into(),
        says: verdict.says.clone(),
        evidence: pretty(&verdict.evidence),
    }
}

pub(crate) fn failure(failure: &signalbox_release::Failure) -> FailureView {
    let code = serde_json::to_value(failure.code).ok().and_then(|code| code.as_str().map(str::to_owned));
    FailureView { message: sentence(&failure.message), hint: failure.hint.clone(), code }
}

impl App {
    pub(crate) fn plan_view(&self, id: &str) -> Result<PlanView, CallError> {
        // First: one that ends meanwhile is under way still, not cut short.
        let running = id.parse().is_ok_and(|id| self.is_running(&id));
        let (plan, progress) = self.plan_row(id)?;
        let lines = signalbox_release::plan_lines(&*self.ledger()?, id)?;
        let ground = self.ground(&plan)?;
        let model = ground.rules.model(plan.candidate.model());
        let (verdicts, risks) = self.verdicts(&plan, &ground, &model)?;
        let row = row(&plan, &progress, running);
        let standing = if row.state == "cut_short" { Some(self.standing(&plan, &progress, &ground)?) } else { None };
        let (standing, standing_saw) = standing.map_or((None, Vec::new()), |(is, saw)| (Some(is), saw));
        let steps: Vec<StepView> =
            plan.steps.iter().enumerate().map(|(n, _)| step(&plan, n, &progress, &lines)).collect();
        let mut proven: Vec<String> = if progress.end == Some(End::Committed) {
            steps.iter().flat_map(|step| step.proof.clone()).collect()
        } else {
            Vec::new()
        };
        let foreign = self.is_foreign(&plan)?;
        let (approvals, own_approval) = self.approvals_of(&plan, &ground.rules)?;
        let mut seen = std::collections::HashSet::new();
        proven.retain(|proof| seen.insert(proof.clone()));
        Ok(PlanView {
            hash: plan.hash().to_string(),
            model: plan.candidate.model().to_string(),
            version: version_of(&plan, &lines),
            steps,
            gates: verdicts.iter().map(verdict).collect(),
            risks,
            n_golden: plan.golden.len(),
            tidy: plan.tidy.iter().map(|action| plan.does(action)).collect(),
            standing,
            standing_saw,
            approvals,
            own_approval,
            n_approvals: model.gates.approvals.as_ref().map_or(0, |gate| gate.n),
            is_own: plan.made_by == super::person() && !foreign,
            foreign,
            project: self.project_at(ground.root.as_deref()).map(|project| project.id.0),
            proven,
            ended: progress.end.as_ref().and_then(|_| lines.last()).map(|(at, _)| secs(*at)),
            row,
        })
    }

    fn standing(&self, plan: &Plan, progress: &Progress, ground: &Ground) -> Result<(String, Vec<String>), CallError> {
        if progress.is_untidy() {
            return Ok(("between".into(), vec!["it went through; the version before is still loaded".into()]));
        }
        let world = match self.world_of_plan(plan, ground) {
            Ok(world) => world,
            Err(e) => return Ok(("unseen".into(), vec![e.message])),
        };
        let ledger = self.ledger()?;
        let carrier = signalbox_release::Carrier {
            world: &world,
            ledger: &ledger,
            clock: &signalbox_release::SystemClock,
            cancel: signalbox_release::Cancel::default(),
            by: super::person(),
            owner: String::new(),
            told: &|_| (),
        };
        Ok(match carrier.standing(plan, progress) {
            Standing::Between { next } => {
                let next = plan.steps.get(next).map_or("the end", |step| step.title.as_str());
                ("between".into(), vec![format!("next: {next}")])
            }
            Standing::Done { saw, .. } => ("done".into(), saw),
            Standing::NotDone { saw, .. } => ("not_done".into(), saw),
            Standing::UnderWay { saw, .. } => ("under_way".into(), saw),
            Standing::ChangedByAnother { saw, .. } => ("changed_by_another".into(), saw),
            Standing::Unseen { why, .. } => ("unseen".into(), vec![why]),
        })
    }
}

fn step(plan: &Plan, n: usize, progress: &Progress, lines: &[(i64, Line)]) -> StepView {
    let step = &plan.steps[n];
    let (state, mut saw) = match &progress.steps[n] {
        StepState::Waiting => ("waiting", Vec::new()),
        StepState::Open => ("open", Vec::new()),
        StepState::Answered => ("answered", Vec::new()),
        StepState::Seen => ("seen", Vec::new()),
        StepState::Failed { why } => ("failed", vec![why.clone()]),
        StepState::Undoing => ("undoing", Vec::new()),
        StepState::Undone => ("undone", Vec::new()),
        StepState::Left { saw } => ("left", vec![saw.clone()]),
    };
    let (mut proof, mut at) = (Vec::new(), None);
    for (when, line) in lines {
        match line {
            Line::Seen { step, looks, back } if *step == n => {
                saw = looks.iter().map(|look| look.saw.clone()).collect();
                proof = if *back { Vec::new() } else { looks.iter().filter_map(|look| look.proof.clone()).collect() };
                at = Some(secs(*when));
            }
            Line::Failed { step, why, .. } if *step == n => {
                saw = vec![why.clone()];
                at = Some(secs(*when));
            }
            Line::Intends { step, .. } | Line::Answered { step, .. } if *step == n => at = Some(secs(*when)),
            _ => {}
        }
    }
    proof.dedup();
    StepView {
        title: step.title.clone(),
        does: plan.does(&step.action),
        requests: requests(&step.requests),
        before: step.before.iter().map(|expect| plan.expects(expect)).collect(),
        after: step.after.iter().map(|expect| plan.expects(expect)).collect(),
        inverse: step.inverse.as_ref().map(|action| plan.does(action)),
        limit_secs: step.limit_secs,
        leaves: step.leaves.clone(),
        state: state.into(),
        saw,
        proof,
        at,
    }
}

pub(crate) fn requests(requests: &[signalbox_release::Request]) -> Vec<RequestView> {
    let view = |r: &signalbox_release::Request| RequestView {
        verb: r.verb.clone(),
        to: r.to.clone(),
        body: r.body.as_ref().map(pretty),
    };
    requests.iter().map(view).collect()
}

/// The version's number: known from the start, or from the registry's answer.
pub(crate) fn version_of(plan: &Plan, lines: &[(i64, Line)]) -> Option<String> {
    if let Candidate::Version(at) = &plan.candidate {
        return Some(at.version.to_string());
    }
    let register = plan.steps.iter().position(|step| step.action == Action::Register)?;
    lines.iter().find_map(|(_, line)| match line {
        Line::Answered { step, back: false, outcome: Outcome::Done(raw) } if *step == register => {
            raw["version"].as_str().map(str::to_owned)
        }
        _ => None,
    })
}

pub(crate) fn registry(app: &App, port: &dyn Registry, id: String) -> RegistryView {
    let mut view =
        RegistryView { id, title: port.title(), models: Vec::new(), failure: None, project: None, allow: None };
    let cx = reading();
    match port.models(&cx) {
        Ok(models) => {
            for model in models {
                match port.versions(&model.name, &cx) {
                    Ok(versions) => {
                        let versions = versions.iter().map(|v| version(app, v, &model.aliases)).collect();
                        view.models.push(ModelView { name: model.name.to_string(), versions });
                    }
                    Err(e) => view.failure = Some(failure(&e)),
                }
            }
        }
        Err(e) => view.failure = Some(failure(&e)),
    }
    view
}

/// The run that made a version, as the project that it was promoted from knows it; else as its registry does.
pub(crate) fn run_of(version: &Version) -> Option<&str> {
    let tagged = version.tags.iter().find(|(key, _)| key == "signalbox.run").map(|(_, value)| value.as_str());
    tagged.or(version.run.as_deref())
}

fn version(
    app: &App,
    version: &Version,
    aliases: &[(signalbox_release::AliasName, signalbox_release::VersionName)],
) -> VersionView {
    let (state, why) = match &version.state {
        VersionState::Pending => ("pending", None),
        VersionState::Ready => ("ready", None),
        VersionState::Failed(why) => ("failed", Some(why.clone())),
        VersionState::Withdrawn => ("withdrawn", None),
    };
    let here = run_of(version).and_then(|id| app.run_by_id(id));
    let run_here = here.as_ref().and_then(|(project, run)| {
        project.catalogue().get(*run).map(|found| RunName { id: run.0, name: found.name.clone() })
    });
    VersionView {
        version: version.at.version.to_string(),
        state: state.into(),
        why,
        aliases: aliases
            .iter()
            .filter(|(_, to)| *to == version.at.version)
            .map(|(alias, _)| alias.to_string())
            .collect(),
        digest: version.at.digest.as_ref().map(|digest| digest.short()),
        run: version.run.clone(),
        run_here,
        project: here.map(|(project, _)| project.id.0),
        made: version.made_unix_ms.map(secs),
        made_by: version.made_by.clone(),
        tags: version.tags.clone(),
    }
}

/// A service that nobody has looked at.
pub(crate) fn unseen(at: &ServiceAt, failure: Option<FailureView>) -> ServiceView {
    ServiceView {
        target: at.target.to_string(),
        target_title: at.target.to_string(),
        service: at.service.to_string(),
        phase: "unknown".into(),
        loaded: Vec::new(),
        alias: None,
        alarm: None,
        address: None,
        failure,
        project: None,
        can_go_back: false,
    }
}

/// What serves beside what the alias says.
pub(crate) fn service(world: &World, at: &ServiceAt, port: &dyn Target) -> ServiceView {
    let cx = reading();
    let mut view = ServiceView { target_title: port.title(), ..unseen(at, None) };
    let pointer =
        at.alias.as_ref().map(|alias| world.registry(&at.registry).and_then(|r| r.pointer(&at.model, alias, &cx)));
    match (&at.alias, pointer) {
        (Some(alias), Some(Ok(pointer))) => {
            view.alias = Some(AliasView {
                registry: at.registry.to_string(),
                alias: alias.to_string(),
                version: pointer.to.map(|to| to.to_string()),
                moved_by: pointer.moved_by,
                moved: pointer.moved_unix_ms.map(secs),
            });
        }
        (_, Some(Err(e))) => view.failure = Some(failure(&e)),
        _ => {}
    }
    let seen = match port.observe(&at.service, &cx) {
        Ok(seen) => seen,
        Err(e) => {
            view.failure = Some(failure(&e));
            return view;
        }
    };
    view.phase = match seen.phase {
        Phase::Absent => "absent",
        Phase::Starting => "starting",
        Phase::Serving => "serving",
        Phase::Degraded => "degraded",
        Phase::Failed => "failed",
        Phase::Unknown => "unknown",
    }
    .into();
    view.address = seen.raw["address"].as_str().map(str::to_owned);
    for served in &seen.loaded {
        let health = served.version.as_ref().and_then(|v| port.health(&at.service, v, HEALTH_SECS, &cx).ok());
        view.loaded.push(ServedView {
            label: served.label.clone(),
            model: served.version.as_ref().map(|v| v.model.to_string()),
            version: served.version.as_ref().map(|v| v.version.to_string()),
            share: served.share,
            ready: served.ready,
            proven: matches!((&served.identity, served.version.as_ref().and_then(|v| v.digest.as_ref())), (Identity::Proven(a), Some(b)) if a == b),
            digest: served.version.as_ref().and_then(|v| v.digest.as_ref()).map(|digest| digest.short()),
            since: served.since_unix_ms.map(secs),
            n_requests: health.as_ref().map(|h| h.n_requests),
            n_errors: health.as_ref().map(|h| h.n_errors),
            p95_ms: health.and_then(|h| h.p95_ms),
        });
    }
    let live = seen.live().and_then(|served| served.version.as_ref()).map(|v| v.version.to_string());
    view.alarm = match (&view.alias, &live, &seen.foreign) {
        (_, _, Some(foreign)) => Some(format!("another is at work: {foreign}")),
        (Some(alias), Some(live), None) if alias.version.as_ref() != Some(live) => Some(match &alias.version {
            Some(version) => format!("{} says {version}, and {live} serves", alias.alias),
            None => format!("{} says nothing, and {live} serves", alias.alias),
        }),
        (Some(AliasView { alias, version: Some(version), .. }), None, None)
            if view.loaded.iter().all(|s| s.share == 0) =>
        {
            Some(format!("{alias} says {version}, and nobody serves"))
        }
        _ => None,
    };
    view
}
