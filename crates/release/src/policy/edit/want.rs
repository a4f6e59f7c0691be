//! What shall stand in a table, in the order of its fields.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml_edit::{InlineTable, Value};

use super::super::{Freeze, PolicyError};

/// A table as it shall be.
pub struct Want {
    /// With every field that has a value.
    pub full: InlineTable,
    /// Without those that need not be written: what stands there already may stay, nothing of it is added.
    pub told: InlineTable,
    /// Which of its tables get a header of their own where they are new.
    pub headed: &'static [&'static str],
}

impl Want {
    /// A field is a default if the value reads the same without it: there is no list to be kept in step.
    pub fn of<T: Serialize + DeserializeOwned + PartialEq>(
        value: &T,
        headed: &'static [&'static str],
    ) -> Result<Want, PolicyError> {
        let full = table(value)?;
        let mut told = full.clone();
        let mut json = serde_json::to_value(value).map_err(unwritable)?;
        for path in defaults(value, &mut json, &mut Vec::new()) {
            take(&mut told, &path);
        }
        Ok(Want { full, told, headed })
    }

    pub fn of_freeze(freeze: &Freeze) -> Result<Want, PolicyError> {
        let full = table(freeze)?;
        Ok(Want { told: full.clone(), full, headed: &[] })
    }
}

fn table(value: &impl Serialize) -> Result<InlineTable, PolicyError> {
    match value.serialize(toml_edit::ser::ValueSerializer::new()).map_err(unwritable)? {
        Value::InlineTable(table) => Ok(table),
        _ => Err(unwritable("it is no table")),
    }
}

/// TOML has no null, and no whole numbers beyond 63 bits.
fn unwritable(why: impl std::fmt::Display) -> PolicyError {
    PolicyError::Field { field: Vec::new(), why: format!("this cannot be written as TOML: {why}") }
}

/// The paths of the keys of `json[at]` without which all of it is still `value`; they are taken out of it.
fn defaults<T: DeserializeOwned + PartialEq>(value: &T, json: &mut Json, at: &mut Vec<String>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let keys: Vec<String> = object(json, at).map(|table| table.keys().cloned().collect()).unwrap_or_default();
    for key in keys {
        let Some(was) = object(json, at).and_then(|table| table.remove(&key)) else { continue };
        if T::deserialize(&*json).is_ok_and(|without| without == *value) {
            found.push(at.iter().cloned().chain([key]).collect());
            continue;
        }
        let is_table = was.is_object();
        if let Some(table) = object(json, at) {
            table.insert(key.clone(), was);
        }
        if is_table {
            at.push(key);
            found.extend(defaults(value, json, at));
            at.pop();
        }
    }
    found
}

fn object<'a>(json: &'a mut Json, at: &[String]) -> Option<&'a mut serde_json::Map<String, Json>> {
    at.iter().try_fold(json, |json, key| json.get_mut(key))?.as_object_mut()
}

fn take(from: &mut InlineTable, path: &[String]) {
    match path {
        [] => {}
        [key] => drop(from.remove(key)),
        [key, rest @ ..] => {
            if let Some(Value::InlineTable(table)) = from.get_mut(key) {
                take(table, rest);
            }
        }
    }
}
