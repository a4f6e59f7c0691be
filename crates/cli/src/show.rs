//! `signalbox show`: all that is known of one run.

use console::style;
use signalbox_app::wire::{Cell, MetricRow, RunDetail};
use signalbox_app::{ErrorCode, Offline};

use crate::Out;
use crate::arguments::Show;
use crate::failure::{Failure, Outcome};
use crate::grid::{self, Column, calm};
use crate::number::{self, moment};
use crate::reading::read;

pub fn run(arguments: &Show) -> Result<Outcome, Failure> {
    let offline = read(&arguments.project)?;
    let run = find(&offline, &arguments.run)?;
    let mut out = Out::stdout();
    if arguments.json {
        out.line(offline.run(run)?)?;
        return out.end(Outcome::Done);
    }
    let detail = offline.detail(run)?;
    head(&detail, &offline.ids()[&run], &mut out)?;
    pairs("Params", detail.params.iter().map(|(k, v)| (k.as_str(), v.as_str())), &mut out)?;
    pairs("Tags", detail.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())), &mut out)?;
    if !detail.metrics.is_empty() {
        out.line(format!("\n{}", style("Metrics").bold()))?;
        for line in grid::lines(&metrics(&detail.metrics), out.width).0 {
            out.line(line)?;
        }
    }
    let datasets = detail.datasets.iter().map(|d| (d.name.as_str(), d.context.as_str()));
    pairs("Datasets", datasets, &mut out)?;
    let models: Vec<_> =
        detail.models.iter().map(|m| (m.name.as_str(), model(&m.version, &m.stage, &m.aliases))).collect();
    pairs("Models", models.iter().map(|(k, v)| (*k, v.as_str())), &mut out)?;
    let files: Vec<_> = detail.sources.iter().flat_map(|s| &s.files).collect();
    let sizes: Vec<String> = files.iter().map(|f| indicatif::HumanBytes(f.bytes).to_string()).collect();
    pairs("Files", files.iter().zip(&sizes).map(|(f, size)| (f.path.as_str(), size.as_str())), &mut out)?;
    let problems = detail.problems.iter().map(|p| (p.path.as_str(), p.message.as_str()));
    pairs("Problems", problems, &mut out)?;
    out.end(Outcome::Done)
}

/// The run that a word names; not finding it has an exit code of its own.
pub fn find(offline: &Offline, word: &str) -> Result<u32, Failure> {
    offline.find(word).map_err(|e| if e.code == ErrorCode::NotFound { Failure::NoRun(e) } else { Failure::Call(e) })
}

fn head(detail: &RunDetail, id: &str, out: &mut Out) -> Result<(), Failure> {
    out.line(style(calm(&detail.row.name)).bold())?;
    let mut facts: Vec<(&str, String)> = Vec::new();
    if id != detail.row.name {
        facts.push(("id", id.to_owned()));
    }
    facts.push(("state", format!("{} ({})", detail.row.status.name(), detail.state_why.trim_end_matches('.'))));
    facts.push(("source", format!("{}, {}", detail.source_title, detail.path)));
    let time = |t: Option<f64>| t.map(moment).filter(|t| !t.is_empty());
    facts.extend(time(detail.started).map(|t| ("started", t)));
    facts.extend(time(detail.ended).map(|t| ("ended", t)));
    facts.extend(detail.duration.map(|d| ("duration", number::duration(d))));
    facts.extend(detail.experiment.clone().map(|e| ("experiment", e)));
    facts.extend(detail.user.clone().map(|u| ("user", u)));
    facts.extend(detail.parent.as_ref().map(|p| ("parent", p.name.clone())));
    if !detail.children.is_empty() {
        let names: Vec<&str> = detail.children.iter().take(8).map(|c| c.name.as_str()).collect();
        let more = detail.children.len().saturating_sub(8);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        facts.push(("children", format!("{}{more}", names.join(", "))));
    }
    for (name, value) in facts {
        out.line(format!("{}  {}", style(format!("{name:>10}")).dim(), calm(&value)))?;
    }
    Ok(())
}

fn pairs<'a>(title: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>, out: &mut Out) -> Result<(), Failure> {
    let pairs: Vec<_> = pairs.map(|(k, v)| (calm(k), calm(v))).collect();
    let Some(widest) = pairs.iter().map(|(k, _)| console::measure_text_width(k)).max() else { return Ok(()) };
    out.line(format!("\n{}", style(title).bold()))?;
    let widest = widest.min(40);
    for (key, value) in pairs {
        let key = console::pad_str(&key, widest, console::Alignment::Left, None);
        let value = match out.width {
            Some(width) => console::truncate_str(&value, width.saturating_sub(widest + 4).max(20), "…").into_owned(),
            None => value,
        };
        out.line(format!("  {key}  {value}").trim_end())?;
    }
    Ok(())
}

fn model(version: &str, stage: &str, aliases: &[String]) -> String {
    let mut out = if version.is_empty() { "not registered".to_owned() } else { format!("version {version}") };
    if !stage.is_empty() && stage != "None" {
        out.push_str(&format!(", {stage}"));
    }
    if !aliases.is_empty() {
        out.push_str(&format!(" @{}", aliases.join(" @")));
    }
    out
}

fn metrics(rows: &[MetricRow]) -> Vec<Column> {
    let at = |value: &Cell, step: Option<i64>| match (number::cell(value), step) {
        (text, _) if text.is_empty() => text,
        (text, Some(step)) => format!("{text} @{step}"),
        (text, None) => text,
    };
    let column = |title: &str, of: &dyn Fn(&MetricRow) -> String| Column::right(title, rows.iter().map(of).collect());
    let mut out = vec![
        Column::left("  metric", rows.iter().map(|m| format!("  {}", calm(&m.name))).collect()),
        column("points", &|m| m.n.to_string()),
        column("last", &|m| at(&m.last, Some(m.last_step))),
        column("min", &|m| at(&m.min, m.min_step)),
        column("max", &|m| at(&m.max, m.max_step)),
    ];
    if rows.iter().any(|m| m.n_nan + m.n_pos_inf + m.n_neg_inf > 0) {
        out.push(column("NaN", &|m| m.n_nan.to_string()));
        out.push(column("±Infinity", &|m| (m.n_pos_inf + m.n_neg_inf).to_string()));
    }
    if rows.iter().any(|m| m.n_rewinds > 0) {
        out.push(column("rewinds", &|m| m.n_rewinds.to_string()));
    }
    out
}
