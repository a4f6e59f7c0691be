//! What was counted in data files, so that no file is read twice: a cache, and nothing more. It may be deleted.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, params};

use crate::Result;

pub struct CellStore {
    connection: Mutex<Connection>,
}

/// A file's counts, as they were when it had this stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRow {
    /// What the file was: size, time, and whatever else the counts turn on.
    pub stamp: String,
    pub body: Vec<u8>,
}

const VERSION: i64 = 2;

impl CellStore {
    /// Opens the cache at `path`, or makes it. What is not one, or of another version, is made anew.
    pub fn open(path: &Path) -> Result<CellStore> {
        let open = || -> Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(5))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // What is lost with the power is counted again.
            connection.pragma_update(None, "synchronous", "OFF")?;
            let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version != VERSION {
                connection.execute_batch(
                    "DROP TABLE IF EXISTS cells;
                     CREATE TABLE cells (monitor TEXT NOT NULL, path TEXT NOT NULL, stamp TEXT NOT NULL,
                         body BLOB NOT NULL, PRIMARY KEY (monitor, path)) WITHOUT ROWID;",
                )?;
                connection.pragma_update(None, "user_version", VERSION)?;
            }
            Ok(connection)
        };
        let connection = match open() {
            Ok(connection) => connection,
            Err(_) => {
                // Damaged: a cache is not worth a question.
                let _ = std::fs::remove_file(path);
                open()?
            }
        };
        Ok(CellStore { connection: Mutex::new(connection) })
    }

    pub fn get(&self, monitor: &str, path: &str) -> Result<Option<CellRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT stamp, body FROM cells WHERE monitor = ?1 AND path = ?2")?;
            let row = |row: &rusqlite::Row| Ok(CellRow { stamp: row.get(0)?, body: row.get(1)? });
            Ok(query.query_row([monitor, path], row).optional()?)
        })
    }

    /// In one transaction.
    pub fn put(&self, monitor: &str, rows: &[(String, CellRow)]) -> Result<()> {
        self.with(|c| {
            let transaction = c.unchecked_transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO cells (monitor, path, stamp, body) VALUES (?1, ?2, ?3, ?4)",
                )?;
                for (path, row) in rows {
                    insert.execute(params![monitor, path, row.stamp, row.body])?;
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Forgets what was counted for a monitor that is no more.
    pub fn forget(&self, monitor: &str) -> Result<()> {
        self.with(|c| {
            c.execute("DELETE FROM cells WHERE monitor = ?1", [monitor])?;
            Ok(())
        })
    }

    /// Forgets some of the rows of all monitors whose names begin so. False: none is left.
    pub fn forget_some(&self, beginning: &str) -> Result<bool> {
        self.with(|c| {
            let mut delete = c.prepare_cached(
                "DELETE FROM cells WHERE (monitor, path) IN
                 (SELECT monitor, path FROM cells WHERE monitor >= ?1 AND substr(monitor, 1, length(?1)) = ?1 LIMIT 100)",
            )?;
            Ok(delete.execute([beginning])? > 0)
        })
    }

    /// The bytes of what was counted for all monitors whose names begin so.
    pub fn bytes_of(&self, beginning: &str) -> Result<u64> {
        self.with(|c| {
            let mut sum = c.prepare_cached(
                "SELECT ifnull(sum(octet_length(body)), 0) FROM cells
                 WHERE monitor >= ?1 AND substr(monitor, 1, length(?1)) = ?1",
            )?;
            Ok(sum.query_row([beginning], |row| row.get::<_, i64>(0))?.unsigned_abs())
        })
    }

    /// Bytes in free pages.
    pub fn free_bytes(&self) -> Result<u64> {
        self.with(|c| {
            let value = |name: &str| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            Ok((value("page_size")? * value("freelist_count")?).unsigned_abs())
        })
    }

    /// Writes the file anew, without free pages.
    pub fn compact(&self) -> Result<()> {
        self.with(|c| {
            c.execute_batch("VACUUM")?;
            c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
            Ok(())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_by_monitor_and_path_and_damage_is_begun_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("cells.db");
        let row = |stamp: &str| CellRow { stamp: stamp.into(), body: vec![1, 2, 3] };
        {
            let store = CellStore::open(&path).expect("open");
            store.put("m", &[("a".into(), row("1")), ("b".into(), row("1"))]).expect("put");
            store.put("m", &[("a".into(), row("2"))]).expect("put");
            store.put("other", &[("a".into(), row("9"))]).expect("put");
        }
        let store = CellStore::open(&path).expect("open");
        assert_eq!(store.get("m", "a").expect("get"), Some(row("2")));
        assert_eq!(store.get("m", "c").expect("get"), None);
        store.forget("other").expect("forget");
        store.put("/p\nm%", &[("a".into(), row("1"))]).expect("put");
        store.put("/p_\nm", &[("a".into(), row("1"))]).expect("put");
        assert_eq!(store.bytes_of("/p\n").expect("a sum"), 3);
        while store.forget_some("/p\n").expect("forget") {}
        assert_eq!(store.bytes_of("/p\n").expect("a sum"), 0);
        store.compact().expect("compacted");
        assert_eq!(store.get("/p\nm%", "a").expect("get"), None);
        assert_eq!(store.get("/p_\nm", "a").expect("get"), Some(row("1")));
        assert_eq!(store.get("other", "a").expect("get"), None);
        assert_eq!(store.get("m", "b").expect("get"), Some(row("1")));
        drop(store);
        std::fs::write(&path, b"no database at all, but long enough to be looked at").expect("write");
        assert_eq!(CellStore::open(&path).expect("open").get("m", "a").expect("get"), None);
    }
}
