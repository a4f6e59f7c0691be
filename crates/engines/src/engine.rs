//! A connection to an engine: its table described, a plan counted.

mod clickhouse;
mod postgres;
mod spark;

use crate::Engine;
use crate::address::{Address, Password};
use crate::cancel::Cancel;
use crate::cells::Cells;
use crate::described::{Described, Shape};
use crate::dialect::MAX_SEGMENTS;
use crate::error::EngineError;
use crate::name::TableName;
use crate::plan::{How, Plan, Wanted};
use signalbox_drift::monitor::{FileCells, Reference};
use std::time::Duration;

/// What an engine may cost and send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of each statement.
    pub timeout: Duration,
    /// Of each answer.
    pub max_rows: usize,
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { timeout: Duration::from_secs(1800), max_rows: 4_000_000, max_bytes: 1 << 30 }
    }
}

/// What a column of an answer is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Double,
    Integer,
    Text,
    Boolean,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Double(f64),
    Integer(i64),
    Text(String),
    Boolean(bool),
}

/// Takes a row, or says why it is none.
pub(crate) type Each<'a> = &'a mut dyn FnMut(Vec<Value>) -> Result<(), Wrong>;

/// Why a row is no answer.
pub(crate) struct Wrong(pub String);

pub(crate) trait Session {
    fn describe(&mut self, table: &TableName) -> Result<Described, EngineError>;
    /// Rows as they come; a row of another width or type is [`EngineError::Senseless`].
    fn query(&mut self, table: &TableName, sql: &str, columns: &[As], each: Each<'_>) -> Result<(), EngineError>;
}

pub struct Connection {
    engine: Engine,
    limits: Limits,
    session: Box<dyn Session>,
}

impl Connection {
    /// Nothing is read yet.
    pub fn open(
        address: &Address,
        password: &Password,
        limits: Limits,
        cancel: &Cancel,
    ) -> Result<Connection, EngineError> {
        let session: Box<dyn Session> = match address.engine {
            Engine::Postgres => Box::new(postgres::Postgres::open(address, password, limits, cancel)?),
            Engine::ClickHouse => Box::new(clickhouse::ClickHouse::open(address, password, limits, cancel)?),
            Engine::Spark => Box::new(spark::Spark::open(address, password, limits, cancel)?),
        };
        Ok(Connection { engine: address.engine, limits, session })
    }

    /// The table's columns and how large it is, from the catalogue; `estimate.from` says where there is none.
    pub fn describe(&mut self, table: &TableName) -> Result<Described, EngineError> {
        self.session.describe(table)
    }

    /// A plan; `last_hours`: of those that the table has, for which its times are read once.
    pub fn plan(
        &mut self,
        reference: &Reference,
        found: &Described,
        wanted: &Wanted,
        last_hours: Option<u32>,
    ) -> Result<Plan, EngineError> {
        let mut plan = Plan::new(self.engine, reference, found, wanted)?;
        let Some(n) = last_hours else { return Ok(plan) };
        let Some(sql) = plan.last_hour()? else {
            // Says that there are no times.
            return Plan::new(self.engine, reference, found, &Wanted { hours: Some(0..0), ..wanted.clone() });
        };
        let mut last = None;
        self.rows(&plan.table, &sql, &[As::Double], &mut |row| {
            if let [Value::Double(hour)] = row[..] {
                last = Some(hour as i64);
            }
            Ok(())
        })?;
        let till = last.unwrap_or(0).saturating_add(1);
        plan.hours = Some(till.saturating_sub(i64::from(n))..till);
        Ok(plan)
    }

    /// The cells of the table: as the local kernel's of a file with the same rows.
    pub fn count(&mut self, plan: &Plan, reference: &Reference) -> Result<FileCells, EngineError> {
        self.few_segments(plan)?;
        let mut cells = Cells::new(plan, reference);
        let segment = match plan.segment.as_ref().map(|column| column.shape) {
            Some(Shape::Number { .. }) => As::Double,
            _ => As::Text,
        };
        let counts = [
            As::Double,
            segment,
            As::Integer,
            As::Integer,
            As::Integer,
            As::Double,
            As::Double,
            As::Double,
            As::Double,
        ];
        for statement in plan.statements(reference)? {
            cells.begin(&statement);
            self.rows(&plan.table, &statement.sql, &counts, &mut |row| cells.add(&row))?;
            cells.end().map_err(|wrong| self.senseless(&plan.table, wrong))?;
        }
        let named = [As::Double, segment, As::Text, As::Integer];
        for at in (0..plan.columns.len()).filter(|at| plan.columns[*at].how == How::Levels) {
            // What is not among its bins need not be new to a reference that has more levels.
            if !reference.columns[at].has_others && cells.has_new_levels(at) {
                let sql = plan.new_levels(reference, at)?;
                self.rows(&plan.table, &sql, &named, &mut |row| cells.name(at, &row))?;
            }
        }
        Ok(cells.done())
    }

    /// Which of them the reference tells apart is known here only: each comes back with counts of its own, and a flood of
    /// them would.
    fn few_segments(&mut self, plan: &Plan) -> Result<(), EngineError> {
        let (Some(sql), Some(segment)) = (plan.segments()?, &plan.segment) else { return Ok(()) };
        let kind = if matches!(segment.shape, Shape::Number { .. }) { As::Double } else { As::Text };
        let mut names = std::collections::BTreeSet::new();
        self.rows(&plan.table, &sql, &[kind], &mut |row| {
            names.insert(crate::cells::segment_name(&row[0]));
            Ok(())
        })?;
        if names.len() <= MAX_SEGMENTS {
            return Ok(());
        }
        Err(EngineError::Refused(
            format!("Column {:?} of table {} has more than {MAX_SEGMENTS} segments.", segment.name, plan.table),
            "Choose a column with fewer values, or make a view that puts rare ones together.",
        ))
    }

    pub(crate) fn rows(
        &mut self,
        table: &TableName,
        sql: &str,
        columns: &[As],
        each: Each<'_>,
    ) -> Result<(), EngineError> {
        let (mut n, most) = (0, self.limits.max_rows);
        let mut is_too_many = false;
        let done = self.session.query(table, sql, columns, &mut |row| {
            n += 1;
            is_too_many = n > most;
            if is_too_many { Err(Wrong(String::new())) } else { each(row) }
        });
        if is_too_many {
            return Err(EngineError::TooLarge { table: table.to_string(), limit: format!("{most} rows") });
        }
        done
    }

    fn senseless(&self, table: &TableName, Wrong(why): Wrong) -> EngineError {
        EngineError::Senseless { engine: self.engine.name(), table: table.to_string(), why }
    }
}
