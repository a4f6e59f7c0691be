//! `signalbox models`: what the registries hold; and `signalbox allow`.

use console::style;
use serde_json::{Value, json};
use signalbox_app::App;

use super::{apply, call, list, problem, recall, text, time};
use crate::Out;
use crate::arguments::promotion::{Allow, Models};
use crate::failure::{Failure, Outcome};
use crate::grid::{self, Column, calm};

pub fn run(app: &App, arguments: &Models) -> Result<Outcome, Failure> {
    recall(app, arguments.path.as_deref())?;
    let registries = call(app, "models", json!({}))?;
    let mut outcome = Outcome::Done;
    for registry in list(&registries).iter().filter(|registry| registry["failure"].is_object()) {
        problem(&registry["failure"], registry["title"].as_str().unwrap_or_default());
        // An address that nobody has allowed yet is no failure.
        if registry["allow"].is_null() {
            outcome = Outcome::Partial;
        }
    }
    let mut out = Out::stdout();
    if arguments.json {
        out.line(json!({ "registries": registries }))?;
        return out.end(outcome);
    }
    let mut n_models = 0;
    for registry in list(&registries).iter().filter(|registry| !list(&registry["models"]).is_empty()) {
        out.line(format!("{} {}", style(text(&registry["title"])).bold(), style(text(&registry["id"])).dim()))?;
        let rows: Vec<(&Value, &Value)> = list(&registry["models"])
            .iter()
            .flat_map(|model| list(&model["versions"]).iter().map(move |version| (model, version)))
            .collect();
        n_models += list(&registry["models"]).len();
        let (lines, left_out) = {
            let table = table(&rows);
            let (lines, left_out) = grid::lines(&table, out.width);
            (lines, left_out.join(", "))
        };
        for line in lines {
            out.line(line)?;
        }
        if !left_out.is_empty() {
            out.line(style(format!("no room for {left_out}")).dim())?;
        }
        out.line("")?;
    }
    out.line(
        style(match n_models {
            0 => "No registered models. `signalbox plan FOLDER --run RUN` begins the way there.".to_owned(),
            1 => "1 model".to_owned(),
            n => format!("{n} models"),
        })
        .dim(),
    )?;
    out.end(outcome)
}

fn table(rows: &[(&Value, &Value)]) -> Vec<Column> {
    let column = |title: &str, of: &dyn Fn(&Value) -> String| {
        Column::left(title, rows.iter().map(|(_, version)| of(version)).collect())
    };
    let state = |version: &Value| match version["state"].as_str() {
        Some("ready") => style("ready").green().to_string(),
        Some("failed") => style(format!("failed: {}", text(&version["why"]))).red().to_string(),
        _ => style(text(&version["state"])).dim().to_string(),
    };
    let run = |version: &Value| {
        let name = if version["run_here"].is_object() { &version["run_here"]["name"] } else { &version["run"] };
        text(name)
    };
    vec![
        Column::left("  model", rows.iter().map(|(model, _)| format!("  {}", text(&model["name"]))).collect()),
        column("version", &|v| text(&v["version"])),
        column("aliases", &|v| list(&v["aliases"]).iter().map(text).collect::<Vec<_>>().join(" ")),
        column("state", &state),
        column("run", &run),
        column("digest", &|v| text(&v["digest"])),
        column("made", &|v| time(&v["made"])),
        column("by", &|v| text(&v["made_by"])),
    ]
}

pub fn allow(app: &App, arguments: &Allow) -> Result<Outcome, Failure> {
    let project = recall(app, Some(&arguments.path))?;
    if let (true, Some(project)) = (arguments.models, project) {
        return allow_models(app, project, arguments);
    }
    if let (true, Some(project)) = (arguments.data, project) {
        return allow_engines(app, project, arguments);
    }
    let registries = call(app, "models", json!({}))?;
    let asked =
        list(&registries).iter().map(|registry| &registry["allow"]).find(|asked| asked["project"] == json!(project));
    let Some(asked) = asked else {
        println!(
            "Nothing is left to allow: {} names no address that is not allowed.",
            calm(&arguments.path.display().to_string())
        );
        return Ok(Outcome::Done);
    };
    println!("signalbox.toml names:");
    for name in list(&asked["names"]) {
        println!("  {}", text(name));
    }
    if !arguments.yes && !apply::confirmed("Allow it, for this very text of signalbox.toml?")? {
        return Ok(Outcome::Refused);
    }
    call(app, "allow_policy", json!({ "project": project, "policy": asked["policy"] }))?;
    println!("Allowed. A change of signalbox.toml asks again.");
    Ok(Outcome::Done)
}

fn allow_engines(app: &App, project: u32, arguments: &Allow) -> Result<Outcome, Failure> {
    let path = calm(&arguments.path.display().to_string());
    let asked = app.engines_not_allowed(project)?;
    if asked.is_empty() {
        println!("Nothing is left to allow: no monitor of {path} watches a table of an engine that is not allowed.");
        return Ok(Outcome::Done);
    }
    println!("Monitors of {path} watch tables. Counts by hour would be asked of:");
    for (one, table) in &asked {
        let from = table.credential.as_deref();
        let whose = from.map_or_else(|| "no password is known".to_owned(), |from| format!("the password from {from}"));
        let seen = if table.is_private { "" } else { "; what is sent can be read on the way" };
        println!("  {} ({whose}{seen})", calm(&one.url));
    }
    if !arguments.yes && !apply::confirmed("Allow it, for this project?")? {
        return Ok(Outcome::Refused);
    }
    for (one, _) in asked {
        call(app, "allow_engine", json!(one))?;
    }
    println!("Allowed. Another address asks again.");
    Ok(Outcome::Done)
}

fn allow_models(app: &App, project: u32, arguments: &Allow) -> Result<Outcome, Failure> {
    let path = calm(&arguments.path.display().to_string());
    let asked = app.not_loading(project)?;
    if asked.is_empty() {
        println!("Nothing is left to allow: the models of {path} are loaded when a plan is made.");
        return Ok(Outcome::Done);
    }
    println!("To load a model is to run what its author has put in, as you. The models of {path} would be loaded by:");
    for one in &asked {
        println!("  {}", calm(&one.python));
    }
    if !arguments.yes && !apply::confirmed("Allow it, for this project?")? {
        return Ok(Outcome::Refused);
    }
    for one in asked {
        call(app, "allow_models", json!(one))?;
    }
    println!("Allowed. Another Python asks again.");
    Ok(Outcome::Done)
}
