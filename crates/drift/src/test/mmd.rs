//! The maximum mean discrepancy of Gretton and others, "A kernel two-sample test", JMLR 13, 2012, with Gauss's kernel:
//! what is alike within each sample less what is alike between them, without bias (so that it may be below zero).

use super::Tested;
use crate::draw::Draw;
use crate::special::Sum;

/// Ours is quadratic in the rows, and keeps the whole kernel for its permutations.
pub const MAX_ROWS_PERMUTED: usize = 4_000;

/// With the kernel's width `sigma`; Frouros' is 1, in the column's unit. `None` below two rows in a sample.
pub fn mmd(reference: &[f64], current: &[f64], sigma: f64) -> Option<f64> {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    if n < 2.0 || m < 2.0 {
        return None;
    }
    let alike = |a: f64, b: f64| (-(a - b) * (a - b) / (2.0 * sigma * sigma)).exp();
    let within = |values: &[f64]| {
        let pairs = values.iter().enumerate().flat_map(|(i, a)| values[..i].iter().map(move |b| alike(*a, *b)));
        2.0 * pairs.collect::<Sum>().total()
    };
    let between = reference.iter().flat_map(|a| current.iter().map(move |b| alike(*a, *b))).collect::<Sum>().total();
    Some(within(reference) / (n * (n - 1.0)) + within(current) / (m * (m - 1.0)) - 2.0 * between / (n * m))
}

/// With Evidently's width: σ² is half of the median of the reference's squared distances (of each value from itself, too),
/// or a half if that is nothing. p is the share of `n_permutations` that are as far apart. `None` below two rows in a
/// sample, and above [`MAX_ROWS_PERMUTED`] in both.
pub fn mmd_permuted(reference: &[f64], current: &[f64], n_permutations: u32, seed: u64) -> Option<Tested> {
    mmd_vectors(reference, current, 1, n_permutations, seed)
}

/// The same of rows of `width` numbers each, row after row, with Euclid's distance between them.
pub fn mmd_vectors(reference: &[f64], current: &[f64], width: usize, n_permutations: u32, seed: u64) -> Option<Tested> {
    let width = width.max(1);
    let (n, m) = (reference.len() / width, current.len() / width);
    if n < 2 || m < 2 || n + m > MAX_ROWS_PERMUTED {
        return None;
    }
    let all: Vec<&[f64]> = reference.chunks_exact(width).chain(current.chunks_exact(width)).collect();
    let rows = all.len();
    let mut kernel = vec![0.0; rows * rows];
    for i in 0..rows {
        for j in 0..i {
            let apart = all[i].iter().zip(all[j]).map(|(a, b)| (a - b) * (a - b)).sum();
            (kernel[i * rows + j], kernel[j * rows + i]) = (apart, apart);
        }
    }
    let sigma = median_width((0..n).flat_map(|i| kernel[i * rows..i * rows + n].iter().copied()).collect());
    for i in 0..rows {
        for (j, alike) in kernel[i * rows..(i + 1) * rows].iter_mut().enumerate() {
            // A row beside itself takes part in nothing.
            *alike = if i == j { 0.0 } else { (-*alike / (2.0 * sigma * sigma)).exp() };
        }
    }
    // The smaller sample's sum within it tells all three: what its rows have in all, less that, is between the samples; the
    // rest is within the other.
    let in_row: Vec<f64> = kernel.chunks_exact(rows).map(|row| row.iter().sum()).collect();
    let whole: f64 = in_row.iter().sum();
    let (few, many) = (n.min(m) as f64, n.max(m) as f64);
    let of = |members: &[usize]| {
        let pairs = members.iter().enumerate().map(|(at, i)| {
            let row = &kernel[i * rows..(i + 1) * rows];
            members[..at].iter().map(|j| row[*j]).sum::<f64>()
        });
        let within = 2.0 * pairs.sum::<f64>();
        let between = members.iter().map(|i| in_row[*i]).sum::<f64>() - within;
        within / (few * (few - 1.0)) + (whole - within - 2.0 * between) / (many * (many - 1.0))
            - 2.0 * between / (few * many)
    };
    let mut places: Vec<usize> = (0..rows).collect();
    if m < n {
        places.rotate_left(n);
    }
    let taken = n.min(m);
    let statistic = of(&places[..taken]);
    let mut draw = Draw::from(seed);
    // Samples that are alike to the last bits are as far apart.
    let reached = statistic - 1e-12 * whole / (rows * rows) as f64;
    let as_far = (0..n_permutations)
        .filter(|_| {
            draw.sample(&mut places, taken);
            of(&places[..taken]) >= reached
        })
        .count();
    Some(Tested { statistic, p_value: as_far as f64 / f64::from(n_permutations) })
}

/// Of all squared distances, each row from itself too.
fn median_width(mut squares: Vec<f64>) -> f64 {
    let middle = ((squares.len() - 1) as f64 / 2.0).round_ties_even() as usize;
    let (_, median, _) = squares.select_nth_unstable_by(middle, f64::total_cmp);
    let sigma = (0.5 * *median).sqrt();
    if sigma == 0.0 { 0.5_f64.sqrt() } else { sigma }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evidently's own functions on these rows, and the share of all 210 orders that are as far apart.
    #[test]
    fn it_is_evidentlys_whichever_sample_is_the_smaller() {
        let (few, more) = ([1.0, 2.0, 2.25, 5.0], [0.0, 0.5, 1.0, 1.5, 2.5, 4.0]);
        for (reference, current, statistic, p) in [
            (&more[..], &few[..], -0.114_551_334_136_601_9, 0.671_428_571_428_571_4),
            (&few[..], &more[..], -0.106_720_404_992_387_33, 0.666_666_666_666_666_6),
        ] {
            let got = mmd_permuted(reference, current, 10_000, 1).expect("rows");
            assert!((got.statistic - statistic).abs() < 1e-12, "{got:?}");
            assert!((got.p_value - p).abs() < 4.5 * (p * (1.0 - p) / 10_000.0).sqrt(), "{got:?}");
        }
        assert_eq!(mmd_permuted(&few, &more, 50, 3), mmd_permuted(&few, &more, 50, 3));
        assert_eq!((mmd(&[1.0], &few, 1.0), mmd_permuted(&few, &[1.0], 9, 0)), (None, None));
    }

    /// numpy, by the formula of alibi-detect's `mmd2` (sums within without the diagonal), with the same width.
    #[test]
    fn vectors_have_the_discrepancy_of_the_formula() {
        let few = [0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 1.0, 1.0];
        let more = [0.5, 0.5, 3.0, 1.0, 2.0, 2.0, 4.0, 0.0, 1.0, 3.0];
        let got = mmd_vectors(&few, &more, 2, 10_000, 1).expect("rows");
        assert!((got.statistic - 0.093_896_375_361_103_96).abs() < 1e-12, "{got:?}");
        // All 126 ways to part nine rows.
        let p = 23.0 / 126.0_f64;
        assert!((got.p_value - p).abs() < 4.5 * (p * (1.0 - p) / 10_000.0).sqrt(), "{got:?}");
        // In a plane where one place says nothing they are their other place.
        let flat = |values: &[f64]| values.iter().flat_map(|x| [*x, 7.0]).collect::<Vec<f64>>();
        assert_eq!(mmd_vectors(&flat(&few), &flat(&more), 2, 50, 3), mmd_permuted(&few, &more, 50, 3));
    }
}
