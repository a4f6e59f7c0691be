//! An engine's answer becomes cells. It is believed in nothing: whoever answers may be no engine at all.

use crate::dialect::{MISMATCHED, NAN, NEG_INF, NULL, POS_INF, ROWS};
use crate::engine::{Value, Wrong};
use crate::plan::{How, Plan, Statement};
use signalbox_drift::monitor::{Cell, CellColumn, FileCells, Reference};
use std::collections::{BTreeMap, BTreeSet};

type Key = (i64, String);

pub(crate) struct Cells<'a> {
    plan: &'a Plan,
    reference: &'a Reference,
    cells: BTreeMap<Key, Cell>,
    n_timeless: u64,
    /// Of the statement that is being read: its columns, rows by cell, rows without a time.
    asked: Vec<usize>,
    rows: BTreeMap<Key, u64>,
    timeless: u64,
    is_first: bool,
}

impl<'a> Cells<'a> {
    pub fn new(plan: &'a Plan, reference: &'a Reference) -> Cells<'a> {
        Cells {
            plan,
            reference,
            cells: BTreeMap::new(),
            n_timeless: 0,
            asked: Vec::new(),
            rows: BTreeMap::new(),
            timeless: 0,
            is_first: true,
        }
    }

    pub fn begin(&mut self, statement: &Statement) {
        self.asked = statement.columns.clone();
        self.rows.clear();
        self.timeless = 0;
    }

    /// (hour, segment, column, code, rows, sum, sum of squares, least, greatest).
    pub fn add(&mut self, row: &[Value]) -> Result<(), Wrong> {
        let [hour, segment, Value::Integer(column), Value::Integer(code), Value::Integer(rows), sums @ ..] = row else {
            return Err(Wrong("a column, a code or a count is missing".into()));
        };
        let rows = u64::try_from(*rows).map_err(|_| Wrong(format!("a count of {rows}")))?;
        let Some(hour) = hour_of(hour) else {
            if *column == ROWS {
                self.timeless = plus(self.timeless, rows)?;
            }
            return Ok(());
        };
        let key = (hour, self.segment(segment));
        if *column == ROWS {
            let n = self.rows.entry(key).or_default();
            *n = plus(*n, rows)?;
            return Ok(());
        }
        let at = usize::try_from(*column).ok().filter(|at| self.asked.contains(at));
        let at = at.ok_or_else(|| Wrong(format!("column {column} was not asked for")))?;
        let (reference, how) = (self.reference, self.plan.columns[at].how);
        let mean = reference.columns[at].moments.map_or(0.0, |moments| moments.mean);
        let scale = self.plan.dialect().scale();
        let cell = self.cells.entry(key).or_insert_with(|| Cell::empty(reference));
        fill(&mut cell.columns[at], how, *code, rows, &Sums::of(sums, mean, scale, rows))
    }

    /// All rows of an hour are in each of its columns, in this statement as in those before.
    pub fn end(&mut self) -> Result<(), Wrong> {
        let torn = || Wrong("rows were counted that other columns do not have".into());
        let found: BTreeSet<&Key> = self.cells.keys().collect();
        if !self.asked.is_empty() && found.iter().any(|key| !self.rows.contains_key(*key)) {
            return Err(torn());
        }
        if !self.is_first && (self.timeless != self.n_timeless || self.cells.len() != self.rows.len()) {
            return Err(torn());
        }
        for (key, rows) in &self.rows {
            let cell = self.cells.entry(key.clone()).or_insert_with(|| Cell::empty(self.reference));
            let is_whole = self.asked.iter().all(|at| cell.columns[*at].counts.rows == *rows);
            if !is_whole || !self.is_first && cell.rows != *rows {
                return Err(torn());
            }
            cell.rows = *rows;
        }
        self.n_timeless = self.timeless;
        self.is_first = false;
        Ok(())
    }

    pub fn has_new_levels(&self, at: usize) -> bool {
        self.cells.values().any(|cell| cell.columns[at].bins.last().is_some_and(|n| *n > 0))
    }

    /// (hour, segment, level, rows) of a level that the reference does not have.
    pub fn name(&mut self, at: usize, row: &[Value]) -> Result<(), Wrong> {
        let [hour, segment, Value::Text(level), Value::Integer(rows)] = row else {
            return Err(Wrong("a level or its rows are missing".into()));
        };
        let rows = u64::try_from(*rows).map_err(|_| Wrong(format!("a count of {rows}")))?;
        let Some(hour) = hour_of(hour) else { return Ok(()) };
        // A table that is written meanwhile may have more by now; what is counted stays as it is.
        let key = (hour, self.segment(segment));
        if let Some(cell) = self.cells.get_mut(&key) {
            let column = &mut cell.columns[at];
            let named: u64 = column.new_levels.values().sum();
            let others = column.bins.last().copied().unwrap_or(0);
            column.new_level(level, rows.min(others.saturating_sub(named)));
        }
        Ok(())
    }

    /// The reference tells which segments are told apart; several over there may be one here.
    fn segment(&self, value: &Value) -> String {
        let name = segment_name(value);
        if self.plan.segment.is_none() { name } else { self.reference.segment_of(&name).to_owned() }
    }

    pub fn done(mut self) -> FileCells {
        for (at, column) in self.plan.columns.iter().enumerate().filter(|(_, column)| column.how == How::Missing) {
            debug_assert_eq!(column.name, self.reference.columns[at].name);
            for cell in self.cells.values_mut() {
                let rows = cell.rows;
                (cell.columns[at].counts.rows, cell.columns[at].counts.nulls) = (rows, rows);
            }
        }
        FileCells {
            cells: self.cells.into_iter().map(|((hour, segment), cell)| (hour, segment, cell)).collect(),
            n_timeless: self.n_timeless,
            n_unlabelled: 0,
        }
    }
}

/// What an engine has added up of a bin's numbers.
struct Sums {
    sum: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Sums {
    fn of(sums: &[Value], mean: f64, scale: f64, rows: u64) -> Option<Sums> {
        let [Value::Double(sum), Value::Double(squares), Value::Double(min), Value::Double(max)] = sums else {
            return None;
        };
        let (mut sum, mut squares) = (sum / scale, squares / scale / scale);
        // Less than no number: what the local kernel makes of it, and no engine was asked for.
        if !mean.is_finite() && rows > 0 {
            (sum, squares) = (0.0 - mean, mean * mean);
        }
        Some(Sums { sum, squares, min: *min, max: *max })
    }
}

fn fill(column: &mut CellColumn, how: How, code: i64, rows: u64, sums: &Option<Sums>) -> Result<(), Wrong> {
    column.counts.rows = plus(column.counts.rows, rows)?;
    let counts = &mut column.counts;
    let to = match (code, how) {
        (NULL, _) => &mut counts.nulls,
        (NAN, How::Numbers) => &mut counts.nan,
        (POS_INF, How::Numbers) => &mut counts.pos_inf,
        (NEG_INF, How::Numbers) => &mut counts.neg_inf,
        (MISMATCHED, How::Mismatched) => &mut counts.mismatched,
        (bin, How::Numbers | How::Levels | How::Booleans) => {
            let bin = usize::try_from(bin).ok().filter(|bin| *bin < column.bins.len());
            &mut column.bins[bin.ok_or_else(|| Wrong(format!("there is no bin {code}")))?]
        }
        _ => return Err(Wrong(format!("there is no code {code}"))),
    };
    *to = plus(*to, rows)?;
    if how == How::Numbers && code >= 0 && rows > 0 {
        let sums = sums.as_ref().ok_or_else(|| Wrong("a bin of numbers has no sum".into()))?;
        column.sum += sums.sum;
        column.squares += sums.squares;
        column.min = column.min.min(sums.min);
        column.max = column.max.max(sums.max);
    }
    Ok(())
}

fn plus(a: u64, b: u64) -> Result<u64, Wrong> {
    a.checked_add(b).ok_or_else(|| Wrong("counts that no table has".into()))
}

/// `None`: rows without a time.
fn hour_of(value: &Value) -> Option<i64> {
    match value {
        Value::Double(hour) if hour.is_finite() => Some(*hour as i64),
        _ => None,
    }
}

/// As the local kernel names segments.
pub(crate) fn segment_name(value: &Value) -> String {
    match value {
        Value::Null => "(none)".into(),
        Value::Text(text) => text.clone(),
        Value::Double(number) => number.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::described::{RemoteColumn, Shape};
    use crate::name::TableName;
    use crate::plan::PlanColumn;
    use signalbox_drift::monitor::{Bins, FrozenColumn};
    use signalbox_drift::read::Kind;

    fn reference() -> Reference {
        let column = FrozenColumn {
            name: "k".into(),
            kind: Kind::Categorical,
            physical: "string".into(),
            bins: Bins::Levels(vec!["x".into()]),
            has_others: false,
            moments: None,
            kll: Vec::new(),
            hll: Vec::new(),
        };
        let mut reference = Reference { columns: vec![column], parts: Vec::new(), segments: Vec::new(), n_rows: 0 };
        reference.segments = vec![("a".into(), Cell::empty(&reference)), ("z".into(), Cell::empty(&reference))];
        reference
    }

    #[test]
    fn segments_that_the_reference_does_not_tell_apart_are_one() {
        let (name, type_name) = ("s".to_owned(), "text".to_owned());
        let plan = Plan {
            engine: Engine::Postgres,
            table: TableName::parse("t").expect("a name"),
            time: None,
            segment: Some(RemoteColumn { name, type_name, shape: Shape::Text, bytes: None }),
            hours: None,
            this_hour: 5,
            columns: vec![PlanColumn { name: "k".into(), how: How::Levels, there: None, note: None }],
        };
        let reference = reference();
        let mut cells = Cells::new(&plan, &reference);
        cells.begin(&Statement { sql: String::new(), columns: vec![0] });
        for (segment, bin, rows) in [("a", 0, 3), ("b", 0, 1), ("c", 1, 2)] {
            for (column, code) in [(ROWS, 0), (0, bin)] {
                let [column, code, rows] = [column, code, rows].map(Value::Integer);
                let row = [Value::Double(5.0), Value::Text(segment.into()), column, code, rows];
                assert!(cells.add(&row).is_ok(), "{row:?}");
            }
        }
        assert!(cells.end().is_ok());
        let found: Vec<(String, u64, Vec<u64>)> = (cells.done().cells.into_iter())
            .map(|(_, segment, mut cell)| (segment, cell.rows, cell.columns.remove(0).bins))
            .collect();
        assert_eq!(found, [("a".into(), 3, vec![3, 0]), ("others".into(), 3, vec![1, 2])]);
    }
}
