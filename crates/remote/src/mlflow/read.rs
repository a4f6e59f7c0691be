//! Models, versions and aliases, page by page.

use serde_json::{Value, json};
use signalbox_release::{AliasName, Failure, FailureCode, Model, ModelName, OpKey, Pointer, Version, VersionName};

use super::filter::{name_is, tag_is};
use super::lock::is_lock;
use super::point::moved_of;
use super::wire::{self, list, tag, text};
use super::{MlflowRegistry, OP_TAG, absent, wrong_value};
use crate::http::Patience;

/// MLflow keeps its prompts among the models.
const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";
/// A server that never comes to an end is stopped here.
const MAX_PAGES: usize = 10_000;
/// Far above any registry, far below what would fill the memory.
const MAX_ENTRIES: usize = 100_000;

impl MlflowRegistry {
    /// By name. Without our locks and MLflow's prompts.
    pub(super) fn all_models(&self, patience: &Patience) -> Result<Vec<Model>, Failure> {
        let raw = self.pages("registered-models/search", "registered_models", "name ASC", None, patience)?;
        let is_model = |raw: &&Value| {
            tag(&wire::tags(raw), PROMPT_TAG) != Some("true") && text(raw, "name").is_some_and(|name| !is_lock(name))
        };
        let mut models: Vec<Model> = raw.iter().filter(is_model).filter_map(wire::model).collect();
        // Some servers tell of aliases only where one model is asked for; then no list holds any.
        let untold = !models.is_empty() && models.iter().all(|model| model.raw.get("aliases").is_none());
        if untold && !self.lists_aliases(patience) {
            for model in &mut models {
                if let Some(raw) = self.one_model(model.name.as_str(), patience)? {
                    model.aliases = wire::aliases(&raw);
                    model.raw = raw;
                }
            }
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models.dedup_by(|a, b| a.name == b.name);
        Ok(models)
    }

    /// MLflow's own server does, and leaves out what is empty.
    fn lists_aliases(&self, patience: &Patience) -> bool {
        if self.server.get().is_some() {
            return true;
        }
        let said = self.http.read_words(&self.http.get("version", &[]), patience);
        said.is_ok_and(|said| self.its_version(said).is_some())
    }

    /// A registered model as MLflow has it.
    pub(super) fn one_model(&self, name: &str, patience: &Patience) -> Result<Option<Value>, Failure> {
        match self.get("registered-models/get", &[("name", name)], patience) {
            Ok(mut raw) => Ok(Some(raw["registered_model"].take())),
            Err(failure) if absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn all_versions(&self, model: &ModelName, patience: &Patience) -> Result<Vec<Version>, Failure> {
        self.versions_where(model, &name_is(model.as_str()), patience)
    }

    pub(super) fn versions_by(
        &self,
        model: &ModelName,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Vec<Version>, Failure> {
        let filter = format!("{} AND {}", name_is(model.as_str()), tag_is(OP_TAG, key.as_str()));
        let found = match self.versions_where(model, &filter, patience) {
            // A server that cannot search by tag.
            Err(failure) if wrong_value(&failure) => self.all_versions(model, patience)?,
            found => found?,
        };
        Ok(found.into_iter().filter(|version| tag(&version.tags, OP_TAG) == Some(key.as_str())).collect())
    }

    /// Newest first.
    fn versions_where(&self, model: &ModelName, filter: &str, patience: &Patience) -> Result<Vec<Version>, Failure> {
        let raw =
            self.pages("model-versions/search", "model_versions", "version_number DESC", Some(filter), patience)?;
        let ours = raw.iter().filter(|raw| text(raw, "name") == Some(model.as_str()));
        let mut versions = ours.map(|raw| wire::version(&self.at.id, raw)).collect::<Result<Vec<_>, _>>()?;
        let number = |version: &Version| version.at.version.as_str().parse::<u64>().unwrap_or(0);
        versions.sort_by_key(|version| std::cmp::Reverse(number(version)));
        versions.dedup_by(|a, b| a.at.version == b.at.version);
        Ok(versions)
    }

    pub(super) fn one_version(
        &self,
        model: &ModelName,
        version: &VersionName,
        patience: &Patience,
    ) -> Result<Option<Version>, Failure> {
        // MLflow takes anything else for a wrong call.
        if version.as_str().parse::<u64>().is_err() {
            return Ok(None);
        }
        let query = [("name", model.as_str()), ("version", version.as_str())];
        match self.get("model-versions/get", &query, patience) {
            Ok(raw) => wire::version(&self.at.id, &raw["model_version"]).map(Some),
            Err(failure) if absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn read_pointer(
        &self,
        model: &ModelName,
        alias: &AliasName,
        patience: &Patience,
    ) -> Result<Pointer, Failure> {
        let nowhere = |raw| Pointer { to: None, moved_by: None, moved_unix_ms: None, raw };
        // The model tells of its aliases and of who moved them in one answer.
        let Some(raw) = self.one_model(model.as_str(), patience)? else { return Ok(nowhere(Value::Null)) };
        let found = wire::aliases(&raw).into_iter().find(|(name, _)| name == alias).map(|(_, version)| version);
        let to = match found {
            Some(to) => Some(to),
            // Some servers do not tell; the alias's own answer decides.
            None => self.alias(model, alias, patience)?,
        };
        let Some(to) = to else { return Ok(nowhere(raw)) };
        let moved = moved_of(&wire::tags(&raw), alias).filter(|moved| moved.to.as_deref() == Some(to.as_str()));
        Ok(Pointer {
            to: Some(to),
            moved_unix_ms: moved.as_ref().map(|moved| moved.at_unix_ms),
            moved_by: moved.map(|moved| moved.by),
            raw,
        })
    }

    fn alias(&self, model: &ModelName, alias: &AliasName, patience: &Patience) -> Result<Option<VersionName>, Failure> {
        let query = [("name", model.as_str()), ("alias", alias.as_str())];
        match self.get("registered-models/alias", &query, patience) {
            Ok(raw) => wire::number(&raw["model_version"], "version").map(Some).ok_or_else(|| {
                let why = format!("{} does not say which version {alias} of {model} points at", self.http.place());
                Failure::new(FailureCode::Server, why).raw(raw)
            }),
            // A missing alias is a 400 there.
            Err(failure) if absent(&failure) || wrong_value(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// All that a search finds. Pages are counted by their entries: what is made meanwhile can come twice, and in an
    /// `order` that no change of an entry changes, nothing is left out but where something is deleted meanwhile.
    fn pages(
        &self,
        path: &str,
        key: &str,
        order: &str,
        filter: Option<&str>,
        patience: &Patience,
    ) -> Result<Vec<Value>, Failure> {
        let (mut found, mut token, page) = (Vec::new(), String::new(), self.page.to_string());
        for _ in 0..MAX_PAGES {
            let mut query = vec![("max_results", page.as_str()), ("order_by", order)];
            query.extend(filter.map(|filter| ("filter", filter)));
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let answer = self.get(path, &query, patience)?;
            found.extend_from_slice(list(&answer, key));
            if found.len() > MAX_ENTRIES {
                break;
            }
            match text(&answer, "next_page_token") {
                None => return Ok(found),
                Some(next) if next == token => break,
                Some(next) => token = next.to_owned(),
            }
        }
        let why = format!("{} does not come to the end of its list", self.http.place());
        Err(Failure::new(FailureCode::Server, why).raw(json!({ "path": path })))
    }
}
