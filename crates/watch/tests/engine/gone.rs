//! Sources that vanish and come back.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signalbox_watch::{Mode, WatchEvent};

use crate::rig::{Memory, PROJECT, Rig, append, put};

fn is_gone(e: &WatchEvent) -> bool {
    matches!(e, WatchEvent::Gone { .. })
}

fn is_back(e: &WatchEvent) -> bool {
    matches!(e, WatchEvent::Back { .. })
}

#[test]
fn a_folder_that_goes_takes_its_runs_and_brings_them_back() {
    let mut rig = Rig::new(|p| {
        put(&p.join("a/b/m.csv"), "step\n1\n");
        put(&p.join("kept.csv"), "step\n1\n");
    });
    rig.wait_values("a/b/m.csv", &[1.0]);
    fs::remove_dir_all(rig.path("a")).unwrap();
    rig.wait("gone", is_gone);
    assert_eq!(rig.here(), ["kept.csv"]);
    assert_eq!(rig.store.values("a/b/m.csv"), [1.0], "its runs stay");
    assert_eq!(rig.engine.project_stats(PROJECT).unwrap().n_sources, 1);
    put(&rig.path("a/b/m.csv"), "step\n1\n");
    rig.wait("back", is_back);
    append(&rig.path("a/b/m.csv"), "2\n");
    rig.wait_values("a/b/m.csv", &[1.0, 2.0]);
    assert_eq!(rig.here(), ["a/b/m.csv", "kept.csv"]);
    assert_eq!(rig.engine.project_stats(PROJECT).unwrap().n_sources, 2);
}

#[test]
fn a_renamed_folder_is_another() {
    let mut rig = Rig::new(|p| put(&p.join("a/m.csv"), "step\n1\n"));
    rig.wait_values("a/m.csv", &[1.0]);
    fs::rename(rig.path("a"), rig.path("b")).unwrap();
    rig.wait_values("b/m.csv", &[1.0]);
    rig.wait_store("the old name gone", |s| s.here().len() == 1);
    append(&rig.path("b/m.csv"), "2\n");
    rig.wait_values("b/m.csv", &[1.0, 2.0]);
    assert_eq!(rig.here(), ["b/m.csv"]);
}

#[test]
fn a_single_file_that_goes() {
    let mut rig = Rig::new(|p| {
        put(&p.join("m.csv"), "step\n1\n");
        put(&p.join("n.csv"), "step\n1\n");
    });
    rig.wait_values("m.csv", &[1.0]);
    fs::remove_file(rig.path("m.csv")).unwrap();
    rig.wait("gone", is_gone);
    assert_eq!(rig.here(), ["n.csv"]);
}

/// A database in need of recovery cannot be looked into, and is no other one for that.
#[test]
fn what_cannot_be_told_now_is_what_it_was() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n"));
    rig.wait_values("m.csv", &[1.0]);
    let looked = rig.lines.n_recognised.load(Ordering::Relaxed);
    rig.lines.is_blind.store(true, Ordering::Relaxed);
    put(&rig.path("n.csv"), "step\n1\n");
    rig.wait_store("the folder was looked at", |s| s.here().len() == 1);
    let end = Instant::now() + Duration::from_secs(20);
    while rig.lines.n_recognised.load(Ordering::Relaxed) == looked {
        assert!(Instant::now() < end, "the folder was not looked at again");
        std::thread::sleep(Duration::from_millis(20));
    }
    append(&rig.path("m.csv"), "2\n");
    rig.wait_values("m.csv", &[1.0, 2.0]);
    rig.lines.is_blind.store(false, Ordering::Relaxed);
    put(&rig.path("o.csv"), "step\n1\n");
    rig.wait_values("o.csv", &[1.0]);
    assert!(!rig.told.iter().any(is_gone));
    assert_eq!(rig.here(), ["m.csv", "n.csv", "o.csv"]);
}

/// Lightning's CSVLogger deletes an old `metrics.csv` and writes it anew: that is no disappearance.
#[test]
fn deleted_and_written_anew_at_once_stays() {
    let mut rig = Rig::with(
        signalbox_watch::Options { gone_after: std::time::Duration::from_secs(5), ..Rig::options() },
        Memory::default(),
        |p| put(&p.join("m.csv"), "step\n1\n2\n"),
    );
    rig.wait_values("m.csv", &[1.0, 2.0]);
    fs::remove_file(rig.path("m.csv")).unwrap();
    put(&rig.path("m.csv"), "s\n7\n");
    rig.wait_values("m.csv", &[7.0]);
    assert!(!rig.told.iter().any(is_gone));
}

#[test]
fn what_went_while_nobody_looked_is_gone_after_the_first_walk() {
    let mut rig = Rig::new(|p| {
        put(&p.join("a/m.csv"), "step\n1\n");
        put(&p.join("b/m.csv"), "step\n1\n");
    });
    rig.wait_store("both", |s| s.values("a/m.csv").len() + s.values("b/m.csv").len() == 2);
    rig.engine.stop();
    let Rig { dir, store, .. } = rig;
    fs::remove_dir_all(dir.path().join("p/a")).unwrap();
    let mut rig = Rig::on(Rig::options(), store, dir);
    rig.see("gone", is_gone);
    assert_eq!(rig.here(), ["b/m.csv"]);
    rig.engine.stop();
    let Rig { dir, store, .. } = rig;
    put(&dir.path().join("p/a/m.csv"), "step\n1\n2\n");
    let mut rig = Rig::on(Rig::options(), store, dir);
    rig.wait_values("a/m.csv", &[1.0, 2.0]);
    assert_eq!(rig.here(), ["a/m.csv", "b/m.csv"]);
}

/// An unmounted disk is no reason to call every run gone.
#[test]
fn a_project_that_goes_as_a_whole_keeps_its_runs() {
    let mut rig = Rig::new(|p| put(&p.join("a/m.csv"), "step\n1\n"));
    rig.wait_values("a/m.csv", &[1.0]);
    let away = rig.dir.path().join("away");
    fs::rename(rig.path(""), &away).unwrap();
    rig.wait("mode none", |e| matches!(e, WatchEvent::Mode { mode: Mode::None, .. }));
    fs::rename(&away, rig.path("")).unwrap();
    rig.wait("mode notify", |e| matches!(e, WatchEvent::Mode { mode: Mode::Notify, why: None, .. }));
    append(&rig.path("a/m.csv"), "2\n");
    rig.wait_values("a/m.csv", &[1.0, 2.0]);
    assert_eq!(rig.here(), ["a/m.csv"]);
    assert!(!rig.told.iter().any(is_gone));
}

/// Folders come and go while they are walked and looked at: no panic, no problem told, and in the end what is there.
#[test]
fn folders_that_vanish_meanwhile_are_survived() {
    let dir = crate::rig::temp();
    let root = dir.path().join("p");
    for i in 0..300 {
        put(&root.join(format!("{i}/a/m.csv")), "step\n1\n");
    }
    let churn = std::thread::spawn({
        let root = root.clone();
        move || {
            for i in 0..300 {
                match i % 3 {
                    0 => fs::remove_dir_all(root.join(format!("{i}"))).unwrap(),
                    1 => fs::rename(root.join(format!("{i}/a")), root.join(format!("{i}/b"))).unwrap(),
                    _ => put(&root.join(format!("{i}/c/m.csv")), "step\n2\n"),
                }
            }
        }
    });
    let mut rig = Rig::on(Rig::options(), Memory::default(), dir);
    churn.join().unwrap();
    let mut want: Vec<std::path::PathBuf> = Vec::new();
    for i in 0..300 {
        let names: &[&str] = match i % 3 {
            0 => &[],
            1 => &["b"],
            _ => &["a", "c"],
        };
        want.extend(names.iter().map(|name| format!("{i}/{name}/m.csv").into()));
    }
    want.sort();
    rig.wait_store("exactly what is there", |s| s.here().iter().eq(&want));
    assert!(!rig.told.iter().any(|e| matches!(e, WatchEvent::Problem { .. })));
}
