//! What the code was when a run was first seen: a document of the caller's, kept once for all runs that share it.

use signalbox_types::{ProjectId, RunId};

use crate::reader::StoreReader;
use crate::{Result, Store};

impl Store {
    /// Keeps what the code was for runs that have none yet. `digest` names `document`; `taken` is Unix seconds.
    pub fn set_code(&mut self, runs: &[RunId], taken: f64, digest: &str, document: &str) -> Result<()> {
        self.write(|db| {
            db.prepare_cached("INSERT OR IGNORE INTO snapshot(digest, document) VALUES(?, ?)")?
                .execute((digest, document))?;
            for run in runs {
                let sql = "INSERT OR IGNORE INTO code(run, snapshot, taken)
                     SELECT r.id, s.id, ? FROM run r, snapshot s WHERE r.id = ? AND s.digest = ?";
                db.prepare_cached(sql)?.execute((taken, run.0, digest))?;
            }
            // Runs that are gone meanwhile leave nothing behind.
            delete_unused(db)
        })
    }
}

/// Snapshots that no run has.
pub(crate) fn delete_unused(db: &rusqlite::Connection) -> Result<()> {
    let sql = "DELETE FROM snapshot WHERE NOT EXISTS (SELECT 1 FROM code WHERE code.snapshot = snapshot.id)";
    db.prepare_cached(sql)?.execute(())?;
    Ok(())
}

impl StoreReader {
    /// How many runs of a project have it kept; of all, or of those that are gone.
    pub fn n_code(&self, project: ProjectId, gone_only: bool) -> Result<u64> {
        let sql = "SELECT count(*) FROM source s JOIN run r ON r.source = s.id JOIN code c ON c.run = r.id
             WHERE s.project = ? AND (NOT ? OR r.gone <> 0 OR s.gone_since IS NOT NULL)";
        let n: i64 = self.db.prepare_cached(sql)?.query_row((project.0, gone_only), |row| row.get(0))?;
        Ok(n.unsigned_abs())
    }

    /// When it was taken (Unix seconds), and the document.
    pub fn code(&self, run: RunId) -> Result<Option<(f64, String)>> {
        let sql = "SELECT c.taken, s.document FROM code c JOIN snapshot s ON s.id = c.snapshot WHERE c.run = ?";
        let rows = self.rows(sql, (run.0,), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.into_iter().next())
    }
}
