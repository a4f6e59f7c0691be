//! Brings a version's artifact onto this machine: into a folder that appears when all of it is there.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use signalbox_release::{Digest, Failure, FailureCode, Tree, Version, digest_of};

use super::MlflowRegistry;
use super::place::{Place, below, part};
use super::upload::ARTIFACTS;
use super::wire::{list, text, whole};
use crate::cache::{arrive, beside, local};
use crate::http::Patience;

/// Far above any model; a server that never comes to an end is stopped here.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;
const MAX_BYTES: u64 = 64 << 30;
/// A run's artifact, of a registered version, of a logged model …
const MAX_HOPS: usize = 5;

impl MlflowRegistry {
    pub(super) fn bring(&self, version: &Version, patience: &Patience) -> Result<PathBuf, Failure> {
        let uri = self.download_uri(version.at.model.as_str(), version.at.version.as_str(), patience)?;
        let root = match self.resolved(uri, patience)? {
            Place::Local(path) => return in_place(&path, version),
            Place::Proxied(root) => root,
            place => return Err(odd(&format!("an artifact's place leads to {place:?}"))),
        };
        // A model that was deleted and made again counts from one again: so its time is in the name.
        let made = version.made_unix_ms.unwrap_or(0).to_string();
        let noted_at = beside(&self.at.cache, &version.at, &made, "digest");
        let noted: Option<Digest> = fs::read_to_string(&noted_at).ok().and_then(|text| text.trim().parse().ok());
        let (brought, found) = (Cell::new(false), RefCell::new(None));
        let check = |tree: &Tree| {
            let wanted = match &version.at.digest {
                // Nothing says what it must hold: of what was brought before, what it was then.
                None if !brought.get() && noted.as_ref() != Some(&tree.digest) => {
                    return Err(odd("it was changed here"));
                }
                wanted => wanted.as_ref(),
            };
            *found.borrow_mut() = Some(tree.digest.clone());
            is_as_registered(tree, wanted, version)
        };
        let folder = arrive(&self.at.cache, &version.at, &made, &check, |coming| {
            brought.set(true);
            self.bring_all(&root, coming, patience)
        })?;
        if let (None, true, Some(digest)) = (&version.at.digest, brought.get(), found.into_inner()) {
            fs::write(&noted_at, digest.to_string()).map_err(|e| local(&noted_at, &e))?;
        }
        Ok(folder)
    }

    fn bring_all(&self, root: &str, to: &Path, patience: &Patience) -> Result<(), Failure> {
        let (mut files, mut bytes) = (0, 0);
        // Folders to look into: below the artifact, and how deep.
        let mut todo = vec![(String::new(), 0)];
        while let Some((folder, depth)) = todo.pop() {
            let here = if folder.is_empty() { root.to_owned() } else { format!("{root}/{folder}") };
            let answer = self.http.read(&self.http.get(ARTIFACTS, &[("path", &here)]), patience)?;
            for file in list(&answer, "files") {
                let name = part(text(file, "path").unwrap_or_default())?;
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                files += 1;
                if files > MAX_FILES || depth >= MAX_DEPTH {
                    return Err(odd("the artifact has too many files, or lies too deep"));
                }
                if file["is_dir"].as_bool().unwrap_or(false) {
                    fs::create_dir_all(to.join(&path)).map_err(|e| local(&to.join(&path), &e))?;
                    todo.push((path, depth + 1));
                } else {
                    let arrived = self.bring_file(&format!("{root}/{path}"), &to.join(&path), bytes, patience)?;
                    is_as_listed(file, &path, arrived)?;
                    bytes += arrived;
                }
            }
        }
        if files == 0 {
            // MLflow lists a file as an empty folder.
            let name = part(root.rsplit('/').next().unwrap_or_default())?;
            let arrived = self.bring_file(root, &to.join(name), 0, patience)?;
            if let Some((folder, _)) = root.rsplit_once('/') {
                let around = self.http.read(&self.http.get(ARTIFACTS, &[("path", folder)]), patience)?;
                let listed = list(&around, "files").iter().find(|file| text(file, "path") == Some(name));
                listed.map_or(Ok(()), |listed| is_as_listed(listed, name, arrived))?;
            }
        }
        Ok(())
    }

    fn bring_file(&self, path: &str, to: &Path, so_far: u64, patience: &Patience) -> Result<u64, Failure> {
        let call = self.http.get(&format!("{ARTIFACTS}/{path}"), &[]);
        self.http.download(&call, to, MAX_BYTES - so_far, patience)
    }

    /// Follows what names a place by another name.
    fn resolved(&self, mut uri: String, patience: &Patience) -> Result<Place, Failure> {
        for _ in 0..MAX_HOPS {
            uri = match Place::of(&uri, self.http.base())? {
                Place::Run { run, path } => {
                    let answer = self.get("runs/get", &[("run_id", &run)], patience)?;
                    format!("{}/{}", uri_in(&answer["run"]["info"])?.trim_end_matches('/'), below(&path)?)
                }
                Place::Logged(id) => {
                    let answer = self.get(&format!("logged-models/{id}"), &[], patience)?;
                    uri_in(&answer["model"]["info"])?
                }
                Place::Registered { model, version } => self.download_uri(&model, &version, patience)?,
                place => return Ok(place),
            };
        }
        Err(odd("an artifact's place leads in a circle"))
    }

    fn download_uri(&self, model: &str, version: &str, patience: &Patience) -> Result<String, Failure> {
        let answer = self.get("model-versions/get-download-uri", &[("name", model), ("version", version)], patience)?;
        uri_in(&answer)
    }
}

fn uri_in(raw: &Value) -> Result<String, Failure> {
    text(raw, "artifact_uri").map(str::to_owned).ok_or_else(|| odd("the registry does not say where the artifact lies"))
}

/// A path that the registry names is read where it is; but only if it is a model, not whatever lies on this machine.
fn in_place(path: &Path, version: &Version) -> Result<PathBuf, Failure> {
    if !path.exists() {
        let what = format!("{} lies at {}, and there is no such path on this machine", version.at, path.display());
        return Err(Failure::new(FailureCode::NotFound, what)
            .hint("Start the tracking server so that it hands on artifacts (--artifacts-destination)."));
    }
    match &version.at.digest {
        Some(wanted) => {
            let tree = digest_of(path).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
            is_as_registered(&tree, Some(wanted), version)?;
        }
        None if path.join("MLmodel").is_file() => {}
        None => return Err(odd(&format!("{} is no model: it holds no MLmodel", path.display()))),
    }
    Ok(path.to_path_buf())
}

/// What arrived is as long as the registry's list says, where it says.
fn is_as_listed(file: &Value, path: &str, arrived: u64) -> Result<(), Failure> {
    match whole(file, "file_size").and_then(|listed| u64::try_from(listed).ok()) {
        Some(listed) if listed != arrived => {
            let why = format!("{path} has {listed} bytes in the registry's list, and {arrived} arrived");
            Err(odd(&why).hint("Try it again."))
        }
        _ => Ok(()),
    }
}

fn is_as_registered(tree: &Tree, wanted: Option<&Digest>, version: &Version) -> Result<(), Failure> {
    let (found, at) = (&tree.digest, &version.at);
    let Some(wanted) = wanted.filter(|wanted| *wanted != found) else { return Ok(()) };
    let what = format!("the artifact of {at} was changed: it is {}, not {}", found.short(), wanted.short());
    Err(Failure::new(FailureCode::Conflict, what).hint("Register the model again, from its run."))
}

fn odd(what: &str) -> Failure {
    Failure::new(FailureCode::Server, what)
}
