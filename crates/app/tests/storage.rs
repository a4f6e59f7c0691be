//! Retention through the app's commands: what takes room, what a plan says, forgetting with other windows open, what is
//! gone from the disk, and room given back.

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use signalbox_store::{Forgetting, Store};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn app(data: &Path) -> App {
    App::open(Options::alone(data, "test")).expect("the app opens")
}

fn call(app: &App, name: &str, args: Value) -> Value {
    app.call(name, args).unwrap_or_else(|e| panic!("{name}: {}", e.message))
}

fn wait(app: &App, what: &str, done: impl Fn() -> bool) {
    let events = app.subscribe();
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "{what}: not within 60 s");
        let _ = events.recv_timeout(Duration::from_millis(100));
    }
}

fn rows(app: &App, project: &Value) -> Vec<Value> {
    let columns = json!([{ "key": "metric:loss", "stat": "last" }]);
    let page = call(
        app,
        "table",
        json!({ "project": project, "filter": "", "sort": [], "columns": columns,
                "offset": 0, "limit": 100, "show_deleted": true, "show_hidden": true }),
    );
    page["rows"].as_array().expect("rows").clone()
}

fn log(path: &Path, n: u32) {
    let rows = (0..n).fold(String::from("step,loss\n"), |mut text, step| {
        let _ = writeln!(text, "{step},{}", f64::from(step * 7919 % 1009) / 3.0);
        text
    });
    std::fs::write(path, rows).expect("written");
}

/// A folder with two logs, and the project of it once both are read.
fn project(app: &App, folder: &Path, name: &str) -> (PathBuf, Value) {
    let root = folder.canonicalize().expect("a path").join(name);
    std::fs::create_dir_all(&root).expect("made");
    log(&root.join("a.csv"), 9000);
    log(&root.join("b.csv"), 20);
    let id = call(app, "open_project", json!({ "path": root }))["id"].clone();
    wait(app, "both are read", || rows(app, &id).iter().filter(|row| row["cells"][0].is_number()).count() == 2);
    (root, id)
}

fn row<'a>(view: &'a Value, id: &Value) -> Option<&'a Value> {
    view["projects"].as_array().expect("projects").iter().find(|row| row["id"] == *id)
}

fn numbers(plan: &Value, list: &str) -> Vec<(String, u64)> {
    let line = |line: &Value| (line["what"].as_str().expect("text").to_owned(), line["n"].as_u64().unwrap_or(0));
    plan[list].as_array().expect("lines").iter().map(line).collect()
}

fn nothing_is_left(data: &Path) -> bool {
    Store::open(&data.join("signalbox.db")).expect("opens").being_forgotten().expect("asked").is_empty()
}

#[test]
fn a_plan_says_what_goes_and_then_it_goes_and_nothing_else() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    let (root, mine) = project(&app, folder.path(), "p");
    // Its folder's name begins as the other's.
    let (_, other) = project(&app, folder.path(), "p2");
    let ids: Vec<Value> = rows(&app, &mine).iter().map(|row| row["id"].clone()).collect();
    call(&app, "annotate", json!({ "runs": ids, "note": "the good ones", "name": "mine", "add_tags": ["keep"] }));
    call(&app, "split_run", json!({ "project": mine, "record": ids[0] }));
    let theirs: Vec<Value> = rows(&app, &other).iter().map(|row| row["id"].clone()).collect();
    call(&app, "split_run", json!({ "project": other, "record": theirs[0] }));
    for id in [&mine, &other] {
        call(&app, "set_pref", json!({ "key": format!("view:{id}"), "value": 1 }));
    }

    let view = call(&app, "storage", json!({}));
    let before = row(&view, &other).expect("listed").clone();
    let found = row(&view, &mine).expect("listed");
    assert_eq!((&found["n_runs"], &found["n_points"], &found["open"]), (&2.into(), &9020.into(), &true.into()));
    assert!(found["words_bytes"].as_u64() > before["words_bytes"].as_u64());
    let largest = call(&app, "project_storage", json!({ "project": mine }));
    assert_eq!((&largest["runs"][0]["n_points"], &largest["metrics"][0]["n_points"]), (&9000.into(), &9020.into()));
    assert_eq!(largest["runs"][0]["name"], "mine");

    let plan = call(&app, "forget_plan", json!({ "project": mine }));
    assert_eq!(numbers(&plan, "goes")[..2], [("runs".into(), 2), ("points".into(), 9020)]);
    let lost = numbers(&plan, "lost");
    for expected in [("notes", 2), ("names that you gave", 2), ("runs with tags of yours", 2)] {
        assert!(lost.contains(&(expected.0.into(), expected.1)), "{lost:?}");
    }
    assert!(!lost.iter().any(|(what, _)| what.contains("files are gone")), "{lost:?}");
    assert_eq!((&plan["confirm"], &plan["has_words"]), (&"p".into(), &true.into()));
    assert!(plan["stays"][0]["what"].as_str().is_some_and(|what| what.contains(root.to_str().expect("text"))));
    let words: Value = serde_json::from_slice(
        &app.blob("words", json!({ "project": mine, "name": "w.json" })).expect("the person's words"),
    )
    .expect("JSON");
    let runs = words["runs"].as_array().expect("runs");
    assert_eq!((runs.len(), &runs[0]["note"], &runs[0]["tags"]), (2, &"the good ones".into(), &json!(["keep"])));
    assert_eq!(words["apart"].as_array().map(Vec::len), Some(1));
    let refused = app.call("save_words", json!({ "project": mine, "name": "w.json" })).expect_err("no desktop");
    assert!(refused.message.contains("desktop"), "{}", refused.message);

    call(&app, "forget_project", json!({ "project": mine }));
    assert!(row(&call(&app, "storage", json!({})), &mine).is_none(), "out of sight at once");
    assert!(app.call("forget_plan", json!({ "project": mine })).is_err());
    wait(&app, "nothing is left", || nothing_is_left(data.path()));
    let view = call(&app, "storage", json!({}));
    assert_eq!(row(&view, &other), Some(&before), "the other project is as it was");
    assert_eq!(view["projects"].as_array().map(Vec::len), Some(1));
    assert_eq!(call(&app, "get_pref", json!({ "key": format!("view:{mine}") }))["value"], Value::Null);
    assert_eq!(call(&app, "get_pref", json!({ "key": format!("view:{other}") }))["value"], 1);
    let plan = call(&app, "forget_plan", json!({ "project": other }));
    assert!(numbers(&plan, "lost").iter().any(|(what, _)| what.contains("set apart")), "{plan}");
    // The files are there, and it is read again as new.
    assert!(root.join("a.csv").is_file() && root.join("b.csv").is_file());
    let again = call(&app, "open_project", json!({ "path": root }))["id"].clone();
    assert_ne!(again, mine);
    wait(&app, "read again", || rows(&app, &again).len() == 2);
    assert!(rows(&app, &again).iter().all(|row| row["name"] != "mine"));
    app.shutdown();
}

#[test]
fn another_window_that_has_it_open_closes_it_and_says_so() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (one, two) = (app(data.path()), app(data.path()));
    let (root, mine) = project(&one, folder.path(), "p");
    let (_, other) = project(&two, folder.path(), "q");
    assert_eq!(call(&two, "open_project", json!({ "path": root }))["id"], mine);
    wait(&two, "open there too", || rows(&two, &mine).len() == 2);
    let events = two.subscribe();
    call(&one, "forget_project", json!({ "project": mine }));
    // What comes in meanwhile comes to nothing.
    log(&root.join("c.csv"), 50);
    let end = Instant::now() + Duration::from_secs(60);
    let mut said = Vec::new();
    while !said.iter().any(|event: &Value| {
        event["type"] == "notice" && event["message"].as_str().is_some_and(|text| text.contains("p was forgotten"))
    }) {
        assert!(Instant::now() < end, "{said:?}");
        if let Ok(text) = events.recv_timeout(Duration::from_millis(200)) {
            said.push(serde_json::from_str(&text).expect("JSON"));
        }
    }
    assert!(two.call("columns", json!({ "project": mine })).is_err(), "it is closed");
    assert_eq!(rows(&two, &other).len(), 2, "the other project is open as before");
    wait(&one, "nothing is left", || nothing_is_left(data.path()));
    let view = call(&two, "storage", json!({}));
    assert_eq!(view["projects"].as_array().map(Vec::len), Some(1), "{view}");
    one.shutdown();
    two.shutdown();
}

#[test]
fn what_was_cut_short_goes_on_at_the_next_start() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let first = app(data.path());
    let (_, mine) = project(&first, folder.path(), "p");
    first.shutdown();
    drop(first);
    // As it stands when the window is killed just then.
    let id = signalbox_types::ProjectId(u32::try_from(mine.as_u64().expect("an id")).expect("small"));
    let what = Forgetting { name: "p".into(), n_runs: 2, ..Forgetting::default() };
    Store::open(&data.path().join("signalbox.db")).expect("opens").begin_forgetting(id, &what).expect("begun");
    assert!(!nothing_is_left(data.path()));
    let again = app(data.path());
    assert_eq!(call(&again, "projects", json!({})), json!([]), "it is not shown half");
    wait(&again, "nothing is left", || nothing_is_left(data.path()));
    again.shutdown();
}

#[test]
fn gone_runs_leave_an_open_project_and_come_back_with_their_file() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    let (root, mine) = project(&app, folder.path(), "p");
    assert_eq!(call(&app, "forget_gone_runs", json!({ "project": mine })), json!(0));
    std::fs::remove_file(root.join("a.csv")).expect("removed");
    let plan = || call(&app, "forget_plan", json!({ "project": mine, "gone_only": true }));
    wait(&app, "it is seen to be gone", || numbers(&plan(), "goes").first().is_some_and(|(_, n)| *n == 1));
    assert_eq!(numbers(&plan(), "lost"), [("points whose files are gone".into(), 9000)]);
    assert_eq!(call(&app, "forget_gone_runs", json!({ "project": mine })), json!(1));
    assert_eq!(rows(&app, &mine).len(), 1);
    wait(&app, "nothing is left", || nothing_is_left(data.path()));
    let found = call(&app, "storage", json!({}));
    let found = row(&found, &mine).expect("listed");
    assert_eq!((&found["n_runs"], &found["n_points"], &found["n_gone_runs"]), (&1.into(), &20.into(), &0.into()));
    log(&root.join("a.csv"), 5000);
    wait(&app, "it is back", || rows(&app, &mine).len() == 2);
    wait(&app, "with every point", || {
        let found = call(&app, "storage", json!({}));
        row(&found, &mine).is_some_and(|row| row["n_points"] == 5020)
    });
    app.shutdown();
}

#[test]
fn free_pages_are_given_back_beside_an_open_project() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    let (root, mine) = project(&app, folder.path(), "p");
    let (_, other) = project(&app, folder.path(), "q");
    log(&root.join("long.csv"), 300_000);
    wait(&app, "the long one is read", || {
        let view = call(&app, "storage", json!({}));
        row(&view, &mine).is_some_and(|row| row["n_points"] == 309_020)
    });
    call(&app, "forget_project", json!({ "project": mine }));
    wait(&app, "nothing is left", || nothing_is_left(data.path()));
    let view = call(&app, "storage", json!({}));
    assert!(view["compact"]["free_bytes"].as_u64() > Some(500_000), "{}", view["compact"]);
    assert_eq!((&view["compact"]["in_steps"], &view["compact"]["refused"]), (&true.into(), &Value::Null));
    let done = call(&app, "compact", json!({}));
    assert!(done["after_bytes"].as_u64() < done["before_bytes"].as_u64(), "{done}");
    assert_eq!(done["left_bytes"], 0);
    assert_eq!(rows(&app, &other).len(), 2);
    let parts = call(&app, "storage", json!({}))["parts"].clone();
    assert!(!parts.as_array().expect("parts").iter().any(|part| part["kind"] == "free"), "{parts}");
    app.shutdown();
}
