//! MLflow's model registry, 2.x and 3.x, over its REST API (`mlflow/protos/model_registry.proto`, `service.proto`).
//!
//! MLflow sets an alias blindly and keeps no history of it. So Signalboxes lock each other out ([`lock`]), compare, set,
//! read back and look again ([`point`]); and each leaves on the model who moved an alias where to. A version carries
//! its operation's key and its artifact's digest as tags.

mod fetch;
mod filter;
mod lock;
mod place;
mod point;
mod read;
mod register;
mod run;
mod upload;
mod wire;

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use signalbox_release::{
    AliasName, Cas, Clock, Cx, Failure, FailureCode, Model, ModelName, OpKey, Outcome, Pointer, Registration, Registry,
    RegistryCaps, Request, SystemId, Version, VersionName,
};

use crate::http::{Call, Http, Lost, Patience};
use crate::secret::{Auth, Identity, Secret};

pub use run::RunSource;

/// Where an environment's variables come from; tests own it.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Which MLflow it is, and who asks it.
#[derive(Clone, Debug)]
pub struct MlflowAt {
    pub id: SystemId,
    /// The tracking server: `https://host:port/path`.
    pub url: String,
    /// The person, as others will see them: `ada@laptop`.
    pub by: String,
    /// Artifacts are brought into folders below it.
    pub cache: PathBuf,
}

pub struct MlflowRegistry {
    at: MlflowAt,
    http: Http,
    clock: Arc<dyn Clock>,
    /// This instance, so that it knows its own lock.
    nonce: String,
    /// One move at a time here; between machines the registry's lock does it.
    moving: Mutex<()>,
    second_look: Duration,
    page: u32,
    server: OnceLock<String>,
}

const API: &str = "api/2.0/mlflow";
/// The tags that we write.
const OP_TAG: &str = "signalbox.op";
const DIGEST_TAG: &str = "signalbox.digest";
const STATE_TAG: &str = "signalbox.state";
const WITHDRAWN: &str = "withdrawn";
/// What the server grants per page of models.
const PAGE: u32 = 1000;

impl MlflowRegistry {
    /// `environment`: asked at each request for what MLflow's own client reads: `MLFLOW_TRACKING_USERNAME`, `_PASSWORD`,
    /// `_TOKEN`; and once for `MLFLOW_TRACKING_SERVER_CERT_PATH`, `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE`.
    pub fn new(at: MlflowAt, environment: Lookup, clock: Arc<dyn Clock>) -> Result<MlflowRegistry, Failure> {
        let own = Url::parse(at.url.trim()).map(|url| url.origin().ascii_serialization()).ok();
        let asked = environment.clone();
        let auth = move || own.as_ref().map_or(Auth::None, |own| auth_of(&*asked, own));
        MlflowRegistry::with_identity(at, auth, environment, clock)
    }

    /// `identity` says who we are, in the environment's stead; of that only the certificates are read.
    pub fn with_identity(
        at: MlflowAt,
        identity: impl Identity + 'static,
        environment: Lookup,
        clock: Arc<dyn Clock>,
    ) -> Result<MlflowRegistry, Failure> {
        let ca = ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|name| environment(name).filter(|path| !path.is_empty()));
        let http = Http::new(&at.url, identity, ca.as_deref().map(Path::new))?;
        let nonce = format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1));
        Ok(MlflowRegistry {
            at,
            http,
            clock,
            nonce,
            moving: Mutex::new(()),
            second_look: Duration::from_secs(1),
            page: PAGE,
            server: OnceLock::new(),
        })
    }

    /// How long after a move it is looked at once more.
    pub fn second_look(mut self, after: Duration) -> MlflowRegistry {
        self.second_look = after;
        self
    }

    /// How many models or versions are asked for at once.
    pub fn page(mut self, n: u32) -> MlflowRegistry {
        self.page = n.clamp(1, PAGE);
        self
    }

    /// Asks the server for its version; says whether it is there, and whether it lets us in.
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        let patience = Patience::new(cx);
        let said = self.http.read_words(&self.http.get("version", &[]), &patience)?;
        // Some servers tell their version to all; this they do not.
        self.get("registered-models/search", &[("max_results", "1")], &patience)?;
        Ok(self.its_version(said).map_or_else(|| "MLflow".into(), |version| format!("MLflow {version}")))
    }

    /// MLflow's own server tells its version; others that speak its API do not.
    fn its_version(&self, said: String) -> Option<&str> {
        let fits = said.starts_with(|c: char| c.is_ascii_digit()) && said.len() <= 40;
        fits.then(|| self.server.get_or_init(|| said).as_str())
    }

    fn call(&self, verb: fn(&Http, &str, Value) -> Call, path: &str, body: Value) -> Call {
        verb(&self.http, &format!("{API}/{path}"), body)
    }

    fn get(&self, path: &str, query: &[(&str, &str)], patience: &Patience) -> Result<Value, Failure> {
        self.http.read(&self.http.get(&format!("{API}/{path}"), query), patience).map_err(named)
    }

    fn change(&self, call: &Call, patience: &Patience) -> Result<Value, Lost> {
        self.http.change(call, patience).map_err(|lost| lost.map(named))
    }
}

/// What MLflow's own client would say who it is. If the environment names another tracking server, its credentials are
/// not for this one.
fn auth_of(environment: &dyn Fn(&str) -> Option<String>, own: &str) -> Auth {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let theirs = set("MLFLOW_TRACKING_URI").and_then(|uri| Url::parse(&uri).ok()).filter(|uri| uri.host().is_some());
    if theirs.is_some_and(|uri| uri.origin().ascii_serialization() != own) {
        return Auth::None;
    }
    match (set("MLFLOW_TRACKING_USERNAME"), set("MLFLOW_TRACKING_PASSWORD"), set("MLFLOW_TRACKING_TOKEN")) {
        (Some(user), password, _) => Auth::Basic { user, password: Secret::new(password.unwrap_or_default()) },
        (None, _, Some(token)) => Auth::Bearer { token: Secret::new(token) },
        _ => Auth::None,
    }
}

/// MLflow's own name of an error says more than the status: what exists already is a 400.
fn named(mut failure: Failure) -> Failure {
    failure.code = match error_code(&failure) {
        Some("RESOURCE_ALREADY_EXISTS" | "RESOURCE_CONFLICT" | "ABORTED") => FailureCode::Conflict,
        Some("RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND" | "ENDPOINT_NOT_FOUND") => FailureCode::NotFound,
        Some("PERMISSION_DENIED" | "UNAUTHENTICATED" | "CUSTOMER_UNAUTHORIZED") => FailureCode::Denied,
        Some("TEMPORARILY_UNAVAILABLE" | "REQUEST_LIMIT_EXCEEDED" | "RESOURCE_EXHAUSTED") => FailureCode::Busy,
        _ => return failure,
    };
    failure
}

fn error_code(failure: &Failure) -> Option<&str> {
    failure.raw.as_ref()?.get("error_code")?.as_str()
}

/// MLflow itself says that there is no such thing; not a server that has never heard of MLflow.
fn absent(failure: &Failure) -> bool {
    failure.code == FailureCode::NotFound && error_code(failure).is_some()
}

fn wrong_value(failure: &Failure) -> bool {
    error_code(failure) == Some("INVALID_PARAMETER_VALUE")
}

impl Registry for MlflowRegistry {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        let version = self.server.get().map(|version| format!(" {version}")).unwrap_or_default();
        format!("MLflow{version} at {}", self.http.place())
    }

    fn caps(&self) -> RegistryCaps {
        RegistryCaps { cas: Cas::Lock, digests: false, history: false }
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
        self.versions_by(model, key, &Patience::new(cx))
    }

    fn pointer(&self, model: &ModelName, alias: &AliasName, cx: &Cx) -> Result<Pointer, Failure> {
        self.read_pointer(model, alias, &Patience::new(cx))
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
        vec![self.withdraw_call(model, version).shown()]
    }

    fn withdraw(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Outcome {
        let done = self.change(&self.withdraw_call(model, version.as_str()), &Patience::new(cx));
        done.map_or_else(Outcome::from, |_| Outcome::Done(json!({ "withdrawn": version })))
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
