//! From one directory's listing: which sources it holds, and where else to look.

use std::{borrow::Cow, collections::HashSet, ffi::OsString, path::PathBuf};

use signalbox_types::Format;

pub use self::console::may_be_console_log;
use self::peek::Peek;
use crate::{Descend, Listing, Recognised, SourceSpec, tfevents};

mod aim;
mod catboost;
mod console;
mod databases;
mod dvc_experiments;
mod dvclive;
mod guild;
mod hf_trainer;
mod hydra;
mod logs;
mod peek;
mod ray_tune;
mod run_dirs;
mod sacred;
mod stores;

/// Which sources a directory holds. May open and read the head (at most 4 KiB) of few candidate files, more of those that
/// may be console logs (at most 104 KiB, and no more than 32 of them in vain where there are many), and the schema of
/// SQLite databases that may be of a tool that we know; nothing else.
///
/// Call it again for a directory whenever a name in it comes, goes or changes (unless the name belongs to a source
/// that is known): a file that is empty or holds only a header today may be a log tomorrow. One file may change its
/// format meanwhile, say from `csv` to `keras_csv`: the later answer replaces the earlier one of the same path.
pub fn recognise(listing: &Listing) -> Recognised {
    let mut peek = Peek::new(listing);
    let found = stores::recognise(listing, &mut peek)
        .or_else(|| run_dirs::recognise(listing, &mut peek))
        .or_else(|| dvclive::recognise(listing, &mut peek))
        .or_else(|| ray_tune::is_trial(listing, &mut peek).then(|| one(Format::RayTune, listing)));
    let mut undecided = Vec::new();
    let (mut places, descend) = found.unwrap_or_else(|| shared(listing, &mut peek, &mut undecided));
    // Beside whatever else the folder is.
    places.extend(hydra::recognise(listing, &mut peek));
    places.extend(dvc_experiments::recognise(listing, &mut peek));
    places.extend(aim::recognise(listing, &mut peek));
    let descend = if aim::is_inner(listing) { Descend::None } else { hydra::descend(listing, &peek, descend) };
    let spec = |(format, rel)| SourceSpec { format, project: listing.project.to_path_buf(), rel };
    Recognised { sources: places.into_iter().map(spec).collect(), undecided, descend, peeked_bytes: peek.bytes }
}

/// A directory that is one source, with all that lies in it.
fn one(format: Format, listing: &Listing) -> (Vec<(Format, PathBuf)>, Descend) {
    (vec![(format, listing.rel.to_path_buf())], Descend::None)
}

/// Where to look, if not in folders that belong to a source.
fn without(descend: Descend, owned: &HashSet<OsString>, listing: &Listing) -> Descend {
    let is_open = |name: &OsString| !owned.contains(name);
    match descend {
        Descend::None => Descend::None,
        Descend::Only(names) => Descend::Only(names.into_iter().filter(is_open).collect()),
        Descend::All => {
            let dirs = listing.entries.iter().filter(|e| e.is_dir).map(|e| e.name.clone());
            Descend::Only(dirs.filter(is_open).collect())
        }
    }
}

/// A folder in which several tools may have written.
fn shared(listing: &Listing, peek: &mut Peek, undecided: &mut Vec<PathBuf>) -> (Vec<(Format, PathBuf)>, Descend) {
    let mut places = Vec::from_iter(guild::recognise(listing, peek));
    let of_guild = guild::descend(listing, peek);
    let train_dir = catboost::TrainDir::recognise(listing, peek);
    let mut entries = Cow::Borrowed(listing.entries);
    if let Some(train_dir) = &train_dir {
        places.push((Format::Catboost, listing.rel.to_path_buf()));
        entries.to_mut().retain(|e| !train_dir.owns(e));
    }
    places.extend(sacred::recognise(listing, peek));
    places.extend(dvclive::beside_others(listing, peek).map(|format| (format, listing.rel.to_path_buf())));
    let listing = &Listing { entries: &entries, ..*listing };
    if listing.entries.iter().any(|e| tfevents::is_event_file(&e.name, e.is_dir)) {
        places.push((Format::Tensorboard, listing.rel.to_path_buf()));
    }
    let mut descend = train_dir.map(|train_dir| train_dir.descend).or(of_guild).unwrap_or(Descend::All);
    let checkpoints = hf_trainer::recognise(listing, peek).map(|owned| (Format::HfTrainer, owned));
    let trials = ray_tune::experiment(listing, peek).map(|owned| (Format::RayTune, owned));
    for (format, owned) in checkpoints.into_iter().chain(trials) {
        places.push((format, listing.rel.to_path_buf()));
        descend = without(descend, &owned, listing);
    }
    places.extend(databases::recognise(listing, peek, undecided));
    places.extend(logs::recognise(listing, peek));
    places.extend(console::recognise(listing, peek, &places, undecided));
    (places, descend)
}
