//! Output directories of Hugging Face's Trainer. Any folder can be one, also the project's own, so that what else lies in
//! it is looked at.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    path::Path,
};

use super::peek::Peek;
use crate::{
    Listing,
    hf_trainer::{self, STATE},
};

/// So many checkpoints are asked for their state, the newest first: one that is being saved has none.
const MAX_ASKED: usize = 16;

/// Of an output directory: the folders that are its checkpoints. They are many, full of pickles, and say nothing that is
/// not told.
pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<HashSet<OsString>> {
    let dirs = || listing.entries.iter().filter(|e| e.is_dir);
    let mut steps: Vec<(i64, &OsStr)> = dirs().filter_map(|d| Some((step_of(&d.name)?, d.name.as_os_str()))).collect();
    steps.sort_unstable_by(|a, b| b.cmp(a));
    let has_own = listing.entries.iter().any(|e| !e.is_dir && e.name == STATE);
    let is_output = has_own && peek.head(STATE).is_some_and(|head| is_state(&head))
        || steps.iter().take(MAX_ASKED).any(|(_, dir)| is_checkpoint(dir, peek));
    if !is_output {
        return None;
    }
    let name = listing.rel.file_name().or_else(|| listing.project.file_name()).unwrap_or_default();
    if step_of(name).is_some() {
        // A checkpoint that was copied out of its directory: nothing in it is a log.
        return Some(dirs().map(|d| d.name.clone()).collect());
    }
    // Others named so (`checkpoint-best`, say) may be anything.
    let is_own = |name: &OsStr| {
        name.as_encoded_bytes().starts_with(b"checkpoint-")
            && (step_of(name).is_some() || peek.path(name).join(STATE).is_file())
    };
    Some(dirs().filter(|d| is_own(&d.name)).map(|d| d.name.clone()).collect())
}

fn step_of(name: &OsStr) -> Option<i64> {
    name.to_str().and_then(hf_trainer::step_of)
}

fn is_checkpoint(dir: &OsStr, peek: &mut Peek) -> bool {
    peek.head(Path::new(dir).join(STATE)).is_some_and(|head| is_state(&head))
}

/// Its keys are sorted, and the history stands in their midst. One that is just being written is empty.
fn is_state(head: &[u8]) -> bool {
    let has = |key: &str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    head.is_empty() || has("log_history") || has("global_step") && (has("best_metric") || has("epoch"))
}
