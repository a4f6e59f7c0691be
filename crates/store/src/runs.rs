//! Runs with everything that the table shows, a few queries for all of them.

use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql};
use signalbox_series::{MarkKind, PartSummary, Whole, whole};
use signalbox_types::{Lifecycle, MetricId, ParamValue, RunId, SourceId, Status};

use crate::blocks::blob;
use crate::{Annotation, MetricSummary, Result, RunRow, StoreError};

/// The runs whose ids the query `ids` selects, by id. Not those that are being forgotten.
pub(crate) fn load(db: &Connection, ids: &str, param: impl ToSql) -> Result<Vec<RunRow>> {
    let mut runs: Vec<RunRow> = Vec::new();
    let heads = format!(
        "SELECT run.id, source, key, name, status, started, ended, parent, experiment, user, deleted, artifact_root, pid,
         first_seen, last_change, first_time, gone OR gone_since IS NOT NULL
         FROM run JOIN source ON source.id = run.source JOIN project ON project.id = source.project
         WHERE run.id IN ({ids}) ORDER BY run.id"
    );
    each(db, &heads, &param, |row| {
        runs.push(head(row)?);
        Ok(())
    })?;
    let at: HashMap<u32, usize> = runs.iter().enumerate().map(|(i, run)| (run.id.0, i)).collect();
    // A row may be of a run that came between; in a snapshot none does.
    let run_of = |row: &Row| -> Result<Option<usize>> { Ok(at.get(&row.get(0)?).copied()) };

    each(db, &format!("SELECT run, name, value FROM param WHERE run IN ({ids}) ORDER BY run, name"), &param, |row| {
        if let Some(i) = run_of(row)? {
            runs[i].params.push((row.get(1)?, param_value(row)?));
        }
        Ok(())
    })?;
    each(db, &format!("SELECT run, name, value FROM tag WHERE run IN ({ids}) ORDER BY run, name"), &param, |row| {
        if let Some(i) = run_of(row)? {
            runs[i].tags.push((row.get(1)?, row.get(2)?));
        }
        Ok(())
    })?;
    let annotations = format!(
        "SELECT run.id, json FROM run JOIN source ON source.id = run.source JOIN annotation ON
         annotation.project = source.project AND annotation.rel = source.rel AND annotation.key = run.key
         WHERE run.id IN ({ids})"
    );
    each(db, &annotations, &param, |row| {
        if let Some(i) = run_of(row)? {
            let json = row.get_ref(1)?.as_str().map_err(StoreError::damaged)?;
            runs[i].annotation = Some(serde_json::from_str::<Annotation>(json).map_err(StoreError::damaged)?);
        }
        Ok(())
    })?;
    summaries(db, ids, &param, |run, summary| {
        if let Some(&i) = at.get(&run) {
            runs[i].metrics.push(summary);
        }
    })?;
    Ok(runs)
}

/// Hands on the summaries of all metrics, by run and metric.
fn summaries(db: &Connection, ids: &str, param: &dyn ToSql, mut take: impl FnMut(u32, MetricSummary)) -> Result<()> {
    // A part's rank among those of its run, by name.
    let mut ranks: HashMap<u32, usize> = HashMap::new();
    each(db, &format!("SELECT id FROM part WHERE run IN ({ids}) ORDER BY run, name"), param, |row| {
        ranks.insert(row.get(0)?, ranks.len());
        Ok(())
    })?;
    let mut group: Vec<(usize, PartSummary)> = Vec::new();
    let mut of: Option<(u32, u32)> = None;
    let mut close = |of: Option<(u32, u32)>, group: &mut Vec<(usize, PartSummary)>| {
        group.sort_by_key(|(rank, _)| *rank);
        if let Some(((run, metric), all)) = of.zip(whole(group.iter().map(|(_, summary)| summary))) {
            take(run, summary(MetricId(metric), &all));
        }
        group.clear();
    };
    let sql = format!("SELECT run, metric, part, summary FROM series WHERE run IN ({ids}) ORDER BY run, metric");
    each(db, &sql, param, |row| {
        let key = Some((row.get(0)?, row.get(1)?));
        if key != of {
            close(of, &mut group);
            of = key;
        }
        let rank = ranks.get(&row.get(2)?).copied().unwrap_or(0);
        group.push((rank, PartSummary::decode(blob(row.get_ref(3)?)?)?));
        Ok(())
    })?;
    close(of, &mut group);
    Ok(())
}

fn summary(metric: MetricId, whole: &Whole) -> MetricSummary {
    let all = &whole.all;
    let last = whole.line.map_or(all.last, |line| line.last);
    let count = |kind| all.spot(kind).n;
    MetricSummary {
        metric,
        n: all.n,
        first_step: whole.line.map_or(all.last.step, |line| line.first_step),
        last_step: last.step,
        last: last.value,
        last_time: last.time,
        first_time: all.first.time,
        min: all.min.value,
        max: all.max.value,
        min_step: all.min.step,
        max_step: all.max.step,
        n_nan: count(MarkKind::Nan),
        n_pos_inf: count(MarkKind::PosInf),
        n_neg_inf: count(MarkKind::NegInf),
        n_rewinds: u32::try_from(count(MarkKind::Rewind)).unwrap_or(u32::MAX),
        line_empty: whole.line.is_none(),
    }
}

fn head(row: &Row<'_>) -> Result<RunRow> {
    let status: Option<String> = row.get(4)?;
    let deleted: bool = row.get(10)?;
    Ok(RunRow {
        id: RunId(row.get(0)?),
        source: SourceId(row.get(1)?),
        key: row.get(2)?,
        name: row.get(3)?,
        status: status.and_then(|s| Status::from_name(&s)).unwrap_or_default(),
        started: row.get(5)?,
        ended: row.get(6)?,
        parent_key: row.get(7)?,
        experiment: row.get(8)?,
        user: row.get(9)?,
        lifecycle: if deleted { Lifecycle::Deleted } else { Lifecycle::Active },
        artifact_root: row.get(11)?,
        pid: row.get(12)?,
        first_seen: row.get(13)?,
        last_change: row.get(14)?,
        first_time: row.get(15)?,
        gone: row.get(16)?,
        params: Vec::new(),
        tags: Vec::new(),
        annotation: None,
        metrics: Vec::new(),
    })
}

fn param_value(row: &Row<'_>) -> Result<ParamValue> {
    Ok(match row.get_ref(2)? {
        ValueRef::Integer(b) => ParamValue::Bool(b != 0),
        ValueRef::Real(x) => ParamValue::Number(x),
        _ => ParamValue::Text(row.get(2)?),
    })
}

fn each(db: &Connection, sql: &str, param: &dyn ToSql, mut take: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([param])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}
