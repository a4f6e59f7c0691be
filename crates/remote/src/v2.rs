//! Any server of the V2 (Open Inference) protocol with the repository API, whose model repository this machine can
//! write: proven on MLServer 1.7.1 and Triton 2.51.0.
//!
//! What was measured on both, and what follows from it:
//!
//! - Whatever version a server takes for the newest gets the requests that name none. So a candidate is loaded under a
//!   name of its own, `SERVICE--VERSION`, that no client asks for; there it is proven.
//! - Triton: the service's own name is an ensemble of one step that hands each request on to the staged model. Loading it
//!   takes milliseconds, loses no request and keeps the version before warm. Triton loads an ensemble's models anew if
//!   their folders have changed since; what we generate keeps Python from changing them.
//! - MLServer has no ensembles: the service's own name loads the staged model's files once more (so the live model is in
//!   memory twice). It replaces a model *without a version* only when the next has been loaded; one with a version gets
//!   requests before it is ready (`mlserver/registry.py`). With `parallel_workers: 0` a load stops all else meanwhile.
//! - A failed load leaves the old model serving on both; MLServer says `READY` all the same, so readiness is no proof:
//!   each model says our label itself (`versions` of MLServer's metadata, `parameters` of Triton's configuration). The
//!   label holds registry, model, version and digest, and so does `signalbox.json` in each folder that we write.
//! - After a failed load Triton's `/v2/health/ready` stays 400, even when the model is unloaded and its folder is gone:
//!   an orchestrator would take the whole server out. So a model that loads takes the failed one's name for a moment.
//! - MLServer tells why a load failed in a traceback as text, with status 500 (with `debug: false` it tells nothing; only
//!   its log does); Triton in JSON, with 400.

mod artifact;
mod ask;
mod folder;
mod health;
mod label;
mod observe;
mod pbtxt;
mod record;
mod route;
mod signature;
mod stage;
mod tensors;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use signalbox_release::{
    Answer, Cx, Deployable, Failure, FailureCode, Health, Observed, OpKey, Outcome, Request, ServiceName, Split,
    SystemId, Target, TargetCaps, VersionRef, Whom,
};

use crate::http::{Call, Http, Lost, Patience, Said, words};
use crate::secret::{Auth, Identity};
use folder::Repository;
use health::Tally;

/// Which server it is.
#[derive(Clone, Debug)]
pub struct V2At {
    pub id: SystemId,
    /// `http://host:port`, below which `/v2` lies.
    pub url: String,
    /// The server's model repository, as this machine sees it.
    pub repository: PathBuf,
    /// Below which MLServer's `/metrics` lies: `http://host:port`. Triton needs none.
    pub metrics: Option<String>,
}

/// Which of the two ways a server wants its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    MlServer,
    Triton,
}

pub struct V2Target {
    at: V2At,
    http: Http,
    metrics: Option<Http>,
    repository: Repository,
    /// One change at a time here.
    changing: Mutex<()>,
    counting: Mutex<()>,
    tally: Tally,
    server: OnceLock<(Dialect, String)>,
}

impl V2Target {
    /// `auth`: asked at each request to the server itself; it is never told to `metrics`, which may be anybody.
    pub fn new(at: V2At, auth: impl Identity + 'static) -> Result<V2Target, Failure> {
        let http = Http::new(&at.url, auth, None)?;
        let metrics = at.metrics.as_deref().map(|url| Http::new(url, || Auth::None, None)).transpose()?;
        let repository = Repository::new(at.repository.clone());
        Ok(V2Target {
            at,
            http,
            metrics,
            repository,
            changing: Mutex::new(()),
            counting: Mutex::new(()),
            tally: Tally::default(),
            server: OnceLock::new(),
        })
    }

    /// What `metrics` is told of who asks.
    pub fn metrics_auth(mut self, auth: impl Identity + 'static) -> Result<V2Target, Failure> {
        self.metrics = self.at.metrics.as_deref().map(|url| Http::new(url, auth, None)).transpose()?;
        Ok(self)
    }

    /// Asks the server who it is: "triton 2.51.0".
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        self.dialect(&Patience::new(cx))?;
        Ok(self.server.get().map(|(_, name)| name.clone()).unwrap_or_default())
    }

    fn dialect(&self, patience: &Patience) -> Result<Dialect, Failure> {
        if let Some((dialect, _)) = self.server.get() {
            return Ok(*dialect);
        }
        let said = self.http.read(&self.http.get("v2", &[]), patience)?;
        let part = |key: &str| words(said[key].as_str().unwrap_or("").as_bytes());
        let dialect = match (part("name").as_str(), said["extensions"].is_array()) {
            ("triton", _) => Dialect::Triton,
            // MLServer's name can be set by who runs it.
            (name, true) if !name.is_empty() => Dialect::MlServer,
            _ => {
                return Err(Failure::new(FailureCode::Server, format!("{} does not speak V2", self.http.place()))
                    .hint("Name the address below which /v2 lies.")
                    .raw(said));
            }
        };
        let name = format!("{} {}", part("name"), part("version"));
        Ok(self.server.get_or_init(|| (dialect, name)).0)
    }

    fn load_call(&self, name: &str) -> Call {
        self.http.post(&format!("v2/repository/models/{name}/load"), json!({}))
    }

    fn unload_call(&self, name: &str) -> Call {
        self.http.post(&format!("v2/repository/models/{name}/unload"), json!({}))
    }

    /// A folder, for a person.
    fn folder_request(&self, verb: &str, name: &str, body: Option<Value>) -> Request {
        Request { verb: verb.into(), to: self.repository.path(name).display().to_string(), body }
    }
}

/// What a server says to a load or an unload.
enum Word {
    Done,
    No(Failure),
    Unknown(Failure),
}

/// A gateway's word is not the server's: it may still be at work.
fn word(place: &str, said: Result<Said, Lost>) -> Word {
    let said = match said {
        Ok(said) => said,
        Err(Lost::Refused(failure)) => return Word::No(failure),
        Err(Lost::Unknown(failure)) => return Word::Unknown(failure),
    };
    if (200..300).contains(&said.status) {
        return Word::Done;
    }
    let raw: Option<Value> = serde_json::from_slice(&said.body).ok();
    let text = String::from_utf8_lossy(&said.body);
    let why = match raw.as_ref().and_then(|raw| raw["error"].as_str()) {
        // Triton: the reason first, then where it came from.
        Some(error) => words(error.split("\n\nAt:").next().unwrap_or(error).as_bytes()),
        // MLServer: the reason is the last line of a traceback.
        None => words(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").as_bytes()),
    };
    let code = match said.status {
        401 | 403 => FailureCode::Denied,
        404 => FailureCode::NotFound,
        408 | 504 => FailureCode::TimedOut,
        429 | 503 => FailureCode::Busy,
        400 | 500 => FailureCode::Invalid,
        402..500 => FailureCode::Invalid,
        _ => FailureCode::Server,
    };
    let failure = Failure::new(code, format!("{place} answers {}: {why}", said.status));
    let failure = failure.raw(raw.unwrap_or_else(|| Value::from(words(said.body.as_slice()))));
    if matches!(said.status, 408 | 501..) { Word::Unknown(failure) } else { Word::No(failure) }
}

impl Target for V2Target {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        let name = self.server.get().map_or("a V2 server", |(_, name)| name.as_str());
        format!("{name} at {}", self.http.place())
    }

    fn caps(&self) -> TargetCaps {
        let is_triton = matches!(self.server.get(), Some((Dialect::Triton, _)));
        TargetCaps { split: false, ask_candidate: true, keeps_old_warm: is_triton }
    }

    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure> {
        Ok(self.look(service, &Patience::new(cx))?.observed(service))
    }

    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
        self.question(service, whom, request, &Patience::new(cx))
    }

    fn health(&self, service: &ServiceName, version: &VersionRef, secs: u64, cx: &Cx) -> Result<Health, Failure> {
        self.fared(service, version, secs, &Patience::new(cx))
    }

    fn stage_requests(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request> {
        let name = label::staged(service.as_str(), what.version.version.as_str());
        let from = what.path.as_ref().map_or("{artifact}".to_owned(), |path| path.display().to_string());
        let body = json!({ "from": from, "key": key.as_str() });
        vec![self.folder_request("write folder", &name, Some(body)), self.load_call(&name).shown()]
    }

    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome {
        self.bring(service, what, key, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        let name = label::staged(service.as_str(), version);
        vec![self.unload_call(&name).shown(), self.folder_request("remove folder", &name, None)]
    }

    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome {
        self.take_away(service, version, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn route_requests(&self, service: &ServiceName, to: Option<&str>, _: u8, _: Option<&str>) -> Vec<Request> {
        let name = service.as_str();
        match to {
            Some(version) => {
                let body = json!({ "serves": label::staged(name, version) });
                vec![self.folder_request("write folder", name, Some(body)), self.load_call(name).shown()]
            }
            None => vec![self.unload_call(name).shown(), self.folder_request("remove folder", name, None)],
        }
    }

    fn route(&self, service: &ServiceName, split: &Split, key: &OpKey, cx: &Cx) -> Outcome {
        self.give(service, split, key, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }
}
