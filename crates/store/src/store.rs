//! The writer's handle.
#![allow(unused_variables)] // bodies follow in the next commits

use std::path::Path;

use signalbox_types::{Batch, Cursor, Format, ProjectId, RunId, SourceId};

use crate::{Annotation, Committed, Result, SourceCommit, StoreError, StoreReader};

/// The one writing connection of this process. `Send`; give each reading thread its own `reader()`.
pub struct Store {
    path: std::path::PathBuf,
}

fn soon<T>() -> Result<T> {
    Err(StoreError::Damaged { what: "the store is still being built".into() })
}

impl Store {
    /// Opens, creates or migrates. A store of a newer version, or a file that is not ours, is refused untouched.
    pub fn open(path: &Path) -> Result<Store> {
        soon()
    }

    /// A throw-away store in a directory that goes when this is dropped.
    pub fn open_temporary() -> Result<Store> {
        soon()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A read-only connection of its own; it shares the cache of this store's other readers.
    pub fn reader(&self) -> Result<StoreReader> {
        soon()
    }

    /// Idempotent by path, which the caller has made canonical; updates `last_opened`.
    pub fn add_project(&mut self, path: &Path, now_unix: f64) -> Result<ProjectId> {
        soon()
    }

    /// Removes everything that we kept of it, our own words included.
    pub fn forget_project(&mut self, project: ProjectId) -> Result<()> {
        soon()
    }

    /// Idempotent by (project, format, rel); does not revive.
    pub fn add_source(&mut self, project: ProjectId, format: Format, rel: &Path, now_unix: f64) -> Result<SourceId> {
        soon()
    }

    /// Marks the source as gone from the disk; its runs stay, with `gone`.
    pub fn remove_source(&mut self, source: SourceId, now_unix: f64) -> Result<()> {
        soon()
    }

    pub fn revive_source(&mut self, source: SourceId) -> Result<()> {
        soon()
    }

    /// Where its reader stands (empty text before the first commit), and what the next commit must expect.
    pub fn cursor(&self, source: SourceId) -> Result<(Cursor, u64)> {
        soon()
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
        soon()
    }

    /// The same for many sources in one transaction. A source that conflicts (or is gone) gets its own error and
    /// the others are committed; any other error rolls all back.
    pub fn commit_many(&mut self, commits: &[SourceCommit], now_unix: f64) -> Result<Vec<Result<Committed>>> {
        soon()
    }

    /// Our own words on a run; they replace those before.
    pub fn annotate(&mut self, run: RunId, annotation: &Annotation) -> Result<()> {
        soon()
    }

    /// The same for many runs in one transaction.
    pub fn annotate_many(&mut self, annotations: &[(RunId, Annotation)]) -> Result<()> {
        soon()
    }

    pub fn set_pref(&mut self, key: &str, json: &str) -> Result<()> {
        soon()
    }

    pub fn pref(&self, key: &str) -> Result<Option<String>> {
        soon()
    }
}
