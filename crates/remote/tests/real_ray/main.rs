//! The adapter beside a real Ray cluster. Needs Linux with `unshare` and `ip`, and a Python with what
//! tests/requirements-ray.txt lists: `SIGNALBOX_PYTHON_RAY` names it. Minutes, and 3 GB.
//!
//! `cargo test -p signalbox-remote --features heavy-servers --test real_ray`
//!
//! One test, as all share one cluster; `SIGNALBOX_RAY_ONLY=load,lost` runs the parts whose
//! names hold one of these.

mod cluster;
mod faults;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use cluster::{Cluster, INSIDE, Load};
use serde_json::{Map, Value, json};
use signalbox_release::{
    End, FailureCode, Golden, Identity, Limits, OpKey, Outcome, Phase, Split, Target, TooFew, VersionRef, Whom,
};
use signalbox_testkit::proxy::FaultProxy;
use world::{View, cx, golden, name, own_application, ray, request};

const OTHERS: [&str; 3] = ["fraud", "search", "notebook"];

type Part = fn(&Cluster, &Path);

#[test]
fn beside_a_real_ray() {
    if std::env::var_os(INSIDE).is_none() {
        return cluster::again_inside("beside_a_real_ray");
    }
    cluster::end_with_outside();
    let models = tempfile::tempdir().expect("a folder");
    cluster::script("make_models.py", &[models.path()]);
    let began = Instant::now();
    let cluster = Cluster::start();
    println!("Ray starts: {:.1} s", began.elapsed().as_secs_f64());
    let parts: [(&str, Part); 9] = [
        ("who_we_are_is_checked", who_we_are_is_checked),
        ("others_stay_as_they_are_on_the_way_there_and_back", others_stay_as_they_are_on_the_way_there_and_back),
        ("no_request_is_lost", no_request_is_lost),
        ("a_version_that_answers_wrong_is_taken_back", a_version_that_answers_wrong_is_taken_back),
        ("a_version_that_cannot_be_loaded_never_serves", a_version_that_cannot_be_loaded_never_serves),
        ("a_teams_own_builder_serves", a_teams_own_builder_serves),
        ("another_who_comes_in_between_wins", faults::another_who_comes_in_between_wins),
        ("a_lost_answer_is_looked_for", faults::a_lost_answer_is_looked_for),
        ("what_a_program_deployed_is_not_taken", faults::what_a_program_deployed_is_not_taken),
    ];
    let only = std::env::var("SIGNALBOX_RAY_ONLY").ok();
    let mut failed = Vec::new();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only.split(',').any(|only| part.contains(only)));
    for (part, run) in parts.into_iter().filter(|(part, _)| wanted(part)) {
        let began = Instant::now();
        let well = catch_unwind(AssertUnwindSafe(|| run(&cluster, models.path()))).is_ok();
        println!("{part}: {} ({:.1} s)", if well { "well" } else { "FAILED" }, began.elapsed().as_secs_f64());
        if !well {
            failed.push(part);
        }
    }
    let view = View::new(&cluster, models.path());
    cluster.kill();
    let failure = view.ray.observe(&name("churn"), &cx()).expect_err("nobody is there");
    assert_eq!(failure.code, FailureCode::Unreachable, "{failure}");
    assert!(failed.is_empty(), "{failed:?}");
}

fn who_we_are_is_checked(cluster: &Cluster, models: &Path) {
    let view = View::new(cluster, models);
    assert_eq!(view.ray.greet(&cx()).expect("let in"), "Ray 2.60.0");
    for token in [None, Some("wrong-horse-12-battery-34")] {
        let stranger = ray(cluster, cluster::DASHBOARD, token, own_application());
        let failure = stranger.observe(&name("churn"), &cx()).expect_err("kept out");
        assert_eq!(failure.code, FailureCode::Denied, "{failure}");
        assert!(!format!("{failure:?}").contains("wrong-horse"));
    }
    let seen = view.look("nothing");
    assert_eq!((seen.phase, seen.loaded.len(), seen.foreign), (Phase::Absent, 0, None));
}

/// Other teams' applications; one of them from a program.
pub fn with_others(cluster: &Cluster) {
    let details = cluster.details();
    if OTHERS.iter().all(|other| details["applications"].get(other).is_some()) {
        return;
    }
    let team = |team: &str, extra: Value| {
        let mut app = json!({
            "name": team, "route_prefix": format!("/{team}"), "import_path": "team_app:build",
            "args": { "z": 1, "by": team, "a": [0.30000000000000004, 1e-7, 18446744073709551615u64] },
        });
        app.as_object_mut().expect("a table").extend(extra.as_object().expect("a table").clone());
        app
    };
    let fraud = json!({
        "runtime_env": { "env_vars": { "TOKEN": "hunter2" } },
        "deployments": [{
            "name": "Team", "num_replicas": 1, "user_config": { "z": 1.0, "b": null, "a": "é" },
            "ray_actor_options": { "num_cpus": 0 },
        }],
    });
    let search = json!({
        "logging_config": { "log_level": "DEBUG" },
        "deployments": [{
            "name": "Team", "user_config": {}, "ray_actor_options": { "num_cpus": 0 },
            "autoscaling_config": { "min_replicas": 1, "initial_replicas": 2, "max_replicas": 3, "downscale_delay_s": 600 },
        }],
    });
    let mut all = cluster.configs();
    all.retain(|app| !OTHERS.contains(&app["name"].as_str().unwrap_or("")));
    all.extend([team("fraud", fraud), team("search", search)]);
    cluster.put(&all);
    cluster::script("team_app.py", &[]);
    cluster.wait_for("the others run", |told| {
        OTHERS.iter().all(|other| told["applications"][*other]["status"] == "RUNNING")
    });
}

/// Version 1 serves.
pub fn with_first(cluster: &Cluster, view: &View, service: &str) -> VersionRef {
    with_others(cluster);
    let first = view.register("1");
    let plan = view.plan(&format!("FIRST{service}"), service, &first, 1.0);
    let (end, failures) = view.apply(&plan);
    assert_eq!((end, failures), (End::Committed, vec![]));
    first
}

fn others_stay_as_they_are_on_the_way_there_and_back(cluster: &Cluster, models: &Path) {
    let proxy = FaultProxy::before(([127, 0, 0, 1], 8265).into());
    let view = View::at(cluster, models, &proxy.url(), own_application());
    with_others(cluster);
    let before = cluster.others(&OTHERS);
    let first = with_first(cluster, &view, "churn");
    let second = view.register("2");

    let (n, puts, began) = (proxy.count(""), proxy.count("PUT "), Instant::now());
    let plan = view.plan("SECOND", "churn", &second, 2.0);
    let shown = serde_json::to_string(&plan).expect("JSON");
    assert!(!shown.contains("hunter2") && shown.contains("kept_as_it_is"), "{shown}");
    assert_eq!(view.apply(&plan), (End::Committed, vec![]));
    println!(
        "click to proven: {:.1} s, {} calls to the dashboard, {} of them PUTs",
        began.elapsed().as_secs_f64(),
        proxy.count("") - n,
        proxy.count("PUT ") - puts
    );
    assert_eq!(proxy.count("PUT ") - puts, 2);
    // What was shown is what was put.
    let last = plan.steps.last().expect("steps").requests.last().expect("a request").body.clone().expect("a body");
    let ours = |name: &str| cluster.configs().into_iter().find(|app| app["name"] == name).expect("there");
    for app in last["applications"].as_array().expect("applications") {
        let name = app["name"].as_str().expect("a name");
        if name.starts_with("churn--") {
            assert_eq!(*app, ours(name));
        }
    }
    let seen = view.look("churn");
    assert_eq!((seen.phase, &seen.foreign), (Phase::Serving, &None));
    let live = seen.live().expect("one serves");
    assert_eq!(live.identity, Identity::Proven(second.digest.clone().expect("a digest")));
    assert!(seen.of(&first).is_some_and(|old| old.ready && old.share == 0), "the old one stays warm: {seen:?}");
    assert!(!format!("{seen:?}").contains("hunter2"));

    let (end, failures) = view.apply(&view.plan("BACK", "churn", &first, 1.0));
    assert_eq!((end, failures), (End::Committed, vec![]));
    assert_eq!(view.loaded("churn"), [("1".into(), 100), ("2".into(), 0)]);
    let busy = view.ray.unstage(&name("churn"), &first, &cx());
    assert!(matches!(&busy, Outcome::Refused(f) if f.code == FailureCode::Conflict), "{busy:?}");
    let gone = view.ray.unstage(&name("churn"), &second, &cx());
    let Outcome::Done(raw) = gone else { panic!("{gone:?}") };
    assert!(!raw.to_string().contains("hunter2"));
    assert_eq!(view.loaded("churn"), [("1".into(), 100)]);
    assert_eq!(cluster.others(&OTHERS), before, "the same configs, the same replicas");
}

fn no_request_is_lost(cluster: &Cluster, models: &Path) {
    let view = View::new(cluster, models);
    let first = with_first(cluster, &view, "busy");
    let second = view.register("2");
    let load = Load::on("busy", &request());
    let bake = Limits {
        secs: 25,
        max_error_rate: 0.0,
        max_p95_ms: Some(20_000.0),
        min_requests: 1,
        too_few: TooFew::TakeBack,
    };
    let (end, failures) = view.apply(&view.plan_with("BUSY", "busy", &second, golden(2.0), Some(bake)));
    assert_eq!((end, failures), (End::Committed, vec![]));
    let health = view.ray.health(&name("busy"), &second, 3600, &cx()).expect("counted");
    assert!(health.n_requests > 20 && health.n_errors == 0 && health.p95_ms.is_some(), "{health:?}");
    println!("{health:?}");
    for i in 0..12 {
        let to = if i % 2 == 0 { &first } else { &second };
        let split = Split { to: Some(to.clone()), share: 100, rest: None, among: None };
        let key = OpKey::new(&name("SWITCH"), i, false);
        let outcome = view.ray.route(&name("busy"), &split, &key, &cx());
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let until = Instant::now() + std::time::Duration::from_secs(20);
        while !view.look("busy").of(to).is_some_and(|it| it.share == 100 && it.ready) {
            assert!(Instant::now() < until, "{:?}", view.look("busy"));
        }
    }
    let (n, slowest) = load.end();
    println!("{n} requests over 14 switches, none lost, the slowest {slowest} ms");
    assert!(n > 500);
}

fn a_version_that_answers_wrong_is_taken_back(cluster: &Cluster, models: &Path) {
    let view = View::new(cluster, models);
    with_first(cluster, &view, "wrong");
    let third = view.register("3");
    let load = Load::on("wrong", &request());
    let (end, failures) = view.apply(&view.plan("WRONG", "wrong", &third, 2.0));
    assert_eq!(end, End::TakenBack);
    assert!(failures[0].contains("answered otherwise: answer[0] is 3"), "{failures:?}");
    assert_eq!(view.loaded("wrong"), [("1".into(), 100)]);
    load.end();
}

fn a_version_that_cannot_be_loaded_never_serves(cluster: &Cluster, models: &Path) {
    let view = View::new(cluster, models);
    let first = with_first(cluster, &view, "solid");
    let others = cluster.others(&OTHERS);
    let load = Load::on("solid", &request());
    let broken = view.register("broken");
    let (end, failures) = view.apply(&view.plan("PICKLE", "solid", &broken, 1.0));
    assert_eq!(end, End::TakenBack);
    assert!(failures[0].contains("cannot be loaded"), "{failures:?}");
    println!("a broken pickle: {failures:?}");
    assert_eq!(view.loaded("solid"), [("1".into(), 100)]);

    // What lies on the shared folder was changed after it came there: the replica itself finds that out.
    let third = view.register("3");
    let what = signalbox_release::Deployable { version: third.clone(), path: None, source: None };
    let mut application = own_application();
    application.insert("import_path".into(), json!("signalbox_serve:build"));
    application.insert("args".into(), json!({ "path": models.join("2") }));
    let module = std::fs::read_dir(cluster.share().join("code")).expect("read").flatten().next().expect("our module");
    application.insert("runtime_env".into(), json!({ "env_vars": { "PYTHONPATH": module.path() } }));
    let liar = ray(cluster, cluster::DASHBOARD, Some(cluster::TOKEN), application);
    let outcome = liar.stage(&name("solid"), &what, &OpKey::new(&name("LIAR"), 0, false), &cx());
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    println!("another artifact: {failure}");
    let raw = failure.raw.expect("Ray's own words").to_string();
    assert!(raw.contains(&third.digest.clone().expect("a digest").to_string()), "{raw}");

    let mut application = own_application();
    application.insert("import_path".into(), json!("no_such_module:build"));
    let lost = ray(cluster, cluster::DASHBOARD, Some(cluster::TOKEN), application);
    let outcome = lost.stage(&name("solid"), &what, &OpKey::new(&name("IMPORT"), 0, false), &cx());
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.message.contains("No module named 'no_such_module'"), "{failure}");

    assert_eq!(view.loaded("solid"), [("1".into(), 100)]);
    assert_eq!(view.look("solid").of(&first).expect("there").identity, Identity::Proven(first.digest.expect("one")));
    load.end();
    assert_eq!(cluster.others(&OTHERS), others);
}

fn a_teams_own_builder_serves(cluster: &Cluster, _: &Path) {
    let models = tempfile::tempdir().expect("a folder");
    for (folder, factor) in [("1", "1"), ("2", "2.5")] {
        std::fs::create_dir(models.path().join(folder)).expect("made");
        std::fs::write(models.path().join(folder).join("factor"), factor).expect("written");
    }
    let application = json!({
        "import_path": "team_app:build_version",
        "args": { "path": "{path}", "version": "v{version}" },
        "deployments": [{ "name": "Versioned", "ray_actor_options": { "num_cpus": 0 } }],
    });
    let application: Map<String, Value> = application.as_object().expect("a table").clone();
    let view = View::at(cluster, models.path(), cluster::DASHBOARD, application);
    let golden = |answer: f64| Golden {
        request: json!({ "inputs": [2] }),
        answer: json!({ "predictions": [answer] }),
        tolerance: 0.0,
    };
    for (folder, answer) in [("1", 2.0), ("2", 5.0)] {
        let at = view.register(folder);
        let plan = view.plan_with(&format!("TEAM{folder}"), "team", &at, golden(answer), None);
        assert_eq!(view.apply(&plan), (End::Committed, vec![]));
        let seen = view.look("team");
        assert_eq!(seen.live().expect("one").identity, Identity::Claimed, "nothing proves it");
        let answer = view.ray.ask(&name("team"), &Whom::Live, &json!({ "inputs": [1] }), &cx()).expect("answered");
        assert_eq!(answer.body["version"], format!("v{}", at.version));
    }
}
