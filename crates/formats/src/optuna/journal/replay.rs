//! What the operations of a journal mean, one after the other (`JournalStorageReplayResult`).

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::ControlFlow,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_types::{Point, ProblemKind, RunDelta};

use super::Named;
use crate::{
    deltas::Deltas,
    jsonl::lenient,
    log::news::Trouble,
    optuna::{
        self, INTERMEDIATE, METRIC_NAMES, State, When, distribution::Distributions, spans::Spans, study_key, trial_key,
    },
    place,
    text::lines::{self, Piece},
};

/// What is told of a stretch of a journal.
pub(super) struct News {
    pub deltas: Deltas,
    pub troubles: Vec<Trouble>,
    /// Objectives of a study were named after values of it had been told.
    pub renamed: Option<(i64, Named)>,
    /// Runs begin with a reset.
    anew: bool,
    may_rename: bool,
}

impl News {
    pub(super) fn new(anew: bool, may_rename: bool) -> News {
        News { deltas: Deltas::default(), troubles: Vec::new(), renamed: None, anew, may_rename }
    }

    fn begin(&mut self, key: &str) -> &mut RunDelta {
        let anew = self.anew;
        let run = self.deltas.run(key);
        run.reset |= anew;
        run
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Study {
    #[serde(rename = "s")]
    name: String,
    /// By state.
    #[serde(rename = "c")]
    counts: [u32; 5],
    #[serde(rename = "d")]
    n_objectives: usize,
    #[serde(rename = "m")]
    metric_names: Vec<String>,
    /// The earliest start of a trial, unix seconds.
    #[serde(rename = "b")]
    started: Option<f64>,
    #[serde(rename = "g")]
    gone: bool,
}

impl Study {
    fn n_trials(&self) -> i64 {
        self.counts.iter().map(|n| i64::from(*n)).sum()
    }

    fn has_values(&self) -> bool {
        self.counts[State::Complete as usize] + self.counts[State::Pruned as usize] > 0
    }
}

/// All that later operations refer to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replay {
    #[serde(rename = "s")]
    studies: Vec<Study>,
    #[serde(rename = "n")]
    n_trials: i64,
    #[serde(rename = "t")]
    spans: Spans,
    /// Trials that are not finished; true: waiting.
    #[serde(rename = "o")]
    open: BTreeMap<i64, bool>,
    /// Inside of a line that is too long.
    #[serde(rename = "k")]
    skipping: bool,
    /// Studies whose counts were not told yet.
    #[serde(skip)]
    changed: BTreeSet<i64>,
    #[serde(skip)]
    distributions: Distributions,
    /// Names of studies that are there; made when it is first asked for.
    #[serde(skip)]
    names: Option<HashSet<String>>,
}

impl Replay {
    /// Whether a cursor's state can be.
    pub(super) fn is_sound(&self) -> bool {
        (0..=1 << 53).contains(&self.n_trials)
            && self.spans.is_sound()
            && self.open.keys().all(|id| (0..self.n_trials).contains(id))
    }

    /// Number of studies and of trials.
    pub(super) fn size(&self) -> (i64, i64) {
        (self.studies.len() as i64, self.n_trials)
    }

    /// The keys of runs that an earlier file of `before` studies and trials had, and this one has not.
    pub(super) fn missing(&self, before: (i64, i64)) -> Vec<String> {
        let (n_studies, n_trials) = self.size();
        (n_studies..before.0).map(study_key).chain((n_trials..before.1).map(trial_key)).collect()
    }

    pub(super) fn forget_changes(&mut self) {
        self.changed.clear();
    }

    pub(super) fn tell_counts(&mut self, news: &mut News) {
        for id in std::mem::take(&mut self.changed) {
            if let Some(study) = self.studies.get(id as usize).filter(|s| !s.gone) {
                let run = news.deltas.run(&study_key(id));
                run.head.started = study.started;
                optuna::tell_counts(run, study.counts);
            }
        }
    }

    /// Replays whole lines of `bytes`, which lie at `at`. Returns how many bytes it took.
    pub(super) fn feed(&mut self, bytes: &[u8], at: u64, named: &BTreeMap<i64, Named>, news: &mut News) -> usize {
        if news.renamed.is_some() {
            return bytes.len();
        }
        let mut skipping = self.skipping;
        let taken = lines::feed(bytes, at, &mut skipping, |piece, offset| {
            let (head, read) = match piece {
                Piece::Line(line) => (line.trim_ascii(), self.line(line.trim_ascii(), offset, named, news)),
                Piece::TooLong(head) => (head, Err((ProblemKind::TooLarge, lines::TOO_LONG.to_owned()))),
            };
            if let Err((kind, message)) = read {
                self.count_created(head, news);
                news.troubles.push(Trouble { offset, kind, message });
            }
            if news.renamed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.skipping = skipping;
        taken
    }

    /// A line that cannot be read may have made a trial, which counts for the ids of those after it.
    fn count_created(&mut self, line: &[u8], news: &mut News) {
        let head = &line[..line.len().min(512)];
        let number = |key: &str| {
            let rest = &head[memchr::memmem::find(head, key.as_bytes())? + key.len()..];
            let digits = rest.trim_ascii_start().iter().take_while(|b| b.is_ascii_digit()).count();
            std::str::from_utf8(&rest.trim_ascii_start()[..digits]).ok()?.parse::<i64>().ok()
        };
        if number("\"op_code\":") == Some(4)
            && let Some(study) = number("\"study_id\":")
            && let Some(found) = self.studies.get_mut(study as usize).filter(|s| !s.gone)
        {
            let number = found.n_trials();
            found.counts[State::Running as usize] += 1;
            let name = found.name.clone();
            let id = self.add_trial(study, number, State::Running);
            optuna::tell_new_trial(news.begin(&trial_key(id)), &name, study, number);
        }
    }

    fn add_trial(&mut self, study: i64, number: i64, state: State) -> i64 {
        let id = self.n_trials;
        self.n_trials += 1;
        self.spans.push(id, study, number);
        self.changed.insert(study);
        if !state.is_finished() {
            self.open.insert(id, state == State::Waiting);
        }
        id
    }

    fn line(
        &mut self,
        line: &[u8],
        offset: u64,
        named: &BTreeMap<i64, Named>,
        news: &mut News,
    ) -> Result<(), (ProblemKind, String)> {
        if line.is_empty() {
            return Ok(());
        }
        let malformed = |what: String| (ProblemKind::Malformed, format!("{what}; it was skipped."));
        let op = match lenient::parse(line) {
            Ok(Value::Object(op)) => op,
            Ok(_) => return Err(malformed("A line that is no operation".into())),
            Err(e) => return Err(malformed(format!("A line that is not JSON ({e})"))),
        };
        let done = match op.get("op_code").and_then(Value::as_i64) {
            Some(0) => self.create_study(&op, named, news),
            Some(1) => self.delete_study(&op, news),
            Some(2) => self.study_attributes(&op, news),
            Some(3) => self.objectives_named(&op, offset, named, news),
            Some(4) => self.create_trial(&op, news),
            Some(code @ 5..=9) => self.change_trial(code, &op, news),
            // DISCARD_TRIALS, which Optuna's own replay passes over.
            Some(10) => Some(()),
            Some(code) => {
                let message = format!("An operation of an unknown kind ({code}); it was skipped.");
                return Err((ProblemKind::Unsupported, message));
            }
            None => None,
        };
        done.ok_or_else(|| malformed("An operation that lacks a field, or refers to nothing".into()))
    }

    fn create_study(&mut self, op: &Map<String, Value>, named: &BTreeMap<i64, Named>, news: &mut News) -> Option<()> {
        let name = place::clean_name(op.get("study_name")?.as_str()?.as_bytes());
        let studies = &self.studies;
        let names = self.names.get_or_insert_with(|| {
            studies.iter().filter(|study| !study.gone).map(|study| study.name.clone()).collect()
        });
        if !names.insert(name.clone()) {
            // Somebody else was faster.
            return Some(());
        }
        let directions = op.get("directions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let id = self.studies.len() as i64;
        let metric_names = named.get(&id).map(|(_, names)| names.clone()).unwrap_or_default();
        let n_objectives = directions.len();
        self.studies.push(Study { name: name.clone(), n_objectives, metric_names, ..Study::default() });
        let run = news.begin(&study_key(id));
        run.head.name = Some(name.clone());
        run.head.experiment = Some(name);
        let word = |d: &Value| match d.as_i64() {
            Some(1) => "minimize",
            Some(2) => "maximize",
            _ => "not set",
        };
        optuna::tell_directions(run, directions.iter().map(word));
        self.changed.insert(id);
        Some(())
    }

    /// The study that an operation names, unless it was deleted: then nothing comes of it.
    fn study(&self, op: &Map<String, Value>) -> Option<Option<i64>> {
        let id = op.get("study_id")?.as_i64()?;
        let found = self.studies.get(usize::try_from(id).ok()?)?;
        Some((!found.gone).then_some(id))
    }

    fn delete_study(&mut self, op: &Map<String, Value>, news: &mut News) -> Option<()> {
        let Some(id) = self.study(op)? else { return Some(()) };
        self.studies[id as usize].gone = true;
        if let Some(names) = &mut self.names {
            names.remove(&self.studies[id as usize].name);
        }
        self.changed.remove(&id);
        news.deltas.gone(&study_key(id));
        for trial in self.spans.of_study(id) {
            news.deltas.gone(&trial_key(trial));
            self.open.remove(&trial);
        }
        Some(())
    }

    fn study_attributes(&mut self, op: &Map<String, Value>, news: &mut News) -> Option<()> {
        let Some(id) = self.study(op)? else { return Some(()) };
        let run = news.deltas.run(&study_key(id));
        for (key, value) in op.get("user_attr")?.as_object()? {
            optuna::tell_attribute(run, key, value);
        }
        Some(())
    }

    fn objectives_named(
        &mut self,
        op: &Map<String, Value>,
        offset: u64,
        named: &BTreeMap<i64, Named>,
        news: &mut News,
    ) -> Option<()> {
        let Some(id) = self.study(op)? else { return Some(()) };
        let Some(names) = op.get("system_attr")?.get(METRIC_NAMES) else { return Some(()) };
        let names = optuna::metric_names(names);
        let study = self.studies.get_mut(id as usize)?;
        let known_before = named.get(&id).is_some_and(|(at, _)| offset <= *at);
        if known_before || names == study.metric_names {
            return Some(());
        }
        if study.has_values() && news.may_rename {
            news.renamed = Some((id, (offset, names)));
        } else {
            study.metric_names = names;
        }
        Some(())
    }

    /// A trial that begins, or one that is added as a whole.
    fn create_trial(&mut self, op: &Map<String, Value>, news: &mut News) -> Option<()> {
        let Some(study) = self.study(op)? else { return Some(()) };
        let state = match op.get("state") {
            None | Some(Value::Null) => State::Running,
            Some(number) => State::of_number(number.as_i64()?)?,
        };
        let number = self.studies[study as usize].n_trials();
        let id = self.add_trial(study, number, state);
        let key = trial_key(id);
        let of = &mut self.studies[study as usize];
        of.counts[state as usize] += 1;
        let start = when(op, "datetime_start");
        let end = when(op, "datetime_complete");
        of.started = of.started.into_iter().chain(start.at()).reduce(f64::min);
        let run = news.begin(&key);
        optuna::tell_new_trial(run, &of.name, study, number);
        optuna::tell_state(run, state);
        optuna::tell_start(run, &start);
        optuna::tell_end(run, &end);
        let object = |key: &str| op.get(key).and_then(Value::as_object).into_iter().flatten();
        for (name, internal) in object("params") {
            let distribution = op.get("distributions").and_then(|d| d.get(name)).and_then(Value::as_str);
            let value = distribution.zip(lenient::number(internal));
            if let Some(value) = value.and_then(|(d, x)| self.distributions.external(d, x)) {
                optuna::tell_param(run, name, value);
            }
        }
        for (key, value) in object("user_attrs") {
            optuna::tell_attribute(run, key, value);
        }
        let mut steps: Vec<(i64, f64)> = object("intermediate_values")
            .filter_map(|(step, value)| Some((step.parse().ok()?, lenient::number(value)?)))
            .collect();
        steps.sort_by_key(|(step, _)| *step);
        for (step, value) in steps {
            news.deltas.push(&key, INTERMEDIATE, Point { step, time: f64::NAN, value });
        }
        self.tell_values(op, id, &end, news);
        Some(())
    }

    /// The final values, one point each, at the trial's number: values of one study's trials lie side by side.
    fn tell_values(&self, op: &Map<String, Value>, id: i64, end: &When, news: &mut News) {
        let Some((study, number)) = self.spans.find(id) else { return };
        let Some(study) = self.studies.get(study as usize) else { return };
        let single = op.get("value").filter(|v| lenient::number(v).is_some());
        let many = op.get("values").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let values = single.into_iter().chain(if single.is_none() { many } else { &[] });
        let n_objectives = study.n_objectives.max(many.len());
        for (i, value) in values.enumerate().take(optuna::MAX_OBJECTIVES) {
            let Some(value) = lenient::number(value) else { continue };
            let metric = optuna::value_metric(&study.metric_names, n_objectives, i);
            let point = Point { step: number, time: end.at().unwrap_or(f64::NAN), value };
            news.deltas.push(&trial_key(id), &metric, point);
        }
    }

    fn change_trial(&mut self, code: i64, op: &Map<String, Value>, news: &mut News) -> Option<()> {
        let id = op.get("trial_id")?.as_i64()?;
        if !(0..self.n_trials).contains(&id) {
            return None;
        }
        let Some(&waiting) = self.open.get(&id) else {
            // Finished trials do not change: whoever wrote this was told so.
            return Some(());
        };
        let key = trial_key(id);
        match code {
            5 => {
                let (name, json) = (op.get("param_name")?.as_str()?, op.get("distribution")?.as_str()?);
                let value = self.distributions.external(json, lenient::number(op.get("param_value_internal")?)?)?;
                optuna::tell_param(news.deltas.run(&key), name, value);
            }
            6 => self.change_state(id, waiting, op, news)?,
            7 => {
                let value = lenient::number(op.get("intermediate_value")?)?;
                let point = Point { step: op.get("step")?.as_i64()?, time: f64::NAN, value };
                news.deltas.push(&key, INTERMEDIATE, point);
            }
            8 => {
                for (name, value) in op.get("user_attr")?.as_object()? {
                    optuna::tell_attribute(news.deltas.run(&key), name, value);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn change_state(&mut self, id: i64, waiting: bool, op: &Map<String, Value>, news: &mut News) -> Option<()> {
        let state = State::of_number(op.get("state")?.as_i64()?)?;
        if state == State::Running && !waiting {
            // It is run by another process already.
            return Some(());
        }
        let (study, _) = self.spans.find(id)?;
        let of = self.studies.get_mut(study as usize)?;
        let old = if waiting { State::Waiting } else { State::Running };
        of.counts[old as usize] = of.counts[old as usize].saturating_sub(1);
        of.counts[state as usize] += 1;
        self.changed.insert(study);
        let run = news.deltas.run(&trial_key(id));
        optuna::tell_state(run, state);
        let mut end = When::Never;
        if state == State::Running {
            let start = when(op, "datetime_start");
            of.started = of.started.into_iter().chain(start.at()).reduce(f64::min);
            optuna::tell_start(run, &start);
        } else if state.is_finished() {
            end = when(op, "datetime_complete");
            optuna::tell_end(run, &end);
        }
        match state.is_finished() {
            true => self.open.remove(&id),
            false => self.open.insert(id, state == State::Waiting),
        };
        self.tell_values(op, id, &end, news);
        Some(())
    }
}

/// A time of an operation: with its zone since Optuna 5.
fn when(op: &Map<String, Value>, key: &str) -> When {
    op.get(key).and_then(Value::as_str).map_or(When::Never, |text| When::of(text, false))
}
