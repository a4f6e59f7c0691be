//! Which folders of a project the system tells of, and which have to be looked at: one watch a folder, added
//! by us and never recursive, so that a skipped folder costs nothing and we know when the system has no more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::{Config, ErrorKind, EventKindMask, PathOp, RecommendedWatcher, Watcher};
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

impl State {
    /// What is known of a folder without asking.
    fn known(&mut self, dir: &Path, purpose: Purpose, follow: bool) -> Option<Sight> {
        if !follow || self.polled.get(dir).is_some_and(|refused| *refused >= purpose) {
            return Some(Sight::Polled);
        }
        let wanted = self.watched.get_mut(dir)?;
        wanted.set(purpose, true);
        Some(Sight::Known)
    }

    /// Has the folders of these numbers watched; returns the numbers of those that are.
    fn ask(&mut self, dirs: &[(&Path, Option<String>)], mut numbers: Vec<usize>) -> Vec<usize> {
        let Some(watcher) = self.watcher.as_mut().filter(|_| !numbers.is_empty()) else { return Vec::new() };
        let mut begun = Vec::with_capacity(numbers.len());
        loop {
            let asked = numbers.iter().map(|i| PathOp::watch_non_recursive(dirs[*i].0)).collect();
            let Err(failed) = watcher.update_paths(asked) else {
                begun.append(&mut numbers);
                return begun;
            };
            if matches!(failed.source.kind, ErrorKind::MaxFilesWatch) {
                self.exhausted.get_or_insert_with(|| {
                    "The system's limit of watches (fs.inotify.max_user_watches) is reached, so the other folders are \
                     looked at from time to time."
                        .into()
                });
            }
            let n_left = failed.remaining.len();
            if failed.origin.is_none() || n_left >= numbers.len() {
                // Nobody knows which were begun.
                return begun;
            }
            let left = numbers.split_off(numbers.len() - n_left);
            numbers.pop();
            begun.append(&mut numbers);
            numbers = left;
            if numbers.is_empty() {
                return begun;
            }
        }
    }
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
            match RecommendedWatcher::new(move |event| inbox.put(project, event), changes()) {
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
        // Most are known: not worth a list.
        if let Some(known) = lock(&self.state).known(dir, purpose, self.follow) {
            return known;
        }
        self.watch_all(&[(dir, silent_fs())], purpose).pop().unwrap_or(Sight::Polled)
    }

    /// The same of several folders, each with the name of its file system if that does not tell; what the system says to
    /// each, in their order. It is asked once for all of them, for asking means to wait for another thread.
    pub fn watch_all(&self, dirs: &[(&Path, Option<String>)], purpose: Purpose) -> Vec<Sight> {
        let limit = match purpose {
            Purpose::Source => self.max_watches,
            Purpose::NewSources => self.max_watches - self.max_watches.div_ceil(4),
        };
        let mut state = lock(&self.state);
        let mut sights = Vec::with_capacity(dirs.len());
        let mut asked = Vec::new();
        for (i, (dir, silent_fs)) in dirs.iter().enumerate() {
            if let Some(known) = state.known(dir, purpose, self.follow) {
                sights.push(known);
                continue;
            }
            if let Some(kind) = silent_fs {
                state.silent.get_or_insert_with(|| {
                    format!(
                        "Files on a {kind} file system change without notice, so its folders are looked at from time to time."
                    )
                });
            } else if state.watched.len() + asked.len() >= limit {
                state.exhausted.get_or_insert_with(|| {
                    format!(
                        "More folders than may be watched ({}), so the rest are looked at from time to time.",
                        self.max_watches
                    )
                });
            } else {
                asked.push(i);
            }
            sights.push(Sight::Polled);
        }
        for i in state.ask(dirs, asked) {
            sights[i] = Sight::Begun;
        }
        for ((dir, _), sight) in dirs.iter().zip(&sights) {
            match sight {
                Sight::Begun => {
                    state.polled.remove(*dir);
                    state.watched.entry((*dir).to_owned()).or_default().set(purpose, true);
                }
                Sight::Polled if self.follow => {
                    let refused = state.polled.entry((*dir).to_owned()).or_insert(purpose);
                    *refused = purpose.max(*refused);
                }
                Sight::Polled | Sight::Known => {}
            }
        }
        sights
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

/// What the system is to tell: not that files are opened, which our own reading does all the time.
pub(crate) fn changes() -> Config {
    Config::default().with_event_kinds(EventKindMask::CORE | EventKindMask::ACCESS_CLOSE)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_asked_at_once_each_has_its_own_answer() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "not there", "b", "nor this", "c", "over the limit"];
        let paths = names.map(|name| dir.path().join(name));
        for (path, name) in paths.iter().zip(names) {
            if !name.contains("this") && !name.contains("there") {
                std::fs::create_dir(path).unwrap();
            }
        }
        // Three quarters of it are for folders that may show new sources.
        let options = Options { max_watches: Some(6), ..Options::default() };
        let inbox = Arc::new(Inbox::default());
        let eyes = Eyes::open(ProjectId(1), &options, &inbox);
        let asked: Vec<(&Path, Option<String>)> = paths.iter().map(|path| (path.as_path(), None)).collect();
        use Sight::{Begun, Known, Polled};
        // The fifth and the sixth are more than may be watched, whatever becomes of the others.
        let sights = eyes.watch_all(&asked, Purpose::NewSources);
        assert_eq!(sights, [Begun, Polled, Begun, Polled, Polled, Polled]);
        assert_eq!(eyes.counts(), (2, 4));
        // For a source there is more room; what was refused is asked for again.
        std::fs::create_dir(&paths[1]).unwrap();
        let sights = eyes.watch_all(&asked, Purpose::Source);
        assert_eq!(sights, [Known, Begun, Known, Polled, Begun, Begun]);
        assert_eq!(eyes.watch(&paths[5], Purpose::NewSources, || None), Known);
        assert_eq!(eyes.watch(&paths[3], Purpose::Source, || None), Polled);
        // A file system that does not tell is not asked.
        let silent = dir.path().join("silent");
        std::fs::create_dir(&silent).unwrap();
        assert_eq!(eyes.watch(&silent, Purpose::Source, || Some("nfs".into())), Polled);
        assert!(eyes.mode().1.unwrap().contains("nfs"));
        // They do tell.
        std::fs::write(paths[5].join("new.csv"), "step\n").unwrap();
        let news = inbox.take(std::time::Duration::from_millis(100)).unwrap().remove(&ProjectId(1)).unwrap();
        assert!(news.paths.contains_key(&paths[5].join("new.csv")), "{news:?}");
    }

    #[test]
    fn whom_nobody_follows_nothing_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { follow: false, ..Options::default() };
        let eyes = Eyes::open(ProjectId(1), &options, &Arc::new(Inbox::default()));
        assert_eq!(eyes.watch(dir.path(), Purpose::Source, || None), Sight::Polled);
        assert_eq!(eyes.counts(), (0, 0));
    }
}
