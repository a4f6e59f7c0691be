//! Ray Tune's experiments, and trials that were copied out of one.

use std::{collections::HashSet, ffi::OsString, path::Path};

use super::peek::{HEAD, Peek};
use crate::{Listing, ray_tune};

/// So many folders of an experiment without a state are asked for their reports.
const MAX_ASKED: usize = 8;

/// A trial's folder. Its event files and its table hold the same numbers as its reports.
pub(super) fn is_trial(listing: &Listing, peek: &mut Peek) -> bool {
    let has = |name: &str| listing.entries.iter().any(|e| !e.is_dir && e.name == name);
    let is_named = has(ray_tune::RESULT) && has(ray_tune::PARAMS);
    is_named && !listing.entries.iter().any(is_state) && has_reports(Path::new(""), peek)
}

/// Of an experiment: the folders of its trials, for each of which three files are asked for by name.
pub(super) fn experiment(listing: &Listing, peek: &mut Peek) -> Option<HashSet<OsString>> {
    let newest = listing.entries.iter().filter(|e| is_state(e)).map(|e| &e.name).max();
    let has_state = newest.is_some_and(|name| peek.head(name).is_some_and(|head| begins_as_state(&head)));
    let dirs = || listing.entries.iter().filter(|e| e.is_dir && e.name.to_str().is_some());
    if !has_state {
        let dated = dirs().filter(|d| ray_tune::is_dated(&d.name.to_string_lossy())).take(MAX_ASKED);
        let mut asked = dated.filter(|d| ray_tune::is_trial(listing.project, &peek.path(&d.name))).map(|d| &d.name);
        let found: Vec<_> = asked.by_ref().collect();
        if !found.into_iter().any(|name| has_reports(Path::new(name), peek)) {
            return None;
        }
    }
    let trials = dirs().filter(|d| ray_tune::is_trial(listing.project, &peek.path(&d.name)));
    Some(trials.map(|d| d.name.clone()).collect())
}

fn is_state(entry: &crate::Entry) -> bool {
    !entry.is_dir && entry.name.to_str().is_some_and(ray_tune::is_state)
}

/// One that is just being written is empty.
fn begins_as_state(head: &[u8]) -> bool {
    let has = |key: &str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    head.is_empty() || has("trial_data") || has("checkpoints") || has("runner_data")
}

/// Whether the reports are Ray's: it adds its own keys to each. A user's may be long, and stand before them.
fn has_reports(dir: &Path, peek: &mut Peek) -> bool {
    let result = dir.join(ray_tune::RESULT);
    let Some(mut text) = peek.head(&result) else { return false };
    if text.is_empty() {
        // A trial that did not report yet; nobody else puts its parameters there twice.
        return peek.path(dir.join("params.pkl")).is_file();
    }
    if text.len() >= HEAD {
        text.extend(peek.tail(&result).unwrap_or_default());
    }
    let has = |key: &str| memchr::memmem::find(&text, format!("\"{key}\"").as_bytes()).is_some();
    let own = ["training_iteration", "trial_id", "node_ip", "time_since_restore", "iterations_since_restore"];
    own.into_iter().filter(|key| has(key)).count() >= 3
}
