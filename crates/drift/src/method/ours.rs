//! Ours. Tests judge by p < 0.01, distances by 0.1 where that has a meaning of its own: a verdict wants both, and the
//! correction for many columns, which is not made here. Numbers that want counts get the reference's own bins: one for each
//! value up to twenty of them, else its deciles with open ends.

use super::{Answer, Method, Outcome, Refusal, Rows, at_least_rows, both, of_numbers, two_levels};
use crate::bins::Bins;
use crate::distance::{Fill, Pair, energy, present, wasserstein, wasserstein_std};
use crate::test::{self, Contingency, Tested};

const P: f64 = 0.01;
const EFFECT: f64 = 0.1;
/// Of what is drawn here, so that it is the same each time.
const SEED: u64 = 0;

pub(super) fn methods() -> Vec<Method> {
    let mut all = of_samples();
    all.extend(of_counts());
    all
}

fn of_samples() -> Vec<Method> {
    vec![
        of_numbers(
            "ks",
            "Kolmogorov and Smirnov's test: the largest distance of the two distribution functions; p is exact up \
             to 10,000 rows in each sample, else by the limit (scipy's ks_2samp).",
            |a, b| p(test::ks(a, b).map(|ks| Tested { statistic: ks.d, p_value: ks.p_value }), Refusal::AllTie),
        ),
        of_numbers(
            "wasserstein",
            "Wasserstein's first distance: the area between the two distribution functions, in the column's own \
             unit (scipy's wasserstein_distance); no threshold, as it depends on the unit.",
            |a, b| Outcome::distance(wasserstein(a, b)),
        ),
        of_numbers(
            "wasserstein_std",
            "Wasserstein's first distance over the reference's standard deviation (by n); of a constant reference \
             the share of values that are another one.",
            |a, b| effect(wasserstein_std(a, b)),
        ),
        of_numbers(
            "energy",
            "The energy distance: the root of twice the integral of the squared difference of the two distribution \
             functions (scipy's energy_distance); no threshold, as it depends on the unit.",
            |a, b| Outcome::distance(energy(a, b)),
        ),
        of_numbers(
            "cvm",
            "Cramér and von Mises' test: the squared difference of the two distribution functions, summed over all \
             values, by midranks; p of all orders up to 20 rows, else by the limit (scipy's \
             cramervonmises_2samp).",
            |a, b| {
                at_least_rows(2, a, b)?;
                p(test::cramer_von_mises_auto(a, b), Refusal::AllTie)
            },
        ),
        of_numbers(
            "ad",
            "Anderson and Darling's test of two samples, by midranks, which weighs the tails more (Scholz and \
             Stephens 1987); p lies between 0.001 and 0.25 (scipy's anderson_ksamp).",
            |a, b| p(anderson(a, b)?, Refusal::AllTie),
        ),
        of_numbers(
            "mann_whitney",
            "Mann and Whitney's U of the reference, two-sided: how often its values are the greater ones; p of all \
             orders where a sample has at most eight rows and nothing ties, else by the normal limit (scipy's \
             mannwhitneyu).",
            |a, b| p(test::mann_whitney_auto(a, b).map(|(two_sided, _)| two_sided), Refusal::AllTie),
        ),
        of_numbers(
            "t",
            "Student's t: the difference of the means over its standard error, with one variance for both samples; \
             two-sided (scipy's ttest_ind).",
            |a, b| {
                at_least_rows(2, a, b)?;
                p(test::student_t(a, b), Refusal::AllTie)
            },
        ),
        of_numbers(
            "welch",
            "Welch's t: the difference of the means over its standard error, each sample with its own variance; \
             two-sided (scipy's ttest_ind, equal_var=False).",
            |a, b| {
                at_least_rows(2, a, b)?;
                p(test::welch_t(a, b).map(|(tested, _)| tested), Refusal::AllTie)
            },
        ),
        of_numbers(
            "epps_singleton",
            "Epps and Singleton's test: the distance of the two characteristic functions at two points, over its \
             covariance (scipy's epps_singleton_2samp).",
            |a, b| {
                at_least_rows(5, a, b)?;
                p(test::epps_singleton(a, b), Refusal::NoScale)
            },
        ),
    ]
}

fn of_counts() -> Vec<Method> {
    vec![
        both(
            "psi",
            "The population stability index Σ (p − q) ln(p/q) of the shares of both samples, with half a row more \
             in every bin or level that either has, so that none is empty.",
            bins,
            |a, b| effect(pair(a, b).psi(Fill::HalfARow)),
        ),
        both(
            "js",
            "Jensen and Shannon's distance: the root of the mean divergence of both samples' shares from their \
             middle, in bits, 0 to 1.",
            bins,
            |a, b| effect(pair(a, b).jensen_shannon()),
        ),
        both(
            "hellinger",
            "Hellinger's distance √(½ Σ (√p − √q)²) of both samples' shares, 0 to 1.",
            bins,
            |a, b| Outcome::distance(pair(a, b).hellinger()),
        ),
        both(
            "kl",
            "Kullback and Leibler's divergence Σ p ln(p/q) of the reference from the current sample, in nats; \
             infinite where a bin or level of the reference is gone.",
            bins,
            |a, b| Outcome::distance(pair(a, b).kullback_leibler()),
        ),
        both(
            "tvd",
            "The total variation distance ½ Σ |p − q| of both samples' shares: the share of rows that would have to \
             change, 0 to 1.",
            bins,
            |a, b| Outcome::distance(pair(a, b).total_variation()),
        ),
        both("l_infinity", "The largest difference max |p − q| of both samples' shares, 0 to 1.", bins, |a, b| {
            Outcome::distance(pair(a, b).l_infinity())
        }),
        both(
            "chi2",
            "Pearson's test that both samples have the same shares: Σ (observed − expected)²/expected of the table \
             of counts, without a correction (scipy's chi2_contingency, correction=False).",
            bins,
            |a, b| contingency(test::chi2(a, b)),
        ),
        both(
            "chi2_yates",
            "Pearson's test with Yates' correction where there are two levels (scipy's chi2_contingency as it is by \
             default).",
            bins,
            |a, b| contingency(test::chi2_yates(a, b)),
        ),
        both(
            "chi2_permuted",
            "Pearson's test without its limit, for when more than a fifth of the expected counts are below five: p \
             is the share of 9,999 tables with the same margins, drawn from a fixed seed, that are as far off.",
            bins,
            |a, b| p(test::chi2_permuted(a, b, SEED), Refusal::AllTie),
        ),
        both(
            "g",
            "The likelihood ratio test that both samples have the same shares: 2 Σ observed · ln(observed/expected) \
             (scipy's chi2_contingency, lambda_=\"log-likelihood\").",
            bins,
            |a, b| contingency(test::g_test(a, b)),
        ),
        both(
            "fisher",
            "Fisher's exact test of two levels, two-sided: the share of all tables with the same margins that are \
             no likelier; the statistic is the odds ratio.",
            bins,
            fisher,
        ),
        both(
            "z",
            "The test of two proportions, for two levels: the difference of the shares over its standard error with \
             the pooled share; two-sided.",
            bins,
            |a, b| {
                let (a, b) = two_levels(a, b)?;
                p(test::two_proportions((a[0], a[0] + a[1]), (b[0], b[0] + b[1])), Refusal::AllTie)
            },
        ),
        both(
            "cramers_v",
            "Cramér's V: the root of Pearson's χ² over the rows of both samples, 0 to 1; one level alone is no \
             drift.",
            bins,
            |a, b| effect(Some(test::cramers_v(a, b).unwrap_or(0.0))),
        ),
    ]
}

/// Frozen with the reference; without the bins that neither has.
fn bins(reference: &[f64], current: &[f64]) -> Rows {
    let Some(bins) = Bins::of(reference) else { return (Vec::new(), Vec::new()) };
    present(&bins.count(reference), &bins.count(current))
}

fn pair<'a>(reference: &'a [u64], current: &'a [u64]) -> Pair<'a> {
    Pair { reference, current }
}

fn p(found: Option<Tested>, otherwise: Refusal) -> Answer {
    Outcome::tested(found, otherwise).map(|outcome| outcome.below(P))
}

fn effect(found: Option<f64>) -> Answer {
    Outcome::distance(found).map(|outcome| outcome.at_least(EFFECT))
}

fn contingency(found: Option<Contingency>) -> Answer {
    p(found.map(Tested::from), Refusal::AllTie)
}

/// `Ok(None)`: all values tie.
pub(super) fn anderson(reference: &[f64], current: &[f64]) -> Result<Option<Tested>, Refusal> {
    if reference.len() + current.len() < 4 {
        at_least_rows(2, reference, current)?;
    }
    let found = test::anderson_darling(reference, current);
    Ok(found.map(|found| Tested { statistic: found.statistic, p_value: found.p_value }))
}

pub(super) fn fisher(reference: &[u64], current: &[u64]) -> Answer {
    let (a, b) = two_levels(reference, current)?;
    let odds = |counts: [u64; 2]| counts[0] as f64 / counts[1] as f64;
    // One level alone has no odds, and they do not differ.
    let ratio = if a[1] + b[1] == 0 { 1.0 } else { odds(a) / odds(b) };
    p(Some(Tested { statistic: ratio, p_value: test::fisher_exact(a, b) }), Refusal::AllTie)
}
