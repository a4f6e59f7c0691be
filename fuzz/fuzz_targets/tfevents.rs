//! Event files: no panic, progress with every call, and cut anywhere and continued = read at once.
//!
//! The input is the file. Its last eight bytes also choose the cuts, the budget and whether checksums are mended:
//! without that, no changed byte would ever get past them. Real event files are seeds as they are.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use signalbox_formats::{EventStream, Progress};
use signalbox_testkit::told::Told;
use signalbox_types::Batch;

fuzz_target!(|input: &[u8]| {
    let mut file = input.to_vec();
    let choice = input.last_chunk::<8>().copied().unwrap_or_default();
    if choice[0] % 4 != 0 {
        mend_checksums(&mut file);
    }
    let whole = read(&file, &[], usize::MAX);
    let mut cuts: Vec<usize> = choice[1..4].iter().map(|&c| file.len() * usize::from(c) / 255).collect();
    cuts.push(usize::from(u16::from_le_bytes([choice[4], choice[5]])) % (file.len() + 1));
    cuts.sort_unstable();
    let budget = usize::from(u16::from_le_bytes([choice[6], choice[7]]));
    assert_eq!(read(&file, &cuts, budget), whole);
});

/// Gives every record that fits into the file the checksums that its bytes need.
fn mend_checksums(file: &mut [u8]) {
    let mut at = 0;
    while file.len() - at >= 12 {
        let len: [u8; 8] = file[at..at + 8].try_into().expect("BUG: eight bytes are eight bytes");
        file[at + 8..at + 12].copy_from_slice(&masked_crc(&len));
        let len = u64::from_le_bytes(len);
        if len.saturating_add(16) > (file.len() - at) as u64 {
            return;
        }
        let end = at + 12 + len as usize;
        let crc = masked_crc(&file[at + 12..end]);
        file[end..end + 4].copy_from_slice(&crc);
        at = end + 4;
    }
}

fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// Reads a file that grows from cut to cut, its stream closed and reopened at each.
fn read(file: &[u8], cuts: &[usize], budget: usize) -> Told {
    let mut told = Told::default();
    let mut stream = EventStream::default();
    for &len in cuts.iter().chain([&file.len()]) {
        let mut src = Cursor::new(&file[..len]);
        assert!(stream.is_same(&mut src, len as u64).expect("BUG: a slice cannot fail"));
        loop {
            let mut batch = Batch::default();
            let progress = stream.read(&mut src, len as u64, budget, &mut batch).expect("BUG: a slice cannot fail");
            assert!(progress == Progress::CaughtUp || batch.bytes_read > 0, "no progress");
            assert!(batch.bytes_read <= file.len() as u64);
            told.apply(batch);
            if progress == Progress::CaughtUp {
                break;
            }
        }
        stream = EventStream::reopen(&stream.cursor()).expect("BUG: its own cursor");
    }
    told
}
