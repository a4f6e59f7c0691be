//! The target beside the real MLServer and the real Triton. `SIGNALBOX_PYTHON_MLSERVER` and `SIGNALBOX_PYTHON_TRITON` name
//! Pythons (they may be one) with what tests/requirements-v2.txt lists.
//!
//! `cargo test -p signalbox-remote --features real-servers --test real_v2`

mod load;
mod promotion;
mod repository;
mod world;

use signalbox_release::{FailureCode, Identity, Outcome, Phase, Target, Whom};
use signalbox_testkit::proxy::{Fault, FaultProxy};
use world::*;

#[test]
fn a_version_is_loaded_routed_and_taken_away_on_both() {
    for kind in BOTH {
        let server = Server::start(kind);
        let target = server.target();
        let golden = &models().golden;
        assert_eq!(target.observe(&iris(), &cx()).expect("seen").phase, Phase::Absent);
        let (one, two) = (version("right", "1"), version("wrong", "2"));
        for what in [&one, &two] {
            done(target.stage(&iris(), what, &key(0), &cx()));
            done(target.stage(&iris(), what, &key(0), &cx()));
        }
        assert_eq!(shares(&target), [("1".into(), 0), ("2".into(), 0)], "{kind:?}");
        let failure = target.ask(&iris(), &Whom::Live, &golden.request, &cx()).expect_err("nobody serves");
        assert_eq!(failure.code, FailureCode::NotFound, "{kind:?}: {failure:?}");
        let said = target.ask(&iris(), &Whom::Version(one.version.clone()), &golden.request, &cx()).expect("an answer");
        assert_eq!((golden.parts_from(&said.body), said.by.as_deref()), (None, Some("1")), "{kind:?}: {said:?}");
        let said = target.ask(&iris(), &Whom::Version(two.version.clone()), &golden.request, &cx()).expect("an answer");
        assert!(golden.parts_from(&said.body).is_some(), "{kind:?}: it answers wrongly");

        done(route(&target, Some(&one)));
        done(route(&target, Some(&one)));
        assert_eq!(shares(&target), [("1".into(), 100), ("2".into(), 0)], "{kind:?}");
        let said = target.ask(&iris(), &Whom::Live, &golden.request, &cx()).expect("an answer");
        assert_eq!(golden.parts_from(&said.body), None, "{kind:?}: {said:?}");
        assert_eq!(refused(target.unstage(&iris(), &one.version, &cx())).code, FailureCode::Conflict);

        // Another Signalbox sees the same.
        let seen = server.target().observe(&iris(), &cx()).expect("seen");
        assert_eq!(seen.phase, Phase::Serving);
        let live = seen.live().expect("it serves");
        assert_eq!(live.version.as_ref(), Some(&one.version));
        assert_eq!(live.identity, Identity::Proven(one.version.digest.clone().expect("a digest")));

        done(route(&target, Some(&two)));
        assert_eq!(shares(&target), [("1".into(), 0), ("2".into(), 100)], "{kind:?}");
        done(target.unstage(&iris(), &one.version, &cx()));
        done(target.unstage(&iris(), &one.version, &cx()));
        assert_eq!(shares(&target), [("2".into(), 100)], "{kind:?}");
        done(route(&target, None));
        done(target.unstage(&iris(), &two.version, &cx()));
        assert_eq!(target.observe(&iris(), &cx()).expect("seen").phase, Phase::Absent);
        let left: Vec<_> =
            std::fs::read_dir(server.repository.path()).expect("read").flatten().map(|e| e.file_name()).collect();
        let known = |name: &&std::ffi::OsString| *name == "settings.json" || *name == ".signalbox-lock";
        assert!(left.iter().all(|name| known(&name)), "{kind:?} leaves {left:?}");
    }
}

#[test]
fn what_cannot_be_loaded_says_why_and_leaves_the_old_one_serving() {
    for kind in BOTH {
        let server = Server::start(kind);
        let target = server.target();
        let (one, broken) = (version("right", "1"), version("broken", "3"));
        done(target.stage(&iris(), &one, &key(0), &cx()));
        done(route(&target, Some(&one)));
        let failure = refused(target.stage(&iris(), &broken, &key(2), &cx()));
        assert!(failure.message.contains("UnpicklingError"), "{kind:?}: {failure:?}");
        assert_eq!(shares(&target), [("1".into(), 100)], "{kind:?}");
        assert!(!server.repository.path().join("iris--3").exists());
        let ready =
            signalbox_remote::Http::new(&format!("http://{}", server.at), || signalbox_remote::Auth::None, None)
                .and_then(|http| {
                    http.read_words(&http.get("v2/health/ready", &[]), &signalbox_remote::Patience::new(&cx()))
                });
        assert!(ready.is_ok(), "{kind:?}: the whole server counts as not ready: {ready:?}");

        let golden = &models().golden;
        let said = target.ask(&iris(), &Whom::Live, &golden.request, &cx()).expect("an answer");
        assert_eq!(golden.parts_from(&said.body), None, "{kind:?}");
    }
}

#[test]
fn no_request_is_lost_while_the_traffic_moves_forth_and_back() {
    for kind in BOTH {
        let server = Server::start(kind);
        let target = server.target();
        let (one, two) = (version("right", "9"), version("wrong", "10"));
        done(target.stage(&iris(), &one, &key(0), &cx()));
        done(target.stage(&iris(), &two, &key(0), &cx()));
        done(route(&target, Some(&one)));
        let before = target.health(&iris(), &one.version, 600, &cx()).expect("counted");
        assert_eq!(before.n_requests, 0);
        let since = std::time::Instant::now();
        let fared = load::while_asked(server.at, 8, |n_answers| {
            for i in 0..20 {
                done(route(&target, Some(if i % 2 == 0 { &two } else { &one })));
                // Each stretch has its share of requests.
                let enough = n_answers() + 50;
                until("50 more requests are answered", || n_answers() >= enough);
            }
        });
        println!(
            "{kind:?}: {} requests during 20 moves in {:.1} s, slowest {:?}: {:?}",
            fared.n(),
            since.elapsed().as_secs_f64(),
            fared.slowest,
            fared.answers
        );
        let labels: Vec<&str> = fared.answers.keys().map(String::as_str).collect();
        assert_eq!(labels, ["0", "1"], "{kind:?}: both versions answered, and nothing else came");
    }
}

#[test]
fn a_server_that_was_killed_is_not_there_and_says_so() {
    for kind in BOTH {
        let mut server = Server::start(kind);
        let target = server.target();
        let one = version("right", "1");
        done(target.stage(&iris(), &one, &key(0), &cx()));
        server.kill();
        assert_eq!(target.observe(&iris(), &cx()).expect_err("nobody").code, FailureCode::Unreachable);
        assert_eq!(refused(route(&target, Some(&one))).code, FailureCode::Unreachable);
        assert!(!server.repository.path().join("iris").exists(), "{kind:?}");
    }
}

#[test]
fn an_answer_that_is_lost_is_unknown_and_the_truth_is_seen() {
    for kind in BOTH {
        let server = Server::start(kind);
        let proxy = FaultProxy::before(server.at);
        let target = server.through(&proxy.url());
        let (one, two) = (version("right", "1"), version("wrong", "2"));
        let loads = "POST /v2/repository/models/iris--1/load";
        proxy.next(loads, Fault::DropAnswer);
        let outcome = target.stage(&iris(), &one, &key(0), &cx());
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert_eq!(proxy.count(loads), 1, "it is not sent again");
        assert_eq!(shares(&target), [("1".into(), 0)], "{kind:?}");
        done(target.stage(&iris(), &one, &key(0), &cx()));
        assert_eq!(proxy.count(loads), 1, "it was loaded already");

        proxy.next("POST /v2/repository/models/iris/load", Fault::CutAfter(10));
        let outcome = route(&target, Some(&one));
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert_eq!(shares(&target), [("1".into(), 100)], "{kind:?}");
        done(target.stage(&iris(), &two, &key(0), &cx()));

        // A gateway's word is not the server's; its 500 is taken for it, and nothing was done.
        let gateway = Fault::Answer { status: "504 Gateway Timeout", headers: "", body: "" };
        proxy.next("POST /v2/repository/models/iris/load", gateway);
        assert!(matches!(route(&target, Some(&two)), Outcome::Unknown(_)));
        // Which folder the server has loaded the live model from is not known any more.
        assert_eq!(loaded(&target), [("1".into(), 100, false), ("2".into(), 0, true)], "{kind:?}");
        assert_eq!(target.observe(&iris(), &cx()).expect("seen").phase, Phase::Degraded, "the disk names the other");
        let error = Fault::Answer { status: "500 Internal", headers: "", body: "boom" };
        proxy.next("POST /v2/repository/models/iris/load", error);
        refused(route(&target, Some(&two)));
        assert_eq!(shares(&target), [("1".into(), 100), ("2".into(), 0)], "{kind:?}");
        assert_eq!(target.observe(&iris(), &cx()).expect("seen").phase, Phase::Serving, "the disk says so too");
        done(route(&target, Some(&two)));
        assert_eq!(shares(&target), [("1".into(), 0), ("2".into(), 100)], "{kind:?}");
        proxy.next("POST /v2/repository/models/iris--1/unload", Fault::DropAnswer);
        let outcome = target.unstage(&iris(), &one.version, &cx());
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        done(target.unstage(&iris(), &one.version, &cx()));
        assert_eq!(shares(&target), [("2".into(), 100)], "{kind:?}");
    }
}

#[test]
fn what_another_put_there_is_seen_and_not_touched() {
    for kind in BOTH {
        let server = Server::start(kind);
        let target = server.target();
        let one = version("right", "1");
        done(target.stage(&iris(), &one, &key(0), &cx()));
        // Somebody serves the same files under the service's name.
        let (from, to) = (server.repository.path().join("iris--1"), server.repository.path().join("iris"));
        copy(&from, &to);
        std::fs::remove_file(to.join("signalbox.json")).expect("removed");
        let file = to.join(if kind == Kind::Triton { "config.pbtxt" } else { "model-settings.json" });
        let text = std::fs::read_to_string(&file).expect("read").replace("iris--1", "iris");
        std::fs::write(&file, text.replace("signalbox {", "theirs {").replace("\"signalbox\"", "\"theirs\""))
            .expect("written");
        let http = signalbox_remote::Http::new(&format!("http://{}", server.at), || signalbox_remote::Auth::None, None)
            .expect("an address");
        let call = http.post("v2/repository/models/iris/load", serde_json::json!({}));
        http.change(&call, &signalbox_remote::Patience::new(&cx())).expect("loaded");

        let seen = target.observe(&iris(), &cx()).expect("seen");
        let live = seen.live().expect("it serves");
        assert_eq!(
            (&live.version, live.label.as_str(), &live.identity),
            (&None, "iris", &Identity::Unknown),
            "{kind:?}"
        );
        assert_eq!(refused(route(&target, Some(&one))).code, FailureCode::Conflict);
        assert!(file.exists(), "{kind:?}");
        std::fs::create_dir(server.repository.path().join("iris--2")).expect("made");
        assert_eq!(refused(target.stage(&iris(), &version("wrong", "2"), &key(0), &cx())).code, FailureCode::Conflict);
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("read").flatten() {
        let path = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &path)
        } else {
            std::fs::copy(entry.path(), path).expect("copied");
        }
    }
}

#[test]
fn traffic_is_counted_without_our_own_questions() {
    for kind in BOTH {
        let server = Server::start(kind);
        let target = server.target();
        let one = version("right", "1");
        done(target.stage(&iris(), &one, &key(0), &cx()));
        done(route(&target, Some(&one)));
        target.health(&iris(), &one.version, 600, &cx()).expect("a first look");
        for _ in 0..3 {
            target.ask(&iris(), &Whom::Live, &models().golden.request, &cx()).expect("an answer");
        }
        let fared = load::while_asked(server.at, 2, |n_answers| {
            until("100 requests are answered", || n_answers() >= 100);
        });
        let counted = || target.health(&iris(), &one.version, 600, &cx()).expect("counted");
        // Triton answers first and counts then.
        until("the last answer is counted", || counted().n_requests >= fared.n() as u64);
        let health = counted();
        assert_eq!((health.n_requests, health.n_errors), (fared.n() as u64, 0), "{kind:?}: {health:?}");
    }
}
