//! Files that git does not know: as `git status` lists them, a folder of nothing else as one name. Names only.

use std::{fs, path::Path};

use crate::{
    Limits, Untracked,
    budget::Budget,
    ignore::{Rules, is_ignored},
    index::{Index, is_git_path},
    quote,
    repository::{self, Repository},
};

const MAX_DEPTH: usize = 128;
const MAX_FOLDERS: usize = 200_000;
/// So many names of one folder are looked at.
const MAX_NAMES: usize = 200_000;

pub(crate) struct Walk<'a> {
    index: &'a Index,
    limits: &'a Limits,
    budget: Budget,
    ignores_case: bool,
    /// Of the folders from the root to the one that is looked at.
    rules: Vec<Rules>,
    n_folders: usize,
    found: Untracked,
    is_cut: bool,
}

struct Item {
    path: Vec<u8>,
    is_dir: bool,
}

impl<'a> Walk<'a> {
    /// What was found, and whether that is not all.
    pub(crate) fn run(
        repository: &Repository,
        index: &'a Index,
        limits: &'a Limits,
        budget: Budget,
    ) -> (Untracked, bool) {
        let ignores_case = repository.config.flag("core", "ignorecase") == Some(true);
        let rules = vec![Rules::of_repository(repository, ignores_case)];
        let mut walk = Walk {
            index,
            limits,
            budget,
            ignores_case,
            rules,
            n_folders: 0,
            found: Untracked::default(),
            is_cut: false,
        };
        walk.folder(&repository.root, &[], 0, Walk::list);
        walk.found.names.sort_unstable();
        (walk.found, walk.is_cut)
    }

    /// Shows `each` what lies in a folder, is not ignored and no file that git knows, until it has seen enough.
    fn folder(
        &mut self,
        folder: &Path,
        dir: &[u8],
        depth: usize,
        each: fn(&mut Self, &Path, &Item, usize) -> bool,
    ) -> bool {
        self.n_folders += 1;
        if depth >= MAX_DEPTH || self.n_folders > MAX_FOLDERS || self.budget.is_up() {
            self.is_cut = true;
            return false;
        }
        let own = Rules::of_folder(folder, dir, self.ignores_case);
        let n_rules = self.rules.len();
        self.rules.extend(own);
        let mut items: Vec<Item> = Vec::new();
        let entries = fs::read_dir(folder).into_iter().flatten();
        for (n, entry) in entries.flatten().enumerate() {
            if n >= MAX_NAMES {
                self.is_cut = true;
                break;
            }
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (repository::bytes_of(&name), entry.file_type()) else { continue };
            let path = if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() };
            // Sockets and pipes are nothing to git.
            let is_told = kind.is_dir() || kind.is_file() || kind.is_symlink();
            // A folder in a known file's place is passed by too, as git does: the file is told of as gone.
            if is_told && is_git_path(&path) && self.index.of_path(&path).is_empty() {
                items.push(Item { path, is_dir: kind.is_dir() });
            }
        }
        items.sort_by(|a, b| a.path.cmp(&b.path));
        let mut is_enough = false;
        for item in items {
            if self.budget.is_up() {
                self.is_cut = true;
                break;
            }
            if is_ignored(&self.rules, &item.path, item.is_dir) {
                continue;
            }
            let name = item.path.rsplit(|b| *b == b'/').next().unwrap_or_default();
            let Some(place) = repository::join(folder, name) else { continue };
            is_enough = each(self, &place, &item, depth);
            if is_enough {
                break;
            }
        }
        self.rules.truncate(n_rules);
        is_enough
    }

    /// Lists it, or goes on into a folder in which git knows something.
    fn list(&mut self, place: &Path, item: &Item, depth: usize) -> bool {
        let is_told = match item {
            Item { is_dir: false, .. } => true,
            Item { path, .. } if self.index.has_below(path) => {
                self.folder(place, path, depth + 1, Walk::list);
                false
            }
            _ => self.is_worth(place, item, depth),
        };
        if is_told {
            self.found.count += 1;
            if self.found.names.len() < self.limits.untracked {
                let end: &[u8] = if item.is_dir { b"/" } else { b"" };
                self.found.names.push(quote::shown(&[&item.path, end].concat()));
            }
        }
        false
    }

    /// Whether a folder that git does not know has a file to tell of. A repository within is one thing.
    fn is_worth(&mut self, place: &Path, item: &Item, depth: usize) -> bool {
        let seen: fn(&mut Self, &Path, &Item, usize) -> bool =
            |walk, place, item, depth| !item.is_dir || walk.is_worth(place, item, depth);
        fs::symlink_metadata(place.join(".git")).is_ok() || self.folder(place, &item.path, depth + 1, seen)
    }
}
