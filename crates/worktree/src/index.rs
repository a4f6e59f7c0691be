//! The index (git's gitformat-index.txt, versions 2 to 4). A split index, a sparse index and required extensions that are
//! not known here are refused: what is in the file is not the whole then.

use std::time::SystemTime;

use gix_hash::ObjectId;

use crate::{
    repository::Repository,
    stat::{self, Stat},
};

/// A million files take 80 to 150 MB.
const MAX_BYTES: u64 = 256 << 20;
const MAX_ENTRIES: usize = 1_000_000;
/// Linux takes no longer path.
const MAX_PATH: usize = 4096;
/// Version 4 writes a path as what differs from the one before: a small file could claim any number of long paths.
const MAX_PATHS: usize = 192 << 20;
const MAX_DEPTH: usize = 256;

pub(crate) const MODE_LINK: u32 = 0o120_000;
pub(crate) const MODE_SUBMODULE: u32 = 0o160_000;
pub(crate) const MODE_FILE: u32 = 0o100_644;
pub(crate) const MODE_EXECUTABLE: u32 = 0o100_755;

#[derive(Debug)]
pub(crate) struct Entry {
    /// Below the root; no name in it leads out or into `.git`.
    pub path: Vec<u8>,
    pub mode: u32,
    pub id: ObjectId,
    /// 0, or 1 to 3 in a conflict.
    pub stage: u8,
    /// Not compared, as git does not: `assume-unchanged` or `skip-worktree`.
    pub is_skipped: bool,
    /// `git add --intent-to-add`: its content is not in the index.
    pub is_intent: bool,
    pub stat: Stat,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By path, then stage.
    pub entries: Vec<Entry>,
    /// The tree that the entries are, if git has noted it (the extension `TREE`).
    pub tree: Option<ObjectId>,
    /// Entries that git would not write.
    pub n_odd: u64,
    /// When it was written.
    pub written: Option<SystemTime>,
}

impl Index {
    /// An error says in words what is not understood.
    pub(crate) fn read(repository: &Repository) -> Result<Index, String> {
        let found = repository.read(&repository.head, "index", MAX_BYTES).map_err(|e| match e.kind() {
            std::io::ErrorKind::FileTooLarge => "it is larger than 256 MiB".to_owned(),
            _ => "it cannot be read".to_owned(),
        })?;
        // None at all: nothing was ever added.
        let Some((bytes, about)) = found else {
            let is_there = std::fs::symlink_metadata(repository.head.join("index")).is_ok();
            return if is_there { Err("it is no plain file".to_owned()) } else { Ok(Index::default()) };
        };
        let mut index = parse(&bytes)?;
        index.written = about.modified().ok();
        Ok(index)
    }

    /// The entries of one path.
    pub(crate) fn of_path(&self, path: &[u8]) -> &[Entry] {
        let from = self.entries.partition_point(|e| e.path.as_slice() < path);
        let n = self.entries[from..].partition_point(|e| e.path == path);
        &self.entries[from..from + n]
    }

    /// Whether something below a folder is tracked.
    pub(crate) fn has_below(&self, dir: &[u8]) -> bool {
        let prefix = [dir, b"/"].concat();
        let from = self.entries.partition_point(|e| e.path < prefix);
        self.entries.get(from).is_some_and(|e| e.path.starts_with(&prefix))
    }
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(n).ok_or_else(cut)?;
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    fn u16(&mut self) -> Result<u16, String> {
        let bytes = self.take(2)?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | u16::from(*b)))
    }

    fn until_nul(&mut self) -> Result<&'a [u8], String> {
        let n = self.0.iter().take(MAX_PATH + 1).position(|b| *b == 0).ok_or_else(cut)?;
        let text = self.take(n)?;
        self.take(1)?;
        Ok(text)
    }
}

fn cut() -> String {
    "it is cut off or damaged".to_owned()
}

fn parse(bytes: &[u8]) -> Result<Index, String> {
    let (body, sum) = bytes.split_at_checked(bytes.len().wrapping_sub(20)).ok_or_else(cut)?;
    // Zeros: git was told to leave it out (`index.skipHash`).
    if sum != [0; 20] {
        let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
        hasher.update(body);
        if hasher.try_finalize().ok().is_none_or(|id| id.as_slice() != sum) {
            return Err(cut());
        }
    }
    let mut rest = Bytes(body);
    if rest.take(4)? != b"DIRC" {
        return Err("it does not begin as one".to_owned());
    }
    let version = rest.u32()?;
    if !(2..=4).contains(&version) {
        return Err(format!("it is of version {version}"));
    }
    let n = rest.u32()? as usize;
    if n > MAX_ENTRIES {
        return Err(format!("it has {n} entries, more than the million that Signalbox reads"));
    }
    let mut index = Index::default();
    let mut path = Vec::new();
    let mut n_path_bytes = 0;
    let mut last: Option<(Vec<u8>, u8)> = None;
    let mut is_ordered = true;
    for _ in 0..n {
        let entry = entry(&mut rest, version, &mut path)?;
        n_path_bytes += entry.path.len();
        if n_path_bytes > MAX_PATHS {
            return Err("its paths are longer than Signalbox reads".to_owned());
        }
        let before = index.entries.last().map(|e| (&e.path, e.stage));
        let before = before.max(last.as_ref().map(|(path, stage)| (path, *stage)));
        is_ordered &= before.is_none_or(|before| before < (&entry.path, entry.stage));
        if is_git_path(&entry.path) {
            index.entries.push(entry);
        } else {
            index.n_odd += 1;
            last = Some((entry.path, entry.stage));
        }
    }
    while !rest.0.is_empty() {
        let name = rest.take(4)?;
        let len = rest.u32()? as usize;
        let content = rest.take(len)?;
        match name {
            b"TREE" => index.tree = cached_tree(content),
            b"link" => return Err("it is split".to_owned()),
            b"sdir" => return Err("it is sparse".to_owned()),
            // Others that begin with a capital letter are optional.
            [b'A'..=b'Z', ..] => {}
            _ => return Err("it has an extension that Signalbox does not know".to_owned()),
        }
    }
    // Last, because the entries of a split index that stand for others have no names.
    if is_ordered { Ok(index) } else { Err("its entries are not in order".to_owned()) }
}

fn entry(rest: &mut Bytes<'_>, version: u32, path: &mut Vec<u8>) -> Result<Entry, String> {
    let before = rest.0.len();
    let ctime = (rest.u32()?, rest.u32()?);
    let mtime = (rest.u32()?, rest.u32()?);
    let _device = rest.u32()?;
    let inode = rest.u32()?;
    let mode = rest.u32()?;
    let (uid, gid, size) = (rest.u32()?, rest.u32()?, rest.u32()?);
    let id = ObjectId::try_from(rest.take(20)?).map_err(|_| cut())?;
    let flags = rest.u16()?;
    let more = if flags & 0x4000 == 0 {
        0
    } else if version >= 3 {
        rest.u16()?
    } else {
        return Err(cut());
    };
    if version == 4 {
        let n_cut = offset(rest)?;
        path.truncate(path.len().checked_sub(n_cut).ok_or_else(cut)?);
        path.extend_from_slice(rest.until_nul()?);
        if path.len() > MAX_PATH {
            return Err(format!("it has a path of more than {MAX_PATH} bytes"));
        }
    } else {
        *path = rest.until_nul()?.to_vec();
        // One to eight NULs, so that an entry's length is a multiple of eight.
        let len = before - rest.0.len();
        rest.take((8 - len % 8) % 8)?;
    }
    Ok(Entry {
        path: path.clone(),
        mode: stat::canonical_mode(mode),
        id,
        stage: (flags >> 12 & 3) as u8,
        is_skipped: flags & 0x8000 != 0 || more & 0x4000 != 0,
        is_intent: more & 0x2000 != 0,
        stat: Stat { ctime, mtime, inode, uid, gid, size },
    })
}

/// A number as packs write offsets (gitformat-pack.txt, "OFS_DELTA").
fn offset(rest: &mut Bytes<'_>) -> Result<usize, String> {
    let mut n = 0usize;
    for i in 0.. {
        let b = rest.take(1)?[0];
        n = n << 7 | usize::from(b & 0x7f);
        if b & 0x80 == 0 {
            break;
        }
        // No path is longer than three of these.
        if i == 3 {
            return Err(cut());
        }
        n += 1;
    }
    Ok(n)
}

/// The id of the root in the extension `TREE`: `<path> NUL <entries> SP <subtrees> LF <id>`; -1 entries: not valid.
fn cached_tree(content: &[u8]) -> Option<ObjectId> {
    let line = content.strip_prefix(b"\0")?;
    let end = line.iter().position(|b| *b == b'\n')?;
    if line.starts_with(b"-") {
        return None;
    }
    ObjectId::try_from(line.get(end + 1..end + 21)?).ok()
}

/// Whether git would write a path into an index (`verify_path`): nothing that leads out of the tree or into `.git`.
pub(crate) fn is_git_path(path: &[u8]) -> bool {
    let is_name = |part: &[u8]| {
        !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git") && !part.contains(&0)
    };
    // Other systems have more ways to say the same.
    let fits_system = cfg!(unix) || !path.iter().any(|b| matches!(b, b'\\' | b':'));
    fits_system
        && path.len() <= MAX_PATH
        && path.split(|b| *b == b'/').all(is_name)
        && path.iter().filter(|b| **b == b'/').count() < MAX_DEPTH
}

#[cfg(test)]
mod tests;
