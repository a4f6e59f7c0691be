//! Keepers that are killed, stopped, doubled and orphaned.

mod bench;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use bench::*;
use signalbox_release::*;

/// Version 1 with 90 % of the traffic and version 2 with the rest.
fn two(bench: &Bench) -> (Deployable, Deployable) {
    let one = bench.serve("1", "");
    let two = bench.version("2", "");
    done(bench.stage(&two));
    done(bench.route(&two, 10));
    (one, two)
}

fn all_ready(seen: &Observed) -> bool {
    seen.phase == Phase::Serving && seen.loaded.len() == 2 && seen.loaded.iter().all(|served| served.ready)
}

#[test]
fn a_killed_keeper_is_started_by_the_next_look_and_brings_all_back() {
    let bench = Bench::new();
    let (one, _) = two(&bench);
    let before = bench.observe();
    let (port, keeper, server) =
        (bench.seen().port, bench.keeper_pid(), bench.version_seen(&one).pid.expect("it runs"));
    kill(keeper);
    assert!(is_running(server), "a server outlives its keeper, until the next one finds it");
    let after = bench.until(all_ready);
    assert_ne!(bench.keeper_pid(), keeper);
    assert!(!is_running(server), "what was left is ended, and started anew");
    assert_eq!((bench.seen().port, shares(&after)), (port, shares(&before)));
    assert_eq!(after.loaded[0].identity, before.loaded[0].identity);
    let mut client = bench.client();
    assert_eq!((0..30).filter(|_| client.post(&[]).says() == Some(2)).count(), 3);
    // The keeper and two servers.
    assert_eq!(processes_of(&bench.folder()).len(), 3);
}

#[test]
fn a_keeper_killed_while_it_loads_leaves_an_unknown_outcome_and_nothing_loaded() {
    let bench = Bench::new();
    bench.serve("1", "");
    let late = bench.version("2", "never ready");
    std::thread::scope(|scope| {
        let staging = scope.spawn(|| bench.stage(&late));
        bench.until(|_| bench.seen().versions.iter().any(|seen| seen.at.is(&late.version) && seen.pid.is_some()));
        let loading = bench.version_seen(&late).pid.expect("it runs");
        kill(bench.keeper_pid());
        assert!(matches!(staging.join().expect("asked"), Outcome::Unknown(_)));
        let seen = bench.until(|seen| seen.phase == Phase::Serving);
        assert_eq!(shares(&seen), [("1".to_owned(), 100)]);
        assert!(!is_running(loading));
    });
}

#[test]
fn a_stopped_keeper_stays_off_until_something_is_changed() {
    let bench = Bench::new();
    let (one, _) = two(&bench);
    bench.target.stop(&cx(30)).expect("stopped");
    assert_eq!(processes_of(&bench.folder()), [] as [u32; 0]);
    let seen = bench.observe();
    assert_eq!((seen.phase, shares(&seen)), (Phase::Absent, vec![("1".into(), 90), ("2".into(), 10)]));
    assert!(!seen.loaded[0].ready);
    assert_eq!(processes_of(&bench.folder()), [] as [u32; 0], "a look started it");
    done(bench.route(&one, 100));
    bench.until(all_ready);
}

#[test]
fn the_keeper_outlives_who_started_it() {
    let bench = Bench::new();
    two(&bench);
    // So that another process starts the next one.
    kill(bench.keeper_pid());
    let parent = Command::new(KEEP)
        .args(["observe", bench.folder().to_str().expect("Unicode"), "churn"])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let group = parent.id();
    let output = parent.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let keeper = bench.keeper_pid();
    let stat = std::fs::read_to_string(format!("/proc/{keeper}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(") ").expect("a name").1.split(' ').collect();
    let session = keeper.to_string();
    assert_eq!((fields[2], fields[3]), (&*session, &*session), "group and session are its own, not {group}");
    let seen = bench.until(all_ready);
    assert_eq!(bench.keeper_pid(), keeper);
    assert_eq!(shares(&seen), [("1".to_owned(), 90), ("2".to_owned(), 10)]);
}

#[test]
fn a_folder_has_one_keeper() {
    let bench = Bench::new();
    bench.serve("1", "");
    let keeper = bench.keeper_pid();
    let second = Command::new(KEEP).arg("keep").arg(bench.folder()).output().expect("it runs");
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another keeper has"), "{second:?}");
    // Many who look at the same time after it was killed find one.
    kill(keeper);
    let looks: Vec<Observed> = std::thread::scope(|scope| {
        let look = || bench.another().observe(&churn(), &cx(30)).expect("observed");
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
        threads.into_iter().map(|thread| thread.join().expect("looked")).collect()
    });
    assert!(looks.iter().all(|seen| shares(seen) == [("1".to_owned(), 100)]), "{looks:?}");
    bench.until(|seen| seen.phase == Phase::Serving);
    assert_eq!(processes_of(&bench.folder()).len(), 2);
}

#[test]
fn a_damaged_state_is_named_and_nothing_is_started_over_it() {
    let bench = Bench::new();
    let one = bench.serve("1", "");
    bench.target.stop(&cx(30)).expect("stopped");
    let path = bench.folder().join("state.json");
    let text = std::fs::read_to_string(&path).expect("a state");
    for bad in [&text[..text.len() / 2], "", "\0\0\0\0"] {
        std::fs::write(&path, bad).expect("written");
        let failure = bench.target.observe(&churn(), &cx(5)).expect_err("damaged");
        assert!(failure.message.contains("state.json cannot be read"), "{failure:?}");
        assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("move it away")), "{failure:?}");
        assert_eq!(refused(bench.stage(&one)), failure);
        let keeper = Command::new(KEEP).arg("keep").arg(bench.folder()).output().expect("it runs");
        assert_eq!(keeper.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&keeper.stderr).contains("state.json cannot be read"), "{keeper:?}");
        assert_eq!(std::fs::read_to_string(&path).expect("a state"), bad);
    }
    std::fs::remove_file(&path).expect("moved away");
    done(bench.stage(&one));
    done(bench.route(&one, 100));
    assert_eq!(bench.client().post(&[]).says(), Some(1));
}

#[test]
fn another_signalbox_may_stop_a_keeper_and_nothing_else() {
    let bench = Bench::new();
    bench.serve("1", "");
    let ask = |line: &str| {
        let mut stream = UnixStream::connect(bench.folder().join("socket")).expect("connected");
        stream.write_all(line.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("answered");
        reply
    };
    for other in ["{\"protocol\":99,\"ask\":\"observe\"}\n", "{\"protocol\":2,\"ask\":\"dance\"}\n", "GET / HTTP/1.1\n"]
    {
        assert!(ask(other).contains("of another Signalbox"), "{other}");
    }
    let keeper = bench.keeper_pid();
    assert!(ask("{\"protocol\":99,\"ask\":\"stop\"}\n").contains("stopped"));
    bench.target.stop(&cx(30)).expect("it has ended");
    assert!(!is_running(keeper));
}

#[test]
fn a_program_that_is_no_keeper_is_a_clear_failure() {
    let dir = tempfile::tempdir().expect("a folder");
    let how = signalbox_keeper::How::Mlflow { python: "python3".into() };
    let target = |program: &str| {
        signalbox_keeper::LocalTarget::new(name("local"), dir.path().join("k"), program.into(), how.clone(), None)
    };
    let what = Bench::new().version("1", "");
    for program in ["false", "/nowhere/at/all"] {
        let failure = refused(target(program).stage(&churn(), &what, &key(), &cx(5)));
        assert_eq!(failure.code, FailureCode::Local, "{failure:?}");
    }
}
