//! A reference and a current table, column by column, exactly.

mod column;
mod histogram;
mod lists;
mod report;
mod significance;
mod texts;

pub(crate) use column::rates;
pub use column::{ColumnPair, compare_columns};
pub use histogram::Histogram;
pub use report::{ColumnReport, Effect, LevelMove, Move, Rate, Report, Side, TestReport, short, short_p};
pub(crate) use significance::significance_of_window;

use crate::gather::Gathered;
use crate::method::Method;
use crate::read::{Problem, Problems, Table, zones};
use crate::verdict::Rule;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Who waits for the other side to be read hears so soon that nobody waits any more.
const LOOK: Duration = Duration::from_millis(2);

/// What to compare, and how.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub rule: Rule,
    /// Besides our own.
    pub methods: Vec<&'static Method>,
    /// Only these; all if there are none.
    pub columns: Vec<String>,
    /// Not these.
    pub ignore: Vec<String>,
}

/// Where the work is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub columns_done: usize,
    pub columns: usize,
}

/// Reads both and compares all columns of either. `None` if `progress` told it to stop.
pub fn compare_tables(
    reference: &Table,
    current: &Table,
    wanted: &Wanted,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Option<Report> {
    let is_wanted =
        |name: &String| (wanted.columns.is_empty() || wanted.columns.contains(name)) && !wanted.ignore.contains(name);
    let named = |table: &Table| {
        let all = table.columns().iter().enumerate();
        all.filter(|(_, column)| is_wanted(&column.name))
            .map(|(at, column)| (column.name.clone(), at))
            .collect::<Vec<_>>()
    };
    let (left, right) = (named(reference), named(current));
    // Tables have thousands of columns now and then.
    let by_name = |columns: &[(String, usize)]| columns.iter().cloned().collect::<HashMap<String, usize>>();
    let (here, there) = (by_name(&left), by_name(&right));
    let both: Vec<(usize, usize)> = left.iter().filter_map(|(name, at)| Some((*at, *there.get(name)?))).collect();
    let mut problems = reference.problems.clone();
    problems.extend(current.problems.clone());
    let (mut reports, mut done) = (Vec::new(), 0);
    let lacking = |columns: &[(String, usize)], others: &HashMap<String, usize>| {
        columns.iter().filter(|(name, _)| !others.contains_key(name)).map(|(_, at)| *at).collect::<Vec<usize>>()
    };
    let (gone, new) = (lacking(&left, &there), lacking(&right, &here));
    let total = left.len() + new.len();
    for pass in passes(reference, current, &both) {
        let (a, b): (Vec<usize>, Vec<usize>) = pass.iter().copied().unzip();
        let stop = AtomicBool::new(false);
        let ((mine, said), (others, also_said)) = std::thread::scope(|scope| {
            let other = scope.spawn(|| gathered_while(current, &b, &mut || !stop.load(Ordering::Relaxed)));
            let mut goes_on = || {
                let is_over = progress(Progress { columns_done: done, columns: total }).is_break();
                stop.fetch_or(is_over, Ordering::Relaxed);
                !is_over
            };
            let mine = gathered_while(reference, &a, &mut goes_on);
            // The other side may be the longer.
            while !other.is_finished() && goes_on() {
                std::thread::sleep(LOOK);
            }
            (mine, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        if stop.into_inner() {
            return None;
        }
        problems.extend(said);
        problems.extend(also_said);
        for ((a, b), (mine, other)) in pass.iter().zip(mine.into_iter().zip(others)) {
            let columns = (&reference.columns()[*a], &current.columns()[*b]);
            if let (Some(before), Some(after)) = (columns.0.has_zone(), columns.1.has_zone())
                && before != after
            {
                problems.add(zones(&current.path.display().to_string(), &columns.1.name, after));
            }
            let pair = ColumnPair {
                name: reference.columns()[*a].name.clone(),
                reference: mine,
                current: other,
                physical: (reference.columns()[*a].physical.clone(), current.columns()[*b].physical.clone()),
            };
            reports.push((*a, compare_columns(pair, wanted)));
            done += 1;
            if progress(Progress { columns_done: done, columns: total }).is_break() {
                return None;
            }
        }
    }
    for (table, is_reference, alone) in [(reference, true, gone), (current, false, new)] {
        for pass in table.passes(&alone) {
            let (found, said) = gathered(table, &pass);
            problems.extend(said);
            for (at, column) in pass.iter().zip(found) {
                let about = &table.columns()[*at];
                let report = ColumnReport::of_one(&about.name, &about.physical, &column, is_reference);
                reports.push((if is_reference { *at } else { usize::MAX }, report));
            }
        }
    }
    reports.sort_by_key(|(at, _)| *at);
    let columns = reports.into_iter().map(|(_, report)| report).collect();
    Some(Report::judged(Side::of(reference), Side::of(current), columns, wanted.rule, problems.told()))
}

/// As many columns at once as both sides bear.
fn passes(reference: &Table, current: &Table, both: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    let of = |table: &Table, columns: Vec<usize>| table.passes(&columns).iter().map(Vec::len).max().unwrap_or(1);
    let n =
        of(reference, both.iter().map(|(a, _)| *a).collect()).min(of(current, both.iter().map(|(_, b)| *b).collect()));
    both.chunks(n.max(1)).map(<[(usize, usize)]>::to_vec).collect()
}

/// These columns, whole.
pub fn gathered(table: &Table, columns: &[usize]) -> (Vec<Gathered>, Problems) {
    gathered_while(table, columns, &mut || true)
}

/// As far as they were read when `goes_on` said no.
pub(crate) fn gathered_while(
    table: &Table,
    columns: &[usize],
    goes_on: &mut dyn FnMut() -> bool,
) -> (Vec<Gathered>, Problems) {
    let mut problems = Problems::default();
    let mut found: Vec<Gathered> =
        columns.iter().map(|at| Gathered::new(table.columns()[*at].kind, table.n_rows())).collect();
    table.scan(columns, &mut problems, &mut |batch| {
        for (to, column) in found.iter_mut().zip(&batch.columns) {
            to.add(column.as_ref(), batch.n_rows);
        }
        if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    for (at, column) in columns.iter().zip(&found).filter(|(_, column)| column.rounded > 0) {
        problems.add(Problem::rounded(&table.path, &table.columns()[*at].name, column.rounded));
    }
    (found, problems)
}
