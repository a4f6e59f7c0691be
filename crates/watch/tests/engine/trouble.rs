//! A store that refuses, another instance, a reader at fault.

use std::path::Path;

use signalbox_store::StoreError;
use signalbox_watch::WatchEvent;

use crate::rig::{Memory, PROJECT, Rig, append, put};

#[test]
fn a_full_disk_is_waited_out() {
    let store = Memory::default();
    *store.refusals.lock().unwrap() = vec![StoreError::Full, StoreError::Full];
    let mut rig = Rig::with(Rig::options(), store, |p| put(&p.join("m.csv"), "step\n1\n"));
    rig.wait_values("m.csv", &[1.0]);
    let told: Vec<_> = rig.told.iter().filter(|e| matches!(e, WatchEvent::StoreTrouble { .. })).collect();
    assert_eq!(told.len(), 1, "said once: {told:?}");
    append(&rig.path("m.csv"), "2\n");
    rig.wait_values("m.csv", &[1.0, 2.0]);
}

#[test]
fn another_instance_that_was_quicker_wins() {
    let mut rig = Rig::new(|p| put(&p.join("m.csv"), "step\n1\n"));
    rig.wait_values("m.csv", &[1.0]);
    {
        // It has read a line that we are about to read.
        let mut sources = rig.store.sources.lock().unwrap();
        let kept = sources.get_mut(Path::new("m.csv")).unwrap();
        (kept.generation, kept.cursor) = (5, "9 2".into());
        kept.values.push(2.0);
    }
    append(&rig.path("m.csv"), "2\n3\n");
    rig.wait_values("m.csv", &[1.0, 2.0, 3.0]);
}

#[test]
fn a_reader_at_fault_does_not_take_the_others_with_it() {
    let mut rig = Rig::new(|p| {
        put(&p.join("a.csv"), "step\n1\npanic\n");
        put(&p.join("b.csv"), "step\n1\n");
    });
    rig.wait_values("b.csv", &[1.0]);
    let problem = |e: &WatchEvent| matches!(e, WatchEvent::Problem { problem, .. } if problem.path == "a.csv");
    rig.see("problem", problem);
    append(&rig.path("b.csv"), "2\n");
    rig.wait_values("b.csv", &[1.0, 2.0]);
    assert_eq!(rig.engine.project_stats(PROJECT).unwrap().problems.len(), 1);
}

#[test]
fn a_busy_store_does_not_make_a_source_forgotten() {
    let store = Memory::default();
    *store.refuse_sources.lock().unwrap() = 3;
    let mut rig = Rig::with(Rig::options(), store, |p| put(&p.join("m.csv"), "step\n1\n"));
    rig.wait_values("m.csv", &[1.0]);
    assert_eq!(*rig.store.refuse_sources.lock().unwrap(), 0);
}

/// What the kernel's full queue leads to, and what a person may ask for: everything is looked at again.
#[test]
fn a_rescan_sees_what_was_never_told() {
    let options = signalbox_watch::Options { force_polling: true, ..Rig::options() };
    let hour = std::time::Duration::from_secs(3600);
    let options = signalbox_watch::Options { poll_active: hour, poll_idle: hour, poll_dirs: hour, ..options };
    let mut rig = Rig::with(options, Memory::default(), |p| put(&p.join("a/m.csv"), "step\n1\n"));
    rig.wait_values("a/m.csv", &[1.0]);
    append(&rig.path("a/m.csv"), "2\n");
    put(&rig.path("b/n.csv"), "step\n3\n");
    rig.engine.rescan(PROJECT);
    rig.wait_values("a/m.csv", &[1.0, 2.0]);
    rig.wait_values("b/n.csv", &[3.0]);
}
