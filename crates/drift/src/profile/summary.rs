//! Counts, moments and a histogram in one pass: nothing of the values is kept. As fast as the file is read.

use crate::gather::{Counts, Gathered, Held};
use crate::moments::{Moments, Running};
use crate::read::{Column, Kind, Problems, Rows, Table};
use arrow::array::{Array, ArrayRef};
use serde::Serialize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub name: String,
    pub kind: Kind,
    #[serde(flatten)]
    pub counts: Counts,
    pub moments: Option<Moments>,
    /// 64 equal bins from the least to the greatest number.
    pub histogram: Vec<u64>,
    /// Of a column of levels: how many there are.
    pub levels: Option<u64>,
}

const BINS: usize = 64;

/// Column by column, two threads.
pub fn summaries(table: &Table, wanted: &[usize]) -> (Vec<Summary>, Problems) {
    let next = AtomicUsize::new(0);
    let passes = table.passes(wanted);
    let work = || {
        let (mut found, mut problems) = (Vec::new(), Problems::default());
        while let Some(pass) = passes.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(of_pass(table, pass, &mut problems));
        }
        (found, problems)
    };
    let (mut found, problems) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let (mut mine, mut problems) = work();
        let (others, said) = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        mine.extend(others);
        problems.extend(said);
        (mine, problems)
    });
    found.sort_by_key(|(at, _)| *at);
    (found.into_iter().map(|(_, summary)| summary).collect(), problems)
}

fn of_pass(table: &Table, pass: &[usize], problems: &mut Problems) -> Vec<(usize, Summary)> {
    let bounds: Vec<Option<(f64, f64)>> = pass.iter().map(|at| table.bounds(*at)).collect();
    let is_number = |at: &usize| matches!(table.columns()[*at].kind, Kind::Numeric | Kind::Datetime);
    let mut found: Vec<Counting> = pass.iter().map(|at| Counting::of(&table.columns()[*at])).collect();
    // The range is in the footer, or has to be looked for first.
    if pass.iter().zip(&bounds).any(|(at, bounds)| is_number(at) && bounds.is_none()) {
        let mut ranges = vec![Running::default(); pass.len()];
        table.scan(pass, &mut Problems::default(), &mut |batch| {
            for (range, column) in ranges.iter_mut().zip(&batch.columns) {
                if let Some(Rows::Numbers(values)) = column.as_ref().map(Rows::of) {
                    for value in values.iter().flatten().filter(|value| value.is_finite()) {
                        range.min = range.min.min(value);
                        range.max = range.max.max(value);
                    }
                }
            }
            ControlFlow::Continue(())
        });
        found.iter_mut().zip(ranges).for_each(|(to, range)| to.range(range.min, range.max));
    } else {
        found.iter_mut().zip(&bounds).for_each(|(to, bounds)| {
            let (min, max) = bounds.unwrap_or((0.0, 0.0));
            to.range(min, max);
        });
    }
    table.scan(pass, problems, &mut |batch| {
        for (to, column) in found.iter_mut().zip(&batch.columns) {
            to.add(column.as_ref(), batch.n_rows);
        }
        ControlFlow::Continue(())
    });
    pass.iter().copied().zip(found.into_iter().map(Counting::summary)).collect()
}

struct Counting {
    name: String,
    kind: Kind,
    counts: Counts,
    running: Running,
    low: f64,
    per_width: f64,
    bins: [u64; BINS],
    /// Of levels: whole.
    levels: Option<Gathered>,
}

const BLOCK: usize = 1024;

impl Counting {
    fn of(column: &Column) -> Counting {
        let is_number = matches!(column.kind, Kind::Numeric | Kind::Datetime);
        Counting {
            name: column.name.clone(),
            kind: column.kind,
            counts: Counts::default(),
            running: Running::default(),
            low: 0.0,
            per_width: 0.0,
            bins: [0; BINS],
            levels: (!is_number).then(|| Gathered::new(column.kind, None)),
        }
    }

    fn range(&mut self, min: f64, max: f64) {
        let per_width = BINS as f64 / (max - min);
        (self.low, self.per_width) =
            if per_width.is_finite() && min.is_finite() { (min, per_width) } else { (0.0, 0.0) };
    }

    fn add(&mut self, column: Option<&ArrayRef>, n_rows: usize) {
        if let Some(levels) = &mut self.levels {
            return levels.add(column, n_rows);
        }
        self.counts.rows += n_rows as u64;
        let Some(column) = column else {
            self.counts.nulls += n_rows as u64;
            return;
        };
        match Rows::of(column) {
            Rows::Numbers(values) => {
                self.counts.nulls += values.null_count() as u64;
                match values.nulls() {
                    None => values.values().chunks(BLOCK).for_each(|block| self.block(block)),
                    Some(nulls) => {
                        let mut kept = [0.0; BLOCK];
                        for (at, block) in values.values().chunks(BLOCK).enumerate() {
                            let mut n = 0;
                            for (row, value) in block.iter().enumerate() {
                                kept[n] = *value;
                                n += usize::from(nulls.is_valid(at * BLOCK + row));
                            }
                            self.block(&kept[..n]);
                        }
                    }
                }
            }
            _ => {
                let nulls = column.logical_null_count() as u64;
                self.counts.nulls += nulls;
                self.counts.mismatched += n_rows as u64 - nulls;
            }
        }
    }

    fn block(&mut self, block: &[f64]) {
        // x · 0 is 0 for finite numbers only.
        let is_finite = block.iter().fold(0.0, |sum, x| sum + x * 0.0) == 0.0;
        if is_finite {
            return self.finite(block);
        }
        let mut kept = Vec::with_capacity(block.len());
        for value in block {
            if value.is_finite() {
                kept.push(*value);
            } else if value.is_nan() {
                self.counts.nan += 1;
            } else if *value > 0.0 {
                self.counts.pos_inf += 1;
            } else {
                self.counts.neg_inf += 1;
            }
        }
        self.finite(&kept);
    }

    fn finite(&mut self, block: &[f64]) {
        self.running.add(block);
        for value in block {
            // `as` keeps within.
            let at = ((value - self.low) * self.per_width) as usize;
            self.bins[at.min(BINS - 1)] += 1;
        }
    }

    fn summary(self) -> Summary {
        let (counts, levels) = match &self.levels {
            None => (self.counts, None),
            Some(found) => (
                found.counts,
                match &found.held {
                    Held::Levels(levels) if levels.beyond == 0 => Some(levels.rows.len() as u64),
                    _ => None,
                },
            ),
        };
        let histogram = if self.levels.is_some() { Vec::new() } else { self.bins.to_vec() };
        Summary { name: self.name, kind: self.kind, counts, moments: self.running.moments(), histogram, levels }
    }
}
