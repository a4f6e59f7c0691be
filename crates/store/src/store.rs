//! The writer's handle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use signalbox_types::{Batch, Cursor, Format, ProjectId, RunId, SourceId};
use tempfile::TempDir;

use crate::cache::Cache;
use crate::commit::{Memory, commit_many};
use crate::paths::to_bytes;
use crate::{Annotation, Committed, Result, SourceCommit, StoreError, StoreReader, schema};

/// The one writing connection of this process. `Send`; give each reading thread its own `reader()`.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    memory: Memory,
    cache: Arc<Cache>,
    /// After `db`: the connection is closed before its directory goes.
    directory: Option<Arc<TempDir>>,
}

impl Store {
    /// Opens, creates or migrates. A store of a newer version, or a file that is not ours, is refused untouched.
    pub fn open(path: &Path) -> Result<Store> {
        let db = schema::open(path, false)?;
        Ok(Store { db, path: path.to_path_buf(), memory: Memory::default(), cache: Arc::default(), directory: None })
    }

    /// A throw-away store in a directory that goes when this is dropped.
    pub fn open_temporary() -> Result<Store> {
        let io = |source| StoreError::Io { path: std::env::temp_dir(), source };
        let directory = tempfile::Builder::new().prefix("signalbox-").tempdir().map_err(io)?;
        let path = directory.path().join("store.db");
        let db = schema::open(&path, true)?;
        let directory = Some(Arc::new(directory));
        Ok(Store { db, path, memory: Memory::default(), cache: Arc::default(), directory })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A read-only connection of its own; it shares the cache of this store's other readers.
    pub fn reader(&self) -> Result<StoreReader> {
        StoreReader::open(&self.path, self.cache.clone(), self.directory.clone())
    }

    /// Idempotent by path, which the caller has made canonical; updates `last_opened`.
    pub fn add_project(&mut self, path: &Path, now_unix: f64) -> Result<ProjectId> {
        let path = to_bytes(path);
        self.write(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO project(path, added, last_opened) VALUES(?1, ?2, ?2)
                 ON CONFLICT DO UPDATE SET last_opened = excluded.last_opened RETURNING id",
            )?;
            Ok(ProjectId(insert.query_row((path, now_unix), |row| row.get(0))?))
        })
    }

    /// Idempotent by (project, format, rel); does not revive. `UnknownProject` if it was forgotten.
    pub fn add_source(&mut self, project: ProjectId, format: Format, rel: &Path, now_unix: f64) -> Result<SourceId> {
        let rel = to_bytes(rel);
        self.write(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO source(project, format, rel, added) SELECT id, ?2, ?3, ?4 FROM project WHERE id = ?1
                 ON CONFLICT DO UPDATE SET added = added RETURNING id",
            )?;
            let id = insert.query_row((project.0, format.name(), rel, now_unix), |row| row.get(0)).optional()?;
            id.map(SourceId).ok_or(StoreError::UnknownProject(project))
        })
    }

    /// Marks the source as gone from the disk; its runs stay, with `gone`.
    pub fn remove_source(&mut self, source: SourceId, now_unix: f64) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("UPDATE source SET gone_since = ? WHERE id = ? AND gone_since IS NULL")?
                .execute((now_unix, source.0))?;
            Ok(())
        })
    }

    pub fn revive_source(&mut self, source: SourceId) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("UPDATE source SET gone_since = NULL WHERE id = ?")?.execute((source.0,))?;
            Ok(())
        })
    }

    /// Where its reader stands (empty text before the first commit), and what the next commit must expect.
    pub fn cursor(&self, source: SourceId) -> Result<(Cursor, u64)> {
        self.db
            .prepare_cached(
                "SELECT s.cursor, s.generation FROM source s JOIN project p ON p.id = s.project WHERE s.id = ?",
            )?
            .query_row((source.0,), |row| Ok((Cursor(row.get(0)?), row.get::<_, i64>(1)? as u64)))
            .optional()?
            .ok_or(StoreError::UnknownSource(source))
    }

    /// Records and cursor in one transaction; `Conflict` when another instance committed this source meanwhile.
    pub fn commit(
        &mut self,
        source: SourceId,
        expected_generation: u64,
        batches: &[Batch],
        cursor: &Cursor,
        now_unix: f64,
    ) -> Result<Committed> {
        let commit = SourceCommit { source, expected_generation, batches, cursor };
        let mut done = self.commit_many(&[commit], now_unix)?;
        done.pop().expect("BUG: one result for each commit")
    }

    /// The same for many sources in one transaction. A source that conflicts (or is gone) gets its own error and
    /// the others are committed; any other error rolls all back.
    pub fn commit_many(&mut self, commits: &[SourceCommit], now_unix: f64) -> Result<Vec<Result<Committed>>> {
        commit_many(&mut self.db, &self.path, &mut self.memory, commits, now_unix)
    }

    /// Our own words on a run; they replace those before.
    pub fn annotate(&mut self, run: RunId, annotation: &Annotation) -> Result<()> {
        self.annotate_many(&[(run, annotation.clone())])
    }

    /// The same for many runs in one transaction.
    pub fn annotate_many(&mut self, annotations: &[(RunId, Annotation)]) -> Result<()> {
        self.write(|db| {
            for (run, annotation) in annotations {
                let json = serde_json::to_string(annotation).map_err(StoreError::damaged)?;
                let n = db
                    .prepare_cached(
                        "INSERT OR REPLACE INTO annotation(project, rel, key, json)
                         SELECT p.id, s.rel, r.key, ? FROM run r JOIN source s ON s.id = r.source
                         JOIN project p ON p.id = s.project WHERE r.id = ?",
                    )?
                    .execute((json, run.0))?;
                if n == 0 {
                    return Err(StoreError::UnknownRun(*run));
                }
            }
            Ok(())
        })
    }

    pub fn set_pref(&mut self, key: &str, json: &str) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("INSERT OR REPLACE INTO pref(key, value) VALUES(?, ?)")?.execute((key, json))?;
            Ok(())
        })
    }

    /// Forgets all whose keys begin so.
    pub fn forget_prefs(&mut self, beginning: &str) -> Result<()> {
        self.write(|db| {
            db.execute("DELETE FROM pref WHERE substr(key, 1, length(?1)) = ?1", (beginning,))?;
            Ok(())
        })
    }

    pub fn pref(&self, key: &str) -> Result<Option<String>> {
        let mut select = self.db.prepare_cached("SELECT value FROM pref WHERE key = ?")?;
        Ok(select.query_row((key,), |row| row.get(0)).optional()?)
    }

    /// What is remembered from commit to commit may be of runs that are no more.
    pub(crate) fn forget_memory(&mut self) {
        self.memory = Memory::default();
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// One transaction, taken at once: no reading that a later write would find outdated.
    pub(crate) fn write<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let path = &self.path;
        (|| {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            schema::check_version(&transaction, path)?;
            let out = work(&transaction)?;
            transaction.commit()?;
            Ok(out)
        })()
        .map_err(|e: StoreError| e.at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_types::{Point, Points, RunDelta, SeriesDelta};

    fn batch(n: i64) -> Batch {
        let points: Points =
            (0..n).map(|i| Point { step: i, time: 0.0, value: (i * 7919 % 104729) as f64 / 3.0 }).collect();
        let series = vec![SeriesDelta { metric: "m".into(), points, ..SeriesDelta::default() }];
        Batch { runs: vec![RunDelta { series, ..RunDelta::default() }], ..Batch::default() }
    }

    fn store() -> (Store, ProjectId, SourceId) {
        let mut store = Store::open_temporary().unwrap();
        let project = store.add_project(Path::new("/p"), 0.0).unwrap();
        let source = store.add_source(project, Format::Csv, Path::new("a"), 0.0).unwrap();
        (store, project, source)
    }

    #[test]
    fn a_full_disk_loses_nothing_and_says_so() {
        let (mut store, project, source) = store();
        store.commit(source, 0, &[batch(100)], &Cursor("1".into()), 0.0).unwrap();
        let pages: i64 = store.db.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        store.db.pragma_update(None, "max_page_count", pages + 2).unwrap();
        let error = store.commit(source, 1, &[batch(200_000)], &Cursor("2".into()), 0.0).unwrap_err();
        assert!(matches!(error, StoreError::Full), "{error:?}");
        assert!(error.hint().contains("space"));
        assert_eq!(store.cursor(source).unwrap(), (Cursor("1".into()), 1));
        let n = |store: &Store| store.reader().unwrap().load_runs(project).unwrap()[0].metrics[0].n;
        assert_eq!(n(&store), 100);
        // Once there is room again, it goes on where it was.
        store.db.pragma_update(None, "max_page_count", 1 << 30).unwrap();
        store.commit(source, 1, &[batch(200_000)], &Cursor("2".into()), 0.0).unwrap();
        assert_eq!(n(&store), 200_100);
    }

    #[test]
    fn a_store_that_cannot_be_written_says_so() {
        let (mut store, _, source) = store();
        store.db.pragma_update(None, "query_only", true).unwrap();
        let error = store.commit(source, 0, &[batch(1)], &Cursor::default(), 0.0).unwrap_err();
        assert!(matches!(&error, StoreError::ReadOnly { path } if path == store.path()), "{error:?}");
        assert!(error.hint().contains("permissions"));
    }

    #[test]
    fn a_damaged_chunk_is_an_error() {
        let (mut store, project, source) = store();
        let run = store.commit(source, 0, &[batch(5000)], &Cursor::default(), 0.0).unwrap().runs[0];
        store.db.execute("UPDATE chunk SET data = zeroblob(50)", ()).unwrap();
        let reader = store.reader().unwrap();
        let metric = reader.load_runs(project).unwrap()[0].metrics[0].metric;
        let error = reader.points(run, metric).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        store.db.execute("DELETE FROM chunk", ()).unwrap();
        assert!(matches!(reader.points(run, metric), Err(StoreError::Damaged { .. })));
    }
}
