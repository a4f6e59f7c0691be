//! Confidence intervals beside scipy, and the examples of their authors.

use crate::inputs::{number, same, sklearn};
use signalbox_drift::quality::{Interval, Moments, delong, hanley_mcneil, katz, newcombe, normal, wilson, z_of};

fn whole(value: &serde_json::Value) -> u64 {
    value.as_u64().expect("a count")
}

fn list(block: &str) -> Vec<serde_json::Value> {
    sklearn("intervals")[block].as_array().expect("a list").clone()
}

#[test]
fn quantiles_of_the_normal_are_scipys() {
    for case in list("normal_quantile") {
        let level = number(&case["level"]).expect("a level");
        // The tail (1 − level) / 2 has lost as many digits as the level has nines; statrs' erfc is
        // good to some 10⁻¹¹ (measured).
        same(z_of(level), number(&case["z"]), 1e-10, 0.0, &format!("{level}"));
    }
    assert_eq!((z_of(0.0), z_of(1.0), z_of(f64::NAN)), (None, None, None));
}

#[test]
fn wilsons_and_katzs_are_scipys() {
    let mut n = 0;
    for case in list("wilson") {
        let got = wilson(whole(&case["k"]), whole(&case["n"]), number(&case["level"]).expect("a level")).expect("rows");
        same(Some(got.low), number(&case["low"]), 1e-10, 1e-15, &format!("{case}"));
        same(Some(got.high), number(&case["high"]), 1e-10, 1e-15, &format!("{case}"));
        n += 2;
    }
    for case in list("katz") {
        let (first, second) = ((whole(&case["a"]), whole(&case["n"])), (whole(&case["b"]), whole(&case["m"])));
        let got = katz(first, second, 0.95).expect("hits");
        same(Some(got.low), number(&case["low"]), 1e-10, 0.0, &format!("{case}"));
        same(Some(got.high), number(&case["high"]), 1e-10, 0.0, &format!("{case}"));
        n += 2;
    }
    assert_eq!(n, 62);
    // To the last bit, for a share of −10⁻¹⁷ is none.
    for n in 1..300 {
        let (none, all) = (wilson(0, n, 0.95).expect("rows"), wilson(n, n, 0.95).expect("rows"));
        assert!(none.low == 0.0 && all.high == 1.0, "{n}: {none:?}, {all:?}");
    }
    assert_eq!((wilson(0, 0, 0.95), wilson(2, 1, 0.95), katz((0, 5), (1, 5), 0.95)), (None, None, None));
}

/// Newcombe 1998 (Statistics in Medicine 17, 873–890), table II, method 10, to its four decimals.
#[test]
fn newcombes_own_examples() {
    for (first, second, low, high) in [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ] {
        let got = newcombe(first, second, 0.95).expect("rows");
        assert!((got.low - low).abs() < 5e-5 && (got.high - high).abs() < 5e-5, "{first:?} {second:?}: {got:?}");
    }
}

/// Hanley and McNeil 1982, whose table has 0.893 with 51 abnormal and 58 normal cases: an error of about 0.032.
#[test]
fn the_error_of_an_area_is_hanley_and_mcneils() {
    let got = hanley_mcneil(0.893, 51, 58, 0.95).expect("counts");
    let error = (got.high - got.low) / 2.0 / z_of(0.95).expect("a level");
    assert!((error - 0.032).abs() < 1e-3, "{error}");
    // By hand: Q1 = 7/13, Q2 = 98/170; variance (0.21 + 9 (Q1 − 0.49) + 99 (Q2 − 0.49)) / 1000.
    let got = hanley_mcneil(0.7, 10, 100, 0.5).expect("counts");
    let variance = (0.21 + 9.0 * (7.0 / 13.0 - 0.49) + 99.0 * (98.0 / 170.0 - 0.49)) / 1000.0;
    let error = (got.high - got.low) / 2.0 / z_of(0.5).expect("a level");
    assert!((error - f64::sqrt(variance)).abs() < 1e-14, "{error}");
    assert_eq!(hanley_mcneil(0.9, 0, 10, 0.95), None);
}

#[test]
fn delongs_interval_is_cut_where_an_area_ends() {
    let rows: Vec<(f64, bool)> = [0.1, 0.2, 0.3, 0.35, 0.4, 0.8]
        .iter()
        .zip([false, false, true, false, true, true])
        .map(|(score, label)| (*score, label))
        .collect();
    let (area, error) = delong(&rows).expect("two of each");
    let got = Interval::of_auroc(&rows, 0.95).expect("two of each");
    assert!(area + 1.96 * error > 1.0 && got.high == 1.0 && (got.low - (area - 1.959964 * error)).abs() < 1e-6);
}

#[test]
fn means_have_the_interval_of_their_deviation() {
    let mut moments = Moments::default();
    [1.0, 2.0, 3.0, 4.0].iter().for_each(|value| moments.add(*value));
    let (got, direct) = (moments.interval(0.95).expect("rows"), normal(2.5, (5.0_f64 / 3.0).sqrt(), 4, 0.95));
    let direct = direct.expect("rows");
    assert!((got.low - direct.low).abs() < 1e-15 && (got.high - direct.high).abs() < 1e-15, "{got:?}");
    assert!((direct.high - (2.5 + 1.959963984540054 * 0.6454972243679028)).abs() < 1e-9, "{direct:?}");
    assert_eq!(normal(1.0, 1.0, 1, 0.95), None);
}
