//! Trackio's database: the sample, and what its writer and its dashboard do to it while it is watched.

use std::{fs, path::Path};

use rusqlite::{Connection, params};
use signalbox_formats::{Entry, Listing, open, recognise};
use signalbox_types::{Cursor, Format};

use self::{
    known::{Known, assert_same, json_number, read_whole, samples, spec},
    live_database::LiveDatabase,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

#[allow(dead_code, reason = "shared with the other databases' tests")]
#[path = "readers/live_database.rs"]
mod live_database;

const DB: &str = "trackio/demo.db";
const ONE: &str = "553fcbbec4f24e51ad5cb5c4f33710a3";
const TWO: &str = "8f5c15a8a8e64962900ff0c06642fcf7";

/// expected.json as Python wrote it, its bare words as texts.
fn expected() -> serde_json::Value {
    let text = fs::read_to_string(samples().join("trackio/expected.json")).unwrap();
    let strict = text.replace(": NaN", ": \"NaN\"").replace(": Infinity", ": \"Infinity\"");
    serde_json::from_str(&strict).unwrap()
}

#[test]
fn sample() {
    let known = read_whole(&spec(Format::Trackio, &samples().join("trackio"), DB));
    assert!(known.problems.is_empty(), "{:?}", known.problems);
    assert_eq!(known.runs.keys().collect::<Vec<_>>(), [ONE, TWO]);
    for (name, run) in expected()["runs"].as_object().unwrap() {
        let found = known.run_named(name);
        let logs = run["logs"].as_array().unwrap();
        for (metric, points) in &found.series {
            let said = logs.iter().filter(|log| log.get(metric).is_some());
            let (steps, values): (Vec<i64>, Vec<f64>) =
                said.map(|log| (log["step"].as_i64().unwrap(), json_number(&log[metric]))).unzip();
            assert_eq!((found.steps(metric), points.len()), (steps, values.len()), "{name} {metric}");
            assert_same(&found.values(metric), &values, metric);
        }
    }
    let one = known.run_named("run-one");
    assert_eq!(one.series.keys().collect::<Vec<_>>(), ["acc", "inf", "nan", "train/loss"]);
    // 2026-11-21T08:16:08.048454+00:00
    assert!((one.times("acc")[0] - 1_795_248_968.048_454).abs() < 1e-5);
    assert!((one.started.unwrap() - 1_795_248_968.008_247).abs() < 1e-5);
    assert_eq!((one.status, one.ended, one.experiment.as_str(), one.user.as_str()), (None, None, "demo", ""));
    let params: Vec<_> = one.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(params, [("lr", "number 0.01"), ("model.depth", "number 3")]);
    let two = known.run_named("run-two");
    assert_eq!((two.steps("train/loss"), two.values("train/loss")), (vec![3], vec![5.0]));
    assert_eq!(two.tags["trackio.group"], "g");
}

#[test]
fn recognised_in_a_watched_folder() {
    let entries = [Entry { name: "demo.db".into(), is_dir: false, len: 192_512 }];
    let project = samples().join("trackio");
    let recognised = recognise(&Listing { project: &project, rel: Path::new("trackio"), entries: &entries });
    let found: Vec<_> = recognised.sources.iter().map(|s| (s.format, s.rel.to_str().unwrap())).collect();
    assert_eq!(found, [(Format::Trackio, DB)]);
}

/// In WAL mode, as Trackio has it.
type Store = LiveDatabase;

const TIME: &str = "2026-11-21T10:10:00+00:00";

impl Store {
    fn new() -> Store {
        let store = Store { budget: 1_000, ..Store::of("trackio", Format::Trackio, DB, DB) };
        store.writer.pragma_update(None, "journal_mode", "wal").unwrap();
        store
    }

    fn log(&self, run: &str, name: &str, step: i64, json: &str) {
        let sql = "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.writer.execute(sql, params![run, TIME, name, step, json.as_bytes()]).unwrap();
    }
}

#[test]
fn a_run_that_lives() {
    let mut store = Store::new();
    store.visit();
    let batch = store.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (0, 0), "nothing is said twice");
    store.log("new", "run-three", 0, r#"{"loss": 1, "deep": {"a": {"b": 2.5}, "t": true}, "big": "-Infinity"}"#);
    let batch = store.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (1, 3));
    let run = &store.known.runs["new"];
    assert_eq!((run.name.as_str(), run.started), ("run-three", Some(1_795_255_800.0)));
    assert_eq!(run.values("deep/a/b"), [2.5]);
    store.sql(
        r#"INSERT INTO configs (run_id, run_name, config, created_at) VALUES ('new', 'run-three',
           CAST('{"lr":1,"api_key":"x","l":[1,2],"s":"NaN","_Created":"2026-11-21T10:00:00","_Username":"me"}' AS BLOB), '')"#,
    );
    store.visit();
    let run = &store.known.runs["new"];
    assert_eq!((run.params.len(), run.params["l"].as_str(), run.user.as_str()), (3, "[1,2]", "me"));
    assert_eq!(run.started, Some(1_795_255_800.0), "without a zone a time is none");
    for i in 0..3 {
        store.sql(&format!(
            "INSERT INTO system_metrics (run_id, timestamp, run_name, metrics)
             VALUES ('new', '{TIME}', 'run-three', '{{\"gpu/0/util\": {i}}}')"
        ));
        store.visit();
    }
    assert_eq!(store.known.runs["new"].steps("system/gpu/0/util"), [0, 1, 2]);
    assert_eq!(store.known.gone.len(), 0);
}

#[test]
fn what_the_dashboard_does() {
    let mut store = Store::new();
    store.visit();
    // As rename_run does: the rows are written anew.
    store.sql(&format!(
        "BEGIN;
         CREATE TEMP TABLE t AS SELECT * FROM metrics WHERE run_id = '{ONE}';
         DELETE FROM metrics WHERE run_id = '{ONE}';
         INSERT INTO metrics (run_id, timestamp, run_name, step, metrics)
         SELECT run_id, timestamp, 'renamed', step, metrics FROM t;
         UPDATE configs SET run_name = 'renamed' WHERE run_id = '{ONE}';
         COMMIT;"
    ));
    store.visit();
    assert_eq!(store.known.run_named("renamed").steps("acc").len(), 10);
    // As delete_run does, of the run whose rows are the last.
    store.sql(&format!("DELETE FROM metrics WHERE run_id = '{ONE}'; DELETE FROM configs WHERE run_id = '{ONE}'"));
    let batch = store.visit();
    assert_eq!((batch.runs.len(), store.known.runs.len()), (0, 1), "the other run is not told again");
    store.log(TWO, "run-two", 4, r#"{"train/loss": 1}"#);
    store.log(ONE, "renamed", 11, r#"{"acc": 1}"#);
    store.visit();
    assert_eq!(store.known.runs[ONE].steps("acc"), [11]);
}

#[test]
fn another_database_of_the_same_name() {
    let mut store = Store::new();
    store.visit();
    let other = tempfile::tempdir().unwrap();
    fs::copy(samples().join("trackio").join(DB), other.path().join("new.db")).unwrap();
    let conn = Connection::open(other.path().join("new.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "delete").unwrap();
    conn.execute_batch(
        "UPDATE metrics SET run_id = 'x', run_name = 'x'; DELETE FROM configs; DELETE FROM metrics WHERE id > 5;
         UPDATE sqlite_sequence SET seq = 5",
    )
    .unwrap();
    drop(conn);
    store.writer = Connection::open_in_memory().unwrap();
    fs::rename(other.path().join("new.db"), store.dir.path().join(DB)).unwrap();
    store.visit();
    assert_eq!(store.known.runs.keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(store.known.gone.len(), 2);
    store.cursor = Some(Cursor("no cursor".into()));
    store.visit();
}

#[test]
fn damaged_rows_are_named_and_passed_over() {
    let mut store = Store::new();
    let deep = "[".repeat(100_000);
    store.log(TWO, "run-two", 4, "{\"train/loss\": ");
    store.log(TWO, "run-two", 5, &format!("{{\"x\": {deep}"));
    store.log(TWO, "run-two", 6, &format!("{{\"x\": \"{}\"}}", "y".repeat(2 << 20)));
    store.log("../../x\u{1}", "\u{1b}[31m../x", i64::MIN, "{\"../a\\n\": 1}");
    store.visit();
    let rows: Vec<_> = store.known.problems.iter().map(|p| (p.0.as_str(), p.1.unwrap(), p.2.as_str())).collect();
    assert_eq!(rows, [13, 14, 15].map(|row| (DB, row, "Malformed")));
    assert_eq!(store.known.runs[TWO].steps("train/loss"), [3]);
    let odd = &store.known.runs["../../x\u{1}"];
    assert_eq!(odd.name, "\u{fffd}[31m../x");
    assert_eq!(odd.steps("../a\u{fffd}"), [i64::MIN]);
}

/// As the first versions had it: no run ids, no configs, local times.
#[test]
fn an_old_schema() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("p.db")).unwrap();
    conn.execute_batch(
        "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, project_name TEXT,
                               run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL);
         INSERT INTO metrics VALUES (1, '2025-07-01T10:00:00.5', 'p', 'a', 0, '{\"loss\": NaN}');",
    )
    .unwrap();
    let known = read_whole(&spec(Format::Trackio, dir.path(), "p.db"));
    let run = &known.runs["a"];
    assert_eq!((run.name.as_str(), run.started, run.experiment.as_str()), ("a", None, "p"));
    assert!(run.values("loss")[0].is_nan() && run.times("loss")[0].is_nan());
}

#[test]
fn no_lock_and_no_file_is_left() {
    let store = Store::new();
    let mut reader = open(&store.spec, None);
    let mut known = Known::default();
    known.catch_up(&mut *reader, usize::MAX);
    for step in 20..40 {
        store.sql("BEGIN EXCLUSIVE");
        store.log(TWO, "run-two", step, r#"{"train/loss": 1}"#);
        store.sql("COMMIT");
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(*known.runs[TWO].steps("train/loss").last().unwrap(), step);
    }
    drop(store.writer);
    let names = fs::read_dir(store.dir.path().join("trackio")).unwrap().count();
    assert_eq!(names, 1, "its log is merged and gone when it leaves");
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known, read_whole(&store.spec));
}
