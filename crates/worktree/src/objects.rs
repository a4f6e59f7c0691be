//! A repository's objects, and what of a commit is kept.

use std::io;

use signalbox_gitobjects::{self as git, ObjectId, TreeEntry};
pub(crate) use signalbox_gitobjects::{ObjectError, blob_id};
use signalbox_types::looks_secret;

use crate::{Commit, repository::Repository};

const MAX_TREE: u64 = 16 << 20;
const MAX_TITLE_CHARS: usize = 500;

/// Opened for one capture and closed after it.
pub(crate) struct Objects(git::Objects);

impl Objects {
    /// Ask [`Repository::refusal`] first.
    pub(crate) fn open(repository: &Repository) -> io::Result<Objects> {
        Ok(Objects(git::Objects::open(repository.common.join("objects"))?))
    }

    /// What a commit says, and its tree.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<(Commit, ObjectId), ObjectError> {
        let commit = self.0.commit(id)?;
        let title: String = commit.title.chars().filter(|c| !c.is_control()).take(MAX_TITLE_CHARS).collect();
        let title = (!looks_secret("message", &title)).then_some(title);
        Ok((Commit { id: id.to_string(), authored: commit.authored, title }, commit.tree))
    }

    pub(crate) fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, ObjectError> {
        self.0.tree(id, MAX_TREE)
    }

    pub(crate) fn blob(&self, id: ObjectId, max: u64) -> Result<Vec<u8>, ObjectError> {
        self.0.blob(id, max)
    }
}
