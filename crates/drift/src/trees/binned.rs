//! Columns as small numbers: 0 is missing, the rest rises.

use super::Column;
use std::collections::BTreeMap;

/// The bin of what is missing.
pub(super) const MISSING: u8 = 0;

#[derive(Clone, Debug)]
pub(super) struct Binning {
    columns: Vec<Rule>,
}

#[derive(Clone, Debug)]
enum Rule {
    /// A value's bin is 1 + the number of edges below it.
    Edges(Vec<f64>),
    Codes(BTreeMap<u32, u8>),
}

/// Column by column.
pub(super) struct Binned {
    pub rows: usize,
    pub columns: Vec<Vec<u8>>,
}

impl Binning {
    pub fn of(columns: &[Column], target: &[f64], bins: usize) -> Binning {
        let bins = bins.clamp(2, 255);
        let rule = |column: &Column| match column {
            Column::Numbers(values) => Rule::Edges(edges(values, bins)),
            Column::Levels(codes) => Rule::Codes(ordered(codes, target, bins)),
        };
        Binning { columns: columns.iter().map(rule).collect() }
    }

    /// As many rows as the first column has. A column that is not there, is of another kind than was learned from, or of
    /// another length, is all missing.
    pub fn binned(&self, columns: &[Column]) -> Binned {
        let rows = columns.first().map_or(0, Column::rows);
        let of = |(at, rule): (usize, &Rule)| match (rule, columns.get(at).filter(|column| column.rows() == rows)) {
            (Rule::Edges(edges), Some(Column::Numbers(values))) => {
                values.iter().map(|value| bin(edges, *value)).collect()
            }
            (Rule::Codes(bins), Some(Column::Levels(codes))) => {
                codes.iter().map(|code| code.and_then(|code| bins.get(&code).copied()).unwrap_or(MISSING)).collect()
            }
            _ => vec![MISSING; rows],
        };
        Binned { rows, columns: self.columns.iter().enumerate().map(of).collect() }
    }
}

fn bin(edges: &[f64], value: f64) -> u8 {
    // At most 254 edges.
    if value.is_nan() { MISSING } else { 1 + edges.partition_point(|edge| *edge < value) as u8 }
}

/// Between neighbouring values, so that the bins hold nearly the same number of rows; a value is never cut in two.
fn edges(values: &[f64], bins: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    let most = if distinct <= bins { 0.0 } else { sorted.len() as f64 / bins as f64 };
    let (mut edges, mut rows): (Vec<f64>, usize) = (Vec::new(), 0);
    let groups: Vec<&[f64]> = sorted.chunk_by(|a, b| a == b).collect();
    for pair in groups.windows(2) {
        rows += pair[0].len();
        if rows as f64 >= most * (edges.len() + 1) as f64 && edges.len() + 1 < bins {
            // The lower value itself: no number between has to be found, of −∞ and ∞ neither.
            edges.push(pair[0][0]);
        }
    }
    edges
}

/// Levels by the mean of their targets: of all ways to cut them in two, the best for squares is one of those between
/// neighbours (Fisher, Journal of the American Statistical Association 53, 1958). Rare levels are drawn to the whole
/// mean by ten rows of it, for else their own targets would be learned by heart.
fn ordered(codes: &[Option<u32>], target: &[f64], bins: usize) -> BTreeMap<u32, u8> {
    let mut levels: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (code, target) in codes.iter().zip(target) {
        if let Some(code) = code {
            let level = levels.entry(*code).or_default();
            *level = (level.0 + 1.0, level.1 + target);
        }
    }
    let mean = target.iter().sum::<f64>() / target.len().max(1) as f64;
    let known: f64 = levels.values().map(|(rows, _)| rows).sum();
    let mut order: Vec<(f64, u32, f64)> =
        levels.into_iter().map(|(code, (rows, sum))| ((sum + 10.0 * mean) / (rows + 10.0), code, rows)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let each = order.len() <= bins;
    let mut before = 0.0;
    let place = |(at, (_, code, rows)): (usize, (f64, u32, f64))| {
        let bin = if each { at } else { ((before / known * bins as f64) as usize).min(bins - 1) };
        before += rows;
        (code, 1 + bin as u8)
    };
    order.into_iter().enumerate().map(place).collect()
}
