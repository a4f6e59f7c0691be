//! `signalbox apply`, `resume` and `rollback`: a plan is carried out in this process, and told line by line.

use std::io::{IsTerminal, Write};

use console::style;
use serde_json::{Value, json};
use signalbox_app::wire::{Apply as Wanted, LineView, Override, PlanView, Resume as Again};
use signalbox_app::{App, CallError, ErrorCode};

use super::{call, hash_of, list, plan_of, recall, refused, show, signals, text};
use crate::Out;
use crate::arguments::promotion::{Apply, Resume, Rollback, Way};
use crate::failure::{Failure, Outcome};

pub fn run(app: &App, arguments: &Apply) -> Result<Outcome, Failure> {
    let plan = plan_of(app, &arguments.plan)?;
    hash_of(&plan, arguments.hash.as_deref())?;
    carry_out(app, &plan, &arguments.overrides, &arguments.way)
}

pub fn rollback(app: &App, arguments: &Rollback) -> Result<Outcome, Failure> {
    recall(app, arguments.path.as_deref())?;
    let (target, project) = place_of(app, &arguments.service, arguments.target.as_deref())?;
    let wanted = json!({ "target": target, "service": arguments.service, "project": project });
    let plan = call(app, "propose_rollback", wanted)?;
    carry_out(app, &plan, &arguments.overrides, &arguments.way)
}

/// The only target that has a service of this name, and the project whose policy names it.
fn place_of(app: &App, service: &str, target: Option<&str>) -> Result<(String, Value), Failure> {
    let services = call(app, "production", json!({}))?;
    let is_meant = |at: &&Value| at["service"] == service && target.is_none_or(|target| at["target"] == target);
    let found: Vec<&Value> = list(&services).iter().filter(is_meant).collect();
    match (&found[..], target) {
        ([one], _) => Ok((text(&one["target"]), one["project"].clone())),
        // What nobody lists any more may have been promoted to all the same.
        ([], Some(target)) => Ok((target.to_owned(), Value::Null)),
        ([], None) => Err(CallError::new(ErrorCode::NotFound, format!("There is no service {service:?}."))
            .hint("`signalbox status` lists them.")
            .into()),
        (several, _) => {
            let mut names: Vec<String> = several.iter().map(|at| text(&at["target"])).collect();
            names.dedup();
            let hint = if names.len() > 1 {
                format!("Say which with --target: {}.", names.join(", "))
            } else {
                "Several projects call a target so: say which with the project's folder.".to_owned()
            };
            Err(Failure::Usage(format!("{service:?} is a service at several targets."), Some(hint)))
        }
    }
}

fn carry_out(app: &App, plan: &Value, overrides: &[(String, String)], way: &Way) -> Result<Outcome, Failure> {
    if plan["row"]["state"] == "cut_short" {
        let e = CallError::new(ErrorCode::Refused, "This plan was begun, and cut short.");
        Failure::Call(e.hint("Go on with it, or take it back: `signalbox resume`.")).say(&mut std::io::stderr());
        return Ok(Outcome::Open);
    }
    let wanted = Wanted {
        plan: plan["row"]["id"].as_str().unwrap_or_default().to_owned(),
        hash: plan["hash"].as_str().unwrap_or_default().to_owned(),
        overrides: overrides
            .iter()
            .map(|(gate, reason)| Override { gate: gate.clone(), reason: reason.clone() })
            .collect(),
    };
    if way.dry_run {
        return rehearse(app, plan, &wanted, way.json);
    }
    let mut out = Out::stdout();
    if way.json {
        out.line(json!({ "type": "plan", "plan": plan }))?;
    } else {
        show::plan(plan, &mut out)?;
        out.line("")?;
    }
    out.flush()?;
    if !way.yes && !confirmed(&format!("{}?", text(&plan["row"]["title"])))? {
        eprintln!("Nothing was done.");
        return Ok(Outcome::Refused);
    }
    let n_steps = list(&plan["steps"]).len();
    stop_on_signals(app, &wanted.plan)?;
    let end = app.apply_here(&wanted, &mut |line| tell(&line, n_steps, way.json)).map_err(refused)?;
    ended(&end, way.json, out, false)
}

pub fn resume(app: &App, arguments: &Resume) -> Result<Outcome, Failure> {
    let plan = plan_of(app, &arguments.plan)?;
    let choice = &arguments.choice;
    let wanted = Again {
        plan: plan["row"]["id"].as_str().unwrap_or_default().to_owned(),
        choice: match (choice.go_on, choice.go_back) {
            (true, _) => "go_on",
            (_, true) => "go_back",
            _ => "adopt",
        }
        .into(),
        reason: choice.adopt.clone(),
    };
    let out = Out::stdout();
    let n_steps = list(&plan["steps"]).len();
    stop_on_signals(app, &wanted.plan)?;
    let end = app.resume_here(wanted, &mut |line| tell(&line, n_steps, arguments.json)).map_err(refused)?;
    ended(&end, arguments.json, out, choice.go_back)
}

fn stop_on_signals(app: &App, plan: &str) -> Result<(), Failure> {
    let (app, plan) = (app.clone(), plan.to_owned());
    signals::listen(move || app.stop_here(&plan)).map_err(|e| Failure::System(format!("signals cannot be heard: {e}")))
}

/// Written at once. What cannot be written any more does not stop a promotion.
fn tell(line: &LineView, n_steps: usize, as_json: bool) {
    let line = serde_json::to_value(line).unwrap_or_default();
    let said =
        if as_json { json!({ "type": "line", "line": line }).to_string() } else { show::happened(&line, n_steps) };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{said}").and_then(|()| out.flush());
}

/// `meant_back`: taking it back is what was asked for.
fn ended(plan: &PlanView, as_json: bool, mut out: Out, meant_back: bool) -> Result<Outcome, Failure> {
    let plan = serde_json::to_value(plan).unwrap_or_default();
    let left: Vec<&Value> = list(&plan["steps"]).iter().filter(|step| step["state"] == "left").collect();
    let outcome = match plan["row"]["state"].as_str() {
        Some("committed" | "adopted") => Outcome::Done,
        Some("taken_back") if !left.is_empty() => Outcome::Open,
        Some("taken_back") if meant_back => Outcome::Done,
        Some("taken_back") => Outcome::TakenBack,
        _ => Outcome::Open,
    };
    if as_json {
        out.line(json!({ "type": "end", "plan": plan }))?;
        return out.end(outcome);
    }
    out.line(format!("\n{}: {}", text(&plan["row"]["title"]), show::state(&plan["row"])))?;
    show::each("proven", list(&plan["proven"]), &mut out)?;
    for step in left {
        out.line(format!("  left   {}: another has changed it since", text(&step["title"])))?;
        show::each("saw", list(&step["saw"]), &mut out)?;
    }
    if plan["row"]["state"] == "cut_short" {
        show::each("saw", list(&plan["standing_saw"]), &mut out)?;
        let id = text(&plan["row"]["id"]);
        out.line(format!("  signalbox resume {id} --go-on | --go-back | --adopt REASON"))?;
    }
    out.end(outcome)
}

fn rehearse(app: &App, plan: &Value, wanted: &Wanted, as_json: bool) -> Result<Outcome, Failure> {
    let overrides = serde_json::to_value(&wanted.overrides).unwrap_or_default();
    let seen = call(app, "rehearse", json!({ "plan": wanted.plan, "hash": wanted.hash, "overrides": overrides }))?;
    let unmet = list(&seen["before"]).iter().filter(|look| look["holds"] != true).count();
    let goes = list(&seen["stands"]).is_empty() && unmet == 0;
    let outcome = if goes { Outcome::Done } else { Outcome::Refused };
    let mut out = Out::stdout();
    if as_json {
        out.line(json!({ "plan": plan, "rehearsal": seen, "goes": goes }))?;
        return out.end(outcome);
    }
    let mut shown = plan.clone();
    shown["gates"] = seen["gates"].clone();
    show::plan(&shown, &mut out)?;
    out.line(format!("\n{}", style("Before the first step").bold()))?;
    for look in list(&seen["before"]) {
        let holds = if look["holds"] == true { style("holds").green() } else { style("does not hold").red() };
        out.line(format!("  {}: {holds}; {}", text(&look["expects"]), text(&look["saw"])))?;
    }
    for stands in list(&seen["stands"]) {
        out.line(format!("  {} {}", style("stands against it:").red(), text(stands)))?;
    }
    let verdict = if goes { "It would be carried out." } else { "It would be refused." };
    out.line(format!("\nA dry run: nothing was sent, and nothing was written. {verdict}"))?;
    out.end(outcome)
}

/// Asks on the terminal. Where there is none, nobody can say yes.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let hint = "Say --yes, or look first with --dry-run.".to_owned();
        return Err(Failure::Usage("There is no terminal to ask whether this is meant.".into(), Some(hint)));
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
