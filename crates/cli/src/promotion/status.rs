//! `signalbox status`: what serves beside what the aliases say, and the plans that are open.

use console::style;
use serde_json::{Value, json};
use signalbox_app::App;

use super::{call, list, problem, recall, show, text, time};
use crate::Out;
use crate::arguments::promotion::Status;
use crate::failure::{Failure, Outcome};

/// More plans that wait are only counted.
const MAX_WAITING: usize = 5;

pub fn run(app: &App, arguments: &Status) -> Result<Outcome, Failure> {
    recall(app, arguments.path.as_deref())?;
    let services = call(app, "production", json!({}))?;
    let mut plans = Vec::new();
    for row in list(&call(app, "plans", json!({}))?) {
        match row["state"].as_str() {
            Some("proposed") => plans.push(json!({ "row": row })),
            Some("running" | "cut_short") => plans.push(call(app, "plan", json!({ "plan": row["id"] }))?),
            _ => {}
        }
    }
    let mut outcome = Outcome::Done;
    for service in list(&services).iter().filter(|service| service["failure"].is_object()) {
        problem(&service["failure"], service["service"].as_str().unwrap_or_default());
        outcome = Outcome::Partial;
    }
    let mut out = Out::stdout();
    if arguments.json {
        out.line(json!({ "services": services, "plans": plans }))?;
        return out.end(outcome);
    }
    for service in list(&services) {
        one(service, &mut out)?;
    }
    let (open, waiting): (Vec<_>, Vec<_>) = plans.iter().partition(|plan| plan["row"]["state"] != "proposed");
    for plan in &open {
        out.line(format!("{}  {}", style(text(&plan["row"]["title"])).bold(), show::state(&plan["row"])))?;
        out.line(format!("  plan    {}", text(&plan["row"]["id"])))?;
        let steps = list(&plan["steps"]);
        let n_seen = steps.iter().filter(|step| step["state"] == "seen").count();
        out.line(format!("  steps   {n_seen} of {} are done and seen", steps.len()))?;
        if plan["standing"].is_string() {
            let saw: Vec<String> = list(&plan["standing_saw"]).iter().map(text).collect();
            out.line(format!("  stands  {}: {}", standing(&plan["standing"]), saw.join("; ")))?;
            let id = text(&plan["row"]["id"]);
            out.line(format!("  signalbox resume {id} --go-on | --go-back | --adopt REASON"))?;
        }
        out.line("")?;
    }
    for plan in waiting.iter().take(MAX_WAITING) {
        let row = &plan["row"];
        out.line(format!("{}  proposed {}, plan {}", text(&row["title"]), time(&row["made"]), text(&row["id"])))?;
    }
    if waiting.len() > MAX_WAITING {
        out.line(style(format!("and {} more that wait", waiting.len() - MAX_WAITING)).dim())?;
    }
    out.line(style(format!("{} services, {} open plans", list(&services).len(), open.len())).dim())?;
    out.end(outcome)
}

fn one(service: &Value, out: &mut Out) -> Result<(), Failure> {
    let phase = style(text(&service["phase"]));
    let phase = match service["phase"].as_str() {
        Some("serving") => phase.green(),
        Some("failed") => phase.red(),
        Some("degraded" | "starting") => phase.yellow(),
        _ => phase.dim(),
    };
    let name = style(text(&service["service"])).bold();
    out.line(format!("{name} on {}, {}  {phase}", text(&service["target"]), text(&service["target_title"])))?;
    for served in list(&service["loaded"]) {
        let version = if served["version"].is_string() { text(&served["version"]) } else { text(&served["label"]) };
        let identity = if served["proven"] == true { style("proven").green() } else { style("claimed").yellow() };
        let ready = if served["ready"] == true { "" } else { ", not ready" };
        let since =
            if served["since"].is_number() { format!(", since {}", time(&served["since"])) } else { String::new() };
        let requests = match (served["n_requests"].as_u64(), served["n_errors"].as_u64()) {
            (Some(n), Some(errors)) => format!(", {n} requests and {errors} errors in 5 min"),
            _ => String::new(),
        };
        out.line(format!("  {:>3} %  {version} {identity}{ready}{since}{requests}", served["share"]))?;
    }
    if service["alias"].is_object() {
        let alias = &service["alias"];
        let to = if alias["version"].is_string() { text(&alias["version"]) } else { "nothing".into() };
        let by = if alias["moved_by"].is_string() {
            format!(", moved by {}", text(&alias["moved_by"]))
        } else {
            String::new()
        };
        out.line(format!("  alias  {} says {to}{by} {}", text(&alias["alias"]), time(&alias["moved"])).trim_end())?;
    }
    if service["alarm"].is_string() {
        out.line(format!("  {}  {}", style("ALARM").red().bold(), text(&service["alarm"])))?;
    }
    if service["address"].is_string() {
        out.line(format!("  at     {}", text(&service["address"])))?;
    }
    out.line("")
}

fn standing(standing: &Value) -> String {
    match standing.as_str() {
        Some("between") => "between two steps".into(),
        Some("done") => "its open step was done".into(),
        Some("not_done") => "its open step was not done".into(),
        Some("under_way") => "its open step is done in part".into(),
        Some("changed_by_another") => "another has changed it".into(),
        Some("unseen") => "the system does not tell".into(),
        _ => text(standing),
    }
}
