//! Studies: few, and compared as a whole with what was told of them.

use std::collections::BTreeMap;

use super::{Memory, Study};
use crate::{
    deltas::Deltas,
    jsonl::lenient,
    optuna::{self, METRIC_NAMES, State, study_key, trial_key},
    place,
    sqlite::{
        Look,
        access::{AccessError, Db},
        cell,
        schema::Schema,
    },
};

/// So many studies, and attributes of them, are read.
pub(super) const MAX_STUDIES: u32 = 10_000;
const MAX_ATTRIBUTES: u32 = 20_000;

/// A study as the database has it.
#[derive(Default)]
struct Row {
    name: String,
    directions: Vec<String>,
    metric_names: Vec<String>,
    /// Key and JSON.
    attributes: Vec<(String, String)>,
}

impl Row {
    fn checksum(&self) -> u32 {
        let attributes = self.attributes.iter().flat_map(|(key, value)| [key, value]);
        let texts = [&self.name].into_iter().chain(&self.directions).chain(&self.metric_names).chain(attributes);
        texts.fold(1, |sum, text| crc32c::crc32c_append(crc32c::crc32c_append(sum, text.as_bytes()), b"\0"))
    }
}

impl Memory {
    /// Tells studies that are new or changed, and those that are gone with their trials.
    pub(super) fn sweep_studies(&mut self, look: &Look<'_>, deltas: &mut Deltas) -> Result<(), AccessError> {
        let rows = rows(look.db, look.schema)?;
        let is_other = |id: &i64, study: &Study| {
            let has_values = study.counts[State::Complete as usize] + study.counts[State::Pruned as usize] > 0;
            rows.get(id)
                .is_some_and(|row| row.name != study.name || has_values && row.metric_names != study.metric_names)
        };
        // Another study of the same id, or objectives that were named after values had been told without.
        if self.saved.studies.iter().any(|(id, study)| is_other(id, study)) {
            self.restart(deltas);
        }
        // The last trial's id is given away again once it is deleted.
        let last = self.saved.spans.find(self.saved.last_trial);
        if last.is_some_and(|(study, _)| !rows.contains_key(&study)) {
            self.restart(deltas);
        }
        let gone: Vec<i64> = self.saved.studies.keys().copied().filter(|id| !rows.contains_key(id)).collect();
        for id in gone {
            self.saved.studies.remove(&id);
            self.saved.anew = true;
            deltas.gone(&study_key(id));
            for trial in self.saved.spans.of_study(id) {
                deltas.gone(&trial_key(trial));
                self.saved.open.remove(&trial);
            }
            self.saved.spans.forget_study(id);
        }
        for (id, row) in rows {
            let head = row.checksum();
            let known = self.saved.studies.get(&id);
            if known.is_some_and(|study| study.head == head) {
                continue;
            }
            let is_new = known.is_none();
            let key = study_key(id);
            let run = if is_new { self.begin(&key, deltas) } else { deltas.run(&key) };
            run.head.name = Some(row.name.clone());
            run.head.experiment = Some(row.name.clone());
            optuna::tell_directions(run, row.directions.iter().map(String::as_str));
            for (key, json) in &row.attributes {
                let value = lenient::parse(json.as_bytes()).unwrap_or_else(|_| json.as_str().into());
                optuna::tell_attribute(run, key, &value);
            }
            let study = self.saved.studies.entry(id).or_default();
            study.head = head;
            study.n_objectives = row.directions.len();
            (study.name, study.metric_names) = (row.name, row.metric_names);
            if is_new {
                self.changed.insert(id);
            }
        }
        Ok(())
    }
}

fn rows(db: &Db, schema: &Schema) -> Result<BTreeMap<i64, Row>, AccessError> {
    let mut rows: BTreeMap<i64, Row> = BTreeMap::new();
    let columns = schema.list("studies", &["study_name", "direction"]);
    let sql = format!("SELECT study_id, {columns} FROM studies ORDER BY study_id LIMIT {MAX_STUDIES}");
    for (id, name, direction) in
        db.rows(&sql, [], |r| Ok((cell::integer(r, 0)?, cell::text(r, 1)?, cell::text(r, 2)?)))?
    {
        let name = place::clean_name(name.as_bytes());
        // Before 2.4 a study had one objective, in its own row.
        let directions = if direction.is_empty() { Vec::new() } else { vec![direction.to_lowercase()] };
        rows.insert(id.unwrap_or(-1), Row { name, directions, ..Row::default() });
    }
    if schema.has("study_directions", "objective") {
        let columns = schema.list("study_directions", &["direction"]);
        let sql = format!(
            "SELECT study_id, {columns} FROM study_directions ORDER BY study_id, objective LIMIT {MAX_ATTRIBUTES}"
        );
        for (id, direction) in db.rows(&sql, [], |r| Ok((cell::integer(r, 0)?, cell::text(r, 1)?)))? {
            if let Some(row) = rows.get_mut(&id.unwrap_or(-1)) {
                row.directions.push(direction.to_lowercase());
            }
        }
    }
    for table in ["study_user_attributes", "study_system_attributes"] {
        if !schema.has(table, "value_json") {
            continue;
        }
        let columns = schema.list(table, &["key", "value_json"]);
        let only = if table == "study_system_attributes" {
            format!("WHERE \"key\" = '{METRIC_NAMES}'")
        } else {
            String::new()
        };
        let sql = format!("SELECT study_id, {columns} FROM {table} {only} ORDER BY rowid LIMIT {MAX_ATTRIBUTES}");
        for (id, key, json) in
            db.rows(&sql, [], |r| Ok((cell::integer(r, 0)?, cell::text(r, 1)?, cell::text(r, 2)?)))?
        {
            let Some(row) = rows.get_mut(&id.unwrap_or(-1)) else { continue };
            if only.is_empty() {
                row.attributes.push((key, json));
            } else if let Ok(names) = lenient::parse(json.as_bytes()) {
                row.metric_names = optuna::metric_names(&names);
            }
        }
    }
    Ok(rows)
}
