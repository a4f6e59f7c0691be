//! What a grammar found in some bytes.

use std::collections::HashMap;

use signalbox_types::{Point, Points, ProblemKind, SeriesDelta};

/// Records of a stretch of a log.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub series: SeriesSet,
    pub problems: Vec<Trouble>,
    /// The axis holds fractions: forget what was found, read from the beginning and count rows.
    pub restart_by_row: bool,
}

impl News {
    pub(crate) fn trouble(&mut self, offset: u64, kind: ProblemKind, message: impl Into<String>) {
        self.problems.push(Trouble { offset, kind, message: message.into() });
    }
}

/// A problem within the file that is being read.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub offset: u64,
    pub kind: ProblemKind,
    pub message: String,
}

/// Points by metric, in the order in which the metrics were first seen.
#[derive(Debug, Default)]
pub(crate) struct SeriesSet {
    names: Vec<String>,
    points: Vec<Points>,
    index: HashMap<String, usize>,
}

impl SeriesSet {
    /// The number by which `push` knows the metric.
    pub(crate) fn number(&mut self, name: &str) -> usize {
        if let Some(&i) = self.index.get(name) {
            return i;
        }
        let i = self.names.len();
        self.names.push(name.to_owned());
        self.points.push(Points::default());
        self.index.insert(name.to_owned(), i);
        i
    }

    #[inline]
    pub(crate) fn push(&mut self, number: usize, point: Point) {
        self.points[number].push(point);
    }

    pub(crate) fn into_deltas(self) -> Vec<SeriesDelta> {
        let pairs = self.names.into_iter().zip(self.points).filter(|(_, points)| !points.is_empty());
        pairs.map(|(metric, points)| SeriesDelta { metric, points, ..SeriesDelta::default() }).collect()
    }
}
