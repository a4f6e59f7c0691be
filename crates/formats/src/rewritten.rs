//! Curves of a file that is written over as a whole, each time with more points: those that were told already are
//! compared, and the others handed on.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use signalbox_types::Points;

/// How many points of each metric were told, and their checksum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ToldCurves(BTreeMap<String, (usize, u32)>);

impl ToldCurves {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(crate) fn has(&self, metric: &str) -> bool {
        self.0.contains_key(metric)
    }

    /// Whether every point that was told is among `curves`, where it was.
    pub(crate) fn hold(&self, curves: &[(String, Points)]) -> bool {
        let names: HashSet<&str> = curves.iter().map(|(name, _)| name.as_str()).collect();
        self.0.keys().all(|name| names.contains(name.as_str()))
            && curves.iter().all(|(name, points)| {
                self.0.get(name).is_none_or(|(n, sum)| *n <= points.len() && checksum(points, *n) == *sum)
            })
    }

    /// The points of `curves` that were not told, which they are now. What was told must [hold](Self::hold).
    pub(crate) fn news(&mut self, curves: Vec<(String, Points)>) -> Vec<(String, Points)> {
        let mut news = Vec::new();
        for (metric, points) in curves {
            let n = points.len();
            let before = self.0.insert(metric.clone(), (n, checksum(&points, n)));
            let from = before.map_or(0, |(n, _)| n);
            if n > from {
                news.push((metric, if from == 0 { points } else { points.slice(from, n) }));
            }
        }
        news
    }
}

/// Of the first `n` points, to the bit.
fn checksum(points: &Points, n: usize) -> u32 {
    points.iter().take(n).fold(0, |sum, p| {
        let sum = crc32c::crc32c_append(sum, &p.step.to_le_bytes());
        let sum = crc32c::crc32c_append(sum, &p.time.to_bits().to_le_bytes());
        crc32c::crc32c_append(sum, &p.value.to_bits().to_le_bytes())
    })
}

#[cfg(test)]
mod tests {
    use signalbox_types::Point;

    use super::*;

    fn curve(name: &str, values: &[f64]) -> (String, Points) {
        let point = |(step, value): (usize, &f64)| Point { step: step as i64, time: f64::NAN, value: *value };
        (name.to_owned(), values.iter().enumerate().map(point).collect())
    }

    #[test]
    fn what_is_new() {
        let mut told = ToldCurves::default();
        let first = vec![curve("a", &[1.0, f64::NAN]), curve("b", &[])];
        assert!(told.hold(&first));
        let news = told.news(first.clone());
        assert_eq!((news.len(), news[0].0.as_str(), news[0].1.len()), (1, "a", 2));
        assert!(told.hold(&first) && told.has("b"));
        assert!(told.clone().news(first).is_empty());
        let more = vec![curve("a", &[1.0, f64::NAN, 3.0]), curve("b", &[5.0]), curve("c", &[7.0])];
        assert!(told.hold(&more));
        let news: Vec<(String, Vec<i64>)> = told.news(more).into_iter().map(|(name, p)| (name, p.steps)).collect();
        assert_eq!(news, [("a".to_owned(), vec![2]), ("b".to_owned(), vec![0]), ("c".to_owned(), vec![0])]);
        for other in [
            vec![curve("a", &[1.0, f64::NAN]), curve("b", &[5.0]), curve("c", &[7.0])],
            vec![curve("a", &[1.5, f64::NAN, 3.0]), curve("b", &[5.0]), curve("c", &[7.0])],
            vec![curve("a", &[1.0, f64::NAN, 3.0]), curve("b", &[5.0])],
        ] {
            assert!(!told.hold(&other));
        }
    }
}
