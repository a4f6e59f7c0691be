//! What the records of a run say together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Batch, Point, SeriesDelta, Status, bare_address};

use super::{
    media,
    record::{self, Environment, Exit, Git, History, Item, Items, Record, Run, Sender, Stats},
    summary::{Media, Summary},
};
use crate::{
    SourceSpec,
    blocks::{
        Fault,
        directory::{News, Records},
        file::Preamble,
        side_files::SideFiles,
    },
    jsonl::lenient,
    leaves, place,
};

/// More metrics of one run are not read.
const MAX_NAMES: usize = 20_000;

/// Kept in the cursor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// Metrics that have points.
    #[serde(rename = "n")]
    names: BTreeSet<String>,
    #[serde(rename = "f")]
    is_full: bool,
    #[serde(rename = "m")]
    media: Media,
    #[serde(rename = "y")]
    summary: Summary,
    #[serde(rename = "r")]
    n_rows: u64,
    #[serde(rename = "s")]
    n_stats: u64,
    #[serde(rename = "l")]
    last_step: Option<i64>,
    /// Unix seconds.
    #[serde(rename = "t")]
    last_time: Option<f64>,
    /// Unix seconds.
    #[serde(rename = "b")]
    started: Option<f64>,
    /// The run record was read: it has the config and the start.
    #[serde(rename = "c")]
    pub(super) has_run: bool,
    /// Some record says who sent it: of those that do not, it is known that a service made them.
    #[serde(rename = "i")]
    has_info: bool,
    /// Where it was trained, "" if unknown.
    #[serde(rename = "h")]
    pub(super) host: String,
    /// The training process, once it was told.
    #[serde(rename = "p")]
    pub(super) pid: Option<u32>,
}

impl Records for RunState {
    const PREAMBLE: Preamble = Preamble { magic: *b":W&B\xe1\xbe", version: 0 };
    const SUFFIX: &str = ".wandb";
    const TAGS: &str = "wandb.";

    fn take(&mut self, message: &[u8], news: &mut News) -> Result<(), Fault> {
        let (record, sender) = record::decode(message).map_err(|_| Fault::Malformed)?;
        self.has_info |= sender == Sender::Info;
        match record {
            Record::History(history) => self.take_history(&history, news),
            Record::Summary(items) => self.take_summary(&items),
            Record::Config(items) => take_config(&items, news),
            Record::Stats(stats) => self.take_stats(&stats, news),
            Record::Run(run) => self.take_run(*run, news),
            Record::Exit(exit) => {
                self.take_exit(exit, sender, news);
                Ok(())
            }
            Record::Environment(environment) => {
                self.take_environment(*environment, news);
                Ok(())
            }
            Record::Other => Ok(()),
        }
    }

    fn take_files(&mut self, files: &mut SideFiles, spec: &SourceSpec, news: &mut News, batch: &mut Batch) {
        self.read_files(files, spec, news, batch);
    }

    fn pid(&mut self, files: &mut SideFiles, spec: &SourceSpec, our_host: &str, batch: &mut Batch) -> Option<u32> {
        self.read_pid(files, spec, our_host, batch)
    }

    /// The series of summary values, if they have changed since they were told.
    fn tell_last(&mut self) -> Vec<SeriesDelta> {
        self.summary.tell(&self.media, self.last_step.unwrap_or(0), self.last_time.unwrap_or(f64::NAN))
    }
}

impl RunState {
    fn take_history(&mut self, history: &History, news: &mut News) -> Result<(), Fault> {
        history.items.iter().for_each(|item| self.media.learn(&item.name));
        let mut step = history.step.unwrap_or_else(|| i64::try_from(self.n_rows).unwrap_or(i64::MAX));
        let mut time = f64::NAN;
        let mut values = Vec::new();
        let mut verdict = Ok(());
        for item in &history.items {
            match item.name.as_str() {
                "_step" => step = whole(item.json).unwrap_or(step),
                "_timestamp" => time = number(item.json).unwrap_or(f64::NAN),
                name if is_internal(name) => {}
                _ => verdict = self.scalars(item, |name, value| values.push((name, value))).and(verdict),
            }
        }
        self.n_rows += 1;
        self.last_step = Some(step);
        if time.is_finite() {
            self.last_time = Some(time);
        }
        media::tell(history, (step, time), news);
        for (name, value) in values {
            if !self.media.owns(&name) {
                verdict = self.push(&name, Point { step, time, value }, news).and(verdict);
            }
        }
        verdict
    }

    fn take_stats(&mut self, stats: &Stats, news: &mut News) -> Result<(), Fault> {
        let step = i64::try_from(self.n_stats).unwrap_or(i64::MAX);
        let time = stats.time.unwrap_or(f64::NAN);
        self.n_stats += 1;
        let mut verdict = Ok(());
        for item in &stats.items {
            let mut values = Vec::new();
            verdict = self.scalars(item, |name, value| values.push((name, value))).and(verdict);
            for (name, value) in values {
                let name = place::clean_name(format!("system/{name}").as_bytes());
                verdict = self.push(&name, Point { step, time, value }, news).and(verdict);
            }
        }
        verdict
    }

    fn push(&mut self, name: &str, point: Point, news: &mut News) -> Result<(), Fault> {
        if !self.names.contains(name) {
            if self.names.len() >= MAX_NAMES {
                let is_told = std::mem::replace(&mut self.is_full, true);
                return if is_told { Ok(()) } else { Err(Fault::TooManyNames) };
            }
            self.names.insert(name.to_owned());
            self.summary.remove(name);
        }
        let series = news.series.number(name);
        news.series.push(series, point);
        Ok(())
    }

    fn take_summary(&mut self, items: &Items) -> Result<(), Fault> {
        items.removed.iter().for_each(|name| self.summary.remove(name));
        items.set.iter().for_each(|item| self.media.learn(&item.name));
        let mut verdict = Ok(());
        for item in &items.set {
            match item.name.as_str() {
                "_step" => self.saw_step(whole(item.json)),
                "_timestamp" => self.saw_time(number(item.json)),
                name if is_internal(name) => {}
                name => {
                    self.summary.remove(name);
                    let mut values = Vec::new();
                    verdict = self.scalars(item, |name, value| values.push((name, value))).and(verdict);
                    for (name, value) in values {
                        self.set_summary(name, value);
                    }
                }
            }
        }
        verdict
    }

    /// Takes `wandb-summary.json`.
    pub(super) fn take_summary_file(&mut self, summary: &Value) {
        let Value::Object(summary) = summary else { return };
        for (name, value) in summary {
            match name.as_str() {
                "_step" => self.saw_step(value.as_i64().or_else(|| crate::text::number::whole(value.as_f64()?))),
                "_timestamp" => self.saw_time(lenient::number(value)),
                name if is_internal(name) => {}
                name => {
                    let mut values = Vec::new();
                    let name = place::clean_name(name.as_bytes());
                    self.scalars_of(&name, value, &mut |name, value| values.push((name, value)));
                    for (name, value) in values {
                        self.set_summary(name, value);
                    }
                }
            }
        }
    }

    fn set_summary(&mut self, name: String, value: f64) {
        if !self.names.contains(&name) {
            self.summary.set(name, value);
        }
    }

    fn saw_step(&mut self, step: Option<i64>) {
        self.last_step = self.last_step.max(step);
    }

    fn saw_time(&mut self, time: Option<f64>) {
        if let Some(time) = time.filter(|t| t.is_finite()) {
            self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        }
    }

    fn take_run(&mut self, run: Run, news: &mut News) -> Result<(), Fault> {
        self.has_run = true;
        self.started = run.started.or(self.started);
        news.head.started = run.started.or(news.head.started);
        let name = [&run.name, &run.id].into_iter().find(|n| !n.is_empty());
        news.head.name = name.cloned().or(news.head.name.take());
        if !run.project.is_empty() {
            news.head.experiment = Some(run.project);
        }
        if !run.host.is_empty() {
            self.host = run.host.clone();
        }
        news.tag("group", run.group);
        news.tag("job_type", run.job_type);
        news.tag("notes", run.notes);
        news.tag("tags", run.tags.join(", "));
        news.tag("sweep", run.sweep);
        news.tag("host", run.host);
        take_git(run.git, news);
        take_config(&run.config, news).and(self.take_summary(&run.summary))
    }

    /// Takes the environment record, or what `wandb-metadata.json` says of the same.
    pub(super) fn take_environment(&mut self, environment: Environment, news: &mut News) {
        // The run record's start is the one that W&B counts from.
        if (!self.has_run || self.started.is_none()) && environment.started.is_some() {
            self.started = environment.started;
            news.head.started = environment.started;
        }
        if !environment.host.is_empty() {
            self.host = environment.host.clone();
        }
        if !environment.user.is_empty() {
            news.head.user = Some(environment.user);
        }
        let python = environment.python.strip_prefix("CPython ").unwrap_or(&environment.python).to_owned();
        news.tag("python", python);
        news.tag("program", program(&environment.program).to_owned());
        news.tag("host", environment.host);
        take_git(environment.git, news);
    }

    fn take_exit(&mut self, exit: Exit, sender: Sender, news: &mut News) {
        // A service that several processes share sees one of them leave and knows no code: it writes 0.
        let is_own = sender != Sender::Unsaid || !self.has_info;
        let status = match exit.code {
            0 if is_own => Status::Finished,
            0 => Status::Unknown,
            255 => Status::Killed,
            _ => Status::Failed,
        };
        news.head.status = Some(status);
        let by_runtime = self.started.map(|started| started + exit.runtime.max(0) as f64);
        // The runtime is in whole seconds.
        let ended = [by_runtime, self.last_time].into_iter().flatten().reduce(f64::max);
        news.head.ended = ended.map(Some);
    }

    /// Calls `found` with each number in an item's value.
    fn scalars(&mut self, item: &Item, mut found: impl FnMut(String, f64)) -> Result<(), Fault> {
        if let Some(value) = number(item.json) {
            found(item.name.clone(), value);
            return Ok(());
        }
        if item.json.is_empty() {
            return Ok(());
        }
        let value = lenient::parse(item.json).map_err(|_| Fault::Malformed)?;
        self.scalars_of(&item.name, &value, &mut found);
        Ok(())
    }

    fn scalars_of(&mut self, name: &str, value: &Value, found: &mut impl FnMut(String, f64)) {
        let media = &mut self.media;
        let mut enter = |name: &str, object: &serde_json::Map<String, Value>| {
            let is_media = object.contains_key("_type");
            if is_media {
                media.add(name);
            }
            !is_media
        };
        leaves::each(name, value, &mut enter, &mut |name, value| {
            if let Some(value) = scalar(value) {
                found(name, value);
            }
        });
    }
}

/// A plain number, without the detour of a parser for all of JSON.
fn number(json: &[u8]) -> Option<f64> {
    let begins = json.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-');
    if begins { std::str::from_utf8(json).ok()?.parse().ok() } else { None }
}

fn whole(json: &[u8]) -> Option<i64> {
    let exact = std::str::from_utf8(json).ok()?.parse().ok();
    exact.or_else(|| number(json).and_then(crate::text::number::whole))
}

fn scalar(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => lenient::number(value),
    }
}

/// What W&B keeps for itself in config, history and summary.
pub(super) fn is_internal(name: &str) -> bool {
    matches!(name, "_step" | "_timestamp" | "_runtime" | "_wandb" | "wandb_version") || name.starts_with("_wandb.")
}

fn take_config(items: &Items, news: &mut News) -> Result<(), Fault> {
    let mut verdict = Ok(());
    for item in items.set.iter().filter(|item| !is_internal(&item.name)) {
        match lenient::parse(item.json) {
            Ok(value) => leaves::as_params(&item.name, &value, &mut news.params),
            Err(_) => verdict = Err(Fault::Malformed),
        }
    }
    verdict
}

fn take_git(git: Git, news: &mut News) {
    news.tag("git.remote", bare_address(&git.remote));
    news.tag("git.commit", git.commit);
}

/// A program's name; where it lay on the writing machine is left out.
fn program(path: &str) -> &str {
    let is_absolute = path.starts_with('/') || path.get(1..3).is_some_and(|s| s == ":\\" || s == ":/");
    if is_absolute { path.rsplit(['/', '\\']).next().unwrap_or(path) } else { path }
}
