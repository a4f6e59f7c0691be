//! A tracking store in SQLite, while MLflow writes it or not.
//!
//! Points, params and inputs are only ever added: they are read on from the last row id. Runs and tags change in
//! place: they are compared with what was told (a *sweep*). In a large store a sweep is put off while the changes
//! explain themselves by added rows or by the runs that are active; it is made up for at the next read without one.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use signalbox_types::Cursor;

use self::known::{KnownRuns, PackedRuns};
use crate::{
    Progress,
    deltas::Deltas,
    sqlite::{
        DbReader, Look, Store,
        access::{AccessError, Db},
        schema::Schema,
    },
};

mod heads;
mod known;
mod models;
mod rows;
mod schema;
mod sweep;

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

/// What is known of a database: what is saved, and what a sweep after reopening finds out again.
#[derive(Clone, Default)]
pub(crate) struct Memory {
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
    n_bad_rows: u32,
    /// Everything is told anew, and which runs were told before is not known of all: each begins with a reset, which
    /// does nothing to a run that was not told.
    anew: bool,
}

/// Reads one database.
pub(crate) type SqliteStore = DbReader<Memory>;

impl Store for Memory {
    const TOOL: &'static str = "MLflow";

    fn restore(cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let anew = cursor.is_some() && understood.is_none();
        let mut saved = understood.unwrap_or_default();
        let known = KnownRuns::unpack(&std::mem::take(&mut saved.runs));
        Memory { known, saved, anew, ..Memory::default() }
    }

    fn cursor(&self) -> Cursor {
        let saved = Saved { runs: self.known.pack(), ..self.saved.clone() };
        Cursor(serde_json::to_string(&saved).unwrap_or_default())
    }

    fn schema(db: &Db) -> Result<Schema, AccessError> {
        schema::read(db)
    }

    fn is_due(&self) -> bool {
        self.n_put_off > 0
    }

    fn update(
        &mut self,
        look: &Look<'_>,
        unchanged: bool,
        budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError> {
        self.look(look.db, look.schema, look.spec, unchanged, budget, deltas)
    }

    fn bad(&mut self) -> &mut bool {
        &mut self.saved.bad
    }

    /// Rows of these tables have nothing in them that could be damaged by itself.
    fn n_bad_rows(&mut self) -> &mut u32 {
        &mut self.n_bad_rows
    }
}
