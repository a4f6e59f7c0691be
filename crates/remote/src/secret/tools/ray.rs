//! Ray (`src/ray/rpc/authentication/authentication_token_loader.cc`, 2.60): `RAY_AUTH_TOKEN`, else the first line of
//! the file that `RAY_AUTH_TOKEN_PATH` names, else of `~/.ray/auth_token`; a bearer token.

use std::path::PathBuf;

use signalbox_release::{Failure, FailureCode};

use super::{Around, found, found_in};
use crate::secret::{Auth, Found, Place, Secret};

/// Where `serve` and `ray job` go when nothing else is said.
const DEFAULTS: [&str; 2] = ["http://localhost:8265", "http://127.0.0.1:8265"];
const ADDRESSES: [&str; 3] = ["RAY_DASHBOARD_ADDRESS", "RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"];

pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let mut named = ADDRESSES.iter().filter_map(|name| around.var(name));
    let is_named = named.any(|address| place.is_named_by(&address)) || DEFAULTS.contains(&place.origin());
    if !is_named || around.var("RAY_AUTH_MODE").is_some_and(|mode| mode.trim().eq_ignore_ascii_case("disabled")) {
        return Ok(None);
    }
    let bearer = |token: &str| Auth::Bearer { token: Secret::new(token) };
    if let Some(token) = around.var("RAY_AUTH_TOKEN") {
        return Ok(Some(found(bearer(token.trim()), "RAY_AUTH_TOKEN")));
    }
    let path = around.var("RAY_AUTH_TOKEN_PATH");
    let file = around.read(path.as_ref().map(PathBuf::from).or_else(|| around.at_home(".ray/auth_token")))?;
    let token = file.as_ref().and_then(|(_, file)| file.text.lines().next()).map_or("", str::trim);
    match (&file, path) {
        (Some(file), _) if !token.is_empty() => Ok(Some(found_in(bearer(token), file))),
        // Ray stops at this too.
        (_, Some(path)) => Err(Failure::new(FailureCode::Local, format!("{path}: there is no token in it"))
            .hint("RAY_AUTH_TOKEN_PATH names a file with the token in its first line.")),
        _ => Ok(None),
    }
}
