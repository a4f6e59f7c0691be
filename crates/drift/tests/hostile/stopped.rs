//! Who has seen enough of a large file does not wait for its end.

use super::Place;
use signalbox_drift::pair::{Progress, Wanted, compare_tables};
use signalbox_drift::profile::{Looked, profile};
use signalbox_drift::read::{Options, Table};
use std::ops::ControlFlow;

#[test]
fn a_look_is_stopped_while_its_first_file_is_read() {
    let place = Place::new();
    let lines: String = (0..400_000).map(|at| format!("{at},{}\n", at % 7)).collect();
    let table = Table::open(&place.put("long.csv", format!("x,y\n{lines}")), &Options::default()).expect("a table");
    let mut calls = Vec::new();
    let mut enough = |at: Progress| {
        calls.push(at.columns_done);
        if calls.len() < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    assert!(profile(&table, &Looked::default(), &mut enough).is_none());
    // Within the columns' own reading: none of them was done.
    assert_eq!(calls, [0, 0, 0]);
    calls.clear();
    let mut enough = |at: Progress| {
        calls.push(at.columns_done);
        ControlFlow::Break(())
    };
    assert!(compare_tables(&table, &table, &Wanted::default(), &mut enough).is_none());
    assert!(!calls.is_empty() && calls.iter().all(|done| *done == 0), "{calls:?}");
}
