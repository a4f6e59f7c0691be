//! Files of a monitor that are not like its reference: other kinds, other levels, other segments.

use super::Place;
use super::columnar::{batch, write};
use arrow::array::*;
use signalbox_drift::gather::Counts;
use signalbox_drift::monitor::{CellColumn, Definition, FileCells, Labels, Reference, Task, fill_file};
use signalbox_drift::read::{Options, Problems, Table};
use std::path::Path;
use std::sync::Arc;

fn table(path: &Path) -> Table {
    Table::open(path, &Options::default()).expect("a table")
}

fn frozen(path: &Path, definition: &Definition) -> Reference {
    Reference::freeze(&table(path), definition, &mut Problems::default())
}

fn filled(path: &Path, reference: &Reference, definition: &Definition) -> FileCells {
    let labels = (&Task::default(), &Labels::default());
    fill_file(&table(path), path, reference, definition, labels, &mut Problems::default())
}

/// The first column of all rows.
fn first(path: &Path, reference: &Reference) -> CellColumn {
    let found = filled(path, reference, &Definition::default());
    let mut sum = CellColumn::empty(reference.columns[0].bins.n());
    found.cells.iter().for_each(|(_, _, cell)| sum.add(&cell.columns[0]));
    sum
}

#[test]
fn times_are_no_numbers_and_nulls_are_nulls_of_any_type() {
    let place = Place::new();
    let put = |name: &str, x: ArrayRef| {
        let path = place.path(name);
        write(&path, &[batch(vec![("x", x)])]);
        path
    };
    let numbers = put("reference.parquet", Arc::new(Float64Array::from_iter_values((0..200).map(f64::from))));
    let reference = frozen(&numbers, &Definition::default());
    let times = put("times.parquet", Arc::new(TimestampMillisecondArray::from(vec![Some(1000), None, Some(2000)])));
    // Without a time a row is in no hour: the one column of times is that.
    assert_eq!(first(&times, &reference).counts, Counts { rows: 2, mismatched: 2, ..Counts::default() });
    let nothing = put("nothing.parquet", Arc::new(NullArray::new(3)));
    assert_eq!(first(&nothing, &reference).counts, Counts { rows: 3, nulls: 3, ..Counts::default() });
    let days = place.put("days.csv", "x\n1970-01-02\n1970-01-03\n");
    assert_eq!(first(&days, &reference).counts, Counts { rows: 2, mismatched: 2, ..Counts::default() });
}

fn levels(n: usize, each: usize) -> String {
    let rows: Vec<String> = (0..n * each).map(|row| format!("k{}\n", row % n)).collect();
    format!("k\n{}", rows.concat())
}

#[test]
fn levels_that_have_no_bin_are_not_new_to_a_reference_that_has_more() {
    let place = Place::new();
    let of = |n: usize| frozen(&place.put(&format!("{n}.csv"), levels(n, 10)), &Definition::default());
    let current = place.put("current.csv", format!("{}never\n", levels(500, 2)));
    let (many, few) = (of(500), of(200));
    assert!(many.columns[0].has_others && !few.columns[0].has_others);
    let found = first(&current, &many);
    assert_eq!((found.bins[200], found.new_levels.len()), (601, 0));
    let found = first(&current, &few);
    assert_eq!((found.bins[200], found.new_levels.len()), (601, 16));
}

#[test]
fn a_long_level_is_found_in_its_bin() {
    let place = Place::new();
    let (long, other) = ("x".repeat(2000), "y".repeat(2000));
    let text = |levels: [&str; 2]| format!("k\n{}", format!("{}\n{}\n", levels[0], levels[1]).repeat(60));
    let reference = frozen(&place.put("reference.csv", text([&long, "short"])), &Definition::default());
    assert!(reference.columns[0].has_long_levels());
    let found = first(&place.put("current.csv", text([&long, &other])), &reference);
    assert_eq!(found.bins.iter().sum::<u64>(), 120);
    assert_eq!((found.bins[2], found.new_levels.into_iter().collect::<Vec<_>>()), (60, vec![("y".repeat(200), 60)]));
}

#[test]
fn segments_are_the_references_in_each_file() {
    let place = Place::new();
    let definition = Definition { segment: Some("region".into()), ..Definition::default() };
    let row = |region: usize| format!("{region}.5,r{region:02}\n");
    // The more rows the later the name: ten regions are too small.
    let rows: String = (0..60).flat_map(|region| std::iter::repeat_n(row(region), region + 1)).collect();
    let reference = frozen(&place.put("reference.csv", format!("x,region\n{rows}")), &definition);
    assert_eq!(reference.segments.len(), 51);
    assert_eq!(
        (reference.segment_of("r10"), reference.segment_of("r09"), reference.segment_of("new")),
        ("r10", "others", "others")
    );
    assert_eq!((reference.of(Some("others")).rows, reference.of(Some("r10")).rows), (55, 11));
    let names = |order: &[usize]| {
        let rows: String = order.iter().map(|region| row(*region)).collect();
        let found = filled(&place.put("current.csv", format!("x,region\n{rows},\n")), &reference, &definition);
        found.cells.into_iter().map(|(_, name, cell)| (name, cell.rows)).collect::<Vec<(String, u64)>>()
    };
    let (forth, back): (Vec<usize>, Vec<usize>) = ((0..60).collect(), (0..60).rev().collect());
    assert_eq!(names(&forth), names(&back));
    assert_eq!((names(&forth).len(), names(&forth)[0].clone()), (51, ("others".to_owned(), 11)));
}

#[test]
fn without_labels_predictions_tell_what_is_asked_for() {
    let place = Place::new();
    let of = |n: usize| {
        let rows: Vec<String> = (0..100).map(|row| format!("{}.5\n", row % n)).collect();
        let path = place.put("reference.csv", format!("said\n{}", rows.concat()));
        let definition =
            Definition { prediction: Some("said".into()), label: Some("later".into()), ..Definition::default() };
        Task::of(&definition, &table(&path)).is_regression
    };
    assert_eq!((of(3), of(60)), (false, true));
}
