//! Networks that fail, and others who deploy at the same time.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use signalbox_release::{Cx, End, FailureCode, OpKey, Outcome, Split, Target};
use signalbox_testkit::proxy::{Fault, FaultProxy};

use super::cluster::Cluster;
use super::world::{View, cx, name, own_application};
use super::{OTHERS, with_first, with_others};

const READS: &str = "GET /api/serve/applications/";
const PUTS: &str = "PUT /api/serve/applications/";

fn through(cluster: &Cluster, models: &Path) -> (FaultProxy, View) {
    let proxy = FaultProxy::before(([127, 0, 0, 1], 8265).into());
    let view = View::at(cluster, models, &proxy.url(), own_application());
    (proxy, view)
}

pub fn another_who_comes_in_between_wins(cluster: &Cluster, models: &Path) {
    let (proxy, view) = through(cluster, models);
    let first = with_first(cluster, &view, "shared");
    let second = view.register("2");
    let (end, _) = view.apply(&view.plan("STAGED", "shared", &second, 2.0));
    assert_eq!(end, End::Committed);

    // Between the reading and the PUT, another changes its own application: ours would put back the old one.
    let changed = |k: i64| {
        let mut all = cluster.configs();
        let fraud = all.iter_mut().find(|app| app["name"] == "fraud").expect("there");
        fraud["deployments"][0]["user_config"]["z"] = json!(k);
        all
    };
    let split = Split { to: Some(first.clone()), share: 100, rest: None, among: None };
    let puts = proxy.count(PUTS);
    let (release, held) = std::sync::mpsc::channel();
    proxy.next(READS, Fault::Hold(held));
    let outcome = std::thread::scope(|scope| {
        let route =
            scope.spawn(|| view.ray.route(&name("shared"), &split, &OpKey::new(&name("RACE"), 0, false), &cx()));
        proxy.until_held(READS);
        cluster.put(&changed(2));
        release.send(()).expect("it is held");
        route.join().expect("it ends")
    });
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (FailureCode::Conflict, "another changes the cluster just now: fraud is deployed otherwise")
    );
    assert_eq!(proxy.count(PUTS), puts, "nothing was put");

    // Between preview and carrying out, another changes what is theirs: it stays as they have put it.
    let plan = view.plan("KEEPS", "shared", &first, 1.0);
    cluster.put(&changed(3));
    let others = cluster.configs();
    let fraud = others.iter().find(|app| app["name"] == "fraud").expect("there").clone();
    assert_eq!(view.apply(&plan), (End::Committed, vec![]));
    assert!(cluster.configs().contains(&fraud), "what they put after our preview is there");

    // … or what is ours: nobody is fought over.
    let plan = view.plan("LOSES", "shared", &second, 2.0);
    let mut all = cluster.configs();
    for app in all.iter_mut().filter(|app| app["route_prefix"] == "/shared") {
        app["route_prefix"] = json!("/elsewhere");
    }
    cluster.put(&all);
    cluster.wait_for("it is moved", |told| told["applications"]["shared--1"]["route_prefix"] == "/elsewhere");
    let puts = proxy.count(PUTS);
    let (end, failures) = view.apply(&plan);
    assert_eq!(end, End::TakenBack);
    assert!(failures[0].contains("not as the plan saw it"), "{failures:?}");
    assert_eq!(proxy.count(PUTS), puts, "nothing was put");
}

pub fn a_lost_answer_is_looked_for(cluster: &Cluster, models: &Path) {
    let (proxy, view) = through(cluster, models);
    let first = with_first(cluster, &view, "lost");
    let second = view.register("2");
    let others = cluster.others(&OTHERS);

    // Done, and the answers lost: of loading, and of routing.
    let plan = view.plan("UNHEARD", "lost", &second, 2.0);
    let puts = proxy.count(PUTS);
    proxy.next(PUTS, Fault::DropAnswer);
    proxy.next(PUTS, Fault::CutAfter(10));
    assert_eq!(view.apply(&plan), (End::Committed, vec![]));
    assert_eq!(proxy.count(PUTS) - puts, 2, "neither was sent again");
    assert_eq!(view.loaded("lost"), [("1".into(), 0), ("2".into(), 100)]);

    // Never done.
    let split = Split { to: Some(first.clone()), share: 100, rest: None, among: None };
    let key = OpKey::new(&name("NEVER"), 0, false);
    for fault in [Fault::DropRequest, Fault::Answer { status: "503 Busy", headers: "", body: "the GCS may be down" }] {
        proxy.next(PUTS, fault);
        let outcome = view.ray.route(&name("lost"), &split, &key, &cx());
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert_eq!(view.loaded("lost"), [("1".into(), 0), ("2".into(), 100)]);
    }
    proxy.next(PUTS, Fault::Answer { status: "400 Bad Request", headers: "", body: "no" });
    let outcome = view.ray.route(&name("lost"), &split, &key, &cx());
    assert!(matches!(&outcome, Outcome::Refused(f) if f.code == FailureCode::Invalid), "{outcome:?}");

    // What arrives twice is done once.
    proxy.next(PUTS, Fault::Twice);
    let outcome = view.ray.route(&name("lost"), &split, &key, &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    // On a busy machine Ray deploys what came the second time anew: until it stands again nothing more is done.
    cluster.wait_for("it stands again", |told| told["applications"]["lost--1"]["status"] == "RUNNING");
    let puts = proxy.count(PUTS);
    assert_eq!(view.ray.route(&name("lost"), &split, &key, &cx()), Outcome::Done(json!({ "already": true })));
    assert_eq!(proxy.count(PUTS), puts, "nothing was put again");
    assert_eq!(cluster.others(&OTHERS), others);

    proxy.next(READS, Fault::Delay(Duration::from_secs(3)));
    let short = Cx { limit: Duration::from_secs(1), ..cx() };
    assert_eq!(view.ray.observe(&name("lost"), &short).expect_err("too late").code, FailureCode::TimedOut);
}

pub fn what_a_program_deployed_is_not_taken(cluster: &Cluster, models: &Path) {
    let view = View::new(cluster, models);
    with_others(cluster);
    let first = view.register("1");
    let what = signalbox_release::Deployable { version: first.clone(), path: Some(models.join("1")), source: None };
    let service = name("notebook");
    let seen = view.look("notebook");
    let live = seen.live().expect("it serves");
    assert_eq!((live.version.as_ref(), live.label.as_str(), live.ready), (None, "notebook", true));
    let staged = view.ray.stage(&service, &what, &OpKey::new(&name("THIEF"), 0, false), &cx());
    assert!(matches!(staged, Outcome::Done(_)), "{staged:?}");
    let split = Split { to: Some(first.clone()), share: 100, rest: None, among: None };
    let outcome = view.ray.route(&service, &split, &OpKey::new(&name("THIEF"), 1, false), &cx());
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.message, "/notebook belongs to notebook, which no Signalbox has deployed");
    let gone = view.ray.unstage(&service, &first, &cx());
    assert!(matches!(gone, Outcome::Done(_)), "{gone:?}");
}
