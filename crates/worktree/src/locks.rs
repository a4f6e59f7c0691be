//! Files that say which versions of packages a run had: at the project's folder and at the repository's root.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    io::Read as _,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{
    Limits, LockFile, LockState,
    compare::{Comparer, Comparison},
    content::hex,
    quote, redact, repository,
};

const NAMES: [&str; 22] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Manifest.toml",
    "Pipfile.lock",
    "bun.lock",
    "conda-lock.yaml",
    "conda-lock.yml",
    "dvc.lock",
    "environment.yaml",
    "environment.yml",
    "flake.lock",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pylock.toml",
    "renv.lock",
    "uv.lock",
    "yarn.lock",
];
/// So many names of a folder are looked at for `requirements*.txt`, and so many files are told of.
const MAX_NAMES: usize = 10_000;
const MAX_FILES: usize = 64;
/// Larger files are named and not summed.
const MAX_BYTES: u64 = 64 << 20;

/// `is_compared`: the comparison knows of every file whether it changed.
pub(crate) fn read(
    comparer: &mut Comparer<'_>,
    comparison: &Comparison,
    folder: &[u8],
    is_compared: bool,
    limits: &Limits,
) -> Vec<LockFile> {
    let mut paths = BTreeSet::new();
    for dir in [&b""[..], folder] {
        let Some(real) = repository::join(&comparer.repository.root, dir) else { continue };
        for name in names(&real) {
            paths.insert(if dir.is_empty() { name.into_bytes() } else { [dir, b"/", name.as_bytes()].concat() });
        }
    }
    let changed: HashSet<&[u8]> = comparison.changes.iter().map(|c| c.path.as_slice()).collect();
    let mut out = Vec::new();
    for path in paths.into_iter().take(MAX_FILES) {
        if comparer.look.budget.is_up() {
            break;
        }
        let state = if !is_compared {
            LockState::Unknown
        } else if comparer.index.of_path(&path).is_empty() {
            LockState::Untracked
        } else if changed.contains(path.as_slice()) {
            LockState::Changed
        } else {
            LockState::Committed
        };
        out.extend(lock_file(comparer, &path, state, limits));
    }
    out
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_NAMES).flatten();
    let listed = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_lock(name));
    // Those of the list are found in a folder of any size.
    let there = |name: &&str| fs::symlink_metadata(folder.join(name)).is_ok();
    listed.chain(NAMES.into_iter().filter(there).map(str::to_owned)).collect()
}

fn is_lock(name: &str) -> bool {
    let is_of = |begin: &str, end: &str| name.starts_with(begin) && name.ends_with(end);
    NAMES.contains(&name)
        || is_of("requirements", ".txt")
        || is_of("constraints", ".txt")
        || is_of("pylock.", ".toml")
        || is_of("conda-", ".lock")
}

/// `None`: it is no plain file, or it went away.
fn lock_file(comparer: &mut Comparer<'_>, path: &[u8], state: LockState, limits: &Limits) -> Option<LockFile> {
    let (file, about) = comparer.place(path).ok()??;
    if !about.is_file() {
        return None;
    }
    let mut lock = LockFile {
        path: quote::shown(path),
        bytes: about.len(),
        sha256: None,
        state,
        content: None,
        is_redacted: false,
    };
    if about.len() > MAX_BYTES {
        return Some(lock);
    }
    let mut bytes = Vec::new();
    fs::File::open(file).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    lock.bytes = bytes.len() as u64;
    lock.sha256 = Some(hex(&Sha256::digest(&bytes)));
    if state != LockState::Committed
        && lock.bytes <= limits.lock_bytes
        && let Ok(text) = String::from_utf8(bytes)
    {
        let (content, is_redacted) = redact::text(path, &text);
        (lock.content, lock.is_redacted) = (Some(content), is_redacted);
    }
    Some(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_locks() {
        for name in ["uv.lock", "requirements.txt", "requirements-dev.txt", "Manifest.toml", "conda-linux-64.lock"] {
            assert!(is_lock(name), "{name}");
        }
        for name in ["requirements.in", "a.lock", "my-requirements.txt", "package.json"] {
            assert!(!is_lock(name), "{name}");
        }
    }
}
