//! Trials: new ones, and those that were not finished when they were last seen.

use rusqlite::params;
use signalbox_types::Point;

use super::{Memory, Open, Place, studies::MAX_STUDIES};
use crate::{
    deltas::Deltas,
    jsonl::lenient,
    optuna::{self, State, When, spans::Spans, trial_key},
    sqlite::{
        Budget, Look,
        access::{AccessError, Db, in_order},
        cell,
        schema::Schema,
    },
};

/// Rows of one page: its lock is held for some milliseconds.
const PAGE: usize = 2_000;
/// So many unfinished trials are looked at one by one; for more the table is read from the first of them on.
const MAX_ONE_BY_ONE: usize = 500;
/// So many ids are looked through for trials that were deleted.
const MAX_MISSING: i64 = 1_000_000;
/// So many attributes of one trial are compared.
const MAX_ATTRIBUTES: u32 = 1_000;

/// A row of `trials`.
struct Row {
    id: i64,
    number: i64,
    study: i64,
    state: String,
    start: String,
    end: String,
    /// Before 2.4 the final value stood here.
    value: Option<f64>,
}

impl Row {
    /// A state that we do not know is taken for one that may still change.
    fn state(&self) -> State {
        State::of_name(self.state.trim()).unwrap_or(State::Running)
    }

    /// What never changes once a trial has begun.
    fn checksum(&self) -> u32 {
        crc32c::crc32c(format!("{} {} {}", self.study, self.number, self.start).as_bytes())
    }
}

fn rows(db: &Db, schema: &Schema, condition: &str, bound: impl rusqlite::Params) -> Result<Vec<Row>, AccessError> {
    let columns = schema.list("trials", &["state", "datetime_start", "datetime_complete"]);
    let optional = |column| if schema.has("trials", column) { format!("trials.{column}") } else { "NULL".to_owned() };
    let (number, value) = (optional("number"), optional("value"));
    let sql = format!(
        "SELECT trials.rowid, {number}, trials.study_id, {columns}, {value} FROM trials \
         CROSS JOIN studies ON studies.study_id = trials.study_id WHERE {condition}"
    );
    db.rows(&sql, bound, |r| {
        let id: i64 = r.get(0)?;
        let value = match r.get_ref(6)? {
            rusqlite::types::ValueRef::Real(x) => Some(x),
            rusqlite::types::ValueRef::Integer(n) => Some(n as f64),
            _ => None,
        };
        Ok(Row {
            id,
            number: cell::integer(r, 1)?.unwrap_or(id),
            study: cell::integer(r, 2)?.unwrap_or(-1),
            state: cell::text(r, 3)?,
            start: cell::text(r, 4)?,
            end: cell::text(r, 5)?,
            value,
        })
    })
}

impl Memory {
    /// Whether the last trial that had begun is still the same one.
    pub(super) fn anchor_holds(&self, look: &Look<'_>) -> Result<bool, AccessError> {
        let Place(id, sum) = self.saved.anchor;
        if id == 0 {
            return Ok(true);
        }
        let found = rows(look.db, look.schema, "trials.rowid = ?1", params![id])?;
        Ok(found.first().is_some_and(|row| row.checksum() == sum))
    }

    /// A cursor without spans: whose trials are whose is looked up again. Ids follow each other, so that those which
    /// are missing are of trials that were deleted.
    pub(super) fn find_spans(&mut self, look: &Look<'_>, deltas: &mut Deltas) -> Result<(), AccessError> {
        if self.saved.spans != Spans::default() || self.saved.last_trial == 0 {
            return Ok(());
        }
        let mut spans = Spans::default();
        let mut last = 0;
        loop {
            let condition = "trials.rowid > ?1 AND trials.rowid <= ?2 ORDER BY trials.rowid LIMIT ?3";
            let page = rows(look.db, look.schema, condition, params![last, self.saved.last_trial, PAGE as i64])?;
            for row in &page {
                in_order(&mut last, row.id)?;
                spans.push(row.id, row.study, row.number);
            }
            if page.len() < PAGE {
                break;
            }
        }
        let missing = (1..=self.saved.last_trial.min(MAX_MISSING)).filter(|id| spans.find(*id).is_none());
        missing.for_each(|id| deltas.gone(&trial_key(id)));
        self.saved.spans = spans;
        Ok(())
    }

    /// Looks at the trials again that were not finished.
    pub(super) fn revisit(&mut self, look: &Look<'_>, is_utc: bool, deltas: &mut Deltas) -> Result<(), AccessError> {
        let open: Vec<i64> = self.saved.open.keys().copied().collect();
        let Some((&first, &last)) = open.first().zip(open.last()) else { return Ok(()) };
        if open.len() <= MAX_ONE_BY_ONE {
            for id in open {
                match rows(look.db, look.schema, "trials.rowid = ?1", params![id])?.first() {
                    Some(row) => self.look_again(look, row, is_utc, deltas)?,
                    None => self.lose(id, deltas),
                }
            }
            return Ok(());
        }
        let mut from = first;
        let mut left = open.into_iter().peekable();
        loop {
            let condition = "trials.rowid >= ?1 AND trials.rowid <= ?2 ORDER BY trials.rowid LIMIT ?3";
            let page = rows(look.db, look.schema, condition, params![from, last, PAGE as i64])?;
            let is_last = page.len() < PAGE;
            let mut before = from.saturating_sub(1);
            for row in &page {
                in_order(&mut before, row.id)?;
                from = row.id.saturating_add(1);
                while let Some(id) = left.next_if(|id| *id < row.id) {
                    self.lose(id, deltas);
                }
                if left.next_if_eq(&row.id).is_some() {
                    self.look_again(look, row, is_utc, deltas)?;
                }
            }
            if is_last {
                left.for_each(|id| self.lose(id, deltas));
                return Ok(());
            }
        }
    }

    /// A row was taken out of the table.
    fn lose(&mut self, id: i64, deltas: &mut Deltas) {
        let Some(open) = self.saved.open.remove(&id) else { return };
        deltas.gone(&trial_key(id));
        // The id may be given away again.
        self.saved.anew = true;
        if id == self.saved.last_trial {
            self.saved.last_trial -= 1;
        }
        let study =
            self.saved.spans.find(id).and_then(|(study, _)| self.saved.studies.get_mut(&study).map(|s| (study, s)));
        if let Some((id, study)) = study {
            let state = if open.waiting { State::Waiting } else { State::Running };
            study.counts[state as usize] = study.counts[state as usize].saturating_sub(1);
            self.changed.insert(id);
        }
    }

    fn look_again(&mut self, look: &Look<'_>, row: &Row, is_utc: bool, deltas: &mut Deltas) -> Result<(), AccessError> {
        let Some(known) = self.saved.open.get(&row.id).copied() else { return Ok(()) };
        let old = if known.waiting { State::Waiting } else { State::Running };
        let new = row.state();
        let mut attributes = known.attributes;
        if old == State::Running || new != old {
            attributes = self.tell_attributes(look, row.id, known.attributes, deltas)?;
        }
        if new != old {
            self.count(row.study, Some(old), new);
            self.tell_state(row, new, is_utc, deltas);
        }
        match new.is_finished() {
            true => self.saved.open.remove(&row.id),
            false => self.saved.open.insert(row.id, Open { waiting: new == State::Waiting, attributes }),
        };
        Ok(())
    }

    /// Tells attributes, which may change in place until the trial is finished, if they are others than before.
    fn tell_attributes(&self, look: &Look<'_>, id: i64, before: u32, deltas: &mut Deltas) -> Result<u32, AccessError> {
        let attributes = attributes(look, id)?;
        let sum = checksum(&attributes);
        if sum != before {
            for (key, json) in attributes {
                let value = lenient::parse(json.as_bytes()).unwrap_or_else(|_| json.into());
                optuna::tell_attribute(deltas.run(&trial_key(id)), &key, &value);
            }
        }
        Ok(sum)
    }

    fn tell_state(&mut self, row: &Row, state: State, is_utc: bool, deltas: &mut Deltas) {
        let (start, end) = (When::of(&row.start, is_utc), When::of(&row.end, is_utc));
        if let Some(study) = self.saved.studies.get_mut(&row.study) {
            study.started = study.started.into_iter().chain(start.at()).reduce(f64::min);
        }
        if state != State::Waiting && row.id >= self.saved.anchor.0 {
            self.saved.anchor = Place(row.id, row.checksum());
        }
        let key = trial_key(row.id);
        let run = deltas.run(&key);
        optuna::tell_state(run, state);
        optuna::tell_start(run, &start);
        if state.is_finished() {
            optuna::tell_end(run, &end);
            if let Some(value) = row.value {
                let time = end.at().unwrap_or(f64::NAN);
                deltas.push(&key, "value", Point { step: row.number, time, value });
            }
        }
    }

    /// Reads trials that were added. False if there are more of them.
    pub(super) fn read_trials(
        &mut self,
        look: &Look<'_>,
        is_utc: bool,
        budget: &mut Budget,
        deltas: &mut Deltas,
    ) -> Result<bool, AccessError> {
        loop {
            let limit = budget.page(PAGE);
            let condition = "trials.rowid > ?1 ORDER BY trials.rowid LIMIT ?2";
            let page = rows(look.db, look.schema, condition, params![self.saved.last_trial, limit])?;
            let mut last = self.saved.last_trial;
            for row in &page {
                in_order(&mut last, row.id)?;
                let Some(study) = self.saved.studies.get(&row.study) else {
                    if self.saved.studies.len() >= MAX_STUDIES as usize {
                        // Of a study beyond those that are read: it must not keep us busy for ever.
                        self.saved.last_trial = row.id;
                        continue;
                    }
                    // A study that came up only now.
                    return Ok(false);
                };
                let name = study.name.clone();
                let state = row.state();
                if !state.is_finished() {
                    // They are told with the other rows that were added.
                    let attributes = checksum(&attributes(look, row.id)?);
                    self.saved.open.insert(row.id, Open { waiting: state == State::Waiting, attributes });
                }
                let run = self.begin(&trial_key(row.id), deltas);
                optuna::tell_new_trial(run, &name, row.study, row.number);
                self.tell_state(row, state, is_utc, deltas);
                self.count(row.study, None, state);
                self.saved.spans.push(row.id, row.study, row.number);
                self.saved.last_trial = row.id;
            }
            if (page.len() as i64) < limit {
                return Ok(true);
            }
            if !budget.spend(page.len()) {
                return Ok(false);
            }
        }
    }
}

/// Keys and JSON.
fn attributes(look: &Look<'_>, id: i64) -> Result<Vec<(String, String)>, AccessError> {
    if !look.schema.has("trial_user_attributes", "value_json") {
        return Ok(Vec::new());
    }
    let columns = look.schema.list("trial_user_attributes", &["key", "value_json"]);
    let sql = format!(
        "SELECT {columns} FROM trial_user_attributes WHERE trial_id = ?1 ORDER BY rowid LIMIT {MAX_ATTRIBUTES}"
    );
    look.db.rows(&sql, params![id], |r| Ok((cell::text(r, 0)?, cell::text(r, 1)?)))
}

fn checksum(attributes: &[(String, String)]) -> u32 {
    let texts = attributes.iter().flat_map(|(key, json)| [key, json]);
    texts.fold(0, |sum, text| crc32c::crc32c_append(crc32c::crc32c_append(sum, text.as_bytes()), b"\0"))
}
