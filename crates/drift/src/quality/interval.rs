//! Confidence intervals. `level` is the share of samples whose interval holds the truth, above 0 and below 1: 0.95.

use crate::special::normal_sf;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// value ± z error. `None` if the level is none.
    pub fn around(value: f64, error: f64, level: f64) -> Option<Interval> {
        let reach = z_of(level)? * error;
        Some(Interval { low: value - reach, high: value + reach })
    }

    pub fn within(self, low: f64, high: f64) -> Interval {
        Interval { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }

    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The z with P(|Z| ≤ z) = level, by bisection. `None` if the level is not between 0 and 1.
pub fn z_of(level: f64) -> Option<f64> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let tail = (1.0 - level) / 2.0;
    // P(Z > 40) is less than any positive double.
    let (mut low, mut high) = (0.0, 40.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(middle);
        }
        if normal_sf(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Of a rate, hits of all (Wilson, Journal of the American Statistical Association 22, 1927), without correction for
/// continuity: never outside of \[0, 1\], and of some width even at 0 of n. `None` of none.
pub fn wilson(hits: u64, all: u64, level: f64) -> Option<Interval> {
    let z = z_of(level)?;
    if all == 0 || hits > all {
        return None;
    }
    let (n, rate) = (all as f64, hits as f64 / all as f64);
    let scale = 1.0 + z * z / n;
    let centre = (rate + z * z / (2.0 * n)) / scale;
    let reach = z / scale * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
    // The ends are 0 and 1 there, and not the rounding of two equal numbers.
    Some(Interval {
        low: if hits == 0 { 0.0 } else { centre - reach },
        high: if hits == all { 1.0 } else { centre + reach },
    })
}

/// Of the difference of two independent rates, first − second: Newcombe's hybrid score interval (Statistics in
/// Medicine 17, 1998, method 10), made of both Wilson intervals.
pub fn newcombe(first: (u64, u64), second: (u64, u64), level: f64) -> Option<Interval> {
    let of = |(hits, all): (u64, u64)| Some((hits as f64 / all as f64, wilson(hits, all, level)?));
    Some(newcombe_of(of(first)?, of(second)?))
}

/// The same of rates whose Wilson intervals are at hand.
pub(crate) fn newcombe_of((p, a): (f64, Interval), (q, b): (f64, Interval)) -> Interval {
    let apart = p - q;
    Interval {
        low: apart - ((p - a.low).powi(2) + (b.high - q).powi(2)).sqrt(),
        high: apart + ((a.high - p).powi(2) + (q - b.low).powi(2)).sqrt(),
    }
}

/// Of the ratio of two independent rates, first / second, by the normal limit of its logarithm (Katz, Baptista, Azen
/// and Pike, Biometrics 34, 1978). `None` where one has no hits: the logarithm is infinite then.
pub fn katz(first: (u64, u64), second: (u64, u64), level: f64) -> Option<Interval> {
    let z = z_of(level)?;
    if first.0 == 0 || second.0 == 0 || first.0 > first.1 || second.0 > second.1 {
        return None;
    }
    let part = |(hits, all): (u64, u64)| 1.0 / hits as f64 - 1.0 / all as f64;
    let ratio = (first.0 as f64 / first.1 as f64) / (second.0 as f64 / second.1 as f64);
    let factor = (z * (part(first) + part(second)).sqrt()).exp();
    Some(Interval { low: ratio / factor, high: ratio * factor })
}

/// Of an area under the ROC curve of which only the area and the counts are known (Hanley and McNeil, Radiology 143,
/// 1982; exponential scores), cut at 0 and 1. Where the rows are at hand, DeLong's `Interval::of_auroc` is the better.
pub fn hanley_mcneil(area: f64, positives: u64, negatives: u64, level: f64) -> Option<Interval> {
    if positives == 0 || negatives == 0 || !(0.0..=1.0).contains(&area) {
        return None;
    }
    let (m, n) = (positives as f64, negatives as f64);
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let variance = (area * (1.0 - area) + (m - 1.0) * (q1 - area * area) + (n - 1.0) * (q2 - area * area)) / (m * n);
    Interval::around(area, variance.max(0.0).sqrt(), level).map(|interval| interval.within(0.0, 1.0))
}

/// Of a mean, by the normal limit: `deviation` is the sample's, with n − 1.
pub fn normal(mean: f64, deviation: f64, rows: u64, level: f64) -> Option<Interval> {
    (rows > 1).then(|| Interval::around(mean, deviation / (rows as f64).sqrt(), level))?
}
