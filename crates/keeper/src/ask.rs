//! A prediction request to a service, as its clients make it: over its own port, through the router.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use signalbox_release::{Answer, Cx, Failure, FailureCode};
use tokio::net::TcpStream;

use crate::VERSION_HEADER;
use crate::router::QUESTION_HEADER;

const MAX_ANSWER_BYTES: usize = 64 << 20;
const BREATH: Duration = Duration::from_millis(50);

/// `pin`: the version that is meant; None: whoever takes the traffic.
pub fn ask(port: u16, path: &str, pin: Option<&str>, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
    let local = |e: std::io::Error| Failure::new(FailureCode::Local, format!("no request can be made: {e}"));
    // On a thread of its own: the caller's may belong to a runtime, which must not wait.
    std::thread::scope(|scope| {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(local)?;
            runtime.block_on(within(cx, exchange(port, path, pin, request)))
        };
        let thread = std::thread::Builder::new().name("question".into()).spawn_scoped(scope, work).map_err(local)?;
        thread.join().expect("BUG: asking panicked")
    })
}

async fn within(cx: &Cx, work: impl Future<Output = Result<Answer, Failure>>) -> Result<Answer, Failure> {
    let stopped = async {
        while !cx.cancel.is_stopped() {
            tokio::time::sleep(BREATH).await;
        }
    };
    tokio::select! {
        answer = work => answer,
        () = stopped => Err(Failure::new(FailureCode::Cancelled, "it was stopped")),
        () = tokio::time::sleep(cx.limit) => Err(Failure::new(FailureCode::TimedOut, "no answer in time")),
    }
}

async fn exchange(port: u16, path: &str, pin: Option<&str>, asked: &Value) -> Result<Answer, Failure> {
    let broken = |e: hyper::Error| Failure::new(FailureCode::TimedOut, format!("the answer broke off: {e}"));
    let since = Instant::now();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|e| Failure::new(FailureCode::Unreachable, format!("nobody answers at 127.0.0.1:{port}: {e}")))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    let mut request = Request::post(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(QUESTION_HEADER, "1");
    if let Some(pin) = pin {
        request = request.header(VERSION_HEADER, pin.as_bytes());
    }
    let request = request
        .body(Full::new(Bytes::from(asked.to_string())))
        .map_err(|e| Failure::new(FailureCode::Invalid, format!("{path} is no path to ask at: {e}")))?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let by = response.headers().get(VERSION_HEADER).and_then(|by| std::str::from_utf8(by.as_bytes()).ok());
    let by = by.and_then(|by| by.split_whitespace().next()).map(str::to_owned);
    let status = response.status();
    let bytes = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|e| Failure::new(FailureCode::TimedOut, format!("the answer broke off: {e}")))?
        .to_bytes();
    let took_ms = since.elapsed().as_secs_f64() * 1000.0;
    let text = String::from_utf8_lossy(&bytes);
    let body = serde_json::from_str(&text).or_else(|_| serde_json::from_str(&without_bare_words(&text)));
    if status.is_success() {
        let body = body.map_err(|e| {
            Failure::new(FailureCode::Server, format!("the answer is no JSON: {e}")).raw(Value::from(&*text))
        })?;
        return Ok(Answer { body, by, took_ms });
    }
    let body = body.unwrap_or_else(|_| Value::from(&*text));
    let said = ["error", "message", "detail"].iter().find_map(|key| body.get(key)).unwrap_or(&body);
    let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
    let said: String = said.chars().take(500).collect();
    let code = match status {
        StatusCode::NOT_FOUND => FailureCode::NotFound,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => FailureCode::Busy,
        StatusCode::GATEWAY_TIMEOUT => FailureCode::TimedOut,
        status if status.is_client_error() => FailureCode::Invalid,
        _ => FailureCode::Server,
    };
    Err(Failure::new(code, format!("{}: {said}", status.as_u16())).raw(body))
}

/// Python writes NaN and infinities as bare words, which JSON has not: here they become texts.
fn without_bare_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_text) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !in_text && rest.starts_with(word));
        let n = match word {
            Some(word) => {
                out.extend(["\"", word, "\""]);
                word.len()
            }
            None => {
                // What is escaped ends no text.
                let n =
                    if in_text && c == '\\' { rest.chars().take(2).map(char::len_utf8).sum() } else { c.len_utf8() };
                in_text ^= c == '"';
                out.push_str(&rest[..n]);
                n
            }
        };
        rest = &rest[n..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bare_words_become_texts() {
        let check = |text: &str, wanted: Value| {
            assert_eq!(serde_json::from_str::<Value>(&without_bare_words(text)).expect(text), wanted);
        };
        check(r#"{"a": [NaN, -Infinity, Infinity, -1]}"#, json!({"a": ["NaN", "-Infinity", "Infinity", -1]}));
        check(r#"["say \"NaN\" é", NaN, "\\", NaN]"#, json!(["say \"NaN\" é", "NaN", "\\", "NaN"]));
        assert_eq!(without_bare_words("\"\\"), "\"\\");
    }
}
