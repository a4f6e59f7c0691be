//! The store as far as the engine needs it: a seam, so that tests can fill the disk or let another instance win.

use std::path::Path;

use signalbox_store::{Committed, Result, SourceCommit, SourceRow, Store};
use signalbox_types::{Cursor, Format, ProjectId, SourceId};

/// What the writing thread asks of the store. The words are `signalbox_store::Store`'s.
pub trait Ledger: Send {
    fn sources(&mut self, project: ProjectId) -> Result<Vec<SourceRow>>;
    fn add_source(&mut self, project: ProjectId, format: Format, rel: &Path, now_unix: f64) -> Result<SourceId>;
    fn remove_source(&mut self, source: SourceId, now_unix: f64) -> Result<()>;
    fn revive_source(&mut self, source: SourceId) -> Result<()>;
    fn cursor(&mut self, source: SourceId) -> Result<(Cursor, u64)>;
    fn commit_many(&mut self, commits: &[SourceCommit], now_unix: f64) -> Result<Vec<Result<Committed>>>;
}

impl Ledger for Store {
    fn sources(&mut self, project: ProjectId) -> Result<Vec<SourceRow>> {
        self.reader()?.sources(project)
    }

    fn add_source(&mut self, project: ProjectId, format: Format, rel: &Path, now_unix: f64) -> Result<SourceId> {
        Store::add_source(self, project, format, rel, now_unix)
    }

    fn remove_source(&mut self, source: SourceId, now_unix: f64) -> Result<()> {
        Store::remove_source(self, source, now_unix)
    }

    fn revive_source(&mut self, source: SourceId) -> Result<()> {
        Store::revive_source(self, source)
    }

    fn cursor(&mut self, source: SourceId) -> Result<(Cursor, u64)> {
        Store::cursor(self, source)
    }

    fn commit_many(&mut self, commits: &[SourceCommit], now_unix: f64) -> Result<Vec<Result<Committed>>> {
        Store::commit_many(self, commits, now_unix)
    }
}
