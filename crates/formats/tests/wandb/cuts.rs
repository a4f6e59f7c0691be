//! Cut at any byte, then continued with the cursor = read at once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use signalbox_formats::open;
use signalbox_types::{Batch, Format};

use crate::{
    told::{Told, append, put, read_whole, samples, spec},
    write::{LOG, item, items, nested, record, row},
};

fn logs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["offline", "multiblock", "legacy_0_17", "core_0_17_4", "core_0_18"]
        .iter()
        .map(|s| samples().join(format!("wandb_{s}")))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|e| e == "wandb") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    assert_eq!(found.len(), 7, "{found:#?}");
    found
}

/// Visits the file at each of the lengths, reopened each time.
fn visited(project: &Path, bytes: &[u8], cuts: &[usize], budget: usize) -> Told {
    let path = project.join(LOG);
    let spec = spec(Format::Wandb, project, "wandb/run-20260102_030405-abc");
    put(&path, b"");
    let (mut told, mut cursor) = (Told::default(), None);
    let mut from = 0;
    for &to in cuts.iter().chain([&bytes.len()]) {
        append(&path, &bytes[from..to]);
        told.visit(&spec, &mut cursor, budget);
        from = to;
    }
    told
}

fn small() -> Vec<Vec<u8>> {
    let mut records = vec![
        record(17, &[1, 2, 3, 8].map(|n| crate::write::bytes(n, format!("field{n}").as_bytes())).concat()),
        items(5, &[item("lr", "0.1"), nested(&["m", "d"], "3")]),
    ];
    for step in 0..4 {
        records.push(row(step, &[("loss", "0.5"), ("n", "{\"a\": NaN}")]));
        records.push(items(3, &[item("best", &step.to_string())]));
    }
    records.push(record(18, &crate::write::int(1, 3)));
    records
}

#[test]
fn one_cut_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = vec![crate::write::file(&small())];
    files.extend(logs().iter().map(|path| fs::read(path).unwrap()).filter(|bytes| bytes.len() < 3000));
    assert_eq!(files.len(), 3);
    for bytes in files {
        let whole = visited(dir.path(), &bytes, &[], usize::MAX);
        assert!(whole.status().is_some() && whole.problems.is_empty());
        for cut in 0..bytes.len() {
            assert_eq!(visited(dir.path(), &bytes, &[cut], usize::MAX), whole, "cut at {cut}");
        }
    }
}

#[test]
fn one_cut_around_every_end_of_a_block() {
    let dir = tempfile::tempdir().unwrap();
    for path in logs() {
        let bytes = fs::read(&path).unwrap();
        let whole = visited(dir.path(), &bytes, &[], usize::MAX);
        for cut in (1..4).flat_map(|block| (block << 15) - 20..(block << 15) + 20).filter(|cut| *cut < bytes.len()) {
            assert_eq!(visited(dir.path(), &bytes, &[cut], usize::MAX), whole, "{path:?} cut at {cut}");
        }
    }
}

#[test]
fn a_file_that_grows_byte_by_byte_under_one_reader() {
    let bytes = crate::write::file(&small());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    put(&path, b"");
    let spec = spec(Format::Wandb, dir.path(), "wandb/run-20260102_030405-abc");
    let mut reader = open(&spec, None);
    let mut told = Told::default();
    for byte in &bytes {
        append(&path, &[*byte]);
        told.catch_up(&mut *reader, usize::MAX);
    }
    assert_eq!(told, read_whole(&spec));
    // Nothing new: nothing is read and nothing is told.
    let mut batch = Batch::default();
    reader.read(usize::MAX, &mut batch);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0));
}

#[test]
fn only_what_was_appended_is_read() {
    let rows: Vec<_> = (0..20_000).map(|step| row(step, &[("loss", "0.25"), ("acc", "0.5")])).collect();
    let bytes = crate::write::file(&rows);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let at = bytes.len() - 300;
    put(&path, &bytes[..at]);
    let spec = spec(Format::Wandb, dir.path(), "wandb/run-20260102_030405-abc");
    let mut told = Told::default();
    let mut reader = open(&spec, None);
    told.catch_up(&mut *reader, 1 << 16);
    append(&path, &bytes[at..]);
    let mut batch = Batch::default();
    reader.read(1 << 16, &mut batch);
    assert!(batch.bytes_read < 1500, "{} bytes for a few rows", batch.bytes_read);
    told.apply(batch);
    assert_eq!(told.line("loss").len(), 20_000);
    assert!(reader.cursor().0.len() < 1000, "{}", reader.cursor().0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn several_cuts_anywhere_with_any_budget(
        fractions in prop::collection::vec(0.0..1.0f64, 1..6),
        budget in prop_oneof![1usize..200, 1000usize..100_000, Just(1 << 20)],
        flips in prop::collection::vec((0.0..1.0f64, 1u8..=255), 0..3),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for path in logs() {
            let mut bytes = fs::read(&path).unwrap();
            for (fraction, mask) in &flips {
                let at = 7 + (fraction * (bytes.len() - 7) as f64) as usize;
                bytes[at] ^= mask;
            }
            let mut cuts: Vec<_> = fractions.iter().map(|f| (f * bytes.len() as f64) as usize).collect();
            cuts.sort_unstable();
            prop_assert_eq!(visited(dir.path(), &bytes, &cuts, budget), visited(dir.path(), &bytes, &[], usize::MAX));
        }
    }
}
