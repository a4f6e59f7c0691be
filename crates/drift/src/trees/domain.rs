//! Can a row's columns tell which sample it is of? A drift test over all columns at once.

use super::{Column, Forest, Loss, Settings, shuffled_folds, stratified_folds};
use crate::quality::auroc;

/// The area under the ROC curve of telling the rows in question (`is_current`) from the others, each row by trees that
/// have not seen it (5 folds; in the rows' order without a seed, as NannyML does it, else shuffled). 0.5: the samples
/// cannot be told apart; NannyML alerts outside of 0.45 to 0.65. `None` if a class has not a row for each fold.
pub fn domain_auroc(columns: &[Column], is_current: &[bool], seed: Option<u32>, settings: Settings) -> Option<f64> {
    auroc(&domain_scores(columns, is_current, seed, settings)?)
}

/// The same, row by row: (how likely it is in question, whether it is).
pub fn domain_scores(
    columns: &[Column],
    is_current: &[bool],
    seed: Option<u32>,
    settings: Settings,
) -> Option<Vec<(f64, bool)>> {
    out_of_fold(columns, is_current, seed, settings)
}

const FOLDS: usize = 5;

/// (probability, label) of each row.
pub(super) fn out_of_fold(
    columns: &[Column],
    labels: &[bool],
    seed: Option<u32>,
    settings: Settings,
) -> Option<Vec<(f64, bool)>> {
    let positives = labels.iter().filter(|label| **label).count();
    if positives < FOLDS || labels.len() - positives < FOLDS {
        return None;
    }
    let fold_of = match seed {
        Some(seed) => shuffled_folds(labels, FOLDS, seed)?,
        None => stratified_folds(labels, FOLDS)?,
    };
    let target: Vec<f64> = labels.iter().map(|label| f64::from(u8::from(*label))).collect();
    let told = cross_validated(columns, &target, &fold_of, Loss::Logistic, settings)?;
    Some(told.into_iter().zip(labels.iter().copied()).collect())
}

/// What is predicted of each row by trees grown on the other folds.
pub(super) fn cross_validated(
    columns: &[Column],
    target: &[f64],
    fold_of: &[usize],
    loss: Loss,
    settings: Settings,
) -> Option<Vec<f64>> {
    if columns.iter().any(|column| column.rows() != target.len()) {
        return None;
    }
    let mut told = vec![f64::NAN; target.len()];
    for fold in 0..FOLDS {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..target.len()).partition(|row| fold_of[*row] == fold);
        let taken = |rows: &[usize]| columns.iter().map(|column| column.taken(rows)).collect::<Vec<_>>();
        let known: Vec<f64> = train.iter().map(|row| target[*row]).collect();
        let forest = Forest::fit(&taken(&train), &known, loss, settings)?;
        test.iter().zip(forest.predict(&taken(&test))).for_each(|(row, value)| told[*row] = value);
    }
    Some(told)
}
