//! What is written of a run apart from its points, and of a source apart from its runs.

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, OptionalExtension, ToSql};
use signalbox_types::{Lifecycle, ModelRef, ParamValue, Problem, RunDelta, RunHead, RunId, SourceId};

use crate::{Result, StoreError};

/// The run's id and its first point's time, and whether it was made just now.
pub(crate) fn find_or_add_run(
    db: &Connection,
    source: SourceId,
    key: &str,
    now: f64,
) -> Result<(RunId, Option<f64>, bool)> {
    let found = db
        .prepare_cached("SELECT id, first_time FROM run WHERE source = ? AND key = ?")?
        .query_row((source.0, key), |row| Ok((RunId(row.get(0)?), row.get(1)?)))
        .optional()?;
    if let Some((id, first_time)) = found {
        return Ok((id, first_time, false));
    }
    db.prepare_cached("INSERT INTO run(source, key, first_seen, last_change) VALUES(?, ?, ?, ?)")?
        .execute((source.0, key, now, now))?;
    let id = u32::try_from(db.last_insert_rowid()).map_err(|_| StoreError::Limit { what: "the number of runs" })?;
    Ok((RunId(id), None, true))
}

/// Head, params, tags and data sets.
pub(crate) fn write_run(db: &Connection, run: RunId, delta: &RunDelta, now: f64) -> Result<()> {
    let RunHead { name, status, started, ended, parent, experiment, user, lifecycle, artifact_root, pid } = &delta.head;
    if delta.head == RunHead::default() {
        db.prepare_cached("UPDATE run SET last_change = ?, gone = 0 WHERE id = ?")?.execute((now, run.0))?;
    } else {
        db.prepare_cached(
            "UPDATE run SET last_change = ?, gone = 0, name = ifnull(?, name), status = ifnull(?, status),
             started = ifnull(?, started), ended = iif(?, ?, ended), parent = ifnull(?, parent),
             experiment = ifnull(?, experiment), user = ifnull(?, user), deleted = ifnull(?, deleted),
             artifact_root = ifnull(?, artifact_root), pid = ifnull(?, pid) WHERE id = ?",
        )?
        .execute(rusqlite::params![
            now,
            name,
            status.map(|s| s.name()),
            started,
            ended.is_some(),
            ended.flatten(),
            parent,
            experiment,
            user,
            lifecycle.map(|l| l == Lifecycle::Deleted),
            artifact_root,
            pid,
            run.0,
        ])?;
    }
    for (name, value) in &delta.params {
        db.prepare_cached("INSERT OR REPLACE INTO param(run, name, value) VALUES(?, ?, ?)")?.execute((
            run.0,
            name,
            SqlParam(value),
        ))?;
    }
    for (name, value) in &delta.tags {
        db.prepare_cached("INSERT OR REPLACE INTO tag(run, name, value) VALUES(?, ?, ?)")?
            .execute((run.0, name, value))?;
    }
    for data in &delta.datasets {
        db.prepare_cached(
            "INSERT OR REPLACE INTO dataset(run, name, digest, context, source, schema) VALUES(?, ?, ?, ?, ?, ?)",
        )?
        .execute((run.0, &data.name, &data.digest, &data.context, &data.source, &data.schema))?;
    }
    Ok(())
}

/// Marks runs of a source as gone; returns those that are known.
pub(crate) fn mark_gone(db: &Connection, source: SourceId, keys: &[String], now: f64) -> Result<Vec<RunId>> {
    let mut out = Vec::new();
    for key in keys {
        let mut update = db.prepare_cached(
            "UPDATE run SET gone = 1, last_change = ? WHERE source = ? AND key = ? AND gone = 0 RETURNING id",
        )?;
        out.extend(update.query_row((now, source.0, key), |row| row.get(0)).optional()?.map(RunId));
    }
    Ok(out)
}

/// Replaces what a source says of models.
pub(crate) fn write_models(db: &Connection, source: SourceId, models: &[ModelRef]) -> Result<()> {
    db.prepare_cached("DELETE FROM model WHERE source = ?")?.execute((source.0,))?;
    for (i, m) in models.iter().enumerate() {
        let aliases = serde_json::to_string(&m.aliases).map_err(StoreError::damaged)?;
        db.prepare_cached("INSERT INTO model VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            source.0,
            i as i64,
            &m.name,
            &m.version,
            &m.run,
            &m.stage,
            aliases,
            &m.source,
            &m.status,
            m.created_unix_ms,
        ))?;
    }
    Ok(())
}

/// Forgets healed paths' problems, then adds new ones; said again, a problem is the same. True if anything changed.
pub(crate) fn write_problems(
    db: &Connection,
    source: SourceId,
    healed: &[String],
    problems: &[Problem],
    now: f64,
) -> Result<bool> {
    let mut n = 0;
    for path in healed {
        n += db.prepare_cached("DELETE FROM problem WHERE source = ? AND path = ?")?.execute((source.0, path))?;
    }
    for p in problems {
        let kind = serde_json::to_value(p.kind).map_err(StoreError::damaged)?;
        let offset = p.offset.map_or(-1, |o| i64::try_from(o).unwrap_or(i64::MAX));
        n += db
            .prepare_cached(
                "INSERT INTO problem(source, path, offset, kind, message, first_seen) VALUES(?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET message = excluded.message WHERE message <> excluded.message",
            )?
            .execute((source.0, &p.path, offset, kind.as_str(), &p.message, now))?;
    }
    Ok(n > 0)
}

/// A param keeps its type: numbers as REAL, text as TEXT, a truth value as INTEGER.
struct SqlParam<'a>(&'a ParamValue);

impl ToSql for SqlParam<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            ParamValue::Bool(b) => ToSqlOutput::Owned(Value::Integer((*b).into())),
            // SQLite has no NaN: should one come all the same, its name stays.
            ParamValue::Number(n) if n.is_nan() => ToSqlOutput::Owned(Value::Text("NaN".into())),
            ParamValue::Number(n) => ToSqlOutput::Owned(Value::Real(*n)),
            ParamValue::Text(t) => t.as_str().into(),
        })
    }
}
