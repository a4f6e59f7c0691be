//! From a run that Signalbox reads on this machine to what the registry can register of it.

use serde_json::{Value, json};
use signalbox_release::{Cx, Failure, FailureCode};

use super::wire::{list, text};
use super::{MlflowRegistry, absent};
use crate::http::{Http, Patience};

/// What of a run can be registered: fields of a [`signalbox_release::Registration`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSource {
    /// `models:/m-…`, or `runs:/…/model`.
    pub source: String,
    pub run: Option<String>,
}

impl MlflowRegistry {
    /// Looks in the registry's own tracking store. `logged_model`: its id (`m-…`), where the run names one. `None`: the
    /// run is not in this server's store, or logged no model there.
    pub fn source_of_run(&self, run: &str, logged_model: Option<&str>, cx: &Cx) -> Result<Option<RunSource>, Failure> {
        let patience = &Patience::new(cx);
        // Ids that are none are in no store; and none ends in a filter or an address.
        let is_id =
            |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_id(run) {
            return Ok(None);
        }
        let found = match self.get("runs/get", &[("run_id", run)], patience) {
            Err(failure) if absent(&failure) => return Ok(None),
            found => found?,
        };
        let source = |source: String| Ok(Some(RunSource { source, run: Some(run.to_owned()) }));
        if let Some(id) = logged_model.filter(|id| is_id(id))
            && let Some(answer) = self.known(&format!("logged-models/{id}"), patience)?
            && text(&answer["model"]["info"], "model_id") == Some(id)
        {
            return source(format!("models:/{id}"));
        }
        let experiment = text(&found["run"]["info"], "experiment_id").unwrap_or_default();
        if let Some(id) = self.newest_logged(experiment, run, patience)? {
            return source(format!("models:/{id}"));
        }
        // MLflow 2: a folder among the run's artifacts that holds an MLmodel.
        let artifacts = |path: &str| self.get("artifacts/list", &[("run_id", run), ("path", path)], patience);
        for folder in list(&artifacts("")?, "files").iter().filter(|file| file["is_dir"] == true) {
            let Some(path) = text(folder, "path") else { continue };
            let marker = format!("{path}/MLmodel");
            if list(&artifacts(path)?, "files").iter().any(|file| text(file, "path") == Some(&marker)) {
                return source(format!("runs:/{run}/{path}"));
            }
        }
        Ok(None)
    }

    /// What MLflow does not have, and what an MLflow before 3 has no address for, is not there.
    fn known(&self, path: &str, patience: &Patience) -> Result<Option<Value>, Failure> {
        match self.get(path, &[], patience) {
            Err(failure) if failure.code == FailureCode::NotFound => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// MLflow 3's logged models are found by their run; MLflow 2 has none.
    fn newest_logged(&self, experiment: &str, run: &str, patience: &Patience) -> Result<Option<String>, Failure> {
        let body = json!({
            "experiment_ids": [experiment],
            "filter": format!("source_run_id = '{run}'"),
            "order_by": [{ "field_name": "creation_timestamp", "ascending": false }],
            "max_results": 20,
        });
        let call = self.call(Http::post, "logged-models/search", body).repeatable();
        let found = match self.http.read(&call, patience) {
            Ok(found) => found,
            Err(failure) if failure.code == FailureCode::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let ready = list(&found, "models").iter().map(|model| &model["info"]);
        let ready = ready.filter(|info| text(info, "status").is_none_or(|status| status.ends_with("READY")));
        Ok(ready.filter_map(|info| text(info, "model_id")).next().map(str::to_owned))
    }
}
