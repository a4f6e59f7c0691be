//! `experiment_state-<time>.json`: what the driver knows of its trials.
//!
//! It holds a text of JSON for each trial (two since Ray 2.5, with what changes in the second), full of pickles, and is
//! written anew every few seconds. With thousands of trials it is some ten megabytes, so that only what is asked for is
//! kept.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{jsonl::lenient, place};

/// More trials than this are not asked for.
const MAX_TRIALS: usize = 50_000;

/// A trial's state, in Ray's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Word {
    #[serde(rename = "p")]
    Pending,
    #[serde(rename = "r")]
    Running,
    #[serde(rename = "w")]
    Paused,
    #[serde(rename = "t")]
    Terminated,
    #[serde(rename = "e")]
    Error,
}

impl Word {
    pub(super) const ALL: [Word; 5] = [Word::Pending, Word::Running, Word::Paused, Word::Terminated, Word::Error];

    pub(super) fn name(self) -> &'static str {
        match self {
            Word::Pending => "PENDING",
            Word::Running => "RUNNING",
            Word::Paused => "PAUSED",
            Word::Terminated => "TERMINATED",
            Word::Error => "ERROR",
        }
    }
}

/// What the state says of one trial.
#[derive(Clone, Debug, Default)]
pub(super) struct TrialState {
    pub word: Option<Word>,
    /// As Ray prints it.
    pub name: Option<String>,
    /// Its number and what it was given, such as `1_lr=0.2000`.
    pub experiment_tag: Option<String>,
    /// Unix seconds.
    pub started: Option<f64>,
    /// When it reported last, unix seconds.
    pub last_result: Option<f64>,
}

/// What a file tells.
#[derive(Clone, Debug, Default)]
pub(super) struct ExperimentState {
    /// By the trial's folder.
    pub trials: HashMap<String, TrialState>,
    /// Also of trials that have no folder yet, in the order of `Word::ALL`.
    pub counts: [u32; 5],
    /// Unix seconds.
    pub started: Option<f64>,
}

#[derive(Deserialize)]
struct File {
    #[serde(alias = "checkpoints")]
    trial_data: Trials,
    #[serde(default)]
    stats: Value,
}

impl ExperimentState {
    pub(super) fn parse(text: &[u8]) -> Result<ExperimentState, String> {
        let file: File = lenient::parse_as(text).map_err(|e| e.to_string())?;
        let mut state = file.trial_data.0;
        state.started = file.stats.get("start_time").and_then(time);
        Ok(state)
    }

    fn add(&mut self, trial: Item) {
        let (fixed, changing) = match trial {
            Item::Two(mut texts) if texts.len() >= 2 => (texts.swap_remove(0), texts.pop().unwrap_or_default()),
            Item::Two(mut texts) => (texts.pop().unwrap_or_default(), String::new()),
            Item::One(text) => (text, String::new()),
            Item::Other(_) => return,
        };
        let Ok(fixed) = lenient::parse_as::<Fixed>(fixed.as_bytes()) else { return };
        let changing: Changing = lenient::parse_as(changing.as_bytes()).unwrap_or_default();
        let word = fixed.status.as_str().and_then(|word| Word::ALL.into_iter().find(|w| w.name() == word));
        if let Some(word) = word {
            self.counts[word as usize] += 1;
        }
        let text =
            |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(|t| place::clean_name(t.as_bytes()));
        // Absolute before 2.0.
        let folder = fixed.relative_logdir.as_str().or_else(|| fixed.logdir.as_str()).unwrap_or_default();
        let folder = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if folder.is_empty() || self.trials.len() >= MAX_TRIALS {
            return;
        }
        let usual = || Some(format!("{}_{}", text(&fixed.trainable_name)?, text(&fixed.trial_id)?));
        let started = time(&changing.start_time).or_else(|| time(&fixed.start_time));
        let state = TrialState {
            word,
            name: text(&fixed.custom_trial_name).or_else(usual),
            experiment_tag: text(&fixed.experiment_tag),
            started,
            last_result: time(&changing.last_result_time),
        };
        self.trials.insert(folder.to_owned(), state);
    }
}

fn time(value: &Value) -> Option<f64> {
    value.as_f64().filter(|at| *at > 0.0)
}

#[derive(Deserialize)]
struct Fixed {
    #[serde(default)]
    status: Value,
    #[serde(default)]
    trial_id: Value,
    #[serde(default)]
    trainable_name: Value,
    #[serde(default)]
    custom_trial_name: Value,
    #[serde(default)]
    experiment_tag: Value,
    #[serde(default)]
    relative_logdir: Value,
    #[serde(default)]
    logdir: Value,
    #[serde(default)]
    start_time: Value,
}

#[derive(Default, Deserialize)]
struct Changing {
    #[serde(default)]
    start_time: Value,
    #[serde(default)]
    last_result_time: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    One(String),
    Two(Vec<String>),
    Other(serde::de::IgnoredAny),
}

struct Trials(ExperimentState);

struct TrialsVisitor;

impl<'de> Visitor<'de> for TrialsVisitor {
    type Value = Trials;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Trials, A::Error> {
        let mut state = ExperimentState::default();
        while let Some(item) = seq.next_element()? {
            state.add(item);
        }
        Ok(Trials(state))
    }
}

impl<'de> Deserialize<'de> for Trials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TrialsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_old_files() {
        let fixed = r#"{\"status\": \"RUNNING\", \"trial_id\": \"a1\", \"trainable_name\": \"f\", \"relative_logdir\": \"f_a1\", \"x\": NaN}"#;
        let changing = r#"{\"start_time\": 5.5, \"last_result_time\": 7, \"n\": NaN}"#;
        let new = format!(
            r#"{{"trial_data": [["{fixed}", "{changing}"], 5, [1, 2], "no json"], "stats": {{"start_time": 2.5}}}}"#
        );
        let state = ExperimentState::parse(new.as_bytes()).unwrap();
        let trial = &state.trials["f_a1"];
        assert_eq!((trial.word, trial.name.as_deref()), (Some(Word::Running), Some("f_a1")));
        assert_eq!((trial.started, trial.last_result, state.started), (Some(5.5), Some(7.0), Some(2.5)));
        assert_eq!((state.counts, state.trials.len()), ([0, 1, 0, 0, 0], 1));
        let old = fixed.replace("relative_logdir", "logdir").replace("f_a1", "/home/me/ray_results/exp/f_a1/");
        let old = old.replace("trial_id", "custom_trial_name");
        let state =
            ExperimentState::parse(format!(r#"{{"checkpoints": ["{old}"], "stats": null}}"#).as_bytes()).unwrap();
        assert_eq!(state.trials["f_a1"].name.as_deref(), Some("a1"));
    }

    #[test]
    fn what_is_no_state_is_an_error() {
        for text in ["", "[]", "{}", r#"{"trial_data": 5}"#, &"[".repeat(100_000), r#"{"trial_data": [["#] {
            assert!(ExperimentState::parse(text.as_bytes()).is_err(), "{text:.20}");
        }
    }
}
