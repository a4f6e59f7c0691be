//! What a person wants to see of data before modelling: each column's distribution and gaps, what is odd about it, rows that
//! are there twice, columns that go together, and columns that tell the target too well.

mod column;
mod rows;
mod summary;
mod twice;

pub use column::{ColumnProfile, Histogram, LevelRows};
pub use rows::{Correlation, Leak};
pub use summary::{Summary, summaries};
pub use twice::{Duplicates, Shared};

use crate::pair::{Progress, Side, gathered_while};
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
        let mut is_over = false;
        let (found, said) = gathered_while(table, &pass, &mut || {
            is_over |= progress(Progress { columns_done: columns.len(), columns: wanted.len() }).is_break();
            !is_over
        });
        if is_over {
            return None;
        }
        problems.extend(said);
        for (at, column) in pass.iter().zip(found) {
            columns.push(ColumnProfile::of(&table.columns()[*at], column));
            if progress(Progress { columns_done: columns.len(), columns: wanted.len() }).is_break() {
                return None;
            }
        }
    }
    let n_rows = columns.first().map_or(0, |column: &ColumnProfile| column.counts.rows);
    let target = looked.target.as_ref().and_then(|name| table.column(name).ok());
    let mut goes_on = || progress(Progress { columns_done: columns.len(), columns: wanted.len() });
    let (correlations, leaks) = across(table, &wanted, target, n_rows, &mut goes_on)?;
    let mut untold = |what: &str, why: &str| problems.add(not_looked_at(table, what, why));
    let of_rows = (n_rows > 1).then(|| twice::duplicates(table, &wanted, n_rows));
    let duplicates =
        of_rows.and_then(|found| found.inspect_err(|why| untold("Whether rows are there twice", why)).ok());
    let of_test = looked.test.map(|test| twice::shared(table, test, n_rows));
    let shared =
        of_test.and_then(|found| found.inspect_err(|why| untold("Which rows the test data have too", why)).ok());
    let side = Side::of(table);
    Some(Profile {
        path: side.path,
        files: side.files,
        bytes: table.n_bytes(),
        rows: n_rows,
        duplicates,
        correlations,
        shared,
        leaks,
        columns,
        problems: problems.told(),
    })
}

/// Columns that go together, and those that tell the target. `None` if it was told to stop.
fn across(
    table: &Table,
    wanted: &[usize],
    target: Option<usize>,
    n_rows: u64,
    goes_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Option<(Vec<Correlation>, Vec<Leak>)> {
    let (mut correlations, mut leaks) = (Vec::new(), Vec::new());
    for (at, pass) in rows::passes(table, wanted, target).into_iter().enumerate() {
        if goes_on().is_break() {
            return None;
        }
        let sample = rows::Sample::of(table, pass, n_rows);
        if at == 0 {
            correlations = sample.correlations(table);
        }
        leaks.extend(target.map(|target| sample.leaks(table, target)).unwrap_or_default());
    }
    leaks.sort_by(|a, b| b.explains.total_cmp(&a.explains));
    Some((correlations, leaks))
}

fn not_looked_at(table: &Table, what: &str, why: &str) -> Problem {
    Problem {
        file: table.path.display().to_string(),
        column: None,
        place: None,
        lost: false,
        message: format!("{what} was not looked at: {why}."),
        hint: None,
    }
}

/// Kinds whose values are numbers in a sample.
fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Numeric | Kind::Datetime | Kind::Boolean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Options;

    fn table(place: &tempfile::TempDir, name: &str, text: String) -> Table {
        let path = place.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Table::open(&path, &Options::default()).expect("a table")
    }

    fn noise(at: usize) -> usize {
        let z = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((z ^ (z >> 27)) % 100_000) as usize
    }

    /// Numbers that have nothing to do with each other, but for what is told.
    fn wide(n_columns: usize, like: &dyn Fn(usize) -> bool) -> String {
        let names: Vec<String> = (0..n_columns).map(|at| format!("c{at}")).collect();
        let mut text = names.join(",") + "\n";
        for row in 0..400_usize {
            let of = |at: usize| if like(at) { row * 7919 % 400 } else { noise(row * n_columns + at) };
            text += &((0..n_columns).map(|at| of(at).to_string()).collect::<Vec<_>>().join(",") + "\n");
        }
        text
    }

    #[test]
    fn leaks_of_wide_tables_are_found_wherever_they_are() {
        let place = tempfile::tempdir().expect("a folder");
        let table = table(&place, "wide.csv", wide(450, &|at| [3, 230, 449].contains(&at)));
        let look = |target: Option<&str>| {
            let looked = Looked { target: target.map(str::to_owned), ..Looked::default() };
            profile(&table, &looked, &mut |_| ControlFlow::Continue(())).expect("not stopped")
        };
        let names = |found: &Profile| found.leaks.iter().map(|leak| leak.column.clone()).collect::<Vec<String>>();
        assert_eq!(names(&look(Some("c449"))), ["c3", "c230"]);
        assert_eq!(names(&look(Some("c230"))), ["c3", "c449"]);
        assert!(look(None).leaks.is_empty());
    }

    #[test]
    fn what_was_not_looked_at_is_told() {
        let place = tempfile::tempdir().expect("a folder");
        let (train, other) = (table(&place, "a.csv", wide(3, &|_| false)), table(&place, "b.csv", "z\n1\n2\n".into()));
        let looked = Looked { test: Some(&other), ..Looked::default() };
        let found = profile(&train, &looked, &mut |_| ControlFlow::Continue(())).expect("not stopped");
        assert_eq!((found.shared, found.duplicates), (None, Some(Duplicates { rows: 0 })));
        let said = &found.problems[0].message;
        assert!(said.contains("test data") && said.contains("no column in common"), "{said}");
    }
}
