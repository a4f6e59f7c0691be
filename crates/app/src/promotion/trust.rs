//! A model is a program: who loads it runs what its author has put in, with the project's own Python. No plan loads one
//! before the person has said yes, once for a project and that Python.

use super::golden::python_of;
use super::systems::{Rules, id};
use super::{OWN_REGISTRY, OWN_TARGET};
use crate::app::App;
use crate::project::show;
use crate::wire::*;
use serde_json::json;
use signalbox_release::{Digest, ModelName, Place, TargetAt};
use std::collections::BTreeSet;
use std::path::Path;

impl App {
    /// Refuses to load a model of this project with this Python as long as nobody has allowed it. `home`: the project's
    /// folder; without one the model is of our own registry.
    pub(super) fn may_load(&self, home: Option<&Path>, model: &ModelName, python: &Path) -> Result<(), CallError> {
        let python = show(python);
        if self.is_the_demo(home) || self.loads(home, &python)? {
            return Ok(());
        }
        let project = self.project_at(home).map(|project| project.id.0);
        let of = home.map_or_else(|| format!("the registry {OWN_REGISTRY}"), show);
        let why =
            format!("Making this plan loads {model}, of {of}, with {python}: that runs what its author has put in.");
        let mut error = CallError::new(ErrorCode::NotAllowed, why)
            .hint("Allow it if you know who made the model: it can do all that you can. It is asked once for a project and its Python.");
        error.models = Some(AllowModels { project, python });
        Err(error)
    }

    /// The person allows to load a project's models with a Python: with exactly the one that was shown.
    pub(crate) fn allow_models(&self, args: AllowModels) -> Result<(), CallError> {
        let project = args.project.map(|project| self.project(project)).transpose()?;
        let home = project.as_ref().map(|project| project.root.as_path());
        self.audit("allow models", None, None, json!({ "project": home.map(show), "python": args.python }))?;
        self.write(|store| store.set_pref(&key(home, &args.python), "true"))
    }

    /// The Pythons that a project's models may come to be loaded with, and that are not allowed yet.
    pub fn not_loading(&self, project: u32) -> Result<Vec<AllowModels>, CallError> {
        let open = self.project(project)?;
        let policy = Rules::of(&open.root)?.policy;
        let targets = policy.models.values().map(|model| model.target.as_ref()).chain([None]);
        let pythons: BTreeSet<String> = targets.map(|target| show(&python_of(&open.root, &policy, target))).collect();
        let mut asked = Vec::new();
        for python in pythons {
            if !self.loads(Some(&open.root), &python)? {
                asked.push(AllowModels { project: Some(project), python });
            }
        }
        Ok(asked)
    }

    fn loads(&self, home: Option<&Path>, python: &str) -> Result<bool, CallError> {
        Ok(self.write(|store| store.pref(&key(home, python)))?.as_deref() == Some("true"))
    }

    /// Its models came with us.
    fn is_the_demo(&self, home: Option<&Path>) -> bool {
        let demo = self.0.options.demo_path.as_deref().and_then(|demo| demo.canonicalize().ok());
        demo.is_some() && demo.as_deref() == home
    }
}

/// Whether a plan for this place has the project's Python serve the model on this machine.
pub(super) fn is_here(rules: &Rules, place: &Place) -> bool {
    matches!(rules.policy.targets.get(&place.target), Some(TargetAt::Local { .. })) || place.target == id(OWN_TARGET)
}

/// The preference that says that a project's models are loaded with this Python.
pub(crate) fn loading_pref(root: &Path, python: &str) -> String {
    key(Some(root), python)
}

/// The preference that says that these models are loaded.
fn key(home: Option<&Path>, python: &str) -> String {
    let home = home.map_or(&b""[..], |home| home.as_os_str().as_encoded_bytes());
    format!("loads-models:{}", Digest::of([home, b"\0", python.as_bytes()].concat()))
}
