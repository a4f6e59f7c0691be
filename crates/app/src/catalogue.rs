//! A project's runs in memory: what the table, the filter and the charts ask of them.
//!
//! Loaded from the store when the project is opened, and patched run by run as the watcher commits.

use crate::goal::goal;
use crate::wire::{Goal, RunState, Stat};
use signalbox_store::{MetricSummary, RunRow};
use signalbox_types::{Format, MetricId, ParamValue, RunId, SourceId};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a run comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub format: Format,
    /// Relative to the project, `/` between parts, for people.
    pub path: Arc<str>,
    /// The same as the file system has it.
    pub rel: std::path::PathBuf,
    pub gone: bool,
}

/// A run as the table sees it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub row: RunRow,
    pub origin: Origin,
    pub name: String,
    pub state: RunState,
    pub state_why: Arc<str>,
    pub color: u8,
    pub dash: u8,
    pub n_problems: usize,
}

impl Run {
    pub fn metric(&self, id: MetricId) -> Option<&MetricSummary> {
        self.row.metrics.binary_search_by_key(&id, |m| m.metric).ok().map(|i| &self.row.metrics[i])
    }

    pub fn param(&self, name: &str) -> Option<&ParamValue> {
        lookup(&self.row.params, name)
    }

    pub fn tag(&self, name: &str) -> Option<&String> {
        lookup(&self.row.tags, name)
    }

    pub fn n_points(&self) -> u64 {
        self.row.metrics.iter().map(|m| m.n).sum()
    }

    /// Seconds; of a run that has not ended, up to its last sign.
    pub fn duration(&self) -> Option<f64> {
        let started = self.started()?;
        let ended = self.row.ended.or_else(|| self.last_time())?;
        (ended >= started).then_some(ended - started)
    }

    pub fn started(&self) -> Option<f64> {
        self.row.started.or_else(|| {
            self.row.metrics.iter().map(|m| m.first_time).filter(|t| t.is_finite() && *t > 0.0).reduce(f64::min)
        })
    }

    /// The time of the newest point, by the writer's clock.
    pub fn last_time(&self) -> Option<f64> {
        self.row.metrics.iter().map(|m| m.last_time).filter(|t| t.is_finite() && *t > 0.0).reduce(f64::max)
    }

    pub fn hidden(&self) -> bool {
        self.row.annotation.as_ref().is_some_and(|a| a.hidden)
    }

    /// The id that people and other tools know the run by.
    pub fn own_id(&self) -> &str {
        if self.row.key.is_empty() { &self.origin.path } else { &self.row.key }
    }
}

/// Lists from the store are sorted by name.
fn lookup<'a, T>(list: &'a [(String, T)], name: &str) -> Option<&'a T> {
    list.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok().map(|i| &list[i].1)
}

/// A metric's number that a column shows; `None` where the run has none.
pub(crate) fn stat(m: &MetricSummary, stat: Stat, goal: Option<Goal>) -> Option<f64> {
    let value = match (stat, goal) {
        (Stat::Last, _) => return Some(m.last),
        (Stat::Min, _) | (Stat::Best, Some(Goal::Min)) => m.min,
        (Stat::Max, _) | (Stat::Best, Some(Goal::Max)) => m.max,
        (Stat::Best, None) => return None,
    };
    // No finite value at all: what there is, is the answer.
    if value.is_nan() { Some(m.last) } else { Some(value) }
}

pub(crate) struct Catalogue {
    /// Changes with every change of a run.
    pub version: u32,
    /// Ascending by id.
    pub runs: Vec<Run>,
    pub project_name: String,
    names: HashMap<MetricId, Arc<str>>,
    ids: HashMap<Arc<str>, MetricId>,
    goals: HashMap<MetricId, Option<Goal>>,
    origins: HashMap<SourceId, Origin>,
}

impl Catalogue {
    pub fn new(project_name: String) -> Self {
        Self {
            version: 1,
            runs: Vec::new(),
            project_name,
            names: HashMap::new(),
            ids: HashMap::new(),
            goals: HashMap::new(),
            origins: HashMap::new(),
        }
    }

    pub fn set_metric_names(&mut self, names: Vec<(MetricId, String)>) {
        for (id, name) in names {
            if self.names.contains_key(&id) {
                continue;
            }
            let name: Arc<str> = name.into();
            self.goals.insert(id, goal(&name));
            self.ids.insert(name.clone(), id);
            self.names.insert(id, name);
        }
    }

    /// Where runs come from.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.origins.values()
    }

    pub fn set_origins(&mut self, origins: HashMap<SourceId, Origin>) {
        for run in &mut self.runs {
            if let Some(origin) = origins.get(&run.row.source) {
                run.origin = origin.clone();
            }
        }
        self.origins = origins;
        self.version += 1;
    }

    pub fn knows_source(&self, source: SourceId) -> bool {
        self.origins.contains_key(&source)
    }

    pub fn metric_name(&self, id: MetricId) -> &str {
        self.names.get(&id).map_or("", |n| n)
    }

    pub fn metric_id(&self, name: &str) -> Option<MetricId> {
        self.ids.get(name).copied()
    }

    pub fn knows_metrics(&self, ids: impl IntoIterator<Item = MetricId>) -> bool {
        ids.into_iter().all(|id| self.names.contains_key(&id))
    }

    pub fn goal(&self, id: MetricId) -> Option<Goal> {
        self.goals.get(&id).copied().flatten()
    }

    pub fn get(&self, id: RunId) -> Option<&Run> {
        self.runs.binary_search_by_key(&id, |r| r.row.id).ok().map(|i| &self.runs[i])
    }

    pub fn by_key(&self, source: SourceId, key: &str) -> Option<&Run> {
        self.runs.iter().find(|r| r.row.source == source && r.row.key == key)
    }

    /// Puts rows in, new or changed; their state is what it was until the next look at them.
    pub fn upsert(&mut self, rows: Vec<RunRow>) {
        if rows.is_empty() {
            return;
        }
        for mut row in rows {
            row.metrics.sort_unstable_by_key(|m| m.metric);
            row.params.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            row.tags.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let Some(origin) = self.origins.get(&row.source).cloned() else { continue };
            let name = display_name(&row, &origin, &self.project_name);
            match self.runs.binary_search_by_key(&row.id, |r| r.row.id) {
                Ok(i) => {
                    let run = &mut self.runs[i];
                    run.name = name;
                    run.origin = origin;
                    run.row = row;
                    colour(run, i);
                }
                Err(i) => {
                    let state = RunState::Stopped;
                    let mut run =
                        Run { row, origin, name, state, state_why: "".into(), color: 0, dash: 0, n_problems: 0 };
                    colour(&mut run, i);
                    self.runs.insert(i, run);
                }
            }
        }
        self.version += 1;
    }

    /// Takes runs out that the store no longer has.
    pub fn remove(&mut self, ids: &[RunId]) {
        self.runs.retain(|r| !ids.contains(&r.row.id));
        self.version += 1;
    }
}

/// Ten colours, then the same with the next of four dashes; by the order of arrival, so that a run keeps its own.
fn colour(run: &mut Run, ordinal: usize) {
    let own = run.row.annotation.as_ref().and_then(|a| a.color);
    run.color = own.map_or((ordinal % 10) as u8, |c| (c % 10) as u8);
    run.dash = if own.is_some() { 0 } else { (ordinal / 10 % 4) as u8 };
}

/// The user's name for it, else the tool's, else where it lies.
fn display_name(row: &RunRow, origin: &Origin, project: &str) -> String {
    if let Some(name) = row.annotation.as_ref().and_then(|a| a.name.clone()) {
        return name;
    }
    if let Some(name) = row.name.as_ref().filter(|n| !n.trim().is_empty()) {
        return name.clone();
    }
    let path = origin.path.trim_matches('/');
    let place = match origin.format {
        Format::LightningCsv | Format::Ultralytics => path.rsplit_once('/').map_or("", |(dir, _)| dir),
        Format::Csv | Format::Jsonl => match path.rsplit_once('/') {
            // A file of a general name is known by its folder.
            Some((dir, "metrics.csv" | "metrics.jsonl" | "progress.csv" | "log.csv" | "history.csv")) => dir,
            _ => path,
        },
        _ if !row.key.is_empty() => &row.key,
        _ => path,
    };
    if place.is_empty() || place == "." { project.to_owned() } else { place.to_owned() }
}
