//! Cramér–von Mises for two samples, Anderson 1962.

use super::Tested;
use super::ranks::ties;
use statrs::function::gamma::ln_gamma;
use std::collections::HashMap;
use std::f64::consts::PI;

/// Up to so many rows in the larger sample all orders are counted.
const FEW: usize = 20;

/// By midranks, with the limiting distribution: scipy's `cramervonmises_2samp(method="asymptotic")`. `None` if a sample
/// is empty or all values tie: scipy then gives p = 0.0096 to equal constants.
pub fn cramer_von_mises(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    let (k, all) = (n * m, n + m);
    let statistic = (rank_squares(reference, current)? / k - (4.0 * k - 1.0) / 6.0) / all;
    let mean = (1.0 + 1.0 / all) / 6.0;
    let variance = (all + 1.0) * (4.0 * k * all - 3.0 * (n * n + m * m) - 2.0 * k) / (45.0 * all * all * 4.0 * k);
    let normal = 1.0 / 6.0 + (statistic - mean) / (45.0 * variance).sqrt();
    let p_value = if normal < 0.003 { 1.0 } else { (1.0 - limit_cdf(normal)).clamp(0.0, 1.0) };
    Some(Tested { statistic, p_value })
}

/// As scipy chooses by itself: all orders counted up to 20 rows in the larger sample, else the limit.
pub fn cramer_von_mises_auto(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let limit = cramer_von_mises(reference, current)?;
    if reference.len().max(current.len()) > FEW {
        return Some(limit);
    }
    let p_value = orders_from(rank_squares(reference, current)?, reference.len(), current.len());
    Some(Tested { p_value, ..limit })
}

/// The share of the orders whose statistic is as large: Xiao, Gordon and Yakovlev, Journal of Statistical Software 17(8),
/// 2006: how many paths through the lattice gather which sum of squared distances from its diagonal. With ties, whose
/// orders it does not know, what scipy answers.
fn orders_from(rank_squares: f64, n: usize, m: usize) -> f64 {
    let lcm = n * m / gcd(n, m);
    let (by_n, by_m) = ((lcm / n) as i64, (lcm / m) as i64);
    let (k, all, l) = ((n * m) as f64, (n + m) as f64, lcm as f64);
    let least = (l * l * all * (6.0 * rank_squares - k * (4.0 * k - 1.0)) / (6.0 * k * k)).floor() as i64;
    let mut row: Vec<HashMap<i64, f64>> = vec![HashMap::new(); n + 1];
    row[0].insert(0, 1.0);
    for j in 0..=m as i64 {
        let mut before: HashMap<i64, f64> = HashMap::new();
        for (i, cell) in row.iter_mut().enumerate() {
            let apart = by_n * i as i64 - by_m * j;
            let mut here: HashMap<i64, f64> = HashMap::new();
            for (sum, paths) in before.iter().chain(cell.iter()) {
                *here.entry(sum + apart * apart).or_default() += paths;
            }
            *cell = here;
            before.clone_from(cell);
        }
    }
    // Whole numbers below 2⁵³: at most C(40, 20).
    let paths: f64 = row[n].values().sum();
    row[n].iter().filter(|(sum, _)| **sum >= least).map(|(_, paths)| paths).sum::<f64>() / paths
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `None` if a sample is empty or all values tie.
fn rank_squares(reference: &[f64], current: &[f64]) -> Option<f64> {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    let ties = ties(reference, current);
    if n == 0.0 || m == 0.0 || ties.len() < 2 {
        return None;
    }
    // U = n Σ (r_i − i)² + m Σ (s_j − j)², the i-th of a sample having rank r_i among all.
    let (mut below, mut before, mut u) = (0.0, (0.0, 0.0), (0.0, 0.0));
    for tie in &ties {
        let rank = below + (tie.n() as f64 + 1.0) / 2.0;
        u.0 += squares(rank - before.0, tie.reference);
        u.1 += squares(rank - before.1, tie.current);
        below += tie.n() as f64;
        before = (before.0 + tie.reference as f64, before.1 + tie.current as f64);
    }
    Some(n * u.0 + m * u.1)
}

/// Σ (at − i)² over i = 1 … n.
fn squares(at: f64, n: usize) -> f64 {
    let n = n as f64;
    let middle = (n + 1.0) / 2.0;
    n * (at - middle).powi(2) + n * (n * n - 1.0) / 12.0
}

/// Anderson and Darling 1952, equation 1.2: a series in K₁⸝₄.
fn limit_cdf(x: f64) -> f64 {
    let mut sum = 0.0;
    for k in 0..200 {
        let k = f64::from(k);
        let y = 4.0 * k + 1.0;
        let q = y * y / (16.0 * x);
        let size = (ln_gamma(k + 0.5) - ln_gamma(k + 1.0)).exp() / (PI.powf(1.5) * x.sqrt());
        // e^(−q) K(q) = e^(−2q) (e^q K(q)).
        let term = size * y.sqrt() * (-2.0 * q).exp() * scaled_bessel_k_quarter(q);
        sum += term;
        if term < 1e-18 {
            break;
        }
    }
    sum
}

/// e^q K₁⸝₄(q) = ∫₀^∞ e^(−q(cosh t − 1)) cosh(t/4) dt, by the trapezoid rule, which is exact to rounding here: the
/// integrand is even and falls doubly exponentially.
fn scaled_bessel_k_quarter(q: f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    // Past 2 (sinh(t/2))² q = 40 nothing is left.
    let end = 2.0 * (20.0 / q).sqrt().asinh();
    let step = STEP.min(end / 256.0);
    let at = |t: f64| (-2.0 * q * (t / 2.0).sinh().powi(2)).exp() * (t / 4.0).cosh();
    let n = (end / step).ceil() as u32;
    step * (0.5 + (1..=n).map(|i| at(f64::from(i) * step)).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_few_is_counted_as_scipy_does() {
        // scipy 1.17.1's cramervonmises_2samp, method="auto".
        let many: Vec<f64> = (0..20).map(|i| f64::from(i) * 0.17 + 0.05).collect();
        let got = cramer_von_mises_auto(&[0.1, 0.5, 0.9, 1.4, 2.2, 2.9, 3.1], &many).expect("rows");
        assert!((got.p_value - 0.970_771_257_727_779_5).abs() < 1e-12, "{got:?}");
        let tied = cramer_von_mises_auto(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 3.0, 4.0, 5.0]).expect("rows");
        assert!((tied.p_value - 1.0 / 7.0).abs() < 1e-12, "{tied:?}");
    }
}
