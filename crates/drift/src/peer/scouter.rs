//! scouter 0.25's PSI (`scouter_drift`): on the reference's deciles, each bin closed to the right, or on its levels; what is
//! in none of those does not count. 1e-10 more in every share keeps its logarithms finite.

use crate::distance::Pair;
use crate::quantile::quantile;
use crate::special::{Sum, chi2_isf};

const MORE: f64 = 1e-10;

/// Counts on (−∞, e₁], (e₁, e₂] … (e₉, ∞). Samples sorted, finite.
pub(crate) fn counted(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    let edges: Vec<f64> = (1..10).filter_map(|tenth| quantile(reference, f64::from(tenth) / 10.0)).collect();
    let count = |sample: &[f64]| {
        let mut counts = vec![0; edges.len() + 1];
        sample.iter().for_each(|value| counts[edges.partition_point(|edge| edge < value)] += 1);
        counts
    };
    (count(reference), count(current))
}

/// (PSI, the threshold that it takes by default: χ²(bins − 1) at 0.05 over the current sample's rows, Yurdakul 2018). Of
/// levels the reference's are its bins.
pub fn psi(pair: Pair) -> Option<(f64, f64)> {
    let rows = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (n, m) = (rows(pair.reference), rows(pair.current));
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let share = |count: u64, rows: f64| count as f64 / rows + MORE;
    let known = pair.reference.iter().zip(pair.current).filter(|(a, _)| **a > 0);
    let terms = known.clone().map(|(a, b)| (share(*a, n), share(*b, m))).map(|(p, q)| (p - q) * (p / q).ln());
    let df = known.clone().count() as f64 - 1.0;
    Some((terms.collect::<Sum>().total(), if df < 1.0 { 0.0 } else { chi2_isf(0.05, df) / m }))
}
