//! One trial: the lines of `result.json`, one for each report, and what the files beside it say.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_types::{ParamValue, ProblemKind};

use super::experiment_state::Word;
use crate::{
    json_params,
    jsonl::{
        lenient,
        row::{self, Row},
    },
    log::news::News,
    place, secret,
    stamp::Stamp,
    text::{
        clock,
        lines::{self, Piece},
        number,
        tail::Mark,
    },
};

/// The longest last line of an error that is told.
const MAX_ERROR_CHARS: usize = 300;

/// What Ray adds to each report for its own use. How long the iteration and all of them took are series.
const BOOKKEEPING: [&str; 17] = [
    "training_iteration",
    "timestamp",
    "date",
    "trial_id",
    "experiment_id",
    "experiment_tag",
    "pid",
    "hostname",
    "node_ip",
    "config",
    "done",
    "should_checkpoint",
    "checkpoint_dir_name",
    "time_since_restore",
    "timesteps_since_restore",
    "iterations_since_restore",
    "warmup_time",
];

/// Settings under which a configuration keeps a process's environment.
const ENVIRONMENTS: [&str; 5] = [
    "env_vars",
    "environ",
    "environment_variables",
    "extra_python_environs_for_driver",
    "extra_python_environs_for_worker",
];

/// Where reading stands in a trial, and what is known of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Trial {
    #[serde(rename = "m")]
    pub mark: Mark,
    /// Within a line that is too long.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub skipping: bool,
    /// The last line's step.
    #[serde(rename = "n")]
    pub step: i64,
    /// What was told of it before does not hold.
    #[serde(rename = "z", default, skip_serializing_if = "std::ops::Not::not")]
    pub reset_due: bool,
    #[serde(rename = "p")]
    pub params: Stamp,
    /// Checksum of its configuration.
    #[serde(rename = "c")]
    pub config: Option<u32>,
    #[serde(rename = "e")]
    pub error_file: Stamp,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// In the words of the experiment's state.
    #[serde(rename = "w")]
    pub word: Option<Word>,
    /// Its last line says that it is done.
    #[serde(rename = "f")]
    pub done: bool,
    #[serde(rename = "t")]
    pub id: Option<String>,
    #[serde(rename = "h")]
    pub host: Option<String>,
    #[serde(rename = "i")]
    pub pid: Option<u32>,
    /// Its status was told.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub said: bool,
    /// Checksum of the head and tags that were told.
    #[serde(rename = "a")]
    pub about: Option<u32>,
}

impl Trial {
    /// Takes whole lines of `bytes`, which lie at `at` in the file; see `log::Grammar`. `config`: that of the first line
    /// that has one.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        at: u64,
        news: &mut News,
        config: &mut Option<Map<String, Value>>,
    ) -> usize {
        let mut skipping = self.skipping;
        let taken = lines::feed(bytes, at, &mut skipping, |piece, offset| {
            match piece {
                Piece::Line(line) => self.take_line(line, offset, news, config),
                Piece::TooLong(_) => news.trouble(offset, ProblemKind::TooLarge, lines::TOO_LONG),
            }
            ControlFlow::Continue(())
        });
        self.skipping = skipping;
        taken
    }

    fn take_line(&mut self, line: &[u8], offset: u64, news: &mut News, config: &mut Option<Map<String, Value>>) {
        let Some(mut report) = row::object(line, offset, news) else { return };
        let step = report.get("training_iteration");
        let step = step.and_then(|n| n.as_i64().or_else(|| n.as_f64().and_then(number::whole)));
        self.step = step.unwrap_or_else(|| self.step.saturating_add(1));
        let time = report.get("timestamp").and_then(lenient::number).and_then(clock::unix_of_number);
        self.done = report.get("done") == Some(&Value::Bool(true));
        let text = |key: &str| report.get(key)?.as_str().map(|text| place::clean_name(text.as_bytes()));
        self.id = text("trial_id").or(self.id.take());
        self.host = text("hostname").or(self.host.take());
        self.pid = report.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok()).filter(|p| *p > 0);
        // As `progress.csv` names them.
        let mut row = Row::new(self.step, time, offset, news);
        for (key, value) in report.iter().filter(|(key, _)| !BOOKKEEPING.contains(&key.as_str())) {
            row.take(key, value);
        }
        row.close();
        if config.is_none()
            && let Some(Value::Object(found)) = report.remove("config")
        {
            *config = Some(found);
        }
    }
}

/// A configuration as hyper-parameters, without the environments of the processes that it starts.
pub(super) fn params(config: &Map<String, Value>) -> Vec<(String, ParamValue)> {
    let mut params = json_params::of_object(config);
    params.retain(|(name, _)| !name.split('.').any(|part| ENVIRONMENTS.contains(&part)));
    params
}

/// The last line of `error.txt`, which says what went wrong; those before it are the machine's paths, and those in it are
/// cut to their last part.
pub(super) fn last_error(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let line = without_paths(&without_colours(line));
    let line: String = place::clean_name(line.as_bytes()).chars().take(MAX_ERROR_CHARS).collect();
    Some(line).filter(|line| !secret::is_secret("error", line))
}

/// Without the escapes by which terminals change colour.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').trim_start_matches('m'));
    }
    out
}

/// With absolute paths cut to their last part. What stands after a blank in one is taken for another word.
fn without_paths(line: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ')' | ']' | '>' | ',' | ';');
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '\\' | '~');
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let is_begin = !out.ends_with(is_of_word);
        let after = &rest[c.len_utf8()..];
        let is_posix = matches!(c, '/' | '~') && (c == '/' || after.starts_with('/')) && !after.starts_with("//");
        let is_url = out.ends_with(':') && after.starts_with('/');
        let is_drive = c.is_ascii_alphabetic()
            && (after.starts_with(":\\") || after.starts_with(":/") && !after.starts_with("://"));
        if is_begin && !is_url && (is_posix || is_drive) {
            let end = rest.find(is_end).unwrap_or(rest.len());
            let path = rest[..end].trim_end_matches(['/', '\\']);
            out.push('…');
            out.push_str(path.rsplit(['/', '\\']).next().unwrap_or_default());
            rest = &rest[end..];
        } else {
            out.push(c);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(last_error(text.as_bytes()).as_deref(), expected);
        check("Failure # 1\n  File \"/home/me/x.py\", line 3\nValueError: boom\n\n", Some("ValueError: boom"));
        check("\u{1b}[36mray::f()\u{1b}[39m failed", Some("ray::f() failed"));
        check("OSError: no file: '/home/me/data.csv'", Some("OSError: no file: '…data.csv'"));
        check("KeyError: path=/a/b/ x", Some("KeyError: path=…b x"));
        check("cannot open C:\\Users\\me\\a.txt, or ~/b", Some("cannot open …a.txt, or …b"));
        check("see https://docs.ray.io/en and a/b or 1/2", Some("see https://docs.ray.io/en and a/b or 1/2"));
        check("AuthError: key sk-abcdefghijklmnopqrst", None);
        check("\n \n", None);
        check("bell\u{7}", Some("bell\u{fffd}"));
        assert!(last_error("x".repeat(9_000).as_bytes()).unwrap().len() <= MAX_ERROR_CHARS);
    }

    #[test]
    fn environments_are_no_params() {
        let config = r#"{"lr": 1, "runtime_env": {"env_vars": {"HOME": "/x"}, "pip": 1}, "env": "CartPole-v1",
            "extra_python_environs_for_worker": {"A": "b"}, "api_key": "x"}"#;
        let Ok(Value::Object(config)) = lenient::parse(config.as_bytes()) else { panic!() };
        let names: Vec<String> = params(&config).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["env", "lr", "runtime_env.pip"]);
    }
}
