//! What a filter is once it was read.

use std::ops::Range;
use thiserror::Error;

/// A value of a run that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// One of [`ATTRIBUTES`], under its first name.
    Attribute(&'static str),
    Param(String),
    /// A tag that the run's tool wrote.
    Tag(String),
    Metric(String, Stat),
    /// Names and digests of a run's data sets.
    Dataset(&'static str),
}

/// Which number of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stat {
    #[default]
    Last,
    Best,
    Min,
    Max,
    /// How many points.
    Count,
}

impl Stat {
    pub(crate) const NAMES: [(&'static str, Stat); 5] =
        [("last", Stat::Last), ("best", Stat::Best), ("min", Stat::Min), ("max", Stat::Max), ("n", Stat::Count)];

    pub(crate) fn from_name(name: &str) -> Option<Stat> {
        Stat::NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, s)| *s)
    }
}

/// (name, what MLflow and people also call it, is it a number, what it is).
pub(crate) const ATTRIBUTES: [(&str, &[&str], bool, &str); 15] = [
    ("name", &["run_name"], false, "the run's name"),
    ("status", &["state"], false, "running, silent, scheduled, finished, failed, killed, stopped"),
    ("source", &["format"], false, "the tool that wrote it"),
    ("experiment", &["experiment_name"], false, "MLflow experiment"),
    ("user", &["user_id"], false, "who ran it"),
    ("path", &[], false, "where its record lies in the project"),
    ("id", &["run_id", "run_uuid"], false, "the run's id"),
    ("note", &[], false, "your note"),
    ("label", &["labels"], false, "a tag of yours"),
    ("started", &["start_time", "created"], true, "when it began: a date or seconds"),
    ("ended", &["end_time"], true, "when it ended: a date or seconds"),
    ("duration", &[], true, "seconds"),
    ("points", &["n_points"], true, "how many points it logged"),
    ("problems", &["n_problems"], true, "how many things could not be read"),
    ("last_change", &[], true, "when something new was read: a date or seconds"),
];

pub(crate) fn attribute(name: &str) -> Option<&'static str> {
    ATTRIBUTES
        .iter()
        .find(|(n, other, ..)| n.eq_ignore_ascii_case(name) || other.iter().any(|o| o.eq_ignore_ascii_case(name)))
        .map(|(n, ..)| *n)
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare { field: usize, op: Op, to: Literal },
    In { field: usize, set: Vec<Literal>, not: bool },
    Null { field: usize, not: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Like { fold: bool, not: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Number(f64),
    Text(String),
}

/// Why a filter was not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FilterError {
    pub message: String,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
    /// The place, in bytes of the filter's text.
    pub span: Range<usize>,
}

impl FilterError {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, span }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The place in UTF-16 units, which is what a page counts in.
    pub fn utf16(&self, text: &str) -> Range<usize> {
        let at = |byte: usize| text.get(..byte.min(text.len())).map_or(0, |head| head.encode_utf16().count());
        at(self.span.start)..at(self.span.end)
    }
}
