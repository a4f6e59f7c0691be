//! The systems elsewhere that a project's policy names: asked only once the person has allowed the policy as it is.

use super::person;
use super::systems::{Rules, service_of};
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_release::{
    Digest, HealthAt, ModelName, ModelPolicy, Policy, RegistryAt, ServiceName, SystemClock, SystemId, TargetAt, World,
};
use signalbox_remote::{Auth, Counted, MlflowAt, MlflowRegistry, Prometheus};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl App {
    /// Adds what the policy names. What cannot be used is told.
    pub(super) fn add_elsewhere(&self, policy: &Policy, world: &mut World, failures: &mut Vec<FailureView>) {
        for (name, at) in &policy.registries {
            match at {
                RegistryAt::Embedded => {}
                RegistryAt::Mlflow { url } => {
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
        for (name, at) in &policy.targets {
            if !matches!(at, TargetAt::Local { .. }) {
                failures.push(FailureView {
                    message: format!("{name}: Signalbox cannot speak to this kind of target yet."),
                    hint: Some("The target on this machine is called \"local\".".into()),
                });
            }
        }
        self.count_by_prometheus(policy, world, failures);
    }

    /// Lets Prometheus count where a model's policy says so.
    fn count_by_prometheus(&self, policy: &Policy, world: &mut World, failures: &mut Vec<FailureView>) {
        let mut by: BTreeMap<SystemId, BTreeMap<ServiceName, (HealthAt, Prometheus)>> = BTreeMap::new();
        for (name, model) in &policy.models {
            let (Some(at), Some(target)) = (&model.health, &model.target) else { continue };
            match Prometheus::new(&at.prometheus, || Auth::None) {
                Ok(prometheus) => {
                    let service = service_at(name, model);
                    by.entry(target.clone()).or_default().insert(service, (at.clone(), prometheus));
                }
                Err(e) => failures.push(super::views::failure(&e)),
            }
        }
        for (target, by) in by {
            if let Some(port) = world.targets.remove(&target) {
                world.targets.insert(target, Arc::new(Counted::new(port, by)));
            }
        }
    }

    pub(crate) fn is_allowed(&self, project: &OpenProject) -> bool {
        let Ok(rules) = Rules::of(project) else { return false };
        let Some(digest) = rules.digest else { return false };
        let kept = self.write(|store| store.pref(&allowed_key(&digest))).ok().flatten();
        addresses(&rules.policy).is_empty() || kept.as_deref() == Some("true")
    }

    /// What stands in the way of a policy's systems elsewhere: nobody has allowed it, as it is now.
    pub(crate) fn not_allowed(&self, project: &OpenProject) -> Option<FailureView> {
        let named = addresses(&Rules::of(project).ok()?.policy);
        if named.is_empty() || self.is_allowed(project) {
            return None;
        }
        Some(FailureView {
            message: format!("signalbox.toml names {}, which was not asked anything yet.", named.join(", ")),
            hint: Some("Allow it if you know this address; a change of the file asks again.".into()),
        })
    }
}

/// What a model's service is called.
pub(super) fn service_at(name: &ModelName, model: &ModelPolicy) -> ServiceName {
    model.service.clone().unwrap_or_else(|| service_of(name))
}

/// Whom a policy has us speak to, or what it has us run or write, each once.
fn addresses(policy: &Policy) -> Vec<String> {
    let mut named = BTreeSet::new();
    for at in policy.registries.values() {
        match at {
            RegistryAt::Embedded => {}
            RegistryAt::Mlflow { url } | RegistryAt::Oci { url, .. } => drop(named.insert(url.clone())),
            RegistryAt::Gto { repository } => drop(named.insert(repository.clone())),
        }
    }
    for at in policy.targets.values() {
        match at {
            TargetAt::Local { .. } => {}
            TargetAt::V2 { url, repository } => named.extend([url.clone(), repository.clone()]),
            TargetAt::RayServe { url } => drop(named.insert(url.clone())),
            TargetAt::Kserve { context, namespace } => {
                named.insert(format!(
                    "{namespace} in the cluster {}",
                    context.as_deref().unwrap_or("that kubectl uses")
                ));
            }
        }
    }
    named.extend(policy.models.values().filter_map(|model| model.health.as_ref()).map(|at| at.prometheus.clone()));
    named.into_iter().collect()
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
