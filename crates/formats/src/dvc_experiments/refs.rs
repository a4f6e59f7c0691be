//! Which experiments there are: `refs/exps/<2>/<38>/<name>`, the hash of the commit that they were made on (the baseline)
//! and their name, as a file each or in `packed-refs` (git's `refs/files-backend.c`).

use std::{
    collections::{BTreeMap, HashSet, btree_map::Entry},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::repository::{self, Repository};
use crate::stamp::{self, Stamp};

const EXPERIMENTS: &str = "refs/exps/";
const BRANCHES: &str = "refs/heads/";
/// Larger lists are not read: half a million refs.
const MAX_PACKED: u64 = 64 << 20;
/// So much of it is looked at to see whether there are experiments: it is sorted, and they come early.
const HEAD: u64 = 64 << 10;
pub(crate) const MAX_EXPERIMENTS: usize = 5_000;
const MAX_BRANCHES: usize = 10_000;
const MAX_DIRS: usize = 5_000;
const MAX_NAMES: usize = 100_000;
const MAX_DEPTH: usize = 8;
/// What changed so lately may have changed again within the clock's grain.
const GRAIN_SECS: f64 = 2.0;

/// The refs that matter, and what tells that they changed.
#[derive(Default)]
pub(crate) struct Scan {
    /// Commits by `<baseline>/<name>`.
    pub experiments: BTreeMap<String, String>,
    /// Commits by branch.
    pub branches: BTreeMap<String, String>,
    /// Folders of refs.
    pub dirs: Vec<PathBuf>,
    /// Refs that hold no hash, below `.git`.
    pub odd: Vec<String>,
    /// Why some may be missing.
    pub trouble: Option<io::Error>,
    pub too_many: bool,
    pub bytes: u64,
    seen: Seen,
}

/// What a ref's own file holds.
enum Loose {
    Hash(String),
    Odd,
    /// It was there a moment ago.
    Gone,
}

/// Files and folders, as they were.
#[derive(Default)]
pub(crate) struct Seen(Vec<(PathBuf, Option<Stamp>)>);

impl Seen {
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|(path, stamp)| Stamp::if_exists(path).is_ok_and(|now| now == *stamp))
    }
}

impl Scan {
    pub(crate) fn of(repository: &Repository) -> Scan {
        let mut scan = Scan::default();
        let common = &repository.common;
        // As git does: what is packed meanwhile is found in the one place or the other. Each is seen before it is read, so
        // that a change in between is noticed by the next look.
        let top = common.join("refs/exps");
        scan.see(&top);
        for pair in scan.names(&top, true, 2) {
            let above = top.join(&pair);
            scan.see(&above);
            for rest in scan.names(&above, true, 38) {
                let dir = above.join(&rest);
                scan.see(&dir);
                for name in scan.names(&dir, false, 0) {
                    match scan.loose(&dir.join(&name)) {
                        Loose::Hash(hash) => scan.experiment(format!("{pair}{rest}/{name}"), &hash),
                        Loose::Odd => scan.odd.push(format!("{EXPERIMENTS}{pair}/{rest}/{name}")),
                        Loose::Gone => {}
                    }
                }
            }
        }
        scan.loose_branches(&common.join("refs/heads"), "", 0);
        let packed = common.join("packed-refs");
        scan.see(&packed);
        if let Err(e) = scan.packed(&packed) {
            scan.trouble = Some(e);
        }
        scan
    }

    /// What tells that nothing changed since, unless it changed a moment ago.
    pub(crate) fn seen(&mut self) -> Option<Seen> {
        let grain_ns = (stamp::unix_now() - GRAIN_SECS) * 1e9;
        let is_old = |(_, stamp): &(PathBuf, Option<Stamp>)| stamp.is_none_or(|s| (s.mtime_ns as f64) < grain_ns);
        let seen = std::mem::take(&mut self.seen);
        seen.0.iter().all(is_old).then_some(seen)
    }

    fn see(&mut self, path: &Path) {
        self.seen.0.push((path.to_path_buf(), Stamp::if_exists(path).ok().flatten()));
    }

    /// A ref that is known by now is the one that counts.
    fn experiment(&mut self, key: String, hash: &str) {
        let is_full = self.experiments.len() >= MAX_EXPERIMENTS;
        match self.experiments.entry(key) {
            Entry::Occupied(_) => {}
            Entry::Vacant(_) if is_full => self.too_many = true,
            Entry::Vacant(vacant) => {
                vacant.insert(hash.to_owned());
            }
        }
    }

    /// Names in a folder of refs that may be refs; links are none. `hex`: so many digits of a hash.
    fn names(&mut self, dir: &Path, is_dir: bool, hex: usize) -> Vec<String> {
        if !fs::symlink_metadata(dir).is_ok_and(|about| about.is_dir()) || self.dirs.len() >= MAX_DIRS {
            return Vec::new();
        }
        self.dirs.push(dir.to_path_buf());
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if stamp::is_absent(&e) => return Vec::new(),
            Err(e) => {
                self.trouble = Some(e);
                return Vec::new();
            }
        };
        let fits = |entry: &fs::DirEntry| {
            entry.file_type().is_ok_and(|kind| if is_dir { kind.is_dir() } else { kind.is_file() })
        };
        let names = entries.take(MAX_NAMES).flatten().filter(fits).filter_map(|e| e.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| if hex > 0 { is_hex(name, hex) } else { is_ref_name(name) }).collect();
        names.sort_unstable();
        names
    }

    /// What a ref's file says; a symbolic ref is none of DVC's.
    fn loose(&mut self, path: &Path) -> Loose {
        let line = repository::line(path);
        self.bytes += line.as_ref().map_or(0, String::len) as u64;
        match line.filter(|line| is_hex(line, 40)) {
            Some(hash) => Loose::Hash(hash),
            None if fs::symlink_metadata(path).is_err_and(|e| stamp::is_absent(&e)) => Loose::Gone,
            None => Loose::Odd,
        }
    }

    fn loose_branches(&mut self, dir: &Path, prefix: &str, depth: usize) {
        for name in self.names(dir, false, 0) {
            if self.branches.len() < MAX_BRANCHES
                && let Loose::Hash(hash) = self.loose(&dir.join(&name))
            {
                self.branches.insert(format!("{prefix}{name}"), hash);
            }
        }
        if depth < MAX_DEPTH {
            for name in self.names(dir, true, 0) {
                self.loose_branches(&dir.join(&name), &format!("{prefix}{name}/"), depth + 1);
            }
        }
        // They may change without an experiment's doing.
        self.dirs.retain(|seen| seen != dir);
    }

    fn packed(&mut self, path: &Path) -> io::Result<()> {
        let Some(text) = read(path, MAX_PACKED + 1)? else { return Ok(()) };
        self.bytes += text.len() as u64;
        if text.len() as u64 > MAX_PACKED {
            return Err(io::Error::other("`packed-refs` is larger than 64 MiB, a limit of Signalbox"));
        }
        if text.last().is_some_and(|last| *last != b'\n') {
            // It is only ever replaced as a whole; git refuses it like this.
            return Err(io::Error::other("the last line of `packed-refs` has no end"));
        }
        // A ref's own file counts, also where it makes no sense: git refuses such a ref.
        let odd: HashSet<String> = self.odd.iter().cloned().collect();
        for (hash, name) in text.split(|b| *b == b'\n').filter_map(packed_ref).filter(|(_, name)| !odd.contains(*name))
        {
            if let Some(key) = name.strip_prefix(EXPERIMENTS).and_then(key_of) {
                self.experiment(key, hash);
            } else if let Some(branch) = name.strip_prefix(BRANCHES)
                && self.branches.len() < MAX_BRANCHES
            {
                self.branches.entry(branch.to_owned()).or_insert_with(|| hash.to_owned());
            }
        }
        Ok(())
    }
}

/// Whether a repository has a place for experiments; counts what it reads. DVC makes it when the first one begins.
pub(crate) fn any(repository: &Repository, bytes: &mut u64) -> bool {
    if fs::symlink_metadata(repository.common.join("refs/exps")).is_ok_and(|about| about.is_dir()) {
        return true;
    }
    let Ok(Some(head)) = read(&repository.common.join("packed-refs"), HEAD) else { return false };
    *bytes += head.len() as u64;
    head.split(|b| *b == b'\n').filter_map(packed_ref).any(|(_, name)| name.starts_with(EXPERIMENTS))
}

/// The first bytes of a regular file that is no link.
fn read(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Ok(None),
        Err(e) if stamp::is_absent(&e) => return Ok(None),
        Err(e) => return Err(e),
    }
    let mut text = Vec::new();
    File::open(path)?.take(max).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// `<hash> <name>`; comments and the lines of peeled tags are none.
fn packed_ref(line: &[u8]) -> Option<(&str, &str)> {
    let (hash, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    is_hex(hash, 40).then_some((hash, name.trim_end()))
}

/// `<2>/<38>/<name>` as `<baseline>/<name>`.
fn key_of(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let (pair, rest, name) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = is_hex(pair, 2) && is_hex(rest, 38) && is_ref_name(name) && parts.next().is_none();
    fits.then(|| format!("{pair}{rest}/{name}"))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// One part of a ref's name, as git allows it (`git check-ref-format`).
fn is_ref_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    let is_odd = name.starts_with('.') || name.ends_with(['.', '/']) || name.ends_with(".lock");
    !is_odd && !name.is_empty() && name.len() <= 255 && !name.contains("..") && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let hash = "a05a05e38f163eb5b030743c429138e8637dc7";
        assert_eq!(key_of(&format!("bd/{hash}/gutta-flus")), Some(format!("bd{hash}/gutta-flus")));
        for odd in ["exec/EXEC_HEAD", "stash", "celery/failed", "bd/a05/x", "bd", "apply"] {
            assert_eq!(key_of(odd), None, "{odd}");
        }
        for odd in ["", "..", "a b", "x.lock", "a\u{1b}", "a:b", ".a"] {
            assert_eq!(key_of(&format!("bd/{hash}/{odd}")), None, "{odd}");
        }
        assert_eq!(key_of(&format!("bd/{hash}/a/b")), None);
        assert_eq!(packed_ref(b"# pack-refs with: peeled fully-peeled sorted"), None);
        assert_eq!(packed_ref(b"^bda05a05e38f163eb5b030743c429138e8637dc7"), None);
    }
}
