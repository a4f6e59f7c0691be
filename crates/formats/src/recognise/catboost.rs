//! CatBoost's `train_dir`. Any folder can be one, also the project's own, so that what else lies in it is looked at.

use std::ffi::OsString;

use super::peek::Peek;
use crate::{Descend, Entry, Listing, catboost, tfevents};

/// What of a folder is CatBoost's.
pub(super) struct TrainDir {
    /// Sub-folders that are not.
    pub descend: Descend,
}

impl TrainDir {
    /// `catboost_training.json` has no second meaning; before it was written there were the tables alone.
    pub(super) fn recognise(listing: &Listing, peek: &Peek) -> Option<TrainDir> {
        let is_there = |name: &str, is_dir| listing.entries.iter().any(|e| e.is_dir == is_dir && e.name == name);
        let has_tables =
            is_there("learn_error.tsv", false) && (is_there(catboost::TIME_LEFT, false) || is_there("learn", true));
        if !has_tables && !is_there(catboost::TRAINING, false) {
            return None;
        }
        let dirs = || listing.entries.iter().filter(|e| e.is_dir);
        let others: Vec<OsString> = dirs().filter(|d| !is_own_dir(d, listing, peek)).map(|d| d.name.clone()).collect();
        let descend = if others.is_empty() { Descend::None } else { Descend::Only(others) };
        Some(TrainDir { descend })
    }

    /// Whether the file is told of as CatBoost's, and as nothing else.
    pub(super) fn owns(&self, entry: &Entry) -> bool {
        !entry.is_dir && entry.name.to_str().is_some_and(catboost::is_table)
    }
}

/// Where CatBoost puts event files with the numbers of a table: `learn`, `test`, the second test set's `test1`; and its
/// temporary files. A `test` that somebody else made holds other files. Old cross-validations kept a table of the first
/// fold alone, and newer ones have a folder for each: these are looked into.
fn is_own_dir(dir: &Entry, listing: &Listing, peek: &Peek) -> bool {
    let name = dir.name.to_string_lossy();
    let table = format!("{}_error.tsv", name.trim_end_matches(|c: char| c.is_ascii_digit()));
    let has_table = || catboost::is_table(&table) && listing.entries.iter().any(|e| !e.is_dir && e.name == *table);
    let holds_events_only =
        || peek.names(&dir.name, 8).is_some_and(|names| names.iter().all(|n| tfevents::is_event_file(n, false)));
    name == "tmp" || has_table() && holds_events_only()
}
