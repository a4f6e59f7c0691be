//! What an estimate needs of a cell: its scores by what was called.

use super::expected::{Expected, area};
use crate::quality::scores::bin_of;
use crate::quality::{Calibrator, SCORE_BINS};
use serde::{Deserialize, Serialize};

/// All rows of a cell, with or without label: counts and sums of the scores in 64 equal bins over \[0, 1\].
///
/// An estimate takes the rows of a bin to be spread evenly about their mean score. Where the calibration is a straight
/// line over a bin that changes nothing; else each row's probability is off by no more than it rises within the bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalledScores {
    /// (rows, sum of the scores): called negative, called positive.
    #[serde(with = "crate::quality::fixed")]
    bins: [[(u64, f64); 2]; SCORE_BINS],
    outside: u64,
}

impl Default for CalledScores {
    fn default() -> CalledScores {
        CalledScores { bins: [[(0, 0.0); 2]; SCORE_BINS], outside: 0 }
    }
}

impl CalledScores {
    /// A score that is no probability is counted, and kept out.
    pub fn add(&mut self, score: f64, called: bool) {
        if !(0.0..=1.0).contains(&score) {
            self.outside += 1;
            return;
        }
        let cell = &mut self.bins[bin_of(score)][usize::from(called)];
        *cell = (cell.0 + 1, cell.1 + score);
    }

    pub fn merge(&mut self, other: &CalledScores) {
        for (bin, others) in self.bins.iter_mut().zip(&other.bins) {
            for (cell, other) in bin.iter_mut().zip(others) {
                *cell = (cell.0 + other.0, cell.1 + other.1);
            }
        }
        self.outside += other.outside;
    }

    pub fn rows(&self) -> u64 {
        self.bins.iter().flatten().map(|(rows, _)| rows).sum()
    }

    pub fn outside(&self) -> u64 {
        self.outside
    }

    pub fn expected(&self, calibrator: &Calibrator) -> Expected {
        let mut expected = Expected::default();
        for bin in 0..SCORE_BINS {
            for (rows, probability, called) in self.cells(bin, calibrator) {
                expected.add(probability, called, rows);
            }
        }
        expected
    }

    /// Each bin taken for a tie.
    pub fn expected_auroc(&self, calibrator: &Calibrator) -> Option<f64> {
        let groups = (0..SCORE_BINS).map(|bin| {
            self.cells(bin, calibrator).fold((0.0, 0.0), |(p, n), (rows, probability, _)| {
                (p + probability * rows, n + (1.0 - probability) * rows)
            })
        });
        area(groups)
    }

    /// (rows, probability of the label, called) of a bin, where there are rows.
    fn cells(&self, bin: usize, calibrator: &Calibrator) -> impl Iterator<Item = (f64, f64, bool)> {
        let edge = |bin: usize| bin as f64 / SCORE_BINS as f64;
        let cells = self.bins[bin].into_iter().zip([false, true]).filter(|((rows, _), _)| *rows > 0);
        cells.map(move |((rows, sum), called)| {
            let rows = rows as f64;
            (rows, calibrator.probability_within(edge(bin), edge(bin + 1), sum / rows), called)
        })
    }
}
