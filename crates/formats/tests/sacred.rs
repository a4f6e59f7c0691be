//! Sacred's FileStorageObserver: the real sample, files that are written over, pymarl's lists, damage.

#[path = "readers/known.rs"]
#[allow(dead_code)]
mod known;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use known::{
    Known, assert_same, copy_of, expected,
    project::{HOUR, check_half_written, list, put as put_now, put_aged},
    read_whole, samples, spec,
};
use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Cursor, Format, Status, days_from_civil};

/// Writes a file as a new one, long ago: a young one that makes no sense is taken for half written.
fn put(path: &Path, text: &str) {
    put_aged(path, text, HOUR);
}

fn run_spec(project: &Path) -> SourceSpec {
    spec(Format::Sacred, project, "runs/7")
}

const RECORD: &str = r#"{"artifacts": [], "command": "main", "experiment": {"name": "e"}, "status": "COMPLETED", "start_time": "2026-01-01T00:00:00"}"#;

/// A run in a new project.
fn run(files: &[(&str, &str)]) -> (tempfile::TempDir, SourceSpec) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("run.json", RECORD), ("config.json", "{}")].iter().chain(files) {
        put(&dir.path().join("runs/7").join(name), text);
    }
    let spec = run_spec(dir.path());
    (dir, spec)
}

/// Unix seconds of "2026-11-21T08:12:38.937482", with arithmetic of the test's own.
fn unix(text: &str) -> f64 {
    let n = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let seconds = days_from_civil(n(0, 4), n(5, 7), n(8, 10)) * 86_400 + n(11, 13) * 3_600 + n(14, 16) * 60;
    seconds as f64 + text[17..].parse::<f64>().unwrap()
}

#[test]
fn the_sample_tells_what_its_files_hold() {
    let expected = expected("sacred");
    let statuses = [("1", Some(Status::Finished)), ("2", Some(Status::Failed)), ("3", None)];
    for (id, status) in statuses {
        let known = read_whole(&spec(Format::Sacred, &samples().join("sacred"), &format!("runs/{id}")));
        assert_eq!(known.problems, Default::default());
        let (run, says) = (known.run(), &expected["runs"][id]);
        assert_eq!((run.name.as_str(), run.experiment.as_str()), (id, "demo"));
        // The third was killed: its heartbeat is long ago.
        assert_eq!(run.status, status, "{id}");
        assert_eq!(run.started, says["start_time"].as_str().map(unix));
        assert_eq!(run.ended, Some(says["stop_time"].as_str().map(unix)));
        let metrics = says["metrics"].as_object().unwrap();
        assert!(run.series.keys().eq(metrics.keys()), "{:?}", run.series.keys());
        for (metric, says) in metrics {
            assert_eq!(run.steps(metric).len() as u64, says["points"].as_u64().unwrap());
            assert_eq!(run.steps(metric).last().copied(), says["last_step"].as_i64());
            assert_eq!(run.values(metric).last().copied(), says["last"].as_f64());
            assert_eq!(run.times(metric)[0], unix(says["timestamps0"].as_str().unwrap()));
        }
    }
}

#[test]
fn parameters_tags_and_artifacts() {
    let known = read_whole(&spec(Format::Sacred, &samples().join("sacred"), "runs/2"));
    let run = known.run();
    let params: Vec<(&str, &str)> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(params, [("layers", "[1,2]"), ("lr", "number 2"), ("net.depth", "number 3"), ("seed", "number 42")]);
    let tags: Vec<(&str, &str)> = run.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("command", "main"),
        ("error", "ValueError: boom"),
        ("hostname", "vm"),
        ("mainfile", "gen_sacred.py"),
        ("python_version", "3.11.7"),
    ];
    assert_eq!(tags, expected);
    // `config.json` lies there, with all that was in it.
    assert_eq!(run.artifact_root, "");
    let first = read_whole(&spec(Format::Sacred, &samples().join("sacred"), "runs/1"));
    assert_eq!(first.run().tags["result"], "0.9");
    assert_eq!(first.run().tags["comment"], "first");
    assert_eq!(first.run().values("train.loss"), [1.0, 0.5, 1.0 / 3.0, 0.25, 0.2]);
}

#[test]
fn cut_at_any_byte_it_is_as_read_whole() {
    let dir = copy_of("sacred");
    let spec = spec(Format::Sacred, dir.path(), "runs/2");
    for name in ["run.json", "config.json", "metrics.json"] {
        check_half_written(&spec, name, |len| (0..len).collect(), |len| (1..len).step_by(13).collect());
    }
}

/// `metrics.json` with so many points.
fn metrics(n: usize) -> String {
    let list = |of: &dyn Fn(usize) -> String| (0..n).map(of).collect::<Vec<_>>().join(",");
    let times = list(&|i| format!("\"2026-01-01T00:00:{:02}.000001\"", i % 60));
    let (steps, values) = (list(&|i| (i * 10).to_string()), list(&|i| format!("{}.5", i)));
    format!(r#"{{"loss": {{"steps": [{steps}], "timestamps": [{times}], "values": [{values}]}}}}"#)
}

#[test]
fn a_heartbeat_tells_what_is_new_and_nothing_twice() {
    let (dir, spec) = run(&[("metrics.json", &metrics(3))]);
    let file = |name: &str| dir.path().join("runs/7").join(name);
    let (mut known, mut cursor) = (Known::default(), None);
    let mut reader = open(&spec, None);
    known.catch_up(&mut *reader, usize::MAX);
    put(&file("metrics.json"), &metrics(5));
    put(&file("run.json"), RECORD);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.n_points, batch.runs[0].head.clone(), batch.runs[0].reset), (2, Default::default(), false));
    assert_eq!(known.run().steps("loss"), [0, 10, 20, 30, 40]);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0));
    // A cursor goes on as well.
    cursor = cursor.or(Some(reader.cursor()));
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
    put_now(&file("metrics.json"), b"");
    put_now(&file("run.json"), b"{\"artifacts\": [");
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).runs.len(), 0);
    put(&file("metrics.json"), &metrics(6));
    put(&file("run.json"), RECORD);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).n_points, 1);
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn another_run_in_the_same_folder_replaces_the_first() {
    let (dir, spec) = run(&[("metrics.json", &metrics(5)), ("config.json", r#"{"lr": 1, "old": 2}"#)]);
    let file = |name: &str| dir.path().join("runs/7").join(name);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    // Shorter metrics alone: the file's curves are told again, and nothing else.
    put(&file("metrics.json"), &metrics(2));
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert!(!batch.runs[0].reset && batch.runs[0].series.iter().all(|s| s.reset));
    assert_eq!(known, read_whole(&spec));
    // Longer, with another beginning.
    put(&file("metrics.json"), &metrics(9).replace("0.5", "0.25"));
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
    // A metric is gone.
    put(&file("metrics.json"), "{}");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
    assert_eq!(known.run().series.len(), 0);
    put(&file("run.json"), &RECORD.replace("2026-01-01", "2026-01-02").replace("COMPLETED", "FAILED"));
    put(&file("config.json"), r#"{"lr": 3}"#);
    let batch = known.visit(&spec, &mut cursor, 1);
    assert!(batch.runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    assert_eq!((known.run().status, known.run().params.len()), (Some(Status::Failed), 1));
    // The configuration alone may tell them apart.
    put(&file("config.json"), r#"{"batch": 4}"#);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn pymarl_keeps_its_curves_in_info() {
    let info = |n: usize| {
        let value = |i: usize| format!(r#"{{"py/object": "numpy.float64", "dtype": "float64", "value": {i}.25}}"#);
        let join = |items: Vec<String>| items.join(",");
        let values = join((0..n).map(value).collect());
        let steps = join((0..n).map(|i| (i * 50).to_string()).collect());
        format!(
            r#"{{"return_mean": [{values}], "return_mean_T": [{steps}], "loss": [NaN], "loss_T": [1], "note": [1]}}"#
        )
    };
    let (dir, spec) = run(&[("metrics.json", "{}"), ("info.json", &info(2))]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    put(&spec.path().join("info.json"), &info(4));
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).n_points, 2);
    let run = known.run();
    assert!(run.series.keys().eq(["loss", "return_mean"]));
    assert_eq!(run.steps("return_mean"), [0, 50, 100, 150]);
    assert_eq!(run.values("return_mean"), [0.25, 1.25, 2.25, 3.25]);
    assert_same(&run.values("loss"), &[f64::NAN], "loss");
    // epymarl logs the same to both files.
    put(&dir.path().join("runs/7/metrics.json"), &metrics(3));
    known.visit(&spec, &mut cursor, 1);
    assert_eq!(known.run().values("loss"), [0.5, 1.5, 2.5]);
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn a_beating_run_is_running() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    // Unix seconds as Sacred writes them, by way of a day that begins at the epoch.
    let clock = |secs: u64| format!("{:02}:{:02}:{:02}", secs / 3_600 % 24, secs / 60 % 60, secs % 60);
    let mut days = (0..40_000).map(|d| (1970 + d / 372, d / 31 % 12 + 1, d % 31 + 1));
    let (y, m, d) = days.rfind(|&(y, m, d)| days_from_civil(y, m, d) == (now / 86_400) as i64).unwrap();
    let running = |secs: u64| {
        let beat = format!("{y}-{m:02}-{d:02}T{}.5", clock(secs));
        format!(r#"{{"experiment": {{"name": "e"}}, "status": "RUNNING", "start_time": "x", "heartbeat": "{beat}"}}"#)
    };
    let (_dir, spec) = run(&[("run.json", &running(now))]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.run().status, known.run().ended), (Some(Status::Running), Some(None)));
    put(&spec.path().join("run.json"), &running(now - now % 86_400).replace(&format!("{y}-"), "2001-"));
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().status, Some(Status::Unknown));
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let odd = r#"{"a": {"steps": [1, 2], "timestamps": [], "values": [5]}, "b": {"steps": [1], "values": [6]}}"#;
    let (_dir, spec) = run(&[("config.json", "[1]"), ("metrics.json", odd), ("info.json", "{nonsense")]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.run().values("a"), known.run().values("b")), (vec![5.0], vec![6.0]));
    let problem = |name: &str, offset| (format!("runs/7/{name}"), offset, "Malformed".to_owned());
    let expected = [problem("config.json", None), problem("info.json", None), problem("metrics.json", Some(0))];
    assert_eq!(known.problems, expected.into_iter().collect());
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
    for name in ["config.json", "info.json", "metrics.json"] {
        put(&spec.path().join(name), "{}");
    }
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
    assert_eq!(known.problems, Default::default());
}

#[test]
fn a_foreign_cursor_means_everything_anew() {
    let dir = copy_of("sacred");
    let spec = spec(Format::Sacred, dir.path(), "runs/1");
    let mut known = read_whole(&spec);
    let whole = known.clone();
    let batch = known.visit(&spec, &mut Some(Cursor("{\"at\":1}".to_owned())), usize::MAX);
    assert!(batch.runs[0].reset);
    assert_eq!(known, whole);
}

#[test]
fn hostile_files_are_bounded() {
    let deep = "[".repeat(1 << 20);
    let name = format!(r#"{{"../../x\u001b{}": {{"steps": [1], "values": [1]}}}}"#, "y".repeat(5_000));
    let secret = r#"{"db": {"password": "hunter2"}, "lr": 1}"#;
    let (_dir, spec) = run(&[("metrics.json", &name), ("info.json", &deep), ("config.json", secret)]);
    let known = read_whole(&spec);
    let metric = known.run().series.keys().next().unwrap();
    assert!(metric.len() < 5_000 && metric.starts_with("../../x\u{fffd}"), "{metric:.20}");
    assert!(known.run().params.keys().eq(["lr"]));
    assert_eq!(known.problems.len(), 1);
    // A file of any length is not read.
    let file = fs::OpenOptions::new().write(true).open(spec.path().join("metrics.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let known = read_whole(&spec);
    assert!(known.problems.iter().any(|(path, _, kind)| path == "runs/7/metrics.json" && kind == "TooLarge"));
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read_and_no_pipe_waited_for() {
    let outer = tempfile::tempdir().unwrap();
    put(&outer.path().join("secret.json"), r#"{"key": 1}"#);
    let project = outer.path().join("project");
    put(&project.join("runs/7/run.json"), RECORD);
    std::os::unix::fs::symlink(outer.path().join("secret.json"), project.join("runs/7/config.json")).unwrap();
    let pipe = project.join("runs/7/metrics.json");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let known = read_whole(&run_spec(&project));
    assert_eq!((known.run().params.len(), known.problems.len()), (0, 0));
}

#[test]
fn a_run_is_recognised_by_what_its_record_holds() {
    for id in ["runs/1", "runs/2", "runs/3"] {
        let recognised = list(&samples().join("sacred"), id);
        let sources: Vec<(Format, PathBuf)> = recognised.sources.into_iter().map(|s| (s.format, s.rel)).collect();
        assert_eq!(sources, [(Format::Sacred, PathBuf::from(id))]);
        assert_eq!(recognised.descend, Descend::All);
    }
    let dir = tempfile::tempdir().unwrap();
    let is_run = |record: &str, others: &[&str]| {
        let _ = fs::remove_dir_all(dir.path().join("runs"));
        put(&dir.path().join("runs/7/run.json"), record);
        for name in others {
            put(&dir.path().join("runs/7").join(name), "{}");
        }
        !list(dir.path(), "runs/7").sources.is_empty()
    };
    assert!(is_run(RECORD, &["config.json"]));
    assert!(!is_run(RECORD, &[]));
    assert!(!is_run(r#"{"status": "ok"}"#, &["config.json", "cout.txt"]));
    // Being written over, while its folder is looked at.
    assert!(is_run("", &["config.json", "cout.txt"]) && !is_run("", &["config.json"]));
    assert!(is_run(r#"{"artifacts": ["#, &["config.json", "cout.txt"]));
    let end = r#""experiment": {}, "meta": {}, "start_time": "2026-01-01T00:00:00", "status": "FAILED""#;
    let long = format!(r#"{{"artifacts": ["{}"], {end}}}"#, "x".repeat(9_000));
    assert!(is_run(&long, &["config.json"]));
    // Somebody's own, in a project's own words.
    assert!(!is_run(r#"{"experiment": "resnet", "status": "ok", "artifacts": []}"#, &["config.json"]));
    // What else was logged into the folder is a run as before.
    put(&dir.path().join("runs/7/run.json"), RECORD);
    put(&dir.path().join("runs/7/log.csv"), "step,loss\n0,1\n1,0.5\n");
    let formats: Vec<Format> = list(dir.path(), "runs/7").sources.into_iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Sacred, Format::Csv]);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]
    #[test]
    fn whatever_was_seen_before_it_ends_as_read_whole(
        states in proptest::collection::vec((1..4_u8, 0..20_usize, 0..20_usize, 0..3_u8, 0..9_usize), 1..6),
        budget in 1..2_000_usize,
    ) {
        let (dir, spec) = run(&[]);
        let state = |start: u8, n: usize, n_info: usize, config: u8, cut: usize| {
            let put = |name: &str, text: String| {
                put_now(&dir.path().join("runs/7").join(name), &text.as_bytes()[..text.len() - cut.min(text.len())]);
            };
            put("run.json", RECORD.replace("2026-01-01", &format!("2026-01-0{start}")));
            put("config.json", format!("{{\"lr\": 1, \"c{config}\": 2}}"));
            put("metrics.json", metrics(n).replace("0.5", &format!("0.{start}5")));
            let list: Vec<String> = (0..n_info).map(|i| i.to_string()).collect();
            let list = list.join(",");
            let name = if config == 0 { "loss" } else { "return" };
            put("info.json", format!("{{\"{name}\": [{list}], \"{name}_T\": [{list}]}}"));
        };
        let (mut known, mut cursor) = (Known::default(), None);
        for &(start, n, n_info, config, cut) in &states {
            state(start, n, n_info, config, cut);
            known.visit(&spec, &mut cursor, budget);
        }
        state(2, 4, 5, 1, 0);
        known.visit(&spec, &mut cursor, budget);
        proptest::prop_assert_eq!(known, read_whole(&spec));
    }
}
