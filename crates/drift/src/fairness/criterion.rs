//! Whether groups are further apart than is borne, criterion by criterion.

use super::{Against, Frame, Metric, Odds};
use crate::quality::Interval;
use serde::Serialize;

/// Of the intervals of rates.
pub const LEVEL: f64 = 0.95;

/// 0 to 1; both ends are within.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ends {
    pub low: f64,
    pub high: f64,
}

pub fn ends(interval: Option<Interval>) -> Option<Ends> {
    interval.map(|of| Ends { low: of.low, high: of.high })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Larger than what is borne, and not by chance.
    Sure,
    /// Larger, but groups of this size may be so by chance.
    Uncertain,
    /// No larger.
    Borne,
    /// Fewer than two groups are large enough to have the rate.
    NotJudged,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Criterion {
    pub name: &'static str,
    /// The rate that is furthest apart: of equalised odds one of two.
    pub metric: &'static str,
    pub verdict: Gap,
    pub lowest: Option<String>,
    pub highest: Option<String>,
    /// Of the two groups furthest apart, as Fairlearn has it.
    pub difference: Option<f64>,
    /// Newcombe's of these two groups, at a level that is corrected for having chosen them among all pairs (Bonferroni).
    pub difference_interval: Option<Ends>,
    /// Lowest by highest.
    pub ratio: Option<f64>,
    /// Katz's, at the same level.
    pub ratio_interval: Option<Ends>,
    /// What a verdict of `sure` turned on.
    pub sure: Option<SurePair>,
}

/// The two groups furthest apart of those that are not so by chance. They need not be those of the criterion, of which
/// one may be small, nor their rate its rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurePair {
    pub metric: &'static str,
    pub lowest: String,
    pub highest: String,
    pub difference: f64,
    /// Newcombe's, at the corrected level.
    pub difference_interval: Ends,
}

impl Criterion {
    /// Alike in one rate: no two groups differ by more than `borne` (0 to 1), at 95 % over all pairs of groups together.
    pub fn of(frame: &Frame, name: &'static str, metric: Metric, borne: f64) -> Criterion {
        let apart = frame.apart(metric);
        let n_groups = frame.by_group(metric).count();
        let n_known = frame.by_group(metric).filter(|(_, value)| value.is_some()).count();
        let pairs = (n_groups * n_groups.saturating_sub(1) / 2).max(1) as f64;
        let level = 1.0 - (1.0 - LEVEL) / pairs;
        let interval = apart.as_ref().and_then(|a| frame.difference_interval(metric, a.highest, a.lowest, level));
        // Each pair was to be chosen: the level holds for all of them.
        let sure = frame.surely_apart(metric, borne, level);
        let verdict = match &apart {
            Some(_) if n_known < 2 => Gap::NotJudged,
            Some(_) if sure.is_some() => Gap::Sure,
            Some(apart) if apart.difference > borne => Gap::Uncertain,
            Some(_) => Gap::Borne,
            None => Gap::NotJudged,
        };
        Criterion {
            name,
            metric: word(metric),
            verdict,
            lowest: apart.map(|a| a.lowest.to_owned()),
            highest: apart.map(|a| a.highest.to_owned()),
            difference: apart.map(|a| a.difference),
            difference_interval: ends(interval),
            ratio: apart.and_then(|a| a.ratio),
            ratio_interval: apart.and_then(|a| ends(frame.ratio_interval(metric, a.lowest, a.highest, level))),
            sure: sure.map(|(pair, interval)| SurePair {
                metric: word(metric),
                lowest: pair.lowest.to_owned(),
                highest: pair.highest.to_owned(),
                difference: pair.difference,
                difference_interval: Ends { low: interval.low, high: interval.high },
            }),
        }
    }
}

/// A difference of rates up to `borne` is none.
pub fn all(frame: &Frame, borne: f64) -> Vec<Criterion> {
    let of = |name: &'static str, metric: Metric| Criterion::of(frame, name, metric, borne);
    let odds = |metric: Metric| of("equalised_odds", metric);
    let mut equalised = worse(odds(Metric::TruePositiveRate), odds(Metric::FalsePositiveRate));
    // The worse of both ratios, as Fairlearn has it; they need not be of the same rate.
    equalised.ratio = frame.equalised_odds(Against::EachOther, Odds::WorstCase).ratio;
    equalised.ratio_interval = None;
    vec![
        of("demographic_parity", Metric::SelectionRate),
        of("equal_opportunity", Metric::TruePositiveRate),
        equalised,
        of("predictive_parity", Metric::Precision),
    ]
}

/// That of the larger difference, with the graver verdict: the larger may be by chance, and the other not.
fn worse(hits: Criterion, alarms: Criterion) -> Criterion {
    let apart = |of: &Criterion| of.difference.unwrap_or(-1.0);
    let (mut worse, other) = if apart(&hits) >= apart(&alarms) { (hits, alarms) } else { (alarms, hits) };
    if other.verdict < worse.verdict {
        (worse.verdict, worse.sure) = (other.verdict, other.sure);
    }
    worse
}

pub fn word(metric: Metric) -> &'static str {
    match metric {
        Metric::SelectionRate => "selection_rate",
        Metric::TruePositiveRate => "true_positive_rate",
        Metric::FalsePositiveRate => "false_positive_rate",
        Metric::FalseNegativeRate => "false_negative_rate",
        Metric::Accuracy => "accuracy",
        Metric::Precision => "precision",
        Metric::Count => "count",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fairness::Groups;
    use crate::quality::Outcomes;

    /// Groups of (true positives, positives, false positives, negatives).
    fn judged(groups: &[(&str, [u64; 4])]) -> Vec<Criterion> {
        let mut all_groups = Groups::default();
        for (name, [tp, positives, fp, negatives]) in groups {
            let counts = Outcomes { tp: *tp, fp: *fp, fn_: positives - tp, tn: negatives - fp };
            all_groups.add_counts(name, &counts);
        }
        all(&Frame::of(&all_groups, 0), 0.05)
    }

    #[test]
    fn a_small_group_at_the_end_hides_no_sure_pair() {
        let found = judged(&[("A", [4200, 10_000, 0, 0]), ("B", [3000, 10_000, 0, 0]), ("C", [17, 60, 0, 0])]);
        let opportunity = &found[1];
        assert_eq!(opportunity.verdict, Gap::Sure);
        // The numbers stay Fairlearn's: those of the two that are furthest apart, perhaps by chance.
        assert_eq!((opportunity.lowest.as_deref(), opportunity.highest.as_deref()), (Some("C"), Some("A")));
        assert_eq!(opportunity.difference, Some(0.42 - 17.0 / 60.0));
        assert!(opportunity.difference_interval.expect("rows").low < 0.0);
        let sure = opportunity.sure.as_ref().expect("a pair");
        assert_eq!((&*sure.lowest, &*sure.highest, sure.difference), ("B", "A", 0.42 - 0.3));
        assert!(sure.difference_interval.low > 0.1);
    }

    #[test]
    fn equalised_odds_are_no_better_than_either_rate() {
        // Of few negatives the false alarms are further apart, by chance; the hits are surely.
        let found = judged(&[("A", [4200, 10_000, 9, 20]), ("B", [3000, 10_000, 4, 20])]);
        let odds = &found[2];
        assert_eq!((odds.metric, odds.difference), ("false_positive_rate", Some(0.45 - 0.2)));
        assert_eq!((odds.verdict, odds.sure.as_ref().map(|pair| pair.metric)), (Gap::Sure, Some("true_positive_rate")));
    }

    #[test]
    fn what_is_borne_uncertain_or_not_judged_has_no_pair() {
        let of = |groups: &[(&str, [u64; 4])]| judged(groups).swap_remove(1);
        let close = of(&[("A", [410, 1000, 0, 0]), ("B", [400, 1000, 0, 0])]);
        let few = of(&[("A", [6, 10, 0, 0]), ("B", [4, 10, 0, 0])]);
        let alone = of(&[("A", [6, 10, 0, 0]), ("B", [0, 0, 4, 10])]);
        assert_eq!([close.verdict, few.verdict, alone.verdict], [Gap::Borne, Gap::Uncertain, Gap::NotJudged]);
        assert_eq!([close.sure, few.sure, alone.sure], [None, None, None]);
    }
}
