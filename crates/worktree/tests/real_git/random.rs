//! Random edits of a small repository, and random rules of what is ignored: our word beside git's.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, os::unix::fs::symlink};

use proptest::prelude::*;

use crate::world::{World, git_bytes, unquoted};

const PATHS: [&str; 7] = ["a", "b c", "d/a", "d/e/é", "d/e/f\"", "g/h", "g"];

#[derive(Clone, Debug)]
enum Edit {
    Write(usize, String),
    Remove(usize),
    Link(usize, String),
    Executable(usize, bool),
    Add(usize),
    Forget(usize),
    Intend(usize),
    AddAll,
}

fn text() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec("[ab]{0,2}|é|\t|\\+|-|@@ -1 \\+1 @@|x\r y", 0..14);
    (lines, any::<bool>()).prop_map(|(lines, has_end)| {
        let text = lines.join("\n");
        if has_end && !text.is_empty() { text + "\n" } else { text }
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = 0..PATHS.len();
    prop_oneof![
        6 => (path.clone(), text()).prop_map(|(path, text)| Edit::Write(path, text)),
        2 => path.clone().prop_map(Edit::Remove),
        1 => (path.clone(), "[a-z][a-z/é]{0,4}").prop_map(|(path, to)| Edit::Link(path, to)),
        1 => (path.clone(), any::<bool>()).prop_map(|(path, is)| Edit::Executable(path, is)),
        2 => path.clone().prop_map(Edit::Add),
        1 => path.clone().prop_map(Edit::Forget),
        1 => path.prop_map(Edit::Intend),
        1 => Just(Edit::AddAll),
    ]
}

fn make(world: &World, edit: &Edit) {
    // What cannot be done (a folder is in the way, a file is not known) is left undone.
    let quietly = |args: &[&str]| {
        let _ = crate::world::git_of(&world.root()).args(args).output().unwrap();
    };
    match edit {
        Edit::Write(path, text) => {
            let path = world.path(PATHS[*path]);
            if fs::symlink_metadata(&path).is_ok_and(|about| about.is_symlink()) {
                fs::remove_file(&path).unwrap();
            }
            if fs::create_dir_all(path.parent().unwrap()).is_ok() {
                let _ = fs::write(path, text);
            }
        }
        Edit::Remove(path) => {
            let path = world.path(PATHS[*path]);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        Edit::Link(path, to) => {
            let path = world.path(PATHS[*path]);
            let _ = fs::remove_file(&path);
            if fs::create_dir_all(path.parent().unwrap()).is_ok() {
                let _ = symlink(to, path);
            }
        }
        Edit::Executable(path, is) => {
            let path = world.path(PATHS[*path]);
            if fs::symlink_metadata(&path).is_ok_and(|about| about.is_file()) {
                fs::set_permissions(path, fs::Permissions::from_mode(if *is { 0o755 } else { 0o644 })).unwrap();
            }
        }
        Edit::Add(path) => quietly(&["add", "--", PATHS[*path]]),
        Edit::Forget(path) => quietly(&["rm", "-q", "--cached", "-r", "--", PATHS[*path]]),
        Edit::Intend(path) => quietly(&["add", "-N", "--", PATHS[*path]]),
        Edit::AddAll => quietly(&["add", "-A"]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn status_and_patch_are_gits(
        first in prop::collection::vec(edit(), 0..10),
        then in prop::collection::vec(edit(), 1..10),
    ) {
        let world = World::empty();
        for edit in &first {
            make(&world, edit);
        }
        world.commit("first");
        for edit in &then {
            make(&world, edit);
        }
        world.check();
    }

    #[test]
    fn what_is_ignored_is_gits(
        top in prop::collection::vec(rule(), 0..5),
        deep in prop::collection::vec(rule(), 0..4),
        exclude in prop::collection::vec(rule(), 0..3),
    ) {
        let world = World::with(&[("t/tracked", "x\n")]);
        for path in ["a", "b", "ab", "a.b", "t/a", "t/ab", "t/u/a", "u/a", "u/b.a", "u/t/a", "u/t/b", "u/t/a.b/b", "b.a/a"] {
            world.put(path, "x\n");
        }
        world.put(".gitignore", top.join("\n"));
        world.put("u/.gitignore", deep.join("\r\n"));
        world.put(".git/info/exclude", exclude.join("\n") + "\n");
        let listed = git_bytes(&world.root(), &["ls-files", "-z", "--others", "--exclude-standard", "--directory"]);
        let listed = listed.split(|b| *b == 0).filter(|name| !name.is_empty());
        let expected: BTreeSet<Vec<u8>> = listed.map(<[u8]>::to_vec).collect();
        let snapshot = world.check_status();
        let told: BTreeSet<Vec<u8>> = snapshot.untracked.names.iter().map(|name| unquoted(name)).collect();
        prop_assert!(told.is_subset(&expected), "{:?} {:?}", told, expected);
    }
}

fn rule() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[abtu.]{1,2}",
        2 => Just("*".to_owned()),
        1 => "\\*[ab.]",
        1 => "[ab]\\*",
        1 => Just("?".to_owned()),
        1 => Just("**".to_owned()),
        1 => "\\[[!a]?[ab]-?[b]?\\]",
        1 => "\\\\[ab*]",
    ];
    let parts = prop::collection::vec(part, 1..4);
    (parts, any::<bool>(), any::<bool>(), 0..4u8).prop_map(|(parts, is_negated, is_dir, begin)| {
        let begin = if begin == 0 { "/" } else { "" };
        format!("{}{begin}{}{}", if is_negated { "!" } else { "" }, parts.join("/"), if is_dir { "/" } else { "" })
    })
}
