//! From what several writers wrote to one line: for each step, what the last writer said of it.

use signalbox_types::{Point, Points};

use crate::decimate::{Decimator, Window};
use crate::summary::{Cut, on_line};
use crate::{MarkKind, Polyline};

/// One part's points in writing order, and what restarts took back of them (see `PartSummary`).
#[derive(Clone, Copy, Debug)]
pub struct PartView<'a> {
    pub points: &'a Points,
    pub below: Option<i64>,
    pub cuts: &'a [Cut],
}

/// A line ready to be drawn over one axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub points: Points,
    /// Where a step did not follow its predecessor: the point that was written there.
    pub rewinds: Vec<Point>,
    /// Whether a step was logged more than once, or taken back: the raw points are more than the line's.
    pub superseded: bool,
}

/// Over steps: ascending, one point a step. `parts` are ordered by name.
pub fn by_step(parts: &[PartView<'_>]) -> Line {
    let n: usize = parts.iter().map(|p| p.points.len()).sum();
    let mut line = Line { rewinds: rewinds(parts), ..Line::default() };
    let survives = |part: &PartView, i: usize| on_line(part.points.steps[i], i as u64, part.below, part.cuts);
    if line.rewinds.is_empty() {
        line.points = Points::with_capacity(n);
        for part in parts {
            (0..part.points.len()).filter(|&i| survives(part, i)).for_each(|i| line.points.push(part.points.get(i)));
        }
    } else {
        // Stable: of one step's points, the last written stays last. Runs that ascend already are only merged.
        let mut order: Vec<(i64, u32, u32)> = Vec::with_capacity(n);
        for (p, part) in parts.iter().enumerate() {
            let kept = (0..part.points.len()).filter(|&i| survives(part, i));
            order.extend(kept.map(|i| (part.points.steps[i], p as u32, i as u32)));
        }
        order.sort_by_key(|&(step, _, _)| step);
        line.points = Points::with_capacity(order.len());
        for (k, &(step, p, i)) in order.iter().enumerate() {
            if order.get(k + 1).is_none_or(|next| next.0 != step) {
                line.points.push(parts[p as usize].points.get(i as usize));
            }
        }
    }
    line.superseded = line.points.len() < n;
    line
}

/// Over time: every point whose time is known, in the order of time; of equal times, in writing order.
pub fn by_time(parts: &[PartView<'_>]) -> Line {
    let mut all: Vec<Point> = Vec::with_capacity(parts.iter().map(|p| p.points.len()).sum());
    for part in parts {
        all.extend(part.points.iter().filter(|p| p.time.is_finite()));
    }
    if !all.is_sorted_by(|a, b| a.time <= b.time) {
        all.sort_by(|a, b| a.time.total_cmp(&b.time));
    }
    let mut rewinds = rewinds(parts);
    rewinds.retain(|p| p.time.is_finite());
    rewinds.sort_by(|a, b| a.time.total_cmp(&b.time));
    let superseded = !rewinds.is_empty();
    Line { points: all.into_iter().collect(), rewinds, superseded }
}

/// The points whose step is not greater than its predecessor's in the part, or with which a part begins at or before
/// the greatest step so far.
fn rewinds(parts: &[PartView<'_>]) -> Vec<Point> {
    let mut out = Vec::new();
    let mut high: Option<i64> = None;
    for part in parts {
        let steps = &part.points.steps;
        let Some(&first) = steps.first() else { continue };
        if high.is_some_and(|high| first <= high) {
            out.push(part.points.get(0));
        }
        high = high.max(Some(first));
        for i in 1..steps.len() {
            if steps[i] <= steps[i - 1] {
                out.push(part.points.get(i));
            }
            high = high.max(Some(steps[i]));
        }
    }
    out
}

impl Line {
    /// The points in the window, with one neighbour on either side, and how many lie inside. `values` are the line's own
    /// or their smoothed ones.
    pub fn draw(&self, values: &[f64], window: Window, x_of: impl Fn(i64, f64) -> f64) -> (Polyline, u64) {
        let x = |i: usize| x_of(self.points.steps[i], self.points.times[i]);
        let n = self.points.len();
        let (from, to) = (first(n, |i| x(i) >= window.x0), first(n, |i| x(i) > window.x1));
        let to = to.max(from);
        let n_inside = (to - from) as u64;
        let mut out = Decimator::new(window, n_inside);
        let rewind_x = |p: &Point| x_of(p.step, p.time);
        let mut rewinds: Vec<f64> =
            self.rewinds.iter().map(rewind_x).filter(|x| (window.x0..=window.x1).contains(x)).collect();
        rewinds.sort_by(f64::total_cmp);
        let mut rewinds = rewinds.into_iter().peekable();
        for i in from.saturating_sub(1)..(to + 1).min(n) {
            let x = x(i);
            while let Some(rewind) = rewinds.next_if(|&r| r < x) {
                out.mark(rewind, MarkKind::Rewind);
            }
            out.point(x, values[i]);
            while let Some(rewind) = rewinds.next_if(|&r| r <= x) {
                out.mark(rewind, MarkKind::Rewind);
            }
        }
        rewinds.for_each(|x| out.mark(x, MarkKind::Rewind));
        (out.finish(), n_inside)
    }
}

/// The first index for which `past` holds, of those for which it holds from some index on.
fn first(n: usize, past: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = (low + high) / 2;
        if past(middle) { high = middle } else { low = middle + 1 }
    }
    low
}
