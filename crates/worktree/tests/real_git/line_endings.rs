//! Line endings that git converts are no changes; attributes and filters.

use signalbox_worktree::{ChangeKind, Gap, Shown};

use crate::world::World;

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

const TEXT: &str = "a\nb\nc\n";

#[test]
fn what_git_converts_is_clean() {
    for set in ["[core]\n\tautocrlf = true\n", "[core]\n\tautocrlf = input\n"] {
        let world = World::with(&[("a.py", TEXT), ("b.py", TEXT)]);
        let config = std::fs::read_to_string(world.path(".git/config")).unwrap();
        std::fs::write(world.path(".git/config"), config + set).unwrap();
        world.put("a.py", crlf(TEXT));
        // Git's status lists such a file until it is added, which adds nothing; its diff is empty.
        let snapshot = world.capture();
        assert_eq!((snapshot.changes.len(), snapshot.counts.line_endings, &snapshot.patch), (0, 1, &None));
        assert_eq!(world.git(&["diff"]), "");
        world.git(&["add", "-A"]);
        let snapshot = world.check_status();
        assert_eq!((snapshot.changes.len(), snapshot.counts.line_endings), (0, 0));
        // A change is told without them.
        world.put("b.py", crlf("a\nB\nc\n"));
        let snapshot = world.check_status();
        assert_eq!(snapshot.changes[0].shown, Shown::LineEndings);
        let patch = snapshot.patch.unwrap();
        assert!(patch.is_whole && patch.text.ends_with("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"), "{}", patch.text);
        assert!(!patch.text.contains('\r'));
    }
}

#[test]
fn attributes_say_which() {
    let world = World::with(&[(".gitattributes", "*.py text\n*.raw -text\n"), ("a.py", TEXT), ("sub/a.raw", TEXT)]);
    world.put("a.py", crlf(TEXT));
    world.put("sub/a.raw", crlf(TEXT));
    let snapshot = world.capture();
    assert_eq!(world.git(&["diff", "--", "a.py"]), "");
    let told: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.unstaged, c.shown)).collect();
    assert_eq!(told, [("sub/a.raw", Some(ChangeKind::Modified), Shown::Whole)]);
    assert!(snapshot.patch.unwrap().text.ends_with("+a\r\n+b\r\n+c\r\n"));
}

#[test]
fn what_the_repository_does_not_say_is_taken_for_converted() {
    let world = World::with(&[("a.py", TEXT), ("b.py", &crlf(TEXT))]);
    world.put("a.py", crlf(TEXT));
    let snapshot = world.capture();
    assert_eq!((snapshot.changes.len(), snapshot.counts.line_endings), (0, 1));
    // What is committed with CR LF stays so.
    world.put("a.py", TEXT);
    world.put("b.py", crlf("a\nB\nc\n"));
    assert_eq!(world.check().changes[0].shown, Shown::Whole);
    // A repository that says no means it.
    world.git(&["config", "core.autocrlf", "false"]);
    world.put("a.py", crlf(TEXT));
    assert_eq!(world.check().changes.len(), 2);
}

#[test]
fn no_filter_is_started() {
    let world = World::with(&[(".gitattributes", "*.ipynb filter=strip\n"), ("a.ipynb", TEXT), ("b.py", TEXT)]);
    let mark = world.dir.path().join("started");
    world.git(&["config", "filter.strip.clean", &format!("touch '{}'; cat", mark.display())]);
    world.git(&["config", "core.fsmonitor", &format!("touch '{}'", mark.display())]);
    world.git(&["config", "core.hooksPath", &world.dir.path().display().to_string()]);
    world.put("a.ipynb", "x\n");
    let snapshot = world.capture();
    assert_eq!(snapshot.gaps, [Gap::Filtered { files: 1, first: "a.ipynb".to_owned() }]);
    assert_eq!((snapshot.changes.len(), mark.exists()), (0, false));
}

#[test]
fn what_git_lfs_keeps_is_known_by_its_hash() {
    let content = "weights";
    let pointer =
        |sha: &str| format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha}\nsize {}\n", content.len());
    let sum = std::process::Command::new("sh").args(["-c", "printf weights | sha256sum"]).output().unwrap();
    let real = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let world = World::with(&[("a.pt", &pointer(&real)), ("b.pt", &pointer(&"0".repeat(64)))]);
    world.put("a.pt", content);
    world.put("b.pt", content);
    let snapshot = world.capture();
    let told: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.shown)).collect();
    assert_eq!(told, [("b.pt", Shown::Lfs)]);
}
