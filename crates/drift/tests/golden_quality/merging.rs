//! A window is the sum of its cells, whatever the cells are and in whatever order the labels come.

use crate::inputs::{Monitor, same};
use signalbox_drift::fairness::Groups;
use signalbox_drift::quality::estimate::CalledScores;
use signalbox_drift::quality::{Average, Confusion, Errors, LabelsIn, Scores, ZeroDivision};

/// Where the rows are cut: cells of one row, empty ones, and all in one.
const CUTS: [&[usize]; 4] = [&[0, 2000], &[0, 1, 2, 2000], &[0, 0, 700, 700, 1999, 2000], &[0, 500, 1000, 1500, 2000]];

#[test]
fn counts_of_cells_add_up_exactly() {
    let monitor = Monitor::read("cur");
    let (scored, seg) = (monitor.scored(), monitor.texts("seg"));
    let name = |is: bool| if is { "yes" } else { "no" };
    let of = |rows: std::ops::Range<usize>| {
        let (mut confusion, mut groups) = (Confusion::default(), Groups::default());
        for row in rows {
            let (scored, label) = scored[row];
            confusion.add(name(label), name(scored.called));
            groups.add(&seg[row], label, scored.called);
        }
        (confusion, groups)
    };
    let whole = of(0..2000);
    for cuts in CUTS {
        // The last cell first: the order is not to matter.
        let mut sum = (Confusion::default(), Groups::default());
        for pair in cuts.windows(2).rev() {
            let cell = of(pair[0]..pair[1]);
            sum.0.merge(&cell.0);
            sum.1.merge(&cell.1);
        }
        assert_eq!(sum, whole, "{cuts:?}");
    }
    assert_eq!(whole.0.f1(Average::Micro, ZeroDivision::Zero), whole.0.accuracy());
}

#[test]
fn sums_of_cells_add_up_to_the_last_bits() {
    let monitor = Monitor::read("cur");
    let scored = monitor.scored();
    let truth: Vec<(f64, f64)> = monitor.numbers("y_reg").into_iter().zip(monitor.numbers("pred_reg")).collect();
    let of = |rows: std::ops::Range<usize>| {
        let (mut scores, mut errors, mut called) = (Scores::default(), Errors::default(), CalledScores::default());
        for row in rows {
            scores.add(scored[row].0.score, scored[row].1);
            called.add(scored[row].0.score, scored[row].0.called);
            errors.add(truth[row].0, truth[row].1);
        }
        (scores, errors, called)
    };
    let whole = of(0..2000);
    for cuts in CUTS {
        let mut sum = (Scores::default(), Errors::default(), CalledScores::default());
        for pair in cuts.windows(2).rev() {
            let cell = of(pair[0]..pair[1]);
            sum.0.merge(&cell.0);
            sum.1.merge(&cell.1);
            sum.2.merge(&cell.2);
        }
        assert!(sum.0.counts().eq(whole.0.counts()), "{cuts:?}");
        assert_eq!((sum.1.rows(), sum.2.rows()), (2000, 2000), "{cuts:?}");
        // Counts alone.
        assert_eq!(sum.0.auroc(), whole.0.auroc(), "{cuts:?}");
        assert_eq!(sum.0.average_precision(), whole.0.average_precision(), "{cuts:?}");
        for (what, got, wanted) in [
            ("brier", sum.0.brier(), whole.0.brier()),
            ("log loss", sum.0.log_loss(), whole.0.log_loss()),
            ("mae", sum.1.mae(), whole.1.mae()),
            ("rmse", sum.1.rmse(), whole.1.rmse()),
            ("me", sum.1.me(), whole.1.me()),
            ("mape", sum.1.mape(), whole.1.mape()),
            ("r2", sum.1.r2(), whole.1.r2()),
            ("rmse's low", interval(&sum.1), interval(&whole.1)),
        ] {
            same(got, wanted, 1e-12, 1e-15, &format!("{cuts:?}: {what}"));
        }
    }
}

fn interval(errors: &Errors) -> Option<f64> {
    errors.rmse_interval(0.95).map(|interval| interval.low)
}

#[test]
fn late_labels_are_added_to_the_cell_of_their_rows() {
    let rows = Monitor::read("cur").scored();
    let (mut late, mut at_once) = (Scores::default(), Scores::default());
    rows.iter().for_each(|(row, label)| at_once.add(row.score, *label));
    let mut labels = LabelsIn { seen: rows.len() as u64, labelled: 0 };
    assert_eq!((labels.share(), LabelsIn::default().share(), late.brier()), (Some(0.0), None, None));
    // Every fourth label is a day late.
    for is_late in [false, true] {
        for (row, label) in rows.iter().enumerate().filter(|(at, _)| (at % 4 == 0) == is_late).map(|(_, row)| row) {
            late.add(row.score, *label);
            labels.merge(LabelsIn { seen: 0, labelled: 1 });
        }
        assert_eq!(labels.share(), Some(if is_late { 1.0 } else { 0.75 }));
    }
    assert_eq!(late.auroc(), at_once.auroc());
    same(late.brier(), at_once.brier(), 1e-12, 0.0, "Brier");
}
