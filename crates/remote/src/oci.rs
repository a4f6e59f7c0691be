//! Models in an OCI registry (distribution-spec v1.1), as CNCF's ModelPack lays them out.
//!
//! A model is a repository below ours, a version a manifest, an alias a tag on the version's own manifest: whoever
//! pulls `…/churn:champion` gets the champion. Tags are last-writer-wins, and no registry compares before it sets. So:
//!
//! - A version is named by its manifest's digest, and the manifest follows from the artifact and the operation's key:
//!   registering needs no number that two could take, twice is as once, and a tag that was put elsewhere is seen. The
//!   name is 48 bits of that digest, enough against accidents; the artifact's whole digest is in the manifest.
//! - An alias is moved under a lock that needs no comparing either ([`claim`]).
//! - Nothing is deleted, ever: deleting a manifest takes every tag on it along, production's too. What is withdrawn,
//!   or points at nothing, says so in a note beside it.

mod claim;
mod fetch;
mod manifest;
mod names;
mod point;
mod read;
mod register;
mod token;

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, header};
use serde_json::json;
use signalbox_release::{
    AliasName, Cas, Clock, Cx, Failure, FailureCode, Model, ModelName, OpKey, Outcome, Pointer, Registration, Registry,
    RegistryCaps, Request, SystemId, Version, VersionName,
};

use crate::http::{Body, Call, Http, Lost, Patience, parted, words};
use crate::secret::Identity;
use manifest::{MANIFEST, Manifest};
use names::{MAX_REPOSITORY, part_of_model};
use token::Issued;

/// Which registry it is, and who asks it.
#[derive(Clone, Debug)]
pub struct OciAt {
    pub id: SystemId,
    /// The registry: `https://host:port`, without `/v2`.
    pub url: String,
    /// Models are repositories below it: `team/models`.
    pub repository: String,
    /// The person, as others will see them: `ada@laptop`.
    pub by: String,
    /// Artifacts are brought into folders below it.
    pub cache: PathBuf,
    /// Models besides those that the registry lists. Many registries list none.
    pub models: Vec<ModelName>,
}

pub struct OciRegistry {
    at: OciAt,
    http: Http,
    clock: Arc<dyn Clock>,
    /// This instance, so that it knows its own claim.
    nonce: String,
    /// One move at a time here.
    moving: Mutex<()>,
    second_look: Duration,
}

const SETTLES: usize = 10;
const SETTLE: Duration = Duration::from_millis(100);

impl OciRegistry {
    /// `auth` is asked at each request: a user and a password, or a token that the registry itself takes. `ca`: a PEM
    /// file with authorities to trust besides the system's.
    pub fn new(
        at: OciAt,
        auth: Arc<dyn Identity>,
        ca: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<OciRegistry, Failure> {
        let fits = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        if !at.repository.split('/').all(fits) {
            let why = format!("{:?} is no repository's name", words(at.repository.as_bytes()));
            return Err(Failure::new(FailureCode::Invalid, why)
                .hint("Small letters, digits and `.`, `-`, `_`, in parts with `/` between: team/models."));
        }
        let (registry, own) = parted(&at.url)?;
        let auth: Arc<dyn Identity> = match own {
            Some(own) => Arc::new(move || own.clone()),
            None => auth,
        };
        let proof = Issued::new(registry.clone(), auth, ca.clone());
        let http = Http::asked(registry.as_str(), Box::new(proof), ca.as_deref())?;
        let nonce = format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1));
        Ok(OciRegistry { at, http, clock, nonce, moving: Mutex::new(()), second_look: Duration::from_secs(1) })
    }

    /// How long after a move it is looked at once more.
    pub fn second_look(mut self, after: Duration) -> OciRegistry {
        self.second_look = after;
        self
    }

    /// Says whether the registry is there, and whether it lets us read.
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        let patience = Patience::new(cx);
        let reply = self.http.read_reply(&self.http.get("v2/_catalog", &[("n", "1")]), &patience);
        match reply {
            Ok(_) => Ok("OCI registry".into()),
            // One that lists nothing; what it says of the repository itself counts.
            Err(failure) if failure.code == FailureCode::Unreachable => Err(failure),
            Err(_) => {
                self.tags(&self.at.repository, &patience)?;
                Ok("OCI registry".into())
            }
        }
    }

    fn repository(&self, model: &ModelName) -> Result<String, Failure> {
        let name = format!("{}/{}", self.at.repository, part_of_model(model));
        if name.len() > MAX_REPOSITORY {
            let why = format!("{model} is too long for a repository's name");
            return Err(Failure::new(FailureCode::Invalid, why).hint("Give the model a shorter name."));
        }
        Ok(name)
    }

    /// Does once more what a registry failed at itself, and what changes nothing twice. Distribution writes the file
    /// behind a tag or a blob in place: who looks just then is told 500, or that the blob is unknown (docker-registry
    /// 2.8.2).
    fn settled<T, E: Clone + Into<Lost>>(
        &self,
        patience: &Patience,
        mut what: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..SETTLES {
            match what() {
                Err(e) if is_unsettled(&e.clone().into().failure()) && patience.left() > SETTLE => {
                    self.clock.pause(SETTLE, patience.cancel());
                }
                done => return done,
            }
        }
        what()
    }

    /// Sends a manifest that may be sent again.
    fn put_again(&self, call: Call, manifest: &Manifest, patience: &Patience) -> Result<(), Lost> {
        let call = call.repeatable();
        self.settled(patience, || self.put(&call, manifest, patience))
    }

    fn put_call(&self, repository: &str, tag: &str, manifest: &Manifest) -> Call {
        let to = self.http.below(&format!("v2/{repository}/manifests/{tag}"));
        self.http.at(Method::PUT, to, Body::Bytes(MANIFEST, manifest.bytes.clone()))
    }

    /// Sends a manifest under a tag. If the registry names another digest than ours, something is between us.
    fn put(&self, call: &Call, manifest: &Manifest, patience: &Patience) -> Result<(), Lost> {
        let reply = self.http.change_reply(call, patience).map_err(|lost| lost.map(named))?;
        let said = reply.header(header::HeaderName::from_static("docker-content-digest"));
        match said.filter(|said| *said != manifest.digest.to_string()) {
            None => Ok(()),
            Some(other) => {
                let why = format!("the registry keeps {} instead of what was sent", words(other.as_bytes()));
                Err(Lost::Unknown(Failure::new(FailureCode::Server, why)))
            }
        }
    }
}

fn is_unsettled(failure: &Failure) -> bool {
    let errors = failure.raw.as_ref().and_then(|raw| raw.get("errors")?.as_array());
    let unknown = |error: &serde_json::Value| error["code"] == "MANIFEST_BLOB_UNKNOWN";
    failure.code == FailureCode::Server || errors.is_some_and(|errors| errors.iter().any(unknown))
}

/// The registry's own words for an error (distribution-spec, "Error Codes").
fn named(mut failure: Failure) -> Failure {
    let Some(error) = failure.raw.as_ref().and_then(|raw| raw.get("errors")?.get(0)) else { return failure };
    let text = |key: &str| words(error.get(key).and_then(|text| text.as_str()).unwrap_or_default().as_bytes());
    let (code, said) = (text("code"), text("message"));
    let (found, hint) = match code.as_str() {
        "DENIED" | "UNAUTHORIZED" => (FailureCode::Denied, None),
        "TOOMANYREQUESTS" => (FailureCode::Busy, None),
        "UNSUPPORTED" => (FailureCode::Invalid, Some("Does this registry take OCI artifacts?")),
        _ => (failure.code, None),
    };
    failure.code = found;
    failure.message = format!("the registry says {code}: {said}");
    failure.hint = failure.hint.or(hint.map(str::to_owned));
    failure
}

/// The registry itself says that there is no such thing; not a server that has never heard of OCI.
fn absent(failure: &Failure) -> bool {
    let error = failure.raw.as_ref().and_then(|raw| raw.get("errors")?.get(0)?.get("code")?.as_str());
    failure.code == FailureCode::NotFound && error.is_some()
}

impl Registry for OciRegistry {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        format!("OCI registry at {}/{}", self.http.place(), self.at.repository)
    }

    fn caps(&self) -> RegistryCaps {
        RegistryCaps { cas: Cas::Lock, digests: true, history: false }
    }

    fn models(&self, cx: &Cx) -> Result<Vec<Model>, Failure> {
        self.all_models(&Patience::new(cx))
    }

    fn versions(&self, model: &ModelName, cx: &Cx) -> Result<Vec<Version>, Failure> {
        self.all_versions(model, &Patience::new(cx))
    }

    fn version(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Result<Option<Version>, Failure> {
        self.one_version(model, version, &Patience::new(cx))
    }

    fn registered_by(&self, model: &ModelName, key: &OpKey, cx: &Cx) -> Result<Vec<Version>, Failure> {
        Ok(self.version_by(model, key, &Patience::new(cx))?.into_iter().collect())
    }

    fn pointer(&self, model: &ModelName, alias: &AliasName, cx: &Cx) -> Result<Pointer, Failure> {
        Ok(self.read_pointer(model, alias, &Patience::new(cx))?.0)
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
        let repository = self.repository(model).unwrap_or_else(|_| self.at.repository.clone());
        vec![self.withdraw_call(&repository, version).0.shown()]
    }

    fn withdraw(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Outcome {
        let done = self.mark_withdrawn(model, version, &Patience::new(cx));
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
        self.move_alias(model, alias, from, to, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }
}
