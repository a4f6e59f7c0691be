//! `signalbox store`, `forget` and `compact`: what is kept, and no longer than the person wants.

use std::io::Write;
use std::path::{Path, PathBuf};

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};
use signalbox_app::App;

use crate::Out;
use crate::arguments::storage::{Compact, Forget, Store};
use crate::failure::{Failure, Outcome};
use crate::grid::{self, Column, calm};
use crate::number::{bytes, moment};
use crate::own;

pub fn store(arguments: &Store, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    with(data_dir, |app| match &arguments.path {
        None => all(app, arguments.json),
        Some(folder) => one(app, folder, arguments.json),
    })
}

pub fn forget(arguments: &Forget, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    with(data_dir, |app| forget_in(app, arguments))
}

pub fn compact(arguments: &Compact, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    with(data_dir, |app| {
        let done = waiting("compacting", || app.call("compact", json!({})))?;
        let mut out = Out::stdout();
        if arguments.json {
            out.line(&done)?;
            return out.end(Outcome::Done);
        }
        let (before, after) = (size(&done["before_bytes"]), size(&done["after_bytes"]));
        out.line(format!("{before} before, {after} after."))?;
        if done["is_later"] == true {
            out.line(style("Somebody still reads the store: the file is cut when it is written next.").dim())?;
        }
        out.end(Outcome::Done)
    })
}

fn with(data_dir: Option<PathBuf>, work: impl FnOnce(&App) -> Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    let app = own::open(data_dir)?;
    app.be_silent();
    let result = work(&app);
    app.shutdown();
    result
}

fn all(app: &App, as_json: bool) -> Result<Outcome, Failure> {
    let view = waiting("counting", || app.call("storage", json!({})))?;
    let mut out = Out::stdout();
    if as_json {
        out.line(&view)?;
        return out.end(Outcome::Done);
    }
    let rows = list(&view["projects"]);
    let column = |title: &str, of: &dyn Fn(&Value) -> String| Column::left(title, rows.iter().map(of).collect());
    let right = |title: &str, of: &dyn Fn(&Value) -> String| Column::right(title, rows.iter().map(of).collect());
    let table = [
        column("project", &|row| text(&row["name"])),
        right("room", &|row| size(&row["bytes"])),
        right("runs", &|row| row["n_runs"].to_string()),
        right("points", &|row| row["n_points"].to_string()),
        right("gone runs", &|row| row["n_gone_runs"].to_string()),
        column("last opened", &|row| row["last_opened"].as_f64().map(moment).unwrap_or_default()),
        column("", &|row| stands(row).to_owned()),
        column("folder", &|row| text(&row["path"])),
    ];
    for line in grid::lines(&table, out.width).0 {
        out.line(line)?;
    }
    out.line("")?;
    let parts = list(&view["parts"]);
    let table = [
        Column::right("room", parts.iter().map(|part| size(&part["bytes"])).collect()),
        Column::left("of all", parts.iter().map(|part| text(&part["title"])).collect()),
    ];
    for line in grid::lines(&table, out.width).0 {
        out.line(line)?;
    }
    out.line(format!("\n{} in {}", size(&view["bytes"]), text(&view["path"])))?;
    for row in list(&view["forgetting"]) {
        out.line(format!(
            "{} is being forgotten: {} of {} runs are left.",
            text(&row["name"]),
            row["n_left"],
            row["n_runs"]
        ))?;
    }
    let free = view["compact"]["free_bytes"].as_u64().unwrap_or(0);
    if free > 10_000_000 {
        out.line(style(format!("`signalbox compact` gives {} back.", bytes(free))).dim())?;
    }
    out.end(Outcome::Done)
}

fn stands(row: &Value) -> &'static str {
    if row["missing"] == true {
        "folder is gone"
    } else if row["long_closed"] == true {
        "closed for long"
    } else {
        ""
    }
}

fn one(app: &App, folder: &Path, as_json: bool) -> Result<Outcome, Failure> {
    let project = app.project_at_folder(folder)?;
    let view = waiting("counting", || app.call("project_storage", json!({ "project": project })))?;
    let mut out = Out::stdout();
    if as_json {
        out.line(&view)?;
        return out.end(Outcome::Done);
    }
    for (title, n) in [("runs", "n_runs"), ("metrics", "n_metrics")] {
        let rows = list(&view[title]);
        let table = [
            Column::right("room", rows.iter().map(|row| size(&row["bytes"])).collect()),
            Column::right("points", rows.iter().map(|row| row["n_points"].to_string()).collect()),
            Column::left(title, rows.iter().map(|row| text(&row["name"])).collect()),
        ];
        for line in grid::lines(&table, out.width).0 {
            out.line(line)?;
        }
        let more = view[n].as_u64().unwrap_or(0).saturating_sub(rows.len() as u64);
        if more > 0 {
            out.line(style(format!("and {more} more, none of them larger")).dim())?;
        }
        out.line("")?;
    }
    out.end(Outcome::Done)
}

fn forget_in(app: &App, arguments: &Forget) -> Result<Outcome, Failure> {
    let project = app.project_at_folder(&arguments.path)?;
    let asked = json!({ "project": project, "gone_only": arguments.gone });
    let plan = waiting("counting", || app.call("forget_plan", asked))?;
    let mut out = Out::stdout();
    if arguments.json {
        out.line(&plan)?;
    } else {
        tell(&plan, &mut out)?;
    }
    out.flush()?;
    if let Some(file) = &arguments.export {
        let failed = |e: std::io::Error| Failure::System(format!("{}: {e}", calm(&file.display().to_string())));
        let words = app.words(project)?;
        let mut to = std::fs::File::create_new(file).map_err(failed)?;
        // What is forgotten next is nowhere else.
        to.write_all(&words).and_then(|()| to.sync_all()).map_err(failed)?;
        eprintln!("Your own words are in {}.", calm(&file.display().to_string()));
    }
    if !arguments.yes {
        if !arguments.json {
            out.line(style("\nNothing was done. With --yes it is.").dim())?;
        }
        return out.end(Outcome::Done);
    }
    let command = if arguments.gone { "forget_gone_runs" } else { "forget_project" };
    app.call(command, json!({ "project": project }))?;
    let bar = bar("forgetting");
    app.forget_to_the_end(&|rows| {
        let left: u64 = rows.iter().map(|row| row.n_left).sum();
        bar.set_message(format!("forgetting: {left} runs are left"));
    })?;
    bar.finish_and_clear();
    if !arguments.json {
        out.line("\nForgotten. Free pages are used again; `signalbox compact` gives them back.")?;
    }
    out.end(Outcome::Done)
}

fn tell(plan: &Value, out: &mut Out) -> Result<(), Failure> {
    let what = if plan["gone_only"] == true { "Runs that are gone, of " } else { "" };
    out.line(style(format!("{what}{} ({})", text(&plan["name"]), text(&plan["path"]))).bold())?;
    for (title, key) in [("goes", "goes"), ("cannot be read again", "lost"), ("stays", "stays")] {
        let lines = list(&plan[key]);
        if lines.is_empty() {
            continue;
        }
        let title = if key == "lost" { style(title).yellow() } else { style(title) };
        out.line(format!("\n{}", title.bold()))?;
        for line in lines {
            let n = line["n"].as_u64().map_or(String::new(), |n| format!("{n} "));
            let room = line["bytes"].as_u64().map_or(String::new(), |n| format!(" ({})", bytes(n)));
            out.line(format!("  {n}{}{room}", text(&line["what"])))?;
            if line["why"].is_string() {
                out.line(style(format!("    {}", text(&line["why"]))).dim())?;
            }
        }
    }
    Ok(())
}

/// Shown on stderr, on a terminal only, while it takes its time.
fn waiting<T>(what: &'static str, work: impl FnOnce() -> Result<T, signalbox_app::CallError>) -> Result<T, Failure> {
    let bar = bar(what);
    let result = work();
    bar.finish_and_clear();
    Ok(result?)
}

fn bar(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar.set_message(what);
    bar
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A name may hold what would move a terminal's cursor.
fn text(value: &Value) -> String {
    calm(value.as_str().unwrap_or_default())
}

fn size(value: &Value) -> String {
    bytes(value.as_u64().unwrap_or(0))
}
