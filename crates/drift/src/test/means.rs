//! Tests on means. The order of the values does not matter.

use super::Tested;
use crate::special::{Sum, student_two_sided};

struct Moments {
    n: f64,
    mean: f64,
    /// With n − 1.
    variance: f64,
}

fn moments(values: &[f64]) -> Option<Moments> {
    let n = values.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = values.iter().copied().collect::<Sum>().total() / n;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).collect::<Sum>().total();
    Some(Moments { n, mean, variance: squares / (n - 1.0) })
}

/// Student's t with one variance for both. `None` if a sample has fewer than two rows; constants that differ are
/// infinitely far apart, equal ones not at all (scipy: NaN).
pub fn student_t(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let (a, b) = (moments(reference)?, moments(current)?);
    let df = a.n + b.n - 2.0;
    let pooled = ((a.n - 1.0) * a.variance + (b.n - 1.0) * b.variance) / df;
    Some(by_t(a.mean - b.mean, (pooled * (1.0 / a.n + 1.0 / b.n)).sqrt(), df))
}

/// Welch's t, each with its own variance; also the degrees of freedom (Satterthwaite's).
pub fn welch_t(reference: &[f64], current: &[f64]) -> Option<(Tested, f64)> {
    let (a, b) = (moments(reference)?, moments(current)?);
    let (va, vb) = (a.variance / a.n, b.variance / b.n);
    let df = (va + vb).powi(2) / (va * va / (a.n - 1.0) + vb * vb / (b.n - 1.0));
    let df = if df.is_nan() { 1.0 } else { df };
    Some((by_t(a.mean - b.mean, (va + vb).sqrt(), df), df))
}

fn by_t(apart: f64, error: f64, df: f64) -> Tested {
    let t = if apart == 0.0 { 0.0 } else { apart / error };
    Tested { statistic: t, p_value: student_two_sided(t, df) }
}
