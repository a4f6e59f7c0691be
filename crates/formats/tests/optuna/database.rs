//! Databases that Optuna writes meanwhile: what is told, when, and that nobody waits for us.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use signalbox_formats::open;
use signalbox_types::{Batch, Cursor, Format, Status};

use crate::{
    known::{Known, assert_same, read_whole, spec},
    live_database::{LiveDatabase, damaged},
    sample::check,
};

type Store = LiveDatabase;

const START: &str = "2026-11-21 09:00:00.000000";
const END: &str = "2026-11-21 10:00:00.000000";

impl Store {
    fn new() -> Store {
        Store::of("optuna", Format::OptunaSqlite, "study.db", "study.db")
    }

    fn add_trial(&self, id: i64, study: i64, number: i64, state: &str) {
        let sql = "INSERT INTO trials VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        self.writer.execute(sql, rusqlite::params![id, number, study, state, START]).unwrap();
    }

    fn report(&self, trial: i64, step: i64, value: f64) {
        let sql = "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) \
                   VALUES (?1, ?2, ?3, 'FINITE')";
        self.writer.execute(sql, rusqlite::params![trial, step, value]).unwrap();
    }

    fn complete(&self, trial: i64, value: f64) {
        self.sql(&format!(
            "BEGIN;
             INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES ({trial}, 0, {value}, 'FINITE');
             UPDATE trials SET state = 'COMPLETE', datetime_complete = '{END}' WHERE trial_id = {trial};
             COMMIT;"
        ));
    }

    fn delete_study(&self, id: i64) {
        for table in ["params", "values", "intermediate_values", "user_attributes", "system_attributes"] {
            let trials = format!("SELECT trial_id FROM trials WHERE study_id = {id}");
            self.sql(&format!("DELETE FROM trial_{table} WHERE trial_id IN ({trials})"));
        }
        self.sql(&format!(
            "DELETE FROM trials WHERE study_id = {id}; DELETE FROM study_directions WHERE study_id = {id};
             DELETE FROM study_user_attributes WHERE study_id = {id}; DELETE FROM studies WHERE study_id = {id}"
        ));
    }
}

#[test]
fn a_study_that_lives() {
    let mut store = Store::new();
    store.visit();
    check(&store.known, "study.db", 1);
    let batch = store.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (0, 0), "nothing is said twice");

    store.add_trial(11, 1, 8, "RUNNING");
    let batch = store.visit();
    assert_eq!(batch.runs.len(), 2, "the trial, and its study's counts");
    store.report(11, 0, 0.5);
    store.report(11, 1, 0.25);
    let batch = store.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (1, 2));
    store.sql("INSERT INTO trial_user_attributes VALUES (NULL, 11, 'note', '\"a\"')");
    store.visit();
    store.sql("UPDATE trial_user_attributes SET value_json = '\"b\"' WHERE trial_id = 11");
    let batch = store.visit();
    assert_eq!(store.known.runs["trial:11"].tags["note"], "b", "changed in place");
    assert_eq!(batch.runs.len(), 1);
    store.complete(11, 0.125);
    store.visit();
    let run = &store.known.runs["trial:11"];
    assert_eq!((run.status, run.steps("value")), (Some(Status::Finished), vec![8]));
    assert_eq!(run.times("value"), [1_795_255_200.0]);
    assert_eq!((run.started, run.ended), (Some(1_795_251_600.0), Some(Some(1_795_255_200.0))));
    assert_eq!(store.known.runs["study:1"].tags["optuna.trials.COMPLETE"], "5");
    // One that waited begins and ends between two looks.
    let sql = format!("UPDATE trials SET state = 'RUNNING', datetime_start = '{START}' WHERE trial_id = 8");
    store.sql(&sql);
    store.complete(8, 2.0);
    store.visit();
    assert_eq!(store.known.runs["study:1"].tags["optuna.trials.WAITING"], "0");
    store.sql("INSERT INTO studies VALUES (3, 'new'); INSERT INTO study_user_attributes VALUES (NULL, 3, 'k', '1')");
    store.add_trial(12, 3, 0, "FAIL");
    store.visit();
    assert_eq!(store.known.runs["trial:12"].name, "new/trial 0");
    assert_eq!(store.known.gone.len(), 0);
}

#[test]
fn values_of_every_kind() {
    let mut store = Store::new();
    store.add_trial(11, 1, 8, "RUNNING");
    store.sql(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES
         (11, 0, NULL, 'NAN'), (11, 1, NULL, 'INF_POS'), (11, 2, NULL, 'INF_NEG'), (11, 3, 1, 'FINITE');
         INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES
         (11, 'bad', 7, '{'), (11, 'choice', 9, '{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [1]}}'),
         (11, 'password', 1, '{\"name\": \"FloatDistribution\"}'), (11, '../x' || char(10), 1, '{\"name\": \"FloatDistribution\"}');
         INSERT INTO trial_user_attributes VALUES (NULL, 11, 'api_key', '\"x\"'), (NULL, 11, 'bad', '{')",
    );
    store.visit();
    let run = &store.known.runs["trial:11"];
    let expected = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0];
    assert_same(&run.values("intermediate_value"), &expected, "steps");
    assert_eq!(run.params.keys().collect::<Vec<_>>(), ["../x\u{fffd}"]);
    let rows: Vec<_> = store.known.problems.iter().map(|p| (p.1.unwrap(), p.2.as_str())).collect();
    assert_eq!(rows, [(27, "Malformed"), (28, "Malformed")]);
    assert!(!run.tags.contains_key("api_key"));
    assert_eq!(run.tags["bad"], "{");
}

#[test]
fn local_times_are_told_in_the_writers_words_only() {
    let mut store = Store::new();
    store.sql("UPDATE version_info SET library_version = '4.6.0'");
    store.visit();
    let run = &store.known.runs["trial:1"];
    assert_eq!((run.started, run.ended, store.known.runs["study:1"].started), (None, None, None));
    assert_eq!(run.tags["optuna.datetime_start"], "2026-11-21 08:12:56.673081");
    assert_eq!(run.tags["optuna.datetime_complete"], "2026-11-21 08:12:56.847883");
    assert!(run.times("value")[0].is_nan());
}

#[test]
fn objectives_that_are_named_late() {
    let mut store = Store::new();
    store.visit();
    store.sql("INSERT INTO study_system_attributes VALUES (NULL, 2, 'study:metric_names', '[\"loss\", \"acc\"]')");
    store.visit();
    let run = &store.known.runs["trial:10"];
    assert_same(&run.values("acc"), &[f64::INFINITY], "acc");
    assert_eq!(run.series.len(), 2);
    assert_eq!(store.known.gone.len(), 0);
}

#[test]
fn a_deleted_study_is_gone_and_its_ids_are_given_away_again() {
    let mut store = Store::new();
    store.visit();
    // The last one: its id and its trials' ids come up again, under the same name even.
    store.delete_study(2);
    store.sql("INSERT INTO studies VALUES (2, 'multi')");
    store.add_trial(9, 2, 0, "RUNNING");
    store.report(9, 0, 7.0);
    store.visit();
    assert_eq!(store.known.gone.iter().map(String::as_str).collect::<Vec<_>>(), ["trial:10"]);
    assert_eq!(store.known.runs["trial:9"].series.len(), 1);
    store.add_trial(10, 2, 1, "RUNNING");
    store.visit();
    assert_eq!(store.known.runs["trial:10"].series.len(), 0, "nothing of the old one comes back");
    // One in the middle.
    store.delete_study(1);
    store.visit();
    assert_eq!(store.known.runs.keys().collect::<Vec<_>>(), ["study:2", "trial:10", "trial:9"]);
    // A row that somebody took out.
    store.sql("DELETE FROM trials WHERE trial_id = 10");
    store.visit();
    store.add_trial(10, 2, 1, "WAITING");
    store.visit();
    assert_eq!(store.known.runs["trial:10"].status, Some(Status::Scheduled));
}

#[test]
fn another_database_of_the_same_name() {
    let mut store = Store::new();
    store.visit();
    let other = Store::new();
    other.sql("DELETE FROM trials WHERE trial_id > 4; UPDATE trials SET datetime_start = '2026-01-01 00:00:00'");
    let path = store.dir.path().join("study.db");
    let replacement = store.dir.path().join("new.db");
    fs::copy(other.dir.path().join("study.db"), &replacement).unwrap();
    fs::rename(&replacement, &path).unwrap();
    store.visit();
    assert_eq!(store.known.gone.len(), 6);
    store.cursor = Some(Cursor("[]".into()));
    store.visit();
    for forged in ["{}", r#"{"s":{},"l":99,"t":[[5,1,1,0],[1,1,1,0]],"o":{}}"#] {
        store.cursor = Some(Cursor(forged.into()));
        store.known.visit(&store.spec, &mut store.cursor, usize::MAX);
    }
    store.visit();
}

/// All trials of two studies by turns, in small slices, and a cursor that does not hold whose they are.
#[test]
fn many_trials() {
    let mut store = Store::new();
    store.sql(&format!(
        "BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 6010)
         INSERT INTO trials SELECT i, i / 2 + 10, 1 + i % 2, CASE WHEN i % 7 = 0 THEN 'WAITING' ELSE 'COMPLETE' END,
         '{START}', CASE WHEN i % 7 = 0 THEN NULL ELSE '{END}' END FROM n;
         INSERT INTO trial_values (trial_id, objective, value, value_type)
         SELECT trial_id, 0, trial_id, 'FINITE' FROM trials WHERE trial_id > 10 AND state = 'COMPLETE';
         COMMIT;"
    ));
    store.known.visit(&store.spec, &mut store.cursor, 10_000);
    store.visit();
    let n_bytes = store.cursor.as_ref().unwrap().0.len();
    assert!(n_bytes < 60_000, "{n_bytes}");
    store.complete(14, 3.0);
    store.add_trial(6_011, 1, 3_015, "RUNNING");
    let batch = store.visit();
    assert_eq!(batch.runs.len(), 3, "two trials and their study");
    store.delete_study(1);
    store.visit();
}

/// All files of a directory with their bytes.
fn files(store: &Store) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(store.dir.path()).unwrap().flatten();
    entries.map(|e| (e.path(), fs::read(e.path()).unwrap())).collect()
}

#[test]
fn no_lock_and_no_file_is_left() {
    let store = Store::new();
    let before = files(&store);
    let mut reader = open(&store.spec, None);
    let mut known = Known::default();
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(files(&store), before);
    // With the reader open, a writer that does not wait at all gets its way.
    store.add_trial(11, 1, 8, "RUNNING");
    for step in 0..40 {
        store.sql("BEGIN EXCLUSIVE");
        store.report(11, step, 0.5);
        store.sql("COMMIT");
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(known.runs["trial:11"].steps("intermediate_value").len() as i64, step + 1);
    }
    // Locked, it is tried again later.
    store.sql("BEGIN EXCLUSIVE");
    store.report(11, 40, 0.5);
    let told = known.clone();
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known, told);
    store.sql("COMMIT");
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known, read_whole(&store.spec));
}

/// A large study is read again and again while a writer commits: it never waits for us for long.
#[test]
fn a_writer_beside_does_not_wait() {
    let store = Store::new();
    store.sql(&format!(
        "BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 20010)
         INSERT INTO trials SELECT i, i, 1, 'COMPLETE', '{START}', '{END}' FROM n;
         INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
         SELECT trial_id, 'p' || x.column1, 0.5, '{{\"name\": \"FloatDistribution\", \"attributes\": {{}}}}'
         FROM trials, (VALUES (1), (2), (3)) AS x WHERE trial_id > 10;
         COMMIT;"
    ));
    store.add_trial(30_000, 1, 30_000, "RUNNING");
    store.writer.busy_timeout(Duration::from_secs(20)).unwrap();
    let done = AtomicBool::new(false);
    let mut worst = Duration::ZERO;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                read_whole(&store.spec);
            }
        });
        // SQLite's own busy handler sleeps longer and longer: what counts is how long the lock cannot be had.
        store.writer.busy_timeout(Duration::ZERO).unwrap();
        for step in 0..60 {
            let begun = Instant::now();
            while store.writer.execute_batch("BEGIN EXCLUSIVE").is_err() {
                std::thread::yield_now();
            }
            worst = worst.max(begun.elapsed());
            store.report(30_000, step, 0.5);
            store.sql("COMMIT");
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("a writer waited {worst:?} at most");
    // 50 ms on a machine that is not busy with something else; a lock held for the whole read would be a second.
    assert!(worst < Duration::from_millis(200), "{worst:?}");
    let steps = read_whole(&store.spec).runs["trial:30000"].steps("intermediate_value");
    assert_eq!(steps, (0..60).collect::<Vec<_>>());
}

#[test]
fn a_hot_journal_needs_recovery() {
    let store = Store::new();
    store.add_trial(11, 1, 8, "RUNNING");
    store.sql("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN");
    for step in 0..3_000 {
        store.report(11, step, 0.5);
    }
    let killed = tempfile::tempdir().unwrap();
    for name in ["study.db", "study.db-journal"] {
        fs::copy(store.dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let known = read_whole(&spec(Format::OptunaSqlite, killed.path(), "study.db"));
    assert_eq!(known.problems.iter().map(|p| p.2.as_str()).collect::<Vec<_>>(), ["NeedsRecovery"]);
    assert_eq!(known.runs.len(), 0);
}

/// As Optuna before 2.4 made them: one objective, whose value stands with the trial.
#[test]
fn an_old_schema() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("old.db")).unwrap();
    conn.execute_batch(
        "CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name VARCHAR, direction VARCHAR);
         CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state VARCHAR,
                              value FLOAT, datetime_start DATETIME, datetime_complete DATETIME);
         CREATE TABLE trial_params (param_id INTEGER PRIMARY KEY, trial_id INTEGER, param_name VARCHAR,
                                    param_value FLOAT, distribution_json VARCHAR);
         CREATE TABLE trial_values (trial_value_id INTEGER PRIMARY KEY, trial_id INTEGER, step INTEGER, value FLOAT);
         INSERT INTO studies VALUES (1, 'old', 'MAXIMIZE');
         INSERT INTO trials VALUES (1, 0, 1, 'COMPLETE', 0.5, '2020-01-01 00:00:00', '2020-01-01 00:10:00');
         INSERT INTO trial_params VALUES (1, 1, 'n', 3.0, '{\"name\": \"IntUniformDistribution\", \"attributes\": {}}');
         INSERT INTO trial_values VALUES (1, 1, 0, 0.25), (2, 1, 1, NULL);",
    )
    .unwrap();
    let known = read_whole(&spec(Format::OptunaSqlite, dir.path(), "old.db"));
    let run = &known.runs["trial:1"];
    assert_same(&run.values("value"), &[0.5], "value");
    assert_same(&run.values("intermediate_value"), &[0.25, f64::NAN], "steps");
    assert_eq!(run.params["n"], "number 3");
    assert_eq!(known.runs["study:1"].tags["optuna.directions"], "maximize");
}

#[test]
fn damage_anywhere_does_not_stop_us() {
    let store = Store::new();
    let sound = fs::read(store.dir.path().join("study.db")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("study.db");
    for bytes in damaged(&sound) {
        let _ = fs::remove_file(&path);
        fs::write(&path, &bytes).unwrap();
        let mut reader = open(&spec(Format::OptunaSqlite, dir.path(), "study.db"), None);
        for _ in 0..3 {
            reader.read(usize::MAX, &mut Batch::default());
        }
    }
    // Numbers beyond all numbers.
    store.sql("UPDATE trials SET number = 9223372036854775807 WHERE trial_id = 2");
    store.add_trial(i64::MAX, 1, -1, "RUNNING");
    store.report(i64::MAX, i64::MIN, 0.5);
    read_whole(&store.spec);
    store.sql("UPDATE trials SET study_id = -9223372036854775808, number = 'x' WHERE trial_id = 3");
    read_whole(&store.spec);
}
