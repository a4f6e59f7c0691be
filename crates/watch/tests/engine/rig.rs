//! A project folder, an engine on it, and its events, waited for with a deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signalbox_formats::{Descend, Listing, Progress, Reader, Recognised, SourceSpec};
use signalbox_store::{Committed, Result, SourceCommit, SourceRow, StoreError};
use signalbox_types::{
    Batch, Cursor, Format, MetricId, Point, Points, ProjectId, RunDelta, RunId, SeriesDelta, SourceId,
};
use signalbox_watch::{Engine, Formats, Ledger, Options, WatchEvent};
use tempfile::TempDir;

pub const PROJECT: ProjectId = ProjectId(7);
/// Never waited for unless something is wrong; long, since a loaded machine is not wrong.
const DEADLINE: Duration = Duration::from_secs(120);

/// `*.csv` whose first line is `step` and then a number a line; the step is the line's number.
#[derive(Default)]
pub struct Lines {
    pub n_opened: AtomicU64,
    pub n_recognised: AtomicU64,
    /// Nothing can be told of any file now.
    pub is_blind: AtomicBool,
}

impl Formats for Lines {
    fn recognise(&self, listing: &Listing) -> Recognised {
        self.n_recognised.fetch_add(1, Ordering::Relaxed);
        let csv = listing.entries.iter().filter(|e| {
            let name = Path::new(&e.name);
            !e.is_dir && e.len > 0 && name.extension().is_some_and(|x| x == "csv")
        });
        let sources = csv.map(|e| SourceSpec {
            format: Format::Csv,
            project: listing.project.to_owned(),
            rel: listing.rel.join(&e.name),
        });
        let mut found =
            Recognised { sources: sources.collect(), undecided: vec![], descend: Descend::All, peeked_bytes: 0 };
        if self.is_blind.load(Ordering::Relaxed) {
            found.undecided = found.sources.drain(..).map(|source| source.rel).collect();
        }
        found
    }

    fn open(&self, spec: &SourceSpec, cursor: Option<&Cursor>) -> Box<dyn Reader> {
        self.n_opened.fetch_add(1, Ordering::Relaxed);
        let text = cursor.map_or("0 0", |c| c.0.as_str());
        let (offset, step) = text.split_once(' ').unwrap();
        Box::new(LineReader { path: spec.path(), offset: offset.parse().unwrap(), step: step.parse().unwrap() })
    }
}

struct LineReader {
    path: PathBuf,
    offset: u64,
    step: i64,
}

impl Reader for LineReader {
    fn read(&mut self, budget: usize, batch: &mut Batch) -> Progress {
        let Ok(mut file) = File::open(&self.path) else { return Progress::CaughtUp };
        let len = file.metadata().map_or(0, |m| m.len());
        let mut delta = RunDelta::default();
        if len < self.offset {
            (self.offset, self.step, delta.reset) = (0, 0, true);
        }
        let mut bytes = vec![0; budget.min((len - self.offset) as usize)];
        file.seek(SeekFrom::Start(self.offset)).unwrap();
        file.read_exact(&mut bytes).unwrap();
        let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let mut points = Points::default();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            if line == "panic" {
                panic!("the reader of {:?} was told to", self.path);
            }
            if let Ok(value) = line.parse() {
                points.push(Point { step: self.step, time: f64::NAN, value });
                self.step += 1;
            }
        }
        self.offset += end as u64;
        batch.bytes_read += end as u64;
        batch.n_points += points.len() as u64;
        if end > 0 || delta.reset {
            delta.series.push(SeriesDelta { metric: "v".into(), points, ..SeriesDelta::default() });
            batch.runs.push(delta);
        }
        if end > 0 && self.offset < len && bytes.len() == budget { Progress::More } else { Progress::CaughtUp }
    }

    fn cursor(&self) -> Cursor {
        Cursor(format!("{} {}", self.offset, self.step))
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        vec![self.path.parent().unwrap().to_owned()]
    }
}

#[derive(Clone, Debug, Default)]
pub struct Kept {
    pub id: u32,
    pub gone: bool,
    pub generation: u64,
    pub cursor: String,
    pub values: Vec<f64>,
}

/// A store in memory that can be told to refuse.
#[derive(Clone, Default)]
pub struct Memory {
    pub sources: Arc<Mutex<BTreeMap<PathBuf, Kept>>>,
    pub read_bytes: Arc<AtomicU64>,
    pub refusals: Arc<Mutex<Vec<StoreError>>>,
    pub largest_commit: Arc<AtomicU64>,
    /// So many times it is too busy to take a source.
    pub refuse_sources: Arc<Mutex<u32>>,
}

impl Memory {
    pub fn values(&self, rel: &str) -> Vec<f64> {
        self.sources.lock().unwrap().get(Path::new(rel)).map_or_else(Vec::new, |k| k.values.clone())
    }

    pub fn n_values(&self, rel: &str) -> usize {
        self.sources.lock().unwrap().get(Path::new(rel)).map_or(0, |k| k.values.len())
    }

    pub fn here(&self) -> BTreeSet<PathBuf> {
        self.sources.lock().unwrap().iter().filter(|(_, k)| !k.gone).map(|(p, _)| p.clone()).collect()
    }

    fn with<T>(&self, id: SourceId, f: impl FnOnce(&mut Kept) -> T) -> Result<T> {
        let mut sources = self.sources.lock().unwrap();
        sources.values_mut().find(|k| k.id == id.0).map(f).ok_or(StoreError::UnknownSource(id))
    }
}

impl Ledger for Memory {
    fn sources(&mut self, project: ProjectId) -> Result<Vec<SourceRow>> {
        let row = |(rel, kept): (&PathBuf, &Kept)| SourceRow {
            id: SourceId(kept.id),
            project,
            format: Format::Csv,
            rel: rel.clone(),
            gone: kept.gone,
            n_bytes: 0,
        };
        Ok(self.sources.lock().unwrap().iter().map(row).collect())
    }

    fn add_source(&mut self, _: ProjectId, _: Format, rel: &Path, _: f64) -> Result<SourceId> {
        let mut refuse = self.refuse_sources.lock().unwrap();
        if *refuse > 0 {
            *refuse -= 1;
            return Err(StoreError::Busy);
        }
        let mut sources = self.sources.lock().unwrap();
        let id = sources.len() as u32 + 1;
        Ok(SourceId(sources.entry(rel.to_owned()).or_insert(Kept { id, ..Kept::default() }).id))
    }

    fn remove_source(&mut self, source: SourceId, _: f64) -> Result<()> {
        self.with(source, |k| k.gone = true)
    }

    fn revive_source(&mut self, source: SourceId) -> Result<()> {
        self.with(source, |k| k.gone = false)
    }

    fn cursor(&mut self, source: SourceId) -> Result<(Cursor, u64)> {
        self.with(source, |k| (Cursor(k.cursor.clone()), k.generation))
    }

    fn commit_many(&mut self, commits: &[SourceCommit], _: f64) -> Result<Vec<Result<Committed>>> {
        if let Some(error) = self.refusals.lock().unwrap().pop() {
            return Err(error);
        }
        let bytes: u64 = commits.iter().flat_map(|c| c.batches).map(|b| b.bytes_read).sum();
        self.largest_commit.fetch_max(bytes, Ordering::Relaxed);
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(commits.iter().map(|c| self.commit(c)).collect())
    }
}

impl Memory {
    fn commit(&self, commit: &SourceCommit) -> Result<Committed> {
        let id = commit.source;
        self.with(id, |kept| {
            if kept.generation != commit.expected_generation {
                return Err(StoreError::Conflict { source_id: id });
            }
            kept.generation += 1;
            kept.cursor = commit.cursor.0.clone();
            let before = kept.values.len();
            for delta in commit.batches.iter().flat_map(|b| &b.runs) {
                if delta.reset {
                    kept.values.clear();
                }
                kept.values.extend(delta.series.iter().flat_map(|s| &s.points.values));
            }
            let run = RunId(id.0);
            Ok(Committed {
                generation: kept.generation,
                runs: vec![run],
                new_runs: if before == 0 { vec![run] } else { Vec::new() },
                series: vec![(run, MetricId(1))],
                n_points: commit.batches.iter().map(|b| b.n_points).sum(),
                problems_changed: false,
                models_changed: false,
            })
        })?
    }
}

pub struct Rig {
    pub dir: TempDir,
    pub store: Memory,
    pub lines: Arc<Lines>,
    pub engine: Engine,
    events: Receiver<WatchEvent>,
    pub told: Vec<WatchEvent>,
}

impl Rig {
    pub fn options() -> Options {
        Options { gone_after: Duration::from_millis(30), poll_dirs: Duration::from_millis(30), ..Options::default() }
    }

    /// An engine on a folder that `fill` has filled; the first walk is over.
    pub fn new(fill: impl FnOnce(&Path)) -> Rig {
        Rig::with(Rig::options(), Memory::default(), fill)
    }

    pub fn with(options: Options, store: Memory, fill: impl FnOnce(&Path)) -> Rig {
        let dir = temp();
        fs::create_dir(dir.path().join("p")).unwrap();
        fill(&dir.path().join("p"));
        Rig::on(options, store, dir)
    }

    pub fn on(options: Options, store: Memory, dir: TempDir) -> Rig {
        let lines = Arc::new(Lines::default());
        let (tx, events) = channel();
        let tx = Mutex::new(tx);
        let options = Options { formats: lines.clone(), ..options };
        let sink = move |event| {
            let _ = tx.lock().unwrap().send(event);
        };
        let engine = Engine::start_with(Box::new(store.clone()), options, sink).unwrap();
        engine.watch(PROJECT, &dir.path().join("p"));
        let mut rig = Rig { dir, store, lines, engine, events, told: Vec::new() };
        rig.wait("the first walk", |e| matches!(e, WatchEvent::ScanDone { .. }));
        rig
    }

    pub fn path(&self, rel: &str) -> PathBuf {
        self.dir.path().join("p").join(rel)
    }

    /// The next event of a kind; panics with what came instead after two minutes.
    pub fn wait(&mut self, what: &str, mut is_it: impl FnMut(&WatchEvent) -> bool) -> WatchEvent {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) => {
                    self.told.push(event.clone());
                    if is_it(&event) {
                        return event;
                    }
                }
                Err(_) => panic!(
                    "no {what} within {DEADLINE:?}; stats {:?}; told {:#?}",
                    self.engine.project_stats(PROJECT),
                    self.told
                ),
            }
        }
    }

    /// The same if it was not told already.
    pub fn see(&mut self, what: &str, is_it: impl Fn(&WatchEvent) -> bool) {
        if !self.told.iter().any(&is_it) {
            self.wait(what, is_it);
        }
    }

    /// Waits until the store holds exactly these values of a source.
    pub fn wait_values(&mut self, rel: &str, values: &[f64]) {
        self.wait_store(&format!("{values:?} in {rel}"), |store| store.values(rel) == values);
    }

    /// Waits until the store is as wanted, looking after every event.
    pub fn wait_store(&mut self, what: &str, is_it: impl Fn(&Memory) -> bool) {
        let store = self.store.clone();
        if !is_it(&store) {
            self.wait(what, |_| is_it(&store));
        }
    }

    pub fn here(&self) -> Vec<String> {
        self.store.here().iter().map(|p| p.to_string_lossy().into_owned()).collect()
    }
}

/// In memory where there is such a place: the tests make many files.
pub fn temp() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Makes the folders above too.
pub fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn append(path: &Path, text: &str) {
    File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
