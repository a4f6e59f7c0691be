//! SQLite databases of MLflow, Optuna and Trackio, whatever they are called.

use std::path::{Path, PathBuf};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{
    Listing, mlflow, optuna,
    sqlite::{self, Ask, Looked},
    trackio,
};

/// So many candidates of one directory are opened.
const MAX_CANDIDATES: usize = 32;

/// `undecided`: those of which it cannot be told now.
pub(super) fn recognise(listing: &Listing, peek: &mut Peek, undecided: &mut Vec<PathBuf>) -> Vec<(Format, PathBuf)> {
    let candidates =
        listing.entries.iter().filter(|e| !e.is_dir && e.len >= 512 && is_candidate(&e.name.to_string_lossy()));
    let names: Vec<&Path> = candidates.take(MAX_CANDIDATES).map(|e| Path::new(&e.name)).collect();
    let mut found = Vec::new();
    for name in names {
        let rel = listing.rel.join(name);
        match kind(name, peek) {
            Looked::Is(format) => found.push((format, rel)),
            Looked::None => {}
            // A writer left it in need of recovery, say. One that nobody has seen yet is told by its name.
            Looked::Later => {
                found.extend(by_name(&name.to_string_lossy()).map(|format| (format, rel.clone())));
                undecided.push(rel);
            }
        }
    }
    found
}

/// Whose database it is.
fn kind(name: &Path, peek: &mut Peek) -> Looked {
    match peek.head(name) {
        Some(head) if head.starts_with(b"SQLite format 3\0") => {}
        Some(_) => return Looked::None,
        None => return Looked::Later,
    }
    let asked: [(Format, Ask); 3] = [
        (Format::MlflowSqlite, mlflow::sqlite::SqliteStore::schema),
        (Format::OptunaSqlite, optuna::database::Database::schema),
        (Format::Trackio, trackio::Database::schema),
    ];
    sqlite::kind(&peek.path(name), &asked)
}

fn by_name(name: &str) -> Option<Format> {
    let names = [("mlflow", Format::MlflowSqlite), ("mlruns", Format::MlflowSqlite), ("optuna", Format::OptunaSqlite)];
    names.into_iter().find(|(word, _)| name.contains(word)).map(|(_, format)| format)
}

fn is_candidate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_side_file = ["-journal", "-wal", "-shm"].iter().any(|suffix| name.ends_with(suffix));
    let is_database = [".db", ".sqlite", ".sqlite3"].iter().any(|suffix| name.ends_with(suffix));
    // By a word alone only without an ending: `optuna_history.png` is a picture.
    let is_named = !name.contains('.') && name.contains("optuna") || name.contains("mlflow");
    !is_side_file && (is_database || is_named)
}
