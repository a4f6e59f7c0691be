//! Commits, trees and blobs of a repository, each bounded before it is unpacked.
//!
//! Opened for one read and closed after it: nothing of the repository is held or mapped while it is only watched.

use std::{
    collections::HashMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    rc::Rc,
};

use gix_hash::ObjectId;
use gix_object::{CommitRef, Find as _, Kind, TreeRefIter};
use gix_odb::Header as _;
use signalbox_types::ProblemKind;

use super::repository::Repository;

pub(crate) const MAX_BLOB: u64 = 64 << 20;
const MAX_TREE: u64 = 4 << 20;
const MAX_COMMIT: u64 = 1 << 20;
/// What unpacking one object may claim at once: the object that it is a delta to may be larger than itself.
const MAX_CLAIM: usize = 128 << 20;
/// Trees that are kept, by their bytes: the experiments of a repository have most of them in common.
const MAX_KEPT: usize = 32 << 20;

/// So much is told of what is wrong with an object.
const MAX_WHY: usize = 200;

/// Why an object tells nothing.
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

impl ObjectError {
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            ObjectError::TooLarge(..) => ProblemKind::TooLarge,
            ObjectError::Odd(_) => ProblemKind::Unsupported,
            ObjectError::Missing(_) => ProblemKind::Unreadable,
            ObjectError::Other(..) | ObjectError::Damaged(..) => ProblemKind::DamagedRecord,
        }
    }
}

/// What a commit says.
pub(crate) struct Commit {
    pub tree: ObjectId,
    /// Unix seconds; when it was committed.
    pub time: Option<f64>,
    /// Its first line.
    pub title: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Tree,
    Blob,
    /// A link or a submodule.
    Other,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub id: ObjectId,
    pub kind: EntryKind,
}

/// The objects of one repository.
pub(crate) struct Objects {
    handle: gix_odb::Handle,
    dir: PathBuf,
    trees: HashMap<ObjectId, Rc<Vec<Entry>>>,
    kept: usize,
    /// Unpacked so far.
    pub bytes: u64,
}

impl Objects {
    pub(crate) fn open(repository: &Repository) -> std::io::Result<Objects> {
        let dir = repository.objects();
        let options = gix_odb::store::init::Options {
            alloc_limit_bytes: Some(MAX_CLAIM),
            // Only for alternates, and a repository with alternates is not read.
            current_dir: Some(dir.clone()),
            ..Default::default()
        };
        let handle = gix_odb::at_opts(dir.clone(), gix_hash::Kind::Sha1, None, options)?;
        Ok(Objects { handle, dir, trees: HashMap::new(), kept: 0, bytes: 0 })
    }

    pub(crate) fn commit(&mut self, id: ObjectId) -> Result<Commit, ObjectError> {
        let bytes = self.get(id, Kind::Commit, MAX_COMMIT)?;
        guarded(id, || {
            let commit = CommitRef::from_bytes(&bytes, gix_hash::Kind::Sha1).map_err(|e| damaged(id, &e))?;
            let time = commit.time().ok().map(|time| time.seconds as f64).filter(|time| *time > 0.0);
            let title = String::from_utf8_lossy(commit.message).lines().next().unwrap_or_default().trim().to_owned();
            Ok(Commit { tree: commit.tree(), time, title })
        })
    }

    pub(crate) fn tree(&mut self, id: ObjectId) -> Result<Rc<Vec<Entry>>, ObjectError> {
        if let Some(known) = self.trees.get(&id) {
            return Ok(known.clone());
        }
        let bytes = self.get(id, Kind::Tree, MAX_TREE)?;
        let entries = guarded(id, || {
            let mut entries = Vec::new();
            for entry in TreeRefIter::from_bytes(&bytes, gix_hash::Kind::Sha1) {
                let entry = entry.map_err(|e| damaged(id, &e))?;
                let kind = match entry.mode {
                    mode if mode.is_tree() => EntryKind::Tree,
                    mode if mode.is_blob() => EntryKind::Blob,
                    _ => EntryKind::Other,
                };
                entries.push(Entry {
                    name: String::from_utf8_lossy(entry.filename).into_owned(),
                    id: entry.oid.to_owned(),
                    kind,
                });
            }
            Ok(entries)
        })?;
        if self.kept + bytes.len() > MAX_KEPT {
            self.trees.clear();
            self.kept = 0;
        }
        self.kept += bytes.len();
        let entries = Rc::new(entries);
        self.trees.insert(id, entries.clone());
        Ok(entries)
    }

    pub(crate) fn blob(&mut self, id: ObjectId, max: u64) -> Result<Vec<u8>, ObjectError> {
        self.get(id, Kind::Blob, max)
    }

    fn get(&mut self, id: ObjectId, kind: Kind, max: u64) -> Result<Vec<u8>, ObjectError> {
        let hex = id.to_string();
        let loose = self.dir.join(&hex[..2]).join(&hex[2..]);
        if fs::symlink_metadata(loose).is_ok_and(|about| !about.is_file()) {
            return Err(ObjectError::Odd(id));
        }
        let handle = &self.handle;
        let bytes = guarded(id, || {
            let header = handle.try_header(&id).map_err(|e| damaged(id, &e))?.ok_or(ObjectError::Missing(id))?;
            if header.kind() != kind {
                return Err(ObjectError::Other(id, kind));
            }
            if header.size() > max {
                return Err(ObjectError::TooLarge(id, header.size(), max));
            }
            let mut bytes = Vec::new();
            handle.try_find(&id, &mut bytes).map_err(|e| damaged(id, &e))?.ok_or(ObjectError::Missing(id))?;
            Ok(bytes)
        })?;
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

/// The first words of what is wrong: what follows may name files by their whole path.
fn damaged(id: ObjectId, e: &dyn std::fmt::Display) -> ObjectError {
    let why = e.to_string();
    let why = why.lines().next().unwrap_or_default();
    ObjectError::Damaged(id, why.chars().take(MAX_WHY).collect())
}

/// gix-odb panics on packs that contradict each other (`could not find object … in any index`), and its parsers state
/// what they believe to hold with `expect`. A damaged object is one problem, and costs nobody the other experiments.
/// What a panic leaves half done are caches behind `RefCell`s, whose guards it lets go.
fn guarded<T>(id: ObjectId, read: impl FnOnce() -> Result<T, ObjectError>) -> Result<T, ObjectError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(ObjectError::Damaged(id, "it contradicts itself".to_owned())))
}
