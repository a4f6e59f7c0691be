//! A git repository with DVC's experiments: a folder that DVC knows (`.dvc`, `dvc.yaml`) whose `.git` has `refs/exps`.
//!
//! `.git` itself is in no listing, and is never entered.

use std::path::PathBuf;

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Listing, dvc_experiments};

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<(Format, PathBuf)> {
    let is_dvc = |e: &crate::Entry| if e.is_dir { e.name == ".dvc" } else { e.name == "dvc.yaml" };
    let dir = peek.path("");
    let found =
        listing.entries.iter().any(is_dvc) && dvc_experiments::is_source(listing.project, &dir, &mut peek.bytes);
    found.then(|| (Format::DvcExperiments, listing.rel.to_path_buf()))
}
