//! MLflow's SQLite databases, whatever they are called.

use std::path::{Path, PathBuf};

use signalbox_types::Format;

use super::peek::Peek;
use crate::{Listing, mlflow::sqlite};

/// So many candidates of one directory are opened.
const MAX_CANDIDATES: usize = 32;

pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Vec<(Format, PathBuf)> {
    let candidates =
        listing.entries.iter().filter(|e| !e.is_dir && e.len >= 512 && is_candidate(&e.name.to_string_lossy()));
    let is_store = |name: &Path| {
        let head = peek.head(name)?;
        if !head.starts_with(b"SQLite format 3\0") {
            return None;
        }
        // When it cannot be told now (a writer left it in need of recovery), the name decides.
        let by_name = || ["mlflow", "mlruns"].iter().any(|word| name.to_string_lossy().contains(word));
        sqlite::is_store(&peek.path(name)).unwrap_or_else(by_name).then_some(())
    };
    let names: Vec<&Path> = candidates.take(MAX_CANDIDATES).map(|e| Path::new(&e.name)).collect();
    let mut is_store = is_store;
    let stores = names.into_iter().filter(|name| is_store(name).is_some());
    stores.map(|name| (Format::MlflowSqlite, listing.rel.join(name))).collect()
}

fn is_candidate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_side_file = ["-journal", "-wal", "-shm"].iter().any(|suffix| name.ends_with(suffix));
    let is_database = [".db", ".sqlite", ".sqlite3"].iter().any(|suffix| name.ends_with(suffix));
    !is_side_file && (is_database || name.contains("mlflow"))
}
