//! A table held against its rules: read once, in bounded memory.

use super::seen::{Seen, Wrong};
use super::{ColumnRules, Name, Rules, Schema, Severity};
use crate::pair::short;
use crate::read::{Fingerprint, Kind, Problem, Problems, Table};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use ts_rs::TS;

/// A row that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[ts(rename = "RuleExample")]
pub struct Example {
    /// Of a folder's: which.
    pub file: Option<String>,
    /// From 1, in its file; a header is no row.
    pub row: u64,
    pub value: String,
}

/// A rule, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "AskedRule")]
pub struct Asked {
    /// `null`: of the table.
    pub column: Option<String>,
    pub rule: Name,
    pub severity: Severity,
    /// What the rule says.
    pub wanted: String,
    pub found: String,
    /// Rows that break it, where rows do; not all of them have to be borne.
    pub n_wrong: u64,
    /// The first of them.
    pub examples: Vec<Example>,
    pub passes: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "CheckedRules")]
pub struct Checked {
    pub path: String,
    pub rows: u64,
    /// None of the errors is broken; warnings may be.
    pub passes: bool,
    pub rules: Vec<Asked>,
    pub problems: Vec<Problem>,
}

impl Checked {
    pub fn broken(&self, severity: Severity) -> impl Iterator<Item = &Asked> {
        self.rules.iter().filter(move |asked| !asked.passes && asked.severity == severity)
    }
}

/// `now`: seconds since 1970, for the rule of freshness.
pub fn check(table: &Table, rules: &Rules, now: f64) -> Checked {
    let mut problems = table.problems.clone();
    let nothing = ColumnRules::default();
    let mut wanted: Vec<(usize, &str, &ColumnRules)> = Vec::new();
    for (at, column) in table.columns().iter().enumerate() {
        let is_time = rules.time.as_ref() == Some(&column.name);
        match rules.columns.get(&column.name) {
            Some(of) => wanted.push((at, &column.name, of)),
            None if is_time => wanted.push((at, &column.name, &nothing)),
            None => {}
        }
    }
    let mut seen: HashMap<&str, Seen> = HashMap::new();
    let mut n_rows = None;
    for pass in table.passes(&wanted.iter().map(|(at, ..)| *at).collect::<Vec<_>>()) {
        let (found, n) = of_pass(table, &pass, &wanted, &mut problems);
        n_rows = Some(n.max(n_rows.unwrap_or(0)));
        seen.extend(found);
    }
    let n_rows = n_rows.unwrap_or_else(|| count(table, &mut problems));
    let mut asked = of_table(table, rules, n_rows, now, &seen);
    for (name, of) in &rules.columns {
        let at = table.columns().iter().position(|column| column.name == *name);
        of_column(name, of, at.map(|at| table.columns()[at].kind), seen.get(&**name), &mut asked);
        if seen.get(&**name).is_some_and(|seen| seen.is_uniqueness_cut) {
            problems.add(Problem {
                file: table.path.display().to_string(),
                column: Some(name.clone()),
                place: None,
                lost: false,
                message: "It has more values than are remembered: later ones are only held against the first.".into(),
                hint: None,
            });
        }
    }
    let passes = asked.iter().all(|asked| asked.passes || asked.severity == Severity::Warning);
    let path = table.path.display().to_string();
    Checked { path, rows: n_rows, passes, rules: asked, problems: problems.told() }
}

fn of_pass<'a>(
    table: &'a Table,
    pass: &[usize],
    wanted: &[(usize, &'a str, &'a ColumnRules)],
    problems: &mut Problems,
) -> (Vec<(&'a str, Seen<'a>)>, u64) {
    let of = |at: &usize| {
        let (_, name, rules) = wanted.iter().find(|(other, ..)| other == at).expect("BUG: it was asked for");
        (*name, Seen::of(rules, table.columns()[*at].kind))
    };
    let mut found: Vec<(&str, Seen)> = pass.iter().map(of).collect();
    let (mut n_rows, mut file, mut row) = (0, usize::MAX, 1);
    table.scan(pass, problems, &mut |batch| {
        if batch.file != file {
            (file, row) = (batch.file, 1);
        }
        let name = (table.n_files() > 1).then(|| table.file_name(file));
        for ((_, seen), array) in found.iter_mut().zip(&batch.columns) {
            seen.add(array.as_ref(), batch.n_rows, name, row);
        }
        row += batch.n_rows as u64;
        n_rows += batch.n_rows as u64;
        ControlFlow::Continue(())
    });
    (found, n_rows)
}

fn count(table: &Table, problems: &mut Problems) -> u64 {
    let mut n_rows = 0;
    table.scan(&[], problems, &mut |batch| {
        n_rows += batch.n_rows as u64;
        ControlFlow::Continue(())
    });
    n_rows
}

fn of_table(table: &Table, rules: &Rules, n_rows: u64, now: f64, seen: &HashMap<&str, Seen>) -> Vec<Asked> {
    let mut asked = Vec::new();
    let mut put = |rule: Name, wanted: String, found: String, passes: bool| {
        let severity = if rules.warnings.contains(&rule) { Severity::Warning } else { Severity::Error };
        asked.push(Asked { column: None, rule, severity, wanted, found, n_wrong: 0, examples: Vec::new(), passes });
    };
    if rules.schema == Some(Schema::Exact) {
        let is_known = |name: &String| rules.columns.contains_key(name) || rules.time.as_ref() == Some(name);
        let others: Vec<&str> =
            table.columns().iter().map(|c| &c.name).filter(|name| !is_known(name)).map(String::as_str).collect();
        let is_there = |name: &&String| table.columns().iter().any(|column| column.name == **name);
        let lacks: Vec<&str> = rules.columns.keys().filter(|name| !is_there(name)).map(String::as_str).collect();
        let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let found = format!("unknown: {}; missing: {}", list(&others), list(&lacks));
        put(Name::Schema, "the named columns and no others".into(), found, others.is_empty() && lacks.is_empty());
    }
    if let Some(min) = rules.min_rows {
        put(Name::MinRows, format!("at least {min} rows"), format!("{n_rows} rows"), n_rows >= min);
    }
    if let Some(max) = rules.max_rows {
        put(Name::MaxRows, format!("at most {max} rows"), format!("{n_rows} rows"), n_rows <= max);
    }
    if let Some(hours) = rules.max_age_hours {
        let newest = match &rules.time {
            Some(time) => seen.get(&**time).map(|seen| seen.newest).filter(|newest| newest.is_finite()),
            None => written(table),
        };
        let age = newest.map(|newest| (now - newest) / 3600.0);
        let found = age.map_or("no row has a time".into(), |age| format!("{age:.1} hours"));
        put(Name::MaxAgeHours, format!("no older than {hours} hours"), found, age.is_some_and(|age| age <= hours));
    }
    asked
}

/// When the newest file was written, in seconds since 1970.
fn written(table: &Table) -> Option<f64> {
    let files = (0..table.n_files()).filter_map(|at| Fingerprint::of(Path::new(table.file_name(at))).ok());
    files.map(|file| file.modified as f64 / 1e9).reduce(f64::max)
}

fn of_column(name: &str, rules: &ColumnRules, kind: Option<Kind>, seen: Option<&Seen>, asked: &mut Vec<Asked>) {
    let mut put = |rule: Name, wanted: String, found: String, wrong: Option<&Wrong>, passes: bool| {
        let severity = if rules.warnings.contains(&rule) { Severity::Warning } else { Severity::Error };
        let (n_wrong, examples) = wrong.map_or((0, Vec::new()), |wrong| (wrong.n, wrong.examples.clone()));
        let column = Some(name.to_owned());
        asked.push(Asked { column, rule, severity, wanted, found, n_wrong, examples, passes });
    };
    if rules.required {
        let found = if kind.is_some() { "it is there" } else { "it is missing" };
        put(Name::Required, "the column is there".into(), found.into(), None, kind.is_some());
    }
    // What is not there breaks no other rule: that it has to be there is a rule of its own.
    let (Some(kind), Some(seen)) = (kind, seen) else { return };
    let rows = seen.counts.rows;
    let share = |n: u64| if rows == 0 { 0.0 } else { n as f64 / rows as f64 };
    let is_empty = seen.counts.nulls == rows;
    if let Some(wanted) = rules.kind {
        let word = |kind: Kind| format!("{kind:?}").to_lowercase();
        let passes = (kind == wanted || is_empty) && seen.mismatched.n == 0;
        put(Name::Type, word(wanted), word(kind), Some(&seen.mismatched), passes);
    }
    let per_cent = |share: f64| format!("{} %", short(share * 100.0));
    let of_rows = |n: u64| format!("{n} of {rows} rows");
    for (rule, limit, is_min, wrong) in
        [(Name::Min, rules.min, true, &seen.below), (Name::Max, rules.max, false, &seen.above)]
    {
        let Some(limit) = limit else { continue };
        let borne = rules.max_outside_share.unwrap_or(0.0);
        let word = if is_min { "least" } else { "most" };
        let wanted = match borne {
            0.0 => format!("at {word} {limit}"),
            borne => format!("at {word} {limit}, but for {} of the rows", per_cent(borne)),
        };
        let is_number = matches!(kind, Kind::Numeric | Kind::Datetime) || is_empty;
        let extreme = if is_min { seen.running.min } else { seen.running.max };
        let found = match (is_number, seen.running.n) {
            (false, _) => "it holds no numbers".to_owned(),
            (true, 0) => "no numbers".to_owned(),
            (true, _) => format!("at {word} {extreme}; outside: {}", of_rows(wrong.n)),
        };
        put(rule, wanted, found, Some(wrong), is_number && share(wrong.n) <= borne);
    }
    if let Some(set) = &rules.allowed {
        let borne = rules.max_new_level_share.unwrap_or(0.0);
        let shown: Vec<&str> = set.iter().take(8).map(String::as_str).collect();
        let more = if set.len() > shown.len() { ", …" } else { "" };
        let but = if borne > 0.0 { format!(", but for {} of the rows", per_cent(borne)) } else { String::new() };
        let wanted = format!("one of {}{more}{but}", shown.join(", "));
        let passes = share(seen.foreign.n) <= borne;
        put(Name::Allowed, wanted, format!("others: {}", of_rows(seen.foreign.n)), Some(&seen.foreign), passes);
    }
    for (rule, limit, wrong, what) in [
        (Name::MaxNullShare, rules.max_null_share, &seen.nulls, "null"),
        (Name::MaxNanShare, rules.max_nan_share, &seen.nan, "NaN"),
    ] {
        let Some(limit) = limit else { continue };
        let wanted = format!("at most {} {what}", per_cent(limit));
        put(rule, wanted, format!("{} {what}", per_cent(share(wrong.n))), Some(wrong), share(wrong.n) <= limit);
    }
    if rules.unique {
        let found = format!("twice or more: {}", of_rows(seen.twice.n));
        put(Name::Unique, "no value twice".into(), found, Some(&seen.twice), seen.twice.n == 0);
    }
    let mean = (seen.running.n > 0).then_some(seen.running.mean);
    let said = mean.map_or("no numbers".to_owned(), short);
    if let Some(min) = rules.min_mean {
        put(Name::MinMean, format!("a mean of at least {min}"), said.clone(), None, mean.is_some_and(|m| m >= min));
    }
    if let Some(max) = rules.max_mean {
        put(Name::MaxMean, format!("a mean of at most {max}"), said, None, mean.is_some_and(|m| m <= max));
    }
}
