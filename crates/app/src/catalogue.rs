//! A project's runs in memory: what the table, the filter and the charts ask of them.
//!
//! Loaded from the store when the project is opened, and patched run by run as the watcher commits.

use crate::goal::goal;
use crate::merge::{self, ByHand, Member, Whole};
use crate::wire::{Goal, RunState, Stat};
use signalbox_store::{MetricSummary, RunRow};
use signalbox_types::{Format, MetricId, ParamValue, RunId, SourceId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which records are one is asked at most so often, and for at most this share of the time.
const REGROUP_GAP: Duration = Duration::from_millis(500);
const REGROUP_SHARE: u32 = 50;

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
    /// Where several records tell of it.
    pub whole: Option<Arc<Whole>>,
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

    /// Whether a person or a tool gave it a name: else it is called by its place, by us or by its reader.
    pub fn is_named(&self) -> bool {
        let is_name = |name: &String| !name.trim().is_empty() && !is_below(&self.origin.path, name);
        self.row.annotation.as_ref().is_some_and(|a| a.name.is_some()) || self.row.name.as_ref().is_some_and(is_name)
    }

    /// The id that people and other tools know the run by.
    pub fn own_id(&self) -> &str {
        if self.row.key.is_empty() { &self.origin.path } else { &self.row.key }
    }
}

/// Whether `path` is `dir` or lies below it.
pub(crate) fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
    /// Records that are one run with others, by themselves: `runs` has them together.
    parts: BTreeMap<RunId, Run>,
    groups: Vec<Vec<Member>>,
    /// The run that shows a record.
    shown: HashMap<RunId, RunId>,
    by_hand: ByHand,
    /// Records have come or changed since it was last asked which are one.
    is_stale: bool,
    regroup_at: Option<Instant>,
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
            parts: BTreeMap::new(),
            groups: Vec::new(),
            shown: HashMap::new(),
            by_hand: ByHand::default(),
            is_stale: false,
            regroup_at: None,
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
        for run in self.runs.iter_mut().chain(self.parts.values_mut()) {
            if let Some(origin) = origins.get(&run.row.source) {
                run.origin = origin.clone();
            }
        }
        self.origins = origins;
        self.put_together(|_| true);
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

    /// A run; by a record of it, the run that shows it.
    pub fn get(&self, id: RunId) -> Option<&Run> {
        let id = self.shown(id);
        self.runs.binary_search_by_key(&id, |r| r.row.id).ok().map(|i| &self.runs[i])
    }

    /// The run that shows a record.
    pub fn shown(&self, id: RunId) -> RunId {
        self.shown.get(&id).copied().unwrap_or(id)
    }

    /// What one source tells of a run.
    pub fn record(&self, id: RunId) -> Option<&Run> {
        self.parts.get(&id).or_else(|| self.get(id).filter(|run| run.whole.is_none()))
    }

    /// All of that, of all runs.
    pub fn records(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.whole.is_none()).chain(self.parts.values())
    }

    pub fn by_key(&self, source: SourceId, key: &str) -> Option<&Run> {
        let found = self.records().find(|r| r.row.source == source && r.row.key == key)?;
        self.get(found.row.id)
    }

    /// Puts rows in, new or changed; their state is what it was until the next look at them.
    pub fn upsert(&mut self, rows: Vec<RunRow>) {
        if rows.is_empty() {
            return;
        }
        self.is_stale = true;
        let mut changed = HashSet::new();
        for mut row in rows {
            row.metrics.sort_unstable_by_key(|m| m.metric);
            row.params.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            row.tags.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let Some(origin) = self.origins.get(&row.source).cloned() else { continue };
            let name = display_name(&row, &origin, &self.project_name);
            if let Some(part) = self.parts.get_mut(&row.id) {
                (part.name, part.origin, part.row) = (name, origin, row);
                colour_of_own(part);
                changed.insert(part.row.id);
                continue;
            }
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
                    let mut run = Run {
                        row,
                        origin,
                        name,
                        state,
                        state_why: "".into(),
                        color: 0,
                        dash: 0,
                        n_problems: 0,
                        whole: None,
                    };
                    colour(&mut run, i);
                    self.runs.insert(i, run);
                }
            }
        }
        self.put_together(|group| group.iter().any(|member| changed.contains(&member.id)));
        self.version += 1;
    }

    /// Makes the runs of some groups anew from their records.
    fn put_together(&mut self, is_wanted: impl Fn(&[Member]) -> bool) {
        for group in self.groups.iter().filter(|group| is_wanted(group)) {
            let parts: Vec<&Run> = group.iter().filter_map(|member| self.parts.get(&member.id)).collect();
            let Ok(at) = self.runs.binary_search_by_key(&group[0].id, |run| run.row.id) else { continue };
            let old = &self.runs[at];
            let (state, state_why, n_problems) = (old.state, old.state_why.clone(), old.n_problems);
            self.runs[at] = Run { state, state_why, n_problems, ..merge::whole(group, &parts) };
        }
    }

    /// What a person has said of records that are one run, or are not.
    pub fn set_by_hand(&mut self, by_hand: ByHand) {
        self.by_hand = by_hand;
    }

    pub fn by_hand(&self) -> &ByHand {
        &self.by_hand
    }

    /// Finds out which records are one training; whether that has changed.
    pub fn regroup(&mut self) -> bool {
        let groups = {
            let records: Vec<&Run> = self.records().collect();
            merge::groups(&records, &self.by_hand, |metric| self.metric_name(metric).to_owned())
        };
        self.is_stale = false;
        let is_news = groups != self.groups;
        if is_news {
            self.arrange(groups);
        }
        is_news
    }

    /// The same where enough has changed, and not so often that it is felt.
    pub fn regroup_if_due(&mut self) -> bool {
        if !self.is_stale || self.regroup_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let begun = Instant::now();
        let is_news = self.regroup();
        self.regroup_at = Some(Instant::now() + REGROUP_GAP.max(begun.elapsed() * REGROUP_SHARE));
        is_news
    }

    fn arrange(&mut self, groups: Vec<Vec<Member>>) {
        let singles = std::mem::take(&mut self.runs).into_iter().filter(|run| run.whole.is_none());
        let mut all: BTreeMap<RunId, Run> = singles.map(|run| (run.row.id, run)).collect();
        all.append(&mut self.parts);
        self.shown.clear();
        for group in &groups {
            for member in group {
                self.shown.insert(member.id, group[0].id);
                self.parts.extend(all.remove(&member.id).map(|run| (member.id, run)));
            }
            // Its place; what it is, is made of all of them.
            all.extend(self.parts.get(&group[0].id).map(|run| (group[0].id, run.clone())));
        }
        self.runs = all.into_values().collect();
        self.groups = groups;
        self.put_together(|_| true);
        self.version += 1;
    }

    /// Says of each run how many problems its sources have.
    pub fn set_problems(&mut self, of_source: impl Fn(SourceId) -> usize) {
        for run in self.runs.iter_mut().filter(|run| run.whole.is_none()).chain(self.parts.values_mut()) {
            run.n_problems = of_source(run.row.source);
        }
        for run in self.runs.iter_mut().filter(|run| run.whole.is_some()) {
            let sources: HashSet<SourceId> =
                run.records().iter().filter_map(|id| Some(self.parts.get(id)?.row.source)).collect();
            run.n_problems = sources.into_iter().map(&of_source).sum();
        }
        self.version += 1;
    }

    /// Takes runs out that the store no longer has.
    pub fn remove(&mut self, ids: &[RunId]) {
        self.runs.retain(|r| r.whole.is_some() || !ids.contains(&r.row.id));
        let n = self.parts.len();
        self.parts.retain(|id, _| !ids.contains(id));
        if self.parts.len() < n {
            // What is left of a group may be none.
            let is_left = |group: &Vec<Member>| group.iter().all(|member| self.parts.contains_key(&member.id));
            let groups = self.groups.iter().filter(|group| is_left(group)).cloned().collect();
            self.arrange(groups);
            self.is_stale = true;
        }
        self.version += 1;
    }
}

/// Ten colours, then the same with the next of four dashes; by the order of arrival, so that a run keeps its own.
fn colour(run: &mut Run, ordinal: usize) {
    let own = run.row.annotation.as_ref().and_then(|a| a.color);
    run.color = own.map_or((ordinal % 10) as u8, |c| (c % 10) as u8);
    run.dash = if own.is_some() { 0 } else { (ordinal / 10 % 4) as u8 };
}

/// A record's own colour, where a person chose one; else it keeps what it had.
fn colour_of_own(run: &mut Run) {
    if let Some(own) = run.row.annotation.as_ref().and_then(|a| a.color) {
        (run.color, run.dash) = ((own % 10) as u8, 0);
    }
}

/// The user's name for it, else the tool's, else where it lies.
fn display_name(row: &RunRow, origin: &Origin, project: &str) -> String {
    if let Some(name) = row.annotation.as_ref().and_then(|a| a.name.clone()) {
        return name;
    }
    // A reader that knows no name gives the path: which part of it says something is decided here.
    if let Some(name) = row.name.as_ref().filter(|n| !n.trim().is_empty() && ***n != *origin.path) {
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
