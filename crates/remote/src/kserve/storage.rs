//! Where KServe finds a version's artifact.

use std::path::PathBuf;

use signalbox_release::{Deployable, Failure, FailureCode, digest_of};

use crate::cache;
use crate::http::words;

/// How an artifact gets to where the cluster can load it.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    /// It lies where the registry says, and the cluster reaches that.
    Source,
    /// Signalbox copies it into a folder here that the cluster sees under `uri`, by model and version:
    /// `pvc://models/shared/{model}/{version}`.
    Copied { uri: String, mount: PathBuf },
}

/// What KServe's storage initializer takes (github.com/kserve/kserve, python/storage).
const SCHEMES: [&str; 9] = ["s3", "gs", "hf", "pvc", "oci", "https", "http", "hdfs", "webhdfs"];

impl Storage {
    /// The address of a version's artifact; nothing is copied yet.
    pub fn uri(&self, what: &Deployable) -> Result<String, Failure> {
        match self {
            Storage::Source => {
                let source = what.source.as_deref().unwrap_or("");
                let scheme = source.split_once("://").map(|(scheme, _)| scheme);
                // A web address may hold a password.
                let secret = source.starts_with("http") && source.contains('@');
                let plain = !secret && !source.chars().any(|c| c.is_control() || c.is_whitespace());
                if scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) && plain {
                    return Ok(source.to_owned());
                }
                let shown = if secret { "an address with a password".into() } else { words(source.as_bytes()) };
                Err(Failure::new(
                    FailureCode::Invalid,
                    format!("{} lies where KServe cannot load it from: {shown:?}", what.version),
                )
                .hint(format!(
                    "Let the registry keep artifacts under {}://, or name a folder in signalbox.toml that the cluster sees too (storage = \"pvc://…\").",
                    SCHEMES[..5].join("://, ")
                )))
            }
            Storage::Copied { uri, .. } => {
                let at = &what.version;
                for part in [at.model.as_str(), at.version.as_str()] {
                    if !part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
                        return Err(Failure::new(
                            FailureCode::Invalid,
                            format!("{part:?} cannot be part of a storage address"),
                        )
                        .hint("Only letters, digits, '.', '_' and '-' can."));
                    }
                }
                Ok(uri.replace("{model}", at.model.as_str()).replace("{version}", at.version.as_str()))
            }
        }
    }

    /// Brings the artifact there, where that is for us to do. What is there already must be the same.
    pub fn bring(&self, what: &Deployable) -> Result<(), Failure> {
        let Storage::Copied { mount, .. } = self else { return Ok(()) };
        let from = what.path.as_deref().ok_or_else(|| {
            Failure::new(FailureCode::Invalid, format!("{} is not on this machine to be copied", what.version))
        })?;
        let to = mount.join(what.version.model.as_str()).join(what.version.version.as_str());
        let tree = digest_of(from).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
        if let Some(wanted) = what.version.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            let (is, wanted) = (tree.digest.short(), wanted.short());
            return Err(Failure::new(FailureCode::Conflict, format!("{} holds {is}, not {wanted}", from.display())));
        }
        if !mount.is_dir() {
            return Err(Failure::new(FailureCode::Local, format!("{} is not there", mount.display()))
                .hint("It is the folder that the cluster shares; is it mounted?"));
        }
        // Complete, or not there: the cluster may look at any moment.
        if !to.exists() && cache::copied(&tree, from, &to)? {
            return Ok(());
        }
        let there = digest_of(&to).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
        if there.digest == tree.digest {
            return Ok(());
        }
        let why = format!("{} is there already, and holds something else", to.display());
        Err(Failure::new(FailureCode::Conflict, why).hint("Move it away, if nothing serves it."))
    }
}

#[cfg(test)]
mod tests {
    use signalbox_release::VersionRef;

    use super::*;

    fn deployable(model: &str, source: Option<&str>, path: Option<PathBuf>) -> Deployable {
        let version = VersionRef {
            registry: "own".parse().expect("a name"),
            model: model.parse().expect("a name"),
            version: "7".parse().expect("a name"),
            digest: None,
        };
        Deployable { version, path, source: source.map(str::to_owned) }
    }

    #[test]
    fn only_addresses_that_the_cluster_can_load_from_are_sent() {
        for good in ["s3://b/m/7", "gs://b", "hf://org/model", "pvc://models/7", "oci://reg/x:1", "https://h/x.tar.gz"]
        {
            assert_eq!(Storage::Source.uri(&deployable("churn", Some(good), None)).expect(good), good);
        }
        for bad in
            ["", "models:/m-1", "mlflow-artifacts:/1/x", "file:///etc", "s3://b /x", "https://ada:pw@h/x", "dbfs:/x"]
        {
            let failure = Storage::Source.uri(&deployable("churn", Some(bad), None)).expect_err(bad);
            assert!(failure.hint.is_some() && !failure.message.contains("pw@"), "{failure}");
        }
        let copied = Storage::Copied { uri: "pvc://m/{model}/{version}".into(), mount: "/mnt".into() };
        assert_eq!(copied.uri(&deployable("churn", None, None)).expect("an address"), "pvc://m/churn/7");
        assert!(copied.uri(&deployable("churn & co", None, None)).is_err());
    }

    #[test]
    fn an_artifact_is_copied_once_and_never_over_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let (mount, model) = (dir.path().join("mount"), dir.path().join("model"));
        std::fs::create_dir_all(&model).expect("made");
        std::fs::write(model.join("MLmodel"), "one").expect("written");
        let copied = Storage::Copied { uri: "pvc://m/{model}/{version}".into(), mount: mount.clone() };
        let what = deployable("churn", None, Some(model.clone()));
        assert!(copied.bring(&what).expect_err("not mounted").message.contains("is not there"));
        std::fs::create_dir(&mount).expect("made");
        copied.bring(&what).expect("copied");
        copied.bring(&what).expect("the same is there");
        assert_eq!(std::fs::read_to_string(mount.join("churn/7/MLmodel")).expect("read"), "one");
        std::fs::write(model.join("MLmodel"), "two").expect("written");
        assert_eq!(copied.bring(&what).expect_err("another is there").code, FailureCode::Conflict);
        assert_eq!(std::fs::read_to_string(mount.join("churn/7/MLmodel")).expect("read"), "one");
    }
}
