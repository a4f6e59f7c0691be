//! Lines into strokes: broken where a value is missing, cut into dashes.

/// A point on the canvas, in CSS pixels.
pub type Dot = (f64, f64);

/// The stretches between points that are not finite. A stretch of one point has length 1.
pub fn stretches(dots: impl IntoIterator<Item = Dot>) -> Vec<Vec<Dot>> {
    let mut out = vec![Vec::new()];
    for dot in dots {
        if dot.0.is_finite() && dot.1.is_finite() {
            out.last_mut().expect("BUG: never empty").push(dot);
        } else if !out.last().expect("BUG: never empty").is_empty() {
            out.push(Vec::new());
        }
    }
    out.retain(|s| !s.is_empty());
    out
}

/// `line` cut by `pattern`: lengths of pen down, pen up, …; empty leaves it whole. More than `MAX_DASHES` are not cut: such a line is longer than any eye follows.
pub fn dashes(line: Vec<Dot>, pattern: &[f64]) -> Vec<Vec<Dot>> {
    const MAX_DASHES: f64 = 20_000.0;
    let period: f64 = pattern.iter().sum();
    let length: f64 = line.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum();
    if pattern.is_empty() || line.len() < 2 || length / period > MAX_DASHES {
        return vec![line];
    }
    let mut out = Vec::new();
    let (mut at, mut left, mut current) = (0, pattern[0], vec![line[0]]);
    for w in line.windows(2) {
        let (mut from, to) = (w[0], w[1]);
        let mut rest = (to.0 - from.0).hypot(to.1 - from.1);
        while rest > left {
            let f = left / rest;
            from = (from.0 + (to.0 - from.0) * f, from.1 + (to.1 - from.1) * f);
            rest -= left;
            if at % 2 == 0 {
                current.push(from);
                out.push(std::mem::take(&mut current));
            } else {
                current = vec![from];
            }
            at = (at + 1) % pattern.len();
            left = pattern[at];
        }
        left -= rest;
        if at % 2 == 0 {
            current.push(to);
        }
    }
    if current.len() > 1 {
        out.push(current);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_a_line() {
        let dots = [(0.0, 1.0), (1.0, f64::NAN), (2.0, f64::NAN), (3.0, 1.0), (4.0, 2.0), (5.0, f64::INFINITY)];
        assert_eq!(stretches(dots), [vec![(0.0, 1.0)], vec![(3.0, 1.0), (4.0, 2.0)]]);
        assert!(stretches([(0.0, f64::NAN)]).is_empty());
    }

    #[test]
    fn dashes_go_round_corners() {
        let cut = dashes(vec![(0.0, 0.0), (4.0, 0.0), (4.0, 20.0)], &[6.0, 4.0]);
        assert_eq!(cut[0], [(0.0, 0.0), (4.0, 0.0), (4.0, 2.0)]);
        assert_eq!(cut[1][0], (4.0, 6.0));
        assert_eq!(cut.len(), 3);
        assert_eq!(dashes(vec![(0.0, 0.0), (1.0, 0.0)], &[]), [vec![(0.0, 0.0), (1.0, 0.0)]]);
    }
}
