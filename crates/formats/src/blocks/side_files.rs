//! Small files in a run's directory, read anew when they change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_norway::Mapping;
use signalbox_types::{Batch, ParamValue, Problem, ProblemKind};

use crate::{SourceSpec, jsonl::lenient, place, secret, stamp::Stamp, yaml};

/// Larger files are not read.
const MAX_BYTES: u64 = 8 << 20;

/// The files as they were last seen, by their path in the run's directory. Kept in the cursor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SideFiles {
    #[serde(rename = "s")]
    seen: BTreeMap<String, Stamp>,
    /// Paths of which a problem was told.
    #[serde(rename = "x")]
    bad: BTreeSet<String>,
}

type Failure = (ProblemKind, String);

impl SideFiles {
    /// Whether one of them was ever there.
    pub(crate) fn any(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Paths of which a problem was told, as in `Problem::path`.
    pub(crate) fn bad(&self) -> impl Iterator<Item = &String> {
        self.bad.iter()
    }

    /// A YAML mapping, if the file has changed and can be read.
    pub(crate) fn yaml(&mut self, spec: &SourceSpec, name: &str, what: &str, batch: &mut Batch) -> Option<Mapping> {
        let path = self.changed(spec, name)?;
        let read = match yaml::read_mapping(&path, &mut batch.bytes_read) {
            // Created, not yet written.
            Err(yaml::YamlError::Empty) => Ok(Mapping::new()),
            other => other.map_err(|e| (e.kind(), e.to_string())),
        };
        self.judge(spec, name, what, read, batch)
    }

    /// JSON, if the file has changed and can be read; null while it is empty.
    pub(crate) fn json(&mut self, spec: &SourceSpec, name: &str, what: &str, batch: &mut Batch) -> Option<Value> {
        let path = self.changed(spec, name)?;
        let read = read(path, MAX_BYTES + 1, batch).and_then(|bytes| parse(&bytes));
        self.judge(spec, name, what, read, batch)
    }

    /// The first bytes of a file, if it has changed.
    pub(crate) fn head(&mut self, spec: &SourceSpec, name: &str, n_bytes: u64, batch: &mut Batch) -> Option<Vec<u8>> {
        let path = self.changed(spec, name)?;
        read(path, n_bytes, batch).ok()
    }

    /// Where a file lies that is not as it was seen. A link out of the project is not there.
    fn changed(&mut self, spec: &SourceSpec, name: &str) -> Option<PathBuf> {
        let path = spec.path().join(name);
        let metadata = path.metadata().ok().filter(|m| m.is_file())?;
        let stamp = Stamp::of_metadata(&metadata);
        if self.seen.get(name) == Some(&stamp) {
            return None;
        }
        let is_ours = place::may_follow(&spec.project, path.parent()?) && place::may_follow(&spec.project, &path);
        is_ours.then(|| {
            self.seen.insert(name.to_owned(), stamp);
            path
        })
    }

    fn judge<T>(
        &mut self,
        spec: &SourceSpec,
        name: &str,
        what: &str,
        read: Result<T, Failure>,
        batch: &mut Batch,
    ) -> Option<T> {
        let path = place::shown(&spec.rel.join(name));
        match read {
            Ok(value) => {
                if self.bad.remove(&path) {
                    batch.healed.push(path);
                }
                Some(value)
            }
            Err((kind, why)) => {
                if self.bad.insert(path.clone()) {
                    let message = format!("The run's {what} cannot be read from this file: {why}.");
                    batch.problems.push(Problem { path, offset: None, kind, message });
                }
                None
            }
        }
    }
}

/// Hyper-parameters of a `config.yaml`: `key: {desc: null, value: X}`, with or without more beside `value`.
/// `is_internal` says which keys are the tool's own.
pub(crate) fn config(mapping: Mapping, is_internal: impl Fn(&str) -> bool) -> Vec<(String, ParamValue)> {
    let values = mapping.into_iter().filter(|(key, _)| !key.as_str().is_some_and(&is_internal));
    let values: Mapping = values
        .map(|(key, value)| match value {
            serde_norway::Value::Mapping(mut entry) if entry.contains_key("value") => {
                (key, entry.remove("value").unwrap_or_default())
            }
            other => (key, other),
        })
        .collect();
    let mut params = yaml::params(values);
    params.retain(|(name, value)| !secret::is_secret(name, &value.text()));
    params
}

fn read(path: PathBuf, n_bytes: u64, batch: &mut Batch) -> Result<Vec<u8>, Failure> {
    let unreadable = |e: io::Error| (ProblemKind::Unreadable, e.to_string());
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(n_bytes).read_to_end(&mut bytes).map_err(unreadable)?;
    batch.bytes_read += bytes.len() as u64;
    Ok(bytes)
}

/// JSON as Python writes it.
fn parse(bytes: &[u8]) -> Result<Value, Failure> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err((ProblemKind::TooLarge, "larger than 8 MiB (a limit of Signalbox)".to_owned()));
    }
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    lenient::parse(bytes).map_err(|e| (ProblemKind::Malformed, e.to_string()))
}
