//! `run.json`: what Sacred says of a run.

use serde_json::{Map, Value};
use signalbox_types::{RunHead, Status};

use crate::{json_params, jsonl::lenient, place, secret, text::clock};

/// A run beats every ten seconds; one that did not for so long is dead (FORMATS.md section 13).
const BEAT_SECS: f64 = 60.0;

/// What `run.json` tells.
pub(super) struct Record {
    /// Name and artifacts are not known here.
    pub head: RunHead,
    pub tags: Vec<(String, String)>,
    /// Tells this run from another in the same folder.
    pub start: u32,
}

impl Record {
    /// `now`: unix seconds, to judge the heartbeat by.
    pub(super) fn parse(text: &[u8], now: f64) -> Result<Record, String> {
        let record = match lenient::parse(text) {
            Ok(Value::Object(record)) => record,
            Ok(_) => return Err("it holds no object".to_owned()),
            Err(e) => return Err(e.to_string()),
        };
        let time = |key: &str| record.get(key).and_then(Value::as_str).and_then(clock::unix_of_iso);
        let experiment = record.get("experiment").and_then(|e| text_at(e, &["name"]));
        let start = record.get("start_time").and_then(Value::as_str).unwrap_or_default();
        let head = RunHead {
            status: status(&record, now),
            started: time("start_time"),
            // `stop_time` is written with the last word only; an earlier run's is not in the file.
            ended: Some(time("stop_time")),
            experiment,
            ..RunHead::default()
        };
        Ok(Record { head, tags: tags(&record), start: crc32c::crc32c(start.as_bytes()) })
    }
}

/// Only what is over for certain, and what beats: a `RUNNING` from years ago is no news of anything.
fn status(record: &Map<String, Value>, now: f64) -> Option<Status> {
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    Some(match text("status")? {
        "COMPLETED" => Status::Finished,
        "FAILED" => Status::Failed,
        "INTERRUPTED" | "TIMEOUT" => Status::Killed,
        "QUEUED" => Status::Scheduled,
        "RUNNING" => {
            let beat = text("heartbeat").or_else(|| text("start_time")).and_then(clock::unix_of_iso)?;
            let interval = record.get("meta").and_then(|m| m.get("options")?.get("--beat-interval")?.as_f64());
            let limit = interval.map_or(BEAT_SECS, |secs| BEAT_SECS.max(3.0 * secs));
            match (now - beat).abs() <= limit {
                true => Status::Running,
                false => Status::Unknown,
            }
        }
        // A user's own SacredInterrupt brings its own word, and a stop.
        _ if text("stop_time").is_some() => Status::Killed,
        _ => Status::Unknown,
    })
}

/// What a person may want to see. Not the environment, the command line's options (a database's address stands among
/// them) and the paths of the machine.
fn tags(record: &Map<String, Value>) -> Vec<(String, String)> {
    let at = |path: &[&str]| record.get(path[0]).and_then(|v| text_at(v, &path[1..]));
    let mut tags: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        tags.extend(value.filter(|v| !v.is_empty() && !secret::is_secret(name, v)).map(|v| (name.to_owned(), v)));
    };
    add("command", at(&["command"]));
    add("comment", at(&["meta", "comment"]));
    add("mainfile", at(&["experiment", "mainfile"]).filter(|file| !file.starts_with('/') && !file.contains(":\\")));
    add("result", record.get("result").filter(|r| !r.is_null()).map(json_params::text));
    add("hostname", at(&["host", "hostname"]));
    add("python_version", at(&["host", "python_version"]));
    let named = record.get("meta").and_then(|m| m.get("named_configs")?.as_array()).filter(|names| !names.is_empty());
    add("named_configs", named.map(|names| names.iter().map(json_params::text).collect::<Vec<_>>().join(", ")));
    // Of a traceback the last line says what went wrong; the others are the machine's paths.
    let trace = record.get("fail_trace").and_then(Value::as_array);
    let last = trace.and_then(|lines| lines.iter().filter_map(Value::as_str).flat_map(str::lines).last());
    add("error", last.map(|line| place::clean_name(line.trim().as_bytes())));
    let repository = record.get("experiment").and_then(|e| e.get("repositories")?.as_array()?.first());
    add("git.commit", repository.and_then(|r| text_at(r, &["commit"])));
    add("git.dirty", repository.and_then(|r| text_at(r, &["dirty"])));
    tags
}

/// The text, number or truth value at `path` below `value`.
fn text_at(value: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    match found {
        Value::String(text) => Some(place::clean_name(text.as_bytes())),
        Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T10:00:00Z.
    const NOW: f64 = 1_795_255_200.0;

    fn check(json: &str, expected: Option<Status>) {
        assert_eq!(Record::parse(json.as_bytes(), NOW).unwrap().head.status, expected, "{json}");
    }

    #[test]
    fn words_and_heartbeats() {
        check(r#"{"status": "COMPLETED"}"#, Some(Status::Finished));
        check(r#"{"status": "FAILED"}"#, Some(Status::Failed));
        check(r#"{"status": "INTERRUPTED"}"#, Some(Status::Killed));
        check(r#"{"status": "QUEUED"}"#, Some(Status::Scheduled));
        check(r#"{"status": "OUT_OF_MONEY", "stop_time": "2026-11-21T09:00:00"}"#, Some(Status::Killed));
        check(r#"{"status": "OUT_OF_MONEY"}"#, Some(Status::Unknown));
        check(r#"{"status": "RUNNING", "heartbeat": "2026-11-21T09:59:45.5"}"#, Some(Status::Running));
        check(
            r#"{"status": "RUNNING", "heartbeat": null, "start_time": "2026-11-21T10:00:01"}"#,
            Some(Status::Running),
        );
        check(r#"{"status": "RUNNING", "heartbeat": "2026-11-21T09:58:00"}"#, Some(Status::Unknown));
        check(r#"{"status": "RUNNING", "heartbeat": "2022-01-01T00:00:00"}"#, Some(Status::Unknown));
        let slow = r#""meta": {"options": {"--beat-interval": 600}}"#;
        check(
            &format!(r#"{{"status": "RUNNING", "heartbeat": "2026-11-21T09:40:00", {slow}}}"#),
            Some(Status::Running),
        );
        check(r#"{"status": "RUNNING", "heartbeat": "soon"}"#, None);
        check(r#"{"status": 5}"#, None);
    }

    #[test]
    fn nothing_secret_and_no_path_becomes_a_tag() {
        let json = r#"{"command": "main", "host": {"hostname": "vm", "ENV": {"API_KEY": "x"}},
            "meta": {"options": {"--mongo_db": "u:p@h"}, "comment": "see https://a:b@c/d", "named_configs": ["big"]},
            "experiment": {"mainfile": "/home/x/train.py", "repositories": [{"url": "u", "commit": "abc", "dirty": true}]},
            "fail_trace": ["Traceback\n", "  File \"/home/x/a.py\"\n", "ValueError: bo\u0007om\n"], "result": NaN}"#;
        let tags = Record::parse(json.as_bytes(), NOW).unwrap().tags;
        let tags: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("command", "main"),
            ("result", "NaN"),
            ("hostname", "vm"),
            ("named_configs", "big"),
            ("error", "ValueError: bo\u{fffd}om"),
            ("git.commit", "abc"),
            ("git.dirty", "true"),
        ];
        assert_eq!(tags, expected);
    }
}
