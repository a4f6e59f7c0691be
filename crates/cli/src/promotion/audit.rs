//! `signalbox audit`: the list, the check of the chain, the export, the report.

use std::fs::File;
use std::io::{BufWriter, Write};

use console::style;
use serde_json::{Value, json};
use signalbox_app::App;

use super::{call, lineage, list, text, time};
use crate::Out;
use crate::arguments::promotion::{Audit, AuditExport, AuditList, AuditVerify, AuditWhat};
use crate::failure::{Failure, Outcome};
use crate::grid::{self, Column};

pub fn run(app: &App, arguments: &Audit) -> Result<Outcome, Failure> {
    match &arguments.what {
        None => entries(app, &arguments.list),
        Some(AuditWhat::Verify(a)) => verify(app, a),
        Some(AuditWhat::Export(a)) => export(app, a),
        Some(AuditWhat::Report(a)) => lineage::report(app, a),
    }
}

fn entries(app: &App, arguments: &AuditList) -> Result<Outcome, Failure> {
    let plan = arguments.plan.as_ref().map(|plan| app.find_plan(plan)).transpose()?;
    let (mut rows, mut from) = (Vec::new(), arguments.from.max(1));
    loop {
        let page = call(app, "audit_trail", json!({ "from": from }))?;
        let Some(last) = list(&page["rows"]).last() else { break };
        from = last["seq"].as_u64().unwrap_or(from) + 1;
        let wanted = |row: &&Value| plan.as_ref().is_none_or(|plan| row["plan"] == plan.as_str());
        rows.extend(list(&page["rows"]).iter().filter(wanted).cloned());
    }
    let mut out = Out::stdout();
    if arguments.json {
        // What happened is indented JSON in a text, for the window.
        for row in &mut rows {
            if let Some(detail) = row["detail"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                row["detail"] = detail;
            }
        }
        out.line(json!({ "entries": rows }))?;
        return out.end(Outcome::Done);
    }
    let column = |title: &str, of: &dyn Fn(&Value) -> String| Column::left(title, rows.iter().map(of).collect());
    let table = [
        Column::right("entry", rows.iter().map(|row| row["seq"].to_string()).collect()),
        column("time", &|row| time(&row["at"])),
        column("who", &|row| text(&row["who"])),
        column("what", &|row| text(&row["what"])),
        column("step", &|row| row["step"].as_u64().map_or(String::new(), |step| (step + 1).to_string())),
        column("plan", &|row| text(&row["plan"])),
        column("machine", &|row| text(&row["machine"])),
    ];
    for line in grid::lines(&table, out.width).0 {
        out.line(line)?;
    }
    out.end(Outcome::Done)
}

fn verify(app: &App, arguments: &AuditVerify) -> Result<Outcome, Failure> {
    let check = call(app, "verify_audit", json!({ "head": arguments.head }))?;
    let outcome = if check["broken"].is_null() { Outcome::Done } else { Outcome::Partial };
    let mut out = Out::stdout();
    if arguments.json {
        out.line(&check)?;
        return out.end(outcome);
    }
    if check["broken"].is_string() {
        let at = check["at"].as_u64().map_or(String::new(), |at| format!(" at entry {at}"));
        out.line(format!("{}{at}: {}", style("broken").red().bold(), text(&check["broken"])))?;
        out.line(format!("{} entries before it hold", check["total"]))?;
        return out.end(outcome);
    }
    out.line(format!(
        "{}: {} entries, each bound to the one before it",
        style("whole").green().bold(),
        check["total"]
    ))?;
    if let Some(kept) = check["kept"].as_u64() {
        out.line(format!("entry {kept} has the hash that was kept"))?;
    }
    if check["head"].is_string() {
        out.line(format!("head  {}", text(&check["head"])))?;
        out.line(
            style("Keep the head elsewhere: `signalbox audit verify --head H` finds what was cut off since.").dim(),
        )?;
    }
    out.end(outcome)
}

fn export(app: &App, arguments: &AuditExport) -> Result<Outcome, Failure> {
    let Some(path) = &arguments.file else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        app.export_audit(&mut out)?;
        out.flush()?;
        return Ok(Outcome::Done);
    };
    let failed = |e: std::io::Error| Failure::System(format!("{}: {e}", path.display()));
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    let n = app.export_audit(&mut out)?;
    out.flush().map_err(failed)?;
    eprintln!("{n} entries are in {}.", path.display());
    Ok(Outcome::Done)
}
