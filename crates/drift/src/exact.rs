//! Two large samples compared exactly without sorting them.
//!
//! Both are counted into narrow buckets of equal width; the values outside of the bulk are few, and are sorted. Between two
//! buckets F − G, the difference of the distribution functions, is known from the counts alone. Within a bucket it moves
//! by no more than what lies in it: only where it may change its sign there, may be the largest, or a quantile lies, are
//! the bucket's values looked at and sorted. Everywhere else ∫ |F − G| is the difference of two sums.

mod tied;

use crate::merged::Merged;
use crate::quantile::quantile;
use crate::special::Sum;
use crate::test::{Furthest, Ks, ks};
use std::ops::Range;

/// Smaller samples are sorted.
const SMALL: usize = 20_000;
const MAX_BUCKETS: usize = 1 << 15;
/// So many values tell where the bulk lies.
const SAMPLE: usize = 2048;
/// What is left outside of it, on each side.
const TAIL: f64 = 0.002;
const BLOCK: usize = 1024;
/// Shares of rows, added and subtracted on two ways, differ by a few units of the last place of 1.
const ROUNDED: f64 = 8.0 * f64::EPSILON;

/// Two samples side by side: what needs their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    pub ks: Ks,
    /// In the column's unit.
    pub wasserstein: f64,
    /// Of the reference, where they were asked for.
    pub quantiles: Vec<f64>,
    /// How many values of each sample are less than each of these quantiles: counts on the bins that they bound.
    pub below: Vec<(u64, u64)>,
}

/// `None` if a sample is empty. Finite values in any order; `at`: the quantiles of the reference, each 0 to 1.
pub fn compare(reference: &[f64], current: &[f64], at: &[f64]) -> Option<Compared> {
    if reference.is_empty() || current.is_empty() {
        return None;
    }
    let is_large = reference.len().max(current.len()) > SMALL;
    // Buckets of few values would be opened nearly all: everything would be sorted after all.
    if let Some(compared) = is_large.then(|| tied::compare(reference, current, at)).flatten() {
        return Some(compared);
    }
    let bulk = is_large.then(|| Buckets::around(reference, current)).flatten();
    match bulk {
        Some(buckets) => Some(by_buckets(buckets, reference, current, at)),
        None => by_order(&sorted(reference), &sorted(current), at),
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    in_order(values.iter().map(|value| turned(value.to_bits() as i64)).collect())
}

/// A number's bits so that integers are in the order of `total_cmp`, and back: done once a number, not at each comparison.
fn turned(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn in_order(mut keys: Vec<i64>) -> Vec<f64> {
    keys.sort_unstable();
    keys.into_iter().map(|key| f64::from_bits(turned(key) as u64)).collect()
}

fn by_order(reference: &[f64], current: &[f64], at: &[f64]) -> Option<Compared> {
    let quantiles: Vec<f64> = at.iter().filter_map(|at| quantile(reference, *at)).collect();
    let less = |values: &[f64], than: f64| values.partition_point(|value| *value < than) as u64;
    Some(Compared {
        ks: ks(reference, current)?,
        wasserstein: crate::distance::wasserstein(reference, current)?,
        below: quantiles.iter().map(|edge| (less(reference, *edge), less(current, *edge))).collect(),
        quantiles,
    })
}

/// Bucket 0 holds what is below the bulk, the last what is above it.
#[derive(Clone, Copy)]
struct Buckets {
    low: f64,
    width: f64,
    per_width: f64,
    n: usize,
}

impl Buckets {
    /// `None` where the bulk is a point, or too wide for numbers.
    fn around(reference: &[f64], current: &[f64]) -> Option<Buckets> {
        let taken = |values: &[f64]| {
            let stride = (values.len() / SAMPLE).max(1);
            values.iter().copied().step_by(stride).collect::<Vec<f64>>()
        };
        let mut sample = taken(reference);
        sample.extend(taken(current));
        sample.sort_unstable_by(f64::total_cmp);
        let (low, high) = (quantile(&sample, TAIL)?, quantile(&sample, 1.0 - TAIL)?);
        let n = ((reference.len() + current.len()) / 64).next_power_of_two().min(MAX_BUCKETS);
        let width = (high - low) / n as f64;
        let per_width = n as f64 / (high - low);
        // The sums have to hold.
        let most = (high - low) * (reference.len() + current.len()) as f64;
        let is_usable =
            most.is_finite() && width.is_normal() && per_width.is_normal() && low + width > low && high - width < high;
        is_usable.then_some(Buckets { low, width, per_width, n: n + 2 })
    }

    /// Never falls as the value rises, whatever is rounded on the way.
    fn of(&self, value: f64) -> usize {
        let at = (value - self.low) * self.per_width;
        // Below: 0; `as` keeps within.
        if at < 0.0 { 0 } else { (at as usize).min(self.n - 2) + 1 }
    }

    /// Where an inner bucket begins.
    fn start(&self, bucket: usize) -> f64 {
        self.low + (bucket - 1) as f64 * self.width
    }

    fn is_outer(&self, bucket: usize) -> bool {
        bucket == 0 || bucket == self.n - 1
    }
}

/// One sample in buckets.
struct Counted {
    counts: Vec<u32>,
    /// Of the distances from each bucket's start.
    sums: Vec<f64>,
    rows: f64,
}

impl Counted {
    fn of(buckets: &Buckets, values: &[f64]) -> Counted {
        let mut counted = vec![(0_u32, 0.0_f64); buckets.n];
        for value in values {
            let cell = &mut counted[buckets.of(*value)];
            cell.0 += 1;
            cell.1 += value - buckets.low;
        }
        let of_start = |(bucket, (n, sum)): (usize, &(u32, f64))| {
            sum - f64::from(*n) * (bucket.saturating_sub(1)) as f64 * buckets.width
        };
        Counted {
            sums: counted.iter().enumerate().map(of_start).collect(),
            counts: counted.into_iter().map(|(n, _)| n).collect(),
            rows: values.len() as f64,
        }
    }
}

fn by_buckets(buckets: Buckets, reference: &[f64], current: &[f64], at: &[f64]) -> Compared {
    let (a, b) = (Counted::of(&buckets, reference), Counted::of(&buckets, current));
    // (values of the reference, of the current) before each bucket.
    let mut before = Vec::with_capacity(buckets.n + 1);
    let mut sum = (0_u64, 0_u64);
    for bucket in 0..buckets.n {
        before.push(sum);
        sum = (sum.0 + u64::from(a.counts[bucket]), sum.1 + u64::from(b.counts[bucket]));
    }
    before.push(sum);
    let apart = |n: (u64, u64)| n.0 as f64 / a.rows - n.1 as f64 / b.rows;
    let largest = before.iter().map(|n| apart(*n).abs()).fold(0.0, f64::max);
    let ranks: Vec<Range<u64>> = at.iter().map(|at| ranks_of(*at, reference.len())).collect();
    let bucket_of = |rank: u64| before.partition_point(|n| n.0 <= rank) - 1;
    // A quantile may lie between two values, where only the other sample has some.
    let asked: Vec<Range<usize>> = ranks.iter().map(|r| bucket_of(r.start)..bucket_of(r.end - 1) + 1).collect();

    let opened: Vec<bool> = (0..buckets.n)
        .map(|bucket| {
            let (n, m) = (a.counts[bucket], b.counts[bucket]);
            let here = apart(before[bucket]);
            let (most, least) = (here + f64::from(n) / a.rows, here - f64::from(m) / b.rows);
            let may_turn = most > 0.0 && least < 0.0;
            // Where it is largest at the bucket's end, too: it is seen inside, for the next value may lower it.
            let may_be_largest = most.max(-least) >= largest - ROUNDED;
            let is_asked = asked.iter().any(|asked| asked.contains(&bucket));
            buckets.is_outer(bucket) || n + m > 0 && (may_turn || may_be_largest || is_asked)
        })
        .collect();
    let open = |values: &[f64], counts: &[u32]| {
        let n: u64 = counts.iter().zip(&opened).filter(|(_, is_open)| **is_open).map(|(n, _)| u64::from(*n)).sum();
        // Written always and counted if it is wanted: no branch to be guessed wrong.
        let mut inside: Vec<i64> = Vec::with_capacity(n as usize);
        let mut block = [0; BLOCK];
        for part in values.chunks(BLOCK) {
            let mut n = 0;
            for value in part {
                block[n] = turned(value.to_bits() as i64);
                n += usize::from(opened[buckets.of(*value)]);
            }
            inside.extend_from_slice(&block[..n]);
        }
        in_order(inside)
    };
    let inside = (open(reference, &a.counts), open(current, &b.counts));
    Walk { buckets, a, b, before, opened, inside }.compared(&ranks, at, reference.len())
}

/// The ranks between which a quantile lies, and one more.
fn ranks_of(at: f64, rows: usize) -> Range<u64> {
    let last = rows as u64 - 1;
    let below = ((at * last as f64).floor() as u64).min(last);
    below..(below + 2).min(last + 1)
}

struct Walk {
    buckets: Buckets,
    a: Counted,
    b: Counted,
    before: Vec<(u64, u64)>,
    opened: Vec<bool>,
    /// The values of the opened buckets, sorted: those of the reference, and of the current sample.
    inside: (Vec<f64>, Vec<f64>),
}

impl Walk {
    fn compared(self, ranks: &[Range<u64>], at: &[f64], rows: usize) -> Compared {
        let mut area = Sum::default();
        let mut furthest = Furthest::default();
        // Where the opened buckets begin among the opened values of each.
        let mut places = Vec::with_capacity(self.buckets.n);
        let (mut i, mut j) = (0, 0);
        for bucket in 0..self.buckets.n {
            let (n, m) = (self.a.counts[bucket] as usize, self.b.counts[bucket] as usize);
            let before = self.before[bucket];
            let mut here = self.apart(before);
            places.push((i, j));
            if !self.opened[bucket] {
                let width = self.buckets.width;
                let rise = (n as f64 * width - self.a.sums[bucket]) / self.a.rows;
                let fall = (m as f64 * width - self.b.sums[bucket]) / self.b.rows;
                area.add((here * width + rise - fall).abs());
                continue;
            }
            let (values, others) = (&self.inside.0[i..i + n], &self.inside.1[j..j + m]);
            (i, j) = (i + n, j + m);
            // Below the first value of all there is nothing, and above the last.
            let mut from = if bucket == 0 { None } else { Some(self.buckets.start(bucket)) };
            for (value, (x, y)) in Merged::of(values, others) {
                if let Some(from) = from {
                    area.add(here.abs() * (value - from));
                }
                here = self.apart((before.0 + x as u64, before.1 + y as u64));
                furthest.see(here, value);
                from = Some(value);
            }
            if let Some(from) = from.filter(|_| bucket + 1 < self.buckets.n) {
                area.add(here.abs() * (self.buckets.start(bucket + 1) - from));
            }
        }
        let value = |rank: u64| {
            let bucket = self.before.partition_point(|n| n.0 <= rank) - 1;
            self.inside.0[places[bucket].0 + (rank - self.before[bucket].0) as usize]
        };
        let between = |(ranks, at): (&Range<u64>, &f64)| {
            crate::quantile::between(value(ranks.start), value(ranks.end - 1), *at, rows)
        };
        let quantiles: Vec<f64> = ranks.iter().zip(at).map(between).collect();
        Compared {
            ks: Ks::of(furthest, self.a.rows as usize, self.b.rows as usize),
            wasserstein: area.total(),
            below: quantiles.iter().map(|edge| self.below(&places, *edge)).collect(),
            quantiles,
        }
    }

    fn apart(&self, n: (u64, u64)) -> f64 {
        n.0 as f64 / self.a.rows - n.1 as f64 / self.b.rows
    }

    /// How many values of each sample are less than a quantile, which lies where all values are at hand.
    fn below(&self, places: &[(usize, usize)], edge: f64) -> (u64, u64) {
        let bucket = self.buckets.of(edge);
        let (before, place) = (self.before[bucket], places[bucket]);
        if !self.opened[bucket] {
            // Empty, then.
            return before;
        }
        let less = |values: &[f64], n: u32| values[..n as usize].partition_point(|value| *value < edge) as u64;
        let (n, m) = (self.a.counts[bucket], self.b.counts[bucket]);
        (before.0 + less(&self.inside.0[place.0..], n), before.1 + less(&self.inside.1[place.1..], m))
    }
}

#[cfg(test)]
mod tests;
