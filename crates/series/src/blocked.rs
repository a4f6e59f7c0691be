//! Columns of integers that are read at any place: blocks of 64, each of a width of its own, around a straight line.
//!
//! # Layout (little endian)
//! ```text
//! u64 first | u64 stride | u8 bytes of a base, 0..=8
//! of each block: its base
//! of each block: u8 width, 0..=64
//! of each block: 64 integers of `width` bits, the lowest first: 8·width bytes
//! ```
//! Number i is first + i·stride + its block's base + its integer, wrapping.

use std::ops::Range;

use crate::CodecError;
use crate::packed::Bytes;

/// Numbers in a block.
pub(crate) const BLOCK: usize = 64;
/// So many bytes must follow a column that is read in place: numbers are loaded eight bytes at once, and one more.
pub(crate) const PADDING: usize = 16;

/// What the numbers of a column lie around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// The line from the first to the last.
    Line,
    /// Nothing: numbers above `first` are in the order of the column's.
    Level,
}

/// Appends a column of whole blocks.
pub(crate) fn put(column: &[u64], around: Around, out: &mut Vec<u8>) {
    assert!(column.len().is_multiple_of(BLOCK) && !column.is_empty(), "BUG: {} numbers in blocks", column.len());
    let (first, stride) = match (around, column) {
        (Around::Line, [first, .., last]) => {
            (*first, (last.wrapping_sub(*first) as i64 / (column.len() as i64 - 1)) as u64)
        }
        // Half of all numbers lie below it, so that differences to it have the order of the numbers.
        _ => (1 << 63, 0),
    };
    let residual = |i: usize| column[i].wrapping_sub(first.wrapping_add((i as u64).wrapping_mul(stride))) as i64;
    let residuals: Vec<i64> = (0..column.len()).map(residual).collect();
    let ends = |block: &[i64]| block.iter().fold((i64::MAX, i64::MIN), |(low, high), &r| (low.min(r), high.max(r)));
    let blocks: Vec<(i64, i64)> = residuals.chunks_exact(BLOCK).map(ends).collect();
    let low = blocks.iter().map(|b| b.0).min().unwrap_or_default();
    let base = |block: &(i64, i64)| block.0.wrapping_sub(low) as u64;
    let base_bytes = blocks.iter().map(|b| (64 - base(b).leading_zeros()).div_ceil(8)).max().unwrap_or_default();
    let width = |block: &(i64, i64)| 64 - (block.1.wrapping_sub(block.0) as u64).leading_zeros();
    out.extend(first.wrapping_add(low as u64).to_le_bytes());
    out.extend(stride.to_le_bytes());
    out.push(base_bytes as u8);
    blocks.iter().for_each(|b| out.extend(&base(b).to_le_bytes()[..base_bytes as usize]));
    out.extend(blocks.iter().map(|b| width(b) as u8));
    for (block, of) in blocks.iter().zip(residuals.chunks_exact(BLOCK)) {
        let width = width(block);
        // Sixty-four of any width end at a byte.
        let (mut bits, mut n_bits) = (0u128, 0);
        for r in of {
            bits |= u128::from(r.wrapping_sub(block.0) as u64) << n_bits;
            n_bits += width;
            while n_bits >= 8 {
                out.push(bits as u8);
                (bits, n_bits) = (bits >> 8, n_bits - 8);
            }
        }
    }
}

/// Where a column's numbers lie; the bytes are kept elsewhere, for several columns share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked {
    first: u64,
    stride: u64,
    blocks: Vec<Block>,
}

/// 64 numbers above a column's line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    base: u64,
    mask: u64,
    at: u32,
    width: u8,
}

impl Blocked {
    /// A column of `n` numbers that begins at `bytes[at]` and ends before `end`; returns where it ends.
    pub fn open(&mut self, bytes: &[u8], at: usize, end: usize, n: usize) -> Result<usize, CodecError> {
        let column = bytes.get(at..end).ok_or(CodecError::Malformed)?;
        let mut head = Bytes(column);
        self.first = u64::from_le_bytes(head.array()?);
        self.stride = u64::from_le_bytes(head.array()?);
        let base_bytes = usize::from(head.byte()?);
        let n_blocks = n / BLOCK;
        if base_bytes > 8 || !n.is_multiple_of(BLOCK) {
            return Err(CodecError::Malformed);
        }
        let bases = head.some(base_bytes * n_blocks)?;
        let widths = head.some(n_blocks)?;
        let mut at = end - head.0.len();
        self.blocks.clear();
        for (i, &width) in widths.iter().enumerate() {
            let base = bases[i * base_bytes..][..base_bytes].iter().rev().fold(0, |x, &b| x << 8 | u64::from(b));
            let mask = u64::MAX.checked_shr(64 - u32::from(width.min(64))).unwrap_or(0);
            self.blocks.push(Block { base, mask, at: at as u32, width });
            at += BLOCK / 8 * usize::from(width);
            if width > 64 || at > end {
                return Err(CodecError::Malformed);
            }
        }
        Ok(at)
    }

    /// Number `i`. `bytes` are those that it was opened with, and `PADDING` more after the column's.
    #[inline]
    pub fn get(&self, bytes: &[u8], i: usize) -> u64 {
        let line = self.first.wrapping_add((i as u64).wrapping_mul(self.stride));
        line.wrapping_add(self.blocks[i / BLOCK].get(bytes, i % BLOCK))
    }

    /// The block that number `i` lies in.
    #[inline]
    pub fn block(&self, i: usize) -> &Block {
        &self.blocks[i / BLOCK]
    }

    /// Where the line begins.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The most bits that a number takes above its block's base.
    pub fn width(&self) -> u8 {
        self.blocks.iter().map(|block| block.width).max().unwrap_or(0)
    }

    /// Those of a range, with their places.
    #[inline]
    pub fn each(&self, bytes: &[u8], range: Range<usize>, mut take: impl FnMut(usize, u64)) {
        let mut at = range.start;
        while at < range.end {
            let begin = at / BLOCK * BLOCK;
            let (block, end) = (&self.blocks[at / BLOCK], range.end.min(begin + BLOCK));
            for i in at..end {
                let line = self.first.wrapping_add((i as u64).wrapping_mul(self.stride));
                take(i, line.wrapping_add(block.get(bytes, i - begin)));
            }
            at = end;
        }
    }
}

/// How a block's numbers are read: those of at most 32 bits with less ado.
pub(crate) trait Width: Copy {
    /// Number `i` of the block, without the line.
    fn get(self, block: &Block, bytes: &[u8], i: usize) -> u64;

    /// Those of a range, with their places.
    #[inline(always)]
    fn each(self, block: &Block, bytes: &[u8], range: Range<usize>, mut take: impl FnMut(usize, u64)) {
        range.for_each(|i| take(i, self.get(block, bytes, i)));
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Narrow;

#[derive(Clone, Copy)]
pub(crate) struct Wide;

impl Width for Narrow {
    #[inline(always)]
    fn get(self, block: &Block, bytes: &[u8], i: usize) -> u64 {
        let bit = i * usize::from(block.width);
        block.number(&bytes[block.at as usize..], bit)
    }

    #[inline(always)]
    fn each(self, block: &Block, bytes: &[u8], range: Range<usize>, mut take: impl FnMut(usize, u64)) {
        let bytes = &bytes[block.at as usize..];
        let width = usize::from(block.width);
        let mut bit = range.start * width;
        for i in range {
            take(i, block.number(bytes, bit));
            bit += width;
        }
    }
}

impl Width for Wide {
    #[inline(always)]
    fn get(self, block: &Block, bytes: &[u8], i: usize) -> u64 {
        block.get(bytes, i)
    }
}

impl Block {
    /// The number that begins with a bit of the block's bytes, where none is wider than 32 bits.
    #[inline(always)]
    fn number(&self, bytes: &[u8], bit: usize) -> u64 {
        let x = bytes[bit / 8..bit / 8 + 8].try_into().map_or(0, u64::from_le_bytes) >> (bit % 8);
        self.base.wrapping_add(x & self.mask)
    }

    /// Number `i` of the block, without the line.
    #[inline]
    pub fn get(&self, bytes: &[u8], i: usize) -> u64 {
        let bit = i * usize::from(self.width);
        let (at, shift) = (self.at as usize + bit / 8, bit % 8);
        let mut x = bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes) >> shift;
        if self.width > 57 && shift > 0 {
            x |= u64::from(bytes[at + 8]) << (64 - shift);
        }
        self.base.wrapping_add(x & self.mask)
    }
}
