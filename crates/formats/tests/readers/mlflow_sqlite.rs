//! MLflow's SQLite store: the sample, and everything that happens to a store while it is watched.

use std::{fs, io::Read};

use rusqlite::Connection;
use signalbox_formats::{Progress, open};
use signalbox_types::{Batch, Format, Lifecycle, Status};

use crate::{
    known::{Known, assert_same, copy_of, expected, json_numbers, json_steps, read_whole, samples, spec},
    live_database::LiveDatabase,
};

/// As expected.json has them, MLflow's own reader maps ±infinity to the greatest floats, which is how they are
/// stored; we say what was logged (FORMATS section 2).
fn logged(values: Vec<f64>) -> Vec<f64> {
    let infinite = |x: f64| if x.abs() == f64::MAX { f64::INFINITY.copysign(x) } else { x };
    values.into_iter().map(infinite).collect()
}

fn check_sample(known: &Known) {
    assert_eq!(known.problems.len(), 0, "{:?}", known.problems);
    let expected = expected("mlflow_sqlite");
    for run in expected["runs"].as_array().unwrap() {
        let id = run["run_id"].as_str().unwrap();
        let found = &known.runs[id];
        assert_eq!(found.name, run["name"].as_str().unwrap());
        assert_eq!(found.status, Status::from_name(&run["status"].as_str().unwrap().to_lowercase()));
        assert_eq!(found.lifecycle == Lifecycle::Deleted, run["lifecycle_stage"] == "deleted");
        assert_eq!(found.started.unwrap(), run["start_time"].as_i64().unwrap() as f64 / 1e3);
        assert_eq!(found.ended.unwrap(), run["end_time"].as_i64().map(|t| t as f64 / 1e3));
        assert_eq!(found.experiment, "demo-exp");
        for (field, found) in [("params", &found.params), ("tags", &found.tags)] {
            let expected = run[field].as_object().unwrap();
            assert_eq!(found.len(), expected.len(), "{id} {field}");
            assert!(expected.iter().all(|(key, value)| found[key] == value.as_str().unwrap()));
        }
        let metrics = run["metrics"].as_object().unwrap();
        assert_eq!(found.series.len(), metrics.len());
        for (name, points) in metrics {
            assert_eq!(found.steps(name), json_steps(&points["steps"]), "{id} {name}");
            assert_same(&found.values(name), &logged(json_numbers(&points["values"])), name);
        }
        for input in run["dataset_inputs"].as_array().unwrap() {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let context = text(&input["tags"]["mlflow.data.context"]);
            assert!(found.datasets.contains(&(text(&input["name"]), text(&input["digest"]), context)));
        }
        assert_eq!(found.datasets.len(), run["dataset_inputs"].as_array().unwrap().len());
    }
    let child = known.run_named("child-run");
    assert_eq!(child.parent, "4d709128c5254349af52a7e26ab9af32");
    assert_eq!(known.run_named("in-trash").lifecycle, Lifecycle::Deleted);
    assert_eq!(known.runs.len(), 6);
}

#[test]
fn sample() {
    let known = read_whole(&spec(Format::MlflowSqlite, &samples().join("mlflow_sqlite"), "mlflow.db"));
    check_sample(&known);
    // The recorded path is of another machine; the directory beside the database is this run's.
    let root = "mlruns/1/4d709128c5254349af52a7e26ab9af32/artifacts";
    assert_eq!(known.run_named("finished-run").artifact_root, root);
    assert_eq!(known.run_named("failed-run").artifact_root, "");
}

#[test]
fn artifacts_of_a_moved_project() {
    let copy = copy_of("mlflow_sqlite");
    let copy = copy.path();
    let run = "4d709128c5254349af52a7e26ab9af32";
    let db = Connection::open(copy.join("mlflow.db")).unwrap();
    for (said, there) in [
        ("file:///old%20home/project/my%20models/{run}/artifacts", "my models/{run}/artifacts"),
        ("/old/project/deep/er/{run}/artifacts", "deep/er/{run}/artifacts"),
        ("/old/project/../../up/{run}/artifacts", ""),
        ("s3://bucket/other/{run}/artifacts", ""),
    ] {
        let [said, there] = [said, there].map(|s| s.replace("{run}", run));
        db.execute("UPDATE runs SET artifact_uri = ?1 WHERE run_uuid = ?2", [said.as_str(), run]).unwrap();
        if !there.is_empty() {
            fs::create_dir_all(copy.join(&there)).unwrap();
        }
        fs::create_dir_all(copy.join("other").join(run).join("artifacts")).unwrap();
        let _ = fs::remove_dir_all(copy.join("mlruns"));
        let known = read_whole(&spec(Format::MlflowSqlite, copy, "mlflow.db"));
        assert_eq!(known.run_named("finished-run").artifact_root, there, "{said}");
    }
}

#[test]
fn original_bytes_of_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let packed = fs::File::open(samples().join("mlflow_sqlite/mlflow-original-4096.db.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    fs::write(dir.path().join("mlflow.db"), bytes).unwrap();
    check_sample(&read_whole(&spec(Format::MlflowSqlite, dir.path(), "mlflow.db")));
}

type Store = LiveDatabase;

const RUN: &str = "3ffabdb21b51482f868146d67f611ae4";

impl Store {
    fn new() -> Store {
        Store::of("mlflow_sqlite", Format::MlflowSqlite, "mlflow.db", "mlflow.db")
    }

    fn log(&self, run: &str, key: &str, step: i64) {
        let sql = "INSERT INTO metrics VALUES (?1, ?2, ?3, ?4, ?3, 0)";
        self.writer.execute(sql, rusqlite::params![key, step as f64 / 2.0, step, run]).unwrap();
    }

    fn add_run(&self, id: &str) {
        self.sql(&format!(
            "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, artifact_uri, experiment_id, user_id)
             VALUES ('{id}', '', 'RUNNING', 1000, 'active', '', 1, 'me');
             INSERT INTO tags VALUES ('mlflow.runName', 'run {id}', '{id}');
             INSERT INTO params VALUES ('p', '1', '{id}');"
        ));
    }
}

#[test]
fn a_store_that_lives() {
    let mut store = Store::new();
    store.visit();
    let batch = store.visit();
    assert_eq!((batch.n_points, batch.runs.len()), (0, 0), "nothing is said twice");

    store.log(RUN, "loss", 11);
    let batch = store.visit();
    assert_eq!((batch.n_points, batch.runs.len()), (1, 1));
    assert_eq!(store.known.runs[RUN].steps("loss"), [10, 11]);

    store.add_run("MY-RUN");
    store.log("MY-RUN", "acc", 1);
    store.visit();
    assert_eq!(store.known.runs["MY-RUN"].name, "run MY-RUN");
    assert_eq!(store.known.runs["MY-RUN"].params["p"], "1");

    store.sql("UPDATE runs SET status = 'FAILED', end_time = 5000 WHERE run_uuid = 'MY-RUN'");
    let batch = store.visit();
    assert_eq!(batch.runs.len(), 1);
    assert_eq!(store.known.runs["MY-RUN"].status, Some(Status::Failed));
    assert_eq!(store.known.runs["MY-RUN"].ended, Some(Some(5.0)));
    assert_eq!(store.known.runs["MY-RUN"].name, "run MY-RUN");

    store.sql(
        "UPDATE tags SET value = 'renamed' WHERE run_uuid = 'MY-RUN'; INSERT INTO tags VALUES ('t', 'v', 'MY-RUN')",
    );
    store.visit();
    assert_eq!(store.known.runs["MY-RUN"].name, "renamed");
    assert_eq!(store.known.runs["MY-RUN"].tags["t"], "v");

    store.sql("UPDATE experiments SET name = 'other', lifecycle_stage = 'deleted' WHERE experiment_id = 1");
    store.visit();
    assert_eq!(store.known.runs[RUN].experiment, "other");
    assert_eq!(store.known.runs[RUN].lifecycle, Lifecycle::Deleted);
}

#[test]
fn a_tag_that_was_removed() {
    let mut store = Store::new();
    store.visit();
    store.log(RUN, "loss", 12);
    store.sql(&format!("INSERT INTO tags VALUES ('t', 'v', '{RUN}')"));
    store.visit();
    store.sql(&format!("DELETE FROM tags WHERE run_uuid = '{RUN}' AND key = 't'"));
    store.log(RUN, "loss", 13);
    store.visit();
    assert_eq!(store.known.runs[RUN].steps("loss"), [10, 12, 13]);
    assert_eq!(store.known.runs[RUN].params["lr"], "0.1");
    assert!(!store.known.runs[RUN].tags.contains_key("t"));
    // The same, seen by one reader that stays open.
    let mut reader = open(&store.spec, store.cursor.as_ref());
    store.known.catch_up(&mut *reader, 1);
    store.sql(&format!("INSERT INTO tags VALUES ('u', 'v', '{RUN}')"));
    store.known.catch_up(&mut *reader, 1);
    assert_eq!(store.known.runs[RUN].tags["u"], "v");
    store.sql(&format!("DELETE FROM tags WHERE run_uuid = '{RUN}' AND key = 'u'"));
    store.known.catch_up(&mut *reader, 1);
    assert_eq!(store.known, read_whole(&store.spec));
}

#[test]
fn a_run_that_was_purged() {
    let mut store = Store::new();
    store.add_run("A");
    store.log("A", "loss", 1);
    store.log(RUN, "loss", 11);
    store.visit();
    // `mlflow gc` removes the rows; the greatest row id stays.
    let purge = |id: &str| {
        ["metrics", "params", "tags", "runs"].map(|t| format!("DELETE FROM {t} WHERE run_uuid = '{id}';")).concat()
    };
    store.sql(&purge("A"));
    store.visit();
    assert!(store.known.gone.contains("A") && !store.known.runs.contains_key("A"));
    // The last rows go, and their ids are used again by others.
    store.sql(&purge(RUN));
    store.add_run("B");
    store.log("B", "loss", 7);
    store.visit();
    assert_eq!(store.known.runs["B"].steps("loss"), [7]);
    // Row ids are numbered anew.
    store.sql("VACUUM");
    store.visit();
    store.add_run("A");
    store.log("A", "loss", 2);
    store.visit();
    assert_eq!(store.known.runs["A"].steps("loss"), [2]);
}

#[test]
fn another_file_takes_the_place() {
    let mut store = Store::new();
    let path = store.dir.path().join("mlflow.db");
    let before = store.dir.path().join("before.db");
    fs::copy(&path, &before).unwrap();
    for step in 0..50 {
        store.log(RUN, "loss", 100 + step);
    }
    store.visit();
    // A backup is put back while a reader is open.
    let mut reader = open(&store.spec, store.cursor.as_ref());
    store.known.catch_up(&mut *reader, usize::MAX);
    fs::rename(&before, &path).unwrap();
    store.known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(store.known, read_whole(&store.spec));
    assert_eq!(store.known.runs[RUN].steps("loss"), [10]);
}

#[test]
fn pages_and_budgets() {
    let store = Store::new();
    store.sql("BEGIN");
    for step in 0..3_000 {
        store.log(RUN, "loss", 100 + step);
        store.log("4d709128c5254349af52a7e26ab9af32", "loss", step);
    }
    store.sql("COMMIT");
    let whole = read_whole(&store.spec);
    let mut known = Known::default();
    let (mut cursor, mut n_reads) = (None, 0);
    loop {
        let mut reader = open(&store.spec, cursor.as_ref());
        let mut batch = Batch::default();
        let progress = reader.read(64 * 500, &mut batch);
        assert!(batch.n_points <= 500);
        known.apply(&batch);
        cursor = Some(reader.cursor());
        n_reads += 1;
        if progress == Progress::CaughtUp {
            break;
        }
    }
    assert!(n_reads > 10);
    assert_eq!(known, whole);
}

#[test]
fn models() {
    let store = Store::new();
    store.sql(&format!(
        "INSERT INTO logged_models VALUES ('m-1', 1, 'net', '/x', 5, 6, 2, 'active', NULL, '{RUN}', NULL);
         INSERT INTO logged_models VALUES ('m-2', 1, 'old', '/x', 5, 6, 2, 'deleted', NULL, '{RUN}', NULL);
         INSERT INTO registered_models (name, workspace) VALUES ('reg', 'default');
         INSERT INTO model_versions (name, version, current_stage, run_id, status, creation_time, workspace)
         VALUES ('reg', 3, 'Production', '{RUN}', 'READY', 7, 'default');
         INSERT INTO registered_model_aliases VALUES ('champion', 3, 'reg', 'default');
         INSERT INTO tags VALUES ('mlflow.log-model.history', '[{{\"artifact_path\": \"v2\"}}]', '{RUN}');"
    ));
    let mut reader = open(&store.spec, None);
    let mut batch = Batch::default();
    reader.read(usize::MAX, &mut batch);
    let models = batch.models.unwrap();
    let names: Vec<_> = models.iter().map(|m| (m.name.as_str(), m.version.as_str(), m.run.as_str())).collect();
    assert_eq!(names, [("net", "", RUN), ("reg", "3", RUN), ("v2", "", RUN)]);
    assert_eq!((models[0].status.as_str(), models[0].created_unix_ms), ("READY", 5));
    assert_eq!((models[1].stage.as_str(), models[1].aliases.as_slice()), ("Production", &["champion".to_owned()][..]));
    store.sql("DELETE FROM registered_model_aliases");
    let mut batch = Batch::default();
    reader.read(usize::MAX, &mut batch);
    assert_eq!(batch.models.unwrap()[1].aliases.len(), 0);
    store.log(RUN, "loss", 20);
    let mut batch = Batch::default();
    reader.read(usize::MAX, &mut batch);
    assert!(batch.models.is_none(), "unchanged models are not told again");
}

#[test]
fn old_schemas() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("old.db")).unwrap();
    conn.execute_batch(
        "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, experiment_id INTEGER, status TEXT);
         CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
         INSERT INTO experiments VALUES (0, 'Default');
         INSERT INTO runs VALUES ('r', 0, 'FINISHED');
         INSERT INTO metrics VALUES ('a', 0.5, 2000, 'r'), ('a', '0.25', 3000, 'r'), ('a', NULL, 4000, 'r');",
    )
    .unwrap();
    let known = read_whole(&spec(Format::MlflowSqlite, dir.path(), "old.db"));
    let run = &known.runs["r"];
    assert_same(&run.values("a"), &[0.5, 0.25, f64::NAN], "values");
    assert_eq!((run.times("a")[0], run.steps("a")), (2.0, vec![0, 0, 0]));
    assert_eq!((run.name.as_str(), run.experiment.as_str()), ("r", "Default"));
}

/// Sweeps are put off in a store this large while it is busy; they are made up for.
#[test]
fn a_large_store() {
    let store = Store::new();
    store.sql(
        "BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999)
         INSERT INTO runs (run_uuid, name, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id)
         SELECT printf('%032x', i), 'run ' || i, 'FINISHED', 1, 2, 'active', '', 1 FROM n;
         INSERT INTO tags SELECT 'k' || t.column1, 'v', run_uuid FROM runs, (VALUES (1), (2), (3)) AS t;
         COMMIT;",
    );
    let mut reader = open(&store.spec, None);
    let mut known = Known::default();
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known.runs.len(), 6_006);
    let finished = format!("{:032x}", 17);
    let check = |known: &Known| assert_eq!(*known, read_whole(&store.spec));
    // Explained by new rows alone: no sweep, and nothing else is told.
    store.log(RUN, "loss", 11);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.runs.len(), batch.n_points), (1, 1));
    // The active run ends, a new one comes, tags of both: seen at once.
    store.sql(&format!("UPDATE runs SET status = 'KILLED' WHERE run_uuid = '{RUN}'; UPDATE tags SET value = 'w' WHERE run_uuid = '{RUN}'"));
    store.add_run("NEW");
    store.log("NEW", "loss", 1);
    known.catch_up(&mut *reader, usize::MAX);
    check(&known);
    // Nothing explains this change but a sweep.
    store.sql(&format!("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = '{finished}'"));
    known.catch_up(&mut *reader, usize::MAX);
    check(&known);
    // Hidden behind a point, it is found at the next look.
    store.sql(&format!(
        "UPDATE tags SET value = 'w' WHERE run_uuid = '{finished}'; DELETE FROM runs WHERE run_uuid = '{:032x}'",
        18
    ));
    store.log("NEW", "loss", 2);
    known.catch_up(&mut *reader, usize::MAX);
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known.gone.len(), 1);
    known.gone.clear();
    check(&known);
}
