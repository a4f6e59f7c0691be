//! MLflow's pictures over steps, through the app's commands: found among a run's artifacts when somebody looks.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_app::{App, Options};

fn call(app: &App, name: &str, args: Value) -> Value {
    app.call(name, args).unwrap_or_else(|e| panic!("{name}: {}", e.message))
}

/// Until the run has a page, at most a minute.
fn run_of(app: &App, project: &Value) -> Value {
    let query = json!({ "project": project, "filter": "", "sort": [], "columns": [], "offset": 0, "limit": 10,
                        "show_deleted": false, "show_hidden": false });
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let page = call(app, "table", query.clone());
        if let Some(row) = page["rows"].get(0) {
            return row["id"].clone();
        }
        assert!(Instant::now() < end, "no run within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn put(images: &Path, key: &str, step: i64, millis: i64) {
    let name = format!("{key}+step+{step}+timestamp+{millis}+0c5e");
    fs::write(images.join(format!("{name}.png")), format!("{key} {step} {millis}")).expect("written");
    fs::write(images.join(format!("{name}+compressed.webp")), "small").expect("written");
}

#[test]
fn pictures_are_listed_by_key_and_read_by_step() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    let run = root.join("mlruns/0/0123456789abcdef0123456789abcdef");
    let images = run.join("artifacts/images");
    for dir in [&images, &run.join("tags"), &run.join("params"), &run.join("metrics")] {
        fs::create_dir_all(dir).expect("made");
    }
    fs::write(run.join("meta.yaml"), "run_id: 0123456789abcdef0123456789abcdef\nrun_uuid: 0123456789abcdef0123456789abcdef\nrun_name: seen\nstatus: 3\n")
        .expect("written");
    fs::write(
        root.join("mlruns/0/meta.yaml"),
        "experiment_id: '0'\nname: Default\nlifecycle_stage: active\nartifact_location: mlruns/0\n",
    )
    .expect("written");
    fs::write(run.join("tags/mlflow.loggedImages"), "True").expect("written");
    put(&images, "val~dogs", 7, 2_000);
    put(&images, "val~dogs", 3, 1_000);
    put(&images, "val~dogs", 3, 1_500);
    let app = App::open(Options::alone(data.path(), "test")).expect("the app opens");
    let project = call(&app, "open_project", json!({ "path": root }))["id"].clone();
    let run = run_of(&app, &project);
    let media = || call(&app, "run", json!({ "run": run }))["media"].clone();
    let dogs = media()[0].clone();
    assert_eq!((&dogs["name"], &dogs["kind"], &dogs["n"]), (&json!("val/dogs"), &json!("image"), &json!(3)));
    assert_eq!((&dogs["first_step"], &dogs["last_step"]), (&json!(3), &json!(7)));
    // A key that comes later takes no number that another has, wherever its name stands.
    put(&images, "cats", 0, 3_000);
    let names: Vec<Value> = media().as_array().expect("tags").iter().map(|tag| tag["name"].clone()).collect();
    assert_eq!(names, ["cats", "val/dogs"]);
    assert_eq!(media()[1]["tag"], dogs["tag"]);
    let items = |tag: &Value| call(&app, "media", json!({ "tag": tag }))["items"].clone();
    let listed = items(&dogs["tag"]);
    let places: Vec<_> =
        listed.as_array().expect("items").iter().map(|i| (i["step"].clone(), i["index"].clone())).collect();
    assert_eq!(places, [(json!(3), json!(0)), (json!(3), json!(1)), (json!(7), json!(0))]);
    assert_eq!(listed[1]["time"], json!(1.5));
    let bytes = |tag: &Value, item: &Value| {
        let at = json!({ "tag": tag, "step": item["step"], "part": item["part"], "index": item["index"], "offset": item["offset"] });
        app.blob("media", at).map(|bytes| String::from_utf8(bytes).expect("text"))
    };
    for (item, holds) in [(0, "val~dogs 3 1000"), (1, "val~dogs 3 1500"), (2, "val~dogs 7 2000")] {
        assert_eq!(bytes(&dogs["tag"], &listed[item]).expect("bytes"), holds);
    }
    assert_eq!(bytes(&media()[0]["tag"], &items(&media()[0]["tag"])[0]).expect("bytes"), "cats 0 3000");
    // Gone since it was listed; and a tag of nobody's.
    fs::remove_dir_all(&images).expect("removed");
    assert!(bytes(&dogs["tag"], &listed[0]).is_err());
    assert_eq!(media(), json!([]));
    assert_eq!(items(&dogs["tag"]), json!([]));
    assert!(app.call("media", json!({ "tag": i64::MIN })).is_err());
    app.shutdown();
}
