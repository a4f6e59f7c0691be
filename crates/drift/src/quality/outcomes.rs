//! The four counts of a yes-or-no decision beside its label, and the rates that are made of them.

use serde::{Deserialize, Serialize};

/// Rows by decision and label. Rates are 0 to 1, `None` where nothing is there to divide by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Called positive, and positive.
    pub tp: u64,
    /// Called positive, and negative.
    pub fp: u64,
    /// Called negative, and positive.
    pub fn_: u64,
    /// Called negative, and negative.
    pub tn: u64,
}

impl Outcomes {
    pub fn add(&mut self, label: bool, called: bool) {
        match (label, called) {
            (true, true) => self.tp += 1,
            (false, true) => self.fp += 1,
            (true, false) => self.fn_ += 1,
            (false, false) => self.tn += 1,
        }
    }

    pub fn merge(&mut self, other: &Outcomes) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
        self.tn += other.tn;
    }

    pub fn rows(&self) -> u64 {
        self.tp + self.fp + self.fn_ + self.tn
    }

    pub fn positives(&self) -> u64 {
        self.tp + self.fn_
    }

    pub fn negatives(&self) -> u64 {
        self.fp + self.tn
    }

    pub fn called(&self) -> u64 {
        self.tp + self.fp
    }

    /// The share of rows that are called positive.
    pub fn selection_rate(&self) -> Option<f64> {
        share(self.called(), self.rows())
    }

    pub fn accuracy(&self) -> Option<f64> {
        share(self.tp + self.tn, self.rows())
    }

    pub fn precision(&self) -> Option<f64> {
        share(self.tp, self.called())
    }

    /// Also the true positive rate.
    pub fn recall(&self) -> Option<f64> {
        share(self.tp, self.positives())
    }

    /// Also the true negative rate.
    pub fn specificity(&self) -> Option<f64> {
        share(self.tn, self.negatives())
    }

    pub fn false_positive_rate(&self) -> Option<f64> {
        share(self.fp, self.negatives())
    }

    pub fn false_negative_rate(&self) -> Option<f64> {
        share(self.fn_, self.positives())
    }

    /// Of the rows called negative, those that are positive.
    pub fn false_omission_rate(&self) -> Option<f64> {
        share(self.fn_, self.fn_ + self.tn)
    }

    /// Of the rows called positive, those that are negative.
    pub fn false_discovery_rate(&self) -> Option<f64> {
        share(self.fp, self.called())
    }

    /// 2 tp / (2 tp + fp + fn), as scikit-learn defines it since 1.3: `None` only where nothing is positive and nothing
    /// is called so.
    pub fn f1(&self) -> Option<f64> {
        share(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }
}

pub(crate) fn share(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}
