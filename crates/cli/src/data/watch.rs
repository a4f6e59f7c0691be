//! `signalbox data watch`: a project's monitors without a window. Each line is something that moved, or is over: a trigger
//! for whatever reads it.

use crate::Out;
use crate::arguments::data::{FailOnAlert, Watch};
use crate::failure::{Failure, Outcome};
use crate::grid::calm;
use crate::own::{self, absolute};
use serde_json::{Value, json};
use signalbox_app::App;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// What has moved is judged when files have come; asking is cheap, as the counts are there.
const LOOK: Duration = Duration::from_millis(500);

pub fn run(a: &Watch, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    let app = own::open(data_dir)?;
    // What it finds is printed; the window's own notices are not its to take.
    app.be_silent();
    let result = watch(&app, a);
    app.shutdown();
    result
}

fn watch(app: &App, a: &Watch) -> Result<Outcome, Failure> {
    let path = absolute(&a.project)?;
    let text = path.to_str().ok_or_else(|| Failure::System(format!("{}: its name is no Unicode", path.display())))?;
    let project = app.call("open_project", json!({ "path": text }))?["id"].clone();
    let mut out = Out::stdout();
    let mut told: BTreeMap<String, Value> = BTreeMap::new();
    are_there(app, &project, a)?;
    loop {
        let monitors = rows(app, &project, a)?;
        for row in &monitors {
            let name = row["name"].as_str().unwrap_or_default();
            let now = match row["state"].as_str() {
                Some("failed") => json!({ "trouble": row["trouble"] }),
                Some("asking") => json!({ "trouble": not_allowed(row, a) }),
                _ => said_of(row),
            };
            let is_settled = matches!(row["state"].as_str(), Some("watching" | "failed" | "asking"));
            // The first look is told as it is; then, only what is new.
            if is_settled && told.get(name) != Some(&now) {
                if a.once || told.contains_key(name) || !is_calm(&now) {
                    tell(&mut out, name, &now, a.json)?;
                }
                told.insert(name.to_owned(), now);
            }
        }
        if a.once && monitors.iter().all(|row| told.contains_key(row["name"].as_str().unwrap_or_default())) {
            return out.end(end(&told, a));
        }
        thread::sleep(LOOK);
    }
}

fn rows(app: &App, project: &Value, a: &Watch) -> Result<Vec<Value>, Failure> {
    let all = app.call("data_monitors", json!({ "project": project }))?;
    let is_asked = |row: &&Value| a.name.is_empty() || a.name.iter().any(|name| row["name"] == name.as_str());
    Ok(all.as_array().into_iter().flatten().filter(is_asked).cloned().collect())
}

/// At the beginning: later a file may be wrong for a moment, while somebody writes it.
fn are_there(app: &App, project: &Value, a: &Watch) -> Result<(), Failure> {
    let file = app.call("policy_file", json!({ "project": project }))?;
    if let Some(why) = file["failure"]["message"].as_str() {
        return Err(Failure::System(format!("{}: {why}", file["path"].as_str().unwrap_or("signalbox.toml"))));
    }
    let found = rows(app, project, a)?;
    let missing = a.name.iter().find(|name| !found.iter().any(|row| row["name"] == name.as_str()));
    if let Some(name) = missing {
        let hint = "Monitors stand in signalbox.toml as [data.NAME], or are saved in the window under Data.";
        return Err(Failure::Usage(format!("There is no monitor {name:?} in this project."), Some(hint.into())));
    }
    if found.is_empty() {
        let hint = "Write [data.NAME] with reference and current into its signalbox.toml, or save one in the window.";
        return Err(Failure::Usage("This project has no monitor.".into(), Some(hint.into())));
    }
    Ok(())
}

/// What has moved; else whether anything could be said at all.
fn said_of(row: &Value) -> Value {
    let alert = &row["alert"];
    if alert.is_null() {
        return json!({ "judged": row["judged"] });
    }
    json!({ "judged": true, "since_unix": alert["since"].as_i64().map(|hour| hour * 3600), "columns": alert["columns"], "says": alert["says"] })
}

fn not_allowed(row: &Value, a: &Watch) -> String {
    let (engine, at) = (row["table"]["engine"].as_str().unwrap_or("an engine"), row["table"]["at"].as_str());
    let at = at.unwrap_or("another machine");
    format!("{engine} at {at} may not be asked yet: `signalbox allow {} --data` allows it.", a.project.display())
}

/// Nothing that a person who has just begun to look must know.
fn is_calm(now: &Value) -> bool {
    now.get("columns").is_none() && now.get("trouble").is_none()
}

fn tell(out: &mut Out, name: &str, now: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let mut line = json!({ "monitor": name, "drift": now.get("columns").is_some() });
        if let (Some(line), Some(now)) = (line.as_object_mut(), now.as_object()) {
            line.extend(now.clone());
        }
        out.line(line)?;
    } else if let Some(trouble) = now.get("trouble") {
        out.line(format!("{name}: {}", calm(trouble.as_str().unwrap_or("it cannot go on"))))?;
    } else if now.get("columns").is_none() {
        let says = if now["judged"] == true { "as in the reference" } else { "too few rows to tell" };
        out.line(format!("{name}: {says}"))?;
    } else {
        out.line(format!("{name}: {}", calm(now["says"].as_str().unwrap_or_default())))?;
    }
    // Whoever reads this acts on it.
    out.flush()
}

fn end(told: &BTreeMap<String, Value>, a: &Watch) -> Outcome {
    if told.values().any(|now| now.get("trouble").is_some()) {
        return Outcome::Partial;
    }
    let has_moved = told.values().any(|now| now.get("columns").is_some());
    if has_moved && a.fail_on == Some(FailOnAlert::Drift) { Outcome::Problems } else { Outcome::Done }
}
