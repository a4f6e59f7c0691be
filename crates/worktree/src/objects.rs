//! Commits, trees and blobs of a repository, each bounded before it is unpacked. Opened for one capture and closed after it.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::{CommitRef, Find as _, Kind, TreeRefIter};
use gix_odb::Header as _;
use signalbox_types::looks_secret;

use crate::{Commit, repository::Repository};

const MAX_TREE: u64 = 16 << 20;
const MAX_COMMIT: u64 = 1 << 20;
/// What unpacking one object may claim at once: the object that it is a delta to may be larger than itself.
const MAX_CLAIM: usize = 128 << 20;
const MAX_TITLE_CHARS: usize = 500;
/// So much is told of what is wrong with an object.
const MAX_WHY_CHARS: usize = 200;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
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

/// One name of a tree.
pub(crate) struct TreeEntry {
    pub name: Vec<u8>,
    pub mode: u32,
    pub id: ObjectId,
}

pub(crate) struct Objects {
    handle: gix_odb::Handle,
    dir: PathBuf,
}

impl Objects {
    /// Ask [`Repository::refusal`] first.
    pub(crate) fn open(repository: &Repository) -> io::Result<Objects> {
        let dir = repository.common.join("objects");
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: Some(MAX_CLAIM),
            // Only for alternates, and a repository with alternates is not read.
            current_dir: Some(dir.clone()),
            ..Default::default()
        };
        Ok(Objects { handle: gix_odb::at_opts(dir.clone(), HashKind::Sha1, None, options)?, dir })
    }

    /// What a commit says, and its tree.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<(Commit, ObjectId), ObjectError> {
        let bytes = self.get(id, Kind::Commit, MAX_COMMIT)?;
        guarded(id, || {
            let commit = CommitRef::from_bytes(&bytes, HashKind::Sha1).map_err(|e| damaged(id, &e))?;
            let authored = commit.author().ok().map(|author| author.seconds());
            let title = String::from_utf8_lossy(commit.message).lines().next().unwrap_or_default().trim().to_owned();
            let title: String = title.chars().filter(|c| !c.is_control()).take(MAX_TITLE_CHARS).collect();
            let title = (!looks_secret("message", &title)).then_some(title);
            Ok((Commit { id: id.to_string(), authored, title }, commit.tree()))
        })
    }

    pub(crate) fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, ObjectError> {
        let bytes = self.get(id, Kind::Tree, MAX_TREE)?;
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

    pub(crate) fn blob(&self, id: ObjectId, max: u64) -> Result<Vec<u8>, ObjectError> {
        self.get(id, Kind::Blob, max)
    }

    fn get(&self, id: ObjectId, kind: Kind, max: u64) -> Result<Vec<u8>, ObjectError> {
        let hex = id.to_string();
        let loose = self.dir.join(&hex[..2]).join(&hex[2..]);
        if fs::symlink_metadata(loose).is_ok_and(|about| !about.is_file()) {
            return Err(ObjectError::Odd(id));
        }
        guarded(id, || {
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
        })
    }
}

/// The name that git gives a blob. `None`: an attack on SHA-1.
pub(crate) fn blob_id(bytes: &[u8]) -> Option<ObjectId> {
    gix_object::compute_hash(HashKind::Sha1, Kind::Blob, bytes).ok()
}

/// The first words of what is wrong: what follows may name files by their whole path.
fn damaged(id: ObjectId, e: &dyn std::fmt::Display) -> ObjectError {
    let why = e.to_string();
    ObjectError::Damaged(id, why.lines().next().unwrap_or_default().chars().take(MAX_WHY_CHARS).collect())
}

/// gix-odb panics on packs that contradict each other, and its parsers state what they believe to hold with `expect`. What
/// a panic leaves half done are caches behind `RefCell`s, whose guards it lets go.
fn guarded<T>(id: ObjectId, read: impl FnOnce() -> Result<T, ObjectError>) -> Result<T, ObjectError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ObjectError::Damaged(id, "it contradicts itself".to_owned())))
}
