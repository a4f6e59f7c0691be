//! One monitor at work: a thread that freezes the reference, counts each file once, and waits for more.

mod asked;
mod counted;

use super::Defined;
use super::alert::{Moved, of_timeline};
use super::reading::{Basis, Kept, Reading, stamp_of};
use super::table::{self, TableAt};
use crate::app::{App, Inner, lock};
use crate::project::OpenProject;
use crate::wire::*;
use counted::Asked;
use signalbox_drift::monitor::{Baseline, Cell, Definition, Labels, Reference, Task};
use signalbox_drift::read::{Options, Problem, Problems, Table, listed};
use signalbox_drift::rules::Rules;
use signalbox_drift::verdict::Rule;
use signalbox_engines::Cancel;
use signalbox_watch::Below;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

pub(super) struct Watched {
    pub project: u32,
    pub root: PathBuf,
    pub name: String,
    pub definition: Definition,
    pub in_policy: bool,
    pub rule: Rule,
    state: RwLock<State>,
    /// A table in the place of files.
    pub table: Option<TableAt>,
    changed: Arc<(Mutex<bool>, Condvar)>,
    stopped: AtomicBool,
    /// What an engine is asked ends with the monitor.
    cancel: Mutex<Cancel>,
    /// Kept while it is good: a vault that is asked every few minutes would never be locked again.
    password: Mutex<Option<table::Known>>,
    /// How often what was kept of it was forgotten.
    n_forgotten: AtomicU64,
    /// Its definition cannot be: nothing is done.
    is_wrong: bool,
    labels: Mutex<Known>,
    /// What the reference keeps, with its stamp.
    learnt: Mutex<Option<(String, Rules, Problems)>>,
    /// One at a time reads what was said of an alert, decides, and writes.
    pub saying: Mutex<()>,
}

/// The reference and what follows from it.
pub(super) struct Frozen {
    pub reference: Reference,
    /// The kinds of its columns, for files that do not tell theirs.
    pub like: Options,
    whole: Cell,
    pub task: Task,
    baseline: Option<Baseline>,
    digest: String,
    stamp: String,
    problems: Problems,
}

/// The labels as they were last read.
#[derive(Default)]
struct Known {
    stamp: String,
    labels: Arc<Labels>,
    /// Stamps of what these labels only go on with: where no row waits for a label, counts made by one of them hold.
    went_before: Arc<BTreeSet<String>>,
}

struct State {
    state: MonitorState,
    trouble: Option<String>,
    frozen: Option<Arc<Frozen>>,
    files: BTreeMap<PathBuf, Kept>,
    files_done: usize,
    n_files: usize,
    n_labels: u64,
    label_problems: Problems,
    /// Of what is watched: folders that cannot be read, and the like.
    left_out: Problems,
    alert: Option<DataAlert>,
    /// Whether there were rows enough to say anything.
    is_judged: bool,
    /// What the alert is made of.
    moved: Vec<Moved>,
    asked: Asked,
}

/// Where the system tells of changes, it is looked all the same, now and then.
const SELDOM: Duration = Duration::from_secs(60);
const OFTEN: Duration = Duration::from_secs(2);
/// A writer is given this long to end before its file is read.
const SETTLE: Duration = Duration::from_millis(80);
/// Alerts look at no more segments than this.
const MAX_SEGMENTS: usize = 20;

impl Watched {
    pub fn start(app: &App, project: &OpenProject, name: &str, defined: Defined) -> Arc<Watched> {
        let state = State {
            state: if defined.trouble.is_some() { MonitorState::Failed } else { MonitorState::Freezing },
            trouble: defined.trouble,
            frozen: None,
            files: BTreeMap::new(),
            files_done: 0,
            n_files: 0,
            n_labels: 0,
            label_problems: Problems::default(),
            left_out: Problems::default(),
            alert: None,
            is_judged: false,
            moved: Vec::new(),
            asked: Asked::default(),
        };
        let is_wrong = state.trouble.is_some();
        let watched = Arc::new(Watched {
            project: project.id.0,
            root: project.root.clone(),
            name: name.to_owned(),
            rule: defined.definition.rule().unwrap_or_default(),
            table: TableAt::of(&defined.definition).ok().flatten(),
            definition: defined.definition,
            in_policy: defined.in_policy,
            state: RwLock::new(state),
            changed: Arc::default(),
            stopped: AtomicBool::new(false),
            cancel: Mutex::default(),
            password: Mutex::default(),
            n_forgotten: AtomicU64::new(0),
            is_wrong,
            labels: Mutex::default(),
            learnt: Mutex::default(),
            saying: Mutex::default(),
        });
        if !is_wrong {
            let (weak, at_work) = (Arc::downgrade(&app.0), watched.clone());
            let started = thread::Builder::new().name("monitor".into()).spawn(move || at_work.run(&weak));
            if let Err(e) = started {
                watched.fail(format!("No thread could be started: {e}."));
            }
        }
        watched
    }

    pub fn stop(&self) {
        // Under the lock: between its look at this and its sleep the thread would not hear.
        let _guard = self.changed.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopped.store(true, Ordering::Relaxed);
        self.changed.1.notify_all();
        lock(&self.cancel).tell();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn run(&self, weak: &Weak<Inner>) {
        let reference = self.root.join(&self.definition.reference);
        let current = Some(self.root.join(&self.definition.current)).filter(|_| self.table.is_none());
        let labels = self.definition.labels.as_ref().map(|path| self.root.join(path));
        let watched: Vec<&Path> =
            [&reference].into_iter().chain(&current).chain(&labels).map(PathBuf::as_path).collect();
        let changed = self.changed.clone();
        let watch = || {
            let changed = changed.clone();
            Below::watch(&watched, move || {
                *changed.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
                changed.1.notify_all();
            })
        };
        let (mut below, mut there) = (watch(), inodes(&watched));
        loop {
            let wait = if below.is_sighted() { SELDOM } else { OFTEN };
            let wait = self.read().asked.next.map_or(wait, |next| wait.min(next.duration_since(Instant::now())));
            let Some(app) = weak.upgrade().map(App) else { return };
            self.refresh(&app);
            drop(app);
            let guard = self.changed.0.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.1.wait_timeout_while(guard, wait, |changed| !*changed && !self.is_stopped());
            if self.is_stopped() {
                return;
            }
            drop(waited);
            thread::sleep(SETTLE);
            *self.changed.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
            // Another folder in the place of one that is watched is not watched by that.
            let now = inodes(&watched);
            if now != there {
                (below, there) = (watch(), now);
            }
        }
    }

    fn refresh(&self, app: &App) {
        let as_it_is = || {
            let state = self.read();
            (state.alert.clone(), state.state, state.trouble.clone())
        };
        let before = as_it_is();
        match self.brought_up(app) {
            Ok(false) => {
                // Nothing new was seen; but a night may be over, or a snooze: what was kept back is told then.
                let moved = self.read().moved.clone();
                if !moved.is_empty() {
                    self.say(app, moved);
                }
            }
            Ok(true) => {
                // What is watched has been judged.
                self.look_at_alert(app);
                self.write().state = MonitorState::Watching;
                self.tell(app);
            }
            Err(why) => {
                self.fail(why);
                self.table_rests();
                self.tell(app);
            }
        }
        if as_it_is() != before {
            self.tell(app);
        }
    }

    pub fn look_at_alert(&self, app: &App) {
        let Some(all) = self.timeline(None, None, &self.rule) else { return };
        let n = all.segments.len();
        let mut moved: Vec<Moved> = of_timeline(&all, None).into_iter().collect();
        self.write().is_judged = !moved.is_empty();
        // What moves in one segment may drown among the others. Each is a question more, and asked the stricter for it.
        let rule = Rule { alpha: self.rule.alpha / n.max(1) as f64, ..self.rule };
        for segment in all.segments.iter().take(MAX_SEGMENTS).filter(|_| n > 1) {
            let timeline = self.timeline(Some(segment), None, &rule);
            moved.extend(timeline.and_then(|timeline| of_timeline(&timeline, Some(segment))));
        }
        moved.retain(Moved::is_any);
        self.say(app, moved);
    }

    fn say(&self, app: &App, moved: Vec<Moved>) {
        let _one = lock(&self.saying);
        let alert = app.alert(self, moved.clone());
        let mut state = self.write();
        (state.alert, state.moved) = (alert, moved);
    }

    /// Reads what is new. Whether anything was.
    fn brought_up(&self, app: &App) -> Result<bool, String> {
        let frozen = self.frozen().inspect_err(|_| {
            let asked = &mut self.write().asked;
            (asked.has_refused, asked.is_wanted) = (false, false);
        })?;
        if let Some(at) = &self.table {
            return self.table_brought_up(app, at, &frozen);
        }
        let mut is_news = self.read().frozen.as_ref().is_none_or(|known| known.digest != frozen.digest);
        let labels_path = self.definition.labels.as_ref().map(|path| self.root.join(path));
        let labels_stamp = labels_path.as_deref().map(stamp_of).unwrap_or_default();
        let current = self.root.join(&self.definition.current);
        let (files, left_out) = self.files()?;
        let (labels, went_before) = self.labels(labels_path.as_deref(), &labels_stamp, &frozen.task);
        let basis = Basis::new(&frozen.digest, &self.definition, labels_stamp, went_before);
        // What is there and as it was stays; of a file that waits for labels, only while these are as they were.
        let mut wanted: Vec<(PathBuf, String)> = Vec::new();
        {
            let mut state = self.write();
            if is_news {
                state.files.clear();
            }
            let n_before = state.files.len();
            let there: BTreeSet<&PathBuf> = files.iter().collect();
            state.files.retain(|path, _| there.contains(path));
            is_news |= state.files.len() != n_before;
            state.frozen = Some(frozen.clone());
            state.n_files = files.len();
            is_news |= state.left_out != left_out;
            state.left_out = left_out;
            for path in &files {
                let stamp = stamp_of(path);
                let is_known =
                    state.files.get(path).is_some_and(|kept| basis.holds(&kept.stamp, &stamp, kept.cells.n_unlabelled));
                if !is_known {
                    wanted.push((path.clone(), stamp));
                }
            }
            state.files_done = files.len() - wanted.len();
            if !wanted.is_empty() {
                state.state = MonitorState::Reading;
            } else if !is_news {
                state.state = MonitorState::Watching;
            }
            state.trouble = None;
        }
        if wanted.is_empty() {
            return Ok(is_news);
        }
        let store = app.cell_store();
        Reading {
            watched: self,
            app,
            frozen: &frozen,
            labels: &labels,
            basis: &basis,
            store: store.as_deref(),
            current: &current,
        }
        .all(&wanted);
        Ok(!self.is_stopped())
    }

    /// What is watched, by name; of a table nothing.
    pub fn files(&self) -> Result<(Vec<PathBuf>, Problems), String> {
        if self.table.is_some() {
            return Ok((Vec::new(), Problems::default()));
        }
        let current = self.root.join(&self.definition.current);
        if current.is_dir() {
            listed(&current).map_err(|e| format!("{} cannot be listed: {e}.", current.display()))
        } else if current.is_file() {
            Ok((vec![current], Problems::default()))
        } else {
            Err(format!("{} is not there.", current.display()))
        }
    }

    /// How its files are read.
    pub fn like(&self) -> Options {
        self.read().frozen.as_ref().map(|frozen| frozen.like.clone()).unwrap_or_default()
    }

    /// What the reference keeps, learnt once for as long as it is the same.
    pub fn learnt(
        &self,
        learn: impl FnOnce(&Path) -> Result<(Rules, Problems), String>,
    ) -> Result<(Rules, Problems), String> {
        let path = self.root.join(&self.definition.reference);
        let stamp = stamp_of(&path);
        let mut kept = lock(&self.learnt);
        if let Some((of, rules, problems)) = &*kept
            && *of == stamp
        {
            return Ok((rules.clone(), problems.clone()));
        }
        let (rules, problems) = learn(&path)?;
        *kept = Some((stamp, rules.clone(), problems.clone()));
        Ok((rules, problems))
    }

    /// The labels that came later, anew if they have changed, and what they only go on with.
    fn labels(&self, path: Option<&Path>, stamp: &str, task: &Task) -> (Arc<Labels>, Arc<BTreeSet<String>>) {
        let mut known = lock(&self.labels);
        if known.stamp != stamp {
            let labels = self.labels_read(path, task);
            let mut went_before = BTreeSet::new();
            // What was read before this process began is not known any more.
            if !known.stamp.is_empty() && labels.continues(&known.labels) {
                went_before.clone_from(&known.went_before);
                went_before.insert(std::mem::take(&mut known.stamp));
            }
            *known = Known { stamp: stamp.to_owned(), labels: Arc::new(labels), went_before: Arc::new(went_before) };
        }
        (known.labels.clone(), known.went_before.clone())
    }

    /// What is wrong with them is told with the monitor's problems.
    fn labels_read(&self, path: Option<&Path>, task: &Task) -> Labels {
        let (Some(path), Some(id), Some(label)) = (path, &task.id, &task.label) else { return Labels::default() };
        let mut problems = Problems::default();
        let labels = match Table::open(path, &Options::default()) {
            Ok(table) => {
                problems.extend(table.problems.clone());
                Labels::read(&table, id, label, &mut problems)
            }
            Err(e) => {
                problems.add(Problem {
                    file: path.display().to_string(),
                    column: None,
                    place: None,
                    lost: true,
                    message: e.to_string(),
                    hint: None,
                });
                Labels::default()
            }
        };
        let mut state = self.write();
        (state.n_labels, state.label_problems) = (labels.len() as u64, problems);
        labels
    }

    /// The reference, anew if it has changed.
    fn frozen(&self) -> Result<Arc<Frozen>, String> {
        let path = self.root.join(&self.definition.reference);
        let stamp = stamp_of(&path);
        if let Some(known) = self.read().frozen.as_ref().filter(|known| known.stamp == stamp) {
            return Ok(known.clone());
        }
        let table = Table::open(&path, &Options::default()).map_err(|e| e.to_string())?;
        let mut problems = table.problems.clone();
        let reference = Reference::freeze(&table, &self.definition, &mut problems);
        if reference.columns.is_empty() {
            return Err(format!("{} has no column that can be watched.", path.display()));
        }
        let task = Task::of(&self.definition, &table);
        let baseline = Baseline::of(&table, &task);
        let (whole, digest) = (reference.whole(), reference.digest());
        let like = Options::like(&table);
        Ok(Arc::new(Frozen { reference, like, whole, task, baseline, digest, stamp, problems }))
    }

    /// By what its counts are kept.
    pub fn key(&self) -> String {
        key_of(&self.root, &self.name)
    }

    pub fn tell(&self, app: &App) {
        app.0.events.plain(Event::Data { project: self.project, name: self.name.clone() });
    }

    fn fail(&self, why: String) {
        let mut state = self.write();
        (state.state, state.trouble) = (MonitorState::Failed, Some(why));
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file has been read.
    pub fn has_read(&self, path: &Path, kept: Kept) {
        let mut state = self.write();
        state.files.insert(path.to_owned(), kept);
        state.files_done += 1;
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn alert(&self) -> Option<DataAlert> {
        self.read().alert.clone()
    }
}

/// What lies at these paths, as the file system knows it.
fn inodes(paths: &[&Path]) -> Vec<Option<u64>> {
    paths.iter().map(|path| std::fs::metadata(path).ok().map(|of| of.ino())).collect()
}

pub(super) fn key_of(root: &Path, name: &str) -> String {
    format!("{}\n{name}", root.display())
}

impl State {
    fn cells(&self) -> impl Iterator<Item = (i64, &str, &Cell)> {
        self.files.values().flat_map(|kept| &kept.cells.cells).map(|(hour, segment, cell)| (*hour, &**segment, cell))
    }

    fn problems(&self) -> Vec<Problem> {
        let mut all = self.frozen.as_ref().map(|frozen| frozen.problems.clone()).unwrap_or_default();
        all.extend(self.label_problems.clone());
        all.extend(self.left_out.clone());
        self.files.values().for_each(|kept| all.extend(kept.problems.clone()));
        all.told()
    }
}
