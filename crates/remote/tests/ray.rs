//! Ray Serve's API as it may answer on a bad day: a cluster of a few lines, which does what it is told.

mod ray_fake;

use ray_fake::{Fake, cx, name, version};
use serde_json::{Value, json};
use signalbox_release::{
    Deployable, Failure, FailureCode, Identity, OpKey, Outcome, Phase, Request, Split, Target, Whom,
};

fn key(step: usize) -> OpKey {
    OpKey::new(&name("P"), step, false)
}

fn what(number: &str) -> Deployable {
    Deployable { version: version(number), path: None, source: Some(format!("models:/churn/{number}")) }
}

fn stage(fake: &Fake, number: &str) -> Outcome {
    fake.ray().stage(&name("churn"), &what(number), &key(1), &cx())
}

fn route(fake: &Fake, number: &str) -> Outcome {
    let split = Split { to: Some(version(number)), share: 100, rest: None, among: None };
    fake.ray().route(&name("churn"), &split, &key(2), &cx())
}

fn refused(outcome: Outcome) -> Failure {
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    failure
}

#[test]
fn ours_is_merged_in_and_out_and_others_stay() {
    let fake = Fake::start();
    let before = fake.applications();
    assert!(matches!(stage(&fake, "1"), Outcome::Done(_)));
    assert!(matches!(route(&fake, "1"), Outcome::Done(_)));
    assert!(matches!(stage(&fake, "2"), Outcome::Done(_)));
    let Outcome::Done(raw) = route(&fake, "2") else { panic!("not done") };
    assert!(!raw.to_string().contains("hunter2"), "{raw}");
    let all = fake.applications();
    assert_eq!(all["fraud"], before["fraud"]);
    assert_eq!(
        (all["churn--1"]["route_prefix"].as_str(), all["churn--2"]["route_prefix"].as_str()),
        (Some("/churn--1"), Some("/churn"))
    );
    assert_eq!(all["churn--2"]["args"], json!({ "model": "models:/churn/2" }));
    let seen = fake.ray().observe(&name("churn"), &cx()).expect("seen");
    assert_eq!(seen.live().expect("one").version, Some(version("2")));
    let busy = fake.ray().unstage(&name("churn"), &version("2"), &cx());
    assert_eq!(refused(busy).code, FailureCode::Conflict);
    assert!(matches!(fake.ray().unstage(&name("churn"), &version("1"), &cx()), Outcome::Done(_)));
    let nobody = Split { to: None, share: 0, rest: None, among: None };
    assert!(matches!(fake.ray().route(&name("churn"), &nobody, &key(3), &cx()), Outcome::Done(_)));
    assert!(matches!(fake.ray().unstage(&name("churn"), &version("2"), &cx()), Outcome::Done(_)));
    assert_eq!(fake.applications(), before);
    assert_eq!(fake.puts().len(), 7);
    assert_eq!(fake.puts()[0]["http_options"], json!({ "host": "0.0.0.0", "port": 8000 }), "what was, is put");
    // It is so already: nothing is put.
    assert!(matches!(fake.ray().unstage(&name("churn"), &version("2"), &cx()), Outcome::Done(_)));
    assert_eq!(fake.puts().len(), 7);
    assert!(
        fake.strangers().is_empty(),
        "the dashboard's token goes to the dashboard, and there always: {:?}",
        fake.strangers()
    );
}

#[test]
fn traffic_that_another_has_moved_meanwhile_is_left_alone() {
    let fake = Fake::start();
    for number in ["1", "2", "3"] {
        assert!(matches!(stage(&fake, number), Outcome::Done(_)));
    }
    assert!(matches!(route(&fake, "3"), Outcome::Done(_)));
    let puts = fake.puts().len();
    // A plan that goes from 1 to 2, and has looked before 3 came.
    let split = |among| Split { to: Some(version("2")), share: 100, rest: None, among: Some(among) };
    let failure = refused(fake.ray().route(&name("churn"), &split(vec![version("1"), version("2")]), &key(2), &cx()));
    assert_eq!(failure.code, FailureCode::Conflict);
    assert!(failure.message.contains("own/churn/3") || failure.message.contains("churn 3"), "{}", failure.message);
    assert_eq!(fake.puts().len(), puts, "nothing is put");
    let known = split(vec![version("2"), version("3")]);
    assert!(matches!(fake.ray().route(&name("churn"), &known, &key(2), &cx()), Outcome::Done(_)));
}

#[test]
fn what_is_shown_is_what_is_put() {
    let fake = Fake::start();
    let ray = fake.ray();
    ray.observe(&name("churn"), &cx()).expect("seen");
    let last = |requests: Vec<Request>| requests.last().expect("one").body.clone().expect("a body");
    let staged = last(ray.stage_requests(&name("churn"), &what("7"), &key(1)));
    let routed = last(ray.route_requests(&name("churn"), Some("7"), 100, None));
    assert!(matches!(ray.stage(&name("churn"), &what("7"), &key(1), &cx()), Outcome::Done(_)));
    assert!(matches!(route(&fake, "7"), Outcome::Done(_)));
    for (shown, put) in [staged, routed].into_iter().zip(fake.puts()) {
        assert!(!shown.to_string().contains("hunter2"));
        let of = |body: &Value, name: &str| {
            body["applications"].as_array().expect("a list").iter().find(|app| app["name"] == name).cloned()
        };
        let (mut ours, own) = (of(&put, "churn--7").expect("there"), of(&shown, "churn--7").expect("shown"));
        ours["runtime_env"]["env_vars"]["KEY"] = json!("…");
        // What the cluster has told once, it has told in its own way: 0.0.
        let cpus = "/deployments/0/ray_actor_options/num_cpus";
        assert_eq!(ours.pointer(cpus).and_then(Value::as_f64), Some(0.0));
        *ours.pointer_mut(cpus).expect("there") = own.pointer(cpus).expect("shown").clone();
        assert_eq!(own, ours);
        assert!(of(&shown, "fraud").expect("named").get("kept_as_it_is").is_some());
        assert_eq!(shown["http_options"], put["http_options"]);
    }
    let new = last(ray.stage_requests(&name("churn"), &what("{version}"), &key(1)));
    assert!(new.to_string().contains("churn--{version}"), "{new}");
}

#[test]
fn another_who_changes_something_meanwhile_is_not_overwritten() {
    for n in [1, 2] {
        let fake = Fake::start();
        assert!(matches!(stage(&fake, "1"), Outcome::Done(_)));
        let puts = fake.puts().len();
        fake.before_read(n, |all| all["fraud"]["deployed_app_config"]["args"] = json!({ "n": 2 }));
        let outcome = route(&fake, "1");
        if n == 1 {
            // Before we read: theirs is what we put back.
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            assert_eq!(fake.applications()["fraud"]["args"], json!({ "n": 2 }));
        } else {
            let failure = refused(outcome);
            assert_eq!(failure.code, FailureCode::Conflict);
            assert!(failure.message.ends_with("fraud is deployed otherwise"), "{failure}");
            assert_eq!(fake.puts().len(), puts, "nothing is put");
        }
    }
    // Just after the PUT: it is told, and not fought over.
    let fake = Fake::start();
    assert!(matches!(stage(&fake, "1"), Outcome::Done(_)));
    fake.before_read(3, |all| {
        all.as_object_mut().expect("a table").remove("fraud");
    });
    let outcome = route(&fake, "1");
    let Outcome::Unknown(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.message, "another changed the cluster in the same moment: fraud is gone");
    assert!(!format!("{failure:?}").contains("hunter2"));
    assert_eq!(fake.applications().get("fraud"), None);
}

#[test]
fn what_cannot_be_put_back_is_not_touched() {
    let check = |change: &dyn Fn(&mut Value), code: FailureCode, wanted: &str| {
        let fake = Fake::start();
        fake.change(change);
        let failure = refused(stage(&fake, "1"));
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.contains(wanted), "{failure}");
        assert_eq!(fake.puts().len(), 0);
    };
    let fraud = |app: Value| move |all: &mut Value| all["fraud"]["deployed_app_config"] = app.clone();
    let hidden = json!({ "name": "fraud", "runtime_env": { "env_vars": { "A": "<redacted>" } } });
    check(&fraud(hidden), FailureCode::Denied, "hides the variables of fraud");
    check(&fraud(json!(null)), FailureCode::Conflict, "how fraud was deployed");
    check(&fraud(json!({ "name": "../x" })), FailureCode::Server, "two names");
    let taken = |all: &mut Value| {
        all["churn--1"] =
            json!({ "status": "RUNNING", "deployed_app_config": { "name": "churn--1", "import_path": "a:b" } });
    };
    check(&taken, FailureCode::Conflict, "another application called churn--1");
    let program = |all: &mut Value| {
        all["x"] = json!({ "status": "RUNNING", "source": "imperative", "route_prefix": "/churn--1", "deployed_app_config": null });
    };
    check(&program, FailureCode::Conflict, "another application called churn--1");
    let fake = Fake::start();
    let outcome = fake.ray().stage(&name("churn"), &what("a?b"), &key(1), &cx());
    assert_eq!(refused(outcome).code, FailureCode::Invalid);
}

#[test]
fn a_version_that_does_not_come_up_is_taken_out_again() {
    let fake = Fake::start();
    let before = fake.applications();
    fake.breaks("DEPLOY_FAILED", "Traceback:\n  File …\nModuleNotFoundError: No module named 'x'\n\n");
    let failure = refused(stage(&fake, "1"));
    assert_eq!(
        failure.message,
        "churn--1 cannot be loaded: churn--1 is DEPLOY_FAILED; ModuleNotFoundError: No module named 'x'"
    );
    assert_eq!(fake.applications(), before);
    assert_eq!(refused(route(&fake, "1")).code, FailureCode::NotFound);
}

#[test]
fn what_ray_says_is_told_as_it_is() {
    let check = |status: &str, deployment: &str, running: usize, phase: Phase, ready: bool, foreign: bool| {
        let fake = Fake::start();
        assert!(matches!(stage(&fake, "1"), Outcome::Done(_)));
        assert!(matches!(route(&fake, "1"), Outcome::Done(_)));
        fake.change(&|all| {
            all["churn--1"]["status"] = json!(status);
            let replica = json!({ "state": "RUNNING" });
            all["churn--1"]["deployments"]["M"] = json!({
                "status": deployment, "message": "because", "target_num_replicas": 2,
                "replicas": vec![replica; running],
            });
        });
        // Another Signalbox looks: it knows nothing of what we have begun.
        let seen = fake.ray().observe(&name("churn"), &cx()).expect("seen");
        let live = seen.live().expect("one serves");
        assert_eq!((seen.phase, live.ready, seen.foreign.is_some()), (phase, ready, foreign), "{status} {deployment}");
        assert!(seen.raw.to_string().contains("because"));
    };
    check("RUNNING", "HEALTHY", 2, Phase::Serving, true, false);
    check("RUNNING", "HEALTHY", 1, Phase::Degraded, true, false);
    check("DEPLOYING", "HEALTHY", 2, Phase::Serving, true, false);
    check("DEPLOYING", "UPDATING", 1, Phase::Degraded, false, true);
    check("DEPLOYING", "UPDATING", 0, Phase::Starting, false, true);
    check("DEPLOY_FAILED", "DEPLOY_FAILED", 1, Phase::Degraded, false, false);
    check("UNHEALTHY", "UNHEALTHY", 0, Phase::Failed, false, false);
    check("DELETING", "HEALTHY", 1, Phase::Degraded, false, true);
    check("BRAND_NEW", "X", 0, Phase::Unknown, false, false);
}

#[test]
fn a_replica_that_says_something_else_is_not_believed_in() {
    let fake = Fake::own();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("MLmodel"), "x").expect("written");
    let at = Deployable { path: Some(folder.path().to_path_buf()), ..what("1") };
    assert!(matches!(fake.ray().stage(&name("churn"), &at, &key(1), &cx()), Outcome::Done(_)));
    let digest = signalbox_release::digest_of(folder.path()).expect("read").digest;
    let look = || fake.ray().observe(&name("churn"), &cx()).expect("seen").loaded.remove(0);
    let served = look();
    assert_eq!((served.ready, served.identity), (true, Identity::Proven(digest.clone())));
    assert_eq!(served.version.expect("known").digest, Some(digest));
    for (field, lie) in
        [("version", "2"), ("model", "fraud"), ("digest", &format!("sha256:{}", "0".repeat(64))), ("registry", "../x")]
    {
        fake.says(field, lie);
        let served = look();
        assert_eq!((served.ready, served.identity), (false, Identity::Claimed), "{field}");
        fake.says_the_truth();
    }
    assert!(look().ready);
}

#[test]
fn counts_come_from_what_ray_names() {
    let fake = Fake::start();
    let health = || fake.ray_that_remembers().health(&name("churn"), &version("1"), 60, &cx());
    let failure = health().expect_err("nobody tells");
    assert_eq!(failure.code, FailureCode::NotFound);
    assert!(failure.message.starts_with("Ray tells no counts here"), "{failure}");
    fake.counts(100, 0);
    assert_eq!(health().expect("counted").n_requests, 0);
    fake.counts(140, 2);
    let fared = health().expect("counted");
    assert_eq!((fared.n_requests, fared.n_errors), (42, 2));
    assert_eq!(fared.source, "Ray's own counters (1 exporter)");
    fake.deaf_exporters(2);
    let source = health().expect("counted").source;
    assert!(source.starts_with("Ray's own counters (1 of 3 exporters; nobody answers at "), "{source}");
}

#[test]
fn our_own_golden_requests_are_no_traffic() {
    let fake = Fake::start();
    let ray = fake.ray_that_remembers();
    let health = || ray.health(&name("churn"), &version("1"), 60, &cx()).expect("counted");
    let ask = || ray.ask(&name("churn"), &Whom::Live, &json!({}), &cx());
    fake.counts(100, 0);
    assert_eq!(health().n_requests, 0);
    fake.predicts(&[("200 OK", "{}"), ("500 No", "no"), ("200 OK", "<html>")]);
    ask().expect("answered");
    ask().expect_err("it fails");
    ask().expect_err("no JSON");
    fake.counts(102, 1);
    let fared = health();
    assert_eq!((fared.n_requests, fared.n_errors), (0, 0), "nobody else has asked anything");
    fake.counts(104, 3);
    let fared = health();
    assert_eq!((fared.n_requests, fared.n_errors), (4, 1));
}

#[test]
fn a_version_is_asked_once_and_looked_up_once() {
    let fake = Fake::start();
    assert!(matches!(stage(&fake, "1"), Outcome::Done(_)));
    let (ray, whom) = (fake.ray_that_is_told(), Whom::Version(version("1")));
    let reads = || fake.count("GET /api/serve/applications/");
    let before = reads();
    ray.ask(&name("churn"), &whom, &json!({}), &cx()).expect("answered");
    assert_eq!((reads() - before, fake.count("POST /churn--1")), (1, 1));
    fake.predicts(&[("503 Busy", "now and then")]);
    let failure = ray.ask(&name("churn"), &whom, &json!({}), &cx()).expect_err("it failed");
    assert_eq!((failure.code, fake.count("POST /churn--1")), (FailureCode::Busy, 2), "it is not asked away");
}

#[test]
fn odd_answers_are_failures() {
    for (body, code) in [
        ("<html>login</html>", FailureCode::Server),
        ("[]", FailureCode::Server),
        ("{\"applications\":3}", FailureCode::Server),
    ] {
        let fake = Fake::start();
        fake.answers(body);
        assert_eq!(fake.ray().observe(&name("churn"), &cx()).expect_err(body).code, code, "{body}");
        let failure = refused(stage(&fake, "1"));
        assert_eq!(failure.code, code, "{failure}");
        assert_eq!(fake.puts().len(), 0);
    }
    let fake = Fake::start();
    let whom = Whom::Version(version("9"));
    let failure = fake.ray().ask(&name("churn"), &whom, &json!({}), &cx()).expect_err("not loaded");
    assert_eq!(failure.code, FailureCode::NotFound);
    let split = Split { to: Some(version("1")), share: 10, rest: Some(version("2")), among: None };
    assert_eq!(refused(fake.ray().route(&name("churn"), &split, &key(1), &cx())).code, FailureCode::Invalid);
}
