//! What the tools on this machine would say who we are, from their own places. Read at each use, never copied.
//!
//! A tool's secret that belongs to no address (`MLFLOW_TRACKING_TOKEN`, `~/.ray/auth_token`) is told only to the
//! address that the person's environment names, or to the tool's own default: a project's file names addresses too,
//! and must not be able to send it elsewhere.

mod docker;
mod mlflow;
mod netrc;
mod program;
mod ray;

use std::path::{Path, PathBuf};

use signalbox_release::Failure;

use super::files::{self, ToolFile};
use super::{Auth, Found, Kind, Place};
use crate::mlflow::Lookup;

/// The person's home and environment.
pub struct Around {
    pub home: Option<PathBuf>,
    pub environment: Lookup,
}

impl Around {
    pub fn var(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.trim().is_empty())
    }

    fn at_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// For a person: `~/.netrc`.
    fn shown(&self, path: &Path) -> String {
        let below = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        below.map_or_else(|| path.display().to_string(), |below| format!("~/{}", below.display()))
    }

    fn read(&self, path: Option<PathBuf>) -> Result<Option<(String, ToolFile)>, Failure> {
        let Some(path) = path else { return Ok(None) };
        Ok(files::read(&path)?.map(|file| (self.shown(&path), file)))
    }
}

fn found(auth: Auth, from: impl Into<String>) -> Found {
    Found { auth, from: from.into(), warning: None, at: None }
}

fn found_in(auth: Auth, file: &(String, ToolFile)) -> Found {
    let warning = file.1.open_to_others.then(|| format!("Others on this machine can read {}.", file.0));
    Found { auth, from: file.0.clone(), warning, at: None }
}

type Look = fn(&Place, &Around) -> Result<Option<Found>, Failure>;

/// The first tool that knows wins. What cannot be read is a failure only if no other knows.
pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let looks: &[Look] = match place.kind() {
        Kind::Mlflow => &[mlflow::look, netrc::look],
        Kind::Oci => &[docker::look, docker::look_podman],
        Kind::Ray => &[ray::look],
        // What engines' own variables hold is read where they are asked.
        Kind::V2 | Kind::Prometheus | Kind::Database => &[],
    };
    let mut trouble = None;
    for look in looks {
        match look(place, around) {
            Ok(Some(found)) if fits(place, &found.auth) => return Ok(Some(found)),
            Ok(_) => {}
            Err(e) => trouble = trouble.or(Some(e)),
        }
    }
    trouble.map_or(Ok(None), Err)
}

/// A place that names an account means that one.
fn fits(place: &Place, auth: &Auth) -> bool {
    match (place.account(), auth) {
        (Some(account), Auth::Basic { user, .. }) => account == user,
        _ => true,
    }
}
