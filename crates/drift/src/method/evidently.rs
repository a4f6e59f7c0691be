//! Evidently 0.7.23's, each with the threshold that it has there.

use super::{Answer, Method, Outcome, Refusal, at_least_rows, at_most_rows, both, either, of_levels, of_numbers, ours};
use crate::distance::{Fill, Pair, energy};
use crate::peer::evidently as peer;
use crate::test::{self, MAX_ROWS_PERMUTED, Tested};

/// Its own draws are of numpy's generator and of the rows' order, which a sorted sample has not; so these are ours.
const SEED: u64 = 0;
const PERMUTATIONS: u32 = 100;
/// Up to so many rows in the reference its default is a test, else a distance.
const SMALL: usize = 1000;
/// Up to so many values in both its default takes numbers for levels.
const MAX_LEVELS: usize = 5;

pub(super) fn methods() -> Vec<Method> {
    let mut all = of_samples();
    all.extend(of_counts());
    all
}

fn of_samples() -> Vec<Method> {
    vec![
        of_numbers("ks:evidently", "Kolmogorov and Smirnov's test as scipy chooses it; drift at p ≤ 0.05.", ks),
        of_numbers(
            "wasserstein:evidently",
            "Wasserstein's first distance over the reference's standard deviation (by n), which counts as 0.001 at \
             least, and so is blind to small units; drift from 0.1.",
            wasserstein,
        ),
        of_numbers(
            "energy:evidently",
            "The energy distance in the column's own unit; drift above 0.1, whatever the unit.",
            |a, b| Outcome::distance(energy(a, b)).map(|outcome| outcome.above(0.1)),
        ),
        of_numbers("cvm:evidently", "Cramér and von Mises' test as scipy chooses it; drift at p ≤ 0.1.", |a, b| {
            at_least_rows(2, a, b)?;
            Outcome::tested(test::cramer_von_mises_auto(a, b), Refusal::AllTie).map(|outcome| outcome.at_most(0.1))
        }),
        of_numbers(
            "ad:evidently",
            "Anderson and Darling's test of two samples, p between 0.001 and 0.25; drift at p < 0.1.",
            |a, b| Outcome::tested(ours::anderson(a, b)?, Refusal::AllTie).map(|outcome| outcome.below(0.1)),
        ),
        of_numbers(
            "mann_whitney:evidently",
            "Mann and Whitney's U, one-sided: only that the reference is the lesser one, so that a fall is no \
             drift; drift at p < 0.05.",
            |a, b| {
                let same = Tested { statistic: a.len() as f64 * b.len() as f64 / 2.0, p_value: 1.0 };
                let less = test::mann_whitney_auto(a, b).map_or(same, |(_, less)| less);
                Outcome::tested(Some(less), Refusal::AllTie).map(|outcome| outcome.below(0.05))
            },
        ),
        of_numbers("epps_singleton:evidently", "Epps and Singleton's test; drift at p < 0.05.", |a, b| {
            at_least_rows(5, a, b)?;
            Outcome::tested(test::epps_singleton(a, b), Refusal::NoScale).map(|outcome| outcome.below(0.05))
        }),
        of_numbers("t:evidently", "Student's t with one variance for both samples; drift at p < 0.05.", |a, b| {
            at_least_rows(2, a, b)?;
            Outcome::tested(test::student_t(a, b), Refusal::AllTie).map(|outcome| outcome.below(0.05))
        }),
        of_numbers(
            "mmd:evidently",
            "The maximum mean discrepancy with Gauss's kernel, as wide as the reference's median distance; p by 100 \
             permutations from a fixed seed (Evidently's have none); drift at p < 0.1.",
            |a, b| {
                at_least_rows(2, a, b)?;
                at_most_rows(MAX_ROWS_PERMUTED, a, b)?;
                let found = test::mmd_permuted(a, b, PERMUTATIONS, SEED);
                Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.1))
            },
        ),
    ]
}

fn of_counts() -> Vec<Method> {
    vec![
        both(
            "psi:evidently",
            "The population stability index on Sturges' equal bins over both samples together (up to 20 values: \
             each one), an empty share counting 1e-4, or a millionth of the least share if that is as small; drift \
             from 0.1.",
            peer::counted,
            |a, b| distance(pair(a, b).psi(Fill::Evidently)),
        ),
        both(
            "js:evidently",
            "Jensen and Shannon's distance in nats, 0 to 0.8326, on the bins of psi:evidently; drift from 0.1.",
            peer::counted,
            jensen_shannon,
        ),
        both(
            "kl:evidently",
            "Kullback and Leibler's divergence of the reference from the current sample in nats, on the bins of \
             psi:evidently and with its filling of empty ones; drift from 0.1.",
            peer::counted,
            |a, b| distance(pair(a, b).kullback_leibler_filled(Fill::Evidently)),
        ),
        either(
            "hellinger:evidently",
            "Hellinger's distance, of numbers on Sturges' bins of their distinct values; drift from 0.1.",
            |a, b| distance(peer::hellinger(a, b)),
            |a, b| distance(pair(a, b).hellinger()),
        ),
        both(
            "chi2:evidently",
            "The goodness of fit of the current sample to the reference's shares, taken for the truth: p is far too \
             small where the reference is no larger; drift at p < 0.05.",
            peer::by_value,
            chi2,
        ),
        both(
            "z:evidently",
            "Two proportions: the first level in order against all others, so that of more than two only one is \
             tested; drift at p < 0.05.",
            peer::by_value,
            z,
        ),
        of_levels(
            "tvd:evidently",
            "The total variation distance; p by 9,999 tables with the same margins, drawn from a fixed seed \
             (Evidently: 1,000 orders of numpy's generator); drift at p < 0.1.",
            |a, b| {
                let found = test::total_variation_permuted(a, b, SEED);
                Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.1))
            },
        ),
        either(
            "default:evidently",
            "What Evidently chooses by itself: up to 1,000 rows in the reference ks:evidently, or chi2:evidently of \
             up to five values or of levels, or z:evidently of up to two; above, wasserstein:evidently, or \
             js:evidently of up to five values or of levels.",
            |a, b| {
                let (counts, others) = peer::by_value(a, b);
                match counts.len() {
                    n if n > MAX_LEVELS && a.len() > SMALL => wasserstein(a, b),
                    n if n > MAX_LEVELS => ks(a, b),
                    _ => of_few_levels(&counts, &others),
                }
            },
            of_few_levels,
        ),
    ]
}

fn of_few_levels(reference: &[u64], current: &[u64]) -> Answer {
    if reference.iter().sum::<u64>() > SMALL as u64 {
        jensen_shannon(reference, current)
    } else if reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).count() > 2 {
        chi2(reference, current)
    } else {
        z(reference, current)
    }
}

fn ks(reference: &[f64], current: &[f64]) -> Answer {
    let found = test::ks(reference, current).map(|ks| Tested { statistic: ks.d, p_value: ks.p_value });
    Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.at_most(0.05))
}

fn wasserstein(reference: &[f64], current: &[f64]) -> Answer {
    distance(peer::wasserstein(reference, current))
}

fn jensen_shannon(reference: &[u64], current: &[u64]) -> Answer {
    distance(pair(reference, current).jensen_shannon_nats())
}

fn chi2(reference: &[u64], current: &[u64]) -> Answer {
    Outcome::tested(test::chi2_of_fit(reference, current), Refusal::AllTie).map(|outcome| outcome.below(0.05))
}

fn z(reference: &[u64], current: &[u64]) -> Answer {
    let first = reference.iter().zip(current).position(|(a, b)| a + b > 0).unwrap_or(0);
    let others = |counts: &[u64]| {
        let all = counts.iter().sum::<u64>();
        (all - counts[first], all)
    };
    let found = test::two_proportions(others(reference), others(current));
    Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.05))
}

fn distance(found: Option<f64>) -> Answer {
    Outcome::distance(found).map(|outcome| outcome.at_least(0.1))
}

fn pair<'a>(reference: &'a [u64], current: &'a [u64]) -> Pair<'a> {
    Pair { reference, current }
}
