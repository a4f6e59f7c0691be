//! What is usual: of a column by the reference's own stretches, of each bucket by the same hours of the weeks before.

use super::cell::Cell;
use super::frozen::Reference;
use super::timeline::{Band, Bucket, ColumnLine, QualityPoint};
use crate::distance::Pair;

const WEEK: i64 = 168;
/// With fewer weeks before it, nothing is said of an hour of the week.
const MIN_WEEKS: u64 = 4;
const DEVIATIONS: f64 = 3.0;

/// NannyML's way: what the reference's own stretches differ from all of it, mean and three deviations.
pub fn of_columns(reference: &Reference, whole: &Cell, rows: u64, columns: &mut [ColumnLine]) {
    if rows == 0 || reference.parts.is_empty() {
        return;
    }
    let per_part = (reference.n_rows / reference.parts.len() as u64).max(1);
    let n = ((rows / per_part).max(1) as usize).min(reference.parts.len() / 5);
    let stretches: Vec<Cell> = (reference.parts.chunks_exact(n.max(1)))
        .map(|parts| {
            let mut sum = Cell::empty(reference);
            parts.iter().for_each(|part| sum.add(part));
            sum
        })
        .filter(|cell| cell.rows > 0)
        .collect();
    for (at, line) in columns.iter_mut().enumerate() {
        let coarse = |cell: &Cell| reference.columns[at].bins.coarse(&cell.columns[at].bins);
        let all = coarse(whole);
        let apart: Vec<f64> = stretches
            .iter()
            .filter_map(|cell| Pair { reference: &all, current: &coarse(cell) }.jensen_shannon())
            .collect();
        let n = apart.len() as f64;
        if apart.len() >= 5 {
            let mean = apart.iter().sum::<f64>() / n;
            let std = (apart.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            let rows = stretches.iter().map(|cell| cell.rows).sum::<u64>() / stretches.len() as u64;
            line.band = Some(Band { mean, high: mean + DEVIATIONS * std, rows });
        }
    }
}

/// Fills in what is usual at each bucket: of its rows, of a column's distance, of the model's accuracy or error. Only where
/// a week is a whole number of buckets, and only from what lies before, so that a shift is seen when it comes.
pub fn of_hours(hours: i64, buckets: &mut [Bucket], columns: &mut [ColumnLine], quality: &mut [Option<QualityPoint>]) {
    if hours <= 0 || WEEK % hours != 0 {
        return;
    }
    let slots: Vec<usize> = buckets.iter().map(|bucket| (bucket.from.rem_euclid(WEEK) / hours) as usize).collect();
    let n_slots = (WEEK / hours) as usize;
    let mut rows = Weeks::of(n_slots);
    for (bucket, slot) in buckets.iter_mut().zip(&slots) {
        bucket.usual_rows = rows.usual(*slot, Spread::Counts, (0.0, f64::MAX));
        rows.add(*slot, bucket.rows as f64);
    }
    for line in columns {
        let mut js = Weeks::of(n_slots);
        for (point, slot) in line.points.iter_mut().zip(&slots) {
            let Some(point) = point else { continue };
            point.usual_js = js.usual(*slot, Spread::Absolute, (0.0, 1.0));
            point.js.into_iter().for_each(|value| js.add(*slot, value));
        }
    }
    let (mut accuracy, mut error) = (Weeks::of(n_slots), Weeks::of(n_slots));
    for (point, slot) in quality.iter_mut().zip(&slots) {
        let Some(point) = point else { continue };
        point.usual_accuracy = accuracy.usual(*slot, Spread::Absolute, (0.0, 1.0));
        point.usual_mae = error.usual(*slot, Spread::Absolute, (0.0, f64::MAX));
        point.accuracy.into_iter().for_each(|value| accuracy.add(*slot, value));
        point.mae.into_iter().for_each(|value| error.add(*slot, value));
    }
}

#[derive(Clone, Copy)]
enum Spread {
    /// As great in all hours.
    Absolute,
    /// A busy hour's is greater: its variance goes with its mean, as that of counts does.
    Counts,
}

/// The values so far by hour of the week (Welford's sums).
struct Weeks {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Weeks {
    fn of(n_slots: usize) -> Weeks {
        Weeks { slots: vec![Slot::default(); n_slots] }
    }

    fn add(&mut self, slot: usize, value: f64) {
        let slot = &mut self.slots[slot];
        slot.n += 1;
        let apart = value - slot.mean;
        slot.mean += apart / slot.n as f64;
        slot.squares += apart * (value - slot.mean);
    }

    /// The slot's mean and three deviations to either side, as far as the next value may lie. Four values tell little of
    /// their deviation: that of all slots from their own means is taken where it is greater.
    fn usual(&self, slot: usize, spread: Spread, (least, most): (f64, f64)) -> Option<(f64, f64)> {
        let own = self.slots[slot];
        if own.n < MIN_WEEKS {
            return None;
        }
        let unit = |slot: &Slot| match spread {
            Spread::Absolute => 1.0,
            Spread::Counts => slot.mean.sqrt(),
        };
        let (squares, free) = (self.slots.iter().filter(|slot| slot.n > 1 && unit(slot) > 0.0))
            .fold((0.0, 0), |(sum, n), slot| (sum + slot.squares / unit(slot).powi(2), n + slot.n - 1));
        let of_all = (squares / (free as f64).max(1.0)).sqrt() * unit(&own);
        let alone = (own.squares / (own.n - 1) as f64).sqrt();
        let reach = DEVIATIONS * alone.max(of_all) * (1.0 + 1.0 / own.n as f64).sqrt();
        Some(((own.mean - reach).clamp(least, most), (own.mean + reach).clamp(least, most)))
    }
}
