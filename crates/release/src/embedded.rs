//! The registry that works with nothing installed: models, versions and aliases in Signalbox's own ledger, artifacts
//! in folders that are named by what they hold.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_store::{ItemRow, Ledger, StoreError};

use crate::carry::Clock;
use crate::failure::{Failure, FailureCode, Outcome};
use crate::names::{AliasName, Digest, ModelName, OpKey, SystemId, VersionName, VersionRef};
use crate::ports::{Cas, Cx, Registration, Registry, RegistryCaps, Request};
use crate::seen::{Model, Pointer, Version, VersionState};
use crate::tree::{TreeError, digest_of};

pub struct Embedded {
    id: SystemId,
    ledger: Arc<Ledger>,
    /// Holds a folder `sha256/HEX` per artifact.
    artifacts: PathBuf,
    by: String,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize, Deserialize)]
struct VersionItem {
    digest: Digest,
    key: String,
    run: Option<String>,
    tags: Vec<(String, String)>,
    by: String,
    at_unix_ms: i64,
    withdrawn: bool,
}

#[derive(Serialize, Deserialize)]
struct AliasItem {
    to: Option<VersionName>,
    by: String,
    at_unix_ms: i64,
}

const MODELS: &str = "model";

impl Embedded {
    pub fn new(id: SystemId, ledger: Arc<Ledger>, artifacts: PathBuf, by: String, clock: Arc<dyn Clock>) -> Embedded {
        Embedded { id, ledger, artifacts, by, clock }
    }

    fn folder(&self, digest: &Digest) -> PathBuf {
        self.artifacts.join("sha256").join(digest.hex())
    }

    fn read_version(&self, model: &ModelName, row: &ItemRow) -> Result<Version, Failure> {
        let item: VersionItem = read(&row.body)?;
        let version: VersionName = row.key.trim_start_matches('0').parse().map_err(|_| damaged(&row.key))?;
        let raw = serde_json::from_str(&row.body).map_err(|_| damaged(&row.key))?;
        let folder = self.folder(&item.digest);
        Ok(Version {
            at: VersionRef { registry: self.id.clone(), model: model.clone(), version, digest: Some(item.digest) },
            state: if item.withdrawn {
                VersionState::Withdrawn
            } else if folder.is_dir() {
                VersionState::Ready
            } else {
                VersionState::Failed("its artifact is not there any more".into())
            },
            run: item.run,
            source: None,
            made_unix_ms: Some(item.at_unix_ms),
            made_by: Some(item.by),
            tags: item.tags,
            raw,
        })
    }

    /// Copies the artifact in, then numbers it. Killed in between, the copy lies there and is found the next time.
    fn take_in(&self, model: &ModelName, what: &Registration, key: &OpKey, cx: &Cx) -> Result<VersionName, Failure> {
        if let Some(version) = self.registered_by(model, key, cx)?.into_iter().next() {
            return Ok(version.at.version);
        }
        let path = what.path.as_deref().ok_or_else(|| {
            Failure::new(FailureCode::Invalid, "there is no artifact on this machine to register")
                .hint("Choose a run that logged a model, or name the model's folder.")
        })?;
        let tree = digest_of(path).map_err(local)?;
        if let Some(wanted) = what.digest.as_ref().filter(|wanted| **wanted != tree.digest) {
            return Err(Failure::new(
                FailureCode::Conflict,
                format!(
                    "{} holds {}, not {}: it was changed since it was checked",
                    path.display(),
                    tree.digest.short(),
                    wanted.short()
                ),
            )
            .hint("Make the plan again."));
        }
        let folder = self.folder(&tree.digest);
        if !folder.is_dir() {
            let coming = self.artifacts.join(format!(".coming-{}", key.as_str()));
            let io = |e: std::io::Error| Failure::new(FailureCode::Local, format!("{}: {e}", coming.display()));
            if coming.exists() {
                fs::remove_dir_all(&coming).map_err(io)?;
            }
            tree.copy(path, &coming).map_err(local)?;
            fs::create_dir_all(folder.parent().expect("BUG: below the artifacts' folder")).map_err(io)?;
            match fs::rename(&coming, &folder) {
                Ok(()) => {}
                // Another brought the same artifact in meanwhile.
                Err(_) if folder.is_dir() => fs::remove_dir_all(&coming).map_err(io)?,
                Err(e) => return Err(io(e)),
            }
        }
        self.ledger.set_item(MODELS, model.as_str(), 0, "{}").map_err(stored)?;
        let item = VersionItem {
            digest: tree.digest,
            key: key.as_str().to_owned(),
            run: what.run.clone(),
            tags: what.tags.clone(),
            by: self.by.clone(),
            at_unix_ms: self.clock.unix_ms(),
            withdrawn: false,
        };
        let body = serde_json::to_string(&item).expect("BUG: a version is JSON");
        loop {
            let rows = self.ledger.items(&versions_of(model)).map_err(stored)?;
            let last: u64 = rows.last().and_then(|row| row.key.parse().ok()).unwrap_or(0);
            let next = format!("{:08}", last + 1);
            if self.ledger.set_item(&versions_of(model), &next, 0, &body).map_err(stored)? {
                return (last + 1).to_string().parse().map_err(|_| damaged(&next));
            }
        }
    }

    fn set_pointer(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
    ) -> Result<(), Failure> {
        if let Some(version) = to
            && self.ledger.item(&versions_of(model), &number(version)).map_err(stored)?.is_none()
        {
            return Err(Failure::new(FailureCode::NotFound, format!("{model} has no version {version}")));
        }
        let row = self.ledger.item(&aliases_of(model), alias.as_str()).map_err(stored)?;
        let now: Option<AliasItem> = row.as_ref().map(|row| read(&row.body)).transpose()?;
        let conflict = |now: Option<&AliasItem>| {
            let to = now.and_then(|now| now.to.as_ref()).map_or("nothing".to_owned(), ToString::to_string);
            let by = now.map_or(String::new(), |now| format!("; {} moved it", now.by));
            Failure::new(FailureCode::Conflict, format!("{alias} of {model} points at {to} by now{by}"))
        };
        if now.as_ref().and_then(|now| now.to.as_ref()) != from {
            return Err(conflict(now.as_ref()));
        }
        let item = AliasItem { to: to.cloned(), by: self.by.clone(), at_unix_ms: self.clock.unix_ms() };
        let body = serde_json::to_string(&item).expect("BUG: an alias is JSON");
        let revision = row.map_or(0, |row| row.revision);
        if self.ledger.set_item(&aliases_of(model), alias.as_str(), revision, &body).map_err(stored)? {
            Ok(())
        } else {
            Err(conflict(None))
        }
    }
}

impl Registry for Embedded {
    fn id(&self) -> &SystemId {
        &self.id
    }

    fn title(&self) -> String {
        "Signalbox's own registry".into()
    }

    fn caps(&self) -> RegistryCaps {
        RegistryCaps { cas: Cas::Native, digests: true, history: true }
    }

    fn models(&self, _: &Cx) -> Result<Vec<Model>, Failure> {
        let mut models = Vec::new();
        for row in self.ledger.items(MODELS).map_err(stored)? {
            let name: ModelName = row.key.parse().map_err(|_| damaged(&row.key))?;
            let mut aliases = Vec::new();
            for row in self.ledger.items(&aliases_of(&name)).map_err(stored)? {
                let item: AliasItem = read(&row.body)?;
                if let (Ok(alias), Some(to)) = (row.key.parse(), item.to) {
                    aliases.push((alias, to));
                }
            }
            models.push(Model { name, aliases, description: None, raw: json!({}) });
        }
        Ok(models)
    }

    fn versions(&self, model: &ModelName, _: &Cx) -> Result<Vec<Version>, Failure> {
        let rows = self.ledger.items(&versions_of(model)).map_err(stored)?;
        rows.iter().rev().map(|row| self.read_version(model, row)).collect()
    }

    fn version(&self, model: &ModelName, version: &VersionName, _: &Cx) -> Result<Option<Version>, Failure> {
        let row = self.ledger.item(&versions_of(model), &number(version)).map_err(stored)?;
        row.map(|row| self.read_version(model, &row)).transpose()
    }

    fn registered_by(&self, model: &ModelName, key: &OpKey, _: &Cx) -> Result<Vec<Version>, Failure> {
        let mut found = Vec::new();
        for row in self.ledger.items(&versions_of(model)).map_err(stored)? {
            if read::<VersionItem>(&row.body)?.key == key.as_str() {
                found.push(self.read_version(model, &row)?);
            }
        }
        Ok(found)
    }

    fn pointer(&self, model: &ModelName, alias: &AliasName, _: &Cx) -> Result<Pointer, Failure> {
        let row = self.ledger.item(&aliases_of(model), alias.as_str()).map_err(stored)?;
        let Some(row) = row else {
            return Ok(Pointer { to: None, moved_by: None, moved_unix_ms: None, raw: json!(null) });
        };
        let item: AliasItem = read(&row.body)?;
        let raw = json!({ "to": item.to, "by": item.by, "at_unix_ms": item.at_unix_ms, "revision": row.revision });
        Ok(Pointer { to: item.to, moved_by: Some(item.by), moved_unix_ms: Some(item.at_unix_ms), raw })
    }

    fn fetch(&self, version: &Version, _: &Cx) -> Result<PathBuf, Failure> {
        let digest = version.at.digest.as_ref().ok_or_else(|| damaged(version.at.version.as_str()))?;
        let folder = self.folder(digest);
        let found = digest_of(&folder).map_err(local)?;
        if found.digest == *digest {
            return Ok(folder);
        }
        Err(Failure::new(
            FailureCode::Local,
            format!("the artifact of {} was changed: {} holds {}", version.at, folder.display(), found.digest.short()),
        )
        .hint("Register the model again, from its run."))
    }

    fn register_requests(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        let path = what.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let folder =
            what.digest.as_ref().map_or("sha256/…".to_owned(), |digest| self.folder(digest).display().to_string());
        vec![
            Request { verb: "copy".into(), to: format!("{path} → {folder}"), body: None },
            Request {
                verb: "add version".into(),
                to: model.to_string(),
                body: Some(json!({ "digest": what.digest, "key": key.as_str(), "run": what.run, "tags": what.tags })),
            },
        ]
    }

    fn register(&self, model: &ModelName, what: &Registration, key: &OpKey, cx: &Cx) -> Outcome {
        match self.take_in(model, what, key, cx) {
            Ok(version) => Outcome::Done(json!({ "version": version })),
            Err(failure) => Outcome::Refused(failure),
        }
    }

    fn withdraw_requests(&self, model: &ModelName, version: Option<&VersionName>) -> Vec<Request> {
        let version = version.map_or("{version}", VersionName::as_str);
        vec![Request { verb: "mark as withdrawn".into(), to: format!("{model} {version}"), body: None }]
    }

    fn withdraw(&self, model: &ModelName, version: &VersionName, _: &Cx) -> Outcome {
        let set = || -> Result<(), Failure> {
            loop {
                let row = self.ledger.item(&versions_of(model), &number(version)).map_err(stored)?;
                let row = row
                    .ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{model} has no version {version}")))?;
                let item = VersionItem { withdrawn: true, ..read(&row.body)? };
                let body = serde_json::to_string(&item).expect("BUG: a version is JSON");
                if self.ledger.set_item(&versions_of(model), &row.key, row.revision, &body).map_err(stored)? {
                    return Ok(());
                }
            }
        };
        set().map_or_else(Outcome::Refused, |()| Outcome::Done(json!({ "withdrawn": version })))
    }

    fn point_requests(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request> {
        vec![Request { verb: "set alias".into(), to: format!("{model} {alias}"), body: Some(json!({ "to": to })) }]
    }

    fn point(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        _: &Cx,
    ) -> Outcome {
        match self.set_pointer(model, alias, from, to) {
            Ok(()) => Outcome::Done(json!({ "to": to })),
            Err(failure) => Outcome::Refused(failure),
        }
    }
}

fn versions_of(model: &ModelName) -> String {
    format!("version/{model}")
}

fn aliases_of(model: &ModelName) -> String {
    format!("alias/{model}")
}

/// The key of a version: in the order of numbers, not of texts.
fn number(version: &VersionName) -> String {
    format!("{:0>8}", version.as_str())
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|e| damaged(&e.to_string()))
}

fn damaged(what: &str) -> Failure {
    Failure::new(FailureCode::Local, format!("the registry's own records are damaged: {what}"))
}

fn stored(e: StoreError) -> Failure {
    Failure::new(FailureCode::Local, e.to_string()).hint(e.hint())
}

fn local(e: TreeError) -> Failure {
    Failure::new(FailureCode::Local, e.to_string())
}
