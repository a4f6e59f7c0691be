//! Direct loss estimation: the error of a regression, learned.

use super::Threshold;
use crate::quality::Errors;
use crate::trees::{Column, Forest, Loss, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossMetric {
    /// In the target's unit.
    Mae,
    /// In the target's unit.
    Rmse,
}

impl LossMetric {
    fn of_row(self, truth: f64, prediction: f64) -> f64 {
        match self {
            LossMetric::Mae => (prediction - truth).abs(),
            LossMetric::Rmse => (prediction - truth).powi(2),
        }
    }

    fn of_mean(self, mean: f64) -> f64 {
        match self {
            LossMetric::Mae => mean,
            LossMetric::Rmse => mean.sqrt(),
        }
    }

    fn realised(self, rows: &[(f64, f64)]) -> Option<f64> {
        let mut errors = Errors::default();
        rows.iter().for_each(|(truth, prediction)| errors.add(*truth, *prediction));
        match self {
            LossMetric::Mae => errors.mae(),
            LossMetric::Rmse => errors.rmse(),
        }
    }
}

/// Trees on |e| or e² of the reference, whose columns are the model's inputs and its prediction.
#[derive(Clone, Debug)]
pub struct DirectLoss {
    metric: LossMetric,
    forest: Forest,
    pub threshold: Threshold,
}

impl DirectLoss {
    /// (truth, prediction) of the reference's rows, in the columns' order; `chunk_rows` as the current data will be cut
    /// (what is left is a chunk). `None` of a reference that trees cannot learn from.
    pub fn fit(
        metric: LossMetric,
        columns: &[Column],
        rows: &[(f64, f64)],
        chunk_rows: usize,
        settings: Settings,
    ) -> Option<DirectLoss> {
        let losses: Vec<f64> = rows.iter().map(|(truth, prediction)| metric.of_row(*truth, *prediction)).collect();
        let forest = Forest::fit(columns, &losses, Loss::Squares, settings)?;
        let chunks = rows.chunks(chunk_rows.max(1)).map(|chunk| metric.realised(chunk));
        let threshold = Threshold::of_chunks(chunks, 0.0, f64::INFINITY)?;
        Some(DirectLoss { metric, forest, threshold })
    }

    /// Of a chunk; a loss below 0 is taken for 0. `None` without rows.
    pub fn estimate(&self, columns: &[Column]) -> Option<f64> {
        let losses = self.forest.predict(columns);
        let mean = losses.iter().map(|loss| loss.max(0.0)).sum::<f64>() / losses.len() as f64;
        (!losses.is_empty()).then(|| self.metric.of_mean(mean))
    }
}
