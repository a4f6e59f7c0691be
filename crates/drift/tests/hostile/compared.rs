//! Hostile columns beside an honest reference.

use signalbox_drift::gather::Gathered;
use signalbox_drift::pair::{ColumnPair, ColumnReport, Report, Side, Wanted, compare_columns, compare_tables};
use signalbox_drift::read::{Kind, Options, Table};
use signalbox_drift::verdict::{Rule, Verdict};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

pub fn column(kind: Kind, array: ArrayRef) -> Gathered {
    let mut found = Gathered::new(kind, None);
    found.add(Some(&array), array.len());
    found
}

pub fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> Gathered {
    column(Kind::Numeric, Arc::new(values.into_iter().collect::<Float64Array>()))
}

pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Gathered {
    column(Kind::Categorical, Arc::new(StringArray::from_iter_values(values)))
}

pub fn judged(name: &str, reference: Gathered, current: Gathered) -> ColumnReport {
    let physical = ("double".to_owned(), "double".to_owned());
    let pair = ColumnPair { name: name.into(), reference, current, physical };
    let column = compare_columns(pair, &Wanted::default());
    let side = || Side { path: String::new(), files: 1, dialect: None };
    let report = Report::judged(side(), side(), vec![column], Rule::default(), Vec::new());
    serde_json::to_string(&report).expect("a document");
    report.columns.into_iter().next().expect("one")
}

fn wave(n: u32) -> Gathered {
    numbers((0..n).map(|at| Some(f64::from(at * 7919 % 1000))))
}

#[test]
fn columns_without_values_are_told_by_what_they_hold_instead() {
    let nulls = || numbers((0..500).map(|_| None));
    let nans = || numbers((0..500).map(|_| Some(f64::NAN)));
    for (current, by) in [(nulls(), "nulls"), (nans(), "NaN")] {
        let found = judged("x", wave(500), current);
        assert_eq!((found.verdict, found.by), (Verdict::Drift, Some(by)), "{found:?}");
        let (name, value, p) = found.turned_on().expect("a rate");
        assert!(name == by && value == 1.0 && p < 1e-10, "{found:?}");
    }
    for same in [nulls, nans] {
        let found = judged("x", same(), same());
        assert!(matches!(found.verdict, Verdict::NotJudged | Verdict::TooFewRows), "{found:?}");
    }
}

#[test]
fn a_rate_that_drifts_is_what_the_verdict_turned_on() {
    let some = |every: u32| numbers((0..2000).map(move |at| (at % every != 0).then(|| f64::from(at * 7919 % 1000))));
    let found = judged("x", some(100), some(5));
    assert_eq!((found.verdict, found.by), (Verdict::Drift, Some("nulls")));
    assert!((found.turned_on().expect("a rate").1 - 0.19).abs() < 1e-9);
    let moved = judged("x", wave(1000), numbers((0..1000).map(|at| Some(f64::from(at) + 500.0))));
    assert_eq!(moved.by, Some("wasserstein_std"));
    assert_eq!(moved.turned_on().map(|on| on.1), moved.effect.map(|effect| effect.value));
}

#[test]
fn constants_single_rows_and_no_rows_have_a_verdict() {
    let constant = |value: f64| numbers((0..300).map(move |_| Some(value)));
    assert_eq!(judged("x", constant(3.0), constant(3.0)).verdict, Verdict::NoDrift);
    assert_eq!(judged("x", constant(3.0), constant(4.0)).verdict, Verdict::Drift);
    assert_eq!(judged("x", wave(1), wave(1)).verdict, Verdict::TooFewRows);
    assert_eq!(judged("x", wave(500), wave(0)).verdict, Verdict::TooFewRows);
    assert_eq!(judged("x", wave(0), wave(0)).verdict, Verdict::TooFewRows);
    let extremes = || numbers((0..300).map(|at| Some(if at % 2 == 0 { f64::MAX } else { f64::MIN })));
    assert_ne!(judged("x", extremes(), extremes()).verdict, Verdict::Drift);
    assert_ne!(judged("x", wave(300), extremes()).verdict, Verdict::NoDrift);
}

#[test]
fn identifiers_are_not_judged_whatever_their_order() {
    let ids = |from: i64, step: i64| {
        let values = (0..997).map(|at| from + at * step % 997);
        column(Kind::Numeric, Arc::new(Int64Array::from_iter_values(values)))
    };
    assert_eq!(judged("customer_id", ids(0, 1), ids(5000, 1)).verdict, Verdict::NotJudged);
    assert_eq!(judged("customer_id", ids(0, 37), ids(5000, 41)).verdict, Verdict::NotJudged);
    assert_eq!(judged("amount", ids(0, 1), ids(5000, 1)).verdict, Verdict::Drift);
    // Each is there often: a shop, which may drift.
    let shops =
        |from: i64| column(Kind::Numeric, Arc::new(Int64Array::from_iter_values((0..997).map(|at| from + at % 9))));
    assert_eq!(judged("shop_id", shops(0), shops(4)).verdict, Verdict::Drift);
}

#[test]
fn rare_levels_do_not_cry_wolf() {
    // One level of all, and many that are there once: Pearson's limit does not hold.
    let tail = |from: usize| (0..40).map(move |at| format!("rare {}", from + at)).collect::<Vec<String>>();
    let of = |from: usize| {
        let tail = tail(from);
        texts(std::iter::repeat_n("usual", 400).chain(tail.iter().map(String::as_str)).collect::<Vec<&str>>())
    };
    let found = judged("x", of(0), of(0));
    assert_eq!(found.p_value, Some(1.0));
    let found = judged("x", of(0), of(20));
    let pearson = found.tests["chi2"].p_value.expect("a test");
    assert_ne!(found.p_value, Some(pearson), "it was permuted");
    assert_eq!((found.new_levels.len(), found.gone_levels.len()), (20, 20));
}

#[test]
fn tables_of_thousands_of_columns_are_compared_by_name() {
    let place = super::Place::new();
    let wide = |from: usize, n: usize| {
        let line = |of: &dyn Fn(usize) -> String| (from..from + n).map(of).collect::<Vec<_>>().join(",") + "\n";
        let mut text = line(&|at| format!("c{at}"));
        (0..2).for_each(|row| text.push_str(&line(&|at| (at + row).to_string())));
        text
    };
    let (a, b) = (place.put("a.csv", wide(0, 3000)), place.put("b.csv", wide(1000, 3000)));
    let open = |path: &std::path::Path| Table::open(path, &Options::default()).expect("a table");
    let wanted = Wanted { ignore: vec!["c1500".into()], ..Wanted::default() };
    let report = compare_tables(&open(&a), &open(&b), &wanted, &mut |_| ControlFlow::Continue(())).expect("compared");
    let n = |verdict: Verdict| report.columns.iter().filter(|c| c.verdict == verdict).count();
    assert_eq!((n(Verdict::Missing), n(Verdict::New), n(Verdict::TooFewRows)), (1000, 1000, 1999));
    let names: Vec<&str> = report.columns.iter().map(|c| &*c.name).take(2).collect();
    assert_eq!(names, ["c0", "c1"], "in the reference's order");
    assert!(report.columns.iter().all(|c| c.name != "c1500"));
}
