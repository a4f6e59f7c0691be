//! What a keeper brings back when it starts again: services, their ports, their versions and shares.
//!
//! Written whole beside the old file, flushed, and renamed over it, before a change takes effect: a killed keeper's
//! file is as before the change or as after it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_release::{Digest, Failure, FailureCode, ServiceName, VersionRef};

use crate::folder::failed;
use crate::how::How;

const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// A person stopped the keeper: looking does not start it.
    pub off: bool,
    pub services: BTreeMap<ServiceName, ServiceState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceState {
    /// On 127.0.0.1; the clients' address, so it never changes.
    pub port: u16,
    pub versions: Vec<VersionState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionState {
    pub at: VersionRef,
    /// Its artifact on this machine.
    pub path: PathBuf,
    /// Of the artifact, when it was loaded first.
    pub digest: Digest,
    pub how: How,
    /// Percent of the traffic.
    pub share: u8,
    pub since_unix_ms: i64,
    /// The operation that loaded it.
    pub key: String,
}

impl Default for State {
    fn default() -> State {
        State { format: FORMAT, off: false, services: BTreeMap::new() }
    }
}

impl State {
    /// None: there is no file, so nothing was ever kept.
    pub fn read(path: &Path) -> Result<Option<State>, Failure> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(damaged(path, &e.to_string())),
        };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_str(&text).map_err(|e| damaged(path, &e.to_string()))?;
        if head.format > FORMAT {
            return Err(Failure::new(
                FailureCode::Local,
                format!("{} was written by a newer Signalbox", path.display()),
            )
            .hint("Start that Signalbox."));
        }
        let state: State = serde_json::from_str(&text).map_err(|e| damaged(path, &e.to_string()))?;
        for (name, service) in &state.services {
            let shares: u32 = service.versions.iter().map(|version| u32::from(version.share)).sum();
            if shares > 100 {
                return Err(damaged(path, &format!("the shares of {name} are {shares} % together")));
            }
        }
        Ok(Some(state))
    }

    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let coming = path.with_extension("coming");
        let text = serde_json::to_string_pretty(self).expect("BUG: a state is JSON");
        let write = || -> io::Result<()> {
            let mut file = File::create(&coming)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&coming, path)?;
            // The name is in the folder: it must reach the disk too.
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|e| failed(path, &e).hint("Make room on the disk, or choose another data folder."))
    }
}

fn damaged(path: &Path, why: &str) -> Failure {
    Failure::new(FailureCode::Local, format!("{} cannot be read: {why}", path.display())).hint(
        "It says which models are served here. Bring it back from a backup, or move it away and load the models again; \
         their address may be another then.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let at = VersionRef {
            registry: "own".parse().expect("a name"),
            model: "churn, v2".parse().expect("a name"),
            version: "7".parse().expect("a name"),
            digest: Some(Digest::of("a")),
        };
        let version = VersionState {
            at: at.clone(),
            path: "/m".into(),
            digest: Digest::of("a"),
            how: How::Mlflow { python: "python3".into() },
            share: 100,
            since_unix_ms: 5,
            key: "p1.0".into(),
        };
        let service = ServiceState { port: 20_000, versions: vec![version] };
        State { services: [("churn".parse().expect("a name"), service)].into(), ..State::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        assert_eq!(State::read(&path), Ok(None));
        state().write(&path).expect("written");
        assert_eq!(State::read(&path), Ok(Some(state())));
    }

    #[test]
    fn a_file_cut_anywhere_or_changed_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        let text = serde_json::to_string(&state()).expect("JSON");
        let garbage = [text.replace("100", "101"), text.replace("churn\"", "../x\""), "\0\0\0".into(), "[]".into()];
        for bad in (0..text.len()).map(|at| text[..at].to_owned()).chain(garbage) {
            fs::write(&path, &bad).expect("written");
            let failure = State::read(&path).expect_err(&bad);
            assert!(failure.message.contains("state.json") && failure.hint.is_some(), "{failure:?}");
        }
        fs::write(&path, text.replace("\"format\":1", "\"format\":2")).expect("written");
        assert!(State::read(&path).expect_err("newer").message.contains("newer"));
    }
}
