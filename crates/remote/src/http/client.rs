//! The client below: whom it trusts, where it goes, what it follows.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity, Url, redirect};
use signalbox_release::{Failure, FailureCode};

use crate::secret::{Auth, Secret};

/// So long a server may take to take a connection. Past that nobody is there, and nothing was sent.
const CONNECT: Duration = Duration::from_secs(5);
const MAX_REDIRECTS: usize = 5;

/// An address without its secrets, and who it says that we are.
pub fn base(address: &str) -> Result<(Url, Option<Auth>), Failure> {
    // The address is not repeated: it may hold a password.
    let bad = || Failure::new(FailureCode::Invalid, "a server's address is http:// or https://, a host, and a path");
    let mut url = Url::parse(address.trim()).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad());
    }
    let own = own_auth(&url);
    url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| bad())?;
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok((url, own))
}

fn own_auth(url: &Url) -> Option<Auth> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let password = Secret::new(percent_decoded(url.password().unwrap_or("")));
    Some(Auth::Basic { user: percent_decoded(url.username()), password })
}

/// `%40` is `@`. What is no Unicode then stays as it is.
fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Whom a client believes, and who it is itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trust {
    /// A PEM file with authorities to trust besides the system's.
    pub besides: Option<PathBuf>,
    /// Authorities in PEM form to trust instead of the system's.
    pub only: Option<Vec<u8>>,
    /// Our own certificate and its key, in PEM form.
    pub identity: Option<Secret>,
    /// Whoever answers is believed. Only where a person has written so.
    pub anyone: bool,
}

pub fn reads(base: &Url, trust: &Trust) -> Result<Client, Failure> {
    let own = base.origin();
    let stays = redirect::Policy::custom(move |next| {
        if next.url().origin() == own && next.previous().len() <= MAX_REDIRECTS { next.follow() } else { next.stop() }
    });
    built(common(base, trust)?.redirect(stays))
}

/// Follows to other addresses too, with TLS; what proves who we are stays behind (reqwest takes it off where host or
/// port differ).
pub fn handed_on(base: &Url, trust: &Trust) -> Result<Client, Failure> {
    let own = base.clone();
    let policy = redirect::Policy::custom(move |next| {
        let to = next.url();
        let is_safe = to.scheme() == "https" || to.origin() == own.origin();
        let is_here = is_this_machine(&own) && is_this_machine(to);
        if (is_safe || is_here) && next.previous().len() <= MAX_REDIRECTS { next.follow() } else { next.stop() }
    });
    built(common(base, trust)?.redirect(policy))
}

/// Follows nothing: a `POST` that is sent on arrives as a `GET`.
pub fn changes(base: &Url, trust: &Trust) -> Result<Client, Failure> {
    built(common(base, trust)?.redirect(redirect::Policy::none()).pool_max_idle_per_host(0))
}

fn common(base: &Url, trust: &Trust) -> Result<ClientBuilder, Failure> {
    // If another part of the process has chosen already, its choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .retry(reqwest::retry::never());
    if is_this_machine(base) {
        // No proxy can reach what only this machine can.
        builder = builder.no_proxy();
    }
    if let Some(path) = &trust.besides {
        let bad = |e: String| {
            Failure::new(FailureCode::Local, format!("{}: {e}", path.display()))
                .hint("It must be a file of certificates in PEM form.")
        };
        let pem = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
        let found = Certificate::from_pem_bundle(&pem).map_err(|_| bad("no certificate can be read from it".into()))?;
        builder = builder.tls_certs_merge(found);
    }
    let bad = |what: &str| Failure::new(FailureCode::Local, format!("{what} for {base} cannot be read"));
    if let Some(pem) = &trust.only {
        let found = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
        builder = builder.tls_certs_only(found.ok_or_else(|| bad("the authorities"))?);
    }
    if let Some(pem) = &trust.identity {
        let found = Identity::from_pem(pem.reveal().as_bytes());
        builder = builder.identity(found.map_err(|_| bad("our certificate or its key"))?);
    }
    Ok(builder.tls_danger_accept_invalid_certs(trust.anyone))
}

fn built(builder: ClientBuilder) -> Result<Client, Failure> {
    builder.build().map_err(|e| Failure::new(FailureCode::Local, format!("HTTP cannot be used here: {e}")))
}

pub fn is_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Between 1 and 1.25: never less than a server asked for, and not all at once.
pub fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0) >> 11;
    1.0 + 0.25 * (random as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_up_its_secrets() {
        let (url, auth) = base("https://ada:p%40ss%zz@host:8443/mlflow?x=1#y").expect("an address");
        assert_eq!(url.as_str(), "https://host:8443/mlflow/");
        assert_eq!(auth, Some(Auth::Basic { user: "ada".into(), password: Secret::new("p@ss%zz") }));
        assert_eq!(base("http://host").expect("an address"), (Url::parse("http://host/").expect("a URL"), None));
        for bad in ["", "host:5000", "ftp://ada:hunter2@host/", "http://", "file:///etc", "http://ada:hunter2@:80/"] {
            let failure = base(bad).expect_err(bad);
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (address, is) in
            [("http://127.0.0.1:1", true), ("http://[::1]/", true), ("http://localhost/", true), ("http://a.b/", false)]
        {
            assert_eq!(is_this_machine(&Url::parse(address).expect("a URL")), is, "{address}");
        }
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        for _ in 0..1000 {
            assert!((1.0..=1.25).contains(&jitter()));
        }
    }
}
