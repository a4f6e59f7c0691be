//! What a registry and a serving system must be able to do. `signalbox-remote` does it; nothing here speaks HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, FailureCode, Outcome};
use crate::names::{AliasName, Digest, ModelName, OpKey, ServiceName, SystemId, VersionName, VersionRef};
use crate::seen::{Answer, Health, Model, Observed, Pointer, Version};

/// Stops work that is under way; clones stop together.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one call may take.
#[derive(Clone, Debug)]
pub struct Cx {
    pub cancel: Cancel,
    pub limit: Duration,
}

/// A call as it will be made. Holds no secret: what proves who we are is added when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `POST`, `git push`, `start`: what is done.
    pub verb: String,
    /// To what: an address, a path, a command.
    pub to: String,
    pub body: Option<Value>,
}

/// What is registered: an artifact, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The artifact's folder or file on this machine, where it is one.
    pub path: Option<PathBuf>,
    /// Where the registry itself finds it (`models:/m-…`, `runs:/…/model`), where it does.
    pub source: Option<String>,
    /// The run in the registry's own tracking store.
    pub run: Option<String>,
    pub digest: Option<Digest>,
    /// Shown with the version: the run's name, the project, the commit.
    pub tags: Vec<(String, String)>,
}

/// Whether a pointer can be moved only if it is where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cas {
    /// The registry itself compares and sets.
    Native,
    /// Signalbox locks, compares, sets, reads back and looks again: safe among Signalboxes, visible to others.
    Lock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCaps {
    pub cas: Cas,
    /// Versions are named by what they hold.
    pub digests: bool,
    /// It keeps who moved an alias, and when.
    pub history: bool,
}

/// Holds models, versions and aliases.
pub trait Registry: Send + Sync {
    fn id(&self) -> &SystemId;
    /// What a person knows it by: "MLflow 3.17 at …".
    fn title(&self) -> String;
    fn caps(&self) -> RegistryCaps;

    fn models(&self, cx: &Cx) -> Result<Vec<Model>, Failure>;
    /// All versions of a model, newest first. An unknown model has none.
    fn versions(&self, model: &ModelName, cx: &Cx) -> Result<Vec<Version>, Failure>;
    fn version(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Result<Option<Version>, Failure>;
    /// The versions that carry an operation's key: none, or one; more would be a defect of ours.
    fn registered_by(&self, model: &ModelName, key: &OpKey, cx: &Cx) -> Result<Vec<Version>, Failure>;
    fn pointer(&self, model: &ModelName, alias: &AliasName, cx: &Cx) -> Result<Pointer, Failure>;
    /// Brings a version's artifact onto this machine; gives its folder or file.
    fn fetch(&self, version: &Version, cx: &Cx) -> Result<PathBuf, Failure>;

    fn register_requests(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request>;
    fn register(&self, model: &ModelName, what: &Registration, key: &OpKey, cx: &Cx) -> Outcome;
    /// Marks a version as withdrawn. Nothing is deleted: a version may be in use elsewhere.
    fn withdraw_requests(&self, model: &ModelName, version: Option<&VersionName>) -> Vec<Request>;
    fn withdraw(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Outcome;
    fn point_requests(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request>;
    /// Moves an alias from where it was seen. If it is elsewhere by now: refused, with `Conflict`.
    fn point(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        cx: &Cx,
    ) -> Outcome;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCaps {
    /// Shares of traffic between 0 and 100.
    pub split: bool,
    /// The candidate can be asked before it takes traffic.
    pub ask_candidate: bool,
    /// The version before stays loaded while the next one serves.
    pub keeps_old_warm: bool,
}

/// A version, and what it takes to serve it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployable {
    pub version: VersionRef,
    /// Its artifact on this machine, where the target loads it from there.
    pub path: Option<PathBuf>,
    /// Its artifact where the target finds it itself.
    pub source: Option<String>,
}

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Who answers the service's own address.
    Live,
    Version(VersionRef),
}

/// Who gets how much of a service's traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// `None`: nobody takes any.
    pub to: Option<VersionRef>,
    /// Percent.
    pub share: u8,
    /// Who takes what is left; not `to`.
    pub rest: Option<VersionRef>,
    /// Whose the traffic may be until now. A target looks once more, in the same breath in which it moves the traffic:
    /// what another has given to another version meanwhile stays. `None`: whoever's it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<Vec<VersionRef>>,
}

impl Split {
    /// Refuses, with `Conflict`, to take traffic from a version that nobody here knows of.
    pub fn check<'a>(
        &self,
        service: &ServiceName,
        holders: impl IntoIterator<Item = &'a VersionRef>,
    ) -> Result<(), Failure> {
        let Some(among) = &self.among else { return Ok(()) };
        let known = |at: &VersionRef| among.iter().chain(&self.to).chain(&self.rest).any(|known| known.is(at));
        match holders.into_iter().find(|at| !known(at)) {
            None => Ok(()),
            Some(at) => {
                let why = format!("the traffic of {service} has gone to {at} meanwhile, which another has done");
                Err(Failure::new(FailureCode::Conflict, why).hint("Look at what serves now, and make the plan again."))
            }
        }
    }
}

/// Runs versions and gives them traffic.
pub trait Target: Send + Sync {
    fn id(&self) -> &SystemId;
    fn title(&self) -> String;
    fn caps(&self) -> TargetCaps;

    /// What is so now.
    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure>;
    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure>;
    /// How a version fared in the last `secs` seconds.
    fn health(&self, service: &ServiceName, version: &VersionRef, secs: u64, cx: &Cx) -> Result<Health, Failure>;

    fn stage_requests(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request>;
    /// Loads a version; it takes no traffic yet.
    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome;
    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request>;
    /// Unloads a version that takes no traffic. One that does is refused.
    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome;
    /// `to` and `rest`: as requests name them.
    fn route_requests(&self, service: &ServiceName, to: Option<&str>, share: u8, rest: Option<&str>) -> Vec<Request>;
    fn route(&self, service: &ServiceName, split: &Split, key: &OpKey, cx: &Cx) -> Outcome;
}
