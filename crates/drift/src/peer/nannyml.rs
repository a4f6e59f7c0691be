//! NannyML's. Bins are Doane's over the reference; what lies outside of them is one more. Its thresholds come
//! from the reference's own chunks, so that a pair of samples has none.

use crate::bins::{Width, count_between, numpy_edges};
use crate::distance::{self, Pair};
use crate::special::Sum;
use crate::test::ks;

/// From so many rows of the reference on it bins what it otherwise computes exactly, and into so many bins.
const MANY: usize = 10_000;

/// In bits.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = counted(reference, current);
    Pair { reference: &a, current: &b }.jensen_shannon()
}

pub fn hellinger(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = counted(reference, current);
    Pair { reference: &a, current: &b }.hellinger()
}

fn counted(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    let edges = numpy_edges(reference, Width::Doane);
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return (Vec::new(), Vec::new()) };
    let within = |sample: &[f64]| {
        let from = sample.partition_point(|value| value < first);
        let till = sample.partition_point(|value| value <= last);
        let mut counts = count_between(&edges, &sample[from..till]);
        counts.push((sample.len() - (till - from)) as u64);
        counts
    };
    (within(reference), within(current))
}

/// The largest distance of the distribution functions; of 10,000 rows of the reference and more only at the ends of 10,000
/// equal bins over its range.
pub fn kolmogorov_smirnov(reference: &[f64], current: &[f64]) -> Option<f64> {
    let exact = ks(reference, current)?.d;
    let (first, last) = (reference.first()?, reference.last()?);
    if reference.len() < MANY || first == last {
        return Some(exact);
    }
    let edges = numpy_edges(reference, Width::Equal(MANY));
    let (a, b) = (shares_up_to(&edges, reference), shares_up_to(&edges, current));
    let below = current.partition_point(|value| value < first) as f64 / current.len() as f64;
    Some(a.iter().zip(&b).map(|(a, b)| (a - (below + b)).abs()).fold(0.0, f64::max))
}

/// In the column's unit; of 10,000 rows of the reference and more by the areas over 10,000 equal bins of its range, and what
/// lies outside weighted by one row too many.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    if reference.len() < MANY {
        return distance::wasserstein(reference, current);
    }
    let edges = numpy_edges(reference, Width::Equal(MANY));
    let (first, last) = (*edges.first()?, *edges.last()?);
    let rows = current.len() as f64;
    let smaller = &current[..current.partition_point(|value| *value < first)];
    let bigger = &current[current.partition_point(|value| *value <= last)..];
    let weight = |outside: &[f64]| if outside.is_empty() { 0.0 } else { (outside.len() + 1) as f64 / rows };
    // ∫ F below the range of the values there and its end, ∫ (1 − F) above it.
    let beside = |outside: &[f64], end: f64| {
        let apart = outside.iter().map(|value| (value - end).abs()).collect::<Sum>().total();
        weight(outside) * apart / (outside.len() + 1) as f64
    };
    let (a, b) = (shares_up_to(&edges, reference), shares_up_to(&edges, current));
    let apart = a.iter().zip(&b).map(|(a, b)| (a - (b + weight(smaller))).abs()).collect::<Sum>().total();
    Some(apart * (edges.get(1)? - first) + beside(smaller, first) + beside(bigger, last))
}

/// Both samples' counts of the reference's levels, and of all others together. Counts of the same levels.
pub(crate) fn lumped(reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let mut known: (Vec<u64>, Vec<u64>) =
        reference.iter().zip(current).filter(|(a, _)| **a > 0).map(|(a, b)| (*a, *b)).unzip();
    let others = current.iter().sum::<u64>() - known.1.iter().sum::<u64>();
    known.0.push(0);
    known.1.push(others);
    known
}

/// The share of all rows in the bins up to each.
fn shares_up_to(edges: &[f64], sample: &[f64]) -> Vec<f64> {
    let (from, till) = match (edges.first(), edges.last()) {
        (Some(first), Some(last)) => {
            (sample.partition_point(|value| value < first), sample.partition_point(|value| value <= last))
        }
        _ => (0, 0),
    };
    let mut seen = 0;
    let shares = count_between(edges, &sample[from..till]).into_iter().map(|n| {
        seen += n;
        seen as f64 / sample.len() as f64
    });
    shares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What its two classes say of these rows: no case of the golden file has so many rows and any of them outside.
    #[test]
    fn what_is_outside_of_many_rows_counts_as_it_counts_it() {
        let mut reference: Vec<f64> = (0..12_000_u32).map(|i| f64::from(i * 7919 % 10_007) / 10_007.0).collect();
        reference.sort_by(f64::total_cmp);
        let current: Vec<f64> = (0..700).map(|i| f64::from(i) / 500.0 - 0.2).collect();
        let near =
            |got: Option<f64>, wanted: f64| assert!((got.expect("rows") / wanted - 1.0).abs() < 1e-12, "{got:?}");
        near(wasserstein(&reference, &current), 0.099_998_741_080_741_2);
        near(kolmogorov_smirnov(&reference, &current), 0.144_035_714_285_714_27);
    }
}
