//! Hydra's runs and sweeps: directories with `.hydra/config.yaml`, or with `multirun.yaml`.
//!
//! What the run logged lies beside and is told by sources of its own, found as anywhere else; only `.hydra` itself is not
//! entered.

use std::{ffi::OsString, path::PathBuf};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Descend, Listing, hydra, place};

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<(Format, PathBuf)> {
    let has = |name: &str, is_dir: bool| listing.entries.iter().any(|e| e.is_dir == is_dir && e.name == name);
    let is_run = has(hydra::OWN, true) && hydra::is_run(&peek.path("")) && !is_of_sweep(listing, peek);
    let is_source = is_run || has(hydra::SWEEP, false) && is_sweep("", peek);
    is_source.then(|| (Format::Hydra, listing.rel.to_path_buf()))
}

/// Where else to look: never into `.hydra`. Once there is a run in it, its parent is looked at again.
pub(super) fn descend(listing: &Listing, peek: &Peek, wanted: Descend) -> Descend {
    if listing.rel.file_name().is_some_and(|name| name == hydra::OWN) && hydra::is_run(&peek.path("..")) {
        return Descend::None;
    }
    let has_own = listing.entries.iter().any(|e| e.is_dir && e.name == hydra::OWN);
    if !has_own || !hydra::is_run(&peek.path("")) {
        return wanted;
    }
    let all = || listing.entries.iter().filter(|e| e.is_dir).map(|e| e.name.clone()).collect();
    let mut names: Vec<OsString> = match wanted {
        Descend::All => all(),
        Descend::Only(names) => names,
        Descend::None => return Descend::None,
    };
    names.retain(|name| name != hydra::OWN);
    Descend::Only(names)
}

/// Whether the sweep that the directory lies in tells of it. A sweep that is outside of the project tells nothing.
fn is_of_sweep(listing: &Listing, peek: &mut Peek) -> bool {
    // Its reader follows no links, and passes over hidden directories.
    !listing.rel.as_os_str().is_empty()
        && place::is_real_dir(&listing.project.join(listing.rel))
        && listing.rel.file_name().and_then(|name| name.to_str()).is_some_and(|name| !name.starts_with('.'))
        && is_sweep("..", peek)
}

/// Anybody may have a `multirun.yaml`; one of Hydra's is its configuration (or empty, while it is being written).
fn is_sweep(dir: &str, peek: &mut Peek) -> bool {
    let dir = PathBuf::from(dir);
    hydra::is_sweep(&peek.path(&dir))
        && peek.head(dir.join(hydra::SWEEP)).is_some_and(|head| {
            head.trim_ascii().is_empty() || head.split(|b| *b == b'\n').any(|line| line.starts_with(b"hydra:"))
        })
}
