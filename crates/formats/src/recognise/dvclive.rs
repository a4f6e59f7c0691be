//! A folder of DVCLive's, told by its curves: `plots/metrics/**.tsv`, a table of steps and one metric each.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Descend, Listing, dvclive, table::header};

/// So many names of a folder and so many folders are looked at for a table.
const MAX_NAMES: usize = 64;
const MAX_DIRS: usize = 16;
/// After so many tables that are something else no more are opened.
const MAX_MISSES: usize = 8;

type Found = (Vec<(Format, PathBuf)>, Descend);

/// The folder itself, or what of it is a folder of curves: that is told of with the folder above, as nothing else.
pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<Found> {
    if listing.rel.as_os_str().is_empty() {
        return None;
    }
    let names: Vec<&std::ffi::OsStr> = listing.rel.iter().collect();
    let is_below_plots = names.windows(2).any(|pair| pair[0] == "plots" && pair[1] == "metrics");
    if is_below_plots && has_curve(Path::new(""), peek) {
        return Some((Vec::new(), Descend::None));
    }
    let has = |name: &str, is_dir| listing.entries.iter().any(|e| e.is_dir == is_dir && e.name == name);
    if names.last().is_some_and(|name| *name == "plots")
        && has("metrics", true)
        && has_curve(Path::new("metrics"), peek)
    {
        return Some((Vec::new(), Descend::Only(all_but(listing, "metrics"))));
    }
    // By that name it is DVCLive's own; any other folder may be a training's, with other records beside.
    let is_named = names.last().is_some_and(|name| *name == dvclive::DEFAULT_DIR);
    let is_folder =
        is_named && (has(dvclive::SUMMARY, false) || has("plots", true) && has_curve(Path::new(dvclive::PLOTS), peek));
    is_folder.then(|| (vec![(Format::Dvclive, listing.rel.to_path_buf())], Descend::None))
}

/// The project's folder may be DVCLive's too (`Live(".")`), or a training's (`Live("results")`), and is much else.
pub(super) fn beside_others(listing: &Listing, peek: &mut Peek) -> Option<Format> {
    let has_plots = listing.entries.iter().any(|e| e.is_dir && e.name == "plots");
    (has_plots && has_curve(Path::new(dvclive::PLOTS), peek)).then_some(Format::Dvclive)
}

/// Whether a table that DVCLive writes lies below `dir`: `[timestamp] step <metric>`.
fn has_curve(dir: &Path, peek: &mut Peek) -> bool {
    let mut dirs = vec![dir.to_path_buf()];
    let mut misses = 0;
    for at in 0..MAX_DIRS {
        let Some(dir) = dirs.get(at).cloned() else { return false };
        for name in peek.names(&dir, MAX_NAMES).unwrap_or_default() {
            let path = dir.join(&name);
            if !name.as_encoded_bytes().ends_with(b".tsv") {
                // A file is no folder, and has no names.
                dirs.push(path);
            } else if peek.head(&path).is_some_and(|head| is_curve(&head)) {
                return true;
            } else {
                misses += 1;
                if misses >= MAX_MISSES {
                    return false;
                }
            }
        }
    }
    false
}

fn is_curve(head: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', head) else { return false };
    let header = header::Header::parse(&head[..end], Format::Dvclive);
    let is = |column: usize, name: &str| header.columns.get(column).is_some_and(|c| c.name == name);
    header.delimiter == b'\t' && (is(0, "step") || is(0, "timestamp") && is(1, "step"))
}

fn all_but(listing: &Listing, name: &str) -> Vec<OsString> {
    listing.entries.iter().filter(|e| e.is_dir && e.name != name).map(|e| e.name.clone()).collect()
}
