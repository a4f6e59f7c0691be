//! How likely it is that counts on the same levels differ so by chance.

use crate::distance::present;
use crate::test::{Contingency, chi2, chi2_permuted, fisher_exact, is_sparse};

/// Permutations of more levels than these take too long.
const MAX_PERMUTED: usize = 200;
/// The same tables have the same p everywhere.
const SEED: u64 = 0;

/// Fisher's for two levels that are rare, permutations where more than a fifth of the expected counts are below five
/// (Cochran's rule), else Pearson's. `pearson`: of the same counts.
pub fn significance(a: &[u64], b: &[u64], pearson: &Contingency) -> f64 {
    let (a, b) = present(a, b);
    if pearson.min_expected >= 5.0 {
        return pearson.p_value;
    }
    if let ([a0, a1], [b0, b1]) = (&a[..], &b[..]) {
        return fisher_exact([*a0, *a1], [*b0, *b1]);
    }
    if !is_sparse(&a, &b) {
        return pearson.p_value;
    }
    let pooled = pooled(&a, &b);
    let permuted = if a.len() <= MAX_PERMUTED { chi2_permuted(&a, &b, SEED) } else { None };
    match permuted {
        // No permutation was as far: p is below what so many can tell, and a correction over many columns needs to know
        // how far below.
        Some(found) if found.p_value <= 1e-4 => found.p_value.min(pooled),
        Some(found) => found.p_value,
        None => pooled,
    }
}

/// Pearson's with all levels that are expected to be below five in one: there its limit holds.
fn pooled(a: &[u64], b: &[u64]) -> f64 {
    let (n, m) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    let least = n.min(m) / (n + m);
    let (mut kept, mut rest) = ((Vec::new(), Vec::new()), (0, 0));
    for (x, y) in a.iter().zip(b) {
        if (x + y) as f64 * least < 5.0 {
            rest = (rest.0 + x, rest.1 + y);
        } else {
            kept.0.push(*x);
            kept.1.push(*y);
        }
    }
    kept.0.push(rest.0);
    kept.1.push(rest.1);
    match (&present(&kept.0, &kept.1), chi2(&kept.0, &kept.1)) {
        ((a, b), Some(found)) if found.min_expected < 5.0 && a.len() == 2 => fisher_exact([a[0], a[1]], [b[0], b[1]]),
        (_, found) => found.map_or(1.0, |found| found.p_value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(a: &[u64], b: &[u64]) -> f64 {
        significance(a, b, &chi2(a, b).expect("rows"))
    }

    #[test]
    fn each_table_has_the_test_that_holds_for_it() {
        let (large, other) = ([500, 300, 200], [480, 330, 190]);
        assert_eq!(p(&large, &other), chi2(&large, &other).expect("rows").p_value);
        assert_eq!(p(&[3, 7], &[8, 2]), fisher_exact([3, 7], [8, 2]));
        let (sparse, few) = ([50, 2, 1, 1, 0, 1], [40, 1, 2, 0, 2, 0]);
        let permuted = chi2_permuted(&sparse, &few, SEED).expect("rows").p_value;
        assert_eq!(p(&sparse, &few), permuted);
        assert_ne!(permuted, chi2(&sparse, &few).expect("rows").p_value);
    }

    #[test]
    fn what_no_permutation_reaches_is_told_apart_by_its_pooled_p() {
        let (a, b) = ([900, 2, 1, 1, 1, 0], [100, 700, 1, 0, 0, 1]);
        assert!(p(&a, &b) < 1e-20, "{}", p(&a, &b));
        let many: Vec<u64> = (0..300).map(|at| u64::from(at % 7 == 0)).collect();
        let others: Vec<u64> = (0..300).map(|at| u64::from(at % 5 == 0)).collect();
        assert_eq!(p(&many, &others), 1.0, "all are rare: one level is left");
    }
}
