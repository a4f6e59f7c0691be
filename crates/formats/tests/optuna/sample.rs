//! What expected.json says, as Optuna's own study API read it, and what is recognised.

use std::{fs, path::Path};

use serde_json::Value;
use signalbox_formats::{Entry, Listing, recognise};
use signalbox_types::{Format, Status};

use crate::known::{Known, KnownRun, assert_same, expected, json_number, read_whole, samples, spec};

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "null".into(),
        Value::Number(n) => format!("number {}", n.as_f64().unwrap()),
        other => panic!("{other}"),
    }
}

/// Seconds of `2026-11-21 08:12:56.673081`, which expected.json gives in UTC.
fn seconds(value: &Value) -> Option<f64> {
    let text = value.as_str().unwrap();
    let clock = text.strip_prefix("2026-11-21 ")?;
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    Some(1_795_219_200.0 + parts[0] * 3_600.0 + parts[1] * 60.0 + parts[2])
}

fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-5,
        (a, b) => a == b,
    }
}

fn check_trial(run: &KnownRun, trial: &Value, directions: usize) {
    let state = trial["state"].as_str().unwrap();
    let status = match state {
        "COMPLETE" => Status::Finished,
        "PRUNED" => Status::Killed,
        "FAIL" => Status::Failed,
        "RUNNING" => Status::Running,
        _ => Status::Scheduled,
    };
    assert_eq!(run.status, Some(status));
    assert_eq!(run.tags["optuna.state"], state);
    assert!(close(run.started, seconds(&trial["start"])), "{:?} {}", run.started, trial["start"]);
    assert!(close(run.ended.flatten(), seconds(&trial["complete"])), "{:?} {}", run.ended, trial["complete"]);
    let params = trial["params"].as_object().unwrap();
    assert_eq!(run.params.len(), params.len());
    params.iter().for_each(|(name, value)| assert_eq!(run.params[name], text(value), "{name}"));
    let steps = trial["intermediate"].as_object().unwrap();
    if !steps.is_empty() {
        let n = steps.len() as i64;
        assert_eq!(run.steps("intermediate_value"), (0..n).collect::<Vec<_>>());
        let values: Vec<f64> = (0..n).map(|step| json_number(&steps[&step.to_string()])).collect();
        assert_same(&run.values("intermediate_value"), &values, "intermediate");
        assert!(run.times("intermediate_value").iter().all(|t| t.is_nan()), "nobody wrote them down");
    }
    let values = trial["values"].as_array().map_or(&[][..], Vec::as_slice);
    for (i, value) in values.iter().enumerate() {
        let metric = if directions == 1 { "value".to_owned() } else { format!("value_{i}") };
        assert_same(&run.values(&metric), &[json_number(value)], &metric);
        assert_eq!(run.steps(&metric), [trial["number"].as_i64().unwrap()]);
        assert!(close(Some(run.times(&metric)[0]), seconds(&trial["complete"])));
    }
    assert_eq!(run.series.len(), values.len() + usize::from(!steps.is_empty()));
    for (key, value) in trial["user_attrs"].as_object().unwrap() {
        assert_eq!(run.tags[key], value.to_string());
    }
}

/// `first`: the least id, 1 in databases and 0 in journals.
pub fn check(known: &Known, storage: &str, first: i64) {
    assert!(known.problems.is_empty() && known.gone.is_empty(), "{:?}", known.problems);
    let expected = expected("optuna");
    let (mut study_id, mut trial_id, mut n_runs) = (first, first, 0);
    for name in ["demo-study", "multi"] {
        let study = &expected["storages"][storage][name];
        let run = &known.runs[&format!("study:{study_id}")];
        assert_eq!((run.name.as_str(), run.status, run.parent.as_str()), (name, None, ""));
        let directions: Vec<_> = study["directions"].as_array().unwrap().iter().map(|d| d.as_str().unwrap()).collect();
        assert_eq!(run.tags["optuna.directions"], directions.join(", ").to_lowercase());
        for (key, value) in study["user_attrs"].as_object().unwrap() {
            assert_eq!(run.tags[key], value.as_str().unwrap());
        }
        let trials = study["trials"].as_array().unwrap();
        for state in ["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"] {
            let n = trials.iter().filter(|t| t["state"] == state).count();
            assert_eq!(run.tags[&format!("optuna.trials.{state}")], n.to_string());
        }
        assert!(close(run.started, seconds(&trials[0]["start"])));
        for trial in trials {
            let found = &known.runs[&format!("trial:{trial_id}")];
            assert_eq!(found.name, format!("{name}/trial {}", trial["number"]));
            assert_eq!((found.parent.as_str(), found.experiment.as_str()), (&*format!("study:{study_id}"), name));
            check_trial(found, trial, directions.len());
            trial_id += 1;
        }
        study_id += 1;
        n_runs += 1 + trials.len();
    }
    assert_eq!(known.runs.len(), n_runs);
}

#[test]
fn database() {
    check(&read_whole(&spec(Format::OptunaSqlite, &samples().join("optuna"), "study.db")), "study.db", 1);
}

#[test]
fn journal() {
    check(&read_whole(&spec(Format::OptunaJournal, &samples().join("optuna"), "journal.log")), "journal.log", 0);
}

fn found(project: &Path) -> Vec<(Format, String)> {
    let mut entries: Vec<Entry> = fs::read_dir(project)
        .unwrap()
        .flatten()
        .map(|e| Entry { name: e.file_name(), is_dir: false, len: e.metadata().unwrap().len() })
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let recognised = recognise(&Listing { project, rel: Path::new(""), entries: &entries });
    recognised.sources.into_iter().map(|s| (s.format, s.rel.to_string_lossy().into_owned())).collect()
}

#[test]
fn recognised_whatever_they_are_called() {
    use Format::{OptunaJournal, OptunaSqlite};
    let sample = samples().join("optuna");
    assert_eq!(found(&sample), [(OptunaSqlite, "study.db".into()), (OptunaJournal, "journal.log".into())]);
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("study.db", "search.sqlite3"),
        ("study.db", "optuna"),
        ("journal.log", "a.journal"),
        ("journal.log", "b.jsonl"),
        ("journal.log", "my_optuna_storage"),
    ] {
        fs::copy(sample.join(from), dir.path().join(to)).unwrap();
    }
    fs::write(dir.path().join("server.log"), "{\"op_code\": 1}\n").unwrap();
    fs::write(dir.path().join("optuna_run.log"), "[I 2026-11-21] A new study created\n").unwrap();
    let mut names = found(dir.path());
    names.sort();
    let expected = [
        (OptunaSqlite, "optuna".to_owned()),
        (OptunaSqlite, "search.sqlite3".to_owned()),
        (OptunaJournal, "a.journal".to_owned()),
        (OptunaJournal, "b.jsonl".to_owned()),
        (OptunaJournal, "my_optuna_storage".to_owned()),
    ];
    assert_eq!(names, expected);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 7, "no side file is left");
}
