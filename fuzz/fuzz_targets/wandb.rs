//! W&B's and SwanLab's files of records: no panic, progress with every call, and cut anywhere and continued = read at
//! once.
//!
//! The input is the file. Its last bytes also choose the cuts, the budget and whether checksums are mended: without
//! that, no changed byte would ever get past them.

#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use signalbox_formats::{Progress, SourceSpec, open};
use signalbox_testkit::told::Told;
use signalbox_types::{Batch, Cursor, Format};

static PROJECT: LazyLock<PathBuf> = LazyLock::new(|| {
    let project = std::env::temp_dir().join(format!("signalbox-fuzz-{}", std::process::id()));
    fs::create_dir_all(project.join("run")).expect("BUG: a temporary directory can be made");
    project
});

fuzz_target!(|input: &[u8]| {
    let mut file = input.to_vec();
    let choice = input.last_chunk::<8>().copied().unwrap_or_default();
    if choice[0] % 4 != 0 {
        mend_checksums(&mut file);
    }
    let format = if file.starts_with(b":SWL") { Format::Swanlab } else { Format::Wandb };
    let whole = read(format, &file, &[], usize::MAX);
    let mut cuts: Vec<usize> = choice[1..4].iter().map(|&c| file.len() * usize::from(c) / 255).collect();
    cuts.push(usize::from(u16::from_le_bytes([choice[4], choice[5]])) % (file.len() + 1));
    cuts.sort_unstable();
    let budget = usize::from(u16::from_le_bytes([choice[6], choice[7]]));
    assert_eq!(read(format, &file, &cuts, budget), whole);
});

/// Gives every chunk that fits into the file the checksum that its bytes need.
fn mend_checksums(file: &mut [u8]) {
    let mut at = 7;
    while let Some(header) = file.get(at..at + 7) {
        let end = at + 7 + usize::from(u16::from_le_bytes([header[4], header[5]]));
        let Some(summed) = file.get(at + 6..end) else { return };
        let crc = crc32fast::hash(summed).to_le_bytes();
        file[at..at + 4].copy_from_slice(&crc);
        at = end;
    }
}

/// Reads a file that grows from cut to cut, its reader closed and reopened at each.
fn read(format: Format, file: &[u8], cuts: &[usize], budget: usize) -> Told {
    let name = if format == Format::Swanlab { "run-a.swanlab" } else { "run-a.wandb" };
    let path = PROJECT.join("run").join(name);
    let spec = SourceSpec { format, project: PROJECT.clone(), rel: "run".into() };
    let mut told = Told::default();
    let mut cursor: Option<Cursor> = None;
    for &len in cuts.iter().chain([&file.len()]) {
        let _ = fs::remove_file(&path);
        fs::write(&path, &file[..len]).expect("BUG: a temporary file can be written");
        let mut reader = open(&spec, cursor.as_ref());
        loop {
            let mut batch = Batch::default();
            let progress = reader.read(budget, &mut batch);
            assert!(progress == Progress::CaughtUp || batch.bytes_read > 0, "no progress");
            told.apply(batch);
            if progress == Progress::CaughtUp {
                break;
            }
        }
        cursor = Some(reader.cursor());
    }
    let _ = fs::remove_file(&path);
    told.lasting()
}
