//! Boosted trees, small and fast: what a model's error, a moved window or a leaking column can be told by.
//!
//! Histograms of gradients over at most 255 bins a column, the best leaf split first (Ke et al., LightGBM, NeurIPS 2017;
//! Friedman, Annals of Statistics 29, 2001). No randomness: the same table gives the same trees, equal gains go to the
//! first column and the lowest bin. No sampling, no pruning, no search for settings: it is a measuring instrument, not
//! a model to ship.

mod binned;
mod domain;
mod folds;
mod grow;
mod leak;

use binned::{Binned, Binning};
use grow::{Gradients, Tree};

pub use domain::{domain_auroc, domain_scores};
pub use folds::{shuffled_folds, stratified_folds};
pub use leak::{Told, told_by};

/// A column of a table. What is missing goes to the side of a split where it does better.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// NaN is missing; infinities are the least and the largest.
    Numbers(Vec<f64>),
    /// Codes of levels, the same in every table of a model; `None` is missing, and so is a level that was not learned.
    Levels(Vec<Option<u32>>),
}

impl Column {
    pub fn rows(&self) -> usize {
        match self {
            Column::Numbers(values) => values.len(),
            Column::Levels(codes) => codes.len(),
        }
    }

    /// These rows, in this order.
    pub fn taken(&self, rows: &[usize]) -> Column {
        match self {
            Column::Numbers(values) => Column::Numbers(rows.iter().map(|row| values[*row]).collect()),
            Column::Levels(codes) => Column::Levels(rows.iter().map(|row| codes[*row]).collect()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// (target − prediction)²: predicts the mean.
    Squares,
    /// Of targets 0 and 1: predicts the probability of 1.
    Logistic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub trees: usize,
    /// How much of each tree is taken.
    pub rate: f64,
    pub leaves: usize,
    pub min_leaf_rows: u32,
    /// Of a column, missing values not counted: 2 to 255.
    pub bins: usize,
}

impl Default for Settings {
    /// LightGBM's, but for the number of trees: fewer, for no number here is worth the wait.
    fn default() -> Settings {
        Settings { trees: 60, rate: 0.1, leaves: 31, min_leaf_rows: 20, bins: 255 }
    }
}

#[derive(Clone, Debug)]
pub struct Forest {
    binning: Binning,
    base: f64,
    trees: Vec<Tree>,
    loss: Loss,
}

impl Forest {
    /// `None` without rows, with columns of unequal length, or a target that is not finite.
    pub fn fit(columns: &[Column], target: &[f64], loss: Loss, settings: Settings) -> Option<Forest> {
        let n = target.len();
        let is_usable = target.iter().all(|value| value.is_finite()) && columns.iter().all(|column| column.rows() == n);
        if n == 0 || !is_usable {
            return None;
        }
        let binning = Binning::of(columns, target, settings.bins);
        let binned = binning.binned(columns);
        let mean = target.iter().sum::<f64>() / n as f64;
        let base = match loss {
            Loss::Squares => mean,
            Loss::Logistic => log_odds(mean),
        };
        let mut forest = Forest { binning, base, trees: Vec::with_capacity(settings.trees), loss };
        let mut raw = vec![base; n];
        for _ in 0..settings.trees {
            let gradients = gradients(loss, &raw, target);
            let tree = Tree::grow(&binned, &gradients, settings, &mut raw);
            let is_stump = tree.is_one_leaf();
            forest.trees.push(tree);
            if is_stump {
                break;
            }
        }
        Some(forest)
    }

    /// Of each row: the target's mean, or the probability of 1. Columns as they were learned from.
    pub fn predict(&self, columns: &[Column]) -> Vec<f64> {
        let binned: Binned = self.binning.binned(columns);
        let raw = |row: usize| self.base + self.trees.iter().map(|tree| tree.value(&binned, row)).sum::<f64>();
        let shown = |raw: f64| match self.loss {
            Loss::Squares => raw,
            Loss::Logistic => probability(raw),
        };
        (0..binned.rows).map(|row| shown(raw(row))).collect()
    }
}

fn gradients(loss: Loss, raw: &[f64], target: &[f64]) -> Vec<Gradients> {
    let of = |(raw, target): (&f64, &f64)| match loss {
        Loss::Squares => Gradients { slope: raw - target, curvature: 1.0 },
        Loss::Logistic => {
            let p = probability(*raw);
            Gradients { slope: p - target, curvature: p * (1.0 - p) }
        }
    };
    raw.iter().zip(target).map(of).collect()
}

fn probability(raw: f64) -> f64 {
    1.0 / (1.0 + (-raw).exp())
}

/// Kept finite where one class is there alone.
fn log_odds(share: f64) -> f64 {
    let share = share.clamp(1e-6, 1.0 - 1e-6);
    (share / (1.0 - share)).ln()
}
