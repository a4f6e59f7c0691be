//! What comes back, and what it means when it is not what was asked for.

use std::error::Error as _;
use std::io;
use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use signalbox_release::{Failure, FailureCode};

use super::Said;

/// A good answer.
pub struct Reply {
    pub body: Vec<u8>,
    /// What came, also where it was not kept in `body`.
    pub bytes: u64,
    pub headers: header::HeaderMap,
}

impl Reply {
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self, place: &str) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| {
            Failure::new(FailureCode::Server, format!("{place} answers what is no JSON: {}", words(&self.body)))
                .hint("Is this the server's own address, and no login page before it?")
        })
    }
}

/// A request that did not get its answer.
pub struct Broken {
    pub failure: Failure,
    /// The server may have done it.
    pub sent: bool,
    pub again: Again,
    /// How the server wants to be told who we are (`WWW-Authenticate`), if that is why.
    pub challenges: Option<Box<Challenges>>,
}

/// The values of `WWW-Authenticate`.
pub struct Challenges(pub Vec<String>);

/// Whether asking again may help.
#[derive(Clone, Copy)]
pub enum Again {
    No,
    /// `after`: what the server asked for.
    Yes {
        after: Option<Duration>,
    },
}

/// More of a refusal than this is not read.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;

impl Broken {
    /// It failed on this machine, before anything was sent.
    pub fn here(failure: Failure) -> Broken {
        Broken { failure, sent: false, again: Again::No, challenges: None }
    }

    pub fn of_error(place: &str, error: &reqwest::Error) -> Broken {
        if error.is_builder() {
            return Broken::here(Failure::new(FailureCode::Local, format!("{place}: {}", cause(error))));
        }
        if error.is_connect() {
            let failure =
                Failure::new(FailureCode::Unreachable, format!("nobody answers at {place}: {}", cause(error)))
                    .hint("Is the server running, and is its address right?");
            return Broken { failure, sent: false, again: Again::Yes { after: None }, challenges: None };
        }
        let failure =
            Failure::new(FailureCode::TimedOut, format!("the answer from {place} was lost: {}", cause(error)));
        Broken { failure, sent: true, again: Again::Yes { after: None }, challenges: None }
    }

    fn of_status(place: &str, status: StatusCode, after: Option<Duration>, body: &[u8]) -> Broken {
        let raw: Option<Value> = serde_json::from_slice(body).ok();
        let said = raw.as_ref().and_then(|raw| {
            let said = ["message", "error", "detail"].into_iter().find_map(|key| raw.get(key)?.as_str());
            said.map(|said| words(said.as_bytes()))
        });
        let said = said.unwrap_or_else(|| words(body));
        let (code, hint) = match status.as_u16() {
            401 => (FailureCode::Denied, Some("Check the user and the password, or the token.")),
            403 => (FailureCode::Denied, Some("Ask for the permission, or use another account.")),
            404 | 410 => (FailureCode::NotFound, None),
            408 => (FailureCode::TimedOut, None),
            409 | 412 => (FailureCode::Conflict, None),
            429 => (FailureCode::Busy, Some("Wait a while.")),
            400..=499 => (FailureCode::Invalid, None),
            503 => (FailureCode::Busy, Some("Wait a while.")),
            _ => (FailureCode::Server, None),
        };
        let colon = if said.is_empty() { "" } else { ": " };
        let mut failure = Failure::new(code, format!("{place} answers {}{colon}{said}", status.as_u16()));
        if let Some(hint) = hint {
            failure = failure.hint(hint);
        }
        if let Some(raw) = raw {
            failure = failure.raw(raw);
        }
        let again = match status.as_u16() {
            429 | 502 | 503 | 504 => Again::Yes { after },
            _ => Again::No,
        };
        Broken {
            failure,
            sent: status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT,
            again,
            challenges: None,
        }
    }

    fn of_redirect(place: &str, to: Option<&str>) -> Broken {
        // Without what a server may have put into its own address.
        let to = to.and_then(|to| reqwest::Url::parse(to).ok()).map(|to| to.origin().ascii_serialization());
        let to = to.map_or_else(|| "another address".to_owned(), |to| words(to.as_bytes()));
        let failure = Failure::new(FailureCode::Invalid, format!("{place} sends this request on to {to}"))
            .hint("Name that address instead, if it is the server's.");
        Broken { failure, sent: false, again: Again::No, challenges: None }
    }
}

/// Reads an answer: a good one's body into `sink`, up to `max_bytes`; of any other, what it says.
pub async fn receive(
    place: &str,
    mut answer: Response,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    max_bytes: u64,
) -> Result<Reply, Broken> {
    let status = answer.status();
    if status.is_redirection() {
        return Err(Broken::of_redirect(place, text_of(&answer, header::LOCATION)));
    }
    if !status.is_success() {
        let after = text_of(&answer, header::RETRY_AFTER).and_then(|text| wait_of(text, SystemTime::now()));
        let mut body = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            body.extend_from_slice(&piece);
            if body.len() as u64 > MAX_REFUSAL_BYTES {
                break;
            }
        }
        let mut broken = Broken::of_status(place, status, after, &body);
        broken.challenges = challenges(&answer);
        return Err(broken);
    }
    let mut bytes = 0;
    let headers = answer.headers().clone();
    while let Some(piece) = answer.chunk().await.map_err(|e| Broken::of_error(place, &e))? {
        bytes += piece.len() as u64;
        if bytes > max_bytes {
            let failure = Failure::new(FailureCode::Server, format!("{place} answers more than {max_bytes} bytes"));
            return Err(Broken { failure, sent: true, again: Again::No, challenges: None });
        }
        let full = |e| Failure::new(FailureCode::Local, format!("the answer cannot be kept: {e}"));
        sink(&piece).map_err(full).map_err(|failure| Broken {
            failure,
            sent: true,
            again: Again::No,
            challenges: None,
        })?;
    }
    Ok(Reply { body: Vec::new(), bytes, headers })
}

/// How the server wants to be told who we are, if it does not know.
fn challenges(answer: &Response) -> Option<Box<Challenges>> {
    let texts = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
    let texts = texts.filter_map(|text| text.to_str().ok()).map(str::to_owned);
    (answer.status() == StatusCode::UNAUTHORIZED).then(|| Box::new(Challenges(texts.collect())))
}

/// Reads an answer of any status but a redirect.
pub async fn said(
    place: &str,
    mut answer: Response,
    max_bytes: u64,
) -> Result<(Said, Option<Box<Challenges>>), Broken> {
    let status = answer.status();
    if status.is_redirection() {
        return Err(Broken::of_redirect(place, text_of(&answer, header::LOCATION)));
    }
    let challenges = challenges(&answer);
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|e| Broken::of_error(place, &e))? {
        if (body.len() + piece.len()) as u64 > max_bytes {
            let failure = Failure::new(FailureCode::Server, format!("{place} answers more than {max_bytes} bytes"));
            return Err(Broken { failure, sent: true, again: Again::No, challenges: None });
        }
        body.extend_from_slice(&piece);
    }
    Ok((Said { status: status.as_u16(), body }, challenges))
}

fn text_of(answer: &Response, name: header::HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn wait_of(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(secs) = text.trim().parse::<u32>() {
        return Some(Duration::from_secs(secs.into()));
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The innermost cause: what the system said. Addresses are left out, as they may hold a secret.
fn cause(error: &reqwest::Error) -> String {
    let mut inner = error.source();
    while let Some(next) = inner.and_then(|inner| inner.source()) {
        inner = Some(next);
    }
    inner.map_or_else(|| "it broke off".to_owned(), |inner| words(inner.to_string().as_bytes()))
}

/// The first 200 characters of what a server said, on one line, without what a terminal or a page would obey.
pub fn words(bytes: &[u8]) -> String {
    const MAX_CHARS: usize = 200;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(8 * MAX_CHARS)]);
    let shown = |c: char| !(matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| shown(*c)));
    }
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_shown_on_one_short_line() {
        assert_eq!(words(b" no\r\n\x1b[31msuch\t\x00 thing\n"), "no [31msuch thing");
        assert_eq!(words("a\u{202e}b \u{e9}\u{fffd}".as_bytes()), "ab é\u{fffd}");
        let long = words("é".repeat(5000).as_bytes());
        assert_eq!(long.chars().count(), 201);
        assert!(long.ends_with('…'));
        assert_eq!(words(b""), "");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(wait_of("7", now), Some(Duration::from_secs(7)));
        assert_eq!(wait_of(" Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(wait_of("Sun, 06 Nov 1994 08:49:29 GMT", now), Some(Duration::ZERO));
        for odd in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(wait_of(odd, now), None, "{odd}");
        }
    }
}
