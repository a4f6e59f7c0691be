//! The files of a run directory: a key's `/` are sub-directories.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{place, stamp::Stamp};

const MAX_DEPTH: usize = 16;
/// More files than this below one of `metrics`, `params`, `tags` are not looked at.
const MAX_FILES: usize = 100_000;

/// One metric, param or tag.
pub(crate) struct KeyFile {
    pub key: String,
    pub path: PathBuf,
    pub stamp: Stamp,
}

/// All keys below a directory, and the directories that were walked. A directory that does not exist has none.
#[derive(Default)]
pub(crate) struct Keys {
    pub files: Vec<KeyFile>,
    pub dirs: Vec<PathBuf>,
    /// The directory exists.
    pub exists: bool,
}

/// Walks without following symlinks to directories; symlinks to files only where they stay in the project.
pub(crate) fn walk(project: &Path, dir: &Path) -> io::Result<Keys> {
    let mut keys = Keys::default();
    match walk_into(project, dir, "", 0, &mut keys) {
        Err(e) if crate::stamp::is_absent(&e) && keys.dirs.is_empty() => return Ok(keys),
        other => other?,
    }
    keys.exists = true;
    keys.files.sort_by(|a, b| a.key.cmp(&b.key));
    keys.files.dedup_by(|a, b| a.key == b.key);
    Ok(keys)
}

fn walk_into(project: &Path, dir: &Path, prefix: &str, depth: usize, keys: &mut Keys) -> io::Result<()> {
    let entries = fs::read_dir(dir)?;
    keys.dirs.push(dir.to_path_buf());
    for entry in entries {
        let entry = entry?;
        if keys.files.len() >= MAX_FILES || entry.file_name() == ".DS_Store" {
            continue;
        }
        let name = place::clean_name(entry.file_name().as_encoded_bytes());
        let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if depth < MAX_DEPTH {
                match walk_into(project, &path, &key, depth + 1, keys) {
                    // A directory that goes away meanwhile has no keys; one that cannot be listed now keeps them.
                    Err(e) if !crate::stamp::is_absent(&e) => return Err(e),
                    _ => {}
                }
            }
            continue;
        }
        let metadata = match kind.is_symlink() {
            false => entry.metadata(),
            true if place::stays_inside(project, &path) => fs::metadata(&path),
            true => continue,
        };
        match metadata {
            Ok(metadata) if metadata.is_file() => {
                keys.files.push(KeyFile { key, path, stamp: Stamp::of_metadata(&metadata) });
            }
            Err(e) if !crate::stamp::is_absent(&e) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}
