//! Where artifacts are brought to: a folder per version, that appears when all of it is there and as it should be.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use signalbox_release::{Digest, Failure, FailureCode, Tree, VersionRef, digest_of};

use crate::http::Patience;

const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The folder of a version below `cache`; `brings` fills a new one. What somebody changed here is brought anew. `made`
/// tells two versions of one name apart; `check` sees what is there.
pub fn arrive(
    cache: &Path,
    at: &VersionRef,
    made: &str,
    check: &dyn Fn(&Tree) -> Result<(), Failure>,
    brings: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let (parent, name) = place_of(cache, at, made);
    let folder = parent.join(name);
    if folder.is_dir() {
        if digest_of(&folder).is_ok_and(|tree| check(&tree).is_ok()) {
            return Ok(folder);
        }
        fs::remove_dir_all(&folder).map_err(|e| local(&folder, &e))?;
    }
    // If another brought the same version meanwhile, that one is as good.
    appears(&folder, |coming| {
        brings(coming)?;
        check(&digest_of(coming).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?)
    })?;
    Ok(folder)
}

/// A file of ours beside a version's folder. No folder has its name: a point is written otherwise there.
pub fn beside(cache: &Path, at: &VersionRef, made: &str, ending: &str) -> PathBuf {
    let (parent, name) = place_of(cache, at, made);
    parent.join(format!("{name}.{ending}"))
}

fn place_of(cache: &Path, at: &VersionRef, made: &str) -> (PathBuf, String) {
    let parent = cache.join(plain(at.registry.as_str())).join(plain(at.model.as_str()));
    (parent, plain(&format!("{}-{made}", at.version)))
}

/// A folder that is there whole, or not at all: filled beside its place, under a name that nobody else has, on whatever
/// machine. False: another has brought it there meanwhile.
pub fn appears(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<bool, Failure> {
    let parent = folder.parent().expect("BUG: below a folder of ours");
    let coming = Passing::below(parent)?;
    fill(coming.path())?;
    match fs::rename(coming.path(), folder) {
        Ok(()) => Ok(true),
        Err(_) if folder.is_dir() => Ok(false),
        Err(e) => Err(local(folder, &e)),
    }
}

/// The artifact at `from`, of which `tree` is told, appears as `folder`. False: something else has, meanwhile.
pub fn copied(tree: &Tree, from: &Path, folder: &Path) -> Result<bool, Failure> {
    appears(folder, |coming| tree.copy(from, coming).map_err(|e| Failure::new(FailureCode::Local, e.to_string())))
}

/// Waits until no other process works under `path`'s name; the file's end lets the next one in.
pub fn alone(path: &Path, busy: &str, patience: &Patience) -> Result<File, Failure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|e| local(folder, &e))?;
    let file = File::create(path).map_err(|e| local(path, &e))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(local(path, &e)),
            Err(TryLockError::WouldBlock) if patience.left() <= BETWEEN_TRIES => {
                return Err(Failure::new(FailureCode::Busy, busy).hint("Wait until that is done, and look again."));
            }
            Err(TryLockError::WouldBlock) => patience.pause(BETWEEN_TRIES)?,
        }
    }
}

/// A folder that is gone when this is.
pub struct Passing(PathBuf);

const COMING: &str = ".coming-";
/// Nothing takes so long to arrive: who was bringing it was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

impl Passing {
    pub fn below(parent: &Path) -> Result<Passing, Failure> {
        remove_left(parent);
        let folder = parent.join(format!("{COMING}{:016x}", RandomState::new().hash_one(0)));
        fs::create_dir_all(&folder).map_err(|e| local(&folder, &e))?;
        Ok(Passing(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove_left(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(COMING));
        let age = entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_ours && age.is_some_and(|age| age > LEFT_BEHIND) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a path stays below where it is put, on any system.
pub fn goes_down(path: &str) -> bool {
    path.len() <= 4096 && path.split('/').count() <= 64 && path.split('/').all(is_name)
}

/// Whether this is one name in a path, on any system.
pub fn is_name(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'))
}

/// A name that any file system takes, and that no other name becomes.
pub fn plain(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        // Upper case too: some file systems do not tell it from lower case.
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("={byte:02x}"));
        }
    }
    // Names on disk end at 255 bytes.
    if out.len() > 200 { Digest::of(name).hex() } else { out }
}

pub fn local(path: &Path, e: &std::io::Error) -> Failure {
    Failure::new(FailureCode::Local, format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_bring_the_same_folder_at_once_both_have_it_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, folder) = (dir.path().join("from"), dir.path().join("share/models/x"));
        fs::create_dir(&from).expect("made");
        fs::write(from.join("a"), "1").expect("written");
        let tree = digest_of(&from).expect("read");
        // The other one comes while this one copies: neither removes what the other has half copied.
        let brought = appears(&folder, |coming| {
            fs::write(coming.join("half"), "").expect("written");
            assert!(copied(&tree, &from, &folder)?);
            assert!(coming.join("half").exists());
            Ok(())
        });
        assert!(!brought.expect("it is there"));
        assert_eq!(digest_of(&folder).expect("read").digest, tree.digest);
        let left = fs::read_dir(dir.path().join("share/models")).expect("read").count();
        assert_eq!(left, 1, "nothing half is left");
        let failure = appears(&dir.path().join("y"), |_| Err(Failure::new(FailureCode::Local, "no"))).expect_err("no");
        assert_eq!((failure.message.as_str(), dir.path().join("y").exists()), ("no", false));
    }

    #[test]
    fn folders_have_names_that_any_disk_takes_and_tells_apart() {
        assert_eq!(plain("iris-2_b"), "iris-2_b");
        assert_eq!(plain("Iris"), "=49ris");
        assert_eq!(plain("a.é \""), "a=2e=c3=a9=20=22");
        assert_ne!(plain("a=20"), plain("a "));
        assert_eq!(plain(&"É".repeat(150)).len(), 64);
    }

    #[test]
    fn what_a_kill_has_left_is_removed_after_a_day() {
        let dir = tempfile::tempdir().expect("a folder");
        let aged = |name: &str, hours: u64| {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join("half"), "x").expect("written");
            let at = std::time::SystemTime::now() - Duration::from_secs(hours * 3600);
            File::open(&folder).and_then(|opened| opened.set_modified(at)).expect("set");
            folder
        };
        let (old, new, other) = (aged(".coming-0", 25), aged(".coming-1", 23), aged("1-0", 999));
        let passing = Passing::below(dir.path()).expect("made");
        assert_eq!([old.exists(), new.exists(), other.exists()], [false, true, true]);
        drop(passing);
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 2);
    }

    #[test]
    fn a_path_goes_down_on_any_system() {
        for good in ["a", "a b/é.bin", "a/...", "a=b"] {
            assert!(goes_down(good), "{good:?}");
        }
        let deep = "a/".repeat(64) + "a";
        for bad in ["", "/etc", "../x", "a/../b", "a//b", "./a", "a/", "a\\b", "C:x", "a\0b", "a\nb", &deep] {
            assert!(!goes_down(bad), "{bad:?}");
        }
    }
}
