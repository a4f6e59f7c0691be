//! A model's training data, and what it has seen since, hour by hour.
//!
//! The reference is frozen once: its columns, their bins and levels, and what lies in them. Each file of the current data
//! is read once and becomes cells, one for each hour and segment, of counts on the frozen bins. Counts add up: any stretch
//! of time is a sum of cells, and nothing is read again for it. A file that is rewritten replaces its cells; rows that come
//! late are in their hour's.

mod bands;
mod baseline;
mod cell;
mod fill;
mod frozen;
mod labels;
mod quality;
mod segments;
mod timeline;
mod window;

pub use baseline::Baseline;
pub use cell::{Cell, CellColumn, FileCells};
pub use fill::{fill_file, time_column};
pub use frozen::{Bins, FrozenColumn, Reference};
pub use labels::Labels;
pub(crate) use labels::Texts;
pub use quality::{QualityCell, Task};
pub use timeline::{
    Band, Bucket, Cells, ColumnLine, FairMetric, Fairness, GroupRate, Point, QualityPoint, Timeline, of_quality,
    timeline,
};
pub use window::{ColumnWindow, Window, window};

use crate::verdict::Rule;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is watched: paths are relative to the project. Either files or a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(rename = "MonitorDefinition")]
pub struct Definition {
    /// What the model was trained on: a file or a folder.
    pub reference: String,
    /// What it has seen since: a file or a folder. Empty where it is a table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub current: String,
    /// Where the table is that has what it has seen since: `postgres://…`, `https://…` of ClickHouse, `sc://…` of Spark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The table's name over there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Of a table, the rows of so many hours until now; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hours: Option<u32>,
    /// A table is asked so often; every ten minutes if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
    /// The column of the time of each row; found by itself if there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The column by which rows are told apart besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Columns that are not watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// What the model said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
    /// How sure it was of the positive class, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// The class that `score` is of; of two classes the later one by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The column of the truth, in the reference and, where it comes along, in the current data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Labels that come later: a file or a folder with `id` and `label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// The column by which labels find their rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A file that tells how much the model turns on each column: JSON, a weight for each. The ranking weighs by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<String>,
    /// Attributes by which fairness is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Groups with fewer labelled rows are listed, not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_group: Option<u64>,
    /// What counts as a drift, where it is not as usual ([`crate::verdict::Rule`]): the corrected p-value is below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Of numbers: Wasserstein's distance in deviations of the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_shift: Option<f64>,
    /// Of levels: Jensen and Shannon's distance in bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_js: Option<f64>,
    /// Values on either side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_values: Option<u64>,
}

impl Definition {
    /// All that it names: relative to the project.
    pub fn paths(&self) -> impl Iterator<Item = &String> {
        let current = Some(&self.current).filter(|_| !self.is_table());
        [&self.reference].into_iter().chain(current).chain(&self.labels).chain(&self.importance)
    }

    /// Whether a table is watched, which stays where it is.
    pub fn is_table(&self) -> bool {
        self.engine.is_some() || self.table.is_some()
    }

    /// `Err`: what is missing, or cannot stand together.
    pub fn sound(&self) -> Result<(), String> {
        match (&self.engine, &self.table, self.current.is_empty()) {
            (None, None, true) => return Err("it needs `current`, or `engine` and `table`".into()),
            (Some(_), None, _) => return Err("`engine` needs a `table` there".into()),
            (None, Some(_), _) => return Err("`table` needs the `engine` that has it".into()),
            (Some(_), Some(_), false) => return Err("it is either `current` or a `table`, not both".into()),
            (Some(_), Some(_), true) => {}
            (None, None, false) => {
                let of_table = [("last_hours", self.last_hours), ("every_minutes", self.every_minutes)];
                if let Some((name, _)) = of_table.iter().find(|(_, value)| value.is_some()) {
                    return Err(format!("`{name}` is of a table"));
                }
            }
        }
        if self.last_hours == Some(0) || self.every_minutes == Some(0) {
            return Err("`last_hours` and `every_minutes` are 1 or more".into());
        }
        self.rule().map(drop)
    }

    /// What cells turn on: what only the eye is shown may change without anything being counted anew.
    pub fn counted_by(&self) -> Definition {
        let seen = self.clone();
        Definition {
            importance: None,
            min_group: None,
            alpha: None,
            min_shift: None,
            min_js: None,
            min_values: None,
            every_minutes: None,
            ..seen
        }
    }

    /// What its verdicts are made by. `Err`: a threshold that cannot be.
    pub fn rule(&self) -> Result<Rule, String> {
        let usual = Rule::default();
        let rule = Rule {
            alpha: self.alpha.unwrap_or(usual.alpha),
            min_wasserstein_std: self.min_shift.unwrap_or(usual.min_wasserstein_std),
            min_js: self.min_js.unwrap_or(usual.min_js),
            min_rows: self.min_values.unwrap_or(usual.min_rows),
            ..usual
        };
        rule.sound()?;
        Ok(rule)
    }
}

/// Seconds of an hour, the finest that is told apart.
pub const HOUR: i64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_or_a_table_and_not_both() {
        let fault = |toml: &str| {
            let found: Definition = toml::from_str(&format!("reference = \"r\"\n{toml}")).expect(toml);
            found.sound().err().unwrap_or_default()
        };
        assert_eq!(fault("current = \"c\""), "");
        assert_eq!(fault("engine = \"postgres://h/d\"\ntable = \"t\"\nlast_hours = 24\nevery_minutes = 1"), "");
        for (toml, wanted) in [
            ("", "it needs `current`"),
            ("table = \"t\"", "needs the `engine`"),
            ("engine = \"postgres://h/d\"\ncurrent = \"c\"", "needs a `table`"),
            ("engine = \"postgres://h/d\"\ntable = \"t\"\ncurrent = \"c\"", "not both"),
            ("current = \"c\"\nlast_hours = 24", "`last_hours` is of a table"),
            ("engine = \"postgres://h/d\"\ntable = \"t\"\nevery_minutes = 0", "1 or more"),
            ("current = \"c\"\nalpha = 2.0", "alpha"),
        ] {
            assert!(fault(toml).contains(wanted), "{toml}: {}", fault(toml));
        }
        let table: Definition = toml::from_str("reference = \"r\"\nengine = \"sc://h:1\"\ntable = \"t\"").expect("one");
        assert_eq!(table.paths().collect::<Vec<_>>(), ["r"]);
        assert!(!serde_json::to_string(&table).expect("JSON").contains("current"));
    }
}
