//! Counts by group.

use crate::quality::Outcomes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Group × label × called, in rows. Groups need not be known before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    counts: BTreeMap<String, Outcomes>,
}

impl Groups {
    pub fn add(&mut self, group: &str, label: bool, called: bool) {
        match self.counts.get_mut(group) {
            Some(counts) => counts.add(label, called),
            None => self.counts.entry(group.to_owned()).or_default().add(label, called),
        }
    }

    pub fn add_counts(&mut self, group: &str, counts: &Outcomes) {
        self.counts.entry(group.to_owned()).or_default().merge(counts);
    }

    pub fn merge(&mut self, other: &Groups) {
        other.counts.iter().for_each(|(group, counts)| self.add_counts(group, counts));
    }

    pub fn get(&self, group: &str) -> Option<&Outcomes> {
        self.counts.get(group)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Outcomes)> {
        self.counts.iter().map(|(group, counts)| (group.as_str(), counts))
    }

    /// Of all rows.
    pub fn overall(&self) -> Outcomes {
        let mut sum = Outcomes::default();
        self.counts.values().for_each(|counts| sum.merge(counts));
        sum
    }
}

/// The name of a group of several attributes: `A × app`. Different values give different names, whatever is in them: a
/// × or a backslash of a value is escaped.
pub fn crossed(values: &[&str]) -> String {
    let escaped = values.iter().map(|value| value.replace('\\', "\\\\").replace('×', "\\×"));
    escaped.collect::<Vec<String>>().join(" × ")
}
