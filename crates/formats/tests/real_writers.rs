//! A real MLflow process writes, we read meanwhile. Needs a Python with mlflow: `SIGNALBOX_PYTHON` names it. The other
//! tools' are in `tools`, each with a Python of its own choice.
//!
//! `cargo test -p signalbox-formats --features real-writers --test real_writers`

#[path = "readers/known.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use the rest of it")]
mod known;
#[path = "real_writers/tools.rs"]
mod tools;

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use known::{Known, KnownRun, read_whole};
use signalbox_formats::{Descend, Entry, LOGGED_IMAGES, Listing, SourceSpec, logged_images, open, recognise};
use signalbox_types::{Format, Lifecycle, Status};

/// An MLflow process under remote control.
struct Writer {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(uri: &str, dir: &Path) -> Writer {
        let python = std::env::var("SIGNALBOX_PYTHON").unwrap_or_else(|_| {
            panic!(
                "SIGNALBOX_PYTHON must name a Python that has mlflow (`make test` sets it); these tests are not skipped"
            )
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_writers/mlflow_writer.py");
        let mut child = Command::new(&python)
            .arg(script)
            .arg(uri)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{python} does not start: {e}"));
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Writer { child, commands, answers }
    }

    fn send(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    fn answer(&mut self) -> serde_json::Value {
        let line = self.answers.next().expect("the MLflow process ended early").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    fn call(&mut self, command: &str) -> serde_json::Value {
        self.send(command);
        self.answer()
    }

    fn finish(mut self) {
        drop(self.commands);
        assert!(self.child.wait().unwrap().success());
    }
}

/// All sources below a folder.
fn discover(project: &Path) -> Vec<SourceSpec> {
    let (mut found, mut todo) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(rel) = todo.pop() {
        let list = std::fs::read_dir(project.join(&rel)).unwrap().flatten();
        let entry = |e: std::fs::DirEntry| {
            let metadata = e.metadata().unwrap();
            Entry { name: e.file_name(), is_dir: metadata.is_dir(), len: metadata.len() }
        };
        let entries: Vec<Entry> = list.map(entry).collect();
        let recognised = recognise(&Listing { project, rel: &rel, entries: &entries });
        found.extend(recognised.sources);
        for entry in entries.iter().filter(|e| e.is_dir) {
            if match &recognised.descend {
                Descend::All => true,
                Descend::Only(names) => names.contains(&entry.name),
                Descend::None => false,
            } {
                todo.push(rel.join(&entry.name));
            }
        }
    }
    found
}

fn side_files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter(|n| ["-journal", "-wal", "-shm"].iter().any(|suffix| n.ends_with(suffix))).collect()
}

#[test]
fn mlflow_writes_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(&format!("sqlite:///{}", dir.path().join("mlflow.db").display()), dir.path());
    let run = writer.call("start alpha")["run"].as_str().unwrap().to_owned();
    let sources = discover(dir.path());
    assert_eq!(sources.iter().map(|s| s.format).collect::<Vec<_>>(), [Format::MlflowSqlite]);
    let (mut known, mut reader) = (Known::default(), open(&sources[0], None));
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known.runs[&run].status, Some(Status::Running));
    assert_eq!(known.runs[&run].params["opt/name"], "adam");

    // Each point is there as soon as the call that logged it is back.
    for n in 1..=20 {
        writer.call("log 1");
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(known.runs[&run].series["train/loss"].len(), n);
    }
    writer.call("odd");
    // A reader that never rests does not stall the writer.
    let alone = writer.call("log 200");
    writer.send("log 200");
    let done = AtomicBool::new(false);
    let together = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                known.catch_up(&mut *reader, usize::MAX);
            }
        });
        let answer = writer.answer();
        done.store(true, Ordering::Relaxed);
        answer
    });
    println!("log_metric alone {alone}, read meanwhile {together}");
    // Single calls wait for the disk now and then, with and without us. MLflow gives up on a lock after 5 s.
    let of = |answer: &serde_json::Value, key: &str| answer[key].as_f64().unwrap();
    let (mean_alone, mean) = (of(&alone, "mean"), of(&together, "mean"));
    assert!(mean < 0.05_f64.max(4.0 * mean_alone), "log_metric took {mean} s, {mean_alone} s without a reader");
    assert!(of(&together, "max") < 4.0, "log_metric took up to {} s", of(&together, "max"));

    writer.call("tag team vision");
    writer.call("tag gone soon");
    let child = writer.call("start child")["run"].as_str().unwrap().to_owned();
    writer.call("end FAILED");
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known.runs[&run].tags["gone"], "soon");
    assert_eq!((known.runs[&child].parent.as_str(), known.runs[&child].status), (run.as_str(), Some(Status::Failed)));
    writer.call("untag gone");
    writer.call(&format!("delete {child}"));
    writer.call(&format!("model reg {run}"));
    writer.call("end FINISHED");
    known.catch_up(&mut *reader, usize::MAX);
    let found = &known.runs[&run];
    assert_eq!(found.values("train/loss"), (0..420).map(|s| 1.0 / f64::from(s + 1)).collect::<Vec<_>>());
    let odd = found.values("odd");
    assert!(odd.iter().any(|x| x.is_nan()) && odd.contains(&f64::INFINITY) && odd.contains(&f64::NEG_INFINITY));
    assert_eq!((found.status, found.tags.get("gone")), (Some(Status::Finished), None));
    assert_eq!(known.runs[&child].lifecycle, Lifecycle::Deleted);
    assert_eq!(known.models.iter().next().unwrap(), &("reg".into(), "1".into(), run.clone()));
    assert_eq!(known, read_whole(&sources[0]));
    logs_images(&mut writer, dir.path(), |run| read_whole(&sources[0]).runs[run].clone());
    writer.finish();
    drop(reader);
    assert_eq!(side_files(dir.path()), [""; 0]);
}

#[test]
fn mlflow_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(&format!("sqlite:///{}", dir.path().join("mlflow.db").display()), dir.path());
    let run = writer.call("start alpha")["run"].as_str().unwrap().to_owned();
    writer.call("log 5");
    writer.send("log 100000");
    let sources = discover(dir.path());
    let (mut known, mut reader) = (Known::default(), open(&sources[0], None));
    while known.runs.get(&run).and_then(|r| r.series.get("train/loss")).is_none_or(|points| points.len() < 30) {
        known.catch_up(&mut *reader, usize::MAX);
    }
    writer.child.kill().unwrap();
    writer.child.wait().unwrap();
    known.catch_up(&mut *reader, usize::MAX);
    // MLflow does not say that it died; a journal that it left is said to need recovery, and is left alone.
    assert_eq!(known.runs[&run].status, Some(Status::Running));
    let kinds: Vec<&str> = known.problems.iter().map(|p| p.2.as_str()).collect();
    match side_files(dir.path()).as_slice() {
        [] => assert_eq!(kinds, [""; 0]),
        _ => assert!(kinds.is_empty() || kinds == ["NeedsRecovery"], "{kinds:?}"),
    }
    let steps = known.runs[&run].steps("train/loss");
    assert_eq!(steps, (0..steps.len() as i64).collect::<Vec<_>>());
}

#[test]
fn mlflow_writes_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::start(&format!("file://{}", dir.path().join("mlruns").display()), dir.path());
    let run = writer.call("start alpha")["run"].as_str().unwrap().to_owned();
    let spec = |run: &str| discover(dir.path()).into_iter().find(|s| s.rel.ends_with(run)).unwrap();
    let spec_of_run = spec(&run);
    let (mut known, mut reader) = (Known::default(), open(&spec_of_run, None));
    for n in 1..=20 {
        writer.call("log 1");
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(known.runs[&run].series["train/loss"].len(), n);
    }
    writer.call("odd");
    writer.call("tag gone soon");
    let child = writer.call("start child")["run"].as_str().unwrap().to_owned();
    writer.call("end KILLED");
    writer.call(&format!("delete {child}"));
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known.runs[&run].tags["gone"], "soon");
    writer.call("untag gone");
    writer.call(&format!("model reg {run}"));
    writer.call("end FINISHED");
    known.catch_up(&mut *reader, usize::MAX);
    let found = &known.runs[&run];
    assert_eq!((found.status, found.tags.get("gone")), (Some(Status::Finished), None));
    assert_eq!((found.name.as_str(), found.experiment.as_str()), ("alpha", "live"));
    assert_eq!(found.series["odd"].len(), 3);
    let of_child = read_whole(&spec(&child));
    assert_eq!((of_child.run().status, of_child.run().parent.as_str()), (Some(Status::Killed), run.as_str()));
    assert_eq!(of_child.run().lifecycle, Lifecycle::Deleted);
    let registry = discover(dir.path()).into_iter().find(|s| s.format == Format::MlflowFileRegistry).unwrap();
    assert_eq!(read_whole(&registry).models.iter().next().unwrap(), &("reg".into(), "1".into(), run.clone()));
    assert_eq!(known, read_whole(&spec_of_run));
    logs_images(&mut writer, dir.path(), |run| read_whole(&spec(run)).run().clone());
    writer.finish();
}

/// Pictures over steps, which only their files' names tell of. `read`: reads the run of an id.
fn logs_images(writer: &mut Writer, project: &Path, read: impl FnOnce(&str) -> KnownRun) {
    let id = writer.call("start pictured")["run"].as_str().unwrap().to_owned();
    for picture in ["val/dogs 3", "val/dogs 12", "cats 0", "val/dogs 3"] {
        writer.call(&format!("image {picture}"));
    }
    writer.call("end FINISHED");
    let run = read(&id);
    assert_eq!(run.tags[LOGGED_IMAGES], "True");
    let artifacts = Path::new(&run.artifact_root);
    let found = logged_images(project, artifacts);
    let places: Vec<_> = found.iter().map(|image| (image.key.as_str(), image.step)).collect();
    assert_eq!(places, [("cats", 0), ("val/dogs", 3), ("val/dogs", 3), ("val/dogs", 12)]);
    let (began, ended) = (run.started.unwrap() * 1e3 - 1.0, run.ended.unwrap().unwrap() * 1e3 + 1.0);
    for image in found {
        let bytes = std::fs::read(project.join(artifacts).join(&image.path)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && (began..=ended).contains(&(image.millis as f64)), "{image:?}");
    }
}
