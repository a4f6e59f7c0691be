//! One training that two tools recorded, through the app's commands: one row, every point, apart by a person's word.

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn app(data: &Path) -> App {
    App::open(Options::alone(data, "test")).expect("the app opens")
}

fn call(app: &App, name: &str, args: Value) -> Value {
    app.call(name, args).unwrap_or_else(|e| panic!("{name}: {}", e.message))
}

fn rows(app: &App, project: &Value) -> Vec<Value> {
    let columns = json!([{ "key": "metric:loss", "stat": "last" }, { "key": "metric:lr", "stat": "last" }]);
    let page = call(
        app,
        "table",
        json!({ "project": project, "filter": "", "sort": [], "columns": columns,
                "offset": 0, "limit": 100, "show_deleted": false, "show_hidden": false }),
    );
    page["rows"].as_array().expect("rows").clone()
}

fn wait(app: &App, what: &str, done: impl Fn() -> bool) {
    let events = app.subscribe();
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "{what}: not within 60 s");
        let _ = events.recv_timeout(Duration::from_millis(200));
    }
}

fn loss(step: u32) -> f64 {
    1.0 / f64::from(step + 1)
}

fn csv(steps: std::ops::Range<u32>) -> String {
    steps.fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{step},{}", loss(step));
        text
    })
}

fn json_lines(steps: std::ops::Range<u32>) -> String {
    steps.fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{{\"step\": {step}, \"train/loss\": {}, \"lr\": 0.{step}}}", loss(step));
        text
    })
}

#[test]
fn what_two_tools_recorded_is_one_run_until_a_person_says_otherwise() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    std::fs::create_dir(root.join("a")).expect("made");
    let (log, lines) = (root.join("a/log.csv"), root.join("a/train.jsonl"));
    std::fs::write(&log, format!("step,loss\n{}", csv(0..8))).expect("written");
    std::fs::write(&lines, json_lines(0..8)).expect("written");
    let opened = app(data.path());
    let project = call(&opened, "open_project", json!({ "path": root }))["id"].clone();
    let last = |app: &App, row: usize, cell: usize| rows(app, &project).get(row).map(|row| row["cells"][cell].clone());
    wait(&opened, "one run", || {
        rows(&opened, &project).len() == 1 && last(&opened, 0, 1).is_some_and(|lr| lr == json!(0.7))
    });
    assert_eq!(last(&opened, 0, 0), Some(json!(loss(7))));
    let id = rows(&opened, &project)[0]["id"].clone();
    let page = call(&opened, "run", json!({ "run": id }));
    let sources = page["sources"].as_array().expect("sources").clone();
    assert_eq!(sources.len(), 2, "{page}");
    assert!(sources[1]["why"].as_str().is_some_and(|why| why.contains("loss")), "{}", sources[1]);
    assert_eq!(sources[0]["differs"], json!([]));

    // Each metric's points are where they were logged, under the run's one id.
    for metric in ["loss", "train/loss", "lr"] {
        let args = json!({ "project": project, "metric": metric, "runs": [id], "x": "step", "x0": null, "x1": null,
                           "width": 100, "smooth": { "kind": "none", "amount": 0.0 } });
        let frame = opened.frame(args).expect("a frame");
        let word = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().expect("four bytes"));
        assert_eq!((&frame[..4], word(8), word(32)), (&b"SBF1"[..], 1, id.as_u64().expect("an id") as u32), "{metric}");
    }
    let text = call(&opened, "export_csv", json!({ "project": project, "runs": [id], "metrics": [] }))["text"].clone();
    assert_eq!(text.as_str().map(|text| text.lines().count()), Some(1 + 3 * 8), "{text}");

    // It grows on both sides, and stays one.
    std::fs::write(&log, format!("step,loss\n{}", csv(0..12))).expect("written");
    std::fs::write(&lines, json_lines(0..12)).expect("written");
    wait(&opened, "both have grown", || {
        last(&opened, 0, 0) == Some(json!(loss(11))) && last(&opened, 0, 1) == Some(json!(0.11))
    });
    assert_eq!(rows(&opened, &project).len(), 1);

    call(&opened, "split_run", json!({ "project": project, "record": sources[1]["run"] }));
    assert_eq!(rows(&opened, &project).len(), 2);
    opened.shutdown();
    drop(opened);
    let again = app(data.path());
    call(&again, "open_project", json!({ "path": root }));
    assert_eq!(rows(&again, &project).len(), 2, "what was said is kept");
    let ids: Vec<Value> = rows(&again, &project).iter().map(|row| row["id"].clone()).collect();
    let alone = again.call("join_runs", json!({ "project": project, "runs": [ids[0]] }));
    assert!(alone.is_err_and(|e| e.message.contains("Two runs")));
    call(&again, "join_runs", json!({ "project": project, "runs": ids }));
    let joined = call(&again, "run", json!({ "run": ids[1] }));
    assert_eq!((rows(&again, &project).len(), joined["sources"].as_array().map(Vec::len)), (1, Some(2)));
    assert_eq!(joined["sources"][1]["why"], "you said so");
    again.shutdown();
}
