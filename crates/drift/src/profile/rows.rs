//! What is seen across columns of some rows: which go together, and which tell the target.

use super::is_number;
use crate::quantile::quantile;
use crate::read::{Batch, Kind, Problems, Rows, Table};
use arrow::array::{Array, AsArray};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Correlation {
    pub a: String,
    pub b: String,
    /// Spearman's ρ over the rows of a sample where both are there.
    pub spearman: f64,
    pub n: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Leak {
    pub column: String,
    /// The share of the target's variance (of its levels' for a classification) that the column alone explains on rows
    /// that it was not fitted on.
    pub explains: f64,
    pub n: u64,
}

const SAMPLE: u64 = 20_000;
const MAX_SAMPLED: usize = 200;
const MAX_CORRELATIONS: usize = 30;

/// Which columns are sampled at once: as many as are borne, and the target with each of them. Without one, the first.
pub fn passes(table: &Table, wanted: &[usize], target: Option<usize>) -> Vec<Vec<usize>> {
    let comparable = |at: &&usize| {
        let kind = table.columns()[**at].kind;
        is_number(kind) || kind == Kind::Categorical
    };
    let others: Vec<usize> = wanted.iter().filter(comparable).copied().filter(|at| Some(*at) != target).collect();
    let with_target = |some: &[usize]| {
        let mut pass: Vec<usize> = some.iter().copied().chain(target).collect();
        pass.sort_unstable();
        pass
    };
    let passes = others.chunks(MAX_SAMPLED - usize::from(target.is_some())).map(with_target);
    if target.is_some() { passes.collect() } else { passes.take(1).collect() }
}

/// Some rows, evenly taken, as numbers: levels by their place of first appearance, NaN where there is nothing.
pub struct Sample {
    columns: Vec<usize>,
    values: Vec<Vec<f64>>,
}

impl Sample {
    pub fn of(table: &Table, columns: Vec<usize>, n_rows: u64) -> Sample {
        let stride = (n_rows / SAMPLE).max(1) as usize;
        let mut values = vec![Vec::new(); columns.len()];
        let mut codes: Vec<HashMap<String, f64>> = vec![HashMap::new(); columns.len()];
        let mut seen = 0_usize;
        table.scan(&columns, &mut Problems::default(), &mut |batch: &Batch| {
            let first = seen.next_multiple_of(stride) - seen;
            for ((to, codes), column) in values.iter_mut().zip(&mut codes).zip(&batch.columns) {
                let rows = column.as_ref().map(Rows::of);
                for at in (first..batch.n_rows).step_by(stride) {
                    to.push(rows.as_ref().map_or(f64::NAN, |rows| value(rows, at, codes)));
                }
            }
            seen += batch.n_rows;
            ControlFlow::Continue(())
        });
        Sample { columns, values }
    }

    pub fn correlations(&self, table: &Table) -> Vec<Correlation> {
        let numeric: Vec<usize> =
            (0..self.columns.len()).filter(|at| table.columns()[self.columns[*at]].kind == Kind::Numeric).collect();
        let ranked: HashMap<usize, Vec<f64>> = numeric.iter().map(|at| (*at, ranks(&self.values[*at]))).collect();
        let mut found = Vec::new();
        for (i, a) in numeric.iter().enumerate() {
            for b in &numeric[i + 1..] {
                let (rho, n) = pearson(&ranked[a], &ranked[b]);
                if rho.is_finite() {
                    let name = |at: &usize| table.columns()[self.columns[*at]].name.clone();
                    found.push(Correlation { a: name(a), b: name(b), spearman: rho, n });
                }
            }
        }
        found.sort_by(|a, b| b.spearman.abs().total_cmp(&a.spearman.abs()));
        found.truncate(MAX_CORRELATIONS);
        found
    }

    /// Columns that explain more than 95 % of the target, in any order: fitted on the even rows, judged on the odd ones.
    pub fn leaks(&self, table: &Table, target: usize) -> Vec<Leak> {
        let Some(target) = self.columns.iter().position(|at| *at == target) else { return Vec::new() };
        let is_class = table.columns()[self.columns[target]].kind == Kind::Categorical
            || table.columns()[self.columns[target]].kind == Kind::Boolean;
        let y = &self.values[target];
        (0..self.columns.len())
            .filter(|at| *at != target)
            .filter_map(|at| {
                let (explains, n) = explained(&self.values[at], y, is_class)?;
                Some(Leak { column: table.columns()[self.columns[at]].name.clone(), explains, n })
            })
            .filter(|leak| leak.explains > 0.95)
            .collect()
    }
}

fn value(rows: &Rows, at: usize, codes: &mut HashMap<String, f64>) -> f64 {
    match rows {
        Rows::Numbers(values) if values.is_valid(at) => values.value(at),
        Rows::Booleans(values) if values.is_valid(at) => f64::from(u8::from(values.value(at))),
        Rows::Levels(values) if values.keys().is_valid(at) => {
            let Some(texts) = values.values().as_string_opt::<i32>() else { return f64::NAN };
            let n = codes.len() as f64;
            *codes.entry(texts.value(values.keys().value(at) as usize).to_owned()).or_insert(n)
        }
        _ => f64::NAN,
    }
}

/// Midranks; NaN stays.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|at| !values[*at].is_nan()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![f64::NAN; values.len()];
    let mut from = 0;
    while from < order.len() {
        let same = order[from..].iter().take_while(|at| values[**at] == values[order[from]]).count();
        let rank = from as f64 + (same as f64 + 1.0) / 2.0;
        order[from..from + same].iter().for_each(|at| ranks[*at] = rank);
        from += same;
    }
    ranks
}

/// (ρ, rows where both are there).
fn pearson(a: &[f64], b: &[f64]) -> (f64, u64) {
    let both = || a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let n = both().count() as f64;
    let (sum_a, sum_b) = both().fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / n, sum_b / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in both() {
        let (x, y) = (a - mean_a, b - mean_b);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    (xy / (xx * yy).sqrt(), n as u64)
}

const GROUPS: usize = 50;

/// How much of `y` the groups of `x` (its values, or its fiftieths) explain: 1 − the error left over that of the mean or of
/// the most usual class.
fn explained(x: &[f64], y: &[f64], is_class: bool) -> Option<(f64, u64)> {
    let mut sorted: Vec<f64> = x.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut edges: Vec<f64> = (1..GROUPS).filter_map(|at| quantile(&sorted, at as f64 / GROUPS as f64)).collect();
    edges.dedup();
    let rows: Vec<(usize, f64)> = (x.iter().zip(y))
        .filter(|(_, y)| y.is_finite())
        .map(|(x, y)| (if x.is_nan() { GROUPS } else { edges.partition_point(|edge| edge <= x) }, *y))
        .collect();
    if rows.len() < 100 {
        return None;
    }
    let fitted = || rows.iter().step_by(2);
    let judged = || rows.iter().skip(1).step_by(2);
    let guess = |of: &dyn Fn(usize) -> bool| -> Option<f64> {
        let values: Vec<f64> = fitted().filter(|(group, _)| of(*group)).map(|(_, y)| *y).collect();
        if values.is_empty() {
            None
        } else if is_class {
            let mut n: HashMap<u64, usize> = HashMap::new();
            values.iter().for_each(|y| *n.entry(y.to_bits()).or_default() += 1);
            n.into_iter().max_by_key(|(bits, n)| (*n, *bits)).map(|(bits, _)| f64::from_bits(bits))
        } else {
            Some(values.iter().sum::<f64>() / values.len() as f64)
        }
    };
    let alone = guess(&|_| true)?;
    let by_group: Vec<f64> = (0..=GROUPS).map(|group| guess(&|other| other == group).unwrap_or(alone)).collect();
    let error = |guess: f64, y: f64| if is_class { f64::from(u8::from(guess != y)) } else { (guess - y) * (guess - y) };
    let left: f64 = judged().map(|(group, y)| error(by_group[*group], *y)).sum();
    let before: f64 = judged().map(|(_, y)| error(alone, *y)).sum();
    (before > 0.0).then(|| (1.0 - left / before, rows.len() as u64))
}
