//! Makes the plan of a promotion from what is so now.

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};
use crate::look::{TO_BE_GIVEN, World};
use crate::names::{AliasName, Digest, OpKey, PlanId, ServiceName, SystemId, VersionRef};
use crate::plan::{Action, Candidate, Expect, Golden, Limits, Plan, Step, TooFew, Who};
use crate::policy::LatencyGate;
use crate::ports::{Cx, Deployable, Request, Target};
use crate::seen::Observed;

/// Where a version shall serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub target: SystemId,
    pub service: ServiceName,
    /// Shares of traffic on the way to 100, for targets that can split it.
    pub shares: Vec<u8>,
    /// What the candidate must keep to before it takes traffic.
    pub smoke: Option<LatencyGate>,
    pub bake: Option<Limits>,
    /// The version before stays loaded after the end.
    pub keep_old: bool,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub candidate: Candidate,
    pub place: Option<Place>,
    pub alias: Option<AliasName>,
    /// What reads the alias is what serves: it moves before the traffic does.
    pub alias_first: bool,
    pub golden: Vec<Golden>,
    pub policy: Option<Digest>,
}

/// Who makes a plan, when, under which id.
#[derive(Clone, Debug)]
pub struct Maker {
    pub id: PlanId,
    pub by: String,
    pub at_unix_ms: i64,
}

const STEP_LIMIT_SECS: u64 = 120;
const LOAD_LIMIT_SECS: u64 = 300;
/// Beside the time that the gate's own limit gives to all its requests.
const SMOKE_LIMIT_SECS: u64 = 60;
/// As if it were 600 MB.
const UNKNOWN_TRANSFER_SECS: u64 = 600;

/// Reads the systems and lists the calls. Changes nothing.
pub fn plan(world: &World, goal: &Goal, maker: &Maker, cx: &Cx) -> Result<Plan, Failure> {
    let mut steps = Vec::new();
    let mut tidy = Vec::new();
    register(world, goal, maker, &mut steps)?;
    let alias = match &goal.alias {
        Some(alias) => alias_step(world, goal, alias, cx)?,
        None => None,
    };
    let (first, last) = if goal.alias_first { (alias, None) } else { (None, alias) };
    steps.extend(first);
    if let Some(place) = &goal.place {
        let seen = world.target(&place.target)?.observe(&place.service, cx)?;
        serve(world, goal, place, &seen, maker, &mut steps)?;
        let old = seen.live().and_then(|served| served.version.clone());
        if let Some(old) = old.filter(|old| !place.keep_old && !is_candidate(goal, old)) {
            tidy.push(Action::Unstage {
                target: place.target.clone(),
                service: place.service.clone(),
                who: Who::Version(old),
            });
        }
    }
    steps.extend(last);
    if steps.is_empty() {
        return Err(Failure::new(FailureCode::Invalid, "nothing is to be done: it is so already"));
    }
    let what = match &goal.candidate {
        Candidate::Version(at) => at.to_string(),
        Candidate::New { model, .. } => model.to_string(),
    };
    let to = match (&goal.place, &goal.alias) {
        (_, Some(alias)) => format!(" to {alias}"),
        (Some(place), None) => format!(" to {} at {}", place.service, place.target),
        (None, None) => String::new(),
    };
    Ok(Plan {
        id: maker.id.clone(),
        title: format!("Promote {what}{to}"),
        made_by: maker.by.clone(),
        made_unix_ms: maker.at_unix_ms,
        candidate: goal.candidate.clone(),
        golden: goal.golden.clone(),
        steps,
        tidy,
        policy: goal.policy.clone(),
    })
}

fn is_candidate(goal: &Goal, at: &VersionRef) -> bool {
    matches!(&goal.candidate, Candidate::Version(candidate) if candidate.is(at))
}

/// What an artifact's bytes may take on their way, in seconds: at least 1 MB/s. Versions that a registry already has are
/// measured by nobody here.
fn transfer_secs(candidate: &Candidate) -> u64 {
    let Candidate::New { what, .. } = candidate else { return UNKNOWN_TRANSFER_SECS };
    what.path.as_deref().map_or(0, |path| crate::tree::bytes_below(path) / 1_000_000)
}

fn register(world: &World, goal: &Goal, maker: &Maker, steps: &mut Vec<Step>) -> Result<(), Failure> {
    let Candidate::New { registry, model, what } = &goal.candidate else { return Ok(()) };
    let port = world.registry(registry)?;
    steps.push(Step {
        title: format!("Register {model} in {}", port.title()),
        action: Action::Register,
        requests: port.register_requests(model, what, &OpKey::new(&maker.id, steps.len(), false)),
        before: vec![Expect::NotRegistered],
        after: vec![Expect::Registered],
        inverse: Some(Action::Withdraw),
        limit_secs: STEP_LIMIT_SECS + transfer_secs(&goal.candidate),
        leaves: Some("A version that stays in the registry; taken back, it is marked as withdrawn.".into()),
    });
    Ok(())
}

fn alias_step(world: &World, goal: &Goal, alias: &AliasName, cx: &Cx) -> Result<Option<Step>, Failure> {
    let (registry, model) = (goal.candidate.registry(), goal.candidate.model());
    let port = world.registry(registry)?;
    let pointer = port.pointer(model, alias, cx)?;
    let from = match &pointer.to {
        Some(version) => {
            let found = port.version(model, version, cx)?;
            let bare = || VersionRef {
                registry: registry.clone(),
                model: model.clone(),
                version: version.clone(),
                digest: None,
            };
            Some(found.map_or_else(bare, |version| version.at))
        }
        None => None,
    };
    if from.as_ref().is_some_and(|at| is_candidate(goal, at)) {
        return Ok(None);
    }
    let was = from.map(Who::Version);
    let expect = |to: &Option<Who>| Expect::Alias {
        registry: registry.clone(),
        model: model.clone(),
        alias: alias.clone(),
        to: to.clone(),
    };
    let point = |from: &Option<Who>, to: &Option<Who>| Action::Point {
        registry: registry.clone(),
        model: model.clone(),
        alias: alias.clone(),
        from: from.clone(),
        to: to.clone(),
    };
    let candidate = Some(Who::Candidate);
    let label = Who::Candidate.label(&goal.candidate);
    Ok(Some(Step {
        title: match &was {
            Some(who) => format!("Move {alias} from {} to {label}", who.label(&goal.candidate)),
            None => format!("Point {alias} at {label}"),
        },
        requests: port.point_requests(model, alias, Some(&label)),
        before: vec![expect(&was)],
        after: vec![expect(&candidate)],
        inverse: Some(point(&candidate, &was)),
        action: point(&was, &candidate),
        limit_secs: STEP_LIMIT_SECS,
        leaves: None,
    }))
}

/// Load, prove, give traffic, watch.
fn serve(
    world: &World,
    goal: &Goal,
    place: &Place,
    seen: &Observed,
    maker: &Maker,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let port = world.target(&place.target)?;
    if let Some(foreign) = &seen.foreign {
        return Err(Failure::new(FailureCode::Busy, format!("{} is being changed just now: {foreign}", place.service))
            .hint("Wait until that has ended, and make the plan again."));
    }
    let here = (&place.target, &place.service);
    let label = Who::Candidate.label(&goal.candidate);
    let name = match &goal.candidate {
        Candidate::Version(at) => at.to_string(),
        Candidate::New { model, .. } => format!("the new {model}"),
    };
    let serves = |who: Option<Who>, share: u8, proven: bool| Expect::Serves {
        target: here.0.clone(),
        service: here.1.clone(),
        who,
        share,
        proven,
    };
    let before = match seen.live() {
        Some(served) => match &served.version {
            Some(at) => Some(Who::Version(at.clone())),
            None => {
                return Err(Failure::new(
                    FailureCode::Invalid,
                    format!(
                        "{} serves {}, which no registry here tells of: there would be no way back",
                        place.service, served.label
                    ),
                )
                .hint("Register what serves now, or name another service."));
            }
        },
        None if seen.loaded.iter().any(|served| served.share > 0) => {
            return Err(Failure::new(FailureCode::Invalid, "several versions share the traffic already")
                .hint("End that promotion first."));
        }
        None => None,
    };
    if matches!((&before, &goal.candidate), (Some(Who::Version(at)), Candidate::Version(candidate)) if at.is(candidate))
    {
        if !seen.live().is_some_and(|served| served.ready) {
            steps.push(revive(place, port, goal, &name, maker, steps.len()));
        }
        return Ok(());
    }
    let is_loaded = matches!(&goal.candidate, Candidate::Version(at) if seen.of(at).is_some());
    if !is_loaded {
        let stage = |who| Action::Stage { target: here.0.clone(), service: here.1.clone(), who };
        steps.push(Step {
            title: format!("Load {name} on {}, without traffic", port.title()),
            action: stage(Who::Candidate),
            requests: port.stage_requests(here.1, &what_is_planned(goal), &OpKey::new(&maker.id, steps.len(), false)),
            before: vec![
                serves(before.clone(), if before.is_some() { 100 } else { 0 }, false),
                Expect::NotLoaded { target: here.0.clone(), service: here.1.clone(), who: Who::Candidate },
            ],
            after: vec![
                Expect::Loaded { target: here.0.clone(), service: here.1.clone(), who: Who::Candidate, proven: true },
                serves(before.clone(), if before.is_some() { 100 } else { 0 }, false),
            ],
            inverse: Some(Action::Unstage { target: here.0.clone(), service: here.1.clone(), who: Who::Candidate }),
            limit_secs: LOAD_LIMIT_SECS + transfer_secs(&goal.candidate),
            leaves: Some("Both versions are loaded until the end.".into()),
        });
    }
    if let Some(gate) = place.smoke.as_ref().filter(|_| port.caps().ask_candidate && !goal.golden.is_empty()) {
        steps.push(smoke(place, &name, gate, goal));
    }
    let mut shares: Vec<u8> = if port.caps().split && before.is_some() { place.shares.clone() } else { Vec::new() };
    shares.retain(|share| (1..100).contains(share));
    shares.sort_unstable();
    shares.dedup();
    shares.push(100);
    let mut now = (before.clone(), if before.is_some() { 100 } else { 0 });
    for share in shares {
        let to = Some(Who::Candidate);
        let route = |to: &Option<Who>, share: u8| Action::Route {
            target: here.0.clone(),
            service: here.1.clone(),
            to: to.clone(),
            share,
            rest: before.clone().filter(|rest| to.as_ref() != Some(rest)),
        };
        steps.push(Step {
            title: if share == 100 {
                format!("Give {name} the traffic of {}", here.1)
            } else {
                format!("Give {name} {share} % of the traffic")
            },
            action: route(&to, share),
            requests: port.route_requests(
                here.1,
                Some(&label),
                share,
                before.as_ref().map(|who| who.label(&goal.candidate)).as_deref(),
            ),
            before: match &now.0 {
                // What was not loaded by this plan has not answered it yet.
                from if is_loaded && *from == before => {
                    vec![serves(now.0.clone(), now.1, false), loaded_and_proven(place)]
                }
                _ => vec![serves(now.0.clone(), now.1, false)],
            },
            after: vec![serves(to.clone(), share, true)],
            inverse: Some(route(&now.0, now.1)),
            limit_secs: STEP_LIMIT_SECS,
            leaves: None,
        });
        now = (to, share);
    }
    if let Some(limits) = &place.bake {
        let mut limits = limits.clone();
        if before.is_none() {
            // Nobody sends requests yet to what was not there.
            limits.too_few = TooFew::GoOn;
        }
        steps.push(Step {
            title: format!("Watch it for {} s", limits.secs),
            action: Action::Bake { target: here.0.clone(), service: here.1.clone(), limits: limits.clone() },
            requests: Vec::new(),
            before: vec![serves(Some(Who::Candidate), 100, false)],
            after: vec![serves(Some(Who::Candidate), 100, true)],
            inverse: None,
            limit_secs: limits.secs + STEP_LIMIT_SECS,
            leaves: Some("The version before stays loaded meanwhile.".into()),
        });
    }
    Ok(())
}

fn loaded_and_proven(place: &Place) -> Expect {
    Expect::Loaded { target: place.target.clone(), service: place.service.clone(), who: Who::Candidate, proven: true }
}

/// The version has the traffic already and answers nobody: it is loaded anew.
fn revive(place: &Place, port: &dyn Target, goal: &Goal, name: &str, maker: &Maker, n: usize) -> Step {
    let (target, service) = (place.target.clone(), place.service.clone());
    let serves = |proven| Expect::Serves {
        target: target.clone(),
        service: service.clone(),
        who: Some(Who::Candidate),
        share: 100,
        proven,
    };
    Step {
        title: format!("Load {name} anew on {}: it has the traffic, and is not ready", port.title()),
        requests: port.stage_requests(&service, &what_is_planned(goal), &OpKey::new(&maker.id, n, false)),
        before: Vec::new(),
        after: vec![serves(true)],
        // There is nothing to go back to.
        inverse: None,
        limit_secs: LOAD_LIMIT_SECS,
        leaves: None,
        action: Action::Stage { target: target.clone(), service: service.clone(), who: Who::Candidate },
    }
}

fn smoke(place: &Place, name: &str, gate: &LatencyGate, goal: &Goal) -> Step {
    let (target, service) = (place.target.clone(), place.service.clone());
    let loaded =
        Expect::Loaded { target: target.clone(), service: service.clone(), who: Who::Candidate, proven: false };
    let ask = |golden: &Golden| Request {
        verb: "ask".into(),
        to: format!("{service}, {}", Who::Candidate.label(&goal.candidate)),
        body: Some(golden.request.clone()),
    };
    Step {
        title: format!("Ask {name} {} times, before it takes traffic", gate.n_requests),
        action: Action::Smoke { target, service: service.clone(), gate: gate.clone() },
        requests: goal.golden.iter().map(ask).collect(),
        before: vec![loaded.clone()],
        after: vec![loaded],
        inverse: None,
        limit_secs: SMOKE_LIMIT_SECS + u64::from(gate.n_requests) * gate.max_p95_ms.max(0.0) as u64 / 1000,
        leaves: None,
    }
}

/// For the preview: what is known of the candidate now.
fn what_is_planned(goal: &Goal) -> Deployable {
    let (version, path, source) = match &goal.candidate {
        Candidate::Version(at) => (at.clone(), None, None),
        Candidate::New { registry, model, what } => (
            VersionRef {
                registry: registry.clone(),
                model: model.clone(),
                version: TO_BE_GIVEN.parse().expect("BUG: a version's name"),
                digest: what.digest.clone(),
            },
            what.path.clone(),
            what.source.clone(),
        ),
    };
    Deployable { version, path, source }
}
