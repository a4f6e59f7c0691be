//! What the server says that it serves, and what of it is known to be ours.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, Identity, Observed, Phase, Served, ServiceName, VersionRef};

use super::record::{Record, Role};
use super::{Dialect, V2Target, label, pbtxt};
use crate::http::{Patience, words};

const MAX_MODELS: usize = 10_000;

/// A model that the server has loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it says itself.
    pub at: Option<VersionRef>,
    pub ready: bool,
    /// Triton's configuration, MLServer's metadata.
    pub raw: Value,
}

/// What is so at one service, just now.
pub struct Look {
    pub dialect: Dialect,
    /// All folders that are ours.
    pub records: BTreeMap<String, Record>,
    /// Those of them whose files are as they were written.
    as_written: BTreeSet<String>,
    /// What is loaded for the service: under its own name, and under those of staged versions.
    pub loaded: BTreeMap<String, Loaded>,
    index: Vec<Value>,
}

impl V2Target {
    pub(super) fn look(&self, service: &ServiceName, patience: &Patience) -> Result<Look, Failure> {
        let dialect = self.dialect(patience)?;
        let records = self.repository.records(service)?;
        let index = self.index(patience)?;
        let prefix = label::staged(service.as_str(), "");
        let of_service = |name: &&str| *name == service.as_str() || name.starts_with(&prefix);
        let listed: Vec<&str> = index.iter().filter_map(|one| one["name"].as_str()).filter(of_service).collect();
        let mut names: Vec<&str> = listed.into_iter().chain(records.keys().map(String::as_str)).collect();
        // MLServer's index is of its folders: a model whose folder is gone is served all the same.
        names.push(service.as_str());
        names.sort_unstable();
        names.dedup();
        let mut loaded = BTreeMap::new();
        for name in names {
            if let Some(found) = self.loaded(dialect, name, &index, patience)? {
                loaded.insert(name.to_owned(), found);
            }
        }
        let index = index.iter().filter(|one| one["name"].as_str().is_some_and(|name| of_service(&name)));
        let as_written = records.iter().filter(|(name, record)| record.is_as_written(&self.repository.path(name)));
        let as_written = as_written.map(|(name, _)| name.clone()).collect();
        Ok(Look { dialect, records, as_written, loaded, index: index.cloned().collect() })
    }

    pub(super) fn index(&self, patience: &Patience) -> Result<Vec<Value>, Failure> {
        let call = self.http.post("v2/repository/index", json!({})).repeatable();
        let said = self.http.read(&call, patience)?;
        match said {
            Value::Array(all) if all.len() <= MAX_MODELS => Ok(all),
            _ => Err(Failure::new(FailureCode::Server, format!("{} lists no models", self.http.place()))
                .hint("Does it have the repository API (Triton: --model-control-mode=explicit)?")),
        }
    }

    /// What the server has loaded under a name, by its own word.
    pub(super) fn loaded(
        &self,
        dialect: Dialect,
        name: &str,
        index: &[Value],
        patience: &Patience,
    ) -> Result<Option<Loaded>, Failure> {
        let states: Vec<&str> =
            index.iter().filter(|one| one["name"] == name).filter_map(|one| one["state"].as_str()).collect();
        let path = match dialect {
            // It has no configuration to tell of what is not ready.
            Dialect::Triton if !states.contains(&"READY") => return Ok(None),
            Dialect::Triton => format!("v2/models/{name}/config"),
            Dialect::MlServer => format!("v2/models/{name}"),
        };
        let raw = match self.http.read(&self.http.get(&path, &[]), patience) {
            Ok(raw) => raw,
            Err(failure) if failure.code == FailureCode::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let ready = states.is_empty() || states.contains(&"READY");
        Ok(Some(Loaded { at: said_of(dialect, name, &raw), ready, raw }))
    }
}

/// The version that a model names, if it can be that.
fn said_of(dialect: Dialect, name: &str, raw: &Value) -> Option<VersionRef> {
    let at = match dialect {
        Dialect::Triton => label::read(raw["parameters"][pbtxt::PARAMETER]["string_value"].as_str()?)?,
        Dialect::MlServer => raw["versions"].as_array()?.iter().find_map(|text| label::read(text.as_str()?))?,
    };
    // An ensemble can say one thing and hand on to another.
    let steps = raw["ensemble_scheduling"]["step"].as_array();
    let hands_on = |steps: &Vec<Value>| matches!(&steps[..], [one] if one["model_name"].as_str().is_some_and(|of| of.ends_with(&format!("--{}", at.version)) && of != name));
    if raw["platform"] == "ensemble" && !steps.is_some_and(hands_on) { None } else { Some(at) }
}

impl Look {
    /// Who answers the service's own address.
    pub fn live(&self, service: &ServiceName) -> Option<&Loaded> {
        self.loaded.get(service.as_str())
    }

    /// What a model says of itself is our own label. It is proven where the folder that it was loaded from was written
    /// for that version, and holds what was written; for the service's own name, also the staged model's that it
    /// hands its requests to, or whose files it loads.
    fn identity(&self, service: &ServiceName, name: &str, at: &VersionRef) -> Identity {
        let holds = |name: &str| {
            let record = self.records.get(name).filter(|_| self.as_written.contains(name));
            record.is_some_and(|record| record.version.is(at) && Some(&record.digest) == at.digest.as_ref())
        };
        let staged = label::staged(service.as_str(), at.version.as_str());
        // Triton's ensemble says what it was written for, whatever stands behind it.
        let behind = |loaded: &Loaded| loaded.ready && loaded.at.as_ref() == Some(at);
        let hands_on = self.dialect == Dialect::Triton && name != staged;
        let is_so = holds(name) && holds(&staged) && (!hands_on || self.loaded.get(&staged).is_some_and(behind));
        match &at.digest {
            Some(digest) if is_so => Identity::Proven(digest.clone()),
            _ => Identity::Claimed,
        }
    }

    pub fn observed(&self, service: &ServiceName) -> Observed {
        let mut loaded: Vec<Served> = Vec::new();
        for (name, one) in self.loaded.iter().filter(|(name, _)| *name != service.as_str()) {
            // Another's model may begin with the same letters.
            let Some(at) = one.at.as_ref().filter(|at| label::staged(service.as_str(), at.version.as_str()) == *name)
            else {
                continue;
            };
            let (version, identity) = (Some(at.clone()), self.identity(service, name, at));
            loaded.push(Served {
                version,
                label: name.clone(),
                share: 0,
                ready: one.ready,
                identity,
                since_unix_ms: None,
            });
        }
        let live = self.live(service);
        if let Some(live) = live {
            let of = |at| self.identity(service, service.as_str(), at);
            let identity = live.at.as_ref().map_or(Identity::Unknown, of);
            let staged = loaded.iter_mut().find(|served| live.at.is_some() && served.version == live.at);
            match staged {
                Some(served) => {
                    served.share = 100;
                    served.ready = live.ready;
                    served.identity = identity;
                }
                None => loaded.push(Served {
                    version: live.at.clone(),
                    label: service.to_string(),
                    share: 100,
                    ready: live.ready,
                    identity,
                    since_unix_ms: None,
                }),
            }
        }
        let state = |one: &Value| one["state"].as_str().unwrap_or("").to_owned();
        let moving = self.index.iter().find(|one| matches!(state(one).as_str(), "LOADING" | "UNLOADING"));
        let foreign = moving.map(|one| {
            let name = words(one["name"].as_str().unwrap_or("").as_bytes());
            format!("{name} is {}", state(one).to_ascii_lowercase())
        });
        let on_disk = self.records.get(service.as_str()).filter(|record| record.role == Role::Live);
        let phase = match live {
            // A start of the server would bring another version than serves now.
            Some(live)
                if live.ready
                    && on_disk.is_some_and(|disk| live.at.as_ref().is_some_and(|at| !disk.version.is(at))) =>
            {
                Phase::Degraded
            }
            Some(live) if live.ready => Phase::Serving,
            Some(_) => Phase::Starting,
            None if on_disk.is_some() => Phase::Failed,
            None if loaded.is_empty() => Phase::Absent,
            None => Phase::Starting,
        };
        let raw = json!({ "index": self.index, "live": live.map(|live| &live.raw), "on_disk": on_disk });
        Observed { service: service.clone(), phase, loaded, foreign, raw }
    }
}
