//! Tests on the ranks of the pooled sample.

use super::Tested;
use crate::merged::Merged;
use crate::special::normal_sf;

/// A value of the pooled sample: how often it is in each.
pub(super) struct Tie {
    pub reference: usize,
    pub current: usize,
}

impl Tie {
    pub fn n(&self) -> usize {
        self.reference + self.current
    }
}

/// The pooled sample's distinct values, ascending.
pub(super) fn ties(reference: &[f64], current: &[f64]) -> Vec<Tie> {
    let mut before = (0, 0);
    let tie = |(_, seen): (f64, (usize, usize))| {
        let tie = Tie { reference: seen.0 - before.0, current: seen.1 - before.1 };
        before = seen;
        tie
    };
    Merged::of(reference, current).map(tie).collect()
}

/// Mann and Whitney's U of the reference, two-sided, by the normal limit with the correction for ties and for continuity:
/// scipy's `mannwhitneyu(method="asymptotic")`. `None` if a sample is empty, or all values tie.
pub fn mann_whitney(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let rank = RankSum::of(reference, current)?;
    let p_value = (2.0 * normal_sf(rank.z(rank.u.max(rank.most - rank.u)))).min(1.0);
    Some(Tested { statistic: rank.u, p_value })
}

/// The same, one-sided: that the reference is the lesser one ("less").
pub fn mann_whitney_less(reference: &[f64], current: &[f64]) -> Option<Tested> {
    let rank = RankSum::of(reference, current)?;
    Some(Tested { statistic: rank.u, p_value: normal_sf(rank.z(rank.most - rank.u)) })
}

struct RankSum {
    u: f64,
    /// n · m.
    most: f64,
    spread: f64,
}

impl RankSum {
    fn of(reference: &[f64], current: &[f64]) -> Option<RankSum> {
        let (n, m) = (reference.len() as f64, current.len() as f64);
        let all = n + m;
        let (mut below, mut ranks, mut tied) = (0.0, 0.0, 0.0);
        for tie in ties(reference, current) {
            let size = tie.n() as f64;
            ranks += tie.reference as f64 * (below + (size + 1.0) / 2.0);
            tied += size * size * size - size;
            below += size;
        }
        let spread = (n * m / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)))).sqrt();
        let is_usable = n > 0.0 && m > 0.0 && spread > 0.0;
        is_usable.then(|| RankSum { u: ranks - n * (n + 1.0) / 2.0, most: n * m, spread })
    }

    /// How far a U is above its mean, less half a rank.
    fn z(&self, u: f64) -> f64 {
        (u - self.most / 2.0 - 0.5) / self.spread
    }
}
