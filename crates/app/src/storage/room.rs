//! What takes room in our own folder, by kind and by project.

use super::name_of;
use crate::app::{App, lock, now};
use crate::data::beginning_of_counts;
use crate::project::show;
use crate::wire::*;
use signalbox_store::{ProjectRoom, ProjectRow, RunRoom};
use signalbox_types::{ProjectId, RunId};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Closed for so long, a project is said to be so.
const LONG_SECS: f64 = 90.0 * 86_400.0;
/// So many runs and metrics of a project are named.
const LARGEST: usize = 20;

const AUDIT_STAYS: &str = "Each entry is bound to the one before it, and plans may have to be taken back: without one, nothing proves the rest.";
const MODELS_STAY: &str = "A version that was registered stays: an alias or a service may point to it.";

impl App {
    pub(crate) fn storage(&self, args: StorageQuery) -> Result<StorageView, CallError> {
        let work = self.begin_work(args.work);
        let known = self.with_reader(|reader| Ok(reader.projects()?))?;
        let n_all: u64 = known.iter().map(|row| row.n_runs).sum();
        let mut before = 0;
        let mut projects = Vec::new();
        let mut tables: BTreeMap<String, u64> = BTreeMap::new();
        for row in &known {
            let mut goes_on = |done: u64, _: u64| work.goes_on((before + done).min(n_all) as usize, n_all as usize);
            let room = self.room_of(row.id, &mut goes_on)?.ok_or_else(|| work.stopped())?;
            before += room.n_runs;
            for (table, bytes) in &room.tables {
                *tables.entry(table.clone()).or_default() += bytes;
            }
            projects.push(self.row_of(row, &room));
        }
        projects.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.id.cmp(&b.id)));
        let mut is_stopped = false;
        let folder = &self.0.options.data_dir;
        let parts = self.parts(&tables, folder, &mut || {
            is_stopped = is_stopped || work.goes_on(n_all as usize, n_all as usize).is_break();
            is_stopped
        })?;
        if is_stopped {
            return Err(work.stopped());
        }
        Ok(StorageView {
            path: show(folder),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            parts,
            projects,
            forgetting: lock(&self.0.storage.forgetting).clone(),
            compact: self.compact_state()?,
        })
    }

    /// The largest runs and metrics of a project.
    pub(crate) fn project_storage(&self, args: ProjectStorageQuery) -> Result<ProjectStorage, CallError> {
        let work = self.begin_work(args.work);
        let project = self.known(args.project)?.id;
        let mut goes_on = |done: u64, of: u64| work.goes_on(done as usize, of as usize);
        let room = self.room_of(project, &mut goes_on)?.ok_or_else(|| work.stopped())?;
        let largest: Vec<&RunRoom> = room.runs.iter().take(LARGEST).collect();
        let ids: Vec<RunId> = largest.iter().map(|run| run.run).collect();
        let (rows, metrics, sources) = self
            .with_reader(|reader| Ok((reader.runs(&ids)?, reader.metric_names(project)?, reader.sources(project)?)))?;
        let place: HashMap<_, _> = sources.into_iter().map(|source| (source.id, show(&source.rel))).collect();
        let names: HashMap<RunId, String> = rows
            .into_iter()
            .map(|row| {
                let own = row.annotation.and_then(|own| own.name);
                let place = place.get(&row.source).filter(|place| !place.is_empty()).cloned();
                (row.id, own.or(row.name).or(place).unwrap_or(row.key))
            })
            .collect();
        let metric: HashMap<_, _> = metrics.into_iter().collect();
        let run_row = |run: &&RunRoom| TakenRow {
            name: names.get(&run.run).cloned().unwrap_or_else(|| format!("run {}", run.run)),
            n_points: run.taken.n_points,
            bytes: run.taken.bytes,
        };
        Ok(ProjectStorage {
            n_runs: room.n_runs,
            n_metrics: room.metrics.len() as u64,
            runs: largest.iter().map(run_row).collect(),
            metrics: room
                .metrics
                .iter()
                .take(LARGEST)
                .map(|(id, taken)| TakenRow {
                    name: metric.get(id).cloned().unwrap_or_else(|| format!("metric {id}")),
                    n_points: taken.n_points,
                    bytes: taken.bytes,
                })
                .collect(),
        })
    }

    /// As counted before, if nothing has been read since. `None`: `goes_on` said no.
    pub(super) fn room_of(
        &self,
        project: ProjectId,
        goes_on: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Option<Arc<ProjectRoom>>, CallError> {
        let stamp = self.with_reader(|reader| Ok(reader.room_stamp(project)?))?;
        if let Some((was, room)) = lock(&self.0.storage.rooms).get(&project)
            && *was == stamp
        {
            return Ok(Some(room.clone()));
        }
        let room = self.with_reader(|reader| Ok(reader.project_room(project, goes_on)?))?.map(Arc::new);
        if let Some(room) = &room {
            lock(&self.0.storage.rooms).insert(project, (stamp, room.clone()));
        }
        Ok(room)
    }

    fn row_of(&self, row: &ProjectRow, room: &ProjectRoom) -> ProjectRoomRow {
        let open = lock(&self.0.projects).contains_key(&row.id);
        let mut by_kind: BTreeMap<RoomKind, u64> = BTreeMap::new();
        for (table, bytes) in &room.tables {
            *by_kind.entry(kind_of(table)).or_default() += bytes;
        }
        let of = |kind| by_kind.get(&kind).copied().unwrap_or(0);
        let counts_bytes = self.counts_of(&row.path);
        ProjectRoomRow {
            id: row.id.0,
            name: name_of(&row.path),
            path: show(&row.path),
            open,
            demo: self.is_demo(&row.path),
            missing: !row.path.is_dir(),
            last_opened: row.last_opened,
            long_closed: !open && now() - row.last_opened > LONG_SECS,
            n_runs: room.n_runs,
            n_points: room.n_points,
            n_problems: room.n_problems,
            n_gone_runs: room.n_gone_runs,
            n_gone_points: room.n_gone_points,
            bytes: by_kind.values().sum::<u64>() + counts_bytes,
            points_bytes: of(RoomKind::Points),
            levels_bytes: of(RoomKind::Levels),
            catalogue_bytes: of(RoomKind::Catalogue),
            words_bytes: of(RoomKind::Words),
            other_bytes: of(RoomKind::Other),
            counts_bytes,
        }
    }

    /// Bytes that were counted in a project's data files.
    pub(super) fn counts_of(&self, root: &Path) -> u64 {
        if !self.0.options.data_dir.join("cells.db").is_file() {
            return 0;
        }
        self.cell_store().and_then(|store| store.bytes_of(&beginning_of_counts(root)).ok()).unwrap_or(0)
    }

    /// `tables`: bytes by table over all projects.
    fn parts(
        &self,
        tables: &BTreeMap<String, u64>,
        folder: &Path,
        is_stopped: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<RoomPart>, CallError> {
        let mut bytes: BTreeMap<RoomKind, u64> = BTreeMap::new();
        for (table, n) in tables {
            *bytes.entry(kind_of(table)).or_default() += n;
        }
        let file = self.with_reader(|reader| Ok(reader.file_room()?))?;
        let values: u64 = bytes.values().sum();
        bytes.insert(RoomKind::Structure, file.file.saturating_sub(file.free + values));
        bytes.insert(RoomKind::Free, file.free);
        bytes.insert(RoomKind::Log, file.log);
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = match name.split_once('.').map_or(name.as_str(), |(stem, _)| stem) {
                // Counted above, all but what is of one process.
                "signalbox" if !name.ends_with("-shm") => continue,
                "ledger" => RoomKind::Promotions,
                "artifacts" => RoomKind::Models,
                "cells" => RoomKind::Counts,
                "fetched" => RoomKind::Fetched,
                "webview" => RoomKind::Window,
                _ => RoomKind::Rest,
            };
            *bytes.entry(kind).or_default() += size_of(&entry.path(), is_stopped);
        }
        let part = |(kind, bytes): (RoomKind, u64)| {
            let (title, place, stays) = about(kind);
            let path = if place.is_empty() { show(folder) } else { show(&folder.join(place)) };
            RoomPart { kind, title: title.to_owned(), bytes, path, stays: stays.map(str::to_owned) }
        };
        Ok(bytes.into_iter().filter(|(_, bytes)| *bytes > 0).map(part).collect())
    }
}

fn kind_of(table: &str) -> RoomKind {
    match table {
        "chunk" | "tail" => RoomKind::Points,
        "node" | "series" => RoomKind::Levels,
        "annotation" => RoomKind::Words,
        "source" | "run" | "param" | "tag" | "media_tag" | "media" | "dataset" | "model" | "problem" | "metric"
        | "part" | "mark" => RoomKind::Catalogue,
        "code" | "snapshot" => RoomKind::Code,
        _ => RoomKind::Other,
    }
}

/// Title, place in our folder, and why it stays.
fn about(kind: RoomKind) -> (&'static str, &'static str, Option<&'static str>) {
    let store = "signalbox.db";
    match kind {
        RoomKind::Points => ("Points", store, None),
        RoomKind::Levels => ("Levels for drawing", store, None),
        RoomKind::Catalogue => ("Params, tags, places of media, problems", store, None),
        RoomKind::Code => ("What the code was when runs began", store, None),
        RoomKind::Words => ("Your names, notes, tags, colours", store, None),
        RoomKind::Other => ("Other records of runs", store, None),
        RoomKind::Structure => ("Pages, indexes, preferences", store, None),
        RoomKind::Free => ("Free pages", store, None),
        RoomKind::Log => ("Write-ahead log", "signalbox.db-wal", None),
        RoomKind::Counts => ("Counts of data files", "cells.db", None),
        RoomKind::Fetched => ("Copies from registries elsewhere", "fetched", None),
        RoomKind::Window => ("The window's cache", "webview", None),
        RoomKind::Models => ("Registered models", "artifacts", Some(MODELS_STAY)),
        RoomKind::Promotions => ("Promotions' journal and audit", "ledger.db", Some(AUDIT_STAYS)),
        RoomKind::Rest => ("The vault, the keeper of models, and the like", "", None),
    }
}

/// Bytes of a file, or of all files below a folder; links are not followed.
fn size_of(path: &Path, is_stopped: &mut dyn FnMut() -> bool) -> u64 {
    let mut left = vec![path.to_path_buf()];
    let mut bytes = 0;
    while let Some(path) = left.pop() {
        let Ok(seen) = path.symlink_metadata() else { continue };
        if !seen.is_dir() {
            bytes += seen.len();
            continue;
        }
        if is_stopped() {
            break;
        }
        left.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_as_large_as_its_files_and_links_lead_nowhere() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("a/b")).expect("made");
        std::fs::write(at("a/x"), [0; 1000]).expect("written");
        std::fs::write(at("a/b/y"), [0; 500]).expect("written");
        std::fs::write(at("other"), [0; 70_000]).expect("written");
        std::os::unix::fs::symlink(dir.path(), at("a/b/round")).expect("a link");
        std::os::unix::fs::symlink(at("other"), at("a/b/file")).expect("a link");
        let bytes = size_of(&at("a"), &mut || false);
        assert!((1500..3000).contains(&bytes), "{bytes}");
        assert_eq!(size_of(&at("none"), &mut || false), 0);
        assert_eq!(size_of(&at("a"), &mut || true), 0);
    }

    #[test]
    fn the_tables_of_a_run_have_kinds() {
        assert_eq!(kind_of("chunk"), RoomKind::Points);
        assert_eq!(kind_of("snapshot"), RoomKind::Code);
        assert_eq!(kind_of("something_of_tomorrow"), RoomKind::Other);
    }
}
