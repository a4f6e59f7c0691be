//! Directories of one run each, named `run-<date>_<time>-<id>`: W&B's and SwanLab's. Nothing in one is a source of
//! its own.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{
    Descend, Listing,
    blocks::directory::{Records, id_of_directory, id_of_file},
    swanlab, wandb,
};

type Found = (Vec<(Format, PathBuf)>, Descend);

/// A link to the run that began last, or what became of one that was copied.
const LATEST: &str = "latest-run";
/// So many directories beside a `latest-run` are compared with it.
const MAX_COMPARED: usize = 256;

struct Tool {
    format: Format,
    suffix: &'static str,
    magic: [u8; 6],
    /// Files in `files/` of which one is a run without its file of records, as runs are committed to git.
    files: &'static [&'static str],
}

const SWANLAB_METADATA: &str = "swanlab-metadata.json";
const TOOLS: [Tool; 2] = [
    Tool {
        format: Format::Wandb,
        suffix: wandb::RunState::SUFFIX,
        magic: wandb::RunState::PREAMBLE.magic,
        files: &["wandb-summary.json", "wandb-metadata.json", "config.yaml"],
    },
    Tool {
        format: Format::Swanlab,
        suffix: swanlab::RunState::SUFFIX,
        magic: swanlab::RunState::PREAMBLE.magic,
        files: &[SWANLAB_METADATA],
    },
];

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<Found> {
    let dir = match listing.rel.as_os_str().is_empty() {
        true => listing.project.file_name(),
        false => listing.rel.file_name(),
    };
    let dir = dir.and_then(OsStr::to_str).unwrap_or_default();
    let is_named = id_of_directory(dir).is_some() || dir == LATEST;
    let by_log = TOOLS.iter().find(|tool| tool.has_log(is_named, listing, peek));
    let tool = by_log.or_else(|| TOOLS.iter().find(|tool| is_named && tool.has_files(listing, peek)))?;
    let is_told = dir == LATEST && tool.is_copy(listing, peek);
    let sources = if is_told { vec![] } else { vec![(tool.format, listing.rel.to_path_buf())] };
    Some((sources, Descend::None))
}

impl Tool {
    fn has_log(&self, is_named: bool, listing: &Listing, peek: &mut Peek) -> bool {
        let is_log = |name: &OsStr| name.to_str().is_some_and(|name| id_of_file(name, self.suffix).is_some());
        let Some(log) = listing.entries.iter().find(|e| !e.is_dir && is_log(&e.name)) else { return false };
        // Before its first flush the file is empty; a damaged one is told of by its reader. Of a file that was
        // copied out of its directory, what lies beside it is not the run's.
        let begins = |head: Vec<u8>| head.starts_with(&self.magic);
        is_named || has_dir(listing, "files") && peek.head(&log.name).is_some_and(begins)
    }

    fn has_files(&self, listing: &Listing, peek: &Peek) -> bool {
        let has = |name: &str| peek.path("files").join(name).is_file();
        // Both have a `config.yaml`.
        has_dir(listing, "files")
            && self.files.iter().any(|name| has(name))
            && (self.format == Format::Swanlab || !has(SWANLAB_METADATA))
    }

    /// Whether one of the directories beside it holds the same run: by its id, else by what tells a time.
    fn is_copy(&self, listing: &Listing, peek: &mut Peek) -> bool {
        let Some(parent) = listing.rel.parent().filter(|_| !listing.rel.as_os_str().is_empty()) else { return false };
        let Ok(siblings) = fs::read_dir(listing.project.join(parent)) else { return false };
        let names = siblings.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut siblings = names.filter(|name| id_of_directory(name).is_some());
        let id = listing.entries.iter().find_map(|e| id_of_file(e.name.to_str()?, self.suffix));
        if let Some(id) = id {
            return siblings.any(|name| id_of_directory(&name) == Some(id));
        }
        let files = ["files/wandb-metadata.json", "files/wandb-summary.json"];
        let told = files.into_iter().find_map(|file| Some((file, peek.head(file).filter(|head| !head.is_empty())?)));
        let Some((file, head)) = told else { return false };
        siblings.take(MAX_COMPARED).any(|dir| peek.head(Path::new("..").join(dir).join(file)).as_ref() == Some(&head))
    }
}

fn has_dir(listing: &Listing, name: &str) -> bool {
    listing.entries.iter().any(|e| e.is_dir && e.name == name)
}
