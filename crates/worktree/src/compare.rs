//! Commit, index and working tree, side by side: what differs where.

use std::{collections::HashMap, fs, path::PathBuf};

use gix_hash::ObjectId;

use crate::{
    ChangeKind, Counts, Gap, attributes,
    budget::Budget,
    content::{Content, Look},
    head::Head,
    index::{Entry, Index, MODE_LINK, MODE_SUBMODULE},
    objects::{Objects, blob_id},
    quote,
    repository::{self, Repository},
    staged::{Committed, Version},
    stat::Rules,
};

/// One path that differs somewhere.
#[derive(Debug)]
pub(crate) struct Compared {
    pub path: Vec<u8>,
    /// `None`: not known.
    pub committed: Option<Option<Version>>,
    pub staged: Option<ChangeKind>,
    pub unstaged: Option<ChangeKind>,
    pub work: Work,
}

/// What lies in the working tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// What the index has, if that is anything.
    AsIndex(Option<Version>),
    /// Nothing that git would look at.
    Gone,
    /// Something else, of this mode.
    Other {
        mode: u32,
        is_lfs: bool,
    },
    Submodule(Option<ObjectId>),
    Unreadable,
}

/// All that differs, by path.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub changes: Vec<Compared>,
    pub counts: Counts,
    pub gaps: Vec<Gap>,
}

/// What one look at a file in the working tree said.
enum Seen {
    Same,
    LineEndings,
    Changed(ChangeKind, Work),
    Filtered,
    Unreadable,
    OutOfTime,
}

pub(crate) struct Comparer<'a> {
    pub repository: &'a Repository,
    pub index: &'a Index,
    pub committed: &'a Committed,
    pub rules: Rules,
    pub look: Look<'a>,
    pub attributes: attributes::Reader<'a>,
    /// Folders below the root, and whether they are folders and no links.
    folders: HashMap<Vec<u8>, bool>,
}

impl<'a> Comparer<'a> {
    pub(crate) fn of(
        repository: &'a Repository,
        index: &'a Index,
        committed: &'a Committed,
        objects: Option<&'a Objects>,
        budget: Budget,
    ) -> Comparer<'a> {
        Comparer {
            repository,
            index,
            committed,
            rules: Rules::of(&repository.config),
            look: Look { objects, budget },
            attributes: attributes::Reader::of(repository),
            folders: HashMap::new(),
        }
    }

    pub(crate) fn run(&mut self) -> Comparison {
        let mut out = Comparison::default();
        let mut filtered = (0u64, None);
        let mut unreadable = (0u64, None);
        let mut n_not_compared = 0;
        if self.index.n_odd > 0 {
            out.gaps.push(Gap::OddNames { files: self.index.n_odd });
        }
        let index = self.index;
        for entries in index.entries.chunk_by(|a, b| a.path == b.path) {
            let Some(entry) = entries.iter().find(|e| e.stage == 0) else {
                out.counts.unmerged += 1;
                out.changes.push(self.unmerged(&entries[0]));
                continue;
            };
            let in_index = (!entry.is_intent).then_some(Version { mode: entry.mode, id: entry.id });
            let committed = self.committed.of_path(&entry.path, in_index);
            let staged = committed.and_then(|committed| kind(committed, in_index));
            let (unstaged, work) = match self.seen(entry) {
                Seen::Same => (None, Work::AsIndex(in_index)),
                Seen::LineEndings => {
                    out.counts.line_endings += 1;
                    (None, Work::AsIndex(in_index))
                }
                Seen::Changed(kind, work) => (Some(kind), work),
                Seen::Filtered => {
                    count(&mut filtered, entry);
                    (None, Work::AsIndex(in_index))
                }
                Seen::Unreadable => {
                    count(&mut unreadable, entry);
                    (None, Work::Unreadable)
                }
                Seen::OutOfTime => {
                    n_not_compared += 1;
                    (None, Work::Unreadable)
                }
            };
            out.counts.staged += u64::from(staged.is_some());
            out.counts.unstaged += u64::from(unstaged.is_some());
            if staged.is_some() || unstaged.is_some() {
                out.changes.push(Compared { path: entry.path.clone(), committed, staged, unstaged, work });
            }
        }
        for (path, version) in self.committed.gone(index) {
            out.counts.staged += 1;
            let (committed, staged) = (Some(Some(version)), Some(ChangeKind::Deleted));
            out.changes.push(Compared { path, committed, staged, unstaged: None, work: Work::Gone });
        }
        out.changes.sort_by(|a, b| a.path.cmp(&b.path));
        if let (files @ 1.., Some(first)) = filtered {
            out.gaps.push(Gap::Filtered { files, first });
        }
        if let (files @ 1.., Some(first)) = unreadable {
            out.gaps.push(Gap::Unreadable { files, first });
        }
        if n_not_compared > 0 {
            out.gaps.push(Gap::NotCompared { files: n_not_compared });
        }
        out
    }

    fn unmerged(&mut self, entry: &Entry) -> Compared {
        let work = match self.place(&entry.path) {
            Ok(Some((_, about))) => match self.rules.mode(&about, entry.mode) {
                Some(mode) => Work::Other { mode, is_lfs: false },
                None => Work::Gone,
            },
            Ok(None) => Work::Gone,
            Err(_) => Work::Unreadable,
        };
        let committed = self.committed.of_path(&entry.path, None);
        let unmerged = Some(ChangeKind::Unmerged);
        Compared { path: entry.path.clone(), committed, staged: unmerged, unstaged: unmerged, work }
    }

    /// The working tree against the index.
    fn seen(&mut self, entry: &Entry) -> Seen {
        if entry.is_skipped {
            return Seen::Same;
        }
        if self.look.budget.is_up() {
            return Seen::OutOfTime;
        }
        let (file, about) = match self.place(&entry.path) {
            Ok(Some(found)) => found,
            Ok(None) => return Seen::Changed(ChangeKind::Deleted, Work::Gone),
            Err(_) => return Seen::Unreadable,
        };
        if entry.mode == MODE_SUBMODULE {
            return self.submodule(entry, file, &about);
        }
        // A folder in a file's place: the file is gone.
        if about.is_dir() {
            return Seen::Changed(ChangeKind::Deleted, Work::Gone);
        }
        let Some(mode) = self.rules.mode(&about, entry.mode) else {
            return Seen::Changed(ChangeKind::TypeChanged, Work::Unreadable);
        };
        let work = |is_lfs| Work::Other { mode, is_lfs };
        if entry.is_intent {
            return Seen::Changed(ChangeKind::Added, work(false));
        }
        if (mode == MODE_LINK) != (entry.mode == MODE_LINK) {
            return Seen::Changed(ChangeKind::TypeChanged, work(false));
        }
        let is_empty_by_size = entry.stat.size == 0 && Some(entry.id) != blob_id(b"");
        if mode == entry.mode && !is_empty_by_size && self.rules.is_same(entry, &about, self.index.written) {
            return Seen::Same;
        }
        let attributes = &mut self.attributes;
        let content = self.look.compare(&file, &about, mode, entry.id, || attributes.of_path(&entry.path));
        let is_mode_same = mode == entry.mode;
        match content {
            Content::Same if is_mode_same => Seen::Same,
            Content::LineEndings if is_mode_same => Seen::LineEndings,
            Content::Same | Content::LineEndings | Content::Differs => Seen::Changed(ChangeKind::Modified, work(false)),
            Content::LfsDiffers => Seen::Changed(ChangeKind::Modified, work(true)),
            Content::Filtered if is_mode_same => Seen::Filtered,
            Content::Filtered => Seen::Changed(ChangeKind::Modified, Work::Unreadable),
            Content::Unreadable => Seen::Unreadable,
            Content::OutOfTime => Seen::OutOfTime,
        }
    }

    /// The commit that a submodule is at. Git passes one by that is not checked out.
    fn submodule(&self, entry: &Entry, folder: PathBuf, about: &fs::Metadata) -> Seen {
        if !about.is_dir() {
            return Seen::Changed(ChangeKind::TypeChanged, Work::Unreadable);
        }
        if fs::symlink_metadata(folder.join(".git")).is_err() {
            return Seen::Same;
        }
        let head = Repository::of_submodule(&folder).and_then(|inner| Head::read(&inner).ok());
        match head.and_then(|head| head.id) {
            Some(id) if id == entry.id => Seen::Same,
            id @ Some(_) => Seen::Changed(ChangeKind::Modified, Work::Submodule(id)),
            None => Seen::Unreadable,
        }
    }

    /// What lies at a path, unless a folder on the way is none, or a link.
    pub(crate) fn place(&mut self, path: &[u8]) -> std::io::Result<Option<(PathBuf, fs::Metadata)>> {
        let dir = path.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &path[..at]);
        let Some(file) = repository::join(&self.repository.root, path) else { return Ok(None) };
        if !self.is_folder(dir) {
            return Ok(None);
        }
        match fs::symlink_metadata(&file) {
            Ok(about) => Ok(Some((file, about))),
            Err(e) if repository::is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn is_folder(&mut self, dir: &[u8]) -> bool {
        if dir.is_empty() {
            return true;
        }
        if let Some(known) = self.folders.get(dir) {
            return *known;
        }
        let above = dir.iter().rposition(|b| *b == b'/').map_or(&b""[..], |at| &dir[..at]);
        let is_real = self.is_folder(above)
            && repository::join(&self.repository.root, dir)
                .is_some_and(|folder| fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()));
        self.folders.insert(dir.to_vec(), is_real);
        is_real
    }
}

/// The index against the commit.
fn kind(committed: Option<Version>, in_index: Option<Version>) -> Option<ChangeKind> {
    let kind_of = |mode: u32| mode & 0o170_000;
    match (committed, in_index) {
        (None, None) => None,
        (None, Some(_)) => Some(ChangeKind::Added),
        (Some(_), None) => Some(ChangeKind::Deleted),
        (Some(a), Some(b)) if a == b => None,
        (Some(a), Some(b)) if kind_of(a.mode) != kind_of(b.mode) => Some(ChangeKind::TypeChanged),
        _ => Some(ChangeKind::Modified),
    }
}

fn count(counted: &mut (u64, Option<String>), entry: &Entry) {
    counted.0 += 1;
    counted.1.get_or_insert_with(|| quote::shown(&entry.path));
}
