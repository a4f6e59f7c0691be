//! Follows one trial: its reports, its parameters, its last error, and how it stands.

use std::{fs::File, io};

use serde_json::{Map, Value};
use signalbox_types::{Batch, ProblemKind, RunHead, Status};

use super::{
    ERROR, EXPERIMENT, Experiment, PARAMS, RESULT, Settled,
    experiment_state::{TrialState, Word},
    run_key,
    trial::{self, Trial},
};
use crate::{
    bounded,
    deltas::Deltas,
    jsonl::lenient,
    log::news::News,
    place, secret,
    stamp::{Stamp, is_absent, unix_now},
    text::tail,
};

const MAX_PARAMS: u64 = 4 << 20;
/// So much of an error's end is read.
const MAX_ERROR: u64 = 1 << 16;
/// A trial that did not report for so long is taken for one that is over, as far as what is remembered of it.
const SETTLED_SECS: f64 = 3_600.0;

impl Experiment {
    /// Whether a trial is over, and still as it was.
    fn is_settled(&self, name: &str) -> bool {
        let Some(settled) = self.saved.settled.get(name) else { return false };
        // One that cannot be looked at, or is about to be copied again, is what it was.
        let is_same = match self.stamp(name, RESULT) {
            Ok(Some(stamp)) => {
                stamp.len == settled.len || stamp.len == 0 || stamp.len < settled.len && stamp.is_young()
            }
            Ok(None) | Err(_) => true,
        };
        let state = self.state.as_ref().filter(|_| self.saved.is_news);
        let word = state.map(|state| state.trials.get(name).and_then(|t| t.word));
        is_same && word.is_none_or(|word| word == settled.word)
    }

    /// Reads a trial on. Whether everything of it was read.
    pub(super) fn read_trial(&mut self, name: &str, budget: usize, batch: &mut Batch, deltas: &mut Deltas) -> bool {
        if self.is_settled(name) {
            return true;
        }
        let is_again = self.saved.settled.remove(name).is_some();
        let reset_due = is_again || self.saved.anew;
        let mut trial = self.saved.open.remove(name).unwrap_or_else(|| Trial { reset_due, ..Trial::default() });
        let before = (trial.params, trial.error_file, trial.mark.clone(), trial.reset_due);
        let (at_end, config) = match self.read_lines(name, &mut trial, budget, batch, deltas) {
            Ok(read) => read,
            Err(e) => {
                self.fail(self.shown(name, RESULT), ProblemKind::Unreadable, "trial's reports", &e.to_string(), batch);
                self.saved.open.insert(name.to_owned(), trial);
                return true;
            }
        };
        let has_params = self.read_params(name, &mut trial, config, batch, deltas);
        self.read_error(name, &mut trial, batch);
        let is_changed = before != (trial.params, trial.error_file, trial.mark.clone(), trial.reset_due);
        if is_changed || self.saved.is_news || trial.about.is_none() {
            let state = self.state_of(name, batch);
            self.tell_trial(name, &mut trial, state, deltas);
        }
        let seen = trial.mark.seen;
        let is_quiet = (unix_now() - seen.mtime_ns as f64 / 1e9).abs() > SETTLED_SECS;
        let is_ended = match trial.word {
            Some(Word::Terminated) => true,
            Some(Word::Error) => trial.error_file != Stamp::default(),
            _ => false,
        };
        let is_over = has_params && (is_quiet || is_ended && !seen.is_young());
        // Of a file that does not end with a line, the rest may be yet to come.
        if at_end && is_over && trial.mark.at == seen.len && !trial.reset_due {
            self.saved.settled.insert(name.to_owned(), Settled { len: seen.len, word: trial.word });
        } else {
            self.saved.open.insert(name.to_owned(), trial);
        }
        at_end
    }

    /// Whether the end was reached, and the configuration of a report.
    fn read_lines(
        &mut self,
        name: &str,
        trial: &mut Trial,
        budget: usize,
        batch: &mut Batch,
        deltas: &mut Deltas,
    ) -> io::Result<(bool, Option<Map<String, Value>>)> {
        let stamp = self.stamp(name, RESULT)?.filter(|stamp| *stamp != trial.mark.seen);
        let Some(stamp) = stamp else { return Ok((true, None)) };
        let mut file = File::open(self.folder(name).join(RESULT))?;
        let mut next = trial.clone();
        if !trial.mark.holds(&mut file, &mut batch.bytes_read)? {
            // It is being copied, or about to be written anew: what is known stays until it is longer, or old.
            if stamp.len == 0 || stamp.len < trial.mark.at && stamp.is_young() {
                return Ok((true, None));
            }
            next = Trial { reset_due: true, ..Trial::default() };
        }
        let (mut news, mut config) = (News::default(), None);
        let from = next.mark.at;
        let stretch = tail::read_stretch(&mut file, from, budget, &mut batch.bytes_read, |bytes, at| {
            next.feed(bytes, at, &mut news, &mut config)
        })?;
        next.mark.advance(&mut file, stretch.at, &mut batch.bytes_read)?;
        next.mark.seen = if stretch.at_end { stamp } else { Stamp::default() };
        let shown = self.shown(name, RESULT);
        match from == 0 {
            true => self.saved.troubles.replaced(&shown, batch),
            false => self.saved.troubles.heal(&shown, batch),
        }
        self.saved.troubles.lines(&shown, news.problems, batch);
        let series = news.series.into_deltas();
        batch.n_points += series.iter().map(|series| series.points.len() as u64).sum::<u64>();
        deltas.run(&run_key(name)).series = series;
        *trial = next;
        Ok((stretch.at_end, config))
    }

    /// Schedulers that change a trial's parameters on its way keep their names. `reported`: the configuration of a report,
    /// for a trial whose file is damaged. Whether there is nothing to wait for.
    fn read_params(
        &mut self,
        name: &str,
        trial: &mut Trial,
        reported: Option<Map<String, Value>>,
        batch: &mut Batch,
        deltas: &mut Deltas,
    ) -> bool {
        let shown = self.shown(name, PARAMS);
        let mut is_whole = true;
        let changed = self.stamp(name, PARAMS).map(|stamp| stamp.filter(|s| *s != trial.params));
        let found = match changed {
            Ok(None) => None,
            Ok(Some(stamp)) if stamp.len > MAX_PARAMS => {
                trial.params = stamp;
                let why = "the file is larger than 4 MiB (a limit of Signalbox)";
                self.fail(shown, ProblemKind::TooLarge, "trial's parameters", why, batch);
                None
            }
            Ok(Some(stamp)) => {
                let text = bounded::read(&self.folder(name).join(PARAMS), MAX_PARAMS, &mut batch.bytes_read);
                match text.map(|text| lenient::parse(&text)) {
                    Ok(Ok(Value::Object(config))) => {
                        trial.params = stamp;
                        self.saved.troubles.heal(&shown, batch);
                        Some(config)
                    }
                    Ok(_) if stamp.is_young() => {
                        is_whole = false;
                        None
                    }
                    Ok(odd) => {
                        trial.params = stamp;
                        let why = odd.map_or_else(|e| e.to_string(), |_| "it holds no object".to_owned());
                        self.fail(shown, ProblemKind::Malformed, "trial's parameters", &why, batch);
                        None
                    }
                    Err(e) if is_absent(&e) => None,
                    Err(e) => {
                        self.fail(shown, ProblemKind::Unreadable, "trial's parameters", &e.to_string(), batch);
                        None
                    }
                }
            }
            Err(e) => {
                self.fail(shown, ProblemKind::Unreadable, "trial's parameters", &e.to_string(), batch);
                None
            }
        };
        let Some(config) = found.or(reported.filter(|_| trial.config.is_none())) else { return is_whole };
        let params = trial::params(&config);
        // Mostly the file was only copied again.
        let sum = crc32c::crc32c(format!("{params:?}").as_bytes());
        if trial.config.replace(sum) != Some(sum) {
            deltas.run(&run_key(name)).params = params;
        }
        is_whole
    }

    fn read_error(&mut self, name: &str, trial: &mut Trial, batch: &mut Batch) {
        let Ok(stamp) = self.stamp(name, ERROR) else { return };
        let Some(stamp) = stamp.filter(|stamp| stamp.len > 0 && *stamp != trial.error_file) else { return };
        let from = stamp.len.saturating_sub(MAX_ERROR);
        if let Ok(text) = bounded::read_from(&self.folder(name).join(ERROR), from, MAX_ERROR, &mut batch.bytes_read) {
            trial.error_file = stamp;
            trial.error = trial::last_error(&text);
        }
    }

    fn tell_trial(&self, name: &str, trial: &mut Trial, state: Option<TrialState>, deltas: &mut Deltas) {
        if self.state.is_some() {
            trial.word = state.as_ref().and_then(|state| state.word);
        }
        let state = state.unwrap_or_default();
        let status = status(trial);
        let is_told = trial.about.is_some() && !trial.reset_due;
        let folder = if name.is_empty() { self.name() } else { place::clean_name(name.as_bytes()) };
        // A trial is ended upon a report, and one that failed some time after its last.
        let ended = state.last_result.filter(|_| trial.word == Some(Word::Terminated));
        let pid = trial.pid.filter(|_| status == Some(Status::Running));
        let about = format!("{status:?}{pid:?}{ended:?}{:?}{:?}", state.started, state.name);
        // As long as the state cannot be read, what it said holds.
        let is_blind = is_told && self.state.is_none() && self.saved.heard;
        let name_of_folder = || (!is_blind).then(|| short_name(&folder, trial.id.as_deref()));
        let head = RunHead {
            name: state.name.or_else(name_of_folder),
            // What it was said to be and is no more is taken back.
            status: status.or(trial.said.then_some(Status::Unknown)),
            started: state.started,
            ended: (!is_blind).then_some(ended),
            parent: (!name.is_empty()).then(|| EXPERIMENT.to_owned()),
            experiment: (!name.is_empty()).then(|| self.name()),
            pid,
            ..RunHead::default()
        };
        let named = [
            ("ray.trial_id", trial.id.clone()),
            ("ray.status", trial.word.map(|word| word.name().to_owned())),
            // It repeats parameters.
            ("ray.experiment_tag", state.experiment_tag.filter(|tag| !names_secret(tag))),
            ("hostname", trial.host.clone()),
            ("error", trial.error.clone()),
        ];
        let tags = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let tags: Vec<_> = tags.filter(|(name, value)| !secret::is_secret(name, value)).collect();
        let about = crc32c::crc32c(format!("{about}{tags:?}").as_bytes());
        let run = deltas.run(&run_key(name));
        run.reset = std::mem::take(&mut trial.reset_due);
        trial.said = head.status.is_some();
        if trial.about.replace(about) != Some(about) || run.reset {
            (run.head, run.tags) = (head, tags);
        }
    }
}

/// What is certain. A trial that failed may be tried again: then the experiment's state says so.
fn status(trial: &Trial) -> Option<Status> {
    let is_ours = || trial.host.as_ref().is_some_and(|host| *host == crate::our_host());
    match trial.word {
        Some(Word::Terminated) => Some(Status::Finished),
        Some(Word::Error) => Some(Status::Failed),
        _ if trial.done => Some(Status::Finished),
        // Whoever reads it asks whether the process is alive: the state may be an old one.
        Some(Word::Running) => (trial.pid.is_some() && is_ours()).then_some(Status::Running),
        Some(Word::Pending | Word::Paused) => Some(Status::Scheduled),
        None => (trial.error_file != Stamp::default()).then_some(Status::Failed),
    }
}

/// Whether one of `0_lr=0.1000,api_key=…` is a secret.
fn names_secret(tag: &str) -> bool {
    tag.split(',').filter_map(|pair| pair.split_once('=')).any(|(key, value)| secret::is_secret(key, value))
}

/// `f_9c941_00000` of `f_9c941_00000_0_lr=0.1000_2026-11-21_08-14-45`, as Ray prints it.
fn short_name(folder: &str, id: Option<&str>) -> String {
    let end = id.filter(|id| !id.is_empty()).and_then(|id| Some(folder.find(id)? + id.len()));
    folder[..end.unwrap_or(folder.len())].to_owned()
}
