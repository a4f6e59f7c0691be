//! Permutations that end when they have told enough: for the many windows of a timeline.

use crate::draw::Draw;

/// So many tables as far off as the one at hand tell how likely it is.
const ENOUGH: u32 = 10;
/// As many at most as [`super::chi2_permuted`] draws.
const DRAWS: u32 = 9_999;
/// Rows of the smaller side, and of both: more take too long. A row is a byte.
const MAX_DRAWN: u64 = 2_000;
const MAX_ROWS: u64 = 1 << 24;
const MAX_LEVELS: usize = 1 << u8::BITS;

/// p of Pearson's χ² as [`super::chi2_permuted`] has it, but that it is k / draws as soon as k = 10 tables were as far off
/// (Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 78, 1991): a p that is no finding costs some dozens
/// of draws. `None` if a side is empty, or there are too many rows or levels.
pub(crate) fn chi2_sequential(reference: &[u64], current: &[u64], seed: u64) -> Option<f64> {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    let (smaller, taken) = if m <= n { (current, m) } else { (reference, n) };
    if taken == 0 || taken > MAX_DRAWN || n + m > MAX_ROWS || reference.len() > MAX_LEVELS {
        return None;
    }
    let both: Vec<u64> = reference.iter().zip(current).map(|(a, b)| a + b).collect();
    // Of tables with the same margins that which is further off has the larger Σ n² / (a + b), of either side.
    let far =
        |counts: &[u64]| counts.iter().zip(&both).map(|(n, all)| (n * n) as f64 / (*all).max(1) as f64).sum::<f64>();
    // Equally far tables differ in the last bits of their sums.
    let reached = far(smaller) * (1.0 - 1e-12);
    let mut rows: Vec<u8> = Vec::with_capacity((n + m) as usize);
    for (level, n) in both.iter().enumerate() {
        rows.resize(rows.len() + *n as usize, level as u8);
    }
    let (mut draw, mut found, mut as_far) = (Draw::from(seed), vec![0_u64; both.len()], 0_u32);
    for drawn in 1..=DRAWS {
        draw.sample(&mut rows, taken as usize);
        found.fill(0);
        rows[..taken as usize].iter().for_each(|level| found[usize::from(*level)] += 1);
        as_far += u32::from(far(&found) >= reached);
        if as_far == ENOUGH {
            return Some(f64::from(ENOUGH) / f64::from(drawn));
        }
    }
    Some(f64::from(as_far + 1) / f64::from(DRAWS + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::chi2_permuted;

    #[test]
    fn it_is_the_p_of_all_permutations_but_for_what_ending_early_costs() {
        for (a, b) in [
            ([50, 2, 1, 1, 0, 1], [40, 1, 2, 0, 2, 0]),
            ([30, 9, 4, 2, 1, 0], [60, 3, 1, 5, 6, 9]),
            ([200, 8, 8, 8, 8, 8], [20, 1, 0, 4, 1, 0]),
        ] {
            let of = |seed: u64| chi2_permuted(&a, &b, seed).expect("rows").p_value;
            let all = (0..8).map(of).sum::<f64>() / 8.0;
            for (a, b) in [(&a, &b), (&b, &a)] {
                let found = chi2_sequential(a, b, 0).expect("rows");
                // Ten tables: p within a third of itself, by one deviation. Fewer of all that are drawn: within their own.
                let near = 3.5 * (all / f64::from(ENOUGH).sqrt()).max((all / f64::from(DRAWS)).sqrt()) + 2e-4;
                assert!((found - all).abs() < near, "{a:?}: {found} for {all}");
                assert_eq!(chi2_sequential(a, b, 0), Some(found), "the seed alone decides");
            }
        }
        assert_eq!(chi2_sequential(&[90, 0, 5], &[0, 80, 9], 1), Some(1e-4));
        assert_eq!(chi2_sequential(&[2, 2], &[2, 2], 1), Some(1.0));
    }

    #[test]
    fn what_would_take_too_long_is_not_drawn() {
        assert_eq!(chi2_sequential(&[0, 0], &[1, 2], 0), None);
        assert_eq!(chi2_sequential(&[3000, 1], &[2000, 1], 0), None);
        assert_eq!(chi2_sequential(&[1 << 24, 1], &[20, 1], 0), None);
        assert_eq!(chi2_sequential(&[1; 257], &[1; 257], 0), None);
    }
}
