//! `signalbox runs`: every run of a folder, as a table or as one JSON document.

use std::collections::HashMap;

use console::style;
use signalbox_app::Offline;
use signalbox_app::wire::{
    ColumnInfo, ColumnKind, ColumnRef, RunState, SortKey, Stat, TablePage, TableQuery, TableRow,
};

use crate::Out;
use crate::arguments::Runs;
use crate::failure::{Failure, Outcome};
use crate::grid::{self, Column, calm};
use crate::number;
use crate::reading::read;

pub fn run(arguments: &Runs) -> Result<Outcome, Failure> {
    let offline = read(&arguments.path)?;
    // Before anything is printed: a filter that is not understood ends the command.
    let matching = offline.matching(&arguments.filter)?;
    let outcome = match (arguments.strict, offline.problems()?.len()) {
        (true, n) if n > 0 => Outcome::Problems,
        (true, _) if matching.is_empty() => Outcome::Nothing,
        _ => Outcome::Done,
    };
    let mut out = Out::stdout();
    if arguments.json {
        offline.document(&arguments.filter, |piece| out.bytes(piece.as_bytes()))??;
        out.line("")?;
        return out.end(outcome);
    }
    let columns = offline.columns();
    let sort = arguments.sort.as_deref().map(|name| sort_key(name, &columns)).transpose()?;
    let shown = choose(&columns);
    let page = offline.table(&TableQuery {
        project: 0,
        filter: arguments.filter.clone(),
        sort: sort.into_iter().collect(),
        columns: shown.iter().map(|c| reference(c)).collect(),
        offset: 0,
        limit: usize::MAX,
        show_deleted: true,
        show_hidden: true,
    });
    let (lines, left_out) = {
        let table = table(&page, &shown, &offline.ids());
        let (lines, left_out) = grid::lines(&table, out.width);
        (lines, left_out.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    if !page.rows.is_empty() {
        for line in lines {
            out.line(line)?;
        }
    }
    for line in foot(&page, &left_out, &offline)? {
        out.line(style(line).dim())?;
    }
    out.end(outcome)
}

fn reference(column: &ColumnInfo) -> ColumnRef {
    ColumnRef { key: column.key.clone(), stat: (column.kind == ColumnKind::Metric).then_some(Stat::Last) }
}

/// State, source and duration; then metrics that most runs have, and params that tell runs apart.
fn choose(columns: &[ColumnInfo]) -> Vec<&ColumnInfo> {
    let attribute = |key: &str| columns.iter().find(|c| c.key == key);
    let mut out: Vec<&ColumnInfo> = ["attr:source", "attr:duration"].into_iter().filter_map(attribute).collect();
    let mut metrics: Vec<_> = columns.iter().filter(|c| c.kind == ColumnKind::Metric).collect();
    metrics.sort_by_key(|c| std::cmp::Reverse(c.n_runs));
    let mut params: Vec<_> = columns.iter().filter(|c| c.kind == ColumnKind::Param && c.distinct > 1).collect();
    params.sort_by_key(|c| std::cmp::Reverse(c.n_runs));
    out.extend(metrics.iter().take(4));
    out.extend(params);
    out.extend(metrics.iter().skip(4));
    out
}

/// A column by its key, name or title; `-` before it turns the order round.
fn sort_key(said: &str, columns: &[ColumnInfo]) -> Result<SortKey, Failure> {
    let (name, descending) = said.strip_prefix('-').map_or((said, false), |rest| (rest, true));
    let by = |test: &dyn Fn(&ColumnInfo) -> bool| columns.iter().find(|c| test(c));
    let found = by(&|c| c.key == name)
        .or_else(|| by(&|c| c.name == name && c.kind == ColumnKind::Metric))
        .or_else(|| by(&|c| c.name == name))
        .or_else(|| by(&|c| c.title.eq_ignore_ascii_case(name)));
    let Some(column) = found else {
        let mut names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        names.truncate(20);
        let hint = format!("There are: {}.", names.join(", "));
        return Err(Failure::Usage(format!("No run has anything called {name:?} to sort by."), Some(hint)));
    };
    Ok(SortKey { column: reference(column), descending })
}

fn table(page: &TablePage, shown: &[&ColumnInfo], ids: &HashMap<u32, String>) -> Vec<Column> {
    let rows = &page.rows;
    // A path is a long id: where the name alone says which run is meant, it stays away.
    let mut named: HashMap<&str, usize> = HashMap::new();
    rows.iter().for_each(|r| *named.entry(&r.name).or_default() += 1);
    let id = |row: &TableRow| match ids.get(&row.id) {
        Some(id) if is_hex(id) || named[row.name.as_str()] > 1 => short(id, ids),
        _ => String::new(),
    };
    let id_cells: Vec<String> = rows.iter().map(|r| calm(&id(r))).collect();
    let mut out = vec![Column::left("run", rows.iter().map(|r| calm(&r.name)).collect())];
    if id_cells.iter().any(|id| !id.is_empty()) {
        out.push(Column::left("id", id_cells));
    }
    out.push(Column::left("state", rows.iter().map(|r| state(r.status)).collect()));
    for (i, column) in shown.iter().enumerate() {
        let duration = column.key == "attr:duration";
        let cells = rows.iter().map(|r| match &r.cells[i] {
            signalbox_app::wire::Cell::Number(secs) if duration => number::duration(*secs),
            cell => calm(&number::cell(cell)),
        });
        out.push(Column { title: calm(&column.name), right: column.numeric, cells: cells.collect() });
    }
    out
}

/// The first eight digits of a long hexadecimal id, where no other begins so.
fn short(id: &str, ids: &HashMap<u32, String>) -> String {
    if is_hex(id) && ids.values().filter(|other| other.starts_with(&id[..8])).count() == 1 {
        return id[..8].to_owned();
    }
    id.to_owned()
}

fn is_hex(id: &str) -> bool {
    id.len() >= 16 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

fn state(state: RunState) -> String {
    let name = style(state.name());
    match state {
        RunState::Running => name.cyan(),
        RunState::Finished => name.green(),
        RunState::Failed => name.red(),
        RunState::Killed | RunState::Silent => name.yellow(),
        RunState::Scheduled | RunState::Stopped => name.dim(),
    }
    .to_string()
}

fn foot(page: &TablePage, left_out: &[String], offline: &Offline) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    if page.total == 0 {
        out.push(
            "No runs here. Signalbox reads TensorBoard, MLflow, W&B, SwanLab, Optuna, Trackio, Lightning, Keras, \
             Ultralytics, CatBoost, Sacred, DVCLive, DVC, Guild, Aim, Hydra, Hugging Face, Ray Tune, CSV, JSONL and \
             console logs."
                .into(),
        );
    } else {
        let runs = if page.total == 1 { "run" } else { "runs" };
        let of = if page.matched == page.total { String::new() } else { format!("{} of ", page.matched) };
        out.push(format!("{of}{} {runs}", page.total));
    }
    if !left_out.is_empty() {
        let more = if left_out.len() > 6 { format!(", and {} more", left_out.len() - 6) } else { String::new() };
        let names: Vec<&str> = left_out.iter().take(6).map(String::as_str).collect();
        out.push(format!("no room for {}{more}", names.join(", ")));
    }
    match offline.problems()?.len() {
        0 => {}
        1 => out.push("1 thing could not be read as it should; `signalbox problems` says which".into()),
        n => out.push(format!("{n} things could not be read as they should; `signalbox problems` lists them")),
    }
    Ok(out)
}
