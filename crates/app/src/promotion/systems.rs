//! The registries and targets that the open projects' policies name, and the two that are always there.

use super::{OWN_REGISTRY, OWN_TARGET, person};
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_keeper::{How, LocalTarget};
use signalbox_release::{
    AliasName, Digest, Embedded, Gates, Limits, ModelName, ModelPolicy, Policy, PolicyError, RegistryAt, ServiceName,
    SystemClock, SystemId, TargetAt, World,
};
use signalbox_remote::{MlflowAt, MlflowRegistry};
use std::sync::Arc;

/// A project's policy, or what holds without one.
pub(crate) struct Rules {
    pub policy: Policy,
    pub digest: Option<Digest>,
}

impl Rules {
    /// Without a file: no system but our own, no gate but those that need no limit.
    pub fn of(project: &OpenProject) -> Result<Rules, CallError> {
        match Policy::of(&project.root) {
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
            bake: Some(Limits { secs: 10, max_error_rate: 0.0, max_p95_ms: None, min_requests: 1 }),
            keep_old: false,
            gates: Gates { signature: true, ..Gates::default() },
        })
    }
}

fn wrong(e: &PolicyError) -> CallError {
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
        let mut world = World::default();
        let mut failures = Vec::new();
        let artifacts = self.0.options.data_dir.join("artifacts");
        let own = Embedded::new(id(OWN_REGISTRY), self.ledger()?, artifacts, person(), Arc::new(SystemClock));
        world.registries.insert(id(OWN_REGISTRY), Arc::new(own));
        let root = project.map_or_else(|| std::path::PathBuf::from("."), |project| project.root.clone());
        let rules = match project.map(Rules::of).transpose() {
            Ok(rules) => rules.map(|rules| rules.policy).unwrap_or_default(),
            Err(e) => {
                failures.push(FailureView { message: e.message, hint: e.hint });
                Policy::default()
            }
        };
        if let Some(program) = &self.0.options.keeper {
            let keeper = |name: &SystemId, port: Option<u16>| {
                let how = How::Mlflow { python: super::golden::python_of(&root, &rules, Some(name)) };
                Arc::new(LocalTarget::new(name.clone(), self.keeper_folder(), program.clone(), how, port))
            };
            world.targets.insert(id(OWN_TARGET), keeper(&id(OWN_TARGET), None));
            for (name, at) in &rules.targets {
                if let TargetAt::Local { port, .. } = at {
                    world.targets.insert(name.clone(), keeper(name, *port));
                }
            }
        }
        for (name, at) in &rules.targets {
            if !matches!(at, TargetAt::Local { .. }) {
                failures.push(FailureView {
                    message: format!("{name}: Signalbox cannot speak to this kind of target yet."),
                    hint: Some("The target on this machine is called \"local\".".into()),
                });
            }
        }
        for (name, at) in &rules.registries {
            match at {
                RegistryAt::Embedded => {
                    let own = world.registries[&id(OWN_REGISTRY)].clone();
                    world.registries.entry(name.clone()).or_insert(own);
                }
                RegistryAt::Mlflow { url } => {
                    // Opening a folder asks nobody: a stranger's file may name any address.
                    if !project.is_some_and(|project| self.is_allowed(project)) {
                        continue;
                    }
                    let at = MlflowAt {
                        id: name.clone(),
                        url: url.clone(),
                        by: person(),
                        cache: self.0.options.data_dir.join("fetched"),
                    };
                    match MlflowRegistry::new(at, Arc::new(credential), Arc::new(SystemClock)) {
                        Ok(registry) => drop(world.registries.insert(name.clone(), Arc::new(registry))),
                        Err(e) => failures.push(super::views::failure(&e)),
                    }
                }
                RegistryAt::Oci { .. } | RegistryAt::Gto { .. } => failures.push(FailureView {
                    message: format!("{name}: Signalbox cannot speak to this kind of registry yet."),
                    hint: Some("Its own registry is called \"signalbox\".".into()),
                }),
            }
        }
        Ok((world, failures))
    }

    pub(crate) fn is_allowed(&self, project: &OpenProject) -> bool {
        let digest = Rules::of(project).ok().and_then(|rules| rules.digest);
        let kept = digest.and_then(|digest| self.write(|store| store.pref(&allowed_key(&digest))).ok()?);
        kept.as_deref() == Some("true")
    }

    /// What stands in the way of a policy's systems elsewhere: nobody has allowed it, as it is now.
    pub(crate) fn not_allowed(&self, project: &OpenProject) -> Option<FailureView> {
        let rules = Rules::of(project).ok()?;
        let url = |at: &RegistryAt| match at {
            RegistryAt::Mlflow { url } => Some(url.clone()),
            _ => None,
        };
        let urls: Vec<String> = rules.policy.registries.values().filter_map(url).collect();
        if urls.is_empty() || self.is_allowed(project) {
            return None;
        }
        Some(FailureView {
            message: format!("signalbox.toml names {}, which was not asked anything yet.", urls.join(", ")),
            hint: Some("Allow it if you know this address; a change of the file asks again.".into()),
        })
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
            let Ok(rules) = Rules::of(project) else { return Vec::new() };
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

/// The preference that says that a policy's addresses may be asked.
pub(crate) fn allowed_key(policy: &Digest) -> String {
    format!("allowed-policy:{policy}")
}

/// What MLflow's own client reads. Who we are is told only to the server that the environment names: a file in a
/// project cannot send it elsewhere.
fn credential(name: &str) -> Option<String> {
    let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let secret = matches!(name, "MLFLOW_TRACKING_USERNAME" | "MLFLOW_TRACKING_PASSWORD" | "MLFLOW_TRACKING_TOKEN");
    if secret && told("MLFLOW_TRACKING_URI").is_none() {
        return None;
    }
    told(name)
}

/// A service is called as its model, with what addresses do not take left out.
pub(crate) fn service_of(model: &ModelName) -> ServiceName {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = model.as_str().chars().map(safe).collect();
    text.trim_start_matches(['-', '.']).parse().unwrap_or_else(|_| "model".parse().expect("BUG: a name"))
}
