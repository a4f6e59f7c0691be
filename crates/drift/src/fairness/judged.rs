//! A table of predictions and labels, looked at group by group: what `signalbox data fairness` says.

use super::criterion::{self, Criterion, Ends, Gap, LEVEL, ends, word};
use super::{Frame, Groups, Metric, crossed};
use crate::monitor::Texts;
use crate::quality::Scores;
use crate::read::{Problem, ReadError, Rows, Table};
use arrow::array::Array;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What is asked of a table.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub label: String,
    pub prediction: String,
    /// How sure the model was of the positive class, 0 to 1.
    pub score: Option<String>,
    /// `None`: of two classes the later one by name.
    pub positive: Option<String>,
    /// Attributes: each by itself, and all of them crossed if there are several.
    pub groups: Vec<String>,
    /// Groups of fewer rows are listed, not judged.
    pub min_group: u64,
    /// A difference of rates up to this is borne.
    pub max_difference: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum FairnessError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{column} has {} classes ({}), so that the positive one has to be named.", found.len(), found.join(", "))]
    WhichIsPositive { column: String, found: Vec<String> },
    #[error("{column} has no {class:?}; it has {}.", found.join(", "))]
    NoSuchClass { column: String, class: String, found: Vec<String> },
    #[error("{attribute} has more than {MAX_GROUPS} values: it parts rows, not groups.")]
    TooManyGroups { attribute: String },
}

/// More groups of an attribute, or of a crossing, are none.
const MAX_GROUPS: usize = 2000;
const MAX_CLASSES: usize = 20;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    pub metric: &'static str,
    /// `null` where nothing is there to divide by.
    pub value: Option<f64>,
    /// Of a rate Wilson's, at 95 %.
    pub interval: Option<Ends>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    pub group: String,
    pub rows: u64,
    /// Of a judged group, by the scores in bins; with Hanley and McNeil's interval at 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auroc: Option<Rate>,
    /// Of a judged group.
    pub rates: Vec<Rate>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// One attribute, or several that are crossed.
    pub by: Vec<String>,
    pub criteria: Vec<Criterion>,
    pub groups: Vec<Group>,
    /// Listed, not judged.
    pub too_small: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    pub path: String,
    pub label: String,
    pub prediction: String,
    pub positive: String,
    pub max_difference: f64,
    pub min_group: u64,
    /// With a label and a prediction.
    pub rows: u64,
    /// Without one of them.
    pub left_out: u64,
    /// The gravest of all criteria's.
    pub verdict: Gap,
    pub attributes: Vec<Attribute>,
    pub problems: Vec<Problem>,
}

/// Reads the table twice: for the classes, and for the counts.
pub fn judge(table: &Table, wanted: &Wanted) -> Result<Judged, FairnessError> {
    let mut places = vec![table.column(&wanted.label)?, table.column(&wanted.prediction)?];
    for name in &wanted.groups {
        places.push(table.column(name)?);
    }
    let n_named = places.len();
    if let Some(name) = &wanted.score {
        places.push(table.column(name)?);
    }
    let mut problems = table.problems.clone();
    let positive = positive(table, &places[..2], wanted)?;
    let mut asked: Vec<Vec<usize>> = (0..wanted.groups.len()).map(|at| vec![at]).collect();
    if asked.len() > 1 {
        asked.push((0..wanted.groups.len()).collect());
    }
    let mut counts = vec![Groups::default(); asked.len()];
    let mut scores: Vec<BTreeMap<String, Scores>> = vec![BTreeMap::new(); asked.len()];
    let (mut rows, mut left_out) = (0, 0);
    table.scan(&places, &mut problems, &mut |batch| {
        let texts: Vec<Option<Texts>> = batch.columns[..n_named]
            .iter()
            .map(|column| column.as_ref().map(|column| Texts::of(column, batch.n_rows)))
            .collect();
        let scored = match batch.columns.get(n_named).and_then(|column| column.as_ref()).map(Rows::of) {
            Some(Rows::Numbers(values)) => Some(values),
            _ => None,
        };
        let at = |column: usize, row: usize| texts[column].as_ref().and_then(|texts| texts.at(row));
        for row in 0..batch.n_rows {
            let (Some(label), Some(said)) = (at(0, row), at(1, row)) else {
                left_out += 1;
                continue;
            };
            rows += 1;
            let score = scored.as_ref().filter(|values| values.is_valid(row)).map(|values| values.value(row));
            for (by, (to, scores)) in asked.iter().zip(counts.iter_mut().zip(&mut scores)) {
                let values: Vec<&str> = by.iter().map(|group| at(group + 2, row).unwrap_or("(none)")).collect();
                let name = if let [one] = values[..] { one.to_owned() } else { crossed(&values) };
                to.add(&name, label == positive, said == positive);
                if let Some(score) = score {
                    scores.entry(name).or_default().add(score, label == positive);
                }
            }
        }
        let is_too_many = counts.iter().any(|groups| groups.iter().nth(MAX_GROUPS).is_some());
        if is_too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let mut attributes = Vec::new();
    for (by, (groups, scores)) in asked.iter().zip(counts.iter().zip(&scores)) {
        let by: Vec<String> = by.iter().map(|at| wanted.groups[*at].clone()).collect();
        if groups.iter().nth(MAX_GROUPS).is_some() {
            return Err(FairnessError::TooManyGroups { attribute: by.join(" × ") });
        }
        attributes.push(attribute(by, groups, scores, wanted));
    }
    let verdicts = attributes.iter().flat_map(|of| of.criteria.iter().map(|criterion| criterion.verdict));
    Ok(Judged {
        path: table.path.display().to_string(),
        label: wanted.label.clone(),
        prediction: wanted.prediction.clone(),
        max_difference: wanted.max_difference,
        min_group: wanted.min_group,
        verdict: verdicts.min().unwrap_or(Gap::NotJudged),
        positive,
        rows,
        left_out,
        attributes,
        problems: problems.told(),
    })
}

fn positive(table: &Table, places: &[usize], wanted: &Wanted) -> Result<String, FairnessError> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    table.scan(places, &mut crate::read::Problems::default(), &mut |batch| {
        for column in batch.columns.iter().flatten() {
            let texts = Texts::of(column, batch.n_rows);
            for text in (0..batch.n_rows).filter_map(|row| texts.at(row)) {
                if found.len() <= MAX_CLASSES && !found.contains(text) {
                    found.insert(text.to_owned());
                }
            }
        }
        ControlFlow::Continue(())
    });
    let column = wanted.label.clone();
    match &wanted.positive {
        Some(class) if found.contains(class) || found.len() > MAX_CLASSES => Ok(class.clone()),
        Some(class) => {
            Err(FairnessError::NoSuchClass { column, class: class.clone(), found: found.into_iter().collect() })
        }
        None if found.len() == 2 => Ok(found.into_iter().next_back().unwrap_or_default()),
        None => Err(FairnessError::WhichIsPositive { column, found: found.into_iter().collect() }),
    }
}

fn attribute(by: Vec<String>, groups: &Groups, scores: &BTreeMap<String, Scores>, wanted: &Wanted) -> Attribute {
    let frame = Frame::of(groups, wanted.min_group);
    let judged: Vec<(&str, f64)> =
        frame.by_group(Metric::Count).map(|(group, rows)| (group, rows.unwrap_or_default())).collect();
    let rate = |metric: Metric, group: &str| Rate {
        metric: word(metric),
        value: frame.by_group(metric).find(|(other, _)| *other == group).and_then(|(_, value)| value),
        interval: ends(frame.interval(metric, group, LEVEL)),
    };
    let metrics = Metric::ALL.into_iter().filter(|metric| *metric != Metric::Count);
    let auroc = |group: &str| {
        let scores = scores.get(group)?;
        let value = scores.auroc().map(|found| found.value);
        Some(Rate { metric: "auroc", value, interval: ends(scores.auroc_interval(LEVEL)) })
    };
    let of = |(group, rows): &(&str, f64)| Group {
        group: (*group).to_owned(),
        rows: *rows as u64,
        auroc: auroc(group),
        rates: metrics.clone().map(|metric| rate(metric, group)).collect(),
    };
    let too_small = frame.too_small().iter().map(|(group, rows)| Group {
        group: (*group).to_owned(),
        rows: *rows,
        auroc: None,
        rates: Vec::new(),
    });
    Attribute {
        by,
        criteria: criterion::all(&frame, wanted.max_difference),
        groups: judged.iter().map(of).collect(),
        too_small: too_small.collect(),
    }
}
