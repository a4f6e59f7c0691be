//! Some rows of a table, and its columns' values in the few shapes that counting needs.

use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Int64Type, TimeUnit, UInt64Type};
use std::sync::Arc;

/// The columns are those that were asked for, in that order; `None` where this file does not have one.
pub struct Batch {
    pub n_rows: usize,
    pub columns: Vec<Option<ArrayRef>>,
    /// Which of the table's files.
    pub file: usize,
}

/// A column's values in a batch.
pub enum Rows {
    /// Numbers; seconds, of times.
    Numbers(Float64Array),
    Booleans(BooleanArray),
    /// Keys into texts.
    Levels(DictionaryArray<Int32Type>),
    Lists {
        values: Float64Array,
        offsets: Vec<i64>,
        nulls: Option<NullBuffer>,
    },
    /// Not looked into: (rows, nulls).
    Opaque(usize, usize),
}

impl Rows {
    /// Of all numbers: the least that can be done with them.
    pub fn sum(&self) -> f64 {
        match self {
            Rows::Numbers(values) if values.null_count() == 0 => values.values().iter().sum(),
            Rows::Numbers(values) => values.iter().flatten().sum(),
            _ => 0.0,
        }
    }

    pub fn of(array: &ArrayRef) -> Rows {
        Rows::seen(array).unwrap_or_else(|| Rows::Opaque(array.len(), array.logical_null_count()))
    }

    fn seen(array: &ArrayRef) -> Option<Rows> {
        use DataType::*;
        Some(match array.data_type() {
            Float64 => Rows::Numbers(array.as_primitive().clone()),
            Boolean => Rows::Booleans(array.as_boolean().clone()),
            Date32 => Rows::Numbers(scaled(array, Int32, 86_400.0, 1.0)?),
            Date64 => Rows::Numbers(scaled(array, Int64, 1.0, 1e3)?),
            Timestamp(unit, _) | Duration(unit) | Time64(unit) => {
                Rows::Numbers(scaled(array, Int64, 1.0, per_second(*unit))?)
            }
            Time32(unit) => Rows::Numbers(scaled(array, Int32, 1.0, per_second(*unit))?),
            Dictionary(key, value) => match value.as_ref() {
                Utf8 if **key == Int32 => Rows::Levels(array.as_dictionary().clone()),
                Utf8 | LargeUtf8 | Utf8View => Rows::Levels(levels(array)?),
                inner => return Rows::seen(&cast(array, inner).ok()?),
            },
            Utf8 | LargeUtf8 | Utf8View => Rows::Levels(levels(array)?),
            List(_) | LargeList(_) | FixedSizeList(_, _) => lists(array)?,
            t if t.is_numeric() => Rows::Numbers(cast(array, &Float64).ok()?.as_primitive().clone()),
            _ => return None,
        })
    }
}

/// Doubles hold every integer up to here, and every other one, fourth one, … beyond.
pub const WHOLE: f64 = 9_007_199_254_740_992.0;

/// How many integers of a column are beyond what doubles tell apart: as [`Rows`] they are the nearest double.
pub fn beyond_doubles(array: &ArrayRef) -> u64 {
    const WHOLE: u64 = 1 << 53;
    let n = if let Some(all) = array.as_primitive_opt::<Int64Type>() {
        if all.values().iter().fold(0, |most, value| value.unsigned_abs().max(most)) <= WHOLE {
            return 0;
        }
        all.iter().flatten().filter(|value| value.unsigned_abs() > WHOLE).count()
    } else if let Some(all) = array.as_primitive_opt::<UInt64Type>() {
        all.iter().flatten().filter(|value| *value > WHOLE).count()
    } else {
        0
    };
    n as u64
}

/// Those integers, by row.
pub fn wholes_beyond(array: &ArrayRef) -> Vec<(usize, i128)> {
    if beyond_doubles(array) == 0 {
        return Vec::new();
    }
    let whole = |row: usize| match array.as_primitive_opt::<Int64Type>() {
        Some(all) => i128::from(all.value(row)),
        None => i128::from(array.as_primitive::<UInt64Type>().value(row)),
    };
    let rows = (0..array.len()).filter(|row| array.is_valid(*row)).map(|row| (row, whole(row)));
    rows.filter(|(_, whole)| whole.unsigned_abs() > 1 << 53).collect()
}

fn per_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

/// Integers times or over a factor, in seconds: divided, since 1/1000 is no double.
fn scaled(array: &ArrayRef, integers: DataType, times: f64, over: f64) -> Option<Float64Array> {
    let integers = cast(&cast(array, &integers).ok()?, &DataType::Int64).ok()?;
    Some(integers.as_primitive::<Int64Type>().unary(|value| value as f64 * times / over))
}

fn levels(array: &ArrayRef) -> Option<DictionaryArray<Int32Type>> {
    let to = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Some(cast(array, &to).ok()?.as_dictionary().clone())
}

fn lists(array: &ArrayRef) -> Option<Rows> {
    let (values, offsets): (ArrayRef, Vec<i64>) = match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (list.values().clone(), list.value_offsets().iter().map(|at| i64::from(*at)).collect())
        }
        DataType::LargeList(_) => {
            (array.as_list::<i64>().values().clone(), array.as_list::<i64>().value_offsets().to_vec())
        }
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let from = list.value_offset(0);
            let at = |row: usize| i64::from(from) + row as i64 * i64::from(*size);
            (list.values().clone(), (0..=list.len()).map(at).collect())
        }
        _ => return None,
    };
    let values = cast(&values, &DataType::Float64).ok()?.as_primitive().clone();
    Some(Rows::Lists { values, offsets, nulls: array.nulls().cloned() })
}

/// The array at a path of fields below a column; a row whose struct is null has null fields.
pub fn field_at(array: &ArrayRef, path: &[usize]) -> Option<ArrayRef> {
    let Some((first, rest)) = path.split_first() else { return Some(array.clone()) };
    let outer = array.as_struct_opt()?;
    let inner = outer.columns().get(*first)?;
    let inner = match outer.nulls() {
        None => inner.clone(),
        Some(outer) => {
            let nulls = NullBuffer::union(Some(outer), inner.logical_nulls().as_ref());
            match inner.data_type() {
                DataType::Null => inner.clone(),
                _ => make_array(inner.to_data().into_builder().nulls(nulls).build().ok()?),
            }
        }
    };
    field_at(&inner, rest)
}

/// Times where others have numbers, or the other way round: both are doubles to whoever counts, so they come wrapped in what
/// is neither.
pub fn of_another_kind(array: &ArrayRef) -> ArrayRef {
    let field = Field::new("another kind", array.data_type().clone(), true);
    Arc::new(StructArray::new(Fields::from(vec![field]), vec![array.clone()], array.logical_nulls()))
}

/// The same value in each row: what a folder's name says of its files.
pub fn constant(text: Option<&str>, n_rows: usize) -> ArrayRef {
    let keys = Int32Array::from(vec![text.map(|_| 0); n_rows]);
    let values = Arc::new(StringArray::from(vec![text.unwrap_or_default()]));
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}
