//! A tracking store in SQLite, while MLflow writes it or not.
//!
//! Points, params and inputs are only ever added: they are read on from the last row id. Runs and tags change in
//! place: they are compared with what was told (a *sweep*). In a large store a sweep is put off while the changes
//! explain themselves by added rows or by the runs that are active; it is made up for at the next read without one.

use std::{collections::HashMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Problem, ProblemKind};

use self::{
    access::{AccessError, Db, Version},
    deltas::Deltas,
    known::{KnownRuns, PackedRuns},
    schema::Schema,
};
use crate::{Progress, Reader, SourceSpec, place};

mod access;
mod cell;
mod deltas;
mod heads;
mod known;
mod models;
mod rows;
mod schema;
mod sweep;

/// "Busy" is said after so many reads in a row that found the database locked.
const PATIENCE: u32 = 50;
/// Reads of a database that keeps changing while it is read.
const RETRIES: u32 = 3;

/// Whether a file is a tracking store; `None` when it cannot be told now. Leaves nothing behind.
pub(crate) fn is_store(path: &std::path::Path) -> Option<bool> {
    match Version::of(path).and_then(|v| v.map(|v| Db::open_to_look(path, v)).transpose()) {
        Ok(Some((db, whole))) => match Schema::read(&db) {
            Ok(_) => Some(true),
            Err(AccessError::NoStore) if whole => Some(false),
            Err(_) => None,
        },
        Ok(None) | Err(AccessError::NoStore) => Some(false),
        Err(_) => None,
    }
}

/// The last row that was read of a table to which rows are added only, and its checksum: when the row with this
/// id is another one, the table was renumbered or another file took its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Place(i64, u32);

/// What must survive a restart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    #[serde(rename = "m")]
    metrics: Place,
    #[serde(rename = "p")]
    params: Place,
    #[serde(rename = "i")]
    inputs: Place,
    /// Runs whose points are to be told again, and the row up to which they were.
    #[serde(rename = "b")]
    backfill: Vec<(String, i64)>,
    #[serde(rename = "o")]
    models: u32,
    #[serde(rename = "r")]
    runs: PackedRuns,
    /// A problem of the database itself was said.
    #[serde(rename = "x")]
    bad: bool,
}

/// What is known of the database: what is saved, and what a sweep after reopening finds out again.
#[derive(Clone, Default)]
struct Memory {
    saved: Saved,
    known: KnownRuns,
    /// By checksum of run and name: the run's number and the value's checksum.
    tags: HashMap<u64, (u32, u32)>,
    experiments: heads::Experiments,
    /// Number of the last sweep, 0 before the first.
    n_sweeps: u32,
    /// Reads since then that made do without.
    n_put_off: u32,
    last_run: i64,
    last_tag: i64,
    /// Everything is told anew, and which runs were told before is not known of all: each begins with a reset, which
    /// does nothing to a run that was not told.
    anew: bool,
}

/// Reads one database.
pub(crate) struct SqliteStore {
    spec: SourceSpec,
    path: PathBuf,
    memory: Memory,
    db: Option<(Db, Schema)>,
    /// As the database was when it was last read to its end.
    seen: Option<Version>,
    n_busy: u32,
}

impl SqliteStore {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let anew = cursor.is_some() && understood.is_none();
        let saved = understood.unwrap_or_default();
        let memory = Memory { known: KnownRuns::unpack(&saved.runs), saved, anew, ..Memory::default() };
        Self { path: spec.path(), spec: spec.clone(), memory, db: None, seen: None, n_busy: 0 }
    }

    fn try_read(&mut self, budget: usize, batch: &mut Batch) -> Result<Progress, AccessError> {
        let Some(version) = Version::of(&self.path)? else {
            // Gone for now; whoever walks the project notices when it stays so.
            self.db = None;
            return Ok(Progress::CaughtUp);
        };
        let unchanged = self.seen == Some(version);
        if unchanged && self.memory.n_put_off == 0 {
            return Ok(Progress::CaughtUp);
        }
        let (db, schema) = match self.db.take() {
            Some(open) if open.0.serves(&version) => open,
            _ => {
                let db = Db::open(&self.path, version)?;
                let schema = Schema::read(&db)?;
                (db, schema)
            }
        };
        let before = db.must_not_change.then(|| self.memory.clone());
        let mut deltas = Deltas::default();
        let outcome = self.memory.update(&db, &schema, &self.spec, unchanged, budget, &mut deltas);
        if db.is_kept() {
            self.db = Some((db, schema));
        } else {
            drop(db);
        }
        if let Some(before) = before
            && Version::of(&self.path)? != Some(version)
        {
            self.memory = before;
            return Err(AccessError::Changed);
        }
        deltas.into_batch(batch);
        let progress = outcome?;
        self.seen = (progress == Progress::CaughtUp).then_some(version);
        Ok(progress)
    }

    fn tell(&mut self, error: &AccessError, batch: &mut Batch) {
        let (kind, message) = match error {
            AccessError::Changed => return,
            // A database of another kind is no concern of ours.
            AccessError::NoStore => return,
            AccessError::Busy if self.n_busy < PATIENCE => return,
            AccessError::Busy => (
                ProblemKind::Unreadable,
                "Another program keeps the database locked; what was read before is shown, and it is tried again."
                    .into(),
            ),
            AccessError::NeedsRecovery => (
                ProblemKind::NeedsRecovery,
                "A writer stopped in the middle of a transaction. Open the database once with MLflow (or `sqlite3`), \
                 which repairs it; Signalbox does not write to it."
                    .into(),
            ),
            AccessError::TooLarge(what) => {
                (ProblemKind::TooLarge, format!("The database cannot be read: {what} is larger than 2 GiB."))
            }
            AccessError::Damaged(e) => (ProblemKind::DamagedFile, format!("The database is damaged ({e}).")),
            AccessError::Sqlite(e) => (ProblemKind::Unreadable, format!("The database cannot be read ({e}).")),
            AccessError::Io(e) => (ProblemKind::Unreadable, format!("The database cannot be read ({e}).")),
        };
        if !std::mem::replace(&mut self.memory.saved.bad, true) {
            batch.problems.push(Problem { path: place::shown(&self.spec.rel), offset: None, kind, message });
        }
    }
}

impl Reader for SqliteStore {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let mut outcome = self.try_read(budget_bytes, batch);
        for _ in 0..RETRIES {
            // A page that changed under our hands may look damaged once.
            if matches!(outcome, Err(AccessError::Changed | AccessError::Damaged(_))) {
                self.db = None;
                outcome = self.try_read(budget_bytes, batch);
            }
        }
        match outcome {
            Ok(progress) => {
                self.n_busy = 0;
                if std::mem::take(&mut self.memory.saved.bad) {
                    batch.healed.push(place::shown(&self.spec.rel));
                }
                self.memory.saved.runs = self.memory.known.pack();
                progress
            }
            Err(e) => {
                if matches!(e, AccessError::Busy) {
                    self.n_busy += 1;
                } else {
                    self.db = None;
                }
                self.tell(&e, batch);
                self.memory.saved.runs = self.memory.known.pack();
                Progress::CaughtUp
            }
        }
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.memory.saved).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        self.path.parent().map(PathBuf::from).into_iter().collect()
    }
}
