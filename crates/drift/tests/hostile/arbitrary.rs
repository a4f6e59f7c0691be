//! Whatever the bytes: an answer or a refusal.

use super::Place;
use super::columnar::{batch, ipc, write};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int32Array, StringArray};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use signalbox_drift::pair::gathered;
use signalbox_drift::read::{Options, Table};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What is said of it does not matter here.
fn survive(path: &Path) {
    let Ok(table) = Table::open(path, &Options::default()) else { return };
    let all: Vec<usize> = (0..table.columns().len()).collect();
    for pass in table.passes(&all) {
        for column in gathered(&table, &pass).0 {
            let counts = column.counts;
            assert!(counts.nulls + counts.nan + counts.pos_inf + counts.neg_inf + counts.mismatched <= counts.rows);
        }
    }
}

fn of_four_columns() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Float64Array::from_iter((0..200).map(|at| (at % 9 > 0).then_some(f64::from(at)))));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..200).map(|at| format!("level {}", at % 7))));
    let whole: ArrayRef = Arc::new(Int32Array::from_iter_values(0..200));
    let yes: ArrayRef = Arc::new(BooleanArray::from_iter((0..200).map(|at| Some(at % 3 == 0))));
    batch(vec![("x", numbers), ("t", texts), ("n", whole), ("b", yes)])
}

fn parquet() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let place = Place::new();
        let path = place.path("whole.parquet");
        write(&path, &[of_four_columns(), of_four_columns()]);
        std::fs::read(path).expect("a file")
    })
}

fn arrow(is_stream: bool) -> Vec<u8> {
    let place = Place::new();
    let path = place.path("whole.arrow");
    ipc(&path, &of_four_columns(), is_stream);
    std::fs::read(path).expect("a file")
}

/// Bytes that look like text more often than not.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![",", "\n", "\"", "1", "2.5", "x", "\r\n", ";", "\t", "true", "2026-01-01", "NaN", "é", " "])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

fn objects() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["{", "}", "\"a\":", "\"b\":", "[", "]", ",", "1", "NaN", "-Infinity", "null", "\n", "\"", "\\", "é", "{\"a\":1}\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn separated_values_of_any_bytes_are_read_or_refused(bytes in lines()) {
        let place = Place::new();
        survive(&place.put("x.csv", bytes));
    }

    #[test]
    fn json_lines_of_any_bytes_are_read_or_refused(bytes in objects()) {
        let place = Place::new();
        survive(&place.put("x.jsonl", bytes));
    }

    #[test]
    fn parquet_with_changed_bytes_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        is_footer in any::<bool>(),
    ) {
        let mut bytes = parquet().to_vec();
        // The footer is the smaller part, and the one that is believed.
        let from = if is_footer { bytes.len() * 2 / 3 } else { 0 };
        for (at, byte) in changes {
            let n = bytes.len() - from;
            bytes[from + at.index(n)] = byte;
        }
        let place = Place::new();
        survive(&place.put("x.parquet", bytes));
    }

    #[test]
    fn arrow_with_changed_bytes_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        is_stream in any::<bool>(),
    ) {
        let mut bytes = arrow(is_stream);
        for (at, byte) in changes {
            let n = bytes.len();
            bytes[at.index(n)] = byte;
        }
        let place = Place::new();
        survive(&place.put(if is_stream { "x.arrows" } else { "x.arrow" }, bytes));
    }
}
