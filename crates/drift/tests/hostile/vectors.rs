//! Columns of embeddings: lists of numbers that are all as long.

use super::Place;
use super::columnar::{batch, write};
use arrow::array::{ArrayRef, FixedSizeListArray, ListArray};
use arrow::datatypes::Float64Type;
use signalbox_drift::pair::{ColumnReport, Wanted, compare_tables};
use signalbox_drift::quality::RandomState;
use signalbox_drift::read::{Options, Table};
use signalbox_drift::verdict::Verdict;
use std::ops::ControlFlow;
use std::sync::Arc;

type Row = Option<Vec<Option<f64>>>;

/// About normal: the sum of twelve even numbers.
fn normal(random: &mut RandomState) -> f64 {
    (0..12).map(|_| f64::from(random.next_u32()) / 4_294_967_296.0).sum::<f64>() - 6.0
}

fn rows(random: &mut RandomState, n: usize, of: impl Fn(&mut RandomState) -> Vec<f64>) -> Vec<Row> {
    (0..n).map(|_| Some(of(random).into_iter().map(Some).collect())).collect()
}

fn even(width: usize) -> impl Fn(&mut RandomState) -> Vec<f64> {
    move |random| (0..width).map(|_| normal(random)).collect()
}

fn compared(reference: Vec<Row>, current: Vec<Row>) -> ColumnReport {
    let place = Place::new();
    let put = |name: &str, rows: Vec<Row>| {
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows));
        write(&place.path(name), &[batch(vec![("v", lists)])]);
        Table::open(&place.path(name), &Options::default()).expect("a table")
    };
    let (a, b) = (put("a.parquet", reference), put("b.parquet", current));
    let found = compare_tables(&a, &b, &Wanted::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped");
    found.columns.into_iter().next().expect("a column")
}

fn area(report: &ColumnReport) -> f64 {
    report.tests["auroc:vectors"].statistic.expect("a number")
}

#[test]
fn a_moved_direction_is_drift_and_both_tests_say_so() {
    let mut random = RandomState::seeded(1);
    let before = rows(&mut random, 1500, even(16));
    let after = rows(&mut random, 1200, |random| {
        let mut vector = even(16)(random);
        vector[3] += 1.0;
        vector
    });
    let found = compared(before, after);
    assert_eq!((found.verdict, found.by), (Verdict::Drift, Some("auroc:vectors")), "{}", found.says);
    // Two normal values a deviation apart: the best that can be is Φ(1/√2) = 0.76.
    assert!((0.68..0.78).contains(&area(&found)), "{}", area(&found));
    let of = |name: &str| &found.tests[name];
    let [low, high] = of("auroc:vectors").interval.expect("an interval");
    assert!(low < area(&found) && area(&found) < high && high - low < 0.08, "{low} {high}");
    assert_eq!((of("mmd:vectors").n, of("mmd:vectors").p_value), ([1000, 1000], Some(0.005)));
    assert_eq!(of("ks:length").n, [1500, 1200]);
}

/// Each place of the vector is as before, and all items together too.
#[test]
fn places_that_go_together_now_are_drift() {
    let mut random = RandomState::seeded(2);
    let before = rows(&mut random, 800, even(4));
    let after = rows(&mut random, 800, |random| {
        let x = normal(random);
        vec![x, x, normal(random), normal(random)]
    });
    let found = compared(before, after);
    let items = found.tests["wasserstein_std:items"].statistic.expect("a number");
    assert!(items < 0.05, "items alone see nothing: {items}");
    assert_eq!(found.verdict, Verdict::Drift, "{}", found.says);
    assert!(area(&found) > 0.7 && found.tests["mmd:vectors"].p_value == Some(0.005), "{:?}", found.tests);
}

#[test]
fn the_same_vectors_are_seldom_taken_for_drift() {
    let mut random = RandomState::seeded(3);
    let (mut n_drift, mut n_far) = (0, 0);
    for n in [150, 300, 600] {
        for _ in 0..20 {
            let before = rows(&mut random, 600, even(6));
            let after = rows(&mut random, n, even(6));
            let found = compared(before, after);
            n_drift += u32::from(found.verdict == Verdict::Drift);
            n_far += u32::from(found.tests["mmd:vectors"].p_value < Some(0.05));
        }
    }
    assert!(n_drift <= 1, "{n_drift} of 60");
    // One of twenty by its own definition: three of sixty, and not more than nine but once in a thousand.
    assert!((1..=9).contains(&n_far), "{n_far} of 60");
}

#[test]
fn other_lengths_and_uneven_lists_are_told_by_their_lengths() {
    let mut random = RandomState::seeded(4);
    let before = rows(&mut random, 200, even(4));
    let found = compared(before.clone(), rows(&mut random, 200, even(5)));
    assert_eq!((found.verdict, found.by), (Verdict::Drift, Some("wasserstein_std:length")), "{}", found.says);
    assert!(!found.tests.contains_key("auroc:vectors"));
    let mut uneven = before.clone();
    uneven[7] = Some(vec![Some(1.0)]);
    assert!(!compared(before, uneven).tests.contains_key("mmd:vectors"));
}

#[test]
fn vectors_that_lack_something_are_left_out() {
    let mut random = RandomState::seeded(5);
    let before = rows(&mut random, 200, even(3));
    let mut after = before.clone();
    for at in 0..20 {
        let vector = after[at * 3].as_mut().expect("a vector");
        vector[1] = [None, Some(f64::NAN), Some(f64::INFINITY)][at % 3];
    }
    after[199] = None;
    let found = compared(before, after);
    assert_eq!(found.tests["auroc:vectors"].n, [200, 179]);
    assert_eq!(found.verdict, Verdict::NoDrift, "{}", found.says);
}

/// No place is passed over, however long the vectors are.
#[test]
fn one_place_of_hundreds_is_enough() {
    let mut random = RandomState::seeded(7);
    let before = rows(&mut random, 400, even(300));
    let after = rows(&mut random, 400, |random| {
        let mut vector = even(300)(random);
        vector[251] += 2.0;
        vector
    });
    let found = compared(before, after);
    assert_eq!((found.verdict, found.by), (Verdict::Drift, Some("auroc:vectors")), "{}", found.says);
}

/// As numpy and Arrow write embeddings.
#[test]
fn lists_of_a_fixed_size_are_vectors_too() {
    let place = Place::new();
    let mut random = RandomState::seeded(6);
    let lists = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(rows(&mut random, 200, even(3)), 3);
    write(&place.path("v.parquet"), &[batch(vec![("v", Arc::new(lists))])]);
    let table = Table::open(&place.path("v.parquet"), &Options::default()).expect("a table");
    let found =
        compare_tables(&table, &table, &Wanted::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped");
    let tests = &found.columns[0].tests;
    assert!(tests["auroc:vectors"].statistic < Some(0.6) && tests["mmd:vectors"].p_value > Some(0.5), "{tests:?}");
}
