//! Lists of numbers: how long they are, what is in them; of vectors, all of one length, whether a row can tell which side it
//! is of.

use super::Wanted;
use super::column::put;
use super::report::{ColumnReport, Effect, TestReport};
use crate::exact::compare as compare_numbers;
use crate::gather::Vectors;
use crate::moments::Moments;
use crate::quality::{Interval, auroc};
use crate::special::normal_sf;
use crate::test::mmd_vectors;
use crate::trees::{Column, Settings, domain_scores};
use crate::verdict::Rule;
use std::collections::BTreeMap;

/// A p of less than a two-hundredth is not asked of it: the verdict has its own.
const PERMUTATIONS: u32 = 199;
const SEED: u32 = 0;
/// The trees look at so many places of a vector, evenly taken: all of most embeddings. The discrepancy looks at all.
const MAX_PLACES: usize = 1024;
/// Small trees: a thousand rows of hundreds of columns teach no more, and take seconds with more leaves and bins.
const TREES: Settings = Settings { trees: 40, rate: 0.1, leaves: 8, min_leaf_rows: 20, bins: 31 };

pub fn compare(
    report: &mut ColumnReport,
    a: (&mut Vec<f64>, &mut Vec<f64>, &Vectors),
    b: (&mut Vec<f64>, &mut Vec<f64>, &Vectors),
    wanted: &Wanted,
) {
    let mut ask = |name: &str, x: &[f64], y: &[f64]| {
        let found = compare_numbers(x, y, &[])?;
        let std = Moments::of(x)?.std;
        put(
            &mut report.tests,
            &format!("ks:{name}"),
            Some(found.ks.d),
            Some(found.ks.p_value),
            Some(wanted.rule.alpha),
        );
        let effect = if std > 0.0 { found.wasserstein / std } else { f64::from(u8::from(found.wasserstein > 0.0)) };
        put(
            &mut report.tests,
            &format!("wasserstein_std:{name}"),
            Some(effect),
            None,
            Some(wanted.rule.min_wasserstein_std),
        );
        Some((found.ks.p_value, effect))
    };
    let length = ask("length", a.0, b.0);
    let items = ask("items", a.1, b.1);
    let worst = [(length, "wasserstein_std:length"), (items, "wasserstein_std:items")]
        .into_iter()
        .filter_map(|(found, name)| found.map(|(p, effect)| (p, effect, name)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((p_value, value, name)) = worst {
        report.p_value = Some(p_value);
        report.effect = Some(Effect { name, value, threshold: wanted.rule.min_wasserstein_std });
    }
    // Items of a vector are not drawn alone, and what moves may be how they go together: the vectors as such are judged.
    if let (Some((width, x)), Some((other, y))) = (a.2.sample(), b.2.sample())
        && width == other
        && let Some((p_value, effect)) = vectors(&mut report.tests, width, x, y, &wanted.rule)
    {
        report.p_value = Some(p_value);
        report.effect = Some(effect);
    }
}

/// Adds both tests; (p, effect) of the trees' one. Rows of `width` numbers, row after row.
fn vectors(
    tests: &mut BTreeMap<String, TestReport>,
    width: usize,
    a: &[f64],
    b: &[f64],
    rule: &Rule,
) -> Option<(f64, Effect)> {
    let n = [a.len() / width, b.len() / width];
    let rows = n.map(|n| n as u64);
    if let Some(found) = mmd_vectors(a, b, width, PERMUTATIONS, SEED.into()) {
        // The samples' own order is one of the permutations: p is never nothing.
        let p_value = (found.p_value * f64::from(PERMUTATIONS) + 1.0) / f64::from(PERMUTATIONS + 1);
        let report = TestReport {
            statistic: Some(found.statistic),
            p_value: Some(p_value),
            threshold: Some(rule.alpha),
            n: rows,
            interval: None,
            refused: None,
        };
        tests.insert("mmd:vectors".to_owned(), report);
    }
    let place = |at: usize| {
        let values = a.chunks_exact(width).chain(b.chunks_exact(width)).map(|row| row[at]);
        Column::Numbers(values.collect())
    };
    let n_places = width.min(MAX_PLACES);
    let columns: Vec<Column> = (0..n_places).map(|at| place(at * width / n_places)).collect();
    let is_current: Vec<bool> = (0..n[0] + n[1]).map(|row| row >= n[0]).collect();
    let scores = domain_scores(&columns, &is_current, Some(SEED), TREES)?;
    let area = auroc(&scores)?;
    // Mann and Whitney's: how far from a half it would be by chance. Below a half is nothing found.
    let (m, n) = (n[0] as f64, n[1] as f64);
    let p_value = normal_sf((area - 0.5) / ((m + n + 1.0) / (12.0 * m * n)).sqrt());
    let report = TestReport {
        statistic: Some(area),
        p_value: Some(p_value),
        threshold: Some(rule.min_auroc),
        n: rows,
        interval: Interval::of_auroc(&scores, 0.95).map(|interval| [interval.low, interval.high]),
        refused: None,
    };
    tests.insert("auroc:vectors".to_owned(), report);
    Some((p_value, Effect { name: "auroc:vectors", value: area, threshold: rule.min_auroc }))
}
