//! The filter language: text to tree to verdict, with completion and errors that point at the column.
//!
//! A superset of MLflow's search syntax (<https://mlflow.org/docs/latest/search-runs>): the same field
//! prefixes, quotes, comparators and keywords, and beside them `or`, `not`, parentheses, `in`/`is null` on
//! every field, statistics of a metric (`min(metrics.loss) < 0.3`), dates, and `nan`/`inf` as literals.
//!
//! What is absent from a run makes every comparison false (as MLflow's joins do), `!=` included;
//! `is null` finds it. A NaN compares as false except with `= nan` and `!= <number>`.

mod complete;
mod eval;
mod lex;
mod parse;
mod tree;

pub use complete::{Completion, CompletionKind, Names, complete};
pub use eval::{Value, parse_date};
pub use parse::parse;
pub use tree::{Field, FilterError, Stat};

/// A filter that was understood.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The fields that it asks for; `matches` asks by their index.
    pub fields: Vec<Field>,
    root: Option<tree::Node>,
}

impl Filter {
    /// The verdict over one run, whose value of `fields[i]` is `get(i)`. An empty filter matches all.
    pub fn matches<'a>(&self, get: &dyn Fn(usize) -> Value<'a>) -> bool {
        self.root.as_ref().is_none_or(|node| eval::holds(node, get))
    }

    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}
