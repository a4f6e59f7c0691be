//! How often our verdicts cry wolf, and what they find: a reference of 5,000 rows, windows of 50 to 5,000, our own
//! defaults. The table of docs/drift.md is what `cargo test -p signalbox-drift --test calibration -- --nocapture` prints.

use arrow::array::{ArrayRef, Float64Array, StringArray};
use signalbox_drift::gather::Gathered;
use signalbox_drift::monitor::{Bins, Cell, FrozenColumn, Reference, window};
use signalbox_drift::pair::{ColumnPair, Report, Side, Wanted, compare_columns};
use signalbox_drift::read::Kind;
use signalbox_drift::verdict::{Rule, Verdict};
use std::sync::Arc;

/// SplitMix64, and Box and Muller's normal numbers: the same everywhere.
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn normals(&mut self, n: usize, mean: f64) -> Gathered {
        column(Kind::Numeric, Arc::new((0..n).map(|_| Some(mean + self.normal())).collect::<Float64Array>()))
    }

    /// One of the levels for each row, as often as the shares say.
    fn levels(&mut self, n: usize, shares: &[f64]) -> Gathered {
        let names: Vec<String> = (0..shares.len()).map(|at| format!("level {at}")).collect();
        let rows = (0..n).map(|_| Some(&*names[self.level(shares)]));
        column(Kind::Categorical, Arc::new(rows.collect::<StringArray>()))
    }

    fn level(&mut self, shares: &[f64]) -> usize {
        let mut left = self.unit();
        let is_it = |share: &f64| {
            left -= share;
            left < 0.0
        };
        shares.iter().position(is_it).unwrap_or(shares.len() - 1)
    }
}

fn column(kind: Kind, array: ArrayRef) -> Gathered {
    let mut found = Gathered::new(kind, None);
    found.add(Some(&array), array.len());
    found
}

fn verdicts(pairs: Vec<(Gathered, Gathered)>) -> Vec<Verdict> {
    let of = |(at, (reference, current)): (usize, (Gathered, Gathered))| {
        let physical = (String::new(), String::new());
        compare_columns(ColumnPair { name: format!("c{at}"), reference, current, physical }, &Wanted::default())
    };
    let columns = pairs.into_iter().enumerate().map(of).collect();
    let side = || Side { path: String::new(), files: 1, dialect: None };
    let report = Report::judged(side(), side(), columns, Rule::default(), Vec::new());
    report.columns.iter().map(|column| column.verdict).collect()
}

const SIZES: [usize; 5] = [50, 100, 300, 1000, 5000];
const REFERENCE: usize = 5000;

/// Per cent of the trials that end in drift, for each size of the window; below the least number of rows all have to say
/// that they are too few.
fn shares(what: &str, trials: usize, mut trial: impl FnMut(usize, u64) -> Vec<Verdict>) -> [f64; 5] {
    let found = SIZES.map(|size| {
        let mut n_drift = 0;
        for at in 0..trials {
            let verdicts = trial(size, (at as u64) << 20 | size as u64);
            if (size as u64) < Rule::default().min_rows {
                assert!(verdicts.iter().all(|v| *v == Verdict::TooFewRows), "{what}, {size}: {verdicts:?}");
            }
            n_drift += usize::from(verdicts.contains(&Verdict::Drift));
        }
        100.0 * n_drift as f64 / trials as f64
    });
    let cells: Vec<String> = found.iter().map(|share| format!("{share:.1}")).collect();
    println!("| {what} | {} |", cells.join(" | "));
    found
}

const TRIALS: usize = 400;

#[test]
fn numbers_that_have_not_moved_are_hardly_ever_called_drift() {
    let found = shares("no drift, N(0, 1)", TRIALS, |size, seed| {
        let mut chance = Chance(seed);
        verdicts(vec![(chance.normals(REFERENCE, 0.0), chance.normals(size, 0.0))])
    });
    assert!(found.iter().all(|share| *share <= 1.0), "{found:?}");
}

#[test]
fn a_shift_of_three_tenths_of_a_deviation_is_found() {
    let found = shares("0.3 deviations moved", TRIALS, |size, seed| {
        let mut chance = Chance(!seed);
        verdicts(vec![(chance.normals(REFERENCE, 0.0), chance.normals(size, 0.3))])
    });
    // Below the least number of rows nothing is claimed; above, no less than this.
    for (share, floor) in found.iter().zip([0.0, 45.0, 92.0, 100.0, 100.0]) {
        assert!(*share >= floor, "{found:?}");
    }
}

const LEVELS: [f64; 6] = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04];
const MOVED: [f64; 6] = [0.25, 0.25, 0.2, 0.14, 0.1, 0.06];

#[test]
fn levels_are_called_drift_when_they_move_and_hardly_ever_else() {
    let of = |what: &str, before: &[f64], after: &[f64], trials: usize| {
        shares(what, trials, |size, seed| {
            let mut chance = Chance(seed ^ 0x5555);
            verdicts(vec![(chance.levels(REFERENCE, before), chance.levels(size, after))])
        })
    };
    let same = of("no drift, 6 levels", &LEVELS, &LEVELS, TRIALS);
    let two = of("no drift, 2 levels (0.7, 0.3)", &[0.7, 0.3], &[0.7, 0.3], TRIALS);
    let rare = of("no drift, 2 levels (0.99, 0.01)", &[0.99, 0.01], &[0.99, 0.01], TRIALS);
    assert!([same, two, rare].iter().flatten().all(|share| *share <= 1.0), "{same:?} {two:?} {rare:?}");
    let moved = of("6 levels moved (total variation 0.15)", &LEVELS, &MOVED, TRIALS);
    let other = of("2 levels moved (0.7 to 0.55)", &[0.7, 0.3], &[0.55, 0.45], TRIALS);
    for (share, floor) in moved.iter().zip([0.0, 35.0, 85.0, 95.0, 100.0]) {
        assert!(*share >= floor, "{moved:?}");
    }
    for (share, floor) in other.iter().zip([0.0, 55.0, 80.0, 85.0, 95.0]) {
        assert!(*share >= floor, "{other:?}");
    }
}

#[test]
fn rare_levels_are_hardly_ever_called_drift() {
    // A tail of levels so rare that Pearson's limit does not hold: these are permuted, which takes its time.
    let tail: Vec<f64> = std::iter::once(0.9).chain(std::iter::repeat_n(0.1 / 24.0, 24)).collect();
    let found = shares("no drift, 25 levels, 24 of them rare", 40, |size, seed| {
        let mut chance = Chance(seed ^ 0x3333);
        verdicts(vec![(chance.levels(REFERENCE, &tail), chance.levels(size, &tail))])
    });
    assert!(found.iter().all(|share| *share <= 2.5), "one of 40 at most: {found:?}");
}

#[test]
fn windows_of_rare_levels_are_hardly_ever_called_drift() {
    // Each level is as rare as its place says (Zipf): most of them a window of a monitor does not have.
    let all: f64 = (1..=200).map(|at| 1.0 / f64::from(at)).sum();
    let zipf: Vec<f64> = (1..=200).map(|at| 1.0 / f64::from(at) / all).collect();
    let frozen = FrozenColumn {
        name: "city".into(),
        kind: Kind::Categorical,
        physical: "string".into(),
        bins: Bins::Levels((0..zipf.len()).map(|at| format!("level {at}")).collect()),
        has_others: false,
        moments: None,
        kll: Vec::new(),
        hll: Vec::new(),
    };
    let n_rows = REFERENCE as u64;
    let reference = Reference { columns: vec![frozen], parts: Vec::new(), segments: Vec::new(), n_rows };
    let found = shares("no drift, window of a monitor, 200 levels", 40, |size, seed| {
        let mut chance = Chance(seed ^ 0x7777);
        let mut counted = |n: usize| {
            let mut cell = Cell::empty(&reference);
            (cell.rows, cell.columns[0].counts.rows) = (n as u64, n as u64);
            (0..n).for_each(|_| cell.columns[0].bins[chance.level(&zipf)] += 1);
            cell
        };
        let (whole, cell) = (counted(REFERENCE), counted(size));
        let columns = window(&reference, &whole, &cell, &Rule::default()).columns;
        columns.iter().map(|column| column.report.verdict).collect()
    });
    assert!(found.iter().all(|share| *share <= 2.5), "one of 40 at most: {found:?}");
}

/// Twenty columns each: 400 tables would be 8,000 columns of each size.
const OF_TABLES: usize = 40;

#[test]
fn of_twenty_columns_hardly_ever_one_is_called_drift() {
    // One reference for all trials of a size: a table is compared with many windows.
    let mut chance = Chance(20);
    let references: Vec<Gathered> = (0..20).map(|_| chance.normals(REFERENCE, 0.0)).collect();
    let trial = |size: usize, seed: u64, moved: f64| {
        let mut chance = Chance(seed ^ 0x2020);
        let of = |(at, reference): (usize, &Gathered)| {
            (reference.clone(), chance.normals(size, if at == 0 { moved } else { 0.0 }))
        };
        verdicts(references.iter().enumerate().map(of).collect())
    };
    let none = shares("no drift, any of 20 columns", OF_TABLES, |size, seed| trial(size, seed, 0.0));
    assert!(none.iter().all(|share| *share <= 2.5), "one of 40 at most: {none:?}");
    let found = shares("0.3 deviations, in one of 20 columns", OF_TABLES, |size, seed| {
        trial(size, seed, 0.3).into_iter().take(1).collect()
    });
    for (share, floor) in found.iter().zip([0.0, 5.0, 70.0, 100.0, 100.0]) {
        assert!(*share >= floor, "{found:?}");
    }
}
