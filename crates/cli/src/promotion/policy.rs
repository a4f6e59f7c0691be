//! `signalbox policy`: a project's rules, read and proposed anew. Nothing is written.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use signalbox_app::{CallError, ErrorCode};

use super::{list, problem, text};
use crate::Out;
use crate::arguments::promotion::{Policy, PolicyCheck, PolicyPropose, PolicyWhat};
use crate::failure::{Failure, Outcome};
use crate::grid::calm_lines;

pub fn run(arguments: &Policy) -> Result<Outcome, Failure> {
    match &arguments.what {
        PolicyWhat::Check(a) => check(a),
        PolicyWhat::Propose(a) => propose(a),
    }
}

fn check(arguments: &PolicyCheck) -> Result<Outcome, Failure> {
    let file = json!(signalbox_app::policy_file(folder(&arguments.path)?)?);
    let outcome = if file["failure"].is_null() { Outcome::Done } else { Outcome::Partial };
    let mut out = Out::stdout();
    if arguments.json {
        out.line(file)?;
        return out.end(outcome);
    }
    if file["failure"].is_object() {
        // TOML's own words show the place on lines below one another.
        eprintln!("{}:\n{}", text(&file["path"]), calm_lines(file["failure"]["message"].as_str().unwrap_or_default()));
    } else if file["text"].is_null() {
        out.line(format!("There is no {}: what holds without one holds.", text(&file["path"])))?;
    } else {
        let n = |section: &str| file["policy"][section].as_object().map_or(0, serde_json::Map::len);
        let n_freezes = list(&file["policy"]["freeze"]).len();
        out.line(format!(
            "{} is understood: models {}, registries {}, targets {}, freezes {n_freezes}.",
            text(&file["path"]),
            n("models"),
            n("registries"),
            n("targets"),
        ))?;
    }
    out.end(outcome)
}

fn propose(arguments: &PolicyPropose) -> Result<Outcome, Failure> {
    let changes = changes(&arguments.changes)?;
    let proposal = json!(signalbox_app::propose_policy(folder(&arguments.path)?, &changes)?);
    let refused = proposal["problem"].is_object();
    let outcome = if refused { Outcome::Refused } else { Outcome::Done };
    let mut out = Out::stdout();
    if arguments.json {
        out.line(proposal)?;
        return out.end(outcome);
    }
    if refused {
        let field: Vec<String> = list(&proposal["problem"]["field"]).iter().map(text).collect();
        problem(&proposal["problem"], &field.join("."));
        return out.end(outcome);
    }
    // A diff for another program: on a terminal and elsewhere the same bytes.
    out.bytes(proposal["diff"].as_str().unwrap_or_default().as_bytes())?;
    for said in list(&proposal["says"]) {
        eprintln!("{}", text(said));
    }
    out.end(outcome)
}

fn folder(path: &Path) -> Result<&Path, Failure> {
    if path.is_dir() {
        return Ok(path);
    }
    let message = format!("{} is no folder.", path.display());
    Err(Failure::Call(CallError::new(ErrorCode::NotFound, message)))
}

fn changes(from: &Path) -> Result<Vec<Value>, Failure> {
    let unread = |e: std::io::Error| Failure::System(format!("{}: {e}", from.display()));
    let text = if from == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unread)?;
        text
    } else {
        std::fs::read_to_string(from).map_err(unread)?
    };
    serde_json::from_str(&text).map_err(|e| {
        let hint = "`signalbox policy propose --help` shows what changes look like.".to_owned();
        Failure::Usage(format!("The changes are no JSON array: {e}."), Some(hint))
    })
}
