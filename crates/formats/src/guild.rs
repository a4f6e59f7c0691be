//! Guild AI: one run directory, of which `.guild/attrs` says what was run and how it ended (FORMATS.md section 16, and
//! Guild's `run.py`).
//!
//! What the run logged lies in event files below it and is told by their own sources: this one tells parameters,
//! status and names. Only attributes that are named here are opened. `attrs/env`, the whole environment with all its
//! secrets, is not among them; nor are `cmd`, `op` and `run_params`, which are full of the writing machine's paths.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Lifecycle, ParamValue, Problem, ProblemKind, RunDelta, Status};

use crate::{
    Progress, Reader, SourceSpec, bounded, place, secret,
    stamp::Stamp,
    yaml::{self, YamlError},
};

/// What is read, below `.guild`. Its order is that of `State::stamps`.
const FILES: [&str; 13] = [
    "attrs/flags",
    "attrs/exit_status",
    "attrs/initialized",
    "attrs/started",
    "attrs/stopped",
    "attrs/label",
    "attrs/user",
    "attrs/host",
    "attrs/tags",
    "attrs/sourcecode_digest",
    "opref",
    "LOCK",
    "PENDING",
];
/// Another mark of a run that did not begin.
const STAGED: &str = "STAGED";
/// Scalars are short.
const MAX_SCALAR: u64 = 4_096;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    #[serde(rename = "s")]
    stamps: Vec<Stamp>,
    #[serde(rename = "t")]
    told: bool,
    /// Paths of which a problem was said.
    #[serde(rename = "x")]
    bad: Vec<String>,
}

/// Reads one run directory.
pub(crate) struct GuildRun {
    spec: SourceSpec,
    /// `<run>/.guild`
    dir: PathBuf,
    state: State,
}

/// Whether a directory with a `.guild` in it is a run's: Guild's home (`<project>/.guild/runs`) has no attributes.
pub(crate) fn is_run(guild_dir: &Path) -> bool {
    // Guild makes no links here, and one could lead to anything.
    place::is_real_dir(guild_dir)
        && place::is_real_dir(&guild_dir.join("attrs"))
        && place::is_real_file(&guild_dir.join("opref"))
}

impl GuildRun {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        // After a cursor that cannot be understood: told, but nothing is known of it.
        let state = saved.unwrap_or_else(|| State { told: cursor.is_some(), ..State::default() });
        Self { dir: spec.path().join(".guild"), spec: spec.clone(), state }
    }

    /// What `stat` says of all files; nothing of those that are links or in a directory that is one.
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |name: &str| match fs::symlink_metadata(self.dir.join(name)) {
            Ok(metadata) if metadata.is_file() => Stamp::of_metadata(&metadata),
            _ => Stamp::default(),
        };
        FILES.iter().map(|name| stamp(name)).chain([stamp(STAGED)]).collect()
    }

    fn has(&self, stamps: &[Stamp], name: &str) -> bool {
        FILES.iter().position(|n| *n == name).is_some_and(|i| stamps[i] != Stamp::default())
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(".guild").join(name))
    }

    fn fail(&mut self, name: &str, kind: ProblemKind, message: String, batch: &mut Batch) {
        let path = self.shown(name);
        if !self.state.bad.contains(&path) {
            self.state.bad.push(path.clone());
            batch.problems.push(Problem { path, offset: None, kind, message });
        }
    }

    fn heal(&mut self, name: &str, batch: &mut Batch) {
        let path = self.shown(name);
        if let Some(i) = self.state.bad.iter().position(|p| *p == path) {
            self.state.bad.remove(i);
            batch.healed.push(path);
        }
    }

    /// A file's text, at most `max` bytes of it.
    fn text(&mut self, stamps: &[Stamp], name: &str, batch: &mut Batch) -> Option<String> {
        if !self.has(stamps, name) {
            self.heal(name, batch);
            return None;
        }
        match bounded::read(&self.dir.join(name), MAX_SCALAR, &mut batch.bytes_read) {
            Ok(text) => {
                self.heal(name, batch);
                Some(String::from_utf8_lossy(&text).into_owned())
            }
            Err(e) => {
                let message = format!("The run's {name} cannot be read ({e}); it is tried again when it changes.");
                self.fail(name, ProblemKind::Unreadable, message, batch);
                None
            }
        }
    }

    /// A YAML scalar: a string may be quoted, the empty one is.
    fn scalar(&mut self, stamps: &[Stamp], name: &str, batch: &mut Batch) -> Option<String> {
        let text = self.text(stamps, name, batch)?;
        let mapping = yaml::parse_mapping(format!("x: {}", text.trim()).as_bytes()).ok();
        let value = mapping.as_ref().and_then(|m| yaml::text(m, "x"));
        value.or_else(|| Some(text.trim().to_owned())).filter(|t| !t.is_empty())
    }

    fn micros(&mut self, stamps: &[Stamp], name: &str, batch: &mut Batch) -> Option<f64> {
        let micros: i64 = self.scalar(stamps, name, batch)?.parse().ok()?;
        Some(micros as f64 / 1e6)
    }

    /// `false`: the file is being written.
    fn read_flags(&mut self, stamps: &[Stamp], batch: &mut Batch, run: &mut RunDelta) -> bool {
        const FLAGS: &str = "attrs/flags";
        if !self.has(stamps, FLAGS) {
            self.heal(FLAGS, batch);
            return true;
        }
        match yaml::read_mapping(&self.dir.join(FLAGS), &mut batch.bytes_read) {
            Ok(mapping) => {
                self.heal(FLAGS, batch);
                let is_open = |(name, value): &(String, ParamValue)| !secret::is_secret(name, &value.text());
                run.params = yaml::params(mapping).into_iter().filter(is_open).collect();
            }
            Err(YamlError::Empty) => return false,
            Err(e) => {
                self.fail(FLAGS, e.kind(), format!("The run's parameters cannot be read: {e}."), batch);
            }
        }
        true
    }

    /// As far as it is certain. A run without an exit status whose process is not of this machine, or is none, may be
    /// running elsewhere or dead.
    fn status(&mut self, stamps: &[Stamp], batch: &mut Batch) -> (Option<Status>, Option<u32>) {
        if let Some(exit) = self.scalar(stamps, "attrs/exit_status", batch) {
            let status = match exit.parse::<i64>() {
                Ok(0) => Status::Finished,
                // Ended by a signal.
                Ok(..0) => Status::Killed,
                Ok(_) => Status::Failed,
                Err(_) => Status::Unknown,
            };
            return (Some(status), None);
        }
        if self.has(stamps, "PENDING") || stamps.last() != Some(&Stamp::default()) {
            return (Some(Status::Scheduled), None);
        }
        let pid = self.scalar(stamps, "LOCK", batch).and_then(|pid| pid.parse::<u32>().ok()).filter(|pid| *pid > 0);
        let host = self.scalar(stamps, "attrs/host", batch);
        let is_ours = host.is_some_and(|host| host == crate::our_host());
        match pid.filter(|_| is_ours) {
            Some(pid) => (Some(Status::Running), Some(pid)),
            None => (None, None),
        }
    }

    fn read_all(&mut self, stamps: &[Stamp], batch: &mut Batch) -> Option<RunDelta> {
        // What was told and is no more is taken back by telling everything anew: there is little, and no points.
        let mut run = RunDelta { reset: self.state.told, ..RunDelta::default() };
        if !self.read_flags(stamps, batch, &mut run) {
            return None;
        }
        // Guild puts flags into labels: `lr=0.1 api_key=…`.
        let is_open = |label: &String| {
            !label
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='))
                .any(|(key, value)| secret::is_secret(key, value))
        };
        let label = self.scalar(stamps, "attrs/label", batch).filter(is_open);
        let operation = self.text(stamps, "opref", batch).and_then(|text| operation(&text));
        let id = self.spec.path().file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let short: String = id.chars().take(8).collect();
        let name = label.clone().or_else(|| operation.as_ref().map(|op| format!("{op} {short}"))).unwrap_or(short);
        run.head.name = Some(place::clean_name(name.as_bytes()));
        run.head.user = self.scalar(stamps, "attrs/user", batch).map(|user| place::clean_name(user.as_bytes()));
        let initialized = self.micros(stamps, "attrs/initialized", batch);
        run.head.started = self.micros(stamps, "attrs/started", batch).or(initialized);
        run.head.ended = Some(self.micros(stamps, "attrs/stopped", batch));
        (run.head.status, run.head.pid) = self.status(stamps, batch);
        run.head.lifecycle = Some(lifecycle(&self.spec.rel));
        // Its files lie beside `.guild`: an artifact root here would offer `attrs/env` to be looked at.
        let tags = self.text(stamps, "attrs/tags", batch).and_then(|text| list(&text));
        let digest = self.scalar(stamps, "attrs/sourcecode_digest", batch);
        let named = [
            ("guild.operation", operation),
            ("guild.label", label),
            ("guild.tags", tags),
            ("guild.sourcecode_digest", digest),
        ];
        let tags = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        run.tags = tags.filter(|(name, value)| !secret::is_secret(name, value)).collect();
        Some(run)
    }
}

impl Reader for GuildRun {
    fn read(&mut self, _budget_bytes: usize, batch: &mut Batch) -> Progress {
        if !is_run(&self.dir) {
            // Not there yet, or no more: whoever walks the project notices when it stays so.
            return Progress::CaughtUp;
        }
        let stamps = self.stamps();
        if self.state.told && stamps == self.state.stamps {
            return Progress::CaughtUp;
        }
        if let Some(run) = self.read_all(&stamps, batch) {
            batch.runs.push(run);
            self.state.stamps = stamps;
            self.state.told = true;
        }
        Progress::CaughtUp
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        vec![self.dir.clone(), self.dir.join("attrs")]
    }
}

/// What was run, of an opref: `<package type>:<package> <version> <model> <operation>`, quoted as a shell does. The
/// package of a script is the path of its folder, and is left out.
fn operation(opref: &str) -> Option<String> {
    let mut words = Vec::new();
    let mut rest = opref.trim();
    while !rest.is_empty() && words.len() < 8 {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'')?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    let [.., model, name] = words[..] else { return None };
    let text = if model.is_empty() || words.len() < 4 { name.to_owned() } else { format!("{model}:{name}") };
    (!name.is_empty()).then(|| place::clean_name(text.as_bytes()))
}

/// A YAML list of words.
fn list(text: &str) -> Option<String> {
    let words: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("- ")).map(str::trim).collect();
    (!words.is_empty()).then(|| place::clean_name(words.join(", ").as_bytes()))
}

/// `guild runs delete` moves runs from `<home>/runs` to `<home>/trash/runs`.
fn lifecycle(rel: &Path) -> Lifecycle {
    let mut above = rel.iter().rev().skip(1);
    match (above.next(), above.next()) {
        (Some(runs), Some(trash)) if runs == "runs" && trash == "trash" => Lifecycle::Deleted,
        _ => Lifecycle::Active,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(operation(text).as_deref(), expected, "{text}");
        check("script:/home/me/my project '' '' train.py", Some("train.py"));
        check("guildfile:/home/me 5f2e resnet train", Some("resnet:train"));
        check("builtin:'' '' '' train", Some("train"));
        check("script:'/a b' '' '' 'my train.py'\n", Some("my train.py"));
        check("", None);
        check("x", None);
        check("a b c '", None);
    }

    #[test]
    fn lists() {
        assert_eq!(list("- a\n- b c\n").as_deref(), Some("a, b c"));
        assert_eq!(list("[]\n"), None);
    }

    #[test]
    fn deleted_runs_lie_in_the_trash() {
        assert_eq!(lifecycle(Path::new(".guild/trash/runs/abc")), Lifecycle::Deleted);
        assert_eq!(lifecycle(Path::new(".guild/runs/abc")), Lifecycle::Active);
        assert_eq!(lifecycle(Path::new("")), Lifecycle::Active);
    }
}
