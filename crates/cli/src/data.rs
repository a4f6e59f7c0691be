//! `signalbox data`: files looked at where they lie. Only `watch` opens a store; nothing is written but what was asked for.

mod drift;
mod fairness;
mod profile;
mod remote;
mod validate;
mod watch;
mod write;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use signalbox_app::drift::read::{Kind, Options, Problem, ReadError, Table};

use crate::Out;
use crate::arguments::data::{Data, Reading};
use crate::failure::{Failure, Outcome};
use crate::grid::calm;

pub fn run(command: Data, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    match command {
        Data::Profile(a) => profile::run(&a),
        Data::Drift(a) => drift::run(&a),
        Data::Remote(a) => remote::run(&a),
        Data::Validate(a) => validate::run(&a),
        Data::Rules(a) => validate::learnt(&a),
        Data::Fairness(a) => fairness::run(&a),
        Data::Watch(a) => watch::run(&a, data_dir),
        Data::Methods => drift::methods(),
    }
}

impl Reading {
    fn options(&self) -> Result<Options, Failure> {
        let mut types = HashMap::new();
        for text in &self.types {
            let (column, kind) = text.rsplit_once('=').ok_or_else(|| wrong_type(text))?;
            let kind = match kind {
                "numeric" => Kind::Numeric,
                "categorical" => Kind::Categorical,
                "boolean" => Kind::Boolean,
                "datetime" => Kind::Datetime,
                _ => return Err(wrong_type(text)),
            };
            types.insert(column.to_owned(), kind);
        }
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\\t") => Some('\t'),
            Some(text) => {
                let mut chars = text.chars();
                let first = chars.next().filter(|c| c.is_ascii() && chars.next().is_none());
                Some(first.ok_or_else(|| Failure::Usage(format!("{text:?} is not one ASCII character."), None))?)
            }
        };
        Ok(Options {
            types,
            delimiter,
            has_header: self.no_header.then_some(false),
            decimal_comma: self.decimal_comma.then_some(true),
            ..Options::default()
        })
    }
}

fn wrong_type(text: &str) -> Failure {
    let hint = "As in --type zip=categorical; kinds are numeric, categorical, boolean and datetime.";
    Failure::Usage(format!("{text:?} names no column's kind."), Some(hint.into()))
}

fn opened(path: &Path, options: &Options) -> Result<Table, Failure> {
    Table::open(path, options).map_err(failed)
}

fn failed(e: ReadError) -> Failure {
    match e {
        ReadError::NoColumn { .. } => Failure::Usage(e.to_string(), None),
        _ => Failure::System(e.to_string()),
    }
}

/// How far it is, on stderr, once it takes longer than a moment.
struct Bar(ProgressBar);

impl Bar {
    fn of(what: &'static str) -> Bar {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos} of {len} columns") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    fn at(&self, done: usize, all: usize) -> ControlFlow<()> {
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
        ControlFlow::Continue(())
    }

    fn end(self) {
        self.0.finish_and_clear();
    }
}

/// How a look ends that was to fail on what it finds: 3 where it is found; 1 where it is not, and not all was read.
fn ended(is_found: bool, shall_fail: bool, problems: &[Problem]) -> Outcome {
    if is_found {
        return Outcome::Problems;
    }
    let Some(lost) = problems.iter().find(|problem| shall_fail && problem.lost) else { return Outcome::Done };
    eprintln!("Not all could be read: {}: {}", calm(&lost.file), calm(&lost.message));
    Outcome::Partial
}

fn say_problems(out: &mut Out, problems: &[Problem]) -> Result<(), Failure> {
    for p in problems {
        let mut place = calm(&p.file);
        for part in [&p.place, &p.column].into_iter().flatten() {
            place.push_str(&format!(", {}", calm(part)));
        }
        out.line(format!("{} {place}", style("problem").yellow()))?;
        out.line(format!("  {}", calm(&p.message)))?;
        if let Some(hint) = &p.hint {
            out.line(style(format!("  {}", calm(hint))).dim())?;
        }
    }
    Ok(())
}
