//! Free pages are given back to the disk.
//!
//! A store that this version has made gives them back in steps (`auto_vacuum = INCREMENTAL`), each a short transaction:
//! everything else goes on. An older one is written anew once, by SQLite's VACUUM, and gives back in steps from then on.
//! Swapping in a copy is not done: another instance that has the file open would go on writing to the one that is gone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::TransactionBehavior;

use crate::room::log_bytes;
use crate::{Result, Store, StoreError, schema};

/// What giving back would need. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacting {
    /// That lie in free pages.
    pub free: u64,
    /// Step by step; else the whole file is written anew, and whoever writes waits meanwhile.
    pub in_steps: bool,
    /// That must be free on the disk of the store: the log of what moves.
    pub needs_here: u64,
    /// And where SQLite has its temporary files ([`temporary_folder`]).
    pub needs_there: u64,
}

/// What the log may come to while pages move: it is emptied all along, but not below what a reader still reads.
const LOG_BYTES: u64 = 64 << 20;
/// Pages that are moved between two looks at the clock.
const PAGES: i64 = 32;

impl Store {
    pub fn compacting(&self) -> Result<Compacting> {
        let room = self.reader()?.file_room()?;
        let whole = if room.in_steps { 0 } else { room.file - room.free };
        Ok(Compacting { free: room.free, in_steps: room.in_steps, needs_here: LOG_BYTES + whole, needs_there: whole })
    }

    /// Gives back some free pages, for about as long as `budget`, in one transaction; how many bytes. 0: none is left.
    /// Nothing happens where [`Compacting::in_steps`] does not hold.
    pub fn compact_some(&mut self, budget: Duration) -> Result<u64> {
        let path = self.path().to_path_buf();
        (|| {
            let until = Instant::now() + budget;
            let transaction = self.connection().transaction_with_behavior(TransactionBehavior::Immediate)?;
            schema::check_version(&transaction, &path)?;
            let value = |name: &str| -> Result<i64> {
                Ok(transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?)
            };
            if value("auto_vacuum")? != 2 {
                return Ok(0);
            }
            let (page, before) = (value("page_size")?, value("freelist_count")?);
            let mut left = before;
            while left > 0 {
                // Each row is a page.
                let mut give = transaction.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
                let mut rows = give.query(())?;
                while rows.next()?.is_some() {}
                drop(rows);
                drop(give);
                let now = value("freelist_count")?;
                if now >= left || Instant::now() >= until {
                    left = now;
                    break;
                }
                left = now;
            }
            transaction.commit()?;
            Ok(((before - left).max(0) * page).unsigned_abs())
        })()
        .map_err(|e: StoreError| e.at(&path))
    }

    /// Writes the whole file anew, without free pages, and so that it gives them back in steps from then on. No other
    /// writer gets at the store meanwhile; whoever reads goes on. Killed, nothing has happened.
    pub fn write_anew(&mut self) -> Result<()> {
        let path = self.path().to_path_buf();
        (|| {
            let connection = self.connection();
            schema::check_version(connection, &path)?;
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.execute_batch("VACUUM")?;
            Ok(())
        })()
        .map_err(|e: StoreError| e.at(&path))
    }

    /// Brings the log into the file, whose end is cut off then. False: somebody still reads what was; the next one who
    /// writes does it.
    pub fn settle_log(&mut self) -> Result<bool> {
        let is_busy: bool = self.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(!is_busy)
    }

    /// Bytes on the disk: the file and its log.
    pub fn bytes_on_disk(&self) -> u64 {
        std::fs::metadata(self.path()).map_or(0, |seen| seen.len()) + log_bytes(self.path())
    }
}

impl Compacting {
    /// Refuses where the disk has too little room. `here`: free bytes where the store lies; `there`: in
    /// [`temporary_folder`], `None` if that is the same disk.
    pub fn allowed(&self, here: u64, there: Option<u64>) -> Result<()> {
        let (needs_here, needs_there) = match there {
            None => (self.needs_here + self.needs_there, 0),
            Some(_) => (self.needs_here, self.needs_there),
        };
        if here < needs_here {
            return Err(StoreError::NoRoom {
                place: "on the disk that holds the store".into(),
                needs: needs_here,
                has: here,
            });
        }
        match there {
            Some(has) if has < needs_there => {
                let place = format!("in {}", temporary_folder().display());
                Err(StoreError::NoRoom { place, needs: needs_there, has })
            }
            _ => Ok(()),
        }
    }
}

/// Where SQLite has its temporary files on Unix: <https://www.sqlite.org/tempfiles.html>, section 5.
pub fn temporary_folder() -> PathBuf {
    let said = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    said.chain(usual).find(|folder| folder.is_dir()).unwrap_or_else(|| PathBuf::from("."))
}
