//! How repositories lie on a disk: branches, packed refs, linked working trees, submodules, versions of the index, size.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};

use signalbox_worktree::{Gap, Limits, Shown, Trouble, capture};

use crate::world::{World, check_patch, check_status, git, git_of, limits};

#[test]
fn no_repository() {
    let dir = tempfile::tempdir().unwrap();
    // A folder called `.git` that is none is passed by, as git does.
    fs::create_dir_all(dir.path().join("a/.git")).unwrap();
    let limits = Limits { ceiling: Some(dir.path().to_path_buf()), ..limits() };
    assert!(capture(&dir.path().join("a"), &limits).unwrap().is_none());
    assert!(matches!(capture(&dir.path().join("none"), &limits), Err(Trouble::Folder(_))));
    git(dir.path(), &["init", "-q", "--bare", "bare"]);
    assert!(capture(&dir.path().join("bare"), &limits).unwrap().is_none());
    // The repository above the ceiling is not looked for, the one at it is.
    let world = World::with(&[("a/b/c", "x\n")]);
    let at = |ceiling: &str| {
        let limits = Limits { ceiling: Some(world.path(ceiling)), ..limits.clone() };
        capture(&world.path("a/b"), &limits).unwrap()
    };
    assert!(at("a").is_none());
    assert_eq!(at("").unwrap().folder, "a/b");
    // In the git directory there is no working tree.
    assert!(capture(&world.path(".git/objects"), &limits).unwrap().is_none());
    world.git(&["config", "core.bare", "true"]);
    assert!(capture(&world.root(), &limits).unwrap().is_none());
}

#[test]
fn before_the_first_commit() {
    let world = World::empty();
    let snapshot = world.check();
    assert_eq!((snapshot.commit, snapshot.branch.as_deref()), (None, Some("main")));
    world.put("a", "x\n");
    world.put("b", "x\n");
    world.git(&["add", "a"]);
    world.put("a", "y\n");
    let snapshot = world.check();
    assert_eq!((snapshot.counts.staged, snapshot.untracked.names), (1, vec!["b".to_owned()]));
}

#[test]
fn branches_loose_packed_and_detached() {
    let world = World::with(&[("a", "1\n")]);
    world.git(&["checkout", "-q", "-b", "topic/deep"]);
    world.put("a", "2\n");
    world.commit("second");
    let second = world.git(&["rev-parse", "HEAD"]);
    for pack in [&["status"][..], &["pack-refs", "--all"], &["gc", "-q"]] {
        world.git(pack);
        let snapshot = world.check();
        assert_eq!((snapshot.branch.as_deref(), snapshot.commit.unwrap().id), (Some("topic/deep"), second.clone()));
    }
    assert!(!world.path(".git/refs/heads/topic/deep").exists());
    world.git(&["checkout", "-q", "--detach", "main"]);
    world.put("a", "3\n");
    let snapshot = world.check();
    assert_eq!((snapshot.branch, snapshot.commit.unwrap().title.as_deref()), (None, Some("first")));
}

#[test]
fn a_linked_working_tree() {
    let world = World::with(&[("a", "1\n")]);
    world.git(&["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = world.dir.path().join("linked");
    fs::write(linked.join("a"), "2\n").unwrap();
    let snapshot = check_status(&linked);
    check_patch(&linked, world.dir.path(), &snapshot);
    assert_eq!((snapshot.branch.as_deref(), snapshot.changes.len()), (Some("side"), 1));
    assert!(world.check().patch.is_none());
    // A bare repository's working trees are as good.
    world.git(&["config", "core.bare", "true"]);
    assert_eq!(check_status(&linked).changes.len(), 1);
    // Somebody else's `.git` file that names this repository is not believed.
    let foreign = world.dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    for to in [world.path(".git"), world.path(".git/worktrees/linked")] {
        fs::write(foreign.join(".git"), format!("gitdir: {}\n", to.display())).unwrap();
        assert!(matches!(capture(&foreign, &limits()), Err(Trouble::Elsewhere)));
    }
}

#[test]
fn submodules() {
    let inner = World::with(&[("a", "1\n")]);
    let world = World::with(&[("b", "1\n")]);
    world.git(&["submodule", "--quiet", "add", &inner.root().display().to_string(), "sub/inner"]);
    world.commit("with a submodule");
    assert_eq!(world.check().changes, []);
    let sub = world.path("sub/inner");
    // Captured from within, it is a repository of its own.
    fs::write(sub.join("a"), "2\n").unwrap();
    let snapshot = check_status(&sub);
    check_patch(&sub, world.dir.path(), &snapshot);
    assert_eq!((snapshot.changes.len(), snapshot.commit.unwrap().title.as_deref()), (1, Some("first")));
    git(&sub, &["commit", "-q", "-a", "-m", "inner"]);
    let snapshot = world.check_status();
    let change = &snapshot.changes[0];
    assert_eq!((change.path.as_str(), change.shown), ("sub/inner", Shown::Submodule));
    assert_eq!(change.submodule.as_deref(), Some(git(&sub, &["rev-parse", "HEAD"]).as_str()));
    assert!(!snapshot.patch.unwrap().is_whole);
    // Not checked out.
    world.git(&["submodule", "--quiet", "deinit", "-f", "sub/inner"]);
    assert_eq!(world.check().changes, []);
    fs::remove_dir(&sub).unwrap();
    assert_eq!(world.check_status().changes.len(), 1);
}

#[test]
fn versions_of_the_index() {
    let files: Vec<(String, String)> =
        (0..50).map(|n| (format!("dir/sub {n}/file {n}.py"), format!("{n}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let world = World::with(&files);
    world.put("dir/sub 7/file 7.py", "x\n");
    for version in ["4", "3", "2"] {
        world.git(&["update-index", "--index-version", version]);
        assert_eq!(world.check().counts.unstaged, 1);
    }
    // Such entries are not compared, as git does not.
    world.git(&["update-index", "--skip-worktree", "dir/sub 7/file 7.py"]);
    world.put("dir/sub 8/file 8.py", "x\n");
    world.git(&["update-index", "--assume-unchanged", "dir/sub 8/file 8.py"]);
    assert_eq!(world.check_status().changes, []);
    world.git(&["update-index", "--split-index"]);
    let snapshot = world.capture();
    assert_eq!(snapshot.gaps, [Gap::Index { why: "it is split".to_owned() }]);
    assert_eq!((snapshot.commit.unwrap().title.as_deref(), snapshot.patch), (Some("first"), None));
    // Entries that stand for those of the shared index have no names.
    for n in [9, 10, 11] {
        world.put(format!("dir/sub {n}/file {n}.py"), "something else\n");
    }
    world.git(&["add", "."]);
    assert_eq!(world.capture().gaps, [Gap::Index { why: "it is split".to_owned() }]);
}

#[test]
fn a_sparse_index_is_not_understood() {
    let world = World::with(&[("a/x", "1\n"), ("b/x", "1\n"), ("top", "1\n")]);
    world.git(&["sparse-checkout", "set", "--cone", "a"]);
    world.put("a/x", "2\n");
    assert_eq!(world.check_status().counts.unstaged, 1);
    world.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "a"]);
    assert_eq!(world.capture().gaps, [Gap::Index { why: "it is sparse".to_owned() }]);
}

#[test]
fn other_kinds_of_repositories_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--object-format=sha256", "new"]);
    assert!(matches!(capture(&dir.path().join("new"), &limits()), Err(Trouble::Unsupported("SHA-256 names"))));
    let world = World::with(&[("a", "1\n")]);
    fs::write(world.path(".git/HEAD"), "nonsense\n").unwrap();
    assert!(matches!(capture(&world.root(), &limits()), Err(Trouble::Damaged("HEAD"))));
}

#[test]
fn a_file_written_again_within_the_same_moment() {
    let world = World::empty();
    // Only size and seconds are looked at, so that the moment can be made.
    for (key, value) in [("core.trustctime", "false"), ("core.checkStat", "minimal")] {
        world.git(&["config", key, value]);
    }
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let at = |path: &str, time: SystemTime| {
        fs::File::options().append(true).open(world.path(path)).unwrap().set_modified(time).unwrap();
    };
    world.put("a", "aaaa\n");
    at("a", moment);
    world.commit("first");
    world.put("a", "bbbb\n");
    at("a", moment);
    // The index is of the same moment: the file is read.
    at(".git/index", moment);
    assert_eq!(world.check().counts.unstaged, 1);
    // The index is of a later one: git believes the times, and so does this.
    at(".git/index", moment + Duration::from_secs(2));
    assert_eq!(world.check_status().counts.unstaged, 0);
}

/// Commits so many small files in one pack and checks them out.
fn many_files(world: &World, n_files: usize) {
    let mut stream = String::from("commit refs/heads/main\ncommitter bob <bob@desk> 1700000000 +0000\ndata 4\nmany\n");
    for n in 0..n_files {
        let text = format!("print({n})\n");
        let _ = write!(stream, "M 100644 inline dir {}/file_{n}.py\ndata {}\n{text}\n", n / 100, text.len());
    }
    let mut import = git_of(&world.root()).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    world.git(&["reset", "-q", "--hard"]);
}

#[test]
fn twenty_thousand_files() {
    let world = World::empty();
    many_files(&world, 20_000);
    world.put("dir 77/file_7700.py", "x\n");
    world.put("new/a", "x\n");
    let timed = |what: &str, path: &Path| {
        let from = Instant::now();
        let snapshot = capture(path, &Limits { ceiling: None, ..Limits::default() }).unwrap().unwrap();
        println!("20,000 files, {what}: {:?}", from.elapsed());
        assert_eq!(snapshot.gaps, []);
        assert_eq!((snapshot.counts.unstaged, snapshot.untracked.count), (1, 1));
        snapshot
    };
    timed("clean but one", &world.root());
    // With something staged git's own note of the tree does not hold, and the commit's trees are read.
    world.put("staged", "x\n");
    world.git(&["add", "staged"]);
    assert_eq!(timed("one staged", &world.root()).counts.staged, 1);
    // As in a copy: no file has the time that git noted, and all are read.
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    for n in 0..20_000 {
        let file = fs::File::options().append(true).open(world.path(&format!("dir {}/file_{n}.py", n / 100))).unwrap();
        file.set_modified(time).unwrap();
    }
    timed("all with other times", &world.root());
}
