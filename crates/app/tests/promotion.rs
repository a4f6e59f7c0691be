//! A promotion through the app's commands, as the window and the terminal make it: proposed, judged, carried out,
//! told of, audited. With the registry that is always there; what serves is tested where it is.

use serde_json::{Value, json};
use signalbox_app::{App, ErrorCode, Options};
use std::path::Path;
use std::time::{Duration, Instant};

fn app(data: &Path) -> App {
    App::open(Options::alone(data, "test")).expect("the app opens")
}

/// Waits for the event stream to bring about what `done` sees.
fn wait<T>(app: &App, what: &str, done: impl Fn() -> Option<T>) -> T {
    let events = app.subscribe();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = done() {
            return found;
        }
        let left = end.checked_duration_since(Instant::now()).unwrap_or_else(|| panic!("{what}: not within 60 s"));
        let _ = events.recv_timeout(left.min(Duration::from_millis(200)));
    }
}

/// A copy of the demo's wine project, with a policy of its own.
fn project(folder: &Path, policy: &str) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo/wine");
    copy(&demo, folder);
    std::fs::write(folder.join("signalbox.toml"), policy).expect("written");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

/// The run `final`, which has logged a model.
fn run(app: &App, folder: &Path) -> u64 {
    let project = app.call("open_project", json!({ "path": folder })).expect("opened");
    wait(app, "the run", || {
        let page = app
            .call(
                "table",
                json!({ "project": project["id"], "filter": "attributes.name = 'final'", "sort": [], "columns": [],
                        "offset": 0, "limit": 1, "show_deleted": false, "show_hidden": false }),
            )
            .ok()?;
        page["rows"][0]["id"].as_u64()
    })
}

fn ended(app: &App, plan: &Value) -> Value {
    wait(app, "the plan's end", || {
        let plan = app.call("plan", json!({ "plan": plan["row"]["id"] })).ok()?;
        let state = plan["row"]["state"].as_str()?;
        (!matches!(state, "proposed" | "running")).then_some(plan)
    })
}

fn apply(app: &App, plan: &Value, overrides: Value) -> Value {
    app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": plan["hash"], "overrides": overrides }))
        .expect("begun");
    ended(app, plan)
}

const POLICY: &str = "
    [registries.own]
    kind = 'embedded'
    [models.wine]
    registry = 'own'
    alias = 'champion'
";

#[test]
fn a_run_becomes_a_version_and_the_alias_points_at_it() {
    let (data, dir) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    project(dir.path(), POLICY);
    let run = run(&app, dir.path());
    let models = app.call("run_models", json!({ "run": run })).expect("listed");
    assert_eq!((&models[0]["name"], &models[0]["suggested"]), (&json!("model"), &json!("wine")), "{models}");
    assert_eq!(models.as_array().map(Vec::len), Some(1));

    let plan = app.call("propose", json!({ "run": run })).expect("proposed");
    let titles: Vec<&str> =
        plan["steps"].as_array().expect("steps").iter().filter_map(|s| s["title"].as_str()).collect();
    assert_eq!(titles, ["Register wine in Signalbox's own registry", "Point champion at {version}"]);
    assert_eq!(plan["row"]["state"], "proposed");
    let ruling = |gate: &str| {
        plan["gates"].as_array().expect("gates").iter().find(|v| v["gate"] == gate).map(|v| v["ruling"].clone())
    };
    assert_eq!(ruling("artifact"), Some(json!("pass")), "{plan}");
    assert!(plan["risks"][0].as_str().expect("a risk").contains("model.pkl is a pickle"), "{plan}");
    assert!(
        app.call("models", json!({})).expect("listed").to_string().contains("\"models\":[]"),
        "nothing was done yet"
    );

    let other = app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": "sha256:0", "overrides": [] }));
    assert_eq!(other.expect_err("another hash").code, ErrorCode::Refused);
    let done = apply(&app, &plan, json!([]));
    assert_eq!(done["row"]["state"], "committed", "{done}");
    assert_eq!(done["version"], "1");
    let again = app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": plan["hash"], "overrides": [] }));
    assert_eq!(again.expect_err("once").code, ErrorCode::Refused);

    let models = app.call("models", json!({})).expect("listed");
    let version = &models[0]["models"][0]["versions"][0];
    assert_eq!(
        (&version["state"], &version["aliases"], &version["run_here"]["name"]),
        (&json!("ready"), &json!(["champion"]), &json!("final"))
    );

    // The same run again: a second version, and the alias moves from the first to it.
    let plan = app.call("propose", json!({ "run": run })).expect("proposed");
    assert_eq!(plan["steps"][1]["title"], "Move champion from 1 to {version}");
    assert_eq!(apply(&app, &plan, json!([]))["version"], "2");
    // And back to the first, which is there already: one step.
    let back = app
        .call("propose", json!({ "model": "wine", "registry": "own", "version": "1", "project": 1 }))
        .expect("proposed");
    assert_eq!(back["steps"].as_array().map(Vec::len), Some(1), "{back}");
    assert_eq!(apply(&app, &back, json!([]))["row"]["state"], "committed");
    let models = app.call("models", json!({})).expect("listed");
    assert_eq!(models[0]["models"][0]["versions"][1]["aliases"], json!(["champion"]));

    // The plan has ended with its line in the journal; that it was told comes after.
    let trail = wait(&app, "the end in the audit", || {
        let trail = app.call("audit_trail", json!({ "from": 1 })).ok()?;
        (trail["rows"].as_array()?.last()?["what"] == "end").then_some(trail)
    });
    assert_eq!(trail["broken"], Value::Null);
    let what: Vec<&str> = trail["rows"].as_array().expect("rows").iter().filter_map(|r| r["what"].as_str()).collect();
    assert_eq!(what.iter().filter(|w| **w == "plan").count(), 3);
    assert_eq!(what.iter().filter(|w| **w == "apply").count(), 3);
    assert_eq!(what.last(), Some(&"end"));
    assert_eq!(trail["total"].as_u64(), Some(what.len() as u64));
    app.shutdown();
}

#[test]
fn a_gate_stands_in_the_way_until_it_passes_or_is_overridden_with_a_reason() {
    let (data, dir) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    project(dir.path(), &format!("{POLICY}\n[models.wine.gates]\nmax_bytes = 1000\napprovals = {{ n = 1 }}\n"));
    let run = run(&app, dir.path());
    let plan = app.call("propose", json!({ "run": run })).expect("proposed");
    let try_with = |overrides: Value| {
        app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": plan["hash"], "overrides": overrides }))
    };
    let refused = try_with(json!([])).expect_err("too large");
    assert!(refused.message.contains("\"size\" does not pass"), "{refused}");
    let refused = try_with(json!([{ "gate": "size", "reason": " " }])).expect_err("no reason");
    assert!(refused.message.contains("\"size\""), "{refused}");
    let size = json!({ "gate": "size", "reason": "it is a test" });
    let refused = try_with(json!([size])).expect_err("not approved");
    assert!(refused.message.contains("\"approvals\""), "{refused}");
    // The author's own approval counts for nothing.
    let approved = app
        .call("approve_plan", json!({ "plan": plan["row"]["id"], "hash": plan["hash"], "withdraw": false }))
        .expect("kept");
    assert!(approved["gates"].to_string().contains("0 of 1 people"), "{approved}");
    assert!(try_with(json!([size])).is_err());
    let approvals = json!({ "gate": "approvals", "reason": "nobody else is here" });
    let end = apply(&app, &plan, json!([size, approvals]));
    assert_eq!(end["row"]["state"], "committed", "{end:#}");
    let trail = app.call("audit_trail", json!({ "from": 1 })).expect("read").to_string();
    assert!(trail.contains("it is a test") && trail.contains("nobody else is here"));
    app.shutdown();
}

#[test]
fn a_policy_that_is_wrong_or_changed_promotes_nothing() {
    let (data, dir) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let app = app(data.path());
    project(dir.path(), POLICY);
    let run = run(&app, dir.path());
    let plan = app.call("propose", json!({ "run": run })).expect("proposed");
    std::fs::write(dir.path().join("signalbox.toml"), format!("{POLICY}\nshares = [10]\n")).expect("written");
    let refused = app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": plan["hash"], "overrides": [] }));
    let refused = refused.expect_err("changed");
    assert!(refused.message.contains("signalbox.toml was changed"), "{refused}");
    std::fs::write(dir.path().join("signalbox.toml"), "[models.wine]\nregistry = 7\n").expect("written");
    let refused = app.call("propose", json!({ "run": run })).expect_err("wrong");
    assert!(refused.message.contains("signalbox.toml") && refused.message.contains("line 2"), "{refused}");
    app.shutdown();
}
