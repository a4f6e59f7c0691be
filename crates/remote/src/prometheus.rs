//! How a version fares, as Prometheus counts it, for targets that do not count themselves, or not well enough.
//!
//! The team says in `signalbox.toml` what to ask; only instant queries are made
//! (`GET /api/v1/query`, <https://prometheus.io/docs/prometheus/latest/querying/api/>). A question must come to one
//! number: no series is "nothing was counted yet", several are a question that was put wrongly. `increase()`
//! extrapolates, so counts need not be whole; they are rounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{
    Answer, Cx, Deployable, Failure, FailureCode, Health, HealthAt, Observed, OpKey, Outcome, Request, ServiceName,
    Split, SystemId, Target, TargetCaps, VersionRef, Whom,
};

use crate::counted::OwnAsks;
use crate::http::{Http, Patience, words};
use crate::secret::Identity;

/// So late Prometheus may count what was asked: as often it scrapes, as most set it.
const LAG: Duration = Duration::from_secs(30);

/// A Prometheus server.
pub struct Prometheus {
    http: Http,
}

impl Prometheus {
    pub fn new(address: &str, auth: impl Identity + 'static) -> Result<Prometheus, Failure> {
        Ok(Prometheus { http: Http::new(address, auth, None)? })
    }

    /// The number that a question comes to now; none if nothing was counted, or if it is not a number.
    pub fn value(&self, question: &str, cx: &Cx) -> Result<Option<f64>, Failure> {
        let patience = Patience::new(cx);
        let answer = self.http.read(&self.http.get("api/v1/query", &[("query", question)]), &patience)?;
        let wrong =
            |why: String| Failure::new(FailureCode::Invalid, format!("{} to {question:?}: {why}", self.http.place()));
        if answer["status"] != "success" {
            let error = answer["error"].as_str().unwrap_or("it is no answer of Prometheus");
            return Err(wrong(words(error.as_bytes())));
        }
        let data = &answer["data"];
        let sample = match (data["resultType"].as_str(), data["result"].as_array()) {
            (Some("scalar"), Some(_)) => &data["result"][1],
            (Some("vector"), Some(list)) => match &list[..] {
                [] => return Ok(None),
                [one] => &one["value"][1],
                many => {
                    return Err(wrong(format!("{} series, and one number was asked for", many.len()))
                        .hint("Let the question sum over them: sum(…)."));
                }
            },
            (kind, _) => {
                let kind = words(kind.unwrap_or("an unknown kind of answer").as_bytes());
                return Err(wrong(format!("{kind} is no number")));
            }
        };
        let text = sample.as_str().ok_or_else(|| wrong("the number is missing".into()))?;
        let value: f64 = text.parse().map_err(|_| wrong(format!("{:?} is no number", words(text.as_bytes()))))?;
        Ok(value.is_finite().then_some(value))
    }

    /// What the policy's questions say of a version over the last `secs` seconds.
    pub fn health(
        &self,
        at: &HealthAt,
        service: &ServiceName,
        version: &VersionRef,
        secs: u64,
        cx: &Cx,
    ) -> Result<Health, Failure> {
        let ask = |question: &str| self.value(&filled(question, service, version, secs), cx);
        let count = |question: &str| -> Result<u64, Failure> {
            // A float beyond the integers saturates.
            Ok(ask(question)?.map_or(0, |n| n.max(0.0).round() as u64))
        };
        let p95_ms = match &at.p95_ms {
            Some(question) => ask(question)?,
            None => None,
        };
        Ok(Health {
            n_requests: count(&at.requests)?,
            n_errors: count(&at.errors)?,
            p50_ms: None,
            p95_ms,
            source: format!("Prometheus at {}", self.http.place()),
        })
    }
}

/// A question with its places filled, as text within PromQL's double quotes.
fn filled(question: &str, service: &ServiceName, version: &VersionRef, secs: u64) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let places = [
        ("{version}", quoted(version.version.as_str())),
        ("{service}", quoted(service.as_str())),
        ("{model}", quoted(version.model.as_str())),
        ("{secs}", secs.to_string()),
    ];
    let (mut out, mut rest) = (String::new(), question);
    // In one pass: what a name holds is not filled again.
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match places.iter().find(|(place, _)| rest.starts_with(place)) {
            Some((place, text)) => {
                out.push_str(text);
                rest = &rest[place.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// By service; and by version, where one was asked itself: a question may count these too.
type AskedBy = BTreeMap<(ServiceName, Option<String>), Arc<OwnAsks>>;

/// A target whose services are counted by Prometheus. What was asked through here is taken out of what it counts.
pub struct Counted {
    target: Arc<dyn Target>,
    by: BTreeMap<ServiceName, (HealthAt, Prometheus)>,
    own: Mutex<AskedBy>,
}

impl Counted {
    pub fn new(target: Arc<dyn Target>, by: BTreeMap<ServiceName, (HealthAt, Prometheus)>) -> Counted {
        Counted { target, by, own: Mutex::default() }
    }

    fn own(&self, service: &ServiceName, version: Option<&VersionRef>) -> Arc<OwnAsks> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.entry((service.clone(), version.map(VersionRef::to_string))).or_default().clone()
    }
}

impl Target for Counted {
    fn health(&self, service: &ServiceName, version: &VersionRef, secs: u64, cx: &Cx) -> Result<Health, Failure> {
        match self.by.get(service) {
            Some((at, prometheus)) => {
                let from = Instant::now().checked_sub(Duration::from_secs(secs));
                let health = prometheus.health(at, service, version, secs, cx)?;
                // The service's own address is asked only while one version has all of its traffic.
                let health = self.own(service, None).taken_out(health, from, LAG);
                Ok(self.own(service, Some(version)).taken_out(health, from, LAG))
            }
            None => self.target.health(service, version, secs, cx),
        }
    }

    fn id(&self) -> &SystemId {
        self.target.id()
    }

    fn title(&self) -> String {
        self.target.title()
    }

    fn caps(&self) -> TargetCaps {
        self.target.caps()
    }

    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure> {
        self.target.observe(service, cx)
    }

    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
        let answer = self.target.ask(service, whom, request, cx);
        let unheard = |f: &Failure| matches!(f.code, FailureCode::Unreachable | FailureCode::Local);
        if self.by.contains_key(service) && !answer.as_ref().is_err_and(unheard) {
            let version = match whom {
                Whom::Live => None,
                Whom::Version(at) => Some(at),
            };
            self.own(service, version).note(Instant::now(), answer.is_ok());
        }
        answer
    }

    fn stage_requests(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request> {
        self.target.stage_requests(service, what, key)
    }

    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome {
        self.target.stage(service, what, key, cx)
    }

    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        self.target.unstage_requests(service, version)
    }

    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome {
        self.target.unstage(service, version, cx)
    }

    fn route_requests(&self, service: &ServiceName, to: Option<&str>, share: u8, rest: Option<&str>) -> Vec<Request> {
        self.target.route_requests(service, to, share, rest)
    }

    fn route(&self, service: &ServiceName, split: &Split, key: &OpKey, cx: &Cx) -> Outcome {
        self.target.route(service, split, key, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_filled_once_and_quoted() {
        let version = VersionRef {
            registry: "own".parse().expect("a name"),
            model: "chu\"rn {secs}".parse().expect("a name"),
            version: "7".parse().expect("a name"),
            digest: None,
        };
        let service = "churn".parse().expect("a name");
        let check = |question: &str, wanted: &str| assert_eq!(filled(question, &service, &version, 60), wanted);
        check(
            r#"sum(increase(n{version="{version}",model="{model}"}[{secs}s]))"#,
            r#"sum(increase(n{version="7",model="chu\"rn {secs}"}[60s]))"#,
        );
        check(r#"up{job="{service}"} {"#, r#"up{job="churn"} {"#);
        check("1", "1");
    }
}
