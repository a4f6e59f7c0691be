//! What compressed buffers say that they hold, checked before the crate makes room for it.
//!
//! A buffer is its uncompressed length (eight bytes) and a ZSTD or LZ4 frame. Neither can hold more than its own bytes
//! allow: a block of ZSTD is 128 KiB at most and four bytes at least (RFC 8878, 3.1.1.2), a byte of LZ4 stands for 255 at
//! most (LZ4 block format). The crate unpacks LZ4 to its end, whatever length is said, so that its blocks are counted.

use super::frame::{BEYOND, read_at};
use arrow::ipc::{CompressionType, Message};
use std::fs::File;

/// A batch may take so much once it is unpacked: writers make batches of a few ten thousand rows.
const MAX_BODY: u64 = 2 << 30;
const ZSTD_BEST: u64 = 32_768;
const LZ4_BEST: u64 = 255;
/// The length before the frame.
const PREFIX: u64 = 8;

/// Of a batch of rows or of levels, with its body at `at`, `length` bytes long; all other messages are sound.
pub fn check(file: &mut File, message: &Message<'_>, (at, length): (u64, u64)) -> Result<(), String> {
    let batch =
        message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch().and_then(|of| of.data()));
    let Some((batch, compression)) = batch.and_then(|batch| Some((batch, batch.compression()?))) else {
        return Ok(());
    };
    let mut sum = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let (Ok(from), Ok(n_bytes)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(BEYOND.into());
        };
        if from.checked_add(n_bytes).is_none_or(|end| end > length) || (1..PREFIX).contains(&n_bytes) {
            return Err(BEYOND.into());
        }
        if n_bytes == 0 {
            continue;
        }
        let mut said = [0; 8];
        read_at(file, at + from, &mut said)?;
        let packed = n_bytes - PREFIX;
        let holds = match i64::from_le_bytes(said) {
            // Written as it is, since it would not have become shorter.
            -1 => packed,
            0 => 0,
            said => {
                let said = u64::try_from(said).map_err(|_| "a compressed buffer has a length below nothing")?;
                let most = match compression.codec() {
                    CompressionType::ZSTD => packed.saturating_mul(ZSTD_BEST),
                    CompressionType::LZ4_FRAME => lz4_most(file, at + from + PREFIX, packed)?,
                    _ => return Err("it is compressed in a way that is not known".into()),
                };
                if said > most {
                    return Err(format!("{packed} compressed bytes say that they hold {said}, which they cannot"));
                }
                if compression.codec() == CompressionType::ZSTD { said } else { most }
            }
        };
        sum = sum.saturating_add(holds);
        if sum > MAX_BODY {
            return Err(format!("a batch holds more than {} GiB once it is unpacked", MAX_BODY >> 30));
        }
    }
    Ok(())
}

/// What an LZ4 frame unpacks to at most.
///
/// The format: <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>.
fn lz4_most(file: &mut File, at: u64, length: u64) -> Result<u64, String> {
    const DAMAGED: &str = "a compressed buffer is no LZ4 frame";
    let mut head = [0; 6];
    if length < 7 {
        return Err(DAMAGED.into());
    }
    read_at(file, at, &mut head)?;
    let [0x04, 0x22, 0x4d, 0x18, flags, block] = head else { return Err(DAMAGED.into()) };
    let max_block = match block >> 4 & 7 {
        size @ 4..=7 => 1_u64 << (8 + 2 * size),
        _ => return Err(DAMAGED.into()),
    };
    let with = |flag: u8, n_bytes: u64| if flags & flag == 0 { 0 } else { n_bytes };
    // Content size, dictionary, checksum of the header; of each block.
    let (mut next, checksum) = (at + 7 + with(8, 8) + with(1, 4), with(16, 4));
    let (end, mut most) = (at + length, 0_u64);
    while next + 4 <= end {
        let mut word = [0; 4];
        read_at(file, next, &mut word)?;
        let word = u32::from_le_bytes(word);
        let n_bytes = u64::from(word & 0x7fff_ffff);
        if n_bytes == 0 {
            break;
        }
        let is_plain = word >> 31 == 1;
        most += if is_plain { n_bytes } else { max_block.min(n_bytes * LZ4_BEST) };
        next += 4 + n_bytes + checksum;
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Two compressed blocks of a hundred bytes, one as it is, and the end.
    fn frame(block: u8) -> Vec<u8> {
        let mut bytes = vec![0x04, 0x22, 0x4d, 0x18, 0b0110_0000, block, 0];
        for (length, n_bytes) in [(100_u32, 100), (100, 100), (50 | 1 << 31, 50)] {
            bytes.extend(length.to_le_bytes());
            bytes.extend(std::iter::repeat_n(7, n_bytes));
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn most(bytes: &[u8]) -> Result<u64, String> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        lz4_most(&mut file, 0, bytes.len() as u64)
    }

    #[test]
    fn an_lz4_frame_holds_what_its_blocks_may_whatever_length_is_said() {
        assert_eq!(most(&frame(4 << 4)), Ok(2 * 100 * 255 + 50));
        // After the end nothing is unpacked.
        assert_eq!(most(&[frame(7 << 4), frame(7 << 4)].concat()), Ok(2 * 100 * 255 + 50));
        let long = [&frame(4 << 4)[..7], &1000_u32.to_le_bytes(), &[0; 1000], &[0; 4]].concat();
        assert_eq!(most(&long), Ok(64 << 10), "a block is never longer than the frame says");
        for damaged in [&frame(4 << 4)[1..], &frame(0)[..], &[0x04, 0x22]] {
            assert!(most(damaged).is_err());
        }
    }
}
