//! Proposed changes of a `signalbox.toml`. Signalbox writes into no project: it makes the text as it would be, and a
//! diff that a person applies.
//!
//! The text is changed where a change is and nowhere else. toml_edit says where each key stands; its own writer is not
//! used, as it moves dotted keys together, drops the BOM and makes all line ends alike.

mod diff;
mod merge;
mod seq;
mod text;
mod want;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fault, Freeze, ModelPolicy, POLICY_FILE, Policy, PolicyError, RegistryAt, Roles, TargetAt};
use crate::names::{Digest, ModelName, SystemId};
use merge::Editor;
use want::Want;

/// One change of a policy. What is set is the whole of it: what the new value lacks goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    SetModel {
        name: ModelName,
        rules: Box<ModelPolicy>,
    },
    RemoveModel {
        name: ModelName,
    },
    SetRegistry {
        name: SystemId,
        at: RegistryAt,
    },
    RemoveRegistry {
        name: SystemId,
    },
    SetTarget {
        name: SystemId,
        at: TargetAt,
    },
    RemoveTarget {
        name: SystemId,
    },
    SetRoles {
        roles: Roles,
    },
    /// `table` is the monitors' own (`signalbox-drift`); a `null` in it is nothing.
    SetData {
        name: String,
        table: Map<String, Value>,
    },
    RemoveData {
        name: String,
    },
    AddFreeze {
        freeze: FreezeText,
    },
    /// `was` is the freeze as it stands; it keeps its place.
    ChangeFreeze {
        was: FreezeText,
        freeze: FreezeText,
    },
    RemoveFreeze {
        freeze: FreezeText,
    },
}

/// A freeze with its times as TOML writes them: `2026-12-20`, or `2026-12-20T18:00:00+01:00`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeText {
    pub from: String,
    pub to: String,
    pub reason: String,
}

/// A policy's text as it would be.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub text: String,
    /// From the text as it is, for `git apply` and `patch` in the project's folder. Empty if nothing changes.
    pub diff: String,
    /// Of the text that it was made from; `None` if there was none.
    pub made_from: Option<Digest>,
    pub before: Policy,
    pub after: Policy,
}

/// The text with the changes made, in their order. `text` is `None` for a project without a policy.
pub fn propose(text: Option<&str>, changes: &[Change]) -> Result<Proposal, PolicyError> {
    let before = text.map(|text| Policy::parse(text, POLICY_FILE)).transpose()?;
    let (before, made_from) = before.map(|(policy, digest)| (policy, Some(digest))).unwrap_or_default();
    let mut after = before.clone();
    let mut edited = text.unwrap_or_default().to_owned();
    for change in changes {
        edited = edit(&edited, change, &after)?;
        apply(change, &mut after)?;
    }
    after.check().map_err(|Fault { field, why, .. }| PolicyError::Field { field, why })?;
    // What the text says now must be what was asked for; whatever the pieces were, nothing else goes out.
    let unedited = |why: String| PolicyError::Unedited { path: POLICY_FILE.into(), why };
    let (read, _) = Policy::parse(&edited, POLICY_FILE).map_err(|e| unedited(e.to_string()))?;
    if read != after {
        return Err(unedited("the changed text would say something else than what was asked for".into()));
    }
    Ok(Proposal { diff: diff::unified(text, &edited), text: edited, made_from, before, after })
}

/// What a change means. `Err` if it is about something that is not there.
fn apply(change: &Change, to: &mut Policy) -> Result<(), PolicyError> {
    fn there<T>(was: Option<T>, field: &[&str]) -> Result<(), PolicyError> {
        match was {
            Some(_) => Ok(()),
            None => Err(missing(field)),
        }
    }
    match change {
        Change::SetModel { name, rules } => drop(to.models.insert(name.clone(), (**rules).clone())),
        Change::RemoveModel { name } => there(to.models.remove(name), &["models", name.as_str()])?,
        Change::SetRegistry { name, at } => drop(to.registries.insert(name.clone(), at.clone())),
        Change::RemoveRegistry { name } => there(to.registries.remove(name), &["registries", name.as_str()])?,
        Change::SetTarget { name, at } => {
            let at = settled(at, to.targets.get(name));
            to.targets.insert(name.clone(), at);
        }
        Change::RemoveTarget { name } => there(to.targets.remove(name), &["targets", name.as_str()])?,
        Change::SetRoles { roles } => to.roles = roles.clone(),
        Change::SetData { name, table } => {
            let table = told(table, to.data.get(name));
            to.data.insert(name.clone(), table);
        }
        Change::RemoveData { name } => there(to.data.remove(name), &["data", name])?,
        Change::AddFreeze { freeze } => to.freeze.push(freeze.parse(to.freeze.len())?),
        Change::ChangeFreeze { was, freeze } => {
            let n = was.find(to)?;
            to.freeze[n] = freeze.parse(n)?;
        }
        Change::RemoveFreeze { freeze } => drop(to.freeze.remove(freeze.find(to)?)),
    }
    Ok(())
}

/// The text with one change made. `policy` is what the text says before.
fn edit(text: &str, change: &Change, policy: &Policy) -> Result<String, PolicyError> {
    let document = toml_edit::Document::parse(text)
        .map_err(|e| PolicyError::Unedited { path: POLICY_FILE.into(), why: e.to_string() })?;
    let mut editor = Editor::new(text, document.as_table());
    match change {
        Change::SetModel { name, rules } => editor.set("models", name.as_str(), &Want::of(&**rules, &["gates"])?),
        Change::RemoveModel { name } => editor.remove("models", name.as_str()),
        Change::SetRegistry { name, at } => editor.set("registries", name.as_str(), &Want::of(at, &[])?),
        Change::RemoveRegistry { name } => editor.remove("registries", name.as_str()),
        Change::SetTarget { name, at } => {
            let at = settled(at, policy.targets.get(name));
            editor.set("targets", name.as_str(), &Want::of(&at, &[])?);
        }
        Change::RemoveTarget { name } => editor.remove("targets", name.as_str()),
        Change::SetRoles { roles } => editor.set_section("roles", &Want::of(roles, &["keys"])?),
        Change::SetData { name, table } => {
            editor.set("data", name, &Want::of(&told(table, policy.data.get(name)), &["columns"])?);
        }
        Change::RemoveData { name } => editor.remove("data", name),
        Change::AddFreeze { freeze } => editor.add_to("freeze", &Want::of_freeze(&freeze.parse(policy.freeze.len())?)?),
        Change::ChangeFreeze { was, freeze } => {
            let n = was.find(policy)?;
            editor.set_nth("freeze", n, &Want::of_freeze(&freeze.parse(n)?)?);
        }
        Change::RemoveFreeze { freeze } => editor.remove_nth("freeze", freeze.find(policy)?),
    }
    Ok(editor.finish())
}

/// A page knows one kind of number: what is 1.0 in an application's free JSON comes back as 1, and is no change.
fn settled(at: &TargetAt, was: Option<&TargetAt>) -> TargetAt {
    let mut at = at.clone();
    if let (TargetAt::RayServe { application, .. }, Some(TargetAt::RayServe { application: was, .. })) = (&mut at, was)
    {
        settle_all(application, was);
    }
    at
}

/// What of a table is said: TOML has no null, and numbers are as they stood.
fn told(table: &Map<String, Value>, was: Option<&Value>) -> Value {
    fn without_null(value: &Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::Object(table) => {
                let said = table.iter().filter_map(|(key, value)| Some((key.clone(), without_null(value)?)));
                Some(Value::Object(said.collect()))
            }
            other => Some(other.clone()),
        }
    }
    let mut said = without_null(&Value::Object(table.clone())).unwrap_or_default();
    if let Some(was) = was {
        settle(&mut said, was);
    }
    said
}

fn settle_all(table: &mut Map<String, Value>, was: &Map<String, Value>) {
    for (key, value) in table {
        if let Some(was) = was.get(key) {
            settle(value, was);
        }
    }
}

fn settle(value: &mut Value, was: &Value) {
    match (value, was) {
        (Value::Object(table), Value::Object(was)) => settle_all(table, was),
        (Value::Array(list), Value::Array(was)) => list.iter_mut().zip(was).for_each(|(value, was)| settle(value, was)),
        (value, was) if value.is_number() && value.as_f64() == was.as_f64() => *value = was.clone(),
        _ => {}
    }
}

fn missing(field: &[&str]) -> PolicyError {
    PolicyError::Field {
        field: field.iter().map(|&part| part.to_owned()).collect(),
        why: format!("{} is not in {POLICY_FILE}", field.join(".")),
    }
}

impl FreezeText {
    /// `n` is its place among the freezes, for the error.
    fn parse(&self, n: usize) -> Result<Freeze, PolicyError> {
        let time = |field: &str, text: &str| {
            text.trim().parse::<toml::value::Datetime>().map_err(|_| PolicyError::Field {
                field: vec!["freeze".into(), n.to_string(), field.into()],
                why: format!("{text:?} is no date as 2026-12-20, nor one with a time as 2026-12-20T18:00:00+01:00"),
            })
        };
        Ok(Freeze { from: time("from", &self.from)?, to: time("to", &self.to)?, reason: self.reason.clone() })
    }

    fn find(&self, policy: &Policy) -> Result<usize, PolicyError> {
        let wanted = self.parse(0)?;
        let n = policy.freeze.iter().position(|freeze| *freeze == wanted);
        n.ok_or_else(|| missing(&["freeze", &self.reason]))
    }
}

impl From<&Freeze> for FreezeText {
    fn from(freeze: &Freeze) -> FreezeText {
        FreezeText { from: freeze.from.to_string(), to: freeze.to.to_string(), reason: freeze.reason.clone() }
    }
}

#[cfg(test)]
mod tests;
