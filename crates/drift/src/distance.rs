//! Distances of two samples, and of two rows of counts on the same bins or levels.

use crate::bins::moments;
use crate::merged::Merged;
use crate::special::{Sum, chi2_isf};
use std::f64::consts::LN_2;

/// Wasserstein's first distance in the column's own unit: ∫ |F − G|. Samples sorted, finite. `None` if one is empty.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Option<f64> {
    between(reference, current, f64::abs)
}

/// The same over the reference's deviation (by n), without a floor: a column's unit does not matter. Of a constant reference,
/// which has none, the share of the current sample that is another value.
pub fn wasserstein_std(reference: &[f64], current: &[f64]) -> Option<f64> {
    let first = *reference.first()?;
    if reference.last() == Some(&first) {
        let others = current.iter().filter(|value| **value != first).count();
        return (!current.is_empty()).then(|| others as f64 / current.len() as f64);
    }
    Some(wasserstein(reference, current)? / moments(reference).1)
}

/// The energy distance √(2 ∫ (F − G)²), in the root of the column's unit, as scipy has it.
pub fn energy(reference: &[f64], current: &[f64]) -> Option<f64> {
    between(reference, current, |apart| apart * apart).map(|sum| (2.0 * sum).sqrt())
}

/// ∫ f(F − G) over the values.
fn between(reference: &[f64], current: &[f64], of: impl Fn(f64) -> f64) -> Option<f64> {
    let (n, m) = (reference.len(), current.len());
    if n == 0 || m == 0 {
        return None;
    }
    let mut sum = Sum::default();
    let mut last: Option<(f64, f64)> = None;
    for (value, (i, j)) in Merged::of(reference, current) {
        if let Some((from, apart)) = last {
            sum.add(of(apart) * (value - from));
        }
        last = Some((value, i as f64 / n as f64 - j as f64 / m as f64));
    }
    Some(sum.total())
}

/// What fills an empty cell, so that its logarithm is finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Half a row more in each bin; ours, on the bins that either sample has ([`present`]).
    HalfARow,
    /// No share is less than this. deepchecks: 0.01.
    Floor(f64),
    /// Only what is nothing becomes this. Frouros: the least positive number.
    Zeros(f64),
    /// Evidently's: 1e-4, or a millionth of the least share, if that is 1e-4 at most.
    Evidently,
}

/// Both rows of counts without the bins that are in neither.
pub fn present(reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).map(|(a, b)| (*a, *b)).unzip()
}

/// Counts of both samples on the same bins, as many in each; levels that are in neither do no harm.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    pub reference: &'a [u64],
    pub current: &'a [u64],
}

impl Pair<'_> {
    /// (shares of the reference, of the current sample); `None` if a sample is empty.
    fn shares(&self) -> Option<(Vec<f64>, Vec<f64>)> {
        let of = |counts: &[u64]| {
            let all = counts.iter().sum::<u64>();
            (all > 0).then(|| counts.iter().map(|n| *n as f64 / all as f64).collect::<Vec<f64>>())
        };
        Some((of(self.reference)?, of(self.current)?))
    }

    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let (p, q) = self.shares()?;
        Some(p.iter().zip(&q).map(|(p, q)| of(*p, *q)).collect::<Sum>().total())
    }

    /// The total variation distance: half of Σ |p − q|.
    pub fn total_variation(&self) -> Option<f64> {
        self.sum(|p, q| (p - q).abs()).map(|sum| sum / 2.0)
    }

    /// max |p − q|.
    pub fn l_infinity(&self) -> Option<f64> {
        let (p, q) = self.shares()?;
        Some(p.iter().zip(&q).map(|(p, q)| (p - q).abs()).fold(0.0, f64::max))
    }

    /// 1 − Σ √(pq), 0 to 1: Frouros' Bhattacharyya distance, the square of Hellinger's.
    pub fn one_less_overlap_of_roots(&self) -> Option<f64> {
        self.sum(|p, q| (p * q).sqrt()).map(|sum| (1.0 - sum).max(0.0))
    }

    /// √(½ Σ (√p − √q)²), 0 to 1.
    pub fn hellinger(&self) -> Option<f64> {
        self.sum(|p, q| (p.sqrt() - q.sqrt()).powi(2)).map(|sum| (sum / 2.0).sqrt())
    }

    /// Jensen and Shannon's divergence in bits, 0 to 1: TFDV's and Vertex's.
    pub fn jensen_shannon_divergence(&self) -> Option<f64> {
        let half = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
        let sum = self.sum(|p, q| half(p, f64::midpoint(p, q)) + half(q, f64::midpoint(p, q)))?;
        Some((sum / 2.0).max(0.0) / LN_2)
    }

    /// Its root, a metric: 0 to 1.
    pub fn jensen_shannon(&self) -> Option<f64> {
        self.jensen_shannon_divergence().map(f64::sqrt)
    }

    /// The same by natural logarithms, 0 to √ln 2 = 0.8326: scipy's and Evidently's.
    pub fn jensen_shannon_nats(&self) -> Option<f64> {
        self.jensen_shannon_divergence().map(|bits| (bits * LN_2).sqrt())
    }

    /// Kullback and Leibler's Σ p ln(p/q) of the reference from the current sample; infinite where a level is gone.
    pub fn kullback_leibler(&self) -> Option<f64> {
        self.sum(|p, q| if p > 0.0 { p * (p / q).ln() } else { 0.0 })
    }

    /// The same with empty bins filled, and so never infinite.
    pub fn kullback_leibler_filled(&self, fill: Fill) -> Option<f64> {
        let (p, q) = self.shares()?;
        let (p, q) = (filled(&p, fill), filled(&q, fill));
        // scipy's `entropy`, which makes shares of them again.
        let (all_p, all_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
        Some(p.iter().zip(&q).map(|(p, q)| p / all_p * (p / all_p / (q / all_q)).ln()).collect::<Sum>().total())
    }

    /// The population stability index Σ (p − q) ln(p/q).
    pub fn psi(&self, fill: Fill) -> Option<f64> {
        let (p, q) = match fill {
            Fill::HalfARow => {
                self.shares()?;
                let bins = self.reference.len() as f64;
                let of = |counts: &[u64]| {
                    let all = counts.iter().sum::<u64>() as f64 + 0.5 * bins;
                    counts.iter().map(|n| (*n as f64 + 0.5) / all).collect::<Vec<f64>>()
                };
                (of(self.reference), of(self.current))
            }
            _ => {
                let (p, q) = self.shares()?;
                (filled(&p, fill), filled(&q, fill))
            }
        };
        Some(p.iter().zip(&q).map(|(p, q)| (p - q) * (p / q).ln()).collect::<Sum>().total())
    }

    /// What PSI exceeds with probability `p` though nothing has moved: χ²(bins − 1) · (1/n + 1/m), Yurdakul 2018.
    pub fn psi_critical(&self, p: f64) -> Option<f64> {
        self.shares()?;
        let bins = self.reference.iter().zip(self.current).filter(|(a, b)| **a + **b > 0).count() as f64;
        let per = |counts: &[u64]| 1.0 / counts.iter().sum::<u64>() as f64;
        Some(if bins < 2.0 { 0.0 } else { chi2_isf(p, bins - 1.0) * (per(self.reference) + per(self.current)) })
    }
}

fn filled(shares: &[f64], fill: Fill) -> Vec<f64> {
    let zeros = |by: f64| shares.iter().map(|p| if *p == 0.0 { by } else { *p }).collect();
    match fill {
        Fill::Floor(least) => shares.iter().map(|p| p.max(least)).collect(),
        Fill::Zeros(by) => zeros(by),
        Fill::HalfARow => shares.to_vec(),
        Fill::Evidently => {
            let least = shares.iter().copied().filter(|p| *p > 0.0).fold(f64::INFINITY, f64::min);
            zeros(if least <= 1e-4 { least / 1e6 } else { 1e-4 })
        }
    }
}
