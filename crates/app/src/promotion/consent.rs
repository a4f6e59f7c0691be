//! What a policy would have us speak to, and whether the person has seen it and said yes: opening a folder asks nobody.

use super::systems::Rules;
use crate::app::{App, lock};
use crate::project::OpenProject;
use crate::wire::*;
use serde_json::json;
use signalbox_release::{Digest, Policy, RegistryAt, TargetAt};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is asked for: all that a policy names, in words; and what stands for exactly that, and this text.
pub(super) struct Asked {
    pub names: Vec<String>,
    pub digest: Digest,
}

/// A repository's origin as git has told it, for as long as its configuration is the same.
pub(super) type Origins = std::collections::BTreeMap<PathBuf, (Option<(SystemTime, u64)>, String)>;

impl App {
    /// What a policy asks for; none if it names nobody but ourselves.
    pub(super) fn asked_for(&self, root: &Path, rules: &Rules) -> Option<Asked> {
        let names = names(root, &rules.policy, &|repository| self.origin(root, repository));
        let digest = rules.digest.as_ref().filter(|_| !names.is_empty())?;
        let digest = Digest::of(format!("{digest}\n{}", names.join("\n")));
        Some(Asked { names, digest })
    }

    /// What stands for a policy that may be used, with all that it names as it is now.
    pub(super) fn allowed(&self, root: &Path, rules: &Rules) -> Option<Digest> {
        let Some(asked) = self.asked_for(root, rules) else { return rules.digest.clone() };
        let kept = self.write(|store| store.pref(&key(&asked.digest))).ok().flatten();
        (kept.as_deref() == Some("true")).then_some(asked.digest)
    }

    pub(crate) fn is_allowed(&self, root: &Path, rules: &Rules) -> bool {
        self.allowed(root, rules).is_some()
    }

    /// What stands in the way of a policy's systems elsewhere: nobody has allowed it, as it is now.
    pub(crate) fn not_allowed(&self, project: &OpenProject) -> Option<(FailureView, AllowView)> {
        let rules = Rules::of(&project.root).ok()?;
        let asked = self.asked_for(&project.root, &rules).filter(|_| !self.is_allowed(&project.root, &rules))?;
        let failure = FailureView {
            message: "signalbox.toml names what was not asked anything yet.".into(),
            hint: Some("Allow it if you know each of these; a change of the file asks again.".into()),
            code: Some("not_allowed".into()),
        };
        Some((failure, AllowView { project: project.id.0, policy: asked.digest.to_string(), names: asked.names }))
    }

    /// The person has seen what the policy names, and allows just that.
    pub(crate) fn allow_policy(&self, args: Allow) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let rules = Rules::of(&project.root)?;
        let asked = self
            .asked_for(&project.root, &rules)
            .ok_or_else(|| CallError::new(ErrorCode::NotFound, "This project's signalbox.toml names nobody to ask."))?;
        if asked.digest.to_string() != args.policy {
            return Err(CallError::new(ErrorCode::Refused, "signalbox.toml is not the one that was shown.")
                .hint("It was changed meanwhile: look at what it names now."));
        }
        let detail =
            json!({ "project": crate::project::show(&project.root), "policy": rules.digest, "names": asked.names });
        self.audit("allow policy", None, None, detail)?;
        self.write(|store| store.set_pref(&key(&asked.digest), "true"))
    }

    /// Where a GTO registry's tags go: what git's own configuration says lies outside of the policy's text.
    fn origin(&self, root: &Path, repository: &str) -> String {
        if super::elsewhere::is_address(repository) {
            return shown(repository);
        }
        let folder = root.join(repository);
        let stamp = std::fs::metadata(folder.join(".git/config")).ok();
        let stamp = stamp.and_then(|seen| Some((seen.modified().ok()?, seen.len())));
        if let Some((was, origin)) = lock(&self.0.promotions.origins).get(&folder)
            && stamp.is_some()
            && *was == stamp
        {
            return origin.clone();
        }
        let origin = asked_origin(&folder);
        lock(&self.0.promotions.origins).insert(folder, (stamp, origin.clone()));
        origin
    }
}

/// The same of a policy that is only proposed: `root` is the project's folder.
pub(crate) fn addresses(root: &Path, policy: &Policy) -> Vec<String> {
    names(root, policy, &|repository| {
        if super::elsewhere::is_address(repository) { shown(repository) } else { asked_origin(&root.join(repository)) }
    })
}

fn asked_origin(folder: &Path) -> String {
    match signalbox_remote::origin_of(folder) {
        Ok(origin) => format!("{}, the origin of {}", shown(&origin), folder.display()),
        Err(_) => format!("the repository {}", folder.display()),
    }
}

/// Whom a policy has us speak to, whom it has us trust, and where it has us write, each once.
fn names(root: &Path, policy: &Policy, origin: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut named = BTreeSet::new();
    let folder = |path: &Path| format!("the folder {}", root.join(path).display());
    for at in policy.registries.values() {
        match at {
            RegistryAt::Embedded => {}
            RegistryAt::Mlflow { url } => drop(named.insert(shown(url))),
            RegistryAt::Oci { url, repository, ca } => {
                named.insert(format!("{}, below {repository}", shown(url)));
                let trust = |ca: &PathBuf| format!("the certificates in {}, trusted for it", root.join(ca).display());
                named.extend(ca.as_ref().map(trust));
            }
            RegistryAt::Gto { repository } => drop(named.insert(origin(repository))),
        }
    }
    for at in policy.targets.values() {
        match at {
            TargetAt::Local { .. } => {}
            TargetAt::V2 { url, repository, metrics } => {
                named.extend([shown(url), folder(repository)]);
                named.extend(metrics.as_deref().map(shown));
            }
            TargetAt::RayServe { url, serve, metrics, share, .. } => {
                named.insert(shown(url));
                named.extend(serve.iter().chain(metrics).map(|url| shown(url)));
                named.extend(share.as_ref().map(|share| folder(&share.here)));
            }
            TargetAt::Kserve { context, namespace, ingress, storage, .. } => {
                let cluster = context.as_deref().unwrap_or("that kubectl uses");
                named.insert(format!("{namespace} in the cluster {cluster}"));
                named.extend(ingress.as_deref().map(shown));
                named.extend(storage.as_ref().map(|storage| folder(&storage.mount)));
            }
        }
    }
    named.extend(policy.models.values().filter_map(|model| model.health.as_ref()).map(|at| shown(&at.prometheus)));
    named.into_iter().map(|name| calm(&name)).collect()
}

/// An address without a user and a password: they are no part of it, may be a secret, and may be made to look like a
/// host.
fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// On one line, and read as it is: marks that turn text round or hide it are written out.
fn calm(name: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    name.chars().flat_map(|c| if odd(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// The preference that says that what a policy names may be asked.
fn key(asked: &Digest) -> String {
    format!("allowed-policy:{asked}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_who_is_said_to_ask() {
        assert_eq!(shown("https://mlflow.corp@evil.example/x"), "https://evil.example/x");
        assert_eq!(shown("https://ada:pw@mlflow.corp:5000"), "https://mlflow.corp:5000");
        assert_eq!(shown("https://mlflow.corp/a@b"), "https://mlflow.corp/a@b");
        assert_eq!(shown("git@host:team/models.git"), "git@host:team/models.git");
        assert_eq!(calm("a\u{202e}b\n"), "a\\u{202e}b\\u{a}");
    }
}
