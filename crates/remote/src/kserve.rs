//! KServe's InferenceServices (`serving.kserve.io/v1beta1`) in Knative mode, through the Kubernetes API.
//!
//! One object holds one model in its spec; KServe makes a Knative revision of each spec and splits the traffic between
//! the newest one and the last that had all of it. So:
//!
//! - *stage* applies the candidate's model with `canaryTrafficPercent: 0`; the version before stays, as a revision;
//! - *route* changes that percentage and nothing else; at 100 the field is left out, as KServe's own default;
//! - *unstage* applies the model before again, still at 0 %, and drops the percentage only when that new revision is up:
//!   without it Knative would give all traffic to the newest *ready* revision, the one that is being taken away.
//!
//! What is on the object tells who is who: annotations name the version in the spec, the one before with its revision
//! and its model, and the operation. KServe hands annotations on to the revision's template, and each change of that is
//! a new revision: they change only together with the model, and a route carries no operation's key.
//!
//! Every change is a server-side apply as field manager `signalbox`, never forced, tried dry first, with the
//! `resourceVersion` that was seen; where only the status has moved meanwhile it is applied to what is there now. A first
//! version is applied under a name that only its operation has, and then handed over, so that of two at once the API
//! server itself refuses one.
//!
//! Refused: KServe's Standard (`RawDeployment`) mode for a service that serves already (a percentage is passed over
//! there, and the candidate would take all traffic at once), and services that others made or changed. Once a version
//! has all traffic, Knative lets the one before go cold. No model server names a digest: an identity is `Claimed`.
//! A first version is answered by KServe at once; it counts as having no traffic until it is given some.
//!
//! Checked on a real kube-apiserver (1.20) with a controller of the tests' own that follows KServe's source
//! (`ksvc_reconciler.go`, `inference_service_status.go` of 2026-08). KServe's own controller, its webhooks, Knative and
//! an ingress have never been asked.

mod api;
mod apply;
mod ask;
mod change;
mod kubeconfig;
mod object;
mod plugin;
mod seen;
mod storage;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_release::{
    Answer, Clock, Cx, Deployable, Failure, FailureCode, Health, Observed, OpKey, Outcome, Phase, Request, ServiceName,
    Split, SystemId, Target, TargetCaps, VersionRef, Whom,
};

use crate::http::{Patience, words};
use crate::mlflow::Lookup;
use api::Api;

pub use ask::{Protocol, Reach};
pub use storage::Storage;

/// Which KServe it is, and how models get into it.
#[derive(Clone, Debug)]
pub struct KserveAt {
    pub id: SystemId,
    /// The kubeconfig's context; its current one if nothing is said.
    pub context: Option<String>,
    pub namespace: String,
    /// Instead of `KUBECONFIG` and `~/.kube/config`. A kubeconfig may name programs that are run: this must come from
    /// the person, never from a project's file.
    pub kubeconfig: Option<PathBuf>,
    pub reach: Reach,
    pub storage: Storage,
    pub protocol: Protocol,
    /// KServe's name of what the model is: `sklearn`, `mlflow`, `xgboost`, …
    pub format: String,
    /// The ServingRuntime; KServe chooses one if nothing is said.
    pub runtime: Option<String>,
}

pub struct Kserve {
    at: KserveAt,
    api: Api,
    clock: Arc<dyn Clock>,
    places: ask::Places,
}

impl Kserve {
    /// `environment`: asked at each call for `KUBECONFIG` and `HOME`.
    pub fn new(at: KserveAt, environment: Lookup, clock: Arc<dyn Clock>) -> Result<Kserve, Failure> {
        dns_label("namespace", &at.namespace)?;
        let api = Api::new(at.namespace.clone(), at.context.clone(), at.kubeconfig.clone(), environment, clock.clone());
        Ok(Kserve { at, api, clock, places: ask::Places::default() })
    }

    /// Asks the cluster for its version, and whether it knows KServe and lets us look.
    pub fn greet(&self, cx: &Cx) -> Result<String, Failure> {
        let patience = Patience::new(cx);
        let list = format!("apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices", self.at.namespace);
        self.api.read(&list, &patience)?;
        let said = self.api.read("version", &patience)?;
        let version = said.get("gitVersion").and_then(Value::as_str).unwrap_or("of an unknown version");
        Ok(format!("KServe on Kubernetes {}", words(version.as_bytes())))
    }
}

/// What a name in the API may be (RFC 1123; KServe makes host names of it).
fn dns_label(what: &str, name: &str) -> Result<(), Failure> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(());
    }
    Err(Failure::new(FailureCode::Invalid, format!("{:?} is no {what} in Kubernetes", words(name.as_bytes())))
        .hint("Small letters, digits and '-', at most 63, no '-' at either end."))
}

/// The service's own name; its address is made of it, and of a suffix.
fn name_of(service: &ServiceName) -> Result<&str, Failure> {
    dns_label("service's name", service.as_str())?;
    if service.as_str().len() > 50 || service.as_str().starts_with(|c: char| c.is_ascii_digit()) {
        let why = format!("{service} cannot be a service's name: it begins with a digit, or is longer than 50");
        return Err(Failure::new(FailureCode::Invalid, why));
    }
    Ok(service.as_str())
}

impl Target for Kserve {
    fn id(&self) -> &SystemId {
        &self.at.id
    }

    fn title(&self) -> String {
        let namespace = &self.at.namespace;
        match self.api.access() {
            Ok(access) => {
                let (server, context) = (words(access.server.as_bytes()), words(access.context.as_bytes()));
                let warning = if access.trust.anyone {
                    "; its certificate is NOT checked (insecure-skip-tls-verify)"
                } else {
                    ""
                };
                format!("KServe at {server} (context {context}, namespace {namespace}{warning})")
            }
            Err(_) => {
                let context = self.at.context.as_deref().unwrap_or("the current one");
                format!("KServe (context {context}, namespace {namespace})")
            }
        }
    }

    fn caps(&self) -> TargetCaps {
        TargetCaps { split: true, ask_candidate: true, keeps_old_warm: false }
    }

    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure> {
        let found = self.api.get(name_of(service)?, &Patience::new(cx))?;
        Ok(match found {
            Some(object) => seen::observed(service, &object),
            None => Observed {
                service: service.clone(),
                phase: Phase::Absent,
                loaded: Vec::new(),
                foreign: None,
                raw: Value::Null,
            },
        })
    }

    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
        let (patience, name) = (Patience::new(cx), name_of(service)?);
        let object = self.api.get(name, &patience)?.ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("there is no service {service} in {}", self.at.namespace))
        })?;
        let address = ask::address(&object, whom)?;
        ask::ask(&self.places, &self.at.reach, &address, (self.at.protocol, name), request, &patience)
    }

    fn health(&self, _: &ServiceName, _: &VersionRef, _: u64, _: &Cx) -> Result<Health, Failure> {
        Err(Failure::new(FailureCode::NotFound, "KServe itself counts no requests")
            .hint("Name a Prometheus that gathers Knative's metrics in signalbox.toml, or promote without a watch."))
    }

    fn stage_requests(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request> {
        self.stage_calls(service, what, key)
    }

    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome {
        self.load(service, what, key, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        vec![
            self.shown(
                service,
                json!({ "instead of": version, "model": "{the one before}", "canaryTrafficPercent": 0 }),
            ),
        ]
    }

    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome {
        self.unload(service, version, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }

    fn route_requests(&self, service: &ServiceName, to: Option<&str>, share: u8, rest: Option<&str>) -> Vec<Request> {
        let to = to.unwrap_or("nobody");
        let rest = rest.map_or(String::new(), |rest| format!(", the rest {rest}"));
        let percent = if share == 100 { json!(null) } else { json!(share) };
        let body = json!({ "spec": { "predictor": { "canaryTrafficPercent": percent } } });
        vec![Request { verb: format!("PATCH ({to} gets {share} %{rest})"), ..self.shown(service, body) }]
    }

    fn route(&self, service: &ServiceName, split: &Split, _: &OpKey, cx: &Cx) -> Outcome {
        self.give(service, split, &Patience::new(cx)).map_or_else(Outcome::from, Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use signalbox_release::TO_BE_GIVEN;

    use super::*;

    #[test]
    fn names_that_kubernetes_would_not_take_are_refused_before_anything_is_sent() {
        for good in ["churn", "a", "churn-7", &"x".repeat(50)] {
            assert!(name_of(&good.parse().expect("a name")).is_ok(), "{good}");
        }
        for bad in ["Churn", "churn_7", "churn.x", "7churn", "churn-", "é", &"x".repeat(51), TO_BE_GIVEN] {
            let failure = name_of(&bad.parse().expect("a name")).map(str::to_owned).expect_err(bad);
            assert_eq!(failure.code, FailureCode::Invalid);
        }
        assert!(dns_label("namespace", "../kube-system").is_err());
    }
}
