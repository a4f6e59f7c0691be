//! TFRecord framing: `u64 length | u32 masked crc of the length | data | u32 masked crc of the data`, little endian.
//!
//! Both checksums (CRC-32C) are always checked: a length that passes is trusted to find the next record, a
//! length that fails ends the file, for nothing behind it can be found.

/// Bytes before a record's data.
pub const HEADER_BYTES: usize = 12;
/// Bytes before and after a record's data.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + 4;

/// What stands at the front of a slice.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole record, and how many bytes it takes with its framing.
    Record { data: &'a [u8], n_bytes: usize },
    /// A record whose length is sound and whose data is not.
    BadData { n_bytes: usize },
    /// The slice ends too early: this many bytes are needed from its front.
    Short { n_needed: u64 },
    /// The length is not to be trusted.
    BadLength,
}

/// Looks at the record at the front of `bytes`.
#[inline]
pub fn frame(bytes: &[u8]) -> Frame<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Frame::Short { n_needed: HEADER_BYTES as u64 };
    };
    let Some(len) = checked_length(header) else { return Frame::BadLength };
    // A length near 2^64 means the same as one past the file's end: it never comes true.
    let n_needed = len.saturating_add(OVERHEAD_BYTES as u64);
    if n_needed > bytes.len() as u64 {
        return Frame::Short { n_needed };
    }
    let (data, tail) = rest.split_at(len as usize);
    let n_bytes = n_needed as usize;
    let stored = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]);
    if masked_crc(data) == stored { Frame::Record { data, n_bytes } } else { Frame::BadData { n_bytes } }
}

/// The length that a header states, if its checksum holds.
#[inline]
fn checked_length(header: &[u8; HEADER_BYTES]) -> Option<u64> {
    let (len, crc) = header.split_first_chunk::<8>()?;
    (masked_crc(len) == u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]])).then(|| u64::from_le_bytes(*len))
}

/// CRC-32C, rotated and shifted so that a checksum of data that holds checksums stays telling.
#[inline]
pub fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(data: &[u8]) -> Vec<u8> {
        let len = (data.len() as u64).to_le_bytes();
        [&len[..], &masked_crc(&len).to_le_bytes(), data, &masked_crc(data).to_le_bytes()].concat()
    }

    #[test]
    fn a_whole_record_and_every_cut_of_it() {
        let bytes = record(b"abc");
        assert_eq!(frame(&bytes), Frame::Record { data: b"abc", n_bytes: 19 });
        for cut in 0..bytes.len() {
            let n_needed = if cut < HEADER_BYTES { 12 } else { 19 };
            assert_eq!(frame(&bytes[..cut]), Frame::Short { n_needed });
        }
    }

    #[test]
    fn a_flipped_bit_is_seen_wherever_it_is() {
        let good = record(b"abc");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            let expected = if at < HEADER_BYTES { Frame::BadLength } else { Frame::BadData { n_bytes: 19 } };
            assert_eq!(frame(&bytes), expected, "byte {at}");
        }
        assert_eq!(frame(&[0; 40]), Frame::BadLength);
    }

    #[test]
    fn the_greatest_length_does_not_overflow() {
        let len = u64::MAX.to_le_bytes();
        let bytes = [&len[..], &masked_crc(&len).to_le_bytes(), b"some data"].concat();
        assert_eq!(frame(&bytes), Frame::Short { n_needed: u64::MAX });
    }
}
