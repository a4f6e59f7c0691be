//! Whose file it is, and which version: refused before anything is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use signalbox_store::{Store, StoreError};

/// Every file in the directory with its bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|e| e.unwrap().path()).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn sqlite(path: &Path, sql: &str) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(sql).unwrap();
    db
}

/// Opening must fail, with the directory's files as they were, byte by byte.
fn refused(path: &Path) -> StoreError {
    let before = files(path.parent().unwrap());
    let error = Store::open(path).unwrap_err();
    assert!(files(path.parent().unwrap()) == before, "{error}: something was written");
    assert!(!error.hint().is_empty());
    error
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    drop(Store::open(&path).unwrap());
    drop(sqlite(&path, "PRAGMA user_version = 7"));
    let error = refused(&path);
    assert!(matches!(error, StoreError::Newer { found: 7, known: 2, .. }), "{error}");
    assert!(error.to_string().contains("newer version"));
}

#[test]
fn a_newer_version_is_seen_in_the_log_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let _old = Store::open(&path).unwrap();
    // Migrated by another program just now: the file's own header still says 2.
    let _newer = sqlite(&path, "PRAGMA user_version = 9");
    let copy = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        std::fs::copy(directory.path().join(format!("s.db{suffix}")), copy.path().join(format!("s.db{suffix}")))
            .unwrap();
    }
    assert!(matches!(refused(&copy.path().join("s.db")), StoreError::Newer { found: 9, .. }));
}

#[test]
fn a_store_that_is_migrated_while_open_is_written_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let mut store = Store::open(&path).unwrap();
    store.set_pref("a", "1").unwrap();
    let _newer = sqlite(&path, "PRAGMA user_version = 3");
    assert!(matches!(store.set_pref("a", "2"), Err(StoreError::Newer { found: 3, .. })));
    assert_eq!(store.pref("a").unwrap().as_deref(), Some("1"));
}

#[test]
fn other_files_are_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "SQLite format 3 is what this is not, however long it may be".repeat(9)).unwrap();
    let short = directory.path().join("short");
    std::fs::write(&short, "x").unwrap();
    let other = directory.path().join("mlflow.db");
    drop(sqlite(&other, "CREATE TABLE runs(id)"));
    for path in [text, short, other] {
        assert!(matches!(refused(&path), StoreError::NotOurs { .. }), "{path:?}");
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    // What is left when creating one is cut short: nothing, or a database without a table.
    std::fs::write(&path, "").unwrap();
    Store::open(&path).unwrap().set_pref("a", "1").unwrap();
    let path = directory.path().join("t.db");
    drop(sqlite(&path, "PRAGMA journal_mode = WAL"));
    Store::open(&path).unwrap().set_pref("a", "1").unwrap();
}

#[test]
fn a_place_that_cannot_be_is_an_error_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.join("s.db"), directory.path().join("none/s.db"), directory.path().to_path_buf()] {
        let error = Store::open(&path).unwrap_err();
        assert!(!error.hint().is_empty());
        assert!(!matches!(error, StoreError::Sqlite(_)), "{path:?}: {error:?}");
    }
}

#[test]
fn many_that_start_at_once_find_one_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    std::thread::scope(|scope| {
        for i in 0..8 {
            let path = &path;
            scope.spawn(move || Store::open(path).unwrap().set_pref(&i.to_string(), "1").unwrap());
        }
    });
    let store = Store::open(&path).unwrap();
    assert!((0..8).all(|i| store.pref(&i.to_string()).unwrap().is_some()));
}

#[test]
fn a_temporary_store_goes_with_its_last_reader() {
    let store = Store::open_temporary().unwrap();
    let path = store.path().to_path_buf();
    let reader = store.reader().unwrap();
    drop(store);
    assert!(path.exists() && reader.projects().unwrap().is_empty());
    drop(reader);
    assert!(!path.exists() && !path.parent().unwrap().exists());
}
