//! Rules that other tools have written down, as far as they map; what does not is listed by its name, with the reason.

mod great_expectations;
mod sagemaker;

pub use great_expectations::great_expectations;
pub use sagemaker::sagemaker;

use super::{ColumnRules, Name, Rules};
use serde::Serialize;

/// A rule of theirs that ours cannot say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotMapped {
    /// As they call it.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub why: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it has no {0:?}, as such files have")]
    Not(&'static str),
}

/// Rules of one document, gathered.
#[derive(Default)]
struct Gathering {
    rules: Rules,
    not_mapped: Vec<NotMapped>,
}

impl Gathering {
    fn column(&mut self, name: &str) -> &mut ColumnRules {
        self.rules.columns.entry(name.to_owned()).or_default()
    }

    fn skip(&mut self, name: &str, column: Option<&str>, why: impl Into<String>) {
        self.not_mapped.push(NotMapped { name: name.into(), column: column.map(str::to_owned), why: why.into() });
    }

    fn warn(&mut self, column: Option<&str>, rules: &[Name]) {
        let warnings = match column {
            Some(column) => &mut self.column(column).warnings,
            None => &mut self.rules.warnings,
        };
        for rule in rules {
            if !warnings.contains(rule) {
                warnings.push(*rule);
            }
        }
    }
}

/// 0.95 of the rows have to be so: 0.05 need not, and not 0.05000000000000004.
fn rest(share: f64) -> f64 {
    ((1.0 - share) * 1e9).round() / 1e9
}
