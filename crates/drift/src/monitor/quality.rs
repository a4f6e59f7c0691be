//! How well the model does in a cell: predictions beside the labels that are in.

use super::Definition;
use super::cell::Cell;
use super::labels::{Labels, Texts};
use crate::fairness::{Groups, crossed};
use crate::quality::estimate::CalledScores;
use crate::quality::{Confusion, Errors, LabelsIn, Scores};
use crate::read::{Batch, Kind, Rows, Table};
use arrow::array::Array;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Counts of rows, by what the model said and what was so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QualityCell {
    pub labels: LabelsIn,
    /// By what was said alone, labelled or not.
    pub called: BTreeMap<String, u64>,
    pub confusion: Confusion,
    /// Of the labelled rows: the score, and whether it is of the positive class; of more classes, how sure the model was of
    /// what it said, and whether that was right.
    pub scores: Option<Box<Scores>>,
    /// The same of all rows.
    pub called_scores: Option<Box<CalledScores>>,
    pub errors: Option<Box<Errors>>,
    /// By attribute, and by all of them crossed.
    pub groups: BTreeMap<String, Groups>,
}

impl QualityCell {
    pub fn merge(&mut self, other: &QualityCell) {
        self.labels.merge(other.labels);
        other.called.iter().for_each(|(name, n)| *self.called.entry(name.clone()).or_default() += n);
        self.confusion.merge(&other.confusion);
        if let Some(scores) = &other.scores {
            self.scores.get_or_insert_default().merge(scores);
        }
        if let Some(scores) = &other.called_scores {
            self.called_scores.get_or_insert_default().merge(scores);
        }
        if let Some(errors) = &other.errors {
            self.errors.get_or_insert_default().merge(errors);
        }
        for (attribute, groups) in &other.groups {
            self.groups.entry(attribute.clone()).or_default().merge(groups);
        }
    }
}

/// What is judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    pub prediction: Option<String>,
    pub label: Option<String>,
    pub id: Option<String>,
    pub score: Option<String>,
    /// Where no score is named: the columns of the classes' probabilities, by class.
    pub confidences: BTreeMap<String, String>,
    pub positive: Option<String>,
    pub is_regression: bool,
    pub groups: Vec<String>,
    pub min_group: u64,
}

/// Groups with fewer labelled rows are not judged, unless said otherwise.
const MIN_GROUP: u64 = 50;
/// More different labels than this are numbers, not classes.
const MAX_CLASSES: usize = 20;

impl Task {
    /// The reference tells what kind of labels there are.
    pub fn of(definition: &Definition, reference: &Table) -> Task {
        let label = definition.label.clone();
        let at = label.as_ref().and_then(|name| reference.column(name).ok());
        let mut classes: Vec<String> = Vec::new();
        let mut is_regression = false;
        if let Some(at) = at {
            let (found, _) = crate::pair::gathered(reference, &[at]);
            match &found[0].held {
                crate::gather::Held::Numbers(values) => match crate::Bins::of_few(values) {
                    Some(crate::Bins::Values(values)) if values.len() <= MAX_CLASSES => {
                        classes = values.iter().map(f64::to_string).collect();
                    }
                    _ => is_regression = reference.columns()[at].kind == Kind::Numeric,
                },
                crate::gather::Held::Levels(levels) => {
                    classes = levels.rows.keys().map(|level| level.to_string()).collect();
                    classes.sort();
                }
                _ => {}
            }
        }
        let positive = definition.positive.clone();
        let positive = positive.or_else(|| if classes.len() == 2 { classes.last().cloned() } else { None });
        let confidences = if definition.score.is_none() { confidences(reference, &classes) } else { BTreeMap::new() };
        Task {
            prediction: definition.prediction.clone(),
            label,
            id: definition.id.clone(),
            score: definition.score.clone(),
            confidences,
            positive,
            is_regression,
            groups: definition.groups.clone(),
            min_group: definition.min_group.unwrap_or(MIN_GROUP),
        }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        let single = self.prediction.iter().chain(&self.label).chain(&self.id).chain(&self.score);
        single.chain(self.confidences.values()).chain(&self.groups)
    }

    /// Those of its columns that a table has.
    pub fn columns(&self, table: &Table) -> Vec<usize> {
        if self.prediction.is_none() {
            return Vec::new();
        }
        self.names().filter_map(|name| table.column(name).ok()).collect()
    }

    pub fn seats(&self, table: &Table, wanted: &[usize]) -> Seats {
        let seat = |name: &String| table.column(name).ok().and_then(|at| wanted.binary_search(&at).ok());
        Seats {
            prediction: self.prediction.as_ref().and_then(seat),
            label: self.label.as_ref().and_then(seat),
            id: self.id.as_ref().and_then(seat),
            score: self.score.as_ref().and_then(seat),
            confidences: self
                .confidences
                .iter()
                .filter_map(|(class, name)| Some((class.clone(), seat(name)?)))
                .collect(),
            groups: self.groups.iter().map(seat).collect(),
        }
    }
}

/// `proba_CLASS`, `prob_CLASS`, `score_CLASS`, `p_CLASS`, of each class.
fn confidences(table: &Table, classes: &[String]) -> BTreeMap<String, String> {
    for prefix in ["proba_", "prob_", "probability_", "score_", "p_"] {
        let of = |class: &String| Some((class.clone(), table.column(&format!("{prefix}{class}")).ok()?));
        let found: Vec<(String, usize)> = classes.iter().filter_map(of).collect();
        if !found.is_empty() && found.len() == classes.len() {
            return found.into_iter().map(|(class, at)| (class, table.columns()[at].name.clone())).collect();
        }
    }
    BTreeMap::new()
}

/// Where a batch has the task's columns.
pub struct Seats {
    prediction: Option<usize>,
    label: Option<usize>,
    id: Option<usize>,
    score: Option<usize>,
    confidences: Vec<(String, usize)>,
    groups: Vec<Option<usize>>,
}

/// Adds a batch's rows; returns how many have no label yet.
pub fn add(cells: &mut [&mut Cell], slots: &[u32], task: &Task, seats: &Seats, labels: &Labels, batch: &Batch) -> u64 {
    let column = |at: Option<usize>| at.and_then(|at| batch.columns[at].as_ref());
    let texts = |at: Option<usize>| column(at).map(|column| Texts::of(column, batch.n_rows));
    let Some(called) = texts(seats.prediction) else { return 0 };
    let (own, ids) = (texts(seats.label), texts(seats.id));
    let numbers = |at: Option<usize>| match column(at).map(Rows::of) {
        Some(Rows::Numbers(values)) => Some(values),
        _ => None,
    };
    let score = numbers(seats.score);
    let confidences: HashMap<&str, _> =
        seats.confidences.iter().filter_map(|(class, at)| Some((&**class, numbers(Some(*at))?))).collect();
    let groups: Vec<Option<Texts>> = seats.groups.iter().map(|at| texts(*at)).collect();
    let mut pairs: HashMap<(u32, &str, &str), u64> = HashMap::new();
    let mut calls: HashMap<(u32, &str), u64> = HashMap::new();
    let mut unlabelled = 0;
    for (row, slot) in slots.iter().enumerate().filter(|(_, slot)| **slot != u32::MAX) {
        let quality = cells[*slot as usize].quality.get_or_insert_default();
        let Some(said) = called.at(row) else { continue };
        quality.labels.seen += 1;
        let late = || ids.as_ref().and_then(|ids| ids.at(row)).and_then(|id| labels.of(id));
        let label = own.as_ref().and_then(|own| own.at(row)).or_else(late);
        match label {
            Some(_) => quality.labels.labelled += 1,
            None => unlabelled += 1,
        }
        if task.is_regression {
            if let (Ok(said), Some(Ok(truth))) = (said.parse::<f64>(), label.map(str::parse::<f64>)) {
                quality.errors.get_or_insert_default().add(truth, said);
            }
            continue;
        }
        *calls.entry((*slot, said)).or_default() += 1;
        let value = |values: &arrow::array::Float64Array| values.is_valid(row).then(|| values.value(row));
        // (the score, what it was for was called, it was so).
        let scored = match (&score, &task.positive) {
            (Some(score), Some(positive)) => {
                value(score).map(|score| (score, said == positive, label.map(|label| label == positive)))
            }
            _ => confidences.get(said).and_then(value).map(|score| (score, true, label.map(|label| label == said))),
        };
        if let Some((score, is_called, is_so)) = scored {
            quality.called_scores.get_or_insert_default().add(score, is_called);
            if let Some(is_so) = is_so {
                quality.scores.get_or_insert_default().add(score, is_so);
            }
        }
        let Some(label) = label else { continue };
        *pairs.entry((*slot, label, said)).or_default() += 1;
        // Without a positive class: whether the model is right.
        let (is_so, is_called) = match &task.positive {
            Some(positive) => (label == positive, said == positive),
            None => (true, label == said),
        };
        let mut names = Vec::with_capacity(groups.len());
        for (attribute, texts) in task.groups.iter().zip(&groups) {
            let name = texts.as_ref().and_then(|texts| texts.at(row)).unwrap_or("(none)");
            names.push(name);
            put(&mut quality.groups, attribute, name, is_so, is_called);
        }
        if names.len() > 1 {
            put(&mut quality.groups, &task.groups.join(" × "), &crossed(&names), is_so, is_called);
        }
    }
    for ((slot, label, said), n) in pairs {
        let quality = cells[slot as usize].quality.get_or_insert_default();
        quality.confusion.add_rows(label, said, n);
    }
    for ((slot, said), n) in calls {
        let quality = cells[slot as usize].quality.get_or_insert_default();
        *quality.called.entry(said.to_owned()).or_default() += n;
    }
    unlabelled
}

fn put(groups: &mut BTreeMap<String, Groups>, attribute: &str, name: &str, is_so: bool, is_called: bool) {
    if !groups.contains_key(attribute) {
        groups.insert(attribute.to_owned(), Groups::default());
    }
    if let Some(groups) = groups.get_mut(attribute) {
        groups.add(name, is_so, is_called);
    }
}
