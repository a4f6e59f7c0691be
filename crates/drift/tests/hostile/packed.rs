//! Arrow files as pandas and pyarrow write them (`tests/feather/write.py`): their buffers are compressed.

use super::{Found, Place, read, refused, rows};
use signalbox_drift::gather::Held;
use signalbox_drift::read::Kind;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/feather").join(name)
}

/// Debug tells NaN from NaN not; both sides print the same.
fn held(found: &Found, name: &str) -> String {
    match &found.of(name).held {
        Held::Levels(_) => format!("{:?}", found.levels(name)),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_pyarrow_has_compressed_is_what_it_has_not() {
    let plain = read(&sample("uncompressed.feather"));
    assert_eq!(plain.problems, []);
    assert_eq!(
        (plain.counts("text"), plain.kind("t"), plain.kind("list")),
        (rows(900, 82), Kind::Datetime, Kind::List)
    );
    assert_eq!(plain.numbers("n")[899], 299.0);
    for name in ["lz4.feather", "zstd.feather", "lz4.arrows", "zstd.arrows", "pandas.feather"] {
        let packed = read(&sample(name));
        assert_eq!(packed.problems, [], "{name}");
        for column in packed.names() {
            assert_eq!(held(&packed, column), held(&plain, column), "{name}: {column}");
            assert_eq!(packed.counts(column), plain.counts(column), "{name}: {column}");
        }
        assert_eq!(packed.names().len(), if name == "pandas.feather" { 7 } else { 8 }, "{name}");
    }
}

#[test]
fn a_cut_stream_keeps_the_batches_before_the_cut_and_a_cut_file_is_refused() {
    let place = Place::new();
    for codec in ["lz4", "zstd"] {
        let bytes = std::fs::read(sample(&format!("{codec}.arrows"))).expect("a sample");
        let found = read(&place.put("cut.arrows", &bytes[..bytes.len() - 400]));
        assert_eq!((found.counts("x").rows, found.problem().place.as_deref()), (600, Some("record batch 2")));
        let bytes = std::fs::read(sample(&format!("{codec}.feather"))).expect("a sample");
        let said = refused(&place.put("cut.feather", &bytes[..bytes.len() / 2]));
        assert!(said.contains("footer"), "{said}");
    }
}

/// Where the uncompressed lengths of `length` bytes stand, before a frame that begins so.
fn lengths(bytes: &[u8], length: i64, magic: [u8; 4]) -> Vec<usize> {
    let said = length.to_le_bytes();
    (0..bytes.len() - 12).filter(|at| bytes[*at..at + 8] == said && bytes[at + 8..at + 12] == magic).collect()
}

#[test]
fn a_length_that_the_bytes_cannot_hold_is_not_believed() {
    let place = Place::new();
    for (codec, magic) in [("lz4", [0x04, 0x22, 0x4d, 0x18]), ("zstd", [0x28, 0xb5, 0x2f, 0xfd])] {
        for (shape, lies) in [("feather", 1_i64 << 62), ("feather", 1 << 40), ("arrows", 1 << 40), ("arrows", -7)] {
            let mut bytes = std::fs::read(sample(&format!("{codec}.{shape}"))).expect("a sample");
            // Three batches of 300 doubles: the second one's.
            let places = lengths(&bytes, 2400, magic);
            let at = places[places.len() / 2];
            bytes[at..at + 8].copy_from_slice(&lies.to_le_bytes());
            let found = read(&place.put(&format!("lies.{shape}"), &bytes));
            assert_eq!(found.counts("n").rows, 300, "{codec} {shape} {lies}");
            let problem = found.problem();
            assert_eq!(problem.place.as_deref(), Some("record batch 1"), "{codec} {shape} {lies}");
            let said = if lies < 0 { "below nothing" } else { "which they cannot" };
            assert!(problem.message.contains(said), "{problem:?}");
        }
        // A lie that could be true is found out when it is unpacked.
        let mut bytes = std::fs::read(sample(&format!("{codec}.arrows"))).expect("a sample");
        let at = lengths(&bytes, 2400, magic)[0];
        bytes[at..at + 8].copy_from_slice(&2401_i64.to_le_bytes());
        let found = read(&place.put("near.arrows", &bytes));
        assert!(!found.problems.is_empty(), "{codec}");
    }
}

#[test]
fn any_damaged_byte_ends_nothing() {
    let place = Place::new();
    for name in ["lz4.feather", "zstd.arrows"] {
        let whole = std::fs::read(sample(name)).expect("a sample");
        for at in (0..whole.len()).step_by(97) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let path = place.put(name, &bytes);
            if let Ok(table) = signalbox_drift::read::Table::open(&path, &signalbox_drift::read::Options::default()) {
                drop(table);
                let found = read(&path);
                assert!(found.columns.iter().all(|column| column.counts.rows <= 900), "{name} {at}");
            }
        }
    }
}
