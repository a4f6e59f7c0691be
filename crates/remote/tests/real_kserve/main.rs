//! KServe's target beside a real kube-apiserver and etcd. KServe's own controller is played (`controller.rs`).
//! One API server serves all cases of a test: it takes seconds to start, and each case has its own namespace.

mod cluster;
mod controller;
mod faults;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use signalbox_release::{Cx, End, FailureCode, Line, OpKey, Outcome, Phase, Split, Target, Whom};

use cluster::{ADA, EVE, cluster, controller, cx};
use world::{Setting, brief, kserve, kubeconfig, name};

#[test]
fn promotions_go_through_and_back() {
    let mut setting = Setting::new("whole");
    assert!(setting.target.greet(&cx()).expect("greeted").starts_with("KServe on Kubernetes v1.20"));
    assert_eq!(setting.target.observe(&name("churn"), &cx()).expect("seen").phase, Phase::Absent);
    let one = setting.with_one();
    assert_eq!(setting.alias().as_deref(), Some("1"));
    assert_eq!(setting.object()["spec"]["predictor"].get("canaryTrafficPercent"), None);

    // 10 %, 50 %, 100 %, the alias.
    let two = setting.register(2, false);
    let plan = setting.plan(&two);
    assert_eq!(plan.steps.len(), 5, "load, 10, 50, 100, alias");
    let percents = std::sync::Mutex::new(Vec::new());
    let told = |line: &Line| {
        if let Line::Seen { back: false, .. } = line {
            percents.lock().expect("held").push(setting.shares());
        }
    };
    assert_eq!(setting.apply_told(&plan, &told).expect("carried out"), End::Committed, "{}", setting.why(&plan));
    let two_has: Vec<u8> = percents
        .into_inner()
        .expect("held")
        .iter()
        .map(|shares| shares.iter().find(|(version, _)| version == "2").map_or(0, |(_, share)| *share))
        .collect();
    assert_eq!(two_has, [0, 10, 50, 100, 100]);
    assert_eq!((setting.shares(), setting.alias().as_deref()), (vec![("2".into(), 100)], Some("2")));
    let revisions = setting.object()["status"]["components"]["predictor"]["latestCreatedRevision"].clone();
    assert_eq!(revisions, json!("churn-predictor-00002"), "giving traffic makes no revision");

    // Proven wrong before it takes traffic.
    let three = setting.register(3, false);
    let plan = setting.plan_of(&three, 33).expect("a plan");
    let (end, why) = setting.carried(&plan);
    assert_eq!(end, End::TakenBack);
    assert!(why.contains("answered otherwise"), "{why}");
    assert_eq!((setting.shares(), setting.alias().as_deref()), (vec![("2".into(), 100)], Some("2")));
    assert_eq!(setting.object()["spec"]["predictor"].get("canaryTrafficPercent"), None, "nothing is left at 0 %");

    // Wrong only at the very end, when it has all traffic: back over 50 and 10 to 0.
    let plan = setting.plan(&three);
    let moved = AtomicBool::new(false);
    let told = |line: &Line| {
        if matches!(line, Line::Seen { step: 3, back: false, .. }) && !moved.swap(true, Ordering::Relaxed) {
            // Another moves the alias just before this plan would.
            let registry = &setting.world.registries[&name("own")];
            let (model, alias) = (&one.model, &name("production"));
            let done = registry.point(model, alias, Some(&two.version), Some(&one.version), &cx());
            assert!(matches!(done, Outcome::Done(_)), "{done:?}");
        }
    };
    assert_eq!(setting.apply_told(&plan, &told).expect("taken back"), End::TakenBack);
    assert!(setting.why(&plan).contains("production"), "{}", setting.why(&plan));
    assert_eq!(setting.shares(), [("2".into(), 100)]);

    // After all that, once more.
    let four = setting.register(4, false);
    let registry = setting.world.registries[&name("own")].clone();
    let done = registry.point(&one.model, &name("production"), Some(&one.version), Some(&two.version), &cx());
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
    let plan = setting.plan(&four);
    assert_eq!(setting.carried(&plan), (End::Committed, String::new()));
    assert_eq!((setting.shares(), setting.alias().as_deref()), (vec![("4".into(), 100)], Some("4")));
    let answer = setting.target.ask(&name("churn"), &Whom::Live, &json!({ "instances": [[1]] }), &cx());
    assert_eq!(answer.expect("answered").body, json!({ "predictions": [4] }));
}

#[test]
fn a_first_version_that_is_wrong_leaves_no_service() {
    let mut setting = Setting::new("first");
    let one = setting.register(1, false);
    let plan = setting.plan_of(&one, 11).expect("a plan");
    let (end, why) = setting.carried(&plan);
    assert!(end == End::TakenBack && why.contains("answered otherwise"), "{why}");
    assert_eq!(setting.target.observe(&name("churn"), &cx()).expect("seen").phase, Phase::Absent);

    let two = setting.register(2, true);
    let plan = setting.plan(&two);
    let (end, why) = setting.carried(&plan);
    assert!(end == End::TakenBack && why.contains("no module named churnlib"), "{why}");
    assert_eq!(setting.target.observe(&name("churn"), &cx()).expect("seen").phase, Phase::Absent);
}

#[test]
fn of_two_first_versions_at_once_one_is_refused_and_the_other_is_not_touched() {
    let setting = Setting::new("race");
    let versions = [setting.register(1, false), setting.register(2, false)];
    let stage = |i: usize| {
        let path = Some(setting.dir.path().join(format!("v{}", i + 1)));
        let what = signalbox_release::Deployable { version: versions[i].clone(), path, source: None };
        // A client of its own, as another Signalbox has.
        let dir = tempfile::tempdir().expect("a folder");
        let target = kserve("race", kubeconfig(&dir, &cluster().url, ADA[0]));
        target.stage(&name("churn"), &what, &key(["x", "y"][i]), &cx())
    };
    for _ in 0..5 {
        let outcomes = std::thread::scope(|scope| {
            let both = [scope.spawn(|| stage(0)), scope.spawn(|| stage(1))];
            both.map(|one| one.join().expect("it ends"))
        });
        let done: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Done(_))).collect();
        let winner = usize::from(done[1]);
        let Outcome::Refused(failure) = &outcomes[1 - winner] else { panic!("{outcomes:?}") };
        assert!(matches!(failure.code, FailureCode::Conflict | FailureCode::Busy), "{failure:?}");
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{outcomes:?}");
        assert_eq!(setting.shares(), [((winner + 1).to_string(), 0)]);
        let object = setting.object();
        let managers = object["metadata"]["managedFields"].as_array().expect("kept").iter();
        let managers: Vec<_> = managers.map(|entry| entry["manager"].as_str().expect("a name")).collect();
        assert!(managers.iter().all(|name| ["signalbox", "manager"].contains(name)), "{managers:?}");
        assert_eq!(object["metadata"]["generation"], 1, "nothing was written over it");
        let gone = setting.target.unstage(&name("churn"), &versions[winner], &cx());
        assert!(matches!(gone, Outcome::Done(_)), "{gone:?}");
        assert_eq!(setting.target.observe(&name("churn"), &cx()).expect("seen").phase, Phase::Absent);
    }
}

#[test]
fn a_version_that_is_put_back_late_is_given_its_traffic_by_who_unloads_again() {
    let mut setting = Setting::new("late");
    setting.with_one();
    let two = setting.register(2, false);
    let path = Some(setting.dir.path().join("v2"));
    let what = signalbox_release::Deployable { version: two.clone(), path, source: None };
    let outcome = setting.target.stage(&name("churn"), &what, &key("x"), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    // The version before loads no more, for a while.
    let bad = controller().mount.join("late-model/1/BAD");
    std::fs::write(&bad, "").expect("written");
    let short = Cx { limit: std::time::Duration::from_secs(8), ..cx() };
    let outcome = setting.target.unstage(&name("churn"), &two, &short);
    assert_eq!(outcome, Outcome::Done(json!({ "put back": "late-model 1", "given": false })));
    let percent = || setting.object()["spec"]["predictor"].get("canaryTrafficPercent").cloned();
    assert_eq!(percent(), Some(json!(0)));
    let seen = setting.target.observe(&name("churn"), &cx()).expect("seen");
    let leaving = seen.of(&two).expect("it is told of");
    assert!(!leaving.ready && leaving.share == 0 && leaving.label.contains("being taken away"), "{leaving:?}");
    std::fs::remove_file(&bad).expect("removed");
    let outcome = setting.target.unstage(&name("churn"), &two, &cx());
    assert_eq!(outcome, Outcome::Done(json!({ "put back": true, "given": true })));
    assert_eq!((percent(), setting.shares()), (None, vec![("1".into(), 100)]));
    // After that there is nothing left to do.
    let outcome = setting.target.unstage(&name("churn"), &two, &cx());
    assert_eq!(outcome, Outcome::Done(json!({ "loaded": false })));
}

#[test]
fn a_model_that_does_not_load_is_taken_back_with_the_reason() {
    let mut setting = Setting::new("bad");
    setting.with_one();
    let two = setting.register(2, true);
    let plan = setting.plan(&two);
    let (end, why) = setting.carried(&plan);
    assert_eq!(end, End::TakenBack);
    assert!(why.contains("BlockedByFailedLoad: ModelLoadFailed no module named churnlib"), "{why}");
    assert_eq!((setting.shares(), setting.alias().as_deref()), (vec![("1".into(), 100)], Some("1")));
    // The failure before is not taken for the next one's.
    let three = setting.register(3, false);
    let plan = setting.plan(&three);
    assert_eq!(setting.carried(&plan), (End::Committed, String::new()));
}

#[test]
fn what_another_changes_is_told_with_the_name_and_not_fought_over() {
    // The model, between preview and apply.
    let mut setting = Setting::new("others");
    setting.with_one();
    let two = setting.register(2, false);
    let plan = setting.plan(&two);
    setting.another_writes(
        "kubectl-edit",
        json!({ "spec": { "predictor": { "model": { "storageUri": "pvc://models/x/77" } } } }),
    );
    let (end, why) = setting.carried(&plan);
    assert_eq!(end, End::TakenBack);
    assert!(why.contains("kubectl-edit"), "{why}");
    assert_eq!(setting.object()["spec"]["predictor"]["model"]["storageUri"], "pvc://models/x/77", "it stays theirs");
    let refused = setting.plan_of(&two, 2).expect_err("no way back to what nobody knows");
    assert!(refused.message.contains("kubectl-edit") || refused.message.contains("no registry"), "{refused}");

    // The percentage: the field has another owner by then.
    let mut setting = Setting::new("argo");
    let one = setting.with_one();
    let two = setting.register(2, false);
    let what =
        signalbox_release::Deployable { version: two.clone(), path: Some(setting.dir.path().join("v2")), source: None };
    let outcome = setting.target.stage(&name("churn"), &what, &key("x"), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(setting.shares(), [("2".into(), 0), ("1".into(), 100)]);
    setting.another_writes("argocd", json!({ "spec": { "predictor": { "canaryTrafficPercent": 30 } } }));
    let split = Split { to: Some(two), share: 50, rest: Some(one), among: None };
    let Outcome::Refused(failure) = setting.target.route(&name("churn"), &split, &key("x"), &cx()) else {
        panic!("it belongs to argocd");
    };
    assert_eq!(failure.code, FailureCode::Conflict);
    assert!(failure.message.contains(".spec.predictor.canaryTrafficPercent"), "{failure}");
    assert!(failure.message.contains("argocd"), "{failure}");
    assert_eq!(setting.object()["spec"]["predictor"]["canaryTrafficPercent"], 30);

    // All of it.
    let mut setting = Setting::new("gone");
    setting.with_one();
    let two = setting.register(2, false);
    let plan = setting.plan(&two);
    let told = |line: &Line| {
        if matches!(line, Line::Seen { step: 1, back: false, .. }) {
            setting.another_deletes();
        }
    };
    assert_eq!(setting.apply_told(&plan, &told).expect("nothing is left to take back"), End::TakenBack);
    assert_eq!(setting.target.observe(&name("churn"), &cx()).expect("seen").phase, Phase::Absent, "not made anew");
    assert_eq!(setting.alias().as_deref(), Some("1"));
}

#[test]
fn rights_and_tokens() {
    let mut setting = Setting::new("rights");
    let one = setting.with_one();
    let two = setting.register(2, false);
    // Eve may look, and no more.
    let dir = tempfile::tempdir().expect("a folder");
    let eve = kserve("rights", kubeconfig(&dir, &cluster().url, EVE));
    assert!(eve.observe(&name("churn"), &cx()).expect("she may look").of(&one).is_some());
    let path = setting.dir.path().join("v2");
    let what = signalbox_release::Deployable { version: two.clone(), path: Some(path), source: None };
    let Outcome::Refused(failure) = eve.stage(&name("churn"), &what, &key("e"), &cx()) else { panic!("denied") };
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(failure.hint.expect("a hint").contains("inferenceservices.serving.kserve.io"), "{}", failure.message);
    let failure = kserve("kube-system", kubeconfig(&dir, &cluster().url, EVE)).greet(&cx()).expect_err("denied");
    assert_eq!(failure.code, FailureCode::Denied);

    // The token expires in the midst of it, and another program writes a new one.
    let failure = {
        std::fs::write(setting.token_file(), "stale").expect("written");
        setting.target.observe(&name("churn"), &brief()).expect_err("nobody knows it")
    };
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(failure.hint.as_deref().expect("a hint").contains("context dev"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("stale"));
    std::fs::write(setting.token_file(), ADA[0]).expect("written");
    let plan = setting.plan(&two);
    let told = |line: &Line| {
        if matches!(line, Line::Seen { step: 1, back: false, .. }) {
            std::fs::write(setting.token_file(), ADA[1]).expect("written");
        }
    };
    assert_eq!(setting.apply_told(&plan, &told).expect("carried out"), End::Committed, "{}", setting.why(&plan));
    assert_eq!(setting.shares(), [("2".into(), 100)]);
}

#[cfg(unix)]
#[test]
fn a_program_may_say_who_we_are_and_is_asked_no_more_often_than_it_must() {
    cluster().namespace("plugin");
    let dir = tempfile::tempdir().expect("a folder");
    let asked = || std::fs::read_to_string(dir.path().join("asked")).map_or(0, |text| text.lines().count());
    for (until, times) in [("2999-01-01T00:00:00Z", 1), ("2001-01-01T00:00:00Z", 2)] {
        let said = json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": { "token": ADA[0], "expirationTimestamp": until } });
        std::fs::write(dir.path().join("said"), said.to_string()).expect("written");
        std::fs::write(dir.path().join("asked"), "").expect("written");
        // Whoever answers is believed: as the file says, and as the title tells.
        let config = json!({
            "current-context": "dev",
            "clusters": [{ "name": "dev", "cluster": { "server": cluster().url, "insecure-skip-tls-verify": true } }],
            "users": [{ "name": "ada", "user": { "exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
                "args": ["-c", "cd \"$1\"; echo x >>asked; cat said", "sh", dir.path()],
            } } }],
            "contexts": [{ "name": "dev", "context": { "cluster": "dev", "user": "ada" } }],
        });
        // JSON is YAML.
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).expect("written");
        let target = kserve("plugin", path);
        assert!(target.title().contains("NOT checked"), "{}", target.title());
        for _ in 0..2 {
            assert_eq!(target.observe(&name("churn"), &cx()).expect("let in").phase, Phase::Absent);
        }
        assert_eq!(asked(), times, "{until}");
    }
}

pub fn key(plan: &str) -> OpKey {
    OpKey::new(&name(plan), 0, false)
}
