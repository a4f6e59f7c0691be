//! One Signalbox at a time moves an alias. MLflow creates a registered model once only, however many ask: so a model of
//! a name of its own is the lock, and who created it holds it until it deletes it, or until the time that it names.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{AliasName, Cancel, Cx, Digest, Failure, FailureCode, ModelName};

use super::MlflowRegistry;
use super::wire::{self, list, tag, text};
use crate::http::{Call, Http, Lost, Patience, words};

const PREFIX: &str = "__signalbox_lock.";
const OWNER_TAG: &str = "signalbox.owner";
const NONCE_TAG: &str = "signalbox.nonce";
const UNTIL_TAG: &str = "signalbox.until";
/// A lock is the holder's for so long; clocks may differ by the rest of it.
const HELD_MS: i64 = 40_000;
/// What is done under a lock is done within this.
pub const WORK: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// After a lock was taken from one who is gone: another may have done so at the same time.
const SETTLE: Duration = Duration::from_millis(500);
/// MLflow takes names of 256 characters.
const MAX_NAME: usize = 250;

/// Whether a registered model is a lock of ours.
pub fn is_lock(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn name_of(model: &ModelName, alias: &AliasName) -> String {
    let name = format!("{PREFIX}{model}.{alias}");
    if name.chars().count() <= MAX_NAME { name } else { format!("{PREFIX}{}", Digest::of(name).hex()) }
}

/// A lock of ours.
pub struct Held {
    name: String,
    until_unix_ms: i64,
}

/// A lock as the registry has it.
struct Seen {
    owner: String,
    nonce: String,
    until_unix_ms: i64,
}

impl MlflowRegistry {
    /// Waits for the lock as long as patience lasts. Whatever fails here, the alias was not touched.
    pub(super) fn lock(&self, model: &ModelName, alias: &AliasName, patience: &Patience) -> Result<Held, Failure> {
        let name = name_of(model, alias);
        let mut stolen = false;
        // Once somebody was seen to hold it, that is why time ran out, whatever call it ran out in.
        let mut busy: Option<Failure> = None;
        loop {
            let or_busy = |failure: Failure| match &busy {
                Some(busy) if failure.code == FailureCode::TimedOut => busy.clone(),
                _ => failure,
            };
            patience.check().map_err(or_busy)?;
            let until_unix_ms = self.clock.unix_ms() + HELD_MS;
            match self.change(&self.lock_call(&name, &until_unix_ms.to_string()), patience) {
                Ok(_) if !stolen => return Ok(Held { name, until_unix_ms }),
                Ok(_) => self.clock.pause(SETTLE, patience.cancel()),
                Err(Lost::Refused(failure)) if failure.code == FailureCode::Conflict => {}
                Err(Lost::Refused(failure)) => return Err(or_busy(failure)),
                // It may be ours all the same.
                Err(Lost::Unknown(failure)) => match self.seen_lock(&name, patience) {
                    Ok(Some(_)) => {}
                    _ => return Err(or_busy(failure)),
                },
            }
            let Some(seen) = self.seen_lock(&name, patience).map_err(or_busy)? else { continue };
            if seen.nonce == self.nonce && seen.until_unix_ms == until_unix_ms {
                return Ok(Held { name, until_unix_ms });
            }
            if seen.nonce == self.nonce || seen.until_unix_ms < self.clock.unix_ms() {
                // Left by a move of ours whose answer was lost, or by one who is gone.
                stolen = seen.nonce != self.nonce;
                self.remove(&name, patience)?;
                continue;
            }
            let why = format!("{} is moving {alias} of {model} just now", seen.owner);
            let held = Failure::new(FailureCode::Busy, why).hint("Wait until that is done, and look again.");
            if patience.left() <= BETWEEN_TRIES {
                return Err(held);
            }
            busy = Some(held);
            self.clock.pause(BETWEEN_TRIES, patience.cancel());
        }
    }

    /// A failure where so much of the lock's time is over that the work under it might outlast it: its answer came
    /// late, or this machine slept.
    pub(super) fn still_held(&self, lock: &Held) -> Result<(), Failure> {
        if self.clock.unix_ms() <= lock.until_unix_ms - HELD_MS / 2 {
            return Ok(());
        }
        let why = "the registry took so long to lock the alias that the lock may be another's by now";
        Err(Failure::new(FailureCode::Busy, why).hint("Nothing was moved. Try it again."))
    }

    /// If it fails, the lock is free when its time is over. It is tried even where the person has stopped the move; after
    /// its time it may be another's of the same name, and is left.
    pub(super) fn unlock(&self, lock: &Held) {
        let Ok(left) = u64::try_from(lock.until_unix_ms - self.clock.unix_ms()) else { return };
        let cx = Cx { cancel: Cancel::default(), limit: Duration::from_millis(left).min(Duration::from_secs(5)) };
        let _ = self.remove(&lock.name, &Patience::new(&cx));
    }

    pub(super) fn lock_calls(&self, model: &ModelName, alias: &AliasName) -> [Call; 2] {
        let name = name_of(model, alias);
        [self.lock_call(&name, "{until}"), self.unlock_call(&name)]
    }

    fn lock_call(&self, name: &str, until: &str) -> Call {
        let tags = [(OWNER_TAG, self.at.by.as_str()), (NONCE_TAG, &self.nonce), (UNTIL_TAG, until)];
        let tags: Vec<Value> = tags.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let about = "Signalbox is moving an alias; this entry is gone when that is done.";
        self.call(Http::post, "registered-models/create", json!({ "name": name, "description": about, "tags": tags }))
    }

    fn unlock_call(&self, name: &str) -> Call {
        self.call(Http::delete, "registered-models/delete", json!({ "name": name }))
    }

    fn remove(&self, name: &str, patience: &Patience) -> Result<(), Failure> {
        match self.change(&self.unlock_call(name), patience) {
            Ok(_) => Ok(()),
            Err(Lost::Refused(failure)) if failure.code == FailureCode::NotFound => Ok(()),
            Err(lost) => Err(lost.failure()),
        }
    }

    fn seen_lock(&self, name: &str, patience: &Patience) -> Result<Option<Seen>, Failure> {
        let Some(raw) = self.one_model(name, patience)? else { return Ok(None) };
        let tags = wire::tags(&raw);
        let until = tag(&tags, UNTIL_TAG).and_then(|until| until.parse().ok());
        match (tag(&tags, NONCE_TAG), until) {
            (Some(nonce), Some(until_unix_ms)) if list(&raw, "latest_versions").is_empty() => {
                let owner = words(tag(&tags, OWNER_TAG).unwrap_or("another Signalbox").as_bytes());
                Ok(Some(Seen { owner, nonce: nonce.to_owned(), until_unix_ms }))
            }
            // Somebody's own model is not ours to delete.
            _ => {
                let shown = text(&raw, "name").unwrap_or(name);
                let why = format!("the registered model {shown} has the name of a lock, and is none");
                Err(Failure::new(FailureCode::Conflict, why).hint("Rename or delete it in MLflow."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locks_name_fits_and_is_known_again() {
        let alias: AliasName = "champion".parse().expect("a name");
        let name = name_of(&"it's".parse().expect("a name"), &alias);
        assert_eq!(name, "__signalbox_lock.it's.champion");
        let long =
            |c: &str| name_of(&c.repeat(200).parse().expect("a name"), &"b".repeat(200).parse().expect("a name"));
        assert!(long("a").chars().count() <= MAX_NAME && is_lock(&long("a")) && is_lock(&name));
        assert_ne!(long("a"), long("é"));
        assert!(!is_lock("signalbox_lock.x"));
    }
}
