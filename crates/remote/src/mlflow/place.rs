//! Where an artifact lies, as the registry says. What it says may lead anywhere: only the forms below are followed, and
//! of paths only those that go down.

use std::path::PathBuf;

use reqwest::Url;
use signalbox_release::{Failure, FailureCode};

use crate::cache::is_name;
use crate::http::words;

#[derive(Debug, PartialEq)]
pub enum Place {
    /// The server hands it on; a path below the root of its artifacts.
    Proxied(String),
    /// On this machine, or one that shares its files.
    Local(PathBuf),
    Run {
        run: String,
        path: String,
    },
    /// MLflow 3's logged model.
    Logged(String),
    Registered {
        model: String,
        version: String,
    },
}

const PROXY: &str = "api/2.0/mlflow-artifacts/artifacts";

impl Place {
    /// `base`: the registry's own address.
    pub fn of(uri: &str, base: &Url) -> Result<Place, Failure> {
        let elsewhere = || {
            let what = format!("the artifact lies at {}, where Signalbox cannot get it", words(shown(uri).as_bytes()));
            Failure::new(FailureCode::Invalid, what).hint("Bring it onto this machine, and register it from there.")
        };
        if let Some(rest) = uri.strip_prefix("runs:/") {
            let (run, path) = rest.split_once('/').ok_or_else(elsewhere)?;
            return Ok(Place::Run { run: part(run)?.to_owned(), path: below(path)? });
        }
        if let Some(rest) = uri.strip_prefix("models:/") {
            return match rest.split_once('/') {
                None if rest.starts_with("m-") => Ok(Place::Logged(part(rest)?.to_owned())),
                Some((model, version)) if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => {
                    Ok(Place::Registered { model: part(model)?.to_owned(), version: version.to_owned() })
                }
                _ => Err(elsewhere()),
            };
        }
        if PathBuf::from(uri).is_absolute() {
            return local(PathBuf::from(uri));
        }
        let url = Url::parse(uri).map_err(|_| elsewhere())?;
        // The text, not the parsed path: that has `..` resolved already.
        let path = |uri: &str| uri.split_once(':').map(|(_, rest)| rest.trim_start_matches('/').to_owned());
        match url.scheme() {
            "file" => local(url.to_file_path().map_err(|()| elsewhere())?),
            "mlflow-artifacts" if url.host_str().is_none_or(str::is_empty) => {
                Ok(Place::Proxied(below(&path(uri).ok_or_else(elsewhere)?)?))
            }
            // It names its server: that must be the one that we speak to.
            "mlflow-artifacts" if same_server(&url, base) => {
                let path = path(uri).and_then(|rest| Some(rest.split_once('/')?.1.to_owned()));
                Ok(Place::Proxied(below(&path.ok_or_else(elsewhere)?)?))
            }
            "http" | "https" if url.origin() == base.origin() => {
                let rest = uri.split_once(PROXY).ok_or_else(elsewhere)?.1;
                Ok(Place::Proxied(below(rest.trim_start_matches('/'))?))
            }
            _ => Err(elsewhere()),
        }
    }
}

fn same_server(url: &Url, base: &Url) -> bool {
    let same_host = url.host_str().is_some_and(|host| base.host_str() == Some(host));
    same_host && url.port().is_none_or(|port| base.port_or_known_default() == Some(port))
}

fn local(path: PathBuf) -> Result<Place, Failure> {
    let up = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
    if up { Err(hostile(&path.display().to_string())) } else { Ok(Place::Local(path)) }
}

/// A path that goes down, part by part.
pub fn below(path: &str) -> Result<String, Failure> {
    let path = path.trim_end_matches('/');
    for piece in path.split('/') {
        part(piece)?;
    }
    Ok(path.to_owned())
}

/// One name in a path: nothing that a file system, the server's own decoding, or its own check of paths
/// (`validate_path_is_safe` in `mlflow/utils/uri.py`) would take for more than that.
pub fn part(name: &str) -> Result<&str, Failure> {
    if !is_name(name) || name.len() > 255 || name.contains(['%', '#']) {
        return Err(hostile(name));
    }
    Ok(name)
}

fn hostile(path: &str) -> Failure {
    let what = format!("{:?} is no path that an artifact may have", words(path.as_bytes()));
    Failure::new(FailureCode::Invalid, what).hint("Nothing was written. Ask who keeps the registry.")
}

/// Without a user and a password.
fn shown(uri: &str) -> String {
    let Ok(mut url) = Url::parse(uri) else { return uri.to_owned() };
    if url.username().is_empty() && url.password().is_none() && url.query().is_none() {
        return uri.to_owned();
    }
    url.set_query(None);
    let cleaned = url.set_username("").and_then(|()| url.set_password(None));
    if cleaned.is_ok() { url.to_string() } else { format!("{}:…", url.scheme()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Result<Place, Failure> {
        Place::of(uri, &Url::parse("http://ml.example:5000/x/").expect("a URL"))
    }

    #[test]
    fn known_forms_are_followed() {
        let proxied = |path: &str| Place::Proxied(path.into());
        for (uri, place) in [
            ("mlflow-artifacts:/1/r/artifacts/model", proxied("1/r/artifacts/model")),
            ("mlflow-artifacts:/1/r/artifacts/model/", proxied("1/r/artifacts/model")),
            ("mlflow-artifacts:///1/sub dir é", proxied("1/sub dir é")),
            ("mlflow-artifacts://ml.example/1/r", proxied("1/r")),
            ("mlflow-artifacts://ml.example:5000/1/r", proxied("1/r")),
            ("http://ml.example:5000/x/api/2.0/mlflow-artifacts/artifacts/1/r", proxied("1/r")),
            ("runs:/abc/model/sub", Place::Run { run: "abc".into(), path: "model/sub".into() }),
            ("models:/m-12", Place::Logged("m-12".into())),
            ("models:/iris/4", Place::Registered { model: "iris".into(), version: "4".into() }),
        ] {
            assert_eq!(of(uri).expect(uri), place);
        }
    }

    #[cfg(unix)]
    #[test]
    fn local_paths_are_absolute() {
        assert_eq!(of("/srv/m").expect("a path"), Place::Local("/srv/m".into()));
        assert_eq!(of("file:///srv/a%20b").expect("a path"), Place::Local("/srv/a b".into()));
        for bad in ["/srv/../etc", "srv/m", "./m", "file://other/srv"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_leads_up_or_elsewhere() {
        for bad in [
            "",
            "mlflow-artifacts:/",
            "mlflow-artifacts:/1/../../etc",
            "mlflow-artifacts:/1/..%2f..%2fetc",
            "mlflow-artifacts:/1//x",
            "mlflow-artifacts:/1/a\\b",
            "mlflow-artifacts:/1/C:x",
            "mlflow-artifacts://other:5000/1/r",
            "mlflow-artifacts://ml.example:6000/1/r",
            "http://other:5000/api/2.0/mlflow-artifacts/artifacts/1",
            "http://ml.example:5000/elsewhere",
            "s3://bucket/m",
            "runs:/abc",
            "runs:/../x",
            "runs:/abc/../x",
            "models:/iris@champion",
            "models:/iris/latest",
            "models:/../4",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
        let failure = of("s3://ada:hunter2@bucket/m?sig=hunter2").expect_err("elsewhere");
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
