//! whylogs 1.6's (`viz/drift/column_drift_algorithms.py`), on the samples themselves: it computes them of sketches (KLL,
//! k = 1024), whose errors are those of a sample of some thousand rows.

use crate::distance::Pair;
use crate::special::chi2_sf;
use crate::test::Tested;

const QUANTILES: usize = 100;
const MAX_BINS: usize = 30;

/// The largest distance of the distribution functions at 100 quantiles of each sample. Samples sorted, finite.
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<f64> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    // As numpy's linspace has them, and as the sketch takes the row of a quantile.
    let at = |i: usize| if i + 1 == QUANTILES { 1.0 } else { i as f64 * (1.0 / (QUANTILES - 1) as f64) };
    let row = |sample: &[f64], i: usize| sample[((at(i) * sample.len() as f64) as usize).min(sample.len() - 1)];
    let below =
        |sample: &[f64], value: f64| sample.partition_point(|other| *other < value) as f64 / sample.len() as f64;
    let values = (0..QUANTILES).flat_map(|i| [row(reference, i), row(current, i)]);
    Some(values.map(|value| (below(reference, value) - below(current, value)).abs()).fold(0.0, f64::max))
}

/// On up to 30 equal bins over both samples, four rows in each on average, the last a ten-millionth longer.
pub fn hellinger(reference: &[f64], current: &[f64]) -> Option<f64> {
    let first = reference.first()?.min(*current.first()?);
    let last = reference.last()?.max(*current.last()?);
    let last = last + if last == 0.0 { 1e-7 } else { last.abs() * 1e-7 };
    let n = (reference.len() + current.len()).div_ceil(4).clamp(2, MAX_BINS);
    // Edges that a float of 32 bits could not tell apart are fewer.
    let least = 2.0_f64.powf(first.abs().max(last.abs()).log2().floor() - 23.0);
    let is_narrow = (last - first) / (n as f64) < least;
    let n = if is_narrow { (((last - first) / least).floor() as usize).clamp(1, n) } else { n };
    let width = (last - first) / n as f64;
    let edges: Vec<f64> = (0..=n).map(|i| first + i as f64 * width).collect();
    let counts = |sample: &[f64]| {
        let mut counts = vec![0; edges.len() + 1];
        sample.iter().for_each(|value| counts[edges.partition_point(|edge| edge <= value)] += 1);
        counts
    };
    let (a, b) = (counts(reference), counts(current));
    Pair { reference: &a, current: &b }.hellinger()
}

/// The fit of the current sample to the reference's shares, which are cut to whole rows; infinite where the current sample
/// has a level that is then expected in no row. Levels that only the reference has do not count, but as one for nothing.
pub fn chi2(reference: &[u64], current: &[u64]) -> Option<Tested> {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let term = |(a, b): (&u64, &u64)| {
        let (expected, found) = ((*a as f64 / n * m).trunc(), *b as f64);
        if expected == 0.0 { f64::INFINITY } else { (found - expected).powi(2) / expected }
    };
    let statistic = reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).map(term).sum();
    let levels = current.iter().filter(|count| **count > 0).count() as f64;
    Some(Tested { statistic, p_value: chi2_sf(statistic, (levels - 1.0).max(1.0)) })
}
