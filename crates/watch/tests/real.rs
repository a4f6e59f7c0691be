//! The engine with the real formats and the real store: read whole, followed, killed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signalbox_store::{Store, StoreReader};
use signalbox_testkit::tfevents::{file_version, record, scalar, write_scalars};
use signalbox_types::{Points, ProjectId, RunId};
use signalbox_watch::{Cancel, Engine, Options, WatchEvent, read_to_end};

const EVENTS: &str = "run/events.out.tfevents.1795000000.host";

fn read_all(store: &Store, project: ProjectId, root: &Path) -> signalbox_watch::Summary {
    read_to_end(store.path(), project, root, Options::default(), &Cancel::new(), |_| {}).unwrap()
}

fn points(reader: &StoreReader, project: ProjectId, run: RunId, metric: &str) -> Points {
    let id = reader.metric_names(project).unwrap().into_iter().find(|(_, n)| n == metric).unwrap().0;
    let parts = reader.points(run, id).unwrap();
    assert_eq!(parts.len(), 1);
    parts.into_iter().next().unwrap().points
}

#[test]
fn read_once_and_then_only_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir(root.join("run")).unwrap();
    let bytes = write_scalars(File::create(root.join(EVENTS)).unwrap(), &["loss", "acc"], 2000, false).unwrap();
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(&root, 1.0).unwrap();

    let first = read_all(&store, project, &root);
    assert_eq!((first.counts.sources, first.n_points, first.read_bytes), (1, 4000, bytes));
    let reader = store.reader().unwrap();
    let run = reader.load_runs(project).unwrap()[0].id;
    assert_eq!(points(&reader, project, run, "loss").steps, (0..2000).collect::<Vec<i64>>());

    let nothing = read_all(&store, project, &root);
    assert_eq!((nothing.n_points, nothing.read_bytes), (0, 0));

    let more = record(&scalar(1_795_000_999.0, 2000, "loss", 0.5));
    File::options().append(true).open(root.join(EVENTS)).unwrap().write_all(&more).unwrap();
    let second = read_all(&store, project, &root);
    assert_eq!((second.n_points, second.read_bytes), (1, more.len() as u64));
    assert_eq!(points(&store.reader().unwrap(), project, run, "loss").len(), 2001);
}

#[test]
fn an_append_is_committed_at_once_and_costs_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    fs::create_dir(root.join("run")).unwrap();
    write_scalars(File::create(root.join(EVENTS)).unwrap(), &["loss"], 100, false).unwrap();
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(&root, 1.0).unwrap();
    let (tx, events) = channel();
    let tx = Mutex::new(tx);
    let engine = Engine::start(store.path(), Options::default(), move |e| drop(tx.lock().unwrap().send(e))).unwrap();
    engine.watch(project, &root);
    let mut n_points = 0;
    let mut wait = |until: u64| {
        let mut bytes = 0;
        while n_points < until {
            if let WatchEvent::Committed { n_points: n, read_bytes, .. } =
                events.recv_timeout(Duration::from_secs(120)).unwrap()
            {
                n_points += n;
                bytes += read_bytes;
            }
        }
        bytes
    };
    wait(100);
    let mut out = File::options().append(true).open(root.join(EVENTS)).unwrap();
    for step in 100..200 {
        let bytes = record(&scalar(1_795_000_100.0, step, "loss", 1.0));
        out.write_all(&bytes).unwrap();
        assert_eq!(wait(step as u64 + 1), bytes.len() as u64);
    }
    engine.stop();
    assert_eq!(points(&store.reader().unwrap(), project, RunId(1), "loss").len(), 200);
}

#[test]
fn a_walk_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(&root, 1.0).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let summary = read_to_end(store.path(), project, &root, Options::default(), &cancel, |_| {}).unwrap();
    assert!(summary.cancelled);
}

/// Where the child of `killed_twenty_times` finds its project and its store.
const CHILD_DIR: &str = "SIGNALBOX_TEST_CHILD_DIR";

/// Not a test of its own: what `killed_twenty_times` starts and kills. It follows the project until then.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else { return };
    let mut store = Store::open(&dir.join("store.db")).unwrap();
    let root = dir.join("project");
    let project = store.add_project(&root, 1.0).unwrap();
    let (tx, events) = channel();
    let tx = Mutex::new(tx);
    let options = Options { slice_bytes: 64 << 10, ..Options::default() };
    let engine = Engine::start(&dir.join("store.db"), options, move |e| drop(tx.lock().unwrap().send(e))).unwrap();
    engine.watch(project, &root);
    for event in events {
        if let WatchEvent::Committed { n_points, .. } = event {
            println!("committed {n_points}");
        }
    }
}

#[test]
fn killed_twenty_times_every_point_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("project");
    fs::create_dir_all(root.join("run")).unwrap();
    fs::create_dir_all(root.join("old")).unwrap();
    let n_old = 300_000;
    let old = root.join("old/events.out.tfevents.1795000000.host");
    write_scalars(File::create(old).unwrap(), &["loss"], n_old, false).unwrap();

    // A training that goes on all the while: it knows nothing of us.
    let (stop, stopped) = channel::<()>();
    let written = Arc::new(Mutex::new(0_i64));
    let training = std::thread::spawn({
        let (path, csv, written) = (root.join(EVENTS), root.join("log.csv"), Arc::clone(&written));
        move || {
            let mut out = File::create(path).unwrap();
            let mut csv = File::create(csv).unwrap();
            out.write_all(&record(&file_version(1_795_000_000.0, None))).unwrap();
            csv.write_all(b"step,loss\n").unwrap();
            let mut step = 0;
            while stopped.recv_timeout(Duration::from_micros(500)) == Err(RecvTimeoutError::Timeout) {
                for _ in 0..5 {
                    let time = 1_795_000_000.0 + step as f64;
                    out.write_all(&record(&scalar(time, step, "loss", step as f32))).unwrap();
                    csv.write_all(format!("{step},{step}.5\n").as_bytes()).unwrap();
                    step += 1;
                }
                *written.lock().unwrap() = step;
            }
        }
    });

    let mut chance: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut n_committing = 0;
    for _ in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(30 + (chance >> 33) % 400);
        // Nobody ever sends: this waits for the moment.
        let (_never, moments) = channel::<()>();
        let _ = moments.recv_timeout(moment);
        child.kill().unwrap();
        let out = child.wait_with_output().unwrap();
        n_committing += usize::from(String::from_utf8_lossy(&out.stdout).contains("committed"));
    }
    assert!(n_committing >= 10, "only {n_committing} of 20 were killed after a first commit");
    drop(stop);
    training.join().unwrap();
    let n = *written.lock().unwrap();

    let mut store = Store::open(&dir.path().join("store.db")).unwrap();
    let project = store.add_project(&root, 1.0).unwrap();
    read_all(&store, project, &root);
    let reader = store.reader().unwrap();
    let sources = reader.sources(project).unwrap();
    let mut n_checked = 0;
    for run in reader.load_runs(project).unwrap() {
        let source = sources.iter().find(|s| s.id == run.source).unwrap();
        let n = if source.rel == Path::new("old") { n_old } else { n };
        let points = points(&reader, project, run.id, "loss");
        assert_eq!(points.len() as i64, n, "{:?}", source.rel);
        assert!(points.steps.iter().copied().eq(0..n), "{:?}", source.rel);
        if source.rel == Path::new("run") {
            assert!(points.values.iter().enumerate().all(|(i, v)| *v == i as f64));
        }
        n_checked += 1;
    }
    assert!(n_checked >= 2, "{sources:?}");
}

/// Everything that the formats recognise is found while it is being made, in the order in which its writer makes it.
#[test]
fn mlflow_and_csv_runs_are_found_while_they_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(&root, 1.0).unwrap();
    let (tx, events) = channel();
    let tx = Mutex::new(tx);
    let engine = Engine::start(store.path(), Options::default(), move |e| drop(tx.lock().unwrap().send(e))).unwrap();
    engine.watch(project, &root);
    let reader = store.reader().unwrap();
    // Looks after each event until it is so.
    let wait = |what: &str, is_it: &dyn Fn(&StoreReader) -> bool| {
        let until = Instant::now() + Duration::from_secs(120);
        while !is_it(&reader) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(events.recv_timeout(left).is_ok(), "no {what}: {:?}", reader.sources(project));
        }
    };
    let n_points = |reader: &StoreReader, rel: &str| -> u64 {
        let sources = reader.sources(project).unwrap();
        let Some(source) = sources.iter().find(|s| s.rel == Path::new(rel) && !s.gone) else { return 0 };
        let runs = reader.load_runs(project).unwrap();
        runs.iter().filter(|r| r.source == source.id).flat_map(|r| &r.metrics).map(|m| m.n).sum()
    };
    let append = |path: &Path, text: &str| {
        File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    };
    wait("first walk", &|_| engine.project_stats(project).is_some_and(|s| !s.scanning));

    // MLflow's file store, from nothing.
    let experiment = root.join("mlruns/0");
    fs::create_dir_all(&experiment).unwrap();
    let meta = "artifact_location: file:///x\nexperiment_id: '0'\nlifecycle_stage: active\nname: Default\n";
    fs::write(experiment.join("meta.yaml"), meta).unwrap();
    let run = "mlruns/0/0123456789abcdef0123456789abcdef";
    fs::create_dir(root.join(run)).unwrap();
    let meta = "artifact_uri: file:///x\nend_time: null\nexperiment_id: '0'\nlifecycle_stage: active\n\
                run_id: 0123456789abcdef0123456789abcdef\nrun_name: calm\nstart_time: 1795000000000\nstatus: 1\n";
    fs::write(root.join(run).join("meta.yaml"), meta).unwrap();
    for folder in ["metrics", "params", "tags", "artifacts"] {
        fs::create_dir(root.join(run).join(folder)).unwrap();
    }
    append(&root.join(run).join("metrics/loss"), "1795000000000 0.5 0\n");
    wait("first point", &|r| n_points(r, run) == 1);
    append(&root.join(run).join("metrics/loss"), "1795000001000 0.4 1\n");
    wait("second point", &|r| n_points(r, run) == 2);
    fs::create_dir(root.join(run).join("metrics/val")).unwrap();
    append(&root.join(run).join("metrics/val/loss"), "1795000001000 0.6 1\n");
    wait("a metric in a folder of its own", &|r| n_points(r, run) == 3);
    append(&root.join(run).join("metrics/val/loss"), "1795000002000 0.6 2\n");
    wait("its second point", &|r| n_points(r, run) == 4);

    // Keras' CSVLogger beside TensorBoard: the file is empty until the first epoch has ended.
    fs::create_dir(root.join("keras")).unwrap();
    append(&root.join("keras/training.log"), "");
    fs::write(root.join("keras/events.out.tfevents.1795000000.host"), record(&scalar(1.0, 0, "loss", 1.0))).unwrap();
    wait("event file", &|r| n_points(r, "keras") == 1);
    append(&root.join("keras/training.log"), "epoch,loss,val_loss\r\n0,0.5,0.6\r\n");
    wait("the log", &|r| n_points(r, "keras/training.log") == 2);
    append(&root.join("keras/training.log"), "1,0.4,0.5\r\n");
    wait("the log's second line", &|r| n_points(r, "keras/training.log") == 4);
    engine.stop();
    assert!(reader.problems(project).unwrap().is_empty(), "{:?}", reader.problems(project));
}
