//! The summary's values that the history does not have: a series of one point each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use signalbox_types::{Point, SeriesDelta};

/// Their part: told anew as a whole when one of them changes.
const PART: &str = "summary";
/// More values are not kept.
const MAX_VALUES: usize = 20_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Summary {
    /// As bits: JSON has no NaN.
    #[serde(rename = "v")]
    values: BTreeMap<String, u64>,
    /// Names that were told, and a checksum of what was told of them.
    #[serde(rename = "t")]
    told: BTreeSet<String>,
    #[serde(rename = "p")]
    print: u32,
}

/// Names of images, histograms, tables and the like. wandb-core logs what describes one as nested keys
/// (`img._type`, `img.width`), which are no metrics.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Media(BTreeSet<String>);

impl Media {
    /// Learns from a name that ends with `._type`.
    pub(super) fn learn(&mut self, name: &str) {
        if let Some(owner) = name.strip_suffix("._type") {
            self.add(owner);
        }
    }

    pub(super) fn add(&mut self, name: &str) {
        if self.0.len() < MAX_VALUES && !self.0.contains(name) {
            self.0.insert(name.to_owned());
        }
    }

    /// Whether a name describes one of them.
    pub(super) fn owns(&self, name: &str) -> bool {
        !self.0.is_empty()
            && (self.0.contains(name) || name.match_indices('.').any(|(i, _)| self.0.contains(&name[..i])))
    }
}

impl Summary {
    pub(super) fn set(&mut self, name: String, value: f64) {
        if self.values.len() < MAX_VALUES || self.values.contains_key(&name) {
            self.values.insert(name, value.to_bits());
        }
    }

    /// Forgets a value: the history has it, or it is a number no longer.
    pub(super) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// The series as they are now, if that is news.
    pub(super) fn tell(&mut self, media: &Media, step: i64, time: f64) -> Vec<SeriesDelta> {
        let values: Vec<(&String, u64)> =
            self.values.iter().filter(|(name, _)| !media.owns(name)).map(|(name, bits)| (name, *bits)).collect();
        let mut sum = crc32fast::Hasher::new();
        sum.update(&step.to_le_bytes());
        sum.update(&time.to_bits().to_le_bytes());
        for (name, bits) in &values {
            sum.update(name.as_bytes());
            sum.update(&bits.to_le_bytes());
        }
        let print = sum.finalize();
        if print == self.print && values.len() == self.told.len() || values.is_empty() && self.told.is_empty() {
            return Vec::new();
        }
        let names: BTreeSet<String> = values.iter().map(|(name, _)| (*name).clone()).collect();
        let delta = |metric: &String| SeriesDelta {
            metric: metric.clone(),
            part: PART.to_owned(),
            reset: true,
            ..SeriesDelta::default()
        };
        let gone = self.told.difference(&names).map(delta);
        let here = values.iter().map(|(name, bits)| {
            let point = Point { step, time, value: f64::from_bits(*bits) };
            SeriesDelta { points: [point].into_iter().collect(), ..delta(name) }
        });
        let deltas = gone.chain(here).collect();
        (self.told, self.print) = (names, print);
        deltas
    }
}
