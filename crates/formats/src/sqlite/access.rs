//! Opening another program's database without leaving a trace: no lock that outlives a statement, no side file.
//!
//! A rollback-journal database (MLflow's and Optuna's own) is opened read-only and kept open; between statements that holds no
//! lock. A WAL database needs its `-wal` and `-shm`, which SQLite would create: it is opened only while a writer has
//! made them, read as immutable while there are none, and read from a copy when the `-wal` was left without `-shm`.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, limits::Limit};

use crate::stamp::{self, Stamp};

/// How long one statement waits for a writer.
const BUSY: Duration = Duration::from_millis(100);
/// A database and its `-wal` are copied up to this size to be read, …
const MAX_COPY: u64 = 2 << 30;
/// … and up to this size to see whether it is a store.
const MAX_LOOK_COPY: u64 = 64 << 20;
/// No value of a store is nearly as long.
const MAX_VALUE: i32 = 64 << 20;
/// A statement that can be gone on with lets the writer in after this.
const HELD: Duration = Duration::from_millis(10);
/// Rows between two looks at the clock: a tenth of a millisecond or so.
const ROWS_BY_CLOCK: usize = 128;
/// A statement is stopped after so many times 10,000 steps of SQLite's machine: no page of ours takes a hundredth.
const MAX_STEPS: u32 = 20_000;

/// Why a database cannot be read now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("another program is writing")]
    Busy,
    #[error("it changed while it was read")]
    Changed,
    #[error("its writer stopped in the middle of a transaction")]
    NeedsRecovery,
    #[error("not the tool's tables")]
    NoStore,
    #[error("{0} is larger than 2 GiB, which Signalbox does not copy")]
    TooLarge(&'static str),
    #[error("damaged: {0}")]
    Damaged(rusqlite::Error),
    #[error("its tables contradict its indexes, or each other")]
    Contradictory,
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for AccessError {
    fn from(e: rusqlite::Error) -> Self {
        const READONLY_ROLLBACK: i32 = 776;
        const READONLY_RECOVERY: i32 = 264;
        let code = e.sqlite_error();
        match (code.map(|c| c.code), code.map_or(0, |c| c.extended_code)) {
            (_, READONLY_ROLLBACK | READONLY_RECOVERY) => AccessError::NeedsRecovery,
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => AccessError::Busy,
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => AccessError::Damaged(e),
            _ => AccessError::Sqlite(e),
        }
    }
}

/// What tells that a database is as it was: its file, the header's change and schema counters, and its `-wal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    file: (u64, u64),
    len: u64,
    changes: u32,
    pub schema: u32,
    is_wal: bool,
    wal: Option<Stamp>,
    has_shm: bool,
}

impl Version {
    /// `None` while there is no database (yet). Only to be called while no statement runs: closing the file here
    /// drops the locks that this process holds on it (POSIX).
    pub(crate) fn of(path: &Path) -> Result<Option<Version>, AccessError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if stamp::is_absent(&e) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let metadata = file.metadata()?;
        let mut header = [0; 100];
        if metadata.len() < 100 {
            return Ok(None);
        }
        file.read_exact(&mut header)?;
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(AccessError::NoStore);
        }
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let wal = Stamp::if_exists(&beside(path, "-wal"))?;
        // SQLite takes any `-wal` for this database's, also where the header knows of none (a backup that was copied
        // over it), and would make a `-shm` beside it even to read.
        let is_wal = header[18] == 2 || header[19] == 2 || wal.is_some();
        Ok(Some(Version {
            file: file_id(&metadata),
            len: metadata.len(),
            changes: word(24),
            schema: word(40),
            is_wal,
            wal: wal.filter(|s| s.len > 0),
            has_shm: is_wal && beside(path, "-shm").exists(),
        }))
    }

    /// Whether a connection to `self` is still one to `other`.
    fn is_same_file(&self, other: &Version) -> bool {
        (self.file, self.is_wal) == (other.file, other.is_wal)
    }
}

/// An open database.
pub(crate) struct Db {
    pub conn: Connection,
    version: Version,
    /// What was read counts only if the database is unchanged afterwards.
    pub must_not_change: bool,
    steps: Arc<AtomicU32>,
    _copy: Option<tempfile::TempDir>,
}

impl Db {
    pub(crate) fn open(path: &Path, version: Version) -> Result<Db, AccessError> {
        Self::open_copying(path, version, MAX_COPY)
    }

    /// For a look at the tables. Of what would take long to copy, the file without its `-wal` is looked at: tables
    /// that were made long ago are in there, those that are missing may be in the `-wal` (`false`: not the whole).
    pub(crate) fn open_to_look(path: &Path, version: Version) -> Result<(Db, bool), AccessError> {
        match Self::open_copying(path, version, MAX_LOOK_COPY) {
            Err(AccessError::TooLarge(_)) => Ok((Self::connect(path, "immutable=1", version, None)?, false)),
            other => Ok((other?, true)),
        }
    }

    fn open_copying(path: &Path, version: Version, max_copy: u64) -> Result<Db, AccessError> {
        if !version.is_wal {
            return Self::connect(path, "mode=ro", version, None);
        }
        match (version.wal, version.has_shm) {
            (None, false) => Self::connect(path, "immutable=1", version, None),
            (_, true) if beside(path, "-wal").exists() => match Self::connect(path, "mode=ro", version, None) {
                // The `-shm` is not ours to write.
                Err(AccessError::Sqlite(e)) if cannot_share(&e) => Self::open_copy(path, version, max_copy),
                other => other,
            },
            (None, true) => Self::connect(path, "immutable=1", version, None),
            (Some(_), _) => Self::open_copy(path, version, max_copy),
        }
    }

    fn open_copy(path: &Path, version: Version, max_copy: u64) -> Result<Db, AccessError> {
        let wal = beside(path, "-wal");
        if version.len + version.wal.map_or(0, |s| s.len) > max_copy {
            return Err(AccessError::TooLarge("a database whose -wal file was left behind"));
        }
        let dir = tempfile::Builder::new().prefix("signalbox-").tempdir()?;
        let copy = dir.path().join("copy.db");
        fs::copy(path, &copy)?;
        fs::copy(&wal, beside(&copy, "-wal"))?;
        Self::connect(&copy, "mode=rw", version, Some(dir))
    }

    fn connect(path: &Path, mode: &str, version: Version, copy: Option<tempfile::TempDir>) -> Result<Db, AccessError> {
        let flags = match mode {
            "mode=rw" => OpenFlags::SQLITE_OPEN_READ_WRITE,
            _ => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut conn = Connection::open_with_flags(uri(path, mode), flags)?;
        conn.busy_timeout(BUSY)?;
        // The schema is somebody else's.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        conn.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
        let steps = Arc::new(AtomicU32::new(0));
        let counted = steps.clone();
        conn.progress_handler(10_000, Some(move || counted.fetch_add(1, Ordering::Relaxed) > MAX_STEPS))?;
        // Opening reads nothing; this does.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Db { conn, version, must_not_change: mode != "mode=ro", steps, _copy: copy })
    }

    /// Whether the connection may be used for the database as it is now. One to a WAL database is not kept: with it
    /// open, its writer could not clean up behind itself.
    pub(crate) fn serves(&self, version: &Version) -> bool {
        !version.is_wal && self.version.is_same_file(version) && self.version.schema == version.schema
    }

    pub(crate) fn is_kept(&self) -> bool {
        !self.version.is_wal
    }

    /// The first rows of a statement that selects at most `limit`, in an order by which the next one can go on: no more
    /// than are read within [`HELD`], but at least some. Its lock is gone afterwards. Whether these were the last.
    pub(crate) fn page<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        limit: i64,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<(Vec<T>, bool), AccessError> {
        self.steps.store(0, Ordering::Relaxed);
        let mut statement = self.conn.prepare_cached(sql)?;
        let began = Instant::now();
        let mut out = Vec::new();
        for row in statement.query_map(params, read)? {
            out.push(row?);
            if out.len() % ROWS_BY_CLOCK == 0 && began.elapsed() > HELD {
                return Ok((out, false));
            }
        }
        let is_last = (out.len() as i64) < limit;
        Ok((out, is_last))
    }

    /// Runs one statement to its end, so that its lock is gone, and returns its rows.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, AccessError> {
        self.steps.store(0, Ordering::Relaxed);
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }
}

/// Of rows that were asked for by ascending id: where the next one is not greater, the database is damaged, and whoever
/// went on from it would come to no end.
pub(crate) fn in_order(last: &mut i64, id: i64) -> rusqlite::Result<()> {
    if id <= *last {
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let why = format!("row {id} comes after row {last}");
        return Err(rusqlite::Error::SqliteFailure(corrupt, Some(why)));
    }
    *last = id;
    Ok(())
}

fn cannot_share(e: &rusqlite::Error) -> bool {
    let code = e.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// The file beside a database that SQLite names so.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// An URI that names exactly this path, whatever bytes it is made of.
fn uri(path: &Path, query: &str) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{uri}?{query}")
}

#[cfg(unix)]
fn file_id(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn file_id(metadata: &fs::Metadata) -> (u64, u64) {
    let created = metadata.created().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    (0, created.map_or(0, |t| t.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of `n` rows.
    fn database(n: i64) -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("CREATE TABLE t(x)").unwrap();
        let rows =
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?) INSERT INTO t SELECT x FROM n";
        writer.execute(rows, [n]).unwrap();
        let db = Db::open(&path, Version::of(&path).unwrap().unwrap()).unwrap();
        (dir, db)
    }

    /// The rows page by page: how many each page had, and all of them.
    fn pages(db: &Db, limit: i64, pause: Duration) -> (Vec<usize>, Vec<i64>) {
        let (mut sizes, mut all) = (Vec::new(), Vec::new());
        loop {
            let after = all.last().copied().unwrap_or(0);
            let sql = "SELECT x FROM t WHERE x > ?1 ORDER BY rowid LIMIT ?2";
            let (rows, is_last) = db
                .page(sql, [after, limit], limit, |row| {
                    std::thread::sleep(pause);
                    row.get::<_, i64>(0)
                })
                .unwrap();
            sizes.push(rows.len());
            all.extend(rows);
            if is_last {
                return (sizes, all);
            }
        }
    }

    #[test]
    fn a_page_ends_when_the_writer_has_waited_enough_and_nothing_is_left_out() {
        let (_dir, db) = database(400);
        // 128 rows take 12.8 ms and more.
        let (sizes, all) = pages(&db, 300, Duration::from_micros(100));
        assert_eq!(sizes, [128, 128, 128, 16]);
        assert!(all.into_iter().eq(1..=400));
    }

    #[test]
    fn rows_that_go_in_a_circle_are_damage() {
        let mut last = 3;
        in_order(&mut last, 4).unwrap();
        for id in [4, 1] {
            let error = AccessError::from(in_order(&mut last, id).unwrap_err());
            assert!(matches!(error, AccessError::Damaged(_)), "{error}");
            assert!(error.to_string().contains(&format!("row {id} comes after row 4")), "{error}");
        }
    }

    #[test]
    fn a_page_that_is_quick_has_as_many_rows_as_were_asked_for() {
        let (_dir, db) = database(250);
        let (sizes, all) = pages(&db, 100, Duration::ZERO);
        assert_eq!(sizes, [100, 100, 50]);
        assert!(all.into_iter().eq(1..=250));
        // As many as the limit: whether more come is not known.
        assert_eq!(pages(&db, 125, Duration::ZERO).0, [125, 125, 0]);
    }
}
