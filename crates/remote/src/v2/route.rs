//! Moving the service's own name to a staged version, and back.

use std::sync::PoisonError;

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, OpKey, ServiceName, Split, VersionRef};

use super::observe::Look;
use super::record::{Content, Contents, Record, Role};
use super::stage::{is_same, taken};
use super::{Dialect, V2Target, Word, artifact, label, pbtxt, word};
use crate::http::{Lost, Patience};

const SETTINGS: &str = "model-settings.json";

impl V2Target {
    pub(super) fn give(
        &self,
        service: &ServiceName,
        split: &Split,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.repository.alone(patience)?;
        let name = service.as_str();
        let look = self.look(service, patience)?;
        self.repository.recover(name, look.live(service).and_then(|live| live.at.as_ref()))?;
        let on_disk = self.repository.record(name);
        let is_live = on_disk.as_ref().is_some_and(|disk| disk.role == Role::Live && disk.service == *service);
        if self.repository.exists(name) && !is_live {
            return Err(taken(name, "it is not Signalbox's").into());
        }
        if look.live(service).is_some_and(|live| live.at.is_none()) {
            return Err(taken(name, "the server serves there what another has loaded").into());
        }
        split.check(service, look.live(service).and_then(|live| live.at.as_ref()))?;
        let Some(to) = &split.to else {
            if look.live(service).is_some() {
                self.unload(look.dialect, name, patience)?;
            }
            let left = self.repository.remove(name)?;
            return Ok(json!({ "serves": null, "left": left }));
        };
        if split.share != 100 {
            let why = "a V2 server cannot split a service's traffic";
            return Err(Failure::new(FailureCode::Invalid, why).hint("Give it all, or put a router before it.").into());
        }
        let staged = label::check(service, to.version.as_str())?;
        let record = look.records.get(&staged).filter(|record| is_same(record, service, to)).ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("{to} is not in the server's model repository"))
                .hint("Load it there first.")
        })?;
        let serves = |at: Option<&VersionRef>| at.is_some_and(|at| at.is(to));
        let is_so = serves(look.live(service).and_then(|live| live.at.as_ref()));
        if is_so && serves(on_disk.as_ref().map(|disk| &disk.version)) {
            return Ok(json!({ "serves": staged }));
        }
        self.write_live(service, &look, &staged, record, key)?;
        match word(&self.http.place(), self.http.exchange(&self.load_call(name), patience)) {
            Word::Done => {
                self.repository.settle(name)?;
                Ok(json!({ "serves": staged }))
            }
            // The folder stays as it is wanted; what is so is to be looked at.
            Word::Unknown(failure) => Err(Lost::Unknown(failure)),
            Word::No(failure) => {
                self.repository.unwrite(name)?;
                if look.live(service).is_some() && failure.code != FailureCode::Unreachable {
                    // Nothing has changed for it; and the server forgets that a load has failed.
                    let _ = self.http.exchange(&self.load_call(name), patience);
                }
                Err(Lost::Refused(failure.hint("The version before serves on; the server's own log says more.")))
            }
        }
    }

    fn write_live(
        &self,
        service: &ServiceName,
        look: &Look,
        staged: &str,
        record: &Record,
        key: &OpKey,
    ) -> Result<(), Failure> {
        let name = service.as_str();
        let path = self.repository.path(staged);
        // What the server loads now is what was proven.
        record.check(&path)?;
        let mut contents = Contents::new();
        match look.dialect {
            Dialect::Triton => {
                let loaded = look.loaded.get(staged).filter(|loaded| loaded.ready).ok_or_else(|| {
                    Failure::new(FailureCode::NotFound, format!("{} is not loaded", record.version))
                        .hint("Load it first.")
                })?;
                let said = label::label(&record.version, &record.digest);
                let config = pbtxt::of_ensemble(name, staged, &loaded.raw, &said)?;
                contents.insert("config.pbtxt".into(), Content::Bytes(config.into_bytes()));
                // Each answer names it.
                let number = number(&record.version);
                let note = format!("{name} hands its requests on to {staged}. Written by Signalbox.\n");
                contents.insert(format!("{number}/note.txt"), Content::Bytes(note.into_bytes()));
            }
            Dialect::MlServer => {
                let text = std::fs::read(path.join(SETTINGS)).map_err(|e| super::folder::local(&path, &e))?;
                let odd = |_| Failure::new(FailureCode::Conflict, format!("{staged}/{SETTINGS} was changed"));
                let settings: Value = serde_json::from_slice(&text).map_err(odd)?;
                let live = artifact::live_settings(&settings, name, staged)?;
                if artifact::brings_code(&settings) {
                    for (file, was) in record.below().filter(|(file, _)| *file != SETTINGS) {
                        contents.insert(file.clone(), Content::Copy(path.join(file), was.digest.clone()));
                    }
                }
                contents.insert(SETTINGS.into(), Content::Bytes(live.to_string().into_bytes()));
            }
        }
        let live = Record { role: Role::Live, key: key.as_str().to_owned(), ..record.clone() };
        self.repository.write(name, &contents, &live, key)
    }
}

/// What Triton calls a service's version: that version's own number, where it is one.
pub(super) fn number(at: &VersionRef) -> u32 {
    at.version.as_str().parse().ok().filter(|n| *n > 0).unwrap_or(1)
}
