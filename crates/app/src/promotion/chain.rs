//! The audit's chain as somebody else may check it.

use crate::app::App;
use crate::wire::*;
use signalbox_release::Audit;
use std::io::{self, Write};

const PAGE: u32 = 1000;

impl App {
    /// Goes over the whole chain; with a hash that was kept elsewhere, looks whether it is in it.
    pub(crate) fn verify_audit(&self, args: AuditHead) -> Result<AuditCheck, CallError> {
        let ledger = self.ledger()?;
        let mut check = match Audit(&ledger).verify()? {
            Ok((total, head)) => AuditCheck {
                total,
                head: Some(head).filter(|head| !head.is_empty()),
                broken: None,
                at: None,
                kept: None,
            },
            Err(broken) => AuditCheck {
                total: broken.seq.saturating_sub(1),
                head: None,
                broken: Some(broken.why),
                at: Some(broken.seq),
                kept: None,
            },
        };
        let Some(wanted) = args.head.as_deref().map(str::trim).filter(|head| !head.is_empty()) else {
            return Ok(check);
        };
        let mut from = 1;
        loop {
            let rows = ledger.links(from, PAGE)?;
            let Some(last) = rows.last() else { break };
            from = last.seq + 1;
            let same = |hash: &str| hash == wanted || hash.strip_prefix("sha256:") == Some(wanted);
            check.kept = rows.iter().find(|row| same(&row.hash)).map(|row| row.seq);
            if check.kept.is_some() {
                break;
            }
        }
        if check.kept.is_none() && check.broken.is_none() {
            check.broken =
                Some("no entry has the hash that was kept: entries were cut off, or the chain was written anew".into());
        }
        Ok(check)
    }

    /// Writes the chain, a line per entry: `{"seq":…,"prev":…,"hash":…,"entry":…}`. What is hashed is `prev`, a
    /// newline, and the text of `entry` as it stands, to the byte. Gives the number of entries.
    pub fn export_audit(&self, to: &mut dyn Write) -> Result<u64, CallError> {
        let ledger = self.ledger()?;
        let failed = |e: io::Error| CallError::new(ErrorCode::Unreadable, format!("The audit cannot be written: {e}."));
        let (mut n, mut prev) = (0, String::new());
        loop {
            let rows = ledger.links(n + 1, PAGE)?;
            if rows.is_empty() {
                return Ok(n);
            }
            for row in rows {
                let name = |hash: &str| serde_json::Value::from(hash);
                let (before, hash) = (name(&prev), name(&row.hash));
                writeln!(to, r#"{{"seq":{},"prev":{before},"hash":{hash},"entry":{}}}"#, row.seq, row.body)
                    .map_err(failed)?;
                n = row.seq;
                prev = row.hash;
            }
        }
    }
}
