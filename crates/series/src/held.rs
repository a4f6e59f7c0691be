//! A chunk's points as a chart takes them: in place, out of the packed bytes, where the chunk allows it; else decoded.

use std::ops::Range;

use signalbox_types::Points;

use crate::CodecError;
use crate::blocked::{BLOCK, Block, Blocked, Narrow, PADDING, Wide, Width};
use crate::codec::{Chunk, GROUP, HEAD, Head, kind, unordered_f32, unordered_f64};
use crate::levels::Coordinates;

/// Some of a series' points; kept to be used again.
#[derive(Debug, Default)]
pub struct Held {
    n: usize,
    want: Coordinates,
    /// The columns that are not read in place. One that nobody wants is empty.
    points: Points,
    bytes: Vec<u8>,
    steps: Column,
    times: Column,
    values: Column,
    /// Where in the bytes it stands which of each 16 values are the extremes.
    extremes_at: usize,
}

#[derive(Debug, Default)]
struct Column {
    how: How,
    blocked: Blocked,
    /// Of a progression.
    first: u64,
    stride: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum How {
    #[default]
    Decoded,
    Progression,
    /// In blocks: the bits, or milliseconds, or the bits of f32 or f64 in the order of their values.
    Bits,
    Millis,
    F32,
    F64,
}

impl Column {
    #[inline]
    fn bits(&self, bytes: &[u8], i: usize) -> u64 {
        match self.how {
            How::Progression => self.first.wrapping_add((i as u64).wrapping_mul(self.stride)),
            _ => self.blocked.get(bytes, i),
        }
    }
}

impl Held {
    /// Empties it, to be filled with points; coordinates that nobody wants may stay empty.
    pub fn begin(&mut self) -> &mut Points {
        (self.n, self.want, self.extremes_at) = (0, Coordinates::Both, 0);
        [&mut self.steps, &mut self.times, &mut self.values].into_iter().for_each(|c| c.how = How::Decoded);
        let points = &mut self.points;
        points.steps.clear();
        points.times.clear();
        points.values.clear();
        points
    }

    /// Replaces it by an encoded chunk's values and those coordinates that are wanted.
    pub fn load(&mut self, blob: &[u8], want: Coordinates) -> Result<(), CodecError> {
        Chunk::open(blob)?;
        self.load_checked(want, |range, out| {
            out.copy_from_slice(blob.get(range).ok_or(CodecError::Malformed)?);
            Ok(())
        })
    }

    /// The same of a chunk that was loaded before, so that its checksum is known to match: only the bytes that are looked
    /// at are asked for. `read` puts those of a range into a place of the same length.
    pub fn load_checked<E: From<CodecError>>(
        &mut self,
        want: Coordinates,
        mut read: impl FnMut(Range<usize>, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.begin();
        let mut head = [0; HEAD];
        read(0..HEAD, &mut head)?;
        let Head { n, columns: mut places } = Head::read(&head)?;
        let wanted = [want != Coordinates::Times, want != Coordinates::Steps, true];
        let mut end = 0;
        for ((_, range), wanted) in places.iter_mut().zip(wanted) {
            let len = if wanted { range.len() } else { 0 };
            if len > MOST_BYTES {
                return Err(CodecError::Malformed.into());
            }
            // What the chunk before left there is written over, and not read behind the end.
            if self.bytes.len() < end + len + PADDING {
                self.bytes.resize(end + len + PADDING, 0);
            }
            if len > 0 {
                read(range.clone(), &mut self.bytes[end..end + len])?;
            }
            *range = end..end + len;
            end += len;
        }
        Ok(self.place(n, places, end, want)?)
    }

    fn place(
        &mut self,
        n: usize,
        places: [(u8, Range<usize>); 3],
        end: usize,
        want: Coordinates,
    ) -> Result<(), CodecError> {
        let chunk = Chunk::of(n, places.clone(), &self.bytes[..end])?;
        let [steps, times, values] = places;
        let is_step = |how| matches!(how, How::Progression | How::Bits);
        let is_time = |how| matches!(how, How::Progression | How::Bits | How::Millis);
        let is_value = |how| matches!(how, How::F32 | How::F64);
        if want != Coordinates::Times && self.steps.place(&self.bytes, steps, n, is_step)?.is_none() {
            chunk.steps(&mut self.points.steps)?;
        }
        if want != Coordinates::Steps && self.times.place(&self.bytes, times, n, is_time)?.is_none() {
            chunk.times(&mut self.points.times)?;
        }
        if let Some(end) = self.values.place(&self.bytes, values.clone(), n, is_value)? {
            self.extremes_at = end;
            // f32 are at most 32 bits wide.
            let fits = self.values.how == How::F64 || self.values.blocked.width() <= 32;
            if values.1.end - end != n / GROUP || !fits {
                return Err(CodecError::Malformed);
            }
        } else {
            chunk.values(&mut self.points.values)?;
        }
        (self.n, self.want) = (n, want);
        Ok(())
    }

    /// Those that are there.
    pub(crate) fn coordinates(&self) -> Coordinates {
        self.want
    }

    pub(crate) fn len(&self) -> usize {
        self.n.max(self.points.values.len())
    }

    #[inline(always)]
    pub(crate) fn step(&self, i: usize) -> i64 {
        match self.steps.how {
            How::Decoded => self.points.steps.get(i).copied().unwrap_or_default(),
            _ => self.steps.bits(&self.bytes, i) as i64,
        }
    }

    #[inline(always)]
    pub(crate) fn time(&self, i: usize) -> f64 {
        match self.times.how {
            How::Decoded => self.points.times.get(i).copied().unwrap_or_default(),
            How::Millis => self.times.bits(&self.bytes, i) as i64 as f64 / 1000.0,
            _ => f64::from_bits(self.times.bits(&self.bytes, i)),
        }
    }

    #[inline(always)]
    pub(crate) fn value(&self, i: usize) -> f64 {
        match self.values.how {
            How::F32 => f64::from(unordered_f32(self.values.bits(&self.bytes, i))),
            How::F64 => unordered_f64(self.values.bits(&self.bytes, i)),
            _ => self.points.values[i],
        }
    }

    /// The first of the smallest and the first of the greatest values of a range, with their places; `None` if there is
    /// none, or if one is not finite.
    pub(crate) fn extremes(&self, range: Range<usize>) -> Option<[(usize, f64); 2]> {
        if range.is_empty() {
            return None;
        }
        let values = &self.values.blocked;
        Some(match self.values.how {
            How::F32 => {
                let key = |bits: u64, i: u64| bits << PLACE_BITS | i;
                let value = |bits: u64| f64::from(unordered_f32(values.first().wrapping_add(bits)));
                let ends = self.extremes_in_place(range, key, Narrow);
                ends.map(|(i, key)| (i, value(key >> PLACE_BITS)))
            }
            How::F64 => {
                let key = |bits: u64, i: u64| u128::from(bits) << PLACE_BITS | u128::from(i);
                let value = |bits: u64| unordered_f64(values.first().wrapping_add(bits));
                let ends = self.extremes_in_place(range, key, Wide);
                ends.map(|(i, key)| (i, value((key >> PLACE_BITS) as u64)))
            }
            _ => {
                let values = &self.points.values[range.clone()];
                let (low, high) = finite_extremes(values)?;
                let first = |y: f64| values.iter().position(|&v| v == y).map(|i| (range.start + i, values[i]));
                [first(low)?, first(high)?]
            }
        })
    }

    /// Values in place are all finite, and in the order of their bits above the first. A key is those bits with the place
    /// behind them, so that the least key is that of the first of the smallest: no branch to guess wrong.
    #[inline]
    fn extremes_in_place<K: Key>(
        &self,
        range: Range<usize>,
        key: impl Fn(u64, u64) -> K,
        width: impl Width,
    ) -> [(usize, K); 2] {
        let bits = |block: &Block, i| width.get(block, &self.bytes, i);
        let values = &self.values.blocked;
        let low_key = |i: usize, bits: u64| key(bits, i as u64);
        let high_key = |i: usize, bits: u64| key(bits, PLACE_MASK - i as u64);
        let first = bits(values.block(range.start), range.start % BLOCK);
        let (mut low, mut high) = (low_key(range.start, first), high_key(range.start, first));
        // A group lies in one block.
        let some = |from: usize, to: usize, ends: (K, K)| {
            let (mut low, mut high) = ends;
            if from < to {
                let begin = from / BLOCK * BLOCK;
                width.each(values.block(from), &self.bytes, from - begin..to - begin, |i, bits| {
                    low = low.min(low_key(begin + i, bits));
                    high = high.max(high_key(begin + i, bits));
                });
            }
            (low, high)
        };
        let groups = range.start.div_ceil(GROUP)..range.end / GROUP;
        if groups.is_empty() {
            let middle = range.end.min(range.start.next_multiple_of(GROUP));
            (low, high) = some(range.start, middle, (low, high));
            (low, high) = some(middle, range.end, (low, high));
        } else {
            (low, high) = some(range.start, groups.start * GROUP, (low, high));
            (low, high) = some(groups.end * GROUP, range.end, (low, high));
            for (group, &of) in groups.clone().zip(&self.bytes[self.extremes_at + groups.start..]) {
                let block = values.block(group * GROUP);
                let at = |nibble: u8| group * GROUP + usize::from(nibble);
                let (i, j) = (at(of & 0xf), at(of >> 4));
                low = low.min(low_key(i, bits(block, i % BLOCK)));
                high = high.max(high_key(j, bits(block, j % BLOCK)));
            }
        }
        [(low.place() as usize, low), ((PLACE_MASK - high.place()) as usize, high)]
    }
}

/// No column of 4096 numbers takes as many, however it is kept.
const MOST_BYTES: usize = 1 << 20;

trait Key: Ord + Copy {
    fn place(self) -> u64;
}

impl Key for u64 {
    fn place(self) -> u64 {
        self & PLACE_MASK
    }
}

impl Key for u128 {
    fn place(self) -> u64 {
        self as u64 & PLACE_MASK
    }
}

/// Enough for a place in a chunk.
const PLACE_BITS: u32 = 13;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

impl Column {
    /// Finds out where the numbers lie; `None` if they must be decoded, else where the column ends.
    fn place(
        &mut self,
        bytes: &[u8],
        (kind, range): (u8, Range<usize>),
        n: usize,
        in_place: impl Fn(How) -> bool,
    ) -> Result<Option<usize>, CodecError> {
        let how = match kind {
            kind::PROGRESSION => How::Progression,
            kind::BLOCKED_BITS => How::Bits,
            kind::BLOCKED_MILLIS => How::Millis,
            kind::BLOCKED_F32 => How::F32,
            kind::BLOCKED_F64 => How::F64,
            _ => How::Decoded,
        };
        if !in_place(how) {
            return Ok(None);
        }
        self.how = how;
        if how == How::Progression {
            let ([first, stride], []) = bytes[range].as_chunks::<8>() else { return Err(CodecError::Malformed) };
            (self.first, self.stride) = (u64::from_le_bytes(*first), u64::from_le_bytes(*stride));
            return Ok(Some(0));
        }
        self.blocked.open(bytes, range.start, range.end, n).map(Some)
    }
}

/// The least and the greatest; `None` if one is not finite. In lanes, so that the compiler finds the processor's own.
fn finite_extremes(values: &[f64]) -> Option<(f64, f64)> {
    const LANES: usize = 8;
    let less = |a: f64, b: f64| if a < b { a } else { b };
    let more = |a: f64, b: f64| if a > b { a } else { b };
    // Zero times what is not finite is NaN, and stays so.
    let (mut low, mut high, mut zero) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [0.0; LANES]);
    let mut take = |some: &[f64]| {
        for (((low, high), zero), &y) in low.iter_mut().zip(&mut high).zip(&mut zero).zip(some) {
            *low = less(y, *low);
            *high = more(y, *high);
            *zero += y * 0.0;
        }
    };
    let (chunks, rest) = values.as_chunks::<LANES>();
    chunks.iter().for_each(|chunk| take(chunk));
    take(rest);
    let all = zero.iter().sum::<f64>() == 0.0;
    all.then(|| (low.into_iter().fold(f64::INFINITY, less), high.into_iter().fold(f64::NEG_INFINITY, more)))
}
