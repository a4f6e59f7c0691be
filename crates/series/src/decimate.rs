//! From points and blocks of points, in the order of x, to what a screen of a given width can show.
//!
//! Points that fall into one pixel column are reduced to the first, last, smallest and greatest, in the order of x, and
//! to the first of each kind of gap. Blocks are so too, as many one after the other as together are no wider than a
//! column, wherever they begin; of these the last point may go without saying. So every extreme is drawn where it was
//! reached, every gap stays a gap, and a value that is not finite has its mark.

use std::ops::Range;

use crate::group::{Group, by_x};
use crate::rows::{Of, Values};
use crate::{Axis, Coordinates, Held, MarkKind, NodeRow};

/// A line as a chart draws it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polyline {
    pub x: Vec<f64>,
    /// NaN where the line is broken.
    pub y: Vec<f64>,
    /// Where values were not finite, and where steps went back; at most two of a kind in a pixel column.
    pub marks: Vec<(f64, MarkKind)>,
    /// Whether points were left out.
    pub decimated: bool,
}

/// The visible stretch of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub x0: f64,
    pub x1: f64,
    /// Pixels.
    pub width: u32,
}

impl Window {
    /// The width of a pixel column in units of x; 0 if the window has no extent.
    pub fn pixel(&self) -> f64 {
        (self.x1 - self.x0).max(0.0) / f64::from(self.width.max(1))
    }

    /// As many points may be drawn one by one as decimation would leave of points.
    pub fn budget(&self) -> u64 {
        4 * u64::from(self.width.max(1))
    }
}

/// Takes points and blocks in the order of x.
#[derive(Debug)]
pub struct Decimator {
    window: Window,
    pixel: f64,
    /// Pixel columns in a unit of x.
    per_unit: f64,
    /// Every point is kept: they are few.
    all: bool,
    n_taken: u64,
    group: Option<Group>,
    out: Polyline,
}

impl Decimator {
    /// `n_points` are those that will come, points of blocks included: if they are few, all are kept.
    pub fn new(window: Window, n_points: u64) -> Self {
        let all = n_points <= window.budget();
        // What most lines come to: blocks are often a little less than a pixel wide.
        let n = n_points.min(window.budget() / 4 * 5) as usize + 8;
        let out = Polyline { x: Vec::with_capacity(n), y: Vec::with_capacity(n), ..Polyline::default() };
        let pixel = window.pixel();
        Self { window, pixel, per_unit: 1.0 / pixel, all, n_taken: 0, group: None, out }
    }

    /// Whether a block that reaches from `from` to `to` may be taken whole. One that crosses an end of the window may
    /// not: the first and the last point inside are drawn where they are.
    fn takes_block(&self, from: f64, to: f64) -> bool {
        !self.all && self.together(from, to)
    }

    fn column(&self, x: f64) -> i64 {
        // What lies outside is in no column with what lies inside, however the division rounds.
        if x < self.window.x0 {
            return i64::MIN;
        }
        if x > self.window.x1 {
            return i64::MAX;
        }
        // Never negative, so that cutting off is rounding down. Saturates where the window has no extent: then all is
        // one column.
        ((x - self.window.x0) * self.per_unit) as i64
    }

    /// Well inside the column's end, where rounding cannot matter.
    fn until(&self, column: i64) -> f64 {
        match column {
            i64::MIN => self.window.x0,
            i64::MAX => f64::INFINITY,
            _ => (self.window.x0 + (column as f64 + 0.999) * self.pixel).min(self.window.x1),
        }
    }

    /// Well inside what blocks from `x` on may reach to, where rounding cannot matter.
    fn reach(&self, x: f64) -> f64 {
        let Window { x0, x1, .. } = self.window;
        let end = x + 0.999 * self.pixel;
        if x < x0 {
            end.min(x0)
        } else if x > x1 {
            end
        } else {
            end.min(x1)
        }
    }

    /// A point of the line.
    #[inline]
    pub fn point(&mut self, x: f64, y: f64) {
        self.n_taken += 1;
        let kind = MarkKind::of(y);
        let y = if kind.is_some() { f64::NAN } else { y };
        if self.all {
            self.out.x.push(x);
            self.out.y.push(y);
            self.out.marks.extend(kind.map(|k| (x, k)));
            return;
        }
        match &mut self.group {
            Some(group) if x < group.until => group.join_point(x, y),
            _ => {
                let joins = self.group.as_ref().is_some_and(|group| self.belongs(group, x));
                match &mut self.group {
                    Some(group) if joins => group.join_point(x, y),
                    _ => {
                        self.flush();
                        let column = self.column(x);
                        self.group = Some(Group::of_point(column, self.until(column), x, y));
                    }
                }
            }
        }
        if let (Some(kind), Some(group)) = (kind, &mut self.group) {
            group.spot(kind, x);
        }
    }

    /// Points in the order of x: as if each were given to `point`, and many times as fast.
    pub fn points(&mut self, points: &Held, range: Range<usize>, x_of: impl Fn(i64, f64) -> f64) {
        match points.coordinates() {
            Coordinates::Steps => self.points_at(points, range, |i| x_of(points.step(i), 0.0)),
            Coordinates::Times => self.points_at(points, range, |i| x_of(0, points.time(i))),
            Coordinates::Both => self.points_at(points, range, |i| x_of(points.step(i), points.time(i))),
        }
    }

    fn points_at(&mut self, points: &Held, range: Range<usize>, x: impl Fn(usize) -> f64) {
        let mut at = range.start;
        let mut n_before = 0;
        while at < range.end {
            let from = x(at);
            let goes_on = self.group.as_ref().is_some_and(|group| from < group.until || self.belongs(group, from));
            if !goes_on && !self.all {
                self.flush();
                (at, n_before) = self.columns_at(points, at..range.end, n_before, &x);
            }
            if at == range.end {
                return;
            }
            self.point(x(at), points.value(at));
            at += 1;
            let Some(group) = &mut self.group else { continue };
            // Columns hold about as many as the one before.
            let n = n_first(range.end - at, n_before, |i| x(at + i) < group.until);
            if let Some([low, high]) = points.extremes(at..at + n) {
                let last = at + n - 1;
                group.join((x(low.0), low.1), (x(high.0), high.1), (x(last), points.value(last)));
                self.n_taken += n as u64;
            } else {
                (at..at + n).for_each(|i| self.point(x(i), points.value(i)));
            }
            (at, n_before) = (at + n, n);
        }
    }

    /// Whether what reaches to `x` belongs to the group.
    fn belongs(&self, group: &Group, x: f64) -> bool {
        match group.column {
            Some(column) => column == self.column(x),
            None => x >= group.first.0 && self.together(group.first.0, x),
        }
    }

    /// Whether what reaches from one x to another is no wider than a column, and crosses no end of the window.
    fn together(&self, from: f64, to: f64) -> bool {
        let Window { x0, x1, .. } = self.window;
        to - from <= self.pixel && (from < x0) == (to < x0) && (from > x1) == (to > x1)
    }

    /// Columns that begin and end in a range, most of them: these need no group. Returns where the next begins, and how many
    /// points the last had after its first.
    fn columns_at(
        &mut self,
        points: &Held,
        range: Range<usize>,
        mut n_before: usize,
        x: impl Fn(usize) -> f64,
    ) -> (usize, usize) {
        let mut at = range.start;
        let mut from = x(at);
        let mut column = self.column(from);
        loop {
            let until = self.until(column);
            let n = n_first(range.end - at - 1, n_before, |i| x(at + 1 + i) < until);
            let end = at + 1 + n;
            if end == range.end {
                return (at, n);
            }
            let next = x(end);
            let next_column = self.column(next);
            if next_column == column {
                return (at, n);
            }
            let Some([low, high]) = points.extremes(at..end) else { return (at, n) };
            let inner = by_x((x(low.0), low.1), (x(high.0), high.1));
            self.out.enclosed((from, points.value(at)), &inner, (x(end - 1), points.value(end - 1)), true);
            self.n_taken += n as u64 + 1;
            (at, from, column, n_before) = (end, next, next_column, n);
        }
    }

    /// A mark at a place that a point has (or had, before another took its step); in the order of x with the points.
    pub fn mark(&mut self, x: f64, kind: MarkKind) {
        let joins = !self.all && self.group.as_ref().is_some_and(|group| self.belongs(group, x));
        if let Some(group) = self.group.as_mut().filter(|_| joins) {
            group.spot(kind, x);
        } else if self.all || self.out.marks.last().is_none_or(|m| m.1 != kind || self.column(m.0) != self.column(x)) {
            self.out.marks.push((x, kind));
        }
    }

    /// Some blocks of a row, up to the first that may not be taken whole; returns how many were. `x_of` picks the
    /// coordinate, in the unit of the window.
    pub(crate) fn blocks(
        &mut self,
        row: &NodeRow,
        range: Range<usize>,
        x_of: impl Fn(i64, f64) -> f64 + Copy,
    ) -> usize {
        let from = range.start;
        let taken = if row.has_spots(range.clone()) {
            let fits = |out: &mut Self, i: usize| {
                let taken = out.run(i..i + 1, |i, of| row.x(i, of, x_of), row) == 1;
                if let Some(group) = out.group.as_mut().filter(|_| taken) {
                    row.spots(i).for_each(|(kind, spot)| group.spot(kind, x_of(spot.step, spot.time)));
                }
                taken
            };
            range.take_while(|&i| fits(self, i)).count()
        } else {
            // What differs from row to row is asked once, not for each number.
            match row.encoded() {
                Some((e, Coordinates::Steps)) => self.run(range, |i, of| x_of(e.step(i, of), 0.0), e),
                Some((e, Coordinates::Times)) => self.run(range, |i, of| x_of(0, e.time(i, of)), e),
                Some((e, Coordinates::Both)) => self.run(range, |i, of| x_of(e.step(i, of), e.time(i, of)), e),
                None => self.run(range, |i, of| row.x(i, of, x_of), row),
            }
        };
        self.n_taken += row.points(from..from + taken);
        taken
    }

    /// Blocks without marks, or a single one.
    #[inline(always)]
    fn run(&mut self, range: Range<usize>, x: impl Fn(usize, Of) -> f64, row: impl Values) -> usize {
        // Extremes are finite, too, or NaN where nothing is; but bytes may say otherwise.
        let finite = |y: f64| if y.is_finite() { y } else { f64::NAN };
        let end = |i, of| finite(row.value(i, of));
        let mut at = range.start;
        let mut n_before = 0;
        while at < range.end {
            let (from, to) = (x(at, Of::First), x(at, Of::Last));
            if !self.takes_block(from, to) {
                break;
            }
            let open = self.group.as_ref().filter(|group| to < group.until || self.belongs(group, to));
            let (until, goes_on) = open.map_or((self.reach(from), false), |group| (group.until, true));
            // Groups have about as many as the one before.
            let n = n_first(range.end - at - 1, n_before, |i| x(at + 1 + i, Of::Last) < until);
            let next = at + 1 + n;
            let last = (x(next - 1, Of::Last), end(next - 1, Of::Last));
            let [low, high] = row.extremes(at..next);
            let (min, max) = ((x(low.0, Of::Min), finite(low.1)), (x(high.0, Of::Max), finite(high.1)));
            if let Some(group) = self.group.as_mut().filter(|_| goes_on) {
                group.join(min, max, last);
            } else {
                self.flush();
                let first = (from, end(at, Of::First));
                if next < range.end && !self.together(from, x(next, Of::Last)) {
                    // It ends here. Its last point lies between its extremes, and before the next block's first: from
                    // an extreme to that the line may go as well, unless it would slope through more than a pixel.
                    let inner = by_x(min, max);
                    let slopes = !self.together(inner[1].0, x(next, Of::First));
                    let last = if slopes || from < self.window.x0 { last } else { inner[1] };
                    self.out.enclosed(first, &inner, last, !(min.1.is_nan() || max.1.is_nan()));
                } else {
                    let spots = [f64::NAN; 4];
                    self.group = Some(Group { column: None, until, first, last, min, max, spots, single: false });
                }
            }
            (at, n_before) = (next, n);
        }
        at - range.start
    }

    fn flush(&mut self) {
        let Some(group) = self.group.take() else { return };
        group.draw(&mut self.out);
    }

    pub fn finish(mut self) -> Polyline {
        self.flush();
        self.out.decimated = self.n_taken > self.out.x.len() as u64;
        self.out
    }
}

/// How many of `n` hold, where those that do come first; asked near `guess` first.
fn n_first(n: usize, guess: usize, holds: impl Fn(usize) -> bool) -> usize {
    let as_many = |count: usize| count == 0 || holds(count - 1);
    let guess = guess.min(n);
    // The answer lies in `low..=high`.
    let (mut low, mut high) = (0, n);
    let mut step = 1;
    if as_many(guess) {
        low = guess;
        while low < high {
            let count = low + step;
            if count > high {
                break;
            }
            if as_many(count) {
                (low, step) = (count, step * 2);
            } else {
                high = count - 1;
            }
        }
    } else {
        high = guess - 1;
        while low < high {
            let count = (high + 1).saturating_sub(step);
            if as_many(count) {
                low = count;
                break;
            }
            (high, step) = (count - 1, step * 2);
        }
    }
    while low < high {
        let count = (low + high).div_ceil(2);
        if as_many(count) {
            low = count;
        } else {
            high = count - 1;
        }
    }
    low
}

/// A point's place on an axis. Relative time counts from `origin`.
pub fn x_of(axis: Axis, origin: f64) -> impl Fn(i64, f64) -> f64 + Copy {
    move |step, time| match axis {
        Axis::Step => step as f64,
        Axis::Relative => time - origin,
        Axis::Wall => time,
    }
}
