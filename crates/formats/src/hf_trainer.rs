//! Hugging Face's Trainer: one output directory, of which `checkpoint-<step>/trainer_state.json` holds the history up to
//! that step, and `trainer_state.json` the whole one after the end (FORMATS.md section 7; huggingface/transformers,
//! `trainer_callback.py`).
//!
//! Only the state that got furthest is read: each repeats all that the earlier ones say, so that what was told is
//! compared and the rest handed on, and nothing is lost when `save_total_limit` deletes a checkpoint. It is as live as
//! checkpoints are; the event files below `runs/` are a source of their own. Nothing but these files and the model's
//! `config.json` is ever opened: the others are pickles and weights.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Batch, Cursor, ProblemKind, RunDelta, SeriesDelta};

use self::state::State;
use crate::{
    Progress, Reader, SourceSpec, bounded,
    jsonl::lenient,
    log::news::Trouble,
    place,
    rewritten::ToldCurves,
    secret,
    stamp::{Stamp, is_absent},
    trouble::Troubles,
};

mod state;

pub(crate) const STATE: &str = "trainer_state.json";
const CONFIG: &str = "config.json";

/// Larger states are not read: they are read whole, and again at each checkpoint.
const MAX_BYTES: u64 = 64 << 20;
const MAX_CONFIG: u64 = 1 << 20;
/// So many of the newest checkpoints are looked at for one with a state that can be read.
const MAX_TRIED: usize = 4;
/// So many architectures are named.
const MAX_NAMES: usize = 8;

/// The step of `checkpoint-<step>`.
pub(crate) fn step_of(dir: &str) -> Option<i64> {
    let digits = dir.strip_prefix("checkpoint-")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    /// The output directory's own state, as it was when it was read last, and its step if it could be read.
    #[serde(rename = "o")]
    own: (Stamp, Option<i64>),
    /// The state that was taken last, by its path below the directory.
    #[serde(rename = "l")]
    last: (String, Stamp),
    /// Checkpoints whose state cannot be read, by path.
    #[serde(rename = "b", default, skip_serializing_if = "BTreeMap::is_empty")]
    bad: BTreeMap<String, Stamp>,
    /// How far the history that was told goes, and the time of the file that told it.
    #[serde(rename = "g")]
    step: i64,
    #[serde(rename = "t")]
    mtime_ns: i64,
    #[serde(rename = "m")]
    metrics: ToldCurves,
    /// Checksum of params and tags.
    #[serde(rename = "a")]
    about: Option<u32>,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// A checkpoint that holds a state.
struct Checkpoint {
    step: i64,
    /// Of its state, below the directory.
    name: String,
    stamp: Stamp,
}

/// Reads one output directory.
pub(crate) struct OutputDir {
    spec: SourceSpec,
    dir: PathBuf,
    saved: Saved,
    /// The newest checkpoints: where the next state may be written.
    watched: Vec<PathBuf>,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

impl OutputDir {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        let dir = spec.path();
        Self { dir, spec: spec.clone(), saved: saved.unwrap_or_default(), watched: Vec::new(), must_reset }
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(name))
    }

    fn roots(&self) -> [&Path; 2] {
        [&self.spec.project, &self.dir]
    }

    fn fail(&mut self, name: &str, kind: ProblemKind, why: &str, batch: &mut Batch) {
        let message = format!("The training's history cannot be read: {why}. What was read of it before is kept.");
        self.saved.troubles.file(self.shown(name), kind, message, batch);
    }

    fn stamp(&mut self, name: &str, batch: &mut Batch) -> Option<Stamp> {
        match place::stamp_inside(&self.roots(), &self.dir.join(name)) {
            // Truncated, and not written yet.
            Ok(stamp) => stamp.filter(|stamp| stamp.len > 0),
            Err(e) => {
                self.fail(name, ProblemKind::Unreadable, &e.to_string(), batch);
                None
            }
        }
    }

    /// The checkpoints that got furthest, the furthest first.
    fn checkpoints(&mut self, batch: &mut Batch) -> io::Result<Vec<Checkpoint>> {
        let mut dirs = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((step, name)) = name.to_str().and_then(|name| Some((step_of(name)?, name))) else { continue };
            let kind = entry.file_type()?;
            let leads_inside = || self.roots().iter().any(|root| place::stays_inside(root, &entry.path()));
            if kind.is_dir() || kind.is_symlink() && leads_inside() {
                dirs.push((step, name.to_owned()));
            }
        }
        dirs.sort_unstable_by(|a, b| b.cmp(a));
        self.watched = dirs.iter().take(2).map(|(_, name)| self.dir.join(name)).collect();
        // One that is being saved has no state yet.
        let mut found = Vec::new();
        for (step, dir) in dirs {
            let name = format!("{dir}/{STATE}");
            if let Some(stamp) = self.stamp(&name, batch) {
                found.push(Checkpoint { step, name, stamp });
            }
            if found.len() == MAX_TRIED {
                break;
            }
        }
        Ok(found)
    }

    /// A state as the file tells it. `Err`: whether there is hope, since it may be half written.
    fn parse(&mut self, name: &str, stamp: Stamp, batch: &mut Batch) -> Result<State, bool> {
        if stamp.len > MAX_BYTES {
            self.fail(name, ProblemKind::TooLarge, "the file is larger than 64 MiB (a limit of Signalbox)", batch);
            return Err(false);
        }
        let text = match bounded::read(&self.dir.join(name), MAX_BYTES, &mut batch.bytes_read) {
            Ok(text) => text,
            Err(e) if is_absent(&e) => return Err(true),
            Err(e) => {
                self.fail(name, ProblemKind::Unreadable, &e.to_string(), batch);
                return Err(false);
            }
        };
        match State::parse(&text) {
            Ok(state) => {
                let shown = self.shown(name);
                self.saved.troubles.heal(&shown, batch);
                Ok(state)
            }
            Err(_) if stamp.is_young() => Err(true),
            Err(why) => {
                self.fail(name, ProblemKind::Malformed, &format!("the file is damaged ({why})"), batch);
                Err(false)
            }
        }
    }

    /// The state that got furthest, if it is not the one that was taken last.
    fn furthest(&mut self, checkpoints: &[Checkpoint], batch: &mut Batch) -> Option<(String, Stamp, State)> {
        let own = self.stamp(STATE, batch);
        let mut parsed = None;
        match own {
            Some(stamp) if stamp != self.saved.own.0 => match self.parse(STATE, stamp, batch) {
                Ok(state) => {
                    self.saved.own = (stamp, Some(state.global_step));
                    parsed = Some(state);
                }
                // What it was before is gone.
                Err(true) => self.saved.own = Default::default(),
                Err(false) => self.saved.own = (stamp, None),
            },
            Some(_) => {}
            None => {
                self.saved.own = Default::default();
                let shown = self.shown(STATE);
                self.saved.troubles.replaced(&shown, batch);
            }
        }
        let own_step = self.saved.own.1;
        for checkpoint in checkpoints.iter().take_while(|c| own_step.is_none_or(|own| c.step > own)) {
            let here = (checkpoint.name.clone(), checkpoint.stamp);
            if self.saved.last == here {
                return None;
            }
            if self.saved.bad.get(&here.0) == Some(&here.1) {
                continue;
            }
            match self.parse(&here.0, here.1, batch) {
                Ok(state) => {
                    self.saved.bad.remove(&here.0);
                    return Some((here.0, here.1, state));
                }
                // It is looked at again; meanwhile an older one is better than nothing.
                Err(true) if self.saved.told => return None,
                Err(true) => {}
                Err(false) => {
                    self.saved.bad.insert(here.0, here.1);
                }
            }
        }
        let stamp = own.filter(|_| self.saved.own.1.is_some())?;
        if self.saved.last == (STATE.to_owned(), stamp) {
            return None;
        }
        let state = parsed.or_else(|| self.parse(STATE, stamp, batch).ok())?;
        Some((STATE.to_owned(), stamp, state))
    }

    fn tell(&mut self, name: &str, stamp: Stamp, mut state: State, batch: &mut Batch) {
        self.saved.last = (name.to_owned(), stamp);
        // The last one was deleted; this one says nothing that it had not said.
        let is_older = state.global_step < self.saved.step && stamp.mtime_ns <= self.saved.mtime_ns;
        if self.saved.told && is_older && !self.must_reset {
            return;
        }
        let reset = self.must_reset || self.saved.told && !self.saved.metrics.hold(&state.metrics);
        if std::mem::take(&mut self.must_reset) || reset {
            self.saved.metrics.clear();
            self.saved.about = None;
            self.saved.told = false;
        }
        let mut run = RunDelta { reset, ..RunDelta::default() };
        if !std::mem::replace(&mut self.saved.told, true) {
            run.head.name = Some(place::run_name(&self.spec.project, &self.spec.rel, ""));
        }
        if state.left_off > 0 {
            let message =
                format!("{} numbers of further metrics were left out (a limit of Signalbox).", state.left_off);
            let trouble = Trouble { offset: 0, kind: ProblemKind::TooLarge, message };
            let shown = self.shown(name);
            self.saved.troubles.replaced(&shown, batch);
            self.saved.troubles.lines(&shown, vec![trouble], batch);
        }
        state.tags.extend(self.model(name, &mut batch.bytes_read));
        let about = crc32c::crc32c(format!("{:?}{:?}", state.params, state.tags).as_bytes());
        if self.saved.about.replace(about) != Some(about) {
            (run.params, run.tags) = (state.params, state.tags);
        }
        for (metric, points) in self.saved.metrics.news(state.metrics) {
            batch.n_points += points.len() as u64;
            run.series.push(SeriesDelta { metric, points, ..SeriesDelta::default() });
        }
        (self.saved.step, self.saved.mtime_ns) = (state.global_step, stamp.mtime_ns);
        batch.runs.push(run);
    }

    /// What kind of model it is, from the configuration beside the state, or in the newest checkpoint.
    fn model(&self, state: &str, bytes_read: &mut u64) -> Vec<(String, String)> {
        let beside = self.dir.join(state).with_file_name(CONFIG);
        let newest = self.watched.iter().map(|dir| dir.join(CONFIG));
        let is_here = |path: &PathBuf| {
            let stamp = place::stamp_inside(&self.roots(), path).ok().flatten();
            stamp.is_some_and(|stamp| (1..=MAX_CONFIG).contains(&stamp.len))
        };
        let Some(path) = std::iter::once(beside).chain(newest).find(is_here) else { return Vec::new() };
        let config = bounded::read(&path, MAX_CONFIG, bytes_read).ok().and_then(|text| lenient::parse(&text).ok());
        let Some(Value::Object(config)) = config else { return Vec::new() };
        let names = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = names.filter_map(Value::as_str).take(MAX_NAMES).collect();
        let kind = config.get("model_type").and_then(Value::as_str).unwrap_or_default();
        let tags = [("model_type", kind.to_owned()), ("architectures", names.join(", "))];
        let tags = tags.into_iter().map(|(name, text)| (name.to_owned(), place::clean_name(text.as_bytes())));
        tags.filter(|(name, text)| !text.is_empty() && !secret::is_secret(name, text)).collect()
    }
}

impl Reader for OutputDir {
    /// With nothing new this costs a listing and the `stat` of the newest checkpoints' states and the directory's own.
    fn read(&mut self, _budget_bytes: usize, batch: &mut Batch) -> Progress {
        let checkpoints = match self.checkpoints(batch) {
            Ok(checkpoints) => checkpoints,
            // Gone for now; whoever walks the project notices when it stays so.
            Err(e) if is_absent(&e) => return Progress::CaughtUp,
            Err(e) => {
                self.fail("", ProblemKind::Unreadable, &e.to_string(), batch);
                return Progress::CaughtUp;
            }
        };
        let shown = self.shown("");
        self.saved.troubles.heal(&shown, batch);
        // Of a damaged one that was deleted nothing is to be said any more.
        let is_here = |name: &String| checkpoints.iter().any(|c| c.name == *name);
        let gone: Vec<String> = self.saved.bad.keys().filter(|name| !is_here(name)).cloned().collect();
        for name in gone {
            self.saved.bad.remove(&name);
            let shown = self.shown(&name);
            self.saved.troubles.replaced(&shown, batch);
        }
        if let Some((name, stamp, state)) = self.furthest(&checkpoints, batch) {
            self.tell(&name, stamp, state, batch);
        }
        Progress::CaughtUp
    }

    fn cursor(&self) -> Cursor {
        // As long as what was told is not known: what cannot be understood is not replaced by what can.
        if self.must_reset {
            return Cursor("anew".to_owned());
        }
        Cursor(serde_json::to_string(&self.saved).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        [self.dir.clone()].into_iter().chain(self.watched.iter().cloned()).collect()
    }
}
