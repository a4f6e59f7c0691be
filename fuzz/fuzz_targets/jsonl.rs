//! JSON Lines logs: no panic, and cut anywhere and continued = read at once.
//!
//! The input is the file; its last bytes also choose the format and the cuts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox_formats::parse_log;
use signalbox_testkit::told::Told;
use signalbox_types::Format;

const FORMATS: &[Format] = &[Format::Jsonl];

fuzz_target!(|file: &[u8]| {
    let choice = file.last_chunk::<4>().copied().unwrap_or_default();
    let format = FORMATS[usize::from(choice[0]) % FORMATS.len()];
    let mut cuts: Vec<usize> = choice.iter().map(|&c| file.len() * usize::from(c) / 255).collect();
    cuts.sort_unstable();
    assert_eq!(read(format, file, &cuts), read(format, file, &[]));
});

fn read(format: Format, file: &[u8], cuts: &[usize]) -> Told {
    let mut told = Told::default();
    told.apply(parse_log(format, file, cuts));
    told
}
