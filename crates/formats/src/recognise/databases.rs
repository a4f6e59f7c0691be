//! SQLite databases of MLflow, Optuna and Trackio, whatever they are called.

use std::path::{Path, PathBuf};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{
    Listing, mlflow, optuna,
    sqlite::{self, Looked},
    trackio,
};

/// So many candidates of one directory are opened.
const MAX_CANDIDATES: usize = 32;

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Vec<(Format, PathBuf)> {
    let candidates =
        listing.entries.iter().filter(|e| !e.is_dir && e.len >= 512 && is_candidate(&e.name.to_string_lossy()));
    let names: Vec<&Path> = candidates.take(MAX_CANDIDATES).map(|e| Path::new(&e.name)).collect();
    let found = names.into_iter().filter_map(|name| Some((kind(name, peek)?, listing.rel.join(name))));
    found.collect()
}

/// Whose database it is.
fn kind(name: &Path, peek: &mut Peek) -> Option<Format> {
    let head = peek.head(name)?;
    if !head.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let path = peek.path(name);
    let found = sqlite::kind(
        &path,
        &[
            (Format::MlflowSqlite, mlflow::sqlite::SqliteStore::schema),
            (Format::OptunaSqlite, optuna::database::Database::schema),
            (Format::Trackio, trackio::Database::schema),
        ],
    );
    match found {
        Looked::Is(format) => Some(format),
        Looked::None => None,
        // When it cannot be told now (a writer left it in need of recovery), the name decides.
        Looked::Later => {
            let name = name.to_string_lossy();
            let names =
                [("mlflow", Format::MlflowSqlite), ("mlruns", Format::MlflowSqlite), ("optuna", Format::OptunaSqlite)];
            names.into_iter().find(|(word, _)| name.contains(word)).map(|(_, format)| format)
        }
    }
}

fn is_candidate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_side_file = ["-journal", "-wal", "-shm"].iter().any(|suffix| name.ends_with(suffix));
    let is_database = [".db", ".sqlite", ".sqlite3"].iter().any(|suffix| name.ends_with(suffix));
    // By a word alone only without an ending: `optuna_history.png` is a picture.
    let is_named = !name.contains('.') && name.contains("optuna") || name.contains("mlflow");
    !is_side_file && (is_database || is_named)
}
