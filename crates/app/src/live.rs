//! From the watcher's events to the page's: changed runs are loaded, states looked at, news published.
//!
//! Two threads. "refresh" takes what the watcher committed, brings the catalogue up to the store and tells the page;
//! whatever is committed meanwhile waits together for its next turn. "tick" looks once a second at what a clock
//! changes: states and the status line. Both hold the app weakly and end with it.

use crate::app::{App, Inner, lock, now};
use crate::catalogue::Run;
use crate::code;
use crate::process::Meter;
use crate::project::OpenProject;
use crate::state::state;
use crate::wire::{Event, Level, RunState, StatusLine, WatchMode, Watching};
use signalbox_store::StoreError;
use signalbox_types::{ProjectId, RunId, SourceId, Status};
use signalbox_watch::{Engine, Liveness, Mode, Options, WatchEvent};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// More than this many changed runs are told as "many".
const MANY: usize = 500;

/// What waits for the refresh thread.
#[derive(Default)]
struct Waiting {
    runs: BTreeMap<ProjectId, BTreeSet<RunId>>,
    /// Those of them that were not there before.
    new_runs: BTreeMap<ProjectId, BTreeSet<RunId>>,
    series: Vec<(ProjectId, Vec<(RunId, signalbox_types::MetricId)>)>,
    origins: BTreeSet<ProjectId>,
    /// Walked through for the first time, with every source watched.
    known: BTreeSet<ProjectId>,
    problems: BTreeSet<ProjectId>,
    trouble: Option<(String, &'static str)>,
    stopped: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        let is_quiet = self.origins.is_empty() && self.known.is_empty() && self.problems.is_empty();
        is_quiet && self.runs.is_empty() && self.trouble.is_none()
    }
}

type Mailbox = Arc<(Mutex<Waiting>, Condvar)>;

/// The watcher, and what it told.
pub(crate) struct Live {
    engine: Engine,
    mailbox: Mailbox,
    /// New runs of which it is to be kept what their code was.
    pub code: Arc<code::Waiting>,
    meter: Mutex<Meter>,
    /// By project: the version of its catalogue, and its points then.
    n_points: Mutex<HashMap<u32, (u32, u64)>>,
}

impl Live {
    pub fn start(store_path: &Path, force_polling: bool) -> Result<Live, StoreError> {
        let mailbox: Mailbox = Arc::default();
        let sink = mailbox.clone();
        let options = Options { force_polling, ..Options::default() };
        let engine = Engine::start(store_path, options, move |event| post(&sink, event))?;
        Ok(Live {
            engine,
            mailbox,
            code: Arc::default(),
            meter: Mutex::new(Meter::start()),
            n_points: Mutex::default(),
        })
    }

    pub fn watch(&self, project: ProjectId, root: &Path) {
        lock(&self.n_points).remove(&project.0);
        self.engine.watch(project, root);
    }

    pub fn unwatch(&self, project: ProjectId) {
        self.engine.unwatch(project);
    }

    pub fn stop(&self) {
        let (waiting, wake) = &*self.mailbox;
        lock(waiting).stopped = true;
        wake.notify_all();
        self.code.stop();
        self.engine.stop();
    }

    /// The only jobs are scans of projects: their id is the project's.
    pub fn stop_job(&self, id: u32) {
        self.unwatch(ProjectId(id));
    }

    /// Folders of a project that cannot be looked into.
    pub fn folder_problems(&self, project: ProjectId) -> Vec<signalbox_types::Problem> {
        self.engine.project_stats(project).map_or_else(Vec::new, |s| s.problems)
    }

    pub fn status(&self, app: &App) -> StatusLine {
        let stats = self.engine.stats();
        let mut jobs = Vec::new();
        let mut n_points = 0;
        let projects: Vec<Watching> = app
            .open_projects()
            .iter()
            .map(|p| {
                n_points += self.n_points(p);
                let watching = self.watching(p.id);
                if watching.scanning || watching.backlog_bytes > 0 {
                    jobs.push(job(p, &watching));
                }
                watching
            })
            .collect();
        jobs.extend(app.storage_jobs());
        let cpu_percent = lock(&self.meter).percent();
        StatusLine {
            projects,
            points_per_second: stats.points_per_second,
            n_points,
            n_live: app.n_live(),
            n_problems: app.n_problems(),
            jobs,
            cpu_percent,
            memory_bytes: crate::process::memory_bytes(),
            version: app.0.options.version.to_owned(),
        }
    }

    /// Summed again only when a run changed.
    fn n_points(&self, project: &OpenProject) -> u64 {
        let catalogue = project.catalogue();
        let mut known = lock(&self.n_points);
        let (version, n) = known.entry(project.id.0).or_insert((catalogue.version.wrapping_sub(1), 0));
        if *version != catalogue.version {
            let sum = catalogue.runs.iter().map(crate::catalogue::Run::n_points).sum();
            (*version, *n) = (catalogue.version, sum);
        }
        *n
    }

    fn watching(&self, project: ProjectId) -> Watching {
        let stats = self.engine.project_stats(project).unwrap_or_default();
        Watching {
            project: project.0,
            mode: match stats.mode {
                Mode::None => WatchMode::None,
                Mode::Notify => WatchMode::Notify,
                Mode::Polling => WatchMode::Polling,
                Mode::Mixed => WatchMode::Mixed,
            },
            why: stats.why,
            n_dirs: (stats.n_dirs_watched + stats.n_dirs_polled) as usize,
            n_sources: stats.n_sources as usize,
            scanning: stats.scanning,
            scanned_files: stats.counts.files,
            read_bytes: stats.read_bytes,
            backlog_bytes: stats.backlog_bytes,
        }
    }
}

fn job(project: &OpenProject, watching: &Watching) -> crate::wire::Job {
    let (name, done, total, unit) = if watching.scanning {
        (format!("Looking through {}", project.name), watching.scanned_files, None, "files")
    } else {
        let total = watching.read_bytes + watching.backlog_bytes;
        (format!("Reading {}", project.name), watching.read_bytes, Some(total), "bytes")
    };
    crate::wire::Job {
        id: project.id.0,
        name,
        project: Some(project.id.0),
        done,
        total,
        unit: unit.to_owned(),
        can_stop: false,
    }
}

/// Runs on the engine's threads: only notes what to do.
fn post(mailbox: &Mailbox, event: WatchEvent) {
    let (waiting, wake) = &**mailbox;
    let mut waiting = lock(waiting);
    match event {
        WatchEvent::Committed { project, runs, new_runs, series, problems_changed, .. } => {
            if !new_runs.is_empty() {
                waiting.new_runs.entry(project).or_default().extend(new_runs);
            }
            waiting.runs.entry(project).or_default().extend(runs);
            if !series.is_empty() {
                waiting.series.push((project, series));
            }
            if problems_changed {
                waiting.problems.insert(project);
            }
        }
        WatchEvent::Gone { project, .. } | WatchEvent::Back { project, .. } => {
            waiting.origins.insert(project);
        }
        WatchEvent::Problem { project, .. } | WatchEvent::Healed { project, .. } => {
            waiting.problems.insert(project);
        }
        WatchEvent::StoreTrouble { message, hint } => waiting.trouble = Some((message, hint)),
        WatchEvent::Known { project } => {
            waiting.known.insert(project);
        }
        // Told by the status line once a second.
        WatchEvent::ScanProgress { .. } | WatchEvent::ScanDone { .. } | WatchEvent::Mode { .. } => return,
    }
    wake.notify_one();
}

/// Starts the threads of an app.
pub(crate) fn run(app: &App) {
    let weak = Arc::downgrade(&app.0);
    let mailbox = app.0.live.mailbox.clone();
    spawn("refresh", move || refresh(&weak, &mailbox));
    let weak = Arc::downgrade(&app.0);
    spawn("tick", move || tick(&weak));
    let weak = Arc::downgrade(&app.0);
    let waiting = Arc::clone(&app.0.live.code);
    spawn("code", move || code::watch(&weak, &waiting));
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name(name.into()).spawn(body).expect("BUG: the system starts a thread");
}

fn refresh(app: &Weak<Inner>, mailbox: &Mailbox) {
    let (waiting, wake) = &**mailbox;
    loop {
        let work = {
            let mut waiting = lock(waiting);
            while waiting.is_empty() && !waiting.stopped {
                waiting = wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.stopped {
                return;
            }
            std::mem::take(&mut *waiting)
        };
        let Some(app) = app.upgrade().map(App) else { return };
        apply(&app, work);
        // A scan commits hundreds of times a second; the page is told at the screen's rate anyway.
        thread::sleep(Duration::from_millis(10));
    }
}

fn apply(app: &App, work: Waiting) {
    let events = &app.0.events;
    if let Some((message, hint)) = work.trouble {
        events.plain(Event::Notice { level: Level::Error, message, hint: Some(hint.to_owned()) });
    }
    let result = app.with_reader(|reader| {
        for (id, runs) in &work.runs {
            let Ok(project) = app.project(id.0) else { continue };
            let ids: Vec<RunId> = runs.iter().copied().collect();
            let is_regrouped = project.refresh(reader, &ids)?;
            look_at(app, &project, Some(runs));
            let catalogue = project.catalogue();
            let changed: BTreeSet<u32> = ids.iter().map(|id| catalogue.shown(*id).0).collect();
            let changed: Vec<u32> = changed.into_iter().collect();
            let is_few = changed.len() <= MANY && !is_regrouped;
            events.runs(id.0, catalogue.version, is_few.then_some(&changed));
            drop(catalogue);
            if let Some(new) = work.new_runs.get(id) {
                code::note(app, *id, new);
            }
        }
        for (id, series) in &work.series {
            let Ok(project) = app.project(id.0) else { continue };
            let catalogue = project.catalogue();
            let metrics: BTreeSet<String> = series.iter().map(|(_, m)| catalogue.metric_name(*m).to_owned()).collect();
            events.series(id.0, series.iter().map(|(run, _)| catalogue.shown(*run).0), metrics);
        }
        for id in &work.origins {
            let Ok(project) = app.project(id.0) else { continue };
            project.refresh_origins(reader)?;
            look(app, &project);
            events.runs(id.0, project.catalogue().version, None);
        }
        for id in &work.known {
            let Ok(project) = app.project(id.0) else { continue };
            // Before, what did not change since last time was not watched yet, and its life could not be seen.
            look(app, &project);
            events.runs(id.0, project.catalogue().version, None);
        }
        for id in &work.problems {
            let Ok(project) = app.project(id.0) else { continue };
            project.count_problems(reader, app.0.live.folder_problems(*id).len())?;
            events.problems(id.0);
            events.runs(id.0, project.catalogue().version, None);
        }
        Ok(())
    });
    if let Err(e) = result {
        events.plain(Event::Notice { level: Level::Error, message: e.message, hint: e.hint });
    }
}

/// Looks at the state of all of a project's runs.
pub(crate) fn look(app: &App, project: &OpenProject) {
    look_at(app, project, None);
}

/// Looks at the state of some runs; tells whether any changed.
fn look_at(app: &App, project: &OpenProject, only: Option<&BTreeSet<RunId>>) -> Vec<u32> {
    let engine = &app.0.live.engine;
    let shown = only.map(|only| only.iter().map(|id| project.catalogue().shown(*id)).collect());
    judge(project, shown.as_ref(), |run| engine.liveness(project.id, run.row.source, run.row.pid))
}

/// The same without a watcher: the processes are asked once.
pub(crate) fn look_once(project: &OpenProject) {
    judge(project, None, |run| Engine::liveness_of(&project.root, &run.origin.rel, run.origin.format, run.row.pid));
}

/// Of what several records say of one run, which is believed: an end that was told, then life, then silence.
fn says_most(state: RunState) -> u8 {
    match state {
        RunState::Failed => 0,
        RunState::Killed => 1,
        RunState::Finished => 2,
        RunState::Running => 3,
        RunState::Silent => 4,
        RunState::Scheduled => 5,
        RunState::Stopped => 6,
    }
}

fn judge(project: &OpenProject, only: Option<&BTreeSet<RunId>>, sign: impl Fn(&Run) -> Liveness) -> Vec<u32> {
    let now = now();
    let mut by_source: HashMap<(SourceId, Option<u32>), Liveness> = HashMap::new();
    // Judged outside of the write lock: asking for proof of life may read /proc.
    let judged: Vec<(RunId, RunState, String)> = {
        let catalogue = project.catalogue();
        let wanted = |id: RunId| only.is_none_or(|o| o.contains(&id));
        let runs = catalogue.runs.iter().filter(|r| wanted(r.row.id));
        runs.map(|run| {
            let newest = run.last_time();
            let mut of_record = |run: &Run| {
                let open = matches!(run.row.status, Status::Running | Status::Unknown) && !run.origin.gone;
                let live = open.then(|| &*by_source.entry((run.row.source, run.row.pid)).or_insert_with(|| sign(run)));
                state(run, live, newest, now)
            };
            let judged = run.records().into_iter().filter_map(|id| catalogue.record(id)).map(&mut of_record);
            let (state, why) = judged.min_by_key(|(state, _)| says_most(*state)).unwrap_or((run.state, String::new()));
            (run.row.id, state, why)
        })
        .collect()
    };
    let mut catalogue = project.write();
    let mut changed = Vec::new();
    for (id, state, why) in judged {
        let Ok(i) = catalogue.runs.binary_search_by_key(&id, |r| r.row.id) else { continue };
        let run = &mut catalogue.runs[i];
        if *run.state_why != *why {
            run.state_why = why.into();
        }
        if run.state != state {
            run.state = state;
            changed.push(id.0);
        }
    }
    if !changed.is_empty() {
        catalogue.version += 1;
    }
    changed
}

/// Runs whose state a clock can change.
fn may_change(project: &OpenProject) -> BTreeSet<RunId> {
    let recent = now() - 1800.0;
    project
        .catalogue()
        .runs
        .iter()
        .filter(|r| r.state == RunState::Running || (r.state == RunState::Silent && r.row.last_change > recent))
        .map(|r| r.row.id)
        .collect()
}

/// Looking for life may take this share of the time at most: with thousands of running runs it is looked less often.
const LOOKING_SHARE: u32 = 1000;

fn tick(app: &Weak<Inner>) {
    let mut shown: Option<StatusLine> = None;
    let mut look_again = Instant::now();
    loop {
        thread::sleep(Duration::from_secs(1));
        let Some(app) = app.upgrade().map(App) else { return };
        if app.0.stopped.load(std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        app.close_forgotten();
        let began = Instant::now();
        let due = began >= look_again;
        for project in app.open_projects() {
            // It limits itself.
            if project.write().regroup_if_due() {
                look(&app, &project);
                app.0.events.runs(project.id.0, project.catalogue().version, None);
            }
        }
        for project in app.open_projects().into_iter().filter(|_| due) {
            let ids = may_change(&project);
            if ids.is_empty() {
                continue;
            }
            let changed = look_at(&app, &project, Some(&ids));
            if !changed.is_empty() {
                app.0.events.runs(project.id.0, project.catalogue().version, Some(&changed));
            }
        }
        if due {
            look_again = began + (began.elapsed() * LOOKING_SHARE).min(Duration::from_secs(30));
        }
        app.look_at_definitions();
        let status = app.0.live.status(&app);
        if shown.as_ref().is_none_or(|s| differs(s, &status)) {
            app.0.events.status(status.clone());
            shown = Some(status);
        }
    }
}

/// Whether a person would see the difference: an idle app sends nothing.
fn differs(a: &StatusLine, b: &StatusLine) -> bool {
    let apart = |x: f64, y: f64, by: f64| (x - y).abs() > by;
    a.projects != b.projects
        || a.jobs != b.jobs
        || (a.n_live, a.n_problems, a.n_points) != (b.n_live, b.n_problems, b.n_points)
        || apart(a.points_per_second, b.points_per_second, 0.5)
        // Shown in whole percents; between two of them it must not flicker.
        || (a.cpu_percent.round() != b.cpu_percent.round() && apart(a.cpu_percent, b.cpu_percent, 0.6))
        || apart(a.memory_bytes as f64, b.memory_bytes as f64, 16e6)
}
