//! More levels than are kept, and what a frozen reference knows of values that it does not keep.

use super::Place;
use super::columnar::{batch, write};
use arrow::array::*;
use signalbox_drift::monitor::{Definition, Reference};
use signalbox_drift::profile::{ColumnProfile, Looked, profile};
use signalbox_drift::read::{Options, Problems, Table};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

fn table(path: &Path) -> Table {
    Table::open(path, &Options::default()).expect("a table")
}

fn profiled(place: &Place, levels: impl Iterator<Item = String>) -> ColumnProfile {
    let path = place.path("levels.parquet");
    write(&path, &[batch(vec![("k", Arc::new(StringArray::from_iter_values(levels)))])]);
    let found = profile(&table(&path), &Looked::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped");
    found.columns.into_iter().next().expect("a column")
}

#[test]
fn levels_are_counted_as_far_as_they_are_kept_and_estimated_beyond() {
    let place = Place::new();
    let exact = profiled(&place, (0..200_000).map(|at| format!("k{}", at % 100_000)));
    assert_eq!((exact.distinct, exact.distinct_error), (Some(100_000), None));
    assert!(exact.remarks.is_empty(), "{:?}", exact.remarks);
    let more = profiled(&place, (0..400_000).map(|at| format!("k{}", at % 150_000)));
    let (n, error) = (more.distinct.expect("an estimate") as f64, more.distinct_error.expect("its error"));
    assert_eq!(error, 0.016_25);
    assert!(n != 150_000.0 && (n / 150_000.0 - 1.0).abs() < 3.0 * error, "{n}");
    assert!(more.remarks.iter().any(|said| said.contains("± 1.6 %")), "{:?}", more.remarks);
    let ids = profiled(&place, (0..150_000).map(|at| format!("k{at}")));
    assert!(ids.remarks.iter().any(|said| said.starts_with("Nearly each row")), "{:?}", ids.remarks);
}

fn frozen(path: &Path) -> Reference {
    Reference::freeze(&table(path), &Definition::default(), &mut Problems::default())
}

#[test]
fn a_reference_knows_quantiles_and_distinct_values_and_has_the_same_name_each_time() {
    let place = Place::new();
    let path = place.path("reference.parquet");
    let put = |factor: f64| {
        let x = (0..60_000).map(|at| f64::from(at * 7919 % 60_000) * factor);
        let whole = (0..60_000).map(|at| i64::from(at % 9000));
        let k = (0..60_000).map(|at| format!("k{}", at % 50));
        write(
            &path,
            &[batch(vec![
                ("x", Arc::new(Float64Array::from_iter_values(x))),
                ("n", Arc::new(Int64Array::from_iter_values(whole))),
                ("k", Arc::new(StringArray::from_iter_values(k))),
            ])],
        );
        frozen(&path)
    };
    let (first, again) = (put(1.0), frozen(&path));
    let [x, n, k] = &first.columns[..] else { panic!("three columns") };
    let median = x.quantiles(&[0.5]).expect("numbers")[0];
    assert!((median / 60_000.0 - 0.5).abs() < 0.03, "{median}");
    for (column, truth) in [(x, 60_000.0), (n, 9000.0), (k, 50.0)] {
        let found = column.distinct().expect("a sketch").n as f64;
        assert!((found / truth - 1.0).abs() < 0.05, "{}: {found}", column.name);
    }
    assert_eq!((k.quantiles(&[0.5]), k.kll.len()), (None, 0));
    // Chance keeps other values each time; the name is that of the data.
    assert_ne!(first.columns[0].kll, again.columns[0].kll);
    assert_eq!((&first.columns[2].hll, first.digest()), (&again.columns[2].hll, again.digest()));
    assert_ne!(put(1.01).digest(), first.digest());
    // What an engine makes of the same whole numbers.
    let mut engine = signalbox_drift::sketch::Hll::default();
    (0..60_000).for_each(|at| engine.whole(f64::from(at % 9000)));
    assert_eq!(n.hll, engine.to_bytes());
}
