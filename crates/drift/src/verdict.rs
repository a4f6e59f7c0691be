//! What a comparison means. Effect and significance are two questions; both have to say yes for drift.
//!
//! A p-value alone cries wolf on large windows (50,000 rows moved by a tenth of a deviation: always), an effect alone on
//! small ones (100 rows against 5,000: up to 92 % false alarms); measured in this crate's `tests/calibration.rs`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "DriftVerdict")]
pub enum Verdict {
    /// The column is not there any more.
    Missing,
    /// It holds another type now.
    TypeChanged,
    /// The effect is large and not by chance.
    Drift,
    /// Large, but a window of this size may be so by chance.
    LargeButUncertain,
    /// Not by chance, and too small to matter.
    SmallButSignificant,
    /// Nobody can tell from so few.
    TooFewRows,
    /// A column that the reference does not have.
    New,
    /// It is not meant to stay the same: an identifier, a time that goes on.
    NotJudged,
    NoDrift,
}

impl Verdict {
    /// What stops a pipeline or a promotion.
    pub fn is_drift(self) -> bool {
        matches!(self, Verdict::Drift | Verdict::TypeChanged | Verdict::Missing)
    }

    pub fn words(self) -> &'static str {
        match self {
            Verdict::Missing => "missing",
            Verdict::TypeChanged => "type changed",
            Verdict::Drift => "drift",
            Verdict::LargeButUncertain => "large but uncertain",
            Verdict::SmallButSignificant => "small but sure",
            Verdict::TooFewRows => "too few rows",
            Verdict::New => "new column",
            Verdict::NotJudged => "not judged",
            Verdict::NoDrift => "no drift",
        }
    }
}

/// The rules that a verdict was made by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "DriftRule")]
pub struct Rule {
    /// Of the p-values as corrected over all columns by Benjamini and Hochberg.
    pub alpha: f64,
    /// Wasserstein's distance in deviations of the reference.
    pub min_wasserstein_std: f64,
    /// Jensen and Shannon's distance in bits.
    pub min_js: f64,
    /// The area under the ROC curve of telling the sides apart, of vectors.
    #[serde(default = "min_auroc")]
    pub min_auroc: f64,
    /// Of a share: nulls, NaN, infinities.
    pub min_share: f64,
    /// Values on either side.
    pub min_rows: u64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            alpha: 0.01,
            min_wasserstein_std: 0.1,
            min_js: 0.1,
            min_auroc: min_auroc(),
            min_share: 0.01,
            min_rows: 100,
        }
    }
}

fn min_auroc() -> f64 {
    0.6
}

/// One question asked of a column: has this moved?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    pub p_adjusted: f64,
    pub effect: f64,
    pub least: f64,
}

impl Rule {
    /// `Err`: a threshold that cannot be.
    pub fn sound(&self) -> Result<(), String> {
        let said = if !(self.alpha > 0.0 && self.alpha < 1.0) {
            "alpha is a probability between 0 and 1"
        } else if !(self.min_wasserstein_std > 0.0 && self.min_wasserstein_std.is_finite()) {
            "min_shift is a distance in deviations, more than 0"
        } else if !(self.min_js > 0.0 && self.min_js <= 1.0) {
            "min_js is a distance of more than 0, and at most 1"
        } else if !(self.min_auroc > 0.5 && self.min_auroc <= 1.0) {
            "min_auroc is an area of more than a half, and at most 1"
        } else if !(0.0..=1.0).contains(&self.min_share) {
            "min_share is a share between 0 and 1"
        } else {
            return Ok(());
        };
        Err(said.to_owned())
    }

    pub fn judge(&self, asked: &Asked) -> Verdict {
        // An effect or a p that is no number says nothing.
        match (asked.p_adjusted < self.alpha, asked.effect >= asked.least) {
            (true, true) => Verdict::Drift,
            (true, false) => Verdict::SmallButSignificant,
            (false, true) => Verdict::LargeButUncertain,
            (false, false) => Verdict::NoDrift,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_that_cannot_be_are_refused() {
        let usual = Rule::default();
        assert_eq!(usual.sound(), Ok(()));
        for (rule, about) in [
            (Rule { alpha: -1.0, ..usual }, "alpha"),
            (Rule { alpha: 1.0, ..usual }, "alpha"),
            (Rule { alpha: f64::NAN, ..usual }, "alpha"),
            (Rule { min_wasserstein_std: f64::INFINITY, ..usual }, "min_shift"),
            (Rule { min_js: 0.0, ..usual }, "min_js"),
            (Rule { min_auroc: 0.5, ..usual }, "min_auroc"),
            (Rule { min_share: 1.5, ..usual }, "min_share"),
        ] {
            assert!(rule.sound().is_err_and(|said| said.starts_with(about)), "{rule:?}");
        }
    }
}
