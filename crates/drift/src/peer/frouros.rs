//! Frouros 0.9's (`detectors/data_drift/batch`). Some of its distances count both samples on ten equal bins of both
//! together; others smooth each sample into its own histogram (numpy's `auto` of its version) and read nine shares off it.

use crate::bins::{Width, count_between, numpy_edges};
use crate::special::Sum;
use statrs::function::gamma::ln_gamma;

const BINS: usize = 10;

/// Counts on ten equal bins over both samples. Samples sorted, finite.
pub(crate) fn counted(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    let edges = numpy_edges(&ends(reference, current), Width::Equal(BINS));
    (count_between(&edges, reference), count_between(&edges, current))
}

/// The least and the greatest of both.
fn ends(reference: &[f64], current: &[f64]) -> Vec<f64> {
    let mut ends: Vec<f64> =
        [reference, current].iter().flat_map(|sample| [sample.first(), sample.last()]).flatten().copied().collect();
    ends.sort_by(f64::total_cmp);
    ends
}

/// The distance in nats. `None` where a histogram would have no end of bins; equal constants are not apart (it says NaN).
pub fn jensen_shannon(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (p, q) = smoothed(reference, current)?;
    let (all_p, all_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
    if all_p == 0.0 && all_q == 0.0 {
        return Some(0.0);
    }
    let half = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).ln() } else { 0.0 };
    let terms = p.iter().zip(&q).map(|(p, q)| (p / all_p, q / all_q)).map(|(p, q)| {
        let middle = f64::midpoint(p, q);
        half(p, middle) + half(q, middle)
    });
    Some((terms.collect::<Sum>().total() / 2.0).max(0.0).sqrt())
}

/// Σ q ln(q/p) of the current sample from the reference, in nats; infinite where the reference's histogram has nothing.
pub fn kullback_leibler(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (p, q) = smoothed(reference, current)?;
    let term = |p: f64, q: f64| match () {
        () if q > 0.0 && p > 0.0 => q * (q / p).ln(),
        () if q == 0.0 && p >= 0.0 => 0.0,
        () => f64::INFINITY,
    };
    Some(p.iter().zip(&q).map(|(p, q)| term(*p, *q)).collect::<Sum>().total())
}

/// The shares of both between ten points from the least to the greatest value of all.
fn smoothed(reference: &[f64], current: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let (a, b) = (Histogram::of(reference)?, Histogram::of(current)?);
    let ends = ends(reference, current);
    let (first, last) = (*ends.first()?, *ends.last()?);
    let step = (last - first) / (BINS - 1) as f64;
    let points: Vec<f64> = (0..BINS - 1).map(|i| i as f64 * step + first).chain([last]).collect();
    let shares =
        |of: &Histogram| points.windows(2).map(|ends| of.share_below(ends[1]) - of.share_below(ends[0])).collect();
    Some((shares(&a), shares(&b)))
}

/// scipy's `rv_histogram`: its distribution function is straight within each bin.
struct Histogram {
    edges: Vec<f64>,
    below: Vec<f64>,
}

impl Histogram {
    fn of(sample: &[f64]) -> Option<Histogram> {
        let edges = numpy_edges(sample, Width::FreedmanOrSturges);
        let counts = count_between(&edges, sample);
        let widths: Vec<f64> = edges.windows(2).map(|ends| ends[1] - ends[0]).collect();
        let first = *widths.first()?;
        // Where rounding makes unequal bins it takes the counts for densities.
        let varies = widths.iter().any(|width| (width - first).abs() > 1e-8 + 1e-5 * first.abs());
        let density = |n: u64, width: f64| if varies { n as f64 } else { n as f64 / width };
        let parts: Vec<f64> = counts.iter().zip(&widths).map(|(n, width)| density(*n, *width) * width).collect();
        let all: f64 = parts.iter().sum();
        let mut sum = 0.0;
        let below = std::iter::once(0.0).chain(parts.iter().map(|part| {
            sum += part / all;
            sum
        }));
        Some(Histogram { below: below.collect(), edges })
    }

    fn share_below(&self, value: f64) -> f64 {
        let at = self.edges.partition_point(|edge| *edge <= value);
        if at == 0 {
            0.0
        } else if at == self.edges.len() {
            1.0
        } else {
            let (from, till) = (self.edges[at - 1], self.edges[at]);
            let slope = (self.below[at] - self.below[at - 1]) / (till - from);
            slope * (value - from) + self.below[at - 1]
        }
    }
}

/// What it calls Kuiper's test: Stephens' formulas for Kuiper's V (Biometrika 52, 1965) of Kolmogorov's D. `None` where the
/// first of them has no value (powers of a negative number); else within 0 and 1, which it is not always.
pub fn kuiper_p(d: f64, reference_rows: usize, current_rows: usize) -> Option<f64> {
    let (n, m) = (reference_rows as f64, current_rows as f64);
    let n = n * m / (n + m);
    let factorial = |n: f64| ln_gamma(n + 1.0).exp();
    let p = if d < 2.0 / n {
        1.0 - factorial(n) * (d - 1.0 / n).powf(n - 1.0)
    } else if d < 3.0 / n {
        let k = -(n * d - 1.0) / 2.0;
        let r = (k * k - (n * d - 2.0).powi(2) / 2.0).sqrt();
        let (a, b) = (-k + r, -k - r);
        let powers = b.powf(n - 1.0) * (1.0 - a) - a.powf(n - 1.0) * (1.0 - b);
        1.0 - factorial(n - 1.0) * powers / n.powf(n - 2.0) / (b - a)
    } else if (d > 0.5 && n % 2.0 == 0.0) || (d > (n - 1.0) / (2.0 * n) && n % 2.0 == 1.0) {
        (0..=(n * (1.0 - d)).floor() as u64).map(|t| stephens(t as f64, d, n)).sum()
    } else {
        let z = d * n.sqrt();
        let terms = (1..).map(f64::from).take_while(|i| *i < 18.82 / z).map(|i| {
            let (square, power) = (i * i * z * z, (-2.0 * i * i * z * z).exp());
            2.0 * (4.0 * square - 1.0) * power - 8.0 * d / 3.0 * i * i * (4.0 * square - 3.0) * power
        });
        terms.sum()
    };
    (!p.is_nan()).then(|| p.clamp(0.0, 1.0))
}

/// A term of the sum that is exact where D is large.
fn stephens(t: f64, d: f64, n: f64) -> f64 {
    let y = d + t / n;
    let of = y.powf(t - 3.0)
        * (y.powi(3) * n - y * y * t * (3.0 - 2.0 / n) + y * t * (t - 1.0) * (3.0 - 2.0 / n) / n
            - t * (t - 1.0) * (t - 2.0) / (n * n));
    let ln_choose = ln_gamma(n + 1.0) - ln_gamma(t + 1.0) - ln_gamma(n - t + 1.0);
    let rest = (1.0 - d - t / n).max(0.0).powf(n - t - 1.0);
    if rest == 0.0 { 0.0 } else { of * ln_choose.exp() * rest }
}
