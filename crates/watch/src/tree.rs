//! The directories of a project that discovery entered, in the order of their paths.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::list::DirId;
use crate::source::Key;

/// How eagerly a directory is looked at again whose files change without being understood.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retry {
    gap: Duration,
}

impl Retry {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(10);

    /// After another look: twice as long to the next, unless this one showed something.
    pub fn again(self, showed: bool) -> Retry {
        Retry { gap: if showed { Duration::ZERO } else { (self.gap * 2).clamp(Retry::SHORTEST, Retry::LONGEST) } }
    }
}

/// What is remembered of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    pub id: Option<DirId>,
    /// When its names changed last; `None` if that was too short ago to tell from the next change.
    pub modified: Option<SystemTime>,
    /// Folders and links in it that are to be entered.
    pub children: Vec<OsString>,
    /// Everything in it is to be entered: it is not, say, an MLflow experiment.
    pub ordinary: bool,
    /// Sources that it showed, sorted.
    pub sources: Vec<Key>,
    /// It holds files that may become a source when more is written to them.
    pub unsettled: bool,
    /// The system tells of changes.
    pub watched: bool,
    /// A virtual environment or a cache: remembered so that it is not entered again.
    pub skipped: bool,
    /// How long it took to look at it.
    pub cost: Duration,
    pub looked: Instant,
    pub retry: Retry,
}

impl Dir {
    pub fn skipped(id: Option<DirId>) -> Dir {
        Dir {
            id,
            modified: None,
            children: Vec::new(),
            ordinary: true,
            sources: Vec::new(),
            unsettled: false,
            watched: false,
            skipped: true,
            cost: Duration::ZERO,
            looked: Instant::now(),
            retry: Retry::default(),
        }
    }

    /// When it may be looked at again. A name that came or went is looked for at once, unless the directory
    /// is so large that looking costs; a changed file waits longer the more often it meant nothing.
    pub fn next_look(&self, names: bool) -> Instant {
        let rest = if names { self.cost * 20 } else { (self.cost * 50).max(self.retry.gap) };
        self.looked + rest
    }
}

/// By path below the project; the project's own folder is "".
#[derive(Debug, Default)]
pub(crate) struct Tree {
    dirs: BTreeMap<PathBuf, Dir>,
}

impl Tree {
    pub fn contains(&self, rel: &Path) -> bool {
        self.dirs.contains_key(rel)
    }

    pub fn get(&self, rel: &Path) -> Option<&Dir> {
        self.dirs.get(rel)
    }

    pub fn insert(&mut self, rel: PathBuf, dir: Dir) {
        self.dirs.insert(rel, dir);
    }

    /// Takes out a directory and everything below it.
    pub fn remove(&mut self, rel: &Path) -> Vec<(PathBuf, Dir)> {
        // Paths are ordered by their parts: what lies below follows at once.
        let below: Vec<PathBuf> =
            self.dirs.range(rel.to_owned()..).take_while(|(p, _)| p.starts_with(rel)).map(|(p, _)| p.clone()).collect();
        below.into_iter().filter_map(|p| self.dirs.remove(&p).map(|dir| (p, dir))).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Dir)> {
        self.dirs.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_goes_with_its_folder_and_nothing_else_does() {
        let mut tree = Tree::default();
        for rel in ["", "a", "a/b", "a/b/c", "a-b", "a.b/x", "b"] {
            tree.insert(PathBuf::from(rel), Dir::skipped(None));
        }
        let gone: Vec<_> = tree.remove(Path::new("a")).into_iter().map(|(p, _)| p).collect();
        assert_eq!(gone, ["a", "a/b", "a/b/c"].map(PathBuf::from));
        assert_eq!(tree.iter().count(), 4);
        assert_eq!(tree.remove(Path::new("")).len(), 4);
        assert!(tree.is_empty());
    }

    #[test]
    fn silence_makes_patient() {
        let mut retry = Retry::default();
        for _ in 0..20 {
            retry = retry.again(false);
        }
        assert_eq!(retry.gap, Retry::LONGEST);
        assert_eq!(retry.again(true).gap, Duration::ZERO);
    }
}
