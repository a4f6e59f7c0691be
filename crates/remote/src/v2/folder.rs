//! The folders in the server's repository that are ours.
//!
//! A folder appears whole or not at all: it is written under a name of its own, synced, and put in place of the one
//! before in one step, where the system can do that. What a kill leaves half-written begins with [`COMING`] and is
//! removed by the next who writes that folder; what was there before, or was to come, begins with [`BEFORE`]. One
//! Signalbox at a time changes a repository: [`Repository::alone`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use signalbox_release::{Digest, Failure, FailureCode, OpKey, ServiceName, VersionRef};

use super::record::{Content, Contents, RECORD, Record, Stamp, Written, file_digest};
use crate::cache;
use crate::http::Patience;

const COMING: &str = ".signalbox-coming-";
const BEFORE: &str = ".signalbox-before-";
const LOCK: &str = ".signalbox-lock";

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
        Record::read(&self.path(name))
    }

    /// Waits until no other Signalbox changes anything here, on any machine that sees these files with their locks.
    pub fn alone(&self, patience: &Patience) -> Result<File, Failure> {
        // Without it nothing may be made here: it is not mounted.
        fs::read_dir(&self.root).map_err(|e| self.unusable(&e))?;
        cache::alone(&self.root.join(LOCK), "another Signalbox changes the model repository just now", patience)
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

    /// Puts right what a kill, or an answer that was lost, has left: two folders of which one is to stay. That is the
    /// one which the server `serves` under this name, and else the one that stands there.
    pub fn recover(&self, name: &str, serves: Option<&VersionRef>) -> Result<(), Failure> {
        let before = before(name);
        if !self.exists(&before) {
            return Ok(());
        }
        let is_served = |name: &str| self.record(name).zip(serves).is_some_and(|(record, at)| record.version.is(at));
        if !self.exists(name) {
            return self.rename(&before, name);
        }
        if is_served(&before) && !is_served(name) {
            return self.put_back(name);
        }
        self.clear(&self.path(&before))
    }

    /// Writes a folder; what was there under that name is kept aside until [`Repository::settle`].
    pub fn write(&self, name: &str, contents: &Contents, record: &Record, key: &OpKey) -> Result<(), Failure> {
        self.clear_coming(name)?;
        let coming = format!("{COMING}{name}.{}", key.as_str());
        if let Err(failure) = self.fill(&self.path(&coming), contents, record) {
            let _ = fs::remove_dir_all(self.path(&coming));
            return Err(failure);
        }
        if !self.exists(name) {
            return self.rename(&coming, name);
        }
        // By then it is complete, and a kill leaves two whole folders.
        let before = before(name);
        self.rename(&coming, &before)?;
        if !self.exchange(&before, name)? {
            self.rename(&before, &coming)?;
            self.rename(name, &before)?;
            self.rename(&coming, name)?;
        }
        Ok(())
    }

    /// What was written stays.
    pub fn settle(&self, name: &str) -> Result<(), Failure> {
        let before = before(name);
        if self.exists(&before) { self.clear(&self.path(&before)) } else { Ok(()) }
    }

    /// What was there before comes back.
    pub fn unwrite(&self, name: &str) -> Result<(), Failure> {
        if self.exists(&before(name)) { self.put_back(name) } else { self.remove(name).map(drop) }
    }

    fn put_back(&self, name: &str) -> Result<(), Failure> {
        let (mut aside, before) = (before(name), before(name));
        if !self.exchange(&before, name)? {
            aside = format!("{COMING}{name}.back");
            self.rename(name, &aside)?;
            self.rename(&before, name)?;
        }
        self.clear(&self.path(&aside))
    }

    /// Removes what we have written; gives what others have put there, which stays. What Python makes of our own
    /// sources goes with them.
    pub fn remove(&self, name: &str) -> Result<Vec<String>, Failure> {
        self.clear_coming(name)?;
        let Some(record) = self.record(name) else { return Ok(Vec::new()) };
        let folder = self.path(name);
        for (file, _) in record.below() {
            gone(fs::remove_file(folder.join(file))).map_err(|e| local(&folder, &e))?;
        }
        gone(fs::remove_file(folder.join(RECORD))).map_err(|e| local(&folder, &e))?;
        let mut left = Vec::new();
        prune(&folder, "", &mut left).map_err(|e| local(&folder, &e))?;
        Ok(left)
    }

    fn fill(&self, coming: &Path, contents: &Contents, record: &Record) -> Result<(), Failure> {
        let io = |e: io::Error| local(coming, &e);
        let mut files = BTreeMap::new();
        for (below, content) in contents {
            let path = coming.join(below);
            fs::create_dir_all(path.parent().expect("BUG: below a folder")).map_err(io)?;
            let digest = match content {
                Content::Bytes(bytes) => {
                    fs::write(&path, bytes).map_err(io)?;
                    Digest::of(bytes)
                }
                Content::Copy(from, digest) => {
                    fs::copy(from, &path).map_err(|e| local(from, &e))?;
                    if file_digest(&path)? != *digest {
                        let why = format!("{} was changed meanwhile", from.display());
                        return Err(Failure::new(FailureCode::Conflict, why).hint("Make the plan again."));
                    }
                    digest.clone()
                }
            };
            File::open(&path).and_then(|file| file.sync_all()).map_err(io)?;
            files.insert(below.clone(), Written { digest, stamp: Stamp::of(&path).map_err(io)? });
        }
        let record = Record { files, ..record.clone() };
        let record = serde_json::to_vec_pretty(&record).expect("BUG: a record is JSON");
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

    fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        let to = self.path(to);
        fs::rename(self.path(from), &to).map_err(|e| local(&to, &e))?;
        self.sync()
    }

    /// Each takes the other's name in one step, so that a server that starts just then finds one of the two. False:
    /// this system or this disk cannot do that.
    fn exchange(&self, one: &str, other: &str) -> Result<bool, Failure> {
        let (one, other) = (self.path(one), self.path(other));
        let done = exchange(&one, &other).map_err(|e| local(&other, &e))?;
        if done { self.sync().map(|()| true) } else { Ok(false) }
    }

    fn sync(&self) -> Result<(), Failure> {
        #[cfg(unix)]
        File::open(&self.root).and_then(|root| root.sync_all()).map_err(|e| local(&self.root, &e))?;
        Ok(())
    }

    fn unusable(&self, e: &io::Error) -> Failure {
        local(&self.root, e).hint("This must be the server's model repository, mounted here, and writable.")
    }
}

fn before(name: &str) -> String {
    format!("{BEFORE}{name}")
}

/// False: it cannot be done in one step here.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
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
mod tests;
