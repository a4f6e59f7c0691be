//! Cells add up, however the rows are cut; and their numbers are those of the exact comparison, as far as bins go.

use super::Place;
use super::compared::judged;
use proptest::prelude::*;
use signalbox_drift::monitor::{Cell, Definition, Labels, Reference, Task, fill_file, window};
use signalbox_drift::pair::gathered;
use signalbox_drift::read::{Options, Problems, Table};
use signalbox_drift::verdict::Rule;
use std::collections::BTreeMap;

fn text(rows: &[(u32, i32, u8)]) -> String {
    let mut out = "t,x,k\n".to_owned();
    for (minutes, x, k) in rows {
        let (day, hour, minute) = (1 + minutes / 1440, minutes / 60 % 24, minutes % 60);
        let x = match x {
            0..=3 => String::new(),
            4 => "nan".into(),
            5 => "inf".into(),
            x => format!("{}", f64::from(*x) / 8.0),
        };
        out.push_str(&format!("2026-03-{day:02} {hour:02}:{minute:02},{x},k{k}\n"));
    }
    out
}

fn definition() -> Definition {
    Definition { time: Some("t".into()), ..Definition::default() }
}

fn frozen(table: &Table) -> Reference {
    Reference::freeze(table, &definition(), &mut Problems::default())
}

type Cells = BTreeMap<(i64, String), Cell>;

fn cells(place: &Place, name: &str, rows: &[(u32, i32, u8)], reference: &(Reference, Task), to: &mut Cells) {
    let path = place.put(name, text(rows));
    let table = Table::open(&path, &Options::default()).expect("a table");
    let labels = Labels::default();
    let found =
        fill_file(&table, &path, &reference.0, &definition(), (&reference.1, &labels), &mut Problems::default());
    assert_eq!(found.n_timeless, 0);
    for (hour, segment, cell) in found.cells {
        to.entry((hour, segment)).or_insert_with(|| Cell::empty(&reference.0)).add(&cell);
    }
}

fn of_reference(place: &Place, rows: &[(u32, i32, u8)]) -> (Reference, Task) {
    let table = Table::open(&place.put("reference.csv", text(rows)), &Options::default()).expect("a table");
    (frozen(&table), Task::of(&definition(), &table))
}

/// Counts are equal; sums of the same numbers in another order are nearly so.
fn are_alike(a: &Cells, b: &Cells) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (x, y) in a.values().zip(b.values()) {
        prop_assert_eq!(x.rows, y.rows);
        for (x, y) in x.columns.iter().zip(&y.columns) {
            prop_assert_eq!((x.counts, &x.bins, &x.new_levels), (y.counts, &y.bins, &y.new_levels));
            prop_assert_eq!((x.min, x.max), (y.min, y.max));
            prop_assert!((x.sum - y.sum).abs() <= 1e-9 * (1.0 + x.sum.abs()), "{} {}", x.sum, y.sum);
            prop_assert!((x.squares - y.squares).abs() <= 1e-9 * (1.0 + x.squares), "{} {}", x.squares, y.squares);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_of_parts_are_the_cells_of_the_whole(
        rows in prop::collection::vec((0_u32..3000, 0_i32..400, 0_u8..5), 1..300),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let place = Place::new();
        let before: Vec<(u32, i32, u8)> = (0..400).map(|at| (at, (at * 37 % 390) as i32, (at % 4) as u8)).collect();
        let reference = of_reference(&place, &before);
        let mut whole = Cells::new();
        // The kinds of a file of few rows are its own: the same first row in each keeps them what they are.
        let first = (0, 100, 0);
        let with = |rows: &[(u32, i32, u8)]| std::iter::once(first).chain(rows.iter().copied()).collect::<Vec<_>>();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len())).collect();
        ends.sort_unstable();
        ends.dedup();
        ends.push(rows.len());
        let (mut parts, mut from, mut all) = (Cells::new(), 0, Vec::new());
        for (at, end) in ends.iter().enumerate() {
            let part = with(&rows[from..*end]);
            cells(&place, &format!("part{at}.csv"), &part, &reference, &mut parts);
            all.extend(part);
            from = *end;
        }
        cells(&place, "whole.csv", &all, &reference, &mut whole);
        are_alike(&whole, &parts)?;
    }
}

#[test]
fn binned_numbers_are_bounds_of_the_exact_ones() {
    let place = Place::new();
    let of = |n: u32, shift: i32| -> Vec<(u32, i32, u8)> {
        (0..n)
            .map(|at| {
                (at % 2800, 6 + (at * 7919 % 3001) as i32 + shift, ((at * 31 % 100) / (25 + shift as u32 / 100)) as u8)
            })
            .collect()
    };
    for shift in [0, 60, 300, 900] {
        let (before, after) = (of(5000, 0), of(2000, shift));
        let reference = of_reference(&place, &before);
        let mut found = Cells::new();
        cells(&place, "current.csv", &after, &reference, &mut found);
        let mut sum = Cell::empty(&reference.0);
        found.values().for_each(|cell| sum.add(cell));
        let binned = window(&reference.0, &reference.0.whole(), &sum, &Rule::default());
        let exact = |name: &str| {
            let of = |file: &str| {
                let table = Table::open(&place.path(file), &Options::default()).expect("a table");
                gathered(&table, &[table.column(name).expect("a column")]).0.remove(0)
            };
            judged(name, of("reference.csv"), of("current.csv"))
        };
        for column in &binned.columns {
            let (got, exact) = (&column.report, exact(&column.report.name));
            let both = |test: &str| {
                let of = |report: &signalbox_drift::pair::ColumnReport| report.tests[test].statistic.expect("a number");
                (of(got), of(&exact))
            };
            for test in ["psi", "js", "hellinger"] {
                let (a, b) = both(test);
                assert!((a - b).abs() <= 1e-12, "{} {test} {shift}: {a} for {b}", got.name);
            }
            if got.name == "k" {
                assert_eq!(both("chi2").0, both("chi2").1);
            } else {
                let ((d, exact_d), (w, exact_w)) = (both("ks"), both("wasserstein_std"));
                // No bin holds more than a tenth of the reference; forty of them are as wide as a deviation's tenth.
                assert!(d <= exact_d + 1e-12 && exact_d - d <= 0.1, "ks {shift}: {d} for {exact_d}");
                assert!((w - exact_w).abs() <= 0.02 + 0.05 * exact_w, "wasserstein {shift}: {w} for {exact_w}");
            }
            assert_eq!(got.verdict, exact.verdict, "{} {shift}", got.name);
        }
    }
}
