//! A network that fails, before the real server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Cx, FailureCode, ModelName, Outcome, Registration, Registry, digest_of};
use signalbox_testkit::proxy::{Fault, FaultProxy};

use super::world::*;

fn through() -> (FaultProxy, View) {
    let proxy = FaultProxy::before(open_server());
    let view = view(&proxy.url(), "ada@laptop");
    (proxy, view)
}

const MAKES_VERSION: &str = "POST /api/2.0/mlflow/model-versions/create";
const SETS_ALIAS: &str = "POST /api/2.0/mlflow/registered-models/alias";
const LOCKS: &str = "POST /api/2.0/mlflow/registered-models/create";
const LISTS: &str = "GET /api/2.0/mlflow/registered-models/search";

#[test]
fn a_registration_whose_answer_is_lost_is_unknown_and_found() {
    let (proxy, view) = through();
    let what = registration(view.artifact("w"));
    for (i, fault) in [Fault::DropAnswer, Fault::CutAfter(40)].into_iter().enumerate() {
        let model: ModelName = name(&format!("lost registration {i}"));
        proxy.next(MAKES_VERSION, fault);
        let before = proxy.count(MAKES_VERSION);
        let outcome = view.registry.register(&model, &what, &key("P"), &cx());
        assert!(matches!(&outcome, Outcome::Unknown(f) if f.code == FailureCode::TimedOut), "{outcome:?}");
        assert_eq!(proxy.count(MAKES_VERSION), before + 1, "it is not sent again");
        let found = view.registry.registered_by(&model, &key("P"), &cx()).expect("versions");
        assert_eq!(found.len(), 1);
        assert_eq!(made(view.registry.register(&model, &what, &key("P"), &cx())), found[0].at.version);
        assert_eq!(view.registry.versions(&model, &cx()).expect("versions").len(), 1);
    }
}

#[test]
fn a_registration_that_failed_before_it_made_a_version_is_refused() {
    let (proxy, view) = through();
    let (model, what): (ModelName, _) = (name("half sent"), registration(view.artifact("w")));
    // A run is made once; a file is put as often as what may be repeated is tried.
    for (line, times) in [("POST /api/2.0/mlflow/runs/create", 1), ("PUT /api/2.0/mlflow-artifacts", 3)] {
        (0..times).for_each(|_| proxy.next(line, Fault::DropAnswer));
        let outcome = view.registry.register(&model, &what, &key("HALF"), &cx());
        assert!(matches!(outcome, Outcome::Refused(_)), "{line}: {outcome:?}");
        assert_eq!(proxy.count(line), times, "{line}");
        assert_eq!(view.registry.versions(&model, &cx()).expect("versions"), [], "{line}");
    }
    // The run that was made is used, and no other is.
    made(view.registry.register(&model, &what, &key("HALF"), &cx()));
    assert_eq!(proxy.count("POST /api/2.0/mlflow/runs/create"), 1);
}

#[test]
fn a_move_whose_answer_is_lost_is_unknown_and_the_way_back_is_open() {
    let (proxy, view) = through();
    let model: ModelName = name("lost move");
    let v = versions(&view, &model, 2);
    proxy.next(SETS_ALIAS, Fault::DropAnswer);
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.code == FailureCode::TimedOut), "{outcome:?}");
    assert_eq!(proxy.count(SETS_ALIAS), 1, "it is not sent again");
    assert_eq!(view.registry.pointer(&model, &champion(), &cx()).expect("a pointer").to.as_ref(), Some(&v[0]));

    // Others are kept out meanwhile …
    let bob = super::view_of("bob@desk");
    let short = Cx { cancel: Cancel::default(), limit: Duration::from_secs(8) };
    let outcome = bob.registry.point(&model, &champion(), Some(&v[0]), Some(&v[1]), &short);
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (FailureCode::Busy, "ada@laptop is moving champion of lost move just now")
    );
    // … and we are not.
    let began = Instant::now();
    let outcome = view.registry.point(&model, &champion(), Some(&v[0]), Some(&v[1]), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait for its own lock");
    assert!(matches!(bob.registry.point(&model, &champion(), Some(&v[1]), None, &cx()), Outcome::Done(_)));
}

#[test]
fn a_lock_that_somebody_left_is_taken_when_its_time_is_over() {
    let (proxy, view) = through();
    let model: ModelName = name("left lock");
    let v = versions(&view, &model, 2);
    proxy.next(SETS_ALIAS, Fault::DropAnswer);
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    let late = later_view(&format!("http://{}", open_server()), "bob@desk");
    let outcome = late.registry.point(&model, &champion(), Some(&v[0]), Some(&v[1]), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

#[test]
fn a_lock_whose_answer_is_lost_is_ours_and_one_that_nobody_made_is_not() {
    let (proxy, view) = through();
    let model: ModelName = name("lost lock");
    let v = versions(&view, &model, 1);
    proxy.next(LOCKS, Fault::DropAnswer);
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    proxy.next(LOCKS, Fault::DropRequest);
    let outcome = view.registry.point(&model, &champion(), Some(&v[0]), None, &cx());
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    assert_eq!(view.registry.pointer(&model, &champion(), &cx()).expect("a pointer").to.as_ref(), Some(&v[0]));
}

/// Who holds the lock of the champion of a model, as MLflow has it.
fn holder(model: &ModelName) -> Option<String> {
    let http = signalbox_remote::Http::new(&format!("http://{}", open_server()), || signalbox_remote::Auth::None, None)
        .expect("an address");
    let name = format!("__signalbox_lock.{model}.champion");
    let call = http.get("api/2.0/mlflow/registered-models/get", &[("name", &name)]);
    let found = http.read(&call, &signalbox_remote::Patience::new(&cx())).ok()?;
    let tags = found["registered_model"]["tags"].as_array().expect("tags");
    let owner = tags.iter().find(|tag| tag["key"] == "signalbox.owner").expect("an owner");
    Some(owner["value"].as_str().expect("a text").to_owned())
}

#[test]
fn under_a_lock_that_came_late_nothing_is_moved_and_anothers_is_left() {
    let proxy = FaultProxy::before(open_server());
    let clock = Arc::new(Ahead::default());
    let ada = clocked_view(&proxy.url(), "ada@laptop", clock.clone());
    let model: ModelName = name("late lock");
    let v = versions(&ada, &model, 2);
    proxy.next(LOCKS, Fault::Delay(Duration::from_secs(8)));
    std::thread::scope(|scope| {
        let late = scope.spawn(|| ada.registry.point(&model, &champion(), None, Some(&v[0]), &cx()));
        let until = Instant::now() + Duration::from_secs(60);
        while holder(&model).is_none() {
            assert!(Instant::now() < until, "it is not locked");
        }
        // The answer is on the way, 45 s by Ada's clock. Bob takes the lock over, and his move is on the way too.
        clock.0.store(45_000, Ordering::SeqCst);
        let bobs = FaultProxy::before(open_server());
        bobs.next(SETS_ALIAS, Fault::DropRequest);
        let bob = later_view(&bobs.url(), "bob@desk");
        let outcome = bob.registry.point(&model, &champion(), None, Some(&v[1]), &cx());
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        let outcome = late.join().expect("an end");
        let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.code, FailureCode::Busy, "{failure}");
    });
    assert_eq!(proxy.count(SETS_ALIAS), 0);
    assert_eq!(ada.registry.pointer(&model, &champion(), &cx()).expect("a pointer").to, None);
    assert_eq!(holder(&model).as_deref(), Some("bob@desk"));
}

#[test]
fn a_move_that_was_answered_well_and_does_not_show_is_unknown() {
    let (proxy, view) = through();
    let model: ModelName = name("said yes");
    let v = versions(&view, &model, 2);
    proxy.next(SETS_ALIAS, Fault::Answer { status: "200 OK", headers: "", body: "{}" });
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.message.contains("still shows it at nothing")), "{outcome:?}");
    // It may still come: others are kept out.
    assert_eq!(holder(&model).as_deref(), Some("ada@laptop"));
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
}

#[test]
fn an_artifact_that_nobody_digested_is_held_to_its_list_and_to_what_it_was() {
    let (proxy, view) = through();
    let model: ModelName = name("no digest");
    let first = versions(&view, &model, 1).remove(0);
    let source = Some(format!("models:/{model}/{first}"));
    let what = Registration { path: None, source, run: None, digest: None, tags: Vec::new() };
    let version = made(view.registry.register(&model, &what, &key("Q"), &cx()));
    let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
    assert_eq!(version.at.digest, None);
    proxy.next("/w.bin HTTP", Fault::Answer { status: "200 OK", headers: "", body: "short" });
    let failure = view.registry.fetch(&version, &cx()).expect_err("a part of it");
    assert_eq!(failure.message, "w.bin has 100000 bytes in the registry's list, and 5 arrived");

    let folder = view.registry.fetch(&version, &cx()).expect("brought");
    let whole = digest_of(&folder).expect("an artifact").digest;
    let n_files = proxy.count("/w.bin HTTP");
    assert_eq!(view.registry.fetch(&version, &cx()).expect("there"), folder);
    assert_eq!(proxy.count("/w.bin HTTP"), n_files, "it is not brought twice");
    std::fs::write(folder.join("MLmodel"), "else").expect("written");
    assert_eq!(view.registry.fetch(&version, &cx()).expect("brought anew"), folder);
    assert_eq!(digest_of(&folder).expect("an artifact").digest, whole);

    // A single file is listed in the folder that it is in.
    let file = view.dir.path().join("model.onnx");
    std::fs::write(&file, "graph").expect("written");
    let one: ModelName = name("no digest, one file");
    let first = made(view.registry.register(&one, &registration(file), &key("P"), &cx()));
    let what = Registration { source: Some(format!("models:/{one}/{first}")), ..what };
    let version = made(view.registry.register(&one, &what, &key("Q"), &cx()));
    let version = view.registry.version(&one, &version, &cx()).expect("read").expect("a version");
    proxy.next("/model.onnx HTTP", Fault::Answer { status: "200 OK", headers: "", body: "gra" });
    let failure = view.registry.fetch(&version, &cx()).expect_err("a part of it");
    assert_eq!(failure.message, "model.onnx has 5 bytes in the registry's list, and 3 arrived");
    view.registry.fetch(&version, &cx()).expect("brought");
}

#[test]
fn a_move_that_arrives_twice_is_one_move() {
    let (proxy, view) = through();
    let model: ModelName = name("twice");
    let v = versions(&view, &model, 1);
    proxy.next(SETS_ALIAS, Fault::Twice);
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
    assert_eq!(view.registry.pointer(&model, &champion(), &cx()).expect("a pointer").to.as_ref(), Some(&v[0]));
}

#[test]
fn reading_goes_on_when_the_server_does() {
    let (proxy, view) = through();
    proxy.next(LISTS, Fault::Answer { status: "503 Service Unavailable", headers: "", body: "" });
    proxy.next(LISTS, Fault::CutAfter(30));
    view.registry.models(&cx()).expect("the third try");

    proxy.next(LISTS, Fault::Answer { status: "429 Too Many", headers: "Retry-After: 1\r\n", body: "" });
    let began = Instant::now();
    view.registry.models(&cx()).expect("the second try");
    assert!(began.elapsed() >= Duration::from_secs(1));

    proxy.next(LISTS, Fault::Delay(Duration::from_secs(3)));
    let short = Cx { cancel: Cancel::default(), limit: Duration::from_secs(1) };
    assert_eq!(view.registry.models(&short).expect_err("too late").code, FailureCode::TimedOut);
}
