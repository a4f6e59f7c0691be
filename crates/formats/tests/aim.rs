//! Aim's list of runs: the sample, a run's life, what people do in Aim's window, and what is never opened.

use std::fs;

use rusqlite::{Connection, params};
use signalbox_formats::{Descend, open};
use signalbox_types::{Cursor, Format, Lifecycle, Status};

use self::{
    known::{Known, copy_of, expected, json_number, project::list, read_whole, samples, spec},
    live_database::LiveDatabase,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

#[allow(dead_code, reason = "shared with the other databases' tests")]
#[path = "readers/live_database.rs"]
mod live_database;

const DB: &str = ".aim/run_metadata.sqlite";
const ONE: &str = "9cdac01245884c3394659f85";
const TWO: &str = "05b05da8f2d741ceaacb8850";

#[test]
fn sample() {
    let known = read_whole(&spec(Format::Aim, &samples().join("aim"), ""));
    assert_eq!(known.problems, Default::default());
    let expected = expected("aim");
    assert!(known.runs.keys().eq(expected["runs"].as_object().unwrap().keys()));
    for (hash, said) in expected["runs"].as_object().unwrap() {
        let run = &known.runs[hash];
        assert_eq!(run.name, said["name"].as_str().unwrap());
        assert_eq!(run.experiment, said["experiment"].as_str().unwrap());
        assert!((run.started.unwrap() - json_number(&said["creation_time"])).abs() < 1e-5);
        assert_eq!(run.lifecycle == Lifecycle::Deleted, said["archived"].as_bool().unwrap());
        let tags: Vec<&str> = said["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert_eq!(run.tags.get("tags").map_or("", String::as_str), tags.join(", "));
        // Both are still active to Aim, and have no end.
        assert_eq!((run.status, run.ended), (None, None));
        assert_eq!(run.tags["aim.metrics"], "not read: they are in RocksDB");
        assert!(run.series.is_empty() && run.params.is_empty());
    }
    assert_eq!(known.runs[ONE].tags["description"], "desc");
}

type Repo = LiveDatabase;

impl Repo {
    fn new() -> Repo {
        Repo { budget: 1, ..Repo::of("aim", Format::Aim, DB, "") }
    }

    fn check_in(&self, name: &str) {
        fs::write(self.dir.path().join(".aim/check_ins").join(name), "").unwrap();
    }
}

#[test]
fn a_run_that_lives() {
    let mut repo = Repo::new();
    repo.visit();
    assert_eq!(repo.visit().runs.len(), 0, "nothing is said twice");
    repo.sql("INSERT INTO run (hash, is_archived, created_at) VALUES ('new', 0, '2026-11-21 10:10:00')");
    assert_eq!(repo.visit().runs.len(), 1);
    let run = &repo.known.runs["new"];
    assert_eq!((run.name.as_str(), run.experiment.as_str()), ("Run: new", ""));
    assert_eq!((run.started, run.status), (Some(1_795_255_800.0), None));
    repo.check_in("new-0000000000000001-starting-1795255801.00-00000");
    repo.check_in("new-0000000000000002-progress-1795255802.00-00030");
    assert_eq!(repo.visit().runs.len(), 0, "a check-in proves no life");
    repo.check_in("new-0000000000000003-finished-1795255900.50-00000");
    repo.check_in("new-0000000000000004-progress-1795255901.00-00001");
    assert_eq!(repo.visit().runs.len(), 1);
    let run = &repo.known.runs["new"];
    assert_eq!((run.status, run.ended), (Some(Status::Finished), Some(Some(1_795_255_900.5))));
    // Begun again.
    repo.check_in("new-0000000000000005-starting-1795256000.00-00000");
    repo.visit();
    assert_eq!((repo.known.runs["new"].status, repo.known.runs["new"].ended), (None, None));
    repo.sql("UPDATE run SET finalized_at = '2026-11-21 10:20:00.250000' WHERE hash = 'new'");
    repo.visit();
    let run = &repo.known.runs["new"];
    assert_eq!((run.status, run.ended), (Some(Status::Finished), Some(Some(1_795_256_400.25))));
    // As older versions say it, and begun again after that.
    repo.check_in("new-0000000000000006-progress-1795260000.00-00030");
    repo.visit();
    assert_eq!(repo.known.runs["new"].status, None);
}

#[test]
fn what_people_do_in_its_window() {
    let mut repo = Repo::new();
    repo.visit();
    repo.sql(&format!(
        "UPDATE run SET name = 'renamed', is_archived = 1, experiment_id = 1 WHERE hash = '{ONE}';
         INSERT INTO tag (id, name, is_archived) VALUES (2, 'apart', 0), (3, 'old', 1);
         INSERT INTO run_tag SELECT id, 2 FROM run; INSERT INTO run_tag SELECT id, 3 FROM run;"
    ));
    repo.visit();
    let run = &repo.known.runs[ONE];
    assert_eq!((run.name.as_str(), run.experiment.as_str(), run.lifecycle), ("renamed", "default", Lifecycle::Deleted));
    assert_eq!(run.tags["tags"], "apart, best");
    repo.sql(&format!(
        "DELETE FROM run_tag; UPDATE run SET is_archived = 0, description = NULL; DELETE FROM run WHERE hash = '{TWO}'"
    ));
    repo.visit();
    let run = &repo.known.runs[ONE];
    assert_eq!((run.lifecycle, run.tags.len()), (Lifecycle::Active, 1));
    assert!(repo.known.gone.iter().eq([TWO]));
    repo.cursor = Some(Cursor("[]".into()));
    assert!(repo.visit().runs.iter().all(|run| run.reset));
}

#[test]
fn odd_and_secret_values() {
    let mut repo = Repo::new();
    let insert = "INSERT INTO run (hash, name, description, created_at) VALUES (?1, ?2, ?3, ?4)";
    repo.writer
        .execute(insert, params!["../../x", "\u{1b}[31m../x", "key sk-abcdefghijklmnopqrst", "yesterday"])
        .unwrap();
    repo.writer.execute(insert, params!["long", "y".repeat(2 << 20), "z".repeat(1 << 19), 5]).unwrap();
    repo.sql("INSERT INTO tag (id, name) VALUES (9, 'hf_0123456789012345678901234567890123'); INSERT INTO run_tag SELECT id, 9 FROM run");
    for name in [
        "",
        "x",
        "long-1-finished-1e400-0",
        "long-99999999999999999999-finished-1795255900.50-0",
        "-1-finished-1795255900.50-0",
    ] {
        if !name.is_empty() {
            repo.check_in(name);
        }
    }
    repo.visit();
    let run = &repo.known.runs["../../x"];
    assert_eq!((run.name.as_str(), run.started), ("\u{fffd}[31m../x", None));
    assert_eq!(run.tags.keys().collect::<Vec<_>>(), ["aim.metrics"]);
    let run = &repo.known.runs["long"];
    assert_eq!((run.name.as_str(), run.status), ("(too long to read)", None));
    assert!(run.tags["description"].len() < 1 << 17);
}

#[test]
fn of_two_rows_of_one_run_the_later_counts() {
    let mut repo = Repo::new();
    // As when the index is damaged that Aim forbids it with.
    repo.sql("CREATE TABLE copied AS SELECT * FROM run");
    repo.sql("DROP TABLE run");
    repo.sql("ALTER TABLE copied RENAME TO run");
    repo.sql("INSERT INTO run (hash, name, is_archived, created_at) VALUES ('a', 'earlier', 0, '2026-11-21 10:10:00')");
    repo.sql("INSERT INTO run (hash, name, is_archived, created_at) VALUES ('a', 'later', 0, '2026-11-21 10:10:00')");
    repo.visit();
    assert_eq!(repo.known.runs["a"].name, "later");
    assert_eq!(repo.visit().runs.len(), 0, "it is told again");
}

#[test]
fn a_damaged_database_is_named() {
    let dir = copy_of("aim");
    let path = dir.path().join(DB);
    let bytes = fs::read(&path).unwrap();
    let spec = spec(Format::Aim, dir.path(), "");
    let (mut known, mut cursor) = (Known::default(), None);
    for cut in (0..bytes.len()).step_by(1_021) {
        fs::write(&path, &bytes[..cut]).unwrap();
        known.visit(&spec, &mut cursor, usize::MAX);
        assert!(known.problems.iter().all(|(path, ..)| path == DB), "{:?}", known.problems);
    }
    fs::write(&path, &bytes).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.runs.len(), known.problems.len()), (2, 0));
}

#[test]
fn recognised_from_the_folder_above() {
    let dir = copy_of("aim");
    let found = list(dir.path(), "");
    assert_eq!((found.sources, found.descend), (vec![spec(Format::Aim, dir.path(), "")], Descend::All));
    let inner = list(dir.path(), ".aim");
    assert_eq!((inner.sources, inner.descend), (vec![], Descend::None));
    let reader = open(&spec(Format::Aim, dir.path(), ""), None);
    assert_eq!(reader.watch_paths(), [dir.path().join(".aim"), dir.path().join(".aim/check_ins")]);
    // Other records beside it are told as ever.
    fs::write(dir.path().join("log.csv"), "epoch,loss\n0,1\n").unwrap();
    assert_eq!(list(dir.path(), "").sources.len(), 2);
    // A database of something else.
    fs::remove_file(dir.path().join(DB)).unwrap();
    Connection::open(dir.path().join(DB)).unwrap().execute_batch("CREATE TABLE run (hash, other)").unwrap();
    assert_eq!(list(dir.path(), "").sources.len(), 1);
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read() {
    for link in [".aim", DB] {
        let outer = copy_of("aim");
        let project = outer.path().join("project");
        fs::create_dir_all(&project).unwrap();
        fs::rename(outer.path().join(".aim"), project.join(".aim")).unwrap();
        let moved = outer.path().join("moved");
        fs::rename(project.join(link), &moved).unwrap();
        std::os::unix::fs::symlink(&moved, project.join(link)).unwrap();
        assert_eq!(list(&project, "").sources, []);
        assert_eq!(read_whole(&spec(Format::Aim, &project, "")), Known::default(), "{link}");
    }
}
