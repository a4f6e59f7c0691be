//! What lies in the registry: a model as CNCF's ModelPack lays it out (model-spec v1, a layer per file, raw), and
//! small notes of our own that hold nothing but an annotation.

use serde_json::{Map, Value, json};
use signalbox_release::{Digest, Failure, FailureCode, ModelName, OpKey, Tree, VersionName, canonical};

use super::names::VERSION_DIGITS;
use crate::cache::goes_down;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const MODEL: &str = "application/vnd.cncf.model.manifest.v1+json";
const MODEL_CONFIG: &str = "application/vnd.cncf.model.config.v1+json";
const WEIGHT: &str = "application/vnd.cncf.model.weight.v1.raw";
const FILE_PATH: &str = "org.cncf.model.filepath";
/// ORAS's name for a file.
const TITLE: &str = "org.opencontainers.image.title";
const NOTE: &str = "application/vnd.signalbox.note.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The empty descriptor's blob (image-spec v1.1, "Guidance for an empty descriptor").
pub const EMPTY_BLOB: &[u8] = b"{}";

pub const DIGEST_AT: &str = "io.signalbox.digest";
pub const OP_AT: &str = "io.signalbox.op";
const TAG_AT: &str = "io.signalbox.tag.";
const NOTE_AT: &str = "io.signalbox.note";
/// What registries take as a manifest (distribution-spec v1.1, "Pushing manifests").
const MAX_BYTES: usize = 4 << 20;
const MAX_VALUE_CHARS: usize = 2000;

/// A manifest as it lies there.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub bytes: Vec<u8>,
    pub digest: Digest,
    pub raw: Value,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
}

impl Manifest {
    pub fn of(bytes: Vec<u8>) -> Result<Manifest, Failure> {
        let raw: Value = serde_json::from_slice(&bytes)
            .map_err(|_| Failure::new(FailureCode::Server, "the registry answers a manifest that is no JSON"))?;
        Ok(Manifest { digest: Digest::of(&bytes), bytes, raw })
    }

    /// A version is named by what it holds. The name is 48 bits of it: nobody puts another in its place by accident; what
    /// somebody has sought out for that, the artifact's whole digest shows.
    pub fn version(&self) -> VersionName {
        self.digest.hex()[..VERSION_DIGITS].parse().expect("BUG: hex digits are a version's name")
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.raw.get("annotations")?.get(key)?.as_str()
    }

    /// What a note of ours says; none if this is no note.
    pub fn said(&self) -> Option<Value> {
        serde_json::from_str(self.annotation(NOTE_AT)?).ok()
    }

    /// The tags that a registration gave.
    pub fn tags(&self) -> Vec<(String, String)> {
        let all = self.raw.get("annotations").and_then(Value::as_object);
        let pair = |(key, value): (&String, &Value)| Some((key.strip_prefix(TAG_AT)?.into(), value.as_str()?.into()));
        all.into_iter().flatten().filter_map(pair).collect()
    }

    /// The files that it names. One that holds anything but plain files is refused.
    pub fn layers(&self) -> Result<Vec<Layer>, Failure> {
        let odd = |why: &str| Failure::new(FailureCode::Invalid, format!("this artifact cannot be brought: {why}"));
        let Some(layers) = self.raw.get("layers").and_then(Value::as_array).filter(|layers| !layers.is_empty()) else {
            return Err(odd("it holds no files, or is an index of several").hint("Name a model's own manifest."));
        };
        layers
            .iter()
            .map(|layer| {
                let kind = layer["mediaType"].as_str().unwrap_or_default();
                if ["tar", "gzip", "zstd"].iter().any(|packed| kind.contains(packed)) {
                    return Err(odd(&format!("its files are packed ({})", crate::http::words(kind.as_bytes())))
                        .hint("Pack it with raw layers (`modctl build --raw`), or register its folder."));
                }
                let names = [FILE_PATH, TITLE].into_iter().find_map(|key| layer["annotations"][key].as_str());
                let path = names.ok_or_else(|| odd("a file of it has no name"))?.to_owned();
                let digest = layer["digest"].as_str().and_then(|digest| digest.parse().ok());
                let digest = digest.ok_or_else(|| odd("a file of it has no SHA-256"))?;
                let bytes = layer["size"].as_u64().ok_or_else(|| odd("a file of it has no size"))?;
                goes_down(&path).then_some(()).ok_or_else(|| {
                    let shown = crate::http::words(path.as_bytes());
                    Failure::new(
                        FailureCode::Invalid,
                        format!("the artifact names a file {shown:?}: that is no path below it"),
                    )
                })?;
                Ok(Layer { path, digest, bytes })
            })
            .collect()
    }
}

/// A model: its manifest and its configuration. The same artifact under the same key is always the same manifest.
pub fn model(
    name: &ModelName,
    tree: &Tree,
    key: &OpKey,
    tags: &[(String, String)],
) -> Result<(Manifest, Vec<u8>), Failure> {
    let digests: Vec<String> = tree.files.iter().map(|file| file.digest.to_string()).collect();
    let fs = json!({ "type": "layers", "diffIds": digests });
    let config = canonical(&json!({ "descriptor": { "name": name }, "config": {}, "modelfs": fs })).into_bytes();
    let layers: Vec<Value> = tree.files.iter().map(|file| {
        json!({ "mediaType": WEIGHT, "digest": file.digest, "size": file.bytes, "annotations": { FILE_PATH: file.path } })
    })
    .collect();
    let mut notes = Map::new();
    for (key, value) in tags {
        let value: String = value.chars().take(MAX_VALUE_CHARS).collect();
        notes.insert(format!("{TAG_AT}{key}"), value.into());
    }
    notes.insert(DIGEST_AT.into(), tree.digest.to_string().into());
    notes.insert(OP_AT.into(), key.as_str().into());
    notes.insert(TITLE.into(), name.as_str().into());
    let config_at = json!({ "mediaType": MODEL_CONFIG, "digest": Digest::of(&config), "size": config.len() });
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": MODEL, "config": config_at,
        "layers": layers, "annotations": notes });
    let manifest = Manifest::of(canonical(&manifest).into_bytes())?;
    if manifest.bytes.len() > MAX_BYTES {
        let why = format!("{} files are more than one manifest can name", tree.files.len());
        return Err(Failure::new(FailureCode::Invalid, why).hint("Pack them into fewer files."));
    }
    if let Some(file) = tree.files.iter().find(|file| !goes_down(&file.path)) {
        let why = format!("a file of the name {:?} could not be brought to every machine", file.path);
        return Err(Failure::new(FailureCode::Invalid, why).hint("Rename it."));
    }
    Ok((manifest, config))
}

/// A note of ours.
pub fn note(says: &Value) -> Manifest {
    let empty = json!({ "mediaType": EMPTY, "digest": Digest::of(EMPTY_BLOB), "size": EMPTY_BLOB.len() });
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": NOTE, "config": empty,
        "layers": [empty], "annotations": { NOTE_AT: canonical(says) } });
    Manifest::of(canonical(&manifest).into_bytes()).expect("BUG: it is JSON")
}

/// What an alias points at that points at nothing: a tag cannot be taken away without its manifest.
pub fn nothing() -> Manifest {
    note(&json!({ "kind": "nothing" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(path: &str, kind: &str) -> Result<Vec<Layer>, Failure> {
        let layer =
            json!({ "mediaType": kind, "size": 1, "digest": Digest::of("x"), "annotations": { FILE_PATH: path } });
        Manifest::of(json!({ "layers": [layer] }).to_string().into_bytes()).expect("JSON").layers()
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        assert_eq!(layer("a b/é.bin", WEIGHT).expect("a file")[0].path, "a b/é.bin");
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\..\\b", "C:x", "a\0b", "a/", "a\nb"] {
            assert!(layer(bad, WEIGHT).is_err(), "{bad:?}");
        }
        assert!(layer("a", "application/vnd.cncf.model.weight.v1.tar+gzip").is_err());
        for odd in [json!({}), json!([]), json!(null), json!({ "layers": [] }), json!({ "layers": [{}] })] {
            assert!(Manifest::of(odd.to_string().into_bytes()).expect("JSON").layers().is_err(), "{odd}");
        }
    }

    #[test]
    fn the_same_artifact_and_key_are_the_same_manifest() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("w"), "x").expect("written");
        let tree = signalbox_release::digest_of(dir.path()).expect("an artifact");
        let name: ModelName = "Churn".parse().expect("a name");
        let key = |plan: &str| OpKey::new(&plan.parse().expect("an id"), 0, false);
        let tags = [("run".to_owned(), "é".to_owned()), (DIGEST_AT.to_owned(), "else".to_owned())];
        let (one, _) = model(&name, &tree, &key("P"), &tags).expect("a manifest");
        let (two, _) = model(&name, &tree, &key("P"), &tags).expect("a manifest");
        assert_eq!(one, two);
        assert_ne!(one.digest, model(&name, &tree, &key("Q"), &tags).expect("a manifest").0.digest);
        assert_eq!(one.annotation(DIGEST_AT), Some(tree.digest.to_string().as_str()));
        assert_eq!(one.tags().len(), 2);
        assert_eq!(one.layers().expect("files")[0].path, "w");
        assert_eq!(note(&json!({ "b": 1, "a": 2 })).said(), Some(json!({ "a": 2, "b": 1 })));
    }
}
