//! `signalbox data remote`: the table stays where it is, counts come back. Said first is what runs where and what it reads.

mod plan;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use signalbox_app::drift::monitor::{Cell, Definition, FileCells, HOUR, Reference, window};
use signalbox_app::drift::pair::{Report, Side, Wanted as Compared, compare_tables};
use signalbox_app::drift::read::{Problem, Problems, Table};
use signalbox_app::drift::verdict::Rule;
use signalbox_engines::{
    Address, Cancel, Connection, Described, EngineError, How, Limits, Password, Plan, TableName, Wanted,
};

use super::drift::{outcome_of, say};
use super::{failed, opened};
use crate::Out;
use crate::arguments::data::Remote;
use crate::failure::{Failure, Outcome};
use crate::grid::calm;

pub fn run(arguments: &Remote) -> Result<Outcome, Failure> {
    let address = Address::parse(&arguments.url).map_err(said)?;
    let table = TableName::parse(&arguments.table).map_err(said)?;
    let local = opened(&arguments.reference, &arguments.reading.options()?)?;
    let definition = Definition {
        time: arguments.time.clone(),
        segment: arguments.segment.clone(),
        ignore: arguments.ignore.clone(),
        ..Definition::default()
    };
    for name in &arguments.ignore {
        local.column(name).map_err(failed)?;
    }
    let mut problems = Problems::default();
    let reference = Reference::freeze(&local, &definition, &mut problems);
    if reference.columns.is_empty() {
        let message = format!("{} has no column that could be compared.", arguments.reference.display());
        return Err(Failure::Usage(message, None));
    }
    let cancel = Cancel::default();
    let bar = waiting(&address);
    let pulled = Pulled::default();
    let asked = Asked { arguments, address: &address, local: &local, reference: &reference, pulled: &pulled };
    let done = interruptible(&cancel, &pulled, || asked.of(&table, &cancel, &bar, problems));
    bar.finish_and_clear();
    done
}

struct Asked<'a> {
    arguments: &'a Remote,
    address: &'a Address,
    local: &'a Table,
    reference: &'a Reference,
    pulled: &'a Pulled,
}

/// The folder of rows that were pulled: whoever ends this process removes it.
type Pulled = Arc<Mutex<Option<PathBuf>>>;

impl Asked<'_> {
    fn of(
        &self,
        table: &TableName,
        cancel: &Cancel,
        bar: &ProgressBar,
        problems: Problems,
    ) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let limits = Limits { timeout: std::time::Duration::from_secs(arguments.timeout), ..Limits::default() };
        let password = Password::of_environment(self.address.engine);
        let mut engine = Connection::open(self.address, &password, limits, cancel).map_err(said)?;
        let found = engine.describe(table).map_err(said)?;
        let wanted = Wanted {
            time: arguments.time.clone(),
            segment: arguments.segment.clone(),
            hours: None,
            this_hour: this_hour(),
        };
        let plan = engine.plan(self.reference, &found, &wanted, arguments.last).map_err(said)?;
        let is_small = found.estimate.rows.is_some_and(|rows| rows <= arguments.pull_below);
        let is_pulled = is_small && plan.cannot_be_pulled(&found).is_none();
        let mut out = Out::stdout();
        let places = plan::Places { reference: &arguments.reference, address: self.address, is_pulled };
        if arguments.plan {
            plan::say(&mut out, &places, &plan, &found, self.reference)?;
            plan::say_sql(&mut out, &plan, &found, self.reference, is_pulled.then_some(arguments.pull_below))?;
            return out.end(Outcome::Done);
        }
        if !arguments.json {
            plan::say(&mut out, &places, &plan, &found, self.reference)?;
        }
        let rule = Rule { alpha: arguments.alpha, min_rows: arguments.min_rows, ..Rule::default() };
        let (mut report, cells) = if is_pulled {
            bar.set_message("Pulling rows");
            (self.pulled(&mut engine, &plan, &found, rule, cancel)?, None)
        } else {
            bar.set_message(format!("{} is counting", self.address.engine.name()));
            let cells = engine.count(&plan, self.reference).map_err(said)?;
            (self.judged(&cells, rule), Some(cells))
        };
        bar.finish_and_clear();
        report.current = Side { path: format!("{} at {}", plan.table, self.address.shown), files: 0, dialect: None };
        report.problems.splice(0..0, problems.told());
        report.problems.extend(lacking(&plan, &report.current.path));
        let outcome = outcome_of(&report, arguments.fail_on);
        if arguments.json {
            out.line(serde_json::to_string(&report).map_err(|e| Failure::System(e.to_string()))?)?;
            return out.end(outcome);
        }
        say(&mut out, &report)?;
        if let Some(cells) = &cells {
            self.say_cells(&mut out, cells, &rule)?;
        }
        out.end(outcome)
    }

    /// Exactly, from rows that are gone again with this process.
    fn pulled(
        &self,
        engine: &mut Connection,
        plan: &Plan,
        found: &Described,
        rule: Rule,
        cancel: &Cancel,
    ) -> Result<Report, Failure> {
        let dir = tempfile::tempdir().map_err(|e| Failure::System(e.to_string()))?;
        *self.pulled.lock().unwrap_or_else(PoisonError::into_inner) = Some(dir.path().to_owned());
        let path = dir.path().join("rows.arrow");
        engine.pull(plan, found, self.arguments.pull_below, &path).map_err(said)?;
        let rows = opened(&path, &Default::default())?;
        let columns = plan.columns.iter().map(|column| column.name.clone()).collect();
        let wanted = Compared { rule, methods: Vec::new(), columns, ignore: Vec::new() };
        let goes_on = || if cancel.is_told() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let report = compare_tables(self.local, &rows, &wanted, &mut |_| goes_on());
        report.ok_or_else(|| said(EngineError::Cancelled))
    }

    /// All hours and segments together.
    fn judged(&self, cells: &FileCells, rule: Rule) -> Report {
        let mut all = Cell::empty(self.reference);
        cells.cells.iter().for_each(|(_, _, cell)| all.add(cell));
        let found = window(self.reference, &self.reference.whole(), &all, &rule);
        Report {
            reference: Side::of(self.local),
            current: Side { path: String::new(), files: 0, dialect: None },
            rule,
            verdict: found.verdict,
            columns: found.columns.into_iter().map(|column| column.report).collect(),
            problems: Vec::new(),
        }
    }

    fn say_cells(&self, out: &mut Out, cells: &FileCells, rule: &Rule) -> Result<(), Failure> {
        let mut segments: Vec<&str> = cells.cells.iter().map(|(_, segment, _)| segment.as_str()).collect();
        segments.sort_unstable();
        segments.dedup();
        for segment in segments.iter().filter(|_| self.arguments.segment.is_some()) {
            let mut sum = Cell::empty(self.reference);
            cells.cells.iter().filter(|(_, name, _)| name == segment).for_each(|(_, _, cell)| sum.add(cell));
            let found = window(self.reference, &self.reference.of(Some(segment)), &sum, rule);
            let drifted = found.columns.iter().filter(|column| column.report.verdict.is_drift());
            let names: Vec<String> = drifted.map(|column| calm(&column.report.name)).collect();
            let names = if names.is_empty() { found.verdict.words().to_owned() } else { names.join(", ") };
            out.line(format!("{}  {} rows: {names}", style(calm(segment)).bold(), sum.rows))?;
        }
        if cells.n_timeless > 0 {
            out.line(style(format!("{} rows have no time and are in no hour.", cells.n_timeless)).dim())?;
        }
        Ok(())
    }
}

fn lacking<'a>(plan: &'a Plan, path: &'a str) -> impl Iterator<Item = Problem> + 'a {
    plan.columns.iter().filter(|column| column.how == How::Missing).map(move |column| Problem {
        file: path.to_owned(),
        column: Some(column.name.clone()),
        place: None,
        lost: false,
        message: "The table does not have this column: its rows count as nulls.".into(),
        hint: None,
    })
}

fn this_hour() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() as i64 / HOUR)
}

fn waiting(address: &Address) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg} … {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(format!("Asking {}", address.shown));
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn said(e: EngineError) -> Failure {
    let hint = e.hint();
    if e.is_usage() {
        return Failure::Usage(e.to_string(), hint.map(str::to_owned));
    }
    Failure::System(hint.map_or_else(|| e.to_string(), |hint| format!("{e}\n{hint}")))
}

/// The first Ctrl-C or SIGTERM ends the query over there; a second ends this process.
fn interruptible<T>(cancel: &Cancel, pulled: &Pulled, work: impl FnOnce() -> T) -> T {
    // Without it, a signal ends this process as any other, and the engine notices the closed connection.
    let told = cancel.clone();
    let pulled = pulled.clone();
    let end = move || {
        if let Some(folder) = pulled.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(130)
    };
    let _ = crate::signals::listen(move || told.tell(), end);
    work()
}
