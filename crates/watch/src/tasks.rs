//! What a project's surveying thread is asked to look at, gathered by folder.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use crate::sync::{lock, wait};

/// Why a folder is to be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// A name came or went. Otherwise a file that may matter has changed, which is less urgent.
    pub names: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Todo {
    /// Folders to look at again, absolute.
    pub looks: HashMap<PathBuf, Look>,
    /// Paths that appeared and may be folders, absolute.
    pub appeared: Vec<PathBuf>,
    /// Changes were lost: look at everything.
    pub everything: bool,
    pub stop: bool,
}

impl Todo {
    fn is_empty(&self) -> bool {
        self.looks.is_empty() && self.appeared.is_empty() && !self.everything && !self.stop
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tasks {
    todo: Mutex<Todo>,
    changed: Condvar,
}

impl Tasks {
    pub fn look(&self, dir: PathBuf, look: Look) {
        lock(&self.todo).looks.entry(dir).or_default().names |= look.names;
        self.changed.notify_one();
    }

    pub fn appeared(&self, path: PathBuf) {
        lock(&self.todo).appeared.push(path);
        self.changed.notify_one();
    }

    pub fn everything(&self) {
        lock(&self.todo).everything = true;
        self.changed.notify_one();
    }

    pub fn stop(&self) {
        lock(&self.todo).stop = true;
        self.changed.notify_all();
    }

    /// Waits for something to do, or until `until`; then `Todo` is empty.
    pub fn take(&self, until: Option<Instant>) -> Todo {
        let mut todo = lock(&self.todo);
        while todo.is_empty() && until.is_none_or(|t| Instant::now() < t) {
            todo = wait(&self.changed, todo, until);
        }
        let stop = todo.stop;
        let mut taken = std::mem::take(&mut *todo);
        (todo.stop, taken.stop) = (stop, stop);
        taken
    }
}
