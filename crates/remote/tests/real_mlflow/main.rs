//! The adapter beside a real MLflow server. Needs a Python with mlflow: `SIGNALBOX_PYTHON` names it.
//!
//! `cargo test -p signalbox-remote --features real-servers --test real_mlflow`

mod faults;
mod world;

use signalbox_release::{
    FailureCode, Model, ModelName, Outcome, Registration, Registry, VersionName, VersionState, digest_of,
};
use signalbox_remote::RunSource;
use world::*;

#[test]
fn the_same_key_makes_one_version() {
    let (view, model) = (open_view(), name("same key"));
    let what = registration(view.artifact("w"));
    let first = made(view.registry.register(&model, &what, &key("P"), &cx()));
    let again = made(view.registry.register(&model, &what, &key("P"), &cx()));
    assert_eq!((first.as_str(), &again), ("1", &first));
    assert_eq!(made(view.registry.register(&model, &what, &key("Q"), &cx())).as_str(), "2");

    let versions = view.registry.versions(&model, &cx()).expect("versions");
    assert_eq!(versions.len(), 2);
    let by = view.registry.registered_by(&model, &key("P"), &cx()).expect("versions");
    assert_eq!(by, [versions[1].clone()]);
    assert_eq!((&by[0].at.digest, &by[0].state), (&what.digest, &VersionState::Ready));
    assert!(by[0].tags.contains(&what.tags[0]), "{:?}", by[0].tags);
    assert_eq!(view.registry.version(&model, &first, &cx()).expect("a version"), Some(by[0].clone()));
}

#[test]
fn what_was_changed_is_not_registered() {
    let (view, model) = (open_view(), name("changed"));
    let what = registration(view.artifact("w"));
    view.artifact("other");
    assert_eq!(refused(view.registry.register(&model, &what, &key("P"), &cx())).code, FailureCode::Conflict);
    let nothing = Registration { path: None, source: None, run: None, digest: None, tags: Vec::new() };
    assert_eq!(refused(view.registry.register(&model, &nothing, &key("P"), &cx())).code, FailureCode::Invalid);
    let nowhere = Registration { source: Some("s3://bucket/../model".into()), ..nothing };
    assert_eq!(refused(view.registry.register(&model, &nowhere, &key("P"), &cx())).code, FailureCode::Invalid);
    for bad in ["a%20b", "a#b", "a:b"] {
        let folder = view.artifact("w");
        std::fs::write(folder.join(bad), "").expect("written");
        let failure = refused(view.registry.register(&model, &registration(folder.clone()), &key("P"), &cx()));
        assert_eq!(failure.message, format!("MLflow cannot keep a file of the name {bad:?}"));
        std::fs::remove_file(folder.join(bad)).expect("removed");
    }
    assert_eq!(view.registry.versions(&model, &cx()).expect("none"), []);
}

#[test]
fn an_artifact_comes_back_as_it_was_sent() {
    let (view, model) = (open_view(), name("there and back"));
    let what = registration(view.artifact("weights"));
    let version = made(view.registry.register(&model, &what, &key("P"), &cx()));
    let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
    let folder = view.registry.fetch(&version, &cx()).expect("brought");
    assert_eq!(Some(digest_of(&folder).expect("an artifact").digest), what.digest);
    assert!(folder.starts_with(view.dir.path().join("cache/mlflow")), "{}", folder.display());
    // What somebody changed here is brought anew.
    std::fs::write(folder.join("MLmodel"), "else").expect("written");
    assert_eq!(view.registry.fetch(&version, &cx()).expect("brought"), folder);
    assert_eq!(Some(digest_of(&folder).expect("an artifact").digest), what.digest);

    // A single file.
    let file = view.dir.path().join("model.onnx");
    std::fs::write(&file, "graph").expect("written");
    let what = registration(file);
    let version = made(view.registry.register(&model, &what, &key("Q"), &cx()));
    let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
    let folder = view.registry.fetch(&version, &cx()).expect("brought");
    assert_eq!(Some(digest_of(&folder).expect("an artifact").digest), what.digest);
    let rest: Vec<_> = std::fs::read_dir(folder.parent().expect("a parent")).expect("read").flatten().collect();
    assert_eq!(rest.len(), 2, "nothing half is left: {rest:?}");
}

#[test]
fn names_with_quotes_are_kept_apart() {
    let view = open_view();
    let names = ["it's", "it_s", "do\"uble", "bo'th \"x\"", "bo_th \"x\"", "é 漢 ` ;--", "x' OR name LIKE '%"];
    let what = registration(view.artifact("w"));
    for text in names {
        let model: ModelName = name(text);
        let version = made(view.registry.register(&model, &what, &key("P"), &cx()));
        assert_eq!(version.as_str(), "1", "{text}");
        let outcome = view.registry.point(&model, &champion(), None, Some(&version), &cx());
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        let versions = view.registry.versions(&model, &cx()).expect("versions");
        assert_eq!(versions.iter().map(|v| v.at.model.as_str()).collect::<Vec<_>>(), [text]);
        assert_eq!(view.registry.registered_by(&model, &key("P"), &cx()).expect("versions"), versions);
        assert_eq!(view.registry.pointer(&model, &champion(), &cx()).expect("a pointer").to, Some(version));
    }
    let models = view.registry.models(&cx()).expect("models");
    for text in names {
        let found: Vec<&Model> = models.iter().filter(|model| model.name.as_str() == text).collect();
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].aliases, [(champion(), name("1"))]);
    }
    assert!(models.iter().all(|model| !model.name.as_str().starts_with("__signalbox")), "locks are not shown");
}

#[test]
fn all_pages_are_read_newest_first() {
    let (mut view, model) = (open_view(), name("pages"));
    versions(&view, &model, 11);
    view.registry = view.registry.page(2);
    let found = view.registry.versions(&model, &cx()).expect("versions");
    let numbers: Vec<String> = found.iter().map(|version| version.at.version.to_string()).collect();
    assert_eq!(numbers, (1..=11).rev().map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(view.registry.versions(&name("no such model"), &cx()).expect("none"), []);
    assert_eq!(view.registry.version(&model, &name("99"), &cx()).expect("none"), None);
    assert_eq!(view.registry.version(&model, &name("latest"), &cx()).expect("none"), None);
}

#[test]
fn an_alias_moves_from_where_it_was_seen() {
    let (view, model) = (open_view(), name("moves"));
    let v = versions(&view, &model, 3);
    let pointer = |alias: &str| view.registry.pointer(&model, &name(alias), &cx()).expect("a pointer");
    let point = |from: Option<&VersionName>, to: Option<&VersionName>| {
        view.registry.point(&model, &champion(), from, to, &cx())
    };
    assert_eq!(pointer("champion").to, None);
    assert_eq!(view.registry.pointer(&name("no such model"), &champion(), &cx()).expect("none").to, None);
    assert!(matches!(point(None, Some(&v[0])), Outcome::Done(_)));
    let seen = pointer("champion");
    assert_eq!((seen.to.as_ref(), seen.moved_by.as_deref()), (Some(&v[0]), Some("ada@laptop")));
    assert!(seen.moved_unix_ms.is_some());

    // Another, who does not lock, comes in between.
    let http = signalbox_remote::Http::new(&format!("http://{}", open_server()), || signalbox_remote::Auth::None, None)
        .expect("an address");
    let body = serde_json::json!({ "name": model, "alias": "champion", "version": v[2] });
    let call = http.post("api/2.0/mlflow/registered-models/alias", body);
    http.change(&call, &signalbox_remote::Patience::new(&cx())).expect("set");
    let seen = pointer("champion");
    assert_eq!((seen.to.as_ref(), seen.moved_by), (Some(&v[2]), None), "nobody knows who it was");
    let failure = refused(point(Some(&v[0]), Some(&v[1])));
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (FailureCode::Conflict, "champion of moves points at 3 by now")
    );
    assert_eq!(pointer("champion").to.as_ref(), Some(&v[2]));

    assert!(matches!(point(Some(&v[2]), None), Outcome::Done(_)));
    assert_eq!(pointer("champion").to, None);
    assert_eq!(refused(point(None, Some(&name("99")))).code, FailureCode::NotFound);
    let failure = refused(view.registry.point(&model, &name("latest"), None, Some(&v[0]), &cx()));
    assert!(matches!(failure.code, FailureCode::Invalid | FailureCode::Conflict), "{failure:?}");
}

#[test]
fn of_two_carriers_one_wins() {
    let (view, model) = (open_view(), name("race"));
    let v = versions(&view, &model, 3);
    let point = |view: &View, to: &VersionName| view.registry.point(&model, &champion(), Some(&v[0]), Some(to), &cx());
    assert!(matches!(view.registry.point(&model, &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
    let (ada, bob) = (open_view(), view_of("bob@desk"));
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| point(&ada, &v[1]));
        let second = scope.spawn(|| point(&bob, &v[2]));
        (first.join().expect("it ends"), second.join().expect("it ends"))
    });
    let (loser, winner, by) = match (first, second) {
        (Outcome::Done(_), loser) => (refused(loser), &v[1], "ada@laptop"),
        (loser, Outcome::Done(_)) => (refused(loser), &v[2], "bob@desk"),
        neither => panic!("{neither:?}"),
    };
    assert_eq!(loser.code, FailureCode::Conflict);
    assert_eq!(loser.message, format!("champion of race points at {winner} by now; {by} moved it"));
    let seen = view.registry.pointer(&model, &champion(), &cx()).expect("a pointer");
    assert_eq!((seen.to.as_ref(), seen.moved_by.as_deref()), (Some(winner), Some(by)));
}

fn view_of(by: &str) -> View {
    view(&format!("http://{}", open_server()), by)
}

#[test]
fn what_is_withdrawn_says_so_and_stays() {
    let (view, model) = (open_view(), name("withdrawn"));
    let v = versions(&view, &model, 2);
    assert!(matches!(view.registry.withdraw(&model, &v[1], &cx()), Outcome::Done(_)));
    assert!(matches!(view.registry.withdraw(&model, &v[1], &cx()), Outcome::Done(_)));
    let states: Vec<_> =
        view.registry.versions(&model, &cx()).expect("versions").into_iter().map(|v| v.state).collect();
    assert_eq!(states, [VersionState::Withdrawn, VersionState::Ready]);
    assert_eq!(refused(view.registry.withdraw(&model, &name("99"), &cx())).code, FailureCode::NotFound);
}

#[test]
fn a_run_is_registered_from_what_it_logged() {
    let (view, model) = (open_view(), name("from runs"));
    let [run, logged, old, empty] = log_model(&format!("http://{}", open_server()));
    let source = |run: &str, id: Option<&str>| view.registry.source_of_run(run, id, &cx()).expect("an answer");
    let at = if logged == "None" { format!("runs:/{run}/model") } else { format!("models:/{logged}") };
    let expected = RunSource { source: at, run: Some(run.clone()) };
    assert_eq!(source(&run, Some(&logged)), Some(expected.clone()));
    assert_eq!(source(&run, Some("m-nosuch")), Some(expected.clone()));
    assert_eq!(source(&run, None), Some(expected.clone()));
    let old_one = RunSource { source: format!("runs:/{old}/old model"), run: Some(old.clone()) };
    assert_eq!(source(&old, None), Some(old_one.clone()));
    assert_eq!((source(&empty, None), source("nosuch", None), source("../x' OR", None)), (None, None, None));

    for (RunSource { source, run }, plan) in [(expected, "P"), (old_one, "Q")] {
        let what = Registration { path: None, source: Some(source), run, digest: None, tags: Vec::new() };
        let version = made(view.registry.register(&model, &what, &key(plan), &cx()));
        let version = view.registry.version(&model, &version, &cx()).expect("read").expect("a version");
        assert_eq!(version.run, what.run);
        let folder = view.registry.fetch(&version, &cx()).expect("brought");
        assert!(folder.join("MLmodel").is_file());
    }
}

#[test]
fn the_calls_are_listed_as_they_are_made() {
    let (view, model) = (view("http://ada:hunter2@ml.example/x", "ada"), name("m"));
    let what = Registration {
        path: None,
        source: Some("models:/m-1".into()),
        run: Some("r".into()),
        digest: None,
        tags: Vec::new(),
    };
    let mut all = view.registry.register_requests(&model, &what, &key("P"));
    all.extend(view.registry.register_requests(&model, &registration(view.artifact("w")), &key("P")));
    all.extend(view.registry.point_requests(&model, &champion(), Some("{version}")));
    all.extend(view.registry.point_requests(&model, &champion(), None));
    all.extend(view.registry.withdraw_requests(&model, None));
    let lines: Vec<String> = all.iter().map(|request| format!("{} {}", request.verb, request.to)).collect();
    let api = |line: &str| {
        let (verb, path) = line.split_once(' ').expect("a verb");
        format!("{verb} http://ml.example/x/api/2.0/{path}")
    };
    let move_of = |set| {
        [
            "POST mlflow/registered-models/create",
            set,
            "POST mlflow/registered-models/set-tag",
            "DELETE mlflow/registered-models/delete",
        ]
    };
    let mut expected = vec![
        "POST mlflow/registered-models/create",
        "POST mlflow/model-versions/create",
        "POST mlflow/registered-models/create",
        "POST mlflow/runs/create",
        "PUT mlflow-artifacts/artifacts/%7Bartifacts%20of%20run%7D/model",
        "POST mlflow/runs/update",
        "POST mlflow/model-versions/create",
    ];
    expected.extend(move_of("POST mlflow/registered-models/alias"));
    expected.extend(move_of("DELETE mlflow/registered-models/alias"));
    expected.push("POST mlflow/model-versions/set-tag");
    assert_eq!(lines, expected.into_iter().map(api).collect::<Vec<_>>());
    assert_eq!(all[1].body.as_ref().expect("a body")["model_id"], "m-1");
    assert!(!format!("{all:?} {}", view.registry.title()).contains("hunter2"));
}

#[test]
fn who_we_are_is_checked_and_never_told() {
    let url = format!("http://{}", guarded_server());
    let mut known = view_with(&url, "ada", |name| match name {
        "MLFLOW_TRACKING_USERNAME" => Some("admin".into()),
        "MLFLOW_TRACKING_PASSWORD" => Some(PASSWORD.into()),
        _ => None,
    });
    let version = mlflow_version();
    assert_eq!(known.registry.greet(&cx()).expect("let in"), format!("MLflow {version}"));
    assert_eq!(known.registry.title(), format!("MLflow {version} at {url}"));
    versions(&known, &name("guarded"), 1);
    // Nobody else is at work there: pages of two show all.
    for text in ["e", "d", "c", "b"] {
        versions(&known, &name(text), 1);
    }
    known.registry = known.registry.page(2);
    let models = known.registry.models(&cx()).expect("models");
    assert_eq!(models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["b", "c", "d", "e", "guarded"]);

    let wrong = view_with(&url, "eve", |name| match name {
        "MLFLOW_TRACKING_USERNAME" => Some("admin".into()),
        "MLFLOW_TRACKING_PASSWORD" => Some("hunter2".into()),
        _ => None,
    });
    let failure = wrong.registry.models(&cx()).expect_err("denied");
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(!format!("{failure:?}").contains("hunter2"));
    let outcome = wrong.registry.point(&name("guarded"), &champion(), None, Some(&name("1")), &cx());
    assert_eq!(refused(outcome).code, FailureCode::Denied);

    // Credentials for another server are not sent to this one.
    let foreign = view_with(&url, "ada", |name| match name {
        "MLFLOW_TRACKING_URI" => Some("https://ml.example".into()),
        "MLFLOW_TRACKING_USERNAME" => Some("admin".into()),
        "MLFLOW_TRACKING_PASSWORD" => Some(PASSWORD.into()),
        _ => None,
    });
    assert_eq!(foreign.registry.models(&cx()).expect_err("denied").code, FailureCode::Denied);
}
