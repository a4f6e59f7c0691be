//! The first bytes of a few files.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
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

    /// Some of the names in a sub-directory, at most `max`; `None` if it cannot be listed.
    pub(super) fn names(&self, dir: impl AsRef<Path>, max: usize) -> Option<Vec<OsString>> {
        let entries = fs::read_dir(self.path(dir)).ok()?;
        Some(entries.take(max).filter_map(|e| Some(e.ok()?.file_name())).collect())
    }

    /// The first 4 KiB of a regular file (a pipe would keep us waiting); `None` if it cannot be read.
    pub(super) fn head(&mut self, name: impl AsRef<Path>) -> Option<Vec<u8>> {
        let path = self.path(name);
        self.part(&path, |_| 0)
    }

    /// The last 4 KiB of a regular file.
    pub(super) fn tail(&mut self, name: impl AsRef<Path>) -> Option<Vec<u8>> {
        let path = self.path(name);
        self.part(&path, |len| len.saturating_sub(HEAD as u64))
    }

    /// At most `n` bytes of a regular file from `from` on.
    pub(super) fn piece(&mut self, name: impl AsRef<Path>, from: u64, n: u64) -> Option<Vec<u8>> {
        let path = self.path(name);
        self.bytes_of(&path, |_| from, n)
    }

    fn part(&mut self, path: &Path, from: impl Fn(u64) -> u64) -> Option<Vec<u8>> {
        self.bytes_of(path, from, HEAD as u64)
    }

    fn bytes_of(&mut self, path: &Path, from: impl Fn(u64) -> u64, n: u64) -> Option<Vec<u8>> {
        let about = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let mut part = Vec::new();
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::Start(from(about.len()))).ok()?;
        file.take(n).read_to_end(&mut part).ok()?;
        self.bytes += part.len() as u64;
        Some(part)
    }
}
