//! Guild's runs: a directory with `.guild/attrs` in it.
//!
//! What the run wrote (event files in `.guild`, logs beside it) are sources of their own, found as anywhere else; only
//! its attributes are never descended into, `attrs/env` being a whole environment.

use std::path::PathBuf;

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Descend, Listing, guild};

/// The run whose directory this is.
pub(super) fn recognise(listing: &Listing, peek: &Peek) -> Option<(Format, PathBuf)> {
    let has_guild = listing.entries.iter().any(|e| e.is_dir && e.name == ".guild");
    (has_guild && guild::is_run(&peek.path(".guild"))).then(|| (Format::Guild, listing.rel.to_path_buf()))
}

/// Where else to look in a run's `.guild`; `None` if this is none. `proto` is the pattern of a batch's trials, not a
/// run that anybody started.
pub(super) fn descend(listing: &Listing, peek: &Peek) -> Option<Descend> {
    let is_guild = listing.rel.file_name().is_some_and(|name| name == ".guild");
    let has_attrs = listing.entries.iter().any(|e| e.is_dir && e.name == "attrs");
    if !(is_guild && has_attrs && guild::is_run(&peek.path(""))) {
        return None;
    }
    let others = listing.entries.iter().filter(|e| e.is_dir && e.name != "attrs" && e.name != "proto");
    Some(Descend::Only(others.map(|e| e.name.clone()).collect()))
}
