//! Optuna: what its database and its journal have in common.
//!
//! A study is a run, and so is each of its trials, with the study as its parent. FORMATS.md section 11 is the source,
//! with Optuna's `storages/_rdb/models.py` and `storages/journal/_storage.py`.
//!
//! Times: Optuna 5 writes UTC, with a zone in the journal; 4 and before wrote the writer's local time without one. A
//! time whose zone is not known is no time: it is told as a tag in the writer's words, and not as a moment, since
//! being hours off is worse than not knowing. Intermediate values have no time at all.

pub(crate) mod database;
mod distribution;
pub(crate) mod journal;
mod spans;

use serde_json::Value;
use signalbox_types::{ParamValue, RunDelta, Status};

use crate::{jsonl::lenient, place, secret, text::clock};

/// The system attribute of a study that names its objectives.
const METRIC_NAMES: &str = "study:metric_names";
const INTERMEDIATE: &str = "intermediate_value";
/// Longer attributes are cut.
const MAX_ATTRIBUTE: usize = 4_096;
/// So many names of objectives are taken in.
const MAX_OBJECTIVES: usize = 100;

/// A trial's state, in Optuna's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Complete,
    Pruned,
    Fail,
    Waiting,
}

impl State {
    const ALL: [State; 5] = [State::Running, State::Complete, State::Pruned, State::Fail, State::Waiting];

    fn of_number(number: i64) -> Option<State> {
        Self::ALL.into_iter().find(|s| *s as i64 == number)
    }

    fn of_name(name: &str) -> Option<State> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            State::Running => "RUNNING",
            State::Complete => "COMPLETE",
            State::Pruned => "PRUNED",
            State::Fail => "FAIL",
            State::Waiting => "WAITING",
        }
    }

    fn status(self) -> Status {
        match self {
            State::Running => Status::Running,
            State::Complete => Status::Finished,
            State::Pruned => Status::Killed,
            State::Fail => Status::Failed,
            State::Waiting => Status::Scheduled,
        }
    }

    /// Nothing of the trial changes any more.
    fn is_finished(self) -> bool {
        !matches!(self, State::Running | State::Waiting)
    }
}

/// A time as it was written.
#[derive(Clone, Debug, PartialEq)]
enum When {
    Never,
    /// Unix seconds.
    At(f64),
    /// Local time of a machine whose zone is not known.
    Local(String),
}

impl When {
    /// `is_utc`: what has no zone is UTC.
    fn of(text: &str, is_utc: bool) -> When {
        let text = text.trim();
        match (clock::unix_of_zoned_iso(text), clock::unix_of_iso(text)) {
            (Some(at), _) => When::At(at),
            (None, Some(at)) if is_utc => When::At(at),
            (None, Some(_)) => When::Local(text.to_owned()),
            (None, None) => When::Never,
        }
    }

    fn at(&self) -> Option<f64> {
        if let When::At(at) = self { Some(*at) } else { None }
    }
}

fn study_key(id: impl std::fmt::Display) -> String {
    format!("study:{id}")
}

fn trial_key(id: impl std::fmt::Display) -> String {
    format!("trial:{id}")
}

/// What a new trial is: its name and whose child it is.
fn tell_new_trial(run: &mut RunDelta, study: &str, study_id: impl std::fmt::Display, number: i64) {
    run.head.name = Some(format!("{study}/trial {number}"));
    run.head.parent = Some(study_key(study_id));
    run.head.experiment = Some(study.to_owned());
}

fn tell_state(run: &mut RunDelta, state: State) {
    run.head.status = Some(state.status());
    run.tags.push(("optuna.state".into(), state.name().into()));
}

fn tell_start(run: &mut RunDelta, when: &When) {
    match when {
        When::Never => {}
        When::At(at) => run.head.started = Some(*at),
        When::Local(text) => run.tags.push(("optuna.datetime_start".into(), text.clone())),
    }
}

fn tell_end(run: &mut RunDelta, when: &When) {
    match when {
        When::Never => {}
        When::At(at) => run.head.ended = Some(Some(*at)),
        When::Local(text) => run.tags.push(("optuna.datetime_complete".into(), text.clone())),
    }
}

fn tell_directions<'a>(run: &mut RunDelta, directions: impl Iterator<Item = &'a str>) {
    let words: Vec<&str> = directions.take(MAX_OBJECTIVES).collect();
    run.tags.push(("optuna.directions".into(), words.join(", ")));
}

/// How many trials a study has in which state.
fn tell_counts(run: &mut RunDelta, counts: [u32; 5]) {
    for state in State::ALL {
        run.tags.push((format!("optuna.trials.{}", state.name()), counts[state as usize].to_string()));
    }
}

fn tell_param(run: &mut RunDelta, name: &str, value: ParamValue) {
    if !secret::is_secret(name, &value.text()) {
        run.params.push((place::clean_name(name.as_bytes()), value));
    }
}

/// A user attribute as a tag, unless it looks like a secret.
fn tell_attribute(run: &mut RunDelta, key: &str, value: &Value) {
    let text = lenient::text(value);
    if !secret::is_secret(key, &text) {
        run.tags.push((place::clean_name(key.as_bytes()), cut(text)));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_ATTRIBUTE {
        let end = (0..=MAX_ATTRIBUTE).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The names that a study gives its objectives.
fn metric_names(value: &Value) -> Vec<String> {
    let names = value.as_array().into_iter().flatten().take(MAX_OBJECTIVES);
    names.map(|name| name.as_str().map_or_else(String::new, |n| place::clean_name(n.as_bytes()))).collect()
}

/// The series of an objective's final value.
fn value_metric(names: &[String], n_objectives: usize, objective: usize) -> String {
    match names.get(objective) {
        Some(name) if !name.is_empty() => name.clone(),
        _ if n_objectives <= 1 && objective == 0 => "value".to_owned(),
        _ => format!("value_{objective}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(When::of("2026-11-21T10:10:00.500000+00:00", false), When::At(1_795_255_800.5));
        assert_eq!(When::of("2026-11-21 10:10:00.500000", true), When::At(1_795_255_800.5));
        let local = "2026-11-21T10:10:00.500000";
        assert_eq!(When::of(local, false), When::Local(local.into()));
        assert_eq!(When::of("", true), When::Never);
        assert_eq!(When::of("soon", false), When::Never);
    }

    #[test]
    fn objectives() {
        let names = metric_names(&serde_json::json!(["loss", 3, "a\nb"]));
        assert_eq!(names, ["loss", "", "a\u{fffd}b"]);
        assert_eq!(value_metric(&[], 1, 0), "value");
        assert_eq!(value_metric(&[], 2, 1), "value_1");
        assert_eq!(value_metric(&names, 3, 0), "loss");
        assert_eq!(value_metric(&names, 3, 1), "value_1");
    }

    #[test]
    fn attributes() {
        let mut run = RunDelta::default();
        for (key, value) in
            [("a", r#""text""#), ("b", r#"{"k": 1}"#), ("c", "NaN"), ("api_key", r#""x""#), ("d", "null")]
        {
            tell_attribute(&mut run, key, &lenient::parse(value.as_bytes()).unwrap());
        }
        tell_attribute(&mut run, "long", &Value::String("é".repeat(5_000)));
        let tags: Vec<_> = run.tags.iter().take(4).map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(tags, [("a", "text"), ("b", "{\"k\":1}"), ("c", "NaN"), ("d", "null")]);
        assert!(run.tags[4].1.len() <= MAX_ATTRIBUTE + 3);
    }
}
