//! Retention is the person's: what takes room, forgetting, compacting. Nothing is deleted that was not asked for.

mod compact;
mod forget;
mod plan;
mod room;
mod words;

pub(crate) use words::bytes as words;

use crate::app::{App, lock};
use crate::project::show;
use crate::wire::*;
use signalbox_store::{ProjectRoom, ProjectRow, RoomStamp};
use signalbox_types::ProjectId;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What was counted, and what is under way.
#[derive(Default)]
pub(crate) struct Storage {
    /// Counted once for as long as the stamp holds.
    rooms: Mutex<HashMap<ProjectId, (RoomStamp, Arc<ProjectRoom>)>>,
    sweep: Mutex<Sweep>,
    /// What is being forgotten, for the status line.
    forgetting: Mutex<Vec<ForgettingRow>>,
    /// One at a time.
    compacting: Mutex<()>,
}

/// The thread that removes what is out of sight.
#[derive(Default)]
struct Sweep {
    is_running: bool,
    /// Somebody has put something out of sight since it last looked.
    is_asked: bool,
}

impl App {
    fn store_path(&self) -> PathBuf {
        self.0.options.data_dir.join("signalbox.db")
    }

    /// A project of the store, open or not.
    fn known(&self, project: u32) -> Result<ProjectRow, CallError> {
        let known = self.with_reader(|reader| Ok(reader.projects()?))?;
        known.into_iter().find(|row| row.id.0 == project).ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "This project is not known.").hint("It was forgotten meanwhile.")
        })
    }

    /// The project at a folder, which need not be there any more.
    pub fn project_at_folder(&self, folder: &Path) -> Result<u32, CallError> {
        let real = folder.canonicalize().ok();
        let said = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let known = self.with_reader(|reader| Ok(reader.projects()?))?;
        let exact = known.iter().find(|row| Some(&row.path) == real.as_ref() || row.path == said);
        // A name that is not UTF-8 may be known by what was shown of it, if no other is shown so.
        let mut shown = known.iter().filter(|row| show(&row.path) == show(&said));
        let only = shown.next().filter(|_| shown.next().is_none());
        exact.or(only).map(|row| row.id.0).ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, format!("Signalbox keeps nothing of {}.", show(&said)))
                .hint("`signalbox store` lists the projects that it knows.")
        })
    }

    /// For the status line.
    pub(crate) fn storage_jobs(&self) -> Vec<Job> {
        let under_way = lock(&self.0.storage.forgetting);
        let job = |(i, row): (usize, &ForgettingRow)| Job {
            // No project has it.
            id: u32::MAX - i as u32,
            name: format!("Forgetting {}", row.name),
            project: None,
            done: row.n_runs.saturating_sub(row.n_left),
            total: Some(row.n_runs),
            unit: "runs".to_owned(),
            can_stop: false,
        };
        under_way.iter().enumerate().map(job).collect()
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| show(path), |name| show(Path::new(name)))
}
