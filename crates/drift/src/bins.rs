//! Bins of a numeric column, made from the reference alone and frozen with it.

use crate::quantile::quantile;
use crate::special::Sum;

/// Up to so many distinct values have a bin each.
const MAX_VALUES: usize = 20;

/// Where a finite number is counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Bins {
    /// One for each value of the reference, ascending, and one for all others.
    Values(Vec<f64>),
    /// (−∞, e₁), [e₁, e₂) … [eₖ, ∞): edges ascending, each once.
    Edges(Vec<f64>),
}

impl Bins {
    /// Ours: a bin per value up to 20 of them, else deciles with open ends. `sorted`: the reference's finite values. `None`
    /// if there are none.
    pub fn of(sorted: &[f64]) -> Option<Bins> {
        sorted.first()?;
        let mut values: Vec<f64> = Vec::new();
        for value in sorted {
            if values.last() != Some(value) {
                values.push(*value);
            }
            if values.len() > MAX_VALUES {
                return Some(Bins::deciles(sorted));
            }
        }
        Some(Bins::Values(values))
    }

    /// A bin per value, of numbers in any order, if there are no more than 20.
    pub fn of_few(values: &[f64]) -> Option<Bins> {
        let mut found: Vec<f64> = Vec::with_capacity(MAX_VALUES + 1);
        let mut last = f64::NAN;
        for value in values {
            if *value == last {
                continue;
            }
            last = *value;
            let at = found.partition_point(|other| other < value);
            if found.get(at) != Some(value) {
                if found.len() == MAX_VALUES {
                    return None;
                }
                found.insert(at, *value);
            }
        }
        (!found.is_empty()).then_some(Bins::Values(found))
    }

    fn deciles(sorted: &[f64]) -> Bins {
        // As numpy's `linspace(0, 1, 11)` has them: 0.30000000000000004.
        let mut edges: Vec<f64> = (1..10).filter_map(|tenth| quantile(sorted, f64::from(tenth) * 0.1)).collect();
        edges.dedup();
        Bins::Edges(edges)
    }

    pub fn n_bins(&self) -> usize {
        match self {
            Bins::Values(values) => values.len() + 1,
            Bins::Edges(edges) => edges.len() + 1,
        }
    }

    /// The bin of a finite number; −0.0 is 0.0.
    pub fn at(&self, value: f64) -> usize {
        match self {
            Bins::Values(values) => {
                let at = values.partition_point(|edge| *edge < value);
                if values.get(at) == Some(&value) { at } else { values.len() }
            }
            Bins::Edges(edges) => edges.partition_point(|edge| *edge <= value),
        }
    }

    pub fn count(&self, finite: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.n_bins()];
        finite.iter().for_each(|value| counts[self.at(*value)] += 1);
        counts
    }
}

/// How numpy's `histogram_bin_edges` chooses the width of equal bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// So many.
    Equal(usize),
    Sturges,
    Doane,
    FreedmanDiaconis,
    Scott,
    /// numpy 2's: the narrower of Sturges' and Freedman and Diaconis', the latter not below half of √n bins' width.
    Auto,
    /// numpy's `auto` as of 2.1: the narrower of the two, without that bound.
    FreedmanOrSturges,
}

/// More bins than that are a quartile range of nothing beside the range of all: numpy then fails, or takes all memory.
const MAX_BINS: usize = 1 << 20;

/// The edges that numpy gives these finite numbers, sorted; both ends are among them. Empty for no numbers, and for more
/// than a million bins.
pub fn numpy_edges(sorted: &[f64], width: Width) -> Vec<f64> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let (first, last, range) = (*first, *last, last - first);
    let n = sorted.len() as f64;
    let by_width = |width: f64| if width > 0.0 { (range / width).ceil().max(1.0) as usize } else { 1 };
    let sturges = range / (n.log2() + 1.0);
    let iqr = || quantile(sorted, 0.75).unwrap_or(first) - quantile(sorted, 0.25).unwrap_or(first);
    let freedman = || 2.0 * iqr() * n.powf(-1.0 / 3.0);
    let bins = match width {
        Width::Equal(bins) => bins.max(1),
        Width::Sturges => by_width(sturges),
        Width::FreedmanDiaconis => by_width(freedman()),
        Width::Scott => by_width((24.0 * std::f64::consts::PI.sqrt() / n).cbrt() * moments(sorted).1),
        Width::Doane => by_width(doane(sorted, range)),
        Width::Auto => by_width(freedman().max(range / n.sqrt() / 2.0).min(sturges)),
        Width::FreedmanOrSturges => match freedman() {
            narrow if narrow > 0.0 => by_width(narrow.min(sturges)),
            _ => by_width(sturges),
        },
    };
    if bins > MAX_BINS {
        return Vec::new();
    }
    let (first, last) = if range == 0.0 { (first - 0.5, last + 0.5) } else { (first, last) };
    let step = (last - first) / bins as f64;
    (0..bins).map(|i| i as f64 * step + first).chain([last]).collect()
}

/// Doane 1976: Sturges', with the skewness.
fn doane(sorted: &[f64], range: f64) -> f64 {
    let n = sorted.len() as f64;
    if n <= 2.0 {
        return 0.0;
    }
    let (mean, sigma) = moments(sorted);
    if sigma <= 0.0 {
        return 0.0;
    }
    let error = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
    let skew = sorted.iter().map(|value| ((value - mean) / sigma).powi(3)).collect::<Sum>().total() / n;
    range / (1.0 + n.log2() + (1.0 + skew.abs() / error).log2())
}

/// (mean, deviation by n).
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().copied().collect::<Sum>().total() / n;
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).collect::<Sum>().total();
    (mean, (squares / n).sqrt())
}

/// Counts on closed bins, with what lies outside in the first and the last; numpy's rule: each bin but the last is open
/// to the right.
pub fn count_between(edges: &[f64], finite: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    if counts.is_empty() {
        return counts;
    }
    for value in finite {
        let at = edges.partition_point(|edge| edge <= value).clamp(1, edges.len() - 1) - 1;
        counts[at] += 1;
    }
    counts
}
