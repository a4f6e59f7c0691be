//! Ray Serve, over the REST API of the cluster's dashboard (`/api/serve/applications/`), 2.60.
//!
//! What was measured on it, and follows:
//! - A `PUT` replaces the whole config and has no ETag; applications that it leaves out are deleted. So every change
//!   here reads all, changes ours, reads again, refuses if anything is otherwise by now, puts, and reads what others
//!   have ([`change`]). Between the second reading and the `PUT` (some ms) another's `PUT` can still be lost: Ray has
//!   nothing to prevent that with. What others have goes back as the same JSON; Ray restarts nothing of it, but tries
//!   an application that failed to deploy once more.
//! - Changing the args of the application that serves rolls its replicas: nothing was lost, but with one replica
//!   requests waited for 27 s, and a version that cannot start takes replicas from the one that serves. Swapping the
//!   route prefixes of two applications in one `PUT` restarts nothing: 14 swaps, 1792 requests of 8 clients (kept
//!   and fresh connections), none lost, none slower than 0.33 s. So a version is an application of its own,
//!   `{service}--{version}`, and who holds the prefix `/{service}` serves: the very replicas that were asked before.
//!   The version before stays loaded, under its own prefix, and whoever wants to go back finds it there. What reaches
//!   an application by its name (`serve.get_app_handle`, gRPC) does not follow a prefix.
//! - A wrong import path is answered 200, and fails later; `RUNNING` says nothing of what was loaded. So [`look`] asks
//!   the proxy who is routed, and our own module ([`share`]) what it holds. One proxy of several answers.
//! - What is new to Ray it writes in its own way (`0` as `0.0`), and `last_deployed_time_s` is when anybody put
//!   anything, of all applications.
//! - A `PUT` leaves alone what a program has deployed (`serve.run`), but takes its name or prefix if it names them:
//!   refused here.
//! - To browsers Ray shows `<redacted>` for variables; put back, that would be their value: refused here.
//! - Ray cannot give shares of traffic; neither does this.

mod application;
mod change;
mod config;
mod look;
mod metrics;
mod share;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value, json};
use signalbox_release::{
    Answer, Cx, Deployable, Failure, FailureCode, Health, Observed, OpKey, Outcome, Request, ServiceName, Split,
    SystemId, Target, TargetCaps, VersionRef, Whom,
};

use crate::counted::{Looks, OwnAsks};
use crate::http::{Http, Lost, Patience};
use crate::secret::{Auth, Identity};
use application::{Found, Mark, live_prefix, name_of, own_prefix};
use config::Config;
pub use share::Share;

/// Which cluster it is, and how a version becomes an application there.
#[derive(Clone, Debug)]
pub struct RayAt {
    pub id: SystemId,
    /// The dashboard: `http://head:8265`.
    pub url: String,
    /// Where prediction requests go: `http://head:8000`. Without: the dashboard's host, the port that Serve names.
    pub serve: Option<String>,
    /// What Prometheus would scrape: `http://head:PORT`. Without: what Ray tells Prometheus.
    pub metrics: Option<String>,
    /// Needed by our own builder, and by `{path}`.
    pub share: Option<Share>,
    /// An application as in Serve's config file, without name and prefix. In the texts of its `args`, `{path}`,
    /// `{source}`, `{registry}`, `{model}`, `{version}`, `{digest}` and `{service}` are filled in. Without an
    /// `import_path` our own module serves the version as an MLflow model: its deployment is called `Model`, and the
    /// cluster's Python, or `runtime_env.pip` here, must have `mlflow-skinny` and what the model needs. While the
    /// version that serves has the same `import_path`, its `deployments` are taken over: somebody may have scaled it.
    pub application: Map<String, Value>,
}

type AskAuth = Arc<dyn Fn() -> Auth + Send + Sync>;

pub struct RayServe {
    at: RayAt,
    http: Http,
    serve_auth: AskAuth,
    memory: Mutex<Memory>,
    counting: Mutex<()>,
}

/// What is no truth about the cluster: for previews, and what comes from two looks.
#[derive(Default)]
struct Memory {
    /// As it was read last.
    config: Option<Config>,
    /// Applications that were previewed, by name.
    planned: BTreeMap<String, Value>,
    /// The steps that we have begun.
    ops: BTreeSet<String>,
    servers: BTreeMap<String, Arc<Http>>,
    looks: BTreeMap<String, Looks>,
    /// At services' own addresses.
    asked: BTreeMap<ServiceName, Arc<OwnAsks>>,
    /// Exporters that have answered.
    exporters: BTreeSet<String>,
}

const API: &str = "api/serve/applications/";

impl RayServe {
    /// `auth`: asked at each request to the dashboard; Ray itself knows a bearer token, or nothing.
    pub fn new(at: RayAt, auth: impl Identity + 'static) -> Result<RayServe, Failure> {
        let http = Http::new(&at.url, auth, None)?;
        Ok(RayServe {
            at,
            http,
            serve_auth: Arc::new(|| Auth::None),
            memory: Mutex::default(),
            counting: Mutex::new(()),
        })
    }

    /// What stands before Serve's proxy may want to know who asks. The dashboard's token is never sent there.
    pub fn serve_auth(mut self, auth: impl Fn() -> Auth + Send + Sync + 'static) -> RayServe {
        self.serve_auth = Arc::new(auth);
        self
    }

    /// Whether it is there and lets us in; its version.
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        let patience = Patience::new(cx);
        let said = self.http.read(&self.http.get("api/ray/version", &[]), &patience)?;
        self.details(&patience)?;
        let version = said.get("ray_version").and_then(Value::as_str).unwrap_or("");
        Ok(format!("Ray {}", crate::http::words(version.as_bytes())))
    }

    fn details(&self, patience: &Patience) -> Result<Value, Failure> {
        let details = self.http.read(&self.http.get(API, &[]), patience)?;
        if let Ok(config) = Config::read(&details) {
            self.memory().config = Some(config);
        }
        Ok(details)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server(&self, address: &str, auth: AskAuth) -> Result<Arc<Http>, Failure> {
        if let Some(known) = self.memory().servers.get(address) {
            return Ok(known.clone());
        }
        let server = Arc::new(Http::new(address, move || auth(), None)?);
        self.memory().servers.insert(address.to_owned(), server.clone());
        Ok(server)
    }

    /// Serve's proxy, as it is configured here, or as the cluster tells.
    fn proxy(&self, details: Option<&Value>, patience: &Patience) -> Result<Arc<Http>, Failure> {
        if let Some(address) = &self.at.serve {
            return self.server(address, self.serve_auth.clone());
        }
        let read;
        let details = match details {
            Some(details) => details,
            None => {
                read = self.details(patience)?;
                &read
            }
        };
        let port = details.pointer("/http_options/port").and_then(Value::as_u64).filter(|port| *port > 0);
        let port = port.ok_or_else(|| {
            Failure::new(FailureCode::NotFound, "Serve answers no requests on this cluster yet")
                .hint("Deploy something, or name Serve's address.")
        })?;
        let tls = details.pointer("/http_options/ssl_certfile").is_some_and(|file| !file.is_null());
        let host = self.http.base().host_str().unwrap_or("127.0.0.1");
        let address = format!("{}://{host}:{port}", if tls { "https" } else { "http" });
        self.server(&address, self.serve_auth.clone())
    }

    fn own_asks(&self, service: &ServiceName) -> Arc<OwnAsks> {
        self.memory().asked.entry(service.clone()).or_default().clone()
    }

    fn planned_application(&self, service: &ServiceName, what: &Deployable, key: &OpKey, config: &Config) -> Value {
        let share = self.at.share.as_ref();
        let found = Found {
            path: Some(match (share, &what.version.digest) {
                (Some(share), Some(digest)) => share.planned(digest),
                _ => "{path}".into(),
            }),
            module: share.map(Share::planned_module),
        };
        let mark = Mark::new(service, &what.version, key);
        let source = what.source.clone().or_else(|| Some("{source}".into()));
        let what = Deployable { source, ..what.clone() };
        let live = config.at(&live_prefix(service)).and_then(|name| config.applications.get(name));
        application::application(&self.at.application, live, &mark, &what, &found).unwrap_or_else(|failure| {
            json!({
                "name": name_of(service, mark.version.as_str()),
                "route_prefix": own_prefix(service, mark.version.as_str()),
                "cannot_be_made": failure.message,
            })
        })
    }

    fn shown(&self, service: &ServiceName, config: &Config) -> Request {
        let ours = |name: &str| change::is_of(service, &config.applications[name]);
        self.http.put_json(API, config.shown(ours)).shown()
    }
}

impl Target for RayServe {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        format!("Ray Serve at {}", self.http.place())
    }

    fn caps(&self) -> TargetCaps {
        TargetCaps { split: false, ask_candidate: true, keeps_old_warm: true }
    }

    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure> {
        self.look(service, &Patience::new(cx))
    }

    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
        application::check_name("service", service.as_str())?;
        let patience = Patience::new(cx);
        let (path, details) = match whom {
            Whom::Live => (service.to_string(), None),
            Whom::Version(at) => self.routed(service, at, &patience).map(|(path, details)| (path, Some(details)))?,
        };
        let proxy = self.proxy(details.as_ref(), &patience)?;
        let began = Instant::now();
        // Once: a failure that is asked away is not seen by whoever counts failures.
        let said = proxy.change(&proxy.post(&path, request.clone()), &patience).map_err(Lost::failure);
        let unheard = |f: &Failure| matches!(f.code, FailureCode::Unreachable | FailureCode::Local);
        if *whom == Whom::Live && !said.as_ref().is_err_and(unheard) {
            self.own_asks(service).note(Instant::now(), said.is_ok());
        }
        Ok(Answer { body: said?, by: None, took_ms: began.elapsed().as_secs_f64() * 1000.0 })
    }

    fn health(&self, service: &ServiceName, version: &VersionRef, secs: u64, cx: &Cx) -> Result<Health, Failure> {
        self.fared(service, version, secs, &Patience::new(cx))
    }

    fn stage_requests(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request> {
        let mut config = self.memory().config.clone().unwrap_or_default();
        let app = self.planned_application(service, what, key, &config);
        let name = name_of(service, what.version.version.as_str());
        self.memory().planned.insert(name.clone(), app.clone());
        config.applications.insert(name, app);
        let mut requests = Vec::new();
        if let Some(share) = &self.at.share {
            let from =
                what.path.as_ref().map_or("the version's artifact".to_owned(), |path| path.display().to_string());
            let to = what.version.digest.as_ref().map_or("{path}".to_owned(), |digest| share.planned(digest));
            requests.push(Request { verb: "copy".into(), to: format!("{from} → {to}"), body: None });
        }
        requests.push(self.shown(service, &config));
        requests
    }

    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome {
        self.put_in(service, what, key, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        let mut config = self.memory().config.clone().unwrap_or_default();
        config.applications.remove(&name_of(service, version));
        vec![self.shown(service, &config)]
    }

    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome {
        self.take_out(service, version, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn route_requests(&self, service: &ServiceName, to: Option<&str>, _: u8, _: Option<&str>) -> Vec<Request> {
        let mut config = self.memory().config.clone().unwrap_or_default();
        if let Some(version) = to {
            let name = name_of(service, version);
            let planned = self.memory().planned.get(&name).cloned();
            let bare = || json!({ "name": name, "route_prefix": own_prefix(service, version) });
            config.applications.entry(name.clone()).or_insert_with(|| planned.unwrap_or_else(bare));
        }
        change::swap(&mut config, service, to.map(|version| name_of(service, version)).as_deref());
        vec![self.shown(service, &config)]
    }

    fn route(&self, service: &ServiceName, split: &Split, _: &OpKey, cx: &Cx) -> Outcome {
        self.give(service, split, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }
}
