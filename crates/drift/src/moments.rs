//! Mean and deviation, mergeable.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Of finite numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Moments {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// By n.
    pub std: f64,
}

/// So many numbers are summed before they are merged: short sums stay exact, and the loop is wide.
const BLOCK: usize = 1024;

impl Moments {
    pub fn of(values: &[f64]) -> Option<Moments> {
        let mut running = Running::default();
        values.chunks(BLOCK).for_each(|block| running.add(block));
        running.moments()
    }
}

/// Chan, Golub and LeVeque's: blocks are summed around their own means and merged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Running {
    pub n: u64,
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
    pub min: f64,
    pub max: f64,
}

impl Default for Running {
    fn default() -> Running {
        Running { n: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

const LANES: usize = 8;

impl Running {
    /// Finite numbers.
    pub fn add(&mut self, block: &[f64]) {
        if block.is_empty() {
            return;
        }
        let n = block.len() as f64;
        // Lanes, so that the machine adds several at once; the order of a sum is the compiler's to keep.
        let lanes = |of: &dyn Fn(f64) -> f64| {
            let mut sums = [0.0; LANES];
            let chunks = block.chunks_exact(LANES);
            let rest: f64 = chunks.remainder().iter().map(|x| of(*x)).sum();
            for chunk in chunks {
                for (sum, x) in sums.iter_mut().zip(chunk) {
                    *sum += of(*x);
                }
            }
            sums.iter().sum::<f64>() + rest
        };
        let mean = block[0] + lanes(&|x| x - block[0]) / n;
        let squares = lanes(&|x| (x - mean) * (x - mean));
        let (mut min, mut max) = (self.min, self.max);
        for x in block {
            min = min.min(*x);
            max = max.max(*x);
        }
        self.merge(&Running { n: block.len() as u64, mean, squares, min, max });
    }

    pub fn merge(&mut self, other: &Running) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.n as f64, other.n as f64);
        let apart = other.mean - self.mean;
        self.mean += apart * (m / (n + m));
        self.squares += other.squares + apart * apart * (n * m / (n + m));
        self.n += other.n;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub fn moments(&self) -> Option<Moments> {
        let n = self.n as f64;
        let std = if self.min == self.max { 0.0 } else { (self.squares / n).max(0.0).sqrt() };
        (self.n > 0).then_some(Moments { min: self.min, max: self.max, mean: self.mean, std })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_in_any_order_is_the_same() {
        let values: Vec<f64> = (0..10_000).map(|i| 1e9 + f64::from(i % 977) * 0.001).collect();
        let whole = Moments::of(&values).expect("rows");
        let mut merged = Running::default();
        for part in values.chunks(333).rev() {
            let mut one = Running::default();
            one.add(part);
            merged.merge(&one);
        }
        let merged = merged.moments().expect("rows");
        assert!(
            (whole.mean - merged.mean).abs() < 1e-6 && (whole.std - merged.std).abs() < 1e-9,
            "{whole:?} {merged:?}"
        );
        let mean = values.iter().map(|x| x - 1e9).sum::<f64>() / 1e4;
        let squares = values.iter().map(|x| (x - 1e9 - mean).powi(2)).sum::<f64>() / 1e4;
        assert!((whole.std - squares.sqrt()).abs() < 1e-9, "{whole:?} {}", squares.sqrt());
        assert_eq!(Moments::of(&[0.1; 7]).map(|m| m.std), Some(0.0));
        assert_eq!(Moments::of(&[]), None);
    }
}
