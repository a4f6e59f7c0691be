//! A part's running summary, and what follows for a metric of a run from those of its parts.
//!
//! Kept up to date point by point, so that a table never reads a chunk. Only a restart that takes points back needs
//! them once more (`PartSummary::survey`).

use signalbox_types::{Point, Points};

use crate::{MarkKind, Node};

/// What one writer logged of one metric, so far. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct PartSummary {
    /// Every point.
    pub all: Node,
    pub low_step: i64,
    pub high_step: i64,
    /// Every time is a number and not before its predecessor's.
    pub times_sorted: bool,
    /// Points at this step and later are off the line: a later part began there.
    pub below: Option<i64>,
    /// Restarts within the part.
    pub cuts: Vec<Cut>,
    /// Of the points that are on the line as far as this part alone tells.
    pub line: Option<LineEnds>,
}

/// The first `n` points of a part lose those at `step` and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub n: u64,
    pub step: i64,
}

/// The smallest step of a line and its last point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineEnds {
    pub first_step: i64,
    /// The greatest step, as its last writer said it.
    pub last: Point,
}

impl PartSummary {
    /// The summary of `points`; `None` of none.
    pub fn of(points: &Points, below: Option<i64>) -> Option<PartSummary> {
        if points.is_empty() {
            return None;
        }
        let mut out = PartSummary {
            all: Node::of(points, 0, points.len(), None),
            low_step: i64::MAX,
            high_step: i64::MIN,
            times_sorted: true,
            below,
            cuts: Vec::new(),
            line: None,
        };
        out.follow(points, None);
        Some(out)
    }

    /// Takes in points written after those before.
    pub fn append(&mut self, points: &Points) {
        if points.is_empty() {
            return;
        }
        let before = self.all.last;
        self.all.merge(&Node::of(points, 0, points.len(), Some(before.step)));
        self.follow(points, Some(before.time));
    }

    fn follow(&mut self, points: &Points, before: Option<f64>) {
        let mut previous = before.unwrap_or(f64::NEG_INFINITY);
        for &time in &points.times {
            self.times_sorted &= time >= previous && time.is_finite();
            previous = time;
        }
        for &step in &points.steps {
            self.low_step = self.low_step.min(step);
            self.high_step = self.high_step.max(step);
        }
        for i in 0..points.len() {
            if self.below.is_none_or(|below| points.steps[i] < below) {
                extend(&mut self.line, points.get(i));
            }
        }
    }

    /// Every step is greater than its predecessor.
    pub fn ascending(&self) -> bool {
        self.all.spot(MarkKind::Rewind).n == 0
    }

    /// No restart takes a point of it off the line.
    pub fn whole(&self) -> bool {
        self.below.is_none_or(|below| self.high_step < below) && self.cuts.iter().all(|c| self.high_step < c.step)
    }

    /// A later part's restart: `below` is the least step of all such. True when `survey` must follow.
    #[must_use]
    pub fn set_below(&mut self, below: Option<i64>) -> bool {
        if self.below == below {
            return false;
        }
        let least = self.below.into_iter().chain(below).min();
        let lowered = least == below;
        self.below = below;
        // What is on the line already lies before the restart.
        let unmoved = lowered && self.line.is_none_or(|line| below.is_some_and(|b| line.last.step < b));
        !unmoved && least.is_some_and(|least| self.high_step >= least)
    }

    /// A restart within the part, after all points so far. True when `survey` must follow.
    #[must_use]
    pub fn cut(&mut self, step: i64) -> bool {
        if self.high_step < step {
            return false;
        }
        self.cuts.push(Cut { n: self.all.n, step });
        self.line.is_some_and(|line| line.last.step >= step)
    }

    /// Finds the line's ends anew from all points of the part, in pieces in writing order.
    pub fn survey<'a>(&mut self, pieces: impl IntoIterator<Item = &'a Points>) {
        self.line = None;
        let mut at = 0;
        for points in pieces {
            for i in 0..points.len() {
                if on_line(points.steps[i], at, self.below, &self.cuts) {
                    extend(&mut self.line, points.get(i));
                }
                at += 1;
            }
        }
    }
}

/// Whether restarts leave the point number `at` of a part on the line.
pub(crate) fn on_line(step: i64, at: u64, below: Option<i64>, cuts: &[Cut]) -> bool {
    below.is_none_or(|below| step < below) && cuts.iter().all(|c| at >= c.n || step < c.step)
}

fn extend(line: &mut Option<LineEnds>, point: Point) {
    match line {
        Some(line) => {
            line.first_step = line.first_step.min(point.step);
            if point.step >= line.last.step {
                line.last = point;
            }
        }
        None => *line = Some(LineEnds { first_step: point.step, last: point }),
    }
}

/// What a metric of a run is as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// Every point of every part; `first` of the first part, `last` of the last; rewinds between parts included.
    pub all: Node,
    pub line: Option<LineEnds>,
    /// Strictly ascending steps over all parts, nothing taken back: the pyramid is the line.
    pub clean: bool,
    /// Times never go back over all parts, and are known.
    pub times_sorted: bool,
}

/// Joins the summaries of a metric's parts, ordered by the parts' names; `None` of none.
pub fn whole<'a>(parts: impl IntoIterator<Item = &'a PartSummary>) -> Option<Whole> {
    let mut parts = parts.into_iter();
    let first = parts.next()?;
    let mut out = Whole {
        all: first.all,
        line: first.line,
        clean: first.ascending() && first.whole(),
        times_sorted: first.times_sorted,
    };
    let mut high = first.high_step;
    for part in parts {
        let goes_back = part.all.first.step <= high;
        out.clean &= part.ascending() && part.whole() && !goes_back;
        out.times_sorted &= part.times_sorted && part.all.first.time >= out.all.last.time;
        out.all.merge(&part.all);
        if goes_back {
            let rewinds = &mut out.all.spots[MarkKind::Rewind.index()];
            if rewinds.n == 0 {
                (rewinds.step, rewinds.time) = (part.all.first.step, part.all.first.time);
            }
            rewinds.n += 1;
        }
        high = high.max(part.high_step);
        out.line = match (out.line, part.line) {
            (Some(a), Some(b)) => Some(LineEnds {
                first_step: a.first_step.min(b.first_step),
                last: if b.last.step >= a.last.step { b.last } else { a.last },
            }),
            (a, b) => a.or(b),
        };
    }
    Some(out)
}

impl PartSummary {
    /// For the store: version 1, fixed fields in order, then the cuts.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(1);
        let flags = [self.times_sorted, self.below.is_some(), self.line.is_some()];
        out.push(flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag)));
        let mut put = |x: u64| out.extend(x.to_le_bytes());
        let point = |p: &Point| [p.step as u64, p.time.to_bits(), p.value.to_bits()];
        put(self.all.n);
        [self.all.first, self.all.last, self.all.min, self.all.max].iter().flat_map(point).for_each(&mut put);
        for spot in &self.all.spots {
            [spot.n, spot.step as u64, spot.time.to_bits()].into_iter().for_each(&mut put);
        }
        put(self.low_step as u64);
        put(self.high_step as u64);
        self.below.iter().for_each(|&x| put(x as u64));
        if let Some(line) = &self.line {
            put(line.first_step as u64);
            point(&line.last).into_iter().for_each(&mut put);
        }
        for cut in &self.cuts {
            put(cut.n);
            put(cut.step as u64);
        }
        out
    }

    /// The way back.
    pub fn decode(blob: &[u8]) -> Result<PartSummary, crate::CodecError> {
        use crate::CodecError::{Malformed, Short, Version};
        let (&[version, flags], words) = blob.split_first_chunk().ok_or(Short { len: blob.len() })?;
        if version != 1 {
            return Err(Version(version));
        }
        let (words, rest) = words.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(Malformed);
        }
        let mut words = words.iter().map(|&w| u64::from_le_bytes(w));
        let mut next = || words.next().ok_or(Malformed);
        let n = next()?;
        let mut points = [crate::node::NOWHERE; 4];
        for p in &mut points {
            *p = Point { step: next()? as i64, time: f64::from_bits(next()?), value: f64::from_bits(next()?) };
        }
        let [first, last, min, max] = points;
        let mut spots = [crate::Spot::default(); 4];
        for spot in &mut spots {
            *spot = crate::Spot { n: next()?, step: next()? as i64, time: f64::from_bits(next()?) };
        }
        let (low_step, high_step) = (next()? as i64, next()? as i64);
        let below = if flags & 2 != 0 { Some(next()? as i64) } else { None };
        let line = if flags & 4 != 0 {
            let first_step = next()? as i64;
            let last = Point { step: next()? as i64, time: f64::from_bits(next()?), value: f64::from_bits(next()?) };
            Some(LineEnds { first_step, last })
        } else {
            None
        };
        let mut cuts = Vec::new();
        while let Some(n) = words.next() {
            cuts.push(Cut { n, step: words.next().ok_or(Malformed)? as i64 });
        }
        let all = Node { n, first, last, min, max, spots };
        Ok(PartSummary { all, low_step, high_step, times_sorted: flags & 1 != 0, below, cuts, line })
    }
}
