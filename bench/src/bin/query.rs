//! `bench-query FOLDER STEPS`: opens a folder whose one run has STEPS points of `train/loss`, waits until they are
//! read, and times the frames that a chart of 1,200 pixels asks for. Prints JSON: the median of 51, in ms.

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use std::path::Path;
use std::time::{Duration, Instant};

const WIDTH: u32 = 1200;
const REPEAT: usize = 51;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, steps] = args.as_slice() else { return Err("usage: bench-query FOLDER STEPS".into()) };
    let n_steps: u64 = steps.parse()?;
    let data = tempfile::tempdir()?;
    let app = App::open(Options {
        data_dir: data.path().join("signalbox"),
        demo_path: None,
        version: "bench",
        desktop: None,
        force_polling: false,
        keeper: None,
    })
    .map_err(|e| e.message)?;
    let (project, run) = open(&app, Path::new(folder), n_steps)?;
    let whole = n_steps as f64 - 1.0;
    let none = json!({ "kind": "none", "amount": 0 });
    let cases = [
        ("query_screen_whole", 0.0, whole, none.clone()),
        ("query_screen_tenth", whole * 0.4, whole * 0.5, none.clone()),
        ("query_screen_thousandth", whole * 0.4, whole * 0.401, none),
        ("smoothed_screen_whole", 0.0, whole, json!({ "kind": "ema", "amount": 0.9 })),
    ];
    let mut rows = Vec::new();
    for (name, from, to, smooth) in cases {
        let mut times = Vec::new();
        for i in 0..REPEAT {
            // A little further each time, as panning is.
            let (x0, x1) = if to - from < whole { (from + i as f64, to + i as f64) } else { (from, to) };
            let args = json!({
                "project": project, "metric": "train/loss", "runs": [run], "x": "step", "x0": x0, "x1": x1,
                "width": WIDTH, "smooth": smooth,
            });
            let began = Instant::now();
            let bytes = app.frame(args).map_err(|e| e.message)?;
            times.push(began.elapsed());
            if bytes.len() < 64 || &bytes[..4] != b"SBF1" {
                return Err("that is no frame".into());
            }
        }
        times.sort();
        rows.push(json!({ "name": name, "ms": times[REPEAT / 2].as_secs_f64() * 1e3, "max_ms": times[REPEAT - 1].as_secs_f64() * 1e3 }));
    }
    println!("{}", Value::Array(rows));
    app.shutdown();
    Ok(())
}

/// The project's and its run's id, once every point is there.
fn open(app: &App, folder: &Path, n_steps: u64) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let call = |name: &str, args: Value| app.call(name, args).map_err(|e| e.message);
    let project = call("open_project", json!({ "path": folder.to_string_lossy() }))?["id"].as_u64().ok_or("no id")?;
    let deadline = Instant::now() + Duration::from_secs(300);
    while Instant::now() < deadline {
        let ids = call(
            "table_ids",
            json!({ "project": project, "filter": "", "sort": [], "show_deleted": false, "show_hidden": true, "limit": 1 }),
        )?;
        if let Some(run) = ids["ids"][0].as_u64() {
            let detail = call("run", json!({ "run": run }))?;
            if detail["metrics"][0]["n"].as_u64() == Some(n_steps) {
                return Ok((project, run));
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the points did not arrive within five minutes".into())
}
