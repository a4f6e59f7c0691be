//! What the order of the scores says, exactly, ties and all: over rows, not over counts.

use super::interval::Interval;

/// The area under the ROC curve: P(score of a positive > of a negative) + ½ P(equal), as scikit-learn's
/// `roc_auc_score`. `None` if only one class is there, or a score is NaN. `(score, is positive)`, in any order;
/// infinite scores are the least and the largest.
pub fn auroc(rows: &[(f64, bool)]) -> Option<f64> {
    let groups = groups(rows)?;
    let (positives, negatives) = totals(rows);
    if positives == 0 || negatives == 0 {
        return None;
    }
    // Twice the number of pairs in the right order: an integer.
    let (mut pairs, mut below) = (0_u128, 0_u64);
    for (p, n) in groups {
        pairs += u128::from(p) * (2 * u128::from(below) + u128::from(n));
        below += n;
    }
    Some(pairs as f64 / 2.0 / (positives as f64 * negatives as f64))
}

/// Σ (R_k − R_{k−1}) P_k over the distinct scores, highest first, without interpolation, as scikit-learn's
/// `average_precision_score`. `None` without positives (scikit-learn: 0, with a warning), or if a score is NaN.
pub fn average_precision(rows: &[(f64, bool)]) -> Option<f64> {
    let groups = groups(rows)?;
    let (positives, _) = totals(rows);
    if positives == 0 {
        return None;
    }
    let (mut tp, mut called, mut sum) = (0_u64, 0_u64, 0.0);
    for (p, n) in groups.into_iter().rev() {
        tp += p;
        called += p + n;
        sum += p as f64 * (tp as f64 / called as f64);
    }
    Some(sum / positives as f64)
}

/// The area under the ROC curve and its standard error (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988), by
/// midranks in O(n log n) (Sun and Xu, IEEE Signal Processing Letters 21, 2014). `None` with fewer than two rows of a
/// class. A perfect order has the error 0: there `hanley_mcneil` says no more; take the rows for what they are.
pub fn delong(rows: &[(f64, bool)]) -> Option<(f64, f64)> {
    let groups = groups(rows)?;
    let (positives, negatives) = totals(rows);
    if positives < 2 || negatives < 2 {
        return None;
    }
    let (m, n) = (positives as f64, negatives as f64);
    let (mut negatives_below, mut positives_below) = (0.0, 0.0);
    // Of each positive the share of the negatives that it beats, and of each negative the share that beats it.
    let (mut of_positives, mut of_negatives) = (Vec::new(), Vec::new());
    for (p, q) in groups {
        let (p, q) = (p as f64, q as f64);
        of_positives.push((p, (negatives_below + q / 2.0) / n));
        of_negatives.push((q, (m - positives_below - p / 2.0) / m));
        negatives_below += q;
        positives_below += p;
    }
    let area = of_positives.iter().map(|(rows, share)| rows * share).sum::<f64>() / m;
    let variance = |shares: &[(f64, f64)], rows: f64| {
        shares.iter().map(|(n, share)| n * (share - area).powi(2)).sum::<f64>() / (rows - 1.0) / rows
    };
    Some((area, (variance(&of_positives, m) + variance(&of_negatives, n)).sqrt()))
}

impl Interval {
    /// DeLong's, cut at 0 and 1.
    pub fn of_auroc(rows: &[(f64, bool)], level: f64) -> Option<Interval> {
        let (area, error) = delong(rows)?;
        Interval::around(area, error, level).map(|interval| interval.within(0.0, 1.0))
    }
}

fn totals(rows: &[(f64, bool)]) -> (u64, u64) {
    let positives = rows.iter().filter(|(_, label)| *label).count() as u64;
    (positives, rows.len() as u64 - positives)
}

/// (positives, negatives) of each distinct score, lowest first. `None` with a NaN among them.
fn groups(rows: &[(f64, bool)]) -> Option<Vec<(u64, u64)>> {
    let mut sorted = rows.to_vec();
    if sorted.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    // −0 and 0 tie, so not `total_cmp` alone.
    sorted.sort_unstable_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    let mut groups = Vec::new();
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        groups.push(totals(same));
    }
    Some(groups)
}
