//! Moving an alias: lock, compare, set, read back, look again.
//!
//! Who does not lock (MLflow's own page, a script) can still come in between compare and set; what is read back after
//! that shows it, and nothing is fought over.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{AliasName, ModelName, Request, VersionName};

use super::MlflowRegistry;
use super::lock::{Held, WORK};
use super::wire::tag;
use crate::alias::{elsewhere, has_moved};
use crate::http::{Call, Http, Lost, Patience, words};

const MOVED_TAG: &str = "signalbox.moved.";

/// Who moved an alias last, as Signalbox noted it on the model.
#[derive(Debug, PartialEq)]
pub struct Moved {
    pub to: Option<String>,
    pub by: String,
    pub at_unix_ms: i64,
}

/// The note on an alias, among a model's tags.
pub fn moved_of(tags: &[(String, String)], alias: &AliasName) -> Option<Moved> {
    let note: Value = serde_json::from_str(tag(tags, &format!("{MOVED_TAG}{alias}"))?).ok()?;
    Some(Moved {
        to: note["to"].as_str().map(str::to_owned),
        by: words(note["by"].as_str()?.as_bytes()),
        at_unix_ms: note["at_unix_ms"].as_i64()?,
    })
}

impl MlflowRegistry {
    pub(super) fn move_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let _one = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = self.lock(model, alias, patience)?;
        let moved = self.move_locked(&lock, model, alias, from, to, &patience.within(WORK));
        // What may still arrive must not find another at work: then the lock stays until its time is over.
        if !matches!(moved, Err(Lost::Unknown(_))) {
            self.unlock(&lock);
        }
        moved
    }

    fn move_locked(
        &self,
        lock: &Held,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let seen = self.read_pointer(model, alias, patience)?;
        if seen.to.as_ref() != from {
            return Err(elsewhere(model, alias, &seen).into());
        }
        self.still_held(lock)?;
        self.change(&self.set_call(model, alias, to.map(VersionName::as_str)), patience)?;
        let at_unix_ms = self.clock.unix_ms();
        // The note is a courtesy: without it nobody knows who it was.
        let note = self.note_call(model, alias, to.map(VersionName::as_str), &json!(at_unix_ms));
        let _ = self.change(&note.repeatable(), patience);
        for after in [Duration::ZERO, self.second_look] {
            self.clock.pause(after, patience.cancel());
            let seen = self.read_pointer(model, alias, patience).map_err(Lost::Unknown)?;
            has_moved(model, alias, from, to, &seen)?;
        }
        Ok(json!({ "to": to }))
    }

    pub(super) fn point_calls(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request> {
        let [lock, unlock] = self.lock_calls(model, alias);
        let set = self.set_call(model, alias, to);
        let note = self.note_call(model, alias, to, &json!("{now}"));
        [lock, set, note, unlock].iter().map(Call::shown).collect()
    }

    fn set_call(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Call {
        let path = "registered-models/alias";
        match to {
            Some(version) => self.call(Http::post, path, json!({ "name": model, "alias": alias, "version": version })),
            None => self.call(Http::delete, path, json!({ "name": model, "alias": alias })),
        }
    }

    fn note_call(&self, model: &ModelName, alias: &AliasName, to: Option<&str>, at_unix_ms: &Value) -> Call {
        let note = json!({ "to": to, "by": self.at.by, "at_unix_ms": at_unix_ms }).to_string();
        let body = json!({ "name": model, "key": format!("{MOVED_TAG}{alias}"), "value": note });
        self.call(Http::post, "registered-models/set-tag", body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_is_written_and_odd_ones_are_none() {
        let alias: AliasName = "champion".parse().expect("a name");
        let note = |value: &str| moved_of(&[("signalbox.moved.champion".into(), value.into())], &alias);
        assert_eq!(
            note(r#"{"to":"5","by":"ada\u0007@laptop","at_unix_ms":12}"#),
            Some(Moved { to: Some("5".into()), by: "ada @laptop".into(), at_unix_ms: 12 })
        );
        for odd in ["", "{}", "5", r#"{"to":"5","by":7,"at_unix_ms":12}"#, r#"{"to":"5","by":"ada"}"#] {
            assert_eq!(note(odd), None, "{odd}");
        }
        assert_eq!(moved_of(&[], &alias), None);
    }
}
