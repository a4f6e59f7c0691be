//! Confusion matrices and errors beside scikit-learn.

use crate::inputs::{cases, number, numbers, same, texts};
use signalbox_drift::quality::{Average, Confusion, Errors, Outcomes, ZeroDivision, median_absolute_error};

/// The same sums of at most a few hundred rows in another order.
const NEAR: f64 = 1e-14;

fn zero_division(name: &str) -> ZeroDivision {
    match name {
        "zero" => ZeroDivision::Zero,
        "one" => ZeroDivision::One,
        "undefined" => ZeroDivision::Undefined,
        _ => panic!("{name}"),
    }
}

#[test]
fn confusions_are_scikit_learns() {
    let mut n = 0;
    for (name, case) in cases("confusion") {
        let mut confusion = Confusion::default();
        for (label, called) in texts(&case["y"]).into_iter().zip(texts(&case["p"])) {
            confusion.add(label, called);
        }
        let positive = case["positive"].as_str().map(|positive| confusion.outcomes(positive));
        for (key, wanted) in case.as_object().expect("keys") {
            let got = match key.as_str() {
                "y" | "p" | "positive" => continue,
                "accuracy" => confusion.accuracy(),
                "balanced_accuracy" => confusion.balanced_accuracy(),
                "mcc" => confusion.mcc(),
                "specificity" => positive.expect("a positive class").specificity(),
                key => averaged(&confusion, positive.as_ref(), key),
            };
            same(got, number(wanted), NEAR, 0.0, &format!("{name}: {key}"));
            n += 1;
        }
    }
    assert!(n >= 330, "{n}");
}

fn averaged(confusion: &Confusion, positive: Option<&Outcomes>, key: &str) -> Option<f64> {
    let parts: Vec<&str> = key.split('_').collect();
    let [metric, average, zero] = parts[..] else { panic!("{key}") };
    let zero = zero_division(zero);
    if average == "binary" {
        let counts = positive.expect("a positive class");
        return zero.fill(match metric {
            "precision" => counts.precision(),
            "recall" => counts.recall(),
            "f1" => counts.f1(),
            _ => panic!("{key}"),
        });
    }
    let average = match average {
        "macro" => Average::Macro,
        "weighted" => Average::Weighted,
        "micro" => Average::Micro,
        _ => panic!("{key}"),
    };
    match metric {
        "precision" => confusion.precision(average, zero),
        "recall" => confusion.recall(average, zero),
        "f1" => confusion.f1(average, zero),
        _ => panic!("{key}"),
    }
}

#[test]
fn errors_are_scikit_learns() {
    let mut n = 0;
    for (name, case) in cases("errors") {
        let rows: Vec<(f64, f64)> = numbers(&case["y"]).into_iter().zip(numbers(&case["p"])).collect();
        let mut errors = Errors::default();
        rows.iter().for_each(|(truth, prediction)| errors.add(*truth, *prediction));
        for (key, wanted) in case.as_object().expect("keys") {
            let got = match key.as_str() {
                "y" | "p" => continue,
                "mae" => errors.mae(),
                "mse" => errors.mse(),
                "rmse" => errors.rmse(),
                "me" => errors.me(),
                "mape" => errors.mape(),
                "r2" => errors.r2(),
                "medae" => median_absolute_error(&rows),
                "rmsle" => errors.rmsle(),
                _ => panic!("{key}"),
            };
            // R² is 1 less a ratio: the ratio's rounding stands against 1. Means of numbers of both signs: against the
            // numbers' size, which is below 10.
            let absolute = if matches!(key.as_str(), "r2" | "me") { 1e-14 } else { 0.0 };
            // An ulp of 10⁹ is 10⁻⁷: no running mean is known better, and so no deviation of about 1. Measured: 8·10⁻¹⁰.
            let relative = if name == "far_from_zero" && key == "r2" { 1e-9 } else { 1e-13 };
            same(got, number(wanted), relative, absolute, &format!("{name}: {key}"));
            n += 1;
        }
    }
    assert_eq!(n, 72);
}

#[test]
fn without_rows_there_is_no_number() {
    let (confusion, errors) = (Confusion::default(), Errors::default());
    assert_eq!((confusion.accuracy(), confusion.mcc(), confusion.balanced_accuracy()), (None, None, None));
    assert_eq!(confusion.f1(Average::Macro, ZeroDivision::Undefined), None);
    assert_eq!((errors.mae(), errors.mse(), errors.me(), errors.r2(), errors.rmsle()), (None, None, None, None, None));
    assert_eq!(median_absolute_error(&[]), None);
}

#[test]
fn what_is_not_finite_is_counted_and_kept_out() {
    let mut errors = Errors::default();
    for (truth, prediction) in [(1.0, 2.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (3.0, 2.0)] {
        errors.add(truth, prediction);
    }
    assert_eq!((errors.rows(), errors.unusable(), errors.mae(), errors.me()), (2, 2, Some(1.0), Some(0.0)));
}
