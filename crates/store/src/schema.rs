//! Whose file it is, which version it has, and the way to the present one.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{Result, StoreError};

/// A kind of file that this program writes.
pub(crate) struct Kind {
    /// In the header of every file of this kind.
    application_id: u32,
    /// SQL that leads from version i to i + 1.
    migrations: &'static [&'static str],
}

impl Kind {
    /// What this program writes.
    pub(crate) const fn version(&self) -> u32 {
        self.migrations.len() as u32
    }
}

/// "SBox": runs and their series.
pub(crate) const STORE: Kind =
    Kind { application_id: 0x5342_6f78, migrations: &[include_str!("schema.sql"), include_str!("schema-2.sql")] };
/// "SBLg": what was done to systems elsewhere.
pub(crate) const LEDGER: Kind = Kind { application_id: 0x5342_4c67, migrations: &[include_str!("ledger.sql")] };
const BUSY: Duration = Duration::from_secs(10);

/// Opens a store for writing: checked before anything is written, created or migrated where needed.
pub(crate) fn open(path: &Path, temporary: bool) -> Result<Connection> {
    check_file(path, &STORE)?;
    let mut connection = connect(path).map_err(|e| e.at(path))?;
    (|| {
        connection.pragma_update(None, "page_size", 8192)?;
        if !temporary && connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
            // Of a file that is made now: free pages can be given back in steps (`compact`).
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        use_wal(&connection)?;
        connection.pragma_update(None, "synchronous", if temporary { "OFF" } else { "NORMAL" })?;
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.pragma_update(None, "cache_size", -(32 << 10))?;
        migrate(&mut connection, path, &STORE)
    })()
    .map_err(|e: StoreError| e.at(path))?;
    Ok(connection)
}

/// Opens a ledger for writing, likewise. What is written to it is on the disk when the call returns.
pub(crate) fn open_ledger(path: &Path) -> Result<Connection> {
    check_file(path, &LEDGER)?;
    let mut connection = connect(path).map_err(|e| e.at(path))?;
    (|| {
        use_wal(&connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut connection, path, &LEDGER)
    })()
    .map_err(|e: StoreError| e.at(path))?;
    Ok(connection)
}

/// Opens a store that is open for writing elsewhere, for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = connect(path).map_err(|e| e.at(path))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -(16 << 10))?;
    map(&connection, true)?;
    Ok(connection)
}

/// Whether a reader looks at pages of the file where the system holds them, or copies each.
pub(crate) fn map(connection: &Connection, mapped: bool) -> Result<()> {
    // All that SQLite maps: two GiB.
    let bytes = if mapped { 1i64 << 31 } else { 0 };
    Ok(connection.pragma_update(None, "mmap_size", bytes)?)
}

/// Whether another program, newer than this one, has migrated the store under our feet.
pub(crate) fn check_version(connection: &Connection, path: &Path) -> Result<()> {
    let found: u32 = connection.prepare_cached("PRAGMA user_version")?.query_row((), |row| row.get(0))?;
    if found > STORE.version() {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known: STORE.version() });
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Two instances that start at once both want to switch; SQLite does not wait by itself here.
fn use_wal(connection: &Connection) -> Result<()> {
    let begun = Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(_) => return Ok(()),
            Err(e) => match StoreError::from(e) {
                StoreError::Busy if begun.elapsed() < BUSY => std::thread::sleep(Duration::from_millis(5)),
                other => return Err(other),
            },
        }
    }
}

fn migrate(connection: &mut Connection, path: &Path, kind: &Kind) -> Result<()> {
    if user_version(connection)? == kind.version() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Read again under the lock: another instance may have been here.
    let found = user_version(&transaction)?;
    if found > kind.version() {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known: kind.version() });
    }
    for sql in &kind.migrations[found as usize..] {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "application_id", kind.application_id)?;
    transaction.pragma_update(None, "user_version", kind.version())?;
    transaction.commit()?;
    Ok(())
}

fn user_version(connection: &Connection) -> Result<u32> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Reads the file's header (and that in its write-ahead log, which may be later) without SQLite, so that a file which
/// is refused stays exactly as it was, without side files. See <https://www.sqlite.org/fileformat2.html>.
fn check_file(path: &Path, kind: &Kind) -> Result<()> {
    let io = |source| StoreError::Io { path: path.to_path_buf(), source };
    let mut header = [0; 100];
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io(e)),
    };
    let n = read_up_to(&mut file, &mut header).map_err(io)?;
    if n == 0 {
        return Ok(());
    }
    let newest = match read_log(path) {
        Some(page) => page,
        None => header,
    };
    for header in [header, newest] {
        let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let is_sqlite = n == 100 && header.starts_with(b"SQLite format 3\0");
        // A store whose creation was cut short: SQLite has made the file, and nothing is in it yet.
        let is_empty = word(40) == 0 && word(68) == 0;
        if !is_sqlite || !(is_empty || word(68) == kind.application_id) {
            return Err(StoreError::NotOurs { path: path.to_path_buf() });
        }
        if word(60) > kind.version() {
            return Err(StoreError::Newer { path: path.to_path_buf(), found: word(60), known: kind.version() });
        }
    }
    Ok(())
}

/// The header in the last committed frame of page 1 in the write-ahead log, if there is one.
fn read_log(path: &Path) -> Option<[u8; 100]> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let mut log = File::open(PathBuf::from(name)).ok()?;
    let mut head = [0; 32];
    log.read_exact(&mut head).ok()?;
    let page_bytes = i64::from(u32::from_be_bytes(head[8..12].try_into().ok()?));
    let (mut pending, mut committed) = (None, None);
    let mut frame = [0; 24];
    while log.read_exact(&mut frame).is_ok() && frame[8..16] == head[16..24] {
        let mut skip = page_bytes;
        if frame[..4] == [0, 0, 0, 1] {
            let mut page = [0; 100];
            log.read_exact(&mut page).ok()?;
            pending = Some(page);
            skip -= 100;
        }
        if frame[4..8] != [0; 4] {
            committed = pending.or(committed);
        }
        log.seek(SeekFrom::Current(skip)).ok()?;
    }
    committed
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
