//! Both sides of a column on the same bins, for the eye.

use crate::bins::Bins;
use crate::exact::Compared;
use serde::Serialize;
use ts_rs::TS;

/// Rows of either side. Of numbers: on bins as wide as a twentieth of the reference's rows, narrower at its ends; of
/// levels and of few values: by name, the last one may be all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS)]
#[ts(rename = "PairHistogram")]
pub struct Histogram {
    /// One more than there are bins, ascending; the first and the last are the ends of both sides. Empty of levels.
    pub edges: Vec<f64>,
    /// Empty where there are edges.
    pub names: Vec<String>,
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

/// More levels than these are one bar, named [`OTHERS`].
const MAX_NAMES: usize = 20;
pub const OTHERS: &str = "all others";

/// What [`crate::exact::compare`] is asked for: deciles, as numpy has them, and what lies between. `true`: a decile.
pub fn asked() -> Vec<(f64, bool)> {
    let between = (0..10).map(|tenth| (f64::from(tenth) * 0.1 + 0.05, false));
    let mut all: Vec<(f64, bool)> = (1..10).map(|tenth| (f64::from(tenth) * 0.1, true)).chain(between).collect();
    all.extend([(0.01, false), (0.99, false)]);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

impl Histogram {
    /// `ends`: the least and the greatest number of both sides.
    pub fn of_numbers(found: &Compared, ends: (f64, f64), rows: (u64, u64)) -> Histogram {
        let mut out = Histogram { edges: vec![ends.0], ..Histogram::default() };
        let mut last = (0, 0);
        let mut close = |edge: f64, below: (u64, u64)| {
            out.edges.push(edge);
            out.reference.push(below.0 - last.0);
            out.current.push(below.1 - last.1);
            last = below;
        };
        let mut previous = ends.0;
        for (edge, below) in found.quantiles.iter().zip(&found.below) {
            if *edge > previous && *edge < ends.1 {
                close(*edge, *below);
                previous = *edge;
            }
        }
        close(ends.1, rows);
        out
    }

    /// Of few values: a bar for each, and one for others.
    pub fn of_values(bins: &Bins, reference: &[u64], current: &[u64]) -> Option<Histogram> {
        let Bins::Values(values) = bins else { return None };
        let mut names: Vec<String> = values.iter().map(f64::to_string).collect();
        names.push(OTHERS.into());
        let mut out = Histogram { edges: Vec::new(), names, reference: reference.to_vec(), current: current.to_vec() };
        if out.reference.last() == Some(&0) && out.current.last() == Some(&0) {
            out.names.pop();
            out.reference.pop();
            out.current.pop();
        }
        Some(out)
    }

    /// Of levels on the same places; what has no name is others. Those with the most rows of both sides are shown.
    pub fn of_levels(names: &[String], reference: &[u64], current: &[u64]) -> Histogram {
        let share = |at: usize| {
            let of = |rows: &[u64]| rows[at] as f64 / rows.iter().sum::<u64>().max(1) as f64;
            of(reference) + of(current)
        };
        let mut order: Vec<(usize, f64)> = (0..names.len()).map(|at| (at, share(at))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.truncate(MAX_NAMES);
        let mut out = Histogram::default();
        for (at, _) in &order {
            out.names.push(names[*at].chars().take(80).collect());
            out.reference.push(reference[*at]);
            out.current.push(current[*at]);
        }
        let rest = |rows: &[u64], shown: &[u64]| rows.iter().sum::<u64>() - shown.iter().sum::<u64>();
        let others = (rest(reference, &out.reference), rest(current, &out.current));
        if others != (0, 0) {
            out.names.push(OTHERS.into());
            out.reference.push(others.0);
            out.current.push(others.1);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::compare;

    #[test]
    fn bars_hold_all_rows_of_both_sides() {
        let a: Vec<f64> = (0..1000).map(|at| f64::from(at % 313).sqrt()).collect();
        let b: Vec<f64> = (0..700).map(|at| f64::from(at % 97) * 0.3 - 5.0).collect();
        let at: Vec<f64> = asked().into_iter().map(|(at, _)| at).collect();
        let found = compare(&a, &b, &at).expect("rows");
        let drawn = Histogram::of_numbers(&found, (-5.0, 23.8), (1000, 700));
        assert!(drawn.edges.windows(2).all(|two| two[0] < two[1]), "{drawn:?}");
        assert_eq!(drawn.edges.len(), drawn.reference.len() + 1);
        assert_eq!((drawn.reference.iter().sum::<u64>(), drawn.current.iter().sum::<u64>()), (1000, 700));
        assert!(drawn.reference.len() <= 40);
        let names: Vec<String> = (0..30).map(|at| format!("l{at}")).collect();
        let rows: Vec<u64> = (0..30).collect();
        let drawn = Histogram::of_levels(&names, &rows, &rows);
        assert_eq!((drawn.names.len(), drawn.names[0].as_str(), drawn.names[20].as_str()), (21, "l29", OTHERS));
        assert_eq!(drawn.reference.iter().sum::<u64>(), rows.iter().sum::<u64>());
    }
}
