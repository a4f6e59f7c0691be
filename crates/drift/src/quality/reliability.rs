//! Whether a score of 0.8 is right in 80 of 100 rows.

/// Bins of the scores: in each the rows, the positives, and the sum of the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    bins: Vec<(u64, u64, f64)>,
}

impl Reliability {
    pub(super) fn of_bins(bins: usize) -> Reliability {
        Reliability { bins: vec![(0, 0, 0.0); bins] }
    }

    /// Equal bins (l, r] over \[0, 1\], the first with its 0, as scikit-learn's `calibration_curve(strategy="uniform")`
    /// has them. Scores that are no probabilities are left out. No bins are
    /// one.
    pub fn of(rows: &[(f64, bool)], bins: usize) -> Reliability {
        let bins = bins.max(1);
        let mut curve = Reliability::of_bins(bins);
        // Edges as numpy's `linspace` has them: i · (1 / bins), and not i / bins.
        let step = 1.0 / bins as f64;
        let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 * step).collect();
        for (score, label) in rows.iter().filter(|(score, _)| (0.0..=1.0).contains(score)) {
            curve.add_rows(edges.partition_point(|edge| edge < score), 1, u64::from(*label), *score);
        }
        curve
    }

    pub(super) fn add_rows(&mut self, bin: usize, rows: u64, positives: u64, sum: f64) {
        let cell = &mut self.bins[bin];
        *cell = (cell.0 + rows, cell.1 + positives, cell.2 + sum);
    }

    /// (rows, mean score, share of positives) of each bin that is not empty, lowest first.
    pub fn curve(&self) -> impl Iterator<Item = (u64, f64, f64)> {
        let filled = self.bins.iter().filter(|(rows, _, _)| *rows > 0);
        filled.map(|(rows, positives, sum)| (*rows, sum / *rows as f64, *positives as f64 / *rows as f64))
    }

    /// The expected calibration error: the mean distance of both over the rows (Naeini, Cooper and Hauskrecht, AAAI
    /// 2015). `None` without rows.
    pub fn ece(&self) -> Option<f64> {
        let rows: u64 = self.bins.iter().map(|(rows, _, _)| rows).sum();
        let apart: f64 = self.curve().map(|(n, mean, share)| n as f64 * (mean - share).abs()).sum();
        (rows > 0).then(|| apart / rows as f64)
    }
}

/// The expected calibration error of bins of equal row counts, as NannyML's `_calculate_expected_calibration_error` has
/// it: ⌊n / bins⌋ rows in each, what is left in the last; fewer bins where there are not two rows for each. Equal
/// scores stay in the order they came in (NannyML leaves that to numpy's unstable sort, and its value to chance).
/// `None` for fewer than four rows.
pub fn ece_of_equal_rows(rows: &[(f64, bool)], bins: usize) -> Option<f64> {
    let n = rows.len();
    let bins = if n <= 2 * bins { n / 2 } else { bins };
    if bins < 2 {
        return None;
    }
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    // NannyML's last bin ends at the last edge that fits, which is moved to the end: with a remainder of a whole bin's
    // width or more there are more edges than bins.
    let width = n / bins;
    let mut edges: Vec<usize> = (0..=n).step_by(width).collect();
    if let Some(last) = edges.last_mut() {
        *last = n;
    }
    let apart = edges.windows(2).map(|pair| {
        let rows = &sorted[pair[0]..pair[1]];
        let positives = rows.iter().filter(|(_, label)| *label).count() as f64;
        let sum: f64 = rows.iter().map(|(score, _)| score).sum();
        (sum - positives).abs() / n as f64
    });
    Some(apart.sum())
}
