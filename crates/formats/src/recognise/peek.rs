//! The first bytes of a few files.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use crate::Listing;

/// So much of a file is looked at.
pub(super) const HEAD: usize = 4096;

/// Opens files of one directory, and counts what it reads.
pub(super) struct Peek {
    dir: PathBuf,
    pub bytes: u64,
}

impl Peek {
    pub(super) fn new(listing: &Listing) -> Peek {
        Peek { dir: listing.project.join(listing.rel), bytes: 0 }
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// The first 4 KiB of a regular file (a pipe would keep us waiting); `None` if it cannot be read.
    pub(super) fn head(&mut self, name: impl AsRef<Path>) -> Option<Vec<u8>> {
        let path = self.path(name);
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut head = Vec::new();
        File::open(path).ok()?.take(HEAD as u64).read_to_end(&mut head).ok()?;
        self.bytes += head.len() as u64;
        Some(head)
    }
}
