//! Commits, trees and blobs of a repository that a stranger may have made: each bounded before it is unpacked.
//!
//! Whoever opens a repository's objects does so for one read and closes them after it: nothing of it is held or mapped
//! while it is only watched. A repository with alternates is not for us: whoever opens it asks that first.

use std::{
    cell::Cell,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use gix_hash::Kind as HashKind;
pub use gix_hash::ObjectId;
use gix_object::{CommitRef, Find as _, Kind, TreeRefIter};
use gix_odb::Header as _;

const MAX_COMMIT: u64 = 1 << 20;
/// What unpacking one object may claim at once: the object that it is a delta to may be larger than itself.
const MAX_CLAIM: usize = 128 << 20;
/// So much is told of what is wrong with an object.
const MAX_WHY_CHARS: usize = 200;

/// Why an object tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("the object {0} is not in the repository")]
    Missing(ObjectId),
    #[error("the object {0} has {1} bytes, more than the {2} that Signalbox reads")]
    TooLarge(ObjectId, u64, u64),
    #[error("the object {0} is no {1}")]
    Other(ObjectId, Kind),
    #[error("the object {0} is damaged ({1})")]
    Damaged(ObjectId, String),
    #[error("the object {0} is no plain file")]
    Odd(ObjectId),
}

/// What a commit says.
#[derive(Clone, Debug)]
pub struct Commit {
    pub tree: ObjectId,
    /// Unix seconds.
    pub authored: Option<i64>,
    pub committed: Option<i64>,
    /// Its first line, as it was written.
    pub title: String,
}

/// One name of a tree.
#[derive(Clone, Debug)]
pub struct TreeEntry {
    pub name: Vec<u8>,
    /// As git counts it: 0o40000 is a tree, 0o100644 a file, 0o120000 a link, 0o160000 a submodule.
    pub mode: u32,
    pub id: ObjectId,
}

/// The objects of one repository.
pub struct Objects {
    handle: gix_odb::Handle,
    dir: PathBuf,
    n_bytes: Cell<u64>,
}

impl Objects {
    /// `dir`: the repository's folder of that name.
    pub fn open(dir: PathBuf) -> io::Result<Objects> {
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: Some(MAX_CLAIM),
            // Only for alternates.
            current_dir: Some(dir.clone()),
            ..Default::default()
        };
        Ok(Objects {
            handle: gix_odb::at_opts(dir.clone(), HashKind::Sha1, None, options)?,
            dir,
            n_bytes: Cell::new(0),
        })
    }

    /// How many bytes were unpacked.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes.get()
    }

    pub fn commit(&self, id: ObjectId) -> Result<Commit, ObjectError> {
        let bytes = self.get(id, Kind::Commit, MAX_COMMIT)?;
        guarded(id, || {
            let commit = CommitRef::from_bytes(&bytes, HashKind::Sha1).map_err(|e| damaged(id, &e))?;
            Ok(Commit {
                tree: commit.tree(),
                authored: commit.author().ok().map(|author| author.seconds()),
                committed: commit.time().ok().map(|time| time.seconds),
                title: String::from_utf8_lossy(commit.message).lines().next().unwrap_or_default().trim().to_owned(),
            })
        })
    }

    /// A tree of at most `max` bytes, in git's order.
    pub fn tree(&self, id: ObjectId, max: u64) -> Result<Vec<TreeEntry>, ObjectError> {
        let bytes = self.get(id, Kind::Tree, max)?;
        guarded(id, || {
            let entry = |entry: gix_object::tree::EntryRef<'_>| TreeEntry {
                name: entry.filename.to_vec(),
                mode: u32::from(entry.mode.value()),
                id: entry.oid.to_owned(),
            };
            let entries = TreeRefIter::from_bytes(&bytes, HashKind::Sha1);
            entries.map(|found| found.map(entry).map_err(|e| damaged(id, &e))).collect()
        })
    }

    pub fn blob(&self, id: ObjectId, max: u64) -> Result<Vec<u8>, ObjectError> {
        self.get(id, Kind::Blob, max)
    }

    fn get(&self, id: ObjectId, kind: Kind, max: u64) -> Result<Vec<u8>, ObjectError> {
        let hex = id.to_string();
        let loose = self.dir.join(&hex[..2]).join(&hex[2..]);
        // A pipe would keep its reader waiting.
        if fs::symlink_metadata(loose).is_ok_and(|about| !about.is_file()) {
            return Err(ObjectError::Odd(id));
        }
        let bytes = guarded(id, || {
            let header = self.handle.try_header(&id).map_err(|e| damaged(id, &e))?.ok_or(ObjectError::Missing(id))?;
            if header.kind() != kind {
                return Err(ObjectError::Other(id, kind));
            }
            if header.size() > max {
                return Err(ObjectError::TooLarge(id, header.size(), max));
            }
            let mut bytes = Vec::new();
            self.handle.try_find(&id, &mut bytes).map_err(|e| damaged(id, &e))?.ok_or(ObjectError::Missing(id))?;
            Ok(bytes)
        })?;
        self.n_bytes.set(self.n_bytes.get() + bytes.len() as u64);
        Ok(bytes)
    }
}

/// The name that git gives a blob. `None`: an attack on SHA-1.
pub fn blob_id(bytes: &[u8]) -> Option<ObjectId> {
    gix_object::compute_hash(HashKind::Sha1, Kind::Blob, bytes).ok()
}

/// The first words of what is wrong: what follows may name files by their whole path.
fn damaged(id: ObjectId, e: &dyn std::fmt::Display) -> ObjectError {
    let why = e.to_string();
    ObjectError::Damaged(id, why.lines().next().unwrap_or_default().chars().take(MAX_WHY_CHARS).collect())
}

/// gix-odb panics on packs that contradict each other (`could not find object … in any index`), and its parsers state
/// what they believe to hold with `expect`. A damaged object is one problem, and costs nobody the others. What a panic
/// leaves half done are caches behind `RefCell`s, whose guards it lets go.
fn guarded<T>(id: ObjectId, read: impl FnOnce() -> Result<T, ObjectError>) -> Result<T, ObjectError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ObjectError::Damaged(id, "it contradicts itself".to_owned())))
}
