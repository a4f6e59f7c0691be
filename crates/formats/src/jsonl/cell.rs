//! What stands where a number should, in JSON that is read without a tree of values: anything may stand there, and
//! what is no number is none.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::lenient;
use crate::text::number;

/// A number, or something else.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Cell {
    Whole(i64),
    Number(f64),
    #[default]
    None,
}

impl Cell {
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Cell::Whole(i) => Some(i as f64),
            Cell::Number(x) => Some(x),
            Cell::None => None,
        }
    }

    pub(crate) fn whole(self) -> Option<i64> {
        match self {
            Cell::Whole(i) => Some(i),
            Cell::Number(x) => number::whole(x),
            Cell::None => None,
        }
    }
}

/// For a visitor that takes any JSON value: what it does not ask for is `$value`.
macro_rules! visit_as_nothing {
    ($value:expr; $($method:ident($type:ty)),*) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Self::Value, E> { Ok($value) })*
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> { Ok($value) }
    };
}
pub(crate) use visit_as_nothing;

/// Passes over a list.
pub(crate) fn skip_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Passes over an object.
pub(crate) fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Cell, E> {
        Ok(i64::try_from(value).map_or(Cell::Number(value as f64), Cell::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }

    /// A bare NaN, or a number in quotes, as the Trainer's `grad_norm` was in 2024.
    fn visit_str<E: Error>(self, text: &str) -> Result<Cell, E> {
        let quoted = || match number::cell(text.as_bytes(), false) {
            number::Cell::Number(x) => Some(x),
            number::Cell::Missing | number::Cell::Text => None,
        };
        Ok(lenient::marked(text).or_else(quoted).map_or(Cell::None, Cell::Number))
    }

    /// `{"py/object": "numpy.float64", "dtype": "float64", "value": 0.5}`, as jsonpickle writes NumPy's numbers for
    /// Sacred.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        let (mut value, mut is_pickled) = (Cell::None, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => value = map.next_value()?,
                key => {
                    is_pickled |= key == "py/object";
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(if is_pickled { value } else { Cell::None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Cell, A::Error> {
        skip_seq(seq).map(|()| Cell::None)
    }

    visit_as_nothing!(Cell::None; visit_bool(bool));
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let check = |json: &str, number: Option<f64>, whole: Option<i64>| {
            let cell: Cell = lenient::parse_as(json.as_bytes()).unwrap();
            assert_eq!((cell.number(), cell.whole()), (number, whole), "{json}");
        };
        check("3", Some(3.0), Some(3));
        check("-3.0", Some(-3.0), Some(-3));
        check("0.5", Some(0.5), None);
        check("18446744073709551615", Some(18_446_744_073_709_551_615.0), None);
        check("-Infinity", Some(f64::NEG_INFINITY), None);
        check("\"0.25\"", Some(0.25), None);
        check(r#"{"py/object": "numpy.int64", "dtype": "int64", "value": 7}"#, Some(7.0), Some(7));
        for nothing in ["null", "true", "\"x\"", "\"\"", "[1]", "{}", r#"{"value": 7}"#, r#"{"py/object": "a.B"}"#] {
            check(nothing, None, None);
        }
        let nan: Cell = lenient::parse_as(b"NaN").unwrap();
        assert!(nan.number().unwrap().is_nan() && nan.whole().is_none());
    }
}
