//! The adapter beside real registries (Debian's `docker-registry`; `curl` is the client that knows nothing of us).
//!
//! `cargo test -p signalbox-remote --features real-servers --test real_oci`

mod auth;
mod faults;
mod promotion;
mod world;

use std::collections::BTreeSet;

use signalbox_release::{Digest, FailureCode, ModelName, Outcome, Registration, Registry, VersionState, digest_of};
use world::*;

#[test]
fn the_same_key_makes_one_version_and_another_client_reads_it() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada@laptop"), name("Churn model"));
    let what = registration(view.artifact("w"));
    let first = made(view.registry.register(&model, &what, &key("P"), &cx()));
    assert_eq!(made(view.registry.register(&model, &what, &key("P"), &cx())), first);
    let second = made(view.registry.register(&model, &what, &key("Q"), &cx()));
    assert_ne!(first, second);
    let versions = view.registry.versions(&model, &cx()).expect("versions");
    assert_eq!(versions.iter().map(|v| &v.at.version).collect::<Vec<_>>(), [&second, &first]);
    let by = view.registry.registered_by(&model, &key("P"), &cx()).expect("versions");
    assert_eq!(by, [versions[1].clone()]);
    assert_eq!((&by[0].at.digest, by[0].made_by.as_deref()), (&what.digest, Some("ada@laptop")));
    assert_eq!((&by[0].state, &by[0].tags), (&VersionState::Ready, &what.tags));
    assert_eq!(view.registry.version(&model, &first, &cx()).expect("read"), Some(by[0].clone()));
    assert_eq!(view.registry.version(&model, &name("latest"), &cx()).expect("read"), None);
    assert_eq!(view.registry.versions(&name("none"), &cx()).expect("none"), []);

    // With plain requests: each file's bytes are those of its digest, under its own path.
    let (status, _, body) = server.get(&format!("/v2/team/models/0__43hurn__20model/manifests/{first}"));
    assert_eq!((status, &Digest::of(&body).hex()[..12]), (200, first.as_str()));
    let manifest: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(manifest["artifactType"], "application/vnd.cncf.model.manifest.v1+json");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 5);
    for layer in layers {
        let digest = layer["digest"].as_str().expect("a digest");
        let (status, _, blob) = server.get(&format!("/v2/team/models/0__43hurn__20model/blobs/{digest}"));
        let path = layer["annotations"]["org.cncf.model.filepath"].as_str().expect("a path");
        let here = std::fs::read(view.dir.path().join("model").join(path)).expect("read");
        assert_eq!((status, blob == here, Digest::of(&blob).to_string().as_str()), (200, true, digest), "{path}");
    }
    let models = view.registry.models(&cx()).expect("models");
    assert_eq!((models.len(), &models[0].name, models[0].aliases.len()), (1, &model, 0));
}

#[test]
fn eight_who_register_at_once_get_eight_versions() {
    let server = Server::open();
    let model: ModelName = name("crowd");
    let race = |key_of: &(dyn Fn(usize) -> String + Sync)| -> BTreeSet<String> {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|i| {
                    let (url, model) = (server.url(), &model);
                    scope.spawn(move || {
                        let view = view(&url, &format!("p{i}@desk"));
                        let what = registration(view.artifact("same"));
                        made(view.registry.register(model, &what, &key(&key_of(i)), &cx())).to_string()
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().expect("registered")).collect()
        })
    };
    let eight = race(&|i| format!("P{i}"));
    assert_eq!(eight.len(), 8);
    // The same operation eight times is one version.
    let one = race(&|_| "SAME".into());
    assert_eq!(one.len(), 1);
    let view = view(&server.url(), "ada");
    let found: BTreeSet<String> = view
        .registry
        .versions(&model, &cx())
        .expect("versions")
        .iter()
        .map(|version| version.at.version.to_string())
        .collect();
    assert_eq!(found, eight.union(&one).cloned().collect());
    for i in 0..8 {
        assert_eq!(view.registry.registered_by(&model, &key(&format!("P{i}")), &cx()).expect("read").len(), 1);
    }
}

#[test]
fn an_artifact_comes_back_as_it_was_sent_or_not_at_all() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada"), name("there and back"));
    let what = registration(view.artifact("weights"));
    let version = made(view.registry.register(&model, &what, &key("P"), &cx()));
    let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
    let folder = view.registry.fetch(&version, &cx()).expect("brought");
    assert_eq!(Some(digest_of(&folder).expect("an artifact").digest), what.digest);
    std::fs::write(folder.join("MLmodel"), "else").expect("written");
    assert_eq!(view.registry.fetch(&version, &cx()).expect("brought anew"), folder);
    assert_eq!(Some(digest_of(&folder).expect("an artifact").digest), what.digest);

    // A registry that says another digest than its files have.
    let mut lied = version.clone();
    lied.at.digest = Some(Digest::of("another"));
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(view.registry.fetch(&lied, &cx()).expect_err("refused").code, FailureCode::Conflict);
    let rest: Vec<_> = std::fs::read_dir(folder.parent().expect("a parent")).expect("read").flatten().collect();
    assert!(rest.is_empty(), "nothing half is left: {rest:?}");

    let changed = Registration { digest: Some(Digest::of("else")), ..what };
    assert_eq!(refused(view.registry.register(&model, &changed, &key("Q"), &cx())).code, FailureCode::Conflict);
    let nothing = Registration { path: None, ..changed };
    assert_eq!(refused(view.registry.register(&model, &nothing, &key("Q"), &cx())).code, FailureCode::Invalid);
    assert_eq!(view.registry.versions(&model, &cx()).expect("versions").len(), 1);
}

/// Puts a manifest under a tag, as any other tool does.
fn push(server: &Server, repository: &str, tag: &str, manifest: &serde_json::Value) {
    let http = signalbox_remote::Http::new(&server.url(), || signalbox_remote::Auth::None, None).expect("an address");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("m");
    std::fs::write(&file, manifest.to_string()).expect("written");
    let status = std::process::Command::new("curl")
        .args(["-sf", "-o", "/dev/null", "-X", "PUT", "-H", "Content-Type: application/vnd.oci.image.manifest.v1+json"])
        .arg("--data-binary")
        .arg(format!("@{}", file.display()))
        .arg(format!("{}/v2/{repository}/manifests/{tag}", http.place()))
        .status()
        .expect("curl runs");
    assert!(status.success());
}

#[test]
fn what_others_have_pushed_is_seen_kept_and_not_obeyed() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada"), name("foreign"));
    let own = versions(&view, &model, 1);
    let repository = "team/models/foreign";
    let (_, _, body) = server.get(&format!("/v2/{repository}/manifests/{}", own[0]));
    let mut foreign: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    foreign["annotations"] = serde_json::json!({ "made": "elsewhere" });
    push(&server, repository, "champion", &foreign);
    let theirs = view.to(&model, &champion()).expect("a version");
    let found = view.registry.version(&model, &theirs, &cx()).expect("read").expect("a version");
    assert_eq!((found.at.digest.as_ref(), found.made_by), (None, None));
    assert_eq!(view.registry.versions(&model, &cx()).expect("versions").len(), 2);
    assert!(matches!(view.registry.point(&model, &champion(), Some(&theirs), Some(&own[0]), &cx()), Outcome::Done(_)));
    // The alias was all that held it; now its own tag does.
    assert!(server.digest_of(repository, theirs.as_str()).is_some());
    assert!(matches!(view.registry.point(&model, &champion(), Some(&own[0]), Some(&theirs), &cx()), Outcome::Done(_)));

    // A version's tag that was put on something else is no version any more.
    push(&server, repository, own[0].as_str(), &foreign);
    assert_eq!(view.registry.version(&model, &own[0], &cx()).expect("read"), None);

    for path in ["../../../tmp/evil", "/tmp/evil", "a/../../evil"] {
        foreign["layers"][0]["annotations"]["org.cncf.model.filepath"] = path.into();
        push(&server, repository, "evil", &foreign);
        let at = view.to(&model, &name("evil")).expect("a version");
        let version = view.registry.version(&model, &at, &cx()).expect("read").expect("a version");
        let failure = view.registry.fetch(&version, &cx()).expect_err("refused");
        assert_eq!(
            (failure.code, failure.message.contains("no path below it")),
            (FailureCode::Invalid, true),
            "{path}"
        );
    }
}

#[test]
fn an_alias_moves_from_where_it_was_seen_and_to_nothing() {
    let server = Server::open();
    let (view, model) = (view(&server.url(), "ada@laptop"), name("moves"));
    let v = versions(&view, &model, 2);
    assert_eq!(view.to(&model, &champion()), None);
    let point = |from: Option<_>, to: Option<_>| view.registry.point(&model, &champion(), from, to, &cx());
    assert!(matches!(point(None, Some(&v[0])), Outcome::Done(_)));
    let repository = "team/models/moves";
    let digest = |tag: &str| server.digest_of(repository, tag);
    assert_eq!(digest("champion"), digest(v[0].as_str()));
    let seen = view.registry.pointer(&model, &champion(), &cx()).expect("a pointer");
    assert_eq!((seen.to.as_ref(), seen.moved_by.as_deref()), (Some(&v[0]), Some("ada@laptop")));
    let failure = refused(point(None, Some(&v[1])));
    let expected = format!("champion of moves points at {} by now; ada@laptop moved it", v[0]);
    assert_eq!((failure.code, failure.message), (FailureCode::Conflict, expected));
    assert!(matches!(point(Some(&v[0]), Some(&v[1])), Outcome::Done(_)));
    assert_eq!(digest("champion"), digest(v[1].as_str()));
    assert!(matches!(point(Some(&v[1]), None), Outcome::Done(_)));
    assert_eq!(view.to(&model, &champion()), None);
    assert_eq!(refused(point(None, Some(&name("0123456789ab")))).code, FailureCode::NotFound);

    assert!(matches!(view.registry.withdraw(&model, &v[1], &cx()), Outcome::Done(_)));
    assert!(matches!(view.registry.withdraw(&model, &v[1], &cx()), Outcome::Done(_)));
    let states: Vec<_> = view
        .registry
        .versions(&model, &cx())
        .expect("versions")
        .into_iter()
        .map(|version| (version.at.version, version.state))
        .collect();
    assert_eq!(states, [(v[1].clone(), VersionState::Withdrawn), (v[0].clone(), VersionState::Ready)]);
    assert!(digest(v[1].as_str()).is_some(), "nothing is deleted");
    assert_eq!(refused(view.registry.withdraw(&model, &name("0123456789ab"), &cx())).code, FailureCode::NotFound);
}

#[test]
fn of_four_who_move_at_once_one_does() {
    let server = Server::open();
    let (ada, model) = (view(&server.url(), "ada"), name("race"));
    let v = versions(&ada, &model, 5);
    for round in 0..3 {
        let from = ada.to(&model, &champion());
        let ends: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4)
                .map(|i| {
                    let (url, model, to, from) = (server.url(), &model, &v[(i + round) % 5], from.as_ref());
                    scope.spawn(move || {
                        let view = view(&url, &format!("p{i}@desk"));
                        (to, view.registry.point(model, &champion(), from, Some(to), &cx()))
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().expect("an end")).collect()
        });
        let at = ada.to(&model, &champion()).expect("a version");
        // One of the four may have been asked to move it to where it was.
        let done: Vec<_> = ends
            .iter()
            .filter(|(to, end)| matches!(end, Outcome::Done(_)) && Some(*to) != from.as_ref())
            .map(|(to, _)| (*to).clone())
            .collect();
        assert_eq!(done, [at], "{ends:?}");
        for (_, end) in ends {
            if let Outcome::Refused(failure) = end {
                assert_eq!(failure.code, FailureCode::Conflict, "{failure}");
            }
        }
    }
}

#[test]
fn the_calls_are_listed_as_they_are_made() {
    let view = view("https://ada:hunter2@reg.example", "ada");
    let model: ModelName = name("m");
    let mut all = view.registry.register_requests(&model, &registration(view.artifact("w")), &key("P"));
    all.extend(view.registry.point_requests(&model, &champion(), Some("{version}")));
    all.extend(view.registry.point_requests(&model, &champion(), None));
    all.extend(view.registry.withdraw_requests(&model, None));
    let lines: Vec<String> = all.iter().map(|request| format!("{} {}", request.verb, request.to)).collect();
    let tail = |line: &str| line.rsplit("team/models/m/").next().expect("a tail").to_owned();
    let seen: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}", line.split(' ').next().unwrap_or(""), tail(line)))
        .map(|line| line.split("signalbox.").next().expect("a head").to_owned())
        .collect();
    let notes = "PUT manifests/";
    let expected = [
        "POST blobs/uploads/",
        "PUT blobs/uploads/%7Bupload%7D?digest={digest%20of%20each%20file}",
        notes,
        "PUT manifests/{version}",
        notes,
        "PUT manifests/champion",
        notes,
        notes,
        notes,
        "PUT manifests/champion",
        notes,
        notes,
        notes,
    ];
    assert_eq!(seen, expected);
    assert!(!format!("{all:?} {}", view.registry.title()).contains("hunter2"));
}
