//! Ray Tune: an experiment's directory with one for each trial, `result.json` and `params.json` in it (FORMATS.md
//! section 14; ray-project/ray, `tune/logger/json.py`, `tune/execution/tune_controller.py`). A trial's directory alone is
//! a source too.
//!
//! The experiment is a run and so is each trial, with the experiment as its parent. What a trial reports is read on line
//! by line; how it stands is known from the newest `experiment_state-<time>.json`. While it runs Ray writes elsewhere,
//! and copies everything here every few seconds: a file that is shorter than it was a moment ago is being copied. The
//! pickles are never opened; event files and `progress.csv` hold the numbers of `result.json`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Problem, ProblemKind, RunHead};

use self::{
    experiment_state::{ExperimentState, TrialState, Word},
    trial::Trial,
};
use crate::{
    Progress, Reader, SourceSpec, bounded,
    deltas::Deltas,
    place,
    stamp::{Stamp, is_absent},
    trouble::Troubles,
};

mod experiment_state;
mod follow;
mod trial;

pub(crate) const RESULT: &str = "result.json";
pub(crate) const PARAMS: &str = "params.json";
const ERROR: &str = "error.txt";
/// The experiment's run; that of a trial is `trial:<its folder>`, or "" where the source is one trial.
const EXPERIMENT: &str = "experiment";

/// More trials of one experiment are not told.
const MAX_TRIALS: usize = 5_000;
/// The folders of so many trials are watched, those that reported last.
const MAX_WATCHED: usize = 256;
/// Larger states are not read: they are read whole, and again when they change.
const MAX_STATE: u64 = 128 << 20;

/// Whether a file of this name is an experiment's state.
pub(crate) fn is_state(name: &str) -> bool {
    name.starts_with("experiment_state-") && name.ends_with(".json")
}

/// Whether a directory is a trial's, as far as its names tell. A link that leads out of the project is none.
pub(crate) fn is_trial(project: &Path, dir: &Path) -> bool {
    place::may_follow(project, dir) && dir.join(RESULT).is_file() && dir.join(PARAMS).is_file()
}

/// Whether `_2026-11-21_08-14-45` stands in a folder's name, where Ray ends it (before 1.0 some letters followed).
pub(crate) fn is_dated(name: &str) -> bool {
    const PATTERN: &[u8] = b"_dddd-dd-dd_dd-dd-dd";
    let fits = |(byte, pattern): (&u8, &u8)| if *pattern == b'd' { byte.is_ascii_digit() } else { byte == pattern };
    name.as_bytes().windows(PATTERN.len()).any(|part| part.iter().zip(PATTERN).all(fits))
}

/// A trial that is over. It costs a `stat` of `result.json`, and is told anew if that has another length, or if the
/// experiment's state has another word for it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "(u64, Option<Word>)", into = "(u64, Option<Word>)")]
struct Settled {
    len: u64,
    word: Option<Word>,
}

impl From<(u64, Option<Word>)> for Settled {
    fn from((len, word): (u64, Option<Word>)) -> Settled {
        Settled { len, word }
    }
}

impl From<Settled> for (u64, Option<Word>) {
    fn from(settled: Settled) -> Self {
        (settled.len, settled.word)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// The state that was read last, and its file's name.
    #[serde(rename = "s")]
    state: (String, Stamp),
    /// A state could be read.
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    heard: bool,
    /// Checksum of what was told of the experiment.
    #[serde(rename = "a")]
    about: Option<u32>,
    /// Trials by folder.
    #[serde(rename = "o")]
    open: BTreeMap<String, Trial>,
    #[serde(rename = "d")]
    settled: BTreeMap<String, Settled>,
    /// The trial to go on with after the budget was spent.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    next: String,
    /// The state is another one, and not every trial has heard of it.
    #[serde(rename = "v", default, skip_serializing_if = "std::ops::Not::not")]
    is_news: bool,
    /// Runs were told before that may come up again under the same keys: each begins with a reset.
    #[serde(rename = "n")]
    anew: bool,
    /// It was said that there are too many trials.
    #[serde(rename = "c")]
    crowded: bool,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// Reads one experiment, or one trial.
pub(crate) struct Experiment {
    spec: SourceSpec,
    dir: PathBuf,
    saved: Saved,
    /// What the state says, if it was read since the source was opened.
    state: Option<ExperimentState>,
    /// It was tried during this read.
    is_tried: bool,
    /// Folders named as trials that are none yet: Ray makes the folder before the files.
    new: Vec<PathBuf>,
}

impl Experiment {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        // After a cursor that cannot be understood: told, but nothing is known of it.
        let saved = saved.unwrap_or_else(|| Saved { anew: cursor.is_some(), ..Saved::default() });
        Self { dir: spec.path(), spec: spec.clone(), saved, state: None, is_tried: false, new: Vec::new() }
    }

    /// A trial's folder. "" is the source itself: joining it would add a slash.
    fn folder(&self, trial: &str) -> PathBuf {
        if trial.is_empty() { self.dir.clone() } else { self.dir.join(trial) }
    }

    fn shown(&self, trial: &str, file: &str) -> String {
        place::shown(&self.spec.rel.join(trial).join(file))
    }

    fn roots(&self) -> [&Path; 2] {
        [&self.spec.project, &self.dir]
    }

    fn stamp(&self, trial: &str, file: &str) -> io::Result<Option<Stamp>> {
        place::stamp_inside(&self.roots(), &self.folder(trial).join(file))
    }

    fn fail(&mut self, path: String, kind: ProblemKind, what: &str, why: &str, batch: &mut Batch) {
        let message = format!("The {what} cannot be read: {why}. What was read of it before is kept.");
        self.saved.troubles.file(path, kind, message, batch);
    }

    /// The folders of trials, sorted, and the name of the newest state.
    fn list(&mut self) -> io::Result<(Vec<String>, Option<String>)> {
        let (mut trials, mut newest) = (Vec::new(), None::<String>);
        self.new.clear();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type()?;
            if kind.is_dir() || kind.is_symlink() {
                // Of one that is known no more than `result.json` is looked at.
                let is_known = self.saved.settled.contains_key(&name) || self.saved.open.contains_key(&name);
                if kind.is_dir() && is_known || is_trial(&self.spec.project, &entry.path()) {
                    trials.push(name);
                    continue;
                }
                if kind.is_dir() && is_dated(&name) && self.new.len() < MAX_WATCHED {
                    self.new.push(entry.path());
                }
            }
            // Their names are of one length, and hold the time when the driver began.
            if !kind.is_dir() && is_state(&name) && newest.as_ref().is_none_or(|newest| *newest < name) {
                newest = Some(name);
            }
        }
        trials.sort_unstable();
        Ok((trials, newest))
    }

    /// Reads the state if it is another one than was read last; `again`: if it is the same. Whether there is news.
    fn read_state(&mut self, name: &str, again: bool, batch: &mut Batch) -> bool {
        let shown = self.shown("", name);
        let stamp = match self.stamp("", name) {
            // Truncated, and not written yet.
            Ok(stamp) => stamp.filter(|stamp| stamp.len > 0),
            Err(e) => {
                self.fail(shown, ProblemKind::Unreadable, "experiment's state", &e.to_string(), batch);
                return false;
            }
        };
        let is_known = |stamp: &Stamp| self.saved.state.0 == name && self.saved.state.1 == *stamp;
        let Some(stamp) = stamp.filter(|stamp| is_known(stamp) == again) else { return false };
        if stamp.len > MAX_STATE {
            self.saved.state = (name.to_owned(), stamp);
            let why = "the file is larger than 128 MiB (a limit of Signalbox)";
            self.fail(shown, ProblemKind::TooLarge, "experiment's state", why, batch);
            return false;
        }
        let text = match bounded::read(&self.dir.join(name), MAX_STATE, &mut batch.bytes_read) {
            Ok(text) => text,
            Err(e) if is_absent(&e) => return false,
            Err(e) => {
                self.fail(shown, ProblemKind::Unreadable, "experiment's state", &e.to_string(), batch);
                return false;
            }
        };
        match ExperimentState::parse(&text) {
            Ok(state) => {
                self.state = Some(state);
                self.saved.heard = true;
                self.saved.state = (name.to_owned(), stamp);
                self.saved.troubles.heal(&shown, batch);
                !again
            }
            // Half copied.
            Err(_) if stamp.is_young() => false,
            Err(why) => {
                self.saved.state = (name.to_owned(), stamp);
                let why = format!("the file is damaged ({why})");
                self.fail(shown, ProblemKind::Malformed, "experiment's state", &why, batch);
                false
            }
        }
    }

    fn tell_experiment(&mut self, deltas: &mut Deltas) {
        let mut tags = Vec::new();
        if let Some(state) = &self.state {
            for word in Word::ALL {
                tags.push((format!("ray.trials.{}", word.name()), state.counts[word as usize].to_string()));
            }
        } else if self.saved.about.is_some() {
            return;
        }
        let head = RunHead {
            name: Some(self.name()),
            started: self.state.as_ref().and_then(|state| state.started),
            ..RunHead::default()
        };
        let about = crc32c::crc32c(format!("{head:?}{tags:?}").as_bytes());
        let before = self.saved.about.replace(about);
        if before != Some(about) {
            let run = deltas.run(EXPERIMENT);
            run.reset = self.saved.anew && before.is_none();
            (run.head, run.tags) = (head, tags);
        }
    }

    /// Ray calls an experiment by its folder.
    fn name(&self) -> String {
        let name = self.spec.rel.file_name().or_else(|| self.spec.project.file_name());
        name.map_or_else(String::new, |name| place::clean_name(name.as_encoded_bytes()))
    }

    /// The state of a trial, of which something is new.
    fn state_of(&mut self, trial: &str, batch: &mut Batch) -> Option<TrialState> {
        self.read_state_again(batch);
        self.state.as_ref().and_then(|state| state.trials.get(trial).cloned())
    }

    /// Of a source that was opened again, what the state says is not known.
    fn read_state_again(&mut self, batch: &mut Batch) {
        if self.state.is_none() && !self.saved.state.0.is_empty() && !std::mem::replace(&mut self.is_tried, true) {
            let name = self.saved.state.0.clone();
            self.read_state(&name, true, batch);
        }
    }
}

fn run_key(trial: &str) -> String {
    if trial.is_empty() { String::new() } else { format!("trial:{trial}") }
}

impl Reader for Experiment {
    /// With nothing new this costs a listing, a `stat` for each trial that is over, and three for each other.
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let (mut trials, newest) = match self.list() {
            Ok(listed) => listed,
            // Gone for now; whoever walks the project notices when it stays so.
            Err(e) if is_absent(&e) => return Progress::CaughtUp,
            Err(e) => {
                self.fail(place::shown(&self.spec.rel), ProblemKind::Unreadable, "experiment", &e.to_string(), batch);
                return Progress::CaughtUp;
            }
        };
        let is_one_trial = trials.is_empty() && newest.is_none() && is_trial(&self.spec.project, &self.dir);
        if is_one_trial {
            trials.push(String::new());
        }
        let shown = place::shown(&self.spec.rel);
        self.saved.troubles.heal(&shown, batch);
        if trials.len() > MAX_TRIALS {
            trials.truncate(MAX_TRIALS);
            if !std::mem::replace(&mut self.saved.crowded, true) {
                let message = format!(
                    "There are more than {MAX_TRIALS} trials (a limit of Signalbox); the others are not shown."
                );
                batch.problems.push(Problem { path: shown, offset: None, kind: ProblemKind::TooLarge, message });
            }
        } else if std::mem::take(&mut self.saved.crowded) {
            batch.healed.push(shown);
        }
        let mut deltas = Deltas::default();
        self.is_tried = false;
        if newest.is_some_and(|name| self.read_state(&name, false, batch)) {
            // Every trial is to hear of it, also one that was read before the budget was spent.
            self.saved.is_news = true;
            self.saved.next.clear();
        } else if self.saved.is_news {
            self.read_state_again(batch);
        }
        if !is_one_trial {
            self.tell_experiment(&mut deltas);
        }
        self.forget_gone(&trials, &mut deltas);
        let progress = self.read_trials(&trials, budget_bytes, batch, &mut deltas);
        deltas.into_batch(batch);
        progress
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.saved).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        let mut open: Vec<(i64, &String)> = self.saved.open.iter().map(|(n, t)| (t.mark.seen.mtime_ns, n)).collect();
        open.sort_unstable_by(|a, b| b.cmp(a));
        // News of the others are seen when Ray writes the experiment's state.
        let trials = open.into_iter().filter(|(_, name)| !name.is_empty()).take(MAX_WATCHED);
        let trials = trials.map(|(_, name)| self.dir.join(name));
        [self.dir.clone()].into_iter().chain(trials).chain(self.new.iter().cloned()).collect()
    }
}

impl Experiment {
    /// Reads the trials on, from where the budget was spent.
    fn read_trials(&mut self, trials: &[String], budget: usize, batch: &mut Batch, deltas: &mut Deltas) -> Progress {
        let begin = batch.bytes_read;
        let next = std::mem::take(&mut self.saved.next);
        for name in trials.iter().skip_while(|name| **name < next) {
            let spent = usize::try_from(batch.bytes_read - begin).unwrap_or(usize::MAX);
            let is_spent = spent > 0 && spent >= budget;
            if is_spent || !self.read_trial(name, budget.saturating_sub(spent), batch, deltas) {
                self.saved.next.clone_from(name);
                return Progress::More;
            }
        }
        self.saved.is_news = false;
        Progress::CaughtUp
    }

    fn forget_gone(&mut self, trials: &[String], deltas: &mut Deltas) {
        let is_here = |name: &String| trials.binary_search(name).is_ok();
        let open = self.saved.open.keys();
        let gone: Vec<String> = open.chain(self.saved.settled.keys()).filter(|name| !is_here(name)).cloned().collect();
        for name in gone {
            self.saved.open.remove(&name);
            self.saved.settled.remove(&name);
            deltas.gone(&run_key(&name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert!(is_dated("f_9c941_00000_0_lr=0.1000_2026-11-21_08-14-45"));
        assert!(is_dated("PPO_CartPole_0_2019-01-01_10-00-00abc123"));
        assert!(!is_dated("2026-11-21_08-14-45") && !is_dated("run_2026-11-21") && !is_dated(""));
    }
}
