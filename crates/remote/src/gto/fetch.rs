//! Brings a version's files onto this machine: from the commit, or, where DVC keeps them, from DVC's cache here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_norway::Value as Yaml;
use signalbox_release::{Failure, FailureCode, Tree, Version};

use super::GtoRegistry;
use super::git::command;
use crate::cache::{arrive, goes_down, local};
use crate::http::Patience;

const MAX_FILES: usize = 20_000;
const MAX_BYTES: u64 = 64 << 30;
/// Of a file that says where others are.
const MAX_POINTER: u64 = 1 << 20;

/// A file in a commit.
struct Blob {
    object: String,
    bytes: u64,
    /// Below the artifact; its own name if it is a single file.
    path: String,
}

impl GtoRegistry {
    pub(super) fn bring(&self, version: &Version, patience: &Patience) -> Result<PathBuf, Failure> {
        let source = version.source.as_deref().and_then(|source| source.strip_prefix("git:")?.split_once(':'));
        let (commit, path) = source.ok_or_else(|| odd(&format!("{} names no commit", version.at)))?;
        let _seen = self.mirror.seen(patience)?;
        self.mirror.have(commit, patience)?;
        let path = match path {
            "" => self.path_of(version.at.model.as_str(), commit, patience)?,
            path if goes_down(path) => path.to_owned(),
            _ => return Err(odd(&format!("{} names a path that leads elsewhere", version.at))),
        };
        let check = |tree: &Tree| match version.at.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            None => Ok(()),
            Some(wanted) => {
                let (found, wanted) = (tree.digest.short(), wanted.short());
                let why = format!("the artifact of {} was changed: it is {found}, not {wanted}", version.at);
                Err(Failure::new(FailureCode::Conflict, why).hint("Register the model again, from its run."))
            }
        };
        arrive(&self.at.cache, &version.at, &commit[..commit.len().min(12)], &check, |coming| {
            if self.has_pointer(commit, &path, patience)? {
                self.export_dvc(version, commit, &path, coming, patience)
            } else {
                self.export(commit, &path, coming, patience)
            }
        })
    }

    /// Where GTO's or DVC's own files say that the artifact is.
    fn path_of(&self, model: &str, commit: &str, patience: &Patience) -> Result<String, Failure> {
        let gto = self.yaml(commit, "artifacts.yaml", patience)?;
        let dvc = self.yaml(commit, "dvc.yaml", patience)?;
        let name = model.rsplit('=').next().unwrap_or(model);
        let named = [&gto[name]["path"], &dvc["artifacts"][name]["path"]].into_iter().find_map(Yaml::as_str);
        let path = named.map(|path| path.trim_end_matches('/').to_owned()).filter(|path| goes_down(path));
        path.ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("the commit does not say where {model} is"))
                .hint("Name its path in artifacts.yaml or dvc.yaml, or register it with Signalbox.")
        })
    }

    fn yaml(&self, commit: &str, path: &str, patience: &Patience) -> Result<Yaml, Failure> {
        let Some(blob) = self.blobs(commit, path, patience)?.into_iter().next() else { return Ok(Yaml::Null) };
        if blob.bytes > MAX_POINTER {
            return Err(odd(&format!("{path} is too large")));
        }
        let bytes = self.mirror.well(&["cat-file", "blob", &blob.object], None, patience)?;
        serde_norway::from_slice(&bytes).map_err(|_| odd(&format!("{path} of the commit is no YAML")))
    }

    pub(super) fn has_pointer(&self, commit: &str, path: &str, patience: &Patience) -> Result<bool, Failure> {
        Ok(self.blobs(commit, path, patience)?.is_empty()
            && !self.blobs(commit, &format!("{path}.dvc"), patience)?.is_empty())
    }

    /// The files at a path of a commit. What is no plain file is refused.
    fn blobs(&self, commit: &str, path: &str, patience: &Patience) -> Result<Vec<Blob>, Failure> {
        let args = ["--literal-pathspecs", "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", path];
        let out = self.mirror.well(&args, None, patience)?;
        let (mut blobs, mut all) = (Vec::new(), 0u64);
        for entry in out.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
            let entry = std::str::from_utf8(entry).map_err(|_| odd("a file's name is no Unicode"))?;
            let (head, full) = entry.split_once('\t').ok_or_else(|| odd("git lists files in a form of its own"))?;
            let parts: Vec<&str> = head.split_whitespace().collect();
            let [mode, "blob", object, bytes] = parts[..] else { return Err(odd(&format!("{full} is no file"))) };
            if !matches!(mode, "100644" | "100755") {
                return Err(odd(&format!("{full} is a link: what it leads to would not be part of the artifact")));
            }
            let below = match full.strip_prefix(path) {
                Some("") => full.rsplit('/').next().unwrap_or(full),
                Some(below) if below.starts_with('/') => &below[1..],
                _ => return Err(odd(&format!("git lists {full}, which is not below {path}"))),
            };
            if !goes_down(below) {
                return Err(odd(&format!("{full} is no path below the artifact")));
            }
            let bytes = bytes.parse().map_err(|_| odd("git lists files in a form of its own"))?;
            all = all.saturating_add(bytes);
            blobs.push(Blob { object: object.to_owned(), bytes, path: below.to_owned() });
        }
        if blobs.len() > MAX_FILES || all > MAX_BYTES {
            return Err(odd(&format!("{path} has too many files, or too large ones")));
        }
        Ok(blobs)
    }

    /// Writes what a commit has at a path. Not as an archive: attributes in the repository change what that holds.
    pub(super) fn export(&self, commit: &str, path: &str, to: &Path, patience: &Patience) -> Result<(), Failure> {
        let blobs = self.blobs(commit, path, patience)?;
        if blobs.is_empty() {
            return Err(Failure::new(FailureCode::NotFound, format!("the commit has no {path}"))
                .hint("Commit the model, or its .dvc file, first."));
        }
        for blob in &blobs {
            let file = new_file(&to.join(&blob.path), to)?;
            let mut git = command(&self.mirror.folder, true);
            git.args(["cat-file", "blob", &blob.object]).stdout(file).stderr(std::process::Stdio::null());
            let mut running =
                crate::process::Running(git.spawn().map_err(|e| odd(&format!("git does not start: {e}")))?);
            while running.0.try_wait().map_err(|e| odd(&format!("git: {e}")))?.is_none() {
                patience.check()?;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            let arrived = fs::metadata(to.join(&blob.path)).map(|found| found.len()).unwrap_or_default();
            if arrived != blob.bytes {
                return Err(odd(&format!("git gives {} only in part", blob.path)));
            }
        }
        Ok(())
    }

    /// Copies what DVC's pointer names out of the project's DVC cache. The names there are MD5, which proves nothing: the
    /// digest that was registered does.
    fn export_dvc(
        &self,
        version: &Version,
        commit: &str,
        path: &str,
        to: &Path,
        patience: &Patience,
    ) -> Result<(), Failure> {
        let missing = || {
            Failure::new(
                FailureCode::NotFound,
                format!("DVC keeps {path}, and it is not in a DVC cache of this machine"),
            )
            .hint(format!("Run `dvc pull {path}` in the project, at this version's commit."))
        };
        if version.at.digest.is_none() {
            let why = format!("{} is kept by DVC, and nothing says what it must hold", version.at);
            return Err(
                Failure::new(FailureCode::Invalid, why).hint("Register it with Signalbox, which notes its digest.")
            );
        }
        let pointer = self.yaml(commit, &format!("{path}.dvc"), patience)?;
        let md5 = pointer["outs"][0]["md5"].as_str().ok_or_else(|| odd("the .dvc file names no MD5"))?;
        let root = self.project.as_ref().map(|project| project.root.join(".dvc/cache")).ok_or_else(missing)?;
        let mut files = BTreeMap::new();
        if md5.ends_with(".dir") {
            let list = fs::read(in_cache(&root, md5).ok_or_else(missing)?).map_err(|_| missing())?;
            let list: Vec<serde_json::Value> =
                serde_json::from_slice(&list).map_err(|_| odd("DVC's list is no JSON"))?;
            for file in &list {
                let (Some(md5), Some(below)) = (file["md5"].as_str(), file["relpath"].as_str()) else {
                    return Err(odd("DVC's list names a file without a name"));
                };
                files.insert(below.to_owned(), md5.to_owned());
            }
        } else {
            files.insert(path.rsplit('/').next().unwrap_or(path).to_owned(), md5.to_owned());
        }
        for (below, md5) in files {
            if !goes_down(&below) {
                return Err(odd("DVC's list names a path that leads elsewhere"));
            }
            let mut from = fs::File::open(in_cache(&root, &md5).ok_or_else(missing)?).map_err(|_| missing())?;
            std::io::copy(&mut from, &mut new_file(&to.join(&below), to)?).map_err(|e| local(to, &e))?;
            patience.check()?;
        }
        Ok(())
    }
}

/// DVC 3 keeps files below `files/md5`, DVC 2 right there.
fn in_cache(root: &Path, md5: &str) -> Option<PathBuf> {
    let hex = md5.strip_suffix(".dir").unwrap_or(md5);
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let places = [root.join("files/md5"), root.to_path_buf()].map(|root| root.join(&md5[..2]).join(&md5[2..]));
    places.into_iter().find(|place| place.is_file())
}

fn new_file(path: &Path, root: &Path) -> Result<fs::File, Failure> {
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(|e| local(folder, &e))?;
    fs::File::create_new(path).map_err(|e| local(path, &e))
}

fn odd(what: &str) -> Failure {
    Failure::new(FailureCode::Invalid, what)
}
