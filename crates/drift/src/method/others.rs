//! scouter's and TensorFlow Data Validation's, of which no answers are at hand: made from their sources, tested on what
//! can be reckoned by hand.

use super::{Answer, Method, Outcome, at_least_rows, either, of_levels};
use crate::distance::Pair;
use crate::peer::{scouter, tfdv};

pub(super) fn methods() -> Vec<Method> {
    vec![
        either(
            "psi:scouter",
            "The population stability index on the reference's deciles, or on its levels, with 1e-10 more in every \
             share; drift above the 95 % point of χ²(bins − 1) over the current sample's rows.",
            |a, b| {
                at_least_rows(10, a, a)?;
                let (a, b) = scouter::counted(a, b);
                judged(&a, &b)
            },
            judged,
        ),
        either(
            "js:tfdv",
            "Jensen and Shannon's divergence in bits, without the root, 0 to 1; of numbers on ten equal buckets of \
             each sample, split evenly where the other's begin.",
            |a, b| Outcome::distance(tfdv::jensen_shannon(a, b)),
            |a, b| Outcome::distance(Pair { reference: a, current: b }.jensen_shannon_divergence()),
        ),
        of_levels("l_infinity:tfdv", "The largest difference max |p − q| of both samples' shares.", |a, b| {
            Outcome::distance(Pair { reference: a, current: b }.l_infinity())
        }),
    ]
}

fn judged(reference: &[u64], current: &[u64]) -> Answer {
    let found = scouter::psi(Pair { reference, current });
    let threshold = found.map_or(0.0, |(_, threshold)| threshold);
    Outcome::distance(found.map(|(psi, _)| psi)).map(|outcome| outcome.above(threshold))
}

#[cfg(test)]
mod tests {
    use super::super::{Refusal, Sample, named};
    use super::*;
    use std::f64::consts::LN_2;

    fn of(name: &str, reference: &[f64], current: &[f64]) -> Answer {
        named(name).expect("a method").measure(&Sample::Numbers(reference), &Sample::Numbers(current))
    }

    #[test]
    fn tfdvs_buckets_are_split_where_the_others_begin() {
        // Half of [0, 0.2] lies in [0, 0.1]; the rest of each has nothing of the other.
        let wanted = (0.5 * (0.5_f64 / 0.375).ln() + 0.25 * (0.25_f64 / 0.375).ln() + 1.25 * LN_2) / 2.0 / LN_2;
        let got = of("js:tfdv", &[0.0, 1.0], &[0.0, 2.0]).expect("an answer").statistic;
        assert!((got - wanted).abs() < 1e-12, "{got} for {wanted}");
        assert_eq!(of("js:tfdv", &[3.0, 3.0], &[3.0]).expect("an answer").statistic, 0.0);
        // A point has nothing in common with a bucket that it lies in.
        assert!((of("js:tfdv", &[0.0, 10.0], &[10.0]).expect("an answer").statistic - 1.0).abs() < 1e-15);
    }

    #[test]
    fn scouters_bins_are_closed_to_the_right_and_know_the_references_levels_only() {
        let reference: Vec<f64> = (0..=10).map(f64::from).collect();
        // Deciles 1 … 9: the first bin has 0 and 1, each other one value.
        let got = of("psi:scouter", &reference, &[1.0, 1.0, 5.0, 10.0]).expect("an answer");
        let (two, one, more) = (2.0 / 11.0, 1.0 / 11.0, 1e-10);
        let term = |p: f64, q: f64| (p + more - q - more) * ((p + more) / (q + more)).ln();
        let wanted = term(two, 0.5) + 2.0 * term(one, 0.25) + 7.0 * term(one, 0.0);
        assert!((got.statistic - wanted).abs() < 1e-9, "{got:?} for {wanted}");
        // χ² of nine degrees of freedom at 0.05 is 16.919.
        assert!((got.threshold.expect("one") - 16.918_977_6 / 4.0).abs() < 1e-6, "{got:?}");
        let few = Refusal::TooFewRows { least: 10, found: 3 };
        assert_eq!(of("psi:scouter", &[1.0, 2.0, 3.0], &[1.0]), Err(few));
        let levels =
            |levels: &[(&str, u64)]| levels.iter().map(|(level, n)| ((*level).to_owned(), *n)).collect::<Vec<_>>();
        let (a, b) = (levels(&[("a", 1), ("b", 1)]), levels(&[("a", 1), ("b", 1), ("c", 2)]));
        let got = named("psi:scouter").expect("a method").measure(&Sample::Levels(&a), &Sample::Levels(&b));
        assert!((got.expect("an answer").statistic - 2.0 * term(0.5, 0.25)).abs() < 1e-9);
    }
}
