//! A network that fails, before the real registry.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Cx, FailureCode, ModelName, Outcome, Registry};
use signalbox_remote::Auth;
use signalbox_testkit::proxy::{Fault, FaultProxy};

use super::world::*;

const BEGINS: &str = "/blobs/uploads/ HTTP";
const SENDS: &str = "?_state=";
const OP_NOTE: &str = "manifests/signalbox.op.";

fn through(server: &Server) -> (FaultProxy, View) {
    let proxy = FaultProxy::before(server.at);
    let view = view(&proxy.url(), "ada@laptop");
    (proxy, view)
}

#[test]
fn an_upload_that_broke_off_is_begun_anew_and_is_one_version() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let what = registration(view.artifact("w"));
    let model: ModelName = name("broken");
    let busy = Fault::Answer { status: "429 Too Many", headers: "Retry-After: 1\r\n", body: "" };
    let sick = Fault::Answer { status: "500 Sick", headers: "", body: "no disk" };
    for (line, fault) in [
        (BEGINS, Fault::DropAnswer),
        (SENDS, Fault::DropAnswer),
        (SENDS, Fault::DropRequest),
        (SENDS, Fault::CutAfter(10)),
        (BEGINS, sick),
        (BEGINS, busy),
        ("manifests/signalbox.op.", Fault::DropAnswer),
        ("HEAD ", Fault::DropAnswer),
    ] {
        proxy.next(line, fault);
    }
    let version = made(view.registry.register(&model, &what, &key("P"), &cx()));
    let again = made(view.registry.register(&model, &what, &key("P"), &cx()));
    assert_eq!((view.registry.versions(&model, &cx()).expect("versions").len(), &again), (1, &version));
    let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
    view.registry.fetch(&version, &cx()).expect("all of it is there");
}

#[test]
fn a_version_whose_answer_is_lost_is_unknown_and_found() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let what = registration(view.artifact("w"));
    let model: ModelName = name("lost");
    // Which version it will be follows from the artifact: learnt from a registry of its own.
    let other = Server::open();
    let there = super::world::view(&other.url(), "ada@laptop");
    let version = made(there.registry.register(&model, &what, &key("P"), &cx()));
    let line = format!("PUT /v2/team/models/lost/manifests/{version}");
    (0..3).for_each(|_| proxy.next(&line, Fault::DropAnswer));
    let outcome = view.registry.register(&model, &what, &key("P"), &cx());
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.code == FailureCode::TimedOut), "{outcome:?}");
    let found = view.registry.registered_by(&model, &key("P"), &cx()).expect("versions");
    assert_eq!(found.iter().map(|v| &v.at.version).collect::<Vec<_>>(), [&version]);

    // Before that, nothing counts.
    (0..3).for_each(|_| proxy.next(&format!("PUT /v2/team/models/lost/{OP_NOTE}"), Fault::DropAnswer));
    let outcome = view.registry.register(&model, &what, &key("Q"), &cx());
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    assert_eq!(view.registry.registered_by(&model, &key("Q"), &cx()).expect("none"), []);
}

#[test]
fn a_move_whose_answer_is_lost_is_unknown_and_others_wait() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let model: ModelName = name("lost move");
    let v = versions(&view, &model, 2);
    let sets = "PUT /v2/team/models/lost__20move/manifests/champion";
    proxy.next(sets, Fault::DropAnswer);
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.code == FailureCode::TimedOut), "{outcome:?}");
    assert_eq!(proxy.count(sets), 1, "it is not sent again");
    assert_eq!(view.to(&model, &champion()).as_ref(), Some(&v[0]));

    let bob = super::world::view(&server.url(), "bob@desk");
    let short = Cx { cancel: Cancel::default(), limit: Duration::from_secs(8) };
    let failure = refused(bob.registry.point(&model, &champion(), Some(&v[0]), Some(&v[1]), &short));
    let expected = "ada@laptop is moving champion of lost move just now";
    assert_eq!((failure.code, failure.message.as_str()), (FailureCode::Busy, expected));
    let began = Instant::now();
    let outcome = view.registry.point(&model, &champion(), Some(&v[0]), Some(&v[1]), &cx());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait for its own claim");
    assert!(matches!(bob.registry.point(&model, &champion(), Some(&v[1]), None, &cx()), Outcome::Done(_)));
}

#[test]
fn under_a_claim_that_came_late_nothing_is_moved() {
    let server = Server::open();
    let proxy = FaultProxy::before(server.at);
    let clock = std::sync::Arc::new(Ahead::default());
    let view = view_at(&proxy.url(), "ada@laptop", Auth::None, clock.clone());
    let model: ModelName = name("late");
    let v = versions(&view, &model, 1);
    let claims = "PUT /v2/team/models/late/manifests/signalbox.claim.";
    proxy.next(claims, Fault::Delay(Duration::from_secs(3)));
    std::thread::scope(|scope| {
        let late = scope.spawn(|| view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()));
        while proxy.count(claims) == 0 && !late.is_finished() {
            std::thread::yield_now();
        }
        // Its answer is on the way, 25 s by our clock: work under it could outlast it.
        clock.0.store(25_000, Ordering::SeqCst);
        assert_eq!(refused(late.join().expect("an end")).code, FailureCode::Busy);
    });
    assert_eq!((proxy.count("PUT /v2/team/models/late/manifests/champion"), view.to(&model, &champion())), (0, None));
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
}

#[test]
fn a_move_that_was_answered_well_and_does_not_show_is_unknown() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let model: ModelName = name("said");
    let v = versions(&view, &model, 1);
    let sets = "PUT /v2/team/models/said/manifests/champion";
    proxy.next(sets, Fault::Answer { status: "201 Created", headers: "", body: "" });
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.message.contains("still shows it at nothing")), "{outcome:?}");
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
}

#[test]
fn an_upload_waits_as_long_as_it_is_asked_to() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    proxy.next(BEGINS, Fault::Answer { status: "429 Too Many", headers: "Retry-After: 3\r\n", body: "" });
    let began = Instant::now();
    made(view.registry.register(&name("asked"), &registration(view.artifact("w")), &key("P"), &cx()));
    assert!(began.elapsed() >= Duration::from_secs(3));
}

#[test]
fn a_claim_that_cannot_be_put_up_moves_nothing() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let model: ModelName = name("no claim");
    let v = versions(&view, &model, 1);
    let claims = "PUT /v2/team/models/no__20claim/manifests/signalbox.claim.";
    proxy.next(claims, Fault::DropRequest);
    let outcome = view.registry.point(&model, &champion(), None, Some(&v[0]), &cx());
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    assert_eq!(view.to(&model, &champion()), None);
    // One whose answer is lost is up.
    proxy.next(claims, Fault::DropAnswer);
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
}

#[test]
fn reading_goes_on_when_the_registry_does() {
    let server = Server::open();
    let (proxy, view) = through(&server);
    let lists = "GET /v2/_catalog";
    proxy.next(lists, Fault::Answer { status: "503 Service Unavailable", headers: "", body: "" });
    proxy.next(lists, Fault::CutAfter(30));
    view.registry.models(&cx()).expect("the third try");
    proxy.next(lists, Fault::Delay(Duration::from_secs(5)));
    let short = Cx { cancel: Cancel::default(), limit: Duration::from_secs(1) };
    assert_eq!(view.registry.models(&short).expect_err("too late").code, FailureCode::TimedOut);
    // A server that has never heard of OCI is not an empty registry.
    proxy.next("tags/list", Fault::Answer { status: "404 Not Found", headers: "", body: "<html>" });
    let failure = view.registry.versions(&name("m"), &cx()).expect_err("no registry");
    assert_eq!(failure.code, FailureCode::NotFound);
}
