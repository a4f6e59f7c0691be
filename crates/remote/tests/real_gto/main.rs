//! The adapter beside the real `gto` and `git`. `SIGNALBOX_PYTHON_GTO` names a Python that has gto.
//!
//! `cargo test -p signalbox-remote --features real-servers --test real_gto`

mod hostile;
mod promotion;
mod world;

use signalbox_release::{Digest, FailureCode, Outcome, Registration, Registry, VersionState, digest_of};
use world::*;

#[test]
fn what_we_write_gto_reads_as_its_own() {
    let world = World::new();
    let view = world.view("ada");
    let v = view.versions(2);
    assert_eq!(v.iter().map(|v| v.as_str()).collect::<Vec<_>>(), ["v0.0.1", "v0.0.2"]);
    done(view.point(None, Some(&v[0])));
    assert_eq!(gto_stage(&view.clone, "iris", "prod").as_deref(), Some("v0.0.1"));
    done(view.point(Some(&v[0]), Some(&v[1])));
    assert_eq!(gto_stage(&view.clone, "iris", "prod").as_deref(), Some("v0.0.2"));
    // Back to the older one, for which gto itself wants --force.
    done(view.point(Some(&v[1]), Some(&v[0])));
    assert_eq!(gto_stage(&view.clone, "iris", "prod").as_deref(), Some("v0.0.1"));
    assert_eq!(view.at().as_ref(), Some(&v[0]));
    done(view.point(Some(&v[0]), None));
    assert_eq!((gto_stage(&view.clone, "iris", "prod"), view.at()), (None, None));
    done(view.point(None, Some(&v[1])));
    done(view.registry.withdraw(&iris(), &v[0], &cx()));
    done(view.registry.withdraw(&iris(), &v[0], &cx()));
    let states: Vec<_> = view.registry.versions(&iris(), &cx()).expect("read").into_iter().map(|v| v.state).collect();
    assert_eq!(states, [VersionState::Ready, VersionState::Withdrawn]);
    let expected = [
        "iris#prod!#3",
        "iris#prod!#5",
        "iris#prod#1",
        "iris#prod#2",
        "iris#prod#4",
        "iris#prod#6",
        "iris@v0.0.1",
        "iris@v0.0.1!#7",
        "iris@v0.0.2",
    ];
    assert_eq!(world.tags(), expected);
    let shown = gto(&view.clone, &["show", "iris", "--json"]);
    assert!(shown.contains("v0.0.2") && !shown.contains("v0.0.1\""), "{shown}");
    let history = gto(&view.clone, &["history", "iris", "--json"]);
    assert!(history.matches("ada@laptop").count() >= 9, "{history}");
    assert!(!history.contains("signalbox+"), "{history}");
    gto(&view.clone, &["doctor"]);
}

#[test]
fn what_gto_writes_we_read() {
    let world = World::new();
    let view = world.view("ada");
    let bob = world.clone("bob");
    gto(&bob, &["register", "iris", "--push"]);
    commit(&bob, "second");
    gto(&bob, &["register", "iris", "--bump-minor", "--push"]);
    gto(&bob, &["assign", "iris", "--version", "v0.1.0", "--stage", "prod", "--push"]);
    let found = view.registry.versions(&iris(), &cx()).expect("versions");
    let names: Vec<&str> = found.iter().map(|v| v.at.version.as_str()).collect();
    assert_eq!((names, found[0].made_by.as_deref()), (vec!["v0.1.0", "v0.0.1"], Some("bob")));
    let seen = view.registry.pointer(&iris(), &prod(), &cx()).expect("a pointer");
    assert_eq!((seen.to.as_ref().map(|v| v.as_str()), seen.moved_by.as_deref()), (Some("v0.1.0"), Some("bob")));
    assert!(seen.moved_unix_ms.is_some());
    // Where the model is nobody says, until a file does.
    let failure = view.registry.fetch(&found[0], &cx()).expect_err("no path");
    assert_eq!(failure.code, FailureCode::NotFound);
    std::fs::write(bob.join("artifacts.yaml"), "iris: {path: models/iris, type: model}\n").expect("written");
    let folder = commit(&bob, "third");
    gto(&bob, &["register", "iris", "--push"]);
    let third = view.registry.versions(&iris(), &cx()).expect("versions").remove(0);
    assert_eq!(third.at.version.as_str(), "v0.1.1");
    let brought = view.registry.fetch(&third, &cx()).expect("brought");
    assert_eq!(digest_of(&brought).expect("read").digest, digest_of(&folder).expect("read").digest);
    // A later assignment of a lower version, then what gto does to take both away.
    gto(&bob, &["assign", "iris", "--version", "v0.0.1", "--stage", "prod", "--push"]);
    assert_eq!(view.at().as_ref().map(|v| v.as_str()), Some("v0.0.1"));
    done(view.point(Some(&name("v0.0.1")), Some(&name("v0.1.1"))));
    assert_eq!(gto_stage(&bob, "iris", "prod").as_deref(), Some("v0.1.1"));
    gto(&bob, &["deprecate", "iris", "v0.1.1", "prod", "--push"]);
    assert_eq!(
        view.at().map(|v| v.to_string()),
        gto(&bob, &["show", "iris#prod", "--json"])
            .split("\"version\": \"")
            .nth(1)
            .and_then(|rest| Some(rest.split('"').next()?.to_owned())),
        "gto falls back, and so do we"
    );
    let models = view.registry.models(&cx()).expect("models");
    assert_eq!((models.len(), models[0].name.as_str()), (1, "iris"));
}

#[test]
fn only_what_is_committed_and_pushed_is_registered_and_it_comes_back() {
    let world = World::new();
    let view = world.view("ada");
    let folder = commit(&view.clone, "mine");
    let what = registration(folder.clone());
    let first = made(view.registry.register(&iris(), &what, &key("P"), &cx()));
    assert_eq!(made(view.registry.register(&iris(), &what, &key("P"), &cx())), first);
    assert_eq!(world.tags(), ["iris@v0.0.1"]);
    let version = view.registry.registered_by(&iris(), &key("P"), &cx()).expect("read").remove(0);
    assert_eq!((&version.at.digest, version.made_by.as_deref()), (&what.digest, Some("ada@laptop")));
    assert_eq!(version.tags, [("run".to_owned(), "it's \"é\" Signalbox-Op: X".to_owned())]);
    assert_eq!(view.registry.registered_by(&iris(), &key("X"), &cx()).expect("none"), []);
    let brought = view.registry.fetch(&version, &cx()).expect("brought");
    assert_eq!(Some(digest_of(&brought).expect("read").digest), what.digest);
    // The same commit is that version already; taken back, it is registered again.
    let conflict = refused(view.registry.register(&iris(), &what, &key("Q"), &cx()));
    assert_eq!(conflict.code, FailureCode::Conflict);
    done(view.registry.withdraw(&iris(), &first, &cx()));
    assert_eq!(view.registry.registered_by(&iris(), &key("P"), &cx()).expect("read")[0].state, VersionState::Withdrawn);
    assert_eq!(made(view.registry.register(&iris(), &what, &key("Q"), &cx())), first);
    assert_eq!(view.registry.registered_by(&iris(), &key("P"), &cx()).expect("none"), []);
    assert!(gto(&view.clone, &["show", "iris", "--json"]).contains("v0.0.1"));

    std::fs::write(folder.join("MLmodel"), "changed").expect("written");
    let failure = refused(view.registry.register(&iris(), &registration(folder.clone()), &key("R"), &cx()));
    assert_eq!(failure.message, "models/iris is not as the last commit has it");
    git(&view.clone, &["commit", "-qam", "not pushed"]);
    let failure = refused(view.registry.register(&iris(), &registration(folder.clone()), &key("R"), &cx()));
    assert_eq!(failure.code, FailureCode::NotFound);
    git(&view.clone, &["push", "-q", "origin", "HEAD"]);
    let lied = Registration { digest: Some(Digest::of("else")), ..registration(folder.clone()) };
    assert_eq!(refused(view.registry.register(&iris(), &lied, &key("R"), &cx())).code, FailureCode::Conflict);
    assert_eq!(made(view.registry.register(&iris(), &registration(folder), &key("R"), &cx())).as_str(), "v0.0.2");
    for bad in ["_x", "x-", "é", "a b", "a=b=c"] {
        let failure = refused(view.registry.register(&name(bad), &what, &key("S"), &cx()));
        assert_eq!(failure.code, FailureCode::Invalid, "{bad}");
        let failure = refused(view.registry.point(&iris(), &name("a+b"), None, None, &cx()));
        assert_eq!(failure.code, FailureCode::Invalid);
    }
}

#[test]
fn a_file_that_dvc_keeps_comes_from_its_cache_or_a_hint_does() {
    let world = World::new();
    let view = world.view("ada");
    let file = view.clone.join("model.bin");
    std::fs::write(&file, "weights").expect("written");
    // md5 of "weights", as `dvc add` writes it.
    let md5 = "0adf06f47b2b8b0fa2dce46a2ea1f3bc";
    std::fs::write(
        view.clone.join("model.bin.dvc"),
        format!("outs:\n- md5: {md5}\n  size: 7\n  hash: md5\n  path: model.bin\n"),
    )
    .expect("written");
    std::fs::write(view.clone.join(".gitignore"), "/model.bin\n/.dvc\n").expect("written");
    commit(&view.clone, "dvc");
    let what = registration(file);
    let version = made(view.registry.register(&iris(), &what, &key("P"), &cx()));
    let version = view.registry.version(&iris(), &version, &cx()).expect("read").expect("a version");
    let failure = view.registry.fetch(&version, &cx()).expect_err("not in the cache");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("dvc pull model.bin")), "{failure:?}");
    let cached = view.clone.join(".dvc/cache/files/md5").join(&md5[..2]);
    std::fs::create_dir_all(&cached).expect("made");
    std::fs::write(cached.join(&md5[2..]), "another").expect("written");
    assert_eq!(view.registry.fetch(&version, &cx()).expect_err("not what it was").code, FailureCode::Conflict);
    std::fs::write(cached.join(&md5[2..]), "weights").expect("written");
    let brought = view.registry.fetch(&version, &cx()).expect("brought");
    assert_eq!(Some(digest_of(&brought).expect("read").digest), what.digest);
}

#[test]
fn of_two_who_push_at_once_one_does() {
    let world = World::new();
    let (ada, eve) = (world.view("ada"), world.view("eve"));
    let v = ada.versions(3);
    let mut from = None;
    for round in 0..4 {
        let (one, two) = (&v[(round + 1) % 3], &v[(round + 2) % 3]);
        let one = (from.as_ref() != Some(one)).then_some(one);
        let ends = std::thread::scope(|scope| {
            let a = scope.spawn(|| ada.point(from.as_ref(), one));
            let b = scope.spawn(|| eve.point(from.as_ref(), Some(two)));
            [(one.cloned(), a.join().expect("an end")), (Some(two.clone()), b.join().expect("an end"))]
        });
        let at = ada.at();
        let done: Vec<_> = ends.iter().filter(|(_, end)| matches!(end, Outcome::Done(_))).map(|(to, _)| to).collect();
        assert_eq!(done, [&at], "{ends:?}");
        let lost = ends.iter().find(|(_, end)| !matches!(end, Outcome::Done(_))).expect("a loser");
        let failure = refused(lost.1.clone());
        assert_eq!(failure.code, FailureCode::Conflict);
        assert!(failure.message.contains("moved it"), "{failure}");
        from = at;
    }
    // Eight versions at once: none is lost, none is there twice.
    let commits: Vec<Registration> = (0..4)
        .map(|i| {
            let folder = commit(&ada.clone, &format!("race {i}"));
            let commit = git(&ada.clone, &["rev-parse", "HEAD"]);
            let digest = digest_of(&folder).expect("read").digest;
            Registration {
                path: None,
                source: Some(format!("git:{commit}:models/iris")),
                digest: Some(digest),
                ..registration(folder)
            }
        })
        .collect();
    let names: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let all: Vec<_> = commits
            .iter()
            .enumerate()
            .map(|(i, what)| {
                let world = &world;
                scope.spawn(move || {
                    let own = world.registry(&format!("p{i}"), &world.remote().display().to_string());
                    made(own.register(&iris(), what, &key(&format!("R{i}")), &cx())).to_string()
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("registered")).collect()
    });
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(ada.registry.versions(&iris(), &cx()).expect("read").len(), 7);
}

#[test]
fn the_calls_are_listed_as_they_are_made() {
    let world = World::new();
    let view = world.view("ada");
    let what = registration(view.clone.join("models/iris"));
    let mut all = view.registry.register_requests(&iris(), &what, &key("P"));
    all.extend(view.registry.point_requests(&iris(), &prod(), Some("{version}")));
    all.extend(view.registry.point_requests(&iris(), &prod(), None));
    all.extend(view.registry.withdraw_requests(&iris(), None));
    let first: Vec<String> = all
        .iter()
        .map(|request| {
            assert_eq!(
                (request.verb.as_str(), request.to.as_str()),
                ("git push", world.remote().display().to_string().as_str())
            );
            request.body.as_ref().expect("a body")["tags"][0].as_str().expect("a tag").to_owned()
        })
        .collect();
    let expected = ["iris@{version}", "iris#prod#{n}", "iris#prod!#{n}", "iris@{version}!#{n}"];
    assert_eq!(first, expected.map(|tag| format!("refs/tags/{tag}")));
}
