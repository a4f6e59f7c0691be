//! How a registry wants to be told who we are: Basic, or a token from an issuer that it names (`Bearer realm=…`,
//! distribution's "Token Authentication").
//!
//! The registry that a person has allowed decides who gets their password. So that nobody on the way decides it, a
//! registry without TLS decides it on this machine only; the issuer is reached with TLS, or on this machine if the
//! registry is; redirects are not followed; a password goes nowhere without TLS but to this machine; and a token is
//! asked for the repository of the call and no other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use signalbox_release::{Failure, FailureCode};

use crate::http::{Body, Call, Http, Patience, Proof, is_this_machine, words};
use crate::secret::{Auth, Identity, Secret};

/// What the specification says where an issuer says nothing.
const DEFAULT_SECS: u64 = 60;
const LONGEST_SECS: u64 = 3600;
/// Above what any header takes.
const MAX_TOKEN: usize = 32 << 10;
/// The user whose password is a refresh token (docker/docker-credential-helpers).
const REFRESHES: &str = "<token>";
const FORM: &str = "application/x-www-form-urlencoded";

pub struct Issued {
    registry: Url,
    auth: Arc<dyn Identity>,
    ca: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The registry has asked for Basic.
    wants_basic: bool,
    /// By scope; until when each is good.
    tokens: HashMap<String, (Secret, Instant)>,
}

impl Issued {
    pub fn new(registry: Url, auth: Arc<dyn Identity>, ca: Option<PathBuf>) -> Issued {
        Issued { registry, auth, ca, known: Mutex::default() }
    }

    fn basic_is_safe(&self) -> bool {
        self.registry.scheme() == "https" || is_this_machine(&self.registry)
    }

    /// Where a token comes from; a failure if what proves who we are must not go there.
    fn issuer(&self, realm: &str, auth: &Auth) -> Result<Url, Failure> {
        let bad = |why: &str| {
            let shown = words(realm.as_bytes());
            Failure::new(FailureCode::Denied, format!("the registry sends us to {shown} for a token: {why}"))
                .hint("Ask who runs the registry; nothing was sent there.")
        };
        if *auth != Auth::None && !self.basic_is_safe() {
            return Err(bad("it was asked without TLS, so anybody on the way may have named it"));
        }
        let url = Url::parse(realm).map_err(|_| bad("that is no address"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("an address with a password of its own is not used"));
        }
        let here = is_this_machine(&url) && is_this_machine(&self.registry);
        if url.scheme() == "https" || (url.scheme() == "http" && here) { Ok(url) } else { Err(bad("that is no https")) }
    }

    fn token(&self, challenge: &Challenge, scope: &str, auth: &Auth, patience: &Patience) -> Result<Secret, Failure> {
        let odd = |why: &str| Failure::new(FailureCode::Server, format!("the issuer of tokens answers {why}"));
        let mut issuer = self.issuer(challenge.get("realm").unwrap_or_default(), auth)?;
        let place = issuer.origin().ascii_serialization();
        let service = challenge.get("service").map(|service| ("service", service));
        let (call, http) = match auth {
            // distribution's "OAuth2 Token Authentication": the refresh token goes into a form, and nothing else does.
            Auth::Basic { password, .. } if refreshes(auth) => {
                let http = Http::new(&place, || Auth::None, self.ca.as_deref())?;
                let given = [("grant_type", "refresh_token"), ("client_id", "signalbox"), ("scope", scope)];
                let given = given.into_iter().chain(service).chain([("refresh_token", password.reveal())]);
                let form = form_of(given);
                (http.at(Method::POST, issuer, Body::Bytes(FORM, form)), http)
            }
            _ => {
                issuer.query_pairs_mut().extend_pairs(service).append_pair("scope", scope);
                let http = Http::new(&place, self.auth.clone(), self.ca.as_deref())?;
                (http.at(Method::GET, issuer, Body::None), http)
            }
        };
        let asked = Instant::now();
        // As a change it follows no redirect. To ask for a token twice changes nothing.
        let answer = http.change(&call.repeatable(), patience).map_err(|lost| {
            let failure = untold(&place, lost.failure());
            if failure.code == FailureCode::Denied {
                self.auth.refused();
            }
            failure
        })?;
        let token = ["token", "access_token"].into_iter().find_map(|key| answer.get(key)?.as_str());
        let token = token.filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN);
        let token = token.filter(|token| token.bytes().all(|b| b.is_ascii_graphic()));
        let token = Secret::new(token.ok_or_else(|| odd("with no token"))?);
        let secs = answer.get("expires_in").and_then(serde_json::Value::as_u64).unwrap_or(DEFAULT_SECS);
        let until = asked + Duration::from_secs(secs.min(LONGEST_SECS)).mul_f64(0.8);
        self.known().tokens.insert(scope.to_owned(), (token.clone(), until));
        Ok(token)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a call needs, as the specification writes it. Never more than that, whatever the registry says.
    fn scope(&self, call: &Call) -> Option<String> {
        let below = call.to().path().strip_prefix(self.registry.path())?.strip_prefix("v2/")?;
        if below.starts_with("_catalog") {
            return Some("registry:catalog:*".into());
        }
        let end = ["/manifests/", "/blobs/", "/tags/"].into_iter().filter_map(|part| below.rfind(part)).max()?;
        let actions = if call.is_reading() { "pull" } else { "pull,push" };
        Some(format!("repository:{}:{actions}", &below[..end]))
    }
}

impl Proof for Issued {
    fn at_first(&self, call: &Call) -> Result<Auth, Failure> {
        let auth = self.auth.auth()?;
        if matches!(auth, Auth::Bearer { .. }) && self.basic_is_safe() {
            return Ok(auth);
        }
        let known = self.known();
        if known.wants_basic && self.basic_is_safe() && !refreshes(&auth) {
            return Ok(auth);
        }
        let token = self.scope(call).and_then(|scope| known.tokens.get(&scope).cloned());
        let good = token.filter(|(_, until)| *until > Instant::now());
        Ok(good.map_or(Auth::None, |(token, _)| Auth::Bearer { token }))
    }

    fn asked(&self, call: &Call, challenges: &[String], patience: &Patience) -> Result<Option<Auth>, Failure> {
        let mut auth = self.auth.auth()?;
        // That was sent, and not taken: it may have been renewed.
        if self.known().wants_basic || matches!(auth, Auth::Bearer { .. }) {
            self.auth.refused();
            auth = self.auth.auth()?;
        }
        let challenges: Vec<Challenge> = challenges.iter().filter_map(|text| Challenge::of(text)).collect();
        if let (Some(challenge), Some(scope)) = (challenges.iter().find(|c| c.scheme == "bearer"), self.scope(call)) {
            if matches!(auth, Auth::Bearer { .. }) {
                return Ok(Some(auth).filter(|_| self.basic_is_safe()));
            }
            let token = self.token(challenge, &scope, &auth, patience)?;
            return Ok(Some(Auth::Bearer { token }));
        }
        if challenges.iter().any(|challenge| challenge.scheme == "basic") && matches!(auth, Auth::Basic { .. }) {
            if !self.basic_is_safe() {
                let why = "the registry asks for a password without TLS, and anybody on the way could read it";
                return Err(Failure::new(FailureCode::Denied, why).hint("Name its https:// address."));
            }
            if refreshes(&auth) {
                let why = "the registry asks for a password, and what is kept for it is a token for its issuer";
                return Err(Failure::new(FailureCode::Denied, why).hint("Store a password for it, or log in anew."));
            }
            self.known().wants_basic = true;
            return Ok(Some(auth));
        }
        // Asked for neither: a token that was renewed may do.
        Ok(Some(auth).filter(|auth| matches!(auth, Auth::Bearer { .. }) && self.basic_is_safe()))
    }
}

/// What is kept is no password, but a token for the issuer.
fn refreshes(auth: &Auth) -> bool {
    matches!(auth, Auth::Basic { user, .. } if user == REFRESHES)
}

/// Why there is no token, without a word of what the issuer said: it may repeat what it was sent.
fn untold(place: &str, failure: Failure) -> Failure {
    let why = match failure.code {
        FailureCode::Cancelled | FailureCode::Local => return Failure { raw: None, ..failure },
        FailureCode::Unreachable => "nobody answers there",
        FailureCode::TimedOut => "its answer did not come",
        FailureCode::Denied => "it does not take what we say who we are",
        FailureCode::Busy => "it is busy",
        FailureCode::NotFound | FailureCode::Invalid | FailureCode::Conflict => "it refuses",
        _ => "it fails",
    };
    let told = Failure::new(failure.code, format!("no token from {place}: {why}"));
    Failure { hint: failure.hint, ..told }
}

fn form_of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut form = Url::parse("form:").expect("BUG: an address");
    form.query_pairs_mut().extend_pairs(pairs);
    form.query().unwrap_or_default().as_bytes().to_vec()
}

/// One `WWW-Authenticate`: `Bearer realm="https://…",service="…"`.
struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    fn of(text: &str) -> Option<Challenge> {
        let (scheme, mut rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let mut params = Vec::new();
        while let Some((key, after)) = rest.split_once('=') {
            let value;
            if let Some(quoted) = after.strip_prefix('"') {
                let end = quoted.find('"')?;
                (value, rest) = (&quoted[..end], &quoted[end + 1..]);
            } else {
                let end = after.find(',').unwrap_or(after.len());
                (value, rest) = (&after[..end], &after[end..]);
            }
            params.push((key.trim_matches([' ', ',']).to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Challenge { scheme: scheme.to_ascii_lowercase(), params })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.params.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(registry: &str) -> Issued {
        Issued::new(Url::parse(registry).expect("a URL"), Arc::new(|| Auth::None), None)
    }

    #[test]
    fn a_challenge_is_read() {
        let read = Challenge::of(r#"Bearer realm="https://a/t?x=1,2", service=reg ,scope="r:a/b:pull,push""#);
        let read = read.expect("a challenge");
        assert_eq!((read.scheme.as_str(), read.get("realm")), ("bearer", Some("https://a/t?x=1,2")));
        assert_eq!((read.get("service"), read.get("scope")), (Some("reg"), Some("r:a/b:pull,push")));
        assert_eq!(Challenge::of("Basic").expect("one").scheme, "basic");
        assert!(Challenge::of(r#"Bearer realm="open"#).is_none());
    }

    #[test]
    fn a_password_goes_only_where_nobody_else_reads_it() {
        let issued = issued("https://reg.example/");
        let ada = Auth::Basic { user: "ada".into(), password: Secret::new("hunter2") };
        assert!(issued.issuer("https://auth.example/token", &ada).is_ok());
        for bad in ["http://auth.example/", "http://127.0.0.1/", "ftp://x/", "", "https://u:p@auth.example/"] {
            let failure = issued.issuer(bad, &ada).expect_err(bad);
            assert_eq!(failure.code, FailureCode::Denied, "{bad}");
        }
        let here = super::tests::issued("http://127.0.0.1:5000/");
        assert!(here.issuer("http://localhost:6000/token", &ada).is_ok());
        assert!(here.issuer("http://auth.example/token", &ada).is_err());
        // Who is on the way to a registry without TLS could name an issuer of their own, with TLS.
        let plain = super::tests::issued("http://reg.example/");
        assert!(!plain.basic_is_safe());
        let failure = plain.issuer("https://evil.example/token", &ada).expect_err("no TLS");
        assert!(failure.message.contains("anybody on the way may have named it"), "{failure}");
        assert!(plain.issuer("https://evil.example/token", &Auth::None).is_ok(), "there is nothing to tell");
    }

    #[test]
    fn a_token_is_for_the_calls_own_repository() {
        let issued = issued("https://reg.example/at/");
        let http = Http::new("https://reg.example/at/", || Auth::None, None).expect("an address");
        let scope = |path: &str| issued.scope(&http.get(path, &[]));
        assert_eq!(scope("v2/a/tags/b/tags/list").as_deref(), Some("repository:a/tags/b:pull"));
        assert_eq!(scope("v2/_catalog").as_deref(), Some("registry:catalog:*"));
        assert_eq!(scope("v2/"), None);
        let push = http.at(Method::PUT, http.below("v2/a/manifests/blobs"), Body::None);
        assert_eq!(issued.scope(&push).as_deref(), Some("repository:a:pull,push"));
    }
}
