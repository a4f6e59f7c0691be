//! A folder of event files over time: several writers, files that go, come back and are replaced.

use std::fs;
use std::path::Path;

use signalbox_formats::EventDirectory;
use signalbox_formats::{Progress, Reader};
use signalbox_testkit::tfevents as write;
use signalbox_types::{Batch, Cursor, ProblemKind};

use crate::told::{Told, read_on, read_whole, spec};

const A: &str = "events.out.tfevents.1.vm.77.0";
const B: &str = "events.out.tfevents.2.vm.78.0.v2";

fn scalars(tag: &str, steps: std::ops::Range<i64>) -> Vec<u8> {
    steps.flat_map(|step| write::record(&write::scalar(100.0 + step as f64, step, tag, step as f32))).collect()
}

fn steps(told: &Told, tag: &str) -> Vec<i64> {
    told.line(tag).iter().map(|p| p.0).collect()
}

fn put(project: &Path, name: &str, bytes: &[u8]) {
    fs::write(project.join(name), bytes).unwrap();
}

#[test]
fn every_file_is_tailed_not_only_the_newest() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    let mut told = Told::default();
    put(project.path(), A, &scalars("a", 0..2));
    put(project.path(), B, &scalars("a", 5..6));
    let cursor = read_on(&spec, &Cursor::default(), &mut told);
    put(project.path(), A, &scalars("a", 0..4));
    put(project.path(), B, &scalars("a", 5..8));
    read_on(&spec, &cursor, &mut told);
    assert_eq!(steps(&told, "a"), [0, 1, 2, 3, 5, 6, 7]);
    assert_eq!((told.pid, told.started), (Some(78), Some(100.0)));
    assert_eq!(told, read_whole(&spec));
}

#[test]
fn nothing_new_costs_no_byte_and_says_nothing() {
    let project = tempfile::tempdir().unwrap();
    put(project.path(), A, &scalars("a", 0..100));
    let mut reader = EventDirectory::open(&spec(project.path(), ""), None, "elsewhere");
    let mut batch = Batch::default();
    assert_eq!(reader.read(1 << 20, &mut batch), Progress::CaughtUp);
    assert_eq!(batch.runs[0].head.pid, None);
    let cursor = reader.cursor();
    for _ in 0..2 {
        let mut batch = Batch::default();
        assert_eq!(reader.read(1 << 20, &mut batch), Progress::CaughtUp);
        assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0));
        reader = EventDirectory::open(&spec(project.path(), ""), Some(&cursor), "elsewhere");
    }
    assert_eq!(reader.cursor(), cursor);
    assert_eq!(reader.watch_paths(), [project.path()]);
}

#[test]
fn a_budget_is_kept_to_and_loses_nothing() {
    let project = tempfile::tempdir().unwrap();
    put(project.path(), A, &scalars("a", 0..200));
    put(project.path(), B, &scalars("b", 0..200));
    let spec = spec(project.path(), "");
    let mut reader = EventDirectory::open(&spec, None, "vm");
    let mut told = Told::default();
    let mut n_reads = 0;
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(1000, &mut batch);
        assert!(batch.bytes_read <= 1100, "{}", batch.bytes_read);
        told.apply(batch);
        n_reads += 1;
        if progress == Progress::CaughtUp {
            break;
        }
    }
    assert!(n_reads > 10);
    assert_eq!(told, read_whole(&spec));
}

#[test]
fn a_deleted_file_keeps_its_points() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    put(project.path(), A, &scalars("a", 0..3));
    let mut told = Told::default();
    let cursor = read_on(&spec, &Cursor::default(), &mut told);
    fs::remove_file(project.path().join(A)).unwrap();
    put(project.path(), B, &scalars("a", 3..5));
    read_on(&spec, &cursor, &mut told);
    assert_eq!(steps(&told, "a"), [0, 1, 2, 3, 4]);
    assert_eq!(told.problems.len(), 0);
}

#[test]
fn the_only_file_replaced_is_a_new_run() {
    for (old, new) in [(0..9, 20..22), (0..3, 20..29)] {
        let project = tempfile::tempdir().unwrap();
        let spec = spec(project.path(), "");
        put(project.path(), A, &[scalars("old", old), vec![0; 20]].concat());
        let mut told = Told::default();
        let cursor = read_on(&spec, &Cursor::default(), &mut told);
        assert_eq!(told.problems.len(), 1);
        let restart = write::record(&write::session_log(200.0, 20, 1));
        put(project.path(), A, &[scalars("new", new.clone()), restart, scalars("new", new)].concat());
        read_on(&spec, &cursor, &mut told);
        assert_eq!((told.started, told.problems.len()), (Some(120.0), 0));
        assert_eq!(told.lasting(), read_whole(&spec).lasting());
    }
}

#[test]
fn one_of_several_files_replaced_leaves_the_others() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    put(project.path(), A, &[scalars("a", 0..3), scalars("gone", 0..3)].concat());
    put(project.path(), B, &scalars("a", 3..5));
    let mut told = Told::default();
    let cursor = read_on(&spec, &Cursor::default(), &mut told);
    put(project.path(), A, &scalars("a", 7..8));
    read_on(&spec, &cursor, &mut told);
    assert_eq!(steps(&told, "a"), [7, 3, 4]);
    assert_eq!(steps(&told, "gone"), [0; 0]);
}

#[test]
fn a_copy_under_the_same_name_is_the_same_file() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    put(project.path(), A, &scalars("a", 0..300));
    let mut told = Told::default();
    let cursor = read_on(&spec, &Cursor::default(), &mut told);
    // As rsync does: another file, moved over the old one.
    put(project.path(), "copy", &scalars("a", 0..301));
    fs::rename(project.path().join("copy"), project.path().join(A)).unwrap();
    read_on(&spec, &cursor, &mut told);
    assert_eq!(told.n_points, 301);
    assert_eq!(told, read_whole(&spec));
}

#[test]
fn a_cursor_that_is_not_understood_means_anew() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    put(project.path(), A, &scalars("a", 0..3));
    let mut told = Told::default();
    let good = read_on(&spec, &Cursor::default(), &mut told);
    let newer = good.0.replace("\"v\":2", "\"v\":3");
    let dangling = good.0.replace("\"tags\":[0]", "\"tags\":[9]");
    assert!(newer != good.0 && dangling != good.0, "{}", good.0);
    for cursor in [newer, dangling, "no cursor".to_string()] {
        read_on(&spec, &Cursor(cursor), &mut told);
        assert_eq!(steps(&told, "a"), [0, 1, 2]);
    }
}

#[test]
fn what_only_looks_like_an_event_file_is_left_alone() {
    let project = tempfile::tempdir().unwrap();
    fs::create_dir(project.path().join("my.tfevents")).unwrap();
    put(project.path(), "events.out.tfevents.1.vm.profile-empty", b"not an event");
    put(project.path(), "notes.txt", b"not an event either");
    let told = read_whole(&spec(project.path(), ""));
    assert_eq!(told, Told { n_runs: 1, ..Told::default() });
    let told = read_whole(&spec(project.path(), "not there"));
    assert_eq!(told, Told::default());
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_opened_is_told_of_until_it_can() {
    let project = tempfile::tempdir().unwrap();
    let spec = spec(project.path(), "");
    let path = project.path().join(A);
    std::os::unix::fs::symlink(A, &path).unwrap(); // a loop: even root cannot open it
    let mut told = Told::default();
    let mut cursor = Cursor::default();
    for _ in 0..2 {
        cursor = read_on(&spec, &cursor, &mut told);
        assert_eq!(told.trouble(), [(None, ProblemKind::Unreadable)]);
    }
    fs::remove_file(&path).unwrap();
    put(project.path(), A, &scalars("a", 0..3));
    read_on(&spec, &cursor, &mut told);
    assert_eq!(told, read_whole(&spec));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    let project = tempfile::tempdir().unwrap();
    for (last, from) in [(0xff, 0), (0xfe, 10)] {
        let name = [&b"tfevents."[..], &[last]].concat();
        fs::write(project.path().join(std::ffi::OsStr::from_bytes(&name)), scalars("a", from..from + 2)).unwrap();
    }
    let told = read_whole(&spec(project.path(), ""));
    assert_eq!(steps(&told, "a"), [10, 11, 0, 1]);
}
