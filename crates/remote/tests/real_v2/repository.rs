//! What becomes of the server's repository: files that were replaced, another Signalbox, a server that starts anew.

use std::time::Duration;

use signalbox_release::{Cx, FailureCode, Phase, Target, Whom};
use signalbox_testkit::proxy::{Fault, FaultProxy};

use super::world::*;

/// Where the staged model's own pickle lies.
fn pickle(server: &Server, staged: &str) -> std::path::PathBuf {
    let below = if server.kind == Kind::Triton { "1/files/model.pkl" } else { "files/model.pkl" };
    server.repository.path().join(staged).join(below)
}

#[test]
fn files_that_were_replaced_after_loading_are_not_given_the_traffic() {
    for kind in BOTH {
        let mut server = Server::start(kind);
        let target = server.target();
        let (one, two) = (version("right", "1"), version("right", "2"));
        done(target.stage(&iris(), &one, &key(0), &cx()));
        done(target.stage(&iris(), &two, &key(0), &cx()));
        done(route(&target, Some(&one)));
        assert_eq!(shares(&target), [("1".into(), 100), ("2".into(), 0)], "{kind:?}");
        // Another model, as valid as the one that was registered.
        std::fs::copy(models().path("wrong").join("model.pkl"), pickle(&server, "iris--2")).expect("replaced");
        assert_eq!(loaded(&target), [("1".into(), 100, true), ("2".into(), 0, false)], "{kind:?}");
        for failure in [refused(route(&target, Some(&two))), refused(target.stage(&iris(), &two, &key(1), &cx()))] {
            assert_eq!(failure.code, FailureCode::Conflict, "{kind:?}: {failure:?}");
            assert!(failure.message.contains("model.pkl was changed since it was written"), "{failure:?}");
        }
        // Taken away and brought anew, it is what was registered.
        done(target.unstage(&iris(), &two.version, &cx()));
        done(target.stage(&iris(), &two, &key(2), &cx()));
        assert_eq!(shares(&target), [("1".into(), 100), ("2".into(), 0)], "{kind:?}");

        // What serves says the same label after a start on other files.
        std::fs::copy(models().path("wrong").join("model.pkl"), pickle(&server, "iris--1")).expect("replaced");
        if kind == Kind::MlServer {
            server.start_again();
            let said = target.ask(&iris(), &Whom::Live, &models().golden.request, &cx()).expect("an answer");
            assert!(models().golden.parts_from(&said.body).is_some(), "it is another model");
        }
        assert_eq!(loaded(&target), [("1".into(), 100, false), ("2".into(), 0, true)], "{kind:?}");
    }
}

#[test]
fn triton_names_the_number_and_the_record_names_the_version() {
    let server = Server::start(Kind::Triton);
    let target = server.target();
    for number in ["v2", "007", "12"] {
        let what = version("right", number);
        done(target.stage(&iris(), &what, &key(0), &cx()));
        done(route(&target, Some(&what)));
        let said = target.ask(&iris(), &Whom::Live, &models().golden.request, &cx()).expect("an answer");
        assert_eq!(said.by.as_deref(), Some(number));
    }
}

#[test]
fn another_signalbox_waits_for_its_turn() {
    for kind in BOTH {
        let server = Server::start(kind);
        let proxy = FaultProxy::before(server.at);
        let (slow, other) = (server.through(&proxy.url()), server.target());
        let (one, two) = (version("right", "1"), version("right", "2"));
        let loads = "POST /v2/repository/models/iris--1/load";
        let (release, held) = std::sync::mpsc::channel();
        proxy.next(loads, Fault::Hold(held));
        std::thread::scope(|scope| {
            let staging = scope.spawn(|| slow.stage(&iris(), &one, &key(0), &cx()));
            proxy.until_held(loads);
            let short = Cx { limit: Duration::from_secs(2), ..cx() };
            let failure = refused(other.stage(&iris(), &two, &key(1), &short));
            assert_eq!(failure.code, FailureCode::Busy, "{kind:?}: {failure:?}");
            // Looking and asking need no turn.
            other.observe(&iris(), &cx()).expect("seen");
            release.send(()).expect("it is held");
            done(staging.join().expect("it ends"));
        });
        done(other.stage(&iris(), &two, &key(1), &cx()));
        assert_eq!(shares(&other), [("1".into(), 0), ("2".into(), 0)], "{kind:?}");
    }
}

#[test]
fn a_server_that_starts_while_a_folder_lies_aside_serves_what_stands() {
    let mut server = Server::start(Kind::MlServer);
    let proxy = FaultProxy::before(server.at);
    let target = server.through(&proxy.url());
    let (one, two) = (version("right", "1"), version("wrong", "2"));
    for what in [&one, &two] {
        done(target.stage(&iris(), what, &key(0), &cx()));
    }
    done(route(&target, Some(&one)));
    let gateway = Fault::Answer { status: "504 Gateway Timeout", headers: "", body: "" };
    proxy.next("POST /v2/repository/models/iris/load", gateway);
    assert!(matches!(route(&target, Some(&two)), signalbox_release::Outcome::Unknown(_)));
    assert!(server.repository.path().join(".signalbox-before-iris").is_dir());
    server.start_again();
    assert_eq!(shares(&target), [("1".into(), 0), ("2".into(), 100)], "as the plan wanted it");
    assert_eq!(target.observe(&iris(), &cx()).expect("seen").phase, Phase::Serving);
    done(route(&target, Some(&one)));
    assert_eq!(shares(&target), [("1".into(), 100), ("2".into(), 0)]);
    assert!(!server.repository.path().join(".signalbox-before-iris").exists());
}
