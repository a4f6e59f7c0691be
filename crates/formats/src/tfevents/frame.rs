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

/// Finds records. Keeps the checksums of the lengths it met last: most records of a file have one of few lengths.
#[derive(Clone, Debug)]
pub struct Framing {
    /// By the length's last bits: a length and its masked checksum.
    known: [(u64, u32); 64],
}

impl Default for Framing {
    fn default() -> Self {
        Self { known: [(0, masked_crc(&[0; 8])); 64] }
    }
}

impl Framing {
    /// Looks at the record at the front of `bytes`.
    #[inline]
    pub fn frame<'a>(&mut self, bytes: &'a [u8]) -> Frame<'a> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Frame::Short { n_needed: HEADER_BYTES as u64 };
        };
        let Some(len) = self.checked_length(header) else { return Frame::BadLength };
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
    fn checked_length(&mut self, header: &[u8; HEADER_BYTES]) -> Option<u64> {
        let (len_bytes, crc) = header.split_first_chunk::<8>()?;
        let len = u64::from_le_bytes(*len_bytes);
        let known = &mut self.known[len as usize % 64];
        if known.0 != len {
            *known = (len, masked_crc(len_bytes));
        }
        (known.1 == u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]])).then_some(len)
    }
}

/// CRC-32C, rotated and shifted so that a checksum of data that holds checksums stays telling.
#[inline]
pub fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Framing::default().frame(bytes)
    }

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
    fn a_length_met_before_is_checked_like_any_other() {
        let mut framing = Framing::default();
        let good = record(&[7; 100]);
        let mut bad = good.clone();
        bad[9] ^= 1;
        for _ in 0..2 {
            assert_eq!(framing.frame(&good), Frame::Record { data: &[7; 100], n_bytes: 116 });
            assert_eq!(framing.frame(&bad), Frame::BadLength);
            assert_eq!(framing.frame(&record(&[7; 36])), Frame::Record { data: &[7; 36], n_bytes: 52 });
            assert_eq!(framing.frame(&record(&[])), Frame::Record { data: &[], n_bytes: 16 });
        }
    }

    #[test]
    fn the_greatest_length_does_not_overflow() {
        let len = u64::MAX.to_le_bytes();
        let bytes = [&len[..], &masked_crc(&len).to_le_bytes(), b"some data"].concat();
        assert_eq!(frame(&bytes), Frame::Short { n_needed: u64::MAX });
    }
}
