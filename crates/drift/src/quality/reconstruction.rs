//! Do the columns still hang together? The error of a reconstruction from a few principal components.

use super::Moments;
use super::eigen::symmetric_eigen;
use crate::trees::Column;
use std::collections::BTreeMap;

/// Principal components of a reference, as NannyML's data reconstruction: levels by their share of the reference
/// (unknown ones 0), what is missing by the mean or the most frequent level, all scaled to variance 1, as many
/// components as explain more than a share of the variance (NannyML: 0.65).
#[derive(Clone, Debug)]
pub struct Reconstruction {
    columns: Vec<Encoding>,
    components: Vec<Vec<f64>>,
}

#[derive(Clone, Debug)]
struct Encoding {
    shares: BTreeMap<u32, f64>,
    /// For what is missing, before scaling.
    fill: f64,
    mean: f64,
    scale: f64,
}

/// Of a chunk, in deviations of the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconstructed {
    /// The mean over the rows of the distance between a row and its reconstruction.
    pub value: f64,
    pub sampling_error: f64,
    /// value ± 3 sampling errors, not below 0.
    pub low: f64,
    pub high: f64,
}

impl Reconstruction {
    /// `None` without rows or columns, or where no column varies.
    pub fn fit(columns: &[Column], explained: f64) -> Option<Reconstruction> {
        let rows = columns.first().map_or(0, Column::rows);
        if rows == 0 || columns.iter().any(|column| column.rows() != rows) {
            return None;
        }
        let encodings: Vec<Encoding> = columns.iter().map(Encoding::of).collect();
        let table: Vec<Vec<f64>> = encodings.iter().zip(columns).map(|(rule, column)| rule.scaled(column)).collect();
        let covariance = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / rows as f64;
        let matrix = table.iter().map(|a| table.iter().map(|b| covariance(a, b)).collect()).collect();
        let found = symmetric_eigen(matrix);
        let all: f64 = found.iter().map(|(value, _)| value).sum();
        if all.is_nan() || all <= 0.0 {
            return None;
        }
        let mut sum = 0.0;
        let below = found.iter().take_while(|(value, _)| {
            sum += value / all;
            sum <= explained
        });
        let n = (below.count() + 1).min(found.len());
        let components = found.into_iter().take(n).map(|(_, vector)| vector).collect();
        Some(Reconstruction { columns: encodings, components })
    }

    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Columns as in `fit`. `None` without rows, or if they are other columns; one row has no sampling error (NaN).
    pub fn of_chunk(&self, columns: &[Column]) -> Option<Reconstructed> {
        let rows = columns.first().map_or(0, Column::rows);
        if columns.len() != self.columns.len() || columns.iter().any(|column| column.rows() != rows) {
            return None;
        }
        let table: Vec<Vec<f64>> = self.columns.iter().zip(columns).map(|(rule, column)| rule.scaled(column)).collect();
        let mut errors = Moments::default();
        for at in 0..rows {
            let row: Vec<f64> = table.iter().map(|column| column[at]).collect();
            errors.add(self.error(row));
        }
        let n = errors.rows as f64;
        let sampling_error = (errors.squares / (n - 1.0) / n).sqrt();
        let value = errors.mean()?;
        let (low, high) = (value - 3.0 * sampling_error, value + 3.0 * sampling_error);
        Some(Reconstructed { value, sampling_error, low: low.max(0.0), high })
    }

    fn error(&self, mut row: Vec<f64>) -> f64 {
        let given = row.clone();
        for component in &self.components {
            let at: f64 = given.iter().zip(component).map(|(value, part)| value * part).sum();
            row.iter_mut().zip(component).for_each(|(left, part)| *left -= at * part);
        }
        row.iter().map(|left| left * left).sum::<f64>().sqrt()
    }
}

impl Encoding {
    fn of(column: &Column) -> Encoding {
        let mut rule = Encoding { shares: BTreeMap::new(), fill: 0.0, mean: 0.0, scale: 1.0 };
        match column {
            Column::Numbers(values) => {
                let mut known = Moments::default();
                values.iter().filter(|value| value.is_finite()).for_each(|value| known.add(*value));
                rule.fill = known.mean;
            }
            Column::Levels(codes) => {
                let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
                codes.iter().flatten().for_each(|code| *counts.entry(*code).or_default() += 1);
                let missing = codes.iter().filter(|code| code.is_none()).count();
                // The lowest of equally frequent ones takes those that are missing.
                let most = counts.iter().map(|(code, n)| (*n, std::cmp::Reverse(*code))).max();
                if let Some(most) = most.and_then(|(_, code)| counts.get_mut(&code.0)) {
                    *most += missing;
                    rule.fill = *most as f64 / codes.len() as f64;
                }
                rule.shares = counts.into_iter().map(|(code, n)| (code, n as f64 / codes.len() as f64)).collect();
            }
        }
        let mut all = Moments::default();
        rule.encoded(column).into_iter().for_each(|value| all.add(value));
        let deviation = (all.squares / all.rows as f64).sqrt();
        rule.mean = all.mean;
        // A constant stays the constant that it is.
        rule.scale = if deviation > 0.0 { deviation } else { 1.0 };
        rule
    }

    fn encoded(&self, column: &Column) -> Vec<f64> {
        match column {
            Column::Numbers(values) => {
                values.iter().map(|value| if value.is_finite() { *value } else { self.fill }).collect()
            }
            Column::Levels(codes) => {
                let share = |code: &Option<u32>| match code {
                    Some(code) => self.shares.get(code).copied().unwrap_or(0.0),
                    None => self.fill,
                };
                codes.iter().map(share).collect()
            }
        }
    }

    fn scaled(&self, column: &Column) -> Vec<f64> {
        self.encoded(column).into_iter().map(|value| (value - self.mean) / self.scale).collect()
    }
}
