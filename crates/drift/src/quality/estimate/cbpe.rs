//! Confidence-based performance estimation of a yes-or-no model.

use super::Threshold;
use super::expected::{Expected, expected_auroc_without_ties};
use super::sampling::SamplingError;
use crate::quality::{CalibrationRule, Calibrator, Outcomes, auroc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    RocAuc,
    F1,
    Accuracy,
    Precision,
    Recall,
    Specificity,
}

impl Metric {
    pub const ALL: [Metric; 6] =
        [Metric::RocAuc, Metric::F1, Metric::Accuracy, Metric::Precision, Metric::Recall, Metric::Specificity];

    /// NannyML's.
    pub fn name(self) -> &'static str {
        match self {
            Metric::RocAuc => "roc_auc",
            Metric::F1 => "f1",
            Metric::Accuracy => "accuracy",
            Metric::Precision => "precision",
            Metric::Recall => "recall",
            Metric::Specificity => "specificity",
        }
    }
}

/// A row of the model's answers. The score is that of the model, between 0 and 1; rows with a NaN have to be left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub score: f64,
    pub called: bool,
}

/// All 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    pub value: f64,
    pub sampling_error: f64,
    /// value ± 3 sampling errors, cut at 0 and 1.
    pub low: f64,
    pub high: f64,
    pub is_alert: bool,
}

/// What is learned from the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Cbpe {
    pub calibrator: Calibrator,
    /// By metric, in the order of `Metric::ALL`; `None` where the reference does not tell.
    bands: [Option<(SamplingError, Threshold)>; 6],
}

impl Cbpe {
    /// The reference with its labels, in chunks as the current data will be cut.
    pub fn fit(chunks: &[Vec<(Scored, bool)>], rule: CalibrationRule) -> Cbpe {
        let rows: Vec<(f64, bool)> = chunks.iter().flatten().map(|(row, label)| (row.score, *label)).collect();
        let outcomes = outcomes(chunks.iter().flatten());
        let band = |metric: Metric| {
            let error = match metric {
                Metric::RocAuc => SamplingError::of_auroc(&rows),
                Metric::F1 => SamplingError::of_f1(&outcomes),
                Metric::Accuracy => SamplingError::of_accuracy(&outcomes),
                Metric::Precision => SamplingError::of_precision(&outcomes),
                Metric::Recall => SamplingError::of_recall(&outcomes),
                Metric::Specificity => SamplingError::of_specificity(&outcomes),
            };
            Some((error?, Threshold::of_chunks(chunks.iter().map(|chunk| realised(metric, chunk)), 0.0, 1.0)?))
        };
        Cbpe { calibrator: Calibrator::fit(&rows, rule), bands: Metric::ALL.map(band) }
    }

    pub fn threshold(&self, metric: Metric) -> Option<Threshold> {
        self.bands[metric as usize].map(|(_, threshold)| threshold)
    }

    pub fn sampling_error(&self, metric: Metric) -> Option<SamplingError> {
        self.bands[metric as usize].map(|(error, _)| error)
    }

    /// Of a chunk. `None` where nothing can be said: no rows, nothing called, or a reference of one class.
    pub fn estimate(&self, metric: Metric, chunk: &[Scored]) -> Option<Estimated> {
        let value = match metric {
            Metric::RocAuc => {
                let rows = chunk.iter().map(|row| (row.score, self.calibrator.probability(row.score)));
                expected_auroc_without_ties(&rows.collect::<Vec<_>>())
            }
            Metric::F1 => self.expected(chunk).f1(),
            Metric::Accuracy => self.expected(chunk).accuracy(),
            Metric::Precision => self.expected(chunk).precision(),
            Metric::Recall => self.expected(chunk).recall(),
            Metric::Specificity => self.expected(chunk).specificity(),
        };
        self.judged(metric, value?, chunk.len() as u64)
    }

    /// A value that came another way, of cells say (`CalledScores`), with this metric's bands.
    pub fn judged(&self, metric: Metric, value: f64, rows: u64) -> Option<Estimated> {
        let (error, threshold) = self.bands[metric as usize]?;
        let sampling_error = error.of_rows(rows);
        let reach = 3.0 * sampling_error;
        Some(Estimated {
            value,
            sampling_error,
            low: (value - reach).max(0.0),
            high: (value + reach).min(1.0),
            is_alert: threshold.is_alert(value),
        })
    }

    pub fn expected(&self, chunk: &[Scored]) -> Expected {
        let mut expected = Expected::default();
        chunk.iter().for_each(|row| expected.add(self.calibrator.probability(row.score), row.called, 1.0));
        expected
    }
}

/// What the labels say of a chunk. As with NannyML F1, precision and recall have no value where the labels, or the calls,
/// are all of one class, so that the thresholds are the same.
pub fn realised(metric: Metric, chunk: &[(Scored, bool)]) -> Option<f64> {
    let counts = outcomes(chunk.iter());
    let is_one = |some: u64| some == 0 || some == counts.rows();
    let is_two_sided = !is_one(counts.positives()) && !is_one(counts.called());
    match metric {
        Metric::RocAuc => auroc(&chunk.iter().map(|(row, label)| (row.score, *label)).collect::<Vec<_>>()),
        Metric::F1 => counts.f1().filter(|_| is_two_sided),
        Metric::Accuracy => counts.accuracy(),
        Metric::Precision => counts.precision().filter(|_| is_two_sided),
        Metric::Recall => counts.recall().filter(|_| is_two_sided),
        Metric::Specificity => counts.specificity(),
    }
}

fn outcomes<'a>(rows: impl Iterator<Item = &'a (Scored, bool)>) -> Outcomes {
    let mut counts = Outcomes::default();
    rows.for_each(|(row, label)| counts.add(*label, row.called));
    counts
}
