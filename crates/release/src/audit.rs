//! Everything that was done and seen, in an append-only chain: each link's hash covers the link before it.
//!
//! hash(n) = SHA-256 of hash(n − 1), a newline, and the canonical JSON of link n. Who changes, removes or inserts a
//! link has to change all hashes after it; who keeps the last hash elsewhere will see that.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_store::{Ledger, StoreError};

use crate::names::{Digest, PlanId};
use crate::plan::canonical;

/// A link. Holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub at_unix_ms: i64,
    /// The person at this machine, and their name at the system, where it has one.
    pub who: String,
    pub machine: String,
    /// `plan`, `apply`, `step`, `approve`, `override`, `observed`, …
    pub what: String,
    pub plan: Option<PlanId>,
    pub step: Option<usize>,
    /// Requests (redacted), answers, what was seen before and after, verdicts, reasons.
    pub detail: Value,
}

/// A link of the chain as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Link {
    seq: u64,
    #[serde(flatten)]
    entry: AuditEntry,
}

/// Where the chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub seq: u64,
    pub why: String,
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit cannot be read or written: {0}")]
    Store(#[from] StoreError),
    #[error("the audit's entry {seq} does not read: {why}")]
    Unreadable { seq: u64, why: String },
}

pub struct Audit<'a>(pub &'a Ledger);

const PAGE: u32 = 1000;

impl Audit<'_> {
    /// Adds a link; it is on the disk when this returns. Gives its number.
    pub fn add(&self, entry: &AuditEntry) -> Result<u64, AuditError> {
        let row = self.0.chain(|seq, before| {
            let link = Link { seq, entry: entry.clone() };
            let body = canonical(&serde_json::to_value(&link).expect("BUG: an entry is JSON"));
            let hash = hash_of(before, &body);
            (body, hash)
        })?;
        Ok(row.seq)
    }

    /// The entries from number `from` on, at most a thousand, with their numbers and hashes.
    pub fn entries(&self, from: u64) -> Result<Vec<(u64, String, AuditEntry)>, AuditError> {
        let rows = self.0.links(from, PAGE)?;
        rows.into_iter()
            .map(|row| {
                let link: Link = serde_json::from_str(&row.body)
                    .map_err(|e| AuditError::Unreadable { seq: row.seq, why: e.to_string() })?;
                Ok((row.seq, row.hash, link.entry))
            })
            .collect()
    }

    /// Goes over the whole chain: the number of its links and the last hash, or where it is broken.
    pub fn verify(&self) -> Result<Result<(u64, String), Broken>, AuditError> {
        let (mut n, mut before) = (0u64, String::new());
        loop {
            let rows = self.0.links(n + 1, PAGE)?;
            if rows.is_empty() {
                return Ok(Ok((n, before)));
            }
            for row in rows {
                let broken = |why: &str| Ok(Err(Broken { seq: row.seq, why: why.to_owned() }));
                if row.seq != n + 1 {
                    return broken("entries before it are missing");
                }
                if row.hash != hash_of(&before, &row.body) {
                    return broken("its hash is not that of what it says and of the entry before it");
                }
                match serde_json::from_str::<Link>(&row.body) {
                    Ok(link) if link.seq == row.seq => {}
                    Ok(_) => return broken("it says another number"),
                    Err(_) => return broken("it does not read"),
                }
                n = row.seq;
                before = row.hash;
            }
        }
    }
}

fn hash_of(before: &str, body: &str) -> String {
    Digest::of(format!("{before}\n{body}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: &str) -> AuditEntry {
        AuditEntry {
            at_unix_ms: 1,
            who: "ada".into(),
            machine: "laptop".into(),
            what: what.into(),
            plan: None,
            step: None,
            detail: serde_json::json!({ "b": 1, "a": [null, 0.1] }),
        }
    }

    #[test]
    fn a_chain_that_nobody_touched_holds() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&dir.path().join("ledger")).expect("opens");
        let audit = Audit(&ledger);
        assert_eq!(audit.verify().expect("read"), Ok((0, String::new())));
        for what in ["plan", "apply", "step"] {
            audit.add(&entry(what)).expect("added");
        }
        let (n, last) = audit.verify().expect("read").expect("whole");
        assert_eq!(n, 3);
        let entries = audit.entries(1).expect("read");
        assert_eq!(entries[2].1, last);
        assert_eq!(entries[0].2, entry("plan"));
    }

    /// The file as a stranger would change it: without our triggers.
    #[test]
    fn whoever_changes_removes_or_adds_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ledger");
        let ledger = Ledger::open(&path).expect("opens");
        for what in ["plan", "apply", "step"] {
            Audit(&ledger).add(&entry(what)).expect("added");
        }
        drop(ledger);
        let broken_by = |sql: &str| {
            let copy = dir.path().join("copy");
            let _ = std::fs::remove_file(&copy);
            std::fs::copy(&path, &copy).expect("copied");
            let output = std::process::Command::new("python3")
                .args([
                    "-c",
                    "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()",
                ])
                .arg(&copy)
                .arg(format!("DROP TRIGGER link_is_not_changed; DROP TRIGGER link_is_not_removed; {sql}"))
                .output()
                .expect("python3 runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let ledger = Ledger::open(&copy).expect("opens");
            Audit(&ledger).verify().expect("read").expect_err("found").seq
        };
        assert_eq!(broken_by("UPDATE link SET body = replace(body, 'ada', 'eve') WHERE seq = 2"), 2);
        assert_eq!(broken_by("DELETE FROM link WHERE seq = 2"), 3);
        assert_eq!(broken_by("DELETE FROM link WHERE seq = 1"), 2);
        assert_eq!(broken_by("UPDATE link SET seq = 9 WHERE seq = 3"), 9);
        assert_eq!(broken_by("INSERT INTO link SELECT 4, body, hash FROM link WHERE seq = 3"), 4);
    }
}
