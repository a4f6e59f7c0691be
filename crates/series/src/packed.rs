//! Numbers in few bytes: columns of integers around a straight line, and single varints.

use crate::CodecError;

/// A column's width where all of it is zero.
pub(crate) const ZEROS: u8 = 0xff;

/// Appends a column: `u8 width`, then, unless width is 0xff (all zero), `u64 base`, `u64 stride` and the integers of
/// `width` bytes (0..=8) each: number i is base + i·stride + integer, wrapping.
pub(crate) fn put_column(column: &[u64], out: &mut Vec<u8>) {
    if column.iter().all(|&x| x == 0) {
        out.push(ZEROS);
        return;
    }
    let n = column.len();
    let first = column[0];
    let stride = if n > 1 { column[n - 1].wrapping_sub(first) as i64 / (n as i64 - 1) } else { 0 } as u64;
    let residual = |i: usize| column[i].wrapping_sub(first.wrapping_add((i as u64).wrapping_mul(stride))) as i64;
    let (mut low, mut high) = (0i64, 0i64);
    for i in 0..n {
        let r = residual(i);
        low = low.min(r);
        high = high.max(r);
    }
    let width = (64 - high.wrapping_sub(low).leading_zeros()).div_ceil(8) as usize;
    out.push(width as u8);
    out.extend(first.wrapping_add(low as u64).to_le_bytes());
    out.extend(stride.to_le_bytes());
    for i in 0..n {
        out.extend(&residual(i).wrapping_sub(low).to_le_bytes()[..width]);
    }
}

/// Reads a column of `n` numbers; returns the bytes after it.
pub(crate) fn column(bytes: &[u8], n: usize, mut take: impl FnMut(usize, u64)) -> Result<&[u8], CodecError> {
    let mut end = 0;
    let packed = Packed::open(bytes, &mut end, n)?;
    for i in 0..n {
        let at = packed.at + i * packed.width;
        // Eight bytes at once where there are as many, mostly those of the numbers that follow.
        let x = match bytes.get(at..at + WORD) {
            Some(bytes) => word(bytes),
            None => bytes[at..at + packed.width].iter().rev().fold(0, |x, &b| x << 8 | u64::from(b)),
        };
        take(i, packed.number(x, i));
    }
    Ok(&bytes[end..])
}

/// So many bytes must follow a column that is read in place.
pub(crate) const WORD: usize = 8;

/// Where a column's numbers lie, to be read one by one; the bytes are kept elsewhere, for several columns share them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    at: usize,
    width: usize,
    mask: u64,
    base: u64,
    stride: u64,
}

impl Packed {
    pub const ZERO: Packed = Packed { at: 0, width: 0, mask: 0, base: 0, stride: 0 };

    /// The column of `n` numbers at `bytes[*at]`; moves `at` to its end.
    pub fn open(bytes: &[u8], at: &mut usize, n: usize) -> Result<Packed, CodecError> {
        let column = bytes.get(*at..).ok_or(CodecError::Malformed)?;
        let (&width, rest) = column.split_first().ok_or(CodecError::Malformed)?;
        if width == ZEROS {
            *at += 1;
            return Ok(Packed::ZERO);
        }
        let width = usize::from(width);
        let (head, rest) = rest.split_at_checked(16).ok_or(CodecError::Malformed)?;
        if width > 8 || rest.len() < width * n {
            return Err(CodecError::Malformed);
        }
        let mask = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let packed = Packed { at: *at + 17, width, mask, base: word(&head[..8]), stride: word(&head[8..]) };
        *at = packed.at + width * n;
        Ok(packed)
    }

    /// The same column, so many bytes nearer to the beginning.
    pub fn moved(self, by: usize) -> Packed {
        Packed { at: self.at.saturating_sub(by), ..self }
    }

    /// Whether every number is zero.
    pub fn is_zero(&self) -> bool {
        self.mask == 0 && self.base == 0 && self.stride == 0
    }

    /// Number `i`. `bytes` are those that it was opened in, and `WORD` more.
    #[inline]
    pub fn get(&self, bytes: &[u8], i: usize) -> u64 {
        let at = self.at + i * self.width;
        self.number(bytes[at..at + WORD].try_into().map_or(0, u64::from_le_bytes), i)
    }

    /// Number `i`, whose integer is the lowest of these bytes.
    #[inline]
    fn number(&self, x: u64, i: usize) -> u64 {
        (x & self.mask).wrapping_add(self.base).wrapping_add((i as u64).wrapping_mul(self.stride))
    }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("BUG: eight bytes"))
}

/// Seven bits a byte, the lowest first.
pub(crate) fn put_varint(mut x: u64, out: &mut Vec<u8>) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Small for small numbers of either sign.
pub(crate) fn put_signed(x: i64, out: &mut Vec<u8>) {
    put_varint((x << 1 ^ x >> 63) as u64, out);
}

/// Reads what `put_varint` and `put_signed` wrote.
#[derive(Debug)]
pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        let (&byte, rest) = self.0.split_first().ok_or(CodecError::Malformed)?;
        self.0 = rest;
        Ok(byte)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(CodecError::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    pub fn some(&mut self, n: usize) -> Result<&'a [u8], CodecError> {
        let (some, rest) = self.0.split_at_checked(n).ok_or(CodecError::Malformed)?;
        self.0 = rest;
        Ok(some)
    }

    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let mut x = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            x |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(x);
            }
        }
        Err(CodecError::Malformed)
    }

    pub fn signed(&mut self) -> Result<i64, CodecError> {
        let x = self.varint()?;
        Ok((x >> 1) as i64 ^ -((x & 1) as i64))
    }
}
