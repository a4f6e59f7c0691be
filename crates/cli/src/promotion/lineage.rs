//! `signalbox audit report`: how was it made, and where is it used.

use std::path::Path;

use serde_json::{Value, json};
use signalbox_app::App;

use super::paper::{Part, UNKNOWN, html, markdown};
use super::{call, list, recall, time};
use crate::Out;
use crate::arguments::promotion::AuditReport;
use crate::failure::{Failure, Outcome};
use crate::number::number;

pub fn report(app: &App, arguments: &AuditReport) -> Result<Outcome, Failure> {
    recall(app, arguments.project.as_deref())?;
    let args = match &arguments.of[..] {
        [service] => json!({ "target": arguments.target, "service": service }),
        [model, version, ..] => json!({ "registry": arguments.registry, "model": model, "version": version }),
        [] => unreachable!("BUG: clap asks for one"),
    };
    let lineage = call(app, "lineage", args)?;
    let mut out = Out::stdout();
    if arguments.json {
        out.line(&lineage)?;
    } else if let Some(path) = &arguments.html {
        write(path, &html(&parts(&lineage)))?;
        eprintln!("The report is in {}.", path.display());
    } else {
        out.bytes(markdown(&parts(&lineage)).as_bytes())?;
    }
    out.end(Outcome::Done)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| Failure::System(format!("{}: {e}", path.display())))
}

/// A text, a time or a number; what is not there is said.
fn said(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(x) => x.as_f64().map(number).unwrap_or_default(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        _ => String::new(),
    };
    if text.is_empty() { UNKNOWN.to_owned() } else { text }
}

fn when(value: &Value) -> String {
    let text = time(value);
    if text.is_empty() { UNKNOWN.to_owned() } else { text }
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Part {
    Part::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A table, or that there is nothing to put in it.
fn table(head: &[&str], rows: Vec<Vec<String>>, none: &str) -> Part {
    if rows.is_empty() {
        return Part::Say(none.to_owned());
    }
    Part::Table(head.iter().map(|&title| title.to_owned()).collect(), rows)
}

fn pairs(value: &Value) -> Vec<Vec<String>> {
    list(value).iter().map(|pair| vec![said(&pair[0]), said(&pair[1])]).collect()
}

fn section(title: &str) -> Part {
    Part::Section(title.to_owned())
}

fn parts(lineage: &Value) -> Vec<Part> {
    let version = &lineage["version"];
    let name = format!("{} {}", said(&version["model"]), said(&version["version"]));
    let title = match lineage["endpoint"]["service"].as_str() {
        Some(service) => format!("{service}: {name}"),
        None => name,
    };
    let mut out = vec![
        Part::Title(title),
        Part::Say(format!("How it was made, and where it is used. Gathered by Signalbox on {}.", when(&lineage["at"]))),
    ];
    endpoint(&lineage["endpoint"], &mut out);
    out.push(section("Version"));
    out.push(facts([
        ("model", said(&version["model"])),
        ("version", said(&version["version"])),
        ("registry", format!("{} ({})", said(&version["registry_title"]), said(&version["registry"]))),
        ("state", said(&version["state"])),
        ("digest", said(&version["digest"])),
        ("registered", when(&version["made"])),
        ("by", said(&version["made_by"])),
        ("run", said(&version["run"])),
        ("source", said(&version["source"])),
    ]));
    if !list(&version["tags"]).is_empty() {
        out.push(table(&["tag", "value"], pairs(&version["tags"]), ""));
    }
    run(lineage, &mut out);
    code_and_data(lineage, &mut out);
    environment(lineage, &mut out);
    artifact(&lineage["artifact"], &mut out);
    let promotions = list(&lineage["promotions"]);
    out.push(section("Promotions"));
    if promotions.is_empty() {
        out.push(Part::Say(format!("Plans of Signalbox that made or moved it: {UNKNOWN}.")));
    }
    promotions.iter().for_each(|plan| promotion(plan, &mut out));
    used(lineage, &mut out);
    out.push(section("People"));
    let people = list(&lineage["people"]).iter().map(|person| {
        let did: Vec<String> = list(&person["did"]).iter().map(said).collect();
        vec![said(&person["who"]), did.join("; ")]
    });
    out.push(table(&["who", "did"], people.collect(), UNKNOWN));
    out
}

fn endpoint(endpoint: &Value, out: &mut Vec<Part>) {
    if endpoint.is_null() {
        return;
    }
    out.push(section("Endpoint"));
    let alias = &endpoint["alias"];
    let says = if alias.is_object() {
        format!("{} says {}", said(&alias["alias"]), said(&alias["version"]))
    } else {
        UNKNOWN.to_owned()
    };
    out.push(facts([
        ("service", said(&endpoint["service"])),
        ("target", format!("{} ({})", said(&endpoint["target_title"]), said(&endpoint["target"]))),
        ("address", said(&endpoint["address"])),
        ("phase", said(&endpoint["phase"])),
        ("alias", says),
        ("alarm", endpoint["alarm"].as_str().unwrap_or("none").to_owned()),
    ]));
    let rows = list(&endpoint["loaded"]).iter().map(|served| {
        let proven = if served["proven"] == true { "proven by its digest" } else { "claimed" };
        vec![
            said(&served["version"]),
            format!("{} %", said(&served["share"])),
            said(&served["ready"]),
            proven.to_owned(),
            when(&served["since"]),
        ]
    });
    out.push(table(&["version", "traffic", "ready", "identity", "since"], rows.collect(), "Nothing is loaded."));
}

fn run(lineage: &Value, out: &mut Vec<Part>) {
    let run = &lineage["run"];
    out.push(section("Run"));
    if run.is_null() {
        let known = match lineage["version"]["run"].as_str() {
            Some(id) => format!("Of the run {id} no project on this machine knows more: {UNKNOWN}."),
            None => format!("The run that made it: {UNKNOWN}."),
        };
        out.push(Part::Say(known));
        return;
    }
    out.push(facts([
        ("name", said(&run["name"])),
        ("id", said(&run["key"])),
        ("project", said(&run["project"])),
        ("source", said(&run["path"])),
        ("tool", said(&run["tool"])),
        ("experiment", said(&run["experiment"])),
        ("state", format!("{} ({})", said(&run["state"]), said(&run["state_why"]))),
        ("user", said(&run["user"])),
        ("started", when(&run["started"])),
        ("ended", when(&run["ended"])),
    ]));
    out.push(Part::Topic("Params".into()));
    out.push(table(&["param", "value"], pairs(&run["params"]), UNKNOWN));
    out.push(Part::Topic("Metrics".into()));
    let metrics = list(&run["metrics"])
        .iter()
        .map(|metric| vec![said(&metric["name"]), said(&metric["last"]), said(&metric["step"]), said(&metric["n"])]);
    out.push(table(&["metric", "last", "step", "points"], metrics.collect(), UNKNOWN));
    out.push(Part::Topic("Tags".into()));
    out.push(table(&["tag", "value"], pairs(&run["tags"]), UNKNOWN));
}

fn code_and_data(lineage: &Value, out: &mut Vec<Part>) {
    let code = &lineage["code"];
    out.push(section("Code"));
    out.push(facts([
        ("commit", said(&code["commit"])),
        ("changed since the commit", said(&code["dirty"])),
        ("branch", said(&code["branch"])),
        ("repository", said(&code["repository"])),
        ("entry", said(&code["entry"])),
    ]));
    out.push(section("Data"));
    let rows = list(&lineage["data"])
        .iter()
        .map(|set| vec![said(&set["name"]), said(&set["digest"]), said(&set["context"]), said(&set["source"])]);
    out.push(table(&["data set", "digest", "context", "source"], rows.collect(), UNKNOWN));
}

fn environment(lineage: &Value, out: &mut Vec<Part>) {
    let environment = &lineage["environment"];
    out.push(section("Environment"));
    out.push(facts([("Python", said(&environment["python"])), ("MLflow", said(&environment["mlflow"]))]));
    let files = list(&environment["files"]);
    if files.is_empty() {
        out.push(Part::Say(format!("Requirements: {UNKNOWN}.")));
    }
    for file in files {
        out.push(Part::Topic(format!("{} ({})", said(&file["path"]), said(&file["digest"]))));
        out.push(match file["text"].as_str() {
            Some(text) => Part::Text(text.to_owned()),
            None => Part::Say("It is too large to be shown, or no text.".into()),
        });
    }
}

fn artifact(artifact: &Value, out: &mut Vec<Part>) {
    out.push(section("Artifact"));
    if artifact["failure"].is_object() {
        out.push(Part::Say(format!("Its files cannot be shown: {}", said(&artifact["failure"]["message"]))));
        return;
    }
    let files = list(&artifact["files"]);
    out.push(facts([
        ("digest", said(&artifact["digest"])),
        ("files", files.len().to_string()),
        ("bytes", said(&artifact["bytes"])),
    ]));
    let rows = files.iter().map(|file| vec![said(&file["path"]), said(&file["bytes"]), said(&file["digest"])]);
    out.push(table(&["file", "bytes", "digest"], rows.collect(), UNKNOWN));
}

fn promotion(plan: &Value, out: &mut Vec<Part>) {
    let row = &plan["row"];
    out.push(Part::Topic(format!("{} ({})", said(&row["title"]), said(&row["state"]).replace('_', " "))));
    out.push(facts([
        ("plan", said(&row["id"])),
        ("hash", said(&plan["hash"])),
        ("planned", format!("{} by {}", when(&row["made"]), said(&row["made_by"]))),
        ("ended", when(&plan["ended"])),
        ("turned back", row["back"].as_str().unwrap_or("no").to_owned()),
    ]));
    let gates =
        list(&plan["gates"]).iter().map(|gate| vec![said(&gate["gate"]), said(&gate["ruling"]), said(&gate["says"])]);
    out.push(table(&["gate", "ruling", "evidence"], gates.collect(), &format!("Gates: {UNKNOWN}.")));
    for gate in list(&plan["gates"]).iter().filter(|gate| !matches!(gate["evidence"].as_str(), Some("null") | None)) {
        out.push(Part::Say(format!("Evidence of the gate {}:", said(&gate["gate"]))));
        out.push(Part::Text(gate["evidence"].as_str().unwrap_or_default().to_owned()));
    }
    let approvals = list(&plan["approvals"]).iter().map(|approval| {
        vec![said(&approval["by"]), when(&approval["at"]), said(&approval["says"]), said(&approval["comment"])]
    });
    out.push(table(&["approval by", "at", "", "comment"], approvals.collect(), "Approvals: none."));
    let overrides = list(&plan["overrides"]).iter().map(|one| {
        vec![said(&one["gate"]), said(&one["says"]), said(&one["reason"]), said(&one["by"]), when(&one["at"])]
    });
    out.push(table(
        &["overridden gate", "it said", "reason", "by", "at"],
        overrides.collect(),
        "Overridden gates: none.",
    ));
    if !list(&plan["risks"]).is_empty() {
        out.push(Part::Say("Known risks:".into()));
        out.push(Part::List(list(&plan["risks"]).iter().map(said).collect()));
    }
    let calls = list(&plan["calls"]).iter().map(|call| {
        let line = &call["line"];
        let step = line["step"].as_u64().map_or(String::new(), |step| (step + 1).to_string());
        let requests = list(&call["requests"]).iter().map(|r| format!("{} {}", said(&r["verb"]), said(&r["to"])));
        let mut says: Vec<String> = requests.collect();
        says.extend(line["outcome"].as_str().map(str::to_owned));
        says.extend(list(&line["says"]).iter().chain(list(&line["proof"])).map(said));
        vec![when(&line["at"]), step, said(&line["what"]), says.join("; ")]
    });
    out.push(table(&["at", "step", "what", "detail"], calls.collect(), "Calls: none; it was not carried out."));
    if !list(&plan["proven"]).is_empty() {
        out.push(Part::Say("Proven at its end:".into()));
        out.push(Part::List(list(&plan["proven"]).iter().map(said).collect()));
    }
}

fn used(lineage: &Value, out: &mut Vec<Part>) {
    out.push(section("Where it is used"));
    let rows = list(&lineage["used"]).iter().map(|place| {
        let share = place["share"].as_u64().map_or("-".to_owned(), |share| format!("{share} % of the traffic"));
        let identity = match place["proven"].as_bool() {
            Some(true) => "proven by its digest",
            Some(false) => "claimed",
            None => "-",
        };
        vec![
            said(&place["kind"]),
            said(&place["name"]),
            said(&place["system"]),
            share,
            identity.to_owned(),
            when(&place["since"]),
            place["by"].as_str().unwrap_or("-").to_owned(),
        ]
    });
    let head = ["kind", "name", "system", "share", "identity", "since", "by"];
    out.push(table(&head, rows.collect(), "No alias names it and nothing that was asked has it loaded."));
    let unseen = list(&lineage["unseen"]);
    if !unseen.is_empty() {
        out.push(Part::Say("These did not tell, so it may be used there too:".into()));
        out.push(Part::List(unseen.iter().map(|failure| said(&failure["message"])).collect()));
    }
}
