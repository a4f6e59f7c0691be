//! How much of the target one column alone tells: near all of it is a hint that the column knows the answer.

use super::domain::{cross_validated, out_of_fold};
use super::{Column, Loss, Settings};
use crate::quality::auroc;

/// Out of sample, by five folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// The area under the ROC curve: 0.5 nothing, 1 all.
    Label(f64),
    /// The share of the target's variance: 0 or less nothing, 1 all.
    Value(f64),
}

impl Told {
    /// Of the column, on a target that is a label (all 0 or 1) or a number. Folds are shuffled with the seed, for rows
    /// are often sorted. `None` of fewer than five rows a class, or five rows; of a constant target; of targets that are
    /// not finite.
    pub fn by(column: &Column, target: &[f64], seed: u32, settings: Settings) -> Option<Told> {
        let columns = std::slice::from_ref(column);
        if target.iter().all(|value| *value == 0.0 || *value == 1.0) {
            let labels: Vec<bool> = target.iter().map(|value| *value == 1.0).collect();
            return auroc(&out_of_fold(columns, &labels, Some(seed), settings)?).map(Told::Label);
        }
        // Of one class the folds are those of all rows.
        let fold_of = super::shuffled_folds(&vec![true; target.len()], 5, seed)?;
        let told = cross_validated(columns, target, &fold_of, Loss::Squares, settings)?;
        let mut errors = crate::quality::Errors::default();
        target.iter().zip(told).for_each(|(target, told)| errors.add(*target, told));
        let is_constant = target.iter().all(|value| *value == target[0]);
        errors.r2().filter(|_| !is_constant).map(Told::Value)
    }
}

/// `Told::by` of each column.
pub fn told_by(columns: &[Column], target: &[f64], seed: u32, settings: Settings) -> Vec<Option<Told>> {
    columns.iter().map(|column| Told::by(column, target, seed, settings)).collect()
}
