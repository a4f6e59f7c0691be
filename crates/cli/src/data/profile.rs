//! `signalbox data profile`.

use console::style;
use serde_json::json;
use signalbox_app::drift::pair::short;
use signalbox_app::drift::profile::{ColumnProfile, Looked, Profile, profile, summaries};
use signalbox_app::drift::read::Options;

use super::{Bar, opened, say_problems};
use crate::Out;
use crate::arguments::data::Profile as Arguments;
use crate::failure::{Failure, Outcome};
use crate::grid::{Column, calm, lines};

pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let options = arguments.reading.options()?;
    let table = opened(&arguments.path, &options)?;
    for name in arguments.columns.iter().chain(&arguments.target) {
        table.column(name).map_err(super::failed)?;
    }
    let mut out = Out::stdout();
    if arguments.counts_only {
        let wanted: Vec<usize> = (0..table.columns().len())
            .filter(|at| arguments.columns.is_empty() || arguments.columns.contains(&table.columns()[*at].name))
            .collect();
        let (columns, said) = summaries(&table, &wanted);
        let mut problems = table.problems.clone();
        problems.extend(said);
        let rows = columns.first().map_or(0, |column| column.counts.rows);
        out.line(json!({ "path": table.path.display().to_string(), "rows": rows, "columns": columns, "problems": problems.told() }))?;
        return out.end(Outcome::Done);
    }
    let test = arguments.test.as_deref().map(|path| opened(path, &Options::like(&table))).transpose()?;
    let looked = Looked { columns: arguments.columns.clone(), target: arguments.target.clone(), test: test.as_ref() };
    let bar = Bar::of("Profiling");
    let found = profile(&table, &looked, &mut |at| bar.at(at.columns_done, at.columns));
    bar.end();
    let found = found.expect("BUG: nobody told it to stop");
    if arguments.json {
        out.line(serde_json::to_string(&found).map_err(|e| Failure::System(e.to_string()))?)?;
        return out.end(Outcome::Done);
    }
    say(&mut out, &found)?;
    out.end(Outcome::Done)
}

fn say(out: &mut Out, profile: &Profile) -> Result<(), Failure> {
    let of = |say: &dyn Fn(&ColumnProfile) -> String| profile.columns.iter().map(say).collect::<Vec<String>>();
    let at = |c: &ColumnProfile, share: f64| {
        c.quantiles.iter().find(|(at, _)| *at == share).map_or("–".to_owned(), |(_, value)| short(*value))
    };
    let per_cent = |n: u64, c: &ColumnProfile| match n {
        0 => "0".to_owned(),
        n => format!("{:.1} %", n as f64 / c.counts.rows.max(1) as f64 * 100.0),
    };
    let distinct = |c: &ColumnProfile| match (c.distinct, c.distinct_error) {
        (Some(n), None) => n.to_string(),
        (Some(n), Some(_)) => format!("≈ {n}"),
        (None, _) => "–".to_owned(),
    };
    let usual = |c: &ColumnProfile| {
        let shown: Vec<String> = c.top.iter().take(3).map(|top| calm(&top.level)).collect();
        shown.join(", ")
    };
    let table = [
        Column::left("column", of(&|c| calm(&c.name))),
        Column::left("type", of(&|c| calm(&c.physical))),
        Column::right("null", of(&|c| per_cent(c.counts.nulls, c))),
        Column::right("NaN", of(&|c| per_cent(c.counts.nan, c))),
        Column::right("distinct", of(&distinct)),
        Column::right("mean", of(&|c| c.moments.map_or("–".into(), |m| short(m.mean)))),
        Column::right("deviation", of(&|c| c.moments.map_or("–".into(), |m| short(m.std)))),
        Column::right("least", of(&|c| at(c, 0.0))),
        Column::right("median", of(&|c| at(c, 0.5))),
        Column::right("greatest", of(&|c| at(c, 1.0))),
        Column::left("most usual", of(&usual)),
    ];
    let (rows, left_out) = lines(&table, out.width);
    for row in rows {
        out.line(row)?;
    }
    if !left_out.is_empty() {
        out.line(style(format!("Not shown, for want of room: {}.", left_out.join(", "))).dim())?;
    }
    for column in &profile.columns {
        for remark in &column.remarks {
            out.line(format!("{}  {}", style(calm(&column.name)).bold(), calm(remark)))?;
        }
    }
    if let Some(duplicates) = profile.duplicates.as_ref().filter(|duplicates| duplicates.rows > 0) {
        out.line(format!("{} rows are there twice or more.", duplicates.rows))?;
    }
    if let Some(shared) = &profile.shared {
        out.line(format!("{} of the {} rows of {} are here too.", shared.also_here, shared.rows, calm(&shared.path)))?;
    }
    for leak in &profile.leaks {
        out.line(format!(
            "{}  tells {:.1} % of the target alone: does it come from it?",
            style(calm(&leak.column)).bold(),
            leak.explains * 100.0
        ))?;
    }
    for correlation in profile.correlations.iter().filter(|c| c.spearman.abs() > 0.95).take(10) {
        let (a, b) = (calm(&correlation.a), calm(&correlation.b));
        out.line(format!("{a} and {b} go together: Spearman's ρ {:.3}.", correlation.spearman))?;
    }
    out.line(
        style(format!(
            "{} rows, {} columns, {} files: {}.",
            profile.rows,
            profile.columns.len(),
            profile.files,
            calm(&profile.path)
        ))
        .dim(),
    )?;
    say_problems(out, &profile.problems)
}
