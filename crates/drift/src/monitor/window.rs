//! A stretch of time beside the reference, from counts alone.

use super::cell::{Cell, CellColumn};
use super::frozen::{Bins, FrozenColumn, Reference};
use crate::distance::{Fill, Pair, present};
use crate::gather::Counts;
use crate::moments::Moments;
use crate::pair::{ColumnReport, Effect, LevelMove, Move, Rate, Report, Side, TestReport, significance_of_window};
use crate::read::Kind;
use crate::test::{chi2, ks_sf};
use crate::verdict::{Rule, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use ts_rs::TS;

/// A column of a window, with what draws it.
#[derive(Clone, Debug, Serialize, TS)]
pub struct ColumnWindow {
    #[serde(flatten)]
    pub report: ColumnReport,
    /// Of numbers: where the bins meet; the first and the last are open.
    pub edges: Vec<f64>,
    /// Of levels and of few values: each bin's name, the last is all others.
    pub names: Vec<String>,
    /// Rows of the reference and of the window on the bins.
    pub expected: Vec<u64>,
    pub found: Vec<u64>,
}

#[derive(Clone, Debug, Serialize, TS)]
#[ts(rename = "DataWindow")]
pub struct Window {
    pub rows: u64,
    pub verdict: Verdict,
    pub columns: Vec<ColumnWindow>,
}

/// Judged as two tables are, on bins: the Kolmogorov–Smirnov distance and Wasserstein's are what they are at least.
pub fn window(reference: &Reference, whole: &Cell, cell: &Cell, rule: &Rule) -> Window {
    let reports: Vec<ColumnReport> = (reference.columns.iter().zip(whole.columns.iter().zip(&cell.columns)))
        .map(|(frozen, (expected, found))| of_column(frozen, expected, found, rule))
        .collect();
    let side = |path: &str| Side { path: path.to_owned(), files: 0, dialect: None };
    let judged = Report::judged(side("reference"), side("window"), reports, *rule, Vec::new());
    let columns = (judged.columns.into_iter().zip(&reference.columns).zip(whole.columns.iter().zip(&cell.columns)))
        .map(|((report, frozen), (expected, found))| {
            let (edges, names) = match &frozen.bins {
                Bins::Edges { edges, .. } => (edges.clone(), Vec::new()),
                Bins::Values(values) => (Vec::new(), values.iter().map(f64::to_string).collect()),
                Bins::Levels(levels) => (Vec::new(), levels.clone()),
            };
            ColumnWindow { report, edges, names, expected: expected.bins.clone(), found: found.bins.clone() }
        })
        .collect();
    Window { rows: cell.rows, verdict: judged.verdict, columns }
}

pub fn of_column(frozen: &FrozenColumn, expected: &CellColumn, found: &CellColumn, rule: &Rule) -> ColumnReport {
    let mut report = ColumnReport {
        name: frozen.name.clone(),
        kind: frozen.kind,
        reference: Some(side(frozen, expected)),
        current: Some(side(frozen, found)),
        tests: BTreeMap::new(),
        effect: None,
        p_value: None,
        p_adjusted: None,
        by: None,
        histogram: None,
        rates: rates(&expected.counts, &found.counts),
        new_levels: found
            .new_levels
            .iter()
            .map(|(level, rows)| LevelMove { level: level.clone(), rows: *rows })
            .collect(),
        gone_levels: Vec::new(),
        verdict: Verdict::NoDrift,
        says: String::new(),
        settled: None,
    };
    let n = [expected.finite(), found.finite()];
    let few_rows = expected.counts.rows.min(found.counts.rows) < rule.min_rows;
    let is_gone = report
        .rates
        .iter()
        .any(|rate| rate.p_value < rule.alpha / 10.0 && (rate.current - rate.reference).abs() >= rule.min_share);
    let (a, b) = (frozen.bins.coarse(&expected.bins), frozen.bins.coarse(&found.bins));
    let (a, b) = present(&a, &b);
    let pair = Pair { reference: &a, current: &b };
    let mut put = |name: &str, statistic: Option<f64>, p_value: Option<f64>, threshold: Option<f64>| {
        if let Some(statistic) = statistic.filter(|value| value.is_finite()) {
            let test = TestReport { statistic: Some(statistic), p_value, threshold, n, interval: None, refused: None };
            report.tests.insert(name.to_owned(), test);
        }
    };
    let js = pair.jensen_shannon();
    put("psi", pair.psi(Fill::HalfARow), None, pair.psi_critical(rule.alpha));
    put("js", js, None, Some(rule.min_js));
    put("hellinger", pair.hellinger(), None, None);
    let pearson = chi2(&a, &b);
    put("chi2", pearson.map(|test| test.statistic), pearson.map(|test| test.p_value), Some(rule.alpha));
    let std = frozen.moments.map_or(0.0, |moments| moments.std);
    let is_number = matches!(frozen.kind, Kind::Numeric | Kind::Datetime);
    if is_number && n[0] > 0 && n[1] > 0 {
        let (d, area) = apart(&frozen.bins, &expected.bins, &found.bins);
        let rows = (n[0] as f64 * n[1] as f64 / (n[0] + n[1]) as f64).round().max(1.0) as u64;
        let p_value = ks_sf(d, rows);
        put("ks", Some(d), Some(p_value), Some(rule.alpha));
        let moved = (found.sum / n[1] as f64 - expected.sum / n[0] as f64).abs();
        if std > 0.0 {
            let effect = area.max(moved) / std;
            put("wasserstein_std", Some(effect), None, Some(rule.min_wasserstein_std));
            report.effect =
                Some(Effect { name: "wasserstein_std", value: effect, threshold: rule.min_wasserstein_std });
        } else {
            let other = found.bins.last().copied().unwrap_or(0) as f64 / n[1] as f64;
            report.effect =
                Some(Effect { name: "share of other values", value: other, threshold: rule.min_wasserstein_std });
        }
        report.p_value = Some(p_value);
    } else if let (Some(js), Some(pearson)) = (js, pearson) {
        report.p_value = Some(significance_of_window(&a, &b, &pearson, js >= rule.min_js, rule.alpha));
        report.effect = Some(Effect { name: "js", value: js, threshold: rule.min_js });
    }
    if n.iter().any(|n| *n < rule.min_rows) && (few_rows || !is_gone) {
        let said = format!("{} values: too few to tell (at least {}).", n[1].min(n[0]), rule.min_rows);
        report.settled = Some((Verdict::TooFewRows, said));
    }
    report
}

fn side(frozen: &FrozenColumn, column: &CellColumn) -> Move {
    let n = column.finite() as f64;
    let moments = frozen.moments.filter(|_| n > 0.0 && column.min <= column.max).map(|reference| {
        let mean = column.sum / n;
        let std = (column.squares / n - mean * mean).max(0.0).sqrt();
        Moments { min: column.min, max: column.max, mean: reference.mean + mean, std }
    });
    Move { physical: frozen.physical.clone(), counts: column.counts, moments, levels: None }
}

fn rates(a: &Counts, b: &Counts) -> Vec<Rate> {
    crate::pair::rates(a, b)
}

/// (the largest distance of the distribution functions where bins meet, ∫ |F − G| between the first edge and the last with
/// both taken to be straight within a bin).
fn apart(bins: &Bins, a: &[u64], b: &[u64]) -> (f64, f64) {
    let all = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (n, m) = (all(a), all(b));
    let points: &[f64] = match bins {
        Bins::Edges { edges, .. } => edges,
        Bins::Values(values) => values,
        Bins::Levels(_) => &[],
    };
    let is_step = matches!(bins, Bins::Values(_));
    let (mut d, mut area, mut sums, mut last) = (0.0_f64, 0.0, (0_u64, 0_u64), None::<(f64, f64)>);
    for (at, point) in points.iter().enumerate() {
        sums = (sums.0 + a[at], sums.1 + b[at]);
        let here = sums.0 as f64 / n - sums.1 as f64 / m;
        if let Some((from, before)) = last {
            area += (point - from) * if is_step { before.abs() } else { straight(before, here) };
        }
        d = d.max(here.abs());
        last = Some((*point, here));
    }
    (d, area)
}

/// The mean of |x| along a straight line from one value to another.
fn straight(from: f64, to: f64) -> f64 {
    if from.signum() == to.signum() || from == 0.0 || to == 0.0 {
        f64::midpoint(from.abs(), to.abs())
    } else {
        (from * from + to * to) / (2.0 * (from.abs() + to.abs()))
    }
}
