//! Remotes that are gone, slow, or mean harm.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Clock, Cx, FailureCode, Outcome, Registry, SystemClock};
use signalbox_testkit::fake::{Fake, answer};

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
    // The project's own settings name a program that looks at each file that may have changed.
    git(&view.clone, &["config", "filter.x.clean", &format!("{touch}; cat")]);
    std::fs::write(view.clone.join(".git/info/attributes"), "* filter=x\n").expect("written");
    std::fs::write(folder.join("MLmodel"), "flavors: {}\n").expect("written");
    view.registry.models(&cx()).expect("a look, that makes our own copy");
    for name in ["reference-transaction", "pre-push", "post-checkout", "pre-auto-gc"] {
        hook(&world.mirror("ada").join("hooks"), name, &touch);
    }
    let version = made(view.registry.register(&iris(), &registration(folder.clone()), &key("P"), &cx()));
    done(view.point(None, Some(&version)));
    // What another has pushed is brought too.
    let bob = world.clone("bob");
    commit(&bob, "bob's");
    git(&bob, &["tag", "-a", "-m", "x", "iris@v3.0.0"]);
    git(&bob, &["push", "-q", "--tags"]);
    assert_eq!(view.registry.versions(&iris(), &cx()).expect("read").len(), 2);
    assert!(!ran.exists(), "a program of the repository's ran");
    git(&view.clone, &["config", "--unset", "filter.x.clean"]);
    git(&view.clone, &["pull", "-q", "--rebase"]);

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
fn a_push_that_cannot_begin_is_refused_and_one_that_nobody_reports_is_unknown() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(1);
    git(&world.remote(), &["config", "receive.advertiseAtomic", "false"]);
    let failure = refused(view.point(None, Some(&v[0])));
    assert_eq!(failure.code, FailureCode::Denied, "{failure}");
    assert!(failure.message.contains("atomic") && failure.hint.is_some(), "{failure:?}");
    git(&world.remote(), &["config", "--unset", "receive.advertiseAtomic"]);

    // It dies before it has said how it went: git tells of a "remote failure".
    hook(&world.remote().join("hooks"), "pre-receive", "kill -9 $PPID");
    let outcome = view.point(None, Some(&v[0]));
    assert!(matches!(&outcome, Outcome::Unknown(_)), "{outcome:?}");
    // … and after it has done it.
    hook(&world.remote().join("hooks"), "pre-receive", "true");
    hook(&world.remote().join("hooks"), "post-receive", "kill -9 $PPID");
    done(view.point(None, Some(&v[0])));
    assert_eq!(view.at().as_ref(), Some(&v[0]));
}

/// Where git leaves what it has not finished.
fn left(mirror: &std::path::Path) -> Vec<String> {
    let names = |folder: &str| std::fs::read_dir(mirror.join(folder)).into_iter().flatten().flatten();
    let all = ["", "objects/pack", "refs/tags"].into_iter().flat_map(names);
    let all = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    all.filter(|name| name.ends_with(".lock") || name.starts_with("tmp_")).collect()
}

#[test]
fn a_fetch_that_was_ended_midway_does_not_stop_those_after_it() {
    let world = World::new();
    let view = world.view("ada");
    view.versions(1);
    let (mirror, bob) = (world.mirror("ada"), world.clone("bob"));
    // More files than git unpacks one by one, and one that takes a while.
    git(&bob, &["config", "core.compression", "0"]);
    std::fs::create_dir(bob.join("many")).expect("made");
    (0..200).for_each(|i| std::fs::write(bob.join(format!("many/{i}")), format!("{i}")).expect("written"));
    let noise: Vec<u8> = (0..1u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(bob.join("large"), noise.repeat(96)).expect("written");
    commit(&bob, "large");
    git(&bob, &["tag", "-a", "-m", "x", "iris@v3.0.0"]);
    git(&bob, &["push", "-q", "--tags"]);
    let cancel = Cancel::default();
    let stops = std::thread::spawn({
        let (cancel, mirror, until) = (cancel.clone(), mirror.clone(), Instant::now() + Duration::from_secs(60));
        move || {
            while !left(&mirror).iter().any(|name| name.starts_with("tmp_pack_")) && Instant::now() < until {
                std::thread::yield_now();
            }
            cancel.stop();
        }
    });
    let failure = view.registry.models(&Cx { cancel, limit: Duration::from_secs(120) }).expect_err("stopped");
    assert_eq!(failure.code, FailureCode::Cancelled);
    stops.join().expect("it ends");
    assert_eq!(view.registry.versions(&iris(), &cx()).expect("read").len(), 2);
    assert_eq!(left(&mirror), Vec::<String>::new());

    // As a git leaves it that had no time to put anything away.
    for name in ["shallow.lock", "packed-refs.lock", "objects/pack/tmp_pack_a", "refs/tags/iris@v4.0.0.lock"] {
        std::fs::write(mirror.join(name), "half").expect("written");
    }
    git(&bob, &["commit", "-q", "--allow-empty", "-m", "more"]);
    git(&bob, &["tag", "-a", "-m", "x", "iris@v4.0.0"]);
    git(&bob, &["push", "-q", "origin", "HEAD", "--tags"]);
    assert_eq!(view.registry.versions(&iris(), &cx()).expect("read").len(), 3);
    assert_eq!(left(&mirror), Vec::<String>::new());
}

#[test]
fn nobody_is_asked_for_a_password() {
    let world = World::new();
    let fake = Fake::new(|_| answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", ""));
    let registry = world.registry("ada", &fake.url());
    assert_eq!(registry.models(&cx()).expect_err("denied").code, FailureCode::Unreachable);
    let (mirror, asked) = (world.mirror("ada"), world.dir.path().join("asked"));
    hook(&mirror, "asks", &format!("touch '{}'; echo x", asked.display()));
    git(&mirror, &["config", "core.askPass", &mirror.join("asks").display().to_string()]);
    assert_eq!(registry.models(&cx()).expect_err("denied").code, FailureCode::Unreachable);
    assert!(!asked.exists(), "somebody was asked in a window");
    assert!(fake.seen().len() >= 2);
}

#[test]
fn a_persons_own_ssh_is_used_as_it_is() {
    let world = World::new();
    let own = world.dir.path().join("own");
    hook(&own, "ssh", &format!("echo \"$@\" > '{}'; exit 1", own.join("args").display()));
    let registry = || world.registry("ada", "ssh://git@127.0.0.1:1/a.git");
    let failure = registry().models(&cx()).expect_err("nobody is there");
    assert_eq!(failure.code, FailureCode::Unreachable);
    let settings = ["config", "core.sshCommand", &format!("'{}'", own.join("ssh").display())];
    git(&world.mirror("ada"), &settings);
    assert_eq!(registry().models(&cx()).expect_err("it says no").code, FailureCode::Unreachable);
    let args = std::fs::read_to_string(own.join("args")).expect("it was asked");
    assert!(args.contains("git@127.0.0.1") && !args.contains("BatchMode"), "{args}");
}

#[test]
fn no_tag_is_dated_into_the_future() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(2);
    let mut from = None;
    for to in [Some(&v[1]), Some(&v[0]), None, Some(&v[1])] {
        done(view.point(from, to));
        from = to;
        let now = SystemClock.unix_ms().div_euclid(1000);
        assert!(world.newest_unix_s() <= now, "{} and it is {now}", world.newest_unix_s());
        assert_eq!(view.at().as_ref(), to);
    }
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
