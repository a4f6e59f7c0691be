//! Tests on counts: two rows (reference and current), a column for each level. Levels that are in neither are left out.

use super::Tested;
use crate::special::{chi2_sf, normal_sf};
use statrs::function::gamma::ln_gamma;

/// A chi-square test of independence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contingency {
    pub statistic: f64,
    pub p_value: f64,
    pub df: f64,
    /// The smallest expected count: below five the limit is a poor one.
    pub min_expected: f64,
}

impl From<Contingency> for Tested {
    fn from(found: Contingency) -> Tested {
        Tested { statistic: found.statistic, p_value: found.p_value }
    }
}

/// Pearson's, without Yates' correction. `None` if a row is empty. One level alone is no drift: p = 1.
pub fn chi2(reference: &[u64], current: &[u64]) -> Option<Contingency> {
    contingency(reference, current, |observed, expected| (observed - expected).powi(2) / expected)
}

/// With Yates' correction where there are two levels, as scipy and the peers that build on it do by default.
pub fn chi2_yates(reference: &[u64], current: &[u64]) -> Option<Contingency> {
    let is_square = reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).count() == 2;
    contingency(reference, current, |observed, expected| {
        let apart = (observed - expected).abs();
        let apart = if is_square { apart - apart.min(0.5) } else { apart };
        apart * apart / expected
    })
}

/// The likelihood ratio 2 Σ O ln(O/E).
pub fn g_test(reference: &[u64], current: &[u64]) -> Option<Contingency> {
    contingency(
        reference,
        current,
        |observed, expected| {
            if observed == 0.0 { 0.0 } else { 2.0 * observed * (observed / expected).ln() }
        },
    )
}

fn contingency(reference: &[u64], current: &[u64], cell: impl Fn(f64, f64) -> f64) -> Option<Contingency> {
    let (n, m) = (sum(reference), sum(current));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let (mut statistic, mut levels, mut min_expected) = (0.0, 0.0, f64::INFINITY);
    for (a, b) in reference.iter().zip(current).map(|(a, b)| (*a as f64, *b as f64)).filter(|(a, b)| a + b > 0.0) {
        levels += 1.0;
        for (observed, row) in [(a, n), (b, m)] {
            let expected = (a + b) * row / (n + m);
            min_expected = min_expected.min(expected);
            statistic += cell(observed, expected);
        }
    }
    let df = levels - 1.0;
    Some(Contingency { statistic, p_value: chi2_sf(statistic, df), df, min_expected })
}

/// The goodness of fit of the current sample to the reference's shares, which are taken for the truth: what Evidently
/// calls chi-square. With references of the current sample's size its p-values are far too small. A level that the
/// reference lacks makes it infinite.
pub fn chi2_of_fit(reference: &[u64], current: &[u64]) -> Option<Tested> {
    let (n, m) = (sum(reference), sum(current));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let (mut statistic, mut levels) = (0.0, 0.0);
    for (a, b) in reference.iter().zip(current).map(|(a, b)| (*a as f64, *b as f64)).filter(|(a, b)| a + b > 0.0) {
        let expected = a * m / n;
        statistic += (b - expected) * (b - expected) / expected;
        levels += 1.0;
    }
    Some(Tested { statistic, p_value: chi2_sf(statistic, levels - 1.0) })
}

/// Cramér's V: √(χ²/n) for two rows; 0 to 1. `None` below two levels.
pub fn cramers_v(reference: &[u64], current: &[u64]) -> Option<f64> {
    let chi2 = chi2(reference, current).filter(|chi2| chi2.df > 0.0)?;
    Some((chi2.statistic / (sum(reference) + sum(current))).sqrt())
}

/// With the correction of its bias of Bergsma, Journal of the Korean Statistical Society 42, 2013.
pub fn cramers_v_corrected(reference: &[u64], current: &[u64]) -> Option<f64> {
    cramers_v_corrected_of(chi2(reference, current)?, reference.iter().chain(current).sum())
}

/// The same of a test of so many rows in all, however it was corrected. `None` below two levels.
pub(crate) fn cramers_v_corrected_of(chi2: Contingency, rows: u64) -> Option<f64> {
    let (n, rows, columns) = (rows as f64, 2.0, chi2.df + 1.0);
    if columns < 2.0 {
        return None;
    }
    let phi = (chi2.statistic / n - (columns - 1.0) * (rows - 1.0) / (n - 1.0)).max(0.0);
    let corrected = |k: f64| k - (k - 1.0).powi(2) / (n - 1.0);
    Some((phi / (corrected(columns).min(corrected(rows)) - 1.0)).sqrt())
}

/// Fisher's exact test of two levels, two-sided: all tables that are no likelier than this one.
pub fn fisher_exact(reference: [u64; 2], current: [u64; 2]) -> f64 {
    let (n, m) = (reference[0] + reference[1], current[0] + current[1]);
    let first = reference[0] + current[0];
    let ln_choose =
        |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
    let whole = ln_choose(n + m, first);
    let ln_p = |k: u64| ln_choose(n, k) + ln_choose(m, first - k) - whole;
    let here = ln_p(reference[0]);
    // Equally likely tables differ in the last bits of their logarithms.
    let p: f64 = (first.saturating_sub(m)..=first.min(n)).map(ln_p).filter(|p| *p <= here + 1e-7).map(f64::exp).sum();
    p.min(1.0)
}

/// Two shares, by the normal limit with the pooled share; two-sided. `(hits, all)` of each. Also for the rates of nulls
/// and infinities. `None` if a sample is empty; shares that are both none, or both all, do not differ.
pub fn two_proportions(reference: (u64, u64), current: (u64, u64)) -> Option<Tested> {
    let ((a, n), (b, m)) = ((reference.0 as f64, reference.1 as f64), (current.0 as f64, current.1 as f64));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let pooled = (a + b) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let z = if error == 0.0 { 0.0 } else { (a / n - b / m) / error };
    Some(Tested { statistic: z, p_value: (2.0 * normal_sf(z.abs())).min(1.0) })
}

fn sum(counts: &[u64]) -> f64 {
    counts.iter().sum::<u64>() as f64
}
