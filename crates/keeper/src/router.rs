//! Traffic: from a service's port to the version whose turn it is, and back, as it comes.
//!
//! Refuses what a web page could make a browser send here under another name (DNS rebinding) or from another site.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::VERSION_HEADER;
use crate::held;
use crate::service::{Nobody, Pin, Service};
use crate::visit::{Tracked, Visit};

/// Signalbox's own questions carry it; they are not counted.
pub const QUESTION_HEADER: &str = "x-signalbox-question";
/// Of a request's line and headers together.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// For a request's head, and so for a connection that says nothing.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// For the first byte of a version's answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(600);
/// Below uvicorn's five seconds: a connection that the server may close just now is not used again.
const IDLE_LIMIT: Duration = Duration::from_secs(2);
const MAX_CONNECTIONS: usize = 1024;

type Out = Either<Tracked, Full<Bytes>>;
pub type Pool = Client<HttpConnector, Incoming>;

/// Connections to model servers, kept between requests.
pub fn pool() -> Pool {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_LIMIT));
    Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_LIMIT).pool_timer(TokioTimer::new()).build(connector)
}

/// Listens for a service until it is dropped. `open`: its port, if it is open already.
pub async fn listen(service: Arc<Service>, open: Option<std::net::TcpListener>, pool: Pool) {
    let port = service.port;
    // The service's end is told by aborting this; it must not keep the service.
    let weak = Arc::downgrade(&service);
    let trouble = |text: Option<String>| *held(&service.trouble) = text;
    let listener = match open.map(TcpListener::from_std) {
        Some(Ok(listener)) => listener,
        _ => loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => break listener,
                Err(e) => trouble(Some(format!("port {port} on 127.0.0.1 cannot be opened: {e}"))),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        },
    };
    trouble(None);
    drop(service);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.expect("BUG: the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (service, pool) = (weak.clone(), pool.clone());
                tokio::spawn(async move {
                    let _place = place;
                    if let Some(service) = service.upgrade() {
                        converse(stream, service, pool).await;
                    }
                });
            }
            // Out of files, for example: others must be closed first.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn converse(stream: TcpStream, service: Arc<Service>, pool: Pool) {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let each = service_fn(move |request| {
        let (service, pool) = (service.clone(), pool.clone());
        async move { Ok::<_, Infallible>(answer(request, &service, &pool).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), each);
    // A caller that breaks off, or does not speak HTTP, is its own affair.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, service: &Service, pool: &Pool) -> Response<Out> {
    if let Err(why) = may_come_in(request.uri(), request.headers(), service.port) {
        return refusal(StatusCode::FORBIDDEN, service, why);
    }
    if request.method() == Method::CONNECT {
        return refusal(StatusCode::METHOD_NOT_ALLOWED, service, "this is no proxy for other addresses");
    }
    let pin = match request.headers().get(VERSION_HEADER).map(|pin| std::str::from_utf8(pin.as_bytes()).map(Pin::read))
    {
        None => None,
        Some(Ok(Some(pin))) => Some(pin),
        Some(_) => {
            let why = format!("{VERSION_HEADER} must be VERSION or VERSION sha256:HEX");
            return refusal(StatusCode::BAD_REQUEST, service, &why);
        }
    };
    // Taken out of the lock before anything is awaited.
    let chosen = held(&service.table).choose(pin.as_ref());
    let mut visit = match chosen {
        Ok(visit) => visit,
        Err(nobody) => {
            let asked = pin.map(|pin| pin.version).unwrap_or_default();
            let (status, why) = match nobody {
                Nobody::Takes => (StatusCode::SERVICE_UNAVAILABLE, "no version takes traffic".to_owned()),
                Nobody::Loaded => (StatusCode::NOT_FOUND, format!("version {asked} is not loaded here")),
                Nobody::Sure => {
                    (StatusCode::BAD_REQUEST, format!("several are called {asked}: add the digest, sha256:HEX"))
                }
            };
            return refusal(status, service, &why);
        }
    };
    if request.headers().contains_key(QUESTION_HEADER) {
        visit.is_not_traffic();
    }
    forward(request, service, visit, pool).await
}

async fn forward(request: Request<Incoming>, service: &Service, visit: Visit, pool: &Pool) -> Response<Out> {
    let by = label(&visit);
    let mut response = match visit.server.backend() {
        None => failure(service, visit, StatusCode::SERVICE_UNAVAILABLE, "its server is being started again"),
        Some(port) => match tokio::time::timeout(ANSWER_LIMIT, pool.request(outgoing(request, port))).await {
            Ok(Ok(response)) => {
                let (mut head, body) = response.into_parts();
                remove_hop_by_hop(&mut head.headers);
                head.version = Version::HTTP_11;
                let failed = head.status.is_server_error();
                Response::from_parts(head, Either::Left(Tracked::new(body, visit, failed)))
            }
            // Not the version's fault, and nobody is left to read this.
            Ok(Err(e)) if is_callers(&e) => {
                refusal(StatusCode::BAD_REQUEST, service, "the request broke off before its end")
            }
            Ok(Err(e)) if e.is_connect() => {
                failure(service, visit, StatusCode::BAD_GATEWAY, "its server cannot be connected to")
            }
            Ok(Err(_)) => failure(service, visit, StatusCode::BAD_GATEWAY, "its server broke off before it answered"),
            Err(_) => failure(service, visit, StatusCode::GATEWAY_TIMEOUT, "its server did not answer in time"),
        },
    };
    response.headers_mut().insert(HeaderName::from_static(VERSION_HEADER), by);
    response
}

/// `VERSION sha256:HEX`, as the header says it.
fn label(visit: &Visit) -> HeaderValue {
    let server = &visit.server;
    let digest = server.life(|life| life.digest.as_ref().map(|digest| format!(" {digest}"))).unwrap_or_default();
    let text = format!("{}{digest}", server.what.at.version);
    HeaderValue::from_bytes(text.as_bytes()).expect("BUG: a version's name holds no control characters")
}

fn outgoing(request: Request<Incoming>, port: u16) -> Request<Incoming> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = format!("127.0.0.1:{port}");
    head.uri = Uri::builder()
        .scheme("http")
        .authority(&*authority)
        .path_and_query(path)
        .build()
        .expect("BUG: the parts are those of a parsed address");
    head.version = Version::HTTP_11;
    remove_hop_by_hop(&mut head.headers);
    head.headers.remove(VERSION_HEADER);
    head.headers.remove(QUESTION_HEADER);
    head.headers.insert(header::HOST, HeaderValue::from_str(&authority).expect("BUG: an authority is ASCII"));
    Request::from_parts(head, body)
}

/// What is between two neighbours only, RFC 9110 section 7.6.1. An upgrade is not passed on.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    // Connection: content-length would make the body's end unknown.
    for name in named.into_iter().filter(|name| name != header::CONTENT_LENGTH && name != header::HOST) {
        headers.remove(name);
    }
    for name in [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ] {
        headers.remove(name);
    }
}

fn is_callers(error: &legacy::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(e) = source {
        if e.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            return true;
        }
        source = e.source();
    }
    false
}

/// A name of this machine's loopback with the port; both headers are what a browser does not lie about.
fn may_come_in(uri: &Uri, headers: &HeaderMap, port: u16) -> Result<(), &'static str> {
    let is_us = |authority: &str| {
        let (name, said) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")) && said.parse() == Ok(port)
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_us),
        _ => false,
    };
    if !host || !uri.authority().is_none_or(|authority| is_us(authority.as_str())) {
        return Err("this server answers as 127.0.0.1 and localhost only: the Host header names another");
    }
    let local = |origin: &HeaderValue| {
        let name = origin.to_str().ok().and_then(|origin| origin.split_once("://"))?.1;
        let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
        (name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")).then_some(())
    };
    if !headers.get_all(header::ORIGIN).iter().all(|origin| local(origin).is_some()) {
        return Err("pages of other sites may not ask this server");
    }
    Ok(())
}

/// The version's failure, as the caller gets it and as it is counted.
fn failure(service: &Service, visit: Visit, status: StatusCode, why: &str) -> Response<Out> {
    let at = visit.server.what.at.to_string();
    visit.fails();
    refusal(status, service, &format!("{at}: {why}"))
}

fn refusal(status: StatusCode, service: &Service, why: &str) -> Response<Out> {
    let body = json!({ "error": why, "service": service.name, "by": "signalbox" }).to_string();
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"))
        };
        HeaderMap::from_iter(pairs.iter().map(pair))
    }

    #[test]
    fn only_loopback_names_with_our_port_come_in() {
        let may =
            |pairs: &[(&str, &str)]| may_come_in(&Uri::from_static("/invocations"), &headers(pairs), 4100).is_ok();
        for us in ["127.0.0.1:4100", "localhost:4100", "LocalHost:4100"] {
            assert!(may(&[("host", us)]), "{us}");
        }
        for other in ["127.0.0.1", "127.0.0.1:4101", "evil.example:4100", "localhost.evil:4100", "a@127.0.0.1:4100", ""]
        {
            assert!(!may(&[("host", other)]), "{other}");
        }
        assert!(!may(&[]));
        assert!(
            may_come_in(&Uri::from_static("http://evil.example/"), &headers(&[("host", "localhost:4100")]), 4100)
                .is_err()
        );
        assert!(may(&[("host", "localhost:4100"), ("origin", "http://localhost:3000")]));
        for other in ["null", "http://evil.example", "http://localhost.evil:80"] {
            assert!(!may(&[("host", "localhost:4100"), ("origin", other)]), "{other}");
        }
    }

    #[test]
    fn what_is_between_neighbours_stays_there() {
        let mut given = headers(&[
            ("connection", "close, X-Secret, content-length"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("content-length", "3"),
            ("x-mine", "2"),
        ]);
        remove_hop_by_hop(&mut given);
        assert_eq!(given, headers(&[("content-length", "3"), ("x-mine", "2")]));
    }
}
