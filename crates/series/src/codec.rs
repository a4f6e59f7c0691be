//! Chunks: up to 4096 points as compressed columns.
//!
//! # Layout, versions 1 and 2 (little endian)
//! ```text
//! u8  version: 2 if a column is of a kind from 8 on, else 1
//! u8  0
//! u16 n points, 1..=4096
//! u32 CRC-32C of everything after this field, continued over the four bytes before it
//! 3 × { u8 kind, u32 length }   the columns steps, times, values
//! the three columns' bytes
//! ```
//! A column's kind says how its numbers are kept; every kind gives the bits back that went in:
//! 0 progression: u64 first, u64 stride (wrapping, on the bits); 1 pco of i64; 2 pco of f64; 3 pco of f32 (each value
//! is an f32 widened); 4 pco of i64 milliseconds; 5 the bits, packed around a straight line (`packed`); 6 the bits of the
//! f32, packed; 7 i64 milliseconds, packed; 8 the bits, 9 i64 milliseconds, 10 f32, 11 f64 in blocks (`blocked`), which
//! are read at any place. Floats in blocks are all finite and none is -0.0; they are kept in the order of their values: as
//! their bits, inverted if negative, else with the sign bit set. After them comes a byte for each 16 values: which of them
//! is the first of the smallest (lower half) and of the greatest.
//!
//! A chart of many runs looks at a few in a hundred of the points, wherever its pixels begin: from blocks it takes just
//! those. They are taken for whole sealed chunks unless pco is shorter by more than a fifth.
//!
//! pco runs in its classic mode with the delta order chosen here from a sample: its own search costs three times as
//! much and found nothing better on training curves. Level 4 for sealed chunks, 1 for pieces that will be merged.

use std::ops::Range;

use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};
use signalbox_types::Points;

use crate::blocked::{self, Around, BLOCK, Blocked, PADDING};
use crate::packed;

/// A sealed chunk's number of points.
pub const CHUNK_POINTS: usize = 4096;

/// Of a chunk whose columns are of kinds before `kind::BLOCKED_BITS`.
const VERSION: u8 = 1;
const VERSION_BLOCKED: u8 = 2;
/// Values that share a byte which tells their extremes.
pub(crate) const GROUP: usize = 16;
const HEADER: usize = 8;
const COLUMNS_AT: usize = HEADER + 3 * 5;

pub(crate) mod kind {
    pub const PROGRESSION: u8 = 0;
    pub const PCO_I64: u8 = 1;
    pub const PCO_F64: u8 = 2;
    pub const PCO_F32: u8 = 3;
    pub const PCO_MILLIS: u8 = 4;
    pub const PACKED_BITS: u8 = 5;
    pub const PACKED_F32: u8 = 6;
    pub const PACKED_MILLIS: u8 = 7;
    pub const BLOCKED_BITS: u8 = 8;
    pub const BLOCKED_MILLIS: u8 = 9;
    pub const BLOCKED_F32: u8 = 10;
    pub const BLOCKED_F64: u8 = 11;
}

/// How much work to spend on a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Rewritten soon: no compression.
    Plain,
    /// Merged later.
    Quick,
    /// For good.
    Sealed,
}

/// Why bytes are not a chunk (or a row of nodes).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("cut short: {len} bytes")]
    Short { len: usize },
    #[error("format version {0} is not known")]
    Version(u8),
    #[error("checksum does not match")]
    Checksum,
    #[error("a length or a kind is out of range")]
    Malformed,
}

/// Encodes `points[from..to]`. Panics unless it is 1 to 4096 points.
pub fn encode(points: &Points, from: usize, to: usize, effort: Effort) -> Vec<u8> {
    let n = to - from;
    assert!((1..=CHUNK_POINTS).contains(&n), "BUG: a chunk of {n} points");
    let mut out = Vec::with_capacity(COLUMNS_AT + n * if effort == Effort::Plain { 16 } else { 7 });
    out.extend([0; 2]);
    out.extend((n as u16).to_le_bytes());
    out.resize(COLUMNS_AT, 0);
    let columns = [
        encode_steps(&points.steps[from..to], effort, &mut out),
        encode_times(&points.times[from..to], effort, &mut out),
        encode_values(&points.values[from..to], effort, &mut out),
    ];
    let is_blocked = columns.iter().any(|c| c.0 >= kind::BLOCKED_BITS);
    out[0] = if is_blocked { VERSION_BLOCKED } else { VERSION };
    for (i, (kind, len)) in columns.into_iter().enumerate() {
        let at = HEADER + i * 5;
        out[at] = kind;
        out[at + 1..at + 5].copy_from_slice(&(len as u32).to_le_bytes());
    }
    let crc = checksum(&out);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

/// What a chunk begins with.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Points, 1..=4096.
    pub n: usize,
    /// Each column's kind and where its bytes lie in the chunk: steps, times, values. Whether there are as many bytes is
    /// not known yet.
    pub columns: [(u8, Range<usize>); 3],
}

/// Bytes of it.
pub(crate) const HEAD: usize = COLUMNS_AT;

impl Head {
    pub fn read(blob: &[u8]) -> Result<Head, CodecError> {
        let head = blob.first_chunk::<HEAD>().ok_or(CodecError::Short { len: blob.len() })?;
        if !(VERSION..=VERSION_BLOCKED).contains(&head[0]) {
            return Err(CodecError::Version(head[0]));
        }
        let n = usize::from(u16::from_le_bytes([head[2], head[3]]));
        if n == 0 || n > CHUNK_POINTS {
            return Err(CodecError::Malformed);
        }
        let mut at = HEAD;
        let columns = [0, 1, 2].map(|i| {
            let place = HEADER + i * 5;
            let len = head[place + 1..place + 5].try_into().map_or(0, u32::from_le_bytes);
            let begin = at;
            at += len as usize;
            (head[place], begin..at)
        });
        Ok(Head { n, columns })
    }
}

/// A chunk whose frame was checked; columns are decoded on demand.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    n: usize,
    columns: [(u8, &'a [u8]); 3],
}

impl<'a> Chunk<'a> {
    pub fn open(blob: &'a [u8]) -> Result<Self, CodecError> {
        let head = Head::read(blob)?;
        if checksum(blob).to_le_bytes() != blob[4..8] {
            return Err(CodecError::Checksum);
        }
        Self::of(head.n, head.columns, blob)
    }

    /// Columns that lie somewhere in `bytes`, which were checked before.
    pub(crate) fn of(n: usize, places: [(u8, Range<usize>); 3], bytes: &'a [u8]) -> Result<Self, CodecError> {
        let mut columns = [(0, &[][..]); 3];
        for (column, (kind, range)) in columns.iter_mut().zip(places) {
            *column = (kind, bytes.get(range).ok_or(CodecError::Malformed)?);
        }
        Ok(Self { n, columns })
    }

    /// Number of points; never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Appends the steps.
    pub fn steps(&self, out: &mut Vec<i64>) -> Result<(), CodecError> {
        let (kind, bytes) = self.columns[0];
        match kind {
            kind::PROGRESSION => {
                out.extend(progression(bytes, self.n)?.map(|bits| bits as i64));
                Ok(())
            }
            kind::PCO_I64 => unpack(bytes, self.n, 0i64, out),
            kind::PACKED_BITS => unpack_bits(bytes, self.n, |bits| out.push(bits as i64)),
            kind::BLOCKED_BITS => unblock(bytes, self.n, 0, |bits| out.push(bits as i64)),
            _ => Err(CodecError::Malformed),
        }
    }

    /// Appends the times.
    pub fn times(&self, out: &mut Vec<f64>) -> Result<(), CodecError> {
        self.floats(1, out)
    }

    /// Appends the values.
    pub fn values(&self, out: &mut Vec<f64>) -> Result<(), CodecError> {
        self.floats(2, out)
    }

    /// Appends all three columns; on error `out` is as it was.
    pub fn points(&self, out: &mut Points) -> Result<(), CodecError> {
        let n = out.len();
        let result = self
            .steps(&mut out.steps)
            .and_then(|()| self.times(&mut out.times))
            .and_then(|()| self.values(&mut out.values));
        if result.is_err() {
            out.steps.truncate(n);
            out.times.truncate(n);
            out.values.truncate(n);
        }
        result
    }

    fn floats(&self, column: usize, out: &mut Vec<f64>) -> Result<(), CodecError> {
        let (kind, bytes) = self.columns[column];
        match kind {
            kind::PROGRESSION => {
                out.extend(progression(bytes, self.n)?.map(f64::from_bits));
                Ok(())
            }
            kind::PCO_F64 => unpack(bytes, self.n, 0f64, out),
            kind::PCO_F32 => {
                let mut narrow = Vec::new();
                unpack(bytes, self.n, 0f32, &mut narrow)?;
                out.extend(narrow.iter().map(|&x| f64::from(x)));
                Ok(())
            }
            kind::PCO_MILLIS => {
                let mut millis = Vec::new();
                unpack(bytes, self.n, 0i64, &mut millis)?;
                out.extend(millis.iter().map(|&ms| ms as f64 / 1000.0));
                Ok(())
            }
            kind::PACKED_BITS => unpack_bits(bytes, self.n, |bits| out.push(f64::from_bits(bits))),
            kind::PACKED_F32 => unpack_bits(bytes, self.n, |bits| out.push(f64::from(f32::from_bits(bits as u32)))),
            kind::PACKED_MILLIS => unpack_bits(bytes, self.n, |ms| out.push(ms as i64 as f64 / 1000.0)),
            kind::BLOCKED_BITS => unblock(bytes, self.n, 0, |bits| out.push(f64::from_bits(bits))),
            kind::BLOCKED_MILLIS => unblock(bytes, self.n, 0, |ms| out.push(ms as i64 as f64 / 1000.0)),
            kind::BLOCKED_F32 => unblock(bytes, self.n, GROUP, |bits| out.push(f64::from(unordered_f32(bits)))),
            kind::BLOCKED_F64 => unblock(bytes, self.n, GROUP, |bits| out.push(unordered_f64(bits))),
            _ => Err(CodecError::Malformed),
        }
    }
}

/// Appends a chunk's points to `out`; on error `out` is as it was.
pub fn decode(blob: &[u8], out: &mut Points) -> Result<(), CodecError> {
    Chunk::open(blob)?.points(out)
}

fn checksum(blob: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&blob[HEADER..]), &blob[..4])
}

fn encode_steps(steps: &[i64], effort: Effort, out: &mut Vec<u8>) -> (u8, usize) {
    let bits = |x: i64| x as u64;
    if let Some(len) = put_progression(steps, bits, out) {
        return (kind::PROGRESSION, len);
    }
    match effort {
        Effort::Plain => (kind::PACKED_BITS, pack_bits(steps, bits, out)),
        _ => or_blocked((kind::PCO_I64, pack(steps, bits, effort, out)), effort, out, || {
            Some((kind::BLOCKED_BITS, block(steps, bits, Around::Line)?))
        }),
    }
}

fn encode_times(times: &[f64], effort: Effort, out: &mut Vec<u8>) -> (u8, usize) {
    if let Some(len) = put_progression(times, f64::to_bits, out) {
        return (kind::PROGRESSION, len);
    }
    match (effort, millis(times)) {
        (Effort::Plain, Some(millis)) => (kind::PACKED_MILLIS, pack_bits(&millis, |x| x as u64, out)),
        (Effort::Plain, None) => (kind::PACKED_BITS, pack_bits(times, f64::to_bits, out)),
        (_, Some(millis)) => {
            let packed = (kind::PCO_MILLIS, pack(&millis, |x| x as u64, effort, out));
            or_blocked(packed, effort, out, || {
                Some((kind::BLOCKED_MILLIS, block(&millis, |x| x as u64, Around::Line)?))
            })
        }
        (_, None) => or_blocked((kind::PCO_F64, pack(times, f64::to_bits, effort, out)), effort, out, || {
            Some((kind::BLOCKED_BITS, block(times, f64::to_bits, Around::Line)?))
        }),
    }
}

fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) -> (u8, usize) {
    if let Some(len) = put_progression(values, f64::to_bits, out) {
        return (kind::PROGRESSION, len);
    }
    let narrow = narrow(values);
    match (effort, narrow) {
        (Effort::Plain, Some(narrow)) => (kind::PACKED_F32, pack_bits(&narrow, |x| u64::from(x.to_bits()), out)),
        (Effort::Plain, None) => (kind::PACKED_BITS, pack_bits(values, f64::to_bits, out)),
        (_, Some(narrow)) => {
            let packed = (kind::PCO_F32, pack(&narrow, |x| u64::from(x.to_bits()), effort, out));
            or_blocked(packed, effort, out, || {
                let extremes = extremes(values)?;
                Some((kind::BLOCKED_F32, [block(&narrow, ordered_f32, Around::Level)?, extremes].concat()))
            })
        }
        (_, None) => or_blocked((kind::PCO_F64, pack(values, f64::to_bits, effort, out)), effort, out, || {
            let extremes = extremes(values)?;
            Some((kind::BLOCKED_F64, [block(values, ordered_f64, Around::Level)?, extremes].concat()))
        }),
    }
}

/// The column in blocks instead of what was put last, if it is sealed, can be had so, and is not much longer.
fn or_blocked(
    packed: (u8, usize),
    effort: Effort,
    out: &mut Vec<u8>,
    blocked: impl FnOnce() -> Option<(u8, Vec<u8>)>,
) -> (u8, usize) {
    if effort != Effort::Sealed {
        return packed;
    }
    let Some((kind, bytes)) = blocked().filter(|(_, bytes)| bytes.len() <= packed.1 + packed.1 / 5) else {
        return packed;
    };
    out.truncate(out.len() - packed.1);
    out.extend(&bytes);
    (kind, bytes.len())
}

/// `None` of a column that is not made of whole blocks.
fn block<T: Copy>(column: &[T], bits: impl Fn(T) -> u64, around: Around) -> Option<Vec<u8>> {
    if !column.len().is_multiple_of(BLOCK) {
        return None;
    }
    let column: Vec<u64> = column.iter().map(|&x| bits(x)).collect();
    let mut out = Vec::with_capacity(3 * column.len());
    blocked::put(&column, around, &mut out);
    Some(out)
}

/// Of each 16 values, which one is the first of the smallest, and of the greatest; `None` unless all are finite and none
/// is -0.0, so that their order is that of their bits.
fn extremes(values: &[f64]) -> Option<Vec<u8>> {
    let is_plain = |x: &f64| x.is_finite() && x.to_bits() != (-0.0f64).to_bits();
    values.iter().all(is_plain).then(|| {
        let of = |group: &[f64]| {
            let (mut low, mut high) = (0, 0);
            for (i, x) in group.iter().enumerate() {
                low = if *x < group[low] { i } else { low };
                high = if *x > group[high] { i } else { high };
            }
            (high << 4 | low) as u8
        };
        values.chunks(GROUP).map(of).collect()
    })
}

const SIGN_F32: u32 = 1 << 31;
const SIGN_F64: u64 = 1 << 63;

/// Bits in the order of the values.
#[inline]
pub(crate) fn ordered_f32(x: f32) -> u64 {
    let bits = x.to_bits();
    u64::from(if bits & SIGN_F32 == 0 { bits | SIGN_F32 } else { !bits })
}

#[inline]
pub(crate) fn ordered_f64(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits & SIGN_F64 == 0 { bits | SIGN_F64 } else { !bits }
}

#[inline]
pub(crate) fn unordered_f32(bits: u64) -> f32 {
    let bits = bits as u32;
    f32::from_bits(if bits & SIGN_F32 == 0 { !bits } else { bits ^ SIGN_F32 })
}

#[inline]
pub(crate) fn unordered_f64(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN_F64 == 0 { !bits } else { bits ^ SIGN_F64 })
}

/// The values as f32, if each one was born as one.
fn narrow(values: &[f64]) -> Option<Vec<f32>> {
    let same = |x: &f64| f64::from(*x as f32).to_bits() == x.to_bits();
    (values.iter().all(same)).then(|| values.iter().map(|&x| x as f32).collect())
}

/// The times in milliseconds, if each one is a whole number of them.
fn millis(times: &[f64]) -> Option<Vec<i64>> {
    let mut out = Vec::with_capacity(times.len());
    for &t in times {
        let ms = (t * 1000.0).round();
        // Below 2^53 the way back is a single rounding; -0.0 and NaN fail the comparison of bits.
        if !(ms.abs() < 9e15 && (ms as i64 as f64 / 1000.0).to_bits() == t.to_bits()) {
            return None;
        }
        out.push(ms as i64);
    }
    Some(out)
}

fn put_progression<T: Copy>(column: &[T], bits: impl Fn(T) -> u64, out: &mut Vec<u8>) -> Option<usize> {
    let first = bits(column[0]);
    let stride = column.get(1).map_or(0, |&x| bits(x).wrapping_sub(first));
    if !column.windows(2).all(|w| bits(w[1]).wrapping_sub(bits(w[0])) == stride) {
        return None;
    }
    out.extend(first.to_le_bytes());
    out.extend(stride.to_le_bytes());
    Some(16)
}

fn progression(bytes: &[u8], n: usize) -> Result<impl Iterator<Item = u64> + use<>, CodecError> {
    let ([first, stride], []) = bytes.as_chunks::<8>() else { return Err(CodecError::Malformed) };
    let (first, stride) = (u64::from_le_bytes(*first), u64::from_le_bytes(*stride));
    Ok((0..n as u64).map(move |i| first.wrapping_add(stride.wrapping_mul(i))))
}

fn pack_bits<T: Copy>(column: &[T], bits: impl Fn(T) -> u64, out: &mut Vec<u8>) -> usize {
    let at = out.len();
    let bits: Vec<u64> = column.iter().map(|&x| bits(x)).collect();
    packed::put_column(&bits, out);
    out.len() - at
}

fn unpack_bits(bytes: &[u8], n: usize, mut push: impl FnMut(u64)) -> Result<(), CodecError> {
    let rest = packed::column(bytes, n, |_, bits| push(bits))?;
    if rest.is_empty() { Ok(()) } else { Err(CodecError::Malformed) }
}

/// A column in blocks, number by number; a byte for each `group` of them follows, unless that is 0.
fn unblock(bytes: &[u8], n: usize, group: usize, mut push: impl FnMut(u64)) -> Result<(), CodecError> {
    let mut padded = Vec::with_capacity(bytes.len() + PADDING);
    padded.extend(bytes);
    padded.extend([0; PADDING]);
    let mut column = Blocked::default();
    let end = column.open(&padded, 0, bytes.len(), n)?;
    if bytes.len() - end != n.checked_div(group).unwrap_or(0) {
        return Err(CodecError::Malformed);
    }
    column.each(&padded, 0..n, |_, x| push(x));
    Ok(())
}

fn pack<T: pco::data_types::Number>(column: &[T], bits: impl Fn(T) -> u64, effort: Effort, out: &mut Vec<u8>) -> usize {
    let level = if effort == Effort::Sealed { 4 } else { 1 };
    let delta = if neighbours_are_close(column, bits) { DeltaSpec::TryConsecutive(1) } else { DeltaSpec::NoOp };
    let config =
        ChunkConfig::default().with_compression_level(level).with_mode_spec(ModeSpec::Classic).with_delta_spec(delta);
    let bytes = simple_compress(column, &config).expect("BUG: pco refuses a valid configuration");
    out.extend(&bytes);
    bytes.len()
}

/// Whether a number lies nearer to its predecessor than to one far away: then differences are the shorter to keep.
fn neighbours_are_close<T: Copy>(column: &[T], bits: impl Fn(T) -> u64) -> bool {
    let n = column.len();
    let stride = n.div_ceil(256).max(1);
    let length = |a: u64, b: u64| 64 - a.abs_diff(b).leading_zeros();
    let (mut near, mut far, mut n_sampled) = (0, 0, 0);
    for i in (1..n).step_by(stride) {
        let x = bits(column[i]);
        near += length(x, bits(column[i - 1]));
        far += length(x, bits(column[(i + n / 2) % n]));
        n_sampled += 1;
    }
    // A difference of two noisy numbers is half a bit longer than the noise itself.
    2 * near + n_sampled < 2 * far
}

fn unpack<T: pco::data_types::Number>(bytes: &[u8], n: usize, zero: T, out: &mut Vec<T>) -> Result<(), CodecError> {
    let at = out.len();
    out.resize(at + n, zero);
    // The checksum held when the chunk was first read; pco checks its own lengths, and is fenced all the same.
    let target = std::panic::AssertUnwindSafe(&mut out[at..]);
    let decoded = std::panic::catch_unwind(move || {
        let std::panic::AssertUnwindSafe(target) = { target };
        simple_decompress_into(bytes, target)
    });
    match decoded {
        Ok(Ok(progress)) if progress.n_processed == n && progress.finished => Ok(()),
        _ => {
            out.truncate(at);
            Err(CodecError::Malformed)
        }
    }
}
