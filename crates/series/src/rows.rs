//! A row of nodes as a chart takes them: what it needs of each, out of the bytes.

use std::ops::Range;

use signalbox_types::Point;

use crate::codec::{ordered_f32, ordered_f64, unordered_f32, unordered_f64};
use crate::levels::{Coordinates, open_row};
use crate::node::{Node, Spot};
use crate::packed::{Packed, WORD};
use crate::{CodecError, MarkKind};

/// Nodes that are there as such, or encoded.
#[derive(Debug, Default)]
pub struct NodeRow {
    nodes: Vec<Node>,
    encoded: Option<Encoded>,
    /// Of what is encoded; kept to be used again.
    bytes: Vec<u8>,
}

/// Where the columns lie.
#[derive(Debug)]
struct Encoded {
    n: usize,
    /// Points in each node.
    points: u64,
    want: Coordinates,
    /// Values are the bits of f32.
    narrow: bool,
    steps: [Packed; 4],
    times: [Packed; 4],
    values: [Packed; 4],
    /// Count, step and time of each kind of mark; `None` if there is no mark at all.
    spots: Option<[[Packed; 3]; 4]>,
}

/// An encoded row and its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    row: &'a Encoded,
    bytes: &'a [u8],
}

/// Values of nodes, in a row.
pub(crate) trait Values {
    fn value(&self, i: usize, of: Of) -> f64;

    /// The first of the smallest values of some nodes, and the first of the greatest: in which one it is. NaN only where
    /// there is one. Which of two zeros of either sign is the first is left open.
    fn extremes(&self, range: Range<usize>) -> [(usize, f64); 2];
}

impl Values for View<'_> {
    #[inline(always)]
    fn value(&self, i: usize, of: Of) -> f64 {
        self.row.value(self.bytes, i, of)
    }

    /// By keys that have the order of the values, with the place behind them: the least key is that of the first of the
    /// smallest, and there is no branch to guess wrong.
    #[inline(always)]
    fn extremes(&self, range: Range<usize>) -> [(usize, f64); 2] {
        let [.., min, max] = &self.row.values;
        let at = range.start;
        if self.row.narrow {
            let key = |column: &Packed, i: usize, place: usize| {
                ordered_f32(f32::from_bits(column.get(self.bytes, i) as u32)) << 32 | place as u64
            };
            let (mut low, mut high) = (u64::MAX, 0);
            for i in range {
                low = low.min(key(min, i, i - at));
                high = high.max(key(max, i, LAST_PLACE - (i - at)));
            }
            let value = |key: u64| f64::from(unordered_f32(key >> 32));
            let place = |key: u64| key as u32 as usize;
            return [(at + place(low), value(low)), (at + LAST_PLACE - place(high), value(high))];
        }
        let key = |column: &Packed, i: usize, place: usize| {
            u128::from(ordered_f64(f64::from_bits(column.get(self.bytes, i)))) << 32 | place as u128
        };
        let (mut low, mut high) = (u128::MAX, 0);
        for i in range {
            low = low.min(key(min, i, i - at));
            high = high.max(key(max, i, LAST_PLACE - (i - at)));
        }
        let value = |key: u128| unordered_f64((key >> 32) as u64);
        let place = |key: u128| key as u32 as usize;
        [(at + place(low), value(low)), (at + LAST_PLACE - place(high), value(high))]
    }
}

/// No row has more nodes.
const LAST_PLACE: usize = u16::MAX as usize;

impl Values for &NodeRow {
    #[inline(always)]
    fn value(&self, i: usize, of: Of) -> f64 {
        NodeRow::value(self, i, of)
    }

    fn extremes(&self, range: Range<usize>) -> [(usize, f64); 2] {
        let (mut low, mut high) = ((range.start, f64::NAN), (range.start, f64::NAN));
        for i in range {
            let (min, max) = (self.value(i, Of::Min), self.value(i, Of::Max));
            if min < low.1 || low.1.is_nan() {
                low = (i, min);
            }
            if max > high.1 || high.1.is_nan() {
                high = (i, max);
            }
        }
        [low, high]
    }
}

impl View<'_> {
    #[inline(always)]
    pub fn step(self, i: usize, of: Of) -> i64 {
        self.row.step(self.bytes, i, of)
    }

    #[inline(always)]
    pub fn time(self, i: usize, of: Of) -> f64 {
        self.row.time(self.bytes, i, of)
    }
}

/// The points of a node that are kept, in the order of their columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    First,
    Last,
    /// The first of the smallest finite ones; its value is NaN if none is finite.
    Min,
    Max,
}

impl NodeRow {
    /// Empties it, to be filled with nodes.
    pub fn begin(&mut self) -> &mut Vec<Node> {
        self.encoded = None;
        self.nodes.clear();
        &mut self.nodes
    }

    /// Replaces it by an encoded row (see `encode_nodes`). Coordinates that are not wanted will be zero.
    pub fn load(&mut self, blob: &[u8], want: Coordinates) -> Result<(), CodecError> {
        self.begin();
        let row = open_row(blob)?;
        let mut at = 0;
        let mut four = || -> Result<([Packed; 4], usize), CodecError> {
            let mut next = || Packed::open(row.columns, &mut at, row.n);
            Ok(([next()?, next()?, next()?, next()?], at))
        };
        let ((mut steps, steps_end), (mut times, times_end), (mut values, values_end)) = (four()?, four()?, four()?);
        let mut three = || -> Result<[Packed; 3], CodecError> {
            let mut next = || Packed::open(row.columns, &mut at, row.n);
            Ok([next()?, next()?, next()?])
        };
        let spots = [three()?, three()?, three()?, three()?];
        if at != row.columns.len() {
            return Err(CodecError::Malformed);
        }
        let spots = spots.iter().any(|s| !s[0].is_zero()).then_some(spots);
        // Only what is looked at is copied; with marks there is too little to save.
        let bytes = &mut self.bytes;
        bytes.clear();
        match want {
            Coordinates::Steps if spots.is_none() => {
                bytes.extend(&row.columns[..steps_end]);
                bytes.extend(&row.columns[times_end..values_end]);
                times = [Packed::ZERO; 4];
                values = values.map(|column| column.moved(times_end - steps_end));
            }
            Coordinates::Times if spots.is_none() => {
                bytes.extend(&row.columns[steps_end..values_end]);
                steps = [Packed::ZERO; 4];
                (times, values) = (times.map(|c| c.moved(steps_end)), values.map(|c| c.moved(steps_end)));
            }
            _ => bytes.extend(row.columns),
        }
        bytes.extend([0; WORD]);
        let (n, points, narrow) = (row.n, row.points, row.narrow);
        self.encoded = Some(Encoded { n, points, want, narrow, steps, times, values, spots });
        Ok(())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.encoded.as_ref().map_or(self.nodes.len(), |e| e.n)
    }

    /// How many points some nodes have.
    pub(crate) fn points(&self, range: Range<usize>) -> u64 {
        let n = range.len() as u64;
        self.encoded.as_ref().map_or_else(|| self.nodes[range].iter().map(|node| node.n).sum(), |e| n * e.points)
    }

    /// Where one of its points is.
    #[inline(always)]
    pub(crate) fn x(&self, i: usize, of: Of, x_of: impl Fn(i64, f64) -> f64) -> f64 {
        match &self.encoded {
            Some(e) => match e.want {
                Coordinates::Steps => x_of(e.step(&self.bytes, i, of), 0.0),
                Coordinates::Times => x_of(0, e.time(&self.bytes, i, of)),
                Coordinates::Both => x_of(e.step(&self.bytes, i, of), e.time(&self.bytes, i, of)),
            },
            None => {
                let point = self.of(i, of);
                x_of(point.step, point.time)
            }
        }
    }

    #[inline]
    pub(crate) fn step(&self, i: usize, of: Of) -> i64 {
        self.encoded.as_ref().map_or_else(|| self.of(i, of).step, |e| e.step(&self.bytes, i, of))
    }

    #[inline(always)]
    pub(crate) fn value(&self, i: usize, of: Of) -> f64 {
        self.encoded.as_ref().map_or_else(|| self.of(i, of).value, |e| e.value(&self.bytes, i, of))
    }

    /// Of nodes that are there as such.
    fn of(&self, i: usize, of: Of) -> &Point {
        let node = &self.nodes[i];
        match of {
            Of::First => &node.first,
            Of::Last => &node.last,
            Of::Min => &node.min,
            Of::Max => &node.max,
        }
    }

    /// Whether any of some nodes has a mark.
    pub(crate) fn has_spots(&self, mut range: Range<usize>) -> bool {
        let Some(e) = &self.encoded else {
            return self.nodes[range].iter().any(|node| node.spots.iter().any(|spot| spot.n > 0));
        };
        let columns = e.spots.as_ref();
        columns.is_some_and(|columns| range.any(|i| columns.iter().any(|[n, ..]| n.get(&self.bytes, i) > 0)))
    }

    /// What is encoded, to be looked at many times, and the coordinates that are there.
    pub(crate) fn encoded(&self) -> Option<(View<'_>, Coordinates)> {
        self.encoded.as_ref().map(|row| (View { row, bytes: &self.bytes }, row.want))
    }

    /// The kinds of marks that it has, and where the first of each is.
    pub(crate) fn spots(&self, i: usize) -> impl Iterator<Item = (MarkKind, Spot)> {
        let spots = match &self.encoded {
            Some(e) => e.spots(&self.bytes, i),
            None => self.nodes[i].spots,
        };
        MarkKind::ALL.into_iter().zip(spots).filter(|(_, spot)| spot.n > 0)
    }
}

/// Appends an encoded row's nodes.
pub fn decode_nodes(blob: &[u8], out: &mut Vec<Node>) -> Result<(), CodecError> {
    let mut row = NodeRow::default();
    row.load(blob, Coordinates::Both)?;
    let Some(e) = &row.encoded else { return Ok(()) };
    let node = |i: usize| {
        let point = |of| Point {
            step: e.step(&row.bytes, i, of),
            time: e.time(&row.bytes, i, of),
            value: e.value(&row.bytes, i, of),
        };
        let [first, last, min, max] = [Of::First, Of::Last, Of::Min, Of::Max].map(point);
        Node { n: e.points, first, last, min, max, spots: e.spots(&row.bytes, i) }
    };
    out.extend((0..row.len()).map(node));
    Ok(())
}

impl Encoded {
    /// Of all but the first point the difference to it is kept.
    #[inline(always)]
    fn step(&self, bytes: &[u8], i: usize, of: Of) -> i64 {
        let first = self.steps[Of::First as usize].get(bytes, i);
        (if of == Of::First { first } else { first.wrapping_add(self.steps[of as usize].get(bytes, i)) }) as i64
    }

    #[inline(always)]
    fn time(&self, bytes: &[u8], i: usize, of: Of) -> f64 {
        let first = self.times[Of::First as usize].get(bytes, i);
        f64::from_bits(if of == Of::First { first } else { first.wrapping_add(self.times[of as usize].get(bytes, i)) })
    }

    #[inline(always)]
    fn value(&self, bytes: &[u8], i: usize, of: Of) -> f64 {
        let bits = self.values[of as usize].get(bytes, i);
        if self.narrow { f64::from(f32::from_bits(bits as u32)) } else { f64::from_bits(bits) }
    }

    #[inline]
    fn spots(&self, bytes: &[u8], i: usize) -> [Spot; 4] {
        let Some(columns) = &self.spots else { return [Spot::default(); 4] };
        let (step, time) = (self.steps[0].get(bytes, i), self.times[0].get(bytes, i));
        columns.each_ref().map(|[n, steps, times]| match n.get(bytes, i) {
            0 => Spot::default(),
            n => Spot {
                n,
                step: step.wrapping_add(steps.get(bytes, i)) as i64,
                time: f64::from_bits(time.wrapping_add(times.get(bytes, i))),
            },
        })
    }
}
