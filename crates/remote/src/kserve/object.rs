//! An InferenceService as the API server tells of it, and what Signalbox writes on it.
//!
//! KServe hands the object's annotations on to the Knative revision's template: who changes one makes a new revision.
//! So ours change only together with the model; giving traffic changes nothing but the percentage.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use signalbox_release::{Digest, VersionRef};

use crate::http::words;

pub const API_VERSION: &str = "serving.kserve.io/v1beta1";
/// Who we are among those that own fields of an object.
pub const MANAGER: &str = "signalbox";

pub const VERSION: &str = "signalbox/version";
pub const PREVIOUS: &str = "signalbox/previous";
pub const OP: &str = "signalbox/op";
/// Only on objects that Signalbox made, and may take away.
pub const MADE_BY: &str = "signalbox/made-by";
/// The version that was taken out of the spec last: until the one that was put back has its traffic, it is leaving.
pub const LEAVING: &str = "signalbox/leaving";
const MODE: &str = "serving.kserve.io/deploymentMode";
const TAGS: &str = "serving.kserve.io/enable-tag-routing";

/// A version, and what `spec.predictor.model` says for it. Kept on the object, so that there is a way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub version: VersionRef,
    pub model: Value,
    /// The Knative revisions that held it when the next one came: a model that was put back has two for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// The newest revision there was then: any other is the next one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

/// One line of Knative's traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    pub revision: String,
    pub percent: u8,
    pub url: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Object(pub Value);

impl Told {
    /// It was this revision that held it.
    pub fn is_in(&self, revision: &str) -> bool {
        self.revisions.iter().any(|known| known == revision)
    }
}

impl Object {
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion").unwrap_or("")
    }

    pub fn generation(&self) -> i64 {
        self.0.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.pointer("/metadata/annotations")?.get(key)?.as_str()
    }

    /// The version that the spec names; none if another has written it, or has changed what we wrote.
    pub fn told(&self) -> Option<Told> {
        let told: Told = serde_json::from_str(self.annotation(VERSION)?).ok()?;
        let is = self.0.pointer("/spec/predictor/model")?;
        let as_told = told.model.as_object()?.iter().all(|(key, value)| is.get(key) == Some(value));
        as_told.then_some(told)
    }

    /// The version that served when the one in the spec came.
    pub fn previous(&self) -> Option<Told> {
        serde_json::from_str::<Told>(self.annotation(PREVIOUS)?).ok().filter(|told| told.model.is_object())
    }

    /// The version that is being taken away: what was put back in its place is not up yet, or has not been given its
    /// traffic. Once it has, what the annotation says is history: changing it would make a new revision.
    pub fn leaving(&self) -> Option<VersionRef> {
        let leaving: VersionRef = serde_json::from_str(self.annotation(LEAVING)?).ok()?;
        let is_back = self.told().is_none_or(|told| !told.version.is(&leaving));
        (self.percent() == Some(0) && is_back).then_some(leaving)
    }

    /// What the spec gives its own revision; none says nothing, which is all.
    pub fn percent(&self) -> Option<u8> {
        percent_of(self.0.pointer("/spec/predictor/canaryTrafficPercent")?)
    }

    pub fn predictor(&self) -> &Value {
        self.0.pointer("/status/components/predictor").unwrap_or(&Value::Null)
    }

    pub fn revision(&self, which: &str) -> Option<&str> {
        self.predictor().get(which)?.as_str().filter(|name| !name.is_empty())
    }

    /// One entry per revision, however many lines name it.
    pub fn traffic(&self) -> Vec<Traffic> {
        let mut all: Vec<Traffic> = Vec::new();
        for line in self.predictor().get("traffic").and_then(Value::as_array).into_iter().flatten() {
            let Some(revision) = line.get("revisionName").and_then(Value::as_str) else { continue };
            let percent = line.get("percent").and_then(percent_of).unwrap_or(0);
            let url = line.get("url").and_then(Value::as_str).map(str::to_owned);
            match all.iter_mut().find(|known| known.revision == revision) {
                Some(known) => {
                    known.percent = known.percent.saturating_add(percent).min(100);
                    known.url = known.url.take().or(url);
                }
                None => all.push(Traffic { revision: revision.to_owned(), percent, url }),
            }
        }
        all
    }

    /// `True`, `False`, `Unknown`, and the reason.
    pub fn condition(&self, kind: &str) -> Option<(&str, String)> {
        let all = self.0.pointer("/status/conditions")?.as_array()?;
        let one = all.iter().find(|one| one.get("type").and_then(Value::as_str) == Some(kind))?;
        let said = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or("");
        let why = [said("reason"), said("message")].join(" ");
        Some((one.get("status")?.as_str()?, words(why.as_bytes())))
    }

    /// Why the model that the spec names does not load, once KServe has given up on it.
    pub fn failure(&self) -> Option<String> {
        let status = self.0.pointer("/status/modelStatus")?;
        let state = status.get("transitionStatus")?.as_str()?;
        if !matches!(state, "BlockedByFailedLoad" | "InvalidSpec") {
            return None;
        }
        let said = |key: &str| status.pointer(&format!("/lastFailureInfo/{key}")).and_then(Value::as_str).unwrap_or("");
        let why = [said("reason"), said("message"), said("location")].join(" ");
        Some(words(format!("{state}: {why}").as_bytes()))
    }

    /// KServe without Knative: there a percentage is passed over, and a new model replaces the old at once.
    pub fn is_standard(&self) -> bool {
        let mode = self.text("/status/deploymentMode").or_else(|| self.annotation(MODE));
        match mode {
            Some(mode) => !matches!(mode, "Serverless" | "Knative"),
            None => self.revision("latestCreatedRevision").is_none() && !self.predictor().is_null(),
        }
    }

    /// Who else has last written what the service is to be, and when.
    pub fn other_editor(&self) -> Option<String> {
        let entries = self.0.pointer("/metadata/managedFields")?.as_array()?;
        let maker = self.annotation(MADE_BY).map(maker);
        let ours = |entry: &Value| {
            let manager = entry.get("manager").and_then(Value::as_str);
            manager == Some(MANAGER) || (manager.is_some() && manager == maker.as_deref())
        };
        let of_spec = |entry: &&Value| entry.pointer("/fieldsV1/f:spec").is_some();
        let time = |entry: &Value| entry.get("time").and_then(Value::as_str).unwrap_or("").to_owned();
        // Same format, same zone: they sort as texts.
        let entry = entries.iter().filter(|entry| !ours(entry)).filter(of_spec).max_by_key(|entry| time(entry))?;
        let who = entry.get("manager").and_then(Value::as_str).unwrap_or("somebody");
        Some(format!("{} at {}", words(who.as_bytes()), words(time(entry).as_bytes())))
    }

    /// What we have applied last: to apply it anew with one thing changed. None: nothing here is ours.
    pub fn applied(&self) -> Option<Value> {
        self.applied_by(MANAGER)
    }

    /// The same, for another name of ours: see [`maker`].
    pub fn applied_by(&self, manager: &str) -> Option<Value> {
        let entries = self.0.pointer("/metadata/managedFields")?.as_array()?;
        let ours = entries.iter().find(|entry| {
            entry.get("manager").and_then(Value::as_str) == Some(manager)
                && entry.get("operation").and_then(Value::as_str) == Some("Apply")
        })?;
        let mut own = owned(&self.0, ours.get("fieldsV1")?);
        own["apiVersion"] = json!(API_VERSION);
        own["kind"] = json!("InferenceService");
        own["metadata"]["name"] = self.0.pointer("/metadata/name")?.clone();
        own["metadata"]["namespace"] = self.0.pointer("/metadata/namespace")?.clone();
        Some(own)
    }

    /// Made by us, and not handed over to [`MANAGER`] yet: by whom.
    pub fn maker(&self) -> Option<String> {
        let maker = maker(self.annotation(MADE_BY)?);
        self.applied_by(&maker).map(|_| maker)
    }
}

/// Who makes an object for an operation. Two that make one at the same moment have two names: so the API server itself
/// refuses the second, which would change fields that the first owns.
pub fn maker(op: &str) -> String {
    format!("{MANAGER}-{}", &Digest::of(op).hex()[..16])
}

fn percent_of(value: &Value) -> Option<u8> {
    u8::try_from(value.as_u64()?).ok().filter(|percent| *percent <= 100)
}

/// The part of a value that `fieldsV1` names (`f:` and a key, all the way down).
fn owned(value: &Value, fields: &Value) -> Value {
    let keys =
        fields.as_object().into_iter().flatten().filter_map(|(key, below)| Some((key.strip_prefix("f:")?, below)));
    let mut part = Map::new();
    let mut is_leaf = true;
    for (key, below) in keys {
        is_leaf = false;
        if let Some(found) = value.get(key) {
            part.insert(key.to_owned(), owned(found, below));
        }
    }
    if is_leaf { value.clone() } else { Value::Object(part) }
}

/// What we want of a service when its model changes.
pub struct Wanted<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub told: &'a Told,
    pub previous: Option<&'a Told>,
    pub op: &'a str,
    pub made_by: Option<&'a str>,
    pub leaving: Option<&'a VersionRef>,
}

impl Wanted<'_> {
    /// The object to apply: the model, without traffic.
    pub fn object(&self) -> Value {
        let told = |told: &Told| json!(serde_json::to_string(told).expect("BUG: a version is JSON"));
        let mut annotations = json!({ VERSION: told(self.told), OP: self.op, TAGS: "true" });
        if let Some(previous) = self.previous {
            annotations[PREVIOUS] = told(previous);
        }
        if let Some(leaving) = self.leaving {
            annotations[LEAVING] = json!(serde_json::to_string(leaving).expect("BUG: a version is JSON"));
        }
        if let Some(key) = self.made_by {
            annotations[MADE_BY] = json!(key);
            // The old name of Knative mode, which all KServes understand.
            annotations[MODE] = json!("Serverless");
        }
        let identity = serde_json::to_string(&self.told.version).expect("BUG: a version is JSON");
        json!({
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "metadata": { "name": self.name, "namespace": self.namespace, "annotations": annotations },
            "spec": { "predictor": {
                "canaryTrafficPercent": 0,
                "annotations": { "signalbox/serves": identity, OP: self.op },
                "model": self.told.model,
            } },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_told_by_the_managed_fields() {
        let object = Object(json!({
            "metadata": {
                "name": "churn", "namespace": "models",
                "annotations": { "a": "1", "b": "2" },
                "managedFields": [
                    { "manager": "signalbox", "operation": "Apply", "time": "2026-11-21T10:00:00Z", "fieldsV1": {
                        "f:metadata": { "f:annotations": { "f:a": {} } },
                        "f:spec": { "f:predictor": { "f:model": { "f:storageUri": {}, "f:gone": {} } } },
                    } },
                    { "manager": "kubectl\u{1b}-edit", "operation": "Update", "time": "2026-11-21T12:03:00Z",
                      "fieldsV1": { "f:spec": { "f:predictor": { "f:minReplicas": {} } } } },
                    { "manager": "manager", "time": "2026-11-21T13:00:00Z", "fieldsV1": { "f:status": {} } },
                ],
            },
            "spec": { "predictor": { "minReplicas": 2, "model": { "storageUri": "s3://b/1", "runtime": "r" } } },
        }));
        assert_eq!(
            object.applied().expect("ours"),
            json!({
                "apiVersion": API_VERSION, "kind": "InferenceService",
                "metadata": { "name": "churn", "namespace": "models", "annotations": { "a": "1" } },
                "spec": { "predictor": { "model": { "storageUri": "s3://b/1" } } },
            })
        );
        assert_eq!(object.other_editor().as_deref(), Some("kubectl -edit at 2026-11-21T12:03:00Z"));
    }

    #[test]
    fn traffic_is_summed_by_revision_and_odd_lines_are_passed_over() {
        let object = Object(json!({ "status": { "components": { "predictor": { "traffic": [
            { "revisionName": "r1", "percent": 0, "latestRevision": true, "url": "http://latest" },
            { "revisionName": "r1", "percent": 100 },
            { "revisionName": "r2", "percent": 300 },
            { "percent": 5 }, 7,
        ] } } } }));
        let line = |revision: &str, percent, url: Option<&str>| Traffic {
            revision: revision.into(),
            percent,
            url: url.map(str::to_owned),
        };
        assert_eq!(object.traffic(), [line("r1", 100, Some("http://latest")), line("r2", 0, None)]);
    }
}
