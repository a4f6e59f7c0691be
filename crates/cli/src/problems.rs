//! `signalbox problems`: what could not be read as it should, and where.

use console::style;
use serde_json::json;

use crate::Out;
use crate::arguments::Problems;
use crate::failure::{Failure, Outcome};
use crate::grid::calm;
use crate::reading::read;

pub fn run(arguments: &Problems) -> Result<Outcome, Failure> {
    let offline = read(&arguments.path)?;
    let problems = offline.problems()?;
    let outcome = if arguments.strict && !problems.is_empty() { Outcome::Problems } else { Outcome::Done };
    let mut out = Out::stdout();
    if arguments.json {
        let list: Vec<_> = problems
            .iter()
            .map(|p| json!({ "path": p.path, "offset": p.offset, "kind": p.kind, "message": p.message }))
            .collect();
        out.line(json!({ "problems": list }))?;
        return out.end(outcome);
    }
    for p in &problems {
        let place = p.offset.map_or(p.path.clone(), |offset| format!("{}:{offset}", p.path));
        out.line(format!("{}  {}", style(calm(&place)).bold(), style(calm(&p.kind)).yellow()))?;
        out.line(format!("  {}", calm(&p.message)))?;
        if !p.runs.is_empty() {
            let names: Vec<&str> = p.runs.iter().take(5).map(|r| r.name.as_str()).collect();
            out.line(style(format!("  in {}", calm(&names.join(", ")))).dim())?;
        }
    }
    let n_runs = offline.matching("")?.len();
    out.line(
        style(match problems.len() {
            0 => format!("No problems; {n_runs} runs were read whole."),
            1 => format!("1 problem beside {n_runs} runs."),
            n => format!("{n} problems beside {n_runs} runs."),
        })
        .dim(),
    )?;
    out.end(outcome)
}
