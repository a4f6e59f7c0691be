//! A run of Sacred's FileStorageObserver.

use std::path::PathBuf;

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Listing, sacred};

/// `run.json` and `config.json` are anybody's names; what is in the first is not. Whatever else the experiment logged into
/// its folder is told as before.
pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<(Format, PathBuf)> {
    let is_file = |name: &str| listing.entries.iter().any(|e| !e.is_dir && e.name == name);
    if !is_file(sacred::RUN) || !is_file(sacred::CONFIG) {
        return None;
    }
    let mut text = peek.head(sacred::RUN)?;
    // Keys are sorted: a long list of artifacts comes before `experiment`, and `status` near the end.
    if text.len() >= super::peek::HEAD {
        text.extend(peek.tail(sacred::RUN)?);
    }
    let has = |key: &str| memchr::memmem::find(&text, format!("\"{key}\":").as_bytes()).is_some();
    let is_begun = has("experiment") || has("artifacts");
    let n_own = ["command", "fail_trace", "heartbeat", "host", "meta", "resources", "start_time"];
    let is_own = n_own.into_iter().filter(|key| has(key)).count() >= 2;
    // `cout.txt` comes last: then a record without its end is one that is being written over right now.
    let is_run = is_begun && has("status") && is_own || (is_begun || text.is_empty()) && is_file("cout.txt");
    is_run.then(|| (Format::Sacred, listing.rel.to_path_buf()))
}
