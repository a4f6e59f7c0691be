//! Rows that are only ever added: points, params, inputs. Each page is one statement, finished at once.

use std::ops::ControlFlow;

use rusqlite::{Row, params};
use signalbox_types::{DatasetRef, ParamValue, Point};

use super::{Memory, Place};
use crate::{
    deltas::Deltas,
    mlflow::{self, logged},
    place,
    sqlite::{
        Budget,
        access::{AccessError, Db, in_order},
        cell,
        schema::Schema,
    },
    yaml,
};

/// Rows of one page at most; it ends sooner where that takes longer than a writer should wait.
const PAGE: usize = 10_000;

/// A table of added rows: how to read it, and what a row says.
struct Added {
    sql: String,
    take: fn(&Row<'_>, &mut Deltas) -> rusqlite::Result<u32>,
}

fn metrics(schema: &Schema) -> Added {
    let texts = schema.list("metrics", &["key", "run_uuid"]);
    let optional = |column| if schema.has("metrics", column) { column } else { "0" };
    let (timestamp, step, is_nan) = (optional("timestamp"), optional("step"), optional("is_nan"));
    let columns = format!("metrics.rowid, {texts}, metrics.value, {timestamp}, {step}, {is_nan}");
    Added { sql: format!("SELECT {columns} FROM metrics WHERE"), take: take_metric }
}

fn take_metric(row: &Row<'_>, deltas: &mut Deltas) -> rusqlite::Result<u32> {
    let (metric, run) = (cell::str(row, 1)?, cell::str(row, 2)?);
    let value = cell::metric(row, 3, 6)?;
    let ms = cell::integer(row, 4)?;
    let step = cell::integer(row, 5)?.unwrap_or(0);
    deltas.push(&run, &metric, Point { step, time: ms.map_or(f64::NAN, mlflow::seconds), value });
    let sum = crc32c::crc32c_append(crc32c::crc32c(run.as_bytes()), metric.as_bytes());
    let sum = crc32c::crc32c_append(sum, &step.to_le_bytes());
    Ok(crc32c::crc32c_append(sum, &ms.unwrap_or(0).to_le_bytes()))
}

fn params_table(schema: &Schema) -> Added {
    let columns = schema.list("params", &["key", "value", "run_uuid"]);
    Added { sql: format!("SELECT params.rowid, {columns} FROM params WHERE"), take: take_param }
}

fn take_param(row: &Row<'_>, deltas: &mut Deltas) -> rusqlite::Result<u32> {
    let (key, value, run) = (cell::text(row, 1)?, cell::text(row, 2)?, cell::text(row, 3)?);
    let sum = [&key, &value, &run].iter().fold(0, |sum, text| crc32c::crc32c_append(sum, text.as_bytes()));
    let param = (place::clean_name(key.as_bytes()), ParamValue::Text(yaml::cut_text(value)));
    deltas.run(&run).params.push(param);
    Ok(sum)
}

fn inputs(schema: &Schema) -> Added {
    let input = schema.list("inputs", &["source_type", "source_id", "destination_type", "destination_id"]);
    let names = ["name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile"];
    let dataset = schema.list("datasets", &names);
    let context = match schema.has_table("input_tags") {
        true => format!(
            "(SELECT substr(t.value, 1, 1000) FROM input_tags t WHERE t.input_uuid = inputs.input_uuid AND t.name = '{}')",
            mlflow::DATA_CONTEXT
        ),
        false => "NULL".to_owned(),
    };
    let sql = format!(
        "SELECT inputs.rowid, {input}, {dataset}, {context} FROM inputs \
         LEFT JOIN datasets ON datasets.dataset_uuid = inputs.source_id WHERE"
    );
    Added { sql, take: take_input }
}

fn take_input(row: &Row<'_>, deltas: &mut Deltas) -> rusqlite::Result<u32> {
    let text = |i| cell::text(row, i);
    let (source_type, source_id, destination_type, run) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let sum = crc32c::crc32c_append(crc32c::crc32c(source_id.as_bytes()), run.as_bytes());
    let name = text(5)?;
    if source_type != "DATASET" || destination_type != "RUN" || name.is_empty() {
        return Ok(sum);
    }
    let (schema, profile) = (text(9)?, text(10)?);
    deltas.run(&run).datasets.push(DatasetRef {
        name,
        digest: text(6)?,
        context: text(11)?,
        source: logged::source_words(&text(7)?, &yaml::cut_text(text(8)?)),
        schema: yaml::cut_text(if schema.is_empty() { profile } else { schema }),
    });
    Ok(sum)
}

impl Added {
    fn take_one(&self, row: &Row<'_>, to: &mut Place, deltas: &mut Deltas) -> rusqlite::Result<()> {
        let sum = (self.take)(row, deltas)?;
        *to = Place(row.get(0)?, sum);
        Ok(())
    }

    /// Reads one page of the rows that `condition` selects, by rowid and at most `limit`, and moves `to` on with each.
    /// How many they were, and whether they were the last.
    fn page(
        &self,
        db: &Db,
        condition: &str,
        bound: impl rusqlite::Params,
        limit: i64,
        to: &mut Place,
        deltas: &mut Deltas,
    ) -> Result<(usize, bool), AccessError> {
        let sql = format!("{} {condition}", self.sql);
        let mut last = to.0;
        let (rows, is_last) = db.page(&sql, bound, limit, |row| {
            in_order(&mut last, row.get(0)?)?;
            self.take_one(row, to, deltas)
        })?;
        Ok((rows.len(), is_last))
    }

    /// Reads the few rows that `condition` selects.
    fn few(
        &self,
        db: &Db,
        condition: &str,
        bound: impl rusqlite::Params,
        to: &mut Place,
        deltas: &mut Deltas,
    ) -> Result<(), AccessError> {
        db.rows(&format!("{} {condition}", self.sql), bound, |row| self.take_one(row, to, deltas))?;
        Ok(())
    }

    /// Reads what was added. `Break`: the budget ran out.
    fn read_on(
        &self,
        db: &Db,
        table: &str,
        to: &mut Place,
        budget: &mut Budget,
        deltas: &mut Deltas,
    ) -> Result<ControlFlow<()>, AccessError> {
        loop {
            let condition = format!("{table}.rowid > ?1 ORDER BY {table}.rowid LIMIT ?2");
            let limit = budget.page(PAGE);
            let from = to.0;
            let (n, is_last) = self.page(db, &condition, params![from, limit], limit, to, deltas)?;
            if is_last {
                return Ok(ControlFlow::Continue(()));
            }
            if !budget.spend(n) {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Whether the last row that was read is still where it was.
    fn holds(&self, db: &Db, table: &str, place: Place) -> Result<bool, AccessError> {
        if place == Place::default() {
            return Ok(true);
        }
        let (mut found, mut unheard) = (Place::default(), Deltas::default());
        self.few(db, &format!("{table}.rowid = ?1"), params![place.0], &mut found, &mut unheard)?;
        Ok(found == place)
    }
}

impl Memory {
    /// Whether the rows that were read are still the same ones.
    pub(super) fn places_hold(&self, db: &Db, schema: &Schema) -> Result<bool, AccessError> {
        Ok(metrics(schema).holds(db, "metrics", self.saved.metrics)?
            && (!schema.has("params", "run_uuid") || params_table(schema).holds(db, "params", self.saved.params)?)
            && (!has_inputs(schema) || inputs(schema).holds(db, "inputs", self.saved.inputs)?))
    }

    /// Reads the rows that were added. `Break`: the budget ran out.
    pub(super) fn read_added(
        &mut self,
        db: &Db,
        schema: &Schema,
        budget: &mut Budget,
        deltas: &mut Deltas,
    ) -> Result<ControlFlow<()>, AccessError> {
        let saved = &mut self.saved;
        if schema.has("params", "run_uuid")
            && params_table(schema).read_on(db, "params", &mut saved.params, budget, deltas)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        if has_inputs(schema) && inputs(schema).read_on(db, "inputs", &mut saved.inputs, budget, deltas)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let metrics = metrics(schema);
        let condition = "metrics.run_uuid = ?1 AND metrics.rowid > ?2 AND metrics.rowid <= ?3 \
                         ORDER BY metrics.rowid LIMIT ?4";
        while let Some((run, row)) = saved.backfill.last_mut() {
            let (limit, mut to) = (budget.page(PAGE), Place(*row, 0));
            let bound = params![&*run, *row, saved.metrics.0, limit];
            let (n, is_last) = metrics.page(db, condition, bound, limit, &mut to, deltas)?;
            *row = to.0;
            if is_last {
                saved.backfill.pop();
            }
            if !budget.spend(n) {
                return Ok(ControlFlow::Break(()));
            }
        }
        metrics.read_on(db, "metrics", &mut saved.metrics, budget, deltas)
    }

    /// Tells params and inputs of one run again; its points follow.
    pub(super) fn retell_added(
        &mut self,
        db: &Db,
        schema: &Schema,
        key: &str,
        deltas: &mut Deltas,
    ) -> Result<(), AccessError> {
        let mut to = Place::default();
        if schema.has("params", "run_uuid") {
            let condition = "params.run_uuid = ?1 AND params.rowid <= ?2";
            params_table(schema).few(db, condition, params![key, self.saved.params.0], &mut to, deltas)?;
        }
        if has_inputs(schema) {
            let condition = "inputs.destination_id = ?1 AND inputs.rowid <= ?2";
            inputs(schema).few(db, condition, params![key, self.saved.inputs.0], &mut to, deltas)?;
        }
        self.saved.backfill.retain(|(run, _)| run != key);
        self.saved.backfill.push((key.to_owned(), 0));
        Ok(())
    }
}

fn has_inputs(schema: &Schema) -> bool {
    schema.has("inputs", "destination_id") && schema.has("datasets", "dataset_uuid")
}
