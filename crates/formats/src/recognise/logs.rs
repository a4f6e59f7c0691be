//! CSV, TSV and JSON Lines logs, told from data sets by their first lines; Optuna's journals among them.

use std::path::{Path, PathBuf};

use signalbox_types::Format;

use super::peek::Peek;
use crate::Listing;

mod judge;
mod optuna;

/// A directory with more candidates than this is taken for a data set once so many in a row were none.
pub(super) const MANY: usize = 64;
pub(super) const MAX_MISSES: usize = 32;

/// Names that the tools give their logs: looked at first.
const KNOWN_NAMES: [&str; 9] = [
    "metrics.csv",
    "results.csv",
    "training.log",
    "history.csv",
    "log.csv",
    "train_log.csv",
    "progress.csv",
    "metrics.jsonl",
    "trainer_log.jsonl",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    /// A `.log` is a table only if Keras wrote it.
    KerasTable,
    Lines,
    /// Of an extension or a name that only Optuna's journals have.
    Journal,
}

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Vec<(Format, PathBuf)> {
    let mut candidates: Vec<(&Path, Kind)> = listing
        .entries
        .iter()
        .filter(|e| !e.is_dir && e.len > 0)
        .filter_map(|e| Some((Path::new(&e.name), kind(&e.name.to_string_lossy())?)))
        .collect();
    candidates.sort_by_key(|(name, _)| (!KNOWN_NAMES.iter().any(|known| name.as_os_str() == *known), *name));
    let has = |name: &str| listing.entries.iter().any(|e| !e.is_dir && e.name == name);
    let mut found = Vec::new();
    let mut misses = 0;
    for (name, kind) in &candidates {
        if candidates.len() > MANY && misses >= MAX_MISSES {
            break;
        }
        let promised = match name.to_str() {
            Some("metrics.csv") if has("hparams.yaml") => Some(Format::LightningCsv),
            Some("results.csv") if has("args.yaml") || has("opt.yaml") => Some(Format::Ultralytics),
            _ => None,
        };
        let Some(head) = peek.head(name) else { continue };
        let format = match kind {
            _ if optuna::is_journal(&head) => Some(Format::OptunaJournal),
            Kind::Journal => None,
            Kind::Table => judge::table(&head, &name.to_string_lossy(), promised),
            Kind::KerasTable => judge::table(&head, "", None).filter(|f| *f == Format::KerasCsv),
            Kind::Lines => judge::json_lines(&head).then_some(Format::Jsonl),
        };
        match format {
            Some(format) => {
                misses = 0;
                found.push((format, listing.rel.join(name)));
            }
            None => misses += 1,
        }
    }
    found
}

fn kind(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|s| name.ends_with(s));
    match () {
        () if ends(&[".csv", ".tsv"]) => Some(Kind::Table),
        () if ends(&[".jsonl", ".ndjson", ".log.json"]) || name == "scalars.json" => Some(Kind::Lines),
        () if ends(&[".log"]) => Some(Kind::KerasTable),
        () if ends(&[".journal"]) || name.contains("optuna") && !name.contains('.') => Some(Kind::Journal),
        () => None,
    }
}
