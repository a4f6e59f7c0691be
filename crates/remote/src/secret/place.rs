//! Whom a secret is for: one kind of system at one origin. A secret that was given for one origin is never told to
//! another, whatever a project's file says.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use signalbox_release::{Failure, FailureCode};

/// Git and Kubernetes are none: git's own helpers and the kubeconfig say who we are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Mlflow,
    /// A container registry.
    Oci,
    Ray,
    /// The V2 protocol: MLServer, Triton.
    V2,
    Prometheus,
    /// What counts tables where they lie: Postgres, ClickHouse, Spark Connect.
    Database,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Mlflow, Kind::Oci, Kind::Ray, Kind::V2, Kind::Prometheus, Kind::Database];

    /// As it is written in files and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Mlflow => "mlflow",
            Kind::Oci => "oci",
            Kind::Ray => "ray",
            Kind::V2 => "v2",
            Kind::Prometheus => "prometheus",
            Kind::Database => "database",
        }
    }
}

impl FromStr for Kind {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Kind, Failure> {
        // The word is not repeated: it may be a secret in the wrong field.
        Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
            let all = Kind::ALL.map(Kind::word).join(", ");
            Failure::new(FailureCode::Invalid, format!("that is none of the kinds of system: {all}"))
        })
    }
}

/// Far more than any account's name.
const MAX_ACCOUNT_BYTES: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    kind: Kind,
    origin: String,
    account: Option<String>,
}

impl Place {
    /// `url`: any address at the system; of it only scheme, host and port are kept. A registry may be named without a
    /// scheme, as Docker does; that is `https`.
    /// A database has schemes of its own, and its port is always named: `postgres://host:port`, `sc://host:port`.
    /// `account`: the user of a password. Without one, a stored secret is a token, and any account is looked for.
    pub fn new(kind: Kind, url: &str, account: Option<&str>) -> Result<Place, Failure> {
        // Neither is repeated: the address may hold a password, and the fields may have been mixed up.
        let bad = |what: &str| Failure::new(FailureCode::Invalid, what);
        let text = url.trim();
        let full = if kind == Kind::Oci && !text.contains("://") { format!("https://{text}") } else { text.to_owned() };
        let address = match kind {
            Kind::Database => "a database's address is postgres://, http://, https:// or sc://, a host and a port",
            _ => "a system's address is http:// or https://, a host, and perhaps a port",
        };
        let url = Url::parse(&full).map_err(|_| bad(address))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad(address));
        }
        let origin = match (kind, url.scheme()) {
            // Whoever asks it knows what host and port its addresses mean: here they stand as they are dialled.
            (Kind::Database, scheme @ ("postgres" | "sc" | "http" | "https")) => {
                let port = url.port_or_known_default().ok_or_else(|| bad(address))?;
                format!("{scheme}://{}:{port}", url.host_str().unwrap_or_default())
            }
            (Kind::Database, _) => return Err(bad(address)),
            (_, "http" | "https") => url.origin().ascii_serialization(),
            _ => return Err(bad(address)),
        };
        let account = account.map(str::trim).filter(|account| !account.is_empty());
        if account.is_some_and(|a| a.len() > MAX_ACCOUNT_BYTES || a.contains(char::is_control) || a.contains(':')) {
            return Err(bad("a user's name is one short line without a colon"));
        }
        Ok(Place { kind, origin, account: account.map(str::to_owned) })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `https://host:port`; a port that is the scheme's own is left out.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    pub(crate) fn url(&self) -> Url {
        Url::parse(&self.origin).expect("BUG: an origin is a URL")
    }

    /// `host:port`; the port only if it is not the scheme's own.
    pub(crate) fn authority(&self) -> &str {
        self.origin.split_once("://").expect("BUG: an origin has a scheme").1
    }

    /// Nobody listens on the way: it is encrypted, or does not leave this machine.
    pub(crate) fn is_private(&self) -> bool {
        self.origin.starts_with("https://") || crate::http::is_this_machine(&self.url())
    }

    /// An address in a tool's own words names the same origin.
    pub(crate) fn is_named_by(&self, address: &str) -> bool {
        Url::parse(address.trim()).is_ok_and(|url| url.origin().ascii_serialization() == self.origin)
    }

    /// The name under which it is kept. Neither kind nor origin can hold a space.
    pub(crate) fn key(&self) -> String {
        let account = self.account.as_ref().map(|account| format!(" {account}")).unwrap_or_default();
        format!("{} {}{account}", self.kind.word(), self.origin)
    }

    pub(crate) fn of_key(key: &str) -> Option<Place> {
        let mut parts = key.splitn(3, ' ');
        let place = Place::new(parts.next()?.parse().ok()?, parts.next()?, parts.next()).ok()?;
        (place.key() == key).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some(account) => write!(f, "{account} at {}", self.origin),
            None => f.write_str(&self.origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_origin() {
        let origin = |kind, url| Place::new(kind, url, None).expect(url).origin().to_owned();
        assert_eq!(origin(Kind::Mlflow, " HTTPS://Ada:hunter2@ML.Example:443/x?y#z "), "https://ml.example");
        assert_eq!(origin(Kind::Ray, "http://[::1]:8265/"), "http://[::1]:8265");
        assert_eq!(origin(Kind::Oci, "ghcr.io/team/model"), "https://ghcr.io");
        assert_eq!(origin(Kind::Oci, "localhost:5000"), "https://localhost:5000");
        assert_eq!(origin(Kind::V2, "http://bücher.example"), "http://xn--bcher-kva.example");
        assert_eq!(origin(Kind::Database, "postgres://db.example:5432"), "postgres://db.example:5432");
        assert_eq!(origin(Kind::Database, "https://ch.example:443"), "https://ch.example:443");
        for bad in ["postgres:///app", "mysql://h:1", "postgres://", "postgres://h", "sc://h/x"] {
            assert!(Place::new(Kind::Database, bad, None).is_err(), "{bad}");
        }
        assert!(Place::new(Kind::Mlflow, "postgres://h", None).is_err());
        for bad in ["", "host", "file:///etc/passwd", "http://", "javascript:1", "https://a b/", "http://a\u{0}b/"] {
            assert!(Place::new(Kind::Mlflow, bad, None).is_err(), "{bad}");
        }
        let failure = Place::new(Kind::Mlflow, "https://ada:hunter2@:80", None).expect_err("no host");
        assert!(!failure.message.contains("hunter2"), "{failure}");
        for bad in ["a\nb", "a:b", &"x".repeat(300), "\u{1b}[31m"] {
            assert!(Place::new(Kind::Mlflow, "http://h", Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_a_place_again() {
        for account in [None, Some("ada"), Some("ada lovelace <a@b>")] {
            let place = Place::new(Kind::Prometheus, "https://h:9090", account).expect("a place");
            assert_eq!(Place::of_key(&place.key()), Some(place));
            for url in ["postgres://h:5432", "https://h:443", "http://127.0.0.1:8123", "sc://[::1]:15002"] {
                let place = Place::new(Kind::Database, url, account).expect(url);
                assert_eq!(Place::of_key(&place.key()), Some(place), "{url}");
            }
        }
        for odd in ["", "mlflow", "mlflow http://h/x", "mlflow http://h:80", "what https://h", "mlflow https://h "] {
            assert_eq!(Place::of_key(odd), None, "{odd}");
        }
    }
}
