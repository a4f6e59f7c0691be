//! What is recognised as what, and what is left alone.

use std::{fs, path::Path};

use signalbox_formats::{Descend, Entry, Listing, recognise};
use signalbox_types::Format;

use crate::known::{
    project::{list, walk},
    samples,
};

fn formats(project: &Path) -> Vec<Format> {
    walk(project).0.into_iter().map(|(format, _)| format).collect()
}

#[test]
fn samples_of_every_tool() {
    let check = |sample: &str, expected: &[Format]| assert_eq!(formats(&samples().join(sample)), expected, "{sample}");
    check("mlflow_file", &[Format::MlflowFile; 7]);
    check("mlflow_sqlite", &[Format::MlflowSqlite]);
    use Format::{Console, Jsonl, KerasCsv, LightningCsv, Tensorboard, Ultralytics};
    check("lightning", &[Tensorboard, Tensorboard, LightningCsv, LightningCsv]);
    check("keras", &[Tensorboard, Tensorboard, KerasCsv]);
    check("ultralytics", &[Tensorboard, Ultralytics]);
    // Not the bar of tqdm, which tells no curve.
    check("generic_logs", &[Jsonl, Console, Console, Console, Console, Console, Console]);
    check("edge/mlruns_damaged", &[Format::MlflowFile; 6]);
    check("edge/lightning_partial", &[LightningCsv]);
    check("edge/lightning_truncated_rewrite", &[LightningCsv]);
    // Not its event files and its tables beside.
    check("catboost", &[Format::Catboost]);
}

#[test]
fn a_store_is_recognised_wherever_one_begins() {
    let store = samples().join("mlflow_file");
    let experiment = store.join("mlruns/707031169788512449");
    assert_eq!(formats(&store.join("mlruns")).len(), 7);
    assert_eq!(formats(&experiment).len(), 6);
    let run = experiment.join("40b508a0e85a4d008518a68b99e843d0");
    assert_eq!(walk(&run).0, [(Format::MlflowFile, String::new())]);
    assert_eq!(list(&run, "").descend, Descend::None);
    assert_eq!(list(&experiment, "").descend, Descend::Only(Vec::new()));
}

#[test]
fn the_registry_is_no_experiment() {
    let dir = tempfile::tempdir().unwrap();
    let write = |rel: &str, text: &str| {
        fs::create_dir_all(dir.path().join(rel).parent().unwrap()).unwrap();
        fs::write(dir.path().join(rel), text).unwrap();
    };
    write("mlruns/0/meta.yaml", "artifact_location: x\nexperiment_id: '0'\nlifecycle_stage: active\n");
    write("mlruns/0/0123456789abcdef0123456789abcdef/artifacts/metrics.csv", "step,loss\n1,2\n");
    write("mlruns/0/datasets/x/meta.yaml", "digest: a\n");
    write("mlruns/models/m/meta.yaml", "name: m\n");
    write("mlruns/models/m/version-1/log.csv", "step,loss\n1,2\n");
    assert_eq!(
        walk(dir.path()).0,
        [
            (Format::MlflowFile, "mlruns/0/0123456789abcdef0123456789abcdef".into()),
            (Format::MlflowFileRegistry, "mlruns/models".into()),
        ]
    );
}

#[test]
fn artifacts_beside_a_database_are_no_runs() {
    let dir = tempfile::tempdir().unwrap();
    let artifacts = dir.path().join("mlruns/1/0123456789abcdef0123456789abcdef/artifacts");
    fs::create_dir_all(&artifacts).unwrap();
    fs::write(artifacts.join("metrics.csv"), "step,loss\n1,2\n").unwrap();
    assert_eq!(walk(dir.path()).0, []);
}

fn format_of(name: &str, text: &str) -> Option<Format> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), text).unwrap();
    list(dir.path(), "").sources.first().map(|s| s.format)
}

#[test]
fn tables() {
    let check = |name, text: &str, expected| assert_eq!(format_of(name, text), expected, "{name}: {text:.60}");
    check("history.csv", "epoch,acc,loss\n0,0.5,1\n", Some(Format::KerasCsv));
    check("history.csv", "epoch,acc,loss\n", Some(Format::KerasCsv));
    check("training.log", "epoch;loss\r\n0;1\r\n", Some(Format::KerasCsv));
    check("server.log", "2026-01-01 epoch,loss started\n", None);
    check("a.log", "step,loss\n1,2\n", None);
    check("a.csv", "step,loss\n1,2\n2,1\n", Some(Format::Csv));
    check("a.TSV", "Iter\tx\n1\t2\n", Some(Format::Csv));
    check("a.csv", ",global_step,loss\n0,10,2\n1,20,1\n", Some(Format::Csv));
    check("a.csv", "epoch,batch,loss\n0,0,2\n0,1,1\n", Some(Format::Csv));
    check("results.csv", "   epoch,  train/box_loss\n  0,  1\n", Some(Format::Ultralytics));
    check("metrics.csv", "epoch,step,loss\n0,1,2\n", Some(Format::LightningCsv));
    // Nothing yet: looked at again when they grow.
    check("a.csv", "", None);
    check("a.csv", "step,loss\n", None);
    check("a.csv", "step,lo", None);
}

#[test]
fn data_sets_are_no_logs() {
    let none = |name, text: &str| assert_eq!(format_of(name, text), None, "{name}: {text:.60}");
    none("iris.csv", "sepal,petal,species\n1,2,setosa\n");
    none("steps.csv", "steps,calories\n100,20\n");
    let paysim: String = (0..80).map(|i| format!("1,PAYMENT,{i}.64,C{i},170136.0,160296.36,M{i},0.0,0\n")).collect();
    none("paysim.csv", &format!("step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,x,isFraud\n{paysim}"));
    let numbers: String = (0..80).map(|i| format!("1,{i},2\n")).collect();
    none("numbers.csv", &format!("step,amount,label\n{numbers}"));
    let shuffled: String = (0..40).map(|i| format!("{},1\n", i * 7919 % 40)).collect();
    none("shuffled.csv", &format!("epoch,signal\n{shuffled}"));
    none("texts.csv", "step,title,body,score\n1,a,b,1\n2,c,d,2\n");
    none("recipe.csv", "step,instruction\nchop,onions\nfry,onions\n");
    none("sensor.csv", "epoch,x\n1595247717000,0.5\n1595247718000,0.25\n");
    none("data.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
    none("steps.jsonl", "{\"step\": 1, \"thought\": \"a\", \"action\": \"b\", \"score\": 1}\n");
    none("notes.jsonl", "step 1 loss 2\nstep 2 loss 1\n");
}

#[test]
fn json_lines() {
    assert_eq!(format_of("log.jsonl", "{\"step\": 1, \"loss\": NaN}\n{\"step\": 2"), Some(Format::Jsonl));
    assert_eq!(format_of("x.ndjson", "{\"args\": {}}\n{\"epoch\": 0.5, \"m\": {\"acc\": 1}}\n"), Some(Format::Jsonl));
    assert_eq!(
        format_of("20260101.log.json", "{\"iter\": 1, \"loss\": 1, \"mode\": \"train\"}\n"),
        Some(Format::Jsonl)
    );
    assert_eq!(format_of("log.json", "{\"step\": 1, \"loss\": 1}\n"), None);
}

#[test]
fn databases_by_their_schema() {
    let dir = tempfile::tempdir().unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("app.db")).unwrap();
    conn.execute_batch("CREATE TABLE runs (run_uuid); CREATE TABLE users (name);").unwrap();
    drop(conn);
    fs::write(dir.path().join("fake.db"), "not a database".repeat(100)).unwrap();
    fs::copy(samples().join("mlflow_sqlite/mlflow.db"), dir.path().join("backend.sqlite3")).unwrap();
    assert_eq!(walk(dir.path()).0, [(Format::MlflowSqlite, "backend.sqlite3".into())]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no side file is left");
}

#[test]
fn a_large_database_is_not_copied_for_a_look() {
    let dir = tempfile::tempdir().unwrap();
    // Of the last the tables may all be in its -wal: the name decides.
    for (name, is_store) in [("tracking.db", true), ("other.db", false), ("mlflow-new.db", false)] {
        let path = dir.path().join(name);
        match is_store {
            true => drop(fs::copy(samples().join("mlflow_sqlite/mlflow.db"), &path).unwrap()),
            false => {
                let conn = rusqlite::Connection::open(&path).unwrap();
                conn.execute_batch("CREATE TABLE users (name)").unwrap();
            }
        }
        // More than is ever copied; the file is sparse.
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        fs::write(dir.path().join(format!("{name}-wal")), "left behind by a writer that was killed").unwrap();
    }
    let found = ["mlflow-new.db", "tracking.db"].map(|name| (Format::MlflowSqlite, name.to_owned()));
    assert_eq!(walk(dir.path()).0, found);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 6, "no side file is left");
}

#[test]
fn little_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..500 {
        fs::write(dir.path().join(format!("shard{i:03}.csv")), "id,text\n1,x\n".repeat(1_000)).unwrap();
    }
    fs::write(dir.path().join("metrics.csv"), "epoch,step,loss\n0,1,2\n").unwrap();
    let recognised = list(dir.path(), "");
    assert_eq!(recognised.sources.len(), 1);
    assert!(recognised.peeked_bytes <= 40 * 4096, "{}", recognised.peeked_bytes);
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_stop_discovery() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("metrics.csv")).status().unwrap();
    assert!(made.success());
    let entries = [Entry { name: "metrics.csv".into(), is_dir: false, len: 10 }];
    let listing = Listing { project: dir.path(), rel: Path::new(""), entries: &entries };
    assert_eq!(recognise(&listing).sources, []);
}
