//! Which records are one training: W&B beside TensorBoard beside MLflow, event files in a Hydra output.
//!
//! A record is what one source tells of one run. Two records are one training if
//! - a person says so;
//! - one is a container (Hydra's output directory, Guild's run) and the other is the only training that lies in it; or
//! - tools of two kinds wrote the same series, to the 32 bits that some of them keep: as many points, the same last, least
//!   and greatest value, of three points at least that are not all alike, under names that fit; and nothing speaks against
//!   it: they were begun within two minutes of each other, or by the same process, or, where one does not know when, one
//!   lies in the folder of the other.
//!
//! A training that was repeated with the same seed has the same series and another start. Where two records of one tool
//! would fit, the nearer by start is taken, and none where that is not known. What a person has split stays apart.

mod by_hand;
mod whole;

pub(crate) use by_hand::pref_of;
pub(crate) use whole::{Differs, Whole, whole};

use crate::catalogue::Run;
use signalbox_store::MetricSummary;
use signalbox_types::{Format, MetricId, RunId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Seconds between the starts of two records of one training: libraries are loaded in between.
const NEAR_SECS: f64 = 120.0;
/// Fewer points are alike by chance.
const MIN_POINTS: u64 = 3;
/// Series of so many records that look alike are no sign: a metric that is 0 and then 1.
const MAX_ALIKE: usize = 8;

/// What a person has said: records by [`own_key`].
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ByHand {
    /// Those of a list are one.
    #[serde(default)]
    pub joined: Vec<Vec<String>>,
    /// Each stands alone.
    #[serde(default)]
    pub split: BTreeSet<String>,
}

/// A record that is one training with others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub id: RunId,
    /// For a person, as a clause: "it has the same train/loss".
    pub why: String,
}

/// Names a record for good: ids change when everything is read anew.
pub(crate) fn own_key(run: &Run) -> String {
    format!("{}\n{}\n{}", run.origin.format.name(), run.origin.path, run.row.key)
}

/// Groups of two records and more, the one that stands for the others first. `name` tells a metric's name.
pub(crate) fn groups(records: &[&Run], by_hand: &ByHand, name: impl Fn(MetricId) -> String) -> Vec<Vec<Member>> {
    let mut joins = Joins::new(records, by_hand);
    joins.by_hand(by_hand);
    if records.windows(2).any(|pair| pair[0].origin.format != pair[1].origin.format) {
        joins.by_series(name);
        joins.by_container();
    }
    joins.groups()
}

struct Joins<'a> {
    records: &'a [&'a Run],
    keys: Vec<Option<String>>,
    /// Apart from all others, by a person's word.
    split: Vec<bool>,
    parent: Vec<usize>,
    why: HashMap<usize, String>,
}

impl<'a> Joins<'a> {
    fn new(records: &'a [&'a Run], by_hand: &ByHand) -> Self {
        let asks = !(by_hand.joined.is_empty() && by_hand.split.is_empty());
        let keys: Vec<Option<String>> = records.iter().map(|run| asks.then(|| own_key(run))).collect();
        let split = keys.iter().map(|key| key.as_ref().is_some_and(|key| by_hand.split.contains(key))).collect();
        Joins { records, keys, split, parent: (0..records.len()).collect(), why: HashMap::new() }
    }

    fn root(&self, mut at: usize) -> usize {
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    /// `why` is said of the one that does not stand for both.
    fn join(&mut self, a: usize, b: usize, why: &str) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (first, second) = if self.rank(a) <= self.rank(b) { (a, b) } else { (b, a) };
        self.parent[second] = first;
        self.why.entry(second).or_insert_with(|| why.to_owned());
    }

    /// Who stands for the others: who says most of a run's state and name, and came first.
    fn rank(&self, at: usize) -> (u8, RunId) {
        let rank = match self.records[at].origin.format {
            Format::MlflowFile | Format::MlflowFileRegistry | Format::MlflowSqlite => 0,
            Format::Wandb | Format::Swanlab | Format::Sacred => 1,
            Format::Trackio | Format::OptunaSqlite | Format::OptunaJournal => 2,
            Format::Tensorboard => 3,
            Format::Guild | Format::Hydra => 9,
            Format::Console => 8,
            _ => 4,
        };
        (rank, self.records[at].row.id)
    }

    fn by_hand(&mut self, by_hand: &ByHand) {
        let at: HashMap<&str, usize> =
            self.keys.iter().enumerate().filter_map(|(i, key)| Some((key.as_deref()?, i))).collect();
        let lists: Vec<Vec<usize>> = by_hand
            .joined
            .iter()
            .map(|list| list.iter().filter_map(|key| at.get(key.as_str()).copied()).collect())
            .collect();
        for list in lists {
            for pair in list.windows(2) {
                self.join(pair[0], pair[1], "you said so");
            }
        }
    }

    fn by_series(&mut self, name: impl Fn(MetricId) -> String) {
        let mut alike: HashMap<[u64; 2], Vec<(usize, MetricId)>> = HashMap::new();
        for (at, run) in self.records.iter().enumerate().filter(|(at, _)| !self.split[*at]) {
            for metric in &run.row.metrics {
                if let Some(print) = print(metric) {
                    alike.entry(print).or_default().push((at, metric.metric));
                }
            }
        }
        // By pair of records: a metric that both have. Of each, and each kind of other, the nearest.
        let mut found: BTreeMap<(usize, usize), String> = BTreeMap::new();
        for list in alike.values().filter(|list| (2..=MAX_ALIKE).contains(&list.len())) {
            for (i, &(a, metric)) in list.iter().enumerate() {
                for &(b, other) in &list[i + 1..] {
                    let (one, two) = (self.records[a], self.records[b]);
                    if tool(one) == tool(two) || !are_near(one, two) {
                        continue;
                    }
                    let names = (name(metric), name(other));
                    if is_same_name(&names.0, &names.1) {
                        // Of several the first by name: the map that they stand in has no order.
                        let known = found.entry((a.min(b), a.max(b))).or_insert_with(|| names.0.clone());
                        if names.0 < *known {
                            *known = names.0;
                        }
                    }
                }
            }
        }
        let mut best: HashMap<(usize, &str), Vec<(f64, usize)>> = HashMap::new();
        for &(a, b) in found.keys() {
            let apart = apart(self.records[a], self.records[b]);
            best.entry((a, tool(self.records[b]))).or_default().push((apart, b));
            best.entry((b, tool(self.records[a]))).or_default().push((apart, a));
        }
        let is_best = |of: usize, other: usize| {
            let list = &best[&(of, tool(self.records[other]))];
            let own = list.iter().find(|(_, at)| *at == other).map_or(f64::INFINITY, |(apart, _)| *apart);
            list.len() == 1 || list.iter().filter(|(apart, _)| *apart <= own).count() == 1
        };
        let chosen: Vec<((usize, usize), String)> = found
            .iter()
            .filter(|((a, b), _)| is_best(*a, *b) && is_best(*b, *a))
            .map(|(k, v)| (*k, v.clone()))
            .collect();
        for ((a, b), metric) in chosen {
            self.join(a, b, &format!("it has the same {metric}"));
        }
    }

    fn by_container(&mut self) {
        let of_format = |run: &Run| is_container(run.origin.format);
        let containers: HashMap<PathBuf, usize> = (self.records.iter().enumerate())
            .filter(|(at, run)| of_format(run) && !self.split[*at])
            .map(|(at, run)| (place(run), at))
            .collect();
        if containers.is_empty() {
            return;
        }
        let mut inside: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (at, run) in self.records.iter().enumerate() {
            if of_format(run) || self.split[at] {
                continue;
            }
            let place = place(run);
            if let Some(container) = place.ancestors().find_map(|above| containers.get(above)) {
                inside.entry(*container).or_default().insert(self.root(at));
            }
        }
        for (container, trainings) in inside {
            if trainings.len() == 1 {
                let tool = self.records[container].origin.format.title();
                for at in trainings {
                    self.join(container, at, &format!("{tool} has put it into one folder with the rest"));
                }
            }
        }
    }

    fn groups(self) -> Vec<Vec<Member>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.records.len() {
            let root = self.root(at);
            if root != at {
                groups.entry(root).or_insert_with(|| vec![root]).push(at);
            }
        }
        let member =
            |at: usize| Member { id: self.records[at].row.id, why: self.why.get(&at).cloned().unwrap_or_default() };
        let sorted = |mut list: Vec<usize>| {
            list.sort_by_key(|at| self.rank(*at));
            list.into_iter().map(member).collect()
        };
        groups.into_values().map(sorted).collect()
    }
}

/// A run that holds others' records and has no curves itself.
fn is_container(format: Format) -> bool {
    matches!(format, Format::Guild | Format::Hydra)
}

/// The directory of a record, below the project.
fn place(run: &Run) -> PathBuf {
    let rel = run.origin.rel.as_path();
    // A sweep's runs lie below it, by their names; its own key is a file's.
    let below = Path::new(&run.row.key);
    let is_child = run.origin.format == Format::Hydra && run.row.parent_key.is_some();
    if is_child && below.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        return rel.join(below);
    }
    if run.origin.format.is_of_a_file() { rel.parent().unwrap_or(Path::new("")).to_owned() } else { rel.to_owned() }
}

/// Two of one tool's stores that hold the same were copied, or written twice on purpose: they stay apart.
fn tool(run: &Run) -> &'static str {
    run.origin.format.title()
}

/// What two records of one series have in common.
fn print(metric: &MetricSummary) -> Option<[u64; 2]> {
    let is_varied = metric.min < metric.max && metric.last.is_finite();
    if metric.n < MIN_POINTS || !is_varied || metric.line_empty {
        return None;
    }
    let bits = |x: f64| u64::from((x as f32).to_bits());
    Some([bits(metric.min) << 32 | bits(metric.max), bits(metric.last) << 32 | metric.n & 0xffff_ffff])
}

/// `loss`, `train/loss` and `train_loss` are names of one thing.
fn is_same_name(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace(['/', '.', '-', ' '], "_");
    let (a, b) = (plain(a), plain(b));
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short == long || long.strip_suffix(&short).is_some_and(|rest| rest.ends_with('_'))
}

/// Seconds between two starts; infinite where one is not known.
fn apart(a: &Run, b: &Run) -> f64 {
    match (a.started(), b.started()) {
        (Some(a), Some(b)) => (a - b).abs(),
        _ => f64::INFINITY,
    }
}

fn are_near(a: &Run, b: &Run) -> bool {
    if a.row.source == b.row.source {
        return false;
    }
    let apart = apart(a, b);
    if apart.is_finite() {
        return apart <= NEAR_SECS || a.row.pid.is_some() && a.row.pid == b.row.pid;
    }
    let (a, b) = (place(a), place(b));
    // The project's own folder holds everything.
    let is_in = |inner: &Path, outer: &Path| !outer.as_os_str().is_empty() && inner.starts_with(outer);
    a == b || is_in(&a, &b) || is_in(&b, &a)
}

#[cfg(test)]
pub(crate) mod tests;
