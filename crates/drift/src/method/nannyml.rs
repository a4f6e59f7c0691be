//! NannyML 0.13's. Its thresholds come from the reference's own chunks: two samples have none, but for its chi-square.

use super::{Method, Outcome, Refusal, either, of_levels, of_numbers};
use crate::distance::Pair;
use crate::peer::nannyml as peer;
use crate::test::{self, Tested};

pub(super) fn methods() -> Vec<Method> {
    vec![
        either(
            "js:nannyml",
            "Jensen and Shannon's distance in bits, 0 to 1, of numbers on Doane's equal bins of the reference, of \
             levels on the reference's; all that is in none of them is one more.",
            |a, b| Outcome::distance(peer::jensen_shannon(a, b)),
            |a, b| {
                let (a, b) = peer::lumped(a, b);
                Outcome::distance(Pair { reference: &a, current: &b }.jensen_shannon())
            },
        ),
        either(
            "hellinger:nannyml",
            "Hellinger's distance on the bins and levels of js:nannyml, 0 to 1.",
            |a, b| Outcome::distance(peer::hellinger(a, b)),
            |a, b| {
                let (a, b) = peer::lumped(a, b);
                Outcome::distance(Pair { reference: &a, current: &b }.hellinger())
            },
        ),
        of_numbers(
            "ks:nannyml",
            "Kolmogorov and Smirnov's distance without a p; from 10,000 rows of the reference on 10,000 equal bins \
             over its range.",
            |a, b| Outcome::distance(peer::kolmogorov_smirnov(a, b)),
        ),
        of_numbers(
            "wasserstein:nannyml",
            "Wasserstein's first distance in the column's own unit; from 10,000 rows of the reference on 10,000 \
             equal bins over its range.",
            |a, b| Outcome::distance(peer::wasserstein(a, b)),
        ),
        of_levels(
            "chi2:nannyml",
            "Pearson's test that both samples have the same shares, with Yates' correction where there are two \
             levels; drift at p < 0.05.",
            |a, b| {
                let found = test::chi2_yates(a, b).map(Tested::from);
                Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.05))
            },
        ),
        of_levels("l_infinity:nannyml", "The largest difference max |p − q| of both samples' shares.", |a, b| {
            Outcome::distance(Pair { reference: a, current: b }.l_infinity())
        }),
    ]
}
