//! From what several writers wrote to one line: for each step, what the last writer said of it.

use signalbox_types::{Point, Points};

use crate::decimate::{Decimator, Window};
use crate::summary::{Cut, on_line};
use crate::{InMemory, MarkKind, Polyline, Pyramid};

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
    data: InMemory,
    /// Where steps went back: the point that was written there. A step that repeats is no rewind.
    pub rewinds: Vec<Point>,
    /// Whether a step was logged more than once, or taken back: the raw points are more than the line's.
    pub superseded: bool,
}

/// Over steps: ascending, one point a step. `parts` are ordered by name.
pub fn by_step(parts: &[PartView<'_>]) -> Line {
    let n: usize = parts.iter().map(|p| p.points.len()).sum();
    let (rewinds, ascending) = rewinds(parts);
    let survives = |part: &PartView, i: usize| on_line(part.points.steps[i], i as u64, part.below, part.cuts);
    let mut points = Points::with_capacity(n);
    if ascending && parts.iter().all(|p| p.below.is_none() && p.cuts.is_empty()) {
        parts.iter().for_each(|p| points.extend(p.points));
    } else if ascending {
        for part in parts {
            (0..part.points.len()).filter(|&i| survives(part, i)).for_each(|i| points.push(part.points.get(i)));
        }
    } else {
        // Stable: of one step's points, the last written stays last. Runs that ascend already are only merged.
        let mut order: Vec<(i64, u32, u32)> = Vec::with_capacity(n);
        for (p, part) in parts.iter().enumerate() {
            let kept = (0..part.points.len()).filter(|&i| survives(part, i));
            order.extend(kept.map(|i| (part.points.steps[i], p as u32, i as u32)));
        }
        order.sort_by_key(|&(step, _, _)| step);
        for (k, &(step, p, i)) in order.iter().enumerate() {
            if order.get(k + 1).is_none_or(|next| next.0 != step) {
                points.push(parts[p as usize].points.get(i as usize));
            }
        }
    }
    let superseded = points.len() < n;
    Line { data: InMemory::new(points), rewinds, superseded }
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
    let (mut rewinds, ascending) = rewinds(parts);
    rewinds.retain(|p| p.time.is_finite());
    let superseded = !ascending;
    Line { data: InMemory::new(all.into_iter().collect()), rewinds, superseded }
}

/// The points whose step is less than its predecessor's in the part, or with which a part begins at or before the
/// greatest step so far; and whether every step is greater than all before it, which a mere repeat breaks too.
fn rewinds(parts: &[PartView<'_>]) -> (Vec<Point>, bool) {
    let mut out = Vec::new();
    let mut ascending = true;
    let mut high: Option<i64> = None;
    for part in parts {
        let steps = &part.points.steps;
        let Some(&first) = steps.first() else { continue };
        if high.is_some_and(|high| first <= high) {
            out.push(part.points.get(0));
            ascending = false;
        }
        high = high.max(Some(first));
        for i in 1..steps.len() {
            ascending &= steps[i] > steps[i - 1];
            if steps[i] < steps[i - 1] {
                out.push(part.points.get(i));
            }
            high = high.max(Some(steps[i]));
        }
    }
    (out, ascending)
}

impl Line {
    pub fn points(&self) -> &Points {
        self.data.points()
    }

    /// The same line with other values, one for each point.
    pub fn with_values(&self, values: Vec<f64>) -> Line {
        let Points { steps, times, .. } = self.points();
        let points = Points { steps: steps.clone(), times: times.clone(), values };
        Line { data: InMemory::new(points), rewinds: self.rewinds.clone(), superseded: self.superseded }
    }

    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.data.bytes() + size_of::<Point>() * self.rewinds.len() + size_of::<Line>()
    }

    /// The points in the window, with one neighbour on either side, and how many lie inside.
    pub fn draw(&self, window: Window, x_of: impl Fn(i64, f64) -> f64 + Copy) -> (Polyline, u64) {
        let n = self.points().len() as u64;
        let mut pyramid = Pyramid::new(&self.data, n, false, x_of);
        let Ok(inside) = pyramid.locate(window.x0, window.x1);
        let n_inside = inside.end - inside.start;
        let mut out = Decimator::new(window, n_inside);
        let wider = inside.start.saturating_sub(1)..(inside.end + 1).min(n);
        let Ok(()) = pyramid.draw(wider, n_inside as f64 / f64::from(window.width.max(1)), &mut out);
        let mut line = out.finish();
        let mut rewinds: Vec<f64> = self.rewinds.iter().map(|p| x_of(p.step, p.time)).collect();
        rewinds.retain(|x| (window.x0..=window.x1).contains(x));
        rewinds.sort_by(f64::total_cmp);
        // One in a pixel is enough to see.
        rewinds.dedup_by(|later, kept| *later - *kept < window.pixel());
        line.marks.extend(rewinds.into_iter().map(|x| (x, MarkKind::Rewind)));
        (line, n_inside)
    }
}
