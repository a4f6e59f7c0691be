//! The application: one store, the open projects, the watcher, the stream of events.

use crate::commands;
use crate::events::Events;
use crate::live::Live;
use crate::project::OpenProject;
use crate::wire::*;
use serde_json::Value;
use signalbox_store::{Store, StoreError, StoreReader, frame_at_once};
use signalbox_types::{ProjectId, RunId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// A chart of fewer lines is drawn sooner than a second thread has begun.
const LINES_PER_THREAD: usize = 8;

/// What only a desktop can do: ask a person with the system's own dialogs.
pub trait Desktop: Send + Sync {
    /// `None` when the person thought better of it.
    fn pick_folder(&self) -> Option<PathBuf>;
    fn save_file(&self, suggested: &str) -> Option<PathBuf>;
    /// Tells a person who may look elsewhere.
    fn notify(&self, title: &str, body: &str);
}

/// How an [`App`] is started.
pub struct Options {
    /// Our own folder: the store lies in it. Made if missing.
    pub data_dir: PathBuf,
    /// The demo project, where one came along.
    pub demo_path: Option<PathBuf>,
    pub version: &'static str,
    pub desktop: Option<Box<dyn Desktop>>,
    /// Never trust the system's change events; poll. For tests and broken mounts.
    pub force_polling: bool,
    /// The program that keeps models serving on this machine: it must call [`crate::keep_if_asked`] before anything
    /// else. `None`: there is no local target.
    pub keeper: Option<PathBuf>,
}

impl Options {
    /// A folder of our own and nothing around it: no demo, no desktop, no local target.
    pub fn alone(data_dir: impl Into<PathBuf>, version: &'static str) -> Options {
        let data_dir = data_dir.into();
        Options { data_dir, demo_path: None, version, desktop: None, force_polling: false, keeper: None }
    }
}

/// Cheap to clone; all clones are one application.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub options: Options,
    /// Our own writing connection; the watcher has another.
    store: Mutex<Store>,
    readers: Mutex<Vec<StoreReader>>,
    /// Held while one chart is drawn by several threads.
    drawing: Mutex<()>,
    pub projects: Mutex<BTreeMap<ProjectId, Arc<OpenProject>>>,
    pub events: Events,
    pub live: Live,
    pub promotions: crate::promotion::Promotions,
    pub data: crate::data::Data,
    pub storage: crate::storage::Storage,
    pub secrets: OnceLock<Arc<signalbox_remote::Secrets>>,
    pub stopped: AtomicBool,
}

impl App {
    /// Opens the store in `options.data_dir` and starts the background threads. No project is open yet.
    pub fn open(options: Options) -> Result<App, CallError> {
        std::fs::create_dir_all(&options.data_dir).map_err(|e| {
            CallError::new(ErrorCode::Store, format!("{} cannot be made: {e}.", options.data_dir.display()))
                .hint("Choose another data directory with --data-dir or SIGNALBOX_DATA_DIR.")
        })?;
        let path = options.data_dir.join("signalbox.db");
        let store = Store::open(&path)?;
        let live = Live::start(&path, options.force_polling)?;
        let app = App(Arc::new(Inner {
            options,
            store: Mutex::new(store),
            readers: Mutex::default(),
            drawing: Mutex::default(),
            projects: Mutex::default(),
            events: Events::start(),
            live,
            promotions: crate::promotion::Promotions::default(),
            data: crate::data::Data::default(),
            storage: crate::storage::Storage::default(),
            secrets: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }));
        crate::live::run(&app);
        app.watch_services();
        app.sweep_later();
        Ok(app)
    }

    /// Runs a command of [`crate::COMMANDS`] by name. Blocking: call it on a thread that may wait.
    pub fn call(&self, name: &str, args: Value) -> Result<Value, CallError> {
        commands::dispatch(self, name, args)
    }

    /// The binary frame that a chart draws, for `FrameArgs`. Blocking.
    pub fn frame(&self, args: Value) -> Result<Vec<u8>, CallError> {
        let args: FrameArgs = parse("frame", args)?;
        // A project that is closed meanwhile has nothing to merge, and its points are there all the same.
        let project = self.project(args.project).ok();
        let query = crate::export::frame_query(&args, project.as_ref().map(|project| project.catalogue()).as_deref());
        let n_threads = (query.runs.len() / LINES_PER_THREAD).min(n_processors());
        // The page asks for several charts at once: then each has a thread already.
        let Some(_alone) = (n_threads > 1).then(|| self.0.drawing.try_lock().ok()).flatten() else {
            return self.with_reader(|reader| Ok(reader.frame(&query)?));
        };
        let mut readers = (0..n_threads).map(|_| self.lent_reader()).collect::<Result<Vec<_>, _>>()?;
        let bytes = frame_at_once(&mut readers, &query);
        lock(&self.0.readers).append(&mut readers);
        Ok(bytes?)
    }

    /// Bytes by name: "artifact" (`ArtifactBlob`), "media" (`MediaBlob`), "export" (`SaveExport`), "drift" (`SaveDrift`) or
    /// "words" (`SaveWords`). Blocking.
    pub fn blob(&self, name: &str, args: Value) -> Result<Vec<u8>, CallError> {
        match name {
            "artifact" => self.artifact_bytes(&parse(name, args)?),
            "media" => self.media_bytes(&parse(name, args)?),
            "export" => crate::export::export(self, &parse(name, args)?),
            "drift" => crate::data::drift_chart(self, &parse(name, args)?),
            "words" => crate::storage::words(self, &parse(name, args)?),
            _ => Err(CallError::new(ErrorCode::BadRequest, format!("There is no blob {name:?}."))),
        }
    }

    /// Events as JSON text, until the app ends or the receiver falls far behind.
    pub fn subscribe(&self) -> Receiver<Arc<str>> {
        self.0.events.subscribe()
    }

    /// Opens folders that came by command line, drop or a second instance, and asks the page to show the last.
    pub fn open_paths(&self, paths: &[PathBuf]) {
        for path in paths {
            match self.open_folder(path) {
                Ok(project) => self.0.events.plain(Event::Open { project: project.id }),
                Err(e) => self.0.events.plain(Event::Notice { level: Level::Error, message: e.message, hint: e.hint }),
            }
        }
    }

    /// Ends the background work; what is committed stays. Called again it does nothing.
    pub fn shutdown(&self) {
        if !self.0.stopped.swap(true, Ordering::SeqCst) {
            self.0.live.stop();
            self.0.data.stop();
        }
    }

    /// Writes to the store. The watcher may hold it for one of its transactions: SQLite waits.
    pub(crate) fn write<T>(&self, job: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, CallError> {
        Ok(job(&mut lock(&self.0.store))?)
    }

    /// Lends a read connection; there are as many as threads ever read at once.
    pub(crate) fn with_reader<T>(
        &self,
        read: impl FnOnce(&StoreReader) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let reader = self.lent_reader()?;
        let result = read(&reader);
        lock(&self.0.readers).push(reader);
        result
    }

    fn lent_reader(&self) -> Result<StoreReader, CallError> {
        let pooled = lock(&self.0.readers).pop();
        pooled.map_or_else(|| self.write(|store| store.reader()), Ok)
    }

    pub(crate) fn project(&self, id: u32) -> Result<Arc<OpenProject>, CallError> {
        lock(&self.0.projects).get(&ProjectId(id)).cloned().ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "This project is not open.").hint("Open its folder again.")
        })
    }

    pub(crate) fn open_projects(&self) -> Vec<Arc<OpenProject>> {
        lock(&self.0.projects).values().cloned().collect()
    }

    /// The open project that holds a run.
    pub(crate) fn project_of(&self, run: RunId) -> Result<Arc<OpenProject>, CallError> {
        self.open_projects().into_iter().find(|p| p.catalogue().get(run).is_some()).ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "This run is in no open project.")
                .hint("Open the project that it belongs to.")
        })
    }

    pub(crate) fn is_demo(&self, path: &Path) -> bool {
        self.0.options.demo_path.as_deref().and_then(|d| d.canonicalize().ok()).is_some_and(|d| d == path)
    }
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(name: &str, args: Value) -> Result<T, CallError> {
    serde_json::from_value(args).map_err(|e| CallError::new(ErrorCode::BadRequest, format!("{name}: {e}")))
}

/// So many work on one chart at most.
fn n_processors() -> usize {
    static N: OnceLock<usize> = OnceLock::new();
    *N.get_or_init(|| thread::available_parallelism().map_or(1, |n| n.get().min(8)))
}

/// Unix seconds by this machine's clock.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// A thread that panicked while it held a lock left whole values behind: each is replaced, never half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
