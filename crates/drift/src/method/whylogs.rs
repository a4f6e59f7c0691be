//! whylogs 1.6's, on the samples themselves instead of sketches; what it calls `DRIFT`.

use super::{Method, Outcome, Refusal, of_levels, of_numbers};
use crate::peer::whylogs as peer;
use crate::test::{Tested, ks_limit};

pub(super) fn methods() -> Vec<Method> {
    vec![
        of_numbers(
            "ks:whylogs",
            "The largest distance of the two distribution functions at 100 quantiles of each sample, p by the \
             limit; drift at p < 0.05.",
            |a, b| {
                let found = peer::kolmogorov_smirnov(a, b)
                    .map(|d| Tested { statistic: d, p_value: ks_limit(a.len(), b.len(), d) });
                Outcome::tested(found, Refusal::AllTie).map(|outcome| outcome.below(0.05))
            },
        ),
        of_numbers(
            "hellinger:whylogs",
            "Hellinger's distance on up to 30 equal bins over both samples; drift from 0.4 (from 0.15: possible).",
            |a, b| Outcome::distance(peer::hellinger(a, b)).map(|outcome| outcome.at_least(0.4)),
        ),
        of_levels(
            "chi2:whylogs",
            "The goodness of fit of the current sample to the reference's shares cut to whole rows, infinite for a \
             new level, with the current sample's levels less one for degrees of freedom; drift at p < 0.05.",
            |a, b| Outcome::tested(peer::chi2(a, b), Refusal::AllTie).map(|outcome| outcome.below(0.05)),
        ),
    ]
}
