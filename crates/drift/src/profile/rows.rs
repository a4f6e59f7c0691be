//! What is seen across columns: rows that are there twice, columns that go together or tell the target.

use super::is_number;
use crate::quantile::quantile;
use crate::read::{Batch, Kind, Problems, Rows, Table, wholes_beyond};
use arrow::array::{Array, ArrayRef, AsArray};
use serde::Serialize;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Duplicates {
    /// Rows that were there before, in all columns.
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Correlation {
    pub a: String,
    pub b: String,
    /// Spearman's ρ over the rows of a sample where both are there.
    pub spearman: f64,
    pub n: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "SharedRows")]
pub struct Shared {
    pub path: String,
    pub rows: u64,
    /// Of its rows, how many the profiled data have too, in the columns of both.
    pub also_here: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Leak {
    pub column: String,
    /// The share of the target's variance (of its levels' for a classification) that the column alone explains on rows
    /// that it was not fitted on.
    pub explains: f64,
    pub n: u64,
}

/// Rows up to here are hashed, eight bytes each.
const MAX_HASHED: u64 = 40_000_000;
const SAMPLE: u64 = 20_000;
const MAX_SAMPLED: usize = 200;
const MAX_CORRELATIONS: usize = 30;

/// A hash of each row over these columns; `None` where there are too many rows.
pub fn hashes(table: &Table, columns: &[usize], n_rows: u64) -> Option<Vec<u64>> {
    if !(2..=MAX_HASHED).contains(&n_rows) {
        return None;
    }
    let mut found: Vec<u64> = Vec::with_capacity(n_rows as usize);
    // Damage was told when the columns were read.
    table.scan(columns, &mut Problems::default(), &mut |batch| {
        let from = found.len();
        found.resize(from + batch.n_rows, 0x9e37_79b9_7f4a_7c15);
        for column in &batch.columns {
            mix(&mut found[from..], column.as_ref());
        }
        if found.len() as u64 > MAX_HASHED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (found.len() as u64 <= MAX_HASHED).then_some(found)
}

/// Steps that spread a word's bits: MurmurHash3's finaliser.
fn spread(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

const NULL: u64 = 0x5bd1_e995_0bad_f00d;

fn mix(rows: &mut [u64], column: Option<&ArrayRef>) {
    let put =
        |row: &mut u64, value: u64| *row = spread(row.rotate_left(17) ^ value).wrapping_add(0x2545_f491_4f6c_dd1d);
    let Some(column) = column else {
        rows.iter_mut().for_each(|row| put(row, NULL));
        return;
    };
    match Rows::of(column) {
        Rows::Numbers(values) => {
            let mut wholes = wholes_beyond(column).into_iter().peekable();
            for (at, row) in rows.iter_mut().enumerate() {
                let bits = match wholes.next_if(|(row, _)| *row == at) {
                    Some((_, whole)) => spread(whole as u64),
                    None if values.is_null(at) => NULL,
                    // −0.0 is 0.0.
                    None => (values.value(at) + 0.0).to_bits(),
                };
                put(row, bits);
            }
        }
        Rows::Booleans(values) => {
            for (at, row) in rows.iter_mut().enumerate() {
                put(row, if values.is_null(at) { NULL } else { u64::from(values.value(at)) });
            }
        }
        Rows::Levels(values) => {
            let Some(texts) = values.values().as_string_opt::<i32>() else { return };
            let of = |at: usize| {
                let mut hasher = DefaultHasher::new();
                texts.value(at).hash(&mut hasher);
                hasher.finish()
            };
            let hashed: Vec<u64> = (0..texts.len()).map(of).collect();
            for (at, row) in rows.iter_mut().enumerate() {
                put(row, if values.keys().is_valid(at) { hashed[values.keys().value(at) as usize] } else { NULL });
            }
        }
        Rows::Lists { values, offsets, .. } => {
            for (at, row) in rows.iter_mut().enumerate() {
                let (from, till) = (offsets[at] as usize, offsets[at + 1] as usize);
                let sum = (from..till).fold(1, |sum: u64, at| spread(sum ^ values.value(at).to_bits()));
                put(row, sum);
            }
        }
        Rows::Opaque(..) => {}
    }
}

pub fn duplicates(mut hashes: Vec<u64>) -> Duplicates {
    hashes.sort_unstable();
    Duplicates { rows: hashes.windows(2).filter(|two| two[0] == two[1]).count() as u64 }
}

/// Which of the test's rows are here too, by the columns that both have.
pub fn shared(table: &Table, test: &Table, n_rows: u64) -> Shared {
    let both: Vec<(usize, usize)> = (table.columns().iter().enumerate())
        .filter_map(|(at, column)| Some((at, test.column(&column.name).ok()?)))
        .collect();
    let (mine, others): (Vec<usize>, Vec<usize>) = both.into_iter().unzip();
    let mut here = hashes(table, &mine, n_rows).unwrap_or_default();
    here.sort_unstable();
    let there = hashes(test, &others, 2).unwrap_or_default();
    let also_here = there.iter().filter(|hash| here.binary_search(hash).is_ok()).count() as u64;
    Shared { path: test.path.display().to_string(), rows: there.len() as u64, also_here }
}

/// Some rows, evenly taken, as numbers: levels by their place of first appearance, NaN where there is nothing.
pub struct Sample {
    columns: Vec<usize>,
    values: Vec<Vec<f64>>,
}

impl Sample {
    pub fn of(table: &Table, wanted: &[usize], n_rows: u64) -> Sample {
        let comparable = |at: &&usize| {
            let kind = table.columns()[**at].kind;
            is_number(kind) || kind == Kind::Categorical
        };
        let columns: Vec<usize> = wanted.iter().filter(comparable).copied().take(MAX_SAMPLED).collect();
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

    /// Columns that explain more than 95 % of the target: fitted on the even rows, judged on the odd ones.
    pub fn leaks(&self, table: &Table, target: usize) -> Vec<Leak> {
        let Some(target) = self.columns.iter().position(|at| *at == target) else { return Vec::new() };
        let is_class = table.columns()[self.columns[target]].kind == Kind::Categorical
            || table.columns()[self.columns[target]].kind == Kind::Boolean;
        let y = &self.values[target];
        let mut found: Vec<Leak> = (0..self.columns.len())
            .filter(|at| *at != target)
            .filter_map(|at| {
                let (explains, n) = explained(&self.values[at], y, is_class)?;
                Some(Leak { column: table.columns()[self.columns[at]].name.clone(), explains, n })
            })
            .filter(|leak| leak.explains > 0.95)
            .collect();
        found.sort_by(|a, b| b.explains.total_cmp(&a.explains));
        found
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
