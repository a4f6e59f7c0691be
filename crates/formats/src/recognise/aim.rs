//! Aim's repository: a folder with `.aim/run_metadata.sqlite`. What else lies in `.aim` is RocksDB's.

use std::path::PathBuf;

use signalbox_types::Format;

use super::peek::Peek;
use crate::{
    Listing, aim,
    sqlite::{self, Ask, Looked},
};

/// The repository whose folder this is.
pub(super) fn recognise(listing: &Listing, peek: &mut Peek) -> Option<(Format, PathBuf)> {
    let has_dir = listing.entries.iter().any(|e| e.is_dir && e.name == aim::DIR);
    if !has_dir || !aim::lies_inside(listing.project, &peek.path("")) {
        return None;
    }
    let head = peek.head(PathBuf::from(aim::DIR).join(aim::DB))?;
    let asked: [(Format, Ask); 1] = [(Format::Aim, aim::Database::schema)];
    let is_aim = head.starts_with(b"SQLite format 3\0")
        && match sqlite::kind(&peek.path(aim::DIR).join(aim::DB), &asked) {
            Looked::Is(_) => true,
            Looked::None => false,
            // It is told by its name while a writer keeps it from being looked into.
            Looked::Later => true,
        };
    is_aim.then(|| (Format::Aim, listing.rel.to_path_buf()))
}

/// Whether this is the folder `.aim` itself, which holds nothing of its own.
pub(super) fn is_inner(listing: &Listing) -> bool {
    let is_aim = listing.rel.file_name().is_some_and(|name| name == aim::DIR);
    is_aim && listing.entries.iter().any(|e| !e.is_dir && e.name == aim::DB)
}
