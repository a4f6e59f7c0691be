//! The protobuf wire format, walked in place: no allocation, no schema, unknown fields skipped.
//!
//! <https://protobuf.dev/programming-guides/encoding/>. Groups (wire types 3 and 4) are refused: none of the
//! messages that we read has ever had one.

/// The bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A field's value as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Wire<'a> {
    /// The bytes of a string, message or packed field; empty when the writer used another wire type.
    pub fn bytes(self) -> &'a [u8] {
        if let Wire::Bytes(b) = self { b } else { &[] }
    }

    /// An integer field's value; 0 when the writer used another wire type.
    pub fn int(self) -> i64 {
        if let Wire::Varint(v) = self { v as i64 } else { 0 }
    }

    /// A double field's value; 0 when the writer used another wire type.
    pub fn double(self) -> f64 {
        if let Wire::Fixed64(v) = self { f64::from_bits(v) } else { 0.0 }
    }
}

/// The fields of one message, in the order in which they were written.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and value; `None` at the message's end.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Wire::Varint(varint(&mut self.rest)?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = varint(&mut self.rest)?;
                Wire::Bytes(self.take(usize::try_from(len).map_err(|_| Malformed)?)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed),
        };
        Ok(Some((key >> 3, value)))
    }

    /// The number of the field that comes next, if one does.
    pub fn peek_number(&self) -> Option<u64> {
        varint(&mut { self.rest }).ok().map(|key| key >> 3)
    }

    #[inline]
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Takes a base-128 number off the front of `bytes`. Bits past the 64th are dropped, as protobuf's own readers do.
#[inline(always)]
pub fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    match **bytes {
        [a @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(a))
        }
        [a, b @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
        }
        _ => long_varint(bytes),
    }
}

#[inline(never)]
fn long_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed)?;
    let mut value = u64::from(first & 0x7f);
    for (i, &b) in rest.iter().take(9).enumerate() {
        value |= u64::from(b & 0x7f) << (7 * (i + 1));
        if b < 0x80 {
            *bytes = &rest[i + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

/// Unix seconds of a `google.protobuf.Timestamp`.
pub fn timestamp(message: &[u8]) -> Result<f64, Malformed> {
    let (mut secs, mut nanos) = (0, 0);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => secs = value.int(),
            2 => nanos = value.int(),
            _ => {}
        }
    }
    Ok(secs as f64 + nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, Malformed> {
        let mut fields = Fields::new(bytes);
        let mut out = Vec::new();
        while let Some(f) = fields.next()? {
            out.push(f);
        }
        Ok(out)
    }

    #[test]
    fn every_wire_type() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        assert_eq!(
            walk(&bytes),
            Ok(vec![
                (1, Wire::Varint(150)),
                (2, Wire::Bytes(b"hi")),
                (3, Wire::Fixed32(1.0f32.to_bits())),
                (4, Wire::Fixed64(1.0f64.to_bits())),
            ])
        );
    }

    #[test]
    fn negative_numbers_take_ten_bytes() {
        let bytes = [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(walk(&bytes).map(|f| f[0].1.int()), Ok(-1));
    }

    #[test]
    fn what_does_not_fit_is_malformed() {
        for bytes in [&[0x12, 5, 1][..], &[0x08], &[0x08, 0xff], &[0x09, 1, 2], &[0x0d, 1], &[0x0b], &[0x80; 11]] {
            assert_eq!(walk(bytes), Err(Malformed), "{bytes:?}");
        }
        let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(walk(&huge), Err(Malformed));
    }
}
