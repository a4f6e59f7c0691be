//! Repositories that the real git makes, and what it says of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use signalbox_worktree::{ChangeKind, Limits, Snapshot, capture};
use tempfile::TempDir;

pub struct World {
    /// Holds the repository and what is made beside it.
    pub dir: TempDir,
}

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum There {
    Nothing,
    File { is_executable: bool, bytes: Vec<u8> },
    Link(PathBuf),
}

/// As git's status says it: staged and unstaged.
pub type Status = BTreeMap<Vec<u8>, (Option<ChangeKind>, Option<ChangeKind>)>;

pub fn git_of(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=bob", "-c", "user.email=bob@desk", "-c", "init.defaultBranch=main"])
        .args([
            "-c",
            "protocol.file.allow=always",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "gc.auto=0",
            "-c",
            "core.fsync=none",
            "-c",
            "maintenance.auto=false",
            "-c",
            "advice.detachedHead=false",
        ])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("HOME", "/nonexistent")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .arg("-C")
        .arg(folder);
    command
}

/// Git in a folder, and what it printed.
pub fn git_bytes(folder: &Path, args: &[&str]) -> Vec<u8> {
    let output = git_of(folder).args(args).output().expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub fn git(folder: &Path, args: &[&str]) -> String {
    String::from_utf8_lossy(&git_bytes(folder, args)).trim().to_owned()
}

pub fn limits() -> Limits {
    Limits { time: std::time::Duration::from_secs(120), untracked: 10_000, ceiling: None, ..Limits::default() }
}

impl World {
    /// An empty repository.
    pub fn empty() -> World {
        let world = World { dir: tempfile::tempdir().expect("a folder") };
        git(world.dir.path(), &["init", "-q", "repo"]);
        world
    }

    /// With these files committed.
    pub fn with(files: &[(&str, &str)]) -> World {
        let world = World::empty();
        for (path, text) in files {
            world.put(path, text);
        }
        world.commit("first");
        world
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub fn put(&self, path: impl AsRef<OsStr>, text: impl AsRef<[u8]>) {
        let path = self.root().join(Path::new(path.as_ref()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    pub fn capture(&self) -> Snapshot {
        capture(&self.root(), &limits()).unwrap().expect("a repository")
    }

    /// Captures, and lays the snapshot beside what git says; the patch beside what the files are.
    pub fn check(&self) -> Snapshot {
        let snapshot = self.check_status();
        assert_eq!(snapshot.gaps, []);
        let patch = snapshot.patch.as_ref();
        assert!(patch.is_none_or(|patch| patch.is_whole), "{patch:?}");
        self.check_patch(&snapshot);
        snapshot
    }

    pub fn check_status(&self) -> Snapshot {
        check_status(&self.root())
    }

    /// The patch on a clean clone gives the tracked files as they are.
    pub fn check_patch(&self, snapshot: &Snapshot) {
        check_patch(&self.root(), self.dir.path(), snapshot);
    }
}

/// Captures, sees that nothing was written, and lays the lists beside git's.
pub fn check_status(root: &Path) -> Snapshot {
    let before = stamps(root);
    let snapshot = capture(root, &limits()).unwrap().expect("a repository");
    assert_eq!(stamps(root), before, "nothing is written");
    let (status, untracked) = status(root);
    let told: Status = snapshot.changes.iter().map(|c| (unquoted(&c.path), (c.staged, c.unstaged))).collect();
    assert_eq!(told, status);
    let n = |is_staged: bool, unmerged: bool| {
        let kinds = status.values().filter_map(|(staged, unstaged)| if is_staged { *staged } else { *unstaged });
        kinds.filter(|kind| (*kind == ChangeKind::Unmerged) == unmerged).count() as u64
    };
    let counts = (snapshot.counts.staged, snapshot.counts.unstaged, snapshot.counts.unmerged);
    assert_eq!(counts, (n(true, false), n(false, false), n(true, true)));
    let told: BTreeSet<Vec<u8>> = snapshot.untracked.names.iter().map(|name| unquoted(name)).collect();
    assert_eq!((told.len() as u64, &told), (snapshot.untracked.count, &untracked));
    snapshot
}

pub fn check_patch(root: &Path, beside: &Path, snapshot: &Snapshot) {
    let clone = tempfile::tempdir_in(beside).unwrap();
    let clone = clone.path();
    match &snapshot.commit {
        Some(commit) => {
            git(clone, &["clone", "-q", "--no-checkout", &root.display().to_string(), "."]);
            git(clone, &["checkout", "-q", &commit.id]);
        }
        None => {
            git(clone, &["init", "-q"]);
        }
    }
    if let Some(patch) = snapshot.patch.as_ref().filter(|patch| patch.text.contains("diff --git")) {
        apply(clone, &patch.text);
    }
    let names = |folder: &Path| -> BTreeSet<Vec<u8>> {
        let listed = git_bytes(folder, &["ls-files", "-z"]);
        listed.split(|b| *b == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let tracked = names(root);
    for name in &tracked {
        let rel = Path::new(OsStr::from_bytes(name));
        let (ours, theirs) = (there(&clone.join(rel)), there(&root.join(rel)));
        assert_eq!(ours, theirs, "{rel:?} after\n{}", snapshot.patch.as_ref().map_or("", |patch| &patch.text));
    }
    for name in names(clone).difference(&tracked) {
        let rel = Path::new(OsStr::from_bytes(name));
        assert_eq!(there(&clone.join(rel)), There::Nothing, "{rel:?} is not tracked any more");
    }
}

pub fn apply(folder: &Path, patch: &str) {
    let mut child = git_of(folder)
        .args(["apply", "--whitespace=nowarn", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git apply: {}\n{patch}", String::from_utf8_lossy(&output.stderr));
}

pub fn there(path: &Path) -> There {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => There::Link(fs::read_link(path).unwrap()),
        Ok(about) if about.is_file() => {
            There::File { is_executable: about.permissions().mode() & 0o100 != 0, bytes: fs::read(path).unwrap() }
        }
        // A folder is no file.
        _ => There::Nothing,
    }
}

pub fn status(root: &Path) -> (Status, BTreeSet<Vec<u8>>) {
    let text = git_bytes(root, &["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"]);
    // `DD` is also said of what is out of the commit's way in the index (`add -N`) and gone from the folder, which is no
    // conflict: those are the paths that have stages.
    let staged = git_bytes(root, &["ls-files", "--unmerged", "-z"]);
    let path_of = |item: &[u8]| item.iter().position(|b| *b == b'\t').map(|tab| item[tab + 1..].to_vec());
    let unmerged: BTreeSet<Vec<u8>> = staged.split(|b| *b == 0).filter_map(path_of).collect();
    let (mut changed, mut untracked) = (Status::new(), BTreeSet::new());
    for item in text.split(|b| *b == 0).filter(|item| !item.is_empty()) {
        let path = item[3..].to_vec();
        match &item[..2] {
            b"??" => {
                untracked.insert(path);
            }
            b"DD" | b"AU" | b"UD" | b"UA" | b"DU" | b"AA" | b"UU" if unmerged.contains(&path) => {
                changed.insert(path, (Some(ChangeKind::Unmerged), Some(ChangeKind::Unmerged)));
            }
            xy => {
                changed.insert(path, (kind(xy[0]), kind(xy[1])));
            }
        }
    }
    (changed, untracked)
}

fn kind(letter: u8) -> Option<ChangeKind> {
    match letter {
        b' ' => None,
        b'A' => Some(ChangeKind::Added),
        b'M' => Some(ChangeKind::Modified),
        b'D' => Some(ChangeKind::Deleted),
        b'T' => Some(ChangeKind::TypeChanged),
        other => panic!("{}", char::from(other)),
    }
}

/// The bytes of a path that may be quoted.
pub fn unquoted(path: &str) -> Vec<u8> {
    let Some(inner) = path.strip_prefix('"').and_then(|path| path.strip_suffix('"')) else {
        return path.as_bytes().to_vec();
    };
    let mut out = Vec::new();
    let mut bytes = inner.bytes();
    while let Some(b) = bytes.next() {
        let escaped = if b == b'\\' { bytes.next() } else { None };
        out.push(match escaped {
            None => b,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(first @ b'0'..=b'3') => {
                let rest = [bytes.next().unwrap(), bytes.next().unwrap()];
                rest.iter().fold(first - b'0', |n, b| n << 3 | (b - b'0'))
            }
            Some(other) => other,
        });
    }
    out
}

/// Every file and folder with its times of change, its size and its number.
pub fn stamps(root: &Path) -> BTreeMap<PathBuf, (i64, i64, i64, i64, u64, u64)> {
    let mut out = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        let times = (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
        out.insert(path.clone(), (times.0, times.1, times.2, times.3, about.len(), about.ino()));
        if about.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    out
}
