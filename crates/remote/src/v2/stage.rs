//! Loading a version where no client asks for it, and taking it away again.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{Deployable, Failure, FailureCode, OpKey, ServiceName, VersionRef, digest_of};

use super::record::{Content, Contents, Record, Role};
use super::{Dialect, V2Target, Word, artifact, label, word};
use crate::http::{Lost, Patience};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// So long a server may take to forget a model that it was told to unload.
const FORGETS: Duration = Duration::from_secs(60);

impl V2Target {
    pub(super) fn bring(
        &self,
        service: &ServiceName,
        what: &Deployable,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let name = label::check(service, what.version.version.as_str())?;
        let path = what.path.as_deref().ok_or_else(|| {
            Failure::new(FailureCode::Invalid, format!("{} has no artifact on this machine", what.version))
                .hint("Bring it here from its registry first.")
        })?;
        let dialect = self.dialect(patience)?;
        let tree = digest_of(path).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?;
        if let Some(wanted) = what.version.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            let (path, found, wanted) = (path.display(), tree.digest.short(), wanted.short());
            let why = format!("{path} holds {found}, not {wanted}: it was changed since it was checked");
            return Err(Failure::new(FailureCode::Conflict, why).hint("Make the plan again.").into());
        }
        let _alone = self.repository.alone(patience)?;
        self.repository.recover(&name, None)?;
        match self.repository.record(&name) {
            Some(found) if is_same(&found, service, &what.version) && found.digest == tree.digest => {
                found.check(&self.repository.path(&name))?;
            }
            Some(found) => return Err(taken(&name, &format!("it holds {} of {}", found.version, found.service)).into()),
            None if self.repository.exists(&name) => return Err(taken(&name, "it is not Signalbox's").into()),
            None => {
                let said = label::label(&what.version, &tree.digest);
                let contents = artifact::contents(dialect, path, &tree, &name, &said)?;
                let version = VersionRef { digest: Some(tree.digest.clone()), ..what.version.clone() };
                let (role, service, digest) = (Role::Staged, service.clone(), tree.digest.clone());
                let (key_text, files) = (key.as_str().to_owned(), BTreeMap::new());
                let record = Record { role, service, version, digest, key: key_text, files };
                self.repository.write(&name, &contents, &record, key)?;
            }
        }
        if self.says(dialect, &name, &what.version, patience)? {
            return Ok(json!({ "loaded": name }));
        }
        match word(&self.http.place(), self.http.exchange(&self.load_call(&name), patience)) {
            Word::Done => Ok(json!({ "loaded": name })),
            Word::Unknown(failure) => Err(Lost::Unknown(failure)),
            Word::No(failure) => {
                // What cannot be loaded is not left for the server's next start.
                self.repository.remove(&name)?;
                if failure.code != FailureCode::Unreachable {
                    self.calm(dialect, &name, key, patience);
                }
                Err(Lost::Refused(failure.hint("The server's own log says more.")))
            }
        }
    }

    pub(super) fn take_away(&self, service: &ServiceName, at: &VersionRef, patience: &Patience) -> Result<Value, Lost> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.repository.alone(patience)?;
        let name = label::check(service, at.version.as_str())?;
        let look = self.look(service, patience)?;
        if look.live(service).is_some_and(|live| live.at.as_ref().is_some_and(|live| live.is(at))) {
            let why = format!("{at} takes the traffic of {service}");
            return Err(Failure::new(FailureCode::Conflict, why)
                .hint("Give the traffic to another version first.")
                .into());
        }
        self.repository.recover(&name, None)?;
        let found = self.repository.record(&name);
        if let Some(found) = found.as_ref().filter(|found| !is_same(found, service, at)) {
            return Err(taken(&name, &format!("it holds {} of {}", found.version, found.service)).into());
        }
        if let Some(loaded) = look.loaded.get(&name) {
            if !loaded.at.as_ref().is_some_and(|loaded| loaded.is(at)) {
                return Err(taken(&name, "the server has something else loaded under that name").into());
            }
            self.unload(look.dialect, &name, patience)?;
        }
        let left = self.repository.remove(&name)?;
        Ok(json!({ "unloaded": name, "left": left }))
    }

    /// Unloads a model and waits until the server has forgotten it.
    pub(super) fn unload(&self, dialect: Dialect, name: &str, patience: &Patience) -> Result<(), Lost> {
        match word(&self.http.place(), self.http.exchange(&self.unload_call(name), patience)) {
            Word::Done => {}
            Word::No(failure) if failure.code == FailureCode::NotFound => return Ok(()),
            Word::No(failure) => return Err(Lost::Refused(failure)),
            Word::Unknown(failure) => return Err(Lost::Unknown(failure)),
        }
        let patience = patience.within(FORGETS);
        loop {
            let index = self.index(&patience).map_err(Lost::Unknown)?;
            let states = index.iter().filter(|one| one["name"] == name).filter_map(|one| one["state"].as_str());
            if !states.into_iter().any(|state| matches!(state, "READY" | "UNLOADING" | "LOADING"))
                && self.loaded(dialect, name, &index, &patience).map_err(Lost::Unknown)?.is_none()
            {
                return Ok(());
            }
            patience.pause(BETWEEN_LOOKS).map_err(Lost::Unknown)?;
        }
    }

    /// Whether the server has that version loaded under a name.
    pub(super) fn says(
        &self,
        dialect: Dialect,
        name: &str,
        at: &VersionRef,
        patience: &Patience,
    ) -> Result<bool, Failure> {
        let index = self.index(patience)?;
        let found = self.loaded(dialect, name, &index, patience)?;
        Ok(found.is_some_and(|found| found.ready && found.at.is_some_and(|found| found.is(at))))
    }

    /// Brings Triton to forget a load that failed. What fails here leaves the server as the failure did.
    fn calm(&self, dialect: Dialect, name: &str, key: &OpKey, patience: &Patience) {
        if dialect != Dialect::Triton || self.repository.exists(name) {
            return;
        }
        let text = |text: &str| Content::Bytes(text.as_bytes().to_vec());
        let config = format!(
            "name: \"{name}\"\nbackend: \"python\"\ninput {{ name: \"x\" data_type: TYPE_BOOL dims: [ 1 ] }}\noutput {{ name: \"y\" data_type: TYPE_BOOL dims: [ 1 ] }}\ninstance_group {{ kind: KIND_CPU }}\n"
        );
        let model = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n";
        let contents: Contents = [("config.pbtxt".into(), text(&config)), ("1/model.py".into(), text(model))].into();
        let Ok(service) = name.parse::<ServiceName>() else { return };
        let nothing = VersionRef {
            registry: "signalbox".parse().expect("BUG: a name"),
            model: "nothing".parse().expect("BUG: a name"),
            version: "0".parse().expect("BUG: a name"),
            digest: None,
        };
        let digest = signalbox_release::Digest::of("");
        let (key_text, files) = (key.as_str().to_owned(), BTreeMap::new());
        let record = Record { role: Role::Staged, service, version: nothing, digest, key: key_text, files };
        if self.repository.write(name, &contents, &record, key).is_ok() {
            let _ = self.http.exchange(&self.load_call(name), patience);
            // Until it is gone the server counts as not ready.
            let _ = self.unload(dialect, name, patience);
            let _ = self.repository.remove(name);
        }
    }
}

pub(super) fn is_same(record: &Record, service: &ServiceName, at: &VersionRef) -> bool {
    record.role == Role::Staged && record.service == *service && record.version.is(at)
}

pub(super) fn taken(name: &str, why: &str) -> Failure {
    Failure::new(FailureCode::Conflict, format!("{name} is taken in the model repository: {why}"))
        .hint("Remove or rename it there, or serve under another name.")
}
