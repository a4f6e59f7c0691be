//! One group against all others: AIF360's numbers.

use super::groups::Groups;
use crate::quality::Outcomes;

/// The counts of the privileged group, and of all others together. Differences are others − privileged: below 0 the
/// others get less. `None` where a rate does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileged {
    pub privileged: Outcomes,
    pub others: Outcomes,
}

impl Privileged {
    /// `None` if there is no such group, or no other.
    pub fn of(groups: &Groups, privileged: &str) -> Option<Privileged> {
        let mut others = Outcomes::default();
        groups.iter().filter(|(group, _)| *group != privileged).for_each(|(_, counts)| others.merge(counts));
        let privileged = *groups.get(privileged)?;
        (others.rows() > 0).then_some(Privileged { privileged, others })
    }

    /// Of the selection rates.
    pub fn statistical_parity_difference(&self) -> Option<f64> {
        self.difference(Outcomes::selection_rate)
    }

    /// Others / privileged, of the selection rates; `None` if nobody privileged is selected.
    pub fn disparate_impact(&self) -> Option<f64> {
        let privileged = self.privileged.selection_rate().filter(|rate| *rate > 0.0)?;
        Some(self.others.selection_rate()? / privileged)
    }

    /// Of the true positive rates.
    pub fn equal_opportunity_difference(&self) -> Option<f64> {
        self.difference(Outcomes::recall)
    }

    /// The mean of the differences of the true and the false positive rates: those of unlike signs cancel.
    pub fn average_odds_difference(&self) -> Option<f64> {
        Some((self.difference(Outcomes::recall)? + self.difference(Outcomes::false_positive_rate)?) / 2.0)
    }

    pub fn average_abs_odds_difference(&self) -> Option<f64> {
        let (hits, alarms) = (self.difference(Outcomes::recall)?, self.difference(Outcomes::false_positive_rate)?);
        Some((hits.abs() + alarms.abs()) / 2.0)
    }

    pub fn error_rate_difference(&self) -> Option<f64> {
        self.difference(|counts| counts.accuracy().map(|accuracy| 1.0 - accuracy))
    }

    pub fn false_omission_rate_difference(&self) -> Option<f64> {
        self.difference(Outcomes::false_omission_rate)
    }

    pub fn false_discovery_rate_difference(&self) -> Option<f64> {
        self.difference(Outcomes::false_discovery_rate)
    }

    fn difference(&self, rate: impl Fn(&Outcomes) -> Option<f64>) -> Option<f64> {
        Some(rate(&self.others)? - rate(&self.privileged)?)
    }
}

/// The inequality of what each row gets, b = called − label + 1 (2 for a false positive, 0 for a false negative), over
/// all rows: mean of (b/µ) ln(b/µ), nats (Speicher et al., KDD 2018). `None` if nobody gets anything.
pub fn theil(counts: &Outcomes) -> Option<f64> {
    let rows = counts.rows() as f64;
    let (right, twice) = ((counts.tp + counts.tn) as f64, counts.fp as f64);
    let mean = (right + 2.0 * twice) / rows;
    // What gets nothing adds nothing: x ln x goes to 0.
    let part = |benefit: f64| benefit / mean * (benefit / mean).ln();
    (mean > 0.0).then(|| (right * part(1.0) + twice * part(2.0)) / rows)
}
