//! An artifact, file by file: what it holds, and one digest for all of it.
//!
//! The digest is the SHA-256 of a text with a line per file, in the order of the paths' bytes: the file's own SHA-256
//! in hex, its length in bytes, its path with `/`, each parted by a space.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::names::Digest;

#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is a symbolic link: what it leads to would not be part of the artifact")]
    Link(PathBuf),
    #[error("{0} is neither a file nor a folder")]
    Odd(PathBuf),
    #[error("the name of {0} is no Unicode")]
    Name(PathBuf),
    #[error("{0} holds more than {MAX_FILES} files")]
    TooMany(PathBuf),
    #[error("{0} holds no file")]
    Empty(PathBuf),
    #[error("{path} holds {found}, not {wanted}: it was changed meanwhile")]
    Changed { path: PathBuf, found: Digest, wanted: Digest },
}

/// Far above any model, far below what would fill the memory.
const MAX_FILES: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Below the artifact, with `/`. The artifact's own name if it is a single file.
    pub path: String,
    pub bytes: u64,
    pub digest: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// By path.
    pub files: Vec<TreeFile>,
    pub digest: Digest,
}

impl Tree {
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Copies the artifact at `from`, of which this is the tree, to `to`, which must not exist. What arrives is what
    /// was told, or nothing does.
    pub fn copy(&self, from: &Path, to: &Path) -> Result<(), TreeError> {
        let is_file = from.is_file();
        for file in &self.files {
            let (source, copy) = if is_file {
                (from.to_path_buf(), to.join(&file.path))
            } else {
                (from.join(&file.path), to.join(&file.path))
            };
            let parent = copy.parent().unwrap_or(to);
            fs::create_dir_all(parent).map_err(|e| at(parent, e))?;
            let mut out = File::create_new(&copy).map_err(|e| at(&copy, e))?;
            let (_, found) = hash(&source, |bytes| out.write_all(bytes))?;
            out.sync_all().map_err(|e| at(&copy, e))?;
            if found != file.digest {
                return Err(TreeError::Changed { path: source, found, wanted: file.digest.clone() });
            }
        }
        Ok(())
    }
}

/// How many bytes lie at a path, without reading them; what cannot be looked at counts as nothing.
pub fn bytes_below(path: &Path) -> u64 {
    let Ok(seen) = fs::symlink_metadata(path) else { return 0 };
    if !seen.is_dir() {
        return seen.len();
    }
    let mut left = MAX_FILES;
    let mut folders = vec![path.to_path_buf()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (Some(n), Ok(seen)) = (left.checked_sub(1), entry.metadata()) else { return bytes };
            left = n;
            if seen.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += seen.len();
            }
        }
    }
    bytes
}

/// Reads an artifact, a file or a folder, and digests it.
pub fn digest_of(path: &Path) -> Result<Tree, TreeError> {
    let kind = fs::symlink_metadata(path).map_err(|e| at(path, e))?.file_type();
    let mut files = Vec::new();
    if kind.is_file() {
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or_else(|| TreeError::Name(path.to_path_buf()))?;
        add(path, name.to_owned(), &mut files)?;
    } else if kind.is_dir() {
        walk(path, path, "", &mut files)?;
    } else if kind.is_symlink() {
        return Err(TreeError::Link(path.to_path_buf()));
    } else {
        return Err(TreeError::Odd(path.to_path_buf()));
    }
    if files.is_empty() {
        return Err(TreeError::Empty(path.to_path_buf()));
    }
    files.sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    let mut text = Sha256::new();
    for file in &files {
        text.update(format!("{} {} {}\n", file.digest.hex(), file.bytes, file.path));
    }
    Ok(Tree { files, digest: Digest::from_bytes(text.finalize().into()) })
}

fn walk(root: &Path, folder: &Path, prefix: &str, files: &mut Vec<TreeFile>) -> Result<(), TreeError> {
    for entry in fs::read_dir(folder).map_err(|e| at(folder, e))? {
        let entry = entry.map_err(|e| at(folder, e))?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| TreeError::Name(path.clone()))?;
        let below = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(|e| at(&path, e))?;
        if kind.is_dir() {
            walk(root, &path, &format!("{below}/"), files)?;
        } else if kind.is_file() {
            if files.len() >= MAX_FILES {
                return Err(TreeError::TooMany(root.to_path_buf()));
            }
            add(&path, below, files)?;
        } else if kind.is_symlink() {
            return Err(TreeError::Link(path));
        } else {
            return Err(TreeError::Odd(path));
        }
    }
    Ok(())
}

fn add(path: &Path, below: String, files: &mut Vec<TreeFile>) -> Result<(), TreeError> {
    let (bytes, digest) = hash(path, |_| Ok(()))?;
    files.push(TreeFile { path: below, bytes, digest });
    Ok(())
}

fn hash(path: &Path, mut also: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(u64, Digest), TreeError> {
    let mut file = File::open(path).map_err(|e| at(path, e))?;
    let (mut hasher, mut n, mut buffer) = (Sha256::new(), 0u64, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(|e| at(path, e))? {
            0 => return Ok((n, Digest::from_bytes(hasher.finalize().into()))),
            more => {
                hasher.update(&buffer[..more]);
                also(&buffer[..more]).map_err(|e| at(path, e))?;
                n += more as u64;
            }
        }
    }
}

fn at(path: &Path, source: io::Error) -> TreeError {
    TreeError::Io { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("sub")).expect("made");
        fs::write(dir.path().join("MLmodel"), "flavors:\n").expect("written");
        fs::write(dir.path().join("sub/model.pkl"), [0u8; 100_000]).expect("written");
        dir
    }

    #[test]
    fn the_digest_is_that_of_the_listing() {
        let dir = artifact();
        let tree = digest_of(dir.path()).expect("read");
        let line = |bytes: &[u8], path: &str| format!("{} {} {path}\n", Digest::of(bytes).hex(), bytes.len());
        let listing = line(b"flavors:\n", "MLmodel") + &line(&[0; 100_000], "sub/model.pkl");
        assert_eq!(tree.digest, Digest::of(listing));
        assert_eq!(tree.bytes(), 100_009);
    }

    #[test]
    fn a_copy_has_the_same_digest_or_fails() {
        let (dir, to) = (artifact(), tempfile::tempdir().expect("a folder"));
        let tree = digest_of(dir.path()).expect("read");
        let copy = to.path().join("copy");
        tree.copy(dir.path(), &copy).expect("copied");
        assert_eq!(digest_of(&copy).expect("read"), tree);
        fs::write(dir.path().join("MLmodel"), "another:\n").expect("written");
        let failed = tree.copy(dir.path(), &to.path().join("second"));
        assert!(matches!(failed, Err(TreeError::Changed { .. })), "{failed:?}");
    }

    #[test]
    fn a_single_file_is_an_artifact_too() {
        let dir = artifact();
        let file = dir.path().join("sub/model.pkl");
        let tree = digest_of(&file).expect("read");
        assert_eq!((tree.files.len(), tree.files[0].path.as_str()), (1, "model.pkl"));
        let to = dir.path().join("copied");
        tree.copy(&file, &to).expect("copied");
        assert_eq!(digest_of(&to).expect("read").digest, tree.digest);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused_and_nothing_is_no_artifact() {
        let dir = artifact();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("sub/leak")).expect("linked");
        assert!(matches!(digest_of(dir.path()), Err(TreeError::Link(_))));
        let empty = tempfile::tempdir().expect("a folder");
        assert!(matches!(digest_of(empty.path()), Err(TreeError::Empty(_))));
        assert!(matches!(digest_of(&empty.path().join("none")), Err(TreeError::Io { .. })));
    }
}
