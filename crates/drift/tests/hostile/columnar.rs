//! Parquet and Arrow IPC: every type, and damage.

use super::{Place, read, refused, rows};
use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use signalbox_drift::gather::{Counts, Held};
use signalbox_drift::read::{Kind, Problem};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect())
        .expect("a batch")
}

/// Each batch a row group.
pub fn write(path: &Path, batches: &[RecordBatch]) {
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut to =
        ArrowWriter::try_new(File::create(path).expect("a file"), batches[0].schema(), Some(plain)).expect("a writer");
    for batch in batches {
        to.write(batch).expect("written");
        to.flush().expect("written");
    }
    to.close().expect("written");
}

fn numbers(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

#[test]
fn every_type_is_counted() {
    let place = Place::new();
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), None]),
        None,
        Some(vec![]),
    ]));
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let nested: ArrayRef = Arc::new(StructArray::new(
        Fields::from(vec![Field::new("x", DataType::Int64, true)]),
        vec![inner],
        Some(NullBuffer::from(vec![true, true, false])),
    ));
    let levels: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
    let path = place.path("types.parquet");
    write(
        &path,
        &[batch(vec![
            (
                "decimal",
                Arc::new(
                    Decimal128Array::from(vec![Some(12_345), None, Some(-5)])
                        .with_precision_and_scale(9, 2)
                        .expect("fits"),
                ),
            ),
            ("date", Arc::new(Date32Array::from(vec![Some(1), None, Some(-1)]))),
            ("naive", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0, -1]))),
            ("zoned", Arc::new(TimestampMillisecondArray::from(vec![1500, 0, -1]).with_timezone("Europe/Berlin"))),
            ("list", lists),
            ("struct", nested),
            ("dictionary", Arc::new(levels)),
            ("large", Arc::new(Int64Array::from(vec![(1 << 53) + 1, i64::MAX, i64::MIN]))),
            ("unsigned", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
            ("nothing", Arc::new(NullArray::new(3))),
            ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\xff"[..]), None, Some(b"")]))),
            ("half", Arc::new(Float32Array::from(vec![f32::NAN, f32::INFINITY, -0.0]))),
        ])],
    );
    let found = read(&path);
    let rounded = |p: &Problem| p.message.contains(" of its integers lie").then(|| p.column.clone()).flatten();
    let told: Vec<Option<String>> = found.problems.iter().map(rounded).collect();
    assert_eq!(told, [Some("large".to_owned()), Some("unsigned".into())]);
    assert_eq!((found.counts("decimal"), found.numbers("decimal")), (rows(3, 1), &[123.45, -0.05][..]));
    assert_eq!((found.kind("date"), found.numbers("date")), (Kind::Datetime, &[86_400.0, -86_400.0][..]));
    assert_eq!(found.numbers("naive"), [1.5, 0.0, -1e-6]);
    assert_eq!(found.numbers("zoned"), [1.5, 0.0, -0.001]);
    let Held::Lists { lengths, items, .. } = &found.of("list").held else { panic!("lists") };
    assert_eq!((&lengths[..], &items[..], found.counts("list")), (&[2.0, 0.0][..], &[1.0][..], rows(3, 1)));
    assert_eq!(
        (found.counts("struct.x"), found.numbers("struct.x")),
        (rows(3, 2), &[1.0][..]),
        "a null struct's field is null"
    );
    assert_eq!((found.counts("dictionary"), found.levels("dictionary")), (rows(3, 1), vec![("a".into(), 2)]));
    assert_eq!(
        found.numbers("large"),
        [9_007_199_254_740_992.0, 9_223_372_036_854_775_807.0, -9_223_372_036_854_775_808.0]
    );
    assert_eq!(found.numbers("unsigned"), [18_446_744_073_709_551_615.0, 0.0, 1.0]);
    assert_eq!((found.counts("nothing"), found.counts("bytes")), (rows(3, 3), rows(3, 1)));
    assert_eq!(found.counts("half"), Counts { rows: 3, nan: 1, pos_inf: 1, ..Counts::default() });
}

#[test]
fn a_damaged_row_group_costs_its_own_column_only() {
    let place = Place::new();
    let path = place.path("damaged.parquet");
    let group = |at: i32| {
        let of = |factor: f64| numbers((0..1000).map(move |row| f64::from(at * 1000 + row) * factor));
        batch(vec![("x", of(1.0)), ("y", of(2.0))])
    };
    write(&path, &[group(0), group(1), group(2)]);
    let about = SerializedFileReader::new(File::open(&path).expect("a file")).expect("parquet");
    let (start, length) = about.metadata().row_group(1).column(0).byte_range();
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes[start as usize..(start + length) as usize].fill(0xff);
    std::fs::write(&path, bytes).expect("a file");
    let found = read(&path);
    assert_eq!((found.counts("x"), found.counts("y")), (rows(2000, 0), rows(3000, 0)));
    assert_eq!((found.numbers("x")[999], found.numbers("x")[1000]), (999.0, 2000.0));
    let problem = found.problem();
    assert_eq!((problem.place.as_deref(), problem.column.as_deref()), (Some("row group 1"), Some("x")));
    assert!(problem.file.ends_with("damaged.parquet") && problem.hint.is_some(), "{problem:?}");
}

#[test]
fn a_file_without_its_footer_is_refused_and_a_folder_goes_on_without_it() {
    let place = Place::new();
    let path = place.path("parts/whole.parquet");
    std::fs::create_dir(place.path("parts")).expect("a folder");
    write(&path, &[batch(vec![("x", numbers([1.0, 2.0]))])]);
    let bytes = std::fs::read(&path).expect("a file");
    for cut in [0, 3, 4, bytes.len() / 2, bytes.len() - 1] {
        let said = refused(&place.put("cut.parquet", &bytes[..cut]));
        assert!(said.contains("cut.parquet"), "{cut}: {said}");
    }
    place.put("parts/cut.parquet", &bytes[..bytes.len() - 3]);
    place.put("parts/none.parquet", "");
    let found = read(&place.path("parts"));
    assert_eq!((found.numbers("x"), found.problems.len()), (&[1.0, 2.0][..], 2));
    assert!(found.problems.iter().all(|p| p.file.ends_with(".parquet") && p.hint.is_some()), "{:?}", found.problems);
}

#[test]
fn no_rows_no_columns_and_five_thousand_columns() {
    let place = Place::new();
    let path = place.path("no_rows.parquet");
    write(&path, &[batch(vec![("x", numbers([]))])]);
    assert_eq!(read(&path).counts("x"), rows(0, 0));
    let path = place.path("wide.parquet");
    let names: Vec<String> = (0..5000).map(|at| format!("c{at}")).collect();
    write(&path, &[batch(names.iter().enumerate().map(|(at, n)| (&**n, numbers([at as f64, 0.5]))).collect())]);
    let found = read(&path);
    assert_eq!((found.columns.len(), found.numbers("c4321")), (5000, &[4321.0, 0.5][..]));
    let path = place.path("no_columns.arrow");
    ipc(&path, &RecordBatch::new_empty(Arc::new(Schema::empty())), false);
    assert_eq!(read(&path).names().len(), 0);
}

#[test]
fn texts_of_ten_megabytes_come_a_few_at_a_time() {
    let place = Place::new();
    let path = place.path("long.parquet");
    let long = (0..12).map(|at| format!("{at:02}").repeat(5 << 20));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(long));
    write(&path, &[batch(vec![("t", texts)])]);
    let found = read(&path);
    assert_eq!((found.counts("t"), found.levels("t").len(), found.problems.len()), (rows(12, 0), 12, 0));
}

pub fn ipc(path: &Path, batch: &RecordBatch, is_stream: bool) {
    let file = File::create(path).expect("a file");
    if is_stream {
        let mut to = arrow::ipc::writer::StreamWriter::try_new(file, &batch.schema()).expect("a writer");
        (0..3).for_each(|_| to.write(batch).expect("written"));
        to.finish().expect("written");
    } else {
        let mut to = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).expect("a writer");
        (0..3).for_each(|_| to.write(batch).expect("written"));
        to.finish().expect("written");
    }
}

#[test]
fn a_cut_stream_keeps_the_batches_before_the_cut() {
    let place = Place::new();
    let whole = batch(vec![("x", numbers((0..100).map(f64::from)))]);
    let path = place.path("cut.arrows");
    ipc(&path, &whole, true);
    let bytes = std::fs::read(&path).expect("a file");
    std::fs::write(&path, &bytes[..bytes.len() - 300]).expect("a file");
    let found = read(&path);
    assert_eq!(found.counts("x"), rows(200, 0));
    let problem = found.problem();
    assert_eq!(problem.place.as_deref(), Some("record batch 2"));
    assert!(problem.hint.is_some());
    let path = place.path("cut.arrow");
    ipc(&path, &whole, false);
    assert_eq!(read(&path).counts("x"), rows(300, 0));
    let bytes = std::fs::read(&path).expect("a file");
    assert!(refused(&place.put("cut2.arrow", &bytes[..bytes.len() - 20])).contains("cut2.arrow"));
}
