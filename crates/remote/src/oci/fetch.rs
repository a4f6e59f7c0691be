//! Brings a version's files onto this machine.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use signalbox_release::{Digest, Failure, FailureCode, Tree, Version};

use super::OciRegistry;
use super::manifest::Layer;
use crate::cache::{arrive, local};
use crate::http::Patience;

/// Far above any model.
const MAX_BYTES: u64 = 256 << 30;

impl OciRegistry {
    pub(super) fn bring(&self, version: &Version, patience: &Patience) -> Result<PathBuf, Failure> {
        let repository = self.repository(&version.at.model)?;
        let manifest = self.version_manifest(&repository, &version.at.version, patience)?.ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("{} is not in its registry any more", version.at))
        })?;
        let layers = manifest.layers()?;
        let all: u64 = layers.iter().map(|layer| layer.bytes).fold(0, u64::saturating_add);
        if all > MAX_BYTES {
            let why = format!("{} is said to have {all} bytes, more than is brought", version.at);
            return Err(Failure::new(FailureCode::Invalid, why));
        }
        let check = |tree: &Tree| is_as_listed(version, &layers, tree);
        arrive(&self.at.cache, &version.at, &manifest.digest.short(), &check, |coming| {
            layers.iter().try_for_each(|layer| self.bring_layer(&repository, layer, coming, patience))
        })
    }

    fn bring_layer(&self, repository: &str, layer: &Layer, to: &Path, patience: &Patience) -> Result<(), Failure> {
        let path = to.join(&layer.path);
        // Two of the same path, or of one that this disk takes for the same.
        if fs::symlink_metadata(&path).is_ok() {
            let why = format!("the artifact names {} twice", layer.path);
            return Err(Failure::new(FailureCode::Invalid, why));
        }
        let folder = path.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(|e| local(folder, &e))?;
        let call = self.http.get(&format!("v2/{repository}/blobs/{}", layer.digest), &[]).handed_on();
        self.http.download(&call, &path, layer.bytes, patience).map(|_| ())
    }
}

/// Each file has the digest that the manifest names, and all of it the one that was registered.
fn is_as_listed(version: &Version, layers: &[Layer], tree: &Tree) -> Result<(), Failure> {
    let found: HashMap<&str, &Digest> = tree.files.iter().map(|file| (file.path.as_str(), &file.digest)).collect();
    let wrong = layers.iter().find(|layer| found.get(layer.path.as_str()) != Some(&&layer.digest));
    let why = match wrong {
        Some(layer) => format!("{} of {} did not arrive as it was sent", layer.path, version.at),
        None if found.len() != layers.len() => format!("{} has other files than its manifest names", version.at),
        None => match &version.at.digest {
            Some(wanted) if tree.digest != *wanted => {
                format!("{} holds {}, not {}", version.at, tree.digest.short(), wanted.short())
            }
            _ => return Ok(()),
        },
    };
    Err(Failure::new(FailureCode::Conflict, why).hint("Do not serve it; register the model again, from its run."))
}
