//! One monitor at work: a thread that freezes the reference, counts each file once, and waits for more.

use super::Defined;
use super::alert::{Moved, of_timeline};
use super::importance;
use super::reading::{Basis, Kept, Reading, stamp_of};
use crate::app::{App, Inner, lock};
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_drift::monitor::{
    Baseline, Cell, Definition, HOUR, Labels, Reference, Task, Timeline, Window, timeline, window,
};
use signalbox_drift::read::{Fingerprint, Options, Problem, Problems, Table, data_files};
use signalbox_drift::rules::Rules;
use signalbox_drift::verdict::Rule;
use signalbox_watch::Below;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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
    changed: Arc<(Mutex<bool>, Condvar)>,
    stopped: AtomicBool,
    /// What the reference keeps, with its stamp.
    learnt: Mutex<Option<(String, Rules, Problems)>>,
    /// One at a time reads what was said of an alert, decides, and writes.
    pub saying: Mutex<()>,
}

/// The reference and what follows from it.
pub(super) struct Frozen {
    pub reference: Reference,
    whole: Cell,
    pub task: Task,
    baseline: Option<Baseline>,
    digest: String,
    stamp: String,
    problems: Problems,
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
    alert: Option<DataAlert>,
    /// What the alert is made of.
    moved: Vec<Moved>,
}

const NANOS: i128 = 1_000_000_000;
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
            alert: None,
            moved: Vec::new(),
        };
        let is_wrong = state.trouble.is_some();
        let watched = Arc::new(Watched {
            project: project.id.0,
            root: project.root.clone(),
            name: name.to_owned(),
            rule: defined.definition.rule().unwrap_or_default(),
            definition: defined.definition,
            in_policy: defined.in_policy,
            state: RwLock::new(state),
            changed: Arc::default(),
            stopped: AtomicBool::new(false),
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
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn run(&self, weak: &Weak<Inner>) {
        let paths = [self.root.join(&self.definition.current), self.root.join(&self.definition.reference)];
        let labels = self.definition.labels.as_ref().map(|path| self.root.join(path));
        let watched: Vec<&Path> = paths.iter().chain(&labels).map(PathBuf::as_path).collect();
        let changed = self.changed.clone();
        let below = Below::watch(&watched, move || {
            *changed.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.1.notify_all();
        });
        let wait = if below.is_sighted() { SELDOM } else { OFTEN };
        loop {
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
        }
    }

    fn refresh(&self, app: &App) {
        let before = self.read().alert.clone();
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
                self.tell(app);
            }
        }
        if self.read().alert != before {
            self.tell(app);
        }
    }

    pub fn look_at_alert(&self, app: &App) {
        let Some(all) = self.timeline(None, None, &self.rule) else { return };
        let n = all.segments.len();
        let mut moved: Vec<Moved> = of_timeline(&all, None).into_iter().collect();
        // What moves in one segment may drown among the others. Each is a question more, and asked the stricter for it.
        let rule = Rule { alpha: self.rule.alpha / n.max(1) as f64, ..self.rule };
        for segment in all.segments.iter().take(MAX_SEGMENTS).filter(|_| n > 1) {
            let timeline = self.timeline(Some(segment), None, &rule);
            moved.extend(timeline.and_then(|timeline| of_timeline(&timeline, Some(segment))));
        }
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
        let frozen = self.frozen()?;
        let mut is_news = self.read().frozen.as_ref().is_none_or(|known| known.digest != frozen.digest);
        let labels_path = self.definition.labels.as_ref().map(|path| self.root.join(path));
        let labels_stamp = labels_path.as_deref().map(stamp_of).unwrap_or_default();
        let current = self.root.join(&self.definition.current);
        let files = self.files()?;
        let basis = Basis::new(&frozen.digest, &self.definition, labels_stamp);
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
        let labels = self.labels(labels_path.as_deref(), &frozen.task);
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

    /// What is watched, by name.
    pub fn files(&self) -> Result<Vec<PathBuf>, String> {
        let current = self.root.join(&self.definition.current);
        if current.is_dir() {
            data_files(&current).map_err(|e| format!("{} cannot be listed: {e}.", current.display()))
        } else if current.is_file() {
            Ok(vec![current])
        } else {
            Err(format!("{} is not there.", current.display()))
        }
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

    /// The labels that came later. What is wrong with them is told with the monitor's problems.
    fn labels(&self, path: Option<&Path>, task: &Task) -> Labels {
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
        Ok(Arc::new(Frozen { reference, whole, task, baseline, digest, stamp, problems }))
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

    pub fn row(&self) -> MonitorRow {
        let state = self.read();
        MonitorRow {
            project: self.project,
            name: self.name.clone(),
            definition: self.definition.clone(),
            in_policy: self.in_policy,
            state: state.state,
            trouble: state.trouble.clone(),
            files_done: state.files_done,
            files: state.n_files,
            rows: state.files.values().flat_map(|kept| &kept.cells.cells).map(|(_, _, cell)| cell.rows).sum(),
            n_problems: state.problems().len(),
            alert: state.alert.clone(),
        }
    }

    pub fn view(&self, segment: Option<&str>, hours: Option<i64>) -> MonitorView {
        let row = self.row();
        let timeline = self.timeline(segment, hours, &self.rule);
        // A page of text: read when it is asked for, it is never old.
        let told = self.definition.importance.as_ref().map(|path| importance::read(&self.root.join(path)));
        let (importance, trouble) = match told {
            Some(Ok(shares)) => (shares, None),
            Some(Err(why)) => (BTreeMap::new(), Some(why)),
            None => (BTreeMap::new(), None),
        };
        let state = self.read();
        let mut problems = state.problems();
        problems.extend(trouble.map(|message| Problem {
            file: self.definition.importance.clone().unwrap_or_default(),
            column: None,
            place: None,
            message,
            hint: Some("It is read again each time.".into()),
        }));
        MonitorView {
            row,
            timeline,
            digest: state.frozen.as_ref().map(|frozen| frozen.digest.clone()),
            reference_rows: state.frozen.as_ref().map_or(0, |frozen| frozen.reference.n_rows),
            rule: self.rule,
            problems,
            importance,
            n_timeless: state.files.values().map(|kept| kept.cells.n_timeless).sum(),
            n_labels: state.n_labels,
        }
    }

    fn timeline(&self, segment: Option<&str>, hours: Option<i64>, rule: &Rule) -> Option<Timeline> {
        let state = self.read();
        let frozen = state.frozen.clone()?;
        let cells: Vec<(i64, &str, &Cell)> = state.cells().collect();
        let model = (&frozen.task, frozen.baseline.as_ref());
        Some(timeline(&frozen.reference, &cells, model, segment, hours, rule))
    }

    pub fn window(&self, segment: Option<&str>, hours: Range<i64>) -> Option<Window> {
        let (sum, frozen) = self.sum(segment, hours)?;
        let own;
        let whole = if segment.is_none() {
            &frozen.whole
        } else {
            own = frozen.reference.of(segment);
            &own
        };
        Some(window(&frozen.reference, whole, &sum, &self.rule))
    }

    fn sum(&self, segment: Option<&str>, hours: Range<i64>) -> Option<(Cell, Arc<Frozen>)> {
        let state = self.read();
        let frozen = state.frozen.clone()?;
        let mut sum = Cell::empty(&frozen.reference);
        for (hour, name, cell) in state.cells() {
            if hours.contains(&hour) && segment.is_none_or(|segment| segment == name) {
                sum.add(cell);
            }
        }
        Some((sum, frozen))
    }

    /// Those with rows of these hours; of files with none at all, or with rows without a time, those that were written
    /// since then: an empty or unreadable file is what rules are for.
    fn files_within(&self, hours: Range<i64>) -> Vec<PathBuf> {
        let is_within = |(path, kept): &(&PathBuf, &Kept)| {
            let cells = &kept.cells;
            let written = || Fingerprint::of(path).is_ok_and(|of| (of.modified / NANOS) as i64 / HOUR >= hours.start);
            cells.cells.iter().any(|(hour, _, _)| hours.contains(hour))
                || (cells.cells.is_empty() || cells.n_timeless > 0) && written()
        };
        self.read().files.iter().filter(is_within).map(|(path, _)| path.clone()).collect()
    }

    /// The last hours that there are, for a gate: what they hold, and by which reference; waits for what is being read.
    pub fn last_hours(&self, hours: i64, until: Instant) -> Result<LastHours, String> {
        loop {
            let (state, trouble) = {
                let state = self.read();
                (state.state, state.trouble.clone())
            };
            match state {
                MonitorState::Watching => break,
                MonitorState::Failed => return Err(trouble.unwrap_or_else(|| "it failed".into())),
                _ if Instant::now() > until || self.is_stopped() => return Err("its data are still being read".into()),
                _ => thread::sleep(Duration::from_millis(50)),
            }
        }
        let till = self.read().cells().map(|(hour, _, _)| hour + 1).max().ok_or("there are no data yet")?;
        let (cell, frozen) = self.sum(None, till - hours..till).ok_or("the reference is not read")?;
        let window = window(&frozen.reference, &frozen.whole, &cell, &self.rule);
        let point = cell
            .quality
            .as_ref()
            .map(|quality| signalbox_drift::monitor::of_quality(quality, &frozen.task, frozen.baseline.as_ref()));
        Ok(LastHours {
            from: till - hours,
            till,
            window,
            quality: point,
            cell,
            task: frozen.task.clone(),
            digest: frozen.digest.clone(),
            files: self.files_within(till - hours..till),
        })
    }
}

pub(super) fn key_of(root: &Path, name: &str) -> String {
    format!("{}\n{name}", root.display())
}

/// What a gate is judged by.
pub(super) struct LastHours {
    pub from: i64,
    pub till: i64,
    pub window: Window,
    pub quality: Option<signalbox_drift::monitor::QualityPoint>,
    pub cell: Cell,
    pub task: Task,
    pub digest: String,
    /// Those with rows of these hours.
    pub files: Vec<PathBuf>,
}

impl State {
    fn cells(&self) -> impl Iterator<Item = (i64, &str, &Cell)> {
        self.files.values().flat_map(|kept| &kept.cells.cells).map(|(hour, segment, cell)| (*hour, &**segment, cell))
    }

    fn problems(&self) -> Vec<Problem> {
        let mut all = self.frozen.as_ref().map(|frozen| frozen.problems.clone()).unwrap_or_default();
        all.extend(self.label_problems.clone());
        self.files.values().for_each(|kept| all.extend(kept.problems.clone()));
        all.told()
    }
}
