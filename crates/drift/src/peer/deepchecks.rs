//! deepchecks 0.19's, from their descriptions and from what it answers, not from its source (AGPL-3).

use crate::distance::{Fill, Pair, wasserstein};
use crate::quantile::quantile;
use crate::test::{chi2_yates, cramers_v_corrected_of};

/// Levels that are a smaller share of the reference are joined.
const LEAST_SHARE: f64 = 0.01;

/// The earth mover's distance after both samples have lost what is outside of their own quantiles `trimmed` and
/// 1 − `trimmed`, and are scaled to 0 … 1 together. Samples sorted, finite.
pub fn earth_movers(reference: &[f64], current: &[f64], trimmed: f64) -> Option<f64> {
    let kept = |sample: &'_ [f64]| -> Option<Vec<f64>> {
        let (low, high) = (quantile(sample, trimmed)?, quantile(sample, 1.0 - trimmed)?);
        let within = |value: &f64| trimmed == 0.0 || (low..=high).contains(value);
        Some(sample.iter().copied().filter(within).collect())
    };
    let (mut a, mut b) = (kept(reference)?, kept(current)?);
    let (low, high) = (a.first()?.min(*b.first()?), a.last()?.max(*b.last()?));
    if low == high {
        return Some(0.0);
    }
    a.iter_mut().chain(&mut b).for_each(|value| *value = (*value - low) / (high - low));
    wasserstein(&a, &b)
}

/// No share counts for less than 0.01.
pub fn psi(reference: &[u64], current: &[u64]) -> Option<f64> {
    Pair { reference, current }.psi(Fill::Floor(0.01))
}

/// Cramér's V, 0 to 1: the larger sample is scaled down to the rows of the smaller one, in whole rows; χ² is corrected for
/// continuity where there are two levels, and V for its bias. One level alone is no drift.
pub fn cramers_v(reference: &[u64], current: &[u64]) -> Option<f64> {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    let scaled = |counts: &[u64], by: f64| -> Vec<u64> {
        counts.iter().map(|count| (*count as f64 * by).round_ties_even() as u64).collect()
    };
    let least = n.min(m) as f64;
    let of = |counts: &[u64], rows: u64| {
        if rows as f64 > least { scaled(counts, least / rows as f64) } else { counts.to_vec() }
    };
    let (a, b) = (of(reference, n), of(current, m));
    let chi2 = chi2_yates(&a, &b)?;
    if chi2.df == 0.0 {
        return Some(0.0);
    }
    cramers_v_corrected_of(chi2, a.iter().chain(&b).sum::<u64>())
}

/// Counts of the same levels with those below a hundredth of the reference joined, as it does by default; what is joined is
/// left out where it stays below a hundredth of both.
pub fn joined(reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    let is_kept = |count: u64| count as f64 >= LEAST_SHARE * n as f64;
    let mut kept: (Vec<u64>, Vec<u64>) =
        reference.iter().zip(current).filter(|(a, _)| is_kept(**a)).map(|(a, b)| (*a, *b)).unzip();
    let (a, b) = (n - kept.0.iter().sum::<u64>(), m - kept.1.iter().sum::<u64>());
    if a as f64 >= LEAST_SHARE * n as f64 || b as f64 >= LEAST_SHARE * m as f64 {
        kept.0.push(a);
        kept.1.push(b);
    }
    kept
}
