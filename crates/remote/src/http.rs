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

pub(crate) use answer::Reply;
pub use answer::words;
use answer::{Again, Broken, Challenges};
pub use client::Trust;
pub(crate) use client::{base, base as parted, is_this_machine};
pub use patience::Patience;

use crate::secret::{Auth, Identity};

/// A request as it will be made, without what proves who we are.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    verb: Method,
    to: Url,
    body: Body,
    headers: Vec<(header::HeaderName, &'static str)>,
    /// Of a JSON body, where it is not plain JSON.
    content_type: &'static str,
    /// The name that the server is asked for, where it is not that of its address.
    host: Option<String>,
    repeatable: bool,
    /// The server may name another address for it, whose bytes are checked.
    handed_on: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    None,
    Json(Value),
    /// Exactly these, of this media type.
    Bytes(&'static str, Vec<u8>),
    /// The bytes of a file.
    File(PathBuf),
}

impl Call {
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

    /// Follows the server to another address. For what is checked by its digest only: object stores have their own
    /// addresses, and get nothing that proves who we are.
    pub(crate) fn handed_on(mut self) -> Call {
        self.handed_on = true;
        self
    }

    pub(crate) fn with(mut self, name: header::HeaderName, value: &'static str) -> Call {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn to(&self) -> &Url {
        &self.to
    }

    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.verb, Method::GET | Method::HEAD)
    }

    /// For a person, before it is made.
    pub fn shown(&self) -> Request {
        let body = match &self.body {
            Body::None => None,
            Body::Json(body) => Some(body.clone()),
            Body::Bytes(_, bytes) => serde_json::from_slice(bytes).ok(),
            Body::File(path) => Some(Value::from(path.display().to_string())),
        };
        Request { verb: self.verb.to_string(), to: self.to.to_string(), body }
    }
}

/// What a server said to a request, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub status: u16,
    pub body: Vec<u8>,
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

    /// The same, in other words.
    pub fn map(self, words: impl FnOnce(Failure) -> Failure) -> Lost {
        match self {
            Lost::Refused(failure) => Lost::Refused(words(failure)),
            Lost::Unknown(failure) => Lost::Unknown(words(failure)),
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

/// How we say who we are to one server. The server may ask for it in its own way (RFC 9110, 11.6.1).
pub(crate) trait Proof: Send + Sync {
    /// What is sent with a call without having been asked.
    fn at_first(&self, call: &Call) -> Result<Auth, Failure>;

    /// The server answered 401, with these `WWW-Authenticate`. `None`: there is nothing else to say.
    fn asked(&self, _call: &Call, _challenges: &[String], _patience: &Patience) -> Result<Option<Auth>, Failure> {
        Ok(None)
    }
}

/// What is known to be sent is sent at once. With 401 a request has not been applied (RFC 9110, 15.5.2), so it is made
/// again if there is another credential by now: a token may have been renewed.
struct Known(Box<dyn Identity>);

impl Proof for Known {
    fn at_first(&self, _: &Call) -> Result<Auth, Failure> {
        self.0.auth()
    }

    fn asked(&self, _: &Call, _: &[String], _: &Patience) -> Result<Option<Auth>, Failure> {
        self.0.refused();
        // That the server does not take what we sent is the failure that counts.
        Ok(self.0.auth().ok())
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
    proof: Box<dyn Proof>,
    /// Keeps connections.
    reads: Client,
    /// A connection per request: on a kept one, which the server may be closing just now, nobody could tell whether a
    /// change arrived.
    changes: Client,
    /// Reads, and follows to other addresses; none where nothing is handed on.
    handed_on: Option<Client>,
}

impl Http {
    /// `address`: `https://host:port/path`. If it holds a user and a password, they are taken out of it and used.
    /// `identity` is asked at each request; a closure that gives an [`Auth`] is one. `ca`: a PEM file with authorities
    /// to trust besides the system's.
    pub fn new(address: &str, identity: impl Identity + 'static, ca: Option<&Path>) -> Result<Http, Failure> {
        Http::trusting(address, identity, &Trust { besides: ca.map(Path::to_path_buf), ..Trust::default() })
    }

    /// The same; `trust` says whom we believe, and who we are.
    pub fn trusting(address: &str, identity: impl Identity + 'static, trust: &Trust) -> Result<Http, Failure> {
        let (base, own) = client::base(address)?;
        let (reads, changes) = (client::reads(&base, trust)?, client::changes(&base, trust)?);
        let identity: Box<dyn Identity> = match own {
            Some(own) => Box::new(move || own.clone()),
            None => Box::new(identity),
        };
        Ok(Http { base, proof: Box::new(Known(identity)), reads, changes, handed_on: None })
    }

    /// For a server that asks who we are in its own way, and hands reading on. `address` holds no secret.
    pub(crate) fn asked(address: &str, proof: Box<dyn Proof>, ca: Option<&Path>) -> Result<Http, Failure> {
        let http = Http::new(address, || Auth::None, ca)?;
        let trust = Trust { besides: ca.map(Path::to_path_buf), ..Trust::default() };
        let handed_on = Some(client::handed_on(&http.base, &trust)?);
        Ok(Http { proof, handed_on, ..http })
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
        Call { repeatable: true, ..self.at(Method::GET, to, Body::None) }
    }

    /// `to`: an address of this server.
    pub(crate) fn at(&self, verb: Method, to: Url, body: Body) -> Call {
        Call {
            verb,
            to,
            body,
            headers: Vec::new(),
            content_type: "application/json",
            host: None,
            repeatable: false,
            handed_on: false,
        }
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        self.at(Method::POST, self.below(path), Body::Json(body))
    }

    pub fn delete(&self, path: &str, body: Value) -> Call {
        self.at(Method::DELETE, self.below(path), Body::Json(body))
    }

    /// `content_type`: what kind of JSON says what is changed.
    pub fn patch(&self, path: &str, query: &[(&str, &str)], content_type: &'static str, body: Value) -> Call {
        let mut to = self.below(path);
        to.query_pairs_mut().extend_pairs(query);
        Call { content_type, ..self.at(Method::PATCH, to, Body::Json(body)) }
    }

    /// Sets the whole of something. Sent once: another may have set it otherwise meanwhile.
    pub fn put_json(&self, path: &str, body: Value) -> Call {
        self.at(Method::PUT, self.below(path), Body::Json(body))
    }

    /// Putting the same bytes again changes nothing.
    pub fn put(&self, path: &str, file: &Path) -> Call {
        self.at(Method::PUT, self.below(path), Body::File(file.to_path_buf())).repeatable()
    }

    /// Reads JSON.
    pub fn read(&self, call: &Call, patience: &Patience) -> Result<Value, Failure> {
        let reply = self.repeated(&self.reads, call, patience).map_err(Lost::failure)?;
        reply.json(&self.place())
    }

    /// Reads; gives the answer as it came.
    pub(crate) fn read_reply(&self, call: &Call, patience: &Patience) -> Result<Reply, Failure> {
        self.repeated(&self.reads, call, patience).map_err(Lost::failure)
    }

    /// Changes something; gives the answer as it came.
    pub(crate) fn change_reply(&self, call: &Call, patience: &Patience) -> Result<Reply, Lost> {
        self.repeated(&self.changes, call, patience)
    }

    /// Reads text; at most a line of it, for a person.
    pub fn read_words(&self, call: &Call, patience: &Patience) -> Result<String, Failure> {
        let reply = self.repeated(&self.reads, call, patience).map_err(Lost::failure)?;
        Ok(words(&reply.body))
    }

    /// Reads text, all of it.
    pub fn read_text(&self, call: &Call, patience: &Patience) -> Result<String, Failure> {
        let reply = self.repeated(&self.reads, call, patience).map_err(Lost::failure)?;
        String::from_utf8(reply.body)
            .map_err(|_| Failure::new(FailureCode::Server, format!("{} answers what is no text", self.place())))
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

    /// Asks once, over a connection of its own, and gives whatever was said: for servers whose refusals say more than
    /// their status. Again only with another credential, where the server knows us not by this one. Redirects are not
    /// followed.
    pub fn exchange(&self, call: &Call, patience: &Patience) -> Result<Said, Lost> {
        patience.check()?;
        let (place, mut who) = (self.place(), Who::of(&*self.proof, call)?);
        loop {
            let work = async {
                let request = self.request(&self.changes, call, &who.auth).await?;
                let answer = request.send().await.map_err(|e| Broken::of_error(&place, &e))?;
                answer::said(&place, answer, MAX_ANSWER_BYTES).await
            };
            let got = patience
                .wait(work)
                .unwrap_or_else(|failure| Err(Broken { failure, sent: true, again: Again::No, challenges: None }));
            let (said, challenges) = got.map_err(|broken| lost(broken.sent, broken.failure))?;
            // Who is not known has done nothing: what was not done may be sent again.
            if !who.asked(challenges.as_deref(), patience)? {
                return Ok(said);
            }
        }
    }

    /// Reads into a file that is made anew; gives its length. More than `max_bytes` is refused.
    pub fn download(&self, call: &Call, to: &Path, max_bytes: u64, patience: &Patience) -> Result<u64, Failure> {
        let local = |e: std::io::Error| Failure::new(FailureCode::Local, format!("{}: {e}", to.display()));
        let client = self.handed_on.as_ref().filter(|_| call.handed_on).unwrap_or(&self.reads);
        let mut who = Who::of(&*self.proof, call)?;
        let mut tries = 0;
        loop {
            let mut file = std::fs::File::create(to).map_err(local)?;
            let got = self.once(client, call, &who.auth, patience, &mut |bytes| file.write_all(bytes), max_bytes);
            let broken = match got {
                Ok(reply) => return Ok(reply.bytes),
                Err(broken) => broken,
            };
            if who.asked(broken.challenges.as_deref(), patience)? {
                continue;
            }
            self.before_again(&broken, tries, patience)?;
            tries += 1;
        }
    }

    pub(crate) fn below(&self, path: &str) -> Url {
        let mut to = self.base.clone();
        let mut parts = to.path_segments_mut().expect("BUG: an http address has a path");
        parts.pop_if_empty().extend(path.split('/'));
        drop(parts);
        to
    }

    /// Makes a call, and again where that is allowed and may help.
    fn repeated(&self, client: &Client, call: &Call, patience: &Patience) -> Result<Reply, Lost> {
        let (mut tries, mut perhaps_done) = (0, false);
        let mut who = Who::of(&*self.proof, call)?;
        loop {
            patience.check().map_err(|failure| lost(perhaps_done, failure))?;
            let mut body = Vec::new();
            let mut sink = |bytes: &[u8]| {
                body.extend_from_slice(bytes);
                Ok(())
            };
            let broken = match self.once(client, call, &who.auth, patience, &mut sink, MAX_ANSWER_BYTES) {
                Ok(reply) => return Ok(Reply { body, ..reply }),
                Err(broken) => broken,
            };
            perhaps_done |= broken.sent;
            if who.asked(broken.challenges.as_deref(), patience).map_err(|failure| lost(perhaps_done, failure))? {
                continue;
            }
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
        auth: &Auth,
        patience: &Patience,
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
        max_bytes: u64,
    ) -> Result<Reply, Broken> {
        let place = self.place();
        let work = async {
            let request = self.request(client, call, auth).await?;
            let answer = request.send().await.map_err(|e| Broken::of_error(&place, &e))?;
            answer::receive(&place, answer, sink, max_bytes).await
        };
        patience.wait(work).unwrap_or_else(|mut failure| {
            if failure.code == FailureCode::TimedOut {
                failure = Failure::new(failure.code, format!("no answer from {place} in time: {failure}"));
            }
            Err(Broken { failure, sent: true, again: Again::No, challenges: None })
        })
    }

    async fn request(&self, client: &Client, call: &Call, auth: &Auth) -> Result<RequestBuilder, Broken> {
        let mut request = client.request(call.verb.clone(), call.to.clone());
        for (name, value) in &call.headers {
            request = request.header(name, *value);
        }
        let request = match auth {
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
            Body::Bytes(kind, bytes) => request.header(header::CONTENT_TYPE, *kind).body(bytes.clone()),
            Body::File(path) => {
                let unread = |e| Broken::here(Failure::new(FailureCode::Local, format!("{}: {e}", path.display())));
                let file = tokio::fs::File::open(path).await.map_err(unread)?;
                let len = file.metadata().await.map_err(unread)?.len();
                request.header(header::CONTENT_LENGTH, len).body(file)
            }
        })
    }
}

/// Who we say that we are for one call. What the server asks for is given once.
struct Who<'a> {
    proof: &'a dyn Proof,
    call: &'a Call,
    auth: Auth,
    was_asked: bool,
}

impl<'a> Who<'a> {
    fn of(proof: &'a dyn Proof, call: &'a Call) -> Result<Who<'a>, Failure> {
        Ok(Who { proof, call, auth: proof.at_first(call)?, was_asked: false })
    }

    /// Whether there is something else to say now.
    fn asked(&mut self, challenges: Option<&Challenges>, patience: &Patience) -> Result<bool, Failure> {
        let Some(challenges) = challenges.filter(|_| !self.was_asked) else { return Ok(false) };
        self.was_asked = true;
        let fresh = self.proof.asked(self.call, &challenges.0, patience)?;
        let Some(auth) = fresh.filter(|auth| *auth != self.auth) else { return Ok(false) };
        self.auth = auth;
        Ok(true)
    }
}

fn lost(perhaps_done: bool, failure: Failure) -> Lost {
    if perhaps_done { Lost::Unknown(failure) } else { Lost::Refused(failure) }
}
