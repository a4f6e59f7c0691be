//! TensorProto, as far as a scalar or a text needs it. Anything larger than one element is only recognised.

use crate::protobuf::{Fields, Malformed, Wire, varint};

const FLOAT: i64 = 1;
const DOUBLE: i64 = 2;
const STRING: i64 = 7;
const BOOL: i64 = 10;
const BFLOAT16: i64 = 14;
const HALF: i64 = 19;

/// A tensor's fields, its data still as written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tensor<'a> {
    dtype: i64,
    /// Product of the dimensions; `None` when it is unknown or overflows. 1 for rank 0.
    n_elements: Option<u64>,
    rank: u32,
    last_size: u64,
    content: &'a [u8],
    /// The first element of whichever typed list is there.
    first: Option<f64>,
    /// The message itself: text is looked up in it when asked for.
    message: &'a [u8],
}

impl<'a> Tensor<'a> {
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let mut t = Tensor { n_elements: Some(1), message, ..Tensor::default() };
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => t.dtype = value.int(),
                2 => t.shape(value.bytes())?,
                4 => t.content = value.bytes(),
                5 | 6 | 7 | 10 | 11 | 13 | 16 | 17 if t.first.is_none() => {
                    t.first = first_element(number, value, t.dtype)?
                }
                _ => {}
            }
        }
        Ok(t)
    }

    /// The one number that a numeric tensor of a single element holds.
    pub fn scalar(&self) -> Option<f64> {
        if self.dtype == STRING || self.n_elements != Some(1) {
            return None;
        }
        if self.content.is_empty() { self.first } else { content_element(self.dtype, self.content) }
    }

    /// How many dimensions it has.
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// Whether this is a number without a word of data, which TensorFlow reads as zero.
    pub fn is_bare_zero(&self) -> bool {
        self.dtype != STRING
            && self.dtype != 0
            && self.rank == 0
            && self.n_elements == Some(1)
            && self.content.is_empty()
            && self.first.is_none()
    }

    /// The strings of a string tensor, row by row, joined by line breaks; `None` for other tensors.
    pub fn text(&self) -> Option<String> {
        let lines: Vec<_> = self.strings().map(String::from_utf8_lossy).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The elements of a string tensor, row by row; none of other tensors.
    pub fn strings(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut fields = Fields::new(if self.dtype == STRING { self.message } else { &[] });
        std::iter::from_fn(move || {
            loop {
                match fields.next() {
                    Ok(Some((8, value))) => return Some(value.bytes()),
                    Ok(Some(_)) => {}
                    _ => return None,
                }
            }
        })
    }

    /// The elements of a tensor of floats or doubles, row by row; none of other tensors.
    pub fn floats(&self) -> Vec<f64> {
        let (wide, mut out) = (self.dtype == DOUBLE, Vec::new());
        let mut add = |bytes: &[u8]| match wide {
            true => out.extend(bytes.chunks_exact(8).filter_map(|b| b.try_into().ok()).map(f64::from_le_bytes)),
            false => out
                .extend(bytes.chunks_exact(4).filter_map(|b| Some(f64::from(f32::from_le_bytes(b.try_into().ok()?))))),
        };
        if !matches!(self.dtype, FLOAT | DOUBLE) {
            return out;
        }
        if !self.content.is_empty() {
            add(self.content);
            return out;
        }
        let mut fields = Fields::new(self.message);
        while let Ok(Some((number, value))) = fields.next() {
            match (number, value) {
                (5, Wire::Bytes(packed)) if !wide => add(packed),
                (6, Wire::Bytes(packed)) if wide => add(packed),
                (5, Wire::Fixed32(bits)) if !wide => add(&bits.to_le_bytes()),
                (6, Wire::Fixed64(bits)) if wide => add(&bits.to_le_bytes()),
                _ => {}
            }
        }
        out
    }

    /// How many elements it says to have; `None` when that is unknown or overflows.
    pub fn n_elements(&self) -> Option<u64> {
        self.n_elements
    }

    /// The size of the last dimension, 0 for rank 0.
    pub fn last_size(&self) -> u64 {
        self.last_size
    }

    /// TensorShapeProto { repeated Dim dim = 2 { int64 size = 1 } }.
    fn shape(&mut self, message: &[u8]) -> Result<(), Malformed> {
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            if number != 2 {
                continue;
            }
            let mut size = 0;
            let mut dim = Fields::new(value.bytes());
            while let Some((number, value)) = dim.next()? {
                if number == 1 {
                    size = value.int();
                }
            }
            self.rank += 1;
            self.last_size = u64::try_from(size).unwrap_or(0);
            self.n_elements = self.n_elements.zip(u64::try_from(size).ok()).and_then(|(n, d)| n.checked_mul(d));
        }
        Ok(())
    }
}

/// The first element of a `*_val` list, packed or not. `dtype` stands before the lists in what writers write.
fn first_element(number: u64, value: Wire<'_>, dtype: i64) -> Result<Option<f64>, Malformed> {
    let bits = match value {
        Wire::Fixed32(v) => u64::from(v),
        Wire::Fixed64(v) | Wire::Varint(v) => v,
        Wire::Bytes(mut packed) => {
            if packed.is_empty() {
                return Ok(None);
            }
            match number {
                5 => u64::from(u32::from_le_bytes(*packed.first_chunk().ok_or(Malformed)?)),
                6 => u64::from_le_bytes(*packed.first_chunk().ok_or(Malformed)?),
                _ => varint(&mut packed)?,
            }
        }
    };
    Ok(Some(match number {
        5 => f64::from(f32::from_bits(bits as u32)),
        6 => f64::from_bits(bits),
        7 => f64::from(bits as i32),
        13 if dtype == BFLOAT16 => bfloat16(bits as u16),
        13 => half(bits as u16),
        11 => f64::from(u8::from(bits != 0)),
        16 => f64::from(bits as u32),
        17 => bits as f64,
        _ => bits as i64 as f64,
    }))
}

/// The element that `tensor_content` holds, which must be exactly one.
fn content_element(dtype: i64, content: &[u8]) -> Option<f64> {
    Some(match dtype {
        FLOAT => f64::from(f32::from_le_bytes(content.try_into().ok()?)),
        DOUBLE => f64::from_le_bytes(content.try_into().ok()?),
        3 => f64::from(i32::from_le_bytes(content.try_into().ok()?)),
        4 => f64::from(u8::from_le_bytes(content.try_into().ok()?)),
        5 => f64::from(i16::from_le_bytes(content.try_into().ok()?)),
        6 => f64::from(i8::from_le_bytes(content.try_into().ok()?)),
        9 => i64::from_le_bytes(content.try_into().ok()?) as f64,
        BOOL => f64::from(u8::from(u8::from_le_bytes(content.try_into().ok()?) != 0)),
        BFLOAT16 => bfloat16(u16::from_le_bytes(content.try_into().ok()?)),
        17 => f64::from(u16::from_le_bytes(content.try_into().ok()?)),
        HALF => half(u16::from_le_bytes(content.try_into().ok()?)),
        22 => f64::from(u32::from_le_bytes(content.try_into().ok()?)),
        23 => u64::from_le_bytes(content.try_into().ok()?) as f64,
        _ => return None,
    })
}

fn bfloat16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// IEEE 754 binary16; every value of it is exact in an `f64`.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(message: &[u8]) -> Option<f64> {
        Tensor::parse(message).ok().and_then(|t| t.scalar())
    }

    #[test]
    fn one_number_in_every_encoding() {
        let third = (1.0f32 / 3.0).to_le_bytes();
        let third_value = Some(f64::from(1.0f32 / 3.0));
        let check = |parts: &[&[u8]], expected: Option<f64>| assert_eq!(scalar(&parts.concat()), expected, "{parts:?}");
        check(&[&[8, 1, 0x22, 4], &third], third_value);
        check(&[&[8, 1, 0x2a, 4], &third], third_value);
        check(&[&[8, 1, 0x2d], &third], third_value);
        check(&[&[8, 2, 0x22, 8], &2.5f64.to_le_bytes()], Some(2.5));
        check(&[&[8, 2, 0x31], &2.5f64.to_le_bytes()], Some(2.5));
        check(&[&[8, 2, 0x32, 8], &2.5f64.to_le_bytes()], Some(2.5));
        check(&[&[8, 3, 0x38, 7]], Some(7.0));
        check(&[&[8, 3, 0x3a, 1, 7]], Some(7.0));
        check(&[&[8, 3, 0x22, 4], &(-7i32).to_le_bytes()], Some(-7.0));
        check(&[&[8, 9, 0x50, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]], Some(-1.0));
        check(&[&[8, 9, 0x22, 8], &(-9i64).to_le_bytes()], Some(-9.0));
        check(&[&[8, 10, 0x58, 1]], Some(1.0));
        check(&[&[8, 10, 0x22, 1, 1]], Some(1.0));
        check(&[&[8, 19, 0x22, 2, 0x00, 0x3e]], Some(1.5));
        check(&[&[8, 19, 0x6a, 2, 0x80, 0x7c]], Some(1.5));
        check(&[&[8, 14, 0x22, 2, 0xc0, 0x3f]], Some(1.5));
        check(&[&[8, 14, 0x68, 0xc0, 0x7f]], Some(1.5));
    }

    #[test]
    fn one_element_of_any_rank_is_a_scalar_and_two_are_not() {
        assert_eq!(scalar(&[8, 3, 0x12, 4, 0x12, 2, 8, 1, 0x38, 7]), Some(7.0));
        assert_eq!(scalar(&[8, 3, 0x12, 4, 0x12, 2, 8, 2, 0x38, 7]), None);
        assert_eq!(scalar(&[8, 1, 0x12, 2, 0x12, 0]), None);
        assert_eq!(scalar(&[8, 1, 0x22, 3, 0, 0, 0]), None);
        assert_eq!(scalar(&[8, 7, 0x42, 1, b'x']), None);
    }

    #[test]
    fn halves_at_their_edges() {
        assert_eq!(half(0x0001), 2f64.powi(-24));
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
        assert_eq!(half(0x8000).to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    fn texts_are_joined() {
        let t = Tensor::parse(&[8, 7, 0x42, 1, b'a', 0x42, 2, b'b', b'c']).unwrap();
        assert_eq!(t.text().as_deref(), Some("a\nbc"));
        assert_eq!(Tensor::parse(&[8, 1]).unwrap().text(), None);
    }
}
