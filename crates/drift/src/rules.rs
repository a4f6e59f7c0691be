//! Rules for a table: learnt from a reference, edited by hand, kept in git as `[data.NAME]` of `signalbox.toml`, and asked
//! of each new file. What other tools have written down comes in through [`import`], as far as it maps.

mod check;
pub mod import;
mod learn;
mod seen;

pub use check::{Asked, Checked, Example, check};
pub use learn::learn;

use crate::read::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// Of one table. A rule that is not written is not asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields, default)]
#[ts(rename = "ValidationRules")]
pub struct Rules {
    /// Whether other columns than the named ones may be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Of the newest row by `time`; without it, of the newest file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_hours: Option<f64>,
    /// The column that tells a row's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Rules of the table that warn only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Name>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnRules>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "RulesSchema")]
pub enum Schema {
    /// The named columns and no others.
    Exact,
    /// The named columns, if they are required, and any others.
    AtLeast,
}

/// Of one column. Shares are of all rows, 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnRules {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Of numbers; of times, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Rows below `min` and above `max`, each, up to this share are borne.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outside_share: Option<f64>,
    /// Levels; numbers as they are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
    /// Rows with levels that are not allowed up to this share are borne.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_level_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_null_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_nan_share: Option<f64>,
    /// No value is there twice; nulls are no values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_mean: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mean: Option<f64>,
    /// Which of these warn only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Name>,
}

/// A rule, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "RuleName")]
pub enum Name {
    Schema,
    MinRows,
    MaxRows,
    MaxAgeHours,
    Type,
    Required,
    Min,
    Max,
    Allowed,
    MaxNullShare,
    MaxNanShare,
    Unique,
    MinMean,
    MaxMean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "RuleSeverity")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The message names line and column.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    #[error("it has no rules: none of its tables is [data.NAME]")]
    None,
    #[error("it has rules for {}: which of them?", known.join(", "))]
    Several { known: Vec<String> },
    #[error("it has no rules called {name:?}, only {}", known.join(", "))]
    NoSuch { name: String, known: Vec<String> },
    #[error("{of}: {why}")]
    Wrong { of: String, why: String },
}

/// A table under `[data]` holds a monitor's definition and rules; each reads its own keys, and `time` is both's.
pub const RULES_KEYS: [&str; 6] = ["schema", "min_rows", "max_rows", "max_age_hours", "warnings", "columns"];
const MONITORS_KEYS: [&str; 17] = [
    "reference",
    "current",
    "segment",
    "ignore",
    "prediction",
    "score",
    "positive",
    "label",
    "labels",
    "id",
    "groups",
    "min_group",
    "importance",
    "alpha",
    "min_shift",
    "min_js",
    "min_values",
];

/// What of `signalbox.toml` is ours; the rest is others' to check.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    data: BTreeMap<String, toml::Table>,
}

impl Rules {
    /// `[data.NAME]` of a TOML document: the named one, or the only one.
    pub fn from_toml(text: &str, name: Option<&str>) -> Result<Rules, RulesError> {
        let mut all = toml::from_str::<Document>(text)?.data;
        let known: Vec<String> = all.keys().cloned().collect();
        let name = match (name, &known[..]) {
            (_, []) => return Err(RulesError::None),
            (Some(name), _) => name.to_owned(),
            (None, [only]) => only.clone(),
            (None, _) => return Err(RulesError::Several { known }),
        };
        let mut table = all.remove(&name).ok_or(RulesError::NoSuch { name, known })?;
        table.retain(|key, _| !MONITORS_KEYS.contains(&key));
        let rules: Rules = table.try_into()?;
        rules.sound()?;
        Ok(rules)
    }

    /// Whether anything is asked at all.
    pub fn is_empty(&self) -> bool {
        Rules { time: self.time.clone(), ..Rules::default() } == *self
    }

    /// As `[data.NAME]`, to be pasted into `signalbox.toml`.
    pub fn to_toml(&self, name: &str) -> String {
        let mut document = BTreeMap::new();
        document.insert("data", BTreeMap::from([(name, self)]));
        toml::to_string(&document).expect("BUG: rules are plain tables")
    }

    /// Shares are shares, and no range is empty.
    pub fn sound(&self) -> Result<(), RulesError> {
        let wrong = |of: &str, why: &str| Err(RulesError::Wrong { of: of.to_owned(), why: why.to_owned() });
        if matches!((self.min_rows, self.max_rows), (Some(min), Some(max)) if min > max) {
            return wrong("min_rows", "it is above max_rows");
        }
        if self.max_age_hours.is_some_and(|hours| !hours.is_finite() || hours < 0.0) {
            return wrong("max_age_hours", "it is no length of time");
        }
        for (name, column) in &self.columns {
            let shares =
                [column.max_null_share, column.max_nan_share, column.max_new_level_share, column.max_outside_share];
            if shares.into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
                return wrong(name, "a share is between 0 and 1");
            }
            for (low, high) in [(column.min, column.max), (column.min_mean, column.max_mean)] {
                // JSON knows no infinity: a form would show no bound where the file has one.
                if [low, high].into_iter().flatten().any(|bound| !bound.is_finite()) {
                    return wrong(name, "a bound is a finite number: leave it out where there is none");
                }
                if matches!((low, high), (Some(low), Some(high)) if low > high) {
                    return wrong(name, "nothing is in its range");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back_and_what_is_unknown_is_refused() {
        let column = ColumnRules {
            kind: Some(Kind::Numeric),
            required: true,
            min: Some(0.0),
            max: Some(1.5),
            warnings: vec![Name::Max],
            ..ColumnRules::default()
        };
        let rules = Rules {
            schema: Some(Schema::Exact),
            min_rows: Some(10),
            columns: [("odd \"name\".x".to_owned(), column)].into(),
            ..Rules::default()
        };
        let text = rules.to_toml("train set");
        assert_eq!(Rules::from_toml(&text, None).expect("rules"), rules, "{text}");
        let said = |text: &str, name: Option<&str>| Rules::from_toml(text, name).expect_err("refused").to_string();
        assert!(said("[data.a]\nmin_row = 1\n", None).contains("min_row"));
        assert!(said("[data.a.columns.x]\nmax_null_share = 2\n", None).contains("between 0 and 1"));
        assert!(said("[data.a.columns.x]\nmin = 2\nmax = 1\n", None).contains("nothing is in its range"));
        assert!(said("[data.a.columns.x]\nmax = inf\n", None).contains("finite"));
        assert!(said("[data.a.columns.x]\nmin_mean = nan\n", None).contains("finite"));
        assert!(said("[data.a]\nmax_age_hours = inf\n", None).contains("no length of time"));
        assert!(said("[models.x]\n", None).contains("[data.NAME]"));
        assert!(said("[data.a]\n[data.b]\n", None).contains("a, b"));
        assert!(said("[data.a]\n", Some("c")).contains("\"c\""));
    }
}
