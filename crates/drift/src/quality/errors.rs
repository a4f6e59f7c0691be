//! The errors of a regression.

use super::interval::Interval;
use serde::{Deserialize, Serialize};

/// n, mean and the sum of squares about it: merges without the loss that Σx² has far from zero (Chan, Golub and
/// LeVeque, 1979).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub rows: u64,
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        self.merge(Moments { rows: 1, mean: value, squares: 0.0 });
    }

    pub fn merge(&mut self, other: Moments) {
        if other.rows == 0 {
            return;
        }
        let (n, m) = (self.rows as f64, other.rows as f64);
        let apart = other.mean - self.mean;
        self.rows += other.rows;
        self.squares += other.squares + apart * apart * n * m / (n + m);
        self.mean += apart * m / (n + m);
    }

    pub fn mean(self) -> Option<f64> {
        (self.rows > 0).then_some(self.mean)
    }

    /// Of the mean, by the sample's own deviation and the normal limit. `None` below two rows.
    pub fn interval(self, level: f64) -> Option<Interval> {
        let n = self.rows as f64;
        let error = (self.squares / (n - 1.0) / n).sqrt();
        (self.rows > 1).then(|| Interval::around(self.mean, error, level))?
    }
}

/// Of the labelled rows of a cell; e = prediction − truth, in the target's unit. Rows where either is not finite are
/// counted, and kept out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    truth: Moments,
    signed: Moments,
    absolute: Moments,
    squared: Moments,
    relative: Moments,
    logarithmic: Moments,
    unusable: u64,
}

impl Errors {
    pub fn add(&mut self, truth: f64, prediction: f64) {
        if !truth.is_finite() || !prediction.is_finite() {
            self.unusable += 1;
            return;
        }
        let error = prediction - truth;
        self.truth.add(truth);
        self.signed.add(error);
        self.absolute.add(error.abs());
        self.squared.add(error * error);
        // scikit-learn's floor: a truth of 0 makes the mean huge, and does not hide.
        self.relative.add(error.abs() / truth.abs().max(f64::EPSILON));
        if truth > -1.0 && prediction > -1.0 {
            self.logarithmic.add((prediction.ln_1p() - truth.ln_1p()).powi(2));
        }
    }

    pub fn merge(&mut self, other: &Errors) {
        self.truth.merge(other.truth);
        self.signed.merge(other.signed);
        self.absolute.merge(other.absolute);
        self.squared.merge(other.squared);
        self.relative.merge(other.relative);
        self.logarithmic.merge(other.logarithmic);
        self.unusable += other.unusable;
    }

    pub fn rows(&self) -> u64 {
        self.truth.rows
    }

    /// Rows where the truth or the prediction is NaN or infinite.
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    pub fn mae(&self) -> Option<f64> {
        self.absolute.mean()
    }

    pub fn mse(&self) -> Option<f64> {
        self.squared.mean()
    }

    pub fn rmse(&self) -> Option<f64> {
        self.mse().map(f64::sqrt)
    }

    /// The mean of prediction − truth: above 0 the model says too much.
    pub fn me(&self) -> Option<f64> {
        self.signed.mean()
    }

    /// Mean of |e| / max(|truth|, 2⁻⁵²): a ratio, not percent.
    pub fn mape(&self) -> Option<f64> {
        self.relative.mean()
    }

    /// √ mean of (ln(1 + prediction) − ln(1 + truth))². `None` if any of them is −1 or less.
    pub fn rmsle(&self) -> Option<f64> {
        (self.logarithmic.rows == self.rows()).then(|| self.logarithmic.mean().map(f64::sqrt))?
    }

    /// 1 − Σe² / Σ(truth − mean)². `None` below two rows; of a constant truth 1 if all is right, else 0, as
    /// scikit-learn says.
    pub fn r2(&self) -> Option<f64> {
        let n = self.rows();
        let residual = self.mse()? * n as f64;
        (n > 1).then(|| match (residual == 0.0, self.truth.squares == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - residual / self.truth.squares,
        })
    }

    pub fn mae_interval(&self, level: f64) -> Option<Interval> {
        self.absolute.interval(level)
    }

    pub fn me_interval(&self, level: f64) -> Option<Interval> {
        self.signed.interval(level)
    }

    /// The root of that of the mean of e².
    pub fn rmse_interval(&self, level: f64) -> Option<Interval> {
        let squared = self.squared.interval(level)?;
        Some(Interval { low: squared.low.max(0.0).sqrt(), high: squared.high.sqrt() })
    }
}

/// Over rows of (truth, prediction), all finite: the median of |e|, the mean of both middle ones. `None` without rows.
pub fn median_absolute_error(rows: &[(f64, f64)]) -> Option<f64> {
    let mut errors: Vec<f64> = rows.iter().map(|(truth, prediction)| (prediction - truth).abs()).collect();
    errors.sort_unstable_by(f64::total_cmp);
    crate::quantile(&errors, 0.5)
}
