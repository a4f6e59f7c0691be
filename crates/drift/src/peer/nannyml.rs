//! NannyML's. Bins are Doane's over the reference; what lies outside of them is one more.

use crate::bins::{Width, count_between, numpy_edges};
use crate::distance::Pair;

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
