//! A repository's objects, and of its trees those that many experiments have in common.
//!
//! Opened for one read and closed after it: nothing of the repository is held or mapped while it is only watched.

use std::{collections::HashMap, rc::Rc};

pub(crate) use signalbox_gitobjects::ObjectError;
use signalbox_gitobjects::{self as git, Commit, ObjectId};
use signalbox_types::ProblemKind;

use super::repository::Repository;

pub(crate) const MAX_BLOB: u64 = 64 << 20;
const MAX_TREE: u64 = 4 << 20;
/// Trees that are kept, by the bytes that were unpacked for them: the experiments of a repository have most of them in
/// common.
const MAX_KEPT: u64 = 32 << 20;

/// What kind of problem it is that an object tells nothing.
pub(crate) fn problem_kind(error: &ObjectError) -> ProblemKind {
    match error {
        ObjectError::TooLarge(..) => ProblemKind::TooLarge,
        ObjectError::Odd(_) => ProblemKind::Unsupported,
        ObjectError::Missing(_) => ProblemKind::Unreadable,
        ObjectError::Other(..) | ObjectError::Damaged(..) => ProblemKind::DamagedRecord,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Tree,
    Blob,
    /// A link or a submodule.
    Other,
}

impl EntryKind {
    fn of_mode(mode: u32) -> EntryKind {
        match mode & 0o170_000 {
            0o040_000 => EntryKind::Tree,
            0o100_000 => EntryKind::Blob,
            _ => EntryKind::Other,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub id: ObjectId,
    pub kind: EntryKind,
}

/// The objects of one repository.
pub(crate) struct Objects {
    objects: git::Objects,
    trees: HashMap<ObjectId, Rc<Vec<Entry>>>,
    n_kept: u64,
}

impl Objects {
    pub(crate) fn open(repository: &Repository) -> std::io::Result<Objects> {
        Ok(Objects { objects: git::Objects::open(repository.objects())?, trees: HashMap::new(), n_kept: 0 })
    }

    /// How many bytes were unpacked.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.objects.n_bytes()
    }

    pub(crate) fn commit(&self, id: ObjectId) -> Result<Commit, ObjectError> {
        self.objects.commit(id)
    }

    pub(crate) fn tree(&mut self, id: ObjectId) -> Result<Rc<Vec<Entry>>, ObjectError> {
        if let Some(known) = self.trees.get(&id) {
            return Ok(known.clone());
        }
        let before = self.n_bytes();
        let entry = |entry: git::TreeEntry| Entry {
            name: String::from_utf8_lossy(&entry.name).into_owned(),
            id: entry.id,
            kind: EntryKind::of_mode(entry.mode),
        };
        let entries = Rc::new(self.objects.tree(id, MAX_TREE)?.into_iter().map(entry).collect::<Vec<_>>());
        let n_bytes = self.n_bytes() - before;
        if self.n_kept + n_bytes > MAX_KEPT {
            self.trees.clear();
            self.n_kept = 0;
        }
        self.n_kept += n_bytes;
        self.trees.insert(id, entries.clone());
        Ok(entries)
    }

    pub(crate) fn blob(&self, id: ObjectId, max: u64) -> Result<Vec<u8>, ObjectError> {
        self.objects.blob(id, max)
    }
}
