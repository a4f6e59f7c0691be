//! One run of a file store: `<root>/<experiment>/<run>`.
//!
//! Every file is known by its time of change and length; metric files are read on from their offset. What cannot be
//! read keeps what was read of it before.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Lifecycle, ModelRef, Problem, ProblemKind, RunDelta, SeriesDelta};

use crate::{
    Progress, Reader, SourceSpec,
    mlflow::{
        keys::{self, Keys},
        logged,
        metric_file::MetricMark,
        run_meta,
    },
    place,
    stamp::Stamp,
    yaml,
};

mod values;

/// After so many damaged lines in one run the rest is not listed.
const MAX_PROBLEMS: u32 = 200;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    #[serde(rename = "a")]
    meta: Stamp,
    #[serde(rename = "e")]
    experiment: Stamp,
    /// `meta.yaml` names the run, and its user: the tags do not overrule it.
    #[serde(rename = "n")]
    named_by_meta: bool,
    #[serde(rename = "u", default)]
    user_by_meta: bool,
    /// Deleted: the run, the experiment.
    #[serde(rename = "d")]
    deleted: (bool, bool),
    #[serde(rename = "w")]
    has_artifacts: bool,
    #[serde(rename = "p")]
    params: BTreeMap<String, Stamp>,
    #[serde(rename = "t")]
    tags: BTreeMap<String, Stamp>,
    #[serde(rename = "m")]
    metrics: BTreeMap<String, MetricMark>,
    /// Signatures of the data sets and of the models.
    #[serde(rename = "i")]
    inputs: u32,
    #[serde(rename = "o")]
    outputs: u32,
    /// Paths of which a problem was said.
    #[serde(rename = "x")]
    bad: BTreeSet<String>,
    #[serde(rename = "c")]
    n_line_problems: u32,
}

/// Reads one run directory.
pub(crate) struct RunDir {
    spec: SourceSpec,
    dir: PathBuf,
    key: String,
    state: State,
    /// Directories that were walked last.
    dirs: Vec<PathBuf>,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

/// The three directories of a run whose files are keys.
struct Walked {
    params: Keys,
    tags: Keys,
    metrics: Keys,
}

impl RunDir {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let dir = spec.path();
        let key = dir.file_name().map_or_else(String::new, |n| place::clean_name(n.as_encoded_bytes()));
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        Self { spec: spec.clone(), dir, key, state: saved.unwrap_or_default(), must_reset, dirs: Vec::new() }
    }

    /// The experiment's directory, if it lies in the project.
    fn experiment_dir(&self) -> Option<PathBuf> {
        self.spec.rel.parent().map(|rel| self.spec.project.join(rel))
    }

    fn shown(&self, path: &Path) -> String {
        place::shown(path.strip_prefix(&self.spec.project).unwrap_or(path))
    }

    fn fail(&mut self, path: &Path, kind: ProblemKind, message: String, batch: &mut Batch) {
        let path = self.shown(path);
        if self.state.bad.insert(path.clone()) {
            batch.problems.push(Problem { path, offset: None, kind, message });
        }
    }

    fn heal(&mut self, path: &Path, batch: &mut Batch) {
        if !self.state.bad.is_empty() {
            let path = self.shown(path);
            if self.state.bad.remove(&path) {
                batch.healed.push(path);
            }
        }
    }

    /// `None` while there is no sign that the directory is a run, or it cannot be listed.
    fn walk(&mut self, batch: &mut Batch) -> Option<Walked> {
        let mut walked = [Keys::default(), Keys::default(), Keys::default()];
        for (keys, name) in walked.iter_mut().zip(["params", "tags", "metrics"]) {
            let dir = self.dir.join(name);
            match keys::walk(&self.spec.project, &dir) {
                Ok(found) => {
                    *keys = found;
                    self.heal(&dir, batch);
                }
                Err(e) => {
                    let message = format!("The directory cannot be listed ({e}); what was read of it before is kept.");
                    self.fail(&dir, ProblemKind::Unreadable, message, batch);
                    return None;
                }
            }
        }
        let [params, tags, metrics] = walked;
        let is_run = params.exists || tags.exists || metrics.exists || self.dir.join("meta.yaml").exists();
        self.dirs = vec![self.dir.clone()];
        for keys in [&params, &tags, &metrics] {
            self.dirs.extend_from_slice(&keys.dirs);
        }
        self.dirs.extend(["inputs", "outputs"].map(|name| self.dir.join(name)).into_iter().filter(|d| d.is_dir()));
        is_run.then_some(Walked { params, tags, metrics })
    }

    /// A param, tag or metric that was told is gone: only telling everything anew takes it back.
    fn lost_something(&self, walked: &Walked) -> bool {
        fn lost<T>(known: &BTreeMap<String, T>, keys: &Keys) -> bool {
            let here = |key: &String| keys.files.binary_search_by(|f| f.key.cmp(key)).is_ok();
            !known.keys().all(here)
        }
        lost(&self.state.params, &walked.params)
            || lost(&self.state.tags, &walked.tags)
            || lost(&self.state.metrics, &walked.metrics)
    }

    fn read_experiment(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let in_trash = self.spec.rel.components().any(|c| c.as_os_str() == ".trash");
        let Some(dir) = self.experiment_dir() else { return };
        let path = dir.join("meta.yaml");
        let Ok(stamp) = Stamp::of(&path) else {
            if !self.state.told {
                run.head.experiment = dir.file_name().map(|n| place::clean_name(n.as_encoded_bytes()));
                self.state.deleted.1 = in_trash;
            }
            return;
        };
        if stamp == self.state.experiment {
            return;
        }
        // An experiment's file that cannot be read is no problem of each of its runs; the last good one counts.
        if let Ok(meta) = yaml::read_mapping(&path, &mut batch.bytes_read) {
            self.state.experiment = stamp;
            self.state.deleted.1 = in_trash || run_meta::lifecycle(&meta) == Lifecycle::Deleted;
            run.head.experiment = yaml::text(&meta, "name").map(|n| place::clean_name(n.as_bytes()));
        }
    }

    fn read_meta(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let path = self.dir.join("meta.yaml");
        let stamp = Stamp::of(&path).unwrap_or_default();
        if stamp == self.state.meta && self.state.told {
            return;
        }
        self.state.meta = stamp;
        let meta = match yaml::read_mapping(&path, &mut batch.bytes_read) {
            Ok(meta) => meta,
            Err(e) => {
                let problem = match stamp == Stamp::default() {
                    true => "is missing".to_owned(),
                    false => format!("cannot be read ({e})"),
                };
                let message =
                    format!("The run's meta.yaml {problem}: its status and times are as last read, or unknown.");
                self.fail(&path, e.kind(), message, batch);
                return;
            }
        };
        self.heal(&path, batch);
        let experiment = run.head.experiment.take();
        run.head = run_meta::head(&meta);
        run.head.experiment = experiment;
        self.state.named_by_meta = run.head.name.is_some();
        self.state.user_by_meta = run.head.user.is_some();
        self.state.deleted.0 = run.head.lifecycle == Some(Lifecycle::Deleted);
        if !self.state.has_artifacts {
            let beside = self.spec.rel.join("artifacts");
            let uri = yaml::text(&meta, "artifact_uri").unwrap_or_default();
            run.head.artifact_root = place::artifact_root(&self.spec.project, &[beside], &uri);
            self.state.has_artifacts = run.head.artifact_root.is_some();
        }
    }

    fn read_inputs(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let Some(experiment) = self.experiment_dir() else { return };
        let inputs = logged::entries(&self.dir.join("inputs"));
        let signature = logged::signature(inputs.iter().map(|(n, _, s)| (n.as_str(), *s)));
        if signature != self.state.inputs {
            self.state.inputs = signature;
            let read =
                |(_, meta, _): &(String, PathBuf, Stamp)| logged::dataset(meta, &experiment, &mut batch.bytes_read);
            run.datasets = inputs.iter().filter_map(read).collect();
        }
    }

    /// The run's models: those of `outputs/` (MLflow 3) and those that a tag lists (before).
    fn read_outputs(&mut self, tags: &Keys, batch: &mut Batch) {
        let Some(experiment) = self.experiment_dir() else { return };
        let outputs = logged::entries(&self.dir.join("outputs"));
        let models = outputs.iter().map(|(id, ..)| {
            let meta = experiment.join("models").join(id).join("meta.yaml");
            (id.as_str(), Stamp::of(&meta).unwrap_or_default(), meta)
        });
        let models: Vec<_> = models.collect();
        let history = tags.files.iter().find(|f| f.key == "mlflow.log-model.history");
        let files = models.iter().map(|(id, stamp, _)| (*id, *stamp));
        let signature = logged::signature(files.chain(history.map(|f| (f.key.as_str(), f.stamp))));
        if signature == self.state.outputs {
            return;
        }
        self.state.outputs = signature;
        let mut found: Vec<ModelRef> = Vec::new();
        for (_, _, meta) in &models {
            found.extend(logged::model(meta, &self.key, &mut batch.bytes_read));
        }
        if let Some(json) = history.and_then(|f| values::read(&f.path, &mut batch.bytes_read).ok()) {
            found.extend(logged::models_of_history(&json, &self.key));
        }
        batch.models = Some(found);
    }

    /// Reads metric files on, about `budget` bytes of them. `None`: one that was told holds something else now, and
    /// what was told of it can only be taken back with the run's other metrics, which share its part.
    fn read_metrics(
        &mut self,
        metrics: &Keys,
        budget: usize,
        batch: &mut Batch,
        run: &mut RunDelta,
    ) -> Option<Progress> {
        let before = batch.bytes_read;
        for file in &metrics.files {
            let mut mark = self.state.metrics.get(&file.key).cloned().unwrap_or_default();
            if mark.is_current(file.stamp) {
                continue;
            }
            let spent = usize::try_from(batch.bytes_read - before).unwrap_or(usize::MAX);
            if spent >= budget {
                return Some(Progress::More);
            }
            let news = match mark.read(&file.path, file.stamp, budget - spent, &mut batch.bytes_read) {
                Ok(news) => news,
                Err(e) if crate::stamp::is_absent(&e) => continue,
                Err(e) => {
                    let message = format!("The metric cannot be read ({e}); it is tried again when it changes.");
                    self.fail(&file.path, ProblemKind::Unreadable, message, batch);
                    continue;
                }
            };
            if news.reset && self.state.metrics.contains_key(&file.key) {
                return None;
            }
            if news.reset || (news.troubles.is_empty() && !mark.had_trouble()) {
                self.heal(&file.path, batch);
            }
            for trouble in news.troubles {
                self.tell_line(&file.path, trouble, batch);
            }
            batch.n_points += news.points.len() as u64;
            if news.reset || !news.points.is_empty() {
                let metric = file.key.clone();
                run.series.push(SeriesDelta { metric, part: String::new(), points: news.points, reset: news.reset });
            }
            self.state.metrics.insert(file.key.clone(), mark);
            if !news.at_end {
                return Some(Progress::More);
            }
        }
        Some(Progress::CaughtUp)
    }

    fn tell_line(&mut self, path: &Path, trouble: crate::log::news::Trouble, batch: &mut Batch) {
        if self.state.n_line_problems > MAX_PROBLEMS {
            return;
        }
        self.state.n_line_problems += 1;
        let message = match self.state.n_line_problems > MAX_PROBLEMS {
            true => "There are more damaged lines in this run; they are not listed.".to_owned(),
            false => trouble.message,
        };
        let path = self.shown(path);
        self.state.bad.insert(path.clone());
        batch.problems.push(Problem { path, offset: Some(trouble.offset), kind: trouble.kind, message });
    }
}

impl RunDir {
    /// Tells what is new, or everything `anew`. `None`, and nothing told, if it has to be anew.
    fn tell(&mut self, walked: &Walked, anew: bool, budget_bytes: usize, batch: &mut Batch) -> Option<Progress> {
        let mut run = RunDelta { key: self.key.clone(), ..RunDelta::default() };
        if anew {
            run.reset = true;
            batch.healed.extend(std::mem::take(&mut self.state.bad));
            self.state = State::default();
        }
        let was_told = self.state.told;
        let deleted = self.state.deleted;
        self.read_experiment(batch, &mut run);
        self.read_meta(batch, &mut run);
        let values = self.read_values(walked, budget_bytes, batch, &mut run);
        self.read_inputs(batch, &mut run);
        self.read_outputs(&walked.tags, batch);
        if !self.state.has_artifacts {
            run.head.artifact_root = place::directory_inside(&self.spec.project, &self.spec.rel.join("artifacts"));
            self.state.has_artifacts = run.head.artifact_root.is_some();
        }
        let progress = match values.is_break() {
            true => Progress::More,
            false => self.read_metrics(&walked.metrics, budget_bytes, batch, &mut run)?,
        };
        if !was_told || deleted != self.state.deleted {
            let is_deleted = self.state.deleted.0 || self.state.deleted.1;
            run.head.lifecycle = Some(if is_deleted { Lifecycle::Deleted } else { Lifecycle::Active });
        } else {
            run.head.lifecycle = None;
        }
        if !was_told {
            self.state.told = true;
            run.head.name.get_or_insert_with(|| self.key.clone());
        }
        let has_news = run.reset
            || !was_told
            || run.head != Default::default()
            || !(run.params.is_empty() && run.tags.is_empty() && run.series.is_empty() && run.datasets.is_empty());
        if has_news {
            batch.runs.push(run);
        }
        Some(progress)
    }
}

impl Reader for RunDir {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let Some(walked) = self.walk(batch) else { return Progress::CaughtUp };
        let budget_bytes = budget_bytes.max(1);
        let anew = self.lost_something(&walked) || std::mem::take(&mut self.must_reset);
        let (n_points, n_problems) = (batch.n_points, batch.problems.len());
        if let Some(progress) = self.tell(&walked, anew, budget_bytes, batch) {
            return progress;
        }
        batch.n_points = n_points;
        batch.problems.truncate(n_problems);
        self.tell(&walked, true, budget_bytes, batch).unwrap_or(Progress::CaughtUp)
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        if self.dirs.is_empty() { vec![self.dir.clone()] } else { self.dirs.clone() }
    }
}
