//! Reconstruction to the digits of NannyML; direct loss and domain classifier in direction and alert, for its trees are
//! LightGBM's and ours are not.

use crate::inputs::{Chunks, Monitor, chunk_bounds, number, same};
use signalbox_drift::quality::Reconstruction;
use signalbox_drift::quality::estimate::{DirectLoss, LossMetric, Threshold};
use signalbox_drift::trees::{Column, Settings, domain_auroc};

fn cut(columns: &[Column], rows: std::ops::Range<usize>) -> Vec<Column> {
    let rows: Vec<usize> = rows.collect();
    columns.iter().map(|column| column.taken(&rows)).collect()
}

#[test]
fn reconstruction_errors_are_nannymls() {
    let golden = Chunks::of("pca_reconstruction_chunk2000");
    let names = ["x1", "x2", "x3", "seg", "score", "pred_reg"];
    let (reference, current) = (Monitor::read("ref").features(&names), Monitor::read("cur").features(&names));
    let fitted = Reconstruction::fit(&reference, 0.65).expect("rows");
    assert_eq!(Some(fitted.components() as u64), golden.value("n_components").as_u64());
    let chunks: Vec<(bool, signalbox_drift::quality::Reconstructed)> = chunk_bounds(&golden)
        .into_iter()
        .map(|(is_reference, rows)| {
            let columns = cut(if is_reference { &reference } else { &current }, rows);
            (is_reference, fitted.of_chunk(&columns).expect("rows"))
        })
        .collect();
    let own = chunks.iter().filter(|(is, _)| *is).map(|(_, got)| Some(got.value));
    let threshold = Threshold::of_chunks(own, 0.0, f64::INFINITY).expect("chunks");
    let mut n = 0;
    for (at, (_, got)) in chunks.iter().enumerate() {
        for (what, got) in [
            ("value", got.value),
            ("sampling_error", got.sampling_error),
            ("upper_confidence_boundary", got.high),
            ("lower_confidence_boundary", got.low),
            ("upper_threshold", threshold.high.expect("an end")),
            ("lower_threshold", threshold.low.expect("an end")),
        ] {
            // Measured: 10⁻¹³. A sum of 2,000 rows is known to 2,000 ulps; the second and the third component are a
            // fortieth of their variance apart, and that error is of the second order in the distance.
            let wanted = number(golden.at(&format!("reconstruction_error|{what}"), at));
            same(Some(got), wanted, 2000.0 * f64::EPSILON, 0.0, &format!("chunk {at}: {what}"));
            n += 1;
        }
        let alert = golden.at("reconstruction_error|alert", at).as_bool();
        assert_eq!(Some(threshold.is_alert(got.value)), alert, "chunk {at}");
        n += 1;
    }
    golden.all_but(&[]);
    assert_eq!(n, 18 * 7);
}

#[test]
fn reconstruction_takes_what_is_missing_unknown_or_constant() {
    let columns = [
        Column::Numbers(vec![1.0, f64::NAN, 3.0, f64::INFINITY]),
        Column::Levels(vec![Some(0), Some(0), None, Some(1)]),
        Column::Numbers(vec![7.0; 4]),
    ];
    let fitted = Reconstruction::fit(&columns, 0.65).expect("rows");
    // As if the mean, and the most frequent level, had stood there.
    let filled = [
        Column::Numbers(vec![1.0, 2.0, 3.0, 2.0]),
        Column::Levels(vec![Some(0), Some(0), Some(0), Some(1)]),
        columns[2].clone(),
    ];
    let of_filled = Reconstruction::fit(&filled, 0.65).expect("rows");
    assert_eq!(fitted.of_chunk(&columns), of_filled.of_chunk(&filled));
    let unknown = [Column::Numbers(vec![2.0]), Column::Levels(vec![Some(9)]), Column::Numbers(vec![8.0])];
    let got = fitted.of_chunk(&unknown).expect("a row");
    assert!(got.value.is_finite() && got.value >= 1.0 && got.sampling_error.is_nan(), "{got:?}");
    assert!(Reconstruction::fit(&[Column::Numbers(vec![7.0; 4])], 0.65).is_none());
    assert!(Reconstruction::fit(&[], 0.65).is_none());
    assert_eq!((fitted.of_chunk(&[]), fitted.of_chunk(&unknown[..2])), (None, None));
}

#[test]
fn direct_losses_move_as_nannymls_do() {
    let golden = Chunks::of("dle_chunk2000_LIGHTGBM_tolerance_only");
    let names = ["x1", "x2", "x3", "seg", "pred_reg"];
    let (reference, current) = (Monitor::read("ref"), Monitor::read("cur"));
    let truth: Vec<(f64, f64)> = reference.numbers("y_reg").into_iter().zip(reference.numbers("pred_reg")).collect();
    let (of_reference, of_current) = (reference.features(&names), current.features(&names));
    // Fewer trees than by default: unoptimised code.
    let settings = Settings { trees: 20, leaves: 15, ..Settings::default() };
    let bounds = chunk_bounds(&golden);
    let mut n = 0;
    for (metric, name) in [(LossMetric::Mae, "mae"), (LossMetric::Rmse, "rmse")] {
        let key = |what: &str| format!("{name}|{what}");
        let fitted = DirectLoss::fit(metric, &of_reference, &truth, 2000, settings).expect("rows");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (at, (is_reference, rows)) in bounds.iter().enumerate() {
            let about = format!("{name} of chunk {at}");
            let columns = cut(if *is_reference { &of_reference } else { &of_current }, rows.clone());
            let got = fitted.estimate(&columns).expect("rows");
            let wanted = number(golden.at(&key("value"), at)).expect("a number");
            // Measured: no further than 0.0047. Between the half of the current rows that moved and the other NannyML
            // has 0.007 and more.
            assert!((got - wanted).abs() < 0.006, "{about}: {got} for {wanted}");
            assert_eq!(Some(fitted.threshold.is_alert(got)), golden.at(&key("alert"), at).as_bool(), "{about}");
            let (low, high) = (fitted.threshold.low, fitted.threshold.high);
            same(low, number(golden.at(&key("lower_threshold"), at)), 1e-12, 0.0, &about);
            same(high, number(golden.at(&key("upper_threshold"), at)), 1e-12, 0.0, &about);
            if *is_reference {
                let mut errors = signalbox_drift::quality::Errors::default();
                truth[rows.clone()].iter().for_each(|(truth, prediction)| errors.add(*truth, *prediction));
                let got = if name == "mae" { errors.mae() } else { errors.rmse() };
                same(got, number(golden.at(&key("realized"), at)), 1e-12, 0.0, &about);
            } else {
                assert_eq!(number(golden.at(&key("realized"), at)), None, "{about}");
                (ours, theirs) = ([ours, vec![got]].concat(), [theirs, vec![wanted]].concat());
            }
            n += 5;
        }
        // The second half of the current rows is worse by both.
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        for side in [&ours, &theirs] {
            assert!(mean(&side[6..]) > mean(&side[..6]) + 0.004, "{name}: {side:?}");
        }
    }
    golden.all_but(&[]);
    assert_eq!(n, 2 * 18 * 5);
}

#[test]
fn the_domain_classifier_alerts_where_nannymls_does() {
    let golden = Chunks::of("domain_classifier_chunk4000_LIGHTGBM_tolerance_only");
    let names = ["x1", "x2", "x3", "seg"];
    let (reference, current) = (Monitor::read("ref").features(&names), Monitor::read("cur").features(&names));
    let settings = Settings { trees: 12, leaves: 8, bins: 63, ..Settings::default() };
    let threshold = Threshold { low: Some(0.45), high: Some(0.65) };
    let mut n = 0;
    for (at, (is_reference, rows)) in chunk_bounds(&golden).into_iter().enumerate() {
        let got = if is_reference {
            // A chunk of the reference is told from the rest of it.
            let labels: Vec<bool> = (0..reference[0].rows()).map(|row| rows.contains(&row)).collect();
            domain_auroc(&reference, &labels, None, settings)
        } else {
            let chunk = cut(&current, rows);
            let labels: Vec<bool> =
                std::iter::repeat_n(false, reference[0].rows()).chain(std::iter::repeat_n(true, 4000)).collect();
            let both = reference.iter().zip(&chunk).map(|(a, b)| joined(a, b)).collect::<Vec<_>>();
            domain_auroc(&both, &labels, None, settings)
        };
        let got = got.expect("both samples");
        let wanted = number(golden.at("domain_classifier_auroc|value", at)).expect("a number");
        let alert = golden.at("domain_classifier_auroc|alert", at).as_bool();
        assert_eq!(Some(threshold.is_alert(got)), alert, "chunk {at}: {got} for {wanted}");
        // Measured: no further than 0.021 (chunk 2), with the error of an area of a half at 0.0056: √((n + m) / 12 n m).
        assert!((got - wanted).abs() < 0.03, "chunk {at}: {got} for {wanted}");
        same(threshold.low, number(golden.at("domain_classifier_auroc|lower_threshold", at)), 0.0, 0.0, "low");
        same(threshold.high, number(golden.at("domain_classifier_auroc|upper_threshold", at)), 0.0, 0.0, "high");
        n += 4;
    }
    golden.all_but(&[]);
    assert_eq!(n, 9 * 4);
}

fn joined(a: &Column, b: &Column) -> Column {
    match (a, b) {
        (Column::Numbers(a), Column::Numbers(b)) => Column::Numbers([a.clone(), b.clone()].concat()),
        (Column::Levels(a), Column::Levels(b)) => Column::Levels([a.clone(), b.clone()].concat()),
        _ => panic!("columns of unlike kinds"),
    }
}

#[test]
fn every_block_of_the_monitor_has_its_test() {
    // Drift of the columns, and not quality: the crate's other tests hold the peers' distances.
    let left = ["univariate_chunk2000"];
    let here = [
        "cbpe_chunk2000",
        "dle_chunk2000_LIGHTGBM_tolerance_only",
        "domain_classifier_chunk4000_LIGHTGBM_tolerance_only",
        "pca_reconstruction_chunk2000",
        "performance_chunk2000",
    ];
    let golden = crate::inputs::golden();
    let blocks = golden["nannyml"]["monitor"].as_object().expect("blocks");
    let unknown: Vec<&String> =
        blocks.keys().filter(|key| !here.contains(&key.as_str()) && !left.contains(&key.as_str())).collect();
    assert!(unknown.is_empty() && blocks.len() == here.len() + left.len(), "{unknown:?}");
}
