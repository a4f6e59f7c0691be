//! Who is let in. Every request passes here, and every response gets its protective headers.
//!
//! - Host and Origin: a page of another site can make a browser send requests here, and by DNS rebinding even under
//!   a name of its own. It cannot make the browser lie about either header.
//! - The token: other users and programs of this machine can connect to loopback.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::token::Token;

/// The window's policy, with the server in the place of Tauri's IPC.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' blob: data:; media-src blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// What the door knows.
pub struct Door {
    pub port: u16,
    pub token: Token,
}

impl Door {
    /// Cookies do not tell ports apart, so the name does: two servers of one person do not log each other out.
    fn cookie_name(&self) -> String {
        format!("signalbox-{}", self.port)
    }

    /// A name of this machine's loopback with our port.
    fn is_us(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let name = authority.host();
        let bare = !authority.as_str().contains('@');
        bare && ["127.0.0.1", "localhost", "[::1]"].iter().any(|us| us.eq_ignore_ascii_case(name))
            && authority.port_u16().unwrap_or(80) == self.port
    }

    fn host_is_us(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let in_line = uri.authority().is_none_or(|a| self.is_us(a.as_str()));
        in_line && host.to_str().is_ok_and(|h| self.is_us(h))
    }

    fn origin_is_us(&self, headers: &HeaderMap) -> bool {
        let ours = |o: &HeaderValue| {
            o.to_str().ok().and_then(|o| o.strip_prefix("http://")).is_some_and(|authority| self.is_us(authority))
        };
        headers.get_all(header::ORIGIN).iter().all(ours)
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookie = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|h| h.to_str().ok())
            .flat_map(|h| h.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(key, value)| key == name && self.token.is(value));
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|h| h.to_str().ok())
            .and_then(|h| h.strip_prefix("Bearer "))
            .is_some_and(|said| self.token.is(said.trim()));
        cookie || bearer
    }

    /// `/?token=…`, as printed at the start.
    fn brings_token(&self, method: &Method, uri: &Uri) -> bool {
        let mut pairs = uri.query().unwrap_or("").split('&').filter_map(|p| p.split_once('='));
        method == Method::GET && uri.path() == "/" && pairs.any(|(key, value)| key == "token" && self.token.is(value))
    }

    /// The cookie takes the token's place, so that it does not stay in the address bar.
    fn welcome(&self) -> Response {
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.token.text());
        let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// Lets a request through to the page and the commands, or answers it here.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let mut response = if !door.host_is_us(request.uri(), headers) {
        (StatusCode::FORBIDDEN, "This server answers on its loopback address only.\n").into_response()
    } else if !door.origin_is_us(headers) {
        (StatusCode::FORBIDDEN, "Pages of other sites may not ask this server.\n").into_response()
    } else if door.brings_token(request.method(), request.uri()) {
        door.welcome()
    } else if !door.knows(headers) {
        (StatusCode::UNAUTHORIZED, "Open the address that `signalbox serve` printed, with its token.\n").into_response()
    } else {
        next.run(request).await
    };
    protect(response.headers_mut());
    response
}

fn protect(headers: &mut HeaderMap) {
    const ALWAYS: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_with_our_port_are_us() {
        let door = Door { port: 4100, token: Token::new().expect("randomness") };
        for us in ["127.0.0.1:4100", "localhost:4100", "LOCALHOST:4100", "[::1]:4100"] {
            assert!(door.is_us(us), "{us}");
        }
        for other in [
            "127.0.0.1",
            "127.0.0.1:4101",
            "evil.example:4100",
            "127.0.0.1.evil.example:4100",
            "localhost.evil:4100",
            "127.0.0.1:4100@evil.example",
            "user@127.0.0.1:4100",
            "0.0.0.0:4100",
            "[::2]:4100",
            "",
            "::1:4100",
            "127.1:4100",
        ] {
            assert!(!door.is_us(other), "{other}");
        }
        let on_80 = Door { port: 80, ..door };
        assert!(on_80.is_us("localhost") && !on_80.is_us("localhost:4100"));
    }

    #[test]
    fn an_origin_is_absent_or_ours() {
        let door = Door { port: 4100, token: Token::new().expect("randomness") };
        let with = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            door.origin_is_us(&headers)
        };
        assert!(door.origin_is_us(&HeaderMap::new()));
        assert!(with("http://127.0.0.1:4100"));
        for other in ["null", "https://127.0.0.1:4100", "http://evil.example", "http://127.0.0.1:9", "file://", ""] {
            assert!(!with(other), "{other}");
        }
    }
}
