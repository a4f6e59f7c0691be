//! Quantiles of sorted samples, as numpy's default ("linear", Hyndman and Fan's type 7) computes them, to the last bit.

/// `sorted`: ascending, finite. `at`: 0 to 1. `None` of an empty sample.
pub fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let below = ((at * last as f64).floor() as usize).min(last);
    Some(between(sorted[below], sorted[(below + 1).min(last)], at, sorted.len()))
}

/// Between the two values of the ranks that a quantile lies between: numpy's `_lerp`, from the nearer end, so that it is
/// monotone and meets both.
pub(crate) fn between(low: f64, high: f64, at: f64, rows: usize) -> f64 {
    let index = at * (rows - 1) as f64;
    let t = index - index.floor();
    let apart = high - low;
    if t >= 0.5 { high - apart * (1.0 - t) } else { low + apart * t }
}
