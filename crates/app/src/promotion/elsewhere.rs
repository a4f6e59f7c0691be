//! The systems elsewhere that a project's policy names: asked only once the person has allowed the policy as it is.

use super::person;
use super::systems::{Rules, service_of};
use crate::app::{App, lock};
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_release::{
    Digest, Failure, HealthAt, KserveProtocol, ModelName, ModelPolicy, Policy, Registry, RegistryAt, ServiceName,
    SystemClock, SystemId, Target, TargetAt, World,
};
use signalbox_remote::{
    Counted, GtoAt, GtoRegistry, Identity, Kind, Kserve, KserveAt, Lookup, MlflowAt, MlflowRegistry, OciAt,
    OciRegistry, Place, Prometheus, Protocol, RayAt, RayServe, RayShare, Reach, Storage, V2At, V2Target, auth_for,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The systems of one project's policy. They are kept: what they count comes from two looks.
#[derive(Clone)]
pub(crate) struct Elsewhere {
    policy: Digest,
    world: World,
    failures: Vec<FailureView>,
}

impl App {
    /// Adds what the policy names. What cannot be used is told.
    pub(super) fn add_elsewhere(
        &self,
        root: &Path,
        policy: &Policy,
        digest: &Digest,
        world: &mut World,
        failures: &mut Vec<FailureView>,
    ) {
        let kept = lock(&self.0.promotions.elsewhere).get(root).filter(|kept| kept.policy == *digest).cloned();
        let elsewhere = kept.unwrap_or_else(|| {
            let made = self.elsewhere(root, policy, digest);
            lock(&self.0.promotions.elsewhere).insert(root.to_path_buf(), made.clone());
            made
        });
        world.registries.extend(elsewhere.world.registries);
        world.targets.extend(elsewhere.world.targets);
        failures.extend(elsewhere.failures);
        self.count_by_prometheus(policy, world, failures);
    }

    fn elsewhere(&self, root: &Path, policy: &Policy, digest: &Digest) -> Elsewhere {
        let mut made = Elsewhere { policy: digest.clone(), world: World::default(), failures: Vec::new() };
        for (name, at) in &policy.registries {
            match self.registry(root, name, at, policy) {
                Ok(Some(registry)) => drop(made.world.registries.insert(name.clone(), registry)),
                Ok(None) => {}
                Err(e) => made.failures.push(named(name, &e)),
            }
        }
        for (name, at) in &policy.targets {
            match self.target(root, name, at) {
                Ok(Some(target)) => drop(made.world.targets.insert(name.clone(), target)),
                Ok(None) => {}
                Err(e) => made.failures.push(named(name, &e)),
            }
        }
        made
    }

    fn registry(
        &self,
        root: &Path,
        name: &SystemId,
        at: &RegistryAt,
        policy: &Policy,
    ) -> Result<Option<Arc<dyn Registry>>, Failure> {
        let (id, by, cache) = (name.clone(), person(), self.0.options.data_dir.join("fetched"));
        let clock = Arc::new(SystemClock);
        Ok(match at {
            RegistryAt::Embedded => None,
            RegistryAt::Mlflow { url } => {
                let who = auth_for(self.secrets_of(), Place::new(Kind::Mlflow, url, None)?);
                let at = MlflowAt { id, url: url.clone(), by, cache };
                Some(Arc::new(MlflowRegistry::with_identity(at, who, environment(), clock)?))
            }
            RegistryAt::Oci { url, repository, ca } => {
                let who: Arc<dyn Identity> = Arc::new(auth_for(self.secrets_of(), Place::new(Kind::Oci, url, None)?));
                let of = |(model, rules): (&ModelName, &ModelPolicy)| (rules.registry == *name).then(|| model.clone());
                let models = policy.models.iter().filter_map(of).collect();
                let at = OciAt { id, url: url.clone(), repository: repository.clone(), by, cache, models };
                let ca = ca.as_ref().map(|ca| root.join(ca));
                Some(Arc::new(OciRegistry::new(at, who, ca, clock)?))
            }
            RegistryAt::Gto { repository } => {
                // An address, or a folder that may be below the project.
                let is_address = repository.contains("://") || repository.contains('@');
                let repository =
                    if is_address { repository.clone() } else { root.join(repository).display().to_string() };
                Some(Arc::new(GtoRegistry::new(GtoAt { id, repository, by, cache }, clock)?))
            }
        })
    }

    fn target(&self, root: &Path, name: &SystemId, at: &TargetAt) -> Result<Option<Arc<dyn Target>>, Failure> {
        let id = name.clone();
        Ok(match at {
            TargetAt::Local { .. } => None,
            TargetAt::V2 { url, repository, metrics } => {
                let who: Arc<dyn Identity> = Arc::new(auth_for(self.secrets_of(), Place::new(Kind::V2, url, None)?));
                let at = V2At { id, url: url.clone(), repository: root.join(repository), metrics: metrics.clone() };
                Some(Arc::new(V2Target::new(at, who)?))
            }
            TargetAt::RayServe { url, serve, metrics, share, application } => {
                let who = auth_for(self.secrets_of(), Place::new(Kind::Ray, url, None)?);
                let share =
                    share.as_ref().map(|share| RayShare { here: root.join(&share.here), there: share.there.clone() });
                let (serve, metrics, application) = (serve.clone(), metrics.clone(), application.clone());
                Some(Arc::new(RayServe::new(RayAt { id, url: url.clone(), serve, metrics, share, application }, who)?))
            }
            TargetAt::Kserve { context, namespace, ingress, storage, protocol, format, runtime } => {
                let at = KserveAt {
                    id,
                    context: context.clone(),
                    namespace: namespace.clone(),
                    // Never a project's: a kubeconfig names programs that are run.
                    kubeconfig: None,
                    reach: ingress.clone().map_or(Reach::Status, Reach::Ingress),
                    storage: storage.as_ref().map_or(Storage::Source, |at| Storage::Copied {
                        uri: at.uri.clone(),
                        mount: root.join(&at.mount),
                    }),
                    protocol: match protocol {
                        KserveProtocol::V1 => Protocol::V1,
                        KserveProtocol::V2 => Protocol::V2,
                    },
                    format: format.clone(),
                    runtime: runtime.clone(),
                };
                Some(Arc::new(Kserve::new(at, environment(), Arc::new(SystemClock))?))
            }
        })
    }

    /// Lets Prometheus count where a model's policy says so.
    fn count_by_prometheus(&self, policy: &Policy, world: &mut World, failures: &mut Vec<FailureView>) {
        let mut by: BTreeMap<SystemId, BTreeMap<ServiceName, (HealthAt, Prometheus)>> = BTreeMap::new();
        for (name, model) in &policy.models {
            let (Some(at), Some(target)) = (&model.health, &model.target) else { continue };
            let made = Place::new(Kind::Prometheus, &at.prometheus, None)
                .and_then(|place| Prometheus::new(&at.prometheus, auth_for(self.secrets_of(), place)));
            match made {
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

fn named(name: &SystemId, e: &Failure) -> FailureView {
    FailureView { message: format!("{name}: {e}."), hint: e.hint.clone() }
}

fn environment() -> Lookup {
    Arc::new(|name| std::env::var(name).ok())
}

/// What a model's service is called.
pub(super) fn service_at(name: &ModelName, model: &ModelPolicy) -> ServiceName {
    model.service.clone().unwrap_or_else(|| service_of(name))
}

/// Whom a policy has us speak to, and where it has us write, each once.
pub(crate) fn addresses(policy: &Policy) -> Vec<String> {
    let mut named = BTreeSet::new();
    let folder = |path: &PathBuf| format!("the folder {}", path.display());
    named.extend(policy.registries.values().filter_map(|at| match at {
        RegistryAt::Embedded => None,
        RegistryAt::Mlflow { url } | RegistryAt::Oci { url, .. } => Some(url.clone()),
        RegistryAt::Gto { repository } if repository == "." => Some("this repository's origin".into()),
        RegistryAt::Gto { repository } => Some(repository.clone()),
    }));
    for at in policy.targets.values() {
        match at {
            TargetAt::Local { .. } => {}
            TargetAt::V2 { url, repository, metrics } => {
                named.extend([url.clone(), folder(repository)]);
                named.extend(metrics.clone());
            }
            TargetAt::RayServe { url, serve, metrics, share, .. } => {
                named.insert(url.clone());
                named.extend(serve.iter().chain(metrics).cloned());
                named.extend(share.as_ref().map(|share| folder(&share.here)));
            }
            TargetAt::Kserve { context, namespace, ingress, storage, .. } => {
                let cluster = context.as_deref().unwrap_or("that kubectl uses");
                named.insert(format!("{namespace} in the cluster {cluster}"));
                named.extend(ingress.clone());
                named.extend(storage.as_ref().map(|storage| folder(&storage.mount)));
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
