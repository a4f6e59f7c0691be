//! deepchecks 0.19's. Its condition on drift is a score of 0.2.

use super::{Answer, Method, Outcome, of_levels, of_numbers};
use crate::peer::deepchecks as peer;
use crate::test::ks;

pub(super) fn methods() -> Vec<Method> {
    vec![
        of_numbers("ks:deepchecks", "Kolmogorov and Smirnov's distance without a p; drift from 0.2.", |a, b| {
            judged(ks(a, b).map(|ks| ks.d))
        }),
        of_numbers(
            "emd:deepchecks",
            "The earth mover's distance of both samples without what is below their own 2.5 % and above their own \
             97.5 % quantile, scaled to 0 … 1 together; drift from 0.2.",
            |a, b| judged(peer::earth_movers(a, b, 0.025)),
        ),
        of_numbers(
            "emd_untrimmed:deepchecks",
            "The earth mover's distance of both samples scaled to 0 … 1 together; drift from 0.2.",
            |a, b| judged(peer::earth_movers(a, b, 0.0)),
        ),
        of_levels(
            "psi:deepchecks",
            "The population stability index of levels, no share counting for less than 0.01; drift from 0.2.",
            |a, b| judged(peer::psi(a, b)),
        ),
        of_levels(
            "psi_joined:deepchecks",
            "psi:deepchecks with the levels below 1 % of the reference joined; drift from 0.2.",
            |a, b| {
                let (a, b) = peer::joined(a, b);
                judged(peer::psi(&a, &b))
            },
        ),
        of_levels(
            "cramers_v:deepchecks",
            "Cramér's V of levels, corrected for its bias, of both samples scaled to the smaller one's rows, with \
             Yates' correction where there are two levels; drift from 0.2.",
            |a, b| judged(peer::cramers_v(a, b)),
        ),
        of_levels(
            "cramers_v_joined:deepchecks",
            "cramers_v:deepchecks with the levels below 1 % of the reference joined; drift from 0.2.",
            |a, b| {
                let (a, b) = peer::joined(a, b);
                judged(peer::cramers_v(&a, &b))
            },
        ),
    ]
}

fn judged(found: Option<f64>) -> Answer {
    Outcome::distance(found).map(|outcome| outcome.at_least(0.2))
}
