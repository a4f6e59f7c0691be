//! Kolmogorov–Smirnov for two samples.

use super::kolmogorov::ks_sf;
use crate::merged::Merged;

/// Larger samples get the limit of one sample of n·m/(n+m) rows; as scipy's `MAX_AUTO_N`.
const MAX_EXACT: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ks {
    /// The largest distance of the two distribution functions.
    pub d: f64,
    /// Two-sided: exact up to 10,000 rows in each sample (the share of lattice paths that stray at least so far), else
    /// Kolmogorov's distribution for n·m/(n+m) rows. As scipy's `ks_2samp`.
    pub p_value: f64,
    /// The value where they are so far apart.
    pub at: f64,
    /// The reference's distribution function is the higher one there.
    pub is_reference_higher: bool,
}

/// `None` if a sample is empty.
pub fn ks(reference: &[f64], current: &[f64]) -> Option<Ks> {
    let (n, m) = (reference.len(), current.len());
    if n == 0 || m == 0 {
        return None;
    }
    let mut furthest = Furthest::default();
    for (value, (i, j)) in Merged::of(reference, current) {
        furthest.see(i as f64 / n as f64 - j as f64 / m as f64, value);
    }
    Some(Ks::of(furthest, n, m))
}

/// The largest and the least of F − G so far, each with where it was first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Furthest {
    higher: Option<(f64, f64)>,
    lower: Option<(f64, f64)>,
}

impl Furthest {
    pub fn see(&mut self, apart: f64, at: f64) {
        if self.higher.is_none_or(|(most, _)| apart > most) {
            self.higher = Some((apart, at));
        }
        if self.lower.is_none_or(|(least, _)| apart < least) {
            self.lower = Some((apart, at));
        }
    }
}

impl Ks {
    /// Of samples of so many rows.
    pub(crate) fn of(furthest: Furthest, n: usize, m: usize) -> Ks {
        let (higher, lower) = (furthest.higher.unwrap_or_default(), furthest.lower.unwrap_or_default());
        let (above, below) = (higher.0.clamp(0.0, 1.0), (-lower.0).clamp(0.0, 1.0));
        let is_reference_higher = above >= below;
        let (d, at) = if is_reference_higher { (above, higher.1) } else { (below, lower.1) };
        let exact = if n.max(m) <= MAX_EXACT { exact(n, m, d) } else { None };
        let (d, p_value) = exact.unwrap_or_else(|| (d, ks_limit(n, m, d)));
        Ks { d, p_value, at, is_reference_higher }
    }
}

/// p of a distance of samples of n and m rows by the limit alone, whatever their size: one sample of the harmonic size has
/// about the same distribution. scipy's `method="asymp"`, which alibi-detect and whylogs always take; NaN for one row each.
pub fn ks_limit(n: usize, m: usize, d: f64) -> f64 {
    let (n, m) = (n.max(m) as f64, n.min(m) as f64);
    ks_sf(d, (n * m / (n + m)).round_ties_even() as u64).clamp(0.0, 1.0)
}

/// The distance as the fraction that it is, and the share of the lattice paths from (0, 0) to (n, m) that stray so far;
/// `None` where the sums lose themselves.
fn exact(n: usize, m: usize, d: f64) -> Option<(f64, f64)> {
    let g = gcd(n, m);
    let lcm = (n / g) as f64 * m as f64;
    let h = (d * lcm).round_ties_even() as u64;
    if h == 0 {
        return Some((0.0, 1.0));
    }
    let p = if n == m { outside_square(n as u64, h) } else { outside(n.max(m) as u64, n.min(m) as u64, g as u64, h) };
    (0.0..=1.0).contains(&p).then_some((h as f64 / lcm, p))
}

/// Equal sizes: the reflection principle, Gnedenko and Korolyuk 1951: 2 · Σ (−1)^(k+1) C(2n, n−kh) / C(2n, n).
fn outside_square(n: u64, h: u64) -> f64 {
    let mut p = 0.0;
    for k in (0..=n / h).rev() {
        let (from, up) = ((n - k * h) as f64, (n + k * h) as f64);
        // C(2n, n−(k+1)h) over C(2n, n−kh), factor by factor.
        let step = (0..h).fold(1.0, |p, j| (from - j as f64) * p / (up + j as f64 + 1.0));
        p = step * (1.0 - p);
    }
    2.0 * p
}

/// Unequal sizes, n > m, g their divisor: the recursion over the columns of the lattice of Hodges 1957, in the share of
/// paths that are outside by then, so that nothing grows; only the cells of a column that lie inside are kept.
fn outside(n: u64, m: u64, g: u64, h: u64) -> f64 {
    let (ng, mg) = ((n / g) as i128, (m / g) as i128);
    let (h, rows) = (h as i128, m as i128);
    let first = |i: i128| ((mg * i - h).div_euclid(ng) + 1).clamp(0, rows);
    let behind = |i: i128| (-(-(mg * i + h)).div_euclid(ng)).min(rows + 1);
    let (mut from, mut till) = (0_i128, behind(0));
    let mut column = vec![1.0; (2 * till + 2).min(rows + 1) as usize];
    column[..till as usize].fill(0.0);
    for i in 1..=n as i128 {
        let (last_from, last_len) = (from, till - from);
        (from, till) = (first(i), behind(i));
        if till <= from {
            return 1.0;
        }
        let mut share = if from == 0 { 0.0 } else { 1.0 };
        for at in 0..till - from {
            let j = at + from;
            let left = column[(j - last_from) as usize];
            share = (left * i as f64 + share * j as f64) / (i + j) as f64;
            column[at as usize] = share;
        }
        let len = till - from;
        if last_len > len {
            column[len as usize..last_len as usize].fill(1.0);
        }
    }
    column[(till - from - 1) as usize]
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to interleave the two samples, counted.
    fn counted(n: usize, m: usize, h: f64) -> f64 {
        fn paths(i: usize, j: usize, n: usize, m: usize, h: f64, is_out: bool) -> (u64, u64) {
            let is_out = is_out || (i as f64 / n as f64 - j as f64 / m as f64).abs() >= h - 1e-12;
            if i == n && j == m {
                return (u64::from(is_out), 1);
            }
            let mut sum = (0, 0);
            for (i, j) in [(i + 1, j), (i, j + 1)].into_iter().filter(|(i, j)| *i <= n && *j <= m) {
                let (out, all) = paths(i, j, n, m, h, is_out);
                sum = (sum.0 + out, sum.1 + all);
            }
            sum
        }
        let (out, all) = paths(0, 0, n, m, h, false);
        out as f64 / all as f64
    }

    #[test]
    fn the_exact_p_value_is_the_share_of_all_orders() {
        for (n, m) in [(1, 1), (3, 2), (4, 4), (5, 4), (6, 4), (7, 5), (6, 6), (8, 3)] {
            let lcm = n * m / gcd(n, m);
            for h in 1..=lcm {
                let d = h as f64 / lcm as f64;
                let (got, wanted) = (exact(n, m, d).expect("it adds up").1, counted(n, m, d));
                assert!((got - wanted).abs() < 1e-13, "{n}, {m}, {d}: {got} for {wanted}");
            }
        }
    }

    #[test]
    fn equal_samples_are_not_apart() {
        let same = ks(&[1.0, 2.0, 2.0], &[1.0, 2.0, 2.0]).expect("rows");
        assert_eq!((same.d, same.p_value), (0.0, 1.0));
        let zeros = ks(&[-0.0, 0.0], &[0.0, -0.0]).expect("rows");
        assert_eq!(zeros.d, 0.0);
        assert_eq!(ks(&[], &[1.0]), None);
    }
}
