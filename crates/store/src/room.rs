//! What takes room: of the file, and of each project in it.
//!
//! Bytes are those of the values, as they lie in the rows; pages, their free parts and the indexes are what the file has
//! beyond them. A long value's length is read from its header, so that counting reads a part of the file and not all.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use signalbox_series::PartSummary;
use signalbox_types::{MetricId, ProjectId, RunId, SourceId};

use crate::blocks::{SeriesId, blob};
use crate::keyed::{Owner, Table, row_bytes, tables};
use crate::{Result, StoreReader};

/// The store's file. Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileRoom {
    /// Of the file, by its pages.
    pub file: u64,
    /// Of them, those in which nothing is: compacting gives them back, and new points take them first.
    pub free: u64,
    /// The write-ahead log beside it, as it lies on the disk.
    pub log: u64,
    /// Free pages are given back in steps; else the file has to be written anew once.
    pub in_steps: bool,
}

/// What is kept of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectRoom {
    pub n_runs: u64,
    pub n_points: u64,
    pub n_problems: u64,
    /// Runs that are gone from their source, or whose source is gone.
    pub n_gone_runs: u64,
    pub n_gone_points: u64,
    /// Bytes by table.
    pub tables: BTreeMap<String, u64>,
    /// The largest first.
    pub runs: Vec<RunRoom>,
    /// Over all runs, the largest first.
    pub metrics: Vec<(MetricId, Taken)>,
}

/// What is kept of a run, as one source tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRoom {
    pub run: RunId,
    pub source: SourceId,
    /// It is gone from its source, or its source is gone.
    pub is_gone: bool,
    pub taken: Taken,
}

/// What something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub bytes: u64,
    pub n_points: u64,
}

/// Changes with whatever a source tells, and with what is forgotten: as long as it is the same, so is the room, but for
/// notes and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomStamp {
    n_sources: i64,
    n_gone: i64,
    generations: i64,
    n_runs: i64,
}

/// So many runs are asked for at once.
const BATCH: usize = 256;

impl StoreReader {
    /// The file as it is now.
    pub fn file_room(&self) -> Result<FileRoom> {
        let pragma = |name: &str| -> Result<u64> {
            Ok(self.db.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let page = pragma("page_size")?;
        Ok(FileRoom {
            file: pragma("page_count")? * page,
            free: pragma("freelist_count")? * page,
            log: log_bytes(&self.path),
            in_steps: pragma("auto_vacuum")? == 2,
        })
    }

    pub fn room_stamp(&self, project: ProjectId) -> Result<RoomStamp> {
        let sql = "SELECT count(*), ifnull(sum(generation), 0), ifnull(sum(gone_since IS NOT NULL), 0),
            (SELECT count(*) FROM source t JOIN run r ON r.source = t.id WHERE t.project = ?1) FROM source WHERE project = ?1";
        Ok(self.db.prepare_cached(sql)?.query_row((project.0,), |row| {
            Ok(RoomStamp { n_sources: row.get(0)?, generations: row.get(1)?, n_gone: row.get(2)?, n_runs: row.get(3)? })
        })?)
    }

    /// Counts a project, run by run; `goes_on` is told how many of how many are done. `None` if it said no.
    pub fn project_room(
        &self,
        project: ProjectId,
        goes_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<ProjectRoom>> {
        let tables = tables(&self.db)?;
        let mut out = ProjectRoom::default();
        self.whole(project, &tables, &mut out)?;
        let runs: Vec<RunRoom> = self.rows(
            "SELECT r.id, s.id, r.gone <> 0 OR s.gone_since IS NOT NULL FROM source s JOIN run r ON r.source = s.id
             WHERE s.project = ? ORDER BY r.id",
            (project.0,),
            |row| {
                let (run, source) = (RunId(row.get(0)?), SourceId(row.get(1)?));
                Ok(RunRoom { run, source, is_gone: row.get(2)?, taken: Taken::default() })
            },
        )?;
        out.n_runs = runs.len() as u64;
        let mut by_metric: HashMap<MetricId, Taken> = HashMap::new();
        for (i, batch) in runs.chunks(BATCH).enumerate() {
            if goes_on((i * BATCH) as u64, out.n_runs).is_break() {
                return Ok(None);
            }
            let mut by_run: HashMap<RunId, Taken> = batch.iter().map(|run| (run.run, Taken::default())).collect();
            self.of_runs(&tables, batch, &mut by_run, &mut out.tables)?;
            self.of_series(&tables, batch, &mut by_run, &mut by_metric, &mut out.tables)?;
            for run in batch {
                let taken = by_run.get(&run.run).copied().unwrap_or_default();
                out.n_points += taken.n_points;
                out.n_gone_runs += u64::from(run.is_gone);
                out.n_gone_points += if run.is_gone { taken.n_points } else { 0 };
                out.runs.push(RunRoom { taken, ..*run });
            }
        }
        out.metrics = by_metric.into_iter().collect();
        out.runs.sort_unstable_by_key(|run| (std::cmp::Reverse(run.taken.bytes), run.run));
        out.metrics.sort_unstable_by_key(|(metric, taken)| (std::cmp::Reverse(taken.bytes), *metric));
        let _ = goes_on(out.n_runs, out.n_runs);
        Ok(Some(out))
    }

    /// What hangs on the project and on its sources.
    fn whole(&self, project: ProjectId, tables: &[Table], out: &mut ProjectRoom) -> Result<()> {
        let sum = |sql: &str| -> Result<u64> {
            Ok(self.db.prepare_cached(sql)?.query_row((project.0,), |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let bytes = row_bytes(&self.db, "source")?;
        let of = format!("SELECT ifnull(sum({bytes}), 0) FROM source WHERE project = ?");
        out.tables.insert("source".into(), sum(&of)?);
        for table in tables.iter().filter(|t| t.owner == Owner::Project) {
            out.tables.insert(table.name.clone(), table.bytes_of(&self.db, i64::from(project.0))?);
        }
        for table in tables.iter().filter(|t| t.owner == Owner::Source) {
            let of = format!(
                "SELECT ifnull(sum({}), 0) FROM \"{}\" WHERE source IN (SELECT id FROM source WHERE project = ?)",
                table.bytes, table.name
            );
            out.tables.insert(table.name.clone(), sum(&of)?);
        }
        // Of what the code was, runs share a document: it counts once here, and once in each other project that has it.
        let of = format!(
            "SELECT ifnull(sum({}), 0) FROM snapshot WHERE id IN
             (SELECT c.snapshot FROM source s JOIN run r ON r.source = s.id JOIN code c ON c.run = r.id WHERE s.project = ?)",
            row_bytes(&self.db, "snapshot")?
        );
        out.tables.insert("snapshot".into(), sum(&of)?);
        out.n_problems = sum("SELECT count(*) FROM problem WHERE source IN (SELECT id FROM source WHERE project = ?)")?;
        Ok(())
    }

    /// What hangs on runs, but for their points.
    fn of_runs(
        &self,
        tables: &[Table],
        batch: &[RunRoom],
        by_run: &mut HashMap<RunId, Taken>,
        by_table: &mut BTreeMap<String, u64>,
    ) -> Result<()> {
        let ids = serde_json::to_string(&batch.iter().map(|run| run.run).collect::<Vec<_>>())
            .map_err(crate::StoreError::damaged)?;
        let of_table = |table: &str, column: &str, bytes: &str| {
            format!(
                "SELECT \"{column}\", sum({bytes}) FROM \"{table}\" WHERE \"{column}\" IN (SELECT value FROM json_each(?))
                 GROUP BY 1"
            )
        };
        let own = [("run", "id"), ("media_tag", "run")]
            .map(|(table, column)| Ok((table, of_table(table, column, &row_bytes(&self.db, table)?))));
        let own: Vec<(&str, String)> = own.into_iter().collect::<Result<_>>()?;
        let of_tag = |table: &Table| {
            format!(
                "SELECT t.run, sum({}) FROM media_tag t JOIN \"{}\" ON tag = t.id
                 WHERE t.run IN (SELECT value FROM json_each(?)) GROUP BY 1",
                table.bytes, table.name
            )
        };
        let asked = tables
            .iter()
            .filter_map(|t| match t.owner {
                Owner::Run => Some((t.name.as_str(), of_table(&t.name, "run", &t.bytes))),
                Owner::Tag => Some((t.name.as_str(), of_tag(t))),
                _ => None,
            })
            .chain(own);
        for (table, sql) in asked {
            let rows = self.rows(&sql, (&ids,), |row| {
                Ok((RunId(row.get(0)?), row.get::<_, Option<i64>>(1)?.unwrap_or(0).unsigned_abs()))
            })?;
            let total = by_table.entry(table.to_owned()).or_default();
            for (run, bytes) in rows {
                *total += bytes;
                by_run.entry(run).or_default().bytes += bytes;
            }
        }
        Ok(())
    }

    fn of_series(
        &self,
        tables: &[Table],
        batch: &[RunRoom],
        by_run: &mut HashMap<RunId, Taken>,
        by_metric: &mut HashMap<MetricId, Taken>,
        by_table: &mut BTreeMap<String, u64>,
    ) -> Result<()> {
        let ids = serde_json::to_string(&batch.iter().map(|run| run.run).collect::<Vec<_>>())
            .map_err(crate::StoreError::damaged)?;
        let sql = "SELECT run, metric, id, summary FROM series WHERE run IN (SELECT value FROM json_each(?))";
        let series = self.rows(sql, (&ids,), |row| {
            let summary = blob(row.get_ref(3)?)?;
            // A summary that does not decode takes room all the same.
            let n = PartSummary::decode(summary).map_or(0, |summary| summary.all.n);
            Ok((RunId(row.get(0)?), MetricId(row.get(1)?), SeriesId(row.get(2)?), summary.len() as u64, n))
        })?;
        for (run, metric, id, summary, n_points) in series {
            let mut taken = Taken { bytes: summary, n_points };
            *by_table.entry("series".into()).or_default() += summary;
            for table in ["chunk", "node"] {
                let sql = format!("SELECT ifnull(sum(octet_length(data)), 0) FROM {table} WHERE id BETWEEN ? AND ?");
                let bytes = self.db.prepare_cached(&sql)?.query_row(id.rows(), |row| row.get::<_, i64>(0))?;
                *by_table.entry(table.into()).or_default() += bytes.unsigned_abs();
                taken.bytes += bytes.unsigned_abs();
            }
            for table in tables.iter().filter(|t| t.owner == Owner::Series) {
                let bytes = table.bytes_of(&self.db, i64::from(id.0))?;
                *by_table.entry(table.name.clone()).or_default() += bytes;
                taken.bytes += bytes;
            }
            by_run.entry(run).or_default().add(taken);
            by_metric.entry(metric).or_default().add(taken);
        }
        Ok(())
    }
}

impl Taken {
    fn add(&mut self, more: Taken) {
        self.bytes += more.bytes;
        self.n_points += more.n_points;
    }
}

/// Bytes of the write-ahead log; 0 where there is none.
pub(crate) fn log_bytes(store: &std::path::Path) -> u64 {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).map_or(0, |seen| seen.len())
}
