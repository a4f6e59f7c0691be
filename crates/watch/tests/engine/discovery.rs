//! What the first walk finds, passes over and survives.

use std::fs;
use std::path::Path;

use signalbox_types::ProblemKind;
use signalbox_watch::{Mode, WatchEvent};

use crate::rig::{Memory, PROJECT, Rig, put, temp};

fn found(fill: impl FnOnce(&Path)) -> Vec<String> {
    let mut rig = Rig::new(fill);
    let n = rig.engine.project_stats(PROJECT).unwrap().counts.sources as usize;
    rig.wait_store("all sources", |s| s.here().len() == n);
    rig.here()
}

#[test]
fn caches_and_environments_are_passed_over() {
    let found = found(|p| {
        for skipped in
            [".git", "node_modules", "__pycache__", ".cache", ".tox", "x/site-packages", ".ipynb_checkpoints", "a/.hg"]
        {
            put(&p.join(skipped).join("deep/m.csv"), "step\n1\n");
        }
        put(&p.join("myenv/pyvenv.cfg"), "home = /usr");
        put(&p.join("myenv/m.csv"), "step\n1\n");
        put(&p.join("myenv/lib/m.csv"), "step\n1\n");
        put(&p.join("conda/conda-meta/history"), "");
        put(&p.join("conda/m.csv"), "step\n1\n");
        put(&p.join("target/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55");
        put(&p.join("target/debug/m.csv"), "step\n1\n");
        put(&p.join("venv/kept.csv"), "step\n1\n");
        put(&p.join("a/b/c/kept.csv"), "step\n1\n");
        put(&p.join("CACHEDIR.TAG"), "the project's own folder is entered all the same");
    });
    assert_eq!(found, ["a/b/c/kept.csv", "venv/kept.csv"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_never_upwards() {
    use std::os::unix::fs::symlink;
    let found = found(|p| {
        put(&p.join("z_real/m.csv"), "step\n1\n");
        put(&p.join("../outside/o.csv"), "step\n1\n");
        put(&p.join("../beside.csv"), "step\n1\n");
        symlink(p.join("z_real"), p.join("a_link")).unwrap();
        symlink(p.join("z_real"), p.join("z_real/again")).unwrap();
        symlink("..", p.join("z_real/up")).unwrap();
        symlink("../..", p.join("above")).unwrap();
        symlink("/", p.join("root")).unwrap();
        symlink(p.join("../outside"), p.join("logs")).unwrap();
        symlink(p.join("../outside"), p.join("logs2")).unwrap();
        symlink(p.join("../beside.csv"), p.join("one.csv")).unwrap();
        symlink("nowhere", p.join("broken")).unwrap();
        symlink("self", p.join("self")).unwrap();
    });
    assert_eq!(found, ["logs/o.csv", "one.csv", "z_real/m.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_are_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = OsStr::from_bytes(b"caf\xe9\n");
    let file = OsStr::from_bytes(b"m\xff.csv");
    let mut rig = Rig::new(|p| put(&p.join(folder).join(file), "step\n1\n2\n"));
    let rel = Path::new(folder).join(file);
    let values = |s: &Memory| s.sources.lock().unwrap().get(&rel).map(|k| k.values.clone());
    rig.wait_store("values of a source without a UTF-8 name", |s| values(s) == Some(vec![1.0, 2.0]));
    // It is followed too, though its path cannot be said in UTF-8.
    crate::rig::append(&rig.path("").join(&rel), "3\n");
    rig.wait_store("more of it", |s| values(s) == Some(vec![1.0, 2.0, 3.0]));
}

#[cfg(unix)]
#[test]
fn special_files_do_not_block() {
    let found = found(|p| {
        put(&p.join("m.csv"), "step\n1\n");
        let made = std::process::Command::new("mkfifo").arg(p.join("pipe.csv")).status().unwrap();
        assert!(made.success());
    });
    assert_eq!(found, ["m.csv"]);
}

/// Root may read everything, so permission cannot be taken away here; a name too long is refused to everybody.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_entered_is_a_problem_and_the_rest_is_read() {
    let deep: std::path::PathBuf = std::iter::repeat_n("d".repeat(250), 17).collect();
    let mut rig = Rig::new(|p| {
        put(&p.join("z/m.csv"), "step\n1\n");
        // Beyond PATH_MAX as an absolute path, made from inside.
        let script = "for i in $(seq 17); do n=$(printf 'd%.0s' $(seq 250)); mkdir $n && cd $n || exit 1; done";
        assert!(std::process::Command::new("bash").args(["-c", script]).current_dir(p).status().unwrap().success());
    });
    rig.wait_values("z/m.csv", &[1.0]);
    let problems = rig.engine.project_stats(PROJECT).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].kind, ProblemKind::Unreadable);
    assert!(deep.to_string_lossy().starts_with(&problems[0].path));
    assert!(rig.told.iter().any(|e| matches!(e, WatchEvent::Problem { .. })));
}

#[test]
fn a_folder_that_is_not_there_is_waited_for() {
    let dir = temp();
    let mut rig = Rig::on(Rig::options(), Memory::default(), dir);
    let stats = rig.engine.project_stats(PROJECT).unwrap();
    assert_eq!(stats.mode, Mode::None);
    assert!(stats.why.unwrap().contains("not there"));
    put(&rig.path("m.csv"), "step\n1\n");
    rig.wait_values("m.csv", &[1.0]);
    rig.see("mode", |e| matches!(e, WatchEvent::Mode { mode: Mode::Notify, why: None, .. }));
}

#[test]
fn twenty_thousand_files_are_not_asked_for_more_than_their_names() {
    let rig = Rig::new(|p| {
        for d in 0..100 {
            let dir = p.join(format!("class_{d}"));
            fs::create_dir(&dir).unwrap();
            for f in 0..200 {
                fs::File::create(dir.join(format!("{f}.png"))).unwrap();
            }
        }
        put(&p.join("class_7/m.csv"), "step\n1\n");
    });
    let counts = rig.engine.project_stats(PROJECT).unwrap().counts;
    assert_eq!((counts.dirs, counts.files, counts.sources), (101, 20_001, 1));
    assert_eq!(counts.peeked_bytes, 0);
    assert!(rig.told.iter().filter(|e| matches!(e, WatchEvent::Problem { .. })).count() == 0);
}
