//! The demo's data through the app's commands: a monitor is suggested, finds the shift, follows new files, and is kept.

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo").canonicalize().expect("assets/demo")
}

fn app(data: &Path) -> App {
    App::open(Options::alone(data, "test")).expect("the app opens")
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

/// A project of the demo's data alone.
fn project(root: &Path) {
    for name in ["data", "inference"] {
        copied(&demo().join("wine").join(name), &root.join("wine").join(name));
    }
    std::fs::copy(demo().join("wine/labels.parquet"), root.join("wine/labels.parquet")).expect("labels");
}

fn watching(app: &App, project: &Value, name: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let view = app.call("data_monitor", json!({ "project": project, "name": name })).expect("a view");
        match view["row"]["state"].as_str() {
            Some("watching") => return view,
            Some("failed") => panic!("{view}"),
            _ => {}
        }
        assert!(Instant::now() < end, "not within two minutes: {}", view["row"]);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn line<'a>(view: &'a Value, column: &str) -> &'a Value {
    let columns = view["timeline"]["columns"].as_array().expect("columns");
    columns.iter().find(|line| line["name"] == column).unwrap_or_else(|| panic!("no {column}"))
}

/// Hours since 1970 of a day in 2026.
fn hour(month: i64, day: i64) -> i64 {
    signalbox_types::days_from_civil(2026, month, day) * 24
}

#[test]
fn a_monitor_is_suggested_finds_the_shift_and_follows() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    project(&root);
    let app = app(data.path());
    let opened = app.call("open_project", json!({ "path": root })).expect("it opens");
    let id = opened["id"].clone();

    let overview = app.call("data_overview", json!({})).expect("an overview");
    let paths: Vec<&str> =
        overview["sources"].as_array().expect("sources").iter().filter_map(|s| s["path"].as_str()).collect();
    assert_eq!(paths, ["wine/data/test.parquet", "wine/data/train.parquet", "wine/inference", "wine/labels.parquet"]);
    let suggested = &overview["suggested"][0];
    let definition = suggested["definition"].clone();
    assert_eq!(definition["reference"], "wine/data/test.parquet", "{suggested}");
    assert_eq!(definition["current"], "wine/inference");
    assert_eq!(definition["labels"], "wine/labels.parquet");
    assert_eq!(
        (
            &definition["time"],
            &definition["segment"],
            &definition["prediction"],
            &definition["label"],
            &definition["id"]
        ),
        (&json!("ts"), &json!("site"), &json!("prediction"), &json!("label"), &json!("request_id"))
    );

    let save = |name: &str| app.call("save_monitor", json!({ "project": id, "name": name, "definition": definition }));
    assert!(save("../x").is_err(), "no path is a name");
    save("wine").expect("saved");
    let view = watching(&app, &id, "wine");
    assert_eq!(view["row"]["files"], 140);
    assert_eq!(view["row"]["rows"], 18_854, "each row once: {}", view["row"]);
    assert_eq!(view["row"]["n_lost"], 0, "{}", view["problems"]);
    assert_eq!(view["n_timeless"], 0);
    assert_eq!(view["timeline"]["segments"], json!(["alba", "asti", "cuneo"]));

    // In one laboratory alone, from the third of November.
    let window = |segment: &str, from: i64, till: i64| {
        let query = json!({ "project": id, "name": "wine", "segment": segment, "from": from, "till": till });
        app.call("data_window", query).expect("a window")
    };
    let verdict = |window: &Value, column: &str| {
        let columns = window["columns"].as_array().expect("columns");
        columns.iter().find(|c| c["name"] == column).unwrap_or_else(|| panic!("no {column}"))["verdict"].clone()
    };
    let (before, after) = (window("asti", hour(10, 12), hour(11, 3)), window("asti", hour(11, 3), hour(11, 16)));
    assert_eq!(
        (&verdict(&before, "color_intensity"), &verdict(&after, "color_intensity")),
        (&json!("no_drift"), &json!("drift"))
    );
    assert_eq!(
        (&verdict(&before, "proline"), &verdict(&after, "proline")),
        (&json!("no_drift"), &json!("drift")),
        "its nulls"
    );
    assert_eq!(verdict(&after, "hue"), "no_drift");
    assert_eq!(verdict(&window("alba", hour(11, 3), hour(11, 16)), "color_intensity"), "no_drift");
    let bottling =
        after["columns"].as_array().expect("columns").iter().find(|c| c["name"] == "bottling").expect("bottling");
    assert_eq!(bottling["new_levels"][0]["level"], "can");

    // Labels come late; the estimate does not wait for them.
    let quality = view["timeline"]["quality"].as_array().expect("quality");
    let (first, last) = (&quality[0], quality.last().expect("a bucket"));
    assert!(first["labelled"].as_u64() > Some(0) && first["accuracy"].as_f64() > Some(0.85), "{first}");
    assert!(last["labelled"].as_u64() < last["rows"].as_u64(), "{last}");
    assert!(last["estimate"].as_f64().is_some_and(|value| (0.5..1.0).contains(&value)), "{last}");
    assert_eq!(view["timeline"]["fairness"][0]["attribute"], "grower");
    let alert = &view["row"]["alert"]["columns"];
    assert!(alert.to_string().contains("color_intensity"), "{alert}");
    assert!(!alert.to_string().contains("in alba") && !alert.to_string().contains("in cuneo"), "{alert}");

    // A new file is on the screen within a second or so.
    let newest = root.join("wine/inference/date=2026-11-15/hour=18.parquet");
    let bytes = std::fs::read(&newest).expect("read");
    let began = Instant::now();
    std::fs::write(root.join("wine/inference/date=2026-11-15/again.parquet"), bytes).expect("written");
    let rows = || watching(&app, &id, "wine")["row"]["rows"].as_u64();
    while rows() == Some(18_854) {
        assert!(began.elapsed() < Duration::from_secs(10), "a new file is not seen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    std::fs::remove_file(root.join("wine/inference/date=2026-11-15/again.parquet")).expect("removed");
    while rows() != Some(18_854) {
        assert!(began.elapsed() < Duration::from_secs(20), "a file that has gone keeps its rows");
        std::thread::sleep(Duration::from_millis(20));
    }
    eprintln!("a new file was counted after {took:?}");

    app.call("ack_alert", json!({ "project": id, "name": "wine" })).expect("acknowledged");
    assert_eq!(watching(&app, &id, "wine")["row"]["alert"]["acknowledged"], true);
    app.shutdown();
    drop(app);

    // It is kept, with all that was counted.
    let app = self::app(data.path());
    let id = app.call("open_project", json!({ "path": root })).expect("it opens")["id"].clone();
    let again = watching(&app, &id, "wine");
    assert_eq!(line(&again, "color_intensity"), line(&view, "color_intensity"), "counted once, the same for ever");
    assert_eq!(again["row"]["alert"]["acknowledged"], true);
    app.call("forget_monitor", json!({ "project": id, "name": "wine" })).expect("forgotten");
    assert!(app.call("data_monitor", json!({ "project": id, "name": "wine" })).is_err());
}

#[test]
fn a_policy_of_strangers_names_data_within_the_project_only() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    let policy = "[data.out]\nreference = \"/etc/passwd\"\ncurrent = \"../x\"\n[data.typo]\nreferense = \"a\"\n[data.ruled]\nreference = \"a\"\ncurrent = \"b\"\nmin_rows = 1\n[data.ruled.columns.x]\nmax = 1.0\n";
    std::fs::write(root.join("signalbox.toml"), policy).expect("written");
    let app = app(data.path());
    app.call("open_project", json!({ "path": root })).expect("it opens");
    let overview = app.call("data_overview", json!({})).expect("an overview");
    let told: Vec<&str> =
        overview["monitors"].as_array().expect("monitors").iter().filter_map(|row| row["trouble"].as_str()).collect();
    assert!(told.iter().any(|why| why.contains("within the project only")), "{told:?}");
    // Rules stand in the same table, and are not the monitor's to read.
    assert!(!told.iter().any(|why| why.contains("min_rows") || why.contains("columns")), "{told:?}");
    assert!(told.iter().any(|why| why.contains("referense")), "{told:?}");
    let failed = overview["monitors"].as_array().expect("monitors").iter().filter(|row| row["state"] == "failed");
    assert!(failed.count() >= 2);
}

/// 300 rows of training data; `n` of a log of two hours, whose labels come later.
fn small(root: &Path, n: usize) {
    let train: String = (0..300).map(|at| format!("{at},{},a,a\n", at % 17)).collect();
    std::fs::write(root.join("train.csv"), format!("id,x,prediction,label\n{train}")).expect("written");
    std::fs::create_dir_all(root.join("log")).expect("a folder");
    let rows: String = (0..n).map(|at| format!("2026-11-01T{:02}:00:00Z,n{at},{},a\n", at % 2, at % 17)).collect();
    std::fs::write(root.join("log/one.csv"), format!("ts,id,x,prediction\n{rows}")).expect("written");
}

fn labels(root: &Path, n: usize, label: &str) {
    let rows: String = (0..n).map(|at| format!("n{at},{label}\n")).collect();
    std::fs::write(root.join("coming.csv"), format!("id,label\n{rows}")).expect("written");
    std::fs::rename(root.join("coming.csv"), root.join("labels.csv")).expect("in place");
}

const SMALL: &str = "[data.small]\nreference = \"train.csv\"\ncurrent = \"log\"\ntime = \"ts\"\nid = \"id\"\n\
                     prediction = \"prediction\"\nlabel = \"label\"\nlabels = \"labels.csv\"\n";

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn corrected_labels_reach_files_that_had_all_of_theirs_and_few_rows_are_no_calm() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    small(&root, 80);
    labels(&root, 80, "a");
    std::fs::write(root.join("signalbox.toml"), SMALL).expect("written");
    let app = app(data.path());
    let id = app.call("open_project", json!({ "path": root })).expect("it opens")["id"].clone();
    let right = || {
        let view = watching(&app, &id, "small");
        let points = view["timeline"]["quality"].as_array().cloned().unwrap_or_default();
        let labelled: u64 = points.iter().filter_map(|point| point["labelled"].as_u64()).sum();
        let right: f64 = points.iter().filter_map(|p| Some(p["accuracy"].as_f64()? * p["labelled"].as_f64()?)).sum();
        (labelled, right.round() as u64)
    };
    until("all are right", || right() == (80, 80));
    assert_eq!(watching(&app, &id, "small")["row"]["judged"], false, "80 rows say nothing");
    labels(&root, 80, "b");
    until("none is", || right() == (80, 0));
    app.shutdown();
    drop(app);
    // While nobody looked, too.
    labels(&root, 80, "a");
    let app = self::app(data.path());
    let id = app.call("open_project", json!({ "path": root })).expect("it opens")["id"].clone();
    let view = watching(&app, &id, "small");
    let points = view["timeline"]["quality"].as_array().expect("quality");
    assert!(points.iter().all(|point| point["accuracy"].as_f64().is_none_or(|right| right > 0.99)), "{points:?}");
}

#[test]
fn a_teams_file_that_comes_later_is_followed_and_what_is_forgotten_is_gone() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    small(&root, 400);
    labels(&root, 400, "a");
    let app = app(data.path());
    let id = app.call("open_project", json!({ "path": root })).expect("it opens")["id"].clone();
    let mine = json!({ "reference": "train.csv", "current": "log", "time": "ts" });
    app.call("save_monitor", json!({ "project": id, "name": "mine", "definition": mine })).expect("saved");
    assert_eq!(watching(&app, &id, "mine")["row"]["judged"], true);
    // The clock that looks at it has seen that there is none.
    std::thread::sleep(Duration::from_millis(2200));
    let news = app.subscribe();
    let rules = "[data.mine]\nmin_rows = 10\n\n[data.rules]\nmin_rows = 10\n";
    std::fs::write(root.join("signalbox.toml"), format!("{SMALL}\n{rules}")).expect("written");
    until("the page hears of it", || {
        news.try_iter().any(|text| text.contains(r#""type":"data""#) && text.contains("small"))
    });
    // Rules alone watch nothing, and hide nothing that is watched.
    let rows = app.call("data_monitors", json!({ "project": id })).expect("rows");
    let names: Vec<&str> = rows.as_array().expect("rows").iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["mine", "small"]);
    assert!(rows.as_array().expect("rows").iter().all(|row| row["state"] != "failed"), "{rows}");
    app.call("forget_project", json!({ "project": id })).expect("forgotten");
    std::fs::remove_file(root.join("signalbox.toml")).expect("removed");
    let id = app.call("open_project", json!({ "path": root })).expect("it opens")["id"].clone();
    assert_eq!(app.call("data_monitors", json!({ "project": id })).expect("rows"), json!([]));
    app.shutdown();
}
