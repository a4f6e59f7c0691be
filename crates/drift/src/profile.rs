//! What a person wants to see of data before modelling: each column's distribution and gaps, what is odd about it, rows that
//! are there twice, columns that go together, and columns that tell the target too well.

mod column;
mod rows;
mod summary;

pub use column::{ColumnProfile, Histogram, LevelRows};
pub use rows::{Correlation, Duplicates, Leak, Shared};
pub use summary::{Summary, summaries};

use crate::pair::{Progress, Side, gathered};
use crate::read::{Kind, Problem, Table};
use serde::Serialize;
use std::ops::ControlFlow;
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, TS)]
#[ts(rename = "DataProfile")]
pub struct Profile {
    pub path: String,
    pub files: usize,
    pub bytes: u64,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
    pub duplicates: Option<Duplicates>,
    /// The strongest first, by Spearman's rank correlation.
    pub correlations: Vec<Correlation>,
    /// Rows that the test data have too, if they were given.
    pub shared: Option<Shared>,
    /// Columns that tell the target nearly alone, if one was named.
    pub leaks: Vec<Leak>,
    pub problems: Vec<Problem>,
}

/// What to look at.
#[derive(Default)]
pub struct Looked<'a> {
    /// Only these; all if there are none.
    pub columns: Vec<String>,
    pub target: Option<String>,
    pub test: Option<&'a Table>,
}

/// `None` if `progress` told it to stop.
pub fn profile(
    table: &Table,
    looked: &Looked,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Option<Profile> {
    let wanted: Vec<usize> = (0..table.columns().len())
        .filter(|at| looked.columns.is_empty() || looked.columns.contains(&table.columns()[*at].name))
        .collect();
    let mut problems = table.problems.clone();
    let mut columns = Vec::with_capacity(wanted.len());
    for pass in table.passes(&wanted) {
        let (found, said) = gathered(table, &pass);
        problems.extend(said);
        for (at, column) in pass.iter().zip(found) {
            columns.push(ColumnProfile::of(&table.columns()[*at], column));
            if progress(Progress { columns_done: columns.len(), columns: wanted.len() }).is_break() {
                return None;
            }
        }
    }
    let n_rows = columns.first().map_or(0, |column: &ColumnProfile| column.counts.rows);
    let sample = rows::Sample::of(table, &wanted, n_rows);
    let target = looked.target.as_ref().and_then(|name| table.column(name).ok());
    let leaks = target.map(|target| sample.leaks(table, target)).unwrap_or_default();
    let hashes = rows::hashes(table, &wanted, n_rows);
    let shared = looked.test.map(|test| rows::shared(table, test, n_rows));
    let side = Side::of(table);
    Some(Profile {
        path: side.path,
        files: side.files,
        bytes: table.n_bytes(),
        rows: n_rows,
        duplicates: hashes.map(rows::duplicates),
        correlations: sample.correlations(table),
        shared,
        leaks,
        columns,
        problems: problems.told(),
    })
}

/// Kinds whose values are numbers in a sample.
fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Numeric | Kind::Datetime | Kind::Boolean)
}
