//! A part's running summary, and what follows for a metric of a run from those of its parts.
//!
//! Kept up to date point by point, so that a table never reads a chunk. Only a restart that takes points back needs
//! them once more (`PartSummary::survey`).

use signalbox_types::{Point, Points};

use crate::packed::{Bytes, put_signed, put_varint};
use crate::{CodecError, MarkKind, Node, Spot};

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
    /// For the store. Version 1: `u8 version | u8 flags | varint n | points first, last, min, max | varint low, high step |
    /// [below] | [line: varint first step, point last] | spots by kind, a varint count and a place each, up to the last that
    /// is there | cuts`. Steps are signed varints; a point's flag byte tells what of it is as in the part's last one.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        let flags = [self.times_sorted, self.below.is_some(), self.line.is_some(), !self.cuts.is_empty()];
        out.extend([1, flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag))]);
        put_varint(self.all.n, &mut out);
        let last = &self.all.last;
        put_point(last, &crate::node::NOWHERE, &mut out);
        for point in [&self.all.first, &self.all.min, &self.all.max] {
            put_point(point, last, &mut out);
        }
        put_signed(self.low_step, &mut out);
        put_signed(self.high_step, &mut out);
        self.below.iter().for_each(|&x| put_signed(x, &mut out));
        if let Some(line) = &self.line {
            put_signed(line.first_step, &mut out);
            put_point(&line.last, last, &mut out);
        }
        if !self.cuts.is_empty() {
            put_varint(self.cuts.len() as u64, &mut out);
            for cut in &self.cuts {
                put_varint(cut.n, &mut out);
                put_signed(cut.step, &mut out);
            }
        }
        let n_spots = self.all.spots.iter().rposition(|s| s.n > 0).map_or(0, |i| i + 1);
        for spot in &self.all.spots[..n_spots] {
            put_varint(spot.n, &mut out);
            if spot.n > 0 {
                put_point(&Point { step: spot.step, time: spot.time, value: last.value }, last, &mut out);
            }
        }
        out
    }

    /// The way back.
    pub fn decode(blob: &[u8]) -> Result<PartSummary, CodecError> {
        let mut bytes = Bytes(blob);
        let version = bytes.byte()?;
        if version != 1 {
            return Err(CodecError::Version(version));
        }
        let flags = bytes.byte()?;
        let n = bytes.varint()?;
        let last = point(&crate::node::NOWHERE, &mut bytes)?;
        let mut next = || point(&last, &mut bytes);
        let (first, min, max) = (next()?, next()?, next()?);
        let (low_step, high_step) = (bytes.signed()?, bytes.signed()?);
        let below = if flags & 2 != 0 { Some(bytes.signed()?) } else { None };
        let line = if flags & 4 != 0 {
            Some(LineEnds { first_step: bytes.signed()?, last: point(&last, &mut bytes)? })
        } else {
            None
        };
        let mut cuts = Vec::new();
        for _ in 0..if flags & 8 != 0 { bytes.varint()? } else { 0 } {
            cuts.push(Cut { n: bytes.varint()?, step: bytes.signed()? });
        }
        let mut spots = [Spot::default(); 4];
        for spot in &mut spots {
            let n = if bytes.0.is_empty() { 0 } else { bytes.varint()? };
            if n > 0 {
                let at = point(&last, &mut bytes)?;
                *spot = Spot { n, step: at.step, time: at.time };
            }
        }
        if !bytes.0.is_empty() {
            return Err(CodecError::Malformed);
        }
        let all = Node { n, first, last, min, max, spots };
        Ok(PartSummary { all, low_step, high_step, times_sorted: flags & 1 != 0, below, cuts, line })
    }
}

/// Which of a point's fields are those of the point beside it, and whether the value is a widened f32.
mod same {
    pub const STEP: u8 = 1;
    pub const TIME: u8 = 2;
    pub const VALUE: u8 = 4;
    pub const NARROW: u8 = 8;
}

fn put_point(p: &Point, beside: &Point, out: &mut Vec<u8>) {
    let narrow = f64::from(p.value as f32).to_bits() == p.value.to_bits();
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = flag(p.step == beside.step, same::STEP)
        | flag(p.time.to_bits() == beside.time.to_bits(), same::TIME)
        | flag(p.value.to_bits() == beside.value.to_bits(), same::VALUE)
        | flag(narrow, same::NARROW);
    out.push(flags);
    if flags & same::STEP == 0 {
        put_signed(p.step, out);
    }
    if flags & same::TIME == 0 {
        out.extend(p.time.to_le_bytes());
    }
    match flags & (same::VALUE | same::NARROW) {
        0 => out.extend(p.value.to_le_bytes()),
        same::NARROW => out.extend((p.value as f32).to_le_bytes()),
        _ => {}
    }
}

fn point(beside: &Point, bytes: &mut Bytes<'_>) -> Result<Point, CodecError> {
    let flags = bytes.byte()?;
    let step = if flags & same::STEP == 0 { bytes.signed()? } else { beside.step };
    let time = if flags & same::TIME == 0 { f64::from_le_bytes(bytes.array()?) } else { beside.time };
    let value = match flags & (same::VALUE | same::NARROW) {
        0 => f64::from_le_bytes(bytes.array()?),
        same::NARROW => f64::from(f32::from_le_bytes(bytes.array()?)),
        _ => beside.value,
    };
    Ok(Point { step, time, value })
}
