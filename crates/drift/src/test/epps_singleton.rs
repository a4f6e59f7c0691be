//! Epps and Singleton's test on characteristic functions (Journal of Statistical Computation and Simulation 26, 1986; the
//! small-sample correction of Goerg and Kaiser, Stata Journal 9, 2009), at t = 0.4 and 0.8 half interquartile ranges.

use super::Tested;
use crate::quantile::quantile;
use crate::special::chi2_sf;

const AT: [f64; 2] = [0.4, 0.8];
/// Few distinct values make a covariance of less than full rank. scipy's cut of 1e-15 lies amid the rounding: its answer
/// for them is another on another machine.
const RANK: f64 = 1e-12;
/// Waves are of the order of one: a covariance below this is rounding.
const NOTHING: f64 = 1e-20;
type Matrix = [[f64; 4]; 4];

/// As scipy's `epps_singleton_2samp`. `None` below five rows in a sample, where half of all values are the same, and
/// where each sample is a constant, whose covariance is nothing (scipy's answer is then made of rounding).
pub fn epps_singleton(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    if n < 5.0 || m < 5.0 {
        return None;
    }
    let mut all: Vec<f64> = reference.iter().chain(current).copied().collect();
    all.sort_by(f64::total_cmp);
    let sigma = (quantile(&all, 0.75)? - quantile(&all, 0.25)?) / 2.0;
    if sigma <= 0.0 {
        return None;
    }
    let (mean_a, cov_a) = waves(reference, sigma);
    let (mean_b, cov_b) = waves(current, sigma);
    let mut cov = [[0.0; 4]; 4];
    for (i, row) in cov.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = (n + m) / n * cov_a[i][j] + (n + m) / m * cov_b[i][j];
        }
    }
    let (values, vectors) = eigen(cov);
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if largest < NOTHING {
        return None;
    }
    let (mut w, mut rank) = (0.0, 0.0);
    for (k, value) in values.iter().enumerate().filter(|(_, value)| value.abs() > RANK * largest) {
        let along: f64 = (0..4).map(|i| vectors[i][k] * (mean_a[i] - mean_b[i])).sum();
        w += along * along / value;
        rank += 1.0;
    }
    let correction =
        if n.max(m) < 25.0 { 1.0 / (1.0 + (n + m).powf(-0.45) + 10.1 * (n.powf(-1.7) + m.powf(-1.7))) } else { 1.0 };
    let statistic = (n + m) * w * correction;
    Some(Tested { statistic, p_value: chi2_sf(statistic, rank) })
}

/// The means of cos and sin at both points, and their covariance (by n).
fn waves(values: &[f64], sigma: f64) -> ([f64; 4], Matrix) {
    let of = |value: f64| {
        let (a, b) = (AT[0] / sigma * value, AT[1] / sigma * value);
        [a.cos(), b.cos(), a.sin(), b.sin()]
    };
    let n = values.len() as f64;
    let mut mean = [0.0; 4];
    for value in values {
        of(*value).iter().zip(&mut mean).for_each(|(wave, sum)| *sum += wave / n);
    }
    let mut cov = [[0.0; 4]; 4];
    for value in values {
        let wave = of(*value);
        for i in 0..4 {
            for j in 0..4 {
                cov[i][j] += (wave[i] - mean[i]) * (wave[j] - mean[j]) / n;
            }
        }
    }
    (mean, cov)
}

/// Eigenvalues, and eigenvectors as columns, of a symmetric matrix: Jacobi's rotations.
fn eigen(mut a: Matrix) -> ([f64; 4], Matrix) {
    let mut v: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    for _ in 0..64 {
        let off: f64 = (0..4).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off == 0.0 {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            for k in 0..4 {
                (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
                (v[k][p], v[k][q]) = (c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]);
            }
        }
    }
    (std::array::from_fn(|i| a[i][i]), v)
}
