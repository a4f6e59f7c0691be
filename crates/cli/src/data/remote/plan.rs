//! What will run where, and what it will read, before it does.

use std::path::Path;

use console::style;
use indicatif::BinaryBytes;
use signalbox_app::drift::monitor::Reference;
use signalbox_engines::{Address, Described, How, Plan};

use crate::Out;
use crate::failure::Failure;
use crate::grid::{Column, calm, lines};
use crate::number::moment;

pub struct Places<'a> {
    pub reference: &'a Path,
    pub address: &'a Address,
    pub is_pulled: bool,
}

pub fn say(
    out: &mut Out,
    places: &Places<'_>,
    plan: &Plan,
    found: &Described,
    reference: &Reference,
) -> Result<(), Failure> {
    let line =
        |out: &mut Out, name: &str, text: String| out.line(format!("{} {text}", style(format!("{name:<11}")).bold()));
    let here = format!("{}, {} rows, frozen on this machine", places.reference.display(), reference.n_rows);
    line(out, "Reference", calm(&here))?;
    let (names, n_bytes) = plan.reads(found);
    let seal = if places.address.tls { "over TLS" } else { "not sealed" };
    let engine = format!("{} at {} ({seal})", calm(&found.engine), calm(&places.address.shown));
    let n_rows = found.estimate.rows.map_or("an unknown number of".to_owned(), |rows| format!("about {rows}"));
    let size = match (n_bytes, found.estimate.whole_rows) {
        (Some(n), true) => format!("; whole rows, {}", BinaryBytes(n)),
        (Some(n), false) => format!("; {} as they are stored", BinaryBytes(n)),
        (None, _) => String::new(),
    };
    if places.is_pulled {
        line(out, "Runs", "here: the table is small, so its rows are pulled and compared exactly".into())?;
        line(out, "Pulled from", format!("{engine}, table {}", calm(&plan.table.to_string())))?;
    } else {
        line(out, "Runs on", format!("{engine}, table {}; it only reads", calm(&plan.table.to_string())))?;
    }
    let n_columns = found.columns.len();
    let from = calm(&found.estimate.from);
    line(out, "Reads", format!("{} of {n_columns} columns of {n_rows} rows ({from}){size}", names.len()))?;
    let time = match (&plan.time, &plan.hours) {
        (None, _) => "no column tells it: all rows are of this hour".to_owned(),
        (Some(time), None) => format!("{} ({}), all of it", time.name, time.type_name),
        (Some(time), Some(hours)) => {
            let of = |hour: i64| moment(hour as f64 * 3600.0);
            format!("{} ({}), from {} to {}", time.name, time.type_name, of(hours.start), of(hours.end))
        }
    };
    line(out, "Time", calm(&time))?;
    if let Some(segment) = &plan.segment {
        line(out, "Segments", calm(&format!("{} ({})", segment.name, segment.type_name)))?;
    }
    if !places.is_pulled {
        let n = plan.numbers_of_a_cell(reference);
        let text = format!("at most {n} numbers for each hour and segment, and names of up to 16 new levels; no row");
        line(out, "Comes back", text)?;
    }
    out.line("")?;
    let of = |say: &dyn Fn(usize) -> String| (0..plan.columns.len()).map(say).collect::<Vec<String>>();
    let table = [
        Column::left("column", of(&|at| calm(&plan.columns[at].name))),
        Column::left("counted as", of(&|at| words(plan.columns[at].how).to_owned())),
        Column::right("bins", of(&|at| reference.columns[at].bins.n().to_string())),
        Column::left("type there", of(&|at| plan.columns[at].there.as_deref().map_or("–".into(), calm))),
        Column::left("note", of(&|at| plan.columns[at].note.as_deref().map_or(String::new(), calm))),
    ];
    let (rows, left_out) = lines(&table, out.width);
    for row in rows {
        out.line(row)?;
    }
    if !left_out.is_empty() {
        out.line(style(format!("Not shown, for want of room: {}.", left_out.join(", "))).dim())?;
    }
    out.line("")
}

/// `pulled`: of how many rows at most.
pub fn say_sql(
    out: &mut Out,
    plan: &Plan,
    found: &Described,
    reference: &Reference,
    pulled: Option<u64>,
) -> Result<(), Failure> {
    let said = |e: signalbox_engines::EngineError| super::said(e);
    if let Some(most) = pulled {
        return out.line(format!("{};", calm(&plan.pull_sql(found, most).map_err(said)?)));
    }
    if let Some(sql) = plan.segments().map_err(said)? {
        out.line(format!("{};\n", calm(&sql)))?;
    }
    for statement in plan.statements(reference).map_err(said)? {
        out.line(format!("{};\n", calm(&statement.sql)))?;
    }
    out.line(style("Names of new levels are asked for besides, of columns that have some.").dim())
}

fn words(how: How) -> &'static str {
    match how {
        How::Numbers => "numbers",
        How::Levels => "levels",
        How::Booleans => "booleans",
        How::Missing => "nulls: it is missing",
        How::Mismatched => "another type",
    }
}
