//! Experiments and runs: the rows that say what a run is.

use std::collections::HashMap;

use signalbox_types::{Lifecycle, RunHead, Status};

use crate::{
    mlflow, place,
    sqlite::{
        access::{AccessError, Db},
        cell,
        schema::Schema,
    },
};

/// By experiment id: name, and whether it is deleted.
pub(crate) type Experiments = HashMap<i64, (String, bool)>;

pub(crate) fn experiments(db: &Db, schema: &Schema) -> Result<Experiments, AccessError> {
    let columns = schema.list("experiments", &["experiment_id", "name", "lifecycle_stage"]);
    let rows = db.rows(&format!("SELECT {columns} FROM experiments LIMIT 100000"), [], |r| {
        Ok((cell::integer(r, 0)?.unwrap_or(-1), (cell::text(r, 1)?, cell::text(r, 2)? == "deleted")))
    })?;
    Ok(rows.into_iter().collect())
}

/// A row of `runs`.
pub(crate) struct RunRow {
    pub rowid: i64,
    pub key: String,
    name: String,
    status: String,
    start: Option<i64>,
    end: Option<i64>,
    is_deleted: bool,
    pub artifact_uri: String,
    pub experiment: i64,
    user: String,
}

pub(crate) const RUN_COLUMNS: [&str; 9] = [
    "run_uuid",
    "name",
    "status",
    "start_time",
    "end_time",
    "lifecycle_stage",
    "artifact_uri",
    "experiment_id",
    "user_id",
];

impl RunRow {
    /// From `rowid` and the columns above.
    pub(crate) fn read(r: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
        Ok(RunRow {
            rowid: r.get(0)?,
            key: cell::text(r, 1)?,
            name: cell::text(r, 2)?,
            status: cell::text(r, 3)?,
            start: cell::integer(r, 4)?,
            end: cell::integer(r, 5)?,
            is_deleted: cell::text(r, 6)? == "deleted",
            artifact_uri: cell::text(r, 7)?,
            experiment: cell::integer(r, 8)?.unwrap_or(-1),
            user: cell::text(r, 9)?,
        })
    }

    pub(crate) fn is_named(&self) -> bool {
        !self.name.is_empty()
    }

    /// Still to change: neither ended nor deleted.
    pub(crate) fn is_active(&self) -> bool {
        !self.is_deleted && matches!(mlflow::status(&self.status), Status::Running | Status::Scheduled)
    }

    /// Changes when anything does that is told of the run's head.
    pub(crate) fn checksum(&self, experiments: &Experiments) -> u32 {
        let (experiment, experiment_deleted) = experiments.get(&self.experiment).cloned().unwrap_or_default();
        let numbers = format!("{:?} {:?} {} {experiment_deleted}", self.start, self.end, self.is_deleted);
        let texts = [&self.name, &self.status, &self.artifact_uri, &self.user, &experiment, &numbers];
        texts.iter().fold(0, |crc, text| crc32c::crc32c_append(crc32c::crc32c_append(crc, text.as_bytes()), b"\0"))
    }

    pub(crate) fn head(&self, experiments: &Experiments) -> RunHead {
        let experiment = experiments.get(&self.experiment);
        let is_deleted = self.is_deleted || experiment.is_some_and(|(_, deleted)| *deleted);
        RunHead {
            name: Some(if self.is_named() { place::clean_name(self.name.as_bytes()) } else { self.key.clone() }),
            status: Some(mlflow::status(&self.status)),
            started: self.start.map(mlflow::seconds),
            ended: Some(self.end.map(mlflow::seconds)),
            experiment: experiment.map(|(name, _)| place::clean_name(name.as_bytes())),
            user: (!self.user.is_empty()).then(|| place::clean_name(self.user.as_bytes())),
            lifecycle: Some(if is_deleted { Lifecycle::Deleted } else { Lifecycle::Active }),
            ..RunHead::default()
        }
    }
}
