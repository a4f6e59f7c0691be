//! Performance before the labels come, as NannyML 0.13.1 estimates it.
//!
//! Classification (`Cbpe`): a calibrated score is the probability of the label, so the sum of the scores is the number
//! of positives to expect, whatever was called. It sees that the inputs moved; it is blind to a change of what they
//! mean (concept drift), for the calibration is the reference's. Regression (`DirectLoss`): trees learn the size of the
//! error from the inputs on the reference; blind to the same.

mod called;
mod cbpe;
mod direct_loss;
mod expected;
mod sampling;

pub use called::CalledScores;
pub use cbpe::{Cbpe, Estimated, Metric, Scored, realised};
pub use direct_loss::{DirectLoss, LossMetric};
pub use expected::{Expected, expected_auroc, expected_auroc_without_ties};
pub use sampling::SamplingError;

/// Between which a number is no alert. An end that is `None` never alerts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Threshold {
    /// Mean ± 3 deviations (of all, with n) of the reference's own chunks, no further than the metric can go; chunks
    /// without a value are left out. `None` if none has one.
    pub fn of_chunks(values: impl Iterator<Item = Option<f64>>, least: f64, most: f64) -> Option<Threshold> {
        let values: Vec<f64> = values.flatten().filter(|value| !value.is_nan()).collect();
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        let (low, high) = (mean - 3.0 * deviation, mean + 3.0 * deviation);
        Some(Threshold { low: Some(low.max(least)), high: Some(high.min(most)) })
    }

    pub fn is_alert(&self, value: f64) -> bool {
        self.low.is_some_and(|low| value < low) || self.high.is_some_and(|high| value > high)
    }
}
