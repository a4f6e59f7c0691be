//! How far a chunk's number strays by chance alone.

use crate::quality::Outcomes;

/// The deviation of one row's part in the metric, on the reference, and the share of the rows that have a part in it
/// (NannyML's `sampling_error.binary_classification`): a chunk of n rows has the error deviation / √(n · share).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplingError {
    pub deviation: f64,
    pub share: f64,
}

impl SamplingError {
    pub fn of_rows(&self, rows: u64) -> f64 {
        self.deviation / (rows as f64 * self.share).sqrt()
    }

    pub fn of_accuracy(reference: &Outcomes) -> Option<SamplingError> {
        of_rate(reference.accuracy()?, reference.rows(), reference.rows())
    }

    pub fn of_precision(reference: &Outcomes) -> Option<SamplingError> {
        of_rate(reference.precision()?, reference.called(), reference.rows())
    }

    pub fn of_recall(reference: &Outcomes) -> Option<SamplingError> {
        of_rate(reference.recall()?, reference.positives(), reference.rows())
    }

    pub fn of_specificity(reference: &Outcomes) -> Option<SamplingError> {
        of_rate(reference.specificity()?, reference.negatives(), reference.rows())
    }

    /// True positives count n / (tp + (fp + fn) / 2), the others nothing.
    pub fn of_f1(reference: &Outcomes) -> Option<SamplingError> {
        let part = reference.tp + reference.fp + reference.fn_;
        if part == 0 {
            return None;
        }
        let scale = part as f64 / (reference.tp as f64 + (reference.fp + reference.fn_) as f64 * 0.5);
        let error = of_rate(reference.tp as f64 / part as f64, part, reference.rows())?;
        Some(SamplingError { deviation: error.deviation * scale, ..error })
    }

    /// By the share of the negatives that each positive beats; the rarer class is the positive one, and a positive with
    /// the least score of all is left out and not counted for the others, as NannyML does it. Equal scores in the order
    /// they came. `None` without both classes.
    pub fn of_auroc(reference: &[(f64, bool)]) -> Option<SamplingError> {
        let n = reference.len();
        let positives = reference.iter().filter(|(_, label)| *label).count();
        let turned = positives as f64 > 0.5 * n as f64;
        let mut rows: Vec<(f64, bool)> = reference
            .iter()
            .map(|(score, label)| if turned { (1.0 - score, !label) } else { (*score, *label) })
            .collect();
        rows.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
        let positives = if turned { n - positives } else { positives };
        if positives == 0 || positives == n {
            return None;
        }
        let ranks = (0..n).filter(|rank| *rank > 0 && rows[*rank].1);
        let beaten: Vec<f64> = ranks.enumerate().map(|(i, rank)| (rank - i) as f64 / (n - positives) as f64).collect();
        let (count, mean) = (beaten.len() as f64, beaten.iter().sum::<f64>() / beaten.len() as f64);
        let variance = beaten.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / count;
        (count > 0.0).then(|| SamplingError { deviation: variance.sqrt(), share: positives as f64 / n as f64 })
    }
}

fn of_rate(rate: f64, part: u64, rows: u64) -> Option<SamplingError> {
    (part > 0).then(|| SamplingError { deviation: (rate * (1.0 - rate)).sqrt(), share: part as f64 / rows as f64 })
}
