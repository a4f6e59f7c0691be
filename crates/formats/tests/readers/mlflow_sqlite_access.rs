//! How another program's database is opened: without a lock that lasts, without a file left beside it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;
use signalbox_formats::open;
use signalbox_types::{Batch, Format};

use crate::{
    known::{Known, copy_of, read_whole, spec},
    live_database::damaged,
};

const RUN: &str = "3ffabdb21b51482f868146d67f611ae4";

/// All files of a directory with their bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().flatten().filter(|e| e.path().is_file());
    entries.map(|e| (e.path(), fs::read(e.path()).unwrap())).collect()
}

fn writer(dir: &Path) -> Connection {
    let conn = Connection::open(dir.join("mlflow.db")).unwrap();
    conn.busy_timeout(Duration::ZERO).unwrap();
    conn.pragma_update(None, "synchronous", "off").unwrap();
    conn
}

fn log(conn: &Connection, step: i64) {
    conn.execute("INSERT INTO metrics VALUES ('loss', 0.5, ?1, ?2, ?1, 0)", rusqlite::params![step, RUN]).unwrap();
}

fn steps(known: &Known) -> Vec<i64> {
    known.runs[RUN].steps("loss")
}

#[test]
fn no_lock_and_no_file_is_left() {
    let dir = copy_of("mlflow_sqlite");
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    let before = files(dir.path());
    let mut reader = open(&spec, None);
    let mut known = Known::default();
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(files(dir.path()), before);
    // With the reader open, a writer that does not wait at all gets its way.
    let writer = writer(dir.path());
    for step in 20..60 {
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        log(&writer, step);
        writer.execute_batch("COMMIT").unwrap();
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(*steps(&known).last().unwrap(), step);
    }
    drop((reader, writer));
    assert_eq!(files(dir.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn a_locked_database_is_tried_again() {
    let dir = copy_of("mlflow_sqlite");
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    let writer = writer(dir.path());
    let (mut known, mut reader) = (Known::default(), open(&spec, None));
    known.catch_up(&mut *reader, usize::MAX);
    let before = known.clone();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    log(&writer, 20);
    // An uncommitted change may be in the file already or not; a lock it is.
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known, before);
    writer.execute_batch("COMMIT").unwrap();
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(steps(&known), [10, 20]);
    // A reader that begins while it is locked has nothing to say, and no problem either.
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut late = open(&spec, None);
    let mut batch = Batch::default();
    late.read(usize::MAX, &mut batch);
    assert_eq!((batch.runs.len(), batch.problems.len()), (0, 0));
    writer.execute_batch("ROLLBACK").unwrap();
    let mut known = Known::default();
    known.catch_up(&mut *late, usize::MAX);
    assert_eq!(steps(&known), [10, 20]);
}

/// In WAL mode at rest: the file alone, its log merged.
fn at_rest_in_wal_mode(dir: &Path) {
    let conn = writer(dir);
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    log(&conn, 20);
    drop(conn);
    assert!(!dir.join("mlflow.db-wal").exists());
}

#[test]
fn wal_at_rest() {
    let dir = copy_of("mlflow_sqlite");
    at_rest_in_wal_mode(dir.path());
    let before = files(dir.path());
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    assert_eq!(steps(&read_whole(&spec)), [10, 20]);
    assert_eq!(files(dir.path()), before);
}

#[test]
fn wal_while_it_is_written() {
    let dir = copy_of("mlflow_sqlite");
    at_rest_in_wal_mode(dir.path());
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    let (mut known, mut reader) = (Known::default(), open(&spec, None));
    known.catch_up(&mut *reader, usize::MAX);
    let writer = writer(dir.path());
    for step in 30..40 {
        log(&writer, step);
        known.catch_up(&mut *reader, usize::MAX);
        assert_eq!(*steps(&known).last().unwrap(), step);
    }
    // The writer's own clean-up is not in our way: its log is merged and gone when it leaves.
    drop(writer);
    assert!(!dir.path().join("mlflow.db-wal").exists() && !dir.path().join("mlflow.db-shm").exists());
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(known, read_whole(&spec));
    // From rollback journal to WAL under an open reader.
    let conn = self::writer(dir.path());
    conn.pragma_update(None, "journal_mode", "delete").unwrap();
    known.catch_up(&mut *reader, usize::MAX);
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    log(&conn, 50);
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!(*steps(&known).last().unwrap(), 50);
    drop(conn);
    assert_eq!(files(dir.path()).keys().filter(|p| p.to_string_lossy().contains("mlflow.db-")).count(), 0);
}

#[test]
fn a_wal_that_was_left_behind() {
    let dir = copy_of("mlflow_sqlite");
    at_rest_in_wal_mode(dir.path());
    let writer = writer(dir.path());
    log(&writer, 30);
    // As a killed writer, or a copy without the -shm, leaves it.
    let left = tempfile::tempdir().unwrap();
    for name in ["mlflow.db", "mlflow.db-wal"] {
        fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    let before = files(left.path());
    let spec = spec(Format::MlflowSqlite, left.path(), "mlflow.db");
    assert_eq!(steps(&read_whole(&spec)), [10, 20, 30]);
    assert_eq!(files(left.path()), before);
}

#[test]
fn a_backup_that_was_copied_over_a_wal_database() {
    let dir = copy_of("mlflow_sqlite");
    for old in [&b""[..], b"the log of another database"] {
        fs::write(dir.path().join("mlflow.db-wal"), old).unwrap();
        let before = files(dir.path());
        let known = read_whole(&spec(Format::MlflowSqlite, dir.path(), "mlflow.db"));
        assert_eq!(known.runs[RUN].steps("loss").len(), 1);
        assert_eq!(files(dir.path()), before, "no -shm beside it");
    }
}

#[test]
fn a_hot_journal_needs_recovery() {
    let dir = copy_of("mlflow_sqlite");
    let writer = writer(dir.path());
    // Without cache, changes go to the file before the commit.
    writer.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN").unwrap();
    for step in 1_000..3_000 {
        log(&writer, step);
    }
    let killed = tempfile::tempdir().unwrap();
    for name in ["mlflow.db", "mlflow.db-journal"] {
        fs::copy(dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let before = files(killed.path());
    let spec = spec(Format::MlflowSqlite, killed.path(), "mlflow.db");
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    known.visit(&spec, &mut cursor, usize::MAX);
    let problems: Vec<_> = known.problems.iter().cloned().collect();
    assert_eq!(problems, [("mlflow.db".to_owned(), None, "NeedsRecovery".to_owned())]);
    assert_eq!(known.runs.len(), 0);
    assert_eq!(files(killed.path()), before, "neither the database nor its journal is touched");
    // Its own program opens it: the transaction is rolled back.
    self::writer(killed.path()).query_row("SELECT count(*) FROM metrics", [], |_| Ok(())).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.len(), 0);
    assert_eq!(steps(&known), [10]);
}

#[test]
fn what_is_no_store_is_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    let read = || read_whole(&spec(Format::MlflowSqlite, dir.path(), "x.db"));
    assert_eq!(read(), Known::default());
    for bytes in [&b""[..], b"short", &[b'x'; 5_000]] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(read(), Known::default());
    }
    fs::remove_file(&path).unwrap();
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE runs (run_uuid TEXT); CREATE TABLE experiments (experiment_id INTEGER)").unwrap();
    // A view that never ends instead of the table.
    conn.execute_batch(
        "CREATE VIEW metrics AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT 'a' AS key, i AS value, i AS timestamp, 'r' AS run_uuid FROM n",
    )
    .unwrap();
    assert_eq!(read(), Known::default());
}

#[test]
fn a_damaged_database_is_a_problem_until_it_is_replaced() {
    let dir = copy_of("mlflow_sqlite");
    let path = dir.path().join("mlflow.db");
    let sound = fs::read(&path).unwrap();
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    let mut bytes = sound.clone();
    bytes[512..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.iter().map(|p| p.2.as_str()).collect::<Vec<_>>(), ["DamagedFile"]);
    fs::write(&path, &sound).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.problems.len(), known.runs.len()), (0, 6));
}

#[test]
fn damage_anywhere_does_not_stop_us() {
    let dir = copy_of("mlflow_sqlite");
    let path = dir.path().join("mlflow.db");
    let sound = fs::read(&path).unwrap();
    let spec = spec(Format::MlflowSqlite, dir.path(), "mlflow.db");
    for bytes in damaged(&sound) {
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
        let mut reader = open(&spec, None);
        for _ in 0..3 {
            reader.read(usize::MAX, &mut Batch::default());
        }
    }
}

#[test]
fn odd_paths() {
    let dir = copy_of("mlflow_sqlite");
    let name = "a b?c#d%20é&mode=rwc.db";
    fs::rename(dir.path().join("mlflow.db"), dir.path().join(name)).unwrap();
    assert_eq!(read_whole(&spec(Format::MlflowSqlite, dir.path(), name)).runs.len(), 6);
}
