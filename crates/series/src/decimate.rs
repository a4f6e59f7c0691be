//! From points and blocks of points, in the order of x, to what a screen of a given width can show.
//!
//! What falls into one pixel column is reduced to its first, last, smallest and greatest point, in the order of x, and
//! to the first of each kind of gap; a block is taken whole only if it is no wider than a column. So every extreme is
//! drawn where it was reached, every gap stays a gap, and a value that is not finite has its mark.

use std::ops::Range;

use crate::rows::Of;
use crate::{Axis, Held, MarkKind, NodeRow};

/// A line as a chart draws it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polyline {
    pub x: Vec<f64>,
    /// NaN where the line is broken.
    pub y: Vec<f64>,
    /// Where values were not finite, and where steps went back; at most one of a kind in a pixel column.
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

    /// As many points may be drawn one by one as decimation would leave at most.
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

/// What came of one pixel column so far.
#[derive(Debug)]
struct Group {
    /// `None` for a block that crosses from one column to the next: it stays alone.
    column: Option<i64>,
    /// Points before this x are surely in the column.
    until: f64,
    first: (f64, f64),
    last: (f64, f64),
    /// y is NaN while no value was finite.
    min: (f64, f64),
    max: (f64, f64),
    /// By mark kind: where the first one is; NaN where there is none.
    spots: [f64; 4],
    single: bool,
}

impl Decimator {
    /// `n_points` are those that will come, points of blocks included: if they are few, all are kept.
    pub fn new(window: Window, n_points: u64) -> Self {
        let all = n_points <= window.budget();
        // What most lines come to, with a neighbour on either side.
        let n = n_points.min(window.budget()) as usize + 2;
        let out = Polyline { x: Vec::with_capacity(n), y: Vec::with_capacity(n), ..Polyline::default() };
        let pixel = window.pixel();
        Self { window, pixel, per_unit: 1.0 / pixel, all, n_taken: 0, group: None, out }
    }

    /// Whether a block that reaches from `from` to `to` may be taken whole. One that crosses an end of the window may
    /// not: the first and the last point inside are drawn where they are.
    pub fn takes_block(&self, from: f64, to: f64) -> bool {
        let Window { x0, x1, .. } = self.window;
        !self.all && to - from <= self.pixel && (from < x0) == (to < x0) && (from > x1) == (to > x1)
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
                let column = self.column(x);
                match &mut self.group {
                    Some(group) if group.column == Some(column) => group.join_point(x, y),
                    _ => {
                        self.flush();
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
        let x = |i: usize| x_of(points.step(i), points.time(i));
        let mut at = range.start;
        let mut n_before = 0;
        while at < range.end {
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

    /// A mark at a place that a point has (or had, before another took its step); in the order of x with the points.
    pub fn mark(&mut self, x: f64, kind: MarkKind) {
        let column = self.column(x);
        if let Some(group) = self.group.as_mut().filter(|g| g.column == Some(column)) {
            group.spot(kind, x);
        } else if self.all || self.out.marks.last().is_none_or(|m| m.1 != kind || self.column(m.0) != column) {
            self.out.marks.push((x, kind));
        }
    }

    /// A block that `takes_block` allows: node `i` of a row, from one x to another. `x_of` picks the coordinate, in the
    /// unit of the window.
    pub(crate) fn block(
        &mut self,
        row: &NodeRow,
        i: usize,
        (from, to): (f64, f64),
        x_of: impl Fn(i64, f64) -> f64 + Copy,
    ) {
        self.n_taken += row.points(i);
        let y = |of: Of| Some(row.value(i, of)).filter(|y| y.is_finite()).unwrap_or(f64::NAN);
        let joins = match &self.group {
            Some(group) if to < group.until => true,
            Some(group) => group.column.is_some_and(|c| c == self.column(from) && c == self.column(to)),
            None => false,
        };
        match &mut self.group {
            Some(group) if joins => {
                // Where an extreme is, is only looked up if it is one of the column's.
                let (low, high) = (y(Of::Min), y(Of::Max));
                if low < group.min.1 || group.min.1.is_nan() {
                    group.min = (row.x(i, Of::Min, x_of), low);
                }
                if high > group.max.1 || group.max.1.is_nan() {
                    group.max = (row.x(i, Of::Max, x_of), high);
                }
                (group.last, group.single) = ((to, y(Of::Last)), false);
            }
            _ => {
                self.flush();
                let column = self.column(from);
                let is_in_one = column == self.column(to);
                self.group = Some(Group {
                    column: is_in_one.then_some(column),
                    until: if is_in_one { self.until(column) } else { f64::NEG_INFINITY },
                    first: (from, y(Of::First)),
                    last: (to, y(Of::Last)),
                    min: (row.x(i, Of::Min, x_of), y(Of::Min)),
                    max: (row.x(i, Of::Max, x_of), y(Of::Max)),
                    spots: [f64::NAN; 4],
                    single: false,
                });
            }
        }
        if let Some(group) = self.group.as_mut().filter(|_| row.has_spots()) {
            row.spots(i).for_each(|(kind, spot)| group.spot(kind, x_of(spot.step, spot.time)));
        }
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

impl Group {
    fn of_point(column: i64, until: f64, x: f64, y: f64) -> Self {
        let p = (x, y);
        Self { column: Some(column), until, first: p, last: p, min: p, max: p, spots: [f64::NAN; 4], single: true }
    }

    #[inline]
    fn join_point(&mut self, x: f64, y: f64) {
        self.last = (x, y);
        self.single = false;
        // False for NaN, and a NaN extreme gives way.
        if y < self.min.1 || self.min.1.is_nan() {
            self.min = (x, y);
        }
        if y > self.max.1 || self.max.1.is_nan() {
            self.max = (x, y);
        }
    }

    /// What comes after it: its smallest, its greatest and its last point.
    fn join(&mut self, min: (f64, f64), max: (f64, f64), last: (f64, f64)) {
        self.join_point(min.0, min.1);
        self.join_point(max.0, max.1);
        self.last = last;
    }

    fn spot(&mut self, kind: MarkKind, x: f64) {
        let spot = &mut self.spots[kind.index()];
        if spot.is_nan() {
            *spot = x;
        }
    }

    fn draw(&self, out: &mut Polyline) {
        for kind in MarkKind::ALL {
            let x = self.spots[kind.index()];
            if !x.is_nan() {
                out.marks.push((x, kind));
            }
        }
        if self.single {
            out.x.push(self.first.0);
            out.y.push(self.first.1);
            return;
        }
        // First and last enclose the rest; between them the extremes and the gaps, by x.
        let mut inner = [(f64::NAN, f64::NAN); 5];
        let mut n = 0;
        let mut take = |p: (f64, f64)| {
            inner[n] = p;
            n += 1;
        };
        if !self.min.1.is_nan() {
            take(self.min);
            take(self.max);
        }
        for x in &self.spots[..MarkKind::Rewind.index()] {
            if !x.is_nan() {
                take((*x, f64::NAN));
            }
        }
        let inner = &mut inner[..n];
        // Stable; mostly two.
        match inner {
            [a, b] if a.0 <= b.0 => {}
            [a, b] => std::mem::swap(a, b),
            _ => inner.sort_by(|a, b| a.0.total_cmp(&b.0)),
        }
        let same = |a: (f64, f64), b: (f64, f64)| a.0 == b.0 && (a.1 == b.1 || a.1.is_nan() && b.1.is_nan());
        let mut previous = self.first;
        let mut push = |p: (f64, f64)| {
            out.x.push(p.0);
            out.y.push(p.1);
        };
        push(previous);
        for &p in inner.iter() {
            if !same(p, previous) && !same(p, self.last) {
                push(p);
                previous = p;
            }
        }
        if !same(self.last, previous) {
            push(self.last);
        }
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
