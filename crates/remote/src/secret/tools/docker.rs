//! Docker's `config.json` and podman's `auth.json`, which have one form, and Docker's credential helpers
//! (docker/docker-credential-helpers: the server on stdin, JSON on stdout).
//!
//! Their keys are hosts with a port, without a scheme; Docker speaks https to them, and http to this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Url;
use serde::Deserialize;
use signalbox_release::{Failure, FailureCode};
use zeroize::Zeroizing;

use super::program::{self, Run};
use super::{Around, found, found_in};
use crate::secret::{Auth, Found, Place, Secret};

/// Docker Hub is kept under the address of an interface that is long gone.
const HUB: &str = "https://index.docker.io/v1/";
const HUB_ORIGINS: [&str; 3] = ["https://index.docker.io", "https://docker.io", "https://registry-1.docker.io"];
/// With these, an address is that of the whole registry.
const ROOTS: [&str; 5] = ["/", "/v1", "/v1/", "/v2", "/v2/"];

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// `user:password` in base64.
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    username: String,
    secret: Secret,
}

pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let folder = around.var("DOCKER_CONFIG").map(PathBuf::from).or_else(|| around.at_home(".docker"));
    in_file(folder.map(|folder| folder.join("config.json")), place, around)
}

pub fn look_podman(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let below = |folder: PathBuf| folder.join("containers/auth.json");
    let configured = around.var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| around.at_home(".config"));
    let paths = [
        around.var("REGISTRY_AUTH_FILE").map(PathBuf::from),
        around.var("XDG_RUNTIME_DIR").map(|folder| below(folder.into())),
        configured.map(below),
    ];
    for path in paths {
        if let Some(found) = in_file(path, place, around)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn in_file(path: Option<PathBuf>, place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let Some(file) = around.read(path)? else { return Ok(None) };
    let config: Config = serde_json::from_str(&file.1.text).map_err(|e| unread(&file.0, &e))?;
    let helper = config.cred_helpers.iter().find(|(key, _)| names(key, place));
    let entry = config.auths.iter().find(|(key, _)| names(key, place));
    if let Some((key, name)) = helper {
        let program = program_of(name, around)?.ok_or_else(|| absent(name, &file.0))?;
        if let Some(found) = ask(&program, name, key, around)? {
            return Ok(Some(found));
        }
    } else if let Some(name) = &config.creds_store {
        // Under which key it keeps a registry is seen in the file, where a login leaves an empty entry.
        let key = entry.map_or_else(|| key_of(place), |(key, _)| key.clone());
        match program_of(name, around)? {
            Some(program) if place.is_private() => {
                if let Some(found) = ask(&program, name, &key, around)? {
                    return Ok(Some(found));
                }
            }
            None if entry.is_some_and(|(_, entry)| entry.auth().is_ok_and(|auth| auth.is_none())) => {
                return Err(absent(name, &file.0));
            }
            _ => {}
        }
    }
    let Some((_, entry)) = entry else { return Ok(None) };
    let auth = entry.auth().map_err(|()| {
        let what = format!("{}: what it has for {} is no user and password", file.0, place.authority());
        Failure::new(FailureCode::Local, what).hint("Log in to the registry anew.")
    })?;
    Ok(auth.map(|auth| found_in(auth, &file)))
}

impl Entry {
    fn auth(&self) -> Result<Option<Auth>, ()> {
        let given = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.is_empty());
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Auth::Basic { user: "<token>".into(), password: token }));
        }
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Auth::Bearer { token }));
        }
        if let Some(both) = given(&self.auth) {
            let mut bytes = Zeroizing::new(vec![0; both.reveal().len()]);
            let n = BASE64.decode_slice(both.reveal().trim(), &mut bytes).map_err(|_| ())?;
            let text = std::str::from_utf8(&bytes[..n]).map_err(|_| ())?;
            let (user, password) = text.split_once(':').ok_or(())?;
            let password = Secret::new(password.trim_matches('\0'));
            return Ok(Some(Auth::Basic { user: user.to_owned(), password }));
        }
        let user = self.username.clone().filter(|user| !user.is_empty());
        Ok(user.zip(given(&self.password)).map(|(user, password)| Auth::Basic { user, password }))
    }
}

/// A key of these files names this registry, the whole of it: podman keeps parts of registries too.
fn names(key: &str, place: &Place) -> bool {
    if HUB_ORIGINS.contains(&place.origin()) {
        return key == HUB || HUB_ORIGINS.iter().any(|hub| *hub == key || hub.strip_prefix("https://") == Some(key));
    }
    let same = |url: &str| {
        Url::parse(url).is_ok_and(|url| {
            url.origin().ascii_serialization() == place.origin() && ROOTS.contains(&url.path()) && url.query().is_none()
        })
    };
    if key.contains("://") {
        return same(key);
    }
    let scheme = place.origin().split_once("://").map_or("https", |(scheme, _)| scheme);
    place.is_private() && !key.contains(['/', '@', '?', '#']) && same(&format!("{scheme}://{key}"))
}

fn key_of(place: &Place) -> String {
    if HUB_ORIGINS.contains(&place.origin()) { HUB.to_owned() } else { place.authority().to_owned() }
}

fn program_of(name: &str, around: &Around) -> Result<Option<PathBuf>, Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(Failure::new(FailureCode::Local, "Docker's configuration names a credential helper by no name")
            .hint("A helper's name is of small letters, digits and -."));
    }
    Ok(program::find(&format!("docker-credential-{name}"), around))
}

fn ask(program: &std::path::Path, name: &str, server: &str, around: &Around) -> Result<Option<Found>, Failure> {
    if server.contains(char::is_control) {
        return Ok(None);
    }
    let said = program::run(&Run { program, args: &["get"], input: server, around })?;
    let wrong = |what: &str| {
        Failure::new(FailureCode::Local, format!("docker-credential-{name} {what}"))
            .hint("Log in to the registry anew, or store a password in Signalbox.")
    };
    if !said.good {
        // The one error that has a name: it knows nothing (credentials/error.go).
        let unknown = said.text.trim() == "credentials not found in native keychain";
        return if unknown { Ok(None) } else { Err(wrong("fails")) };
    }
    let given: Given = serde_json::from_str(&said.text).map_err(|_| wrong("answers what no helper should"))?;
    if given.secret.is_empty() {
        return Ok(None);
    }
    let auth = Auth::Basic { user: given.username, password: given.secret };
    Ok(Some(found(auth, format!("docker-credential-{name}"))))
}

fn absent(name: &str, file: &str) -> Failure {
    Failure::new(FailureCode::Local, format!("{file} names docker-credential-{name}, which is not on the path"))
        .hint("Install it, or store a password in Signalbox.")
}

/// Line and column only: what was read may be the secret.
fn unread(file: &str, e: &serde_json::Error) -> Failure {
    Failure::new(FailureCode::Local, format!("{file}: it does not read, at {}:{}", e.line(), e.column()))
        .hint("Mend this file; it is Docker's or podman's.")
}
