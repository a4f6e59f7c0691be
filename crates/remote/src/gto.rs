//! GTO's registry: annotated tags of a git repository (`iterative/gto` 1.10.1). What is written here GTO reads as its
//! own, and the other way round.
//!
//! A remote takes a new tag once: who pushes the same name second is refused. That is what makes moving an alias safe
//! ([`point`]); and since tags are only added, who moved what, and when, stays there.

mod fetch;
mod git;
mod mirror;
mod point;
mod project;
mod push;
mod register;
mod tags;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::json;
use signalbox_release::{
    AliasName, Cas, Clock, Cx, Digest, Failure, FailureCode, Model, ModelName, OpKey, Outcome, Pointer, Registration,
    Registry, RegistryCaps, Request, SystemId, Version, VersionName, VersionRef, VersionState,
};

use crate::http::{Patience, words};
use mirror::Mirror;
use project::Project;
use tags::{Event, Versioned, holder, is_artifact, is_name, stage_of, versions};

/// Which repository it is, and who asks it.
#[derive(Clone, Debug)]
pub struct GtoAt {
    pub id: SystemId,
    /// The remote's address or path; or a project's folder, whose `origin` then is the remote.
    pub repository: String,
    /// The person, as others will see them: `ada@laptop`.
    pub by: String,
    /// Our copy of the tags, and artifacts, are kept in folders below it.
    pub cache: PathBuf,
}

pub struct GtoRegistry {
    at: GtoAt,
    mirror: Mirror,
    /// The work tree on this machine, if one is named.
    project: Option<Project>,
    clock: Arc<dyn Clock>,
}

/// The lines that we add to a tag's message.
const OP: &str = "Signalbox-Op";
const DIGEST: &str = "Signalbox-Digest";
const PATH: &str = "Signalbox-Path";
const TAG: &str = "Signalbox-Tag";

/// Where the tags of a repository on this machine would go: its `origin`, or itself. Asks no server.
pub fn origin_of(folder: &Path) -> Result<String, Failure> {
    match Project::at(folder)? {
        Some(project) => project.remote(),
        None => project::checked(&folder.display().to_string()),
    }
}

impl GtoRegistry {
    /// Reads where the project's `origin` is; asks no server.
    pub fn new(at: GtoAt, clock: Arc<dyn Clock>) -> Result<GtoRegistry, Failure> {
        let given = at.repository.trim();
        let folder = Path::new(given);
        let project = if folder.is_dir() { Project::at(folder)? } else { None };
        let remote = match &project {
            Some(project) => project.remote()?,
            None => project::checked(given)?,
        };
        let name = format!("{}.git", Digest::of(&remote).short());
        let folder = at.cache.join(at.id.as_str()).join(name);
        Ok(GtoRegistry { at, mirror: Mirror { remote, folder, own_ssh: OnceLock::new() }, project, clock })
    }

    /// Says whether the remote is there, and whether it lets us read.
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        self.mirror.seen(&Patience::new(cx)).map(|_| "GTO".into())
    }

    fn version_of(&self, model: &ModelName, version: &Versioned) -> Version {
        let registration = version.registration();
        let digest = registration.and_then(|event| event.line(DIGEST)?.parse().ok());
        let state = if version.is_active() { VersionState::Ready } else { VersionState::Withdrawn };
        let path = registration.and_then(|event| event.line(PATH));
        let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Version {
            at: VersionRef {
                registry: self.at.id.clone(),
                model: model.clone(),
                version: version.name.clone(),
                digest,
            },
            state,
            run: None,
            source: Some(format!("git:{}:{}", version.commit, path.unwrap_or_default())),
            made_unix_ms: registration.map(|event| event.at_unix_s.saturating_mul(1000)),
            made_by: registration.map(|event| event.by.clone()),
            tags: registration.into_iter().flat_map(|event| event.lines(TAG)).filter_map(pair).collect(),
            raw: json!({ "commit": version.commit, "tag": registration.map(shown) }),
        }
    }

    fn seen_versions(&self, model: &ModelName, patience: &Patience) -> Result<Vec<Version>, Failure> {
        let seen = self.mirror.seen(patience)?;
        let events = seen.of(model);
        let mut all: Vec<Version> = versions(&events).iter().map(|v| self.version_of(model, v)).collect();
        all.reverse();
        all.sort_by_key(|version| std::cmp::Reverse(version.made_unix_ms));
        Ok(all)
    }

    fn seen_models(&self, patience: &Patience) -> Result<Vec<Model>, Failure> {
        let seen = self.mirror.seen(patience)?;
        let names: BTreeSet<&ModelName> = seen.events.iter().map(|event| &event.named.model).collect();
        let model = |name: &ModelName| {
            let events = seen.of(name);
            let all = versions(&events);
            let stages: BTreeSet<&AliasName> = events.iter().filter_map(|event| stage_of(event)).collect();
            let held = |stage: &AliasName| Some((stage.clone(), holder(&all, stage)?.0.name.clone()));
            let aliases = stages.into_iter().filter_map(held).collect();
            Model { name: name.clone(), aliases, description: None, raw: json!({ "tags": events.len() }) }
        };
        Ok(names.into_iter().map(model).collect())
    }
}

/// What a tag says, for a person to look at.
fn shown(event: &Event) -> serde_json::Value {
    json!({ "tag": event.tag, "object": event.object, "tagger": event.by, "message": words(event.message.as_bytes()) })
}

/// GTO takes few names; one that it does not take is refused before anything is done.
fn check_names(model: &ModelName, stage: Option<&AliasName>) -> Result<(), Failure> {
    let bad = |what: &str, name: &str| {
        Failure::new(FailureCode::Invalid, format!("GTO takes no {what} of the name {name:?}"))
            .hint("Letters, digits, `-` and `_`, with a letter or a digit first and last.")
    };
    if !is_artifact(model.as_str()) || model.as_str().contains("..") {
        return Err(bad("artifact", model.as_str()));
    }
    match stage.filter(|stage| !is_name(stage.as_str())) {
        Some(stage) => Err(bad("stage", stage.as_str())),
        None => Ok(()),
    }
}

impl Registry for GtoRegistry {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        format!("GTO in {}", self.mirror.remote)
    }

    fn caps(&self) -> RegistryCaps {
        RegistryCaps { cas: Cas::Native, digests: false, history: true }
    }

    fn models(&self, cx: &Cx) -> Result<Vec<Model>, Failure> {
        self.seen_models(&Patience::new(cx))
    }

    fn versions(&self, model: &ModelName, cx: &Cx) -> Result<Vec<Version>, Failure> {
        self.seen_versions(model, &Patience::new(cx))
    }

    fn version(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Result<Option<Version>, Failure> {
        let all = self.seen_versions(model, &Patience::new(cx))?;
        Ok(all.into_iter().find(|found| found.at.version == *version))
    }

    fn registered_by(&self, model: &ModelName, key: &OpKey, cx: &Cx) -> Result<Vec<Version>, Failure> {
        let seen = self.mirror.seen(&Patience::new(cx))?;
        let events = seen.of(model);
        let all = versions(&events);
        let own = all.iter().filter(|v| v.registration().is_some_and(|e| e.line(OP) == Some(key.as_str())));
        Ok(own.map(|version| self.version_of(model, version)).collect())
    }

    fn pointer(&self, model: &ModelName, alias: &AliasName, cx: &Cx) -> Result<Pointer, Failure> {
        let seen = self.mirror.seen(&Patience::new(cx))?;
        Ok(point::pointer(&seen.of(model), alias))
    }

    fn fetch(&self, version: &Version, cx: &Cx) -> Result<PathBuf, Failure> {
        self.bring(version, &Patience::new(cx))
    }

    fn register_requests(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        self.register_calls(model, what, key)
    }

    fn register(&self, model: &ModelName, what: &Registration, key: &OpKey, cx: &Cx) -> Outcome {
        self.take_in(model, what, key, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn withdraw_requests(&self, model: &ModelName, version: Option<&VersionName>) -> Vec<Request> {
        let version = version.map_or(signalbox_release::TO_BE_GIVEN, VersionName::as_str);
        vec![self.push_shown(&[format!("{model}@{version}!#{{n}}")], &register::taken_back(model, version))]
    }

    fn withdraw(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Outcome {
        let done = self.take_back(model, version, &Patience::new(cx));
        done.map_or_else(Outcome::from, |()| Outcome::Done(json!({ "withdrawn": version })))
    }

    fn point_requests(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request> {
        self.point_calls(model, alias, to)
    }

    fn point(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        cx: &Cx,
    ) -> Outcome {
        self.move_stage(model, alias, from, to, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }
}
