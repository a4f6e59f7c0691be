//! Rows of trials that are only ever added: params, values, steps, attributes. Each page is one statement.

use rusqlite::{Row, params};
use signalbox_types::Point;

use super::{Memory, Place};
use crate::{
    deltas::Deltas,
    jsonl::lenient,
    optuna::{self, INTERMEDIATE, When, trial_key},
    sqlite::{
        Budget, Look,
        access::{AccessError, in_order},
        cell,
        schema::Schema,
    },
};

/// Rows of one page: its lock is held for some ten milliseconds.
const PAGE: usize = 5_000;
/// Of rows with texts, which may be long.
const PAGE_OF_TEXTS: usize = 256;

/// A row of any of the tables.
struct Added {
    rowid: i64,
    trial: i64,
    /// The parameter's or attribute's name; empty for the others.
    name: String,
    /// Its distribution, or its value as JSON; for values, of which kind they are.
    text: String,
    /// The objective, or the step.
    at: i64,
    number: Option<f64>,
    /// The trial's number, its study, and when it ended.
    trial_number: i64,
    study: i64,
    end: String,
}

impl Added {
    fn read(r: &Row<'_>) -> rusqlite::Result<Added> {
        let number = match r.get_ref(5)? {
            rusqlite::types::ValueRef::Null => None,
            // The infinities are NULL with a word beside them.
            _ => Some(cell::float(r, 5)?),
        };
        let trial = cell::integer(r, 1)?.unwrap_or(-1);
        Ok(Added {
            rowid: r.get(0)?,
            trial,
            name: cell::text(r, 2)?,
            text: cell::text(r, 3)?,
            at: cell::integer(r, 4)?.unwrap_or(0),
            number,
            trial_number: cell::integer(r, 6)?.unwrap_or(trial),
            study: cell::integer(r, 7)?.unwrap_or(-1),
            end: cell::text(r, 8)?,
        })
    }

    fn checksum(&self) -> u32 {
        crc32c::crc32c(format!("{} {} {}", self.trial, self.at, self.name).as_bytes())
    }

    /// A value with its type: `FINITE`, `INF_POS`, `INF_NEG`, `NAN`. Before 3.0 there was none, and NULL was NaN.
    fn value(&self) -> f64 {
        match self.text.as_str() {
            "INF_POS" => f64::INFINITY,
            "INF_NEG" => f64::NEG_INFINITY,
            _ => self.number.unwrap_or(f64::NAN),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Params,
    Attributes,
    Steps,
    Values,
}

impl Table {
    const ALL: [Table; 4] = [Table::Params, Table::Attributes, Table::Steps, Table::Values];

    /// Table, and the columns for name, text, at and number; `None` if the database has no such table.
    ///
    /// Before 2.4 intermediate values stood in `trial_values`, by step.
    fn columns(self, schema: &Schema) -> Option<(&'static str, [&'static str; 4])> {
        let is_old = schema.has("trial_values", "step");
        let (table, columns) = match self {
            Table::Params => ("trial_params", ["param_name", "distribution_json", "", "param_value"]),
            Table::Attributes => ("trial_user_attributes", ["key", "value_json", "", ""]),
            Table::Steps if is_old => ("trial_values", ["", "", "step", "value"]),
            Table::Steps => {
                let (step, value) = ("step", "intermediate_value");
                ("trial_intermediate_values", ["", "intermediate_value_type", step, value])
            }
            Table::Values if is_old => return None,
            Table::Values => ("trial_values", ["", "value_type", "objective", "value"]),
        };
        schema.has(table, "trial_id").then_some((table, columns))
    }

    fn place(self, memory: &mut Memory) -> &mut Place {
        let saved = &mut memory.saved;
        match self {
            Table::Params => &mut saved.params,
            Table::Attributes => &mut saved.attributes,
            Table::Steps => &mut saved.steps,
            Table::Values => &mut saved.values,
        }
    }

    fn rows(self, look: &Look<'_>, condition: &str, bound: impl rusqlite::Params) -> Result<Vec<Added>, AccessError> {
        let Some((table, columns)) = self.columns(look.schema) else { return Ok(Vec::new()) };
        let columns = look.schema.list(table, &columns);
        let of_trial = look.schema.list("trials", &["number", "study_id", "datetime_complete"]);
        // Rows whose trial was deleted under them are no news.
        let sql = format!(
            "SELECT {table}.rowid, {table}.trial_id, {columns}, {of_trial} FROM {table} \
             CROSS JOIN trials ON trials.rowid = {table}.trial_id \
             CROSS JOIN studies ON studies.study_id = trials.study_id WHERE {table}.rowid {condition}"
        );
        look.db.rows(&sql, bound, Added::read)
    }
}

impl Memory {
    /// Whether the rows that were read last are still the same ones.
    pub(super) fn places_hold(&mut self, look: &Look<'_>) -> Result<bool, AccessError> {
        for table in Table::ALL {
            let place = *table.place(self);
            if place != Place::default() && table.columns(look.schema).is_some() {
                let rows = table.rows(look, "= ?1", params![place.0])?;
                if rows.first().is_none_or(|row| row.checksum() != place.1) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Reads what was added. False if there is more.
    pub(super) fn read_added(
        &mut self,
        look: &Look<'_>,
        is_utc: bool,
        budget: &mut Budget,
        deltas: &mut Deltas,
    ) -> Result<bool, AccessError> {
        for table in Table::ALL {
            loop {
                let is_text = matches!(table, Table::Params | Table::Attributes);
                let limit = budget.page(if is_text { PAGE_OF_TEXTS } else { PAGE });
                let from = table.place(self).0;
                let page = table.rows(look, "> ?1 ORDER BY 1 LIMIT ?2", params![from, limit])?;
                let mut last = from;
                for row in &page {
                    in_order(&mut last, row.rowid)?;
                    if row.trial > self.saved.last_trial {
                        // Of a trial that came up only now.
                        return Ok(false);
                    }
                    if self.saved.spans.find(row.trial).is_some() {
                        self.tell_added(table, row, is_utc, deltas);
                    }
                    *table.place(self) = Place(row.rowid, row.checksum());
                }
                if (page.len() as i64) < limit {
                    break;
                }
                if !budget.spend(page.len()) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn tell_added(&mut self, table: Table, row: &Added, is_utc: bool, deltas: &mut Deltas) {
        let key = trial_key(row.trial);
        match table {
            Table::Params => {
                let value = self.distributions.external(&row.text, row.number.unwrap_or(f64::NAN));
                match value {
                    Some(value) => optuna::tell_param(deltas.run(&key), &row.name, value),
                    None => {
                        let message = format!(
                            "Row {} of trial_params: a parameter whose distribution makes no sense; it was skipped.",
                            row.rowid
                        );
                        deltas.troubles.push((row.rowid.unsigned_abs(), message));
                    }
                }
            }
            Table::Attributes => {
                let value = lenient::parse(row.text.as_bytes()).unwrap_or_else(|_| row.text.as_str().into());
                optuna::tell_attribute(deltas.run(&key), &row.name, &value);
            }
            Table::Steps => {
                deltas.push(&key, INTERMEDIATE, Point { step: row.at, time: f64::NAN, value: row.value() });
            }
            Table::Values => {
                let study = self.saved.studies.get(&row.study);
                let (names, n) = study.map_or((&[][..], 0), |s| (&s.metric_names[..], s.n_objectives));
                let metric = optuna::value_metric(names, n, usize::try_from(row.at).unwrap_or(0));
                // One point each, at the trial's number: values of one study's trials lie side by side.
                let time = When::of(&row.end, is_utc).at().unwrap_or(f64::NAN);
                deltas.push(&key, &metric, Point { step: row.trial_number, time, value: row.value() });
            }
        }
    }
}
