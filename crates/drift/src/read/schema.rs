//! The columns of a file, flat: a struct's fields are columns of their own, named `outer.inner`.

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use ts_rs::TS;

/// What a column holds, as far as comparing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "DataKind")]
pub enum Kind {
    /// Integers, floats, decimals; spans of time, in seconds.
    Numeric,
    Boolean,
    /// Texts: levels, free text or identifiers; which of them their values tell.
    Categorical,
    /// Dates and points in time, in seconds since 1970-01-01T00:00:00Z; without a zone they are taken as UTC.
    Datetime,
    /// Lists of numbers: embeddings, for instance.
    List,
    /// Maps, bytes and the like: only counted.
    Opaque,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Unique in its table.
    pub name: String,
    pub kind: Kind,
    /// The type as the file has it, for a person.
    pub physical: String,
    pub nullable: bool,
    /// The fields that lead to it, by place.
    pub(crate) path: Vec<usize>,
    pub(crate) known: Known,
}

/// How a column's kind is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The file says it, or a person.
    Told,
    /// Its first cells look like it.
    Guessed,
    /// Its first cells are numbers, and some like "007": texts, unless others know better.
    Codes,
    /// There are nothing but nulls: what is said of it is no more than a name.
    Nothing,
}

impl Known {
    /// What a column that is `own` by itself is read as where others have `other`: as theirs, if its cells bear that.
    pub fn beside(self, own: Kind, other: Kind) -> Kind {
        match (self, other) {
            (Known::Nothing, _)
            | (Known::Guessed | Known::Codes, Kind::Categorical)
            | (Known::Codes, Kind::Numeric) => other,
            _ => own,
        }
    }
}

impl Column {
    /// Whether times have a zone; `None` of what is no time in columnar files.
    pub(crate) fn has_zone(&self) -> Option<bool> {
        self.physical.starts_with("timestamp").then(|| self.physical.contains("tz="))
    }
}

/// Structs within structs deeper than this are opaque.
const MAX_DEPTH: usize = 8;
/// More columns than this are not looked at.
pub const MAX_COLUMNS: usize = 20_000;

/// A file's columns.
#[derive(Default)]
pub struct Found {
    pub columns: Vec<Column>,
    /// Names that came twice.
    pub twice: Vec<String>,
    /// How many more there are than are looked at.
    pub n_beyond: usize,
}

impl Found {
    pub fn of(schema: &Schema) -> Found {
        let mut found = Found::default();
        walk(schema.fields(), "", &mut Vec::new(), &mut found);
        Found { n_beyond: found.n_beyond, ..Found::unique(found.columns) }
    }

    /// Names that come twice get a number: `x`, `x (2)`.
    pub fn unique(columns: Vec<Column>) -> Found {
        let (columns, twice) = unique(columns);
        Found { columns, twice, n_beyond: 0 }
    }
}

fn unique(mut columns: Vec<Column>) -> (Vec<Column>, Vec<String>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut taken: HashSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut twice = Vec::new();
    for column in &mut columns {
        let n = seen.entry(column.name.clone()).or_default();
        *n += 1;
        if *n == 1 {
            continue;
        }
        twice.push(column.name.clone());
        // A column may be called `x (2)` by itself.
        let name = loop {
            let name = format!("{} ({n})", column.name);
            if taken.insert(name.clone()) {
                break name;
            }
            *n += 1;
        };
        column.name = name;
    }
    (columns, twice)
}

fn walk(fields: &Fields, before: &str, path: &mut Vec<usize>, found: &mut Found) {
    for (at, field) in fields.iter().enumerate() {
        path.push(at);
        let name = format!("{before}{}", field.name());
        match field.data_type() {
            DataType::Struct(fields) if path.len() < MAX_DEPTH && !fields.is_empty() => {
                walk(fields, &format!("{name}."), path, found);
            }
            _ if found.columns.len() >= MAX_COLUMNS => found.n_beyond += 1,
            data_type => found.columns.push(Column {
                name,
                kind: kind(data_type),
                physical: physical(data_type),
                nullable: field.is_nullable(),
                path: path.clone(),
                known: if holds_nothing(data_type) { Known::Nothing } else { Known::Told },
            }),
        }
        path.pop();
    }
}

pub fn kind(data_type: &DataType) -> Kind {
    use DataType::*;
    match data_type {
        t if t.is_numeric() => Kind::Numeric,
        Time32(_) | Time64(_) | Duration(_) => Kind::Numeric,
        Boolean => Kind::Boolean,
        Utf8 | LargeUtf8 | Utf8View => Kind::Categorical,
        Date32 | Date64 | Timestamp(_, _) => Kind::Datetime,
        Dictionary(_, value) => kind(value),
        List(item) | LargeList(item) | FixedSizeList(item, _) if is_number(item) => Kind::List,
        _ => Kind::Opaque,
    }
}

fn is_number(field: &Field) -> bool {
    field.data_type().is_numeric()
}

/// As pandas writes a column that is None in each row.
fn holds_nothing(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Dictionary(_, value) => holds_nothing(value),
        _ => false,
    }
}

/// As pyarrow writes types.
fn physical(data_type: &DataType) -> String {
    use DataType::*;
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    match data_type {
        Float16 => "halffloat".into(),
        Float32 => "float".into(),
        Float64 => "double".into(),
        Utf8 | Utf8View => "string".into(),
        LargeUtf8 => "large_string".into(),
        Boolean => "bool".into(),
        Timestamp(u, None) => format!("timestamp[{}]", unit(u)),
        Timestamp(u, Some(zone)) => format!("timestamp[{}, tz={zone}]", unit(u)),
        Date32 => "date32".into(),
        Date64 => "date64".into(),
        Decimal128(p, s) | Decimal256(p, s) => format!("decimal({p}, {s})"),
        Dictionary(_, value) => format!("dictionary of {}", physical(value)),
        List(item) | LargeList(item) => format!("list of {}", physical(item.data_type())),
        FixedSizeList(item, n) => format!("{n} × {}", physical(item.data_type())),
        other => other.to_string().to_lowercase(),
    }
}
