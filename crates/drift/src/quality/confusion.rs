//! The confusion matrix of any number of classes, by their names.

use super::outcomes::{Outcomes, share};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rows by label and what was called, both a class's name. Classes need not be known before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    cells: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How the classes' numbers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over the classes.
    Macro,
    /// The mean over the classes by their number of labels.
    Weighted,
    /// From the sums of the classes' counts: the accuracy, where each row has one class.
    Micro,
}

/// What a class counts for that has nothing to divide by; scikit-learn's `zero_division` 0 (its default), 1 and NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroDivision {
    #[default]
    Zero,
    One,
    /// The class is left out of averages.
    Undefined,
}

impl ZeroDivision {
    pub fn fill(self, rate: Option<f64>) -> Option<f64> {
        rate.or(match self {
            ZeroDivision::Zero => Some(0.0),
            ZeroDivision::One => Some(1.0),
            ZeroDivision::Undefined => None,
        })
    }
}

impl Confusion {
    pub fn add(&mut self, label: &str, called: &str) {
        self.add_rows(label, called, 1);
    }

    pub fn add_rows(&mut self, label: &str, called: &str, rows: u64) {
        // No name is copied for a row whose cell is there.
        if let Some(cell) = self.cells.get_mut(label).and_then(|calls| calls.get_mut(called)) {
            *cell += rows;
        } else {
            self.cells.entry(label.to_owned()).or_default().insert(called.to_owned(), rows);
        }
    }

    pub fn merge(&mut self, other: &Confusion) {
        other.cells().for_each(|(label, called, rows)| self.add_rows(label, called, rows));
    }

    /// (label, called, rows), in the order of the names.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.cells
            .iter()
            .flat_map(|(label, calls)| calls.iter().map(move |(called, rows)| (label.as_str(), called.as_str(), *rows)))
    }

    pub fn rows(&self) -> u64 {
        self.cells().map(|(_, _, rows)| rows).sum()
    }

    /// In the order of their names: every class that is a label or was called.
    pub fn classes(&self) -> Vec<&str> {
        let filled = self.cells().filter(|(_, _, rows)| *rows > 0);
        filled.flat_map(|(label, called, _)| [label, called]).collect::<BTreeSet<&str>>().into_iter().collect()
    }

    /// One class against all others.
    pub fn outcomes(&self, positive: &str) -> Outcomes {
        let mut counts = Outcomes::default();
        for (label, called, rows) in self.cells() {
            match (label == positive, called == positive) {
                (true, true) => counts.tp += rows,
                (false, true) => counts.fp += rows,
                (true, false) => counts.fn_ += rows,
                (false, false) => counts.tn += rows,
            }
        }
        counts
    }

    pub fn accuracy(&self) -> Option<f64> {
        let right = self.cells().filter(|(label, called, _)| label == called).map(|(_, _, rows)| rows).sum();
        share(right, self.rows())
    }

    pub fn precision(&self, average: Average, zero: ZeroDivision) -> Option<f64> {
        self.averaged(average, zero, Outcomes::precision)
    }

    pub fn recall(&self, average: Average, zero: ZeroDivision) -> Option<f64> {
        self.averaged(average, zero, Outcomes::recall)
    }

    pub fn f1(&self, average: Average, zero: ZeroDivision) -> Option<f64> {
        self.averaged(average, zero, Outcomes::f1)
    }

    /// Of each class against the others.
    pub fn specificity(&self, average: Average, zero: ZeroDivision) -> Option<f64> {
        self.averaged(average, zero, Outcomes::specificity)
    }

    /// The mean recall of the classes that are there.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        self.recall(Average::Macro, ZeroDivision::Undefined)
    }

    /// Matthews' correlation coefficient, −1 to 1, of any number of classes (Gorodkin, Computational Biology and
    /// Chemistry 28, 2004). 0 where all labels, or all calls, are of one class, as scikit-learn says. `None` without
    /// rows.
    pub fn mcc(&self) -> Option<f64> {
        let n = self.rows() as f64;
        if n == 0.0 {
            return None;
        }
        // All are integers, and below 2⁵³ for less than 94 million rows: no rounding there.
        let (mut right, mut both, mut labels, mut calls) = (0.0, 0.0, 0.0, 0.0);
        for class in self.classes() {
            let counts = self.outcomes(class);
            let (label, called) = (counts.positives() as f64, counts.called() as f64);
            right += counts.tp as f64;
            both += label * called;
            labels += label * label;
            calls += called * called;
        }
        let (cov, of_labels, of_calls) = (right * n - both, n * n - labels, n * n - calls);
        let scale = of_labels * of_calls;
        Some(if scale == 0.0 { 0.0 } else { cov / scale.sqrt() })
    }

    fn averaged(&self, average: Average, zero: ZeroDivision, rate: impl Fn(&Outcomes) -> Option<f64>) -> Option<f64> {
        let classes = self.classes().into_iter().map(|class| self.outcomes(class));
        if average == Average::Micro {
            let mut sum = Outcomes::default();
            classes.for_each(|counts| sum.merge(&counts));
            return zero.fill(rate(&sum));
        }
        let rates: Vec<(f64, f64)> = classes
            .filter_map(|counts| zero.fill(rate(&counts)).map(|rate| (rate, counts.positives() as f64)))
            .collect();
        let weights: f64 = rates.iter().map(|(_, weight)| weight).sum();
        if average == Average::Macro || weights == 0.0 {
            // scikit-learn too falls back on the plain mean if no class that counts has a label.
            let sum: f64 = rates.iter().map(|(rate, _)| rate).sum();
            return (!rates.is_empty()).then(|| sum / rates.len() as f64);
        }
        Some(rates.iter().map(|(rate, weight)| rate * weight).sum::<f64>() / weights)
    }
}
