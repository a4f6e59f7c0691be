//! What every reader of a source must do, whatever its files hold: no panic, progress with each call, nothing told
//! twice, and the same told however it is read: at once, or in small pieces by readers that are closed and opened again,
//! of files that grow meanwhile.

#[path = "folder.rs"]
mod folder;
#[allow(dead_code, reason = "the tests' store in miniature; not all of it is needed")]
#[path = "../../../crates/formats/tests/readers/known.rs"]
mod known;

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, SystemTime},
};

use signalbox_formats::{Entry, Listing, Progress, Reader, SourceSpec, open, recognise};
use signalbox_types::{Batch, Cursor, Format};

use self::{
    folder::{Change, Folder, Step},
    known::Known,
};

/// How a target's format lies in a project.
pub struct Kind {
    pub format: Format,
    /// The source's place below the project.
    pub rel: &'static str,
    /// How the paths of its files begin.
    pub home: &'static str,
    /// Whether its writer only ever adds to the file of this path: then it may be read at any length of it.
    pub grows: fn(&str) -> bool,
    /// The bytes of a file as they stand on the disk.
    pub written: fn(&str, &[u8]) -> Vec<u8>,
}

impl Kind {
    pub const fn new(format: Format, rel: &'static str) -> Kind {
        Kind { format, rel, home: rel, grows: |_| false, written: |_, bytes| bytes.to_vec() }
    }

    fn is_in(&self, step: &Step) -> bool {
        step.iter().any(|change| change.path().starts_with(self.home))
    }

    fn spec(&self, project: &Path) -> SourceSpec {
        SourceSpec { format: self.format, project: project.to_owned(), rel: self.rel.into() }
    }

    /// What is told of a database that is damaged is what was read before the damage was met: more in small pieces.
    fn is_sound(&self, known: &Known) -> bool {
        self.counts_bytes() || known.problems.iter().all(|(_, offset, _)| offset.is_some())
    }

    /// SQLite's rows are counted, and not the bytes that it reads.
    fn counts_bytes(&self) -> bool {
        !matches!(self.format, Format::MlflowSqlite | Format::OptunaSqlite | Format::Trackio | Format::Aim)
    }
}

/// What the first bytes of an input choose.
struct Choices {
    /// Bytes that one call may read.
    budget: usize,
    /// At each call another reader goes on with the cursor.
    reopens: bool,
    /// How long ago the files were written: what is young may be half written, and what is an hour old is over.
    age: Duration,
    /// Of 255: how much of the files that grow is there at first, and then.
    cuts: [u8; 2],
}

impl Choices {
    fn of(bytes: &[u8]) -> Choices {
        let at = |i: usize| bytes.get(i).copied().unwrap_or_default();
        let ages = [86_400, 1_800, 0];
        let mut cuts = [at(1), at(2)];
        cuts.sort_unstable();
        Choices {
            budget: usize::from(at(0)) * 64,
            reopens: at(3) & 1 == 1,
            age: Duration::from_secs(ages[usize::from(at(4)) % ages.len()]),
            cuts,
        }
    }
}

thread_local! {
    static PROJECT: RefCell<Folder> = RefCell::new(Folder::new());
}

/// Reads the input as a project that changes step by step, whose sources are of these kinds.
pub fn check(input: &[u8], kinds: &[Kind]) {
    let (choices, steps) = folder::parse(input);
    let choices = Choices::of(&choices);
    for kind in kinds.iter().filter(|kind| kind.is_in(&steps[0])) {
        check_one(input.len(), &choices, &steps, kind);
    }
}

fn check_one(n_bytes: usize, choices: &Choices, steps: &[Step], kind: &Kind) {
    let began = SystemTime::now() - choices.age;
    let mut n_writes = 0;
    // Every writing has a time of its own, as on a clock of fine grain.
    let mut now = || {
        n_writes += 1;
        began + Duration::from_millis(n_writes)
    };
    PROJECT.with_borrow_mut(|project| {
        project.empty();
        let spec = kind.spec(project.path());
        let mut look = Look { kind, spec, choices, n_bytes, cursor: None, known: Known::default() };
        let first = &steps[0];
        for cut in choices.cuts.iter().filter(|_| first.iter().any(|change| grows(change, kind))) {
            project.make(&cut_at(first, *cut, kind), now(), kind.written);
            look.catch_up();
        }
        project.make(first, now(), kind.written);
        look.catch_up();
        let whole = look.anew();
        if kind.is_sound(&whole) {
            assert_eq!(look.known, whole, "read in pieces, it is not as read whole");
        }
        walk(project);
        for step in &steps[1..] {
            project.make(step, now(), kind.written);
            look.catch_up();
        }
    });
}

fn grows(change: &Change, kind: &Kind) -> bool {
    matches!(change, Change::Put(path, _) if (kind.grows)(path))
}

/// The first part of files that grow; the others whole.
fn cut_at(step: &Step, cut: u8, kind: &Kind) -> Step {
    let cut_one = |change: &Change| match change {
        Change::Put(path, bytes) if grows(change, kind) => {
            Change::Put(path.clone(), bytes[..bytes.len() * usize::from(cut) / 255].to_vec())
        }
        Change::Put(path, bytes) => Change::Put(path.clone(), bytes.clone()),
        Change::Remove(path) => Change::Remove(path.clone()),
    };
    step.iter().map(cut_one).collect()
}

/// One who looks at a source again and again.
struct Look<'a> {
    kind: &'a Kind,
    spec: SourceSpec,
    choices: &'a Choices,
    n_bytes: usize,
    cursor: Option<Cursor>,
    known: Known,
}

impl Look<'_> {
    /// Reads on until nothing is left, and once more, where nothing may be told.
    fn catch_up(&mut self) {
        let mut reader = open(&self.spec, self.cursor.as_ref());
        let (budget, reopens) = (self.choices.budget, self.choices.reopens);
        let mut known = std::mem::take(&mut self.known);
        self.read_to_end(&mut reader, budget, reopens, &mut known);
        // What is half written may be read again, but tells nothing.
        for n_calls in 0.. {
            let mut batch = Batch::default();
            let progress = reader.read(budget, &mut batch);
            let said = (batch.n_points, batch.runs.len(), batch.problems.len(), batch.healed.len(), batch.gone.len());
            assert!(said == (0, 0, 0, 0, 0) && batch.models.is_none(), "told twice: {batch:?}");
            if progress == Progress::CaughtUp {
                break;
            }
            assert!(n_calls < 1_000, "it never catches up");
        }
        let cursor = reader.cursor();
        let mut again = known.clone();
        self.read_to_end(&mut open(&self.spec, Some(&cursor)), usize::MAX, false, &mut again);
        if self.kind.is_sound(&known) {
            assert_eq!(again, known, "opened again, it tells something else");
        }
        (self.known, self.cursor) = (known, Some(cursor));
    }

    fn anew(&self) -> Known {
        let mut known = Known::default();
        self.read_to_end(&mut open(&self.spec, None), usize::MAX, false, &mut known);
        known.gone.clone_from(&self.known.gone);
        known
    }

    fn read_to_end(&self, reader: &mut Box<dyn Reader>, budget: usize, reopens: bool, known: &mut Known) {
        let mut n_read = 0;
        for n_calls in 0.. {
            let mut batch = Batch::default();
            let progress = reader.read(budget, &mut batch);
            n_read += batch.bytes_read;
            known.apply(&batch);
            if progress == Progress::CaughtUp {
                break;
            }
            let is_progress = !self.kind.counts_bytes() || batch.bytes_read > 0 || !batch.runs.is_empty();
            assert!(is_progress, "no progress");
            // A record takes a byte at least, and a row of a database its page's share of one.
            assert!(n_calls < 1_000 + 4 * self.n_bytes, "it never catches up");
            // Only who stays open can find out that a damaged database leads in a circle.
            if reopens && n_calls < 1_000 {
                *reader = open(&self.spec, Some(&reader.cursor()));
            }
        }
        let _ = reader.watch_paths();
        let most = 1_000 * (self.n_bytes as u64 + 100_000);
        assert!(n_read <= most, "{n_read} bytes read of {}", self.n_bytes);
    }
}

/// What the walker does with every folder.
fn walk(project: &Folder) {
    for rel in project.dirs() {
        let entries = std::fs::read_dir(project.path().join(&rel)).into_iter().flatten().flatten();
        let entry = |e: std::fs::DirEntry| {
            let about = e.metadata().ok()?;
            Some(Entry {
                name: e.file_name(),
                is_dir: about.is_dir(),
                len: if about.is_dir() { 0 } else { about.len() },
            })
        };
        let mut entries: Vec<Entry> = entries.filter_map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let found = recognise(&Listing { project: project.path(), rel: &rel, entries: &entries });
        assert!(found.sources.iter().all(|source| source.rel.starts_with(&rel)), "{found:?}");
    }
}
