//! The folder that this machine and all nodes of the cluster see: artifacts, by what they hold, and our own module.

use std::fs;
use std::path::{Path, PathBuf};

use signalbox_release::{Digest, Failure, FailureCode, TreeError, VersionRef, digest_of};

use crate::cache;

/// Where both see the same files.
#[derive(Clone, Debug)]
pub struct Share {
    /// The folder here.
    pub here: PathBuf,
    /// What the cluster's nodes call it; as here, if nothing is said.
    pub there: Option<String>,
}

/// Loads MLflow models on the cluster; ours.
const MODULE: &str = include_str!("signalbox_serve.py");

impl Share {
    /// Copies an artifact in, if it is not there. Gives its path there, and its digest.
    pub fn bring(&self, version: &VersionRef, from: &Path) -> Result<(String, Digest), Failure> {
        let tree = digest_of(from).map_err(local)?;
        if let Some(wanted) = version.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            return Err(Failure::new(
                FailureCode::Conflict,
                format!("{} holds {}, not {}", from.display(), tree.digest.short(), wanted.short()),
            )
            .hint("Fetch the version again, and make the plan again."));
        }
        let below = self.below(&tree.digest);
        let folder = self.here.join(&below);
        if !folder.is_dir() {
            cache::copied(&tree, from, &folder).map_err(hinted)?;
        }
        let file = if from.is_file() { tree.files.first().map(|file| file.path.clone()) } else { None };
        let (mut here, mut there) = (folder, self.there(&below));
        if let Some(name) = file {
            here.push(&name);
            there = format!("{there}/{name}");
        }
        let found = digest_of(&here).map_err(local)?.digest;
        if found != tree.digest {
            return Err(Failure::new(
                FailureCode::Local,
                format!("{} was changed: it holds {}, not {}", here.display(), found.short(), tree.digest.short()),
            )
            .hint("Remove that folder; it is copied anew."));
        }
        Ok((there, found))
    }

    /// Puts our module there, if it is not. Gives the folder, as the cluster calls it.
    pub fn module(&self) -> Result<String, Failure> {
        let below = module_below();
        let folder = self.here.join(&below);
        let file = folder.join("signalbox_serve.py");
        let there = fs::read_to_string(&file).is_ok_and(|text| text == MODULE);
        if !there {
            if folder.exists() {
                return Err(Failure::new(FailureCode::Local, format!("{} was changed", file.display()))
                    .hint("Remove its folder; it is written anew."));
            }
            let fill = |coming: &Path| {
                let path = coming.join("signalbox_serve.py");
                fs::write(&path, MODULE).map_err(|e| cache::local(&path, &e))
            };
            cache::appears(&folder, fill).map_err(hinted)?;
        }
        Ok(self.there(&below))
    }

    /// Where an artifact comes to lie, before it is there.
    pub fn planned(&self, digest: &Digest) -> String {
        self.there(&self.below(digest))
    }

    pub fn planned_module(&self) -> String {
        self.there(&module_below())
    }

    fn below(&self, digest: &Digest) -> String {
        format!("models/{}", digest.hex())
    }

    fn there(&self, below: &str) -> String {
        let root = self.there.clone().unwrap_or_else(|| self.here.display().to_string());
        format!("{}/{below}", root.trim_end_matches('/'))
    }
}

fn module_below() -> String {
    format!("code/{}", Digest::of(MODULE).short())
}

fn hinted(failure: Failure) -> Failure {
    failure.hint("Is the shared folder there, and may it be written to?")
}

fn local(e: TreeError) -> Failure {
    Failure::new(FailureCode::Local, e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(digest: Option<Digest>) -> VersionRef {
        let name = |text: &str| text.parse().expect("a name");
        VersionRef {
            registry: name("own"),
            model: "m".parse().expect("a name"),
            version: "1".parse().expect("a name"),
            digest,
        }
    }

    #[test]
    fn an_artifact_arrives_once_and_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let model = dir.path().join("model");
        fs::create_dir(&model).expect("made");
        fs::write(model.join("MLmodel"), "flavors: {}").expect("written");
        let share = Share { here: dir.path().join("share"), there: Some("/mnt/share/".into()) };
        let (there, digest) = share.bring(&version(None), &model).expect("brought");
        assert_eq!(there, format!("/mnt/share/models/{}", digest.hex()));
        assert_eq!(there, share.planned(&digest));
        assert_eq!(share.bring(&version(Some(digest.clone())), &model).expect("there"), (there, digest.clone()));
        let wrong = share.bring(&version(Some(Digest::of("x"))), &model).expect_err("another");
        assert_eq!(wrong.code, FailureCode::Conflict);

        fs::write(share.here.join(format!("models/{}/MLmodel", digest.hex())), "else").expect("written");
        assert_eq!(share.bring(&version(None), &model).expect_err("changed").code, FailureCode::Local);
        let file = dir.path().join("model.onnx");
        fs::write(&file, "graph").expect("written");
        assert!(share.bring(&version(None), &file).expect("brought").0.ends_with("/model.onnx"));
        let left: Vec<_> = fs::read_dir(share.here.join("models")).expect("read").flatten().collect();
        assert_eq!(left.len(), 2, "nothing half is left: {left:?}");
    }

    #[test]
    fn our_module_is_written_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let share = Share { here: dir.path().to_path_buf(), there: None };
        let folder = share.module().expect("written");
        assert_eq!((folder.clone(), folder.clone()), (share.module().expect("there"), share.planned_module()));
        let file = Path::new(&folder).join("signalbox_serve.py");
        assert_eq!(fs::read_to_string(&file).expect("read"), MODULE);
        fs::write(&file, "import os").expect("written");
        assert_eq!(share.module().expect_err("changed").code, FailureCode::Local);
    }
}
