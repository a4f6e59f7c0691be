//! Performance with and without labels beside NannyML: every key of `cbpe_chunk2000` and `performance_chunk2000`.

use crate::inputs::{Chunks, Monitor, chunk_bounds, number, same};
use signalbox_drift::quality::estimate::{
    CalledScores, Cbpe, Metric, SamplingError, Scored, Threshold, expected_auroc, expected_auroc_without_ties, realised,
};
use signalbox_drift::quality::{CalibrationRule, Calibrator, Isotonic};

/// Sums of 2,000 numbers, which numpy adds in pairs and we one by one: 2,000 ulps at most.
const NEAR: f64 = 2000.0 * f64::EPSILON;

struct Monitored {
    cbpe: Cbpe,
    /// By golden chunk: whether it is the reference's, and its rows.
    chunks: Vec<(bool, Vec<(Scored, bool)>)>,
}

fn monitored(golden: &Chunks) -> Monitored {
    let (reference, current) = (Monitor::read("ref").scored(), Monitor::read("cur").scored());
    let cut = |(is_reference, rows): (bool, std::ops::Range<usize>)| {
        (is_reference, if is_reference { &reference[rows] } else { &current[rows] }.to_vec())
    };
    let chunks: Vec<(bool, Vec<(Scored, bool)>)> = chunk_bounds(golden).into_iter().map(cut).collect();
    let of_reference: Vec<_> = chunks.iter().filter(|(is, _)| *is).map(|(_, rows)| rows.clone()).collect();
    Monitored { cbpe: Cbpe::fit(&of_reference, CalibrationRule::IfItLowersEce), chunks }
}

fn scored(rows: &[(Scored, bool)]) -> Vec<Scored> {
    rows.iter().map(|(row, _)| *row).collect()
}

#[test]
fn performance_without_labels_is_nannymls() {
    let golden = Chunks::of("cbpe_chunk2000");
    let Monitored { cbpe, chunks } = monitored(&golden);
    let is_calibrated = matches!(cbpe.calibrator, Calibrator::Isotonic(_));
    assert_eq!(Some(is_calibrated), golden.value("needs_calibration").as_bool());
    let mut n = 0;
    for metric in Metric::ALL {
        let key = |what: &str| format!("{}|{what}", metric.name());
        for (at, (is_reference, rows)) in chunks.iter().enumerate() {
            let about = format!("{} of chunk {at}", metric.name());
            let got = cbpe.estimate(metric, &scored(rows)).expect("an estimate");
            let threshold = cbpe.threshold(metric).expect("a threshold");
            for (what, got) in [
                ("value", got.value),
                ("sampling_error", got.sampling_error),
                ("upper_confidence_boundary", got.high),
                ("lower_confidence_boundary", got.low),
                ("upper_threshold", threshold.high.expect("an end")),
                ("lower_threshold", threshold.low.expect("an end")),
            ] {
                same(Some(got), number(golden.at(&key(what), at)), NEAR, 0.0, &format!("{about}: {what}"));
                n += 1;
            }
            assert_eq!(Some(got.is_alert), golden.at(&key("alert"), at).as_bool(), "{about}");
            // NannyML was not given the labels of the current rows here.
            let labelled = realised(metric, rows).filter(|_| *is_reference);
            same(labelled, number(golden.at(&key("realized"), at)), NEAR, 0.0, &format!("{about}: realised"));
            n += 2;
        }
    }
    golden.all_but(&[]);
    assert_eq!(n, 6 * 18 * 8);
}

#[test]
fn performance_with_labels_is_nannymls() {
    let golden = Chunks::of("performance_chunk2000");
    let Monitored { cbpe, chunks } = monitored(&golden);
    let mut n = 0;
    for metric in [Metric::RocAuc, Metric::F1, Metric::Accuracy] {
        let key = |what: &str| format!("{}|{what}", metric.name());
        for (at, (_, rows)) in chunks.iter().enumerate() {
            let about = format!("{} of chunk {at}", metric.name());
            let value = realised(metric, rows).expect("both classes");
            let got = cbpe.judged(metric, value, rows.len() as u64).expect("bands");
            let threshold = cbpe.threshold(metric).expect("a threshold");
            for (what, got) in [
                ("value", got.value),
                ("sampling_error", got.sampling_error),
                ("upper_threshold", threshold.high.expect("an end")),
                ("lower_threshold", threshold.low.expect("an end")),
            ] {
                same(Some(got), number(golden.at(&key(what), at)), NEAR, 0.0, &format!("{about}: {what}"));
                n += 1;
            }
            assert_eq!(Some(got.is_alert), golden.at(&key("alert"), at).as_bool(), "{about}");
            n += 1;
        }
    }
    golden.all_but(&[]);
    assert_eq!(n, 3 * 18 * 5);
}

/// NannyML's curve is rounded to five decimals at each of n steps: its area is off by no more than n · 10⁻⁵ of the
/// larger of both sides by their product, here 2,000 · 10⁻⁵ / 800.
#[test]
fn the_exact_area_is_that_of_nannyml_where_nothing_ties() {
    let Monitored { cbpe, chunks } = monitored(&Chunks::of("cbpe_chunk2000"));
    for (_, rows) in &chunks {
        let rows: Vec<(f64, f64)> =
            rows.iter().map(|(row, _)| (row.score, cbpe.calibrator.probability(row.score))).collect();
        let (exact, stepped) = (expected_auroc(&rows), expected_auroc_without_ties(&rows));
        same(exact, stepped, 0.0, 2.5e-5, "no ties");
    }
    // Where everything ties an order says nothing: one half, but for steps that are walked in the rows' order.
    let tied = [(0.5, 0.9), (0.5, 0.1)];
    assert_eq!(expected_auroc(&tied), Some(0.5));
    assert!((expected_auroc_without_ties(&tied).expect("both") - 0.5).abs() > 0.3);
    assert_eq!(expected_auroc(&[(0.5, 1.0)]), None);
}

/// From 64 bins a cell instead of rows: the calibration is taken at the bin's mean.
#[test]
fn cells_estimate_what_rows_do() {
    let Monitored { cbpe, chunks } = monitored(&Chunks::of("cbpe_chunk2000"));
    let mut widest: f64 = 0.0;
    for (_, rows) in &chunks {
        let mut cell = CalledScores::default();
        rows.iter().for_each(|(row, _)| cell.add(row.score, row.called));
        assert_eq!((cell.rows(), cell.outside()), (2000, 0));
        let (binned, exact) = (cell.expected(&cbpe.calibrator), cbpe.expected(&scored(rows)));
        for (a, b) in [
            (binned.accuracy(), exact.accuracy()),
            (binned.f1(), exact.f1()),
            (binned.precision(), exact.precision()),
            (binned.recall(), exact.recall()),
            (binned.specificity(), exact.specificity()),
        ] {
            widest = widest.max((a.expect("rows") - b.expect("rows")).abs());
        }
        let pairs: Vec<(f64, f64)> =
            rows.iter().map(|(row, _)| (row.score, cbpe.calibrator.probability(row.score))).collect();
        let apart = cell.expected_auroc(&cbpe.calibrator).expect("both") - expected_auroc(&pairs).expect("both");
        widest = widest.max(apart.abs());
        // Where the scores are as given, a bin's mean is its rows' mean.
        let as_given = cell.expected(&Calibrator::AsGiven);
        let sum: f64 = rows.iter().map(|(row, _)| row.score).sum();
        same(Some(as_given.tp + as_given.fn_), Some(sum), NEAR, 0.0, "positives to expect");
    }
    // Measured: 0.0006, where the sampling errors of these chunks are 0.008 to 0.02.
    assert!(widest < 1e-3 && widest > 0.0, "{widest}");
}

/// By hand, through NannyML's `auroc_sampling_error_components`.
#[test]
fn the_error_of_an_area_has_nannymls_ways() {
    let of = |labels: &[bool]| {
        let rows: Vec<(f64, bool)> = labels.iter().enumerate().map(|(at, label)| (at as f64 / 10.0, *label)).collect();
        SamplingError::of_auroc(&rows)
    };
    // The positive at rank 0 is dropped: what is left, (2 − 0) / 3, does not vary.
    assert_eq!(of(&[true, false, true, false, false]), Some(SamplingError { deviation: 0.0, share: 0.4 }));
    // Ranks 1 and 3 less the positives before them: 1/2 and 1.
    assert_eq!(of(&[false, true, false, true]), Some(SamplingError { deviation: 0.25, share: 0.5 }));
    // More than half are positive: the negative one is the rarer, and turned round it is the highest.
    assert_eq!(of(&[false, true, true, true]), Some(SamplingError { deviation: 0.0, share: 0.25 }));
    assert_eq!((of(&[true, true]), of(&[]), of(&[true, false])), (None, None, None));
}

/// The rules by which chunks have no value, and thresholds an end.
#[test]
fn chunks_of_one_class_have_no_part_in_the_thresholds() {
    let row = |called: bool, label: bool| (Scored { score: 0.5, called }, label);
    let never_called = [row(false, true), row(false, false)];
    assert_eq!((realised(Metric::F1, &never_called), realised(Metric::Accuracy, &never_called)), (None, Some(0.5)));
    assert_eq!(
        (realised(Metric::Recall, &never_called), realised(Metric::Specificity, &never_called)),
        (None, Some(1.0))
    );
    assert_eq!(realised(Metric::RocAuc, &never_called), Some(0.5));
    assert_eq!(realised(Metric::RocAuc, &never_called[..1]), None);
    let cut = Threshold::of_chunks([Some(0.1), None, Some(0.9), Some(f64::NAN)].into_iter(), 0.0, 1.0);
    let cut = cut.expect("chunks with a value");
    assert_eq!((cut.low, cut.high), (Some(0.0), Some(1.0)));
    assert!(!cut.is_alert(0.0) && !cut.is_alert(1.0), "an end is inside");
    assert_eq!(Threshold::of_chunks([None].into_iter(), 0.0, 1.0), None);
}

/// A straight line says of a bin what it says of the mean of its rows, wherever in the bin that lies.
#[test]
fn rows_of_a_bin_lie_about_their_mean() {
    let line = Isotonic::fit(&[(0.0, 0.0), (1.0, 0.5)]).expect("rows");
    let line = Calibrator::Isotonic(line);
    for mean in [0.5, 0.502, 0.51] {
        let got = line.probability_within(0.5, 0.515625, mean);
        assert!((got - mean / 2.0).abs() < 1e-15, "{mean}: {got}");
    }
    // A step in the middle of the bin, by a hair: half of the rows on each side.
    let step = Isotonic::fit(&[(0.0, 0.0), (0.5, 0.0), (0.5000001, 1.0), (1.0, 1.0)]).expect("rows");
    assert!((step.mean_over(0.25, 0.75) - 0.5).abs() < 1e-6, "{step:?}");
}

#[test]
fn nothing_is_said_of_nothing() {
    let Monitored { cbpe, chunks } = monitored(&Chunks::of("cbpe_chunk2000"));
    assert!(Metric::ALL.iter().all(|metric| cbpe.estimate(*metric, &[]).is_none()));
    let never_called: Vec<Scored> = scored(&chunks[0].1).into_iter().filter(|row| !row.called).collect();
    assert_eq!(cbpe.estimate(Metric::Precision, &never_called), None);
    let one_class: Vec<(Scored, bool)> = chunks[0].1.iter().copied().filter(|(_, label)| *label).collect();
    let of_one_class = Cbpe::fit(&[one_class], CalibrationRule::IfItLowersEce);
    assert_eq!(of_one_class.calibrator, Calibrator::AsGiven);
    assert_eq!(of_one_class.estimate(Metric::RocAuc, &scored(&chunks[0].1)), None);
    let nobody = Cbpe::fit(&[], CalibrationRule::Always);
    assert_eq!(nobody.estimate(Metric::Accuracy, &scored(&chunks[0].1)), None);
}
