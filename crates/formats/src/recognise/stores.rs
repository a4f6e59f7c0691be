//! MLflow's file stores: the root of one, an experiment in it, or a single run that was copied out of it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Descend, Entry, Listing, mlflow};

/// So many sub-directories are asked for their `meta.yaml`.
const MAX_ASKED: usize = 8;

type Found = (Vec<(Format, PathBuf)>, Descend);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meta {
    Experiment,
    Run,
    Other,
}

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<Found> {
    let dirs: Vec<&Entry> = listing.entries.iter().filter(|e| e.is_dir).collect();
    let is_file = |name: &str| listing.entries.iter().any(|e| !e.is_dir && e.name == name);
    let has_meta = is_file("meta.yaml");
    let runs = || dirs.iter().filter(|d| mlflow::is_run_id(d.name.as_encoded_bytes()));
    match has_meta.then(|| meta(peek, Path::new("meta.yaml"))).flatten() {
        Some(Meta::Run) => return Some((vec![(Format::MlflowFile, listing.rel.to_path_buf())], Descend::None)),
        Some(Meta::Experiment) => return Some(experiment(listing, &dirs)),
        Some(Meta::Other) | None => {}
    }
    // An experiment whose own meta.yaml is missing or damaged is known by its runs.
    if ask(peek, runs().copied(), Meta::Run) {
        return Some(experiment(listing, &dirs));
    }
    let numbered = dirs.iter().filter(|d| d.name.as_encoded_bytes().iter().all(u8::is_ascii_digit));
    if ask(peek, numbered.copied(), Meta::Experiment) {
        return Some(root(listing, &dirs));
    }
    // Beside a database, `mlruns/<experiment>/<run>` holds nothing but artifacts: those are the run's, not runs.
    let name = listing.rel.file_name().map_or(&b""[..], |n| n.as_encoded_bytes());
    let is_owned = mlflow::is_run_id(name) || name.strip_prefix(b"m-").is_some_and(mlflow::is_run_id);
    let only_artifacts = matches!(listing.entries, [only] if only.is_dir && only.name == "artifacts");
    (is_owned && only_artifacts).then_some((Vec::new(), Descend::None))
}

/// The directory of an experiment: each run in it is a source, and none is descended into. A run's directory that
/// is still empty counts, since nothing tells when it fills but its own reader.
fn experiment(listing: &Listing, dirs: &[&Entry]) -> Found {
    let is_run = |d: &&&Entry| mlflow::is_run_id(d.name.as_encoded_bytes());
    let sources = dirs.iter().filter(is_run).map(|d| (Format::MlflowFile, listing.rel.join(&d.name))).collect();
    let is_other = |d: &&&Entry| !is_run(d) && !mlflow::RESERVED.iter().any(|name| d.name == *name);
    (sources, Descend::Only(names(dirs.iter().filter(is_other).copied())))
}

fn root(listing: &Listing, dirs: &[&Entry]) -> Found {
    let (models, others): (Vec<&Entry>, Vec<&Entry>) = dirs.iter().partition(|d| d.name == "models");
    let sources = models.iter().map(|d| (Format::MlflowFileRegistry, listing.rel.join(&d.name))).collect();
    (sources, Descend::Only(names(others.into_iter())))
}

fn names<'a>(dirs: impl Iterator<Item = &'a Entry>) -> Vec<OsString> {
    dirs.map(|d| d.name.clone()).collect()
}

/// Whether one of the directories has a `meta.yaml` of the kind.
fn ask<'a>(peek: &mut Peek, dirs: impl Iterator<Item = &'a Entry>, kind: Meta) -> bool {
    dirs.take(MAX_ASKED).any(|d| meta(peek, &Path::new(&d.name).join("meta.yaml")) == Some(kind))
}

fn meta(peek: &mut Peek, name: &Path) -> Option<Meta> {
    let head = peek.head(name)?;
    let has = |key: &str| {
        head.split(|b| *b == b'\n')
            .any(|line| line.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.starts_with(b":")))
    };
    Some(match () {
        () if (has("run_id") || has("run_uuid")) && (has("artifact_uri") || has("experiment_id")) => Meta::Run,
        () if has("experiment_id") && (has("artifact_location") || has("lifecycle_stage")) && !has("model_id") => {
            Meta::Experiment
        }
        () => Meta::Other,
    })
}
