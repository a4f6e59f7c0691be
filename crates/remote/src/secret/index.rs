//! What a person has stored, and where: a file without secrets. So a keychain that would ask its person is asked only
//! for what it holds, and what is kept can be listed while the vault is locked.
//!
//! Nothing is believed of it: the origin is part of the name under which the secret itself is kept.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use signalbox_release::{Failure, FailureCode};

use super::files;
use super::{Kept, Place, Where};

pub struct Index {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Row {
    /// A word: a row of a kind that this Signalbox does not know does not stop those that it does.
    kind: String,
    origin: String,
    account: Option<String>,
    at: Where,
    stored_unix_ms: i64,
}

impl Index {
    pub fn new(path: PathBuf) -> Index {
        Index { path }
    }

    /// Newest first.
    pub fn rows(&self) -> Result<Vec<Kept>, Failure> {
        let Some(file) = files::read(&self.path)? else { return Ok(Vec::new()) };
        let damaged = |_| {
            Failure::new(FailureCode::Local, format!("{}: it does not read", self.path.display()))
                .hint("Remove this file, and store anew what you had stored. It holds no secret itself.")
        };
        let rows: Vec<Row> = serde_json::from_str(&file.text).map_err(damaged)?;
        let kept = |row: Row| {
            let place = Place::new(row.kind.parse().ok()?, &row.origin, row.account.as_deref()).ok()?;
            Some(Kept { place, at: row.at, stored_unix_ms: row.stored_unix_ms })
        };
        let mut rows: Vec<Kept> = rows.into_iter().filter_map(kept).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.stored_unix_ms));
        Ok(rows)
    }

    /// Of a place without an account: its token if there is one, else what was stored last.
    pub fn find(&self, place: &Place) -> Result<Option<Kept>, Failure> {
        let mut rows: Vec<Kept> = self.rows()?.into_iter().filter(|row| is_meant(place, &row.place)).collect();
        rows.sort_by_key(|row| row.place.account().is_some());
        Ok(rows.into_iter().next())
    }

    pub fn put(&self, kept: Kept) -> Result<(), Failure> {
        self.change(|rows| {
            rows.retain(|row| row.place != kept.place);
            rows.push(kept);
        })
    }

    pub fn remove(&self, place: &Place) -> Result<(), Failure> {
        self.change(|rows| rows.retain(|row| row.place != *place))
    }

    /// Takes in what the vault has and this list does not: the vault may have come from another machine.
    pub fn add_missing(&self, places: Vec<Place>, now_unix_ms: i64) -> Result<(), Failure> {
        let rows = self.rows()?;
        if places.iter().all(|place| rows.iter().any(|row| row.place == *place)) {
            return Ok(());
        }
        self.change(|rows| {
            for place in places {
                if !rows.iter().any(|row| row.place == place) {
                    rows.push(Kept { place, at: Where::Vault, stored_unix_ms: now_unix_ms });
                }
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Kept>)) -> Result<(), Failure> {
        let _writing = self.writing()?;
        let mut kept = self.rows()?;
        change(&mut kept);
        let row = |kept: Kept| Row {
            kind: kept.place.kind().word().to_owned(),
            origin: kept.place.origin().to_owned(),
            account: kept.place.account().map(str::to_owned),
            at: kept.at,
            stored_unix_ms: kept.stored_unix_ms,
        };
        let rows: Vec<Row> = kept.into_iter().map(row).collect();
        let text = serde_json::to_vec_pretty(&rows).expect("BUG: rows are JSON");
        files::replace(&self.path, &text).map_err(|e| self.failed(&e))
    }

    fn writing(&self) -> Result<File, Failure> {
        files::lock(&self.path.with_extension("lock")).map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &io::Error) -> Failure {
        Failure::new(FailureCode::Local, format!("{}: {e}", self.path.display()))
            .hint("See to it that this file can be written.")
    }
}

fn is_meant(asked: &Place, kept: &Place) -> bool {
    asked.kind() == kept.kind()
        && asked.origin() == kept.origin()
        && (asked.account().is_none() || asked.account() == kept.account())
}
