//! What is counted of a table, column by column, and why not, decided before anything is read.

use crate::Engine;
use crate::described::{Described, RemoteColumn, Shape};
use crate::dialect::{Dialect, dialect};
use crate::error::EngineError;
use crate::name::TableName;
use signalbox_drift::monitor::{Bins, FrozenColumn, Reference};
use signalbox_drift::read::Kind;
use std::ops::Range;

/// What a person asks of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The column of the time of each row; found by itself if there is one only.
    pub time: Option<String>,
    /// The column by which rows are told apart besides.
    pub segment: Option<String>,
    /// Hours since 1970 (UTC) and no others.
    pub hours: Option<Range<i64>>,
    /// The hour of all rows where no column tells the time.
    pub this_hour: i64,
}

/// How a column of the reference is counted over there; as the local kernel would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Numbers,
    Levels,
    Booleans,
    /// The table does not have it: all rows are nulls.
    Missing,
    /// Of another type: what is not null is `mismatched`.
    Mismatched,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanColumn {
    pub name: String,
    pub how: How,
    /// Its type over there.
    pub there: Option<String>,
    /// What a person should know.
    pub note: Option<String>,
}

/// What runs where.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub engine: Engine,
    pub table: TableName,
    pub time: Option<RemoteColumn>,
    pub segment: Option<RemoteColumn>,
    pub hours: Option<Range<i64>>,
    pub this_hour: i64,
    /// In the order of the reference's columns.
    pub columns: Vec<PlanColumn>,
}

/// One query, and which of the reference's columns it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub columns: Vec<usize>,
}

/// Columns of one statement: each makes it longer, and each statement reads the table.
const CHUNK: usize = 32;
/// A double holds every decimal of so many digits; the local reader rounds twice beyond.
const EXACT_DIGITS: u32 = 15;

impl Plan {
    pub fn new(engine: Engine, reference: &Reference, found: &Described, wanted: &Wanted) -> Result<Plan, EngineError> {
        let named = |name: &String| {
            let none = || EngineError::NoColumn { table: found.table.to_string(), column: name.clone() };
            found.column(name).cloned().ok_or_else(none)
        };
        let time = match &wanted.time {
            Some(name) => Some(fit_for_time(named(name)?)?),
            None => {
                let mut times = found.columns.iter().filter(|column| column.shape == Shape::Time);
                times.next().filter(|_| times.next().is_none()).cloned()
            }
        };
        if time.is_none() && wanted.hours.is_some() {
            return Err(EngineError::Refused(
                format!("No column of table {} tells the time, so there are no last hours.", found.table),
                "Name it as the column of times (--time).",
            ));
        }
        let segment = wanted.segment.as_ref().map(named).transpose()?.map(fit_for_segment).transpose()?;
        let columns = reference.columns.iter().map(|frozen| planned(frozen, found)).collect::<Result<_, _>>()?;
        let (hours, this_hour) = (wanted.hours.clone(), wanted.this_hour);
        Ok(Plan { engine, table: found.table.clone(), time, segment, hours, this_hour, columns })
    }

    /// Counts of all columns; each statement reads the table once.
    pub fn statements(&self, reference: &Reference) -> Result<Vec<Statement>, EngineError> {
        let dialect = dialect(self.engine);
        let is_long =
            |(column, frozen): &(&PlanColumn, &FrozenColumn)| column.how == How::Levels && frozen.has_long_levels();
        if let Some((column, _)) = self.columns.iter().zip(&reference.columns).find(is_long) {
            return Err(EngineError::Refused(
                format!(
                    "Column {:?} has texts in the reference of which only beginning and hash are kept.",
                    column.name
                ),
                "Leave it out (--ignore); a table of few rows is pulled and compared here (--pull-below).",
            ));
        }
        let asked: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].how != How::Missing).collect();
        let chunks: Vec<&[usize]> = if asked.is_empty() { vec![&[]] } else { asked.chunks(CHUNK).collect() };
        let of = |columns: &[usize]| {
            let sql = crate::dialect::counts(dialect, self, reference, columns)?;
            Ok(Statement { sql, columns: columns.to_vec() })
        };
        chunks.into_iter().map(of).collect()
    }

    /// The names of levels that the reference does not have, sixteen of an hour and segment.
    pub fn new_levels(&self, reference: &Reference, column: usize) -> Result<String, EngineError> {
        crate::dialect::new_levels(dialect(self.engine), self, reference, column)
    }

    /// Up to 51 segments: one more than are told apart.
    pub fn segments(&self) -> Result<Option<String>, EngineError> {
        self.segment.as_ref().map(|_| crate::dialect::segments(self.dialect(), self)).transpose()
    }

    /// The last hour that the table has.
    pub fn last_hour(&self) -> Result<Option<String>, EngineError> {
        self.time.as_ref().map(|_| crate::dialect::last_hour(self.dialect(), self)).transpose()
    }

    /// The table's columns that are read: (names, their bytes where an engine keeps columns apart).
    pub fn reads(&self, found: &Described) -> (Vec<String>, Option<u64>) {
        let counted = (self.columns.iter()).filter(|c| c.how != How::Missing).map(|column| column.name.clone());
        let others = self.time.iter().chain(&self.segment).map(|column| column.name.clone());
        let mut names: Vec<String> = Vec::new();
        for name in counted.chain(others) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let bytes = names.iter().map(|name| found.column(name).and_then(|column| column.bytes)).sum();
        (names, if found.estimate.whole_rows { found.estimate.bytes } else { bytes })
    }

    /// Numbers that come back for one hour of one segment, at most.
    pub fn numbers_of_a_cell(&self, reference: &Reference) -> usize {
        let of = |(column, frozen): (&PlanColumn, &FrozenColumn)| match column.how {
            How::Missing => 0,
            How::Mismatched => 2,
            How::Levels | How::Booleans => frozen.bins.n() + 1,
            // Each bin with its rows, two sums, the least and the greatest; nulls, NaN and both infinities.
            How::Numbers => frozen.bins.n() * 5 + 4,
        };
        1 + self.columns.iter().zip(&reference.columns).map(of).sum::<usize>()
    }

    pub(crate) fn dialect(&self) -> &'static dyn Dialect {
        dialect(self.engine)
    }
}

fn fit_for_time(column: RemoteColumn) -> Result<RemoteColumn, EngineError> {
    match column.shape {
        Shape::Time | Shape::Number { .. } => Ok(column),
        _ => Err(EngineError::Refused(
            format!("Column {:?} ({}) tells no time.", column.name, column.type_name),
            "Name a column of times, or of seconds since 1970.",
        )),
    }
}

/// Doubles are refused: engines take -0.0 and 0.0 for one group, and the local kernel for two.
fn fit_for_segment(column: RemoteColumn) -> Result<RemoteColumn, EngineError> {
    match column.shape {
        Shape::Text | Shape::Boolean | Shape::Number { is_whole: true } => Ok(column),
        _ => Err(EngineError::Refused(
            format!("Column {:?} ({}) cannot name segments.", column.name, column.type_name),
            "A segment is a column of texts, booleans or integers.",
        )),
    }
}

fn planned(frozen: &FrozenColumn, found: &Described) -> Result<PlanColumn, EngineError> {
    let of = |how: How, there: Option<&RemoteColumn>, note: Option<String>| {
        let there = there.map(|column| column.type_name.clone());
        Ok(PlanColumn { name: frozen.name.clone(), how, there, note })
    };
    let Some(column) = found.column(&frozen.name) else {
        let outer = frozen.name.split_once('.').and_then(|(outer, _)| found.column(outer));
        if outer.is_some_and(|outer| outer.shape == Shape::Other) {
            return Err(EngineError::Refused(
                format!("Column {:?} lies within another, which is not looked into over there.", frozen.name),
                "Make a view with it as a column, or leave it out (--ignore).",
            ));
        }
        return of(How::Missing, None, Some("not in the table: all rows are nulls".into()));
    };
    let is_number = matches!(frozen.bins, Bins::Values(_) | Bins::Edges { .. });
    match (column.shape, frozen.kind) {
        (Shape::Number { .. }, _) if is_number => of(How::Numbers, Some(column), rounding(&column.type_name)),
        (Shape::Boolean, Kind::Boolean) => of(How::Booleans, Some(column), None),
        (Shape::Text, Kind::Categorical) => of(How::Levels, Some(column), None),
        // The local kernel takes spans for seconds, and times for another type; which they are over there, each engine says
        // otherwise.
        (Shape::Time | Shape::Other, _) if is_number => Err(EngineError::Refused(
            format!("Column {:?} is {} in the table and a number in the reference.", frozen.name, column.type_name),
            "Leave it out (--ignore), or make a view that casts it.",
        )),
        _ => {
            of(How::Mismatched, Some(column), Some(format!("another type than in the reference ({})", frozen.physical)))
        }
    }
}

/// A note on decimals that no double holds.
fn rounding(type_name: &str) -> Option<String> {
    let lower = type_name.to_ascii_lowercase();
    if !lower.contains("decimal") && !lower.starts_with("numeric") {
        return None;
    }
    let digits: Option<u32> = lower
        .split_once('(')
        .and_then(|(_, rest)| rest.split([',', ')']).next())
        .and_then(|digits| digits.trim().parse().ok());
    digits
        .is_none_or(|digits| digits > EXACT_DIGITS)
        .then(|| "read as the nearest double; a value of more than 15 digits may be rounded otherwise here".into())
}
