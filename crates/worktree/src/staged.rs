//! The files of the commit's tree, to lay beside the index.

use std::collections::HashSet;

use gix_hash::ObjectId;

use crate::{
    budget::Budget,
    index::{Index, is_git_path},
    objects::Objects,
    stat::canonical_mode,
};

const MAX_FILES: usize = 1_000_000;
const MAX_FOLDERS: usize = 200_000;
const MAX_PATHS: usize = 192 << 20;
const MODE_TREE: u32 = 0o040_000;

/// A file as a commit or the index has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub mode: u32,
    pub id: ObjectId,
}

/// What the commit has.
pub(crate) enum Committed {
    /// The same as the index.
    AsIndex,
    /// By path.
    Files(Vec<(Vec<u8>, Version)>),
    Unknown,
}

impl Committed {
    /// The files of `tree`. An error says in words why they are not known.
    pub(crate) fn read(objects: &Objects, tree: ObjectId, index: &Index, budget: Budget) -> Result<Committed, String> {
        if index.tree == Some(tree) {
            return Ok(Committed::AsIndex);
        }
        let mut files = Vec::new();
        let mut todo = vec![(Vec::new(), tree)];
        let (mut n_folders, mut n_bytes) = (0, 0);
        while let Some((dir, id)) = todo.pop() {
            // Trees may hold one another over and over: few objects, and no end of paths.
            n_folders += 1;
            if n_folders > MAX_FOLDERS || files.len() > MAX_FILES || n_bytes > MAX_PATHS {
                return Err("the commit has more files than Signalbox reads".to_owned());
            }
            if budget.is_up() {
                return Err("time was up".to_owned());
            }
            let entries = objects.tree(id).map_err(|e| e.to_string())?;
            for entry in entries {
                let path = if dir.is_empty() { entry.name } else { [dir.as_slice(), b"/", &entry.name].concat() };
                if !is_git_path(&path) {
                    return Err("the commit has a name that git would not write".to_owned());
                }
                n_bytes += path.len();
                if entry.mode == MODE_TREE {
                    todo.push((path, entry.id));
                } else {
                    files.push((path, Version { mode: canonical_mode(entry.mode), id: entry.id }));
                }
            }
        }
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        files.dedup_by(|(a, _), (b, _)| a == b);
        Ok(Committed::Files(files))
    }

    /// `None`: not known. `Some(None)`: it has no such file.
    pub(crate) fn of_path(&self, path: &[u8], in_index: Option<Version>) -> Option<Option<Version>> {
        match self {
            Committed::AsIndex => Some(in_index),
            Committed::Files(files) => {
                let found = files.binary_search_by(|(known, _)| known.as_slice().cmp(path));
                Some(found.ok().map(|at| files[at].1))
            }
            Committed::Unknown => None,
        }
    }

    /// Files that the index does not have.
    pub(crate) fn gone(&self, index: &Index) -> Vec<(Vec<u8>, Version)> {
        let Committed::Files(files) = self else { return Vec::new() };
        let known: HashSet<&[u8]> = index.entries.iter().map(|e| e.path.as_slice()).collect();
        files.iter().filter(|(path, _)| !known.contains(path.as_slice())).cloned().collect()
    }
}
