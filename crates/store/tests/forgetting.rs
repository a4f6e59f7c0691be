//! A project is forgotten: all of it, nothing of another, in short steps, whatever is killed and whoever has it open.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use signalbox_store::{Annotation, Forgetting, Store, StoreError};
use signalbox_types::{
    Batch, Cursor, DatasetRef, Format, MediaItem, MediaKind, ModelRef, ParamValue, Point, Points, Problem, ProblemKind,
    ProjectId, PurgeMark, RunDelta, RunId, SeriesDelta, SourceId,
};

const STEP: Duration = Duration::from_millis(1);

struct Filled {
    project: ProjectId,
    sources: Vec<SourceId>,
    runs: Vec<RunId>,
}

/// Something in every table, of a project at `path` with `n` sources of two runs each.
fn fill(store: &mut Store, path: &str, n: u32, n_points: i64) -> Filled {
    let project = store.add_project(Path::new(path), 1.0).unwrap();
    let (mut sources, mut runs) = (Vec::new(), Vec::new());
    for i in 0..n {
        let source = store.add_source(project, Format::MlflowSqlite, Path::new(&format!("s{i}")), 1.0).unwrap();
        let (_, generation) = store.cursor(source).unwrap();
        let batch = Batch {
            runs: ["a", "b"].map(|key| run(key, n_points)).into(),
            problems: vec![Problem {
                path: "s".into(),
                offset: Some(3),
                kind: ProblemKind::DamagedRecord,
                message: "not whole".into(),
            }],
            models: Some(vec![model()]),
            ..Batch::default()
        };
        let done = store.commit(source, generation, &[batch], &Cursor("1".into()), 2.0).unwrap();
        for run in &done.runs {
            store.annotate(*run, &Annotation { note: "mine".into(), ..Annotation::default() }).unwrap();
        }
        // What the code was: both runs share a document, and all projects the first.
        let digest = if i == 0 { "shared".to_owned() } else { format!("{path} {i}") };
        store.set_code(&done.runs, 2.0, &digest, "{}").unwrap();
        sources.push(source);
        runs.extend(done.runs);
    }
    Filled { project, sources, runs }
}

fn run(key: &str, n_points: i64) -> RunDelta {
    let points = |n: i64, k: i64| -> Points {
        (0..n).map(|i| Point { step: i, time: i as f64, value: (i * 7919 * k % 104_729) as f64 / 3.0 }).collect()
    };
    let series = |metric: &str, part: &str, points| SeriesDelta {
        metric: metric.into(),
        part: part.into(),
        points,
        ..SeriesDelta::default()
    };
    RunDelta {
        key: key.into(),
        params: vec![("lr".into(), ParamValue::Number(0.1))],
        tags: vec![("team".into(), "cv".into())],
        media: vec![item("words", 0), item("words", 1), item("pictures", 0)],
        datasets: vec![DatasetRef {
            name: "iris".into(),
            digest: "d".into(),
            context: "training".into(),
            source: "{}".into(),
            schema: String::new(),
        }],
        purges: vec![PurgeMark { part: "p1".into(), step: 3 }],
        series: vec![
            series("loss", "p0", points(n_points, 1)),
            series("loss", "p1", points(n_points, 2)),
            series("acc", "p1", points(n_points, 3)),
            // So few that they wait in a tail.
            series("short", "p1", points(10, 4)),
        ],
        ..RunDelta::default()
    }
}

fn item(tag: &str, step: i64) -> MediaItem {
    MediaItem {
        kind: MediaKind::Text,
        tag: tag.into(),
        step,
        time: 0.0,
        index: 0,
        part: "p0".into(),
        offset: 7,
        path: String::new(),
        caption: String::new(),
    }
}

fn model() -> ModelRef {
    ModelRef {
        name: "m".into(),
        version: "1".into(),
        run: "a".into(),
        stage: String::new(),
        aliases: vec![],
        source: "s".into(),
        status: "READY".into(),
        created_unix_ms: 5,
    }
}

type Dump = BTreeMap<String, Vec<Vec<Value>>>;

/// Every row of every table.
fn dump(path: &Path) -> Dump {
    let db = rusqlite::Connection::open(path).unwrap();
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap()
        .query_map((), |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let rows_of = |table: &String| {
        let mut select = db.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let n = select.column_count();
        let mut rows: Vec<Vec<Value>> = select
            .query_map((), |row| (0..n).map(|i| row.get(i)).collect::<Result<_, _>>())
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        rows.sort_by_key(|row| format!("{row:?}"));
        rows
    };
    tables.iter().map(|table| (table.clone(), rows_of(table))).collect()
}

/// A row of a run's in each table that [`fill`] knows nothing about: one that is new.
fn fill_the_rest(path: &Path, filled: &Filled, tables: &[String]) {
    let db = rusqlite::Connection::open(path).unwrap();
    for table in tables {
        let columns: Vec<(String, String, bool)> = db
            .prepare("SELECT name, upper(type), pk > 0 FROM pragma_table_info(?)")
            .unwrap()
            .query_map((table,), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let n_key = columns.iter().filter(|(_, _, in_key)| *in_key).count();
        let value = |(name, kind, in_key): &(String, String, bool)| match (name.as_str(), kind.as_str()) {
            ("run", "INTEGER") => filled.runs[0].0.to_string(),
            ("source", "INTEGER") => filled.sources[0].0.to_string(),
            ("project", "INTEGER") => filled.project.0.to_string(),
            (_, "INTEGER") if *in_key && n_key == 1 => "NULL".into(),
            (_, "TEXT") => "'x'".into(),
            (_, "BLOB") => "x'00'".into(),
            _ => "1".into(),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        db.execute(&format!("INSERT INTO \"{table}\" VALUES({})", values.join(", ")), ())
            .unwrap_or_else(|e| panic!("{table}: {e}: this test has to put something there"));
    }
}

/// Without what only counts up.
fn compared(mut dump: Dump) -> Dump {
    for table in ["sqlite_sequence", "counter"] {
        dump.remove(table);
    }
    dump
}

fn directory() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    (directory, path)
}

#[test]
fn every_table_is_emptied_and_nothing_of_another_project_is_touched() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let other = fill(&mut store, "/other", 3, 9000);
    store.set_pref("theme", "1").unwrap();
    let empty = |(table, rows): (String, Vec<_>)| rows.is_empty().then_some(table);
    let rest: Vec<String> = compared(dump(&path)).into_iter().filter_map(empty).collect();
    fill_the_rest(&path, &other, &rest);
    let before = compared(dump(&path));
    // What nobody has written anything to says nothing about whether it would be emptied.
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table}: this test puts nothing there");
    }
    let mine = fill(&mut store, "/mine", 3, 9000);
    fill_the_rest(&path, &mine, &rest);
    for key in ["view:1", "one-training:/mine", "data.alert:/mine\nm"] {
        store.set_pref(key, "1").unwrap();
    }
    let with_both = compared(dump(&path));
    for (table, rows) in &before {
        assert!(with_both[table].len() > rows.len(), "{table}: nothing of the second project is there");
    }
    let what = Forgetting {
        name: "mine".into(),
        n_runs: 6,
        keys: vec!["view:1".into(), "one-training:/mine".into()],
        beginnings: vec!["data.alert:/mine\n".into(), String::new()],
        ..Forgetting::default()
    };
    store.begin_forgetting(mine.project, &what).unwrap();
    assert_eq!(store.being_forgotten().unwrap(), [(what, 6)]);
    let mut n_runs = 0;
    while let Some(done) = store.forget_some(STEP).unwrap() {
        n_runs += done.n_runs;
    }
    assert_eq!(n_runs, 6);
    assert_eq!(store.being_forgotten().unwrap(), []);
    let after = compared(dump(&path));
    for (table, rows) in &before {
        assert!(after[table] == *rows, "{table}: {:?}\n{rows:?}", after[table]);
    }
    assert_eq!(after.len(), before.len());
    let reader = store.reader().unwrap();
    assert_eq!(reader.load_runs(other.project).unwrap().len(), 6);
}

#[test]
fn nobody_sees_half_of_it() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let mine = fill(&mut store, "/mine", 2, 5000);
    let mut elsewhere = Store::open(&path).unwrap();
    let (_, generation) = elsewhere.cursor(mine.sources[0]).unwrap();
    store.begin_forgetting(mine.project, &Forgetting::default()).unwrap();
    let reader = elsewhere.reader().unwrap();
    loop {
        assert!(reader.projects().unwrap().is_empty());
        assert!(reader.load_runs(mine.project).unwrap().is_empty());
        assert!(reader.runs(&mine.runs).unwrap().is_empty());
        // Another instance that has it open gets nothing in any more.
        let late = elsewhere.commit(mine.sources[0], generation, &[Batch::default()], &Cursor::default(), 3.0);
        assert!(matches!(late, Err(StoreError::UnknownSource(_))), "{late:?}");
        let late = elsewhere.add_source(mine.project, Format::Csv, Path::new("new"), 3.0);
        assert!(matches!(late, Err(StoreError::UnknownProject(p)) if p == mine.project), "{late:?}");
        assert!(matches!(elsewhere.cursor(mine.sources[1]), Err(StoreError::UnknownSource(_))));
        let late = elsewhere.annotate(mine.runs[0], &Annotation::default());
        assert!(matches!(late, Err(StoreError::UnknownRun(_))), "{late:?}");
        if store.forget_some(Duration::ZERO).unwrap().is_none() {
            break;
        }
    }
    let again = store.begin_forgetting(mine.project, &Forgetting::default());
    assert!(matches!(again, Err(StoreError::UnknownProject(_))));
    // The same folder is another project.
    assert_ne!(store.add_project(Path::new("/mine"), 9.0).unwrap(), mine.project);
}

#[test]
fn two_that_forget_at_once_come_to_one_end() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let other = fill(&mut store, "/other", 2, 3000);
    let before = compared(dump(&path));
    let mine = fill(&mut store, "/mine", 20, 3000);
    store.begin_forgetting(mine.project, &Forgetting::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut store = Store::open(&path).unwrap();
                while store.forget_some(STEP).unwrap().is_some() {}
            });
        }
        // Meanwhile the other project is written to as ever.
        let (_, generation) = store.cursor(other.sources[0]).unwrap();
        store.commit(other.sources[0], generation, &[Batch::default()], &Cursor("1".into()), 2.0).unwrap();
    });
    let mut expected = before;
    let mut after = compared(dump(&path));
    // But for the generation of the commit just now.
    for dump in [&mut expected, &mut after] {
        dump.remove("source");
    }
    for key in ["pref", "run", "chunk", "tail", "node", "series", "param", "annotation", "metric"] {
        assert!(after.get(key) == expected.get(key), "{key}");
    }
}

#[test]
fn what_a_program_of_before_adds_to_it_goes_too() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let before = compared(dump(&path));
    let mine = fill(&mut store, "/mine", 1, 100);
    store.begin_forgetting(mine.project, &Forgetting::default()).unwrap();
    while store.forget_some(STEP).unwrap().is_some() {}
    // It does not ask whether the project is there.
    let old = rusqlite::Connection::open(&path).unwrap();
    let id = mine.project.0;
    old.execute_batch(&format!(
        "INSERT INTO source(project, format, rel, added) VALUES({id}, 'csv', x'61', 1);
         INSERT INTO run(source, key, first_seen, last_change) VALUES(last_insert_rowid(), 'k', 1, 1);
         INSERT INTO param VALUES(last_insert_rowid(), 'lr', 0.1);
         INSERT INTO metric(project, name) VALUES({id}, 'loss');"
    ))
    .unwrap();
    drop(store);
    let mut store = Store::open(&path).unwrap();
    while store.forget_some(STEP).unwrap().is_some() {}
    assert!(compared(dump(&path)) == before);
}

#[test]
fn a_mark_on_a_project_that_is_there_means_nothing() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let mine = fill(&mut store, "/mine", 1, 100);
    store.set_pref(&format!("forgetting:{}", mine.project.0), "{}").unwrap();
    store.set_pref("forgetting:everything", "{}").unwrap();
    assert_eq!(store.forget_some(STEP).unwrap(), None);
    assert_eq!(store.reader().unwrap().load_runs(mine.project).unwrap().len(), 2);
}

#[test]
fn gone_runs_go_and_come_back_whole_with_their_file() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let mut elsewhere = Store::open(&path).unwrap();
    let mine = fill(&mut store, "/mine", 3, 5000);
    let other = fill(&mut store, "/other", 1, 100);
    store.remove_source(mine.sources[0], 5.0).unwrap();
    store.remove_source(other.sources[0], 5.0).unwrap();
    // Of another source one run is gone.
    let (_, generation) = store.cursor(mine.sources[1]).unwrap();
    let gone = Batch { gone: vec!["b".into()], ..Batch::default() };
    store.commit(mine.sources[1], generation, &[gone], &Cursor("2".into()), 6.0).unwrap();
    // The other instance remembers the source whose run goes.
    let more = |store: &mut Store, source| {
        let (_, generation) = store.cursor(source).unwrap();
        let batch = Batch { runs: vec![run("a", 10)], ..Batch::default() };
        store.commit(source, generation, &[batch], &Cursor("3".into()), 7.0).unwrap()
    };
    more(&mut elsewhere, mine.sources[1]);
    let reader = store.reader().unwrap();
    let keys = |project| -> Vec<(SourceId, String, bool)> {
        reader.load_runs(project).unwrap().into_iter().map(|r| (r.source, r.key, r.annotation.is_some())).collect()
    };
    assert_eq!(store.begin_forgetting_gone(mine.project, "mine", 8.0).unwrap(), 3);
    let left = [(mine.sources[1], "a", true), (mine.sources[2], "a", true), (mine.sources[2], "b", true)];
    let left: Vec<_> = left.map(|(source, key, own)| (source, key.to_owned(), own)).into();
    assert_eq!(keys(mine.project), left);
    assert_eq!(keys(other.project).len(), 2, "another project's gone runs stay");
    let mut n_runs = 0;
    while let Some(done) = store.forget_some(STEP).unwrap() {
        n_runs += done.n_runs;
    }
    assert_eq!(n_runs, 3);
    assert_eq!(store.begin_forgetting_gone(mine.project, "mine", 8.0).unwrap(), 0);
    assert_eq!(reader.models(mine.project).unwrap().len(), 2);
    // What lives goes on, also for who remembered.
    more(&mut elsewhere, mine.sources[1]);
    assert_eq!(keys(mine.project), left);
    // The file is back: read from its beginning, and each point is there once.
    store.revive_source(mine.sources[0]).unwrap();
    let (cursor, generation) = elsewhere.cursor(mine.sources[0]).unwrap();
    assert_eq!(cursor, Cursor::default());
    let batch = Batch { runs: vec![run("a", 5000)], ..Batch::default() };
    elsewhere.commit(mine.sources[0], generation, &[batch], &Cursor("1".into()), 9.0).unwrap();
    let back = reader.load_runs(mine.project).unwrap().into_iter().find(|r| r.source == mine.sources[0]).unwrap();
    assert_eq!(back.metrics.iter().map(|m| m.n).collect::<Vec<_>>(), [10_000, 5000, 10]);
    assert!(back.annotation.is_none());
    assert!(matches!(store.begin_forgetting_gone(ProjectId(999), "", 1.0), Err(StoreError::UnknownProject(_))));
}

#[test]
fn what_takes_room_is_counted_for_each_alone() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let mine = fill(&mut store, "/mine", 2, 9000);
    let other = fill(&mut store, "/other", 1, 50);
    store.remove_source(mine.sources[0], 5.0).unwrap();
    let reader = store.reader().unwrap();
    let mut told = Vec::new();
    let mut tell = |done, of| {
        told.push((done, of));
        std::ops::ControlFlow::Continue(())
    };
    let room = reader.project_room(mine.project, &mut tell).unwrap().unwrap();
    assert_eq!(told, [(0, 4), (4, 4)]);
    assert_eq!((room.n_runs, room.n_points, room.n_problems), (4, 4 * 27_010, 2));
    assert_eq!((room.n_gone_runs, room.n_gone_points), (2, 2 * 27_010));
    // By SQLite's own sums, over all projects.
    let both =
        [&room, &reader.project_room(other.project, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap().unwrap()];
    let db = rusqlite::Connection::open(&path).unwrap();
    for (table, column) in [("chunk", "data"), ("tail", "data"), ("node", "data"), ("series", "summary")] {
        let sql = format!("SELECT sum(length({column})) FROM {table}");
        let all = db.query_row(&sql, (), |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
        let found: u64 = both.iter().map(|room| room.tables.get(table).copied().unwrap_or(0)).sum();
        // Of a tail the number of its series counts as it is written.
        let slack = if table == "tail" { 8 * 12 } else { 0 };
        assert!(all > 0 && (all..=all + slack).contains(&found), "{table}: {found} of {all}");
    }
    assert!(room.tables["annotation"] > 0 && room.tables["param"] > 0 && room.tables["problem"] > 0);
    assert_eq!(room.runs.iter().map(|run| run.taken.n_points).sum::<u64>(), room.n_points);
    assert!(room.runs.windows(2).all(|pair| pair[0].taken.bytes >= pair[1].taken.bytes));
    let gone: Vec<SourceId> = room.runs.iter().filter(|run| run.is_gone).map(|run| run.source).collect();
    assert_eq!(gone, [mine.sources[0]; 2]);
    assert_eq!(room.metrics.len(), 3);
    let file = reader.file_room().unwrap();
    assert!(room.tables.values().sum::<u64>() < file.file && file.in_steps);
    let stamp = reader.room_stamp(mine.project).unwrap();
    assert_eq!(stamp, reader.room_stamp(mine.project).unwrap());
    let (_, generation) = store.cursor(mine.sources[1]).unwrap();
    store.commit(mine.sources[1], generation, &[Batch::default()], &Cursor("2".into()), 9.0).unwrap();
    assert_ne!(stamp, reader.room_stamp(mine.project).unwrap());
    let stopped = reader.project_room(mine.project, &mut |_, _| std::ops::ControlFlow::Break(())).unwrap();
    assert_eq!(stopped, None);
}

const CHILD: &str = "SIGNALBOX_TEST_FORGETTING";

/// The other process of the test below.
#[test]
fn child_that_forgets() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut store = Store::open(Path::new(&path)).unwrap();
    while let Some(done) = store.forget_some(Duration::from_micros(200)).unwrap() {
        println!("forgot {}", done.n_rows);
    }
    println!("forgot all");
}

#[test]
fn killed_again_and_again_it_comes_to_its_end() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let other = fill(&mut store, "/other", 2, 9000);
    let before = compared(dump(&path));
    let mine = fill(&mut store, "/mine", 30, 9000);
    store.begin_forgetting(mine.project, &Forgetting { n_runs: 60, ..Forgetting::default() }).unwrap();
    drop(store);
    let mut n_kills = 0;
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        assert!(Instant::now() < end, "not within two minutes");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_forgets", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<String> = lines.by_ref().filter(|l| l.contains("forgot ")).take(3 + n_kills % 5).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = Store::open(&path).unwrap();
        let reader = store.reader().unwrap();
        assert_eq!(reader.projects().unwrap().iter().map(|p| p.id).collect::<Vec<_>>(), [other.project]);
        assert!(reader.load_runs(mine.project).unwrap().is_empty());
        if said.iter().any(|line| line.contains("forgot all")) {
            assert_eq!(store.forget_some(STEP).unwrap(), None);
            break;
        }
        n_kills += 1;
    }
    assert!(n_kills > 2, "killed {n_kills} times only");
    assert!(compared(dump(&path)) == before);
}

#[test]
fn no_step_holds_the_store_for_long() {
    let (_directory, path) = directory();
    let mut store = Store::open(&path).unwrap();
    let mine = fill(&mut store, "/mine", 4, 200_000);
    store.begin_forgetting(mine.project, &Forgetting::default()).unwrap();
    let (mut n, mut rows) = (0, 0);
    // Without time for a second piece each step is one, and no piece is large, however much there is.
    while let Some(done) = store.forget_some(Duration::ZERO).unwrap() {
        assert!(done.n_rows <= 1000, "{} rows in one step", done.n_rows);
        n += 1;
        rows += done.n_rows;
    }
    // 8 runs of 3 metrics and 48 chunks each.
    assert!(rows > 8 * 3 * 48 && n > 8 * 3, "{rows} rows in {n} steps");
}
