//! What networks do, between us and the real API server: through `kubectl proxy`, which takes TLS off.

use serde_json::json;
use signalbox_release::{End, FailureCode, Line, Outcome, Split, Target};
use signalbox_testkit::proxy::{Fault, FaultProxy};

use crate::cluster::cluster;
use crate::key;
use crate::world::{Setting, brief, name};

const REAL: &str = "force=false HTTP";

#[test]
fn lost_answers_change_nothing_for_the_worse() {
    let mut setting = Setting::new("lost");
    let plain = cluster().plain(&setting.dir.path().join("kubeconfig"));
    let proxy = FaultProxy::before(([127, 0, 0, 1], plain.port).into());
    // Its own copy of the kubeconfig stays with the proxy's process, which has read it.
    setting.through(&proxy.url());
    setting.with_one();
    let two = setting.register(2, false);
    let plan = setting.plan(&two);
    // Every change is done, and nobody hears of it.
    let told = |line: &Line| {
        if matches!(line, Line::Intends { step: 0..4, back: false }) {
            proxy.next(REAL, Fault::DropAnswer);
        }
    };
    // What is lost is the answer to a change that was made, not to one that was refused.
    setting.until_still();
    let sent = proxy.count(REAL);
    assert_eq!(setting.apply_told(&plan, &told).expect("carried out"), End::Committed, "{}", setting.why(&plan));
    assert_eq!(setting.shares(), [("2".into(), 100)]);
    assert_eq!(proxy.count(REAL) - sent, 4, "load, 10, 50, 100: none was sent twice");

    // One never arrives.
    let three = setting.register(3, false);
    let plan = setting.plan(&three);
    let told = |line: &Line| {
        if matches!(line, Line::Intends { step: 0, back: false }) {
            proxy.next("dryRun=All", Fault::Answer { status: "500 No", headers: "", body: "" });
        }
    };
    assert_eq!(setting.apply_told(&plan, &told).expect("taken back"), End::TakenBack);
    assert_eq!(setting.shares(), [("2".into(), 100)]);

    // Another comes between our look and our change.
    let own = Split { to: Some(two.clone()), share: 100, rest: None, among: None };
    assert!(matches!(setting.target.route(&name("churn"), &own, &key("y"), &brief()), Outcome::Done(_)));
    let path = setting.dir.path().join("v3");
    let what = signalbox_release::Deployable { version: three.clone(), path: Some(path), source: None };
    let (release, held) = std::sync::mpsc::channel();
    proxy.next("dryRun=All", Fault::Hold(held));
    let (setting, target) = (&setting, &setting.target);
    let outcome = std::thread::scope(|scope| {
        let staging = scope.spawn(move || target.stage(&name("churn"), &what, &key("z"), &brief()));
        proxy.until_held("dryRun=All");
        setting.another_writes("kubectl-edit", json!({ "spec": { "predictor": { "minReplicas": 2 } } }));
        release.send(()).expect("it is held");
        staging.join().expect("it ends")
    });
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, FailureCode::Conflict);
    assert!(failure.message.contains("kubectl-edit"), "{failure}");

    // Nobody is there any more.
    drop(plain);
    let failure = setting.target.observe(&name("churn"), &brief()).expect_err("nobody");
    assert!(matches!(failure.code, FailureCode::TimedOut | FailureCode::Unreachable), "{failure}");
}

#[test]
fn a_first_version_that_was_not_handed_over_is_by_the_next_who_changes_it() {
    let mut setting = Setting::new("handed");
    let plain = cluster().plain(&setting.dir.path().join("kubeconfig"));
    let proxy = FaultProxy::before(([127, 0, 0, 1], plain.port).into());
    setting.through(&proxy.url());
    let one = setting.register(1, false);
    let path = Some(setting.dir.path().join("v1"));
    let what = signalbox_release::Deployable { version: one.clone(), path, source: None };
    let managers = || {
        let object = setting.object();
        let all = object["metadata"]["managedFields"].as_array().expect("kept").iter();
        all.filter_map(|entry| entry["manager"].as_str()).filter(|name| *name != "manager").map(str::to_owned).collect()
    };
    // Made, and then nobody is heard of any more.
    proxy.next("fieldManager=signalbox&", Fault::Answer { status: "500 No", headers: "", body: "" });
    let outcome = setting.target.stage(&name("churn"), &what, &key("x"), &brief());
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert_eq!(setting.shares(), [("1".into(), 0)]);
    let of: Vec<String> = managers();
    assert!(matches!(&of[..], [one] if one.starts_with("signalbox-")), "{of:?}");
    let all = Split { to: Some(one), share: 100, rest: None, among: None };
    // It may be given its traffic once it is up.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let outcome = loop {
        match setting.target.route(&name("churn"), &all, &key("y"), &brief()) {
            Outcome::Refused(failure) if failure.code == FailureCode::Busy => assert!(std::time::Instant::now() < end),
            outcome => break outcome,
        }
    };
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!((setting.shares(), managers()), (vec![("1".into(), 100)], vec!["signalbox".to_owned()]));
}
