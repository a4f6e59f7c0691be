//! What Signalbox did to systems elsewhere, and what it means to do: plans, the journal of their steps, evidence, the
//! audit's chain, and the embedded registry's items.
//!
//! A file of its own beside the store, because it is kept otherwise: `synchronous=FULL`, so that what was written
//! before a call is on the disk when the call is made. It holds text that `signalbox-release` gives meaning to.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::schema;
use crate::{Result, StoreError};

pub struct Ledger {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// A plan as it was made; `body` is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRow {
    pub id: String,
    pub hash: String,
    pub body: String,
    pub made_unix_ms: i64,
}

/// A line of the journal, of the records or of the audit; `body` is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    pub seq: u64,
    pub at_unix_ms: i64,
    pub body: String,
}

/// A link of the audit's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRow {
    pub seq: u64,
    pub body: String,
    pub hash: String,
}

/// An item of the embedded registry. `revision` counts its changes from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    pub key: String,
    pub revision: u64,
    pub body: String,
}

impl Ledger {
    /// Opens the ledger at `path`, or makes it. Refuses a file that is not one, or is of a newer version.
    pub fn open(path: &Path) -> Result<Ledger> {
        let connection = schema::open_ledger(path)?;
        Ok(Ledger { path: path.to_path_buf(), connection: Mutex::new(connection) })
    }

    /// Adds a plan. One with that id is left as it is.
    pub fn add_plan(&self, row: &PlanRow) -> Result<()> {
        self.with(|c| {
            c.prepare_cached("INSERT OR IGNORE INTO plan (id, hash, body, made_unix_ms) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![row.id, row.hash, row.body, row.made_unix_ms])?;
            Ok(())
        })
    }

    pub fn plan(&self, id: &str) -> Result<Option<PlanRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT id, hash, body, made_unix_ms FROM plan WHERE id = ?1")?;
            Ok(query.query_row([id], plan_row).optional()?)
        })
    }

    /// All plans, newest first.
    pub fn plans(&self) -> Result<Vec<PlanRow>> {
        self.with(|c| {
            let mut query =
                c.prepare_cached("SELECT id, hash, body, made_unix_ms FROM plan ORDER BY made_unix_ms DESC, id DESC")?;
            let rows = query.query_map((), plan_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Takes the plan for `owner` until `until_unix_ms`, or keeps it. False: another owner has it and is not late.
    pub fn claim(&self, plan: &str, owner: &str, now_unix_ms: i64, until_unix_ms: i64) -> Result<bool> {
        self.with(|c| {
            let changed = c
                .prepare_cached(
                    "UPDATE plan SET claimed_by = ?2, claimed_until_unix_ms = ?4
                     WHERE id = ?1 AND (claimed_by IS NULL OR claimed_by = ?2 OR claimed_until_unix_ms <= ?3)",
                )?
                .execute(params![plan, owner, now_unix_ms, until_unix_ms])?;
            Ok(changed == 1)
        })
    }

    /// Lets the plan go, if `owner` has it.
    pub fn release(&self, plan: &str, owner: &str) -> Result<()> {
        self.with(|c| {
            c.prepare_cached(
                "UPDATE plan SET claimed_by = NULL, claimed_until_unix_ms = 0 WHERE id = ?1 AND claimed_by = ?2",
            )?
            .execute([plan, owner])?;
            Ok(())
        })
    }

    /// Adds a line to a plan's journal. It is on the disk when this returns.
    pub fn append(&self, plan: &str, at_unix_ms: i64, body: &str) -> Result<u64> {
        self.with(|c| {
            c.prepare_cached("INSERT INTO entry (plan, at_unix_ms, body) VALUES (?1, ?2, ?3)")?
                .execute(params![plan, at_unix_ms, body])?;
            Ok(c.last_insert_rowid().unsigned_abs())
        })
    }

    /// A plan's journal, in order.
    pub fn journal(&self, plan: &str) -> Result<Vec<LedgerRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT seq, at_unix_ms, body FROM entry WHERE plan = ?1 ORDER BY seq")?;
            let rows = query.query_map([plan], ledger_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Adds a record of a kind about something.
    pub fn record(&self, kind: &str, about: &str, at_unix_ms: i64, body: &str) -> Result<u64> {
        self.with(|c| {
            c.prepare_cached("INSERT INTO record (kind, about, at_unix_ms, body) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![kind, about, at_unix_ms, body])?;
            Ok(c.last_insert_rowid().unsigned_abs())
        })
    }

    /// The records of a kind about something, oldest first.
    pub fn records(&self, kind: &str, about: &str) -> Result<Vec<LedgerRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached(
                "SELECT seq, at_unix_ms, body FROM record WHERE kind = ?1 AND about = ?2 ORDER BY seq",
            )?;
            let rows = query.query_map([kind, about], ledger_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Adds a link to the audit's chain: `make` is told its number and the hash of the link before it (empty for the
    /// first), and gives body and hash. Nothing comes between the two.
    pub fn chain(&self, make: impl FnOnce(u64, &str) -> (String, String)) -> Result<ChainRow> {
        let mut connection = self.connection();
        (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let last: Option<(u64, String)> = transaction
                .prepare_cached("SELECT seq, hash FROM link ORDER BY seq DESC LIMIT 1")?
                .query_row((), |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))
                .optional()?;
            let (seq, before) = last.map_or((1, String::new()), |(seq, hash)| (seq + 1, hash));
            let (body, hash) = make(seq, &before);
            transaction.prepare_cached("INSERT INTO link (seq, body, hash) VALUES (?1, ?2, ?3)")?.execute(params![
                seq.cast_signed(),
                body,
                hash
            ])?;
            transaction.commit()?;
            Ok(ChainRow { seq, body, hash })
        })()
        .map_err(|e: StoreError| e.at(&self.path))
    }

    /// Links of the audit's chain from number `from` on, at most `limit`.
    pub fn links(&self, from: u64, limit: u32) -> Result<Vec<ChainRow>> {
        self.with(|c| {
            let mut query =
                c.prepare_cached("SELECT seq, body, hash FROM link WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?;
            let rows = query.query_map(params![i64::try_from(from).unwrap_or(i64::MAX), limit], |row| {
                Ok(ChainRow { seq: row.get::<_, i64>(0)?.unsigned_abs(), body: row.get(1)?, hash: row.get(2)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// An item of a space.
    pub fn item(&self, space: &str, key: &str) -> Result<Option<ItemRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT key, revision, body FROM item WHERE space = ?1 AND key = ?2")?;
            Ok(query.query_row([space, key], item_row).optional()?)
        })
    }

    /// The items of a space, by key.
    pub fn items(&self, space: &str) -> Result<Vec<ItemRow>> {
        self.with(|c| {
            let mut query = c.prepare_cached("SELECT key, revision, body FROM item WHERE space = ?1 ORDER BY key")?;
            let rows = query.query_map([space], item_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Writes an item if its revision is still `expect` (0: it does not exist yet). False: it is not.
    pub fn set_item(&self, space: &str, key: &str, expect: u64, body: &str) -> Result<bool> {
        self.with(|c| {
            let changed = if expect == 0 {
                c.prepare_cached("INSERT OR IGNORE INTO item (space, key, revision, body) VALUES (?1, ?2, 1, ?3)")?
                    .execute([space, key, body])?
            } else {
                let expect = i64::try_from(expect).unwrap_or(i64::MAX);
                c.prepare_cached(
                    "UPDATE item SET body = ?4, revision = revision + 1 WHERE space = ?1 AND key = ?2 AND revision = ?3",
                )?
                .execute(params![space, key, expect, body])?
            };
            Ok(changed == 1)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.connection()).map_err(|e| e.at(&self.path))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("BUG: a panic while the ledger was held")
    }
}

fn plan_row(row: &rusqlite::Row) -> rusqlite::Result<PlanRow> {
    Ok(PlanRow { id: row.get(0)?, hash: row.get(1)?, body: row.get(2)?, made_unix_ms: row.get(3)? })
}

fn ledger_row(row: &rusqlite::Row) -> rusqlite::Result<LedgerRow> {
    Ok(LedgerRow { seq: row.get::<_, i64>(0)?.unsigned_abs(), at_unix_ms: row.get(1)?, body: row.get(2)? })
}

fn item_row(row: &rusqlite::Row) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow { key: row.get(0)?, revision: row.get::<_, i64>(1)?.unsigned_abs(), body: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str) -> PlanRow {
        PlanRow { id: id.into(), hash: "h".into(), body: "{}".into(), made_unix_ms: 5 }
    }

    #[test]
    fn what_was_written_is_there_after_a_reopening() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger.sqlite");
        let ledger = Ledger::open(&path).expect("opens");
        ledger.add_plan(&plan("p")).expect("added");
        ledger.append("p", 1, "a").expect("appended");
        ledger.append("p", 2, "b").expect("appended");
        ledger.record("approval", "h", 3, "yes").expect("recorded");
        drop(ledger);
        let ledger = Ledger::open(&path).expect("opens again");
        assert_eq!(ledger.plan("p").expect("read"), Some(plan("p")));
        assert_eq!(ledger.plan("q").expect("read"), None);
        let bodies: Vec<_> = ledger.journal("p").expect("read").into_iter().map(|row| row.body).collect();
        assert_eq!(bodies, ["a", "b"]);
        assert_eq!(ledger.records("approval", "h").expect("read").len(), 1);
        let full: i64 = ledger.connection().query_row("PRAGMA synchronous", (), |row| row.get(0)).expect("a pragma");
        assert_eq!(full, 2, "FULL: on the disk before a call is made");
    }

    #[test]
    fn a_journal_line_needs_its_plan() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens");
        assert!(ledger.append("nobody", 1, "a").is_err());
    }

    #[test]
    fn one_owner_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens");
        ledger.add_plan(&plan("p")).expect("added");
        assert!(ledger.claim("p", "one", 0, 100).expect("claimed"));
        assert!(!ledger.claim("p", "two", 50, 150).expect("asked"), "the first is not late");
        assert!(ledger.claim("p", "one", 60, 200).expect("kept"));
        assert!(ledger.claim("p", "two", 200, 300).expect("claimed"), "the first is late");
        ledger.release("p", "one").expect("not its own");
        assert!(!ledger.claim("p", "one", 250, 400).expect("asked"));
        ledger.release("p", "two").expect("released");
        assert!(ledger.claim("p", "one", 250, 400).expect("claimed"));
    }

    #[test]
    fn the_chain_has_no_forks_and_is_not_changed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger.sqlite");
        let (one, two) = (Ledger::open(&path).expect("opens"), Ledger::open(&path).expect("opens"));
        let add = |ledger: &Ledger| ledger.chain(|seq, before| (format!("{seq}"), format!("{before}.{seq}")));
        std::thread::scope(|scope| {
            for ledger in [&one, &two] {
                scope.spawn(move || (0..20).for_each(|_| drop(add(ledger).expect("added"))));
            }
        });
        let links = one.links(1, 100).expect("read");
        assert_eq!(links.len(), 40);
        let mut before = String::new();
        for (i, link) in links.iter().enumerate() {
            assert_eq!(link.seq, i as u64 + 1);
            assert_eq!(link.hash, format!("{before}.{}", link.seq));
            before.clone_from(&link.hash);
        }
        assert_eq!(one.links(39, 100).expect("read").len(), 2);
        for sql in ["UPDATE link SET body = 'x'", "DELETE FROM link"] {
            assert!(one.connection().execute(sql, ()).is_err(), "{sql}");
        }
    }

    #[test]
    fn an_item_is_set_only_over_what_was_seen() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens");
        assert!(ledger.set_item("alias", "m", 0, "1").expect("made"));
        assert!(!ledger.set_item("alias", "m", 0, "2").expect("asked"));
        assert!(ledger.set_item("alias", "m", 1, "2").expect("set"));
        assert!(!ledger.set_item("alias", "m", 1, "3").expect("asked"));
        let item = ledger.item("alias", "m").expect("read").expect("there");
        assert_eq!((item.revision, item.body.as_str()), (2, "2"));
        assert_eq!(ledger.items("alias").expect("read"), [item]);
        assert!(ledger.items("other").expect("read").is_empty());
    }

    #[test]
    fn a_store_is_no_ledger() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("one.sqlite");
        drop(Ledger::open(&path).expect("opens"));
        assert!(matches!(schema::open(&path, false), Err(StoreError::NotOurs { .. })));
    }
}
