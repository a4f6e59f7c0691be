//! The readers' handle.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Row};
use signalbox_types::{DatasetRef, Format, MetricId, ModelRef, Points, ProjectId, RunId, SourceId};
use signalbox_types::{Problem, ProblemKind};
use tempfile::TempDir;

use crate::cache::Cache;
use crate::curves::Curve;
use crate::paths::from_bytes;
use crate::{
    Annotation, ModelRow, PartPoints, ProblemRow, ProjectRow, Result, RunRow, SourceRow, StoreError, runs, schema,
};

/// A read-only connection. `Send`, not `Sync`: one per thread.
#[derive(Debug)]
pub struct StoreReader {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    pub(crate) cache: Arc<Cache>,
    /// A throw-away store's directory stays while somebody reads it.
    _directory: Option<Arc<TempDir>>,
}

impl StoreReader {
    pub(crate) fn open(path: &Path, cache: Arc<Cache>, directory: Option<Arc<TempDir>>) -> Result<Self> {
        Ok(Self { db: schema::open_reader(path)?, path: path.to_path_buf(), cache, _directory: directory })
    }

    /// Latest opened first.
    pub fn projects(&self) -> Result<Vec<ProjectRow>> {
        let sql = "SELECT id, path, added, last_opened, (SELECT count(*) FROM source s JOIN run r ON r.source = s.id
                     WHERE s.project = p.id AND r.gone = 0)
                   FROM project p ORDER BY last_opened DESC, id DESC";
        self.rows(sql, (), |row| {
            Ok(ProjectRow {
                id: ProjectId(row.get(0)?),
                path: from_bytes(&row.get::<_, Vec<u8>>(1)?),
                added: row.get(2)?,
                last_opened: row.get(3)?,
                n_runs: row.get::<_, i64>(4)? as u64,
            })
        })
    }

    /// Whether it is known, and not being forgotten.
    pub fn has_project(&self, project: ProjectId) -> Result<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM project WHERE id = ?")?.exists((project.0,))?)
    }

    /// Our own words of a project by source path and run key, also those on runs that are no more.
    pub fn annotations(&self, project: ProjectId) -> Result<Vec<(PathBuf, String, Annotation)>> {
        self.rows("SELECT rel, key, json FROM annotation WHERE project = ? ORDER BY rel, key", (project.0,), |row| {
            let json = row.get_ref(2)?.as_str().map_err(StoreError::damaged)?;
            let own = serde_json::from_str(json).map_err(StoreError::damaged)?;
            Ok((from_bytes(&row.get::<_, Vec<u8>>(0)?), row.get(1)?, own))
        })
    }

    /// By id.
    pub fn sources(&self, project: ProjectId) -> Result<Vec<SourceRow>> {
        let sql = "SELECT id, format, rel, gone_since IS NOT NULL, n_bytes FROM source WHERE project = ? ORDER BY id";
        self.rows(sql, (project.0,), |row| {
            let format: String = row.get(1)?;
            Ok(SourceRow {
                id: SourceId(row.get(0)?),
                project,
                format: Format::from_name(&format).ok_or_else(|| StoreError::damaged("a source of unknown format"))?,
                rel: from_bytes(&row.get::<_, Vec<u8>>(2)?),
                gone: row.get(3)?,
                n_bytes: row.get::<_, i64>(4)? as u64,
            })
        })
    }

    /// Every run of a project, by id.
    pub fn load_runs(&self, project: ProjectId) -> Result<Vec<RunRow>> {
        // It comes by most of a store of many runs, all of which the system would count as our memory.
        schema::map(&self.db, false)?;
        let loaded = self.db.unchecked_transaction().map_err(StoreError::from).and_then(|_snapshot| {
            let all = "SELECT r.id FROM run r JOIN source s ON s.id = r.source WHERE s.project = ?";
            runs::load(&self.db, all, project.0)
        });
        schema::map(&self.db, true)?;
        loaded
    }

    /// Those that exist, in the order asked for.
    pub fn runs(&self, runs: &[RunId]) -> Result<Vec<RunRow>> {
        let ids = serde_json::to_string(runs).map_err(StoreError::damaged)?;
        let _snapshot = self.db.unchecked_transaction()?;
        let mut found: HashMap<RunId, RunRow> =
            runs::load(&self.db, "SELECT value FROM json_each(?)", ids)?.into_iter().map(|row| (row.id, row)).collect();
        Ok(runs.iter().filter_map(|run| found.remove(run)).collect())
    }

    /// By id. Names are never reused for another id.
    pub fn metric_names(&self, project: ProjectId) -> Result<Vec<(MetricId, String)>> {
        self.rows("SELECT id, name FROM metric WHERE project = ? ORDER BY id", (project.0,), |row| {
            Ok((MetricId(row.get(0)?), row.get(1)?))
        })
    }

    pub fn datasets(&self, run: RunId) -> Result<Vec<DatasetRef>> {
        let sql = "SELECT name, digest, context, source, schema FROM dataset WHERE run = ? ORDER BY name, digest";
        self.rows(sql, (run.0,), |row| {
            Ok(DatasetRef {
                name: row.get(0)?,
                digest: row.get(1)?,
                context: row.get(2)?,
                source: row.get(3)?,
                schema: row.get(4)?,
            })
        })
    }

    /// Of a project's runs, oldest first: (run, context, the tool's words on where the data came from).
    pub fn dataset_sources(&self, project: ProjectId) -> Result<Vec<(RunId, String, String)>> {
        let sql = "SELECT d.run, d.context, d.source FROM dataset d JOIN run r ON r.id = d.run
             JOIN source s ON s.id = r.source WHERE s.project = ? AND d.source <> '' ORDER BY r.started, d.run";
        self.rows(sql, (project.0,), |row| Ok((RunId(row.get(0)?), row.get(1)?, row.get(2)?)))
    }

    pub fn models(&self, project: ProjectId) -> Result<Vec<ModelRow>> {
        // The run may be told of by another source than the registry.
        let sql = "SELECT m.source, m.name, m.version, m.run, m.stage, m.aliases, m.origin, m.status, m.created_ms,
                (SELECT r.id FROM run r JOIN source t ON t.id = r.source
                 WHERE m.run <> '' AND r.key = m.run AND t.project = s.project ORDER BY t.id <> m.source LIMIT 1)
             FROM model m JOIN source s ON s.id = m.source WHERE s.project = ? ORDER BY m.name, m.source, m.ord";
        self.rows(sql, (project.0,), |row| {
            let aliases: String = row.get(5)?;
            Ok(ModelRow {
                source: SourceId(row.get(0)?),
                run: row.get::<_, Option<u32>>(9)?.map(RunId),
                model: ModelRef {
                    name: row.get(1)?,
                    version: row.get(2)?,
                    run: row.get(3)?,
                    stage: row.get(4)?,
                    aliases: serde_json::from_str(&aliases).map_err(StoreError::damaged)?,
                    source: row.get(6)?,
                    status: row.get(7)?,
                    created_unix_ms: row.get(8)?,
                },
            })
        })
    }

    /// By path and offset.
    pub fn problems(&self, project: ProjectId) -> Result<Vec<ProblemRow>> {
        self.problem_rows("source IN (SELECT id FROM source WHERE project = ?)", project.0)
    }

    /// The problems of one source.
    pub fn source_problems(&self, source: SourceId) -> Result<Vec<ProblemRow>> {
        self.problem_rows("source = ?", source.0)
    }

    /// The problems of the run's source.
    pub fn run_problems(&self, run: RunId) -> Result<Vec<ProblemRow>> {
        self.problem_rows("source = (SELECT source FROM run WHERE id = ?)", run.0)
    }

    /// Every point that was logged, part by part: what an export writes. Empty if the run has no such metric.
    pub fn points(&self, run: RunId, metric: MetricId) -> Result<Vec<PartPoints>> {
        let _snapshot = self.db.unchecked_transaction()?;
        Curve::load(&self.db, run, metric)?.map_or(Ok(Vec::new()), |curve| curve.points(&self.db))
    }

    /// The line: for each step the last writer's point, ascending, without what a restart took back.
    pub fn line(&self, run: RunId, metric: MetricId) -> Result<Points> {
        let _snapshot = self.db.unchecked_transaction()?;
        let Some(curve) = Curve::load(&self.db, run, metric)? else { return Ok(Points::default()) };
        Ok(curve.line(&self.db, &self.cache, false)?.points().clone())
    }

    fn problem_rows(&self, of: &str, id: u32) -> Result<Vec<ProblemRow>> {
        let sql = format!(
            "SELECT source, path, offset, kind, message, first_seen FROM problem WHERE {of} ORDER BY path, offset, kind"
        );
        self.rows(&sql, (id,), |row| {
            let kind: String = row.get(3)?;
            let kind: ProblemKind = serde_json::from_value(kind.into()).map_err(StoreError::damaged)?;
            let offset = u64::try_from(row.get::<_, i64>(2)?).ok();
            let problem = Problem { path: row.get(1)?, offset, kind, message: row.get(4)? };
            Ok(ProblemRow { source: SourceId(row.get(0)?), problem, first_seen: row.get(5)? })
        })
    }

    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut select = self.db.prepare_cached(sql)?;
        let mut rows = select.query(params)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(read(row)?);
        }
        Ok(out)
    }
}
