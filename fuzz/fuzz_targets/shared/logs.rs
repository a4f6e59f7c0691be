//! What the targets for text logs share: cut anywhere and continued = read at once.

use signalbox_formats::parse_log;
use signalbox_testkit::told::Told;
use signalbox_types::Format;

/// `input` is the file; its last bytes also choose the format and the cuts.
pub fn same_however_cut(input: &[u8], formats: &[Format]) {
    let choice = input.last_chunk::<4>().copied().unwrap_or_default();
    let format = formats[usize::from(choice[0]) % formats.len()];
    let mut cuts: Vec<usize> = choice.iter().map(|&c| input.len() * usize::from(c) / 255).collect();
    cuts.sort_unstable();
    assert_eq!(read(format, input, &cuts), read(format, input, &[]));
}

fn read(format: Format, file: &[u8], cuts: &[usize]) -> Told {
    let mut told = Told::default();
    told.apply(parse_log(format, file, cuts));
    told
}
