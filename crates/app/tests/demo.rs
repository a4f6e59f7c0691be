//! The demo project through the app's commands, as a shell would use them: opened, read, queried, followed.

use serde_json::{Value, json};
use signalbox_app::{App, Offline, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo").canonicalize().expect("assets/demo")
}

fn app(data: &Path) -> App {
    App::open(Options { demo_path: Some(demo()), ..Options::alone(data, "test") }).expect("the app opens")
}

/// Waits for the event stream to bring about what `done` sees.
fn wait(app: &App, what: &str, done: impl Fn() -> bool) {
    let events = app.subscribe();
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        let left = end.checked_duration_since(Instant::now()).unwrap_or_else(|| panic!("{what}: not within 60 s"));
        let _ = events.recv_timeout(left.min(Duration::from_millis(500)));
    }
}

fn table(app: &App, project: &Value, filter: &str) -> Value {
    app.call(
        "table",
        json!({ "project": project, "filter": filter, "sort": [], "columns": [{ "key": "attr:source", "stat": null }],
                "offset": 0, "limit": 100, "show_deleted": false, "show_hidden": false }),
    )
    .expect("a page")
}

#[test]
fn the_demo_opens_and_answers() {
    let data = tempfile::tempdir().expect("a temp dir");
    let app = app(data.path());
    let project = app.call("open_demo", json!({})).expect("the demo opens");
    let id = &project["id"];
    wait(&app, "the scan ends", || {
        let status = app.call("status", json!({})).expect("a status");
        status["projects"][0]["scanning"] == false && status["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    wait(&app, "runs are listed", || table(&app, id, "")["matched"].as_u64() > Some(10));

    // The demo was written elsewhere: what its databases say of artifacts is an absolute path of that place.
    let named = "attributes.name = 'mlp-lr0.01-w16'";
    wait(&app, "a run of the database", || table(&app, id, named)["matched"] == 1);
    let moved = table(&app, id, named);
    let files =
        app.call("artifacts", json!({ "run": moved["rows"][0]["id"], "path": "" })).expect("its artifacts").to_string();
    assert!(files.contains("report.json") && files.contains("predictions.csv"), "{files}");

    // So is what they say of logged models, whose files lie beside the runs.
    for (run, model) in
        [("final", ":m-cbc1ea6f1cc44d3d8a5fe207f9030153"), ("release", ":m-4efc91ea8de9425daebc8c8d6ddc7528")]
    {
        let named = format!("attributes.name = '{run}'");
        wait(&app, "the run", || table(&app, id, &named)["matched"] == 1);
        let run = table(&app, id, &named)["rows"][0]["id"].clone();
        let files = app.call("artifacts", json!({ "run": run, "path": model })).expect("the model's files").to_string();
        assert!(files.contains(&format!("{model}/MLmodel")), "{files}");
        let args = json!({ "run": run, "path": format!("{model}/MLmodel"), "max_bytes": 5000 });
        assert!(String::from_utf8_lossy(&app.blob("artifact", args).expect("the file")).contains("flavors:"));
    }

    let page = table(&app, id, "");
    let sources: std::collections::BTreeSet<&str> =
        page["rows"].as_array().expect("rows").iter().filter_map(|r| r["cells"][0].as_str()).collect();
    assert!(sources.contains("TensorBoard") && sources.contains("MLflow"), "{sources:?}");

    let metrics = app.call("metrics", json!({ "project": id, "runs": null })).expect("metrics");
    let metric = metrics.as_array().expect("a list").iter().max_by_key(|m| m["n_runs"].as_u64()).expect("a metric");
    let name = metric["name"].as_str().expect("a name");
    // The counts are of all runs, those in MLflow's bin too.
    let ids = app
        .call(
            "table_ids",
            json!({ "project": id, "filter": format!("n(metrics.\"{name}\") > 0"), "sort": [],
                                   "show_deleted": true, "show_hidden": false, "limit": 100 }),
        )
        .expect("ids");
    let n = ids["ids"].as_array().expect("a list").len();
    assert_eq!(n as u64, metric["n_runs"].as_u64().expect("a count"));
    for x in ["step", "relative", "wall"] {
        for kind in ["none", "ema", "gaussian", "mean"] {
            let frame = app
                .frame(json!({ "project": id, "metric": name, "runs": ids["ids"], "x": x, "x0": null, "x1": null,
                               "width": 600, "smooth": { "kind": kind, "amount": 0.6 } }))
                .expect("a frame");
            assert_eq!(
                (&frame[..4], u32::from_le_bytes(frame[8..12].try_into().expect("4"))),
                (&b"SBF1"[..], n as u32)
            );
        }
    }
    let run = &ids["ids"][0];
    let detail = app.call("run", json!({ "run": run })).expect("a run's page");
    assert!(!detail["metrics"].as_array().expect("metrics").is_empty());
    assert!(!detail["state_why"].as_str().expect("why").is_empty());

    app.call("annotate", json!({ "runs": [run], "name": "mine", "add_tags": ["good"], "note": "n", "pinned": true }))
        .expect("annotated");
    let mine = table(&app, id, "label = good and name = mine");
    assert_eq!((mine["matched"].as_u64(), mine["rows"][0]["pinned"].as_bool()), (Some(1), Some(true)));
    app.call("annotate", json!({ "runs": [run], "name": null })).expect("annotated");
    assert_eq!(table(&app, id, "name = mine")["matched"], 0);

    for format in ["csv", "svg", "png"] {
        let args = json!({ "name": "x", "format": format, "project": id, "runs": ids["ids"], "metrics": [name],
                           "x": "step", "smooth": { "kind": "ema", "amount": 0.5 }, "log_y": false, "dark": true });
        assert!(app.blob("export", args).expect(format).len() > 500, "{format}");
    }
    let wrong = app.call("check_filter", json!({ "project": id, "filter": "loss <" })).expect("an answer");
    assert_eq!((&wrong["ok"], &wrong["error"]["detail"]["start"]), (&json!(false), &json!(0)));
    assert_eq!(app.call("nonsense", json!({})).expect_err("unknown").code, signalbox_app::ErrorCode::BadRequest);
    app.shutdown();

    // A second start knows the project and its annotations without reading a byte of it again.
    let again = self::app(data.path());
    let recent = again.call("projects", json!({})).expect("projects");
    assert_eq!(recent[0]["path"], project["path"]);
    again.call("open_project", json!({ "path": project["path"] })).expect("opens");
    assert_eq!(table(&again, id, "label = good")["matched"], 1);
    again.shutdown();
}

#[test]
fn a_growing_log_is_followed() {
    use std::io::Write;
    let data = tempfile::tempdir().expect("a temp dir");
    let folder = tempfile::tempdir().expect("a temp dir");
    let path = folder.path().join("log.csv");
    std::fs::write(&path, "step,loss\n0,1.0\n1,0.5\n").expect("written");
    let app = app(data.path());
    let project = app.call("open_project", json!({ "path": folder.path() })).expect("opens");
    let last = |app: &App| -> Option<f64> {
        let page = app
            .call(
                "table",
                json!({ "project": project["id"], "filter": "", "sort": [],
                "columns": [{ "key": "metric:loss", "stat": "last" }], "offset": 0, "limit": 10,
                "show_deleted": false, "show_hidden": false }),
            )
            .expect("a page");
        page["rows"][0]["cells"][0].as_f64()
    };
    wait(&app, "the first points", || last(&app) == Some(0.5));
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("opens");
    file.write_all(b"2,0.25\n3,nan\n4,0.125\n").expect("written");
    wait(&app, "the new points", || last(&app) == Some(0.125));
    std::fs::write(folder.path().join("second.jsonl"), "{\"step\": 0, \"loss\": 3}\n{\"step\": 1, \"loss\": NaN}\n")
        .expect("written");
    wait(&app, "a new source", || table(&app, &project["id"], "")["matched"] == 2);
    app.shutdown();
}

#[cfg(target_os = "linux")]
#[test]
fn a_quiet_training_is_seen_to_live_when_its_project_is_opened_again() {
    let (data, folder) = (tempfile::tempdir().expect("a temp dir"), tempfile::tempdir().expect("a temp dir"));
    let path = folder.path().join("log.csv");
    std::fs::write(&path, "step,loss\n0,1.0\n1,0.5\n2,0.25\n").expect("written");
    let held = std::fs::OpenOptions::new().append(true).open(&path).expect("opens");
    let quiet = std::time::SystemTime::now() - Duration::from_secs(600);
    held.set_modified(quiet).expect("its time is set");
    let mut child = std::process::Command::new("sleep").arg("300").stdout(held).spawn().expect("sleep runs");
    let seen = |app: &App, project: &Value| {
        wait(app, "a sign of life", || {
            let page = table(app, &project["id"], "");
            page["rows"][0]["status"] == "running"
        });
        let page = table(app, &project["id"], "");
        let run = app.call("run", json!({ "run": page["rows"][0]["id"] })).expect("a run");
        let why = run["state_why"].as_str().expect("a sentence").to_owned();
        assert!(why.contains("(sleep) holds log.csv open"), "{why}");
    };
    for _ in 0..2 {
        let app = app(data.path());
        let project = app.call("open_project", json!({ "path": folder.path() })).expect("opens");
        seen(&app, &project);
        app.shutdown();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn the_document_is_the_promised_one() {
    let read = Offline::read(&demo(), &|_| {}).expect("the demo is read");
    let json = |filter: &str| {
        let mut text = String::new();
        let taken = read.document(filter, |piece| {
            text.push_str(piece);
            Ok::<(), std::convert::Infallible>(())
        });
        taken.map(|_| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"))
    };
    let document = json("").expect("a document");
    let runs = document["runs"].as_array().expect("runs");
    assert!(runs.len() > 10);
    let mut ids = std::collections::BTreeSet::new();
    for run in runs {
        assert!(ids.insert(run["id"].as_str().expect("an id")), "{run}");
        let found = read.find(run["id"].as_str().expect("an id")).expect("a run");
        assert_eq!(read.run(found).expect("the run"), *run);
        assert!(run["sources"][0]["format"].is_string() && run["sources"][0]["path"].is_string());
        assert!(run["params"].is_object() && run["tags"].is_object() && run["status"].is_string());
        for (name, m) in run["metrics"].as_object().expect("metrics") {
            assert!(m["n"].as_u64() > Some(0) && m["last_step"].is_i64() && m["first_step"].is_i64(), "{name}: {m}");
        }
    }
    let some = json("source = TensorBoard").expect("a document");
    assert!(some["runs"].as_array().expect("runs").len() < runs.len());
    assert_eq!(json("loss <").expect_err("wrong").code, signalbox_app::ErrorCode::BadFilter);
}

#[test]
fn the_code_of_a_run_is_what_it_was_when_the_run_began() {
    let (data, folder) = (tempfile::tempdir().expect("a temp dir"), tempfile::tempdir().expect("a temp dir"));
    let root = folder.path().canonicalize().expect("a path");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"];
        let done = std::process::Command::new("git").current_dir(&root).args(identity).args(args).output();
        let done = done.expect("git runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text").trim().to_owned()
    };
    git(&["init", "-q"]);
    std::fs::write(root.join("train.py"), "lr = 0.1\n").expect("written");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    // It says that it began an hour ago, and still runs.
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let old = format!(
        "{{\"step\": 0, \"loss\": 1.0, \"timestamp\": {}}}\n{{\"step\": 1, \"loss\": 0.5, \"timestamp\": {clock}}}\n",
        clock - 3600
    );
    std::fs::write(root.join("old.jsonl"), old).expect("written");
    let app = app(data.path());
    let project = app.call("open_project", json!({ "path": root })).expect("opens");
    wait(&app, "the old run", || table(&app, &project["id"], "")["matched"] == 1);
    // What is changed now is what the next run runs.
    std::fs::write(root.join("train.py"), "lr = 0.2\napi_key = 'abcdef'\n").expect("written");
    std::fs::write(root.join("new.csv"), "step,loss\n0,1.0\n1,0.5\n").expect("written");
    wait(&app, "the new run", || table(&app, &project["id"], "")["matched"] == 2);
    let run = |name: &str| {
        let page = table(&app, &project["id"], "");
        let rows = page["rows"].as_array().expect("rows").clone();
        rows.iter().find(|row| row["name"] == name).expect("a run")["id"].clone()
    };
    let code = |name: &str| app.call("code", json!({ "run": run(name) })).expect("an answer");
    wait(&app, "what the code was", || !code("new.csv").is_null());
    let code = code("new.csv");
    assert_eq!(code["commit"], git(&["rev-parse", "HEAD"]));
    assert_eq!((&code["title"], &code["branch"]), (&json!("first"), &json!("main")));
    let patch = code["patch"]["text"].as_str().expect("a patch");
    assert!(patch.contains("\n-lr = 0.1\n+lr = 0.2\n"), "{patch}");
    assert!(!code.to_string().contains("abcdef"), "{code}");
    let page = table(&app, &project["id"], "");
    let old = page["rows"].as_array().expect("rows").iter().find(|row| row["name"] == "old.jsonl").expect("a run");
    assert_eq!(old["status"], "running");
    assert_eq!(
        app.call("code", json!({ "run": old["id"] })).expect("an answer"),
        Value::Null,
        "it ran with other code"
    );
    app.shutdown();
}
