//! Ray Tune: the real sample, trials that grow, fail, go on and vanish, states that are written over, damage.

#[path = "readers/known.rs"]
#[allow(dead_code)]
mod known;

use std::{
    fs,
    path::{Path, PathBuf},
};

use known::{
    Known, assert_same, copy_of, expected,
    project::{HOUR, age, list, only, put as put_now, put_aged as put, told},
    read_whole, samples, spec,
};
use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Cursor, Format, Status};

/// So many reports, with a loss each.
fn reports(n: i64, factor: f64) -> String {
    let line = |i: i64| {
        format!(
            r#"{{"loss": {}, "timestamp": {}, "training_iteration": {i}, "trial_id": "ab_1", "node_ip": "192.0.2.2", "pid": 4, "hostname": "elsewhere", "time_since_restore": 1, "done": false}}"#,
            i as f64 * factor,
            1_700_000_000 + i
        ) + "\n"
    };
    (1..=n).map(line).collect()
}

/// A state with these trials: folder and word.
fn state(trials: &[(&str, &str)]) -> String {
    let trial = |(folder, word): &(&str, &str)| {
        let fixed =
            serde_json::json!({"status": word, "relative_logdir": folder, "trainable_name": "f", "trial_id": folder});
        let changing = serde_json::json!({"start_time": 5.5, "last_result_time": 9.5});
        serde_json::json!([fixed.to_string(), changing.to_string()])
    };
    let trials: Vec<_> = trials.iter().map(trial).collect();
    serde_json::json!({"trial_data": trials, "stats": {"start_time": 5.0}}).to_string()
}

const STATE: &str = "experiment_state-2026-01-01_00-00-00.json";

struct Project {
    _dir: tempfile::TempDir,
    spec: SourceSpec,
}

/// An experiment in a new project, two hours old.
fn project(trials: &[&str]) -> Project {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("exp")).unwrap();
    let spec = spec(Format::RayTune, dir.path(), "exp");
    let project = Project { _dir: dir, spec };
    for trial in trials {
        project.put(&format!("{trial}/result.json"), &reports(3, 1.0), 2 * HOUR);
        project.put(&format!("{trial}/params.json"), r#"{"lr": 0.5}"#, 2 * HOUR);
    }
    project
}

impl Project {
    fn path(&self, rel: &str) -> PathBuf {
        self.spec.path().join(rel)
    }

    fn put(&self, rel: &str, text: &str, secs_ago: u64) {
        put(&self.path(rel), text, secs_ago);
    }
}

fn steps(known: &Known, trial: &str) -> Vec<i64> {
    known.runs[&format!("trial:{trial}")].steps("loss")
}

fn status(known: &Known, trial: &str) -> Option<Status> {
    known.runs[&format!("trial:{trial}")].status
}

#[test]
fn the_sample_tells_what_its_files_hold() {
    let says = &expected("ray_tune")["trials"];
    let known = read_whole(&spec(Format::RayTune, &samples().join("ray_tune"), "exp1"));
    assert_eq!(known.problems, Default::default());
    assert_eq!(known.runs.len(), 3);
    let experiment = &known.runs["experiment"];
    assert_eq!((experiment.name.as_str(), experiment.started), ("exp1", Some(1_795_248_885.611_453_5)));
    assert_eq!((experiment.status, experiment.series.len()), (None, 0));
    let tags: Vec<(&str, &str)> = experiment.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let counts = [("ERROR", "1"), ("PAUSED", "0"), ("PENDING", "0"), ("RUNNING", "0"), ("TERMINATED", "1")];
    assert!(tags.iter().map(|(tag, n)| (tag.trim_start_matches("ray.trials."), *n)).eq(counts), "{tags:?}");
    for (folder, says) in says.as_object().unwrap() {
        let run = &known.runs[&format!("trial:{folder}")];
        let id = says["trial_id"].as_str().unwrap();
        assert_eq!(run.name, format!("f_{id}"));
        assert_eq!((run.parent.as_str(), run.experiment.as_str()), ("experiment", "exp1"));
        assert!(
            run.series.keys().eq(["loss", "nested/a", "time_this_iter_s", "time_total_s"]),
            "{:?}",
            run.series.keys()
        );
        assert_eq!(run.steps("loss"), [1, 2, 3, 4]);
        assert_eq!(run.steps("loss").len() as u64, says["points"].as_u64().unwrap());
        assert_eq!(run.values("loss").last().copied(), says["last_loss"].as_f64());
        assert_eq!(run.values("nested/a"), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(run.times("loss"), [1_795_248_893.0; 4]);
        let params: Vec<(&str, String)> = run.params.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        assert_eq!(params, [("lr", format!("number {}", says["config"]["lr"])), ("opt", "adam".to_owned())]);
        assert_eq!((run.tags["ray.trial_id"].as_str(), run.tags["hostname"].as_str()), (id, "vm"));
    }
    let good = known.run_named("f_9c941_00000");
    assert_eq!(good.status, Some(Status::Finished));
    assert_eq!((good.started, good.ended), (Some(1_795_248_893.429_061_4), Some(Some(1_795_248_893.451_741_5))));
    let bad = known.run_named("f_9c941_00001");
    assert_eq!(
        (bad.status, bad.tags["error"].as_str(), bad.ended),
        (Some(Status::Failed), "ValueError: boom", Some(None))
    );
    assert_eq!(bad.tags["ray.experiment_tag"], "1_lr=0.2000");
}

#[test]
fn one_trial_is_a_run() {
    let says = expected("ray_tune");
    for (folder, status, name) in [
        ("f_9c941_00000_0_lr=0.1000_2026-11-21_08-14-45", None, "f_9c941_00000"),
        ("f_9c941_00001_1_lr=0.2000_2026-11-21_08-14-45", Some(Status::Failed), "f_9c941_00001"),
    ] {
        let known = read_whole(&spec(Format::RayTune, &samples().join("ray_tune/exp1"), folder));
        assert!(known.runs.keys().eq([""]));
        let run = known.run();
        assert_eq!((run.name.as_str(), run.status, run.parent.as_str()), (name, status, ""));
        assert_eq!(run.values("loss").last().copied(), says["trials"][folder]["last_loss"].as_f64());
        assert_eq!(run.params.len(), 2);
        // Opened as a project.
        let opened = read_whole(&spec(Format::RayTune, &samples().join("ray_tune/exp1").join(folder), ""));
        assert_eq!(opened, known);
    }
}

#[test]
fn a_trial_is_named_by_its_number_once_it_is_known() {
    let project = project(&["f_ab_1_0_lr=0.5_2026-01-01_00-00-00"]);
    let trial = "f_ab_1_0_lr=0.5_2026-01-01_00-00-00";
    project.put(&format!("{trial}/result.json"), "", 10);
    let lone = spec(Format::RayTune, &project.path(""), trial);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&lone, &mut cursor, usize::MAX);
    assert_eq!(known.run().name, trial);
    project.put(&format!("{trial}/result.json"), &reports(2, 1.0), 5);
    known.visit(&lone, &mut cursor, usize::MAX);
    assert_eq!(known.run().name, "f_ab_1");
    assert_eq!(known, read_whole(&lone));
}

#[test]
fn cut_at_any_byte_it_is_as_read_whole() {
    let dir = copy_of("ray_tune");
    let spec = spec(Format::RayTune, dir.path(), "exp1");
    let whole = read_whole(&spec);
    let trial = spec.path().join("f_9c941_00001_1_lr=0.2000_2026-11-21_08-14-45");
    let state = spec.path().join("experiment_state-2026-11-21_08-14-45.json");
    for path in [trial.join("result.json"), trial.join("params.json"), trial.join("error.txt"), state] {
        let text = fs::read(&path).unwrap();
        let cuts = (0..text.len().min(900)).chain((900..text.len()).step_by(97)).chain(text.len() - 9..text.len());
        for cut in cuts {
            put_now(&path, &text[..cut]);
            let (mut known, mut cursor) = (Known::default(), None);
            known.visit(&spec, &mut cursor, if cut % 3 == 0 { 1 } else { usize::MAX });
            assert_eq!(known.problems, Default::default(), "{path:?} cut at {cut}");
            put_now(&path, &text);
            known.visit(&spec, &mut cursor, 1);
            assert_eq!(known, whole, "{path:?} cut at {cut}");
        }
    }
}

#[test]
fn a_trial_that_grows_tells_what_is_new_and_nothing_twice() {
    let project = project(&["t1", "t2"]);
    project.put(STATE, &state(&[("t1", "RUNNING"), ("t2", "PENDING")]), HOUR);
    age(&project.path("t1/result.json"), 10);
    let (mut known, mut cursor) = (Known::default(), None);
    assert_eq!(known.visit(&project.spec, &mut cursor, usize::MAX).n_points, 6);
    // Whose process it is cannot be told.
    assert_eq!((status(&known, "t1"), status(&known, "t2")), (None, Some(Status::Scheduled)));
    let mut reader = open(&project.spec, cursor.as_ref());
    assert_eq!(known.catch_up(&mut *reader, usize::MAX).bytes_read, 0);
    assert_eq!(
        reader.watch_paths(),
        [project.path(""), project.path("t1")].map(|p| p.components().collect::<PathBuf>())
    );
    project.put("t1/result.json", &reports(5, 1.0), 5);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.n_points, batch.runs.len(), batch.runs[0].reset), (2, 1, false));
    assert_eq!(steps(&known, "t1"), [1, 2, 3, 4, 5]);
    // It is copied again, and only half of it is there yet.
    project.put("t1/result.json", &reports(2, 1.0), 0);
    project.put(STATE, "{\"trial_data\": [", 0);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.runs.len(), batch.problems.len()), (0, 0));
    project.put("t1/result.json", &reports(6, 1.0), 0);
    project.put(STATE, &state(&[("t1", "TERMINATED"), ("t2", "PENDING")]), 0);
    cursor = Some(reader.cursor());
    assert_eq!(known.visit(&project.spec, &mut cursor, 1).n_points, 1);
    assert_eq!(status(&known, "t1"), Some(Status::Finished));
    assert_eq!(known.runs["experiment"].tags["ray.trials.TERMINATED"], "1");
    assert_eq!(known.runs["trial:t1"].ended, Some(Some(9.5)));
    // A trial that begins: Ray makes its folder first.
    let begun = project.path("f_ab_2_2026-01-01_00-00-00");
    fs::create_dir(&begun).unwrap();
    let mut reader = open(&project.spec, cursor.as_ref());
    known.catch_up(&mut *reader, usize::MAX);
    assert!(reader.watch_paths().contains(&begun));
    project.put("t3/result.json", "", 0);
    project.put("t3/params.json", "{", 0);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!((known.problems.len(), known.runs["trial:t3"].params.len()), (0, 0));
    project.put("t3/params.json", r#"{"lr": 1}"#, 0);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs["trial:t3"].params["lr"], "number 1");
}

#[test]
fn trials_that_are_over_are_remembered_by_their_length() {
    let project = project(&["t1", "t2", "t3"]);
    project.put(STATE, &state(&[("t1", "TERMINATED"), ("t2", "ERROR"), ("t3", "RUNNING")]), HOUR);
    project.put("t2/error.txt", "ValueError: boom\n", HOUR);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    let text = cursor.clone().unwrap().0;
    assert!(text.len() < 400, "{} bytes: {text}", text.len());
    assert_eq!(known.visit(&project.spec, &mut cursor, usize::MAX).bytes_read, 0);
    // Everything is copied once more.
    for trial in ["t1", "t2", "t3"] {
        age(&project.path(&format!("{trial}/result.json")), 10);
    }
    assert_eq!(known.visit(&project.spec, &mut cursor, usize::MAX).bytes_read, 0);
    // `Tuner.restore(…, resume_errored=True)`.
    let later = "experiment_state-2026-01-02_00-00-00.json";
    project.put(later, &state(&[("t1", "TERMINATED"), ("t2", "PENDING"), ("t3", "RUNNING")]), 5);
    let batch = known.visit(&project.spec, &mut cursor, 1);
    let told: Vec<_> = batch.runs.iter().map(|run| (run.key.as_str(), run.reset)).collect();
    assert_eq!(told, [("experiment", false), ("trial:t2", true)]);
    assert_eq!((status(&known, "t2"), steps(&known, "t2")), (Some(Status::Scheduled), vec![1, 2, 3]));
    project.put("t2/result.json", &reports(5, 1.0), 5);
    project.put(later, &state(&[("t1", "TERMINATED"), ("t2", "TERMINATED"), ("t3", "RUNNING")]), 5);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&project.spec));
    assert_eq!((status(&known, "t2"), steps(&known, "t2").len()), (Some(Status::Finished), 5));
    // One that goes on after all.
    project.put("t1/result.json", &reports(7, 1.0), 5);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&project.spec));
    assert_eq!(steps(&known, "t1").len(), 7);
}

#[test]
fn another_file_of_the_same_name_replaces_the_first() {
    let project = project(&["t1"]);
    for secs_ago in [5 * HOUR, 300] {
        age(&project.path("t1/result.json"), secs_ago);
        let (mut known, mut cursor) = (Known::default(), None);
        known.visit(&project.spec, &mut cursor, usize::MAX);
        // Longer, with another beginning; then shorter; then empty, and filled again.
        for (text, n) in [(reports(9, 2.0), 9), (reports(2, 2.0), 2), (String::new(), 2), (reports(4, 3.0), 4)] {
            project.put("t1/result.json", &text, 200);
            let batch = known.visit(&project.spec, &mut cursor, 1);
            assert!(text.is_empty() || batch.runs[0].reset);
            assert_eq!(steps(&known, "t1").len(), n);
        }
        assert_eq!(known, read_whole(&project.spec));
        project.put("t1/result.json", &reports(3, 1.0), 300);
    }
}

#[test]
fn trials_that_vanish_are_gone() {
    let project = project(&["t1", "t2"]);
    age(&project.path("t2/result.json"), 10);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    fs::remove_dir_all(project.path("t1")).unwrap();
    fs::remove_dir_all(project.path("t2")).unwrap();
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert!(known.runs.keys().eq(["experiment"]) && known.gone.iter().eq(["trial:t1", "trial:t2"]));
    // A folder that is not there at all says nothing.
    fs::remove_dir_all(project.path("")).unwrap();
    assert_eq!(known.visit(&project.spec, &mut cursor, usize::MAX).runs.len(), 0);
}

#[test]
fn how_trials_stand() {
    let ours = std::process::Command::new("uname").arg("-n").output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap().trim().to_owned();
    let project = project(&["done", "failed", "ours", "theirs", "tried"]);
    project.put("done/result.json", &reports(2, 1.0).replace("false", "true"), 10);
    for trial in ["failed", "tried"] {
        project.put(&format!("{trial}/error.txt"), "Failure # 1\nOSError: '/home/me/x'\n", 10);
    }
    project.put("ours/result.json", &reports(2, 1.0).replace("elsewhere", &ours), 10);
    let all = [("ours", "RUNNING"), ("theirs", "RUNNING"), ("tried", "RUNNING")];
    project.put(STATE, &state(&all), 10);
    let (mut known, mut cursor) = (Known::default(), None);
    let batch = known.visit(&project.spec, &mut cursor, usize::MAX);
    let told = |known: &Known| ["done", "failed", "ours", "theirs", "tried"].map(|trial| status(known, trial));
    use Status::{Failed, Finished, Running, Unknown};
    assert_eq!(told(&known), [Some(Finished), Some(Failed), Some(Running), None, None]);
    assert_eq!(known.runs["trial:failed"].tags["error"], "OSError: '…x'");
    let pids: Vec<_> = batch.runs.iter().filter_map(|run| Some((run.key.as_str(), run.head.pid?))).collect();
    assert_eq!(pids, [("trial:ours", 4)]);
    // The experiment was killed, and its state is written by another machine's driver now.
    project.put("ours/result.json", &(reports(2, 1.0).replace("elsewhere", &ours) + &reports(3, 1.0)), 10);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(told(&known), [Some(Finished), Some(Failed), Some(Unknown), None, None]);
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let project = project(&["t1", "t2"]);
    let mut text = reports(2, 1.0) + "{\"loss\": 3, \n[1]\n";
    let at = reports(2, 1.0).len() as u64;
    text += &reports(4, 1.0).lines().skip(2).map(|line| line.to_owned() + "\n").collect::<String>();
    project.put("t1/result.json", &text.replace("\"loss\": 4", "\"loss\": NaN"), 2 * HOUR);
    project.put("t2/params.json", "[1]", 2 * HOUR);
    project.put(STATE, "nonsense", 2 * HOUR);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(steps(&known, "t1"), [1, 2, 3, 4]);
    assert_same(&known.runs["trial:t1"].values("loss"), &[1.0, 2.0, 3.0, f64::NAN], "loss");
    let problem = |name: &str, offset| (format!("exp/{name}"), offset, "Malformed".to_owned());
    let lines = [problem("t1/result.json", Some(at)), problem("t1/result.json", Some(at + 13))];
    let files = [problem(STATE, None), problem("t2/params.json", None)];
    assert_eq!(known.problems, lines.into_iter().chain(files).collect());
    assert_eq!(known.visit(&project.spec, &mut cursor, usize::MAX).bytes_read, 0);
    project.put(STATE, &state(&[("t1", "TERMINATED")]), HOUR);
    project.put("t1/result.json", &reports(3, 1.0), HOUR);
    known.visit(&project.spec, &mut cursor, 1);
    assert_eq!(known.problems, [problem("t2/params.json", None)].into_iter().collect());
    assert_eq!((steps(&known, "t1"), status(&known, "t1")), (vec![1, 2, 3], Some(Status::Finished)));
    // Without its parameters' file, a report's configuration is taken.
    project.put("t2/result.json", &reports(4, 1.0).replace("\"pid\": 4", "\"config\": {\"a\": {\"b\": 2}}"), HOUR);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs["trial:t2"].params["a.b"], "number 2");
}

#[test]
fn a_foreign_cursor_means_everything_anew() {
    let dir = copy_of("ray_tune");
    let spec = spec(Format::RayTune, dir.path(), "exp1");
    let mut known = read_whole(&spec);
    let whole = known.clone();
    let mut cursor = Some(Cursor("{\"at\":1}".to_owned()));
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert!(batch.runs.len() == 3 && batch.runs.iter().all(|run| run.reset));
    assert_eq!(known, whole);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).runs.len(), 0);
}

#[test]
fn budgets_are_kept_and_every_trial_is_read() {
    let names: Vec<String> = (0..30).map(|i| format!("t{i:02}")).collect();
    let project = project(&names.iter().map(String::as_str).collect::<Vec<_>>());
    project.put("t00/result.json", &reports(2_000, 1.0), 10);
    project.put("t01/params.json", "{", 0);
    project.put(STATE, &state(&names.iter().map(|name| (name.as_str(), "PAUSED")).collect::<Vec<_>>()), 10);
    let whole = read_whole(&project.spec);
    let (mut known, mut cursor) = (Known::default(), None);
    for _ in 0..200 {
        let mut reader = open(&project.spec, cursor.as_ref());
        let mut batch = signalbox_types::Batch::default();
        let progress = reader.read(20_000, &mut batch);
        assert!(batch.bytes_read < 150_000, "{}", batch.bytes_read);
        known.apply(&batch);
        cursor = Some(reader.cursor());
        if progress == signalbox_formats::Progress::CaughtUp {
            break;
        }
    }
    assert_eq!(known, whole);
    assert!(known.runs.values().skip(1).all(|run| run.status == Some(Status::Scheduled)));
}

#[test]
fn hostile_files_are_bounded() {
    let project = project(&["t1", "a\u{1b}[31m\nb"]);
    let long = format!("{{\"loss\": \"{}\"}}\n", "x".repeat(3 << 20));
    let deep = format!("{}\n", "{\"a\":".repeat(5_000));
    let name = format!("{{\"training_iteration\": 9.0, \"../\\u001b{}\": 1}}\n", "y".repeat(5_000));
    let wide: Vec<String> = (0..6_000).map(|i| format!("\"{i}\": 1")).collect();
    let wide = format!("{{\"w\": {{{}}}}}\n", wide.join(","));
    let text = [reports(1, 1.0), long, deep, name, wide].concat();
    project.put("t1/result.json", &text, 2 * HOUR);
    project.put("t1/params.json", r#"{"lr": 1, "env_vars": {"HOME": "/home/me"}, "db": {"password": "x"}}"#, 2 * HOUR);
    project.put(STATE, &state(&[("../../t1", "ERROR"), ("", "ERROR")]), 2 * HOUR);
    project.put("t1/error.txt", &"x".repeat(1 << 20), 2 * HOUR);
    let known = read_whole(&project.spec);
    let run = &known.runs["trial:t1"];
    assert!(run.params.keys().eq(["lr"]));
    assert!(run.series.keys().any(|m| m.starts_with("../\u{fffd}yyy") && m.len() < 5_000));
    assert_eq!(run.series.keys().filter(|m| m.starts_with("w/")).count(), 5_000);
    assert!(run.tags["error"].len() < 1_000);
    let kinds: Vec<_> = known.problems.iter().map(|(_, _, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["TooLarge", "Malformed", "TooLarge"]);
    assert!(known.runs.values().all(|run| !run.name.contains(char::is_control)));
    assert_eq!(known.runs.len(), 3);
}

#[test]
fn a_state_that_never_made_sense_holds_nothing_back() {
    let folder = "f_ab_1_lr=0.1";
    let project = project(&[folder]);
    project.put(STATE, "{\"trial_data\": [", 2 * HOUR);
    project.put(&format!("{folder}/result.json"), "", 2 * HOUR);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs[&format!("trial:{folder}")].name, folder);
    // The trial's id, which ends its name, stands in its first report.
    project.put(&format!("{folder}/result.json"), &reports(2, 1.0), 2 * HOUR);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs[&format!("trial:{folder}")].name, "f_ab_1");
    assert_eq!(known, read_whole(&project.spec));
}

#[cfg(unix)]
#[test]
fn no_more_trials_than_the_limit() {
    let project = project(&["t"]);
    age(&project.path("t/result.json"), 10);
    for i in 0..5_001 {
        std::os::unix::fs::symlink(project.path("t"), project.path(&format!("t{i}"))).unwrap();
    }
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs.len(), 5_001);
    assert!(known.problems.iter().any(|(path, _, kind)| path == "exp" && kind == "TooLarge"));
    assert_eq!(open(&project.spec, cursor.as_ref()).watch_paths().len(), 257);
    for i in 0..2 {
        fs::remove_file(project.path(&format!("t{i}"))).unwrap();
    }
    known.visit(&project.spec, &mut cursor, usize::MAX);
    assert_eq!((known.runs.len(), known.problems.len()), (5_001, 0));
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read_and_no_pipe_waited_for() {
    use std::os::unix::fs::symlink;
    let project = project(&["t1", "t2"]);
    let outer = tempfile::tempdir().unwrap();
    put(&outer.path().join("t/result.json"), &reports(3, 1.0), HOUR);
    put(&outer.path().join("t/params.json"), r#"{"secret": 1}"#, HOUR);
    put(&outer.path().join("t/error.txt"), "secret", HOUR);
    symlink(outer.path().join("t"), project.path("linked")).unwrap();
    for name in ["params.json", "error.txt"] {
        let _ = fs::remove_file(project.path("t1").join(name));
        symlink(outer.path().join("t").join(name), project.path("t1").join(name)).unwrap();
    }
    let pipe = project.path(STATE);
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let known = read_whole(&project.spec);
    assert!(known.runs.keys().eq(["experiment", "trial:t1", "trial:t2"]), "{:?}", known.runs.keys());
    let run = &known.runs["trial:t1"];
    assert_eq!((run.params.len(), run.status, run.tags.contains_key("error")), (0, None, false));
    assert_eq!(known.problems, Default::default());
}

#[test]
fn an_experiment_is_one_source_with_its_trials() {
    let dir = copy_of("ray_tune");
    let found = list(dir.path(), "exp1");
    assert_eq!((told(&found), &found.descend), (vec![(Format::RayTune, "exp1")], &only(&[])));
    // What is no trial is looked into.
    put(&dir.path().join("exp1/analysis/metrics.csv"), "step,loss\n1,2\n", HOUR);
    put(&dir.path().join("exp1/eval_2026-11-21_08-14-45/params.json"), "{}", HOUR);
    put(&dir.path().join("exp1/log.jsonl"), "{\"step\": 1, \"loss\": 2}\n", HOUR);
    let check = |dir: &Path| {
        let found = list(dir, "exp1");
        assert_eq!(told(&found), [(Format::RayTune, "exp1"), (Format::Jsonl, "exp1/log.jsonl")]);
        let Descend::Only(mut names) = found.descend else { panic!() };
        names.sort();
        assert_eq!(names, ["analysis", "eval_2026-11-21_08-14-45"]);
    };
    check(dir.path());
    // By its trials alone.
    fs::remove_file(dir.path().join("exp1/experiment_state-2026-11-21_08-14-45.json")).unwrap();
    check(dir.path());
    // By one that was copied out of it.
    let trial = "f_9c941_00000_0_lr=0.1000_2026-11-21_08-14-45";
    fs::rename(dir.path().join("exp1").join(trial), dir.path().join("copy")).unwrap();
    let alone = list(dir.path(), "copy");
    assert_eq!((told(&alone), &alone.descend), (vec![(Format::RayTune, "copy")], &Descend::None));
}

#[test]
fn other_tools_files_of_these_names_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let write = |rel: &str, text: &str| put(&dir.path().join(rel), text, HOUR);
    write("job_2026-11-21_08-14-45/result.json", r#"{"score": 1, "trial_id": 5}"#);
    write("job_2026-11-21_08-14-45/params.json", "{}");
    write("job_2026-11-21_08-14-45/metrics.csv", "step,loss\n1,2\n");
    write("experiment_state-mine.json", r#"{"step": 1}"#);
    write("empty_2026-11-21_08-14-45/result.json", "");
    write("empty_2026-11-21_08-14-45/params.json", "{}");
    let found = list(dir.path(), "");
    assert_eq!((told(&found), &found.descend), (vec![], &Descend::All));
    let found = list(dir.path(), "job_2026-11-21_08-14-45");
    assert_eq!(told(&found), [(Format::Csv, "job_2026-11-21_08-14-45/metrics.csv")]);
    assert_eq!(told(&list(dir.path(), "empty_2026-11-21_08-14-45")), []);
    // Ray's own that did not report yet.
    write("empty_2026-11-21_08-14-45/params.pkl", "x");
    assert_eq!(told(&list(dir.path(), "empty_2026-11-21_08-14-45")), [(Format::RayTune, "empty_2026-11-21_08-14-45")]);
    assert_eq!(told(&list(dir.path(), "")), [(Format::RayTune, "")]);
}
