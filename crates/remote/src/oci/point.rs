//! Moving an alias: claim, compare, set, read back, look again.

use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{AliasName, Failure, FailureCode, ModelName, Request, VersionName};

use super::OciRegistry;
use super::claim::{Claim, WORK};
use super::manifest::{Manifest, note, nothing};
use super::read::{alias_tag, moved_tag};
use crate::alias::{elsewhere, has_moved};
use crate::http::{Call, Lost, Patience};

impl OciRegistry {
    pub(super) fn move_alias(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        alias_tag(alias)?;
        let _one = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = self.claim(model, alias, patience)?;
        let moved = self.move_claimed(&claim, model, alias, from, to, &patience.within(WORK));
        // What may still arrive must not find another at work: then the claim stays up until its time is over.
        if !matches!(moved, Err(Lost::Unknown(_))) {
            self.release(&claim);
        }
        moved
    }

    fn move_claimed(
        &self,
        claim: &Claim,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let repository = self.repository(model)?;
        let (seen, here) = self.read_pointer(model, alias, patience)?;
        if seen.to.as_ref() != from {
            return Err(elsewhere(model, alias, &seen).into());
        }
        let target = match to {
            None => nothing(),
            Some(version) => self.version_manifest(&repository, version, patience)?.ok_or_else(|| {
                Failure::new(FailureCode::NotFound, format!("there is no {model} {version} in the registry"))
            })?,
        };
        // Neither the one nor the other may hang by this alias alone.
        for kept in here.iter().chain(to.map(|_| &target)) {
            self.keep(&repository, kept, patience).map_err(|lost| Lost::Refused(lost.failure()))?;
        }
        self.still_up(claim)?;
        self.put(&self.put_call(&repository, &alias_tag(alias)?, &target), &target, patience)?;
        // The note is a courtesy: without it nobody knows who it was.
        let to_text = to.map(VersionName::as_str);
        let (call, noted) = self.note_call(&repository, alias, to_text, &json!(self.clock.unix_ms()));
        let _ = self.put_again(call, &noted, patience);
        for after in [Duration::ZERO, self.second_look] {
            self.clock.pause(after, patience.cancel());
            let (seen, _) = self.read_pointer(model, alias, patience).map_err(Lost::Unknown)?;
            has_moved(model, alias, from, to, &seen)?;
        }
        Ok(json!({ "to": to, "digest": target.digest }))
    }

    pub(super) fn point_calls(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request> {
        let (Ok(repository), Ok(tag)) = (self.repository(model), alias_tag(alias)) else { return Vec::new() };
        let [up, down] = self.claim_calls(&repository, alias).map(|call| call.shown());
        let set = match to {
            // The version's own manifest, under another tag.
            Some(version) => Request {
                verb: "PUT".into(),
                to: format!("{}/v2/{repository}/manifests/{tag}", self.http.place()),
                body: Some(json!({ "manifest": version })),
            },
            None => self.put_call(&repository, &tag, &nothing()).shown(),
        };
        let noted = self.note_call(&repository, alias, to, &json!("{now}")).0.shown();
        vec![up, set, noted, down]
    }

    fn note_call(&self, repository: &str, alias: &AliasName, to: Option<&str>, at_unix_ms: &Value) -> (Call, Manifest) {
        let says = json!({ "kind": "moved", "alias": alias, "to": to, "by": self.at.by, "at_unix_ms": at_unix_ms });
        let noted = note(&says);
        (self.put_call(repository, &moved_tag(alias), &noted), noted)
    }
}
