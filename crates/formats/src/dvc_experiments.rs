//! The experiments that DVC keeps in git (FORMATS.md section 8; DVC's `dvc/repo/experiments/refs.py`): a commit for each
//! that `refs/exps/<2>/<38>/<name>` points to, with the metrics, curves and parameters in its tree.
//!
//! An experiment is named by its baseline and its name: saved again under them it is another commit, and told anew. What
//! is running or waiting lies below other refs (`exps/exec`, `stash`, `celery`) and is not told. What DVC keeps in its own
//! cache, and not in git, is not read. Nothing of git is started; no configuration is read, and nothing out of the
//! project.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use gix_hash::ObjectId;
use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Problem, ProblemKind, RunDelta};

use self::{
    objects::{Objects, problem_kind},
    refs::{Scan, Seen},
    repository::Repository,
};
use crate::{Progress, Reader, SourceSpec, place, trouble::Troubles};

mod declared;
mod experiment;
mod objects;
mod refs;
mod repository;

/// So much of a hash is remembered.
const HASH_CHARS: usize = 16;
const GIT: &str = ".git";

/// What was told of an experiment.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Known {
    /// The beginning of its commit's hash.
    #[serde(rename = "h")]
    hash: String,
    /// A run was told.
    #[serde(rename = "r", default)]
    told: bool,
    /// Its commit or its tree could not be read.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    bad: bool,
    /// Paths of problems that were said of it.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeSet::is_empty")]
    troubles: BTreeSet<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Saved {
    /// By `<baseline>/<name>`.
    #[serde(rename = "e")]
    known: BTreeMap<String, Known>,
    /// Checksums of what the baselines were called.
    #[serde(rename = "l")]
    labels: BTreeMap<String, u32>,
    /// Runs were told before that may come up again: each begins with a reset.
    #[serde(rename = "n", default)]
    anew: bool,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// Reads the experiments of one repository.
pub(crate) struct Experiments {
    spec: SourceSpec,
    saved: Saved,
    /// The refs when all of them had been read.
    seen: Option<Seen>,
    /// What could not be read, and was tried since the refs changed last.
    tried: BTreeSet<String>,
    dirs: Vec<PathBuf>,
}

/// Whether the folder `dir` is a repository with experiments that no other folder of the project tells. Counts what it
/// reads.
pub(crate) fn is_source(project: &Path, dir: &Path, bytes: &mut u64) -> bool {
    let Some(repository) = Repository::of(project, dir) else { return false };
    // The working trees of a repository have their experiments in common.
    let is_told = |main: &Path| {
        let is_dvc = main.join(".dvc").is_dir() || main.join("dvc.yaml").is_file();
        is_dvc && Repository::of(project, main).is_some_and(|of| of.common == repository.common)
    };
    refs::any(&repository, bytes) && !repository.main_folder().is_some_and(is_told)
}

impl Experiments {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let anew = cursor.is_some() && understood.is_none();
        let mut saved = understood.unwrap_or_default();
        saved.anew |= anew;
        Self { spec: spec.clone(), saved, seen: None, tried: BTreeSet::new(), dirs: Vec::new() }
    }

    fn shown(&self, below: &str) -> String {
        place::shown(&self.spec.rel.join(GIT).join(below))
    }

    fn fail(&mut self, below: &str, kind: ProblemKind, message: String, batch: &mut Batch) {
        let path = self.shown(below);
        self.saved.troubles.file(path, kind, message, batch);
    }

    fn tell(&mut self, repository: &Repository, budget: usize, batch: &mut Batch) -> Progress {
        let mut scan = Scan::of(repository);
        batch.bytes_read += scan.bytes;
        self.dirs = [repository.common.clone(), repository.common.join("refs")].into();
        self.dirs.extend(std::mem::take(&mut scan.dirs));
        self.tell_trouble(&scan, batch);
        if scan.trouble.is_none() && !scan.too_many {
            self.tell_gone(&scan, batch);
        }
        let labels = labels(repository, &scan);
        self.tell_labels(&labels, batch);
        let mut objects = None;
        let limit = batch.bytes_read.saturating_add(budget.max(1) as u64);
        let known = |key: &String, hash: &str| self.saved.known.get(key).filter(|known| hash.starts_with(&known.hash));
        let new = scan.experiments.iter().filter(|(key, hash)| known(key, hash).is_none());
        // What could not be read is tried after all others and at one go: a reader that is opened again tries it again.
        let is_due =
            |key: &String, hash: &str| known(key, hash).is_some_and(|known| known.bad) && !self.tried.contains(key);
        let again = scan.experiments.iter().filter(|(key, hash)| is_due(key, hash));
        let todo: Vec<(&String, &String, bool)> =
            new.map(|(key, hash)| (key, hash, true)).chain(again.map(|(key, hash)| (key, hash, false))).collect();
        for (key, hash, is_new) in todo {
            if is_new && batch.bytes_read >= limit {
                return Progress::More;
            }
            if objects.is_none() {
                match Objects::open(repository) {
                    Ok(open) => objects = Some(open),
                    Err(e) => {
                        let message = format!("The repository's objects cannot be read ({e}).");
                        self.fail("objects", ProblemKind::Unreadable, message, batch);
                        return Progress::CaughtUp;
                    }
                }
            }
            let Some(objects) = &mut objects else { return Progress::CaughtUp };
            let before = objects.n_bytes();
            self.tell_one(key, hash, &labels, objects, batch);
            // Each costs something, also where nothing of it is read.
            batch.bytes_read += (objects.n_bytes() - before).max(1);
        }
        if objects.is_some() {
            let path = self.shown("objects");
            self.saved.troubles.heal(&path, batch);
        }
        self.saved.anew = false;
        self.seen = scan.seen();
        Progress::CaughtUp
    }

    fn tell_trouble(&mut self, scan: &Scan, batch: &mut Batch) {
        match &scan.trouble {
            Some(e) => {
                let message =
                    format!("Some of the repository's refs cannot be read ({e}); experiments may be missing.");
                self.fail("refs/exps", ProblemKind::Unreadable, message, batch);
            }
            None if scan.too_many => {
                let message = format!(
                    "The repository has more than {} experiments (a limit of Signalbox); the rest is not read.",
                    refs::MAX_EXPERIMENTS
                );
                self.fail("refs/exps", ProblemKind::TooLarge, message, batch);
            }
            None => {
                let path = self.shown("refs/exps");
                self.saved.troubles.heal(&path, batch);
            }
        }
        for path in scan.odd.iter().take(refs::MAX_EXPERIMENTS) {
            self.fail(
                path,
                ProblemKind::Malformed,
                "It names no commit; the experiment is not read.".to_owned(),
                batch,
            );
        }
        let odd: BTreeSet<String> = scan.odd.iter().map(|path| self.shown(path)).collect();
        for key in scan.experiments.keys() {
            let path = self.shown(&ref_of(key));
            if !odd.contains(&path) {
                self.saved.troubles.heal(&path, batch);
            }
        }
    }

    fn tell_gone(&mut self, scan: &Scan, batch: &mut Batch) {
        let is_gone = |key: &&String| !scan.experiments.contains_key(*key);
        let gone: Vec<String> = self.saved.known.keys().filter(is_gone).cloned().collect();
        for key in gone {
            let Some(known) = self.saved.known.remove(&key) else { continue };
            batch.healed.extend(known.troubles);
            let path = self.shown(&ref_of(&key));
            // One that names no commit now is still there.
            if !scan.odd.contains(&ref_of(&key)) {
                self.saved.troubles.heal(&path, batch);
            }
            if known.told {
                batch.gone.push(key);
            }
        }
    }

    /// A branch that moved on renames the baseline that it pointed to.
    fn tell_labels(&mut self, labels: &BTreeMap<String, String>, batch: &mut Batch) {
        let sums: BTreeMap<String, u32> =
            labels.iter().map(|(baseline, label)| (baseline.clone(), crc32c::crc32c(label.as_bytes()))).collect();
        for (key, _) in self.saved.known.iter().filter(|(_, known)| known.told) {
            let baseline = key.split('/').next().unwrap_or_default();
            if let (Some(label), true) = (labels.get(baseline), self.saved.labels.get(baseline) != sums.get(baseline)) {
                let mut run = RunDelta { key: key.clone(), ..RunDelta::default() };
                run.head.experiment = Some(label.clone());
                batch.runs.push(run);
            }
        }
        self.saved.labels = sums;
    }

    fn tell_one(
        &mut self,
        key: &str,
        hash: &str,
        labels: &BTreeMap<String, String>,
        objects: &mut Objects,
        batch: &mut Batch,
    ) {
        let old = self.saved.known.remove(key).unwrap_or_default();
        batch.healed.extend(old.troubles.iter().cloned());
        let path = self.shown(&ref_of(key));
        let mut known = Known { hash: hash.chars().take(HASH_CHARS).collect(), ..Known::default() };
        let outcome = match ObjectId::from_hex(hash.as_bytes()) {
            Ok(id) => experiment::read(objects, id).map_err(|e| (problem_kind(&e), e.to_string())),
            Err(e) => Err((ProblemKind::Malformed, e.to_string())),
        };
        match outcome {
            Ok(experiment::Told { mut run, troubles, n_points }) => {
                for trouble in troubles {
                    let path = format!("{path}:{}", place::clean_name(trouble.path.as_bytes()));
                    known.troubles.insert(path.clone());
                    let (offset, kind, message) = (trouble.offset, trouble.kind, trouble.message);
                    batch.problems.push(Problem { path, offset, kind, message });
                }
                let (baseline, name) = key.split_once('/').unwrap_or((key, ""));
                run.key = key.to_owned();
                run.reset = old.told || self.saved.anew;
                run.head.name = Some(place::clean_name(name.as_bytes()));
                run.head.experiment = labels.get(baseline).cloned();
                run.tags.push(("git.baseline".to_owned(), baseline.to_owned()));
                known.told = true;
                batch.n_points += n_points;
                batch.runs.push(run);
            }
            Err((kind, why)) => {
                let message = format!("The experiment cannot be read: {why}.");
                known.troubles.insert(path.clone());
                known.told = old.told;
                known.bad = true;
                self.tried.insert(key.to_owned());
                batch.problems.push(Problem { path, offset: None, kind, message });
            }
        }
        self.saved.known.insert(key.to_owned(), known);
    }
}

/// The ref of an experiment, below `.git`.
fn ref_of(key: &str) -> String {
    match (key.get(..2), key.get(2..)) {
        (Some(pair), Some(rest)) => format!("refs/exps/{pair}/{rest}"),
        _ => key.to_owned(),
    }
}

/// What a person would call each baseline: its short hash, and the branch that points to it.
fn labels(repository: &Repository, scan: &Scan) -> BTreeMap<String, String> {
    let head = repository::line(&repository.head.join("HEAD"));
    let current = head.as_deref().and_then(|line| line.strip_prefix("ref:")?.trim().strip_prefix("refs/heads/"));
    let mut by_commit: BTreeMap<&str, &str> = BTreeMap::new();
    for (branch, commit) in &scan.branches {
        let named = by_commit.entry(commit).or_insert(branch);
        if current == Some(branch) {
            *named = branch;
        }
    }
    let baselines: BTreeSet<&str> = scan.experiments.keys().filter_map(|key| key.split('/').next()).collect();
    let label = |baseline: &str| {
        let short = &baseline[..7.min(baseline.len())];
        match by_commit.get(baseline) {
            Some(branch) => format!("{short} ({})", place::clean_name(branch.as_bytes())),
            None => short.to_owned(),
        }
    };
    baselines.into_iter().map(|baseline| (baseline.to_owned(), label(baseline))).collect()
}

impl Reader for Experiments {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        if self.seen.as_ref().is_some_and(Seen::holds) {
            return Progress::CaughtUp;
        }
        if self.seen.take().is_some() {
            self.tried.clear();
        }
        let Some(repository) = Repository::of(&self.spec.project, &self.spec.path()) else {
            // Gone for now; whoever walks the project notices when it stays so.
            return Progress::CaughtUp;
        };
        let path = place::shown(&self.spec.rel.join(GIT));
        if let Some(why) = repository.refusal(&self.spec.project) {
            let message = format!("The repository's experiments are not read: {why}.");
            self.saved.troubles.file(path, ProblemKind::Unsupported, message, batch);
            return Progress::CaughtUp;
        }
        self.saved.troubles.heal(&path, batch);
        self.tell(&repository, budget_bytes, batch)
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.saved).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        if self.dirs.is_empty() {
            return vec![self.spec.path()];
        }
        self.dirs.clone()
    }
}
