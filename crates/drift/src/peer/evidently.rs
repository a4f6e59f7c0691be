//! Evidently's. Of a numeric column with more than 20 distinct values in the reference it makes Sturges' bins over both
//! samples together (what it says of quantiles and of `n_bins` does not hold: evidently#1400), else every value is one.

use crate::bins::{Width, count_between, moments, numpy_edges};
use crate::distance::{Fill, Pair, wasserstein as raw};
use crate::special::Sum;

const MAX_VALUES: usize = 20;

/// Counts of both samples on its bins. Samples sorted, finite.
pub(crate) fn counted(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    let both = merged(reference, current);
    if distinct(reference).count() > MAX_VALUES {
        let edges = numpy_edges(&both, Width::Sturges);
        return (count_between(&edges, reference), count_between(&edges, current));
    }
    by_value(reference, current)
}

/// Every value of either sample a level, as its tests on levels take numbers.
pub(crate) fn by_value(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    let values: Vec<f64> = distinct(&merged(reference, current)).collect();
    let of = |sample: &[f64]| {
        let mut counts = vec![0; values.len()];
        sample.iter().for_each(|value| counts[values.partition_point(|other| other < value)] += 1);
        counts
    };
    (of(reference), of(current))
}

fn merged(reference: &[f64], current: &[f64]) -> Vec<f64> {
    let mut both: Vec<f64> = reference.iter().chain(current).copied().collect();
    both.sort_by(f64::total_cmp);
    both
}

fn distinct(sorted: &[f64]) -> impl Iterator<Item = f64> {
    sorted.iter().enumerate().filter(|(i, value)| *i == 0 || sorted[i - 1] != **value).map(|(_, value)| *value)
}

/// Threshold 0.1.
pub fn psi(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = counted(reference, current);
    Pair { reference: &a, current: &b }.psi(Fill::Evidently)
}

/// The distance in nats; threshold 0.1.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = counted(reference, current);
    Pair { reference: &a, current: &b }.jensen_shannon_nats()
}

/// Of the reference from the current sample, in nats, with its fill of empty bins; threshold 0.1.
pub fn kullback_leibler(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = counted(reference, current);
    Pair { reference: &a, current: &b }.kullback_leibler_filled(Fill::Evidently)
}

/// On Sturges' bins of the distinct values of both samples, not of the samples, and of densities there: where bins end
/// between two doubles their widths differ, and each counts by its own; threshold 0.1.
pub fn hellinger(reference: &[f64], current: &[f64]) -> Option<f64> {
    let values: Vec<f64> = distinct(&merged(reference, current)).collect();
    let edges = numpy_edges(&values, Width::Sturges);
    let (a, b) = (count_between(&edges, reference), count_between(&edges, current));
    let (n, m) = (reference.len() as f64, current.len() as f64);
    let width = (edges.last()? - edges.first()?) / a.len() as f64;
    let widths = edges.windows(2).map(|ends| ends[1] - ends[0]);
    let alike =
        a.iter().zip(&b).zip(widths).map(|((a, b), own)| (*a as f64 / n * (*b as f64 / m)).sqrt() / own * width);
    Some((1.0 - alike.collect::<Sum>().total()).clamp(0.0, 1.0).sqrt())
}

/// Over the reference's deviation (by n), which counts as 0.001 at least: blind to what is small; threshold 0.1.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    raw(reference, current).map(|distance| distance / moments(reference).1.max(0.001))
}
