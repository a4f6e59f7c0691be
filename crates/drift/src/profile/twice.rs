//! Rows that are there twice, and rows of a test that are here too.

use crate::read::{Problems, Rows, Table, wholes_beyond};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Float64Array};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, SortField};
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Duplicates {
    /// Rows that were there before, in all columns.
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "SharedRows")]
pub struct Shared {
    pub path: String,
    pub rows: u64,
    /// Of its rows, how many the profiled data have too, in the columns of both.
    pub also_here: u64,
}

/// Rows up to here are hashed, eight bytes each.
const MAX_HASHED: u64 = 40_000_000;

/// `Err`: why it was not looked at.
pub fn duplicates(table: &Table, columns: &[usize], n_rows: u64) -> Result<Duplicates, String> {
    let mut hashes = hashes(table, columns, n_rows)?;
    hashes.sort_unstable();
    Ok(Duplicates { rows: hashes.windows(2).filter(|two| two[0] == two[1]).count() as u64 })
}

/// Which of the test's rows are here too, by the columns that both have. `Err`: why it was not looked at.
pub fn shared(table: &Table, test: &Table, n_rows: u64) -> Result<Shared, String> {
    let both: Vec<(usize, usize)> = (table.columns().iter().enumerate())
        .filter_map(|(at, column)| Some((at, test.column(&column.name).ok()?)))
        .collect();
    if both.is_empty() {
        return Err("they have no column in common".into());
    }
    let (mine, others): (Vec<usize>, Vec<usize>) = both.into_iter().unzip();
    let mut here = hashes(table, &mine, n_rows)?;
    here.sort_unstable();
    let there = hashes(test, &others, test.n_rows().unwrap_or(0))?;
    let also_here = there.iter().filter(|hash| here.binary_search(hash).is_ok()).count() as u64;
    Ok(Shared { path: test.path.display().to_string(), rows: there.len() as u64, also_here })
}

/// A hash of each row over these columns. `n_rows`: how many are expected.
fn hashes(table: &Table, columns: &[usize], n_rows: u64) -> Result<Vec<u64>, String> {
    let too_many = || Err(format!("{} has more than {MAX_HASHED} rows", table.path.display()));
    if n_rows > MAX_HASHED {
        return too_many();
    }
    let (mut found, mut refused): (Vec<u64>, Option<usize>) = (Vec::with_capacity(n_rows as usize), None);
    // Damage was told when the columns were read.
    table.scan(columns, &mut Problems::default(), &mut |batch| {
        let from = found.len();
        found.resize(from + batch.n_rows, 0x9e37_79b9_7f4a_7c15);
        for (at, column) in columns.iter().zip(&batch.columns) {
            let Some(of_rows) = column.as_ref().map_or_else(|| Some(vec![NULL; batch.n_rows]), words) else {
                refused = Some(*at);
                return ControlFlow::Break(());
            };
            found[from..].iter_mut().zip(of_rows).for_each(|(row, word)| mix(row, word));
        }
        if found.len() as u64 > MAX_HASHED { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match refused.map(|at| &table.columns()[at]) {
        Some(column) => Err(format!("values of {} ({}) cannot be told apart", column.name, column.physical)),
        None if found.len() as u64 > MAX_HASHED => too_many(),
        None => Ok(found),
    }
}

/// Steps that spread a word's bits: MurmurHash3's finaliser.
fn spread(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

fn mix(row: &mut u64, word: u64) {
    *row = spread(row.rotate_left(17) ^ word).wrapping_add(0x2545_f491_4f6c_dd1d);
}

fn hashed(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

const NULL: u64 = 0x5bd1_e995_0bad_f00d;

/// A word for each row: equal values have equal ones, whatever type a file has for them. `None` where nothing tells its
/// values apart.
fn words(column: &ArrayRef) -> Option<Vec<u64>> {
    if is_list_of_others(column.data_type()) {
        return of_bytes(column);
    }
    Some(match Rows::of(column) {
        Rows::Numbers(values) => of_numbers(column, &values),
        Rows::Booleans(values) => values.iter().map(|value| value.map_or(NULL, u64::from)).collect(),
        Rows::Levels(values) => of_levels(&values)?,
        Rows::Lists { values, offsets, nulls } => {
            let items = |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
            let of = |row: usize| items(row).fold(1_u64, |sum, at| spread(sum ^ number(&values, at)));
            let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            (0..column.len()).map(|row| if is_null(row) { NULL } else { of(row) }).collect()
        }
        Rows::Opaque(..) => of_bytes(column)?,
    })
}

/// As [`Rows`] their items are numbers where they can be read as such, and null else.
fn is_list_of_others(of: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, List};
    matches!(of, List(item) | LargeList(item) | FixedSizeList(item, _) if !item.data_type().is_numeric())
}

fn number(values: &Float64Array, at: usize) -> u64 {
    // −0.0 is 0.0.
    if values.is_null(at) { NULL } else { (values.value(at) + 0.0).to_bits() }
}

fn of_numbers(column: &ArrayRef, values: &Float64Array) -> Vec<u64> {
    let mut words: Vec<u64> = (0..values.len()).map(|at| number(values, at)).collect();
    for (at, whole) in wholes_beyond(column) {
        words[at] = spread(whole as u64);
    }
    words
}

fn of_levels(values: &DictionaryArray<Int32Type>) -> Option<Vec<u64>> {
    let texts = values.values().as_string_opt::<i32>()?;
    let known: Vec<u64> = texts.iter().map(|text| text.map_or(NULL, hashed)).collect();
    Some(values.keys().iter().map(|key| key.map_or(NULL, |key| known[key as usize])).collect())
}

/// Of bytes, maps, lists of texts and the like: arrow has rows of bytes for them, which are equal where the values are.
fn of_bytes(column: &ArrayRef) -> Option<Vec<u64>> {
    let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())]).ok()?;
    let rows = converter.convert_columns(std::slice::from_ref(column)).ok()?;
    let nulls = column.logical_nulls();
    let is_null = |at: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(at));
    Some((0..column.len()).map(|at| if is_null(at) { NULL } else { hashed(rows.row(at).data()) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Options;
    use arrow::array::{BinaryArray, Int64Builder, ListArray, ListBuilder, MapBuilder, StringBuilder};
    use arrow::datatypes::Float64Type;
    use std::sync::Arc;

    fn of(array: impl Array + 'static) -> Vec<u64> {
        words(&(Arc::new(array) as ArrayRef)).expect("words")
    }

    /// Each row's value is another, but for the last, which is the first's.
    #[track_caller]
    fn are_told_apart(mut words: Vec<u64>) {
        assert_eq!(words.pop().as_ref(), words.first());
        let n = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), n);
    }

    #[test]
    fn whatever_a_column_holds_its_values_are_told_apart() {
        let bytes = [Some("a"), Some("b"), None, Some(""), Some("a")];
        are_told_apart(of(bytes.into_iter().collect::<BinaryArray>()));
        let mut texts = ListBuilder::new(StringBuilder::new());
        for list in
            [vec![Some("a"), Some("b")], vec![Some("c"), Some("d")], vec![], vec![None, None], vec![Some("a, b")]]
        {
            texts.append_value(list);
        }
        texts.append_null();
        texts.append_value([Some("a"), Some("b")]);
        are_told_apart(of(texts.finish()));
        let lists = [Some(vec![Some(1.0)]), None, Some(vec![]), Some(vec![None]), Some(vec![Some(0.0)])];
        let lists = lists.into_iter().chain([Some(vec![Some(1.0)])]);
        are_told_apart(of(ListArray::from_iter_primitive::<Float64Type, _, _>(lists)));
        let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        for value in [1, 2, 1] {
            maps.keys().append_value("key");
            maps.values().append_value(value);
            maps.append(true).expect("a value for each key");
        }
        are_told_apart(of(maps.finish()));
        let zeros = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(0.0)]), Some([Some(-0.0)])]);
        let zeros = of(zeros);
        assert_eq!(zeros[0], zeros[1]);
        // Rows of other batches are compared with these.
        assert_eq!(of(BinaryArray::from_iter_values(["b"]))[0], of(BinaryArray::from_iter_values(["a", "b"]))[1]);
    }

    #[test]
    fn a_test_s_rows_are_found_whatever_the_number_of_rows() {
        let place = tempfile::tempdir().expect("a folder");
        let table = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, text).expect("a file");
            let options = Options { has_header: Some(true), ..Options::default() };
            Table::open(&path, &options).expect("a table")
        };
        let (train, one) = (table("train.csv", "x,y\n1,a\n2,b\n1,a\n"), table("one.csv", "y,x\na,1\n"));
        assert_eq!(duplicates(&train, &[0, 1], 3), Ok(Duplicates { rows: 1 }));
        let found = shared(&train, &one, 3).expect("looked at");
        assert_eq!((found.rows, found.also_here), (1, 1));
        assert_eq!(shared(&one, &train, 1).expect("looked at").also_here, 2);
        assert!(shared(&train, &table("other.csv", "z\n1\n"), 3).is_err_and(|why| why.contains("no column")));
        assert!(duplicates(&train, &[0], MAX_HASHED + 1).is_err_and(|why| why.contains("40000000 rows")));
    }
}
