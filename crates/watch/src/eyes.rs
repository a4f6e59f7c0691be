//! Which folders of a project the system tells of, and which have to be looked at: one watch a folder, added
//! by us and never recursive, so that a skipped folder costs nothing and we know when the system has no more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use signalbox_types::ProjectId;

use crate::event::Mode;
use crate::inbox::Inbox;
use crate::options::Options;
use crate::sync::lock;

/// For what a folder is watched. A source's folders come first: the last quarter is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    NewSources,
    Source,
}

/// Whether the system will tell of changes in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It does from now on; what happened just before may have been missed.
    Begun,
    /// It did already.
    Known,
    /// It does not: look at it from time to time.
    Polled,
}

/// What a watch serves.
#[derive(Clone, Copy, Default)]
struct Wanted {
    new_sources: bool,
    source: bool,
}

impl Wanted {
    fn set(&mut self, purpose: Purpose, wanted: bool) {
        match purpose {
            Purpose::NewSources => self.new_sources = wanted,
            Purpose::Source => self.source = wanted,
        }
    }
}

#[derive(Default)]
struct State {
    watcher: Option<RecommendedWatcher>,
    watched: HashMap<PathBuf, Wanted>,
    /// With the strongest purpose for which a watch was refused.
    polled: HashMap<PathBuf, Purpose>,
    /// Why folders are polled, the first reason met of each kind.
    no_watcher: Option<String>,
    silent: Option<String>,
    exhausted: Option<String>,
    root_missing: bool,
}

/// The watches of one project.
pub(crate) struct Eyes {
    state: Mutex<State>,
    follow: bool,
    max_watches: usize,
}

impl Eyes {
    pub fn open(project: ProjectId, options: &Options, inbox: &Arc<Inbox>) -> Eyes {
        let mut state = State::default();
        if options.follow && options.force_polling {
            state.no_watcher = Some("Polling was asked for, so folders are looked at from time to time.".into());
        } else if options.follow {
            let inbox = Arc::clone(inbox);
            match RecommendedWatcher::new(move |event| inbox.put(project, event), Config::default()) {
                Ok(watcher) => state.watcher = Some(watcher),
                Err(e) => {
                    state.no_watcher = Some(format!(
                        "The system gives no notifications of changes ({e}), so folders are looked at from time to time."
                    ));
                }
            }
        }
        let max_watches = options.max_watches.unwrap_or_else(|| max_user_watches() / 10 * 6);
        Eyes { state: Mutex::new(state), follow: options.follow, max_watches }
    }

    /// Asks the system to tell of changes in `dir`, once. `silent_fs` names its file system if that does not tell.
    pub fn watch(&self, dir: &Path, purpose: Purpose, silent_fs: impl FnOnce() -> Option<String>) -> Sight {
        if !self.follow {
            return Sight::Polled;
        }
        let mut state = lock(&self.state);
        if let Some(wanted) = state.watched.get_mut(dir) {
            wanted.set(purpose, true);
            return Sight::Known;
        }
        if state.polled.get(dir).is_some_and(|refused| *refused >= purpose) {
            return Sight::Polled;
        }
        let limit = match purpose {
            Purpose::Source => self.max_watches,
            Purpose::NewSources => self.max_watches - self.max_watches.div_ceil(4),
        };
        let sight = if let Some(kind) = silent_fs() {
            state.silent.get_or_insert_with(|| {
                format!(
                    "Files on a {kind} file system change without notice, so its folders are looked at from time to time."
                )
            });
            Sight::Polled
        } else if state.watched.len() >= limit {
            state.exhausted.get_or_insert_with(|| {
                format!(
                    "More folders than may be watched ({}), so the rest are looked at from time to time.",
                    self.max_watches
                )
            });
            Sight::Polled
        } else if let Some(watcher) = &mut state.watcher {
            match watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => Sight::Begun,
                Err(e) => {
                    if matches!(e.kind, ErrorKind::MaxFilesWatch) {
                        state.exhausted.get_or_insert_with(|| {
                            "The system's limit of watches (fs.inotify.max_user_watches) is reached, so the other \
                             folders are looked at from time to time."
                                .into()
                        });
                    }
                    Sight::Polled
                }
            }
        } else {
            Sight::Polled
        };
        if sight == Sight::Begun {
            state.polled.remove(dir);
            state.watched.entry(dir.to_owned()).or_default().set(purpose, true);
        } else {
            state.polled.insert(dir.to_owned(), purpose);
        }
        sight
    }

    /// The folder is no longer wanted for this purpose; its watch goes when it serves no other.
    pub fn release(&self, dir: &Path, purpose: Purpose) {
        let mut state = lock(&self.state);
        if state.polled.get(dir) == Some(&purpose) {
            state.polled.remove(dir);
        }
        let Some(wanted) = state.watched.get_mut(dir) else { return };
        wanted.set(purpose, false);
        if !wanted.new_sources && !wanted.source {
            drop(state);
            self.unwatch(dir);
        }
    }

    /// The folder is no longer there.
    pub fn unwatch(&self, dir: &Path) {
        let mut state = lock(&self.state);
        state.polled.remove(dir);
        if state.watched.remove(dir).is_some()
            && let Some(watcher) = &mut state.watcher
        {
            // It fails where the system has dropped the watch together with the folder: as wanted.
            let _ = watcher.unwatch(dir);
        }
    }

    /// Lets folders that were refused be asked for again: others may have given watches back.
    pub fn forget_refusals(&self) {
        let mut state = lock(&self.state);
        state.polled.clear();
        state.exhausted = None;
    }

    /// The project's own folder is not there, or there again.
    pub fn set_root_missing(&self, missing: bool) {
        lock(&self.state).root_missing = missing;
    }

    /// How many folders are watched, and how many are polled.
    pub fn counts(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.watched.len() as u64, state.polled.len() as u64)
    }

    pub fn mode(&self) -> (Mode, Option<String>) {
        let state = lock(&self.state);
        if !self.follow {
            return (Mode::None, None);
        }
        if state.root_missing {
            return (Mode::None, Some("The folder is not there; its runs are kept, and it is looked for.".into()));
        }
        let mode = match (state.watched.is_empty(), state.polled.is_empty()) {
            (_, true) => return (Mode::Notify, None),
            (true, false) => Mode::Polling,
            (false, false) => Mode::Mixed,
        };
        let why = state.no_watcher.as_ref().or(state.silent.as_ref()).or(state.exhausted.as_ref());
        let why = why.map_or("Some folders could not be watched, so they are looked at from time to time.", |w| w);
        (mode, Some(why.to_owned()))
    }

    /// Drops every watch at once.
    pub fn close(&self) {
        let watcher = lock(&self.state).watcher.take();
        drop(watcher);
    }
}

/// The system's limit for this user; where there is none, a number that no project reaches.
fn max_user_watches() -> usize {
    if cfg!(target_os = "linux") {
        let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").unwrap_or_default();
        text.trim().parse().unwrap_or(8192)
    } else {
        1 << 20
    }
}
