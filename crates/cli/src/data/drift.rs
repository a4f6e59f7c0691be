//! `signalbox data drift`.

use console::style;
use signalbox_app::drift::method::{self, Method};
use signalbox_app::drift::pair::{ColumnReport, Report, Wanted, compare_tables, short, short_p};
use signalbox_app::drift::read::Options;
use signalbox_app::drift::report::{html, junit};
use signalbox_app::drift::verdict::{Rule, Verdict};

use super::write::write;
use super::{Bar, ended, opened, say_problems};
use crate::Out;
use crate::arguments::data::{Drift, FailOn};
use crate::failure::{Failure, Outcome};
use crate::grid::{Column, calm, lines};
use crate::number::moment;

pub fn run(arguments: &Drift) -> Result<Outcome, Failure> {
    let methods = chosen(arguments)?;
    let options = arguments.reading.options()?;
    let reference = opened(&arguments.reference, &options)?;
    let current = opened(&arguments.current, &Options::like(&reference))?;
    for name in arguments.columns.iter().chain(&arguments.ignore) {
        reference.column(name).or_else(|_| current.column(name)).map_err(super::failed)?;
    }
    let rule = Rule { alpha: arguments.alpha, min_rows: arguments.min_rows, ..Rule::default() };
    let wanted = Wanted { rule, methods, columns: arguments.columns.clone(), ignore: arguments.ignore.clone() };
    let bar = Bar::of("Comparing");
    let report = compare_tables(&reference, &current, &wanted, &mut |at| bar.at(at.columns_done, at.columns));
    bar.end();
    let report = report.expect("BUG: nobody told it to stop");
    let outcome = outcome_of(&report, arguments.fail_on);
    if let Some(path) = &arguments.html {
        write(path, &html(&report, &written()))?;
    }
    if let Some(path) = &arguments.junit {
        write(path, &junit(&report))?;
    }
    let mut out = Out::stdout();
    if arguments.json {
        out.line(serde_json::to_string(&report).map_err(|e| Failure::System(e.to_string()))?)?;
        return out.end(outcome);
    }
    say(&mut out, &report)?;
    out.end(outcome)
}

fn written() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("Written by Signalbox, {}.", moment(now.map_or(0.0, |since| since.as_secs_f64())))
}

fn chosen(arguments: &Drift) -> Result<Vec<&'static Method>, Failure> {
    if arguments.all_methods {
        return Ok(method::methods().iter().collect());
    }
    let of = |name: &String| {
        let hint = "`signalbox data methods` lists them.".to_owned();
        method::named(name).ok_or_else(|| Failure::Usage(format!("There is no method {name:?}."), Some(hint)))
    };
    arguments.methods.iter().map(of).collect()
}

pub fn outcome_of(report: &Report, fail_on: Option<FailOn>) -> Outcome {
    let is = |verdict: Verdict| match fail_on {
        None => false,
        Some(FailOn::Drift) => verdict.is_drift(),
        Some(FailOn::Uncertain) => verdict <= Verdict::TooFewRows && verdict != Verdict::SmallButSignificant,
        Some(FailOn::Any) => verdict < Verdict::NotJudged,
    };
    ended(report.columns.iter().any(|column| is(column.verdict)), fail_on.is_some(), &report.problems)
}

pub fn say(out: &mut Out, report: &Report) -> Result<(), Failure> {
    let mut columns: Vec<&ColumnReport> = report.columns.iter().collect();
    let effect = |c: &ColumnReport| c.effect.as_ref().map_or(0.0, |effect| effect.value / effect.threshold);
    columns.sort_by(|a, b| a.verdict.cmp(&b.verdict).then(effect(b).total_cmp(&effect(a))));
    let of = |say: &dyn Fn(&ColumnReport) -> String| columns.iter().map(|c| say(c)).collect::<Vec<String>>();
    let statistic =
        |c: &ColumnReport, name: &str| c.tests.get(name).and_then(|test| test.statistic).map_or("–".to_owned(), short);
    let share = |c: &ColumnReport| {
        let of = |side: &Option<signalbox_app::drift::pair::Move>| {
            side.as_ref().map_or("–".to_owned(), |side| {
                if side.counts.rows == 0 {
                    "–".into()
                } else {
                    format!("{:.1} %", side.counts.nulls as f64 / side.counts.rows as f64 * 100.0)
                }
            })
        };
        format!("{} → {}", of(&c.reference), of(&c.current))
    };
    let table = [
        Column::left("column", of(&|c| calm(&c.name))),
        Column::left("verdict", of(&|c| c.verdict.words().to_owned())),
        Column::left(
            "by",
            of(&|c| c.turned_on().map_or("–".to_owned(), |(name, value, _)| format!("{name} {}", short(value)))),
        ),
        Column::right("adjusted p", of(&|c| c.turned_on().map_or("–".to_owned(), |(_, _, p)| short_p(p)))),
        Column::right("PSI", of(&|c| statistic(c, "psi"))),
        Column::right("JS", of(&|c| statistic(c, "js"))),
        Column::right("nulls", of(&share)),
    ];
    let (rows, left_out) = lines(&table, out.width);
    for row in rows {
        out.line(row)?;
    }
    if !left_out.is_empty() {
        out.line(style(format!("Not shown, for want of room: {}.", left_out.join(", "))).dim())?;
    }
    out.line("")?;
    for column in columns.iter().filter(|c| c.verdict < Verdict::TooFewRows) {
        out.line(format!("{}  {}", style(calm(&column.name)).bold(), calm(&column.says)))?;
    }
    let n = report.drifted().count();
    let of = report.columns.len();
    out.line(
        style(format!(
            "{n} of {of} columns drifted: {} against {}.",
            calm(&report.current.path),
            calm(&report.reference.path)
        ))
        .dim(),
    )?;
    say_problems(out, &report.problems)
}

pub fn methods() -> Result<Outcome, Failure> {
    let mut out = Out::stdout();
    for method in method::methods() {
        out.line(format!("{:24} {}", style(method.name).bold(), method.says))?;
    }
    out.end(Outcome::Done)
}
