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
