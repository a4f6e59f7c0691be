//! TensorFlow Data Validation's Jensen–Shannon divergence of numbers (`anomalies/metrics.cc`): each side has its own ten
//! equal buckets; those that the other's edges cut are split evenly, so that both have the same ones.

use crate::bins::{Width, count_between, numpy_edges};
use crate::special::Sum;
use std::f64::consts::LN_2;

const BUCKETS: usize = 10;

/// In bits, without a root: 0 to 1. Samples sorted, finite; a constant is a bucket without width.
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (a, b) = (Buckets::of(reference)?, Buckets::of(current)?);
    let mut edges: Vec<f64> = a.edges.iter().chain(&b.edges).copied().collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let half = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).ln() } else { 0.0 };
    let apart = |p: f64, q: f64| half(p, f64::midpoint(p, q)) + half(q, f64::midpoint(p, q));
    let within = edges.windows(2).map(|ends| apart(a.between(ends[0], ends[1]), b.between(ends[0], ends[1])));
    let points = edges.iter().map(|edge| apart(a.at(*edge), b.at(*edge)));
    Some((within.chain(points).collect::<Sum>().total() / 2.0).max(0.0) / LN_2)
}

struct Buckets {
    edges: Vec<f64>,
    shares: Vec<f64>,
}

impl Buckets {
    fn of(sample: &[f64]) -> Option<Buckets> {
        let (first, last) = (*sample.first()?, *sample.last()?);
        if first == last {
            return Some(Buckets { edges: vec![first], shares: vec![1.0] });
        }
        let edges = numpy_edges(sample, Width::Equal(BUCKETS));
        let shares = count_between(&edges, sample).iter().map(|n| *n as f64 / sample.len() as f64).collect();
        Some(Buckets { edges, shares })
    }

    /// The share between two neighbours among all edges.
    fn between(&self, from: f64, till: f64) -> f64 {
        let at = self.edges.partition_point(|edge| *edge <= from);
        if at == 0 || at >= self.edges.len() {
            return 0.0;
        }
        self.shares[at - 1] * (till - from) / (self.edges[at] - self.edges[at - 1])
    }

    /// The share of a point, which only a constant has.
    fn at(&self, value: f64) -> f64 {
        if self.edges == [value] { 1.0 } else { 0.0 }
    }
}
