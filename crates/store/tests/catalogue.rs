//! Projects, sources, runs and what hangs on them.

use std::path::Path;

use signalbox_store::{Annotation, Store, StoreError, StoreReader};
use signalbox_types::{
    Batch, Cursor, DatasetRef, Format, Lifecycle, ModelRef, ParamValue, Point, Points, Problem, ProblemKind, ProjectId,
    RunDelta, RunHead, SeriesDelta, SourceId, Status,
};

struct World {
    store: Store,
    reader: StoreReader,
    project: ProjectId,
    source: SourceId,
}

fn world() -> World {
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(Path::new("/data/p"), 1.0).unwrap();
    let source = store.add_source(project, Format::MlflowSqlite, Path::new("mlflow.db"), 1.0).unwrap();
    let reader = store.reader().unwrap();
    World { store, reader, project, source }
}

impl World {
    fn commit(&mut self, batch: Batch, now: f64) -> signalbox_store::Committed {
        let (_, generation) = self.store.cursor(self.source).unwrap();
        self.store.commit(self.source, generation, &[batch], &Cursor(format!("at {now}")), now).unwrap()
    }
}

fn points(steps: std::ops::Range<i64>) -> Points {
    steps.map(|step| Point { step, time: 100.0 + step as f64, value: step as f64 }).collect()
}

fn series(metric: &str, points: Points) -> SeriesDelta {
    SeriesDelta { metric: metric.into(), points, ..SeriesDelta::default() }
}

fn run(key: &str) -> RunDelta {
    RunDelta { key: key.into(), ..RunDelta::default() }
}

fn batch(runs: impl IntoIterator<Item = RunDelta>) -> Batch {
    Batch { runs: runs.into_iter().collect(), ..Batch::default() }
}

#[test]
fn a_run_comes_back_as_it_was_told() {
    let mut w = world();
    let delta = RunDelta {
        head: RunHead {
            name: Some("first".into()),
            status: Some(Status::Running),
            started: Some(50.0),
            parent: Some("b".into()),
            pid: Some(77),
            ..RunHead::default()
        },
        params: vec![
            ("lr".into(), ParamValue::Number(0.1)),
            ("amp".into(), ParamValue::Bool(true)),
            ("opt".into(), ParamValue::Text("adam".into())),
        ],
        tags: vec![("team".into(), "cv".into())],
        datasets: vec![DatasetRef {
            name: "iris".into(),
            digest: "d1".into(),
            context: "training".into(),
            source: "{}".into(),
            schema: String::new(),
        }],
        series: vec![series("loss", points(0..10)), series("acc", points(0..0))],
        ..run("a")
    };
    let done = w.commit(Batch { n_points: 10, bytes_read: 123, ..batch([delta]) }, 10.0);
    assert_eq!((done.generation, done.n_points, done.runs.len(), done.new_runs.len()), (1, 10, 1, 1));
    let id = done.runs[0];
    let (metric, name) = w.reader.metric_names(w.project).unwrap()[0].clone();
    assert_eq!((name.as_str(), &done.series[..]), ("loss", &[(id, metric)][..]));
    assert_eq!(w.store.cursor(w.source).unwrap(), (Cursor("at 10".into()), 1));
    assert_eq!(w.reader.sources(w.project).unwrap()[0].n_bytes, 123);

    let rows = w.reader.load_runs(w.project).unwrap();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.key.as_str(), row.name.as_deref(), row.status), ("a", Some("first"), Status::Running));
    assert_eq!((row.started, row.ended, row.parent_key.as_deref(), row.pid), (Some(50.0), None, Some("b"), Some(77)));
    assert_eq!((row.first_seen, row.last_change, row.first_time, row.gone), (10.0, 10.0, Some(100.0), false));
    let names: Vec<&str> = row.params.iter().map(|p| p.0.as_str()).collect();
    assert_eq!(names, ["amp", "lr", "opt"]);
    assert_eq!(row.params[0].1, ParamValue::Bool(true));
    assert_eq!(row.params[1].1, ParamValue::Number(0.1));
    let m = row.metrics[0];
    assert_eq!((m.n, m.first_step, m.last_step, m.last, m.min, m.max, m.max_step), (10, 0, 9, 9.0, 0.0, 9.0, 9));
    assert_eq!((m.first_time, m.last_time, m.n_rewinds, m.line_empty), (100.0, 109.0, 0, false));
    assert_eq!(w.reader.datasets(id).unwrap()[0].context, "training");

    // News replaces by name and leaves the rest.
    let delta = RunDelta {
        head: RunHead { status: Some(Status::Finished), ended: Some(Some(60.0)), ..RunHead::default() },
        params: vec![("lr".into(), ParamValue::Text("0.2".into()))],
        ..run("a")
    };
    let done = w.commit(batch([delta, run("b")]), 20.0);
    assert_eq!((done.new_runs.len(), done.series.len()), (1, 0));
    let rows = w.reader.runs(&[done.new_runs[0], id]).unwrap();
    assert_eq!((rows[0].key.as_str(), rows[0].metrics.len()), ("b", 0));
    let row = &rows[1];
    assert_eq!((row.name.as_deref(), row.status, row.ended), (Some("first"), Status::Finished, Some(60.0)));
    assert_eq!((row.params[1].1.text(), row.params.len()), ("0.2".to_string(), 3));
    assert_eq!((row.first_seen, row.last_change), (10.0, 20.0));

    // Its source says that it was deleted, and that it ended never.
    let head = RunHead { lifecycle: Some(Lifecycle::Deleted), ended: Some(None), ..RunHead::default() };
    w.commit(batch([RunDelta { head, ..run("a") }]), 30.0);
    let row = &w.reader.runs(&[id]).unwrap()[0];
    assert_eq!((row.lifecycle, row.ended, row.started), (Lifecycle::Deleted, None, Some(50.0)));
}

#[test]
fn a_reset_forgets_the_run_but_not_our_words() {
    let mut w = world();
    let told = RunDelta {
        params: vec![("old".into(), ParamValue::Bool(false))],
        series: vec![series("loss", points(0..5000)), series("gone", points(0..3))],
        ..run("a")
    };
    let id = w.commit(batch([told]), 1.0).runs[0];
    let words =
        Annotation { name: Some("mine".into()), color: Some(3), tags: vec!["x".into()], ..Annotation::default() };
    w.store.annotate(id, &words).unwrap();
    let again = RunDelta { reset: true, series: vec![series("loss", points(7..9))], ..run("a") };
    let done = w.commit(batch([again]), 2.0);
    assert_eq!((done.runs, done.new_runs), (vec![id], vec![]));
    let row = &w.reader.runs(&[id]).unwrap()[0];
    assert_eq!(row.annotation.as_ref(), Some(&words));
    assert_eq!((row.params.len(), row.metrics.len(), row.metrics[0].n, row.metrics[0].first_step), (0, 1, 2, 7));
    assert_eq!(row.first_time, Some(107.0));
    assert_eq!(w.reader.points(id, row.metrics[0].metric).unwrap()[0].points, points(7..9));
    let unknown = w.store.annotate(signalbox_types::RunId(999), &words);
    assert!(matches!(unknown, Err(StoreError::UnknownRun(_))));
}

#[test]
fn gone_runs_and_sources_stay_listed() {
    let mut w = world();
    let ids = w.commit(batch([run("a"), run("b")]), 1.0).runs;
    let done = w.commit(Batch { gone: vec!["a".into(), "nobody".into()], ..Batch::default() }, 2.0);
    assert_eq!(done.runs, ids[..1]);
    let gone = |w: &World| w.reader.load_runs(w.project).unwrap().iter().map(|r| r.gone).collect::<Vec<_>>();
    assert_eq!(gone(&w), [true, false]);
    w.commit(batch([run("a")]), 3.0);
    assert_eq!(gone(&w), [false, false]);
    w.store.remove_source(w.source, 4.0).unwrap();
    assert_eq!(gone(&w), [true, true]);
    assert!(w.reader.sources(w.project).unwrap()[0].gone);
    w.store.revive_source(w.source).unwrap();
    assert_eq!(gone(&w), [false, false]);
}

#[test]
fn problems_are_said_once_and_healed_by_path() {
    let mut w = world();
    let problem = |path: &str, offset, message: &str| Problem {
        path: path.into(),
        offset,
        kind: ProblemKind::DamagedRecord,
        message: message.into(),
    };
    let bad = Batch { problems: vec![problem("x", Some(5), "one"), problem("y", None, "two")], ..batch([run("a")]) };
    let id = w.commit(bad.clone(), 1.0);
    assert!(id.problems_changed);
    assert!(!w.commit(bad, 2.0).problems_changed);
    let rows = w.reader.problems(w.project).unwrap();
    assert_eq!(
        rows.iter().map(|r| (r.problem.offset, r.first_seen)).collect::<Vec<_>>(),
        [(Some(5), 1.0), (None, 1.0)]
    );
    assert_eq!(w.reader.run_problems(id.runs[0]).unwrap(), rows);
    let healed = Batch { healed: vec!["x".into()], problems: vec![problem("x", Some(9), "new")], ..Batch::default() };
    assert!(w.commit(healed, 3.0).problems_changed);
    let rows = w.reader.source_problems(w.source).unwrap();
    assert_eq!(rows.iter().map(|r| r.problem.message.as_str()).collect::<Vec<_>>(), ["new", "two"]);
}

#[test]
fn models_know_their_run_across_sources() {
    let mut w = world();
    let id = w.commit(batch([run("r1")]), 1.0).runs[0];
    let registry = w.store.add_source(w.project, Format::MlflowFileRegistry, Path::new("models"), 1.0).unwrap();
    let model = |name: &str, run: &str| ModelRef {
        name: name.into(),
        version: "1".into(),
        run: run.into(),
        stage: "None".into(),
        aliases: vec!["champion".into()],
        source: "s".into(),
        status: "READY".into(),
        created_unix_ms: 5,
    };
    let models = Batch { models: Some(vec![model("m", "r1"), model("n", "")]), ..Batch::default() };
    assert!(w.store.commit(registry, 0, &[models], &Cursor::default(), 1.0).unwrap().models_changed);
    let rows = w.reader.models(w.project).unwrap();
    assert_eq!(rows.iter().map(|r| r.run).collect::<Vec<_>>(), [Some(id), None]);
    assert_eq!(rows[0].model, model("m", "r1"));
    let fewer = Batch { models: Some(vec![]), ..Batch::default() };
    w.store.commit(registry, 1, &[fewer], &Cursor::default(), 1.0).unwrap();
    assert!(w.reader.models(w.project).unwrap().is_empty());
}

#[test]
fn projects_and_sources_are_added_once_and_forgotten_whole() {
    let mut w = world();
    let id = w.commit(batch([RunDelta { series: vec![series("loss", points(0..5000))], ..run("a") }]), 1.0).runs[0];
    w.store.annotate(id, &Annotation { note: "n".into(), ..Annotation::default() }).unwrap();
    assert_eq!(w.store.add_project(Path::new("/data/p"), 9.0).unwrap(), w.project);
    let other = w.store.add_project(Path::new("/data/q"), 5.0).unwrap();
    let source = w.store.add_source(w.project, Format::MlflowSqlite, Path::new("mlflow.db"), 3.0).unwrap();
    assert_eq!(source, w.source);
    let listed: Vec<_> = w.reader.projects().unwrap().iter().map(|p| (p.id, p.added, p.last_opened)).collect();
    assert_eq!(listed, [(w.project, 1.0, 9.0), (other, 5.0, 5.0)]);
    w.store.forget_project(w.project).unwrap();
    assert!(w.reader.load_runs(w.project).unwrap().is_empty());
    assert!(matches!(w.store.cursor(w.source), Err(StoreError::UnknownSource(_))));
    let late = w.store.commit(w.source, 1, &[batch([run("a")])], &Cursor::default(), 1.0);
    assert!(matches!(late, Err(StoreError::UnknownSource(_))));
    // Ids are not used again.
    assert_ne!(w.store.add_project(Path::new("/data/p"), 10.0).unwrap(), w.project);
}

#[cfg(unix)]
#[test]
fn paths_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let mut w = world();
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/data/\xff\xfe"));
    let id = w.store.add_project(path, 99.0).unwrap();
    w.store.add_source(id, Format::Csv, path, 1.0).unwrap();
    assert_eq!(w.reader.projects().unwrap()[0].path, path);
    assert_eq!(w.reader.sources(id).unwrap()[0].rel, path);
}

#[test]
fn preferences_are_kept() {
    let mut w = world();
    assert_eq!(w.store.pref("theme").unwrap(), None);
    w.store.set_pref("theme", "\"dark\"").unwrap();
    w.store.set_pref("theme", "\"light\"").unwrap();
    assert_eq!(w.store.pref("theme").unwrap().as_deref(), Some("\"light\""));
}
