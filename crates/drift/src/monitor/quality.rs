//! How well the model does in a cell: predictions beside the labels that are in.

use super::Definition;
use super::cell::Cell;
use super::labels::{Labels, Texts};
use super::segments::OTHERS;
use crate::fairness::{Groups, crossed};
use crate::gather::Held;
use crate::quality::estimate::CalledScores;
use crate::quality::{Confusion, Errors, LabelsIn, Scores};
use crate::read::{Batch, Kind, Problem, Rows, Table};
use arrow::array::Array;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

/// Counts of rows, by what the model said and what was so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QualityCell {
    pub labels: LabelsIn,
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
        confuse(&mut self.confusion, &other.confusion.cells().collect::<Vec<_>>());
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
            let to = self.groups.entry(attribute.clone()).or_default();
            for (name, counts) in groups.iter() {
                let name = group_of(to, name);
                to.add_counts(name, counts);
            }
        }
    }
}

/// Groups of an attribute, and pairs of label and prediction, that a cell tells apart: whoever takes an identifier for an
/// attribute, or a number for a class, has as many as rows.
const MAX_NAMES: usize = 2000;
/// What is said in a pair that is put together with others: of those that are right, what is so.
const WRONG: &str = "others, wrongly";

/// The group that a name is counted in.
fn group_of<'a>(groups: &Groups, name: &'a str) -> &'a str {
    // How many there are a map's iterator knows beforehand.
    let is_full = groups.iter().size_hint().0 >= MAX_NAMES;
    if is_full && groups.get(name).is_none() { OTHERS } else { name }
}

/// Adds (label, said, rows). Pairs that are too many are put together; what is right stays right, and so does the label for
/// as long as there are not too many of these. Whether any were.
fn confuse(to: &mut Confusion, pairs: &[(&str, &str, u64)]) -> bool {
    if to.cells().count() + pairs.len() <= MAX_NAMES {
        pairs.iter().for_each(|(label, said, rows)| to.add_rows(label, said, *rows));
        return false;
    }
    let mut known: HashSet<(String, String)> = HashSet::new();
    known.extend(to.cells().map(|(label, said, _)| (label.to_owned(), said.to_owned())));
    let mut is_cut = false;
    for (label, said, rows) in pairs {
        let mut pair = ((*label).to_owned(), (*said).to_owned());
        if !known.contains(&pair) && known.len() >= MAX_NAMES {
            let is_right = label == said;
            let label = if known.len() < 2 * MAX_NAMES { *label } else { OTHERS };
            let said = if is_right { label } else { WRONG };
            pair = (label.to_owned(), said.to_owned());
            is_cut = true;
        }
        to.add_rows(&pair.0, &pair.1, *rows);
        known.insert(pair);
    }
    is_cut
}

/// `of`: an attribute, or the prediction.
pub fn too_many_names(path: &Path, of: &str) -> Problem {
    Problem {
        file: path.display().to_string(),
        column: Some(of.to_owned()),
        place: None,
        lost: false,
        message: format!("It has more than {MAX_NAMES} names in an hour: the others are counted together."),
        hint: Some("An identifier is no group, and a number no class: name another column.".into()),
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
        let told = answers(reference, label.as_ref());
        // Without a label, by what the model says.
        let other = if told.is_none() { answers(reference, definition.prediction.as_ref()) } else { None };
        let is_regression = matches!(told.as_ref().or(other.as_ref()), Some(Answers::Numbers));
        let classes = if let Some(Answers::Classes(classes)) = told { classes } else { Vec::new() };
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

/// What a model is asked for.
enum Answers {
    Numbers,
    Classes(Vec<String>),
}

/// What a column of answers holds; `None` where that cannot be told.
fn answers(reference: &Table, name: Option<&String>) -> Option<Answers> {
    let at = reference.column(name?).ok()?;
    let (found, _) = crate::pair::gathered(reference, &[at]);
    match &found[0].held {
        Held::Numbers(values) if values.is_empty() => None,
        Held::Numbers(values) => match crate::Bins::of_few(values) {
            Some(crate::Bins::Values(values)) if values.len() <= MAX_CLASSES => {
                Some(Answers::Classes(values.iter().map(f64::to_string).collect()))
            }
            _ => (reference.columns()[at].kind == Kind::Numeric).then_some(Answers::Numbers),
        },
        Held::Levels(levels) if levels.n() > 0 => {
            let mut classes: Vec<String> = levels.rows.keys().map(|level| level.to_string()).collect();
            classes.sort();
            Some(Answers::Classes(classes))
        }
        _ => None,
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

/// Adds a batch's rows; returns how many have no label yet. `cut`: takes what has too many names.
pub fn add(
    cells: &mut [&mut Cell],
    slots: &[u32],
    (task, seats, labels): (&Task, &Seats, &Labels),
    batch: &Batch,
    cut: &mut BTreeSet<String>,
) -> u64 {
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
    let (all, mut unlabelled) = (task.groups.join(" × "), 0);
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
            if !put(&mut quality.groups, attribute, name, (is_so, is_called)) {
                cut.insert(attribute.clone());
            }
        }
        if names.len() > 1 && !put(&mut quality.groups, &all, &crossed(&names), (is_so, is_called)) {
            cut.insert(all.clone());
        }
    }
    // The most frequent first, and of as many in one order each time: they have places of their own.
    let mut pairs: Vec<((u32, &str, &str), u64)> = pairs.into_iter().collect();
    pairs.sort_unstable_by_key(|((slot, label, said), n)| (*slot, Reverse(*n), *label, *said));
    for of_slot in pairs.chunk_by(|a, b| a.0.0 == b.0.0) {
        let quality = cells[of_slot[0].0.0 as usize].quality.get_or_insert_default();
        let of_slot: Vec<(&str, &str, u64)> = of_slot.iter().map(|((_, label, said), n)| (*label, *said, *n)).collect();
        if confuse(&mut quality.confusion, &of_slot) {
            cut.extend(task.prediction.clone());
        }
    }
    unlabelled
}

/// Whether it is in a group of its own name.
fn put(groups: &mut BTreeMap<String, Groups>, attribute: &str, name: &str, (is_so, is_called): (bool, bool)) -> bool {
    if !groups.contains_key(attribute) {
        groups.insert(attribute.to_owned(), Groups::default());
    }
    let Some(groups) = groups.get_mut(attribute) else { return true };
    let group = group_of(groups, name);
    groups.add(group, is_so, is_called);
    group == name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each user in a group and, said wrongly, in a class of its own; one of four is right.
    fn of_users(from: usize) -> QualityCell {
        let (mut cell, mut groups) = (QualityCell::default(), BTreeMap::new());
        let users: Vec<String> = (from..from + 3 * MAX_NAMES).map(|user| format!("user {user}")).collect();
        for user in &users {
            put(&mut groups, "user", user, (true, false));
        }
        let said = |at: usize| if at.is_multiple_of(4) { &*users[at] } else { "none" };
        let pairs: Vec<(&str, &str, u64)> = (0..users.len()).map(|at| (&*users[at], said(at), 1)).collect();
        assert!(confuse(&mut cell.confusion, &pairs));
        cell.groups = groups;
        cell
    }

    #[test]
    fn more_names_than_are_told_apart_are_counted_together() {
        let mut all = of_users(0);
        all.merge(&of_users(1_000_000));
        let rows = 6 * MAX_NAMES as u64;
        assert_eq!((all.confusion.rows(), all.confusion.accuracy()), (rows, Some(0.25)));
        assert!(all.confusion.cells().count() <= 2 * MAX_NAMES + 2);
        let groups = &all.groups["user"];
        assert_eq!((groups.iter().count(), groups.overall().rows()), (MAX_NAMES + 1, rows));
        assert!(groups.get(OTHERS).is_some() && groups.get("user 0").is_some());
    }

    #[test]
    fn few_names_are_told_apart() {
        let mut confusion = Confusion::default();
        assert!(!confuse(&mut confusion, &[("a", "a", 2), ("a", "b", 1)]));
        assert!(!confuse(&mut confusion, &[("a", "b", 4)]));
        assert_eq!(confusion.cells().collect::<Vec<_>>(), [("a", "a", 2), ("a", "b", 5)]);
    }
}
