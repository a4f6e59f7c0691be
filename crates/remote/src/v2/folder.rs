//! The folders in the server's repository that are ours, and what is written beside a model so that any Signalbox knows it.
//!
//! A folder appears whole or not at all: it is written under a name of its own, synced, and renamed. What a kill leaves
//! half-written begins with [`COMING`] and is removed by the next who writes that folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_release::{Digest, Failure, FailureCode, OpKey, ServiceName, VersionRef};

const RECORD: &str = "signalbox.json";
const COMING: &str = ".signalbox-coming-";
const BEFORE: &str = ".signalbox-before-";
const MAX_RECORD_BYTES: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Staged,
    Live,
}

/// What is known of a folder that is ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub role: Role,
    pub service: ServiceName,
    pub version: VersionRef,
    /// Of the artifact that it was made from.
    pub digest: Digest,
    pub key: String,
    /// What was written, besides this record.
    pub files: Vec<String>,
}

/// A file that a folder will hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The bytes of a file that must have this digest.
    Copy(PathBuf, Digest),
    Bytes(Vec<u8>),
}

/// By path below the folder, with `/`.
pub type Contents = BTreeMap<String, Content>;

pub struct Repository {
    root: PathBuf,
}

impl Repository {
    pub fn new(root: PathBuf) -> Repository {
        Repository { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// The record of a folder; None if it is not there, or not ours.
    pub fn record(&self, name: &str) -> Option<Record> {
        let path = self.path(name).join(RECORD);
        if fs::metadata(&path).ok()?.len() > MAX_RECORD_BYTES {
            return None;
        }
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// All folders of a service that are ours, by name.
    pub fn records(&self, service: &ServiceName) -> Result<BTreeMap<String, Record>, Failure> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(&self.root).map_err(|e| self.unusable(&e))?.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with('.')
                && name.starts_with(service.as_str())
                && let Some(record) = self.record(&name).filter(|record| record.service == *service)
            {
                found.insert(name, record);
            }
        }
        Ok(found)
    }

    /// Puts back what a kill between two renames has left aside.
    pub fn recover(&self, name: &str) -> Result<(), Failure> {
        let before = self.path(&format!("{BEFORE}{name}"));
        if !before.exists() {
            return Ok(());
        }
        if self.exists(name) { self.clear(&before) } else { self.rename(&before, &self.path(name)) }
    }

    /// Writes a folder; what was there under that name is kept aside until [`Repository::settle`].
    pub fn write(&self, name: &str, contents: &Contents, record: &Record, key: &OpKey) -> Result<(), Failure> {
        self.clear_coming(name)?;
        let coming = self.path(&format!("{COMING}{name}.{}", key.as_str()));
        if let Err(failure) = self.fill(&coming, contents, record) {
            let _ = fs::remove_dir_all(&coming);
            return Err(failure);
        }
        if self.exists(name) {
            self.rename(&self.path(name), &self.path(&format!("{BEFORE}{name}")))?;
        }
        self.rename(&coming, &self.path(name))
    }

    /// What was written stays.
    pub fn settle(&self, name: &str) -> Result<(), Failure> {
        let before = self.path(&format!("{BEFORE}{name}"));
        if before.exists() { self.clear(&before) } else { Ok(()) }
    }

    /// What was there before comes back.
    pub fn unwrite(&self, name: &str) -> Result<(), Failure> {
        self.remove(name)?;
        self.recover(name)
    }

    /// Removes what we have written; gives what others have put there, which stays. What Python makes of our own
    /// sources goes with them.
    pub fn remove(&self, name: &str) -> Result<Vec<String>, Failure> {
        self.clear_coming(name)?;
        let Some(record) = self.record(name) else { return Ok(Vec::new()) };
        let folder = self.path(name);
        for file in record.files.iter().filter(|file| is_below(file)) {
            gone(fs::remove_file(folder.join(file))).map_err(|e| local(&folder, &e))?;
        }
        gone(fs::remove_file(folder.join(RECORD))).map_err(|e| local(&folder, &e))?;
        let mut left = Vec::new();
        prune(&folder, "", &mut left).map_err(|e| local(&folder, &e))?;
        Ok(left)
    }

    fn fill(&self, coming: &Path, contents: &Contents, record: &Record) -> Result<(), Failure> {
        let io = |e: io::Error| local(coming, &e);
        for (below, content) in contents {
            let path = coming.join(below);
            fs::create_dir_all(path.parent().expect("BUG: below a folder")).map_err(io)?;
            match content {
                Content::Bytes(bytes) => fs::write(&path, bytes).map_err(io)?,
                Content::Copy(from, digest) => {
                    fs::copy(from, &path).map_err(|e| local(from, &e))?;
                    if file_digest(&path)? != *digest {
                        let why = format!("{} was changed meanwhile", from.display());
                        return Err(Failure::new(FailureCode::Conflict, why).hint("Make the plan again."));
                    }
                }
            }
            File::open(&path).and_then(|file| file.sync_all()).map_err(io)?;
        }
        let record = serde_json::to_vec_pretty(record).expect("BUG: a record is JSON");
        fs::create_dir_all(coming).and_then(|()| fs::write(coming.join(RECORD), record)).map_err(io)?;
        File::open(coming.join(RECORD)).and_then(|file| file.sync_all()).map_err(io)
    }

    fn clear_coming(&self, name: &str) -> Result<(), Failure> {
        let ours = format!("{COMING}{name}.");
        for entry in fs::read_dir(&self.root).map_err(|e| self.unusable(&e))?.flatten() {
            if entry.file_name().to_str().is_some_and(|found| found.starts_with(&ours)) {
                self.clear(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Only for names that begin with ours.
    fn clear(&self, path: &Path) -> Result<(), Failure> {
        fs::remove_dir_all(path).map_err(|e| local(path, &e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Failure> {
        fs::rename(from, to).map_err(|e| local(to, &e))?;
        #[cfg(unix)]
        File::open(&self.root).and_then(|root| root.sync_all()).map_err(|e| local(&self.root, &e))?;
        Ok(())
    }

    fn unusable(&self, e: &io::Error) -> Failure {
        local(&self.root, e).hint("This must be the server's model repository, mounted here, and writable.")
    }
}

pub fn file_digest(path: &Path) -> Result<Digest, Failure> {
    let tree = signalbox_release::digest_of(path).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
    Ok(tree.files.into_iter().next().expect("BUG: a file is one file").digest)
}

/// A record may have been changed: what it names must lie in its folder.
fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes folders that hold nothing any more but what Python has compiled.
fn prune(folder: &Path, below: &str, left: &mut Vec<String>) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            is_empty &= prune(&entry.path(), &format!("{path}/"), left)?;
        } else if below.ends_with("__pycache__/") && name.ends_with(".pyc") {
            fs::remove_file(entry.path())?;
        } else {
            left.push(path);
            is_empty = false;
        }
    }
    if is_empty {
        fs::remove_dir(folder)?;
    }
    Ok(is_empty)
}

pub fn local(path: &Path, e: &io::Error) -> Failure {
    Failure::new(FailureCode::Local, format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(files: &[&str]) -> Record {
        let version = VersionRef {
            registry: "own".parse().expect("a name"),
            model: "iris".parse().expect("a name"),
            version: "1".parse().expect("a name"),
            digest: None,
        };
        Record {
            role: Role::Staged,
            service: "iris".parse().expect("a name"),
            version,
            digest: Digest::of("x"),
            key: "P.0".into(),
            files: files.iter().map(|&file| file.to_owned()).collect(),
        }
    }

    fn key() -> OpKey {
        OpKey::new(&"P".parse().expect("an id"), 0, false)
    }

    #[test]
    fn only_what_we_wrote_is_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let repository = Repository::new(dir.path().to_path_buf());
        let outside = dir.path().join("precious");
        fs::write(&outside, "x").expect("written");
        let contents: Contents = [("1/model.py".to_owned(), Content::Bytes(b"x".to_vec()))].into();
        repository.write("iris--1", &contents, &record(&["1/model.py", "../precious"]), &key()).expect("written");
        fs::create_dir(dir.path().join("iris--1/1/__pycache__")).expect("made");
        fs::write(dir.path().join("iris--1/1/__pycache__/model.cpython-311.pyc"), "x").expect("written");
        fs::write(dir.path().join("iris--1/notes.txt"), "x").expect("written");
        assert_eq!(repository.remove("iris--1").expect("removed"), ["notes.txt"]);
        assert!(outside.exists() && dir.path().join("iris--1/notes.txt").exists());
        assert!(!dir.path().join("iris--1/1").exists());
        assert_eq!(repository.remove("iris--1").expect("not ours any more"), Vec::<String>::new());
    }

    #[test]
    fn what_a_kill_leaves_is_put_right() {
        let dir = tempfile::tempdir().expect("a folder");
        let repository = Repository::new(dir.path().to_path_buf());
        let contents: Contents = [("a".to_owned(), Content::Bytes(b"1".to_vec()))].into();
        repository.write("iris", &contents, &record(&["a"]), &key()).expect("written");
        // Between the two renames.
        fs::rename(dir.path().join("iris"), dir.path().join(".signalbox-before-iris")).expect("renamed");
        fs::create_dir(dir.path().join(".signalbox-coming-iris.P.0")).expect("made");
        repository.recover("iris").expect("put back");
        assert_eq!(repository.record("iris").expect("ours"), record(&["a"]));
        let other: Contents = [("a".to_owned(), Content::Bytes(b"2".to_vec()))].into();
        repository.write("iris", &other, &record(&["a"]), &key()).expect("written");
        assert_eq!(fs::read(dir.path().join("iris/a")).expect("read"), b"2");
        repository.unwrite("iris").expect("put back");
        assert_eq!(fs::read(dir.path().join("iris/a")).expect("read"), b"1");
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 1);
    }
}
