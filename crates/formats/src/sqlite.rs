//! Other programs' SQLite databases: read while they write, without a lock that outlives a statement.
//!
//! What is common to the tools that keep their runs in one is here; what a tool's tables say is its [`Store`].

use std::path::{Path, PathBuf};

use signalbox_types::{Batch, Cursor, Format, Problem, ProblemKind};

use self::{
    access::{AccessError, Db, Version},
    schema::Schema,
};
use crate::{Progress, Reader, SourceSpec, deltas::Deltas, place};

pub(crate) mod access;
pub(crate) mod cell;
pub(crate) mod schema;

/// "Busy" is said after so many reads in a row that found the database locked.
const PATIENCE: u32 = 50;
/// Reads of a database that keeps changing while it is read.
const RETRIES: u32 = 3;
/// After so many problems of rows in one database the rest is not listed.
const MAX_PROBLEMS: u32 = 200;
/// What a row counts against the budget.
const ROW_BYTES: usize = 64;

/// What one tool's tables say, and what of it was told.
pub(crate) trait Store: Clone + Send {
    /// The program that a person would open the database with.
    const TOOL: &'static str;

    /// Goes on from a cursor; one that cannot be understood means that everything is told anew.
    fn restore(cursor: Option<&Cursor>) -> Self;

    fn cursor(&self) -> Cursor;

    /// [`AccessError::NoStore`] unless the database has the tool's tables.
    fn schema(db: &Db) -> Result<Schema, AccessError>;

    /// Whether it wants to read although the database did not change.
    fn is_due(&self) -> bool {
        false
    }

    /// Reads what is new. `unchanged`: the database is as it was at the last read.
    fn update(
        &mut self,
        look: &Look<'_>,
        unchanged: bool,
        budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError>;

    /// Whether a problem of the database itself was said; kept in the cursor.
    fn bad(&mut self) -> &mut bool;

    /// How many problems of rows were said; kept in the cursor.
    fn n_bad_rows(&mut self) -> &mut u32;
}

/// A database during one read.
pub(crate) struct Look<'a> {
    pub db: &'a Db,
    pub schema: &'a Schema,
    pub spec: &'a SourceSpec,
}

/// How many more rows may be read.
pub(crate) struct Budget(usize);

impl Budget {
    pub(crate) fn of_bytes(bytes: usize) -> Budget {
        Budget((bytes / ROW_BYTES).max(1))
    }

    /// So many rows at once, at most `page`.
    pub(crate) fn page(&self, page: usize) -> i64 {
        self.0.min(page) as i64
    }

    /// False when the rows are used up.
    pub(crate) fn spend(&mut self, n_rows: usize) -> bool {
        self.0 = self.0.saturating_sub(n_rows);
        self.0 > 0
    }
}

/// What a look at a database's tables told.
pub(crate) enum Looked {
    Is(Format),
    /// None of those that were asked for.
    None,
    /// It cannot be told now.
    Later,
}

/// Looks for one tool's tables.
pub(crate) type Ask = fn(&Db) -> Result<Schema, AccessError>;

/// Whose tables a database has. Leaves nothing behind.
pub(crate) fn kind(path: &Path, asked: &[(Format, Ask)]) -> Looked {
    let (db, whole) = match Version::of(path).and_then(|v| v.map(|v| Db::open_to_look(path, v)).transpose()) {
        Ok(Some(open)) => open,
        Ok(None) | Err(AccessError::NoStore) => return Looked::None,
        Err(_) => return Looked::Later,
    };
    let mut answer = if whole { Looked::None } else { Looked::Later };
    for (format, schema) in asked {
        match schema(&db) {
            Ok(_) => return Looked::Is(*format),
            Err(AccessError::NoStore) => {}
            Err(_) => answer = Looked::Later,
        }
    }
    answer
}

/// Reads one database.
pub(crate) struct DbReader<S> {
    spec: SourceSpec,
    path: PathBuf,
    /// As in [`Problem::path`].
    shown: String,
    store: S,
    db: Option<(Db, Schema)>,
    /// As the database was when it was last read to its end.
    seen: Option<Version>,
    /// As it was when it was last looked at.
    tried: Option<Version>,
    /// As it was when it was found to be damaged, or led in a circle: until it changes there is nothing more to tell.
    told: Option<Version>,
    circle: Circle,
    n_busy: u32,
}

/// Where a reader that wants to go on stood before: whoever stands there again will do so for ever. Of a circle of
/// any length (Brent's algorithm).
#[derive(Default)]
struct Circle {
    cursor: Option<Cursor>,
    n_calls: u64,
}

impl Circle {
    fn closes(&mut self, now: Cursor) -> bool {
        if self.cursor.as_ref() == Some(&now) {
            return true;
        }
        self.n_calls += 1;
        if self.n_calls.is_power_of_two() {
            self.cursor = Some(now);
        }
        false
    }
}

impl<S: Store> DbReader<S> {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        Self::open_below(spec, Path::new(""), cursor)
    }

    /// The source is a folder, and the database lies in it.
    pub(crate) fn open_below(spec: &SourceSpec, below: &Path, cursor: Option<&Cursor>) -> Self {
        let is_file = below.as_os_str().is_empty();
        let (path, rel) = match is_file {
            true => (spec.path(), spec.rel.clone()),
            false => (spec.path().join(below), spec.rel.join(below)),
        };
        let (spec, shown) = (spec.clone(), place::shown(&rel));
        Self {
            path,
            shown,
            spec,
            store: S::restore(cursor),
            db: None,
            seen: None,
            tried: None,
            told: None,
            circle: Circle::default(),
            n_busy: 0,
        }
    }

    pub(crate) fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// See [`Store::schema`].
    pub(crate) fn schema(db: &Db) -> Result<Schema, AccessError> {
        S::schema(db)
    }

    fn try_read(&mut self, budget: usize, batch: &mut Batch) -> Result<Progress, AccessError> {
        let Some(version) = Version::of(&self.path)? else {
            // Gone for now; whoever walks the project notices when it stays so.
            self.db = None;
            return Ok(Progress::CaughtUp);
        };
        self.tried = Some(version);
        let unchanged = self.seen == Some(version);
        if unchanged && !self.store.is_due() {
            return Ok(Progress::CaughtUp);
        }
        let (db, schema) = match self.db.take() {
            Some(open) if open.0.serves(&version) => open,
            _ => {
                let db = Db::open(&self.path, version)?;
                let schema = S::schema(&db)?;
                (db, schema)
            }
        };
        let before = db.must_not_change.then(|| self.store.clone());
        let mut deltas = Deltas::default();
        let look = Look { db: &db, schema: &schema, spec: &self.spec };
        let outcome = self.store.update(&look, unchanged, budget, &mut deltas);
        if db.is_kept() {
            self.db = Some((db, schema));
        } else {
            drop(db);
        }
        if let Some(before) = before
            && Version::of(&self.path)? != Some(version)
        {
            self.store = before;
            return Err(AccessError::Changed);
        }
        self.tell_rows(&mut deltas, batch);
        deltas.into_batch(batch);
        let progress = outcome?;
        self.seen = (progress == Progress::CaughtUp).then_some(version);
        Ok(progress)
    }

    /// Hands on the problems of rows until there are too many of them.
    fn tell_rows(&mut self, deltas: &mut Deltas, batch: &mut Batch) {
        let path = self.shown.clone();
        let n = self.store.n_bad_rows();
        if deltas.healed {
            *n = 0;
            batch.healed.push(path.clone());
        }
        for (row, message) in deltas.troubles.drain(..) {
            if *n > MAX_PROBLEMS {
                break;
            }
            *n += 1;
            let message = match *n > MAX_PROBLEMS {
                true => "There are more damaged rows in this database; they are not listed.".to_owned(),
                false => message,
            };
            let (path, kind) = (path.clone(), ProblemKind::Malformed);
            batch.problems.push(Problem { path, offset: Some(row), kind, message });
        }
    }

    fn tell(&mut self, error: &AccessError, batch: &mut Batch) {
        let (kind, message) = match error {
            AccessError::Changed => return,
            // A database of another kind is no concern of ours.
            AccessError::NoStore => return,
            AccessError::Busy if self.n_busy < PATIENCE => return,
            AccessError::Busy => (
                ProblemKind::Unreadable,
                "Another program keeps the database locked; what was read before is shown, and it is tried again."
                    .into(),
            ),
            AccessError::NeedsRecovery => (
                ProblemKind::NeedsRecovery,
                format!(
                    "A writer stopped in the middle of a transaction. Open the database once with {} (or `sqlite3`), \
                     which repairs it; Signalbox does not write to it.",
                    S::TOOL
                ),
            ),
            AccessError::TooLarge(what) => {
                (ProblemKind::TooLarge, format!("The database cannot be read: {what} is larger than 2 GiB."))
            }
            AccessError::Damaged(e) => (ProblemKind::DamagedFile, format!("The database is damaged ({e}).")),
            AccessError::Contradictory => (
                ProblemKind::DamagedFile,
                "The database is damaged: its tables contradict its indexes, or each other. What is shown of it may be \
                 incomplete. `sqlite3` finds out where, with `PRAGMA integrity_check`."
                    .into(),
            ),
            AccessError::Sqlite(e) => (ProblemKind::Unreadable, format!("The database cannot be read ({e}).")),
            AccessError::Io(e) => (ProblemKind::Unreadable, format!("The database cannot be read ({e}).")),
        };
        if !std::mem::replace(self.store.bad(), true) {
            batch.problems.push(Problem { path: self.shown.clone(), offset: None, kind, message });
        }
    }
}

impl<S: Store> Reader for DbReader<S> {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        if self.told.is_some() && Version::of(&self.path).is_ok_and(|version| version == self.told) {
            // All that can be read of it, and its damage too.
            return Progress::CaughtUp;
        }
        let mut outcome = self.try_read(budget_bytes, batch);
        for _ in 0..RETRIES {
            // A page that changed under our hands may look damaged once.
            if matches!(outcome, Err(AccessError::Changed | AccessError::Damaged(_))) {
                self.db = None;
                outcome = self.try_read(budget_bytes, batch);
            }
        }
        match outcome {
            Ok(progress) => {
                (self.n_busy, self.told) = (0, None);
                if std::mem::take(self.store.bad()) {
                    batch.healed.push(self.shown.clone());
                }
                if progress == Progress::CaughtUp {
                    self.circle = Circle::default();
                } else if self.circle.closes(self.store.cursor()) {
                    // What a row waits for may never come in a damaged database, or it is lost and found for ever.
                    (self.told, self.circle) = (self.tried, Circle::default());
                    self.tell(&AccessError::Contradictory, batch);
                    return Progress::CaughtUp;
                }
                progress
            }
            Err(e) => {
                if matches!(e, AccessError::Busy) {
                    self.n_busy += 1;
                } else {
                    self.db = None;
                }
                self.told = self.tried.filter(|_| matches!(e, AccessError::Damaged(_)));
                self.tell(&e, batch);
                Progress::CaughtUp
            }
        }
    }

    fn cursor(&self) -> Cursor {
        self.store.cursor()
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        self.path.parent().map(PathBuf::from).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use signalbox_types::RunHead;

    use super::*;

    /// A store that always wants to go on. It stands at 0, 1, 2 …, and from `turns` on at the last `length` of these.
    #[derive(Clone, Default)]
    struct Turning {
        at: u32,
        turns: u32,
        length: u32,
        bad: bool,
        n_bad_rows: u32,
    }

    impl Store for Turning {
        const TOOL: &'static str = "nothing";

        fn restore(cursor: Option<&Cursor>) -> Self {
            let at = cursor.map_or(0, |c| c.0.parse().unwrap());
            Turning { at, turns: at + 1, length: 1, ..Turning::default() }
        }

        fn cursor(&self) -> Cursor {
            Cursor(self.at.to_string())
        }

        fn schema(db: &Db) -> Result<Schema, AccessError> {
            Schema::read(db, &["t"], &[("t", "x")])
        }

        fn update(&mut self, _: &Look<'_>, _: bool, _: usize, deltas: &mut Deltas) -> Result<Progress, AccessError> {
            self.at += 1;
            if self.at == self.turns {
                self.at -= self.length;
            }
            deltas.run("lost and found").head = RunHead { name: Some("a".into()), ..RunHead::default() };
            Ok(Progress::More)
        }

        fn bad(&mut self) -> &mut bool {
            &mut self.bad
        }

        fn n_bad_rows(&mut self) -> &mut u32 {
            &mut self.n_bad_rows
        }
    }

    #[test]
    fn whoever_goes_in_a_circle_rests_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Connection::open(dir.path().join("x.db")).unwrap();
        writer.execute_batch("CREATE TABLE t(x)").unwrap();
        let spec = SourceSpec { format: Format::OptunaSqlite, project: dir.path().into(), rel: "x.db".into() };
        for (turns, length) in [(1, 1), (9, 1), (9, 5), (100, 70)] {
            let mut reader = DbReader::<Turning>::open(&spec, None);
            (reader.store.turns, reader.store.length) = (turns, length);
            let mut read = || reader.read(1, &mut Batch::default());
            let n_more = (0..10_000).take_while(|_| read() == Progress::More).count() as u32;
            assert!((turns - 1..3 * turns + 3).contains(&n_more), "{turns} {length}: {n_more}");
            assert!(reader.store.bad, "it is not said");
            let mut batch = Batch::default();
            assert_eq!((reader.read(1, &mut batch), batch.runs.len()), (Progress::CaughtUp, 0), "it is told again");
            writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
            assert_eq!(reader.read(1, &mut Batch::default()), Progress::More, "it changed");
        }
    }
}
