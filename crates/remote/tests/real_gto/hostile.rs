//! Remotes that are gone, slow, or mean harm.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Cx, FailureCode, Outcome, Registry};

use super::world::*;

fn hook(folder: &std::path::Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).expect("made");
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn strange_tags_are_passed_over() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(1);
    let bob = world.clone("bob");
    let huge = bob.join("huge");
    std::fs::write(&huge, "Signalbox-Op: P9.0\n".repeat(20_000)).expect("written");
    for tag in ["iris@v9.9.9;rm", "$(touch)", "iris@v1.0.0`", "iris@v1", "é#prod#1", "iris#prod#x", "a/b/c"] {
        git(&bob, &["tag", "-a", "-m", "x", "--", tag]);
    }
    git(&bob, &["tag", "iris#prod#9"]);
    commit(&bob, "bob's");
    git(&bob, &["tag", "-a", "-F", huge.to_str().expect("text"), "iris@v3.0.0"]);
    let tree = git(&bob, &["rev-parse", "HEAD^{tree}"]);
    git(&bob, &["tag", "-a", "-m", "no commit", "iris@v4.0.0", &tree]);
    git(&bob, &["push", "-q", "--tags"]);
    let names: Vec<String> =
        view.registry.versions(&iris(), &cx()).expect("read").iter().map(|v| v.at.version.to_string()).collect();
    assert_eq!(names, ["v3.0.0", "v0.0.1"]);
    assert_eq!(view.registry.registered_by(&iris(), &key("P9"), &cx()).expect("none"), []);
    assert_eq!(view.at(), None, "a tag that is no object assigns nothing");
    done(view.point(None, Some(&v[0])));
    assert_eq!(view.at().as_ref(), Some(&v[0]));
    // Of which gto itself dies.
    git(&bob, &["push", "-q", "origin", ":refs/tags/iris@v4.0.0"]);
    assert_eq!(gto_stage(&bob, "iris", "prod").as_deref(), Some("v0.0.1"));
}

#[test]
fn links_and_hooks_of_a_repository_are_not_obeyed() {
    let world = World::new();
    let view = world.view("ada");
    let ran = world.dir.path().join("ran");
    let touch = format!("touch '{}'", ran.display());
    for name in ["pre-push", "post-checkout", "reference-transaction", "post-merge", "fsmonitor"] {
        hook(&view.clone.join(".git/hooks"), name, &touch);
    }
    std::fs::remove_file(view.clone.join(".git/hooks/reference-transaction")).expect("removed");
    let folder = commit(&view.clone, "hooked");
    let _ = std::fs::remove_file(&ran);
    hook(&view.clone.join(".git/hooks"), "reference-transaction", &touch);
    git(&view.clone, &["config", "core.fsmonitor", ".git/hooks/fsmonitor"]);
    let _ = std::fs::remove_file(&ran);
    let version = made(view.registry.register(&iris(), &registration(folder.clone()), &key("P"), &cx()));
    done(view.point(None, Some(&version)));
    assert!(!ran.exists(), "a hook ran");

    for name in ["reference-transaction", "pre-push"] {
        std::fs::remove_file(view.clone.join(".git/hooks").join(name)).expect("removed");
    }
    git(&view.clone, &["config", "--unset", "core.fsmonitor"]);
    std::os::unix::fs::symlink("/etc/passwd", folder.join("leak")).expect("linked");
    git(&view.clone, &["add", "-A"]);
    git(&view.clone, &["commit", "-qm", "link"]);
    git(&view.clone, &["push", "-q", "origin", "HEAD"]);
    let commit = git(&view.clone, &["rev-parse", "HEAD"]);
    let what = signalbox_release::Registration {
        path: None,
        source: Some(format!("git:{commit}:models/iris")),
        run: None,
        digest: None,
        tags: Vec::new(),
    };
    assert_eq!(refused(view.registry.register(&iris(), &what, &key("Q"), &cx())).code, FailureCode::Invalid);
    let outside = signalbox_release::Registration { source: Some(format!("git:{commit}:../../etc")), ..what };
    assert_eq!(refused(view.registry.register(&iris(), &outside, &key("Q"), &cx())).code, FailureCode::Invalid);
}

#[test]
fn a_remote_that_is_gone_or_says_no_changes_nothing() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(1);
    hook(&world.remote().join("hooks"), "pre-receive", "echo 'prod is protected' >&2; exit 1");
    assert_eq!(refused(view.point(None, Some(&v[0]))).code, FailureCode::Denied);
    std::fs::remove_file(world.remote().join("hooks/pre-receive")).expect("removed");
    assert_eq!(view.at(), None);
    std::fs::rename(world.remote(), world.dir.path().join("away")).expect("renamed");
    assert_eq!(refused(view.point(None, Some(&v[0]))).code, FailureCode::Unreachable);
    let failure = view.registry.models(&cx()).expect_err("gone");
    assert!(failure.hint.expect("a hint").contains("git ls-remote"));
}

#[test]
fn a_push_that_is_cut_midway_is_unknown_and_looked_up() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(2);
    // It is done, and the answer never comes: the hook after it waits longer than we do.
    let pid = world.dir.path().join("pid");
    hook(
        &world.remote().join("hooks"),
        "post-receive",
        &format!("echo $$ > '{}'; exec sleep 300 >/dev/null 2>&1", pid.display()),
    );
    hook(&world.remote().join("hooks"), "pre-receive", "true");
    let short = Cx { cancel: Cancel::default(), limit: Duration::from_secs(15) };
    let began = Instant::now();
    let outcome = view.registry.point(&iris(), &prod(), None, Some(&v[0]), &short);
    assert!(matches!(&outcome, Outcome::Unknown(f) if f.code == FailureCode::TimedOut), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(view.at().as_ref(), Some(&v[0]), "looking tells that it was done");
    let pid = std::fs::read_to_string(&pid).expect("it ran");
    let left = std::fs::read(std::path::Path::new("/proc").join(pid.trim()).join("cmdline")).unwrap_or_default();
    assert!(left.is_empty(), "what git started is gone too: {}", String::from_utf8_lossy(&left));

    // It was not done: stopped while the remote still thinks.
    std::fs::remove_file(world.remote().join("hooks/post-receive")).expect("removed");
    hook(&world.remote().join("hooks"), "pre-receive", "sleep 300");
    let outcome = view.registry.point(&iris(), &prod(), Some(&v[0]), Some(&v[1]), &short);
    assert!(matches!(&outcome, Outcome::Unknown(_)), "{outcome:?}");
    std::fs::remove_file(world.remote().join("hooks/pre-receive")).expect("removed");
    assert_eq!(view.at().as_ref(), Some(&v[0]));
    done(view.point(Some(&v[0]), Some(&v[1])));
}
