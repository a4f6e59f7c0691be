//! Several instances on one store, and a process that is killed while it writes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use signalbox_store::{SourceCommit, Store, StoreError};
use signalbox_types::{Batch, Cursor, Format, Point, Points, ProjectId, RunDelta, SeriesDelta, SourceId};

fn set_up(path: &Path) -> (Store, ProjectId, SourceId) {
    let mut store = Store::open(path).unwrap();
    let project = store.add_project(Path::new("/p"), 0.0).unwrap();
    let source = store.add_source(project, Format::Jsonl, Path::new("log.jsonl"), 0.0).unwrap();
    (store, project, source)
}

/// Points number `from..to` of a source that never ends.
fn batch(from: i64, to: i64) -> Batch {
    let points = |k: i64| -> Points {
        (from..to).map(|i| Point { step: i, time: i as f64, value: (i * k % 1000) as f64 }).collect()
    };
    let series = (1..4).map(|k| SeriesDelta { metric: format!("m{k}"), points: points(k), ..SeriesDelta::default() });
    Batch { runs: vec![RunDelta { series: series.collect(), ..RunDelta::default() }], ..Batch::default() }
}

/// The reader's place is in the cursor: as many points must be there, each once.
fn check(store: &Store, project: ProjectId, source: SourceId) -> i64 {
    let n: i64 = store.cursor(source).unwrap().0.0.parse().unwrap_or(0);
    let reader = store.reader().unwrap();
    let names = reader.metric_names(project).unwrap();
    for run in reader.load_runs(project).unwrap() {
        for (metric, name) in &names {
            let k: i64 = name[1..].parse().unwrap();
            let parts = reader.points(run.id, *metric).unwrap();
            let points: Vec<(i64, f64)> =
                parts.iter().flat_map(|p| p.points.iter().map(|p| (p.step, p.value))).collect();
            let expected: Vec<(i64, f64)> = (0..n).map(|i| (i, (i * k % 1000) as f64)).collect();
            assert!(points == expected, "{} points of {name} where the cursor says {n}", points.len());
        }
    }
    n
}

fn advance(store: &mut Store, source: SourceId, n: i64) -> Result<i64, StoreError> {
    let (cursor, generation) = store.cursor(source)?;
    let at: i64 = cursor.0.parse().unwrap_or(0);
    store.commit(source, generation, &[batch(at, at + n)], &Cursor((at + n).to_string()), 0.0)?;
    Ok(at + n)
}

#[test]
fn two_instances_on_one_source_conflict_and_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let (mut a, project, source) = set_up(&path);
    let mut b = Store::open(&path).unwrap();
    let n_points = |store: &Store| check(store, project, source);
    // Both have read the same place.
    let (_, generation) = b.cursor(source).unwrap();
    assert_eq!(advance(&mut a, source, 10).unwrap(), 10);
    let late = b.commit(source, generation, &[batch(0, 5)], &Cursor("5".into()), 0.0);
    assert!(matches!(late, Err(StoreError::Conflict { source_id }) if source_id == source));
    assert_eq!(n_points(&a), 10);
    // In turns, each finding the other's points, tails and whole chunks.
    for (i, n) in [3000, 50, 2000, 1, 5000, 130, 100].into_iter().enumerate() {
        advance(if i % 2 == 0 { &mut b } else { &mut a }, source, n).unwrap();
        n_points(&b);
    }
}

#[test]
fn one_conflict_does_not_hold_up_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, project, first) = set_up(&directory.path().join("s.db"));
    let second = store.add_source(project, Format::Csv, Path::new("b.csv"), 0.0).unwrap();
    let (batches, cursor) = ([batch(0, 3)], Cursor("3".into()));
    let commit =
        |source, expected_generation| SourceCommit { source, expected_generation, batches: &batches, cursor: &cursor };
    let done = store.commit_many(&[commit(first, 5), commit(second, 0), commit(SourceId(77), 0)], 1.0).unwrap();
    assert!(matches!(done[0], Err(StoreError::Conflict { .. })));
    assert_eq!(done[1].as_ref().unwrap().n_points, 9);
    assert!(matches!(done[2], Err(StoreError::UnknownSource(_))));
    assert_eq!(store.cursor(first).unwrap().1, 0);
    assert_eq!(store.cursor(second).unwrap().1, 1);
}

#[test]
fn many_threads_with_stores_of_their_own_get_all_points_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let (store, project, source) = set_up(&path);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut store = Store::open(&path).unwrap();
                for _ in 0..25 {
                    while let Err(error) = advance(&mut store, source, 40) {
                        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
                    }
                }
            });
        }
    });
    assert_eq!(check(&store, project, source), 4 * 25 * 40);
}

const CHILD: &str = "SIGNALBOX_TEST_STORE";

/// The other process of the test below: commits until it is killed.
#[test]
fn child_that_never_stops() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let (mut store, _, source) = set_up(Path::new(&path));
    for n in [100, 1, 3000, 17, 700].into_iter().cycle() {
        advance(&mut store, source, n).unwrap();
        println!("committed");
    }
}

#[test]
fn killed_twenty_times_every_point_is_there_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let mut before = 0;
    let mut moment = 7u64;
    for _ in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_never_stops", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Some commits, and then a moment that is no commit's end.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        moment = moment.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let n_commits = 1 + (moment >> 33) as usize % 12;
        let said = lines.by_ref().map_while(Result::ok);
        let seen = said.filter(|l| l.contains("committed")).take(n_commits).count();
        assert_eq!(seen, n_commits);
        std::thread::sleep(Duration::from_micros(moment >> 20 & 0x3fff));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it stopped by itself");
        drop(lines);
        let (store, project, source) = set_up(&path);
        let n = check(&store, project, source);
        assert!(n > before, "{n} points after {before}");
        before = n;
    }
}
