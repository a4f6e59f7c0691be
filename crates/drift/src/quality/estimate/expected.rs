//! The confusion matrix to expect of rows whose labels are not known.

/// Sums of probabilities, in rows. Rates are `None` where nothing is there to divide by (NannyML: 0).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    pub tp: f64,
    pub fp: f64,
    pub fn_: f64,
    pub tn: f64,
}

impl Expected {
    /// `probability`: that the label is positive, calibrated. So many rows at once.
    pub fn add(&mut self, probability: f64, called: bool, rows: f64) {
        let (positive, negative) = (probability * rows, (1.0 - probability) * rows);
        if called {
            self.tp += positive;
            self.fp += negative;
        } else {
            self.fn_ += positive;
            self.tn += negative;
        }
    }

    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.tp + self.tn, self.tp + self.fp + self.fn_ + self.tn)
    }

    pub fn precision(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp)
    }

    pub fn recall(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fn_)
    }

    pub fn specificity(&self) -> Option<f64> {
        ratio(self.tn, self.tn + self.fp)
    }

    pub fn f1(&self) -> Option<f64> {
        ratio(self.tp, self.tp + 0.5 * (self.fp + self.fn_))
    }
}

fn ratio(some: f64, all: f64) -> Option<f64> {
    (all != 0.0).then(|| some / all)
}

/// The area under the expected ROC curve, rows with the same score together: what `auroc` is expected to be.
/// Rows of (score, probability), in any order, without NaN. `None` if nothing is expected of one class.
pub fn expected_auroc(rows: &[(f64, f64)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    let groups = sorted.chunk_by(|a, b| a.0 == b.0).map(|group| {
        let positives: f64 = group.iter().map(|(_, probability)| probability).sum();
        (positives, group.len() as f64 - positives)
    });
    area(groups)
}

/// Over groups of (positives, negatives) to expect, lowest score first.
pub(super) fn area(groups: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut positives, mut negatives, mut pairs) = (0.0, 0.0, 0.0);
    for (p, n) in groups {
        pairs += p * (negatives + n / 2.0);
        positives += p;
        negatives += n;
    }
    ratio(pairs, positives * negatives)
}

/// NannyML's `estimate_roc_auc`: every row is a step of the curve, also among equal scores (here the later row first;
/// there numpy's sort decides), and the steps are rounded to 5 decimals. Take `expected_auroc`.
pub fn expected_auroc_without_ties(rows: &[(f64, f64)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    let rounded = |value: f64| (value * 1e5).round_ties_even() / 1e5;
    let (mut tp, mut before, mut sum) = (0.0, (0.0, 0.0), 0.0);
    for (n, (_, probability)) in sorted.iter().rev().enumerate() {
        tp += probability;
        let here = (rounded(1.0 + n as f64 - tp), rounded(tp));
        sum += (here.0 - before.0) * (here.1 + before.1) / 2.0;
        before = here;
    }
    ratio(sum, before.0 * before.1)
}
