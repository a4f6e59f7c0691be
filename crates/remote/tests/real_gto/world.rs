//! A bare remote, clones of it, and the real `gto` beside them.

#[path = "../real/words.rs"]
mod words;

pub use words::{cx, key, made, name, refused};

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use signalbox_release::{AliasName, ModelName, Outcome, Registration, Registry, SystemClock, VersionName};
use signalbox_remote::{GtoAt, GtoRegistry};
use tempfile::TempDir;

pub struct World {
    pub dir: TempDir,
}

/// One person's clone, and our registry on it.
pub struct View {
    pub registry: GtoRegistry,
    pub clone: PathBuf,
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The person's own `git`, in a folder.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=bob", "-c", "user.email=bob@desk", "-c", "init.defaultBranch=main"])
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl World {
    /// A remote with a model in it.
    pub fn new() -> World {
        let world = World { dir: tempfile::tempdir().expect("a folder") };
        git(world.dir.path(), &["init", "-q", "--bare", "remote.git"]);
        let first = world.clone("first");
        commit(&first, "first");
        world
    }

    pub fn remote(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    pub fn clone(&self, name: &str) -> PathBuf {
        git(self.dir.path(), &["clone", "-q", "remote.git", name]);
        self.dir.path().join(name)
    }

    /// `by`'s clone; the remote is its `origin`.
    pub fn view(&self, by: &str) -> View {
        let clone = self.clone(by);
        View { registry: self.registry(by, &clone.display().to_string()), clone }
    }

    pub fn registry(&self, by: &str, repository: &str) -> GtoRegistry {
        let cache = self.dir.path().join(format!("{by} cache"));
        let at = GtoAt { id: name("gto"), repository: repository.into(), by: format!("{by}@laptop"), cache };
        GtoRegistry::new(at, Arc::new(SystemClock)).expect("a registry")
    }

    /// `by`'s own copy of the remote's tags, once it was looked at.
    pub fn mirror(&self, by: &str) -> PathBuf {
        let folder = self.dir.path().join(format!("{by} cache/gto"));
        let mut all = std::fs::read_dir(folder).expect("it was looked at").map(|entry| entry.expect("read").path());
        all.find(|path| path.extension().is_some_and(|end| end == "git")).expect("a mirror")
    }

    /// When the newest tag was made, as it says itself.
    pub fn newest_unix_s(&self) -> i64 {
        let dates = git(&self.remote(), &["for-each-ref", "--format=%(taggerdate:unix)", "refs/tags"]);
        dates.lines().filter_map(|date| date.parse().ok()).max().expect("a tag")
    }

    /// The tags that the remote has.
    pub fn tags(&self) -> Vec<String> {
        let tags = git(&self.remote(), &["tag", "--list"]);
        tags.lines().filter(|tag| !tag.starts_with("signalbox+")).map(str::to_owned).collect()
    }
}

/// Writes a model, commits and pushes it; gives its path.
pub fn commit(clone: &Path, weights: &str) -> PathBuf {
    let folder = clone.join("models/iris");
    std::fs::create_dir_all(folder.join("sub")).expect("made");
    std::fs::write(folder.join("MLmodel"), "flavors: {}\n").expect("written");
    std::fs::write(folder.join("sub/gewicht é.bin"), weights.as_bytes().repeat(1000)).expect("written");
    git(clone, &["add", "-A"]);
    git(clone, &["commit", "-q", "-m", weights]);
    git(clone, &["push", "-q", "origin", "HEAD"]);
    folder
}

/// The real `gto`, in a clone that has all tags.
pub fn gto(clone: &Path, args: &[&str]) -> String {
    let python = std::env::var("SIGNALBOX_PYTHON_GTO").unwrap_or_else(|_| {
        panic!("SIGNALBOX_PYTHON_GTO must name a Python that has gto (tests/requirements-gto.txt); this is not skipped")
    });
    git(clone, &["fetch", "-q", "--tags", "--force", "--prune", "--prune-tags"]);
    let output = Command::new(Path::new(&python).with_file_name("gto"))
        .args(args)
        .current_dir(clone)
        .env("GIT_AUTHOR_NAME", "bob")
        .env("GIT_AUTHOR_EMAIL", "bob@desk")
        .env("GIT_COMMITTER_NAME", "bob")
        .env("GIT_COMMITTER_EMAIL", "bob@desk")
        .output()
        .expect("gto runs");
    assert!(output.status.success(), "gto {args:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `gto show` says: its version of a stage, by time and by version; they must agree.
pub fn gto_stage(clone: &Path, model: &str, stage: &str) -> Option<String> {
    let at = |sort: &str| {
        let text = gto(clone, &["show", &format!("{model}#{stage}"), "--json", "--sort", sort]);
        let shown: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let versions = shown.as_array().expect("a list").clone();
        versions.first().map(|version| version["version"].as_str().expect("a version").to_owned())
    };
    let (by_time, by_version) = (at("timestamp"), at("semver"));
    assert_eq!(by_time, by_version, "gto's two orders");
    by_time
}

pub fn iris() -> ModelName {
    name("iris")
}

pub fn prod() -> AliasName {
    name("prod")
}

pub fn registration(path: PathBuf) -> Registration {
    let digest = signalbox_release::digest_of(&path).expect("an artifact").digest;
    let tags = vec![("run".to_owned(), "it's \"é\"\nSignalbox-Op: X".to_owned())];
    Registration { path: Some(path), source: None, run: None, digest: Some(digest), tags }
}

pub fn done(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

impl View {
    /// So many versions, a commit each.
    pub fn versions(&self, n: usize) -> Vec<VersionName> {
        let register = |i| {
            git(&self.clone, &["pull", "-q", "--rebase"]);
            let what = registration(commit(&self.clone, &format!("weights {i}")));
            made(self.registry.register(&iris(), &what, &key(&format!("P{i}")), &cx()))
        };
        (0..n).map(register).collect()
    }

    pub fn at(&self) -> Option<VersionName> {
        self.registry.pointer(&iris(), &prod(), &cx()).expect("a pointer").to
    }

    pub fn point(&self, from: Option<&VersionName>, to: Option<&VersionName>) -> Outcome {
        self.registry.point(&iris(), &prod(), from, to, &cx())
    }
}
