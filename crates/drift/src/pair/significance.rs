//! How likely it is that counts on the same levels differ so by chance.

use crate::distance::present;
use crate::test::{Contingency, chi2, chi2_permuted, chi2_sequential, fisher_exact, is_sparse};

/// Permutations of more levels than these take too long.
const MAX_PERMUTED: usize = 200;
/// The least that permutations can tell.
const LEAST: f64 = 1e-4;
/// The same tables have the same p everywhere.
const SEED: u64 = 0;

/// Fisher's for two levels that are rare, permutations where more than a fifth of the expected counts are below five
/// (Cochran's rule), else Pearson's. `pearson`: of the same counts.
pub fn significance(a: &[u64], b: &[u64], pearson: &Contingency) -> f64 {
    let (a, b) = present(a, b);
    without_chance(&a, &b, pearson).unwrap_or_else(|| {
        let permuted = if a.len() <= MAX_PERMUTED { chi2_permuted(&a, &b, SEED) } else { None };
        told(permuted.map(|found| found.p_value), pooled(&a, &b))
    })
}

/// The same of one of many windows: permuted only where that can make a drift of it, and no longer than it takes to see
/// that it does not. `is_large`: the effect is large enough for a drift.
pub(crate) fn significance_of_window(a: &[u64], b: &[u64], pearson: &Contingency, is_large: bool, alpha: f64) -> f64 {
    let (a, b) = present(a, b);
    without_chance(&a, &b, pearson).unwrap_or_else(|| {
        // Where levels are rare the limit errs by far to one side: what is no finding by it is none.
        if pearson.p_value >= alpha {
            return pearson.p_value;
        }
        let pooled = pooled(&a, &b);
        let is_asked = is_large && pooled > LEAST && a.len() <= MAX_PERMUTED;
        told(if is_asked { chi2_sequential(&a, &b, SEED) } else { None }, pooled)
    })
}

/// `None` where only permutations tell.
fn without_chance(a: &[u64], b: &[u64], pearson: &Contingency) -> Option<f64> {
    if pearson.min_expected >= 5.0 {
        return Some(pearson.p_value);
    }
    if let ([a0, a1], [b0, b1]) = (a, b) {
        return Some(fisher_exact([*a0, *a1], [*b0, *b1]));
    }
    (!is_sparse(a, b)).then_some(pearson.p_value)
}

fn told(permuted: Option<f64>, pooled: f64) -> f64 {
    match permuted {
        // No permutation was as far: p is below what so many can tell, and a correction over many columns needs to know
        // how far below.
        Some(found) if found <= LEAST => found.min(pooled),
        Some(found) => found,
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

    #[test]
    fn a_window_is_permuted_where_it_may_have_drifted() {
        let of = |a: &[u64], b: &[u64], is_large: bool| {
            significance_of_window(a, b, &chi2(a, b).expect("rows"), is_large, 0.01)
        };
        assert_eq!(of(&[3, 7], &[8, 2], true), fisher_exact([3, 7], [8, 2]));
        let (large, other) = ([500, 300, 200], [480, 330, 190]);
        assert_eq!(of(&large, &other, true), p(&large, &other));
        // Three levels that 5,000 others have once: by Pearson's limit that is no chance.
        let reference: Vec<u64> = [4980].into_iter().chain([1; 20]).collect();
        let current: Vec<u64> = [97, 1, 1, 1].into_iter().chain([0; 17]).collect();
        let pearson = chi2(&reference, &current).expect("rows").p_value;
        let found = of(&reference, &current, true);
        assert!(pearson < 1e-4 && found > 0.01 && found < 0.2, "{pearson} {found}");
        assert_eq!(of(&reference, &current, false), pooled(&reference, &current));
        // Each level is rare, and one has grown: nothing is left to pool.
        let (even, grown) = ([200; 25], [[20].as_slice(), &[3; 24]].concat());
        assert_eq!(pooled(&even, &grown), 1.0);
        assert!(of(&even, &grown, true) < 0.001, "{}", of(&even, &grown, true));
    }
}
