//! `trainer_state.json`: the whole history of a training up to one checkpoint.
//!
//! It is written anew with each checkpoint and may be large, so that the history is not read into a tree of values.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use signalbox_types::{ParamValue, Point, Points};

use crate::{
    json_params,
    jsonl::{
        cell::{Cell, skip_seq, visit_as_nothing},
        lenient,
    },
    place, secret,
};

/// So many metrics of one history are read.
const MAX_METRICS: usize = 5_000;

/// What a file tells.
#[derive(Debug, Default)]
pub(super) struct State {
    pub global_step: i64,
    pub params: Vec<(String, ParamValue)>,
    pub tags: Vec<(String, String)>,
    /// By name, in the order in which they came up.
    pub metrics: Vec<(String, Points)>,
    /// Numbers of further metrics that were left out.
    pub left_off: usize,
}

#[derive(Deserialize)]
struct File {
    global_step: Cell,
    log_history: History,
    #[serde(default)]
    max_steps: Cell,
    #[serde(default)]
    num_train_epochs: Cell,
    #[serde(default)]
    logging_steps: Cell,
    #[serde(default)]
    save_steps: Cell,
    #[serde(default)]
    eval_steps: Cell,
    #[serde(default)]
    train_batch_size: Cell,
    #[serde(default)]
    best_metric: Cell,
    #[serde(default)]
    best_global_step: Cell,
    #[serde(default)]
    best_model_checkpoint: Value,
    #[serde(default)]
    trial_name: Value,
    #[serde(default)]
    trial_params: Value,
}

impl State {
    pub(super) fn parse(text: &[u8]) -> Result<State, String> {
        let file: File = lenient::parse_as(text).map_err(|e| e.to_string())?;
        let Some(global_step) = file.global_step.whole() else { return Err("it names no step".to_owned()) };
        let tags = tags(&file);
        Ok(State {
            global_step,
            params: params(&file),
            tags,
            metrics: file.log_history.metrics,
            left_off: file.log_history.left_off,
        })
    }
}

fn params(file: &File) -> Vec<(String, ParamValue)> {
    let fixed = [
        ("max_steps", file.max_steps),
        ("num_train_epochs", file.num_train_epochs),
        ("logging_steps", file.logging_steps),
        ("save_steps", file.save_steps),
        ("eval_steps", file.eval_steps),
        ("train_batch_size", file.train_batch_size),
    ];
    let finite = fixed.into_iter().filter_map(|(name, cell)| Some((name, cell.number().filter(|x| x.is_finite())?)));
    let mut params: Vec<_> = finite.map(|(name, x)| (name.to_owned(), ParamValue::Number(x))).collect();
    // What a search for hyper-parameters has chosen.
    if let Value::Object(chosen) = &file.trial_params {
        let chosen = json_params::of_object(chosen);
        let names: HashSet<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        params.retain(|(name, _)| !names.contains(name.as_str()));
        params.extend(chosen);
    }
    params
}

fn tags(file: &File) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        tags.extend(value.filter(|v| !v.is_empty() && !secret::is_secret(name, v)).map(|v| (name.to_owned(), v)));
    };
    let text = |value: &Value| value.as_str().map(|text| place::clean_name(text.as_bytes()));
    add("best_metric", file.best_metric.number().map(|x| x.to_string()));
    add("best_global_step", file.best_global_step.whole().map(|step| step.to_string()));
    // What stands before it is the writing machine's path.
    let checkpoint = text(&file.best_model_checkpoint);
    add("best_model_checkpoint", checkpoint.map(|path| last_part(&path).to_owned()));
    add("trial_name", text(&file.trial_name));
    tags
}

fn last_part(path: &str) -> &str {
    path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default()
}

/// `log_history`: flat objects with `step` and `epoch`.
#[derive(Debug, Default)]
struct History {
    metrics: Vec<(String, Points)>,
    index: HashMap<String, usize>,
    /// The step of the last entry, for one that has none.
    step: i64,
    left_off: usize,
}

impl History {
    fn add(&mut self, entry: Vec<(String, Cell)>) {
        let step = entry.iter().find(|(key, _)| key == "step").and_then(|(_, cell)| cell.whole());
        self.step = step.unwrap_or(self.step);
        for (key, cell) in entry {
            let Some(value) = cell.number().filter(|_| key != "step") else { continue };
            let key = place::clean_name(key.as_bytes());
            let at = match self.index.get(&key) {
                Some(at) => *at,
                None if self.metrics.len() >= MAX_METRICS => {
                    self.left_off += 1;
                    continue;
                }
                None => {
                    self.metrics.push((key.clone(), Points::default()));
                    self.index.insert(key, self.metrics.len() - 1);
                    self.metrics.len() - 1
                }
            };
            // Entries have no time.
            self.metrics[at].1.push(Point { step: self.step, time: f64::NAN, value });
        }
    }
}

struct HistoryVisitor;

impl<'de> Visitor<'de> for HistoryVisitor {
    type Value = History;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<History, A::Error> {
        let mut history = History::default();
        while let Some(Entry(entry)) = seq.next_element()? {
            history.add(entry);
        }
        Ok(history)
    }
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(HistoryVisitor)
    }
}

/// One entry of the history; anything that is no object is an empty one.
struct Entry(Vec<(String, Cell)>);

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entry = Vec::new();
        while let Some(pair) = map.next_entry()? {
            entry.push(pair);
        }
        Ok(Entry(entry))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Entry, A::Error> {
        skip_seq(seq).map(|()| Entry(Vec::new()))
    }

    visit_as_nothing!(Entry(Vec::new()); visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let text = r#"{"global_step": 3, "unknown": [{"a": [1]}], "log_history": [
            {"step": 1, "epoch": 0.5, "loss": NaN, "grad_norm": "0.25", "note": "x", "on": true},
            5, {"loss": -Infinity, "nested": {"x": 1}, "list": [1], "none": null}, {"step": 3.0, "lr\u0007": 18446744073709551615}]}"#;
        let state = State::parse(text.as_bytes()).unwrap();
        let told: Vec<_> = state.metrics.iter().map(|(name, p)| (name.as_str(), &p.steps[..], p.values[0])).collect();
        assert_eq!(told[0], ("epoch", &[1][..], 0.5));
        assert_eq!((told[1].0, told[1].1), ("loss", &[1, 1][..]));
        assert_eq!(state.metrics[1].1.values[1], f64::NEG_INFINITY);
        assert!(told[1].2.is_nan() && state.metrics[1].1.times.iter().all(|t| t.is_nan()));
        assert_eq!(told[2..], [("grad_norm", &[1][..], 0.25), ("lr\u{fffd}", &[3][..], 18_446_744_073_709_551_615.0)]);
    }

    #[test]
    fn params_and_tags() {
        let text = r#"{"global_step": 1, "log_history": [], "max_steps": 10, "num_train_epochs": 3, "save_steps": 0.1,
            "eval_steps": null, "best_metric": 0.5, "best_global_step": 1, "trial_name": null,
            "best_model_checkpoint": "/home/me/out/checkpoint-1/", "trial_params": {"lr": 1e-5, "num_train_epochs": 4,
            "hub_token": "abcdefghijklmnopqrstuv", "opt": {"name": "adam"}}}"#;
        let state = State::parse(text.as_bytes()).unwrap();
        let params: Vec<_> = state.params.iter().map(|(name, value)| (name.as_str(), value.text())).collect();
        let mut told: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        told.sort_unstable();
        let expected = [
            ("lr", "0.00001"),
            ("max_steps", "10"),
            ("num_train_epochs", "4"),
            ("opt.name", "adam"),
            ("save_steps", "0.1"),
        ];
        assert_eq!(told, expected);
        let tags: Vec<_> = state.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            tags,
            [("best_metric", "0.5"), ("best_global_step", "1"), ("best_model_checkpoint", "checkpoint-1")]
        );
    }

    #[test]
    fn what_is_no_state_is_an_error() {
        for text in
            ["[]", "{}", r#"{"global_step": 1}"#, r#"{"global_step": "x", "log_history": []}"#, "{\"log_history\": ["]
        {
            assert!(State::parse(text.as_bytes()).is_err(), "{text}");
        }
        for deep in ["[".repeat(200_000), "{\"log_history\":".repeat(200_000)] {
            assert!(State::parse(deep.as_bytes()).is_err());
        }
        let many: Vec<String> = (0..MAX_METRICS + 3).map(|i| format!("\"{i}\":{i}")).collect();
        let state = State::parse(format!("{{\"global_step\":1,\"log_history\":[{{{}}}]}}", many.join(",")).as_bytes());
        let state = state.unwrap();
        assert_eq!((state.metrics.len(), state.left_off), (MAX_METRICS, 3));
    }
}
