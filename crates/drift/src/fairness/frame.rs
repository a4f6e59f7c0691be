//! A metric by group: fairlearn's `MetricFrame`.

use super::groups::Groups;
use crate::quality::{Interval, Outcomes, katz, newcombe, newcombe_of, wilson};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    SelectionRate,
    TruePositiveRate,
    FalsePositiveRate,
    FalseNegativeRate,
    Accuracy,
    Precision,
    /// Rows.
    Count,
}

impl Metric {
    pub const ALL: [Metric; 7] = [
        Metric::SelectionRate,
        Metric::TruePositiveRate,
        Metric::FalsePositiveRate,
        Metric::FalseNegativeRate,
        Metric::Accuracy,
        Metric::Precision,
        Metric::Count,
    ];

    /// The rows that it counts, and those among which. `None` for the count itself.
    pub fn parts(self, counts: &Outcomes) -> Option<(u64, u64)> {
        Some(match self {
            Metric::SelectionRate => (counts.called(), counts.rows()),
            Metric::TruePositiveRate => (counts.tp, counts.positives()),
            Metric::FalsePositiveRate => (counts.fp, counts.negatives()),
            Metric::FalseNegativeRate => (counts.fn_, counts.positives()),
            Metric::Accuracy => (counts.tp + counts.tn, counts.rows()),
            Metric::Precision => (counts.tp, counts.called()),
            Metric::Count => return None,
        })
    }

    /// `None` where there is nothing to divide by.
    pub fn of(self, counts: &Outcomes) -> Option<f64> {
        match self.parts(counts) {
            Some((some, all)) => (all > 0).then(|| some as f64 / all as f64),
            None => Some(counts.rows() as f64),
        }
    }
}

/// What a group is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The group with the largest value, and that with the least.
    EachOther,
    /// All rows together, those of small groups too.
    Overall,
}

/// Two groups furthest from each other in a metric. Their interval takes the pair for given: the pair was chosen for its
/// distance, so with many groups the true level is lower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart<'a> {
    pub lowest: &'a str,
    pub highest: &'a str,
    /// highest − lowest.
    pub difference: f64,
    /// lowest / highest; `None` if both are 0.
    pub ratio: Option<f64>,
}

/// The groups that are large enough, and those that are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    judged: Vec<(&'a str, &'a Outcomes)>,
    too_small: Vec<(&'a str, u64)>,
    overall: Outcomes,
}

impl<'a> Frame<'a> {
    /// Groups of fewer rows than `least` are only listed.
    pub fn of(groups: &'a Groups, least: u64) -> Frame<'a> {
        let (judged, small): (Vec<_>, Vec<_>) = groups.iter().partition(|(_, counts)| counts.rows() >= least);
        let too_small = small.into_iter().map(|(group, counts)| (group, counts.rows())).collect();
        Frame { judged, too_small, overall: groups.overall() }
    }

    /// Groups that are listed and not judged, with their rows.
    pub fn too_small(&self) -> &[(&'a str, u64)] {
        &self.too_small
    }

    /// Of each judged group, by its name; `None` where the group has none.
    pub fn by_group(&self, metric: Metric) -> impl Iterator<Item = (&'a str, Option<f64>)> {
        self.judged.iter().map(move |(group, counts)| (*group, metric.of(counts)))
    }

    pub fn overall(&self, metric: Metric) -> Option<f64> {
        metric.of(&self.overall)
    }

    /// `None` if no judged group has the metric. Of equal ones the first by name.
    pub fn apart(&self, metric: Metric) -> Option<Apart<'a>> {
        let known = || self.by_group(metric).filter_map(|(group, value)| value.map(|value| (group, value)));
        let lowest = known().reduce(|a, b| if b.1 < a.1 { b } else { a })?;
        let highest = known().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let ratio = (highest.1 != 0.0).then(|| lowest.1 / highest.1);
        Some(Apart { lowest: lowest.0, highest: highest.0, difference: highest.1 - lowest.1, ratio })
    }

    /// Of the pairs of groups that are further apart than `borne`, and not by chance (Newcombe's interval at `level` is
    /// above 0), that which is furthest, with its interval: the groups furthest apart of all may be small ones.
    pub fn surely_apart(&self, metric: Metric, borne: f64, level: f64) -> Option<(Apart<'a>, Interval)> {
        let rate = |(group, counts): &(&'a str, &'a Outcomes)| {
            let (some, all) = metric.parts(counts)?;
            Some((*group, (metric.of(counts)?, wilson(some, all, level)?)))
        };
        let mut known: Vec<(&'a str, (f64, Interval))> = self.judged.iter().filter_map(rate).collect();
        known.sort_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
        let mut found: Option<(Apart<'a>, Interval)> = None;
        for (at, &(lowest, low)) in known.iter().enumerate() {
            let least = found.map_or(borne, |(apart, _)| apart.difference);
            let further = known[at + 1..].iter().rev().take_while(|(_, high)| high.0 - low.0 > least);
            let mut pairs = further.map(|&(highest, high)| (highest, high.0, newcombe_of(high, low)));
            if let Some((highest, high, interval)) = pairs.find(|(.., interval)| interval.low > 0.0) {
                // The highest of a sure pair is above 0.
                let ratio = Some(low.0 / high);
                found = Some((Apart { lowest, highest, difference: high - low.0, ratio }, interval));
            }
        }
        found
    }

    /// Largest less least, or the largest distance to the whole.
    pub fn difference(&self, metric: Metric, against: Against) -> Option<f64> {
        match against {
            Against::EachOther => self.apart(metric).map(|apart| apart.difference),
            Against::Overall => {
                let overall = self.overall(metric)?;
                let values = self.by_group(metric).filter_map(|(_, value)| value);
                values.map(|value| (value - overall).abs()).reduce(f64::max)
            }
        }
    }

    /// Least by largest, or the least ratio of a group and the whole, the smaller by the larger. At most 1; 1 is alike.
    /// Of groups that are all 0 there is none.
    pub fn ratio(&self, metric: Metric, against: Against) -> Option<f64> {
        match against {
            Against::EachOther => self.apart(metric)?.ratio,
            Against::Overall => {
                let overall = self.overall(metric)?;
                let values = self.by_group(metric).filter_map(|(_, value)| value);
                let ratios = values.map(|value| value.min(overall) / value.max(overall));
                ratios.filter(|ratio| !ratio.is_nan()).reduce(f64::min)
            }
        }
    }

    /// Wilson's, of a rate of one judged group.
    pub fn interval(&self, metric: Metric, group: &str, level: f64) -> Option<Interval> {
        let (some, all) = metric.parts(self.counts(group)?)?;
        wilson(some, all, level)
    }

    /// Newcombe's, of first − second. The rows of two groups are independent; where a row can be in both (attributes
    /// that overlap), this is none.
    pub fn difference_interval(&self, metric: Metric, first: &str, second: &str, level: f64) -> Option<Interval> {
        newcombe(metric.parts(self.counts(first)?)?, metric.parts(self.counts(second)?)?, level)
    }

    /// Katz's, of first / second. `None` where one is 0.
    pub fn ratio_interval(&self, metric: Metric, first: &str, second: &str, level: f64) -> Option<Interval> {
        katz(metric.parts(self.counts(first)?)?, metric.parts(self.counts(second)?)?, level)
    }

    fn counts(&self, group: &str) -> Option<&'a Outcomes> {
        self.judged.iter().find(|(name, _)| *name == group).map(|(_, counts)| *counts)
    }
}
