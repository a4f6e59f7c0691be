//! One open project: its watches, its sources, and which changes concern which of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use signalbox_types::{Problem, ProjectId, SourceId};

use crate::event::{Mode, ProjectStats, ScanCounts, WatchEvent};
use crate::eyes::{Eyes, Purpose, Sight};
use crate::inbox::{Inbox, place};
use crate::list::DirId;
use crate::mounts::Mounts;
use crate::options::Options;
use crate::prune::may_become_source;
use crate::source::{Key, Source};
use crate::sync::{Cancel, lock};
use crate::tasks::Tasks;

/// Takes events; quick, from any of the engine's threads.
pub(crate) type Sink = dyn Fn(WatchEvent) + Send + Sync;

#[derive(Default)]
struct Routes {
    by_dir: HashMap<PathBuf, Vec<Arc<Source>>>,
    by_file: HashMap<PathBuf, Arc<Source>>,
}

#[derive(Default)]
struct Tally {
    scanning: bool,
    counts: ScanCounts,
    /// Folders that cannot be looked into, by path as shown.
    problems: BTreeMap<String, Problem>,
    told_mode: Option<(Mode, Option<String>)>,
}

/// Shared by the threads that serve a project.
pub(crate) struct Project {
    pub id: ProjectId,
    /// Absolute and canonical.
    pub root: PathBuf,
    pub eyes: Eyes,
    pub tasks: Tasks,
    pub cancel: Cancel,
    pub read_bytes: AtomicU64,
    pub n_points: AtomicU64,
    /// Those that are there.
    pub n_sources: AtomicU64,
    pub backlog_bytes: AtomicU64,
    sources: Mutex<HashMap<Key, Arc<Source>>>,
    by_id: Mutex<HashMap<SourceId, Arc<Source>>>,
    routes: Mutex<Routes>,
    mounts: Mutex<Mounts>,
    tally: Mutex<Tally>,
}

impl Project {
    pub fn new(id: ProjectId, root: PathBuf, options: &Options, inbox: &Arc<Inbox>) -> Project {
        Project {
            id,
            root,
            eyes: Eyes::open(id, options, inbox),
            tasks: Tasks::default(),
            cancel: Cancel::new(),
            read_bytes: AtomicU64::new(0),
            n_points: AtomicU64::new(0),
            n_sources: AtomicU64::new(0),
            backlog_bytes: AtomicU64::new(0),
            sources: Mutex::default(),
            by_id: Mutex::default(),
            routes: Mutex::default(),
            mounts: Mutex::new(Mounts::now()),
            tally: Mutex::new(Tally { scanning: true, ..Tally::default() }),
        }
    }

    /// The path below the root as an absolute one.
    pub fn absolute(&self, rel: &Path) -> PathBuf {
        if rel.as_os_str().is_empty() { self.root.clone() } else { self.root.join(rel) }
    }

    pub fn source(&self, key: &Key) -> Option<Arc<Source>> {
        lock(&self.sources).get(key).cloned()
    }

    pub fn source_by_id(&self, id: SourceId) -> Option<Arc<Source>> {
        lock(&self.by_id).get(&id).cloned()
    }

    pub fn sources(&self) -> Vec<Arc<Source>> {
        lock(&self.sources).values().cloned().collect()
    }

    pub fn insert(&self, source: &Arc<Source>) {
        lock(&self.sources).insert(Key::of(&source.spec), Arc::clone(source));
        lock(&self.by_id).insert(source.id, Arc::clone(source));
        self.route_to(source);
    }

    /// Lets go of everything, so that nothing keeps the project alive.
    pub fn clear(&self) {
        self.eyes.close();
        lock(&self.sources).clear();
        lock(&self.by_id).clear();
        *lock(&self.routes) = Routes::default();
    }

    /// Has the system tell of changes in the source's folders. True if that began for one of them: what
    /// changed just before may have been missed.
    pub fn attach(&self, source: &Arc<Source>, paths: Vec<PathBuf>) -> bool {
        let mut begun = false;
        let mut polled = false;
        for path in &paths {
            match self.eyes.watch(path, Purpose::Source, || self.silent_fs(path)) {
                Sight::Begun => begun = true,
                Sight::Known => {}
                // A folder that is not there yet is told of by the one above it.
                Sight::Polled => match path.is_dir() {
                    true => polled = true,
                    false => self.eyes.release(path, Purpose::Source),
                },
            }
        }
        let mut state = source.state();
        state.polled = polled;
        if state.watch_paths != paths {
            let old = std::mem::replace(&mut state.watch_paths, paths.clone());
            drop(state);
            let mut routes = lock(&self.routes);
            let unused: Vec<_> =
                old.iter().filter(|p| !paths.contains(p)).filter(|p| remove_route(&mut routes, p, source)).collect();
            for path in paths.iter().filter(|p| !old.contains(p)) {
                routes.by_dir.entry(path.clone()).or_default().push(Arc::clone(source));
            }
            drop(routes);
            for path in unused {
                self.eyes.release(path, Purpose::Source);
            }
        }
        begun
    }

    /// The source no longer wants to know of its folders.
    pub fn detach(&self, source: &Arc<Source>) {
        let paths = std::mem::take(&mut source.state().watch_paths);
        let mut routes = lock(&self.routes);
        if routes.by_file.get(&source.path).is_some_and(|s| s.id == source.id) {
            routes.by_file.remove(&source.path);
        }
        let unused: Vec<_> = paths.iter().filter(|p| remove_route(&mut routes, p, source)).collect();
        drop(routes);
        for path in unused {
            self.eyes.release(path, Purpose::Source);
        }
    }

    /// A source that was detached is there again.
    pub fn route_to(&self, source: &Arc<Source>) {
        if source.is_file {
            lock(&self.routes).by_file.insert(source.path.clone(), Arc::clone(source));
        }
    }

    /// The sources that lie in a folder, one level below.
    pub fn sources_in(&self, dir: &Path) -> Vec<Arc<Source>> {
        lock(&self.sources).values().filter(|s| s.path.parent() == Some(dir)).cloned().collect()
    }

    /// The sources that a change of `path` concerns, and whether it belongs to them for certain, so that it need
    /// not be looked at for what it might be.
    pub fn concerned(&self, path: &Path) -> (Vec<Arc<Source>>, bool) {
        let routes = lock(&self.routes);
        if let Some(source) = routes.by_file.get(path) {
            return (vec![Arc::clone(source)], true);
        }
        let mut concerned = Vec::new();
        let mut covered = false;
        if let Some(sources) = routes.by_dir.get(path) {
            concerned.extend(sources.iter().cloned());
        }
        if let Some((dir, name)) = place(path)
            && let Some(sources) = routes.by_dir.get(dir)
        {
            covered = !may_become_source(name) && sources.iter().any(|s| !s.is_file);
            concerned.extend(sources.iter().filter(|s| s.concerns(path, name)).cloned());
        }
        (concerned, covered)
    }

    /// The file system of a path, if it does not tell of changes.
    pub fn silent_fs(&self, path: &Path) -> Option<String> {
        let id = std::fs::metadata(path).ok().as_ref().and_then(DirId::of)?;
        self.silent_device(id)
    }

    pub fn silent_device(&self, id: DirId) -> Option<String> {
        lock(&self.mounts).silent(id.device).map(str::to_owned)
    }

    pub fn look_at_mounts_again(&self) {
        *lock(&self.mounts) = Mounts::now();
    }

    pub fn set_scanning(&self, scanning: bool) {
        lock(&self.tally).scanning = scanning;
    }

    pub fn set_counts(&self, counts: ScanCounts) {
        lock(&self.tally).counts = counts;
    }

    /// Says how changes are seen, if that is new.
    pub fn tell_mode(&self, sink: &Sink) {
        let now = self.eyes.mode();
        let mut tally = lock(&self.tally);
        if tally.told_mode.as_ref() == Some(&now) {
            return;
        }
        tally.told_mode = Some(now.clone());
        drop(tally);
        let (mode, why) = now;
        sink(WatchEvent::Mode { project: self.id, mode, why });
    }

    pub fn add_problem(&self, problem: Problem, sink: &Sink) {
        let mut tally = lock(&self.tally);
        if tally.problems.insert(problem.path.clone(), problem.clone()).as_ref() != Some(&problem) {
            drop(tally);
            sink(WatchEvent::Problem { project: self.id, problem });
        }
    }

    pub fn heal(&self, path: &str, sink: &Sink) {
        let healed = lock(&self.tally).problems.remove(path);
        if let Some(problem) = healed {
            sink(WatchEvent::Healed { project: self.id, path: problem.path });
        }
    }

    pub fn stats(&self, n_waiting: u64) -> ProjectStats {
        let (n_dirs_watched, n_dirs_polled) = self.eyes.counts();
        let (mode, why) = self.eyes.mode();
        let tally = lock(&self.tally);
        ProjectStats {
            mode,
            why,
            scanning: tally.scanning,
            counts: tally.counts,
            n_dirs_watched,
            n_dirs_polled,
            n_sources: self.n_sources.load(Ordering::Relaxed),
            n_waiting,
            backlog_bytes: self.backlog_bytes.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            n_points: self.n_points.load(Ordering::Relaxed),
            problems: tally.problems.values().cloned().collect(),
        }
    }
}

/// True if no source wants to know of the folder any more.
fn remove_route(routes: &mut Routes, path: &Path, source: &Arc<Source>) -> bool {
    let Some(sources) = routes.by_dir.get_mut(path) else { return true };
    sources.retain(|s| s.id != source.id);
    let unused = sources.is_empty();
    if unused {
        routes.by_dir.remove(path);
    }
    unused
}
