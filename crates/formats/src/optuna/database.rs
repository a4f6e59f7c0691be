//! Optuna's SQLite database, while Optuna writes it or not.
//!
//! What belongs to a trial is only ever added, and read on from the last row id; a finished trial does not change any
//! more. So few rows are looked at again: the studies, and the trials that are not finished. A deleted study takes its
//! rows along, and SQLite gives their ids away again: the last rows that were read are known by checksum, and
//! everything is told anew when they are not there any more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use signalbox_types::{Cursor, RunDelta};

use super::{State, distribution::Distributions, spans::Spans, study_key, trial_key};
use crate::{
    Progress,
    deltas::Deltas,
    sqlite::{
        Budget, DbReader, Look, Store,
        access::{AccessError, Db},
        schema::Schema,
    },
};

mod added;
mod studies;
mod trials;

const TABLES: [&str; 11] = [
    "studies",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "trials",
    "trial_user_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "version_info",
    "alembic_version",
];

/// More stretches of trials than this are not kept in the cursor, but looked up again.
const MAX_SPANS: usize = 2_000;

/// A row that was read, and its checksum: when the row with this id is another one, ids were given away again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place(i64, u32);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Study {
    #[serde(rename = "s")]
    name: String,
    /// Checksum of what was told of the study itself.
    #[serde(rename = "h")]
    head: u32,
    #[serde(rename = "d")]
    n_objectives: usize,
    #[serde(rename = "m")]
    metric_names: Vec<String>,
    /// By state.
    #[serde(rename = "c")]
    counts: [u32; 5],
    /// The earliest start of a trial, unix seconds.
    #[serde(rename = "b")]
    started: Option<f64>,
}

/// A trial that is not finished.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Open {
    #[serde(rename = "w")]
    waiting: bool,
    /// Checksum of its attributes.
    #[serde(rename = "a")]
    attributes: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    #[serde(rename = "s")]
    studies: BTreeMap<i64, Study>,
    /// The last trial that was told.
    #[serde(rename = "l")]
    last_trial: i64,
    #[serde(rename = "t")]
    spans: Spans,
    #[serde(rename = "o")]
    open: BTreeMap<i64, Open>,
    /// The last trial that had begun when it was told.
    #[serde(rename = "a")]
    anchor: Place,
    #[serde(rename = "p")]
    params: Place,
    #[serde(rename = "v")]
    values: Place,
    #[serde(rename = "i")]
    steps: Place,
    #[serde(rename = "u")]
    attributes: Place,
    /// Runs were told before that may come up again under the same ids: each begins with a reset.
    #[serde(rename = "n")]
    anew: bool,
    /// What was told before that: to be gone unless it comes up again.
    #[serde(rename = "z")]
    before: Option<(Vec<i64>, Spans)>,
    /// A problem of the database itself was said.
    #[serde(rename = "x")]
    bad: bool,
    #[serde(rename = "y")]
    n_bad_rows: u32,
}

/// What is known of a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    saved: Saved,
    /// Studies whose counts are to be told.
    changed: BTreeSet<i64>,
    distributions: Distributions,
}

/// Reads one database.
pub(crate) type Database = DbReader<Memory>;

impl Store for Memory {
    const TOOL: &'static str = "Optuna";

    fn restore(cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let understood = understood.filter(|s| s.spans.is_sound());
        let anew = cursor.is_some() && understood.is_none();
        let mut saved = understood.unwrap_or_default();
        saved.anew |= anew;
        Memory { saved, ..Memory::default() }
    }

    fn cursor(&self) -> Cursor {
        let text = match self.saved.spans.len() <= MAX_SPANS {
            true => serde_json::to_string(&self.saved),
            false => serde_json::to_string(&Saved { spans: Spans::default(), ..self.saved.clone() }),
        };
        Cursor(text.unwrap_or_default())
    }

    /// `trial_params` and the rest may be missing (a database that is being made), the first two may not.
    fn schema(db: &Db) -> Result<Schema, AccessError> {
        let needed = [
            ("studies", "study_id"),
            ("studies", "study_name"),
            ("trials", "trial_id"),
            ("trials", "study_id"),
            ("trials", "state"),
            ("trial_params", "distribution_json"),
        ];
        Schema::read(db, &TABLES, &needed)
    }

    fn update(
        &mut self,
        look: &Look<'_>,
        _unchanged: bool,
        budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError> {
        let outcome = self.read(look, &mut Budget::of_bytes(budget), deltas);
        // Also when it was interrupted: what was counted is told with what was told.
        for id in std::mem::take(&mut self.changed) {
            if let Some(study) = self.saved.studies.get(&id) {
                let run = deltas.run(&study_key(id));
                run.head.started = study.started;
                super::tell_counts(run, study.counts);
            }
        }
        outcome
    }

    fn bad(&mut self) -> &mut bool {
        &mut self.saved.bad
    }

    fn n_bad_rows(&mut self) -> &mut u32 {
        &mut self.saved.n_bad_rows
    }
}

impl Memory {
    fn read(&mut self, look: &Look<'_>, budget: &mut Budget, deltas: &mut Deltas) -> Result<Progress, AccessError> {
        self.find_spans(look, deltas)?;
        if !(self.anchor_holds(look)? && self.places_hold(look)?) {
            self.restart(deltas);
        }
        self.sweep_studies(look, deltas)?;
        let is_utc = is_utc(look)?;
        self.revisit(look, is_utc, deltas)?;
        let all = self.read_trials(look, is_utc, budget, deltas)? && self.read_added(look, is_utc, budget, deltas)?;
        if all && let Some((studies, trials)) = self.saved.before.take() {
            let studies = studies.into_iter().filter(|id| !self.saved.studies.contains_key(id)).map(study_key);
            let trials = trials.ids().filter(|id| self.saved.spans.find(*id).is_none()).map(trial_key);
            studies.chain(trials).for_each(|key| deltas.gone(&key));
        }
        Ok(if all { Progress::CaughtUp } else { Progress::More })
    }

    /// Everything is told anew, of this database or of another one that has taken its place.
    fn restart(&mut self, deltas: &mut Deltas) {
        deltas.healed = true;
        let old = std::mem::take(&mut self.saved);
        let mut before = (old.studies.into_keys().collect::<Vec<_>>(), old.spans);
        if let Some((studies, spans)) = old.before {
            before.0.extend(studies);
            before.0.sort_unstable();
            // Of a damaged database it may begin again and again.
            before.0.dedup();
            before.1.merge(&spans);
        }
        self.saved = Saved { anew: true, before: Some(before), bad: old.bad, ..Saved::default() };
        self.changed.clear();
    }

    /// News of a run that was not told yet.
    fn begin<'a>(&self, key: &str, deltas: &'a mut Deltas) -> &'a mut RunDelta {
        let run = deltas.run(key);
        run.reset |= self.saved.anew;
        run
    }

    fn count(&mut self, study: i64, old: Option<State>, new: State) {
        if let Some(found) = self.saved.studies.get_mut(&study) {
            if let Some(old) = old {
                found.counts[old as usize] = found.counts[old as usize].saturating_sub(1);
            }
            found.counts[new as usize] += 1;
            self.changed.insert(study);
        }
    }
}

/// Whether times are UTC: since Optuna 5. The version is that which made the database; one that Optuna 4 made has
/// local times at least in its beginning, and nothing says from where on they are not.
fn is_utc(look: &Look<'_>) -> Result<bool, AccessError> {
    if !look.schema.has("version_info", "library_version") {
        return Ok(false);
    }
    let rows = look.db.rows("SELECT substr(library_version, 1, 20) FROM version_info LIMIT 1", [], |r| {
        crate::sqlite::cell::text(r, 0)
    })?;
    let major = rows.first().and_then(|v| v.split('.').next()?.trim().parse::<u32>().ok());
    Ok(major.is_some_and(|major| major >= 5))
}
