//! Tests by chance: how often a table with the same margins, drawn anew, is as far from what was expected. For tables whose
//! expected counts are too small for a limit. The caller gives the seed; the same seed gives the same answer everywhere.

use super::{Tested, chi2};
use crate::distance::Pair;
use crate::draw::Draw;

/// As many as give p to a hundredth where it matters, 0.05 ± 0.004.
const DRAWS: u32 = 9_999;

/// Pearson's χ² without its limit, for when more than a fifth of the expected counts are below five ([`is_sparse`]): the
/// share of 9,999 tables and of the one at hand that are as far off, (k + 1) / 10,000 (Davison and Hinkley 1997, 4.11).
/// `None` if a row is empty.
pub fn chi2_permuted(reference: &[u64], current: &[u64], seed: u64) -> Option<Tested> {
    let statistic = chi2(reference, current)?.statistic;
    let as_far = drawn(reference, current, seed, statistic, |a, b| chi2(a, b).map(|chi2| chi2.statistic));
    Some(Tested { statistic, p_value: f64::from(as_far + 1) / f64::from(DRAWS + 1) })
}

/// The total variation distance, as Evidently judges it: p is the share of the draws alone, without the table at hand.
pub fn total_variation_permuted(reference: &[u64], current: &[u64], seed: u64) -> Option<Tested> {
    let of = |reference: &[u64], current: &[u64]| Pair { reference, current }.total_variation();
    let statistic = of(reference, current)?;
    let as_far = drawn(reference, current, seed, statistic, of);
    Some(Tested { statistic, p_value: f64::from(as_far) / f64::from(DRAWS) })
}

/// More than a fifth of the expected counts are below five: Cochran's rule, Biometrics 10, 1954.
pub fn is_sparse(reference: &[u64], current: &[u64]) -> bool {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let (mut cells, mut small) = (0, 0);
    for both in reference.iter().zip(current).map(|(a, b)| (a + b) as f64).filter(|both| *both > 0.0) {
        cells += 2;
        small += [n, m].iter().filter(|row| both * **row / (n + m) < 5.0).count();
    }
    5 * small > cells
}

/// How many drawn tables reach the statistic.
fn drawn(
    reference: &[u64],
    current: &[u64],
    seed: u64,
    statistic: f64,
    of: impl Fn(&[u64], &[u64]) -> Option<f64>,
) -> u32 {
    let both: Vec<u64> = reference.iter().zip(current).map(|(a, b)| a + b).collect();
    let mut draw = Draw::from(seed);
    let (mut a, mut b) = (vec![0; both.len()], vec![0; both.len()]);
    // Equally far tables differ in the last bits of their sums.
    let reached = statistic * (1.0 - 1e-12);
    let mut as_far = 0;
    for _ in 0..DRAWS {
        let (mut all, mut taken) = (both.iter().sum::<u64>(), reference.iter().sum::<u64>());
        for (i, n) in both.iter().enumerate() {
            a[i] = draw.hypergeometric(all, *n, taken);
            b[i] = n - a[i];
            (all, taken) = (all - n, taken - a[i]);
        }
        as_far += u32::from(of(&a, &b).is_some_and(|found| found >= reached));
    }
    as_far
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::fisher_exact;

    #[test]
    fn of_two_levels_it_is_fishers_where_the_orders_agree() {
        for (a, b) in [([3, 7], [8, 2]), ([10, 10], [4, 16]), ([1, 5], [5, 1])] {
            let (got, exact) = (chi2_permuted(&a, &b, 0).expect("rows").p_value, fisher_exact(a, b));
            let error = (exact * (1.0 - exact) / 9_999.0).sqrt();
            assert!((got - exact).abs() < 4.0 * error + 1e-4, "{a:?}: {got} for {exact}");
        }
    }

    #[test]
    fn the_seed_alone_decides_and_equal_shares_are_never_far() {
        let (a, b) = ([3, 1, 0, 4], [1, 2, 3, 1]);
        assert_eq!(chi2_permuted(&a, &b, 3), chi2_permuted(&a, &b, 3));
        assert_eq!(chi2_permuted(&[2, 2], &[2, 2], 1).expect("rows").p_value, 1.0);
        assert_eq!(total_variation_permuted(&[5], &[3], 1).expect("rows").p_value, 1.0);
        assert_eq!(chi2_permuted(&[0], &[1], 1), None);
        assert!(is_sparse(&a, &b) && !is_sparse(&[50, 50], &[40, 40]));
    }
}
