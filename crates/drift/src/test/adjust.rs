//! p-values of many columns at once. Each answer is in the order of its argument.

/// Benjamini and Hochberg 1995: the false discovery rate, for tests that are independent or positively dependent.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, 1.0)
}

/// Benjamini and Yekutieli 2001: the false discovery rate under any dependence.
pub fn benjamini_yekutieli(p_values: &[f64]) -> Vec<f64> {
    step_up(p_values, (1..=p_values.len()).map(|i| 1.0 / i as f64).sum())
}

pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    p_values.iter().map(|p| (p * p_values.len() as f64).min(1.0)).collect()
}

/// Holm 1979: the family-wise error rate, never weaker than Bonferroni's.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len();
    let mut adjusted = vec![0.0; n];
    let mut most = 0.0_f64;
    for (rank, at) in order(p_values).into_iter().enumerate() {
        most = most.max(p_values[at] * (n - rank) as f64);
        adjusted[at] = most.min(1.0);
    }
    adjusted
}

fn step_up(p_values: &[f64], factor: f64) -> Vec<f64> {
    let n = p_values.len();
    let mut adjusted = vec![0.0; n];
    let mut least = f64::INFINITY;
    for (rank, at) in order(p_values).into_iter().enumerate().rev() {
        least = least.min(p_values[at] * factor * n as f64 / (rank + 1) as f64);
        adjusted[at] = least.min(1.0);
    }
    adjusted
}

fn order(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}
