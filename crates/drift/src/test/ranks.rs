//! Tests on the ranks of the pooled sample.

use super::Tested;
use crate::merged::Merged;
use crate::special::normal_sf;

/// Up to so many rows in the smaller sample all orders are counted.
const FEW: usize = 8;

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

/// Both as scipy's `mannwhitneyu` chooses by itself: all orders counted where a sample has at most eight rows and no two
/// values are equal, else the limit. (two-sided, "less").
pub fn mann_whitney_auto(reference: &[f64], current: &[f64]) -> Option<(Tested, Tested)> {
    let is_tied = ties(reference, current).iter().any(|tie| tie.n() > 1);
    if reference.len().min(current.len()) > FEW || is_tied {
        return Some((mann_whitney(reference, current)?, mann_whitney_less(reference, current)?));
    }
    let rank = RankSum::of(reference, current)?;
    let tail = |u: f64| orders_from(u as usize, reference.len(), current.len());
    let tested = |p_value: f64| Tested { statistic: rank.u, p_value: p_value.min(1.0) };
    Some((tested(2.0 * tail(rank.u.max(rank.most - rank.u))), tested(tail(rank.most - rank.u))))
}

/// The share of the orders of n and m values that have U ≥ `u`: the coefficients of Gauss's binomial [n + m over n], built
/// up by one value of the smaller sample at a time. They are symmetric, so that the tail is summed from its thin end.
fn orders_from(u: usize, n: usize, m: usize) -> f64 {
    let (n, m) = (n.min(m), n.max(m));
    let most = n * m;
    let mut share = vec![0.0; most + 1];
    share[0] = 1.0;
    for i in 1..=n {
        // · (1 − x^(m+i)) / (1 − xⁱ), and by the number of orders that it adds, so that the sum stays one.
        for at in (m + i..=most).rev() {
            share[at] -= share[at - m - i];
        }
        for at in i..=most {
            share[at] += share[at - i];
        }
        let more = i as f64 / (m + i) as f64;
        share.iter_mut().for_each(|share| *share *= more);
    }
    let tail = |u: usize| share[..=most - u].iter().sum::<f64>();
    if u == 0 {
        1.0
    } else if u > most {
        0.0
    } else if 2 * u >= most {
        tail(u)
    } else {
        1.0 - tail(most - u + 1)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_few_is_counted() {
        // All ways to give three of seven ranks to the reference.
        let (n, m) = (3, 4);
        for u in 0..=n * m + 1 {
            let (mut reached, mut all) = (0, 0);
            for taken in (0_u32..1 << (n + m)).filter(|taken| taken.count_ones() as usize == n) {
                let ranks: usize = (0..n + m).filter(|rank| taken >> rank & 1 == 1).sum();
                reached += u32::from(ranks - n * (n - 1) / 2 >= u);
                all += 1;
            }
            let wanted = f64::from(reached) / f64::from(all);
            assert!((orders_from(u, n, m) - wanted).abs() < 1e-15, "{u}");
        }
        // scipy 1.17.1: mannwhitneyu(range(8), np.arange(300) + 3.5), method="auto".
        let (few, many): (Vec<f64>, Vec<f64>) =
            ((0..8).map(f64::from).collect(), (0..300).map(|i| f64::from(i) + 3.5).collect());
        let (two_sided, less) = mann_whitney_auto(&few, &many).expect("rows");
        assert!((two_sided.p_value / P_OF_EIGHT - 1.0).abs() < 1e-9, "{two_sided:?}");
        assert!((less.p_value / (P_OF_EIGHT / 2.0) - 1.0).abs() < 1e-9, "{less:?}");
    }

    const P_OF_EIGHT: f64 = 1.484_189_719_353_322_6e-13;
}
