//! Trackio's database, `<project>.db`: one row a step, its metrics as a JSON object (FORMATS.md section 16, and
//! Trackio's `sqlite_storage.py`).
//!
//! Rows are only ever added, under ids that are never given away again, but for two things that a person does in its
//! dashboard: a run that is deleted takes its rows along, and one that is renamed has them written anew. So the first
//! row of each run is looked at again. Trackio says nothing of a run's end. Times are those of the batch that wrote a
//! row (Trackio sends every half second); without a zone, as old versions wrote them, they are no time.

use std::collections::BTreeMap;

use rusqlite::params;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_types::{Cursor, ParamValue, Point, RunDelta};

use crate::{
    Progress,
    deltas::Deltas,
    jsonl::lenient,
    place, secret,
    sqlite::{
        Budget, DbReader, Look, Store,
        access::{AccessError, Db, in_order},
        cell,
        schema::Schema,
    },
    text::clock,
    yaml,
};

const TABLES: [&str; 3] = ["metrics", "system_metrics", "configs"];
/// Rows of one page: each may be a megabyte.
const PAGE: usize = 100;
const MAX_CONFIGS: u32 = 5_000;
/// So many runs are kept in the cursor; of more, those that vanish while nobody looks stay listed.
const MAX_RUNS: usize = 5_000;
/// So many numbers of one row, and parameters of one run, are read.
const MAX_LEAVES: usize = 5_000;

/// The last row that was read, and its checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place(i64, u32);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Run {
    /// Its first row in `metrics`, 0 if it has none yet.
    #[serde(rename = "f")]
    first: i64,
    /// How many rows of `system_metrics` were told: those have no step.
    #[serde(rename = "s")]
    n_system: i64,
    /// Checksums of its name and of its config, 0 if it has none yet.
    #[serde(rename = "n")]
    name: u32,
    #[serde(rename = "c")]
    config: u32,
    /// Its config says when it was made.
    #[serde(rename = "b")]
    has_start: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    #[serde(rename = "m")]
    metrics: Place,
    #[serde(rename = "s")]
    system: Place,
    #[serde(rename = "r")]
    runs: BTreeMap<String, Run>,
    /// Runs were told before that may come up again: each begins with a reset.
    #[serde(rename = "n")]
    anew: bool,
    /// What was told before: to be gone unless it comes up again.
    #[serde(rename = "z", default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<String>,
    #[serde(rename = "x")]
    bad: bool,
    #[serde(rename = "y")]
    n_bad_rows: u32,
}

/// What is known of a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Saved);

/// Reads one database.
pub(crate) type Database = DbReader<Memory>;

impl Store for Memory {
    const TOOL: &'static str = "Trackio";

    fn restore(cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let anew = cursor.is_some() && understood.is_none();
        let mut saved = understood.unwrap_or_default();
        saved.anew |= anew;
        Memory(saved)
    }

    fn cursor(&self) -> Cursor {
        let text = match self.0.runs.len() <= MAX_RUNS {
            true => serde_json::to_string(&self.0),
            false => {
                let runs = self.0.runs.iter().take(MAX_RUNS).map(|(key, run)| (key.clone(), run.clone())).collect();
                serde_json::to_string(&Saved { runs, ..self.0.clone() })
            }
        };
        Cursor(text.unwrap_or_default())
    }

    fn schema(db: &Db) -> Result<Schema, AccessError> {
        let needed = ["timestamp", "run_name", "step", "metrics"].map(|column| ("metrics", column));
        Schema::read(db, &TABLES, &needed)
    }

    fn update(
        &mut self,
        look: &Look<'_>,
        _unchanged: bool,
        budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError> {
        let mut budget = Budget::of_bytes(budget);
        if !(self.runs_hold(look, deltas)? && self.place_holds(look)?) {
            self.restart(deltas);
        }
        self.sweep_configs(look, deltas)?;
        for table in [Table::Metrics, Table::System] {
            if look.schema.has(table.name(), "metrics") && !self.read_rows(table, look, &mut budget, deltas)? {
                return Ok(Progress::More);
            }
        }
        let before = std::mem::take(&mut self.0.before);
        before.iter().filter(|key| !self.0.runs.contains_key(*key)).for_each(|key| deltas.gone(key));
        Ok(Progress::CaughtUp)
    }

    fn bad(&mut self) -> &mut bool {
        &mut self.0.bad
    }

    fn n_bad_rows(&mut self) -> &mut u32 {
        &mut self.0.n_bad_rows
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Metrics,
    System,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Table::Metrics => "metrics",
            Table::System => "system_metrics",
        }
    }

    fn place(self, saved: &mut Saved) -> &mut Place {
        match self {
            Table::Metrics => &mut saved.metrics,
            Table::System => &mut saved.system,
        }
    }

    fn rows(self, look: &Look<'_>, condition: &str, bound: impl rusqlite::Params) -> Result<Vec<Row>, AccessError> {
        let table = self.name();
        let columns = look.schema.list(table, &[key_column(look, table), "run_name", "timestamp", "step", "metrics"]);
        let sql = format!("SELECT {table}.rowid, {columns} FROM {table} WHERE {condition}");
        look.db.rows(&sql, bound, |r| {
            Ok(Row {
                id: r.get(0)?,
                run: cell::text(r, 1)?,
                name: cell::text(r, 2)?,
                time: cell::text(r, 3)?,
                step: cell::integer(r, 4)?.unwrap_or(0),
                json: cell::text(r, 5)?,
            })
        })
    }
}

/// Runs have an id since Trackio 0.20 or so; before, their name was it.
fn key_column(look: &Look<'_>, table: &str) -> &'static str {
    if look.schema.has(table, "run_id") { "run_id" } else { "run_name" }
}

/// A row of either table.
struct Row {
    id: i64,
    run: String,
    name: String,
    time: String,
    step: i64,
    json: String,
}

impl Row {
    fn checksum(&self) -> u32 {
        let step = self.step.to_le_bytes();
        let parts = [self.run.as_bytes(), &step, self.time.as_bytes(), self.json.as_bytes()];
        parts.into_iter().fold(0, crc32c::crc32c_append)
    }
}

impl Memory {
    /// Looks for the first row of each run: false if one was written anew. Runs without rows are gone.
    fn runs_hold(&mut self, look: &Look<'_>, deltas: &mut Deltas) -> Result<bool, AccessError> {
        let key = key_column(look, "metrics");
        let known: Vec<(String, i64)> = self.0.runs.iter().map(|(key, run)| (key.clone(), run.first)).collect();
        let mut gone = Vec::new();
        for (run, first) in known.into_iter().filter(|(_, first)| *first > 0) {
            let there = look.db.rows(
                &format!("SELECT 1 FROM metrics WHERE rowid = ?1 AND \"{key}\" = ?2"),
                params![first, run],
                |_| Ok(()),
            )?;
            if !there.is_empty() {
                continue;
            }
            let others =
                look.db
                    .rows(&format!("SELECT 1 FROM metrics WHERE \"{key}\" = ?1 LIMIT 1"), params![run], |_| Ok(()))?;
            if !others.is_empty() {
                return Ok(false);
            }
            gone.push(run);
        }
        for run in gone {
            self.0.runs.remove(&run);
            self.0.anew = true;
            deltas.gone(&run);
        }
        Ok(true)
    }

    /// Whether it is the database that was read: the last row is there, or was deleted and its id was not given away.
    fn place_holds(&self, look: &Look<'_>) -> Result<bool, AccessError> {
        let Place(id, sum) = self.0.metrics;
        if id == 0 {
            return Ok(true);
        }
        if let Some(row) = Table::Metrics.rows(look, "metrics.rowid = ?1", params![id])?.first() {
            return Ok(row.checksum() == sum);
        }
        let has_counter = !look
            .db
            .rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sqlite_sequence'", [], |_| Ok(()))?
            .is_empty();
        if !has_counter || self.0.runs.values().all(|run| run.first == 0) {
            return Ok(false);
        }
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'metrics'";
        let counted = look.db.rows(sql, [], |r| cell::integer(r, 0))?;
        Ok(counted.first().copied().flatten().is_some_and(|n| n >= id))
    }

    fn restart(&mut self, deltas: &mut Deltas) {
        deltas.healed = true;
        let old = std::mem::take(&mut self.0);
        let before = old.runs.into_keys().chain(old.before).collect();
        self.0 = Saved { anew: true, before, bad: old.bad, ..Saved::default() };
    }

    /// Remembers a run, and tells its head if its name is new. `project`: the database's name.
    fn meet<'a>(&mut self, key: &str, name: &str, look: &Look<'_>, deltas: &'a mut Deltas) -> &'a mut RunDelta {
        let anew = self.0.anew;
        let is_new = !self.0.runs.contains_key(key);
        let run = self.0.runs.entry(key.to_owned()).or_default();
        let sum = crc32c::crc32c_append(1, name.as_bytes());
        let delta = deltas.run(key);
        if is_new {
            delta.reset |= anew;
            let project = look.spec.rel.file_stem().or(look.spec.project.file_name());
            delta.head.experiment = project.map(|p| place::clean_name(p.as_encoded_bytes()));
        }
        if run.name != sum {
            run.name = sum;
            delta.head.name = Some(place::clean_name(name.as_bytes()));
        }
        delta
    }

    /// Tells configs that are new or changed: a run has one.
    fn sweep_configs(&mut self, look: &Look<'_>, deltas: &mut Deltas) -> Result<(), AccessError> {
        if !look.schema.has("configs", "config") {
            return Ok(());
        }
        let columns = look.schema.list("configs", &[key_column(look, "configs"), "run_name", "config"]);
        let sql = format!("SELECT configs.rowid, {columns} FROM configs ORDER BY rowid LIMIT {MAX_CONFIGS}");
        let rows = look
            .db
            .rows(&sql, [], |r| Ok((r.get::<_, i64>(0)?, cell::text(r, 1)?, cell::text(r, 2)?, cell::text(r, 3)?)))?;
        for (id, key, name, json) in rows {
            let sum = crc32c::crc32c_append(crc32c::crc32c_append(1, name.as_bytes()), json.as_bytes());
            if self.0.runs.get(&key).is_some_and(|run| run.config == sum) {
                continue;
            }
            self.meet(&key, &name, look, deltas);
            let parsed = lenient::parse(json.as_bytes());
            if let Some(run) = self.0.runs.get_mut(&key) {
                run.config = sum;
                run.has_start |= parsed.as_ref().is_ok_and(|config| created(config).is_some());
            }
            match parsed {
                Ok(Value::Object(config)) => tell_config(deltas.run(&key), &config),
                _ => {
                    let message = format!("Row {id} of configs: a config that is no JSON object; it was skipped.");
                    deltas.troubles.push((id.unsigned_abs(), message));
                }
            }
        }
        Ok(())
    }

    /// Reads rows that were added. False if there are more of them.
    fn read_rows(
        &mut self,
        table: Table,
        look: &Look<'_>,
        budget: &mut Budget,
        deltas: &mut Deltas,
    ) -> Result<bool, AccessError> {
        let name = table.name();
        loop {
            let limit = budget.page(PAGE);
            let condition = format!("{name}.rowid > ?1 ORDER BY {name}.rowid LIMIT ?2");
            let page = table.rows(look, &condition, params![table.place(&mut self.0).0, limit])?;
            let mut last = table.place(&mut self.0).0;
            for row in &page {
                in_order(&mut last, row.id)?;
                self.tell_row(table, row, look, deltas);
                *table.place(&mut self.0) = Place(row.id, row.checksum());
            }
            if (page.len() as i64) < limit {
                return Ok(true);
            }
            if !budget.spend(page.len()) {
                return Ok(false);
            }
        }
    }

    fn tell_row(&mut self, table: Table, row: &Row, look: &Look<'_>, deltas: &mut Deltas) {
        let time = clock::unix_of_zoned_iso(&row.time);
        let is_first = self
            .0
            .runs
            .get(&row.run)
            .is_none_or(|run| run.first == 0 && (table == Table::Metrics || run.n_system == 0));
        let has_start = self.0.runs.get(&row.run).is_some_and(|run| run.has_start);
        let delta = self.meet(&row.run, &row.name, look, deltas);
        if is_first && !has_start {
            delta.head.started = time;
        }
        let Some(run) = self.0.runs.get_mut(&row.run) else { return };
        let (prefix, step) = match table {
            Table::Metrics => {
                if run.first == 0 {
                    run.first = row.id;
                }
                ("", row.step)
            }
            Table::System => {
                run.n_system += 1;
                ("system", run.n_system - 1)
            }
        };
        let Ok(Value::Object(metrics)) = lenient::parse(row.json.as_bytes()) else {
            let message =
                format!("Row {} of {}: metrics that are no JSON object; they were skipped.", row.id, table.name());
            deltas.troubles.push((row.id.unsigned_abs(), message));
            return;
        };
        let mut leaves = Vec::new();
        numbers(prefix, &metrics, &mut leaves);
        for (metric, value) in leaves {
            deltas.push(&row.run, &metric, Point { step, time: time.unwrap_or(f64::NAN), value });
        }
    }
}

/// The numbers of a row, nested names joined with `/`. Pictures, tables and other objects with a `_type` are none.
fn numbers(prefix: &str, object: &Map<String, Value>, out: &mut Vec<(String, f64)>) {
    for (key, value) in object {
        if out.len() >= MAX_LEAVES {
            return;
        }
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}/{key}") };
        let name = place::clean_name(name.as_bytes());
        match value {
            Value::Object(inner) if !inner.contains_key("_type") => numbers(&name, inner, out),
            _ => out.extend(number(value).map(|value| (name, value))),
        }
    }
}

/// Trackio writes the numbers that JSON has not as words.
fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => lenient::number(value),
    }
}

/// When a config says that its run was made.
fn created(config: &Value) -> Option<f64> {
    config.get("_Created").and_then(moment)
}

fn moment(value: &Value) -> Option<f64> {
    value.as_str().and_then(clock::unix_of_zoned_iso)
}

fn tell_config(run: &mut RunDelta, config: &Map<String, Value>) {
    let text = |key: &str| config.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    run.head.started = config.get("_Created").and_then(moment).or(run.head.started);
    run.head.user = text("_Username").map(|name| place::clean_name(name.as_bytes()));
    if let Some(group) = text("_Group") {
        run.tags.push(("trackio.group".into(), yaml::cut_text(group.to_owned())));
    }
    flatten("", config, &mut run.params);
}

/// A config's values by dotted name; what begins with `_` is Trackio's own.
fn flatten(prefix: &str, object: &Map<String, Value>, out: &mut Vec<(String, ParamValue)>) {
    for (key, value) in object {
        if out.len() >= MAX_LEAVES {
            return;
        }
        if prefix.is_empty() && key.starts_with('_') {
            continue;
        }
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let name = place::clean_name(name.as_bytes());
        let value = match value {
            Value::Object(inner) if !inner.is_empty() => {
                flatten(&name, inner, out);
                continue;
            }
            other => crate::params::of_json(other),
        };
        if !secret::is_secret(&name, &value.text()) {
            out.push((name, value));
        }
    }
}
