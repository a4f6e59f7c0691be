//! What is known of a block of points: enough to draw it when it is no wider than a pixel.

use signalbox_types::{Point, Points};

/// What a place on a line is marked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MarkKind {
    Nan = 1,
    PosInf = 2,
    NegInf = 3,
    /// The step did not follow its predecessor.
    Rewind = 4,
}

impl MarkKind {
    pub const ALL: [MarkKind; 4] = [MarkKind::Nan, MarkKind::PosInf, MarkKind::NegInf, MarkKind::Rewind];

    /// The kind of a value that is not finite.
    #[inline]
    pub fn of(value: f64) -> Option<MarkKind> {
        if value.is_finite() {
            None
        } else if value.is_nan() {
            Some(MarkKind::Nan)
        } else if value > 0.0 {
            Some(MarkKind::PosInf)
        } else {
            Some(MarkKind::NegInf)
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize - 1
    }
}

/// How many points of a kind a block has, and where the first one is; zeros when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    pub n: u64,
    pub step: i64,
    pub time: f64,
}

/// A block of points in writing order.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub n: u64,
    pub first: Point,
    pub last: Point,
    /// The first of the smallest finite values where it was reached; its value is NaN if no value is finite.
    pub min: Point,
    pub max: Point,
    /// By `MarkKind`.
    pub spots: [Spot; 4],
}

/// Equality by bits: NaN is a value like any other here.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        let bits = |p: &Point| (p.step, p.time.to_bits(), p.value.to_bits());
        let spot = |s: &Spot| (s.n, s.step, s.time.to_bits());
        self.n == other.n
            && bits(&self.first) == bits(&other.first)
            && bits(&self.last) == bits(&other.last)
            && bits(&self.min) == bits(&other.min)
            && bits(&self.max) == bits(&other.max)
            && self.spots.iter().map(spot).eq(other.spots.iter().map(spot))
    }
}

pub(crate) const NOWHERE: Point = Point { step: 0, time: 0.0, value: f64::NAN };

impl Node {
    /// The block of `points[from..to]`, which must not be empty; `before` is the step written just before it.
    pub fn of(points: &Points, from: usize, to: usize, before: Option<i64>) -> Node {
        let (steps, times, values) = (&points.steps[from..to], &points.times[from..to], &points.values[from..to]);
        let n = steps.len();
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut min_at, mut max_at) = (usize::MAX, usize::MAX);
        let mut spots = [Spot::default(); 4];
        let mut spot = |kind: MarkKind, i: usize| {
            let spot = &mut spots[kind.index()];
            if spot.n == 0 {
                (spot.step, spot.time) = (steps[i], times[i]);
            }
            spot.n += 1;
        };
        let mut previous = before;
        for i in 0..n {
            let value = values[i];
            match MarkKind::of(value) {
                Some(kind) => spot(kind, i),
                None => {
                    if value < min {
                        (min, min_at) = (value, i);
                    }
                    if value > max {
                        (max, max_at) = (value, i);
                    }
                }
            }
            if previous.is_some_and(|p| steps[i] <= p) {
                spot(MarkKind::Rewind, i);
            }
            previous = Some(steps[i]);
        }
        let at = |i: usize| Point { step: steps[i], time: times[i], value: values[i] };
        let somewhere = |i: usize| if i == usize::MAX { NOWHERE } else { at(i) };
        Node { n: n as u64, first: at(0), last: at(n - 1), min: somewhere(min_at), max: somewhere(max_at), spots }
    }

    /// Joins a later block to this one. A rewind between the two is counted in the later one already.
    pub fn merge(&mut self, later: &Node) {
        self.n += later.n;
        self.last = later.last;
        if later.min.value < self.min.value || self.min.value.is_nan() {
            self.min = later.min;
        }
        if later.max.value > self.max.value || self.max.value.is_nan() {
            self.max = later.max;
        }
        for (spot, other) in self.spots.iter_mut().zip(&later.spots) {
            if spot.n == 0 {
                *spot = *other;
            } else {
                spot.n += other.n;
            }
        }
    }

    /// The blocks joined; `None` of none.
    pub fn merged(nodes: &[Node]) -> Option<Node> {
        let (first, rest) = nodes.split_first()?;
        let mut out = *first;
        rest.iter().for_each(|n| out.merge(n));
        Some(out)
    }

    pub fn spot(&self, kind: MarkKind) -> &Spot {
        &self.spots[kind.index()]
    }

    /// Whether no value is finite.
    pub fn nothing_finite(&self) -> bool {
        self.min.value.is_nan()
    }
}
