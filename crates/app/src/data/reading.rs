//! The files of a monitor, counted: from the cache where they are as they were, else read.

use super::watched::{Frozen, Watched};
use crate::app::{App, lock};
use signalbox_drift::monitor::{Definition, FileCells, Labels, Reference, fill_file};
use signalbox_drift::read::{Fingerprint, Options, Problem, Problems, ReadError, Table, data_files};
use signalbox_store::{CellRow, CellStore};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The page is told no more often.
const TELL: Duration = Duration::from_millis(400);
/// So many files are kept in one transaction.
const BATCH: usize = 64;
const READERS: usize = 2;

/// What a file holds, and what it was when it was read.
pub(super) struct Kept {
    pub stamp: String,
    pub cells: Arc<FileCells>,
    pub problems: Problems,
}

/// What counts turn on besides the file: the reference and the definition, and the labels that had come.
pub(super) struct Basis {
    counted_by: String,
    labels: String,
    went_before: Arc<BTreeSet<String>>,
}

impl Basis {
    /// `digest`: the reference's. `labels`: the stamp of the labels' file. `went_before`: stamps of what these labels only
    /// go on with.
    pub fn new(digest: &str, definition: &Definition, labels: String, went_before: Arc<BTreeSet<String>>) -> Basis {
        let definition = serde_json::to_string(&definition.counted_by()).unwrap_or_default();
        Basis { counted_by: format!("{digest} {definition}"), labels, went_before }
    }

    pub fn stamp(&self, file: &str) -> String {
        format!("{file}+{}+{}", self.labels, self.counted_by)
    }

    /// Whether what was kept under `stamp` still is what a file of the stamp `file` holds. More labels change nothing where
    /// no row waits for one; corrected ones may change any.
    pub fn holds(&self, stamp: &str, file: &str, n_unlabelled: u64) -> bool {
        let mut parts = stamp.splitn(3, '+');
        let (of_file, labels, counted_by) = (parts.next(), parts.next(), parts.next());
        of_file == Some(file)
            && counted_by == Some(&self.counted_by)
            && labels
                .is_some_and(|labels| labels == self.labels || n_unlabelled == 0 && self.went_before.contains(labels))
    }
}

/// Files being read.
pub(super) struct Reading<'a> {
    pub watched: &'a Watched,
    pub app: &'a App,
    pub frozen: &'a Frozen,
    pub labels: &'a Labels,
    pub basis: &'a Basis,
    pub store: Option<&'a CellStore>,
    pub current: &'a Path,
}

impl Reading<'_> {
    /// The newest first: what a person looks at.
    pub fn all(&self, wanted: &[(PathBuf, String)]) {
        let next = AtomicUsize::new(0);
        let told = Mutex::new(Instant::now());
        thread::scope(|scope| {
            for _ in 0..READERS.min(wanted.len()) {
                scope.spawn(|| {
                    let mut batch: Vec<(String, CellRow)> = Vec::new();
                    while let Some((path, stamp)) =
                        wanted.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed)).map(|at| &wanted[at])
                    {
                        if self.watched.is_stopped() {
                            break;
                        }
                        let (kept, is_new) = self.one(path, stamp);
                        if is_new {
                            let body = body_of(&kept);
                            batch.push((path.display().to_string(), CellRow { stamp: kept.stamp.clone(), body }));
                        }
                        if batch.len() >= BATCH {
                            self.keep(&mut batch);
                        }
                        self.watched.has_read(path, kept);
                        let mut told = lock(&told);
                        if told.elapsed() >= TELL {
                            *told = Instant::now();
                            self.watched.tell(self.app);
                        }
                    }
                    self.keep(&mut batch);
                });
            }
        });
    }

    fn keep(&self, batch: &mut Vec<(String, CellRow)>) {
        // Whoever was stopped may be forgotten: nothing of it comes back.
        if let Some(store) = self.store.filter(|_| !batch.is_empty() && !self.watched.is_stopped()) {
            // A cache that cannot be written is one that is not there.
            let _ = store.put(&self.watched.key(), batch);
        }
        batch.clear();
    }

    /// What a file holds, and whether it had to be read for that.
    fn one(&self, path: &Path, stamp: &str) -> (Kept, bool) {
        let get = |store: &CellStore| store.get(&self.watched.key(), &path.display().to_string()).ok().flatten();
        if let Some(row) = self.store.and_then(get) {
            let found = of_body(&row.body, &self.frozen.reference);
            if let Some((cells, problems)) =
                found.filter(|(cells, _)| self.basis.holds(&row.stamp, stamp, cells.n_unlabelled))
            {
                return (Kept { stamp: row.stamp, cells: Arc::new(cells), problems }, false);
            }
        }
        let stamp = self.basis.stamp(stamp);
        match table_of(self.current, path, &self.frozen.like) {
            Ok(table) => {
                let mut problems = table.problems.clone();
                let labels = (&self.frozen.task, self.labels);
                let cells =
                    fill_file(&table, path, &self.frozen.reference, &self.watched.definition, labels, &mut problems);
                // What could not be read may be read another time; what is said of values stays true of them.
                let is_whole = !problems.has_loss();
                (Kept { stamp, cells: Arc::new(cells), problems }, is_whole)
            }
            Err(e) => {
                let mut problems = Problems::default();
                problems.add(Problem {
                    file: path.display().to_string(),
                    column: None,
                    place: None,
                    lost: true,
                    message: e.to_string(),
                    hint: Some("It is read again as soon as it changes.".into()),
                });
                (Kept { stamp, cells: Arc::default(), problems }, false)
            }
        }
    }
}

/// Counts, and what was said of the file: `u32` little endian, so many bytes of JSON, then the cells.
pub(super) fn body_of(kept: &Kept) -> Vec<u8> {
    let told = serde_json::to_vec(&kept.problems).unwrap_or_default();
    let mut body = (told.len() as u32).to_le_bytes().to_vec();
    body.extend(told);
    body.extend(kept.cells.to_bytes());
    body
}

pub(super) fn of_body(body: &[u8], reference: &Reference) -> Option<(FileCells, Problems)> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (told, cells) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((FileCells::of_bytes(cells, reference)?, serde_json::from_slice(told).ok()?))
}

/// A file of what is watched, with the parts that its folders name.
pub(super) fn table_of(current: &Path, path: &Path, like: &Options) -> Result<Table, ReadError> {
    if current.is_dir() { Table::of_files(current, vec![path.to_owned()], like) } else { Table::open(path, like) }
}

/// By what a file, or all files of a folder, are known again.
pub(super) fn stamp_of(path: &Path) -> String {
    let of =
        |path: &Path| Fingerprint::of(path).map(|of| format!("{}-{}", of.n_bytes, of.modified)).unwrap_or_default();
    if !path.is_dir() {
        return of(path);
    }
    let mut hasher = std::hash::DefaultHasher::new();
    for file in data_files(path).unwrap_or_default() {
        std::hash::Hash::hash(&(&file, of(&file)), &mut hasher);
    }
    format!("{:016x}", std::hash::Hasher::finish(&hasher))
}
