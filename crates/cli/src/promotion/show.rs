//! A plan on a terminal: what is sent where, what must be so, what takes it back, and what stands against it.

use console::style;
use serde_json::Value;

use super::{list, text, time};
use crate::Out;
use crate::failure::Failure;
use crate::grid::{self, Column, calm};

pub fn plan(plan: &Value, out: &mut Out) -> Result<(), Failure> {
    out.line(style(text(&plan["row"]["title"])).bold())?;
    let steps = list(&plan["steps"]);
    let facts = [
        ("plan", text(&plan["row"]["id"])),
        ("hash", text(&plan["hash"])),
        ("made", format!("{} by {}", time(&plan["row"]["made"]), text(&plan["row"]["made_by"]))),
        ("state", state(&plan["row"])),
    ];
    for (name, value) in facts {
        out.line(format!("{}  {value}", style(format!("{name:>8}")).dim()))?;
    }
    for (n, step) in steps.iter().enumerate() {
        out.line(format!("\n{}", style(format!("{}. {}", n + 1, text(&step["title"]))).bold()))?;
        each("before", list(&step["before"]), out)?;
        for request in list(&step["requests"]) {
            line("sends", &format!("{} {}", text(&request["verb"]), text(&request["to"])), out)?;
            for body in request["body"].as_str().unwrap_or_default().lines() {
                out.line(format!("            {}", style(calm(body)).dim()))?;
            }
        }
        each("after", list(&step["after"]), out)?;
        let back = if step["inverse"].is_string() { text(&step["inverse"]) } else { "nothing to take back".into() };
        line("back", &back, out)?;
        if step["leaves"].is_string() {
            line("leaves", &text(&step["leaves"]), out)?;
        }
        line("within", &format!("{} s", step["limit_secs"]), out)?;
        if !matches!(step["state"].as_str(), Some("waiting") | None) {
            line("is", &format!("{} {}", text(&step["state"]), time(&step["at"])), out)?;
            each("saw", list(&step["saw"]), out)?;
            each("proof", list(&step["proof"]), out)?;
        }
    }
    if !list(&plan["tidy"]).is_empty() {
        out.line(format!("\n{}", style("At the end").bold()))?;
        each("tidies", list(&plan["tidy"]), out)?;
    }
    gates(list(&plan["gates"]), out)?;
    if !list(&plan["risks"]).is_empty() {
        out.line(format!("\n{}", style("Risks").bold()))?;
        for risk in list(&plan["risks"]) {
            out.line(format!("  {}", style(text(risk)).yellow()))?;
        }
    }
    out.line(match plan["n_golden"].as_u64() {
        Some(0) | None => "\nNo golden request: what serves is known by its digest only.".to_owned(),
        Some(1) => "\n1 golden request, asked before and after it takes traffic.".to_owned(),
        Some(n) => format!("\n{n} golden requests, asked before and after it takes traffic."),
    })
}

pub fn gates(gates: &[Value], out: &mut Out) -> Result<(), Failure> {
    if gates.is_empty() {
        return Ok(());
    }
    out.line(format!("\n{}", style("Gates").bold()))?;
    let table = [
        Column::left("  gate", gates.iter().map(|gate| format!("  {}", text(&gate["gate"]))).collect()),
        Column::left("ruling", gates.iter().map(|gate| ruling(&gate["ruling"])).collect()),
    ];
    // What it says is never cut off: it stands last and may be long.
    for (row, line) in grid::lines(&table, None).0.iter().enumerate() {
        let says = row.checked_sub(1).map(|n| text(&gates[n]["says"])).unwrap_or_default();
        out.line(format!("{}  {says}", console::pad_str(line, 26, console::Alignment::Left, None)).trim_end())?;
    }
    Ok(())
}

fn ruling(ruling: &Value) -> String {
    let name = style(text(ruling));
    match ruling.as_str() {
        Some("pass") => name.green(),
        Some("fail" | "error") => name.red(),
        Some("inconclusive") => name.yellow(),
        _ => name.dim(),
    }
    .to_string()
}

/// A plan's state, and why it turned back.
pub fn state(row: &Value) -> String {
    let name = style(text(&row["state"]).replace('_', " "));
    let name = match row["state"].as_str() {
        Some("committed" | "adopted") => name.green(),
        Some("running") => name.cyan(),
        Some("cut_short") => name.red(),
        Some("taken_back") => name.yellow(),
        _ => name.dim(),
    };
    if row["back"].is_string() { format!("{name}: {}", text(&row["back"])) } else { name.to_string() }
}

pub fn each(name: &str, values: &[Value], out: &mut Out) -> Result<(), Failure> {
    values.iter().try_for_each(|value| line(name, &text(value), out))
}

fn line(name: &str, value: &str, out: &mut Out) -> Result<(), Failure> {
    out.line(format!("  {}  {value}", style(format!("{name:<6}")).dim()))
}

/// A line of the journal as it happens.
pub fn happened(line: &Value, n_steps: usize) -> String {
    let place = line["step"].as_u64().map_or_else(|| " ".repeat(5), |step| format!("{:>2}/{n_steps:<2}", step + 1));
    let what = format!("{:<12}", text(&line["what"]));
    let what = match line["what"].as_str() {
        Some("failed" | "turns back") => style(what).red(),
        Some("seen" | "committed") => style(what).green(),
        Some("seen undone" | "taken back" | "left alone") => style(what).yellow(),
        _ => style(what).dim(),
    };
    let mut said: Vec<String> = match line["what"].as_str() {
        Some("asks" | "takes back") => vec![text(&line["title"])],
        Some("answered") if line["outcome"] == "done" => vec!["done".into()],
        _ => Vec::new(),
    };
    said.extend(list(&line["says"]).iter().map(text));
    said.extend(list(&line["proof"]).iter().map(|proof| format!("proof: {}", text(proof))));
    format!("{place} {what} {}", said.join("; ")).trim_end().to_owned()
}
