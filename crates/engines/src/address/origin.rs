//! For whom a password is kept: scheme, host and port of an engine, the port also where it is the usual one.

use reqwest::Url;

use super::{Address, is_loopback};
use crate::Engine;

impl Address {
    /// As in `postgres://db.example:5432`, of what is dialled. `None`: a socket of this machine, for which nothing is kept.
    pub fn origin(&self) -> Option<String> {
        let scheme = match (self.engine, self.tls) {
            (Engine::Postgres, _) => "postgres",
            (Engine::ClickHouse, true) => "https",
            (Engine::ClickHouse, false) => "http",
            (Engine::Spark, _) => "sc",
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if host.starts_with('/') { None } else { origin_of(scheme, &host, self.port) }
    }
}

/// Of whatever a person writes: an engine's whole URL, or its beginning. `None`: it is none, or names no host.
pub fn origin(text: &str) -> Option<String> {
    let text = text.trim();
    // The parser of known schemes passes over slashes: `https:///app` would be the host `app`.
    let (scheme, rest) = text.split_once("://").filter(|(_, rest)| !rest.starts_with(['/', '\\']))?;
    let known = Url::parse(&format!("https://{rest}")).ok()?;
    let host = known.host_str()?;
    let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
        "postgres" | "postgresql" => ("postgres", 5432),
        "sc" => ("sc", 15002),
        "http" => ("http", 8123),
        "clickhouse" if is_loopback(host) => ("http", 8123),
        "https" | "clickhouse" => ("https", 8443),
        _ => return None,
    };
    origin_of(scheme, host, named_port(text).unwrap_or(usual))
}

/// Hosts of schemes that the parser does not know are not made alike by it: it is asked by one that it does.
fn origin_of(scheme: &str, host: &str, port: u16) -> Option<String> {
    let known = Url::parse(&format!("https://{host}/")).ok()?;
    Some(format!("{scheme}://{}:{port}", known.host_str()?))
}

/// As it is written: a parser leaves out the one that it thinks is usual.
pub(super) fn named_port(text: &str) -> Option<u16> {
    let rest = text.split_once("://")?.1;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (before, port) = place.rsplit_once(':')?;
    // Within brackets colons are the host's.
    if before.starts_with('[') && !before.ends_with(']') { None } else { port.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dialled_is_what_a_password_is_kept_for() {
        for (text, wanted) in [
            ("postgresql://Ada@DB.Example/app", Some("postgres://db.example:5432")),
            ("postgres://127.1:6543/app", Some("postgres://127.0.0.1:6543")),
            ("postgres://[::1]/app", Some("postgres://[::1]:5432")),
            ("postgres:///app", None),
            ("https://ch.example/logs", Some("https://ch.example:8443")),
            ("https://ch.example:443/logs", Some("https://ch.example:443")),
            ("clickhouse://me@CH.example", Some("https://ch.example:8443")),
            ("clickhouse://localhost", Some("http://localhost:8123")),
            ("sc://localhost", Some("sc://localhost:15002")),
            ("sc://spark.example:443/;use_ssl=true", Some("sc://spark.example:443")),
        ] {
            assert_eq!(Address::parse(text).expect(text).origin().as_deref(), wanted, "{text}");
            assert_eq!(origin(text).as_deref(), wanted, "{text}");
        }
        let other = Address::parse("postgres:///app?hostaddr=203.0.113.5").expect("an address");
        assert_eq!(other.origin().as_deref(), Some("postgres://203.0.113.5:5432"));
        // A beginning is enough, and itself.
        for text in ["sc://spark.example:443", "https://h:443", "http://h:80", "postgres://[::1]:5432"] {
            assert_eq!(origin(text).as_deref(), Some(text));
        }
        for none in ["", "db.example", "mysql://h", "postgres://", "postgres://a b"] {
            assert_eq!(origin(none), None, "{none}");
        }
    }
}
