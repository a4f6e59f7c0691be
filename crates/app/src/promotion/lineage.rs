//! How a version was made, by whom it was let through, and where it is used: gathered from the registries, the targets,
//! the projects, the plans and the audit, as they are now.

mod artifact;
mod history;
mod used;

use super::systems::ServiceAt;
use super::{reading, views};
use crate::app::{App, now};
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_release::{Audit, AuditEntry, SystemId, Version, VersionState, World};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The systems of a project, or our own.
struct Place {
    world: World,
    services: Vec<ServiceAt>,
}

/// A version, and the place that knows its registry.
struct Found {
    place: usize,
    version: Version,
}

impl App {
    pub(crate) fn lineage(&self, args: LineageQuery) -> Result<LineageView, CallError> {
        let mut unseen = Vec::new();
        let places = self.places(&mut unseen)?;
        let (found, endpoint) = match (&args.service, &args.model, &args.version) {
            (Some(service), None, None) => serving(&places, args.target.as_deref(), service)?,
            (None, Some(model), Some(version)) => {
                (named(&places, args.registry.as_deref(), model, version, &mut unseen)?, None)
            }
            _ => return Err(CallError::new(ErrorCode::BadRequest, "Either a service or a version is asked for.")),
        };
        let (version, world) = (&found.version, &places[found.place].world);
        let registry = world.registry(&version.at.registry)?;
        let detail = views::run_of(version)
            .and_then(|key| self.run_by_id(key))
            .map(|(project, run)| Ok::<_, CallError>((project, crate::run_page::detail(self, run)?)))
            .transpose()?;
        let entries = self.all_entries()?;
        let promotions = self.promotions_of(&places, &found, &entries)?;
        let (artifact, environment) = artifact::look(registry, version);
        let run = detail.as_ref().map(|(project, detail)| run(project, detail));
        Ok(LineageView {
            at: now(),
            endpoint,
            code: code(run.as_ref().map_or(&[][..], |run| &run.tags), &version.tags),
            data: detail.map(|(_, detail)| detail.datasets).unwrap_or_default(),
            environment,
            artifact,
            used: used::of(&places, &found, &mut unseen),
            people: people(version, run.as_ref(), &promotions, &entries),
            promotions,
            run,
            version: LineageVersion {
                registry: version.at.registry.to_string(),
                registry_title: registry.title(),
                model: version.at.model.to_string(),
                version: version.at.version.to_string(),
                state: match &version.state {
                    VersionState::Pending => "pending",
                    VersionState::Ready => "ready",
                    VersionState::Failed(_) => "failed",
                    VersionState::Withdrawn => "withdrawn",
                }
                .into(),
                digest: version.at.digest.as_ref().map(ToString::to_string),
                made: version.made_unix_ms.map(views::secs),
                made_by: version.made_by.clone(),
                source: version.source.clone(),
                run: views::run_of(version).map(str::to_owned),
                tags: version.tags.clone(),
            },
            unseen,
        })
    }

    /// Each open project's systems first, then our own: what a policy says of a service goes before what holds without.
    fn places(&self, unseen: &mut Vec<FailureView>) -> Result<Vec<Place>, CallError> {
        let mut places = Vec::new();
        for project in self.open_projects().into_iter().map(Some).chain(std::iter::once(None)) {
            let (world, failures) = self.world(project.as_deref())?;
            unseen.extend(failures);
            unseen.extend(project.as_ref().and_then(|project| self.not_allowed(project)).map(|(failure, _)| failure));
            let services = self.services(project.as_deref(), &world);
            places.push(Place { world, services });
        }
        Ok(places)
    }

    fn all_entries(&self) -> Result<Vec<AuditEntry>, CallError> {
        let ledger = self.ledger()?;
        let (audit, mut from, mut all) = (Audit(&ledger), 1, Vec::new());
        loop {
            let page = audit.entries(from)?;
            let Some((last, ..)) = page.last() else { return Ok(all) };
            from = last + 1;
            all.extend(page.into_iter().map(|(_, _, entry)| entry));
        }
    }
}

/// The version that has most of a service's traffic; where nobody has any, the one that its alias names.
fn serving(places: &[Place], target: Option<&str>, service: &str) -> Result<(Found, Option<ServiceView>), CallError> {
    let of_name = |at: &&ServiceAt| at.service.as_str() == service && target.is_none_or(|t| at.target.as_str() == t);
    let mut found = Vec::new();
    for (n, place) in places.iter().enumerate() {
        for at in place.services.iter().filter(of_name) {
            let title = place.world.target(&at.target)?.title();
            if found.iter().all(|(_, _, other)| *other != title) {
                found.push((n, at, title));
            }
        }
    }
    let (n, at) = match &found[..] {
        [(n, at, _)] => (*n, *at),
        [] => {
            return Err(CallError::new(ErrorCode::NotFound, format!("There is no service {service:?}."))
                .hint("`signalbox status` lists them."));
        }
        _ => {
            let targets: Vec<&str> = found.iter().map(|(_, at, _)| at.target.as_str()).collect();
            return Err(CallError::new(ErrorCode::BadRequest, format!("{service:?} is a service at several targets."))
                .hint(format!("Say which: {}.", targets.join(", "))));
        }
    };
    let world = &places[n].world;
    let port = world.target(&at.target)?;
    let view = views::service(world, at, port);
    let seen = port.observe(&at.service, &reading())?;
    let live = seen.loaded.iter().filter(|served| served.share > 0).max_by_key(|served| served.share);
    let live = live.and_then(|served| served.version.clone());
    let (registry, model, version) = match (live, view.alias.as_ref().and_then(|alias| alias.version.clone())) {
        (Some(at), _) => (at.registry, at.model, at.version),
        (None, Some(version)) => {
            let version = version.parse().map_err(|e| CallError::new(ErrorCode::Remote, format!("{e}.")))?;
            (at.registry.clone(), at.model.clone(), version)
        }
        (None, None) => {
            return Err(CallError::new(ErrorCode::NotFound, format!("Nobody serves {service}.")));
        }
    };
    let missing =
        || CallError::new(ErrorCode::NotFound, format!("{model} {version}, which serves, is in no registry."));
    let found = world.registry(&registry)?.version(&model, &version, &reading())?.ok_or_else(missing)?;
    Ok((Found { place: n, version: found }, Some(view)))
}

fn named(
    places: &[Place],
    registry: Option<&str>,
    model: &str,
    version: &str,
    unseen: &mut Vec<FailureView>,
) -> Result<Found, CallError> {
    let bad = |e: signalbox_release::BadName| CallError::new(ErrorCode::BadRequest, sentence(&e.to_string()));
    let (model, version) = (model.parse().map_err(bad)?, version.parse().map_err(bad)?);
    let wanted: Option<SystemId> = registry.map(str::parse).transpose().map_err(bad)?;
    let mut found: BTreeMap<String, (SystemId, Found)> = BTreeMap::new();
    for (place, Place { world, .. }) in places.iter().enumerate() {
        for (id, port) in world.registries.iter().filter(|(id, _)| wanted.as_ref().is_none_or(|w| w == *id)) {
            // Two names of one registry are one.
            if found.contains_key(&port.title()) {
                continue;
            }
            match port.version(&model, &version, &reading()) {
                Ok(Some(version)) => drop(found.insert(port.title(), (id.clone(), Found { place, version }))),
                Ok(None) => {}
                Err(e) => unseen.push(views::failure(&e)),
            }
        }
    }
    let ids: Vec<String> = found.values().map(|(id, _)| id.to_string()).collect();
    match (ids.len(), found.into_values().next()) {
        (1, Some((_, found))) => Ok(found),
        (0, _) => Err(CallError::new(ErrorCode::NotFound, format!("No registry that answers has {model} {version}."))
            .hint("`signalbox models` lists them.")),
        _ => Err(CallError::new(ErrorCode::BadRequest, format!("Several registries have {model} {version}."))
            .hint(format!("Say which: {}.", ids.join(", ")))),
    }
}

fn run(project: &Arc<OpenProject>, detail: &RunDetail) -> LineageRun {
    LineageRun {
        id: detail.id,
        key: detail.key.clone(),
        name: detail.row.name.clone(),
        project: project.name.clone(),
        path: detail.path.clone(),
        tool: detail.source_title.clone(),
        experiment: detail.experiment.clone(),
        state: detail.row.status.name().to_owned(),
        state_why: detail.state_why.clone(),
        user: detail.user.clone(),
        started: detail.started,
        ended: detail.ended,
        params: detail.params.clone(),
        metrics: detail
            .metrics
            .iter()
            .map(|m| LineageMetric { name: m.name.clone(), last: m.last.clone(), step: m.last_step, n: m.n })
            .collect(),
        tags: detail.tags.clone(),
    }
}

/// As MLflow writes it: on runs (`mlflow.source.*`), and on models and versions since 3.2 (`mlflow.git.*`).
fn code(of_run: &[(String, String)], of_version: &[(String, String)]) -> LineageCode {
    let any = |names: &[&str]| {
        let tags = || of_run.iter().chain(of_version);
        names.iter().find_map(|name| tags().find(|(key, _)| key == name)).map(|(_, value)| value.clone())
    };
    LineageCode {
        commit: any(&["mlflow.source.git.commit", "mlflow.git.commit", "git.commit", "git_commit", "commit"]),
        dirty: any(&["mlflow.source.git.dirty", "mlflow.git.dirty", "git.dirty", "git_dirty"]),
        branch: any(&["mlflow.source.git.branch", "mlflow.git.branch", "git.branch"]),
        repository: any(&["mlflow.source.git.repoURL", "mlflow.git.repo_url", "git.remote"])
            .map(|url| without_user(&url)),
        entry: any(&["mlflow.project.entryPoint", "mlflow.source.name"]),
    }
}

/// A text whose addresses name no user and no password: reports go to people who need neither.
fn without_user(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '<' | '>' | '#' | '?'));
        let (authority, left) = after.split_at(end.unwrap_or(after.len()));
        out.push_str(before);
        out.push_str(authority.rsplit('@').next().unwrap_or(authority));
        rest = left;
    }
    out + rest
}

/// Everybody who had a part in it, with what they did, in the order of their first part.
fn people(
    version: &Version,
    run: Option<&LineageRun>,
    promotions: &[LineagePlan],
    entries: &[AuditEntry],
) -> Vec<PersonView> {
    let mut people: Vec<PersonView> = Vec::new();
    let mut add = |who: &str, did: String| match people.iter_mut().find(|known| known.who == who) {
        Some(known) if known.did.contains(&did) => {}
        Some(known) => known.did.push(did),
        None => people.push(PersonView { who: who.to_owned(), did: vec![did] }),
    };
    if let Some((run, user)) = run.and_then(|run| Some((run, run.user.as_deref()?))) {
        add(user, format!("ran {}", run.name));
    }
    if let Some(by) = &version.made_by {
        add(by, format!("registered {}", version.at));
    }
    for plan in promotions.iter().rev() {
        add(&plan.row.made_by, format!("planned {}", plan.row.title));
        let by_word = plan.approvals.iter().map(|word| (&word.by, word.says.starts_with("counted")));
        for (by, _) in by_word.filter(|(_, counts)| *counts) {
            add(by, format!("approved {}", plan.row.title));
        }
        for entry in entries.iter().filter(|e| e.plan.as_ref().is_some_and(|id| id.as_str() == plan.row.id)) {
            let did = match entry.what.as_str() {
                "approve" if entry.detail["approval"]["withdrawn"] == true => "took back their approval of",
                "override" => "overrode a gate of",
                "apply" => "applied",
                "stop" => "stopped",
                "resume" => "went on with, or took back,",
                "adopted" => "took as it was",
                _ => continue,
            };
            add(&entry.who, format!("{did} {}", plan.row.title));
        }
    }
    people
}
