//! Folds that keep the shares of both classes, as scikit-learn's `StratifiedKFold` makes them.

use crate::quality::RandomState;

/// The fold of each row, in blocks as the rows come: `StratifiedKFold(folds)`. `None` if both classes have fewer rows
/// than there are folds, or there are fewer than two folds.
pub fn stratified_folds(labels: &[bool], folds: usize) -> Option<Vec<usize>> {
    assigned(labels, folds, |_| ())
}

/// `StratifiedKFold(folds, shuffle=True, random_state=seed)`.
pub fn shuffled_folds(labels: &[bool], folds: usize, seed: u32) -> Option<Vec<usize>> {
    let mut random = RandomState::seeded(seed);
    assigned(labels, folds, |order| random.shuffle(order))
}

fn assigned(labels: &[bool], folds: usize, mut shuffle: impl FnMut(&mut [usize])) -> Option<Vec<usize>> {
    // Classes in the order in which they come.
    let first = *labels.first()?;
    let counts = [first, !first].map(|class| labels.iter().filter(|label| **label == class).count());
    if folds < 2 || counts.iter().all(|count| *count < folds) {
        return None;
    }
    let mut fold_of = vec![0; labels.len()];
    for (class, from, till) in [(first, 0, counts[0]), (!first, counts[0], labels.len())] {
        // Row i of the rows sorted by class goes to fold i modulo `folds`: that tells how many each fold gets.
        let rows_in = |fold: usize| (from..till).filter(|row| row % folds == fold).count();
        let mut order: Vec<usize> = (0..folds).flat_map(|fold| std::iter::repeat_n(fold, rows_in(fold))).collect();
        shuffle(&mut order);
        let rows = (0..labels.len()).filter(|row| labels[*row] == class);
        rows.zip(order).for_each(|(row, fold)| fold_of[row] = fold);
    }
    Some(fold_of)
}
