//! Registering a version: its files, a note of who did it and when, and its own tag last.
//!
//! Blobs are named by what they hold: sending one again changes nothing, and so does the rest. Nothing counts before
//! the version's tag is there.

use std::path::Path;

use reqwest::{Method, Url, header};
use serde_json::{Value, json};
use signalbox_release::{
    Digest, Failure, FailureCode, ModelName, OpKey, Registration, Request, TO_BE_GIVEN, VersionName, digest_of,
};

use super::manifest::{EMPTY_BLOB, Manifest, model, note};
use super::read::{op_tag, withdrawn_tag};
use super::{OciRegistry, named};
use crate::http::{Body, Call, Lost, Patience};

const BYTES: &str = "application/octet-stream";
/// How often an upload that broke off is begun anew.
const TRIES: u32 = 6;

impl OciRegistry {
    pub(super) fn take_in(
        &self,
        name: &ModelName,
        what: &Registration,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        if let Some(version) = self.version_by(name, key, patience)? {
            return Ok(json!({ "version": version.at.version }));
        }
        let Some(path) = &what.path else {
            let failure = Failure::new(FailureCode::Invalid, "an OCI registry takes files, and none are named");
            return Err(failure.hint("Name the model's folder on this machine.").into());
        };
        let local = |e| Failure::new(FailureCode::Local, format!("{e}"));
        let tree = digest_of(path).map_err(local)?;
        if let Some(wanted) = what.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            let (found, wanted) = (tree.digest.short(), wanted.short());
            let why = format!("{} holds {found}, not {wanted}: it was changed", path.display());
            return Err(Failure::new(FailureCode::Conflict, why).hint("Make the plan again.").into());
        }
        let (manifest, config) = model(name, &tree, key, &what.tags)?;
        let repository = self.repository(name)?;
        // Until the version's tag is sent there is no version, whatever is lost.
        let early = |lost: Lost| Lost::Refused(lost.failure());
        for file in &tree.files {
            let from = if path.is_file() { path.to_path_buf() } else { path.join(&file.path) };
            self.send_blob(&repository, &file.digest, &Body::File(from), patience).map_err(early)?;
        }
        self.send_blob(&repository, &Digest::of(&config), &Body::Bytes(BYTES, config), patience).map_err(early)?;
        self.send_empty(&repository, patience).map_err(early)?;
        let (call, noted) = self.op_call(&repository, key, manifest.version().as_str(), &json!(self.clock.unix_ms()));
        self.put_again(call, &noted, patience).map_err(early)?;
        let version = manifest.version();
        self.put_again(self.put_call(&repository, version.as_str(), &manifest), &manifest, patience)?;
        let seen = self.version_by(name, key, patience).map_err(Lost::Unknown)?;
        if seen.is_some_and(|seen| seen.at.version == version) {
            return Ok(json!({ "version": version, "digest": manifest.digest }));
        }
        let why = format!("the registry took {version} and does not show it");
        Err(Lost::Unknown(Failure::new(FailureCode::Server, why)))
    }

    pub(super) fn register_calls(&self, name: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        let Ok(repository) = self.repository(name) else { return Vec::new() };
        let uploads = self.http.below(&format!("v2/{repository}/blobs/uploads/"));
        let mut session = uploads.clone();
        session.set_path(&format!("{}{{upload}}", uploads.path()));
        session.set_query(Some("digest={digest of each file}"));
        let begin = self.http.at(Method::POST, uploads, Body::None);
        let send = what.path.iter().map(|path| self.http.at(Method::PUT, session.clone(), Body::File(path.clone())));
        let (op, _) = self.op_call(&repository, key, TO_BE_GIVEN, &json!("{now}"));
        let mut all = vec![begin];
        all.extend(send);
        all.push(op);
        let mut shown: Vec<Request> = all.iter().map(Call::shown).collect();
        let digest = what.digest.as_ref().map_or("{digest}".to_owned(), ToString::to_string);
        shown.push(Request {
            verb: "PUT".into(),
            to: format!("{}/v2/{repository}/manifests/{TO_BE_GIVEN}", self.http.place()),
            body: Some(json!({ "annotations": { super::manifest::OP_AT: key.as_str(),
                super::manifest::DIGEST_AT: digest } })),
        });
        shown
    }

    fn op_call(&self, repository: &str, key: &OpKey, version: &str, at_unix_ms: &Value) -> (Call, Manifest) {
        let says = json!({ "kind": "op", "op": key.as_str(), "version": version, "by": self.at.by,
            "at_unix_ms": at_unix_ms });
        let noted = note(&says);
        (self.put_call(repository, &op_tag(key.as_str()), &noted), noted)
    }

    pub(super) fn mark_withdrawn(
        &self,
        model: &ModelName,
        version: &VersionName,
        patience: &Patience,
    ) -> Result<(), Lost> {
        let repository = self.repository(model)?;
        let Some(manifest) = self.version_manifest(&repository, version, patience)? else {
            return Err(Failure::new(FailureCode::NotFound, format!("there is no {model} {version}")).into());
        };
        self.keep(&repository, &manifest, patience).map_err(|lost| Lost::Refused(lost.failure()))?;
        self.send_empty(&repository, patience).map_err(|lost| Lost::Refused(lost.failure()))?;
        let (call, noted) = self.withdraw_call(&repository, version.as_str());
        self.put_again(call, &noted, patience)
    }

    /// `version`: a version, or what stands for it. Saying it again changes nothing.
    pub(super) fn withdraw_call(&self, repository: &str, version: &str) -> (Call, Manifest) {
        let noted = note(&json!({ "kind": "withdrawn", "by": self.at.by }));
        (self.put_call(repository, &withdrawn_tag(version), &noted), noted)
    }

    /// Gives a version its own tag: another tool's may be held by an alias only, and registries sweep what no tag holds.
    pub(super) fn keep(&self, repository: &str, manifest: &Manifest, patience: &Patience) -> Result<(), Lost> {
        let version = manifest.version();
        let there = self.manifest(repository, version.as_str(), patience)?;
        if there.is_some_and(|there| there.digest == manifest.digest) {
            return Ok(());
        }
        self.put_again(self.put_call(repository, version.as_str(), manifest), manifest, patience)
    }

    /// What our notes stand on.
    pub(super) fn send_empty(&self, repository: &str, patience: &Patience) -> Result<(), Lost> {
        self.send_blob(repository, &Digest::of(EMPTY_BLOB), &Body::Bytes(BYTES, EMPTY_BLOB.to_vec()), patience)
    }

    /// Sends a blob unless it is there. An upload that breaks off is begun anew: it is the same blob or none.
    fn send_blob(&self, repository: &str, digest: &Digest, body: &Body, patience: &Patience) -> Result<(), Lost> {
        let mut tries = 0;
        loop {
            if self.has_blob(repository, digest, patience)? {
                return Ok(());
            }
            tries += 1;
            match self.upload(repository, digest, body, patience) {
                Ok(()) => return Ok(()),
                Err(lost) => {
                    let (failure, last) = (lost.clone().failure(), tries >= TRIES);
                    let helps = matches!(
                        failure.code,
                        FailureCode::TimedOut | FailureCode::Busy | FailureCode::Server | FailureCode::NotFound
                    );
                    if last || !helps || patience.check().is_err() {
                        return Err(lost);
                    }
                    patience.pause(std::time::Duration::from_millis(100) * 2u32.pow(tries))?;
                }
            }
        }
    }

    fn has_blob(&self, repository: &str, digest: &Digest, patience: &Patience) -> Result<bool, Failure> {
        let to = self.http.below(&format!("v2/{repository}/blobs/{digest}"));
        let call = self.http.at(Method::HEAD, to, Body::None).repeatable();
        // Some send a HEAD on to their store: then it is there.
        match self.settled(patience, || self.http.read_reply(&call, patience)) {
            Ok(_) => Ok(true),
            Err(failure) if failure.code == FailureCode::NotFound => Ok(false),
            Err(failure) => Err(named(failure)),
        }
    }

    fn upload(&self, repository: &str, digest: &Digest, body: &Body, patience: &Patience) -> Result<(), Lost> {
        // Begun twice, one of the two stays empty and is swept.
        let to = self.http.below(&format!("v2/{repository}/blobs/uploads/"));
        let begin = self.http.at(Method::POST, to, Body::None).repeatable();
        let reply = self.http.change_reply(&begin, patience).map_err(|lost| lost.map(named))?;
        let mut to = self.upload_at(reply.header(header::LOCATION).unwrap_or_default())?;
        to.query_pairs_mut().append_pair("digest", &digest.to_string());
        let put = self.http.at(Method::PUT, to, body.clone());
        let put = if matches!(body, Body::File(_)) { put.with(header::CONTENT_TYPE, BYTES) } else { put };
        self.http.change_reply(&put, patience).map(|_| ()).map_err(|lost| match lost.map(named) {
            // The registry has checked what arrived against the digest.
            Lost::Refused(failure) if digest_invalid(&failure) => {
                let why = match body {
                    Body::File(path) => format!("{} was changed while it was sent", Path::display(path)),
                    _ => failure.message,
                };
                Lost::Refused(Failure::new(FailureCode::Conflict, why).hint("Make the plan again."))
            }
            lost => lost,
        })
    }

    /// Where the registry wants an upload: only at itself, by the name and scheme that we know it by. Behind a proxy it
    /// may not know its own.
    fn upload_at(&self, location: &str) -> Result<Url, Failure> {
        let base = self.http.base();
        let told = base.join(location).ok().filter(|told| !location.is_empty() && told.host() == base.host());
        let told = told.ok_or_else(|| {
            Failure::new(FailureCode::Server, "the registry wants the upload at another address than its own")
                .hint("Name that registry's own address.")
        })?;
        let mut to = base.clone();
        to.set_path(told.path());
        to.set_query(told.query());
        Ok(to)
    }
}

fn digest_invalid(failure: &Failure) -> bool {
    let code = failure.raw.as_ref().and_then(|raw| raw.get("errors")?.get(0)?.get("code")?.as_str());
    matches!(code, Some("DIGEST_INVALID" | "SIZE_INVALID"))
}
