//! Where the system does not tell of changes, or runs out of watches.

use std::fs;
use std::time::Duration;

use signalbox_watch::{Mode, Options, WatchEvent};

use crate::rig::{Memory, PROJECT, Rig, append, put};

fn quick() -> Options {
    Options {
        poll_active: Duration::from_millis(20),
        poll_idle: Duration::from_millis(50),
        poll_dirs: Duration::from_millis(50),
        ..Rig::options()
    }
}

#[test]
fn polling_sees_what_notify_would() {
    let options = Options { force_polling: true, ..quick() };
    let mut rig = Rig::with(options, Memory::default(), |p| put(&p.join("a/m.csv"), "step\n1\n"));
    rig.wait_values("a/m.csv", &[1.0]);
    append(&rig.path("a/m.csv"), "2\n");
    rig.wait_values("a/m.csv", &[1.0, 2.0]);
    put(&rig.path("b/c/n.csv"), "step\n3\n");
    rig.wait_values("b/c/n.csv", &[3.0]);
    put(&rig.path("a/late.csv"), "");
    append(&rig.path("a/late.csv"), "step\n4\n");
    rig.wait_values("a/late.csv", &[4.0]);
    fs::remove_dir_all(rig.path("b")).unwrap();
    rig.wait("gone", |e| matches!(e, WatchEvent::Gone { .. }));
    assert_eq!(rig.here(), ["a/late.csv", "a/m.csv"]);
    let stats = rig.engine.project_stats(PROJECT).unwrap();
    assert_eq!((stats.mode, stats.n_dirs_watched), (Mode::Polling, 0));
    assert!(stats.why.unwrap().starts_with("Polling was asked for"));
}

#[test]
fn past_the_limit_of_watches_the_rest_is_polled() {
    let options = Options { max_watches: Some(3), ..quick() };
    let mut rig = Rig::with(options, Memory::default(), |p| {
        for i in 0..10 {
            put(&p.join(format!("{i}/m.csv")), "step\n1\n");
        }
    });
    rig.wait_store("all", |s| (0..10).all(|i| s.values(&format!("{i}/m.csv")) == [1.0]));
    for i in 0..10 {
        append(&rig.path(&format!("{i}/m.csv")), "2\n");
    }
    rig.wait_store("all again", |s| (0..10).all(|i| s.values(&format!("{i}/m.csv")) == [1.0, 2.0]));
    put(&rig.path("9/new/n.csv"), "step\n5\n");
    rig.wait_values("9/new/n.csv", &[5.0]);
    let stats = rig.engine.project_stats(PROJECT).unwrap();
    assert_eq!((stats.mode, stats.n_dirs_watched), (Mode::Mixed, 3));
    assert!(stats.why.unwrap().starts_with("More folders than may be watched (3)"));
    assert!(rig.told.iter().any(|e| matches!(e, WatchEvent::Mode { mode: Mode::Mixed, why: Some(_), .. })));
}
