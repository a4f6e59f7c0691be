//! Columns: which there are, and what a run has in each.

use crate::catalogue::{Catalogue, Run, stat};
use crate::wire::{Cell, ColumnInfo, ColumnKind, ColumnRef, Goal, Stat};
use signalbox_types::{MetricId, ParamValue};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// (name, title, numeric).
const ATTRIBUTES: [(&str, &str, bool); 14] = [
    ("name", "Name", false),
    ("status", "State", false),
    ("source", "Source", false),
    ("started", "Started", true),
    ("duration", "Duration", true),
    ("ended", "Ended", true),
    ("experiment", "Experiment", false),
    ("user", "User", false),
    ("path", "Path", false),
    ("id", "Id", false),
    ("n_points", "Points", true),
    ("problems", "Problems", true),
    ("note", "Note", false),
    ("last_change", "Last change", true),
];

/// A column that was understood: how to get its value from a run.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Attribute(&'static str),
    Param(String),
    Tag(String),
    Metric {
        id: MetricId,
        stat: Stat,
        goal: Option<Goal>,
    },
    /// A name that no run has (any more): all cells are empty.
    Absent,
}

/// A value to order by. Missing sorts last in both directions, NaN just before it.
#[derive(Clone, Debug)]
pub(crate) enum Key<'a> {
    Missing,
    NaN,
    Number(f64),
    Text(&'a str),
}

impl Column {
    pub fn resolve(reference: &ColumnRef, catalogue: &Catalogue) -> Column {
        let Some((kind, name)) = reference.key.split_once(':') else { return Column::Absent };
        match kind {
            "attr" => {
                ATTRIBUTES.iter().find(|(n, ..)| *n == name).map_or(Column::Absent, |(n, ..)| Column::Attribute(n))
            }
            "param" => Column::Param(name.to_owned()),
            "tag" => Column::Tag(name.to_owned()),
            "metric" => match catalogue.metric_id(name) {
                Some(id) => Column::Metric { id, stat: reference.stat.unwrap_or_default(), goal: catalogue.goal(id) },
                None => Column::Absent,
            },
            _ => Column::Absent,
        }
    }

    pub fn cell(&self, run: &Run) -> Cell {
        match self {
            Column::Attribute(name) => attribute(run, name),
            Column::Param(name) => match run.param(name) {
                None => Cell::None,
                Some(ParamValue::Number(n)) => Cell::Number(*n),
                Some(other) => Cell::Text(other.text()),
            },
            Column::Tag(name) => run.tag(name).map_or(Cell::None, |t| Cell::Text(t.clone())),
            Column::Metric { id, stat: which, goal } => {
                Cell::number(run.metric(*id).and_then(|m| stat(m, *which, *goal)))
            }
            Column::Absent => Cell::None,
        }
    }

    pub fn key<'a>(&self, run: &'a Run) -> Key<'a> {
        match self {
            Column::Attribute("name") => Key::Text(&run.name),
            Column::Attribute("path") => Key::Text(&run.origin.path),
            Column::Attribute("source") => Key::Text(run.tools()),
            Column::Attribute("status") => Key::Text(run.state.name()),
            Column::Attribute("id") => Key::Text(run.own_id()),
            Column::Attribute("experiment") => text_key(run.row.experiment.as_deref()),
            Column::Attribute("user") => text_key(run.row.user.as_deref()),
            Column::Attribute("note") => text_key(run.row.annotation.as_ref().map(|a| a.note.as_str())),
            Column::Attribute(name) => match attribute(run, name) {
                Cell::Number(x) => number_key(x),
                _ => Key::Missing,
            },
            Column::Param(name) => match run.param(name) {
                None => Key::Missing,
                Some(ParamValue::Number(n)) => number_key(*n),
                Some(ParamValue::Bool(b)) => Key::Text(if *b { "true" } else { "false" }),
                Some(ParamValue::Text(t)) => t.trim().parse().map_or(Key::Text(t), number_key),
            },
            Column::Tag(name) => match run.tag(name) {
                None => Key::Missing,
                Some(t) => t.trim().parse().map_or(Key::Text(t), number_key),
            },
            Column::Metric { id, stat: which, goal } => {
                run.metric(*id).and_then(|m| stat(m, *which, *goal)).map_or(Key::Missing, number_key)
            }
            Column::Absent => Key::Missing,
        }
    }
}

fn text_key(text: Option<&str>) -> Key<'_> {
    text.filter(|t| !t.is_empty()).map_or(Key::Missing, Key::Text)
}

fn number_key<'a>(x: f64) -> Key<'a> {
    if x.is_nan() { Key::NaN } else { Key::Number(x) }
}

/// Numbers before texts, texts as people order them; what has no value comes last whichever way it is ordered.
pub(crate) fn compare(a: &Key, b: &Key, descending: bool) -> Ordering {
    let rank = |k: &Key| match k {
        Key::Number(_) => 0,
        Key::Text(_) => 1,
        Key::NaN => 2,
        Key::Missing => 3,
    };
    let (ra, rb) = (rank(a), rank(b));
    if ra != rb {
        return ra.cmp(&rb);
    }
    let order = match (a, b) {
        (Key::Number(x), Key::Number(y)) => x.total_cmp(y),
        (Key::Text(x), Key::Text(y)) => natural(x, y),
        _ => Ordering::Equal,
    };
    if descending { order.reverse() } else { order }
}

/// "run 2" before "run 10", whatever the case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.chars().peekable(), b.chars().peekable());
    loop {
        match (x.peek().copied(), y.peek().copied()) {
            (None, None) => return a.cmp(b),
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(c), Some(d)) if c.is_ascii_digit() && d.is_ascii_digit() => {
                let (m, n) = (digits(&mut x), digits(&mut y));
                let order = m.len().cmp(&n.len()).then_with(|| m.cmp(&n));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(c), Some(d)) => {
                let order = c.to_lowercase().cmp(d.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                x.next();
                y.next();
            }
        }
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars>) -> String {
    let mut out = String::new();
    while let Some(c) = chars.next_if(char::is_ascii_digit) {
        out.push(c);
    }
    let trimmed = out.trim_start_matches('0');
    trimmed.to_owned()
}

fn attribute(run: &Run, name: &str) -> Cell {
    let text = |t: Option<&str>| t.filter(|t| !t.is_empty()).map_or(Cell::None, |t| Cell::Text(t.to_owned()));
    match name {
        "name" => Cell::Text(run.name.clone()),
        "status" => Cell::Text(run.state.name().to_owned()),
        "source" => Cell::Text(run.tools().to_owned()),
        "started" => Cell::number(run.started()),
        "duration" => Cell::number(run.duration()),
        "ended" => Cell::number(run.row.ended),
        "experiment" => text(run.row.experiment.as_deref()),
        "user" => text(run.row.user.as_deref()),
        "path" => Cell::Text(run.origin.path.to_string()),
        "id" => Cell::Text(run.own_id().to_owned()),
        "n_points" => Cell::Number(run.n_points() as f64),
        "problems" => Cell::Number(run.n_problems as f64),
        "note" => text(run.row.annotation.as_ref().map(|a| a.note.as_str())),
        "last_change" => Cell::Number(run.row.last_change),
        _ => Cell::None,
    }
}

/// Every column that some run fills, attributes first, then metrics, params, tags, each by coverage.
pub(crate) fn columns(catalogue: &Catalogue) -> Vec<ColumnInfo> {
    let n = catalogue.runs.len();
    let mut out: Vec<ColumnInfo> = ATTRIBUTES
        .iter()
        .map(|(name, title, numeric)| ColumnInfo {
            key: format!("attr:{name}"),
            kind: ColumnKind::Attr,
            name: (*name).to_owned(),
            title: (*title).to_owned(),
            numeric: *numeric,
            n_runs: n,
            distinct: n.min(1000),
        })
        .collect();
    let mut metrics: HashMap<MetricId, usize> = HashMap::new();
    let mut params = Tally::default();
    let mut tags = Tally::default();
    for run in &catalogue.runs {
        for m in &run.row.metrics {
            *metrics.entry(m.metric).or_default() += 1;
        }
        for (name, value) in &run.row.params {
            params.add(name, value.text(), value.number().is_some());
        }
        for (name, value) in &run.row.tags {
            tags.add(name, value.clone(), value.trim().parse::<f64>().is_ok());
        }
    }
    let mut rest: Vec<ColumnInfo> = metrics
        .into_iter()
        .map(|(id, n_runs)| {
            let name = catalogue.metric_name(id).to_owned();
            ColumnInfo {
                key: format!("metric:{name}"),
                kind: ColumnKind::Metric,
                title: name.clone(),
                name,
                numeric: true,
                n_runs,
                distinct: n_runs.min(1000),
            }
        })
        .collect();
    rest.sort_by(|a, b| b.n_runs.cmp(&a.n_runs).then_with(|| natural(&a.name, &b.name)));
    out.append(&mut rest);
    out.extend(params.columns("param", ColumnKind::Param));
    out.extend(tags.columns("tag", ColumnKind::Tag));
    out
}

/// Counts over names that runs have.
#[derive(Default)]
struct Tally(HashMap<String, (usize, bool, HashSet<String>)>);

impl Tally {
    fn add(&mut self, name: &str, value: String, numeric: bool) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), (0, true, HashSet::new()));
        }
        let entry = self.0.get_mut(name).expect("BUG: just put in");
        entry.0 += 1;
        entry.1 &= numeric;
        if entry.2.len() < 1000 {
            entry.2.insert(value);
        }
    }

    fn columns(self, prefix: &str, kind: ColumnKind) -> Vec<ColumnInfo> {
        let mut out: Vec<ColumnInfo> = self
            .0
            .into_iter()
            .map(|(name, (n_runs, numeric, values))| ColumnInfo {
                key: format!("{prefix}:{name}"),
                kind,
                title: name.clone(),
                name,
                numeric,
                n_runs,
                distinct: values.len(),
            })
            .collect();
        out.sort_by(|a, b| b.n_runs.cmp(&a.n_runs).then_with(|| natural(&a.name, &b.name)));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_last_both_ways() {
        for descending in [false, true] {
            assert_eq!(compare(&Key::Missing, &Key::Number(1.0), descending), Ordering::Greater);
            assert_eq!(compare(&Key::NaN, &Key::Number(1.0), descending), Ordering::Greater);
            assert_eq!(compare(&Key::NaN, &Key::Missing, descending), Ordering::Less);
        }
        assert_eq!(compare(&Key::Number(1.0), &Key::Number(2.0), true), Ordering::Greater);
    }

    #[test]
    fn people_order_names_by_number() {
        let mut names = ["run 10", "Run 2", "run 1", "run 02b"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["run 1", "Run 2", "run 02b", "run 10"]);
    }
}
