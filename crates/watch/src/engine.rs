//! The threads, started and stopped together: one that writes, some that read, one that routes changes, and one
//! a project that surveys its folders.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use signalbox_store::Store;
use signalbox_types::ProjectId;

use crate::commit::Writer;
use crate::event::{EngineStats, ProjectStats, WatchEvent};
use crate::inbox::{Inbox, News};
use crate::mail::{Mail, Order};
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
    threads: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<Store>>,
}

impl Engine {
    /// Starts the threads. `sink` takes the events; it runs on them and must be quick.
    pub fn start(
        store: Store,
        options: Options,
        sink: impl Fn(WatchEvent) + Send + Sync + 'static,
    ) -> io::Result<Engine> {
        let work = Arc::new(Work::default());
        let shared = Arc::new(Shared {
            inbox: Arc::default(),
            queue: Queue::new(&options, Arc::clone(&work)),
            mail: Mail::new(Arc::clone(&work), options.max_in_flight_bytes, options.min_commit_gap),
            totals: Totals::default(),
            projects: Mutex::default(),
            sink: Box::new(sink),
            options,
            work,
        });
        let mut engine = Engine { shared, threads: Vec::new(), writer: None };
        let shared = Arc::clone(&engine.shared);
        engine.writer = Some(Builder::new().name("sb-writer".into()).spawn(move || write(&shared, store))?);
        for i in 0..engine.shared.options.reader_threads() {
            let shared = Arc::clone(&engine.shared);
            let read = move || read_all(&shared.queue, &shared.mail, &shared.options, &*shared.sink);
            engine.threads.push(Builder::new().name(format!("sb-reader-{i}")).spawn(read)?);
        }
        if engine.shared.options.follow {
            let shared = Arc::clone(&engine.shared);
            engine.threads.push(Builder::new().name("sb-watch".into()).spawn(move || route(&shared))?);
        }
        Ok(engine)
    }

    /// Begins to walk and follow a project's folder. `root` must be there; nothing happens if it is open already.
    pub fn open(&self, project: ProjectId, root: &Path) -> io::Result<()> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
        }
        let mut projects = lock(&self.shared.projects);
        if projects.contains_key(&project) {
            return Ok(());
        }
        let options = &self.shared.options;
        let opened = Arc::new(Project::new(project, root, options, &self.shared.inbox));
        let (shared, for_survey) = (Arc::clone(&self.shared), Arc::clone(&opened));
        self.shared.work.begin();
        let survey = Builder::new().name(format!("sb-survey-{project}")).spawn(move || {
            let survey = Survey::new(&for_survey, &shared.mail, &shared.options, &*shared.sink);
            survey.run(&shared.queue, || shared.work.end());
        })?;
        projects.insert(project, Open { project: opened, survey: Some(survey) });
        Ok(())
    }

    /// Stops following a project. What was read and not committed is read again when it is opened next.
    pub fn close(&self, project: ProjectId) {
        let open = lock(&self.shared.projects).remove(&project);
        if let Some(open) = open {
            end(&self.shared, open);
        }
    }

    /// Runs `job` on the writing thread, between two transactions, and gives back what it returns; `None` if
    /// the engine has stopped. This is how everybody else writes to the store.
    pub fn with_store<T: Send + 'static>(&self, job: impl FnOnce(&mut Store) -> T + Send + 'static) -> Option<T> {
        let (tx, rx) = sync_channel(1);
        let run = move |store: &mut Store| {
            let _ = tx.send(job(store));
        };
        self.shared.mail.put_order(Order::Run(Box::new(run)));
        rx.recv().ok()
    }

    /// How a project stands; `None` if it is not open.
    pub fn project(&self, project: ProjectId) -> Option<ProjectStats> {
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

    /// Stops every thread and gives the store back; `None` if the writing thread has failed.
    pub fn stop(mut self) -> Option<Store> {
        self.stop_threads()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn stop_threads(&mut self) -> Option<Store> {
        let open: Vec<Open> = lock(&self.shared.projects).drain().map(|(_, open)| open).collect();
        self.shared.queue.stop();
        self.shared.mail.stop();
        self.shared.inbox.stop();
        for one in &open {
            one.project.cancel.cancel();
            one.project.tasks.stop();
        }
        for one in open {
            end(&self.shared, one);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.writer.take().and_then(|writer| writer.join().ok())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_threads();
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

fn write(shared: &Shared, store: Store) -> Store {
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
    writer.run()
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
                forward(&project, path, change, covered);
            }
        }
    }
}
