//! A folder's files in one input, so that a changed byte may change what any of them holds, how it is called, or which
//! there are.
//!
//! The input begins with the choices that a target makes. Then comes, for each file, `\xff<path>\n<bytes>`, in whose
//! bytes 0xff is written twice; `\xff-<path>\n` removes one. A path that comes again begins what the folder is next.
//! `scripts/fuzz_seeds.py` writes the same.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

const MARK: u8 = 0xff;
const MAX_CHANGES: usize = 64;
const MAX_DEPTH: usize = 8;
const MAX_NAME: usize = 100;

/// What happens to a file.
pub enum Change {
    Put(String, Vec<u8>),
    Remove(String),
}

impl Change {
    pub fn path(&self) -> &str {
        match self {
            Change::Put(path, _) | Change::Remove(path) => path,
        }
    }
}

/// What is done to a folder between two looks at it; no file comes twice.
pub type Step = Vec<Change>;

/// The choices, and the folder's steps. Paths are relative and lead nowhere but down.
pub fn parse(input: &[u8]) -> (Vec<u8>, Vec<Step>) {
    let mut parts = split(input).into_iter();
    let choices = parts.next().unwrap_or_default();
    let mut steps = vec![Step::new()];
    let mut changed = BTreeSet::new();
    for change in parts.filter_map(change).take(MAX_CHANGES) {
        if !changed.insert(change.path().to_owned()) {
            steps.push(Step::new());
            changed = BTreeSet::from([change.path().to_owned()]);
        }
        steps.last_mut().expect("BUG: there is a first step").push(change);
    }
    (choices, steps)
}

fn split(input: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = input.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == MARK && bytes.next_if_eq(&MARK).is_none() {
            parts.push(Vec::new());
        } else {
            parts.last_mut().expect("BUG: there is a first part").push(byte);
        }
    }
    parts
}

fn change(part: Vec<u8>) -> Option<Change> {
    let end = part.iter().position(|byte| *byte == b'\n')?;
    let name = std::str::from_utf8(&part[..end]).ok()?;
    let (path, removed) = name.strip_prefix('-').map_or((name, false), |path| (path, true));
    let fits = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME && !name.contains('\0');
    if path.split('/').count() > MAX_DEPTH || !path.split('/').all(fits) {
        return None;
    }
    let path = path.to_owned();
    Some(if removed { Change::Remove(path) } else { Change::Put(path, part[end + 1..].to_vec()) })
}

/// An empty folder of this process's own.
pub struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { dir: tempfile::tempdir().expect("BUG: a temporary directory can be made") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn empty(&self) {
        for entry in fs::read_dir(self.path()).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }

    /// Makes the changes, each file written at `time`. What cannot be (a file where a folder is) is left undone.
    pub fn make(&self, changes: &Step, time: SystemTime, written: impl Fn(&str, &[u8]) -> Vec<u8>) {
        for change in changes {
            let path = self.path().join(change.path());
            match change {
                Change::Put(name, bytes) => {
                    let _ = put(&path, &written(name, bytes), time);
                }
                Change::Remove(_) => {
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }

    /// All folders, relative, the outermost first.
    pub fn dirs(&self) -> Vec<PathBuf> {
        let mut dirs = vec![PathBuf::new()];
        let mut at = 0;
        while let Some(rel) = dirs.get(at).cloned() {
            at += 1;
            let entries = fs::read_dir(self.path().join(&rel)).into_iter().flatten().flatten();
            dirs.extend(entries.filter(|e| e.path().is_dir()).map(|e| rel.join(e.file_name())));
        }
        dirs
    }
}

fn put(path: &Path, bytes: &[u8], time: SystemTime) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.set_modified(time)
}
