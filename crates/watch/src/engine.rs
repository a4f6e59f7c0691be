//! The threads, started and stopped together: one that writes, some that read, one that routes changes, and one
//! a project that surveys its folders.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use signalbox_formats::SourceSpec;
use signalbox_store::{Store, StoreError};
use signalbox_types::{Format, ProjectId, SourceId};

use crate::commit::Writer;
use crate::event::{EngineStats, ProjectStats, WatchEvent};
use crate::inbox::{Inbox, News, place};
use crate::ledger::Ledger;
use crate::liveness::{Liveness, Prober, Subject};
use crate::mail::Mail;
use crate::options::Options;
use crate::patrol::{closed, forward};
use crate::project::{Project, Sink};
use crate::queue::{Queue, Reason};
use crate::read::read_all;
use crate::stats::Totals;
use crate::survey::Survey;
use crate::sync::{Work, lock};

/// What the threads share.
pub(crate) struct Shared {
    pub options: Options,
    pub sink: Box<Sink>,
    pub inbox: Arc<Inbox>,
    pub queue: Queue,
    pub mail: Mail,
    pub totals: Totals,
    pub prober: Prober,
    pub work: Arc<Work>,
    pub projects: Mutex<HashMap<ProjectId, Open>>,
}

/// An open project and its surveying thread.
pub(crate) struct Open {
    project: Arc<Project>,
    survey: Option<JoinHandle<()>>,
}

/// Reads the sources of any number of projects into one store, and follows their changes. Dropping it stops it.
pub struct Engine {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    serving: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Engine {
    /// Opens the store and starts the threads. `sink` takes the events; it runs on them and must be quick.
    pub fn start(
        store_path: &Path,
        options: Options,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> Result<Engine, StoreError> {
        Engine::start_with(Box::new(Store::open(store_path)?), options, sink).map_err(|source| {
            let path = store_path.to_owned();
            StoreError::Io { path, source }
        })
    }

    /// The same with whatever takes the records.
    pub fn start_with(
        store: Box<dyn Ledger>,
        options: Options,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> io::Result<Engine> {
        let work = Arc::new(Work::default());
        let shared = Arc::new(Shared {
            inbox: Arc::default(),
            queue: Queue::new(&options, Arc::clone(&work)),
            mail: Mail::new(Arc::clone(&work), options.max_in_flight_bytes, options.min_commit_gap),
            totals: Totals::default(),
            prober: Prober::default(),
            projects: Mutex::default(),
            sink: Box::new(sink),
            options,
            work,
        });
        let engine = Engine { shared: Arc::clone(&shared), threads: Mutex::default() };
        engine.start_threads(store)?;
        Ok(engine)
    }

    fn start_threads(&self, store: Box<dyn Ledger>) -> io::Result<()> {
        let mut threads = lock(&self.threads);
        let shared = Arc::clone(&self.shared);
        threads.writer = Some(Builder::new().name("sb-writer".into()).spawn(move || write(&shared, store))?);
        for i in 0..self.shared.options.reader_threads() {
            let shared = Arc::clone(&self.shared);
            let read = move || read_all(&shared.queue, &shared.mail, &shared.options, &*shared.sink);
            threads.serving.push(Builder::new().name(format!("sb-reader-{i}")).spawn(read)?);
        }
        if self.shared.options.follow {
            let shared = Arc::clone(&self.shared);
            threads.serving.push(Builder::new().name("sb-watch".into()).spawn(move || route(&shared))?);
        }
        Ok(())
    }

    /// Begins to walk and follow a project's folder; nothing happens if it is followed already. A folder that is
    /// not there is looked for until it is.
    pub fn watch(&self, project: ProjectId, root: &Path) {
        let root = root.canonicalize().or_else(|_| std::path::absolute(root)).unwrap_or_else(|_| root.to_owned());
        let mut projects = lock(&self.shared.projects);
        if projects.contains_key(&project) {
            return;
        }
        let options = &self.shared.options;
        let opened = Arc::new(Project::new(project, root, options, &self.shared.inbox));
        let (shared, for_survey) = (Arc::clone(&self.shared), Arc::clone(&opened));
        self.shared.work.begin();
        let survey = Builder::new().name(format!("sb-survey-{project}")).spawn(move || {
            let survey = Survey::new(&for_survey, &shared.mail, &shared.options, &*shared.sink);
            survey.run(&shared.queue, || shared.work.end());
        });
        match survey {
            Ok(survey) => {
                projects.insert(project, Open { project: opened, survey: Some(survey) });
            }
            Err(e) => {
                self.shared.work.end();
                let message = format!("The folder cannot be watched: the system starts no more threads ({e}).");
                (self.shared.sink)(WatchEvent::StoreTrouble { message, hint: "Close other programs." });
            }
        }
    }

    /// Stops following a project. What was read and not committed is read again when it is opened next.
    pub fn unwatch(&self, project: ProjectId) {
        let open = lock(&self.shared.projects).remove(&project);
        if let Some(open) = open {
            end(&self.shared, open);
        }
    }

    /// How a project stands; `None` if it is not open.
    pub fn project_stats(&self, project: ProjectId) -> Option<ProjectStats> {
        let open = lock(&self.shared.projects).get(&project).map(|o| Arc::clone(&o.project))?;
        Some(open.stats(self.shared.queue.waiting(project)))
    }

    /// The open projects.
    pub fn projects(&self) -> Vec<ProjectId> {
        let mut ids: Vec<_> = lock(&self.shared.projects).keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    pub fn stats(&self) -> EngineStats {
        self.shared.totals.now(self.shared.mail.in_flight_bytes(), self.shared.queue.n_open())
    }

    /// Looks at everything in a project now, as a person may ask for.
    pub fn rescan(&self, project: ProjectId) {
        if let Some(open) = lock(&self.shared.projects).get(&project) {
            open.project.tasks.everything();
        }
    }

    /// Whether anything proves that a source of an open project is still being written. `pid`: the process that
    /// the run says wrote it, on this machine.
    pub fn liveness(&self, project: ProjectId, source: SourceId, pid: Option<u32>) -> Liveness {
        let open = lock(&self.shared.projects).get(&project).map(|o| Arc::clone(&o.project));
        let Some(source) = open.and_then(|p| p.source_by_id(source)) else {
            return Liveness { why: "its source is not being watched".into(), ..Liveness::default() };
        };
        let (dirs, rhythm, last_read) = {
            let state = source.state();
            (state.watch_paths.clone(), state.rhythm.clone(), state.last_read)
        };
        let subject = Subject {
            path: &source.path,
            dirs: &dirs,
            format: source.spec.format,
            pid,
            last_news: rhythm.last(),
            last_read,
            rhythm: Some(&rhythm),
        };
        self.shared.prober.probe(&subject, (self.shared.options.clock)())
    }

    /// The same of a source that nobody watches, at `rel` below `root`.
    pub fn liveness_of(root: &Path, rel: &Path, format: Format, pid: Option<u32>) -> Liveness {
        // Shared by all calls: the open files of all processes are looked at once for all runs of a folder.
        static PROBER: std::sync::LazyLock<Prober> = std::sync::LazyLock::new(Prober::default);
        let path = SourceSpec { format, project: root.to_owned(), rel: rel.to_owned() }.path();
        let subject = Subject { path: &path, dirs: &[], format, pid, last_news: None, last_read: None, rhythm: None };
        PROBER.probe(&subject, (Options::default().clock)())
    }

    /// Stops every thread, within a moment; what was read and not committed is read again next time.
    pub fn stop(&self) {
        self.shared.queue.stop();
        self.shared.mail.stop();
        self.shared.inbox.stop();
        let open: Vec<Open> = lock(&self.shared.projects).drain().map(|(_, open)| open).collect();
        for one in &open {
            one.project.cancel.cancel();
            one.project.tasks.stop();
        }
        for one in open {
            end(&self.shared, one);
        }
        let mut threads = lock(&self.threads);
        for thread in threads.serving.drain(..) {
            let _ = thread.join();
        }
        if let Some(writer) = threads.writer.take() {
            let _ = writer.join();
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn end(shared: &Shared, mut open: Open) {
    let project = &open.project;
    project.cancel.cancel();
    project.tasks.stop();
    if let Some(survey) = open.survey.take() {
        let _ = survey.join();
    }
    for source in project.sources() {
        shared.queue.retire(&source);
    }
    shared.mail.forget(project.id);
    project.clear();
    closed(project, &*shared.sink);
}

fn write(shared: &Shared, store: Box<dyn Ledger>) {
    let writer = Writer {
        store,
        queue: &shared.queue,
        mail: &shared.mail,
        options: &shared.options,
        totals: &shared.totals,
        sink: &*shared.sink,
        known: HashMap::new(),
        in_trouble: false,
    };
    writer.run();
}

/// From changed paths to the sources and folders that they concern.
fn route(shared: &Shared) {
    while let Some(news) = shared.inbox.take(shared.options.debounce) {
        for (id, News { paths, lost }) in news {
            let Some(project) = lock(&shared.projects).get(&id).map(|o| Arc::clone(&o.project)) else { continue };
            if lost {
                project.tasks.everything();
            }
            for (path, change) in paths {
                let (sources, covered) = project.concerned(&path);
                for source in &sources {
                    shared.queue.touch(source, Reason::Live);
                }
                // An experiment's name stands in its own file, beside the folders of its runs.
                if sources.is_empty()
                    && let Some((dir, _)) = place(&path).filter(|(_, name)| *name == "meta.yaml")
                {
                    for source in project.sources_in(dir) {
                        shared.queue.touch(&source, Reason::Live);
                    }
                }
                forward(&project, path, change, covered);
            }
        }
    }
}
