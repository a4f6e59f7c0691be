//! The k-sample Anderson–Darling test of Scholz and Stephens, "K-sample Anderson–Darling tests", JASA 82, 1987, for two
//! samples, by midranks.

use super::ranks::ties;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anderson {
    /// (A² − 1) / σ.
    pub statistic: f64,
    /// Between the tabled points only: 0.001 stands for all below and 0.25 for all above, as in scipy and Evidently.
    pub p_value: f64,
}

/// `None` if a sample is empty, all values tie, or there are fewer than four: then the variance has no formula.
pub fn anderson_darling(reference: &[f64], current: &[f64]) -> Option<Anderson> {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    let all = n + m;
    let ties = ties(reference, current);
    if n == 0.0 || m == 0.0 || all < 4.0 || ties.len() < 2 {
        return None;
    }
    let sums = |of: &dyn Fn(usize) -> f64, size: f64| {
        let (mut below, mut below_all, mut sum) = (0.0, 0.0, 0.0);
        for (i, tie) in ties.iter().enumerate() {
            let (here, here_all) = (of(i), tie.n() as f64);
            let (mid, mid_all) = (below + here / 2.0, below_all + here_all / 2.0);
            let apart = all * mid - mid_all * size;
            sum += here_all / all * apart * apart / (mid_all * (all - mid_all) - all * here_all / 4.0);
            (below, below_all) = (below + here, below_all + here_all);
        }
        sum / size
    };
    let a2 = (sums(&|i| ties[i].reference as f64, n) + sums(&|i| ties[i].current as f64, m)) * (all - 1.0) / all;
    let statistic = (a2 - 1.0) / variance(n, m).sqrt();
    Some(Anderson { statistic, p_value: p_value(statistic) })
}

/// Of A² with two samples; equation 4.
fn variance(n: f64, m: f64) -> f64 {
    let all = n + m;
    let big_h = 1.0 / n + 1.0 / m;
    let count = all as u64;
    // h = Σ 1/i; g = Σ_i Σ_{j>i} 1/((N − i) j), by one pass from the end.
    let h: f64 = (1..count).map(|i| 1.0 / i as f64).sum();
    let (mut tail, mut g) = (0.0, 0.0);
    for i in (1..count.saturating_sub(1)).rev() {
        tail += 1.0 / (i + 1) as f64;
        g += tail / (all - i as f64);
    }
    let k = 2.0;
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * big_h;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * big_h - 8.0 * h + 4.0 * g - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * k * k + (4.0 * h - 4.0 * g + 6.0) * k + (2.0 * h - 6.0) * big_h + 4.0 * h;
    let d = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    (a * all.powi(3) + b * all * all + c * all + d) / ((all - 1.0) * (all - 2.0) * (all - 3.0))
}

/// Table 1 of the paper for two samples, and a parabola through log p, as scipy does.
fn p_value(statistic: f64) -> f64 {
    const LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
    const B0: [f64; 7] = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
    const B1: [f64; 7] = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
    const B2: [f64; 7] = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];
    // k − 1 = 1.
    let critical: Vec<f64> = (0..7).map(|i| B0[i] + B1[i] + B2[i]).collect();
    if statistic < critical.iter().copied().fold(f64::INFINITY, f64::min) {
        return 0.25;
    }
    if statistic > critical.iter().copied().fold(f64::NEG_INFINITY, f64::max) {
        return 0.001;
    }
    let logs: Vec<f64> = LEVELS.iter().map(|level| level.ln()).collect();
    let [c, b, a] = parabola(&critical, &logs);
    (a * statistic * statistic + b * statistic + c).exp()
}

/// Least squares of y = c + b x + a x², by the normal equations around the mean of x.
fn parabola(x: &[f64], y: &[f64]) -> [f64; 3] {
    let n = x.len() as f64;
    let middle = x.iter().sum::<f64>() / n;
    let mut s = [0.0; 5];
    let mut t = [0.0; 3];
    for (x, y) in x.iter().zip(y) {
        let u = x - middle;
        (0..5).for_each(|p| s[p] += u.powi(p as i32));
        (0..3).for_each(|p| t[p] += y * u.powi(p as i32));
    }
    let det = |m: [[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let rows = [[s[0], s[1], s[2]], [s[1], s[2], s[3]], [s[2], s[3], s[4]]];
    let whole = det(rows);
    let solved: Vec<f64> = (0..3)
        .map(|column| {
            let mut replaced = rows;
            (0..3).for_each(|row| replaced[row][column] = t[row]);
            det(replaced) / whole
        })
        .collect();
    let (c, b, a) = (solved[0], solved[1], solved[2]);
    [c - b * middle + a * middle * middle, b - 2.0 * a * middle, a]
}
