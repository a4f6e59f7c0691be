//! Which data a project has: files, and folders of files of one kind.

use super::linked;
use crate::app::{App, lock};
use crate::project::OpenProject;
use crate::wire::DataSource;
use signalbox_drift::read::is_data;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was found, and when.
pub(super) struct Found {
    at: Instant,
    sources: Vec<DataSource>,
}

/// Asked again sooner, the answer is the same.
const FRESH: Duration = Duration::from_secs(5);
const MAX_ENTRIES: usize = 100_000;
const MAX_DEPTH: usize = 10;
/// So many files of a kind in a folder are one data set.
const MANY: usize = 5;
const MAX_SOURCES: usize = 500;
const MAX_DVC: usize = 2000;

/// Folders of tools and of packages: what lies in them is theirs.
const NOT_DATA: [&str; 13] = [
    "mlruns",
    "mlartifacts",
    "wandb",
    "lightning_logs",
    "node_modules",
    "site-packages",
    "venv",
    "__pycache__",
    "target",
    "swanlog",
    "aim",
    "tb_logs",
    "checkpoints",
];

pub(super) fn found(app: &App, project: &OpenProject) -> Vec<DataSource> {
    let mut kept = lock(&app.0.data.found);
    if let Some(found) = kept.get(&project.id.0).filter(|found| found.at.elapsed() < FRESH) {
        return found.sources.clone();
    }
    // The lock is kept: one walk answers all who ask meanwhile.
    // A run's own log is no data set.
    let logs: HashSet<PathBuf> = project.catalogue().origins().map(|origin| project.root.join(&origin.rel)).collect();
    let mut dvc = Vec::new();
    let mut sources = looked(project, &logs, &mut dvc);
    linked::link(app, project, &dvc, &mut sources);
    kept.insert(project.id.0, Found { at: Instant::now(), sources: sources.clone() });
    sources
}

#[derive(Default)]
struct Below {
    files: Vec<(PathBuf, u64)>,
}

fn looked(project: &OpenProject, logs: &HashSet<PathBuf>, dvc: &mut Vec<PathBuf>) -> Vec<DataSource> {
    let mut walk = Walk { n_entries: 0, found: BTreeMap::new(), dvc, logs };
    walk.below(&project.root, 0);
    let by_folder = walk.found;
    let mut found: Vec<DataSource> = Vec::new();
    let mut put = |path: &Path, is_folder: bool, n_files: usize, bytes: u64| {
        let shown = path.strip_prefix(&project.root).unwrap_or(path).display().to_string();
        found.push(DataSource {
            project: project.id.0,
            path: shown,
            is_folder,
            n_files,
            bytes,
            runs: Vec::new(),
            dvc: None,
        });
    };
    // Hive-style parts belong to the folder above the first of them.
    let mut sets: BTreeMap<PathBuf, (usize, u64)> = BTreeMap::new();
    for (folder, below) in by_folder {
        let parts = folder.strip_prefix(&project.root).unwrap_or(&folder);
        let before: PathBuf =
            parts.components().take_while(|part| !part.as_os_str().to_string_lossy().contains('=')).collect();
        let is_part = before != parts;
        if is_part || below.files.len() >= MANY {
            let sum = sets.entry(project.root.join(before)).or_default();
            sum.0 += below.files.len();
            sum.1 += below.files.iter().map(|(_, bytes)| bytes).sum::<u64>();
        } else {
            below.files.iter().for_each(|(path, bytes)| put(path, false, 1, *bytes));
        }
    }
    sets.into_iter().for_each(|(folder, (n, bytes))| put(&folder, true, n, bytes));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.truncate(MAX_SOURCES);
    found
}

struct Walk<'a> {
    n_entries: usize,
    found: BTreeMap<PathBuf, Below>,
    /// What DVC keeps of data.
    dvc: &'a mut Vec<PathBuf>,
    logs: &'a HashSet<PathBuf>,
}

impl Walk<'_> {
    fn below(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            self.n_entries += 1;
            if self.n_entries > MAX_ENTRIES {
                return;
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || name.starts_with('_') || NOT_DATA.contains(&&*name) {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && depth < MAX_DEPTH {
                self.below(&path, depth + 1);
            } else if kind.is_file() && (name.ends_with(".dvc") || name == "dvc.lock") && self.dvc.len() < MAX_DVC {
                self.dvc.push(path);
            } else if kind.is_file() && is_data(&path) && !self.logs.contains(&path) {
                let bytes = entry.metadata().map_or(0, |about| about.len());
                self.found.entry(folder.to_owned()).or_default().files.push((path, bytes));
            }
        }
    }
}
