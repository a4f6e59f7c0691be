//! What happens after the first walk, told by the system.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signalbox_watch::{Mode, Options, WatchEvent};

use crate::rig::{Memory, PROJECT, Rig, append, put, temp};

#[test]
fn an_append_is_read_and_nothing_else() {
    let mut rig = Rig::new(|p| put(&p.join("a/m.csv"), "step\n1\n2\n"));
    rig.see("first commit", |e| matches!(e, WatchEvent::Committed { read_bytes: 9, n_points: 2, .. }));
    append(&rig.path("a/m.csv"), "3\n");
    let news = rig.wait("commit", |e| matches!(e, WatchEvent::Committed { .. }));
    let WatchEvent::Committed { n_points, read_bytes, new_runs, runs, .. } = news else { unreachable!() };
    assert_eq!((n_points, read_bytes, new_runs.len(), runs.len()), (1, 2, 0, 1));
    assert_eq!(rig.store.values("a/m.csv"), [1.0, 2.0, 3.0]);
    let stats = rig.engine.project_stats(PROJECT).unwrap();
    assert_eq!((stats.read_bytes, stats.n_points, stats.mode, stats.n_sources), (11, 3, Mode::Notify, 1));
    assert_eq!(rig.lines.n_opened.load(Ordering::Relaxed), 1);
}

#[test]
fn half_a_line_waits_for_its_other_half() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n2"));
    rig.wait_values("m.csv", &[1.0]);
    append(&rig.path("m.csv"), "5\n");
    rig.wait_values("m.csv", &[1.0, 25.0]);
}

#[test]
fn sources_that_come_later_are_found() {
    let mut rig = Rig::new(|p| put(&p.join("a/m.csv"), "step\n1\n"));
    put(&rig.path("a/n.csv"), "step\n5\n");
    rig.wait_values("a/n.csv", &[5.0]);
    put(&rig.path("new/deep/down/m.csv"), "step\n6\n");
    rig.wait_values("new/deep/down/m.csv", &[6.0]);
    append(&rig.path("new/deep/down/m.csv"), "7\n");
    rig.wait_values("new/deep/down/m.csv", &[6.0, 7.0]);
    // Empty when it appears, and without another name coming later.
    put(&rig.path("a/late.csv"), "");
    put(&rig.path("a/m2.csv"), "step\n1\n");
    rig.wait_values("a/m2.csv", &[1.0]);
    append(&rig.path("a/late.csv"), "step\n8\n");
    rig.wait_values("a/late.csv", &[8.0]);
    // Moved in from outside, with everything in it.
    put(&rig.dir.path().join("elsewhere/x/m.csv"), "step\n9\n");
    fs::rename(rig.dir.path().join("elsewhere"), rig.path("moved.in")).unwrap();
    rig.wait_values("moved.in/x/m.csv", &[9.0]);
    append(&rig.path("moved.in/x/m.csv"), "10\n");
    rig.wait_values("moved.in/x/m.csv", &[9.0, 10.0]);
    // Renamed over an unfinished name, as careful writers do.
    put(&rig.path("a/tmp123"), "step\n11\n");
    fs::rename(rig.path("a/tmp123"), rig.path("a/atomic.csv")).unwrap();
    rig.wait_values("a/atomic.csv", &[11.0]);
}

#[test]
fn environments_that_come_later_are_passed_over() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n"));
    put(&rig.path("env/pyvenv.cfg"), "home");
    put(&rig.path("env/lib/m.csv"), "step\n1\n");
    put(&rig.path("node_modules/m.csv"), "step\n1\n");
    put(&rig.path("z.csv"), "step\n2\n");
    rig.wait_values("z.csv", &[2.0]);
    // A cache marks itself after its first files.
    put(&rig.path("cache/a/m.csv"), "step\n1\n");
    rig.wait_values("cache/a/m.csv", &[1.0]);
    put(&rig.path("cache/CACHEDIR.TAG"), "Signature");
    rig.wait("gone", |e| matches!(e, WatchEvent::Gone { .. }));
    assert!(!rig.here().iter().any(|p| p.starts_with("cache") || p.starts_with("node_modules")), "{:?}", rig.here());
}

#[test]
fn truncated_and_replaced_files_are_read_anew() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n2\n3\n"));
    rig.wait_values("m.csv", &[1.0, 2.0, 3.0]);
    put(&rig.path("m.csv"), "step\n9\n");
    rig.wait_values("m.csv", &[9.0]);
    put(&rig.path("new"), "s\n4\n");
    fs::rename(rig.path("new"), rig.path("m.csv")).unwrap();
    rig.wait_values("m.csv", &[4.0]);
    assert!(rig.told.iter().all(|e| !matches!(e, WatchEvent::Gone { .. })), "{:?}", rig.told);
}

#[test]
fn a_storm_of_small_writes_is_few_commits_and_every_point_once() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n"));
    let path = rig.path("m.csv");
    let want: Vec<f64> = (0..5000).map(f64::from).collect();
    for v in &want {
        append(&path, &format!("{v}\n"));
    }
    rig.wait_values("m.csv", &want);
    let n_commits = rig.told.iter().filter(|e| matches!(e, WatchEvent::Committed { .. })).count();
    assert!(n_commits < 500, "{n_commits} commits");
}

#[test]
fn what_changes_now_does_not_wait_for_what_is_long() {
    let options = Options { slice_bytes: 32 << 10, ..Rig::options() };
    let mut rig = Rig::with(options, Memory::default(), |p| put(&p.join("live.csv"), "step\n0\n"));
    rig.wait_values("live.csv", &[0.0]);
    let long = format!("step\n{}", "1.5\n".repeat(1_000_000));
    put(&rig.path("long.csv"), &long);
    rig.wait_store("the beginning of the long one", |s| s.n_values("long.csv") > 0);
    append(&rig.path("live.csv"), "1\n");
    rig.wait_values("live.csv", &[0.0, 1.0]);
    let n_long = rig.store.n_values("long.csv");
    assert!(n_long < 1_000_000, "the live one came after the whole backlog");
    rig.wait_store("all of the long one", |s| s.n_values("long.csv") == 1_000_000);
    let stats = rig.engine.project_stats(PROJECT).unwrap();
    assert_eq!(stats.backlog_bytes, 0);
}

#[test]
fn readers_are_closed_and_opened_again() {
    let options = Options { max_open_readers: Some(4), ..Rig::options() };
    let mut rig = Rig::with(options, Memory::default(), |p| {
        for i in 0..40 {
            put(&p.join(format!("{i}/m.csv")), "step\n1\n");
        }
    });
    rig.wait_store("all read", |s| (0..40).all(|i| s.values(&format!("{i}/m.csv")) == [1.0]));
    for i in 0..40 {
        append(&rig.path(&format!("{i}/m.csv")), "2\n");
    }
    rig.wait_store("all read on", |s| (0..40).all(|i| s.values(&format!("{i}/m.csv")) == [1.0, 2.0]));
    assert!(rig.engine.stats().n_open_readers <= 4);
    assert_eq!(rig.store.read_bytes.load(Ordering::Relaxed), 40 * 9);
}

#[test]
fn stopping_is_quick_and_nothing_is_lost_by_it() {
    let dir = temp();
    let store = Memory::default();
    let want: Vec<f64> = (0..500_000).map(f64::from).collect();
    let text: String = want.iter().map(|v| format!("{v}\n")).collect();
    put(&dir.path().join("p/m.csv"), &format!("step\n{text}"));
    let options = Options { slice_bytes: 64 << 10, ..Rig::options() };
    let mut rig = Rig::on(options.clone(), store.clone(), dir);
    rig.wait_store("the first part", |s| s.n_values("m.csv") > 0);
    let begun = Instant::now();
    rig.engine.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let n = store.n_values("m.csv");
    assert!(n < want.len(), "it had read everything already");
    let Rig { dir, .. } = rig;
    let mut rig = Rig::on(options, store, dir);
    rig.wait_store("all", |s| s.n_values("m.csv") >= want.len());
    assert!(rig.store.values("m.csv") == want);
}

#[test]
fn two_projects_share_an_engine() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n"));
    let other = signalbox_types::ProjectId(8);
    put(&rig.dir.path().join("q/n.csv"), "step\n2\n");
    rig.engine.watch(other, &rig.dir.path().join("q"));
    rig.wait_values("n.csv", &[2.0]);
    append(&rig.dir.path().join("q/n.csv"), "3\n");
    append(&rig.path("m.csv"), "4\n");
    rig.wait_values("n.csv", &[2.0, 3.0]);
    rig.wait_values("m.csv", &[1.0, 4.0]);
    rig.engine.unwatch(other);
    append(&rig.dir.path().join("q/n.csv"), "5\n");
    append(&rig.path("m.csv"), "6\n");
    rig.wait_values("m.csv", &[1.0, 4.0, 6.0]);
    assert_eq!(rig.store.values("n.csv"), [2.0, 3.0]);
    assert_eq!(rig.engine.projects(), [PROJECT]);
}

#[test]
fn what_was_read_and_not_committed_is_bounded() {
    let options = Options { slice_bytes: 64 << 10, max_in_flight_bytes: 512 << 10, ..Rig::options() };
    let text = format!("step\n{}", "1.5\n".repeat(300_000));
    let mut rig = Rig::with(options, Memory::default(), |p| {
        put(&p.join("a.csv"), &text);
        put(&p.join("b.csv"), &text);
    });
    rig.wait_store("all", |s| s.n_values("a.csv") + s.n_values("b.csv") == 600_000);
    // A point is 24 bytes in memory and 4 in the file: a commit of all that may wait is far less of it.
    let largest = rig.store.largest_commit.load(Ordering::Relaxed);
    assert!(largest < 512 << 10, "{largest} bytes at once");
}
