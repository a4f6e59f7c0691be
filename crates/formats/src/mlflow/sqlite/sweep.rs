//! Rows that change in place: runs, tags, models. Compared with what was told of them.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
};

use rusqlite::params;

use super::{
    Memory,
    heads::{self, RUN_COLUMNS, RunRow},
    models,
};
use crate::{
    Progress, SourceSpec,
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

const RUNS_PAGE: i64 = 2_000;
const TAGS_PAGE: i64 = 10_000;
/// A store of so many runs and tags is swept at every change: that takes some ten milliseconds.
const SMALL: usize = 20_000;
/// Above, a sweep may be put off so many times for each thousand of them.
const PUT_OFF: usize = 2;
/// So many active runs are looked at one by one instead.
const MAX_ACTIVE: usize = 200;

/// A row of `tags`.
struct TagRow {
    rowid: i64,
    run: String,
    key: String,
    value: String,
}

impl TagRow {
    /// From `rowid`, the run, the key and the value.
    fn read(r: &rusqlite::Row<'_>) -> rusqlite::Result<TagRow> {
        Ok(TagRow { rowid: r.get(0)?, run: cell::text(r, 1)?, key: cell::text(r, 2)?, value: cell::text(r, 3)? })
    }
}

impl Memory {
    /// Reads what is new. `unchanged`: the database is as it was at the last read, only a sweep is due.
    pub(super) fn look(
        &mut self,
        db: &Db,
        schema: &Schema,
        spec: &SourceSpec,
        unchanged: bool,
        budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError> {
        if !self.places_hold(db, schema)? {
            self.restart(deltas);
        }
        self.experiments = heads::experiments(db, schema)?;
        let size = self.known.runs.len() + self.tags.len();
        let allowed = size / 1_000 * PUT_OFF;
        let put_off = self.n_sweeps > 0 && !unchanged && size > SMALL && (self.n_put_off as usize) < allowed;
        let explained = match put_off {
            false => {
                self.sweep(db, schema, spec, deltas)?;
                true
            }
            true => self.follow(db, schema, spec, deltas)?,
        };
        let places = (self.saved.metrics, self.saved.params, self.saved.inputs);
        let flow = self.read_added(db, schema, &mut Budget::of_bytes(budget), deltas)?;
        if !explained && places == (self.saved.metrics, self.saved.params, self.saved.inputs) {
            self.sweep(db, schema, spec, deltas)?;
        }
        Ok(if flow.is_break() || !self.saved.backfill.is_empty() { Progress::More } else { Progress::CaughtUp })
    }

    /// The tables are not those that were read: everything is told anew.
    fn restart(&mut self, deltas: &mut Deltas) {
        for run in self.known.runs.iter_mut().filter(|r| r.present) {
            run.force = true;
            deltas.run(&run.key).reset = true;
        }
        let saved = std::mem::take(&mut self.saved);
        self.saved.bad = saved.bad;
        self.saved.models = saved.models;
        self.tags.clear();
        self.n_sweeps = 0;
        self.anew = true;
    }

    /// Compares all runs, tags and models.
    fn sweep(&mut self, db: &Db, schema: &Schema, spec: &SourceSpec, deltas: &mut Deltas) -> Result<(), AccessError> {
        let number = self.n_sweeps + 1;
        let mut last = 0;
        loop {
            let (page, is_last) = run_page(db, schema, last)?;
            last = page.last().map_or(last, |r| r.rowid);
            for row in &page {
                self.take_run(row, spec, number, deltas);
            }
            if is_last {
                break;
            }
        }
        self.last_run = last;
        for run in self.known.runs.iter_mut().filter(|r| r.present && r.sweep != number) {
            (run.present, run.active) = (false, false);
            deltas.gone(&run.key);
        }
        self.sweep_tags(db, schema, spec, deltas)?;
        self.n_sweeps = number;
        self.n_put_off = 0;
        self.anew = false;
        self.sweep_models(db, schema, deltas)
    }

    /// Tells a run's head if it is new or changed.
    fn take_run(&mut self, row: &RunRow, spec: &SourceSpec, sweep: u32, deltas: &mut Deltas) -> bool {
        let number = self.known.number(&row.key);
        let run = self.known.get(number);
        let sum = row.checksum(&self.experiments);
        let is_new = !run.present;
        run.sweep = sweep;
        run.named = row.is_named();
        run.active = row.is_active();
        run.force |= is_new;
        run.present = true;
        if run.head == sum && !run.force {
            return false;
        }
        run.head = sum;
        if is_new && self.anew {
            deltas.run(&row.key).reset = true;
        }
        let mut head = row.head(&self.experiments);
        if !row.is_named() && !is_new && !run.force {
            // Named by its tag, which did not change.
            head.name = None;
        }
        head.artifact_root = artifact_root(spec, row);
        deltas.run(&row.key).head = head;
        true
    }

    fn sweep_tags(
        &mut self,
        db: &Db,
        schema: &Schema,
        spec: &SourceSpec,
        deltas: &mut Deltas,
    ) -> Result<(), AccessError> {
        let is_first = self.n_sweeps == 0;
        let mut tags = HashMap::with_capacity(self.tags.len());
        let mut sums = vec![(0_u32, 0_u32); self.known.runs.len()];
        let mut changed = Vec::new();
        let mut last = 0;
        loop {
            let (page, is_last) = tag_page(db, schema, last)?;
            last = page.last().map_or(last, |t| t.rowid);
            for tag in page {
                // A tag of a run that is not there (yet) is told with its run.
                let Some(number) = self.known.find(&tag.run) else { continue };
                let (id, value) = (tag_id(number, &tag.key), crc32c::crc32c(tag.value.as_bytes()));
                if let Some((content, names)) = sums.get_mut(number as usize) {
                    (*content, *names) = add_tag((*content, *names), &tag);
                }
                tags.insert(id, (number, value));
                if is_first || self.tags.get(&id) != Some(&(number, value)) {
                    changed.push((number, tag));
                }
            }
            if is_last {
                break;
            }
        }
        let mut lost: Vec<u32> = match is_first {
            false => {
                self.tags.iter().filter(|(id, _)| !tags.contains_key(id)).map(|(_, (number, _))| *number).collect()
            }
            // Which names there were is not known any more, only that they are others now.
            true => {
                let runs = self.known.runs.iter().zip(&sums).enumerate();
                runs.filter(|(_, (run, sum))| !run.force && run.names != sum.1).map(|(i, _)| i as u32).collect()
            }
        };
        for (number, tag) in changed {
            let run = self.known.get(number);
            if !is_first || run.force || run.tags != sums[number as usize].0 {
                tell_tag(&tag, run.named, deltas);
            }
        }
        lost.sort_unstable();
        lost.dedup();
        for number in lost {
            if self.known.get(number).present {
                self.retell(db, schema, spec, number, deltas)?;
            }
        }
        // Only now: were the database busy meanwhile, the next sweep would find the same tags lost.
        self.tags = tags;
        self.last_tag = last;
        for (run, (content, names)) in self.known.runs.iter_mut().zip(&sums) {
            (run.tags, run.names, run.force) = (*content, *names, false);
        }
        Ok(())
    }

    /// A tag was taken away: the run is told anew as a whole, its head too, which a reset forgets.
    fn retell(
        &mut self,
        db: &Db,
        schema: &Schema,
        spec: &SourceSpec,
        number: u32,
        deltas: &mut Deltas,
    ) -> Result<(), AccessError> {
        let (key, named) = (self.known.get(number).key.clone(), self.known.get(number).named);
        let rows = run_rows(db, schema, &key)?;
        let tags = tag_rows(db, schema, "tags.run_uuid = ?1", params![key])?;
        let Some(row) = rows.first() else { return Ok(()) };
        // What is told is not touched before all of it is at hand.
        let mut anew = Deltas::default();
        self.retell_added(db, schema, &key, &mut anew)?;
        let told = anew.run(&key);
        told.reset = true;
        told.head = row.head(&self.experiments);
        told.head.artifact_root = artifact_root(spec, row);
        tags.iter().for_each(|tag| tell_tag(tag, named, &mut anew));
        *deltas.run(&key) = std::mem::take(anew.run(&key));
        Ok(())
    }

    fn sweep_models(&mut self, db: &Db, schema: &Schema, deltas: &mut Deltas) -> Result<(), AccessError> {
        let mut found = models::read(db, schema)?;
        // Before MLflow 3 a tag lists what a run logged.
        let history = "tags.\"key\" = 'mlflow.log-model.history' ORDER BY tags.rowid LIMIT 20000";
        for tag in tag_rows(db, schema, history, [])? {
            let known: Vec<_> = logged::models_of_history(&tag.value, &tag.run);
            let is_logged = |name: &str| found.iter().any(|m| m.run == tag.run && m.name == name);
            let new: Vec<_> = known.into_iter().filter(|m| !is_logged(&m.name)).collect();
            found.extend(new);
        }
        let sum = crc32c::crc32c(format!("{found:?}").as_bytes());
        if !(found.is_empty() && self.saved.models == 0) && sum != self.saved.models {
            self.saved.models = sum;
            deltas.models = Some(found);
        }
        Ok(())
    }

    /// Instead of a sweep: new runs and tags, and the runs that are active. `true` if there was something.
    fn follow(
        &mut self,
        db: &Db,
        schema: &Schema,
        spec: &SourceSpec,
        deltas: &mut Deltas,
    ) -> Result<bool, AccessError> {
        self.n_put_off += 1;
        let mut found = false;
        let (runs, _) = run_page(db, schema, self.last_run)?;
        for row in &runs {
            self.last_run = row.rowid;
            found |= self.take_run(row, spec, self.n_sweeps, deltas);
        }
        let active: Vec<String> =
            self.known.runs.iter().filter(|r| r.present && r.active).take(MAX_ACTIVE).map(|r| r.key.clone()).collect();
        for key in &active {
            for row in run_rows(db, schema, key)? {
                found |= self.take_run(&row, spec, self.n_sweeps, deltas);
            }
            for tag in tag_rows(db, schema, "tags.run_uuid = ?1", params![key])? {
                found |= self.take_tag(&tag, deltas);
            }
        }
        let (tags, _) = tag_page(db, schema, self.last_tag)?;
        for tag in &tags {
            self.last_tag = tag.rowid;
            found |= self.take_tag(tag, deltas);
        }
        for row in &runs {
            if let Some(number) = self.known.find(&row.key) {
                self.known.get(number).force = false;
            }
        }
        Ok(found)
    }

    fn take_tag(&mut self, tag: &TagRow, deltas: &mut Deltas) -> bool {
        let Some(number) = self.known.find(&tag.run) else { return false };
        let value = (number, crc32c::crc32c(tag.value.as_bytes()));
        let before = self.tags.insert(tag_id(number, &tag.key), value);
        if before == Some(value) {
            return false;
        }
        let run = self.known.get(number);
        let sum = add_tag((run.tags, run.names), tag);
        if before.is_none() {
            (run.tags, run.names) = sum;
        }
        tell_tag(tag, run.named, deltas);
        true
    }
}

/// Runs after a row, by row, and whether they are the last.
fn run_page(db: &Db, schema: &Schema, after: i64) -> Result<(Vec<RunRow>, bool), AccessError> {
    let sql = runs_where(schema, "runs.rowid > ?1 ORDER BY runs.rowid LIMIT ?2");
    let mut last = after;
    db.page(&sql, params![after, RUNS_PAGE], RUNS_PAGE, |row| {
        in_order(&mut last, row.get(0)?)?;
        RunRow::read(row)
    })
}

/// Tags after a row, by row, and whether they are the last.
fn tag_page(db: &Db, schema: &Schema, after: i64) -> Result<(Vec<TagRow>, bool), AccessError> {
    let Some(sql) = tags_where(schema, "tags.rowid > ?1 ORDER BY tags.rowid LIMIT ?2") else {
        return Ok((Vec::new(), true));
    };
    let mut last = after;
    db.page(&sql, params![after, TAGS_PAGE], TAGS_PAGE, |row| {
        in_order(&mut last, row.get(0)?)?;
        TagRow::read(row)
    })
}

fn run_rows(db: &Db, schema: &Schema, key: &str) -> Result<Vec<RunRow>, AccessError> {
    db.rows(&runs_where(schema, "runs.run_uuid = ?1"), params![key], RunRow::read)
}

fn tag_rows(
    db: &Db,
    schema: &Schema,
    condition: &str,
    bound: impl rusqlite::Params,
) -> Result<Vec<TagRow>, AccessError> {
    let Some(sql) = tags_where(schema, condition) else { return Ok(Vec::new()) };
    db.rows(&sql, bound, TagRow::read)
}

fn runs_where(schema: &Schema, condition: &str) -> String {
    let columns = schema.list("runs", &RUN_COLUMNS);
    format!("SELECT runs.rowid, {columns} FROM runs WHERE {condition}")
}

fn tags_where(schema: &Schema, condition: &str) -> Option<String> {
    if !(schema.has("tags", "key") && schema.has("tags", "run_uuid")) {
        return None;
    }
    let columns = schema.list("tags", &["run_uuid", "key", "value"]);
    Some(format!("SELECT tags.rowid, {columns} FROM tags WHERE {condition}"))
}

/// 64 bits, so that no two tags of a store meet; known to this process only.
fn tag_id(run: u32, key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (run, key).hash(&mut hasher);
    hasher.finish()
}

/// Sums over a run's tags, in which their order does not matter: of names with values, and of names.
fn add_tag((content, names): (u32, u32), tag: &TagRow) -> (u32, u32) {
    let name = crc32c::crc32c(tag.key.as_bytes());
    (content.wrapping_add(crc32c::crc32c_append(name, tag.value.as_bytes())), names.wrapping_add(name))
}

fn tell_tag(tag: &TagRow, named: bool, deltas: &mut Deltas) {
    let run = deltas.run(&tag.run);
    match tag.key.as_str() {
        mlflow::PARENT => run.head.parent = Some(tag.value.trim().to_owned()),
        mlflow::RUN_NAME if !named && !tag.value.is_empty() => {
            run.head.name = Some(place::clean_name(tag.value.as_bytes()));
        }
        _ => {}
    }
    run.tags.push((place::clean_name(tag.key.as_bytes()), yaml::cut_text(tag.value.clone())));
}

/// The most parts of a recorded path that are looked for beside the database.
const MAX_TAIL: usize = 8;

/// Where a run's artifacts are: next to the database as MLflow puts them, else where it says.
///
/// What it says is an absolute path of the machine that wrote it. After a move or a copy the end of that path,
/// from the run's id's folder on, is still true beside the database: `…/mlartifacts/RUN/artifacts`.
fn artifact_root(spec: &SourceSpec, row: &RunRow) -> Option<String> {
    let beside_db = spec.rel.parent().map(PathBuf::from).unwrap_or_default();
    let mut tails = Vec::new();
    if mlflow::is_plain_id(&row.key) {
        let recorded = place::uri_path(&row.artifact_uri).unwrap_or_default();
        let parts: Vec<_> = recorded.iter().collect();
        if let Some(run) = parts.iter().position(|part| *part == row.key.as_str()) {
            let longest = parts.len().saturating_sub(MAX_TAIL).max(1);
            tails.extend((longest..run).map(|first| beside_db.join(parts[first..].iter().collect::<PathBuf>())));
        }
        let run = PathBuf::from(row.experiment.to_string()).join(&row.key).join("artifacts");
        tails.extend(["mlruns", "mlartifacts"].map(|root| beside_db.join(root).join(&run)));
    }
    place::artifact_root(&spec.project, &tails, &row.artifact_uri)
}
