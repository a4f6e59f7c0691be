//! Scores beside scikit-learn: exact over rows, and from the histogram within the bound that it states.

use crate::inputs::{cases, flags, number, numbers, same};
use signalbox_drift::quality::{Isotonic, Reliability, Scores, auroc, average_precision, delong, ece_of_equal_rows};

fn rows(case: &serde_json::Value) -> Vec<(f64, bool)> {
    numbers(&case["s"]).into_iter().zip(flags(&case["y"])).collect()
}

#[test]
fn scores_are_scikit_learns() {
    let mut n = 0;
    for (name, case) in cases("scores") {
        let rows = rows(&case);
        let mut scores = Scores::default();
        rows.iter().for_each(|(score, label)| scores.add(*score, *label));
        for (key, wanted) in case.as_object().expect("keys") {
            let about = format!("{name}: {key}");
            let got = match key.as_str() {
                "y" | "s" | "curve_true" | "curve_mean" => continue,
                "roc_auc" => auroc(&rows),
                "average_precision" => {
                    // scikit-learn says 0 where there is no positive; there is no answer.
                    assert_eq!(average_precision(&rows).is_none(), name == "no_positives", "{about}");
                    Some(average_precision(&rows).unwrap_or(0.0))
                }
                "brier" => scores.brier(),
                "log_loss" => scores.log_loss(),
                "delong_error" => delong(&rows).map(|(area, error)| {
                    same(Some(area), auroc(&rows), 1e-14, 0.0, &about);
                    error
                }),
                _ => panic!("{key}"),
            };
            same(got, number(wanted), 1e-13, 1e-15, &about);
            n += 1;
        }
    }
    assert_eq!(n, 55);
}

#[test]
fn the_histogram_is_within_the_bound_that_it_states() {
    let mut widest: f64 = 0.0;
    for (name, case) in cases("scores") {
        let rows = rows(&case);
        let mut scores = Scores::default();
        rows.iter().for_each(|(score, label)| scores.add(*score, *label));
        for (exact, binned) in [(auroc(&rows), scores.auroc()), (average_precision(&rows), scores.average_precision())]
        {
            assert_eq!(exact.is_some(), binned.is_some(), "{name}");
            let (Some(exact), Some(binned)) = (exact, binned) else { continue };
            assert!((exact - binned.value).abs() <= binned.error + 1e-15, "{name}: {exact}, {binned:?}");
            widest = widest.max((exact - binned.value).abs());
            // One value of each class alone in its bin leaves nothing undecided.
            if name == "perfect" || name == "reversed" {
                assert_eq!(exact, binned.value, "{name}");
            }
        }
    }
    // The bound is not 0, and not met by accident.
    assert!(widest > 1e-4, "{widest}");
}

/// The bound is reached: all of a bin's positives above its negatives.
#[test]
fn the_bound_of_the_area_is_tight() {
    let mut scores = Scores::default();
    let rows = [(0.501, false), (0.502, false), (0.503, true), (0.504, true)];
    rows.iter().for_each(|(score, label)| scores.add(*score, *label));
    let binned = scores.auroc().expect("both classes");
    assert_eq!((binned.value, binned.error, auroc(&rows)), (0.5, 0.5, Some(1.0)));
    assert!(scores.auroc_interval(0.95).expect("both classes").contains(1.0));
}

/// One negative above, or below, all the positives of its bin, and the bound holds both ways.
#[test]
fn the_bound_of_the_average_precision_holds_both_ways() {
    for of_negative in [0.5001, 0.5155] {
        let mut rows: Vec<(f64, bool)> = (0..100).map(|i| (0.501 + f64::from(i) * 1e-4, true)).collect();
        rows.push((of_negative, false));
        let mut scores = Scores::default();
        rows.iter().for_each(|(score, label)| scores.add(*score, *label));
        let (exact, binned) = (average_precision(&rows).expect("positives"), scores.average_precision());
        let binned = binned.expect("positives");
        assert!((exact - binned.value).abs() <= binned.error, "{exact}, {binned:?}");
        assert!((binned.value - 100.0 / 101.0).abs() < 1e-15 && binned.error < 0.25, "{binned:?}");
    }
    // A tie of all positives, between negatives: more than any order of theirs gives.
    let (above, tied, below) = ((0.9, false), (0.503, true), (0.501, false));
    let rows = [above, tied, below].map(|row| vec![row; 100]).concat();
    let mut scores = Scores::default();
    rows.iter().for_each(|(score, label)| scores.add(*score, *label));
    let binned = scores.average_precision().expect("positives");
    assert_eq!(average_precision(&rows), Some(0.5));
    assert!(0.5 - binned.value <= binned.error + 1e-15, "{binned:?}");
}

#[test]
fn reliability_is_scikit_learns_calibration_curve() {
    let mut n = 0;
    for (name, case) in cases("scores") {
        let (truth, mean) = (numbers(&case["curve_true"]), numbers(&case["curve_mean"]));
        if truth.is_empty() {
            continue;
        }
        let curve = Reliability::of(&rows(&case), 10);
        assert_eq!(curve.curve().count(), truth.len(), "{name}");
        for ((_, at, share), (wanted_share, wanted_at)) in curve.curve().zip(truth.into_iter().zip(mean)) {
            same(Some(at), Some(wanted_at), 1e-13, 0.0, &name);
            same(Some(share), Some(wanted_share), 1e-13, 0.0, &name);
            n += 2;
        }
    }
    assert!(n >= 70, "{n}");
}

#[test]
fn calibration_errors_of_rows_that_can_be_counted_by_hand() {
    let rows = [(0.1, false), (0.2, false), (0.7, true), (0.9, false)];
    // Two bins: |0.15 − 0| and |0.8 − 0.5|, each of half of the rows.
    let (equal_width, equal_rows) = (Reliability::of(&rows, 2).ece(), ece_of_equal_rows(&rows, 2));
    same(equal_width, Some(0.225), 1e-15, 0.0, "equal width");
    same(equal_rows, Some(0.225), 1e-15, 0.0, "equal rows");
    let mut scores = Scores::default();
    rows.iter().for_each(|(score, label)| scores.add(*score, *label));
    same(scores.reliability(2).and_then(|curve| curve.ece()), Some(0.225), 1e-15, 0.0, "histogram");
    assert!(scores.reliability(10).is_none(), "10 bins are not made of 64");
    assert_eq!(ece_of_equal_rows(&rows[..3], 10), None);
    assert_eq!(Reliability::of(&[], 10).ece(), None);
}

#[test]
fn what_is_no_probability_is_counted_and_kept_out() {
    let mut scores = Scores::default();
    for score in [f64::NAN, -0.1, 1.1, f64::INFINITY, 0.0, 1.0] {
        scores.add(score, true);
    }
    assert_eq!((scores.rows(), scores.outside()), (2, 4));
    assert_eq!(auroc(&[(f64::NAN, true), (0.5, false)]), None);
}

#[test]
fn isotonic_regression_is_scikit_learns() {
    let mut n = 0;
    for (name, case) in cases("isotonic") {
        let rows: Vec<(f64, f64)> = numbers(&case["s"]).into_iter().zip(numbers(&case["y"])).collect();
        let function = Isotonic::fit(&rows).expect("rows");
        let (x, y): (Vec<f64>, Vec<f64>) = function.points().iter().copied().unzip();
        assert_eq!(x, numbers(&case["x_thresholds"]), "{name}");
        for (got, wanted) in y.into_iter().zip(numbers(&case["y_thresholds"])) {
            same(Some(got), Some(wanted), 1e-14, 0.0, &name);
            n += 1;
        }
        for (at, wanted) in numbers(&case["at"]).into_iter().zip(numbers(&case["said"])) {
            // Between two points 10⁻³ apart a level is interpolated: its rounding stands against 1.
            same(Some(function.at(at)), Some(wanted), 1e-12, 1e-15, &format!("{name}: at {at}"));
            n += 1;
        }
    }
    assert!(n >= 290, "{n}");
}
