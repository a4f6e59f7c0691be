//! `signalbox data validate` and `signalbox data rules`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use console::style;
use serde_json::json;
use signalbox_app::drift::read::{Options, Problems};
use signalbox_app::drift::report::junit_of_rules;
use signalbox_app::drift::rules::import::{NotMapped, great_expectations, sagemaker};
use signalbox_app::drift::rules::{Asked, Checked, Rules, Severity, check, learn};

use super::write::write;
use super::{ended, opened, say_problems};
use crate::Out;
use crate::arguments::data::{FailOnRule, LearnRules, Validate};
use crate::failure::{Failure, Outcome};
use crate::grid::{Column, calm, lines};

pub fn run(arguments: &Validate) -> Result<Outcome, Failure> {
    let options = arguments.reading.options()?;
    let learnt_of = arguments.learn.as_ref().map(|reference| opened(reference, &options)).transpose()?;
    let (rules, not_mapped) = match &learnt_of {
        Some(reference) => (learn(reference, &mut Problems::default()), Vec::new()),
        None => rules(arguments)?,
    };
    let table = opened(&arguments.path, &learnt_of.as_ref().map_or(options, Options::like))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let checked = check(&table, &rules, now);
    if let Some(path) = &arguments.junit {
        write(path, &junit_of_rules(&checked))?;
    }
    let is_broken = |severity| checked.broken(severity).next().is_some();
    let fails = match arguments.fail_on {
        None => false,
        Some(FailOnRule::Error) => is_broken(Severity::Error),
        Some(FailOnRule::Warning) => is_broken(Severity::Error) || is_broken(Severity::Warning),
    };
    let outcome = ended(fails, arguments.fail_on.is_some(), &checked.problems);
    let mut out = Out::stdout();
    if arguments.json {
        let mut document = serde_json::to_value(&checked).map_err(|e| Failure::System(e.to_string()))?;
        document["not_mapped"] = json!(not_mapped);
        out.line(document)?;
        return out.end(outcome);
    }
    say(&mut out, &checked, &not_mapped)?;
    out.end(outcome)
}

pub fn learnt(arguments: &LearnRules) -> Result<Outcome, Failure> {
    let table = opened(&arguments.reference, &arguments.reading.options()?)?;
    let mut problems = table.problems.clone();
    let rules = learn(&table, &mut problems);
    let mut out = Out::stdout();
    for problem in problems.told() {
        out.line(format!("# {}: {}", calm(&problem.file), calm(&problem.message)))?;
    }
    out.line(rules.to_toml(&arguments.name).trim_end())?;
    out.end(Outcome::Done)
}

fn rules(arguments: &Validate) -> Result<(Rules, Vec<NotMapped>), Failure> {
    let default = Path::new("signalbox.toml");
    let path = arguments.rules.as_deref().unwrap_or(default);
    let hint = || {
        let hint = "`signalbox data rules REFERENCE` prints rules to begin with; --learn REFERENCE asks them at once.";
        Some(hint.to_owned())
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::Usage(format!("{} cannot be read: {e}.", path.display()), hint()))?;
    let wrong = |e: &dyn std::fmt::Display| Failure::Usage(format!("{}: {e}", path.display()), hint());
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        // Each of both has a list that the other has not.
        let found = match great_expectations(&text) {
            Ok(found) => Ok(found),
            Err(_) => sagemaker(&text),
        };
        return found.map_err(|e| wrong(&format!("no suite of Great Expectations, and no constraints.json: {e}")));
    }
    let rules = Rules::from_toml(&text, arguments.name.as_deref()).map_err(|e| wrong(&e))?;
    Ok((rules, Vec::new()))
}

fn say(out: &mut Out, checked: &Checked, not_mapped: &[NotMapped]) -> Result<(), Failure> {
    let mut rules: Vec<&Asked> = checked.rules.iter().collect();
    rules.sort_by_key(|asked| (asked.passes, asked.severity));
    let of = |say: &dyn Fn(&Asked) -> String| rules.iter().map(|asked| say(asked)).collect::<Vec<String>>();
    let end = |asked: &Asked| match (asked.passes, asked.severity) {
        (true, _) => "passes".to_owned(),
        (false, Severity::Error) => "broken".to_owned(),
        (false, Severity::Warning) => "warning".to_owned(),
    };
    let rule = |asked: &Asked| {
        let name = serde_json::to_value(asked.rule).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let table = [
        Column::left("column", of(&|asked| asked.column.as_deref().map_or("(table)".into(), calm))),
        Column::left("rule", of(&rule)),
        Column::left("", of(&end)),
        Column::left("wanted", of(&|asked| calm(&asked.wanted))),
        Column::left("found", of(&|asked| calm(&asked.found))),
    ];
    let (rows, left_out) = lines(&table, out.width);
    for row in rows {
        out.line(row)?;
    }
    if !left_out.is_empty() {
        out.line(style(format!("Not shown, for want of room: {}.", left_out.join(", "))).dim())?;
    }
    for asked in rules.iter().filter(|asked| !asked.passes && !asked.examples.is_empty()) {
        let of = |e: &signalbox_app::drift::rules::Example| {
            let file = e.file.as_deref().map_or(String::new(), |file| format!("{} ", calm(file)));
            format!("{file}row {}: {}", e.row, calm(&e.value))
        };
        let shown: Vec<String> = asked.examples.iter().map(of).collect();
        let column = asked.column.as_deref().map_or("(table)".into(), calm);
        out.line(format!("{} {}  {}", style(column).bold(), rule(asked), shown.join("; ")))?;
    }
    for skipped in not_mapped {
        let column = skipped.column.as_deref().map_or(String::new(), |column| format!(" of {}", calm(column)));
        out.line(style(format!("Not asked: {}{column}: {}.", calm(&skipped.name), calm(&skipped.why))).dim())?;
    }
    let (errors, warnings) = (checked.broken(Severity::Error).count(), checked.broken(Severity::Warning).count());
    let of = checked.rules.len();
    let said = format!(
        "{errors} of {of} rules broken, {warnings} warnings: {} rows of {}.",
        checked.rows,
        calm(&checked.path)
    );
    out.line(style(said).dim())?;
    say_problems(out, &checked.problems)
}
