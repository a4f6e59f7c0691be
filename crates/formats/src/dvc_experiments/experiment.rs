//! One experiment: what the tree of its commit holds of metrics, curves and parameters.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    rc::Rc,
};

use gix_hash::ObjectId;
use serde_json::Value;
use signalbox_types::{Format, ParamValue, Point, Points, ProblemKind, RunDelta, SeriesDelta};

use super::{
    declared::{Declared, join},
    objects::{Entry, EntryKind, MAX_BLOB, ObjectError, Objects, problem_kind},
};
use crate::{
    dvclive::{self, MAX_METRICS, MAX_SUMMARY},
    json_params,
    jsonl::lenient,
    place, secret, table, yaml,
};

const DVC_YAML: &str = "dvc.yaml";
/// So many folders, so deep, are looked into for a `dvc.yaml`.
const MAX_FOLDERS: usize = 128;
const MAX_DEPTH: usize = 4;
/// So deep are the folders of curves, and so many are looked into.
const MAX_PLOT_DEPTH: usize = 16;
const MAX_PLOT_FOLDERS: usize = 2_000;
/// What is read of one experiment.
const MAX_BYTES: u64 = 256 << 20;
/// After so many problems in one experiment the rest is not listed.
const MAX_TROUBLES: usize = 20;

/// Something of an experiment that was not read.
pub(crate) struct Trouble {
    /// In the experiment's tree.
    pub path: String,
    pub offset: Option<u64>,
    pub kind: ProblemKind,
    pub message: String,
}

/// What an experiment tells.
#[derive(Default)]
pub(crate) struct Told {
    pub run: RunDelta,
    pub troubles: Vec<Trouble>,
    pub n_points: u64,
}

/// Reads the experiment whose commit is `id`.
pub(crate) fn read(objects: &mut Objects, id: ObjectId) -> Result<Told, ObjectError> {
    let commit = objects.commit(id)?;
    let root = objects.tree(commit.tree)?;
    let limit = objects.n_bytes().saturating_add(MAX_BYTES);
    let mut look = Look { objects, root, limit, told: Told::default(), metrics: Vec::new(), params: Vec::new() };
    look.all();
    let Look { mut told, metrics, params, .. } = look;
    told.run.series = series(metrics);
    told.n_points = told.run.series.iter().map(|series| series.points.len() as u64).sum();
    told.run.params = unlike(params);
    told.run.tags.push(("git.commit".to_owned(), id.to_string()));
    let title = place::clean_name(commit.title.as_bytes());
    if !title.is_empty() && !secret::is_secret("message", &title) {
        told.run.tags.push(("message".to_owned(), title));
    }
    // When it was committed, which is after its training. Whether that went well nobody says: DVCLive saves an
    // experiment also when an exception ends it (`Live.__exit__`), and `dvc exp save` whenever it is called.
    let committed = commit.committed.map(|seconds| seconds as f64).filter(|time| *time > 0.0);
    told.run.head.ended = committed.map(Some);
    Ok(told)
}

/// Values of one metric, in one file.
struct Metric {
    /// The metrics file that it belongs to.
    origin: String,
    name: String,
    part: String,
    points: Points,
}

struct Param {
    origin: String,
    name: String,
    value: ParamValue,
}

struct Look<'a> {
    objects: &'a mut Objects,
    root: Rc<Vec<Entry>>,
    /// No more than this may be unpacked.
    limit: u64,
    told: Told,
    metrics: Vec<Metric>,
    params: Vec<Param>,
}

impl Look<'_> {
    fn all(&mut self) {
        let mut declared = Declared::default();
        for (dir, id) in self.dvc_yamls() {
            let path = below(&dir, DVC_YAML);
            if let Some(bytes) = self.blob(&path, id, yaml::MAX_BYTES) {
                match yaml::parse_mapping(&bytes) {
                    Ok(mapping) => declared.read(&dir, &yaml::to_json(mapping)),
                    Err(yaml::YamlError::Empty) => {}
                    Err(e) => self.trouble(&path, e.kind(), format!("It cannot be read: {e}.")),
                }
            }
            // Where DVCLive writes when nobody tells it otherwise, also before it has told DVC.
            declared.metrics.extend(join(&dir, &below(dvclive::DEFAULT_DIR, dvclive::SUMMARY)));
        }
        declared.metrics.insert(below(dvclive::DEFAULT_DIR, dvclive::SUMMARY));
        for path in &declared.metrics {
            self.summary(path);
            let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            declared.params.insert(below(dir, dvclive::PARAMS));
        }
        for path in &declared.params {
            self.params_of(path);
        }
    }

    /// The folders with a `dvc.yaml`, and those files.
    fn dvc_yamls(&mut self) -> Vec<(String, ObjectId)> {
        let mut found = Vec::new();
        let mut todo = vec![(String::new(), self.root.clone(), 0)];
        let mut at = 0;
        while let Some((dir, tree, depth)) = todo.get(at).cloned() {
            at += 1;
            let files = tree.iter().filter(|e| e.kind == EntryKind::Blob && e.name == DVC_YAML);
            found.extend(files.map(|file| (dir.clone(), file.id)));
            let is_worth =
                |e: &&Entry| e.kind == EntryKind::Tree && !e.name.starts_with('.') && e.name != "node_modules";
            for folder in tree.iter().filter(is_worth) {
                if depth + 1 >= MAX_DEPTH || todo.len() >= MAX_FOLDERS {
                    break;
                }
                let dir = below(&dir, &folder.name);
                match self.objects.tree(folder.id) {
                    Ok(tree) => todo.push((dir, tree, depth + 1)),
                    // It may be filtered out of the clone, and is only missed if something names it.
                    Err(ObjectError::Missing(_)) => {}
                    Err(e) => self.trouble(&dir, problem_kind(&e), format!("It was not looked into: {e}.")),
                }
            }
        }
        found
    }

    /// A metrics file's values, and the curves beside it.
    fn summary(&mut self, path: &str) {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        let curves = match self.entry(&below(dir, dvclive::PLOTS)) {
            Some(plots) if plots.kind == EntryKind::Tree => self.curves(path, &below(dir, dvclive::PLOTS), plots.id),
            _ => HashSet::new(),
        };
        let Some(file) = self.entry(path).filter(|file| file.kind == EntryKind::Blob) else { return };
        let Some(bytes) = self.blob(path, file.id, MAX_SUMMARY) else { return };
        let summary = match object(path, &bytes) {
            Ok(Some(Value::Object(summary))) => summary,
            // One of another kind: DVC reads TOML too.
            Ok(None) => return,
            Ok(Some(_)) => return self.trouble(path, ProblemKind::Malformed, "It holds no object.".to_owned()),
            Err(e) => return self.trouble(path, ProblemKind::Malformed, format!("It cannot be read: {e}.")),
        };
        let (step, values) = dvclive::last_values(&summary, |metric| curves.contains(metric));
        for (name, value) in values {
            let points = Points::from_iter([Point { step, time: f64::NAN, value }]);
            self.metrics.push(Metric { origin: path.to_owned(), name, part: path.to_owned(), points });
        }
    }

    /// Reads the tables below a folder; the names of their metrics.
    fn curves(&mut self, origin: &str, top: &str, id: ObjectId) -> HashSet<String> {
        let mut names = HashSet::new();
        let mut todo = vec![(String::new(), id, 0)];
        let mut n_left = MAX_PLOT_FOLDERS;
        while let Some((dir, id, depth)) = todo.pop() {
            // Trees may hold one another over and over: few objects, and no end of paths.
            n_left -= 1;
            if n_left == 0 {
                let message =
                    "There are more than 2,000 folders of curves (a limit of Signalbox); the rest is not read.";
                self.trouble(top, ProblemKind::TooLarge, message.to_owned());
                break;
            }
            let tree = match self.objects.tree(id) {
                Ok(tree) => tree,
                Err(e) => {
                    self.trouble(&below(top, &dir), problem_kind(&e), format!("Curves are missing: {e}."));
                    continue;
                }
            };
            for entry in tree.iter() {
                let rel = below(&dir, &entry.name);
                match (entry.kind, rel.strip_suffix(".tsv")) {
                    (EntryKind::Tree, _) if depth < MAX_PLOT_DEPTH && todo.len() < MAX_METRICS => {
                        todo.push((rel, entry.id, depth + 1));
                    }
                    (EntryKind::Blob, Some(metric)) if names.len() < MAX_METRICS => {
                        self.curve(origin, &below(top, &rel), metric, entry.id);
                        names.insert(place::clean_name(metric.as_bytes()));
                    }
                    _ => {}
                }
            }
        }
        names
    }

    fn curve(&mut self, origin: &str, path: &str, metric: &str, id: ObjectId) {
        let Some(bytes) = self.blob(path, id, MAX_BLOB) else { return };
        let news = table::whole(Format::Dvclive, bytes);
        for trouble in news.problems {
            self.list(Trouble {
                path: path.to_owned(),
                offset: Some(trouble.offset),
                kind: trouble.kind,
                message: trouble.message,
            });
        }
        let metric = place::clean_name(metric.as_bytes());
        for series in news.series.into_deltas() {
            let name = dvclive::metric_name(&metric, &series.metric);
            self.metrics.push(Metric { origin: origin.to_owned(), name, part: path.to_owned(), points: series.points });
        }
    }

    fn params_of(&mut self, path: &str) {
        let Some(file) = self.entry(path).filter(|file| file.kind == EntryKind::Blob) else { return };
        let Some(bytes) = self.blob(path, file.id, yaml::MAX_BYTES) else { return };
        let params = if path.ends_with(".json") {
            match lenient::parse(&bytes) {
                Ok(Value::Object(object)) => json_params::of_object(&object),
                Ok(_) => return self.trouble(path, ProblemKind::Malformed, "It holds no object.".to_owned()),
                Err(e) => return self.trouble(path, ProblemKind::Malformed, format!("It cannot be read: {e}.")),
            }
        } else if is_yaml(path) {
            match yaml::parse_mapping(&bytes) {
                Ok(mapping) => yaml::params(mapping),
                Err(yaml::YamlError::Empty) => return,
                Err(e) => return self.trouble(path, e.kind(), format!("It cannot be read: {e}.")),
            }
        } else {
            // TOML and Python, which DVC reads too.
            return;
        };
        let shown = params.into_iter().filter(|(name, value)| !secret::is_secret(name, &value.text()));
        self.params.extend(shown.map(|(name, value)| Param { origin: path.to_owned(), name, value }));
    }

    /// What lies at a path of the tree.
    fn entry(&mut self, path: &str) -> Option<Entry> {
        let mut tree = self.root.clone();
        let mut at = 0;
        loop {
            let end = path[at..].find('/').map_or(path.len(), |n| at + n);
            let entry = tree.iter().find(|entry| entry.name == path[at..end])?.clone();
            if end == path.len() {
                return Some(entry);
            }
            if entry.kind != EntryKind::Tree {
                return None;
            }
            tree = match self.objects.tree(entry.id) {
                Ok(tree) => tree,
                Err(e) => {
                    self.trouble(&path[..end], problem_kind(&e), format!("It was not looked into: {e}."));
                    return None;
                }
            };
            at = end + 1;
        }
    }

    fn blob(&mut self, path: &str, id: ObjectId, max: u64) -> Option<Vec<u8>> {
        if self.objects.n_bytes() >= self.limit {
            let message =
                "The experiment's files have more than 256 MiB (a limit of Signalbox); this one was not read.";
            self.trouble(path, ProblemKind::TooLarge, message.to_owned());
            return None;
        }
        match self.objects.blob(id, max) {
            Ok(bytes) => Some(bytes),
            Err(e) => {
                self.trouble(path, problem_kind(&e), format!("It was not read: {e}."));
                None
            }
        }
    }

    /// Of one path once: several files may be looked for below a folder.
    fn trouble(&mut self, path: &str, kind: ProblemKind, message: String) {
        if self.told.troubles.iter().any(|told| told.path == path && told.offset.is_none()) {
            return;
        }
        self.list(Trouble { path: path.to_owned(), offset: None, kind, message });
    }

    fn list(&mut self, mut trouble: Trouble) {
        let n = self.told.troubles.len();
        if n == MAX_TROUBLES {
            trouble.message = "There are more problems in this experiment; they are not listed.".to_owned();
        }
        if n <= MAX_TROUBLES {
            self.told.troubles.push(trouble);
        }
    }
}

/// A metrics file as JSON; `None` for what is neither JSON nor YAML.
fn object(path: &str, bytes: &[u8]) -> Result<Option<Value>, String> {
    match () {
        () if path.ends_with(".json") => lenient::parse(bytes).map(Some).map_err(|e| e.to_string()),
        () if is_yaml(path) => yaml::parse_mapping(bytes).map(|m| Some(yaml::to_json(m))).map_err(|e| e.to_string()),
        () => Ok(None),
    }
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

fn below(dir: &str, name: &str) -> String {
    match (dir, name) {
        ("", name) => name.to_owned(),
        (dir, "") => dir.to_owned(),
        (dir, name) => format!("{dir}/{name}"),
    }
}

/// Series by their metric's name; one that several metrics files have is `<file>:<metric>`, as `dvc metrics show` and
/// `dvc exp show` have it.
fn series(metrics: Vec<Metric>) -> Vec<SeriesDelta> {
    let mut origins: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for metric in &metrics {
        origins.entry(&metric.name).or_default().insert(&metric.origin);
    }
    let shared: HashSet<String> =
        origins.iter().filter(|(_, of)| of.len() > 1).map(|(name, _)| (*name).to_owned()).collect();
    let one = |metric: Metric| {
        let name = match shared.contains(&metric.name) {
            true => place::clean_name(format!("{}:{}", metric.origin, metric.name).as_bytes()),
            false => metric.name,
        };
        SeriesDelta { metric: name, part: metric.part, points: metric.points, reset: false }
    };
    metrics.into_iter().map(one).collect()
}

/// Parameters by name; one that several files have, and not all alike, is `<file>:<name>`.
fn unlike(params: Vec<Param>) -> Vec<(String, ParamValue)> {
    let mut first: BTreeMap<String, ParamValue> = BTreeMap::new();
    let mut unlike: HashSet<String> = HashSet::new();
    for param in &params {
        let known = first.entry(param.name.clone()).or_insert_with(|| param.value.clone());
        if *known != param.value {
            unlike.insert(param.name.clone());
        }
    }
    let mut told = BTreeMap::new();
    for param in params {
        let name = match unlike.contains(&param.name) {
            true => place::clean_name(format!("{}:{}", param.origin, param.name).as_bytes()),
            false => param.name,
        };
        told.insert(name, param.value);
    }
    told.into_iter().collect()
}
