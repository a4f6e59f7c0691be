//! Values out of a database that types its columns only by suggestion.

use std::borrow::Cow;

use rusqlite::{Row, types::ValueRef};

/// Text of whatever type; NULL is empty.
pub(crate) fn text(row: &Row<'_>, i: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(i)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(x) => x.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

pub(crate) fn integer(row: &Row<'_>, i: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(i)? {
        ValueRef::Integer(n) => Some(n),
        ValueRef::Real(x) => crate::text::number::whole(x),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(|t| t.trim().parse().ok()),
        ValueRef::Null | ValueRef::Blob(_) => None,
    })
}

/// A number of whatever type; what is none is NaN.
pub(crate) fn float(row: &Row<'_>, i: usize) -> rusqlite::Result<f64> {
    Ok(match row.get_ref(i)? {
        ValueRef::Real(x) => x,
        ValueRef::Integer(n) => n as f64,
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(f64::NAN)
        }
        ValueRef::Null | ValueRef::Blob(_) => f64::NAN,
    })
}

/// A metric's value of MLflow: NaN is flagged beside it, the infinities are stored as the greatest float (FORMATS
/// section 2).
pub(crate) fn metric(row: &Row<'_>, value: usize, is_nan: usize) -> rusqlite::Result<f64> {
    if integer(row, is_nan)?.is_some_and(|flag| flag != 0) {
        return Ok(f64::NAN);
    }
    Ok(match row.get_ref(value)? {
        ValueRef::Real(x) if x == f64::MAX => f64::INFINITY,
        ValueRef::Real(x) if x == f64::MIN => f64::NEG_INFINITY,
        _ => float(row, value)?,
    })
}

/// Text without a copy where it is plain UTF-8.
pub(crate) fn str<'a>(row: &'a Row<'_>, i: usize) -> rusqlite::Result<Cow<'a, str>> {
    match row.get_ref(i)? {
        ValueRef::Text(bytes) => Ok(String::from_utf8_lossy(bytes)),
        _ => text(row, i).map(Cow::Owned),
    }
}
