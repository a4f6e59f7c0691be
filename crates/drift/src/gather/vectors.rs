//! A sample of a column of vectors: lists of numbers that are all as long, embeddings for instance.

use crate::draw::Draw;

/// So many of a side are compared: what is asked of them grows with their square.
pub const SAMPLED: usize = 1000;
/// Longer lists are no vectors, and a sample of them is no small thing.
const MAX_WIDTH: usize = 16_384;
/// The same rows have the same sample.
const SEED: u64 = 0;

/// Each row is as likely to be in it (reservoir sampling; Vitter, "Random sampling with a reservoir", TOMS 11, 1985).
#[derive(Clone, Debug)]
pub struct Vectors {
    width: Option<usize>,
    is_uneven: bool,
    /// Row after row.
    values: Vec<f64>,
    n_seen: usize,
    draw: Draw,
}

impl Default for Vectors {
    fn default() -> Vectors {
        Vectors { width: None, is_uneven: false, values: Vec::new(), n_seen: 0, draw: Draw::from(SEED) }
    }
}

impl Vectors {
    /// `is_whole`: nothing is missing in it. What lacks an item is in no sample.
    pub fn add(&mut self, vector: &[f64], is_whole: bool) {
        let width = *self.width.get_or_insert(vector.len());
        if self.is_uneven || width != vector.len() || !(2..=MAX_WIDTH).contains(&width) {
            (self.is_uneven, self.values) = (true, Vec::new());
            return;
        }
        if !is_whole || vector.iter().any(|value| !value.is_finite()) {
            return;
        }
        self.n_seen += 1;
        if self.n_seen <= SAMPLED {
            self.values.extend_from_slice(vector);
            return;
        }
        let at = self.draw.below(self.n_seen);
        if at < SAMPLED {
            self.values[at * width..(at + 1) * width].copy_from_slice(vector);
        }
    }

    /// (their length, row after row); `None` where lengths differ, or there is none.
    pub fn sample(&self) -> Option<(usize, &[f64])> {
        self.width.filter(|_| !self.is_uneven && self.n_seen > 0).map(|width| (width, &self.values[..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_as_likely_and_the_same_rows_have_the_same_sample() {
        let of = |n: usize| {
            let mut vectors = Vectors::default();
            (0..n).for_each(|at| vectors.add(&[at as f64, 0.0], true));
            vectors
        };
        let vectors = of(10_000);
        let (width, values) = vectors.sample().expect("vectors");
        assert_eq!((width, values.len(), of(10_000).sample()), (2, 2000, Some((2, values))));
        let mean = values.iter().sum::<f64>() / 1000.0;
        // A deviation is 10,000 / √12 / √1,000: 91.
        assert!((mean - 5000.0).abs() < 4.0 * 91.0, "{mean}");
        assert_eq!(of(7).sample().expect("vectors").1.len(), 14);
    }

    #[test]
    fn what_is_not_whole_is_left_out_and_uneven_lists_are_no_vectors() {
        let mut vectors = Vectors::default();
        assert_eq!(vectors.sample(), None);
        vectors.add(&[1.0, 2.0], true);
        vectors.add(&[1.0, f64::NAN], true);
        vectors.add(&[1.0, 0.0], false);
        assert_eq!(vectors.sample(), Some((2, &[1.0, 2.0][..])));
        vectors.add(&[1.0, 2.0, 3.0], true);
        vectors.add(&[1.0, 2.0], true);
        assert_eq!(vectors.sample(), None);
        let mut single = Vectors::default();
        single.add(&[1.0], true);
        assert_eq!(single.sample(), None);
    }
}
