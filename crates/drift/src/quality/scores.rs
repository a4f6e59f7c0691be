//! A histogram of the scores of each label: what is known of probabilities when the rows are gone.

use super::interval::hanley_mcneil;
use super::{Interval, Reliability};
use serde::{Deserialize, Serialize};

/// Equal bins over \[0, 1\]; the last holds 1.
pub const SCORE_BINS: usize = 64;

/// Of the labelled rows of a cell. Brier and log loss are exact, as far as sums of numbers are; what needs the order
/// within a bin comes with the most that it can be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    #[serde(with = "super::fixed")]
    positives: [u64; SCORE_BINS],
    #[serde(with = "super::fixed")]
    negatives: [u64; SCORE_BINS],
    /// Of the scores of both.
    #[serde(with = "super::fixed")]
    sums: [f64; SCORE_BINS],
    squares: f64,
    log_loss: f64,
    outside: u64,
}

/// A number from bins: the true one lies no further than `error` from `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    pub value: f64,
    pub error: f64,
}

impl Default for Scores {
    fn default() -> Scores {
        Scores {
            positives: [0; SCORE_BINS],
            negatives: [0; SCORE_BINS],
            sums: [0.0; SCORE_BINS],
            squares: 0.0,
            log_loss: 0.0,
            outside: 0,
        }
    }
}

impl Scores {
    /// A score that is no probability (NaN, below 0, above 1) is counted, and kept out of all numbers.
    pub fn add(&mut self, score: f64, label: bool) {
        if !(0.0..=1.0).contains(&score) {
            self.outside += 1;
            return;
        }
        let bin = bin_of(score);
        let counts = if label { &mut self.positives } else { &mut self.negatives };
        counts[bin] += 1;
        self.sums[bin] += score;
        self.squares += if label { (1.0 - score).powi(2) } else { score * score };
        self.log_loss += clipped_log_loss(score, label);
    }

    pub fn merge(&mut self, other: &Scores) {
        for bin in 0..SCORE_BINS {
            self.positives[bin] += other.positives[bin];
            self.negatives[bin] += other.negatives[bin];
            self.sums[bin] += other.sums[bin];
        }
        self.squares += other.squares;
        self.log_loss += other.log_loss;
        self.outside += other.outside;
    }

    /// (positives, negatives) of each bin.
    pub fn counts(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        self.positives.iter().copied().zip(self.negatives.iter().copied())
    }

    pub fn positives(&self) -> u64 {
        self.positives.iter().sum()
    }

    pub fn negatives(&self) -> u64 {
        self.negatives.iter().sum()
    }

    /// Rows whose score is a probability.
    pub fn rows(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// Rows whose score is none.
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// Each bin taken for a tie. Only the pairs within a bin are undecided, and each counts for a half that may be 0 or
    /// 1: the error is at most Σ p n / 2 over the bins, by the number of all pairs.
    pub fn auroc(&self) -> Option<Bounded> {
        let (positives, negatives) = (self.positives(), self.negatives());
        if positives == 0 || negatives == 0 {
            return None;
        }
        let (mut pairs, mut undecided, mut below) = (0_u128, 0_u128, 0_u64);
        for (p, n) in self.counts() {
            pairs += 2 * u128::from(p) * u128::from(below);
            undecided += u128::from(p) * u128::from(n);
            below += n;
        }
        let all = 2.0 * positives as f64 * negatives as f64;
        Some(Bounded { value: (pairs + undecided) as f64 / all, error: undecided as f64 / all })
    }

    /// Hanley and McNeil's, widened by what the bins leave undecided.
    pub fn auroc_interval(&self, level: f64) -> Option<Interval> {
        let auroc = self.auroc()?;
        let interval = hanley_mcneil(auroc.value, self.positives(), self.negatives(), level)?;
        let interval = Interval { low: interval.low - auroc.error, high: interval.high + auroc.error };
        Some(interval.within(0.0, 1.0))
    }

    /// Each bin taken for a tie. At best all of a bin's positives come first, and tie: each has the precision behind the
    /// last of them. At worst they come last, one by one: at the j-th it is 1 − b / (c + j), concave in j, so that the
    /// mean over them is no less than that of the first and the last. The error is the further of both sums.
    pub fn average_precision(&self) -> Option<Bounded> {
        let positives = self.positives() as f64;
        if positives == 0.0 {
            return None;
        }
        let (mut tp, mut called) = (0.0, 0.0);
        let (mut value, mut best, mut worst) = (0.0, 0.0, 0.0);
        for (p, n) in self.counts().rev().map(|(p, n)| (p as f64, n as f64)).filter(|(p, n)| p + n > 0.0) {
            value += p * (tp + p) / (called + p + n);
            if p > 0.0 {
                let precision = |j: f64, negatives: f64| (tp + j) / (called + negatives + j);
                best += p * precision(p, 0.0);
                worst += p * f64::midpoint(precision(1.0, n), precision(p, n));
            }
            (tp, called) = (tp + p, called + p + n);
        }
        Some(Bounded { value: value / positives, error: (best - value).max(value - worst) / positives })
    }

    /// Mean of (score − label)²; 0 is best, 1 worst.
    pub fn brier(&self) -> Option<f64> {
        self.mean_of(self.squares)
    }

    /// Mean of −ln of the probability given to the label, in nats; see `clipped_log_loss`.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean_of(self.log_loss)
    }

    /// Of so many equal bins, joined from the histogram's: a divisor of 64.
    pub fn reliability(&self, bins: usize) -> Option<Reliability> {
        if bins == 0 || !SCORE_BINS.is_multiple_of(bins) {
            return None;
        }
        let mut curve = Reliability::of_bins(bins);
        for bin in 0..SCORE_BINS {
            let rows = self.positives[bin] + self.negatives[bin];
            curve.add_rows(bin * bins / SCORE_BINS, rows, self.positives[bin], self.sums[bin]);
        }
        Some(curve)
    }

    fn mean_of(&self, sum: f64) -> Option<f64> {
        let rows = self.rows();
        (rows > 0).then(|| sum / rows as f64)
    }
}

/// −ln of the probability given to the label, nats, kept within \[ε, 1 − ε\] with ε = 2⁻⁵² as scikit-learn does for
/// doubles: one certain mistake costs 36, not ∞.
pub fn clipped_log_loss(score: f64, label: bool) -> f64 {
    let score = score.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    if label { -score.ln() } else { -(1.0 - score).ln() }
}

/// Which of the equal bins; the score is a probability.
pub(crate) fn bin_of(score: f64) -> usize {
    // 64 is a power of two: the product is exact, and no score moves over an edge.
    ((score * SCORE_BINS as f64) as usize).min(SCORE_BINS - 1)
}
