//! Cut at any byte, then continued with the cursor = read at once.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use signalbox_formats::EventStream;
use signalbox_types::Cursor;

use crate::told::{Told, read_on, read_whole, samples, spec, stream_on, stream_whole};

fn event_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![samples()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().contains("tfevents") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    assert_eq!(found.len(), 31, "{found:#?}");
    found
}

fn cut_and_continued(bytes: &[u8], cuts: &[usize], budget: usize) -> Told {
    let mut told = Told::default();
    let mut cursor = None;
    for &len in cuts.iter().chain([&bytes.len()]) {
        let mut stream = cursor.as_ref().map_or_else(EventStream::default, |c| EventStream::reopen(c).unwrap());
        stream_on(&mut stream, bytes, len, budget, &mut told);
        cursor = Some(stream.cursor());
    }
    told
}

#[test]
fn one_cut_at_every_byte_of_every_sample() {
    for path in event_files() {
        let bytes = fs::read(&path).unwrap();
        let whole = stream_whole(&bytes);
        // Of the one large sample (a graph fills most of it) the rest is left to chance, below.
        let n_cuts = if bytes.len() > 100_000 { 4096 } else { bytes.len() };
        let (mut before, mut told) = (EventStream::default(), Told::default());
        for cut in 0..n_cuts {
            stream_on(&mut before, &bytes, cut, usize::MAX, &mut told);
            let mut told = told.clone();
            stream_on(&mut EventStream::reopen(&before.cursor()).unwrap(), &bytes, bytes.len(), usize::MAX, &mut told);
            assert_eq!(told, whole, "{path:?} cut at {cut}");
        }
    }
}

#[test]
fn a_folder_that_grows_byte_by_byte() {
    for path in event_files() {
        let bytes = fs::read(&path).unwrap();
        let bytes = &bytes[..bytes.len().min(2500)];
        let name = path.file_name().unwrap();
        let project = tempfile::tempdir().unwrap();
        fs::create_dir(project.path().join("run")).unwrap();
        let spec = spec(project.path(), "run");
        let mut file = fs::File::create(project.path().join("run").join(name)).unwrap();
        let mut told = Told::default();
        let mut cursor = read_on(&spec, &Cursor::default(), &mut told);
        for byte in bytes {
            std::io::Write::write_all(&mut file, &[*byte]).unwrap();
            cursor = read_on(&spec, &cursor, &mut told);
        }
        assert_eq!(told, read_whole(&spec), "{path:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn several_cuts_anywhere_with_any_budget(
        fractions in prop::collection::vec(0.0..1.0f64, 1..6),
        budget in prop_oneof![1usize..200, 1000usize..10_000, Just(1 << 20)],
    ) {
        for path in event_files().into_iter().filter(|p| p.to_string_lossy().contains("ultralytics") || p.to_string_lossy().contains("bad")) {
            let bytes = fs::read(&path).unwrap();
            let mut cuts: Vec<_> = fractions.iter().map(|f| (f * bytes.len() as f64) as usize).collect();
            cuts.sort();
            prop_assert_eq!(cut_and_continued(&bytes, &cuts, budget), stream_whole(&bytes));
        }
    }
}
