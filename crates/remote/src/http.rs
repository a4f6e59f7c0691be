//! One server over HTTP.
//!
//! Reading is tried again where that may help. A change is sent once: if nobody can tell whether it arrived, that is
//! what is said ([`Lost::Unknown`]), and the caller looks. What proves who we are goes to the server's own address
//! only; redirects elsewhere are not followed.

mod answer;
mod client;
mod patience;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Url, header};
use serde_json::Value;
use signalbox_release::{Failure, FailureCode, Outcome, Request};

pub use answer::words;
use answer::{Again, Broken, Reply};
pub use client::Trust;
pub use patience::Patience;

use crate::secret::Auth;

/// A request as it will be made, without what proves who we are.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    verb: Method,
    to: Url,
    body: Body,
    /// Of a JSON body, where it is not plain JSON.
    content_type: &'static str,
    /// The name that the server is asked for, where it is not that of its address.
    host: Option<String>,
    repeatable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    None,
    Json(Value),
    /// The bytes of a file.
    File(PathBuf),
}

impl Call {
    fn new(verb: Method, to: Url, body: Body) -> Call {
        Call { verb, to, body, content_type: "application/json", host: None, repeatable: false }
    }

    /// Asks for another name than the address has: an ingress tells services apart by it.
    pub fn for_host(mut self, host: &str) -> Call {
        self.host = Some(host.to_owned());
        self
    }

    /// Doing it twice is as doing it once: it may be tried again like a reading.
    pub fn repeatable(mut self) -> Call {
        self.repeatable = true;
        self
    }

    /// For a person, before it is made.
    pub fn shown(&self) -> Request {
        let body = match &self.body {
            Body::None => None,
            Body::Json(body) => Some(body.clone()),
            Body::File(path) => Some(Value::from(path.display().to_string())),
        };
        Request { verb: self.verb.to_string(), to: self.to.to_string(), body }
    }
}

/// Why a change is not known to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    Refused(Failure),
    Unknown(Failure),
}

impl Lost {
    pub fn failure(self) -> Failure {
        match self {
            Lost::Refused(failure) | Lost::Unknown(failure) => failure,
        }
    }
}

/// What fails before the change is sent leaves it undone.
impl From<Failure> for Lost {
    fn from(failure: Failure) -> Lost {
        Lost::Refused(failure)
    }
}

impl From<Lost> for Outcome {
    fn from(lost: Lost) -> Outcome {
        match lost {
            Lost::Refused(failure) => Outcome::Refused(failure),
            Lost::Unknown(failure) => Outcome::Unknown(failure),
        }
    }
}

/// How often what may be repeated is tried again.
const RETRIES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Far above any list of models, far below what would fill the memory.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

pub struct Http {
    /// Without userinfo, query and fragment; its path ends with `/`.
    base: Url,
    auth: Box<dyn Fn() -> Auth + Send + Sync>,
    /// Keeps connections.
    reads: Client,
    /// A connection per request: on a kept one, which the server may be closing just now, nobody could tell whether a
    /// change arrived.
    changes: Client,
}

impl Http {
    /// `address`: `https://host:port/path`. If it holds a user and a password, they are taken out of it and used.
    /// `auth` is asked at each request. `ca`: a PEM file with authorities to trust besides the system's.
    pub fn new(
        address: &str,
        auth: impl Fn() -> Auth + Send + Sync + 'static,
        ca: Option<&Path>,
    ) -> Result<Http, Failure> {
        Http::trusting(address, auth, &Trust { besides: ca.map(Path::to_path_buf), ..Trust::default() })
    }

    /// The same; `trust` says whom we believe, and who we are.
    pub fn trusting(
        address: &str,
        auth: impl Fn() -> Auth + Send + Sync + 'static,
        trust: &Trust,
    ) -> Result<Http, Failure> {
        let (base, own) = client::base(address)?;
        let (reads, changes) = (client::reads(&base, trust)?, client::changes(&base, trust)?);
        let auth = move || own.clone().unwrap_or_else(&auth);
        Ok(Http { base, auth: Box::new(auth), reads, changes })
    }

    /// Where the server is, for a person.
    pub fn place(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// `path`: below the server's address, parts separated by `/`, not encoded.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> Call {
        let mut to = self.below(path);
        if !query.is_empty() {
            to.query_pairs_mut().extend_pairs(query);
        }
        Call::new(Method::GET, to, Body::None).repeatable()
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        Call::new(Method::POST, self.below(path), Body::Json(body))
    }

    /// `content_type`: what kind of JSON says what is changed.
    pub fn patch(&self, path: &str, query: &[(&str, &str)], content_type: &'static str, body: Value) -> Call {
        let mut to = self.below(path);
        to.query_pairs_mut().extend_pairs(query);
        Call { content_type, ..Call::new(Method::PATCH, to, Body::Json(body)) }
    }

    pub fn delete(&self, path: &str, body: Value) -> Call {
        Call::new(Method::DELETE, self.below(path), Body::Json(body))
    }

    /// Putting the same bytes again changes nothing.
    pub fn put(&self, path: &str, file: &Path) -> Call {
        Call::new(Method::PUT, self.below(path), Body::File(file.to_path_buf())).repeatable()
    }

    /// Reads JSON.
    pub fn read(&self, call: &Call, patience: &Patience) -> Result<Value, Failure> {
        let reply = self.repeated(&self.reads, call, patience).map_err(Lost::failure)?;
        reply.json(&self.place())
    }

    /// Reads text; at most a line of it, for a person.
    pub fn read_words(&self, call: &Call, patience: &Patience) -> Result<String, Failure> {
        let reply = self.repeated(&self.reads, call, patience).map_err(Lost::failure)?;
        Ok(words(&reply.body))
    }

    /// Changes something, and reads what the server says to it: JSON, or nothing.
    pub fn change(&self, call: &Call, patience: &Patience) -> Result<Value, Lost> {
        let reply = self.repeated(&self.changes, call, patience)?;
        if reply.body.is_empty() {
            return Ok(Value::Null);
        }
        // A proxy or a login page may have answered in the server's place.
        reply.json(&self.place()).map_err(Lost::Unknown)
    }

    /// Reads into a file that is made anew; gives its length. More than `max_bytes` is refused.
    pub fn download(&self, call: &Call, to: &Path, max_bytes: u64, patience: &Patience) -> Result<u64, Failure> {
        let local = |e: std::io::Error| Failure::new(FailureCode::Local, format!("{}: {e}", to.display()));
        let mut tries = 0;
        loop {
            let mut file = std::fs::File::create(to).map_err(local)?;
            let got = self.once(&self.reads, call, patience, &mut |bytes| file.write_all(bytes), max_bytes);
            let broken = match got {
                Ok(reply) => return Ok(reply.bytes),
                Err(broken) => broken,
            };
            self.before_again(&broken, tries, patience)?;
            tries += 1;
        }
    }

    fn below(&self, path: &str) -> Url {
        let mut to = self.base.clone();
        let mut parts = to.path_segments_mut().expect("BUG: an http address has a path");
        parts.pop_if_empty().extend(path.split('/'));
        drop(parts);
        to
    }

    /// Makes a call, and again where that is allowed and may help.
    fn repeated(&self, client: &Client, call: &Call, patience: &Patience) -> Result<Reply, Lost> {
        let (mut tries, mut perhaps_done) = (0, false);
        loop {
            patience.check().map_err(|failure| lost(perhaps_done, failure))?;
            let mut body = Vec::new();
            let mut sink = |bytes: &[u8]| {
                body.extend_from_slice(bytes);
                Ok(())
            };
            let broken = match self.once(client, call, patience, &mut sink, MAX_ANSWER_BYTES) {
                Ok(reply) => return Ok(Reply { body, ..reply }),
                Err(broken) => broken,
            };
            perhaps_done |= broken.sent;
            if !call.repeatable {
                return Err(lost(perhaps_done, broken.failure));
            }
            self.before_again(&broken, tries, patience).map_err(|failure| lost(perhaps_done, failure))?;
            tries += 1;
        }
    }

    /// Waits before the next try; or says why there is none.
    fn before_again(&self, broken: &Broken, tries: u32, patience: &Patience) -> Result<(), Failure> {
        let asked = match broken.again {
            Again::Yes { after } if tries < RETRIES => after,
            _ => return Err(broken.failure.clone()),
        };
        let pause = asked.unwrap_or_else(|| FIRST_PAUSE * 2u32.pow(tries)).mul_f64(client::jitter());
        if pause >= patience.left() {
            return Err(broken.failure.clone());
        }
        patience.pause(pause)
    }

    /// One request, one answer. `sink` gets the body of a good answer.
    fn once(
        &self,
        client: &Client,
        call: &Call,
        patience: &Patience,
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
        max_bytes: u64,
    ) -> Result<Reply, Broken> {
        let place = self.place();
        let work = async {
            let request = self.request(client, call).await?;
            let answer = request.send().await.map_err(|e| Broken::of_error(&place, &e))?;
            answer::receive(&place, answer, sink, max_bytes).await
        };
        patience.wait(work).unwrap_or_else(|mut failure| {
            if failure.code == FailureCode::TimedOut {
                failure = Failure::new(failure.code, format!("no answer from {place} in time: {failure}"));
            }
            Err(Broken { failure, sent: true, again: Again::No })
        })
    }

    async fn request(&self, client: &Client, call: &Call) -> Result<RequestBuilder, Broken> {
        let request = client.request(call.verb.clone(), call.to.clone());
        let request = match (self.auth)() {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password.reveal())),
            Auth::Bearer { token } => request.bearer_auth(token.reveal()),
        };
        let request = match &call.host {
            Some(host) => request.header(header::HOST, host),
            None => request,
        };
        Ok(match &call.body {
            Body::None => request,
            Body::Json(body) => request.header(header::CONTENT_TYPE, call.content_type).body(body.to_string()),
            Body::File(path) => {
                let unread = |e| Broken::here(Failure::new(FailureCode::Local, format!("{}: {e}", path.display())));
                let file = tokio::fs::File::open(path).await.map_err(unread)?;
                let len = file.metadata().await.map_err(unread)?.len();
                request.header(header::CONTENT_LENGTH, len).body(file)
            }
        })
    }
}

fn lost(perhaps_done: bool, failure: Failure) -> Lost {
    if perhaps_done { Lost::Unknown(failure) } else { Lost::Refused(failure) }
}
