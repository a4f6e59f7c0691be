//! The Kubernetes API, as far as one kind of object needs it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use signalbox_release::{Clock, Failure, FailureCode};

use super::kubeconfig::{Access, Proof, access};
use super::object::{MANAGER, Object};
use super::plugin::{Credential, ask};
use crate::http::{Call, Http, Lost, Patience, Trust, words};
use crate::mlflow::Lookup;
use crate::secret::{Auth, Secret};

/// JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";
/// A credential is not used up to its last second.
const MARGIN_MS: i64 = 10_000;

pub struct Api {
    pub namespace: String,
    context: Option<String>,
    kubeconfig: Option<PathBuf>,
    environment: Lookup,
    clock: Arc<dyn Clock>,
    open: Mutex<Option<Open>>,
}

/// A connection, for as long as the kubeconfig says the same.
struct Open {
    access: Access,
    trust: Trust,
    http: Arc<Http>,
    auth: Arc<Mutex<Auth>>,
    credential: Option<Credential>,
}

impl Api {
    pub fn new(
        namespace: String,
        context: Option<String>,
        kubeconfig: Option<PathBuf>,
        environment: Lookup,
        clock: Arc<dyn Clock>,
    ) -> Api {
        Api { namespace, context, kubeconfig, environment, clock, open: Mutex::new(None) }
    }

    /// The cluster as the kubeconfig names it now.
    pub fn access(&self) -> Result<Access, Failure> {
        access(&self.files(), self.context.as_deref())
    }

    /// As kubectl looks for them.
    fn files(&self) -> Vec<PathBuf> {
        if let Some(path) = &self.kubeconfig {
            return vec![path.clone()];
        }
        let listed = (self.environment)("KUBECONFIG").filter(|list| !list.is_empty());
        if let Some(list) = listed {
            return std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
        }
        let home = ["HOME", "USERPROFILE"].into_iter().find_map(|name| (self.environment)(name));
        vec![Path::new(&home.unwrap_or_default()).join(".kube").join("config")]
    }

    /// A client that says who we are now.
    pub fn http(&self, patience: &Patience) -> Result<Arc<Http>, Failure> {
        let access = self.access()?;
        let mut open = locked(&self.open);
        let kept = open.take().filter(|open| open.access == access);
        let now = self.clock.unix_ms();
        let fresh = |credential: &Credential| credential.until_unix_ms.is_none_or(|until| now + MARGIN_MS < until);
        let credential = match &access.proof {
            Proof::Plugin(plugin) => {
                let known = kept.as_ref().and_then(|open| open.credential.clone()).filter(fresh);
                Some(known.map_or_else(|| ask(plugin, patience), Ok)?)
            }
            _ => None,
        };
        let auth = match (&access.proof, &credential) {
            (Proof::Auth(auth), _) => auth.clone(),
            (Proof::TokenFile(path), _) => Auth::Bearer { token: token(path)? },
            (Proof::Plugin(_), credential) => credential.as_ref().map_or(Auth::None, |known| known.auth.clone()),
        };
        let mut trust = access.trust.clone();
        if let Some(identity) = credential.as_ref().and_then(|known| known.identity.clone()) {
            trust.identity = Some(identity);
        }
        let open_now = match kept.filter(|open| open.trust == trust) {
            Some(kept) => {
                *locked(&kept.auth) = auth;
                Open { credential, ..kept }
            }
            None => {
                let auth = Arc::new(Mutex::new(auth));
                let says = auth.clone();
                let http = Arc::new(Http::trusting(&access.server, move || locked(&says).clone(), &trust)?);
                Open { access, trust, http, auth, credential }
            }
        };
        Ok(open.insert(open_now).http.clone())
    }

    /// None: there is no such service.
    pub fn get(&self, name: &str, patience: &Patience) -> Result<Option<Object>, Failure> {
        let http = self.http(patience)?;
        match http.read(&http.get(&self.path(name), &[]), patience) {
            Ok(raw) => Ok(Some(Object(raw))),
            Err(failure) if is_absent(&failure) => Ok(None),
            Err(failure) => Err(self.told(failure)),
        }
    }

    /// Any other path of the API.
    pub fn read(&self, path: &str, patience: &Patience) -> Result<Value, Failure> {
        let http = self.http(patience)?;
        http.read(&http.get(path, &[]), patience).map_err(|failure| self.told(failure))
    }

    /// Server-side apply, never forced. `dry`: only says what would be.
    pub fn apply(&self, name: &str, body: &Value, dry: bool, patience: &Patience) -> Result<Object, Lost> {
        self.apply_as(MANAGER, name, body, dry, patience)
    }

    pub fn apply_as(
        &self,
        manager: &str,
        name: &str,
        body: &Value,
        dry: bool,
        patience: &Patience,
    ) -> Result<Object, Lost> {
        let http = self.http(patience)?;
        let call = self.apply_call(&http, manager, name, body, dry);
        let call = if dry { call.repeatable() } else { call };
        http.change(&call, patience).map(Object).map_err(|lost| match lost {
            // What changes nothing leaves no doubt.
            Lost::Unknown(failure) if dry => Lost::Refused(self.told(failure)),
            lost => self.lost(lost),
        })
    }

    /// Deletes this very object, if it is as it was seen.
    pub fn delete(&self, object: &Object, patience: &Patience) -> Result<(), Lost> {
        let name = object.text("/metadata/name").unwrap_or("");
        let http = self.http(patience)?;
        let exactly = json!({
            "uid": object.text("/metadata/uid"),
            "resourceVersion": object.resource_version(),
        });
        let body = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": exactly });
        match http.change(&http.delete(&self.path(name), body), patience) {
            Ok(_) => Ok(()),
            Err(Lost::Refused(failure)) if is_absent(&failure) => Ok(()),
            Err(lost) => Err(self.lost(lost)),
        }
    }

    fn apply_call(&self, http: &Http, manager: &str, name: &str, body: &Value, dry: bool) -> Call {
        let mut query = vec![("fieldManager", manager), ("force", "false")];
        if dry {
            query.push(("dryRun", "All"));
        }
        http.patch(&self.path(name), &query, APPLY, body.clone())
    }

    pub fn path(&self, name: &str) -> String {
        format!("apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices/{name}", self.namespace)
    }

    fn lost(&self, lost: Lost) -> Lost {
        match lost {
            Lost::Refused(failure) => Lost::Refused(self.told(failure)),
            Lost::Unknown(failure) => Lost::Unknown(self.told(failure)),
        }
    }

    /// What the API server says, with what one does about it.
    fn told(&self, mut failure: Failure) -> Failure {
        let code = failure.raw.as_ref().and_then(|raw| raw.get("code")).and_then(Value::as_i64);
        match (code, failure.code) {
            (Some(401), _) => {
                // What a plugin said may hold no longer.
                if let Some(open) = locked(&self.open).as_mut() {
                    open.credential = None;
                }
                let context = self.access().map(|access| access.context).unwrap_or_default();
                failure.hint(format!(
                    "The cluster does not know us (any more). Log in anew for the kubeconfig's context {}.",
                    words(context.as_bytes())
                ))
            }
            (Some(403), _) => failure.hint(format!(
                "Ask for a Role in namespace {} that may get, create, patch and delete inferenceservices.serving.kserve.io.",
                self.namespace
            )),
            (_, FailureCode::NotFound) => {
                failure.message = format!("this cluster knows no InferenceServices: {}", failure.message);
                failure.hint("Is KServe installed there, and is it the right context?")
            }
            (_, FailureCode::Conflict) => match owners(&failure) {
                Some(owners) => {
                    failure.message = format!("another owns what would be changed: {owners}");
                    failure.hint("Signalbox takes no field from another. Change it there, or let it give the field up.")
                }
                None => failure,
            },
            _ => failure,
        }
    }
}

/// The API server itself says that this object is not there; not that it has never heard of its kind.
fn is_absent(failure: &Failure) -> bool {
    let named = failure.raw.as_ref().and_then(|raw| raw.pointer("/details/name"));
    failure.code == FailureCode::NotFound && named.and_then(Value::as_str).is_some_and(|name| !name.is_empty())
}

/// Who owns the fields that could not be applied; none where it was no conflict of that kind.
pub fn owners(failure: &Failure) -> Option<String> {
    let causes = failure.raw.as_ref()?.pointer("/details/causes")?.as_array()?;
    let said = |cause: &Value, key: &str| words(cause.get(key).and_then(Value::as_str).unwrap_or("").as_bytes());
    let conflicts = causes.iter().filter(|cause| said(cause, "reason") == "FieldManagerConflict");
    let all: Vec<String> =
        conflicts.take(5).map(|cause| format!("{} ({})", said(cause, "field"), said(cause, "message"))).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn token(path: &Path) -> Result<Secret, Failure> {
    let bad = |e: std::io::Error| {
        Failure::new(FailureCode::Local, format!("{}: {e}", path.display()))
            .hint("The kubeconfig names it as the file that holds our token.")
    };
    let text = std::fs::read_to_string(path).map_err(bad)?;
    Ok(Secret::new(text.trim()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
