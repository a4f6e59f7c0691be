//! Whether a text says already what is wanted.

use toml_edit::{Item, Value};

/// What is written is wanted as it is; a default that is not written is not missed here.
pub fn same(item: &Item, want: &Value, strict: bool) -> bool {
    match (item, want) {
        (Item::Value(value), want) => same_value(value, want, strict),
        (Item::Table(table), Value::InlineTable(want)) => {
            let is_alike = |(key, item): (&str, &Item)| {
                want.get(key).is_some_and(|want| same(item, want, strict || key == "application"))
            };
            table.iter().all(is_alike) && want.iter().all(|(key, _)| table.contains_key(key))
        }
        (Item::ArrayOfTables(tables), Value::Array(want)) => {
            let is_alike = |(table, want): (&toml_edit::Table, &Value)| same(&Item::Table(table.clone()), want, strict);
            tables.len() == want.len() && tables.iter().zip(want.iter()).all(is_alike)
        }
        _ => false,
    }
}

/// What is written says no more than the defaults do.
pub fn is_default(item: &Item, defaults: &Value, strict: bool) -> bool {
    match (item.as_table_like(), defaults) {
        (Some(table), Value::InlineTable(defaults)) => {
            table.iter().all(|(key, item)| defaults.get(key).is_some_and(|value| is_default(item, value, strict)))
        }
        _ => same(item, defaults, strict),
    }
}

/// By value, not by how it is written; `strict`: 1 is not 1.0.
pub fn same_value(value: &Value, want: &Value, strict: bool) -> bool {
    match (value, want) {
        (Value::String(a), Value::String(b)) => a.value() == b.value(),
        (Value::Integer(a), Value::Integer(b)) => a.value() == b.value(),
        (Value::Float(a), Value::Float(b)) => a.value() == b.value(),
        #[expect(clippy::cast_precision_loss, reason = "it is read as a float")]
        (Value::Integer(a), Value::Float(b)) => !strict && *a.value() as f64 == *b.value(),
        (Value::Boolean(a), Value::Boolean(b)) => a.value() == b.value(),
        (Value::Datetime(a), Value::Datetime(b)) => a.value() == b.value(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same_value(a, b, strict))
        }
        (Value::InlineTable(a), Value::InlineTable(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_value(a, b, strict || key == "application")))
        }
        _ => false,
    }
}
