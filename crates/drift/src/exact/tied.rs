//! Two large samples of few values, as counts and codes are: each value once, with how often either sample has it.

use super::{Compared, ranks_of};
use crate::quantile::between;
use crate::special::Sum;
use crate::test::{Furthest, Ks};
use std::ops::Range;

/// More values than these are no few.
const MAX_VALUES: usize = 4096;
const SLOTS: usize = 4 * MAX_VALUES;
/// So many values tell whether there are few.
const SAMPLE: usize = 4096;

/// `None` where there are more than [`MAX_VALUES`].
pub fn compare(reference: &[f64], current: &[f64], at: &[f64]) -> Option<Compared> {
    if !seem_few(reference) || !seem_few(current) {
        return None;
    }
    let mut table = Table { keys: vec![0; SLOTS], counts: vec![(0, 0); SLOTS], n: 0 };
    table.add(reference, |n| &mut n.0)?;
    table.add(current, |n| &mut n.1)?;
    Some(Values::of(&table).compared(at, (reference.len(), current.len())))
}

fn seem_few(values: &[f64]) -> bool {
    let stride = (values.len() / SAMPLE).max(1);
    let mut some: Vec<u64> = values.iter().step_by(stride).map(|value| key(*value)).collect();
    let n = some.len();
    some.sort_unstable();
    some.dedup();
    some.len() * 8 <= n
}

/// −0 is 0.
fn key(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// Open addressing: a slot without rows is free.
struct Table {
    keys: Vec<u64>,
    counts: Vec<(u64, u64)>,
    n: usize,
}

impl Table {
    fn add(&mut self, values: &[f64], side: impl Fn(&mut (u64, u64)) -> &mut u64) -> Option<()> {
        for value in values {
            let key = key(*value);
            // Fibonacci hashing: the upper bits of the product are mixed; whole numbers have no others in their keys.
            let mut slot = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SLOTS.ilog2())) as usize;
            loop {
                if self.counts[slot] == (0, 0) {
                    if self.n == MAX_VALUES {
                        return None;
                    }
                    self.n += 1;
                    self.keys[slot] = key;
                    break;
                }
                if self.keys[slot] == key {
                    break;
                }
                slot = (slot + 1) % SLOTS;
            }
            *side(&mut self.counts[slot]) += 1;
        }
        Some(())
    }
}

/// Ascending; each with how many of either sample are less, and at the end all of them.
struct Values {
    values: Vec<f64>,
    before: Vec<(u64, u64)>,
}

impl Values {
    fn of(table: &Table) -> Values {
        let there = table.keys.iter().zip(&table.counts).filter(|(_, counts)| **counts != (0, 0));
        let mut all: Vec<(f64, (u64, u64))> = there.map(|(key, counts)| (f64::from_bits(*key), *counts)).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut values, mut before) = (Vec::with_capacity(all.len()), vec![(0, 0)]);
        let mut sum = (0, 0);
        for (value, (x, y)) in all {
            values.push(value);
            sum = (sum.0 + x, sum.1 + y);
            before.push(sum);
        }
        Values { values, before }
    }

    fn compared(&self, at: &[f64], rows: (usize, usize)) -> Compared {
        let apart = |n: (u64, u64)| n.0 as f64 / rows.0 as f64 - n.1 as f64 / rows.1 as f64;
        let mut area = Sum::default();
        let mut furthest = Furthest::default();
        for (place, value) in self.values.iter().enumerate() {
            let here = apart(self.before[place + 1]);
            furthest.see(here, *value);
            if let Some(next) = self.values.get(place + 1) {
                area.add(here.abs() * (next - value));
            }
        }
        // The value of a rank of the reference: the last before which there are no more.
        let value = |rank: u64| self.values[self.before.partition_point(|n| n.0 <= rank) - 1];
        let quantile = |at: &f64| {
            let ranks: Range<u64> = ranks_of(*at, rows.0);
            between(value(ranks.start), value(ranks.end - 1), *at, rows.0)
        };
        let quantiles: Vec<f64> = at.iter().map(quantile).collect();
        let below = |edge: &f64| self.before[self.values.partition_point(|value| value < edge)];
        Compared {
            ks: Ks::of(furthest, rows.0, rows.1),
            wasserstein: area.total(),
            below: quantiles.iter().map(below).collect(),
            quantiles,
        }
    }
}
