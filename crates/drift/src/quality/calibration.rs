//! Scores made probabilities, if that helps.

use super::isotonic::Isotonic;
use super::ranked::auroc;
use super::reliability::ece_of_equal_rows;
use super::split::stratified_shuffle_splits;

/// NannyML's numbers.
const ROUNDS: usize = 10;
const BINS: usize = 10;
const SEED: u32 = 42;

/// When scores are calibrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalibrationRule {
    /// NannyML's: if it lowers the calibration error of rows that it has not seen, see `lowers_ece`.
    #[default]
    IfItLowersEce,
    Always,
    Never,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Calibrator {
    /// The scores are probabilities as they are.
    AsGiven,
    Isotonic(Isotonic),
}

impl Calibrator {
    /// Of the reference's (score, is positive), no score NaN. Without rows the scores stay as they are.
    pub fn fit(reference: &[(f64, bool)], rule: CalibrationRule) -> Calibrator {
        let is_needed = match rule {
            CalibrationRule::IfItLowersEce => lowers_ece(reference).is_some_and(|(before, after)| before > after),
            CalibrationRule::Always => true,
            CalibrationRule::Never => false,
        };
        let fitted = is_needed.then(|| isotonic(reference)).flatten();
        fitted.map_or(Calibrator::AsGiven, Calibrator::Isotonic)
    }

    pub fn probability(&self, score: f64) -> f64 {
        match self {
            Calibrator::AsGiven => score,
            Calibrator::Isotonic(function) => function.at(score),
        }
    }

    /// Of rows spread over the scores from `low` to `high` with this mean: the mean level, moved along the line between
    /// both ends as far as the mean is from the middle. Of scores that are as given: their mean.
    pub fn probability_within(&self, low: f64, high: f64, mean: f64) -> f64 {
        match self {
            Calibrator::AsGiven => mean,
            Calibrator::Isotonic(function) => {
                let (least, most) = (function.at(low), function.at(high));
                let slope = (most - least) / (high - low);
                let moved = function.mean_over(low, high) + slope * (mean - f64::midpoint(low, high));
                moved.clamp(least, most)
            }
        }
    }
}

/// The calibration error before and after, both over the tests of 10 stratified shuffle splits (a tenth each, seed 42):
/// the same rows that NannyML takes, for they come of numpy's own generator. NannyML does not ask where one class is
/// there alone, where the order is nearly perfect (AUROC above 0.999), or the rows are too few to split: `None`.
pub fn lowers_ece(reference: &[(f64, bool)]) -> Option<(f64, f64)> {
    if auroc(reference)? > 0.999 {
        return None;
    }
    let labels: Vec<bool> = reference.iter().map(|(_, label)| *label).collect();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for split in stratified_shuffle_splits(&labels, ROUNDS, SEED)? {
        let train: Vec<(f64, bool)> = split.train.iter().map(|row| reference[*row]).collect();
        let function = isotonic(&train)?;
        before.extend(split.test.iter().map(|row| reference[*row]));
        after.extend(split.test.iter().map(|row| (function.at(reference[*row].0), labels[*row])));
    }
    Some((ece_of_equal_rows(&before, BINS)?, ece_of_equal_rows(&after, BINS)?))
}

fn isotonic(rows: &[(f64, bool)]) -> Option<Isotonic> {
    let rows: Vec<(f64, f64)> = rows.iter().map(|(score, label)| (*score, f64::from(u8::from(*label)))).collect();
    Isotonic::fit(&rows)
}
