//! Free pages go back to the disk, while others have the store open.

use std::path::Path;
use std::time::Duration;

use signalbox_store::{Store, StoreError};
use signalbox_types::{Batch, Cursor, Format, Point, Points, ProjectId, RunDelta, SeriesDelta};

const STEP: Duration = Duration::from_millis(2);

fn fill(store: &mut Store, path: &str, n_points: i64) -> ProjectId {
    let project = store.add_project(Path::new(path), 0.0).unwrap();
    let source = store.add_source(project, Format::Csv, Path::new("a"), 0.0).unwrap();
    let points: Points =
        (0..n_points).map(|i| Point { step: i, time: i as f64, value: (i * 7919 % 104_729) as f64 / 3.0 }).collect();
    let series = vec![SeriesDelta { metric: "m".into(), points, ..SeriesDelta::default() }];
    let batch = Batch { runs: vec![RunDelta { series, ..RunDelta::default() }], ..Batch::default() };
    store.commit(source, 0, &[batch], &Cursor("1".into()), 0.0).unwrap();
    project
}

fn n_points(store: &Store, project: ProjectId) -> usize {
    let reader = store.reader().unwrap();
    let run = &reader.load_runs(project).unwrap()[0];
    reader.points(run.id, run.metrics[0].metric).unwrap().iter().map(|p| p.points.len()).sum()
}

fn check(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    let said: String = db.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
}

#[test]
fn pages_go_back_in_steps_while_another_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let mut store = Store::open(&path).unwrap();
    let kept = fill(&mut store, "/kept", 100_000);
    let gone = fill(&mut store, "/gone", 1_000_000);
    let late = fill(&mut store, "/late", 100_000);
    store.settle_log().unwrap();
    let full = store.bytes_on_disk();
    store.forget_project(gone).unwrap();
    let plan = store.compacting().unwrap();
    assert!(plan.in_steps && plan.free > full / 2, "{plan:?} of {full}");
    let mut other = Store::open(&path).unwrap();
    let (mut n, mut given) = (0, 0);
    loop {
        let bytes = store.compact_some(STEP).unwrap();
        if bytes == 0 {
            break;
        }
        given += bytes;
        n += 1;
        other.set_pref("x", &n.to_string()).unwrap();
        if n == 2 {
            assert_eq!(n_points(&other, late), 100_000);
        }
    }
    assert!(given >= plan.free - 65_536, "{given} of {}", plan.free);
    assert!(store.settle_log().unwrap(), "nobody reads");
    assert!(store.bytes_on_disk() < full / 2, "{} of {full}", store.bytes_on_disk());
    assert_eq!(store.compacting().unwrap().free, 0);
    for project in [kept, late] {
        assert_eq!((n_points(&store, project), n_points(&other, project)), (100_000, 100_000));
    }
    fill(&mut other, "/after", 5000);
    drop((store, other));
    check(&path);
}

/// A store as an earlier version made it.
fn old(path: &Path) {
    let new = path.with_extension("new");
    drop(Store::open(&new).unwrap());
    let db = rusqlite::Connection::open(&new).unwrap();
    let schema: Vec<String> = db
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'")
        .unwrap()
        .query_map((), |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let value = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    let (id, version) = (value("application_id"), value("user_version"));
    let old = rusqlite::Connection::open(path).unwrap();
    old.execute_batch(&format!(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; {}; INSERT INTO counter VALUES('series', 0);
         PRAGMA application_id = {id}; PRAGMA user_version = {version};",
        schema.join(";")
    ))
    .unwrap();
}

#[test]
fn an_older_store_is_written_anew_once_and_gives_back_in_steps_then() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    old(&path);
    let mut store = Store::open(&path).unwrap();
    let gone = fill(&mut store, "/gone", 300_000);
    let kept = fill(&mut store, "/kept", 100_000);
    store.forget_project(gone).unwrap();
    store.settle_log().unwrap();
    let before = store.bytes_on_disk();
    let plan = store.compacting().unwrap();
    assert!(!plan.in_steps && plan.free > 0 && plan.needs_there > 0, "{plan:?}");
    assert_eq!(store.compact_some(STEP).unwrap(), 0, "it has no steps yet");
    let mut other = Store::open(&path).unwrap();
    let reader = other.reader().unwrap();
    Store::open(&path).unwrap().write_anew().unwrap();
    assert!(store.settle_log().unwrap());
    assert!(store.bytes_on_disk() < before / 2, "{} of {before}", store.bytes_on_disk());
    assert!(store.compacting().unwrap().in_steps);
    assert_eq!(reader.projects().unwrap().len(), 1);
    assert_eq!((n_points(&store, kept), n_points(&other, kept)), (100_000, 100_000));
    // Those who had it open write on, and so does what they free.
    let again = fill(&mut other, "/again", 200_000);
    fill(&mut store, "/more", 5000);
    store.forget_project(again).unwrap();
    let mut given = 0;
    while let bytes @ 1.. = other.compact_some(STEP).unwrap() {
        given += bytes;
    }
    assert!(given > 0);
    assert_eq!(n_points(&store, kept), 100_000);
    drop((store, other, reader));
    check(&path);
}

#[test]
fn a_disk_with_too_little_room_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("s.db")).unwrap();
    let project = fill(&mut store, "/p", 100_000);
    store.forget_project(project).unwrap();
    let mut plan = store.compacting().unwrap();
    assert!(plan.allowed(plan.needs_here, None).is_ok());
    let error = plan.allowed(plan.needs_here - 1, None).unwrap_err();
    assert!(matches!(error, StoreError::NoRoom { .. }));
    assert!(error.to_string().contains("68 MB free on the disk that holds the store"), "{error}");
    assert!(error.hint().contains("Free some space"));
    // Written anew it is there twice for a while, on one disk or on two.
    plan.needs_there = 10_000_000;
    assert!(plan.allowed(plan.needs_here, None).is_err());
    assert!(plan.allowed(plan.needs_here + 10_000_000, None).is_ok());
    assert!(plan.allowed(plan.needs_here, Some(10_000_000)).is_ok());
    let error = plan.allowed(plan.needs_here, Some(9_999_999)).unwrap_err();
    assert!(error.to_string().contains("10 MB free in /"), "{error}");
}
