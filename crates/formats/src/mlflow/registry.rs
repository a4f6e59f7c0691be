//! The model registry of a file store: `<root>/models/<name>/version-<n>/meta.yaml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, ModelRef, Problem};

use crate::{Progress, Reader, SourceSpec, bounded, mlflow::logged, place, stamp::Stamp, yaml};

/// So many models, and versions of one model, are read.
const MAX_ENTRIES: usize = 10_000;
/// An alias is a file with a version's number in it.
const MAX_ALIAS: u64 = 64;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    #[serde(rename = "s")]
    signature: Option<u32>,
    #[serde(rename = "x")]
    bad: BTreeSet<String>,
}

/// Reads a registry; whatever changes, the whole list is told again.
pub(crate) struct Registry {
    spec: SourceSpec,
    dir: PathBuf,
    state: State,
    dirs: Vec<PathBuf>,
}

/// A registered model's directory as it was found.
struct Found {
    meta: PathBuf,
    aliases: BTreeMap<String, Vec<String>>,
    versions: Vec<(String, PathBuf)>,
}

impl Registry {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let state = cursor.and_then(|c| serde_json::from_str(&c.0).ok()).unwrap_or_default();
        Self { spec: spec.clone(), dir: spec.path(), state, dirs: Vec::new() }
    }

    /// Lists the registry; `None` when it cannot be listed (now).
    fn list(&mut self, bytes_read: &mut u64) -> Option<(Vec<(String, Found)>, u32)> {
        let mut models = Vec::new();
        let mut signed: Vec<(String, Stamp)> = Vec::new();
        self.dirs = vec![self.dir.clone()];
        for (name, dir) in sub_directories(&self.dir)? {
            let mut found = Found { meta: dir.join("meta.yaml"), aliases: BTreeMap::new(), versions: Vec::new() };
            signed.push((name.clone(), Stamp::of(&found.meta).unwrap_or_default()));
            for (alias, path) in entries(&dir.join("aliases")) {
                let Some(version) = alias_of(&path, bytes_read) else { continue };
                signed.push((format!("{alias}={version}"), Stamp::default()));
                found.aliases.entry(version).or_default().push(alias);
            }
            for (sub, path) in sub_directories(&dir).unwrap_or_default() {
                let meta = path.join("meta.yaml");
                let version = sub.strip_prefix("version-");
                if let Some(version) = version.filter(|_| place::may_follow(&self.spec.project, &meta)) {
                    signed.push((version.to_owned(), Stamp::of(&meta).unwrap_or_default()));
                    found.versions.push((version.to_owned(), meta));
                    self.dirs.push(path);
                }
            }
            self.dirs.extend([dir.join("aliases")].into_iter().filter(|d| d.is_dir()));
            self.dirs.push(dir);
            models.push((name, found));
        }
        let signature = logged::signature(signed.iter().map(|(n, s)| (n.as_str(), *s)));
        Some((models, signature))
    }

    fn shown(&self, path: &Path) -> String {
        place::shown(path.strip_prefix(&self.spec.project).unwrap_or(path))
    }
}

impl Reader for Registry {
    fn read(&mut self, _budget_bytes: usize, batch: &mut Batch) -> Progress {
        let Some((models, signature)) = self.list(&mut batch.bytes_read) else { return Progress::CaughtUp };
        if self.state.signature == Some(signature) {
            return Progress::CaughtUp;
        }
        self.state.signature = Some(signature);
        let mut bad = BTreeSet::new();
        let mut out = Vec::new();
        for (dir_name, found) in models {
            let name = yaml::read_mapping(&found.meta, &mut batch.bytes_read);
            let name = name.ok().and_then(|meta| yaml::text(&meta, "name")).unwrap_or(dir_name);
            for (version, meta_path) in found.versions {
                let meta = match yaml::read_mapping(&meta_path, &mut batch.bytes_read) {
                    Ok(meta) => meta,
                    Err(e) => {
                        let path = self.shown(&meta_path);
                        let message = format!("Version {version} of model `{name}` cannot be read: {e}.");
                        batch.problems.push(Problem { path: path.clone(), offset: None, kind: e.kind(), message });
                        bad.insert(path);
                        continue;
                    }
                };
                let text = |key| yaml::text(&meta, key).unwrap_or_default();
                out.push(ModelRef {
                    name: name.clone(),
                    aliases: found.aliases.get(&version).cloned().unwrap_or_default(),
                    version,
                    run: text("run_id"),
                    stage: text("current_stage"),
                    source: text("source"),
                    status: text("status"),
                    created_unix_ms: yaml::integer(&meta, "creation_timestamp").unwrap_or(0),
                });
            }
        }
        batch.healed.extend(self.state.bad.difference(&bad).cloned());
        self.state.bad = bad;
        batch.models = Some(out);
        Progress::CaughtUp
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        if self.dirs.is_empty() { vec![self.dir.clone()] } else { self.dirs.clone() }
    }
}

/// The version that an alias' file names. A link or a pipe is none of MLflow's: the one may lead out of the project, the
/// other keep its reader waiting.
fn alias_of(path: &Path, bytes_read: &mut u64) -> Option<String> {
    let text = place::is_real_file(path).then(|| bounded::read(path, MAX_ALIAS, bytes_read).ok())??;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}

fn sub_directories(dir: &Path) -> Option<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(dir).ok()?.flatten().take(MAX_ENTRIES);
    let dirs = entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    Some(sorted(dirs.map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))))
}

fn entries(dir: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    sorted(entries.flatten().take(MAX_ENTRIES).map(|e| (e.file_name().to_string_lossy().into_owned(), e.path())))
}

fn sorted(items: impl Iterator<Item = (String, PathBuf)>) -> Vec<(String, PathBuf)> {
    let mut items: Vec<_> = items.collect();
    items.sort();
    items
}
