//! Repositories that lead elsewhere, lie, or are damaged.

use std::{fs, io::Write as _, os::unix::fs::symlink};

use signalbox_worktree::{ChangeKind, Gap, Shown, Trouble, capture};

use crate::world::{World, git, limits};

const ODD_OBJECTS: &str = "they lie outside of the git directory, or are no plain files";

#[test]
fn nothing_is_read_through_links() {
    let world = World::with(&[("dir/a", "1\n"), ("b", "1\n"), ("uv.lock", "1\n")]);
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["a", "b", "uv.lock", ".gitignore"] {
        fs::write(outside.join(name), "of somebody else\n").unwrap();
    }
    fs::remove_dir_all(world.path("dir")).unwrap();
    symlink(&outside, world.path("dir")).unwrap();
    for name in ["b", "uv.lock"] {
        fs::remove_file(world.path(name)).unwrap();
        symlink(outside.join(name), world.path(name)).unwrap();
    }
    symlink(outside.join("uv.lock"), world.path("poetry.lock")).unwrap();
    let snapshot = world.check_status();
    let told: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.unstaged)).collect();
    let changed = Some(ChangeKind::TypeChanged);
    assert_eq!(told, [("b", changed), ("dir/a", Some(ChangeKind::Deleted)), ("uv.lock", changed)]);
    assert_eq!(
        (&snapshot.untracked.names[..], snapshot.locks.len()),
        (&["dir".to_owned(), "poetry.lock".to_owned()][..], 0)
    );
    assert!(!serde_json::to_string(&snapshot).unwrap().contains("of somebody else"));
}

#[test]
fn git_directories_that_lie_elsewhere() {
    let world = World::with(&[("a", "1\n")]);
    let other = World::with(&[("a", "2\n")]);
    // `.git` as a link.
    let linked = world.dir.path().join("linked");
    fs::create_dir(&linked).unwrap();
    symlink(other.path(".git"), linked.join(".git")).unwrap();
    assert!(matches!(capture(&linked, &limits()), Err(Trouble::Elsewhere)));
    // A file that names a repository elsewhere.
    fs::remove_file(linked.join(".git")).unwrap();
    fs::write(linked.join(".git"), format!("gitdir: {}\n", other.path(".git").display())).unwrap();
    assert!(matches!(capture(&linked, &limits()), Err(Trouble::Elsewhere)));
    // Objects as a link.
    fs::remove_dir_all(world.path(".git/objects")).unwrap();
    symlink(other.path(".git/objects"), world.path(".git/objects")).unwrap();
    let snapshot = world.capture();
    assert_eq!(snapshot.gaps, [Gap::Objects { why: ODD_OBJECTS.to_owned() }]);
    assert_eq!((snapshot.commit.unwrap().title, snapshot.patch), (None, None));
    // Refs as a link.
    fs::remove_dir_all(world.path(".git/refs")).unwrap();
    symlink(other.path(".git/refs"), world.path(".git/refs")).unwrap();
    assert!(world.capture().commit.is_none());
}

#[test]
fn borrowed_objects_are_not_read() {
    let world = World::with(&[("a", "1\n"), ("b", "1\n")]);
    git(world.dir.path(), &["clone", "-q", "--shared", "repo", "borrower"]);
    let borrower = world.dir.path().join("borrower");
    fs::write(borrower.join("a"), "2\n").unwrap();
    let snapshot = capture(&borrower, &limits()).unwrap().unwrap();
    assert_eq!(snapshot.gaps, [Gap::Objects { why: "it borrows objects of another repository".to_owned() }]);
    // What the index alone tells is told.
    let told: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.unstaged, c.shown)).collect();
    assert_eq!(told, [("a", Some(ChangeKind::Modified), Shown::Unreadable)]);
    assert_eq!(snapshot.patch, None);
    assert_eq!(snapshot.commit.unwrap().id, world.git(&["rev-parse", "HEAD"]));
}

#[test]
fn damage_is_told() {
    let world = World::with(&[("a", "1\n"), ("sub/b", "1\n")]);
    world.put("a", "2\n");
    // A blob that is gone.
    let id = world.git(&["rev-parse", "HEAD:a"]);
    let (pair, rest) = id.split_at(2);
    fs::remove_file(world.path(&format!(".git/objects/{pair}/{rest}"))).unwrap();
    let snapshot = world.capture();
    assert_eq!((snapshot.gaps.len(), snapshot.changes[0].shown), (0, Shown::Unreadable));
    assert!(!snapshot.patch.unwrap().is_whole);
    // An index cut anywhere is never taken for a whole one, and never a panic.
    let index = fs::read(world.path(".git/index")).unwrap();
    for n in 0..index.len() - 20 {
        fs::write(world.path(".git/index"), &index[..n]).unwrap();
        let gaps = world.capture().gaps;
        assert!(gaps.iter().any(|gap| matches!(gap, Gap::Index { .. })), "cut at {n}");
    }
    fs::remove_file(world.path(".git/index")).unwrap();
    assert_eq!(world.capture().counts.staged, 2);
    // Config and HEAD that make no sense.
    fs::write(world.path(".git/config"), b"[[[\xff\n=\n[core\n").unwrap();
    assert_eq!(world.capture().counts.staged, 2);
    fs::write(world.path(".git/HEAD"), "ref: refs/../../outside\n").unwrap();
    assert!(matches!(capture(&world.root(), &limits()), Err(Trouble::Damaged("HEAD"))));
}

#[test]
fn objects_that_unpack_to_more_than_they_say() {
    let world = World::with(&[("a", "1\n"), ("b", "1\n2\n")]);
    for (name, size) in [("a", "2"), ("b", "9999999999")] {
        let id = world.git(&["rev-parse", &format!("HEAD:{name}")]);
        let path = world.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
        fs::remove_file(&path).unwrap();
        let mut packed = flate2::write::ZlibEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
        packed.write_all(format!("blob {size}\0").as_bytes()).unwrap();
        for _ in 0..256 {
            packed.write_all(&[b'x'; 1 << 20]).unwrap();
        }
        packed.finish().unwrap();
        world.put(name, "3\n");
    }
    let snapshot = world.capture();
    let shown: Vec<_> = snapshot.changes.iter().map(|c| c.shown).collect();
    assert_eq!(shown, [Shown::Unreadable, Shown::TooLarge]);
    assert!(!snapshot.patch.unwrap().text.contains('x'));
}

#[test]
fn a_pipe_in_a_files_place_is_not_opened() {
    let world = World::with(&[("a", "1\n"), ("uv.lock", "1\n")]);
    let pipe = |name: &str| {
        let _ = fs::remove_file(world.path(name));
        assert!(std::process::Command::new("mkfifo").arg(world.path(name)).status().unwrap().success());
    };
    ["a", "uv.lock", ".gitignore", ".gitattributes"].into_iter().for_each(pipe);
    let snapshot = world.capture();
    assert_eq!((snapshot.counts.unstaged, snapshot.locks.len()), (2, 0));
    // Nor in the git directory.
    let id = world.git(&["rev-parse", "HEAD"]);
    pipe(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    pipe(".git/info/exclude");
    let why = format!("the object {id} is no plain file");
    assert_eq!(world.capture().gaps, [Gap::Objects { why }]);
    pipe(".git/objects/pack/pack-1.idx");
    assert_eq!(world.capture().gaps, [Gap::Objects { why: ODD_OBJECTS.to_owned() }]);
    pipe(".git/index");
    assert!(world.capture().gaps.contains(&Gap::Index { why: "it is no plain file".to_owned() }));
}
