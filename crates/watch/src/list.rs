//! One directory's entries, asking the system for as little as possible: `readdir` with the entry's type, a
//! `stat` for symbolic links and for the few files whose length recognition wants.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use signalbox_formats::Entry;

use crate::prune::{marks_directory_to_skip, may_matter, skipped_by_name};

/// What names a directory on this machine, whatever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DirId {
    pub device: u64,
    inode: u64,
}

impl DirId {
    /// `None` where the system does not tell it; then only the depth of the path ends a loop of links.
    pub fn of(meta: &Metadata) -> Option<DirId> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Some(DirId { device: meta.dev(), inode: meta.ino() })
        }
        #[cfg(not(unix))]
        {
            let _ = meta;
            None
        }
    }
}

/// A directory as discovery needs it.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Files and directories; links are resolved, special files (a pipe would block its reader) left out.
    pub entries: Vec<Entry>,
    /// Sub-directories, by name.
    pub dirs: Vec<OsString>,
    /// Links to directories, by name.
    pub links: Vec<OsString>,
    pub n_files: u64,
    /// An entry says that nothing here is for us: a virtual environment or a cache.
    pub skip: bool,
}

impl Listed {
    /// About how many bytes the source at `source` has, as far as this listing of `dir` tells.
    pub fn bytes_of(&self, dir: &Path, source: &Path) -> u64 {
        if source == dir {
            return self.entries.iter().map(|e| e.len).sum();
        }
        let name = source.strip_prefix(dir).unwrap_or(source).as_os_str();
        self.entries.iter().filter(|e| e.name == name).map(|e| e.len).sum()
    }
}

/// Lists `dir`. An entry that vanishes meanwhile is left out.
pub(crate) fn list(dir: &Path) -> io::Result<Listed> {
    let mut out = Listed::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let (is_dir, is_file, target) = if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(target) => (target.is_dir(), target.is_file(), Some(target)),
                Err(_) => continue,
            }
        } else {
            (kind.is_dir(), kind.is_file(), None)
        };
        if marks_directory_to_skip(&name, is_dir) {
            out.skip = true;
        }
        if is_dir {
            if skipped_by_name(&name) {
                continue;
            }
            if target.is_some() {
                out.links.push(name.clone())
            } else {
                out.dirs.push(name.clone())
            }
            out.entries.push(Entry { name, is_dir: true, len: 0 });
        } else if is_file {
            out.n_files += 1;
            let len = match target {
                Some(target) => target.len(),
                None if may_matter(&name) => entry.metadata().map(|m| m.len()).unwrap_or(0),
                None => 0,
            };
            out.entries.push(Entry { name, is_dir: false, len });
        }
    }
    out.dirs.sort_unstable();
    out.links.sort_unstable();
    Ok(out)
}
