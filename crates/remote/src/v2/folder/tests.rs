use super::super::record::Role;
use super::*;
use signalbox_release::{Cancel, Cx};
use std::time::Duration;

fn at(number: &str) -> VersionRef {
    VersionRef {
        registry: "own".parse().expect("a name"),
        model: "iris".parse().expect("a name"),
        version: number.parse().expect("a name"),
        digest: None,
    }
}

fn record(number: &str) -> Record {
    Record {
        role: Role::Staged,
        service: "iris".parse().expect("a name"),
        version: at(number),
        digest: Digest::of("x"),
        key: "P.0".into(),
        files: BTreeMap::new(),
    }
}

fn key() -> OpKey {
    OpKey::new(&"P".parse().expect("an id"), 0, false)
}

fn repository() -> (tempfile::TempDir, Repository) {
    let dir = tempfile::tempdir().expect("a folder");
    let repository = Repository::new(dir.path().to_path_buf());
    (dir, repository)
}

fn write(repository: &Repository, number: &str) {
    let contents: Contents = [("a".to_owned(), Content::Bytes(number.as_bytes().to_vec()))].into();
    repository.write("iris", &contents, &record(number), &key()).expect("written");
}

/// Which version stands in a folder, by its record and its file.
fn stands(repository: &Repository, name: &str) -> Option<String> {
    let number = repository.record(name)?.version.version.to_string();
    let text = fs::read_to_string(repository.path(name).join("a")).expect("read");
    assert_eq!(text, number);
    Some(number)
}

fn names(repository: &Repository) -> Vec<String> {
    let all = fs::read_dir(&repository.root).expect("read").flatten();
    all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn only_what_we_wrote_is_removed() {
    let (dir, repository) = repository();
    let outside = dir.path().join("precious");
    fs::write(&outside, "x").expect("written");
    let contents: Contents = [("1/model.py".to_owned(), Content::Bytes(b"x".to_vec()))].into();
    repository.write("iris--1", &contents, &record("1"), &key()).expect("written");
    let mut hostile = repository.record("iris--1").expect("ours");
    let written = hostile.files["1/model.py"].clone();
    hostile.files.insert("../precious".into(), written);
    let text = serde_json::to_string(&hostile).expect("JSON");
    fs::write(repository.path("iris--1").join(RECORD), text).expect("written");
    assert!(!hostile.is_as_written(&repository.path("iris--1")));
    assert!(hostile.check(&repository.path("iris--1")).is_err());
    fs::create_dir(dir.path().join("iris--1/1/__pycache__")).expect("made");
    fs::write(dir.path().join("iris--1/1/__pycache__/model.cpython-311.pyc"), "x").expect("written");
    fs::write(dir.path().join("iris--1/notes.txt"), "x").expect("written");
    assert_eq!(repository.remove("iris--1").expect("removed"), ["notes.txt"]);
    assert!(outside.exists() && dir.path().join("iris--1/notes.txt").exists());
    assert!(!dir.path().join("iris--1/1").exists());
    assert_eq!(repository.remove("iris--1").expect("not ours any more"), Vec::<String>::new());
}

#[test]
fn of_two_folders_the_one_that_is_served_stays() {
    let check = |serves: Option<&str>, wanted: &str| {
        let (_dir, repository) = repository();
        write(&repository, "1");
        write(&repository, "2");
        let serves = serves.map(at);
        repository.recover("iris", serves.as_ref()).expect("put right");
        assert_eq!(stands(&repository, "iris").as_deref(), Some(wanted), "while {serves:?} is served");
        assert_eq!(names(&repository), ["iris"]);
        repository.recover("iris", serves.as_ref()).expect("nothing to do");
    };
    check(Some("1"), "1");
    check(Some("2"), "2");
    check(Some("3"), "2");
    check(None, "2");
}

#[test]
fn what_a_kill_leaves_is_put_right() {
    // Where nothing can be exchanged: after the old one went aside.
    let (_dir, repository) = repository();
    write(&repository, "1");
    repository.rename("iris", ".signalbox-before-iris").expect("renamed");
    fs::create_dir(repository.path(".signalbox-coming-iris.P.0")).expect("made");
    repository.recover("iris", None).expect("put back");
    assert_eq!(stands(&repository, "iris").as_deref(), Some("1"));

    // Before the exchange: what was to come lies aside, whole, and is not what is served.
    repository.rename("iris", ".signalbox-before-iris").expect("renamed");
    write(&repository, "0");
    repository.exchange("iris", ".signalbox-before-iris").expect("exchanged");
    repository.recover("iris", Some(&at("1"))).expect("put right");
    assert_eq!(stands(&repository, "iris").as_deref(), Some("1"));
    assert_eq!(names(&repository), ["iris"]);

    write(&repository, "2");
    assert_eq!(stands(&repository, "iris").as_deref(), Some("2"));
    assert_eq!(stands(&repository, ".signalbox-before-iris").as_deref(), Some("1"));
    repository.unwrite("iris").expect("put back");
    assert_eq!(stands(&repository, "iris").as_deref(), Some("1"));
    write(&repository, "3");
    repository.settle("iris").expect("it stays");
    assert_eq!(names(&repository), ["iris"]);
    repository.unwrite("iris").expect("nothing was there before");
    assert_eq!(names(&repository), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn the_name_is_never_empty_while_a_folder_is_replaced() {
    let (dir, repository) = repository();
    write(&repository, "0");
    let ends = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let (mut n, live) = (0u64, dir.path().join("iris"));
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(live.is_dir(), "a server that starts just now would not serve");
                n += 1;
            }
            n
        });
        for number in 1..200 {
            write(&repository, &number.to_string());
            if number % 2 == 0 { repository.settle("iris") } else { repository.unwrite("iris") }.expect("done");
        }
        ends.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(looks.join().expect("it was always there") > 0);
    });
}

#[test]
fn a_file_that_was_replaced_is_known() {
    let (_dir, repository) = repository();
    write(&repository, "1");
    let (folder, record) = (repository.path("iris"), repository.record("iris").expect("ours"));
    assert!(record.is_as_written(&folder));
    record.check(&folder).expect("as it was written");
    fs::write(folder.join("a"), "2").expect("replaced");
    assert_eq!(record.check(&folder).expect_err("replaced").code, FailureCode::Conflict);
    fs::remove_file(folder.join("a")).expect("removed");
    assert!(!record.is_as_written(&folder));
    fs::create_dir(folder.join("a")).expect("made");
    assert!(!record.is_as_written(&folder));
    assert_eq!(record.check(&folder).expect_err("a folder").code, FailureCode::Conflict);
}

#[test]
fn two_signalboxes_do_not_change_a_repository_at_once() {
    let (dir, one) = repository();
    let other = Repository::new(dir.path().to_path_buf());
    let patience = |ms: u64| Patience::new(&Cx { cancel: Cancel::default(), limit: Duration::from_millis(ms) });
    let held = one.alone(&patience(1000)).expect("nobody else");
    assert_eq!(other.alone(&patience(300)).expect_err("held").code, FailureCode::Busy);
    drop(held);
    other.alone(&patience(20_000)).expect("it is given up");
    let gone = Repository::new(dir.path().join("not-mounted"));
    assert_eq!(gone.alone(&patience(300)).expect_err("nothing is made").code, FailureCode::Local);
    assert!(!dir.path().join("not-mounted").exists());
}
