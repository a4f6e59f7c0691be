//! The registries and targets that the open projects' policies name, and the two that are always there.

use super::{OWN_REGISTRY, OWN_TARGET, person};
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_keeper::{How, LocalTarget};
use signalbox_release::{
    AliasName, Digest, Embedded, Gates, Limits, ModelName, ModelPolicy, Policy, PolicyError, RegistryAt, ServiceName,
    SystemClock, SystemId, TargetAt, TooFew, World,
};
use std::path::Path;
use std::sync::Arc;

/// A project's policy, or what holds without one.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub policy: Policy,
    pub digest: Option<Digest>,
}

impl Rules {
    /// Without a file: no system but our own, no gate but those that need no limit.
    pub fn of(root: &Path) -> Result<Rules, CallError> {
        match Policy::of(root) {
            Ok(Some((policy, digest))) => Ok(Rules { policy, digest: Some(digest) }),
            Ok(None) => Ok(Rules { policy: Policy::default(), digest: None }),
            Err(e) => Err(wrong(&e)),
        }
    }

    /// What holds for a model.
    pub fn model(&self, name: &ModelName) -> ModelPolicy {
        self.policy.models.get(name).cloned().unwrap_or_else(|| ModelPolicy {
            registry: id(OWN_REGISTRY),
            target: Some(id(OWN_TARGET)),
            service: None,
            alias: Some("production".parse().expect("BUG: an alias")),
            alias_first: false,
            shares: Vec::new(),
            bake: Some(Limits {
                secs: 10,
                max_error_rate: 0.0,
                max_p95_ms: None,
                min_requests: 1,
                // A model that nobody asks yet may serve on a laptop.
                too_few: TooFew::GoOn,
            }),
            health: None,
            keep_old: false,
            gates: Gates { signature: true, ..Gates::default() },
        })
    }
}

pub(crate) fn wrong(e: &PolicyError) -> CallError {
    CallError::new(ErrorCode::Unreadable, sentence(&e.to_string()))
        .hint("Mend signalbox.toml; nothing is promoted by a policy that is not understood.")
}

pub(crate) fn id(name: &str) -> SystemId {
    name.parse().expect("BUG: the name of a system")
}

/// Where a model is served, by a policy.
pub(crate) struct ServiceAt {
    pub target: SystemId,
    pub service: ServiceName,
    pub model: ModelName,
    pub registry: SystemId,
    pub alias: Option<AliasName>,
}

impl App {
    /// Our own systems, and those that a project's policy names; with what of it cannot be used.
    pub(crate) fn world(&self, project: Option<&OpenProject>) -> Result<(World, Vec<FailureView>), CallError> {
        let root = project.map(|project| project.root.as_path());
        match root.map(Rules::of).transpose() {
            Ok(rules) => self.world_of(root, &rules.unwrap_or_default()),
            Err(e) => {
                let (world, mut failures) = self.world_of(root, &Rules::default())?;
                failures.push(FailureView { message: e.message, hint: e.hint, code: Some("invalid".into()) });
                Ok((world, failures))
            }
        }
    }

    /// The same, by rules that were read already: what is asked for consent is what is used.
    pub(crate) fn world_of(&self, root: Option<&Path>, rules: &Rules) -> Result<(World, Vec<FailureView>), CallError> {
        let mut world = World::default();
        let mut failures = Vec::new();
        let artifacts = self.0.options.data_dir.join("artifacts");
        let own = Embedded::new(id(OWN_REGISTRY), self.ledger()?, artifacts, person(), Arc::new(SystemClock));
        world.registries.insert(id(OWN_REGISTRY), Arc::new(own));
        let policy = &rules.policy;
        let here = root.unwrap_or(Path::new("."));
        if let Some(program) = &self.0.options.keeper {
            let keeper = |name: &SystemId, port: Option<u16>| {
                let how = How::Mlflow { python: super::golden::python_of(here, policy, Some(name)) };
                Arc::new(LocalTarget::new(name.clone(), self.keeper_folder(), program.clone(), how, port))
            };
            world.targets.insert(id(OWN_TARGET), keeper(&id(OWN_TARGET), None));
            for (name, at) in &policy.targets {
                if let TargetAt::Local { port, .. } = at {
                    world.targets.insert(name.clone(), keeper(name, *port));
                }
            }
        }
        for name in policy.registries.iter().filter(|(_, at)| **at == RegistryAt::Embedded).map(|(name, _)| name) {
            let own = world.registries[&id(OWN_REGISTRY)].clone();
            world.registries.entry(name.clone()).or_insert(own);
        }
        // Opening a folder asks nobody: a stranger's file may name any address.
        if let Some((root, digest)) = root.and_then(|root| Some((root, self.allowed(root, rules)?))) {
            self.add_elsewhere(root, policy, &digest, &mut world, &mut failures);
        }
        Ok((world, failures))
    }

    /// What keeps models serving on this machine.
    pub(crate) fn local_target(&self) -> Result<LocalTarget, CallError> {
        let program = self.0.options.keeper.clone();
        let program = program.ok_or_else(|| CallError::new(ErrorCode::NotFound, "There is no local target here."))?;
        let how = How::Mlflow { python: "python3".into() };
        Ok(LocalTarget::new(id(OWN_TARGET), self.keeper_folder(), program, how, None))
    }

    fn keeper_folder(&self) -> std::path::PathBuf {
        self.0.options.data_dir.join("keeper")
    }

    /// The services that a project's policy names, and, without a project, those of our own registry's models.
    pub(crate) fn services(&self, project: Option<&OpenProject>, world: &World) -> Vec<ServiceAt> {
        if let Some(project) = project {
            let Ok(rules) = Rules::of(&project.root) else { return Vec::new() };
            let named = |(name, model): (&ModelName, &ModelPolicy)| {
                Some(ServiceAt {
                    target: model.target.clone()?,
                    service: model.service.clone().unwrap_or_else(|| service_of(name)),
                    model: name.clone(),
                    registry: model.registry.clone(),
                    alias: model.alias.clone(),
                })
            };
            return rules.policy.models.iter().filter_map(named).collect();
        }
        let own = world.registries.get(&id(OWN_REGISTRY));
        let models = own.and_then(|own| own.models(&super::reading()).ok()).unwrap_or_default();
        let of_own = |name: ModelName| ServiceAt {
            target: id(OWN_TARGET),
            service: service_of(&name),
            model: name,
            registry: id(OWN_REGISTRY),
            alias: Some("production".parse().expect("BUG: an alias")),
        };
        models.into_iter().map(|model| of_own(model.name)).collect()
    }
}

/// A service is called as its model, with what addresses do not take left out.
pub(crate) fn service_of(model: &ModelName) -> ServiceName {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = model.as_str().chars().map(safe).collect();
    text.trim_start_matches(['-', '.']).parse().unwrap_or_else(|_| "model".parse().expect("BUG: a name"))
}
