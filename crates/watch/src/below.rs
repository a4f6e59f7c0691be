//! Tells that something below some folders has changed, and not what: for whoever lists them again anyway.

use crate::eyes::changes;
use crate::mounts::Mounts;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;

/// Ends when it is dropped.
pub struct Below {
    watcher: Option<RecommendedWatcher>,
    is_sighted: bool,
}

impl Below {
    /// `changed` is called on the system's thread, for each change; reading a file is none.
    pub fn watch(paths: &[&Path], changed: impl Fn() + Send + 'static) -> Below {
        let told = move |event: notify::Result<notify::Event>| {
            let is_read =
                |event: &notify::Event| matches!(event.kind, notify::EventKind::Access(kind) if kind != closed());
            if !event.as_ref().is_ok_and(is_read) {
                changed();
            }
        };
        let Ok(mut watcher) = RecommendedWatcher::new(told, changes()) else {
            return Below { watcher: None, is_sighted: false };
        };
        let mounts = Mounts::now();
        let mut is_sighted = true;
        for path in paths {
            // A file is watched by its folder: one that is written anew has another name first.
            let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
            let mode = if path.is_dir() { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            is_sighted &= watcher.watch(folder, mode).is_ok() && !is_silent(&mounts, folder);
        }
        Below { watcher: Some(watcher), is_sighted }
    }

    /// Whether the system tells of all changes there; else the caller has to look itself, often.
    pub fn is_sighted(&self) -> bool {
        self.is_sighted && self.watcher.is_some()
    }
}

fn closed() -> notify::event::AccessKind {
    notify::event::AccessKind::Close(notify::event::AccessMode::Write)
}

#[cfg(unix)]
fn is_silent(mounts: &Mounts, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).is_ok_and(|about| mounts.silent(about.dev()).is_some())
}

#[cfg(not(unix))]
fn is_silent(_: &Mounts, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn a_file_in_a_new_folder_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (told, heard) = channel();
        let tree = Below::watch(&[dir.path()], move || {
            let _ = told.send(());
        });
        if !tree.is_sighted() {
            return;
        }
        std::fs::create_dir(dir.path().join("date=2026-11-22")).expect("make");
        heard.recv_timeout(Duration::from_secs(10)).expect("the folder is told");
        while heard.recv_timeout(Duration::from_millis(300)).is_ok() {}
        std::fs::write(dir.path().join("date=2026-11-22/a.parquet"), b"x").expect("write");
        heard.recv_timeout(Duration::from_secs(10)).expect("the file is told");
    }
}
