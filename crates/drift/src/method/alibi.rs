//! alibi-detect 0.13's detectors of one feature, which are scipy's tests at p < 0.05, from their descriptions (its source is
//! under the Business Source Licence). It rounds its answers to 32 bits; these are whole.

use super::{Answer, Method, Outcome, Refusal, at_least_rows, of_levels, of_numbers, ours};
use crate::test::{self, Tested};

pub(super) fn methods() -> Vec<Method> {
    vec![
        of_numbers(
            "ks:alibi",
            "Kolmogorov and Smirnov's test by the limit alone, however few rows there are (scipy's \
             method=\"asymp\"); drift at p < 0.05.",
            |a, b| {
                let found = test::ks(a, b)
                    .map(|ks| Tested { statistic: ks.d, p_value: test::ks_limit(a.len(), b.len(), ks.d) });
                judged(found)
            },
        ),
        of_numbers("cvm:alibi", "Cramér and von Mises' test as scipy chooses it; drift at p < 0.05.", |a, b| {
            at_least_rows(2, a, b)?;
            judged(test::cramer_von_mises_auto(a, b))
        }),
        of_levels(
            "chi2:alibi",
            "Pearson's test that both samples have the same shares, with Yates' correction where there are two \
             levels; drift at p < 0.05.",
            |a, b| judged(test::chi2_yates(a, b).map(Tested::from)),
        ),
        of_levels(
            "fisher:alibi",
            "Fisher's exact test of two levels, two-sided; the statistic is the odds ratio; drift at p < 0.05.",
            |a, b| ours::fisher(a, b).map(|outcome| outcome.below(0.05)),
        ),
    ]
}

fn judged(found: Option<Tested>) -> Answer {
    Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.05))
}
