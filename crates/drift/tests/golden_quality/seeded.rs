//! What scikit-learn draws with a seed, row by row.

use crate::inputs::{Monitor, flags, indices, number, same, sklearn};
use signalbox_drift::quality::{RandomState, lowers_ece, stratified_shuffle_splits};
use signalbox_drift::trees::{shuffled_folds, stratified_folds};

#[test]
fn permutations_are_numpys() {
    let wanted = &sklearn("splits")["random_state_42"];
    let mut random = RandomState::seeded(42);
    // 999 draws and what is rejected: the state is turned more than once.
    assert_eq!(random.permutation(1000), indices(&wanted["permutation_1000"]));
    assert_eq!(random.permutation(7), indices(&wanted["then_permutation_7"]));
}

#[test]
fn splits_and_folds_are_scikit_learns() {
    for name in ["uneven", "half_ties", "few"] {
        let case = &sklearn("splits")[name];
        let labels = flags(&case["y"]);
        let splits = stratified_shuffle_splits(&labels, 10, 42).expect("rows");
        let rounds = case["rounds"].as_array().expect("rounds");
        assert_eq!(rounds.len(), splits.len());
        for (round, (got, wanted)) in splits.into_iter().zip(rounds).enumerate() {
            assert_eq!(got.train, indices(&wanted["train"]), "{name}: round {round}");
            assert_eq!(got.test, indices(&wanted["test"]), "{name}: round {round}");
        }
        assert_eq!(stratified_folds(&labels, 5).expect("rows"), indices(&case["folds"]), "{name}");
        assert_eq!(shuffled_folds(&labels, 5, 7).expect("rows"), indices(&case["folds_shuffled_7"]), "{name}");
    }
}

/// The class that comes first is dealt first, whichever it is; scikit-learn's answer.
#[test]
fn folds_begin_with_the_class_that_comes_first() {
    let labels = [true, false, true, false, true, false];
    assert_eq!(stratified_folds(&labels, 2), Some(vec![0, 0, 0, 1, 1, 1]));
}

#[test]
fn what_scikit_learn_refuses_is_refused() {
    assert_eq!(stratified_shuffle_splits(&[true, false, false, false], 10, 42), None, "a class of one row");
    assert_eq!(stratified_shuffle_splits(&[true, true, false, false], 10, 42), None, "a test of one row");
    assert_eq!(stratified_folds(&[true, false, false], 5), None);
    assert_eq!((stratified_folds(&[], 5), stratified_shuffle_splits(&[], 10, 42)), (None, None));
}

/// The same splits, the same isotonic functions, the same bins of 12,000 rows: only sums are ordered otherwise.
#[test]
fn the_calibration_errors_that_nannyml_decides_by() {
    let rows: Vec<(f64, bool)> =
        Monitor::read("ref").scored().into_iter().map(|(row, label)| (row.score, label)).collect();
    let (before, after) = lowers_ece(&rows).expect("rows of both classes");
    let wanted = sklearn("monitor_ece");
    same(Some(before), number(&wanted["before"]), 1e-12, 0.0, "before");
    same(Some(after), number(&wanted["after"]), 1e-12, 0.0, "after");
}

#[test]
fn nearly_perfect_scores_and_one_class_are_not_calibrated() {
    let perfect: Vec<(f64, bool)> = (0..1000).map(|i| (f64::from(i) / 1000.0, i >= 500)).collect();
    assert_eq!(lowers_ece(&perfect), None);
    assert_eq!(lowers_ece(&perfect[..400]), None);
}
