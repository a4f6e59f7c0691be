//! The store's own disk at fault, really: a small file system of the test's, full for a while, then read-only.
//!
//! Mounted in namespaces of its own (`unshare`, util-linux), so that nobody else sees it and no privilege is needed.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use signalbox_store::{Store, StoreError};
use signalbox_testkit::tfevents::write_scalars;
use signalbox_watch::{Engine, Options, WatchEvent};

/// Where the child finds its disk, and beside it the project.
const CHILD_DIR: &str = "SIGNALBOX_TEST_DISK";
const N_POINTS: i64 = 500_000;
const LONG: Duration = Duration::from_secs(120);

#[test]
fn on_a_full_disk_nothing_is_lost_and_on_a_read_only_one_nothing_is_begun() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    fs::create_dir_all(dir.path().join("project/run")).unwrap();
    fs::create_dir(&disk).unwrap();
    let events = dir.path().join("project/run/events.out.tfevents.1795000000.host");
    write_scalars(File::create(&events).unwrap(), &["loss", "acc"], N_POINTS, false).unwrap();
    let before = fs::read(&events).unwrap();
    let mount = r#"mount -t tmpfs -o size=96m tmpfs "$0" && exec "$@""#;
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mount])
        .arg(&disk)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_on_its_own_disk", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("util-linux is installed");
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    for word in ["was full", "every point", "was read-only"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(fs::read(&events).unwrap() == before, "a project is only read");
    assert_eq!(fs::read_dir(dir.path().join("project/run")).unwrap().count(), 1);
}

/// Not a test of its own: what the test above starts on a disk of its own.
#[test]
fn child_on_its_own_disk() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else { return };
    let (disk, root) = (dir.join("disk"), dir.join("project").canonicalize().unwrap());
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 92 << 20]).unwrap();
    let path = disk.join("store.db");
    let mut store = Store::open(&path).unwrap();
    let project = store.add_project(&root, 1.0).unwrap();
    let (tx, events) = channel();
    let tx = Mutex::new(tx);
    let engine = Engine::start(&path, Options::default(), move |e| drop(tx.lock().unwrap().send(e))).unwrap();
    engine.watch(project, &root);
    let mut n_points = 0;
    let mut is_full = false;
    while n_points < 2 * N_POINTS as u64 {
        match events.recv_timeout(LONG).expect("points, or trouble") {
            WatchEvent::Committed { n_points: n, .. } => n_points += n,
            WatchEvent::StoreTrouble { message, hint } => {
                assert!(message.contains("full") && hint.contains("Free some space"), "{message} {hint}");
                is_full = true;
                println!("was full after {n_points} points");
                fs::remove_file(&ballast).unwrap();
            }
            _ => {}
        }
    }
    assert!(is_full, "4 MiB were enough");
    engine.stop();
    check(&store, project);
    println!("every point is there");
    drop((engine, store));

    let mounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk).status().unwrap();
    assert!(mounted.success());
    let error = Store::open(&path).expect_err("a read-only disk");
    assert!(matches!(&error, StoreError::ReadOnly { path: at } if *at == path), "{error}");
    assert!(error.hint().contains("permissions"));
    println!("was read-only: {error}");
}

fn check(store: &Store, project: signalbox_types::ProjectId) {
    let reader = store.reader().unwrap();
    let run = reader.load_runs(project).unwrap()[0].id;
    for (metric, name) in reader.metric_names(project).unwrap() {
        let parts = reader.points(run, metric).unwrap();
        assert_eq!(parts.len(), 1, "{name}");
        assert!(parts[0].points.steps.iter().copied().eq(0..N_POINTS), "{name}");
    }
    assert_eq!(reader.sources(project).unwrap()[0].rel, Path::new("run"));
}
