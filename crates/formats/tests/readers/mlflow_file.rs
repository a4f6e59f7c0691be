//! MLflow's file store: the sample, damage, growth and what tools do to it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use signalbox_formats::{Progress, SourceSpec, open};
use signalbox_types::{Batch, Cursor, Format, Lifecycle, Status};

use crate::known::{
    Known, assert_same, copy_of, expected, json_number, json_numbers, json_steps, read_whole, samples, spec,
};

/// Every run directory of a store, as discovery would find them.
fn run_dirs(project: &Path, root: &str) -> Vec<SourceSpec> {
    let mut found = Vec::new();
    for trash in ["", ".trash"] {
        let root = PathBuf::from(root).join(trash);
        let Ok(experiments) = fs::read_dir(project.join(&root)) else { continue };
        for experiment in experiments.flatten().filter(|e| e.file_type().unwrap().is_dir()) {
            for run in fs::read_dir(experiment.path()).unwrap().flatten().filter(|e| e.file_name().len() == 32) {
                let rel = root.join(experiment.file_name()).join(run.file_name());
                found.push(SourceSpec { format: Format::MlflowFile, project: project.to_path_buf(), rel });
            }
        }
    }
    found
}

fn read_store(project: &Path, root: &str) -> Known {
    let mut known = Known::default();
    for spec in run_dirs(project, root) {
        known.visit(&spec, &mut None, usize::MAX);
    }
    known
}

#[test]
fn sample() {
    let expected = expected("mlflow_file");
    let known = read_store(&samples().join("mlflow_file"), "mlruns");
    assert_eq!(known.problems.len(), 0, "{:?}", known.problems);
    for run in expected["runs"].as_array().unwrap() {
        let id = run["run_id"].as_str().unwrap();
        let found = &known.runs[id];
        assert_eq!(found.name, run["name"].as_str().unwrap());
        assert_eq!(found.status, Status::from_name(&run["status"].as_str().unwrap().to_lowercase()), "{id}");
        assert_eq!(found.lifecycle == Lifecycle::Deleted, run["lifecycle_stage"] == "deleted");
        assert_eq!(found.started.unwrap(), run["start_time"].as_i64().unwrap() as f64 / 1e3);
        assert_eq!(found.ended.unwrap(), run["end_time"].as_i64().map(|t| t as f64 / 1e3));
        assert_eq!(found.experiment, "demo-exp");
        for (field, found) in [("params", &found.params), ("tags", &found.tags)] {
            let expected: Vec<_> = run[field].as_object().unwrap().iter().collect();
            assert_eq!(found.len(), expected.len(), "{id} {field}");
            for (key, value) in expected {
                assert_eq!(found[key], value.as_str().unwrap());
            }
        }
        let metrics = run["metrics"].as_object().unwrap();
        assert_eq!(found.series.len(), metrics.len());
        for (name, points) in metrics {
            assert_eq!(found.steps(name), json_steps(&points["steps"]), "{id} {name}");
            assert_same(&found.values(name), &json_numbers(&points["values"]), name);
            assert_same(&[*found.values(name).last().unwrap()], &[json_number(&points["file_last_line"])], name);
        }
        let inputs: Vec<_> = run["dataset_inputs"].as_array().unwrap().iter().collect();
        assert_eq!(found.datasets.len(), inputs.len());
        for input in inputs {
            let context = input["tags"]["mlflow.data.context"].as_str().unwrap();
            let key =
                (input["name"].as_str().unwrap().into(), input["digest"].as_str().unwrap().into(), context.into());
            assert!(found.datasets.contains(&key));
        }
        if !run["artifacts"].as_array().unwrap().is_empty() {
            assert_eq!(
                found.artifact_root,
                format!("mlruns/{}/{id}/artifacts", run["experiment_id"].as_str().unwrap())
            );
        }
    }
    assert_eq!(known.run_named("child-run").parent, "40b508a0e85a4d008518a68b99e843d0");
    // The deleted experiment's run is there too, marked.
    let trashed = known.run_named("in-trash");
    assert_eq!((trashed.lifecycle, trashed.experiment.as_str()), (Lifecycle::Deleted, "trashed-exp"));
    assert_eq!(known.runs.len(), expected["runs"].as_array().unwrap().len() + 1);
}

#[test]
fn damaged_sample() {
    let known = read_store(&samples().join("edge"), "mlruns_damaged");
    let sound = read_store(&samples().join("mlflow_file"), "mlruns");
    // failed-run's meta.yaml is empty, killed-run's is missing: named by their tags, with what else they have.
    for name in ["failed-run", "killed-run"] {
        let (found, whole) = (known.run_named(name), sound.run_named(name));
        assert_eq!((found.status, found.started, found.ended), (None, None, None));
        assert_eq!((&found.tags, &found.series), (&whole.tags, &whole.series));
        assert_eq!(found.experiment, "demo-exp");
    }
    // running-run's metric ends in a partial line.
    assert_eq!(known.run_named("running-run").series, sound.run_named("running-run").series);
    let problems: Vec<_> =
        known.problems.iter().map(|(path, _, kind)| (path.rsplit('/').next().unwrap(), kind)).collect();
    assert_eq!(problems, [("meta.yaml", &"Malformed".to_owned()), ("meta.yaml", &"Unreadable".to_owned())]);
}

const RUN: &str = "0123456789abcdef0123456789abcdef";

/// A store with one run to be changed.
struct Store {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    known: Known,
    cursor: Option<Cursor>,
}

impl Store {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rel = format!("mlruns/0/{RUN}");
        let spec = spec(Format::MlflowFile, dir.path(), &rel);
        let store = Self { dir, spec, known: Known::default(), cursor: None };
        fs::create_dir_all(store.spec.path()).unwrap();
        fs::write(store.dir.path().join("mlruns/0/meta.yaml"), "name: Default\nexperiment_id: '0'\n").unwrap();
        store
    }

    fn write(&self, rel: &str, bytes: impl AsRef<[u8]>) {
        let path = self.spec.path().join(rel);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn append(&self, rel: &str, bytes: impl AsRef<[u8]>) {
        let file = fs::OpenOptions::new().append(true).create(true).open(self.spec.path().join(rel));
        file.unwrap().write_all(bytes.as_ref()).unwrap();
    }

    fn visit(&mut self) -> Batch {
        self.known.visit(&self.spec, &mut self.cursor, 0)
    }

    fn problems(&self) -> Vec<(&str, Option<u64>)> {
        self.known.problems.iter().map(|(path, at, _)| (path.rsplit('/').next().unwrap(), *at)).collect()
    }
}

#[test]
fn a_run_from_its_first_directory_to_its_end() {
    let mut store = Store::new();
    // The directory alone is no run yet; nor is one with artifacts only.
    fs::create_dir(store.spec.path().join("artifacts")).unwrap();
    store.visit();
    assert_eq!(store.known, Known::default());
    store.write("meta.yaml", "run_name: a\nstatus: 1\nstart_time: 1000\nend_time: null\nuser_id: me\n");
    store.visit();
    let run = store.known.run();
    assert_eq!((run.name.as_str(), run.status, run.user.as_str()), ("a", Some(Status::Running), "me"));
    assert_eq!(run.artifact_root, format!("mlruns/0/{RUN}/artifacts"));
    store.write("metrics/loss", "1000 0.5 0\n2000 0.2");
    store.write("metrics/train/acc", "1000 nan 0\n");
    store.write("params/lr", "0.1");
    store.write("tags/mlflow.runName", "a");
    store.visit();
    assert_eq!(store.known.run().values("loss"), [0.5]);
    store.append("metrics/loss", "5 1\n");
    store.append("metrics/train/acc", "1000 0.25 1 my data set 12ab\n");
    store.write("tags/stage", "dev");
    let batch = store.visit();
    assert_eq!(batch.n_points, 2);
    assert_eq!(store.known.run().values("loss"), [0.5, 0.25]);
    assert_eq!(store.known.run().steps("train/acc"), [0, 1]);
    store.write("meta.yaml", "run_name: renamed\nstatus: 3\nstart_time: 1000\nend_time: 3000\nuser_id: me\n");
    store.visit();
    assert_eq!((store.known.run().name.as_str(), store.known.run().ended), ("renamed", Some(Some(3.0))));
    let batch = store.visit();
    assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0));
    assert_eq!(store.known, read_whole(&store.spec));
    assert_eq!(store.problems(), []);
}

#[test]
fn values_too_are_read_a_little_at_a_time() {
    let mut store = Store::new();
    store.write("meta.yaml", "status: 1\nstart_time: 1000\nend_time: null\nuser_id: me\n");
    for i in 0..20 {
        store.write(&format!("params/p{i}"), "x".repeat(1_000));
    }
    store.write("tags/mlflow.user", "somebody else");
    store.write("tags/mlflow.runName", "b");
    store.write("metrics/loss", "1000 0.5 0\n");
    let mut reader = open(&store.spec, None);
    let mut reads = Vec::new();
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(4_000, &mut batch);
        store.known.apply(&batch);
        reads.push(batch.bytes_read);
        if progress == Progress::CaughtUp {
            break;
        }
    }
    assert!(reads.len() > 4 && reads.iter().all(|n| *n < 6_000), "{reads:?}");
    let run = store.known.run();
    assert_eq!((run.params.len(), run.tags.len(), run.values("loss").len()), (20, 2, 1));
    // What meta.yaml says of the user counts, also when the tag is read later; it names no run, the tag does.
    assert_eq!((run.user.as_str(), run.name.as_str()), ("me", "b"));
    assert_eq!(store.known, read_whole(&store.spec));
}

#[test]
fn a_bad_meta_keeps_the_last_good_one() {
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: a\nstatus: 1\nstart_time: 1000\n");
    store.visit();
    let before = store.known.clone();
    for damage in ["", "run_name: [", "- a list\n", "\u{0}"] {
        store.write("meta.yaml", damage);
        store.visit();
        assert_eq!(store.known.runs, before.runs, "{damage:?}");
        assert_eq!(store.problems(), [("meta.yaml", None)]);
    }
    store.write("meta.yaml", "run_name: a\nstatus: 4\nstart_time: 1000\n");
    store.visit();
    assert_eq!(store.problems(), []);
    assert_eq!(store.known.run().status, Some(Status::Failed));
    store.write("meta.yaml", "x: 1\n".repeat(300_000));
    store.visit();
    assert_eq!(store.known.problems.iter().next().unwrap().2, "TooLarge");
}

#[test]
fn damaged_metric_lines_are_problems() {
    let mut store = Store::new();
    store.write("metrics/loss", "1000 0.5 0\n1001\n1002 high 2\n\n1003 0.25 3\n");
    store.visit();
    assert_eq!(store.known.run().steps("loss"), [0, 3]);
    assert_eq!(store.problems(), [("meta.yaml", None), ("loss", Some(11)), ("loss", Some(16))]);
    // A file that was replaced begins anew, and its old problems are over.
    store.write("metrics/loss", "1000 7 0\n");
    store.visit();
    assert_eq!(store.known.run().values("loss"), [7.0]);
    assert_eq!(store.problems(), [("meta.yaml", None)]);
}

#[test]
fn a_rewritten_metric_leaves_the_others() {
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: a\nstatus: 3\nstart_time: 1000\nend_time: 2000\n");
    store.write("params/lr", "0.1");
    store.write("metrics/loss", "1000 0.5 0\n1001 0.25 1\n");
    store.write("metrics/val/acc", "1000 0.1 0\n1001 0.2 1\n");
    store.visit();
    store.write("metrics/loss", "1000 7 0\n");
    store.visit();
    assert_eq!(store.known.run().values("loss"), [7.0]);
    assert_eq!(store.known.run().values("val/acc"), [0.1, 0.2]);
    assert_eq!(store.known, read_whole(&store.spec));
}

#[cfg(unix)]
#[test]
fn a_folder_of_metrics_that_cannot_be_listed_is_not_gone() {
    use std::os::unix::fs::PermissionsExt;
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: a\nstatus: 1\nstart_time: 1000\n");
    store.write("metrics/loss", "1000 0.5 0\n");
    store.write("metrics/val/acc", "1000 0.1 0\n");
    store.visit();
    let dir = store.spec.path().join("metrics/val");
    let shut = |mode| std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
    shut(0o000);
    if std::fs::read_dir(&dir).is_ok() {
        // Root reads everything.
        return shut(0o755);
    }
    store.visit();
    shut(0o755);
    assert_eq!(store.known.run().values("val/acc"), [0.1]);
    store.visit();
    assert_eq!(store.problems(), []);
}

#[test]
fn metric_files_cut_at_any_byte() {
    let text = b"1000 0.5 0\n1001\n1002 nan 2\r\n\n1003 1e-3 -3 a b\n1004 -inf 9";
    let mut whole = Store::new();
    whole.write("meta.yaml", "run_name: a\n");
    whole.write("metrics/loss", text);
    whole.visit();
    let mut grown = Store::new();
    grown.write("meta.yaml", "run_name: a\n");
    for cut in 0..=text.len() {
        let mut store = Store::new();
        store.write("meta.yaml", "run_name: a\n");
        store.write("metrics/loss", &text[..cut]);
        store.visit();
        store.append("metrics/loss", &text[cut..]);
        store.visit();
        assert_eq!(store.known, whole.known, "cut at {cut}");
        grown.write("metrics/loss", &text[..cut]);
        grown.visit();
    }
    assert_eq!(grown.known, whole.known);
}

#[test]
fn removed_keys_are_taken_back() {
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: a\n");
    store.write("tags/old", "1");
    store.write("tags/kept", "2");
    store.write("metrics/loss", "1000 0.5 0\n");
    store.visit();
    fs::remove_file(store.spec.path().join("tags/old")).unwrap();
    store.visit();
    assert_eq!(store.known.run().tags.keys().collect::<Vec<_>>(), ["kept"]);
    assert_eq!(store.known.run().values("loss"), [0.5]);
    assert_eq!(store.known, read_whole(&store.spec));
}

#[test]
fn logged_models_and_data_sets() {
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: a\n");
    store.write("outputs/m-1/meta.yaml", "source_id: m-1\n");
    store.write("../models/m-1/meta.yaml", "name: net\nstatus: 2\ncreation_timestamp: 5\nartifact_location: /x\n");
    store.write("inputs/abc/meta.yaml", "source_id: ../../../etc\ntags: {}\n");
    store.write("inputs/def/meta.yaml", "source_id: d1\ntags:\n  mlflow.data.context: eval\n");
    store.write("../datasets/d1/meta.yaml", "name: iris\ndigest: 12e4567\n");
    store.visit();
    assert_eq!(store.known.models.iter().collect::<Vec<_>>(), [&("net".into(), String::new(), RUN.into())]);
    let datasets: Vec<_> = store.known.run().datasets.iter().cloned().collect();
    assert_eq!(datasets, [("iris".to_owned(), "12e4567".to_owned(), "eval".to_owned())]);
    store.write("tags/mlflow.log-model.history", r#"[{"artifact_path": "old"}]"#);
    store.visit();
    assert_eq!(store.known.models.len(), 2);
    store.write("../models/m-1/meta.yaml", "name: net\nlifecycle_stage: deleted\n");
    store.visit();
    assert_eq!(store.known.models.len(), 1);
}

#[test]
fn hostile_stores() {
    let mut store = Store::new();
    store.write("meta.yaml", "run_name: \"a\\u0007b\"\nartifact_uri: file:///etc\n");
    store.write("params/p", b"\xff\xfe");
    store.write("params/long", "x".repeat(3 << 20));
    #[cfg(unix)]
    {
        let dir = store.spec.path();
        std::os::unix::fs::symlink("/etc/hostname", dir.join("params/leak")).unwrap();
        fs::create_dir(dir.join("metrics")).unwrap();
        std::os::unix::fs::symlink(&dir, dir.join("metrics/loop")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.join("artifacts")).unwrap();
    }
    store.visit();
    let run = store.known.run();
    assert_eq!(run.params.keys().collect::<Vec<_>>(), ["long", "p"]);
    assert!(run.params["long"].len() < 100_000);
    assert_eq!(run.artifact_root, "");
    assert_eq!(run.series.len(), 0);
}

#[test]
fn an_unchanged_run_reads_nothing() {
    let dir = copy_of("mlflow_file");
    for spec in run_dirs(dir.path(), "mlruns") {
        let mut reader = open(&spec, None);
        Known::default().catch_up(&mut *reader, usize::MAX);
        let mut again = open(&spec, Some(&reader.cursor()));
        for reader in [&mut reader, &mut again] {
            let mut batch = Batch::default();
            reader.read(usize::MAX, &mut batch);
            assert_eq!((batch.bytes_read, batch.runs.len(), batch.models.is_none()), (0, 0, true));
        }
        assert!(reader.watch_paths().contains(&spec.path()));
    }
}

#[test]
fn registry() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(Format::MlflowFileRegistry, dir.path(), "mlruns/models");
    let write = |rel: &str, text: &str| {
        let path = spec.path().join(rel);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("Reg Model/meta.yaml", "name: Reg Model\n");
    write("Reg Model/aliases/champion", "2");
    let version =
        |n: u32| format!("version: {n}\nrun_id: {RUN}\ncurrent_stage: Production\nstatus: READY\nsource: s\n");
    write("Reg Model/version-1/meta.yaml", &version(1));
    write("Reg Model/version-2/meta.yaml", &version(2));
    let mut cursor = None;
    let mut visit = || {
        let mut reader = open(&spec, cursor.as_ref());
        let mut batch = Batch::default();
        reader.read(usize::MAX, &mut batch);
        cursor = Some(reader.cursor());
        batch
    };
    let models = visit().models.unwrap();
    assert_eq!(models.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(models[1].aliases, ["champion"]);
    assert_eq!((models[0].run.as_str(), models[0].stage.as_str()), (RUN, "Production"));
    assert!(visit().models.is_none());
    write("Reg Model/version-2/meta.yaml", "[");
    let batch = visit();
    assert_eq!((batch.models.unwrap().len(), batch.problems.len()), (1, 1));
    write("Reg Model/aliases/champion", "1");
    write("Reg Model/version-2/meta.yaml", &version(2));
    let batch = visit();
    assert_eq!(batch.healed, ["mlruns/models/Reg Model/version-2/meta.yaml"]);
    assert_eq!(batch.models.unwrap()[0].aliases, ["champion"]);
    // No more is read of an alias than a number has digits.
    write("Reg Model/aliases/long", &format!("2{}", " ".repeat(1 << 20)));
    let batch = visit();
    assert!(batch.bytes_read < 4_096, "{}", batch.bytes_read);
    assert_eq!(batch.models.unwrap()[1].aliases, ["long"]);
}

#[cfg(unix)]
#[test]
fn a_registry_leads_nowhere_and_keeps_nobody_waiting() {
    let outer = tempfile::tempdir().unwrap();
    let models = outer.path().join("project/mlruns/models");
    fs::create_dir_all(models.join("m/aliases")).unwrap();
    fs::create_dir_all(models.join("m/version-1")).unwrap();
    fs::create_dir_all(models.join("m/version-2")).unwrap();
    fs::write(outer.path().join("secret.yaml"), "run_id: secret\n").unwrap();
    fs::write(outer.path().join("one"), "1").unwrap();
    fs::write(models.join("m/version-1/meta.yaml"), "version: 1\n").unwrap();
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(outer.path().join(to), models.join(at)).unwrap();
    link("secret.yaml", "m/version-2/meta.yaml");
    link("one", "m/aliases/linked");
    let pipe = models.join("m/aliases/piped");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let pipe = models.join("m/meta.yaml");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let spec = spec(Format::MlflowFileRegistry, &outer.path().join("project"), "mlruns/models");
    let mut batch = Batch::default();
    open(&spec, None).read(usize::MAX, &mut batch);
    let told: Vec<_> = batch.models.unwrap().into_iter().map(|m| (m.name, m.version, m.run, m.aliases)).collect();
    assert_eq!(told, [("m".to_owned(), "1".to_owned(), String::new(), Vec::<String>::new())]);
}
