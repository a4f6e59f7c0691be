//! The named criteria.

use super::frame::{Against, Frame, Metric};

/// A criterion as two numbers: 0 and 1 if the groups are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parity {
    pub difference: Option<f64>,
    pub ratio: Option<f64>,
}

/// How equalised odds makes one number of the true and the false positive rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odds {
    WorstCase,
    Mean,
}

impl Frame<'_> {
    /// Alike in how many are selected. The ratio is the four-fifths rule's.
    pub fn demographic_parity(&self, against: Against) -> Parity {
        self.parity(Metric::SelectionRate, against)
    }

    /// Alike in the true positive rate (Hardt, Price and Srebro, NeurIPS 2016).
    pub fn equal_opportunity(&self, against: Against) -> Parity {
        self.parity(Metric::TruePositiveRate, against)
    }

    /// Alike in the precision.
    pub fn predictive_parity(&self, against: Against) -> Parity {
        self.parity(Metric::Precision, against)
    }

    /// Alike in the true and in the false positive rate. `None` where one of them has no answer.
    pub fn equalised_odds(&self, against: Against, odds: Odds) -> Parity {
        let hits = self.parity(Metric::TruePositiveRate, against);
        let alarms = self.parity(Metric::FalsePositiveRate, against);
        let one = |a: Option<f64>, b: Option<f64>, worst: fn(f64, f64) -> f64| match odds {
            Odds::WorstCase => Some(worst(a?, b?)),
            Odds::Mean => Some((a? + b?) / 2.0),
        };
        Parity {
            difference: one(hits.difference, alarms.difference, f64::max),
            ratio: one(hits.ratio, alarms.ratio, f64::min),
        }
    }

    fn parity(&self, metric: Metric, against: Against) -> Parity {
        Parity { difference: self.difference(metric, against), ratio: self.ratio(metric, against) }
    }
}
