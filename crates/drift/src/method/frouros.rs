//! Frouros 0.9's, all of numbers and without thresholds.

use super::{Answer, Method, Outcome, Refusal, at_least_rows, at_most_rows, of_numbers, ours};
use crate::distance::{Fill, Pair, energy, wasserstein};
use crate::peer::frouros as peer;
use crate::test::{self, Tested};

/// A second or so of work.
const MAX_ROWS: usize = 20_000;

pub(super) fn methods() -> Vec<Method> {
    let mut all = distances();
    all.extend(tests());
    all
}

fn distances() -> Vec<Method> {
    vec![
        of_numbers(
            "psi:frouros",
            "The population stability index on ten equal bins over both samples, an empty share counting 2e-308: \
             one empty bin makes it leap by hundreds.",
            |a, b| counted(a, b, |pair| pair.psi(Fill::Zeros(f64::MIN_POSITIVE))),
        ),
        of_numbers(
            "js:frouros",
            "Jensen and Shannon's distance in nats of nine shares read off each sample's own histogram.",
            |a, b| Outcome::distance(Some(peer::jensen_shannon(a, b).ok_or(Refusal::TooManyBins)?)),
        ),
        of_numbers(
            "kl:frouros",
            "Kullback and Leibler's divergence of the current sample from the reference in nats, on the shares of \
             js:frouros; often infinite.",
            |a, b| Outcome::distance(Some(peer::kullback_leibler(a, b).ok_or(Refusal::TooManyBins)?)),
        ),
        of_numbers("hellinger:frouros", "Hellinger's distance on ten equal bins over both samples.", |a, b| {
            counted(a, b, |pair| pair.hellinger())
        }),
        of_numbers(
            "bhattacharyya:frouros",
            "1 − Σ √(pq) on ten equal bins over both samples: the square of Hellinger's distance, not \
             Bhattacharyya's −ln Σ √(pq).",
            |a, b| counted(a, b, |pair| pair.one_less_overlap_of_roots()),
        ),
        of_numbers(
            "intersection:frouros",
            "1 − Σ min(p, q) on ten equal bins over both samples: what the histograms do not share.",
            |a, b| counted(a, b, |pair| pair.total_variation()),
        ),
        of_numbers(
            "emd:frouros",
            "Wasserstein's first distance in the column's own unit (scipy's wasserstein_distance).",
            |a, b| Outcome::distance(wasserstein(a, b)),
        ),
        of_numbers("energy:frouros", "The energy distance (scipy's energy_distance).", |a, b| {
            Outcome::distance(energy(a, b))
        }),
        of_numbers(
            "mmd:frouros",
            "The squared maximum mean discrepancy with Gauss's kernel of width 1 in the column's own unit, without \
             bias.",
            |a, b| {
                at_least_rows(2, a, b)?;
                at_most_rows(MAX_ROWS, a, b)?;
                Outcome::distance(test::mmd(a, b, 1.0))
            },
        ),
    ]
}

fn tests() -> Vec<Method> {
    vec![
        of_numbers("ks:frouros", "Kolmogorov and Smirnov's test as scipy chooses it.", |a, b| {
            let found = test::ks(a, b).map(|ks| Tested { statistic: ks.d, p_value: ks.p_value });
            Outcome::tested(found, Refusal::AllTie)
        }),
        of_numbers("cvm:frouros", "Cramér and von Mises' test as scipy chooses it.", |a, b| {
            at_least_rows(2, a, b)?;
            Outcome::tested(test::cramer_von_mises_auto(a, b), Refusal::AllTie)
        }),
        of_numbers(
            "ad:frouros",
            "Anderson and Darling's test of two samples, p between 0.001 and 0.25 (scipy's anderson_ksamp).",
            |a, b| Outcome::tested(ours::anderson(a, b)?, Refusal::AllTie),
        ),
        of_numbers(
            "kuiper:frouros",
            "Kolmogorov and Smirnov's D with p by the formulas for Kuiper's V, which is another statistic: far too \
             large; no p where they have no value.",
            |a, b| {
                let d = test::ks(a, b).map_or(0.0, |ks| ks.d);
                let p_value = peer::kuiper_p(d, a.len(), b.len());
                Ok(Outcome { statistic: d, p_value, threshold: None, is_drift: None })
            },
        ),
        of_numbers("welch:frouros", "Welch's t, two-sided (scipy's ttest_ind, equal_var=False).", |a, b| {
            at_least_rows(2, a, b)?;
            Outcome::tested(test::welch_t(a, b).map(|(tested, _)| tested), Refusal::AllTie)
        }),
        of_numbers("mann_whitney:frouros", "Mann and Whitney's U as scipy chooses it, two-sided.", |a, b| {
            let same = Tested { statistic: a.len() as f64 * b.len() as f64 / 2.0, p_value: 1.0 };
            let found = test::mann_whitney_auto(a, b).map_or(same, |(two_sided, _)| two_sided);
            Outcome::tested(Some(found), Refusal::AllTie)
        }),
    ]
}

fn counted(reference: &[f64], current: &[f64], of: fn(&Pair) -> Option<f64>) -> Answer {
    let (a, b) = peer::counted(reference, current);
    Outcome::distance(of(&Pair { reference: &a, current: &b }))
}
