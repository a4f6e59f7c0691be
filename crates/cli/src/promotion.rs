//! `signalbox models|plan|apply|resume|approve|share|approval|allow|policy|rollback|status|audit`: the window's
//! commands on promotions.
//!
//! What is shown comes from systems elsewhere: every text goes through [`text`] before a terminal sees it.

mod apply;
mod audit;
mod lineage;
mod models;
mod paper;
mod people;
mod plan;
mod policy;
mod show;
mod signals;
mod status;

use std::path::{Path, PathBuf};

use console::style;
use serde_json::{Value, json};
use signalbox_app::{App, CallError, ErrorCode};

use crate::arguments::Command;
use crate::failure::{Failure, Outcome};
use crate::grid::calm;
use crate::own;

pub use policy::run as policy;

pub fn run(command: Command, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    let app = own::open(data_dir)?;
    // A gate may look at drift; to tell a person of it is the window's.
    app.be_silent();
    let result = match command {
        Command::Models(a) => models::run(&app, &a),
        Command::Plan(a) => plan::run(&app, &a),
        Command::Apply(a) => apply::run(&app, &a),
        Command::Resume(a) => apply::resume(&app, &a),
        Command::Approve(a) => people::approve(&app, &a),
        Command::Share(a) => people::share(&app, &a),
        Command::Approval(a) => people::approval(&app, &a),
        Command::Allow(a) => models::allow(&app, &a),
        Command::Rollback(a) => apply::rollback(&app, &a),
        Command::Status(a) => status::run(&app, &a),
        Command::Audit(a) => audit::run(&app, &a),
        _ => unreachable!("BUG: the other commands do not come here"),
    };
    app.shutdown();
    result
}

/// A command of the app. What it refuses was not done: that has an exit code of its own.
fn call(app: &App, name: &str, args: Value) -> Result<Value, Failure> {
    app.call(name, args).map_err(refused)
}

fn refused(e: CallError) -> Failure {
    if matches!(e.code, ErrorCode::Refused | ErrorCode::NotAllowed) { Failure::Refused(e) } else { Failure::Call(e) }
}

/// Opens a folder, or all projects that have to do with promotions.
fn recall(app: &App, folder: Option<&Path>) -> Result<Option<u32>, Failure> {
    match folder {
        Some(folder) => Ok(Some(app.recall_folder(folder)?.id)),
        None => Ok(app.recall_projects().map(|()| None)?),
    }
}

/// A plan that is known by the beginning of its id, with its project open.
fn plan_of(app: &App, text: &str) -> Result<Value, Failure> {
    let id = app.find_plan(text)?;
    app.recall_project_of(&id)?;
    call(app, "plan", json!({ "plan": id }))
}

/// The whole hash of a plan, if what was said is it, or enough of its beginning.
fn hash_of<'a>(plan: &'a Value, said: Option<&str>) -> Result<&'a str, Failure> {
    const ENOUGH: usize = 12;
    let hash = plan["hash"].as_str().unwrap_or_default();
    let Some(said) = said else { return Ok(hash) };
    let digits = said.strip_prefix("sha256:").unwrap_or(said).to_ascii_lowercase();
    if digits.len() < ENOUGH {
        return Err(Failure::Usage(
            format!("{said:?} is too little of a hash."),
            Some("Say at least 12 digits.".into()),
        ));
    }
    if hash.strip_prefix("sha256:").is_some_and(|hash| hash.starts_with(&digits)) {
        return Ok(hash);
    }
    let e = CallError::new(ErrorCode::Refused, format!("This plan's hash is {hash}, not {said}."));
    Err(Failure::Refused(e.hint("Read it again: `signalbox apply PLAN --dry-run`.")))
}

/// A text from elsewhere, on one line, for a terminal.
fn text(value: &Value) -> String {
    calm(value.as_str().unwrap_or_default())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Unix seconds, or nothing.
fn time(value: &Value) -> String {
    value.as_f64().map(crate::number::moment).unwrap_or_default()
}

/// What a system could not tell, on stderr: the rest is shown all the same.
fn problem(failure: &Value, of: &str) {
    let of = if of.is_empty() { String::new() } else { format!("{}: ", calm(of)) };
    eprintln!("{} {of}{}", style("problem:").for_stderr().yellow().bold(), text(&failure["message"]));
    if failure["hint"].is_string() {
        eprintln!("         {}", text(&failure["hint"]));
    }
}
