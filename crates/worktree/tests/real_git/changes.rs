//! What can be done to a working tree, file by file.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, os::unix::fs::PermissionsExt as _, os::unix::fs::symlink};

use signalbox_worktree::{ChangeKind, Counts, Shown};

use crate::world::{World, limits};

fn executable(world: &World, path: &str, is: bool) {
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(if is { 0o755 } else { 0o644 })).unwrap();
}

const SONG: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

#[test]
fn a_clean_tree_has_nothing_to_tell() {
    let world = World::with(&[("a.py", SONG), ("sub/b.py", "x\n")]);
    world.git(&["remote", "add", "origin", "https://me:tok@host/a/b.git?x=1"]);
    let snapshot = world.check();
    assert_eq!(snapshot.counts, Counts::default());
    assert_eq!((&snapshot.patch, snapshot.branch.as_deref()), (&None, Some("main")));
    assert_eq!(snapshot.remote.as_deref(), Some("https://host/a/b.git"));
    let commit = snapshot.commit.unwrap();
    assert_eq!(commit.id, world.git(&["rev-parse", "HEAD"]));
    assert_eq!(commit.authored.unwrap().to_string(), world.git(&["log", "-1", "--format=%at"]));
    assert_eq!(commit.title.as_deref(), Some("first"));
}

#[test]
fn every_kind_of_change() {
    let names =
        ["staged", "unstaged", "both", "gone", "removed", "forgotten", "back", "mode", "moved", "dir/file", "swap"];
    let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, SONG)).collect();
    let world = World::with(&files);
    let other = SONG.replace("three", "THREE").replace("nine", "NINE");
    world.put("staged", &other);
    world.put("both", &other);
    world.put("back", &other);
    world.put("new", "n\n");
    world.put("new empty", "");
    world.git(&["add", "-A"]);
    world.git(&["rm", "-q", "--cached", "forgotten"]);
    world.git(&["rm", "-q", "removed"]);
    world.git(&["mv", "moved", "moved there"]);
    world.put("unstaged", other.replace("one\n", ""));
    world.put("both", "none\n");
    world.put("back", SONG);
    world.put("intent", "i\n");
    world.git(&["add", "-N", "intent"]);
    fs::remove_file(world.path("gone")).unwrap();
    executable(&world, "mode", true);
    // A folder in a file's place, and a file in a folder's.
    fs::remove_dir_all(world.path("dir")).unwrap();
    world.put("dir", "a file\n");
    fs::remove_file(world.path("swap")).unwrap();
    world.put("swap/inner", "u\n");
    world.put("untracked/a/b", "u\n");
    world.put("untracked/c", "u\n");
    world.put("single", "u\n");
    let snapshot = world.check();
    let shown = |path: &str| snapshot.changes.iter().find(|c| c.path == path).map(|c| (c.staged, c.unstaged, c.shown));
    assert_eq!(shown("back"), Some((Some(ChangeKind::Modified), Some(ChangeKind::Modified), Shown::Nothing)));
    assert_eq!(shown("mode"), Some((None, Some(ChangeKind::Modified), Shown::Whole)));
    assert_eq!(snapshot.untracked.names, ["dir", "forgotten", "single", "untracked/"]);
}

#[test]
fn links() {
    let world = World::with(&[("file", "f\n"), ("to be a link", "f\n")]);
    for name in ["link", "same", "to be a file"] {
        symlink("file", world.path(name)).unwrap();
    }
    world.commit("links");
    for name in ["link", "to be a file", "to be a link"] {
        fs::remove_file(world.path(name)).unwrap();
    }
    symlink("elsewhere/é", world.path("link")).unwrap();
    symlink("file", world.path("to be a link")).unwrap();
    symlink("nowhere", world.path("new link")).unwrap();
    world.put("to be a file", "now\n");
    world.git(&["add", "new link"]);
    let snapshot = world.check();
    let kinds: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.unstaged)).collect();
    let changed = Some(ChangeKind::TypeChanged);
    let expected = [("link", Some(ChangeKind::Modified)), ("new link", None), ("to be a file", changed)];
    assert_eq!(kinds, [&expected[..], &[("to be a link", changed)]].concat());
}

#[test]
fn modes_and_contents_together() {
    let world = World::with(&[("a", SONG), ("b", "x\n"), ("c", "")]);
    for name in ["a", "c"] {
        executable(&world, name, true);
    }
    world.put("a", SONG.replace("ten\n", "ten"));
    world.put("c", "no end");
    world.put("d", "");
    executable(&world, "d", true);
    world.git(&["add", "d"]);
    world.check();
    // A repository that minds no modes.
    world.git(&["config", "core.fileMode", "false"]);
    let snapshot = world.check_status();
    assert!(!snapshot.patch.unwrap().text.contains("old mode"));
}

#[test]
fn names_that_need_quotes() {
    let names: [&[u8]; 11] = [
        b"with space",
        b"quote\"s",
        b"back\\slash",
        "ümläut.py".as_bytes(),
        b"tab\there",
        b"new\nline",
        b"-dash",
        b"\xff\xfe",
        b"\"quoted\"",
        b"  two  ",
        "dir é/with \u{1F600}".as_bytes(),
    ];
    let world = World::empty();
    for name in names {
        world.put(OsStr::from_bytes(name), SONG);
    }
    world.commit("names");
    for (n, name) in names.iter().enumerate() {
        match n % 3 {
            0 => fs::remove_file(world.root().join(OsStr::from_bytes(name))).unwrap(),
            _ => world.put(OsStr::from_bytes(name), SONG.replace("six", "SIX")),
        }
    }
    for name in names {
        world.put(OsStr::from_bytes(&[b"new ", name].concat()), "n\n");
    }
    let untracked = world.check();
    assert!(untracked.untracked.names.contains(&"new ümläut.py".to_owned()), "{:?}", untracked.untracked.names);
    world.git(&["add", "-A"]);
    let snapshot = world.check();
    let names: Vec<_> = snapshot.changes.iter().map(|c| c.path.as_str()).collect();
    assert!(names.contains(&"ümläut.py") && names.contains(&"\"tab\\there\""), "{names:?}");
}

#[test]
fn ends_of_files() {
    let world = World::with(&[("none", "a\nb"), ("has", "a\nb\n"), ("empty", ""), ("cr", "a\rb\r"), ("gone", "x")]);
    world.put("none", "a\nb\n");
    world.put("has", "a\nb");
    world.put("empty", "\n");
    world.put("cr", "a\rc\r");
    fs::remove_file(world.path("gone")).unwrap();
    world.check();
    world.put("none", "z\nb");
    world.put("has", "");
    world.check();
}

#[test]
fn a_conflict() {
    let world = World::with(&[("a", SONG), ("ours gone", "1\n"), ("theirs gone", "1\n")]);
    world.git(&["checkout", "-q", "-b", "other"]);
    world.put("a", SONG.replace("five", "V"));
    world.put("ours gone", "2\n");
    world.put("added", "theirs\n");
    fs::remove_file(world.path("theirs gone")).unwrap();
    world.commit("theirs");
    world.git(&["checkout", "-q", "main"]);
    world.put("a", SONG.replace("five", "5"));
    world.put("theirs gone", "2\n");
    world.put("added", "ours\n");
    fs::remove_file(world.path("ours gone")).unwrap();
    world.commit("ours");
    let merge = crate::world::git_of(&world.root()).args(["merge", "-q", "other"]).output().unwrap();
    assert!(!merge.status.success());
    let snapshot = world.check();
    assert_eq!(snapshot.counts, Counts { unmerged: 4, ..Counts::default() });
    assert!(snapshot.patch.unwrap().text.contains("\n+<<<<<<< HEAD\n"));
}

#[test]
fn what_is_no_text_is_named() {
    let world = World::with(&[("blob", "a\0b"), ("latin", "x\n"), ("large", "x\n"), ("note", "x\n")]);
    world.put("blob", "a\0c");
    world.put("latin", b"caf\xe9\n");
    world.put("large", "y\n".repeat(700_000));
    world.put("note", "y\n");
    let snapshot = world.check_status();
    let shown: Vec<_> = snapshot.changes.iter().map(|c| c.shown).collect();
    assert_eq!(shown, [Shown::Binary, Shown::TooLarge, Shown::Encoding, Shown::Whole]);
    let patch = snapshot.patch.unwrap();
    assert!(
        !patch.is_whole && patch.text.starts_with("# blob: not in this patch: binary\n# large: "),
        "{}",
        patch.text
    );
    // The rest applies all the same.
    world.git(&["stash", "-q"]);
    crate::world::apply(&world.root(), &patch.text);
    assert_eq!(fs::read(world.path("note")).unwrap(), b"y\n");
}

#[test]
fn limits_are_kept() {
    let world = World::with(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n")]);
    for name in ["a", "b", "c"] {
        world.put(name, format!("{}\n", name.repeat(300)));
        world.put(format!("new {name}"), "");
    }
    let small = signalbox_worktree::Limits { patch_bytes: 800, changes: 2, untracked: 1, ..limits() };
    let snapshot = signalbox_worktree::capture(&world.root(), &small).unwrap().unwrap();
    let shown: Vec<_> = snapshot.changes.iter().map(|c| c.shown).collect();
    assert_eq!(shown, [Shown::Whole, Shown::PatchFull]);
    assert_eq!(snapshot.gaps, [signalbox_worktree::Gap::Changes { files: 1 }]);
    assert_eq!((snapshot.counts.unstaged, snapshot.untracked.count), (3, 3));
    assert_eq!(snapshot.untracked.names, ["new a"]);
    let patch = snapshot.patch.unwrap();
    assert!(patch.text.len() < 1100 && !patch.is_whole, "{}", patch.text);
    let no_time = signalbox_worktree::Limits { time: std::time::Duration::ZERO, ..limits() };
    let snapshot = signalbox_worktree::capture(&world.root(), &no_time).unwrap().unwrap();
    assert!(snapshot.gaps.contains(&signalbox_worktree::Gap::NotCompared { files: 3 }), "{:?}", snapshot.gaps);
    assert_eq!(snapshot.commit.unwrap().title.as_deref(), Some("first"));
}
