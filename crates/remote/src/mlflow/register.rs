//! Registering a version: once per key, from where MLflow finds the artifact, or from a folder that is sent there.

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, ModelName, OpKey, Registration, Request, VersionName};

use super::upload::Sent;
use super::{DIGEST_TAG, MlflowRegistry, OP_TAG, STATE_TAG, WITHDRAWN, wire};
use crate::http::{Call, Http, Lost, Patience};

/// What MLflow 2.x takes as a tag's value; 3.x takes more.
const MAX_TAG_CHARS: usize = 5000;
const MAX_KEY_CHARS: usize = 250;

/// Where a version comes from, as MLflow wants to be told.
#[derive(Debug, PartialEq)]
struct Source {
    uri: String,
    run: Option<String>,
    logged_model: Option<String>,
}

impl Source {
    /// `uri`: as in [`Registration::source`].
    fn of(uri: &str, run: Option<&str>) -> Source {
        let own = uri.strip_prefix("runs:/").and_then(|rest| rest.split('/').next());
        let named = uri.strip_prefix("models:/");
        let logged_model = named.filter(|rest| rest.starts_with("m-") && !rest.contains('/')).map(str::to_owned);
        // Another version's copy has that one's run, which MLflow knows itself.
        let copied = named.is_some() && logged_model.is_none();
        let run = own.or(run).filter(|run| !run.is_empty() && !copied).map(str::to_owned);
        Source { uri: uri.to_owned(), run, logged_model }
    }
}

impl MlflowRegistry {
    pub(super) fn take_in(
        &self,
        model: &ModelName,
        what: &Registration,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        if let Some(version) = self.versions_by(model, key, patience)?.into_iter().next() {
            return Ok(json!({ "version": version.at.version }));
        }
        self.have_model(model, patience)?;
        let (source, digest) = match (&what.source, &what.path) {
            (Some(uri), _) => (Source::of(uri, what.run.as_deref()), what.digest.clone()),
            (None, Some(path)) => {
                // Whatever is lost on the way: no version was made.
                let sent = self.send(path, what.digest.as_ref(), model, key, patience);
                let Sent { run, uri, digest } = sent.map_err(|lost| Lost::Refused(lost.failure()))?;
                (Source { uri, run: Some(run), logged_model: None }, Some(digest))
            }
            (None, None) => {
                let failure = Failure::new(FailureCode::Invalid, "there is nothing to register")
                    .hint("Choose a run that logged a model, or name the model's folder.");
                return Err(failure.into());
            }
        };
        let tags = tags_of(key, digest.map(|digest| digest.to_string()), &what.tags);
        let answer = self.change(&self.version_call(model, &source, tags), patience)?;
        let version: Option<VersionName> = wire::number(&answer["model_version"], "version");
        let version = version.ok_or_else(|| {
            let why = format!("{} did not say which version it made", self.http.place());
            Lost::Unknown(Failure::new(FailureCode::Server, why).raw(answer.clone()))
        })?;
        Ok(json!({ "version": version }))
    }

    /// Sees to it that there is a registered model of that name.
    fn have_model(&self, model: &ModelName, patience: &Patience) -> Result<(), Failure> {
        if self.one_model(model.as_str(), patience)?.is_some() {
            return Ok(());
        }
        match self.change(&self.model_call(model).repeatable(), patience) {
            Ok(_) => Ok(()),
            Err(Lost::Refused(failure)) if failure.code == FailureCode::Conflict => Ok(()),
            // It can be there or not: no version was made.
            Err(lost) => Err(lost.failure()),
        }
    }

    pub(super) fn register_calls(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        let mut calls = vec![self.model_call(model)];
        let digest = what.digest.as_ref().map(ToString::to_string);
        let source = match (&what.source, &what.path) {
            (Some(uri), _) => Source::of(uri, what.run.as_deref()),
            (None, path) => {
                let sent = digest.as_deref().unwrap_or("{digest}");
                calls.extend(path.iter().flat_map(|path| self.send_calls(path, model, key, sent)));
                let (run, uri) = ("{run}".to_owned(), "{artifacts of run}/model".to_owned());
                Source { uri, run: Some(run), logged_model: None }
            }
        };
        calls.push(self.version_call(model, &source, tags_of(key, digest, &what.tags)));
        calls.iter().map(Call::shown).collect()
    }

    fn model_call(&self, model: &ModelName) -> Call {
        self.call(Http::post, "registered-models/create", json!({ "name": model }))
    }

    fn version_call(&self, model: &ModelName, source: &Source, tags: Vec<Value>) -> Call {
        let mut body = json!({ "name": model, "source": source.uri, "tags": tags });
        if let Some(run) = &source.run {
            body["run_id"] = json!(run);
        }
        if let Some(id) = &source.logged_model {
            body["model_id"] = json!(id);
        }
        self.call(Http::post, "model-versions/create", body)
    }

    /// `version`: a version, or what stands for it. Setting a tag again changes nothing.
    pub(super) fn withdraw_call(&self, model: &ModelName, version: &str) -> Call {
        let body = json!({ "name": model, "version": version, "key": STATE_TAG, "value": WITHDRAWN });
        self.call(Http::post, "model-versions/set-tag", body).repeatable()
    }
}

/// Ours, and the registration's as MLflow takes them.
fn tags_of(key: &OpKey, digest: Option<String>, theirs: &[(String, String)]) -> Vec<Value> {
    let mut tags = vec![json!({ "key": OP_TAG, "value": key.as_str() })];
    tags.extend(digest.map(|digest| json!({ "key": DIGEST_TAG, "value": digest })));
    for (key, value) in theirs {
        // `mlflow/utils/validation.py`: word characters, and `/ : . -` and spaces.
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '/');
        let key: String = key.chars().map(|c| if fits(c) { c } else { '_' }).take(MAX_KEY_CHARS).collect();
        // Ours say what is so; nobody's tags may say it in their place.
        if !key.is_empty() && ![OP_TAG, DIGEST_TAG, STATE_TAG].contains(&key.as_str()) {
            let value: String = value.chars().take(MAX_TAG_CHARS).collect();
            tags.push(json!({ "key": key, "value": value }));
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_brings_what_mlflow_asks_for_with_it() {
        let source = |uri, run: Option<&str>| {
            let Source { run, logged_model, .. } = Source::of(uri, run);
            (run, logged_model)
        };
        assert_eq!(source("models:/m-1", Some("r")), (Some("r".into()), Some("m-1".into())));
        assert_eq!(source("runs:/r1/model", Some("r2")), (Some("r1".into()), None));
        assert_eq!(source("models:/iris/4", Some("r")), (None, None));
        assert_eq!(source("mlflow-artifacts:/1/r/artifacts/model", Some("r")), (Some("r".into()), None));
    }

    #[test]
    fn tags_are_such_as_mlflow_takes_and_ours_are_ours() {
        let key = OpKey::new(&"01J".parse().expect("an id"), 0, false);
        let theirs = [("signalbox.op", "x"), ("größe", "é"), ("", "x")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let tags = tags_of(&key, Some("sha256:0".into()), &theirs);
        let expected = [("signalbox.op", "01J.0"), ("signalbox.digest", "sha256:0"), ("gr__e", "é")];
        assert_eq!(tags, expected.map(|(key, value)| json!({ "key": key, "value": value })));
    }
}
