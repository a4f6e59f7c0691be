//! Prometheus as it may answer on a bad day, and what it counts of our own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{
    Answer, Cancel, Cx, Deployable, Failure, FailureCode, Health, HealthAt, Observed, OpKey, Outcome, Request,
    ServiceName, Split, SystemId, Target, TargetCaps, VersionRef, Whom,
};
use signalbox_remote::{Auth, Counted, Prometheus};

/// Answers every question with what there is just now.
fn serve(says: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut from = BufReader::new(&client);
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") && from.read_line(&mut head).is_ok_and(|n| n > 0) {
                let last = head.lines().last().unwrap_or("").to_ascii_lowercase();
                length = last.strip_prefix("content-length:").map_or(length, |n| n.trim().parse().unwrap_or(0));
            }
            from.read_exact(&mut vec![0; length]).expect("a body");
            let body = says(&head);
            let length = body.len();
            let _ = write!(client, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    url
}

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(20) }
}

fn version(number: &str) -> VersionRef {
    let model = "churn".parse().expect("a name");
    let registry = "own".parse().expect("a name");
    VersionRef { registry, model, version: number.parse().expect("a name"), digest: None }
}

#[test]
fn what_a_hostile_server_says_is_one_short_line() {
    let flood = "x".repeat(1 << 20);
    for said in [
        json!({ "status": "error", "error": format!("no\n\u{1b}[31m{flood}") }),
        json!({ "status": "success", "data": { "resultType": format!("\u{1b}[31m{flood}"), "result": [] } }),
        json!({ "status": "success", "data": { "resultType": "scalar", "result": [0, format!("\u{1b}[31m{flood}")] } }),
    ] {
        let asked = Prometheus::new(&serve(move |_| said.to_string()), || Auth::None).expect("an address");
        let failure = asked.value("up", &cx()).expect_err("odd");
        assert_eq!(failure.code, FailureCode::Invalid);
        let text = format!("{failure:?}");
        assert!(text.len() < 600 && !text.contains(['\n', '\u{1b}']), "{} bytes", text.len());
    }
}

/// Counts what it is asked, as a model server would.
struct Served(Arc<AtomicU64>, Arc<AtomicU64>, Mutex<bool>);

impl Target for Served {
    fn ask(&self, _: &ServiceName, _: &Whom, _: &Value, _: &Cx) -> Result<Answer, Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if *self.2.lock().expect("held") {
            self.1.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::new(FailureCode::Server, "500"));
        }
        Ok(Answer { body: json!({}), by: None, took_ms: 1.0 })
    }

    fn id(&self) -> &SystemId {
        unreachable!()
    }
    fn title(&self) -> String {
        unreachable!()
    }
    fn caps(&self) -> TargetCaps {
        unreachable!()
    }
    fn observe(&self, _: &ServiceName, _: &Cx) -> Result<Observed, Failure> {
        unreachable!()
    }
    fn health(&self, _: &ServiceName, _: &VersionRef, _: u64, _: &Cx) -> Result<Health, Failure> {
        unreachable!()
    }
    fn stage_requests(&self, _: &ServiceName, _: &Deployable, _: &OpKey) -> Vec<Request> {
        unreachable!()
    }
    fn stage(&self, _: &ServiceName, _: &Deployable, _: &OpKey, _: &Cx) -> Outcome {
        unreachable!()
    }
    fn unstage_requests(&self, _: &ServiceName, _: &str) -> Vec<Request> {
        unreachable!()
    }
    fn unstage(&self, _: &ServiceName, _: &VersionRef, _: &Cx) -> Outcome {
        unreachable!()
    }
    fn route_requests(&self, _: &ServiceName, _: Option<&str>, _: u8, _: Option<&str>) -> Vec<Request> {
        unreachable!()
    }
    fn route(&self, _: &ServiceName, _: &Split, _: &OpKey, _: &Cx) -> Outcome {
        unreachable!()
    }
}

#[test]
fn our_own_golden_requests_are_no_traffic() {
    let (requests, errors) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let told = (requests.clone(), errors.clone());
    let url = serve(move |head| {
        let n = if head.contains("query=errors") { &told.1 } else { &told.0 };
        let n = n.load(Ordering::Relaxed);
        json!({ "status": "success", "data": { "resultType": "scalar", "result": [0, n.to_string()] } }).to_string()
    });
    let service: ServiceName = "churn".parse().expect("a name");
    let at = HealthAt { prometheus: url.clone(), requests: "requests".into(), errors: "errors".into(), p95_ms: None };
    let prometheus = Prometheus::new(&url, || Auth::None).expect("an address");
    let served = Arc::new(Served(requests.clone(), errors.clone(), Mutex::new(false)));
    let target = Counted::new(served.clone(), BTreeMap::from([(service.clone(), (at, prometheus))]));
    let health = |number: &str| {
        let health = target.health(&service, &version(number), 60, &cx()).expect("counted");
        (health.n_requests, health.n_errors)
    };
    let ask = |whom: Whom| target.ask(&service, &whom, &json!({}), &cx());
    for _ in 0..5 {
        ask(Whom::Live).expect("answered");
    }
    ask(Whom::Version(version("1"))).expect("answered");
    *served.2.lock().expect("held") = true;
    ask(Whom::Live).expect_err("it fails");
    assert_eq!(health("1"), (0, 0), "nobody else has asked anything");
    assert_eq!(health("2"), (1, 0), "what version 1 was asked itself is not taken out of version 2's");
    requests.fetch_add(10, Ordering::Relaxed);
    errors.fetch_add(3, Ordering::Relaxed);
    assert_eq!(health("1"), (10, 3));
}
