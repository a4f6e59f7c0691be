//! A service over its life, with model servers that do what a test says.

mod bench;

use std::time::{Duration, Instant};

use bench::*;
use serde_json::json;
use signalbox_release::*;

#[test]
fn a_service_never_heard_of_is_absent_and_starts_nothing() {
    let bench = Bench::new();
    let seen = bench.observe();
    assert_eq!((seen.phase, seen.loaded.len()), (Phase::Absent, 0));
    assert!(!bench.folder().exists());
    let failure = bench.target.ask(&churn(), &Whom::Live, &json!({}), &cx(5)).expect_err("nobody");
    assert_eq!(failure.code, FailureCode::NotFound);
}

#[test]
fn a_candidate_is_asked_while_the_other_serves() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let two = bench.version("2", "slow start");
    done(bench.stage(&two));
    done(bench.stage(&two));
    let seen = bench.observe();
    assert_eq!((seen.phase, shares(&seen)), (Phase::Serving, vec![("1".into(), 100), ("2".into(), 0)]));
    assert!(seen.loaded.iter().all(|served| served.ready));
    let digest = two.version.digest.clone().expect("a digest");
    assert_eq!(seen.of(&two.version).map(|served| served.identity.clone()), Some(Identity::Proven(digest.clone())));

    let ask = |whom: &Whom| bench.target.ask(&churn(), whom, &json!({}), &cx(5)).expect("an answer");
    let live = ask(&Whom::Live);
    assert_eq!((live.body["predictions"].clone(), live.by.as_deref()), (json!([1]), Some("1")));
    let candidate = ask(&Whom::Version(two.version.clone()));
    assert_eq!((candidate.body["predictions"].clone(), candidate.by.as_deref()), (json!([2]), Some("2")));

    let mut client = bench.client();
    let reply = client.post(&[("x-signalbox-version", "2")]);
    assert_eq!(reply.headers["x-signalbox-version"], format!("2 {digest}"));
    assert_eq!(
        client.post(&[("x-signalbox-version", &format!("1 {}", one.version.digest.expect("one")))]).says(),
        Some(1)
    );
    let unknown = client.post(&[("x-signalbox-version", "3")]);
    assert_eq!((unknown.status, unknown.json()["error"].as_str()), (404, Some("version 3 is not loaded here")));
    assert_eq!(client.post(&[("x-signalbox-version", "2 sha256:zz")]).status, 400);
    assert!(bench.seen().address.ends_with("/invocations"), "{:?}", bench.seen());
}

#[test]
fn shares_are_kept_to_the_request() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let two = bench.version("2", "");
    done(bench.stage(&two));
    let mut client = bench.client();
    let mut count = |n: usize| (0..n).filter(|_| client.post(&[]).says() == Some(2)).count();
    assert_eq!(count(30), 0);
    for (share, n, wanted) in [(10, 30, 3), (50, 40, 20), (100, 20, 20), (10, 100, 10)] {
        done(bench.route(&two, share));
        done(bench.route(&two, share));
        assert_eq!(shares(&bench.observe()), [("1".to_owned(), 100 - share), ("2".to_owned(), share)]);
        assert_eq!(count(n), wanted, "{share} %");
    }
    // A plan from 1 to another, that has looked before 2 came, leaves it alone.
    let known = vec![one.version.clone()];
    let late = Split { to: Some(one.version.clone()), share: 100, rest: None, among: Some(known) };
    assert_eq!(refused(bench.target.route(&churn(), &late, &key(), &cx(5))).code, FailureCode::Conflict);
    // Nobody: clients are told so.
    done(bench.target.route(&churn(), &Split { to: None, share: 0, rest: None, among: None }, &key(), &cx(5)));
    let reply = bench.client().post(&[]);
    assert_eq!((reply.status, reply.json()["error"].as_str()), (503, Some("no version takes traffic")));
}

#[test]
fn health_counts_traffic_and_not_our_questions() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let mut client = bench.client();
    (0..50).for_each(|_| drop(client.post(&[])));
    bench.target.ask(&churn(), &Whom::Live, &json!({}), &cx(5)).expect("an answer");
    let health = bench.target.health(&churn(), &one.version, 60, &cx(5)).expect("counted");
    assert_eq!((health.n_requests, health.n_errors), (50, 0));
    assert!(health.p50_ms <= health.p95_ms && health.p95_ms.is_some_and(|p95| p95 > 0.0 && p95 < 5000.0), "{health:?}");

    let bad = bench.version("2", "fails");
    done(bench.stage(&bad));
    (0..5).for_each(|_| assert_eq!(client.post(&[("x-signalbox-version", "2")]).status, 500));
    let health = bench.target.health(&churn(), &bad.version, 60, &cx(5)).expect("counted");
    assert_eq!((health.n_requests, health.n_errors, health.p50_ms), (5, 5, None));
}

#[test]
fn what_cannot_be_loaded_says_why_and_leaves_nothing() {
    let bench = Bench::new();
    let dead = bench.version("3", "dies at load");
    let failure = refused(bench.stage(&dead));
    assert!(failure.message.contains("ended with status 1"), "{failure:?}");
    assert!(failure.message.contains("No module named 'sklearn'"), "{failure:?}");
    assert!(failure.hint.is_some() && failure.raw.is_some_and(|raw| raw["log"][0].is_string()));
    assert_eq!(bench.target.services(&cx(5)).expect("seen"), [], "a service that never had a version");

    bench.serve("1", "");
    refused(bench.stage(&dead));
    let late = bench.version("4", "never ready");
    let failure = refused(bench.target.stage(&churn(), &late, &key(), &cx(1)));
    assert_eq!(failure.code, FailureCode::TimedOut, "{failure:?}");
    let changed = bench.version("5", "");
    bench.artifact("v5", 55, "");
    assert_eq!(refused(bench.stage(&changed)).code, FailureCode::Conflict);
    let gone = Deployable { path: Some(bench.dir.path().join("nowhere")), ..bench.version("6", "") };
    assert_eq!(refused(bench.stage(&gone)).code, FailureCode::Local);
    assert_eq!(shares(&bench.observe()), [("1".to_owned(), 100)]);
    // The keeper and one server: of the others nothing runs.
    assert_eq!(processes_of(&bench.folder()).len(), 2);
}

#[test]
fn what_takes_traffic_is_not_unloaded_and_what_does_not_is_drained() {
    let bench = Bench::new();
    let one = bench.serve("1", "slow answer");
    assert_eq!(refused(bench.unstage(&one)).code, FailureCode::Conflict);
    let two = bench.version("2", "");
    done(bench.stage(&two));
    let port = bench.seen().port;
    let slow = std::thread::spawn(move || Client::new(port).post(&[("x-sleep", "1.5")]));
    bench.until(|_| bench.version_seen(&one).n_in_flight == 1);
    done(bench.route(&two, 100));
    let since = Instant::now();
    assert_eq!(done(bench.unstage(&one))["drained"], json!(true));
    assert!(since.elapsed() > Duration::from_millis(500), "it waits for the answer: {:?}", since.elapsed());
    let reply = slow.join().expect("asked");
    assert_eq!((reply.status, reply.says()), (200, Some(1)), "what was asked of the old version is answered by it");
    done(bench.unstage(&one));
    assert_eq!(shares(&bench.observe()), [("2".to_owned(), 100)]);
    assert!(refused(bench.route(&one, 100)).message.contains("not loaded"));
}

#[test]
fn loading_is_seen_and_can_be_taken_back() {
    let bench = Bench::new();
    bench.serve("1", "");
    let late = bench.version("2", "never ready");
    std::thread::scope(|scope| {
        let staging = scope.spawn(|| bench.stage(&late));
        let seen = bench.until(|seen| seen.loaded.len() == 2);
        assert!(!seen.of(&late.version).expect("it is there").ready);
        assert_eq!(seen.foreign.as_deref(), Some("churn 2 is being loaded"));
        done(bench.unstage(&late));
        assert_eq!(refused(staging.join().expect("asked")).code, FailureCode::Cancelled);
    });
    // A person who stops waiting leaves a load whose outcome is unknown.
    let stopped = cx(30);
    stopped.cancel.stop();
    assert!(matches!(bench.target.stage(&churn(), &late, &key(), &stopped), Outcome::Unknown(_)));
    done(bench.unstage(&late));
    assert_eq!(shares(&bench.observe()), [("1".to_owned(), 100)]);
}

#[test]
fn a_server_that_dies_is_started_again_and_that_is_seen() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let pid = bench.version_seen(&one).pid.expect("it runs");
    kill(pid);
    bench.until(|seen| seen.phase == Phase::Serving && bench.version_seen(&one).n_restarts == 1);
    let seen = bench.version_seen(&one);
    assert!(seen.pid.is_some_and(|again| again != pid) && seen.share == 100, "{seen:?}");
    assert_eq!(seen.last_failure.as_deref().map(|said| said.contains("was ended by signal 9")), Some(true), "{seen:?}");
    assert_eq!(bench.client().post(&[]).says(), Some(1));

    // One that dies of each request: the caller is told, and nobody else answers in its place.
    let bad = bench.version("2", "dies when asked");
    done(bench.stage(&bad));
    let reply = bench.client().post(&[("x-signalbox-version", "2")]);
    assert_eq!(reply.status, 502, "{reply:?}");
    assert!(reply.json()["error"].as_str().is_some_and(|said| said.contains("churn 2")), "{reply:?}");
    assert!(reply.headers["x-signalbox-version"].starts_with("2 sha256:"));
    let health = bench.target.health(&churn(), &bad.version, 60, &cx(5)).expect("counted");
    assert_eq!((health.n_requests, health.n_errors), (1, 1));
    assert_eq!(bench.client().post(&[]).says(), Some(1));
}

#[test]
fn an_artifact_that_changed_is_not_served_again() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    bench.artifact("v1", 11, "");
    kill(bench.version_seen(&one).pid.expect("it runs"));
    let seen = bench.until(|seen| bench.version_seen(&one).n_restarts >= 1 && seen.phase == Phase::Failed);
    assert!(!seen.loaded[0].ready);
    assert_eq!(bench.client().post(&[]).status, 503);
    bench.artifact("v1", 1, "");
    bench.until(|seen| seen.phase == Phase::Serving);
}

#[test]
fn only_loopback_names_are_answered_and_bodies_are_streamed() {
    let bench = Bench::new();
    bench.serve("1", "");
    let port = bench.seen().port;
    let post = |headers: &[(&str, &str)]| Client::new(port).post(headers).status;
    assert_eq!(post(&[("host", &format!("localhost:{port}"))]), 200);
    assert_eq!(post(&[("host", &format!("evil.example:{port}"))]), 403);
    assert_eq!(post(&[("origin", "http://evil.example")]), 403);
    assert_eq!(post(&[("x-long", &"x".repeat(100_000))]), 431);
    // 64 MB, in a body whose length is not told.
    let mut request =
        format!("POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = "x".repeat(1 << 20);
    (0..64).for_each(|_| request += &format!("100000\r\n{chunk}\r\n"));
    request += "0\r\n\r\n";
    let reply = Client::new(port).raw(request.as_bytes()).expect("an answer");
    assert_eq!(reply.json()["bytes"], json!(64 << 20));
    let path = format!("/proc/{}/status", bench.keeper_pid());
    let status = std::fs::read_to_string(path).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak").trim().to_owned();
    let kb: u64 = peak.trim_end_matches(" kB").parse().expect("a number");
    assert!(kb < 60_000, "the keeper held {kb} kB");
}

#[test]
fn a_service_ends_when_it_is_told() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    let port = bench.seen().port;
    assert!(listens(bench.keeper_pid(), port));
    let log = bench.target.log(&churn(), &one.version, 5, &cx(5)).expect("a log");
    assert!(log.iter().any(|line| line.starts_with("loading ")), "{log:?}");
    done(bench.target.stop_service(&churn(), &cx(30)));
    assert_eq!(bench.observe().phase, Phase::Absent);
    // Not by a connection: the port comes from the service's name, and another test's keeper may have it by now.
    assert!(!listens(bench.keeper_pid(), port));
    assert_eq!(processes_of(&bench.folder()).len(), 1);
}
