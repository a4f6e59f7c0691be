//! Sends an artifact of this machine to MLflow. MLflow takes one only as a run's: so there is a run for it, in an
//! experiment of ours. A run that an attempt left behind is used again.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{Digest, Failure, FailureCode, ModelName, OpKey, digest_of};

use super::filter::tag_is;
use super::place::{Place, part};
use super::wire::{list, text};
use super::{DIGEST_TAG, MlflowRegistry, OP_TAG, absent};
use crate::http::{Call, Http, Lost, Patience};

/// What was sent.
pub struct Sent {
    pub run: String,
    /// Where it lies now.
    pub uri: String,
    pub digest: Digest,
}

const EXPERIMENT: &str = "signalbox";
const FOLDER: &str = "model";
pub const ARTIFACTS: &str = "api/2.0/mlflow-artifacts/artifacts";
const PATIENCE_NOTE: &str = "A large artifact takes its time: allow the step more.";

impl MlflowRegistry {
    pub(super) fn send(
        &self,
        path: &Path,
        wanted: Option<&Digest>,
        model: &ModelName,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Sent, Lost> {
        let local = |e| Failure::new(FailureCode::Local, format!("{e}"));
        let tree = digest_of(path).map_err(local)?;
        if let Some(wanted) = wanted.filter(|wanted| **wanted != tree.digest) {
            return Err(changed(path, &tree.digest, wanted).into());
        }
        // MLflow refuses some names, and decodes others once more than they were encoded: they would arrive as others.
        for piece in tree.files.iter().flat_map(|file| file.path.split('/')) {
            part(piece).map_err(|_| {
                Failure::new(FailureCode::Local, format!("MLflow cannot keep a file of the name {piece:?}"))
                    .hint("Rename it, or log the model with MLflow itself.")
            })?;
        }
        let run = self.run_for(model, key, &tree.digest, patience)?;
        let odd = || Failure::new(FailureCode::Server, "MLflow made a run and did not say which").raw(run.clone());
        let id = text(&run["info"], "run_id").ok_or_else(odd)?;
        let uri = format!("{}/{FOLDER}", text(&run["info"], "artifact_uri").ok_or_else(odd)?.trim_end_matches('/'));
        let Ok(Place::Proxied(root)) = Place::of(&uri, self.http.base()) else {
            let why = format!("{} takes no artifacts over HTTP: its runs' lie at {uri}", self.http.place());
            let failure = Failure::new(FailureCode::Invalid, why);
            return Err(failure.hint("Log the model with MLflow from the training itself, and register that.").into());
        };
        for file in &tree.files {
            let from = if path.is_file() { path.to_path_buf() } else { path.join(&file.path) };
            let put = self.http.put(&format!("{ARTIFACTS}/{root}/{}", file.path), &from);
            self.change(&put, patience).map_err(|lost| {
                let failure = lost.failure();
                Lost::Refused(if patience.left() < Duration::from_secs(1) {
                    failure.hint(PATIENCE_NOTE)
                } else {
                    failure
                })
            })?;
        }
        let sent = digest_of(path).map_err(local)?.digest;
        if sent != tree.digest {
            return Err(changed(path, &sent, &tree.digest).into());
        }
        self.change(&self.finish_call(id).repeatable(), patience)?;
        Ok(Sent { run: id.to_owned(), uri, digest: tree.digest })
    }

    pub(super) fn send_calls(&self, path: &Path, model: &ModelName, key: &OpKey, digest: &str) -> Vec<Call> {
        let put = self.http.put(&format!("{ARTIFACTS}/{{artifacts of run}}/{FOLDER}"), path);
        vec![self.run_call("{experiment}", model, key, digest, &json!("{now}")), put, self.finish_call("{run}")]
    }

    /// The run that an earlier attempt has made for this key, or a new one.
    fn run_for(&self, model: &ModelName, key: &OpKey, digest: &Digest, patience: &Patience) -> Result<Value, Lost> {
        let experiment = self.experiment(patience)?;
        let digest = digest.to_string();
        // Of the same artifact: another's files would stay among these.
        let filter = format!("{} AND {}", tag_is(OP_TAG, key.as_str()), tag_is(DIGEST_TAG, &digest));
        let body = json!({ "experiment_ids": [experiment], "filter": filter, "max_results": 1 });
        let found = self.change(&self.call(Http::post, "runs/search", body).repeatable(), patience)?;
        if let Some(run) = list(&found, "runs").first() {
            return Ok(run.clone());
        }
        let call = self.run_call(&experiment, model, key, &digest, &json!(self.clock.unix_ms()));
        Ok(self.change(&call, patience)?["run"].take())
    }

    /// The id of our experiment, which is made where it is missing.
    fn experiment(&self, patience: &Patience) -> Result<String, Lost> {
        let find = || match self.get("experiments/get-by-name", &[("experiment_name", EXPERIMENT)], patience) {
            Ok(found) => Ok(text(&found["experiment"], "experiment_id").map(str::to_owned)),
            Err(failure) if absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        };
        if let Some(id) = find()? {
            return Ok(id);
        }
        let call = self.call(Http::post, "experiments/create", json!({ "name": EXPERIMENT }));
        match self.change(&call, patience) {
            Ok(_) => {}
            // Another made it meanwhile.
            Err(Lost::Refused(failure)) if failure.code == FailureCode::Conflict => {}
            Err(lost) => return Err(lost),
        }
        let why = "MLflow does not find the experiment that it has just made";
        Ok(find()?.ok_or_else(|| Failure::new(FailureCode::Server, why))?)
    }

    fn run_call(&self, experiment: &str, model: &ModelName, key: &OpKey, digest: &str, now: &Value) -> Call {
        let (key, name, by) = (key.as_str(), model.as_str(), self.at.by.as_str());
        let tags = [(OP_TAG, key), (DIGEST_TAG, digest), ("mlflow.runName", name), ("mlflow.user", by)];
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let body = json!({ "experiment_id": experiment, "start_time": now, "run_name": model, "tags": tags });
        self.call(Http::post, "runs/create", body)
    }

    fn finish_call(&self, run: &str) -> Call {
        let body = json!({ "run_id": run, "status": "FINISHED", "end_time": self.clock.unix_ms() });
        self.call(Http::post, "runs/update", body)
    }
}

fn changed(path: &Path, found: &Digest, wanted: &Digest) -> Failure {
    let what = format!("{} holds {}, not {}: it was changed", path.display(), found.short(), wanted.short());
    Failure::new(FailureCode::Conflict, what).hint("Make the plan again.")
}
