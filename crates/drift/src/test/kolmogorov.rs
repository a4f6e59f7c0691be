//! The distribution of Kolmogorov's statistic of one sample of n rows, in the cut of Simard and L'Ecuyer, "Computing the
//! two-sided Kolmogorov–Smirnov distribution", Journal of Statistical Software 39(11), 2011.

use statrs::function::gamma::ln_gamma;
use std::f64::consts::PI;

/// Sums of more terms go by strides.
const MANY_TERMS: u64 = 4096;

/// P(D ≥ x) for a sample of n rows.
pub fn ks_sf(x: f64, n: u64) -> f64 {
    let (rows, t) = (n as f64, n as f64 * x);
    if n == 0 || x.is_nan() {
        return f64::NAN;
    }
    if x >= 1.0 {
        return 0.0;
    }
    if t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        // Ruben and Gambino: n! (2x − 1/n)^n.
        return 1.0 - (ln_gamma(rows + 1.0) - rows * rows.ln() + rows * (2.0 * t - 1.0).ln()).exp();
    }
    if t >= rows - 1.0 {
        return 2.0 * (1.0 - x).powi(i32::try_from(n).unwrap_or(i32::MAX));
    }
    let spread = t * x;
    let is_far = if n <= 140 { spread > 4.0 } else { spread >= 2.2 };
    if x >= 0.5 || is_far {
        // Both sides at once cannot be, or hardly can (Miller 1956).
        return if spread >= 370.0 { 0.0 } else { (2.0 * smirnov_sf(x, n)).min(1.0) };
    }
    let small = n <= 140 || (n <= 100_000 && rows * x.powf(1.5) <= 1.4);
    1.0 - if small { durbin_cdf(x, n) } else { pelz_good_cdf(x, n) }
}

/// P(D⁺ ≥ x), Birnbaum and Tingey 1951: x Σ C(n, j) (x + j/n)^(j−1) (1 − x − j/n)^(n−j), over j ≤ n(1 − x).
///
/// Of a large sample every so-manyth term is taken: as a function of j they are one smooth hill that is nothing at both
/// ends, so that the sum by strides is the whole sum to the last digits (Poisson's summation).
fn smirnov_sf(x: f64, n: u64) -> f64 {
    let rows = n as f64;
    let (ln_rows, ln_all) = (rows.ln(), ln_gamma(rows + 1.0));
    let stride = (n / MANY_TERMS).max(1);
    let last = (rows * (1.0 - x)).floor() as u64;
    let term = |j: u64| {
        let (j, rest) = (j as f64, (n - j) as f64);
        let ln_choose = ln_all - ln_gamma(j + 1.0) - ln_gamma(rest + 1.0);
        let left = rows * (1.0 - x) - j;
        let power = if rest == 0.0 { 0.0 } else { rest * (left.max(0.0).ln() - ln_rows) };
        (ln_choose + (j - 1.0) * ((rows * x + j).ln() - ln_rows) + power).exp()
    };
    x * stride as f64 * (0..=last / stride).map(|i| term(i * stride)).sum::<f64>()
}

/// Durbin's matrix, in the scaling of Marsaglia, Tsang and Wang 2003: (n!/nⁿ) · (Hⁿ) at the middle.
fn durbin_cdf(x: f64, n: u64) -> f64 {
    let k = (n as f64 * x).ceil() as usize;
    let h = k as f64 - n as f64 * x;
    let m = 2 * k - 1;
    let mut matrix = vec![0.0; m * m];
    // 1/(i−j+1)! where a step is possible, less what the corners cut off.
    let inverse: Vec<f64> = std::iter::once(1.0)
        .chain((1..=m).scan(1.0, |f, i| {
            *f /= i as f64;
            Some(*f)
        }))
        .collect();
    for i in 0..m {
        for j in 0..m.min(i + 2) {
            matrix[i * m + j] = inverse[i + 1 - j];
        }
    }
    for i in 0..m {
        let power = i32::try_from(i + 1).expect("BUG: a small matrix");
        matrix[i * m] -= h.powi(power) * inverse[i + 1];
        matrix[(m - 1) * m + i] -= h.powi(i32::try_from(m - i).expect("BUG: a small matrix")) * inverse[m - i];
    }
    if 2.0 * h > 1.0 {
        matrix[(m - 1) * m] += (2.0 * h - 1.0).powi(i32::try_from(m).expect("BUG: a small matrix")) * inverse[m];
    }
    let (power, exponent) = to_the(&matrix, m, n);
    let mut p = power[(k - 1) * m + k - 1];
    let mut exponent = exponent;
    for i in 1..=n {
        p *= i as f64 / n as f64;
        if p < 1e-140 {
            p *= 1e140;
            exponent -= 140;
        }
    }
    p * 10_f64.powi(exponent)
}

/// A square matrix to the power `n`, as numbers times a power of ten.
fn to_the(matrix: &[f64], m: usize, n: u64) -> (Vec<f64>, i32) {
    if n == 1 {
        return (matrix.to_vec(), 0);
    }
    let (half, exponent) = to_the(matrix, m, n / 2);
    let (mut power, mut exponent) = (product(&half, &half, m), 2 * exponent);
    if n % 2 == 1 {
        power = product(matrix, &power, m);
    }
    let middle = (m / 2) * m + m / 2;
    if power[middle] > 1e140 {
        power.iter_mut().for_each(|value| *value *= 1e-140);
        exponent += 140;
    }
    (power, exponent)
}

fn product(a: &[f64], b: &[f64], m: usize) -> Vec<f64> {
    let mut c = vec![0.0; m * m];
    for (row, into) in a.chunks_exact(m).zip(c.chunks_exact_mut(m)) {
        for (factor, line) in row.iter().zip(b.chunks_exact(m)) {
            for (sum, value) in into.iter_mut().zip(line) {
                *sum += factor * value;
            }
        }
    }
    c
}

/// Pelz and Good 1976: Kolmogorov's limit and its corrections by n^(−1/2), 1/n and n^(−3/2).
fn pelz_good_cdf(x: f64, n: u64) -> f64 {
    let rows = n as f64;
    let z = rows.sqrt() * x;
    let (z2, z4, z6) = (z * z, z.powi(4), z.powi(6));
    let (pi2, pi4, pi6) = (PI * PI, PI.powi(4), PI.powi(6));
    let ln_q = -pi2 / 8.0 / z2;
    let mut k = [0.0; 4];
    let terms = (16.0 * z / PI).ceil().max(1.0) as i32;
    for odd in (0..terms).map(|i| f64::from(2 * i + 1)).rev() {
        let (m2, m4, m6) = (odd * odd, odd.powi(4), odd.powi(6));
        let q = (ln_q * m2).exp();
        k[0] += q;
        k[1] += q * (-z2 + pi2 / 4.0 * m2);
        k[2] += q * (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * m2 + pi4 * (1.0 - 2.0 * z2) / 16.0 * m4);
        k[3] += q
            * (-30.0 * z6 - 90.0 * z.powi(8)
                + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
                + pi4 * (-60.0 * z2 + 212.0 * z4) / 16.0 * m4
                + pi6 * (5.0 - 30.0 * z2) / 64.0 * m6);
    }
    let scale = (2.0 * PI).sqrt();
    k[0] *= scale / z;
    k[1] *= scale / (6.0 * z4);
    k[2] *= scale / (72.0 * z.powi(7));
    k[3] *= scale / (6480.0 * z.powi(10));
    for i in (1..=terms).map(f64::from).rev() {
        let q = (-pi2 / 2.0 / z2 * i * i).exp();
        k[2] -= i * i * q * pi2 * scale / (36.0 * z.powi(3));
        k[3] += (3.0 * z2 - pi2 * i * i) * i * i * q * pi2 * scale / (216.0 * z6);
    }
    k[0] + k[1] / rows.sqrt() + k[2] / rows + k[3] / rows.powf(1.5)
}
