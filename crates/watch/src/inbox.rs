//! What the system told and nobody has looked at yet, by path: a storm of changes to one file is one entry.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, Event, EventKind, ModifyKind, RemoveKind, RenameMode};
use signalbox_types::ProjectId;

use crate::sync::{lock, wait};

/// How many paths are remembered before "look at everything" is the shorter message.
const MAX_PATHS: usize = 50_000;

/// What happened to a path since it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub data: bool,
    pub appeared: bool,
    pub vanished: bool,
    /// What appeared or vanished is known to be a directory.
    pub folder: bool,
}

/// The changes of one project.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub paths: HashMap<PathBuf, Change>,
    /// Some changes were lost, in the kernel's queue or in ours.
    pub lost: bool,
}

#[derive(Default)]
struct State {
    news: HashMap<ProjectId, News>,
    stop: bool,
}

/// Filled by the projects' watchers, emptied by one thread.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inbox {
    /// Takes what a watcher says. Opening and reading (our own included) is no news.
    pub fn put(&self, project: ProjectId, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(_) => return self.put_lost(project),
        };
        if event.need_rescan() {
            return self.put_lost(project);
        }
        let mut change = Change::default();
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => change.data = true,
            EventKind::Access(_) => return,
            EventKind::Create(kind) => {
                change.appeared = true;
                change.folder = kind == CreateKind::Folder;
            }
            EventKind::Remove(kind) => {
                change.vanished = true;
                change.folder = kind == RemoveKind::Folder;
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) => change.vanished = true,
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => change.appeared = true,
            // Said in addition to From and To on Linux; elsewhere the only word.
            EventKind::Modify(ModifyKind::Name(_)) => {
                (change.appeared, change.vanished) = (true, true);
            }
            EventKind::Modify(_) | EventKind::Any | EventKind::Other => change.data = true,
        }
        let mut state = lock(&self.state);
        let news = state.news.entry(project).or_default();
        for path in event.paths {
            if news.paths.len() >= MAX_PATHS {
                news.lost = true;
                break;
            }
            let known = news.paths.entry(path).or_default();
            known.data |= change.data;
            known.appeared |= change.appeared;
            known.vanished |= change.vanished;
            known.folder |= change.folder;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Something changed, and it is not known what.
    pub fn put_lost(&self, project: ProjectId) {
        lock(&self.state).news.entry(project).or_default().lost = true;
        self.changed.notify_one();
    }

    /// Waits for news, lets them gather for `debounce`, and takes them all. `None` after `stop`.
    pub fn take(&self, debounce: Duration) -> Option<HashMap<ProjectId, News>> {
        let mut state = lock(&self.state);
        while state.news.is_empty() && !state.stop {
            state = wait(&self.changed, state, None);
        }
        drop(state);
        std::thread::sleep(debounce);
        let mut state = lock(&self.state);
        if state.stop { None } else { Some(std::mem::take(&mut state.news)) }
    }

    pub fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }
}

/// The directory that a change happened in, and the name in it.
pub(crate) fn place(path: &Path) -> Option<(&Path, &std::ffi::OsStr)> {
    Some((path.parent()?, path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(PathBuf::from(path)))
    }

    #[test]
    fn a_storm_is_one_entry_and_reading_is_none() {
        let inbox = Inbox::default();
        let project = ProjectId(1);
        for _ in 0..1000 {
            inbox.put(project, event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/p/b"));
            inbox.put(project, event(EventKind::Modify(ModifyKind::Any), "/p/a"));
            inbox.put(project, event(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/p/a"));
        }
        inbox.put(project, event(EventKind::Create(CreateKind::Folder), "/p/d"));
        let news = inbox.take(Duration::ZERO).unwrap().remove(&project).unwrap();
        assert_eq!(news.paths.len(), 2);
        assert_eq!(news.paths[Path::new("/p/a")], Change { data: true, ..Change::default() });
        assert_eq!(news.paths[Path::new("/p/d")], Change { appeared: true, folder: true, ..Change::default() });
        assert!(!news.lost);
    }

    #[test]
    fn too_many_paths_are_one_message() {
        let inbox = Inbox::default();
        for i in 0..MAX_PATHS + 10 {
            inbox.put(ProjectId(1), event(EventKind::Modify(ModifyKind::Any), &format!("/p/{i}")));
        }
        let news = inbox.take(Duration::ZERO).unwrap().remove(&ProjectId(1)).unwrap();
        assert_eq!((news.paths.len(), news.lost), (MAX_PATHS, true));
        inbox.stop();
        assert!(inbox.take(Duration::ZERO).is_none());
    }
}
