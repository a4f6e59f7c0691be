//! An open project: its runs in memory, kept up with the store.

use crate::catalogue::{Catalogue, Origin};
use crate::merge::ByHand;
use crate::table::Orders;
use crate::wire::CallError;
use signalbox_store::StoreReader;
use signalbox_types::{ProjectId, RunId, SourceId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) struct OpenProject {
    pub id: ProjectId,
    pub root: PathBuf,
    pub name: String,
    catalogue: RwLock<Catalogue>,
    pub orders: Mutex<Orders>,
    /// How many problems the project has.
    pub n_problems: std::sync::atomic::AtomicUsize,
}

impl OpenProject {
    /// Loads what the store has of it. `by_hand`: what the person has said of records that are one training.
    pub fn load(id: ProjectId, root: &Path, reader: &StoreReader, by_hand: ByHand) -> Result<OpenProject, CallError> {
        let name = root.file_name().map_or_else(|| root.display().to_string(), |n| show(Path::new(n)));
        let project = OpenProject {
            id,
            root: root.to_owned(),
            catalogue: RwLock::new(Catalogue::new(name.clone())),
            name,
            orders: Mutex::default(),
            n_problems: 0.into(),
        };
        project.write().set_by_hand(by_hand);
        project.reload(reader)?;
        Ok(project)
    }

    /// Reads everything anew from the store.
    pub fn reload(&self, reader: &StoreReader) -> Result<(), CallError> {
        let names = reader.metric_names(self.id)?;
        let origins = self.origins(reader)?;
        let rows = reader.load_runs(self.id)?;
        let mut catalogue = self.write();
        catalogue.set_metric_names(names);
        catalogue.set_origins(origins);
        catalogue.upsert(rows);
        catalogue.regroup();
        drop(catalogue);
        self.count_problems(reader, 0)
    }

    /// Brings changed runs up to the store; `true` if others than these are shown otherwise: which records are one.
    pub fn refresh(&self, reader: &StoreReader, ids: &[RunId]) -> Result<bool, CallError> {
        let rows = reader.runs(ids)?;
        let (sources, metrics) = {
            let catalogue = self.catalogue();
            (
                rows.iter().all(|r| catalogue.knows_source(r.source)),
                rows.iter().all(|r| catalogue.knows_metrics(r.metrics.iter().map(|m| m.metric))),
            )
        };
        let names = if metrics { Vec::new() } else { reader.metric_names(self.id)? };
        let origins = if sources { None } else { Some(self.origins(reader)?) };
        let gone: Vec<RunId> = ids.iter().filter(|id| !rows.iter().any(|r| r.id == **id)).copied().collect();
        let mut catalogue = self.write();
        catalogue.set_metric_names(names);
        if let Some(origins) = origins {
            catalogue.set_origins(origins);
        }
        catalogue.upsert(rows);
        if !gone.is_empty() {
            catalogue.remove(&gone);
        }
        Ok(catalogue.regroup_if_due())
    }

    /// Sources appeared or vanished.
    pub fn refresh_origins(&self, reader: &StoreReader) -> Result<(), CallError> {
        let origins = self.origins(reader)?;
        self.write().set_origins(origins);
        Ok(())
    }

    fn origins(&self, reader: &StoreReader) -> Result<HashMap<SourceId, Origin>, CallError> {
        let rows = reader.sources(self.id)?;
        Ok(rows
            .into_iter()
            .map(|s| {
                let path = show(&s.rel);
                let path = if path.is_empty() { ".".to_owned() } else { path };
                (s.id, Origin { format: s.format, path: path.into(), rel: s.rel, gone: s.gone })
            })
            .collect())
    }

    /// Problems by source, counted anew, and put to the runs of that source; `n_folders` more are folders that
    /// cannot be looked into.
    pub fn count_problems(&self, reader: &StoreReader, n_folders: usize) -> Result<(), CallError> {
        let mut by_source: HashMap<SourceId, usize> = HashMap::new();
        let problems = reader.problems(self.id)?;
        for p in &problems {
            *by_source.entry(p.source).or_default() += 1;
        }
        self.n_problems.store(problems.len() + n_folders, std::sync::atomic::Ordering::Relaxed);
        let mut catalogue = self.write();
        catalogue.set_problems(|source| by_source.get(&source).copied().unwrap_or(0));
        Ok(())
    }

    pub fn catalogue(&self) -> RwLockReadGuard<'_, Catalogue> {
        self.catalogue.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, Catalogue> {
        self.catalogue.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path for people: `/` between parts, bytes that are not UTF-8 replaced, control characters escaped.
pub(crate) fn show(path: &Path) -> String {
    let text = path.to_string_lossy();
    if !text.contains(|c: char| c.is_control()) {
        return text.into_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
