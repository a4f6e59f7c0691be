//! What is written beside a model, so that any Signalbox knows it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use signalbox_release::{Digest, Failure, FailureCode, ServiceName, VersionRef};

/// The record's own name.
pub const RECORD: &str = "signalbox.json";
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
    /// What was written, besides this record; by path below the folder, with `/`.
    #[serde(default)]
    pub files: BTreeMap<String, Written>,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    pub digest: Digest,
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// By which a file that was replaced is known without reading all of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    pub bytes: u64,
    pub modified_unix_ns: u64,
}

impl Stamp {
    pub fn of(path: &Path) -> io::Result<Stamp> {
        let found = fs::symlink_metadata(path)?;
        let modified = found.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Ok(Stamp { bytes: found.len(), modified_unix_ns: u64::try_from(modified).unwrap_or(u64::MAX) })
    }
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

impl Record {
    /// Of a folder; None if there is none, or it is not ours.
    pub fn read(folder: &Path) -> Option<Record> {
        let path = folder.join(RECORD);
        if fs::metadata(&path).ok()?.len() > MAX_RECORD_BYTES {
            return None;
        }
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// The files that it names, if they lie in its folder: a record may have been changed.
    pub fn below(&self) -> impl Iterator<Item = (&String, &Written)> {
        self.files.iter().filter(|(path, _)| is_below(path))
    }

    /// Whether all files are as long and as old as they were written. What was put in their place is known by that,
    /// unless somebody took care that it is not.
    pub fn is_as_written(&self, folder: &Path) -> bool {
        !self.files.is_empty()
            && self.below().count() == self.files.len()
            && self.below().all(|(path, was)| Stamp::of(&folder.join(path)).is_ok_and(|is| is == was.stamp))
    }

    /// Reads all files. A server that loads them loads what was registered, or this fails.
    pub fn check(&self, folder: &Path) -> Result<(), Failure> {
        let odd = self.files.keys().find(|path| !is_below(path));
        let changed =
            self.below().find(|(path, was)| file_digest(&folder.join(path)).map_or(true, |found| found != was.digest));
        let Some(path) = odd.or(changed.map(|(path, _)| path)) else { return Ok(()) };
        let why = format!("{} was changed since it was written", folder.join(path).display());
        Err(Failure::new(FailureCode::Conflict, why)
            .hint("Unload that version: then its folder is removed, and written anew when it is loaded again."))
    }
}

pub fn file_digest(path: &Path) -> Result<Digest, Failure> {
    let tree = signalbox_release::digest_of(path).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
    match &tree.files[..] {
        [file] if path.is_file() => Ok(file.digest.clone()),
        _ => Err(Failure::new(FailureCode::Local, format!("{} is no file", path.display()))),
    }
}

fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}
