//! A project's folders: walked once, then looked at again where something changed. Remembers directories, not
//! files, and tells the writing thread which sources are there.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use signalbox_formats::{Descend, Listing};
use signalbox_types::{Problem, ProblemKind};

use crate::event::{ScanCounts, WatchEvent};
use crate::eyes::{Purpose, Sight};
use crate::list::{DirId, Listed, list};
use crate::mail::{Mail, Order};
use crate::options::Options;
use crate::project::{Project, Sink};
use crate::prune::may_become_source;
use crate::show::display_path;
use crate::source::Key;
use crate::tasks::Look;
use crate::tree::{Dir, Tree};

/// A directory whose time of change is younger than this may change again within the clock's grain.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);
/// Where the system does not tell one directory from another, this ends a circle of links.
const MAX_DEPTH: usize = 256;
const PROGRESS_GAP: Duration = Duration::from_millis(100);

/// So many folders are watched at once before they are entered.
const AHEAD: usize = 64;

/// A folder that is to be entered.
struct Ahead {
    rel: PathBuf,
    path: PathBuf,
    id: Option<DirId>,
    modified: Option<SystemTime>,
    is_watched: bool,
}

/// The surveying thread's state.
pub(crate) struct Survey<'a> {
    pub project: &'a Arc<Project>,
    pub mail: &'a Mail,
    pub options: &'a Options,
    pub sink: &'a Sink,
    pub tree: Tree,
    /// Directories by what they are: each is entered once.
    seen: HashMap<DirId, PathBuf>,
    /// Sources that are there, with the directory that showed them.
    pub present: HashMap<Key, PathBuf>,
    /// Sources that were not there when their directory was looked at, and when that is final.
    pub missing: HashMap<Key, Instant>,
    /// Sources of a project whose folder is not there.
    awaited: HashMap<Key, PathBuf>,
    /// Folders that could not be entered: what lies below them is not known to be gone.
    pub blind: HashSet<PathBuf>,
    pub counts: ScanCounts,
    told_progress: Instant,
    first_walk: bool,
}

impl<'a> Survey<'a> {
    pub fn new(project: &'a Arc<Project>, mail: &'a Mail, options: &'a Options, sink: &'a Sink) -> Survey<'a> {
        let mut seen = HashMap::new();
        // A link to a folder above the project would lead around in a circle, by way of everything else.
        for above in project.root.ancestors().skip(1) {
            if let Some(id) = fs::metadata(above).ok().as_ref().and_then(DirId::of) {
                seen.insert(id, above.to_owned());
            }
        }
        Survey {
            project,
            mail,
            options,
            sink,
            tree: Tree::default(),
            seen,
            present: HashMap::new(),
            missing: HashMap::new(),
            awaited: HashMap::new(),
            blind: HashSet::new(),
            counts: ScanCounts::default(),
            told_progress: Instant::now(),
            first_walk: true,
        }
    }

    /// The first walk, and what the store knows beside what it found. False if it was cancelled.
    pub fn first(&mut self) -> bool {
        self.walk(PathBuf::new());
        if self.project.cancel.is_cancelled() {
            return false;
        }
        self.first_walk = false;
        self.project.set_counts(self.counts);
        self.project.set_scanning(false);
        if self.tree.contains(Path::new("")) {
            let found = self.present.keys().cloned().collect();
            let blind = self.blind.iter().cloned().collect();
            self.mail.put_order(Order::Sweep { project: Arc::clone(self.project), found, blind });
        }
        (self.sink)(WatchEvent::ScanDone { project: self.project.id, counts: self.counts });
        self.project.tell_mode(self.sink);
        true
    }

    /// Enters `rel` and everything below it that is worth it. Folders come before links to folders, so that a
    /// folder that is reached both ways has its own name.
    pub fn walk(&mut self, rel: PathBuf) {
        let mut folders = vec![rel];
        let mut links = Vec::new();
        loop {
            let ahead = self.look_ahead(&mut folders, &mut links);
            if ahead.is_empty() && folders.is_empty() && links.is_empty() {
                return;
            }
            for next in ahead {
                if self.project.cancel.is_cancelled() {
                    return;
                }
                if let Some((new_folders, new_links)) = self.enter(&next) {
                    folders.extend(new_folders.into_iter().rev());
                    links.extend(new_links.into_iter().rev());
                }
                self.tell_progress();
            }
        }
    }

    /// The next folders, or the next link to one: those that may be entered, watched from now on where the system allows.
    fn look_ahead(&mut self, folders: &mut Vec<PathBuf>, links: &mut Vec<PathBuf>) -> Vec<Ahead> {
        let mut next = folders.split_off(folders.len().saturating_sub(AHEAD));
        next.reverse();
        if next.is_empty() {
            next.extend(links.pop());
        }
        let mut ahead = Vec::with_capacity(next.len());
        for rel in next {
            if self.tree.contains(&rel) || rel.components().count() > MAX_DEPTH {
                continue;
            }
            let path = self.project.absolute(&rel);
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                Err(e) => {
                    self.cannot_enter(&rel, &e);
                    continue;
                }
            };
            let id = DirId::of(&meta);
            if id.is_none_or(|id| self.claim(id, &rel)) {
                ahead.push(Ahead { rel, path, id, modified: meta.modified().ok(), is_watched: false });
            }
        }
        let silent = |one: &Ahead| one.id.and_then(|id| self.project.silent_device(id));
        let asked: Vec<(&Path, Option<String>)> = ahead.iter().map(|one| (one.path.as_path(), silent(one))).collect();
        let sights = self.project.eyes.watch_all(&asked, Purpose::NewSources);
        for (one, sight) in ahead.iter_mut().zip(sights) {
            one.is_watched = sight != Sight::Polled;
        }
        ahead
    }

    /// Looks at one directory for the first time: which folders and links lie in it.
    fn enter(&mut self, ahead: &Ahead) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
        let Ahead { rel, path, id, modified, is_watched } = ahead;
        let (id, watched) = (*id, *is_watched);
        let begun = Instant::now();
        let listed = match list(path) {
            Ok(listed) => listed,
            Err(e) => {
                self.release(rel, id);
                self.cannot_enter(rel, &e);
                return None;
            }
        };
        self.can_enter(rel);
        if listed.skip && !rel.as_os_str().is_empty() {
            self.skip(rel, id);
            return None;
        }
        self.counts.dirs += 1;
        self.counts.files += listed.n_files;
        let (dir, folders, links) = self.recognise(rel, &listed, id, *modified, watched, begun);
        self.show_sources(rel, &dir.sources, &listed);
        if !dir.ordinary && !self.first_walk {
            self.look_at_parent(rel);
        }
        self.tree.insert(rel.clone(), dir);
        Some((folders, links))
    }

    /// Looks at a known directory again: what came, what went. `names`: because a name did.
    pub fn look(&mut self, rel: &Path, names: bool) {
        let Some(old) = self.tree.get(rel).cloned() else { return };
        let path = self.project.absolute(rel);
        let meta = match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => meta,
            Ok(_) => return self.remove(rel),
            Err(e) if is_absent(&e) => return self.remove(rel),
            Err(e) => return self.cannot_enter(rel, &e),
        };
        let id = DirId::of(&meta);
        if id != old.id {
            // Another directory has taken its name.
            self.remove(rel);
            return self.walk(rel.to_owned());
        }
        let watched = self.watch(&path, id);
        let begun = Instant::now();
        let listed = match list(&path) {
            Ok(listed) => listed,
            Err(e) if is_absent(&e) => return self.remove(rel),
            Err(e) => return self.cannot_enter(rel, &e),
        };
        self.can_enter(rel);
        if listed.skip && !rel.as_os_str().is_empty() {
            if !old.skipped {
                self.remove(rel);
                self.skip(rel, id);
            }
            return;
        }
        let (mut dir, folders, links) = self.recognise(rel, &listed, id, meta.modified().ok(), watched, begun);
        dir.retry = old.retry.again(names || dir.sources != old.sources);
        let gone: Vec<PathBuf> =
            old.children.iter().filter(|c| !dir.children.contains(c)).map(|c| rel.join(c)).collect();
        self.show_sources(rel, &dir.sources, &listed);
        let (same_place, gone_sources): (Vec<&Key>, Vec<&Key>) = old
            .sources
            .iter()
            .filter(|s| !dir.sources.contains(s))
            .partition(|s| dir.sources.iter().any(|new| new.rel == s.rel));
        self.hide_sources(rel, gone_sources.into_iter());
        for key in same_place {
            self.lose(key.clone());
        }
        if dir.ordinary != old.ordinary {
            self.look_at_parent(rel);
        }
        self.tree.insert(rel.to_owned(), dir);
        for child in gone {
            self.remove(&child);
        }
        for child in folders.into_iter().chain(links) {
            if !self.tree.contains(&child) {
                self.walk(child);
            }
        }
    }

    /// The project's own folder is not there. A disk that was taken out is no reason to call its runs gone:
    /// their sources are kept until the folder is there again and does not hold them.
    fn lose_root(&mut self) {
        self.counts.sources = 0;
        self.awaited.extend(self.present.drain());
        self.missing.clear();
        self.remove_below(Path::new(""));
        self.cannot_enter(Path::new(""), &ErrorKind::NotFound.into());
    }

    /// The project's own folder is looked for, and walked if it is there.
    pub fn find_root(&mut self) {
        if !self.project.root.is_dir() {
            return;
        }
        self.project.look_at_mounts_again();
        self.walk(PathBuf::new());
        if self.tree.is_empty() {
            return;
        }
        for (key, dir) in std::mem::take(&mut self.awaited) {
            if let std::collections::hash_map::Entry::Vacant(vacant) = self.present.entry(key.clone()) {
                vacant.insert(dir);
                self.counts.sources += 1;
                self.missing.insert(key, Instant::now() + self.options.gone_after);
            }
        }
    }

    /// A directory is no longer there, and nothing below it.
    pub fn remove(&mut self, rel: &Path) {
        if rel.as_os_str().is_empty() { self.lose_root() } else { self.remove_below(rel) }
    }

    fn remove_below(&mut self, rel: &Path) {
        for (below, dir) in self.tree.remove(rel) {
            self.project.eyes.release(&self.project.absolute(&below), Purpose::NewSources);
            self.release(&below, dir.id);
            self.can_enter(&below);
            self.hide_sources(&below, dir.sources.iter());
        }
        self.can_enter(rel);
    }

    /// Which sources and folders the listing shows, and what to remember of it.
    fn recognise(
        &mut self,
        rel: &Path,
        listed: &Listed,
        id: Option<DirId>,
        modified: Option<SystemTime>,
        watched: bool,
        begun: Instant,
    ) -> (Dir, Vec<PathBuf>, Vec<PathBuf>) {
        let listing = Listing { project: &self.project.root, rel, entries: &listed.entries };
        let recognised = self.options.formats.recognise(&listing);
        self.counts.peeked_bytes += recognised.peeked_bytes;
        let wanted: Box<dyn Fn(&std::ffi::OsString) -> bool> = match &recognised.descend {
            Descend::All => Box::new(|_| true),
            Descend::Only(names) => Box::new(|name| names.contains(name)),
            Descend::None => Box::new(|_| false),
        };
        let folders: Vec<_> = listed.dirs.iter().filter(|n| wanted(n)).map(|n| rel.join(n)).collect();
        let links: Vec<_> = listed.links.iter().filter(|n| wanted(n)).map(|n| rel.join(n)).collect();
        let children = listed.dirs.iter().chain(&listed.links).filter(|n| wanted(n)).cloned().collect();
        let mut sources: Vec<Key> = recognised.sources.iter().map(Key::of).collect();
        // A database that cannot be looked into right now is what it was.
        let known = self.tree.get(rel).into_iter().flat_map(|dir| &dir.sources);
        let kept: Vec<Key> = known.filter(|key| recognised.undecided.contains(&key.rel)).cloned().collect();
        sources.retain(|new| kept.iter().all(|key| key.rel != new.rel));
        sources.extend(kept);
        sources.sort_unstable();
        let covered: HashSet<&Path> = sources.iter().map(|s| s.rel.as_path()).collect();
        let may_grow = |name: &std::ffi::OsString| may_become_source(name) && !covered.contains(&*rel.join(name));
        let unsettled = listed.entries.iter().any(|e| !e.is_dir && may_grow(&e.name));
        let young = modified.is_none_or(|t| t.elapsed().is_ok_and(|age| age < CLOCK_GRAIN));
        let dir = Dir {
            id,
            modified: if young { None } else { modified },
            children,
            ordinary: recognised.descend == Descend::All,
            sources,
            unsettled,
            watched,
            skipped: false,
            cost: begun.elapsed(),
            looked: Instant::now(),
            retry: Default::default(),
        };
        (dir, folders, links)
    }

    /// What a folder is can depend on what its folders are: MLflow's root on its experiments.
    fn look_at_parent(&self, rel: &Path) {
        if let Some(parent) = rel.parent() {
            self.project.tasks.look(self.project.absolute(parent), Look { names: true });
        }
    }

    /// False if the directory is entered by another name already.
    fn claim(&mut self, id: DirId, rel: &Path) -> bool {
        let path = self.project.absolute(rel);
        if let Some(holder) = self.seen.get(&id).filter(|holder| **holder != path).cloned() {
            let still = fs::metadata(&holder).ok().as_ref().and_then(DirId::of) == Some(id);
            if still {
                return false;
            }
            // It was renamed, or its number was given to a new directory, and nobody has told us yet.
            if let Ok(old) = holder.strip_prefix(&self.project.root) {
                let old = old.to_owned();
                self.remove(&old);
            }
        }
        self.seen.insert(id, path);
        true
    }

    /// Remembers a directory as one that is not entered; it costs no watch.
    fn skip(&mut self, rel: &Path, id: Option<DirId>) {
        self.release(rel, id);
        self.project.eyes.release(&self.project.absolute(rel), Purpose::NewSources);
        self.tree.insert(rel.to_owned(), Dir::skipped(id));
    }

    fn release(&mut self, rel: &Path, id: Option<DirId>) {
        if let Some(id) = id
            && self.seen.get(&id).is_some_and(|path| *path == self.project.absolute(rel))
        {
            self.seen.remove(&id);
        }
    }

    /// A known folder without a watch may have one now.
    pub fn watch_again(&mut self, rel: &Path) {
        let Some(id) = self.tree.get(rel).map(|dir| dir.id) else { return };
        if self.watch(&self.project.absolute(rel), id) {
            // What changed before the watch began is seen by looking once more.
            self.look(rel, true);
        }
    }

    fn watch(&self, path: &Path, id: Option<DirId>) -> bool {
        let silent = || id.and_then(|id| self.project.silent_device(id));
        self.project.eyes.watch(path, Purpose::NewSources, silent) != Sight::Polled
    }

    fn cannot_enter(&mut self, rel: &Path, error: &std::io::Error) {
        self.project.eyes.unwatch(&self.project.absolute(rel));
        let is_root = rel.as_os_str().is_empty();
        if is_absent(error) && !is_root {
            return;
        }
        if is_root {
            self.project.eyes.set_root_missing(true);
            self.project.tell_mode(self.sink);
        }
        self.blind.insert(rel.to_owned());
        let problem = Problem {
            path: display_path(rel),
            offset: None,
            kind: ProblemKind::Unreadable,
            message: format!("This folder cannot be looked into ({error}); runs below it are not shown."),
        };
        self.project.add_problem(problem, self.sink);
    }

    fn can_enter(&mut self, rel: &Path) {
        if self.blind.remove(rel) {
            self.project.heal(&display_path(rel), self.sink);
        }
        if rel.as_os_str().is_empty() {
            self.project.eyes.set_root_missing(false);
        }
    }

    fn tell_progress(&mut self) {
        if self.first_walk && self.told_progress.elapsed() >= PROGRESS_GAP {
            self.told_progress = Instant::now();
            self.project.set_counts(self.counts);
            (self.sink)(WatchEvent::ScanProgress { project: self.project.id, counts: self.counts });
        }
    }
}

/// Not there, or no longer a directory: nothing to complain about.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
