//! Commands, frames, blobs and events over HTTP. A command that fails answers with its `CallError` as JSON and a
//! status other than 401 and 403, which are the door's.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_core::Stream;
use serde_json::Value;
use signalbox_app::{App, CallError, ErrorCode};
use tokio::sync::{mpsc, watch};

/// Arguments are ids, names and a filter: none comes near.
const MAX_BODY_BYTES: usize = 4 << 20;
/// A connection that nothing was written to for so long gets a comment, so that a dead one is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct Api {
    pub app: App,
    /// True when the server is ending: event streams end with it.
    pub ending: watch::Receiver<bool>,
}

pub fn routes(api: Api) -> axum::Router {
    axum::Router::new()
        .route("/api/call/{name}", post(call))
        .route("/api/frame", post(frame))
        .route("/api/blob/{name}", post(blob))
        .route("/api/events", get(events))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(api)
}

async fn call(State(api): State<Api>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    match ask(&headers, &body, move |args| api.app.call(&name, args)).await {
        Ok(reply) => Json(reply).into_response(),
        Err(e) => failed(&e),
    }
}

async fn frame(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    bytes(ask(&headers, &body, move |args| api.app.frame(args)).await)
}

async fn blob(State(api): State<Api>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    bytes(ask(&headers, &body, move |args| api.app.blob(&name, args)).await)
}

/// Runs `work` where it may block.
async fn ask<T: Send + 'static>(
    headers: &HeaderMap,
    body: &Bytes,
    work: impl FnOnce(Value) -> Result<T, CallError> + Send + 'static,
) -> Result<T, CallError> {
    let json = headers.get(header::CONTENT_TYPE).and_then(|h| h.to_str().ok());
    // A form of another site cannot send this type.
    if !json.is_some_and(|t| t.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json")) {
        return Err(CallError::new(ErrorCode::BadRequest, "Arguments are sent as application/json."));
    }
    let args = serde_json::from_slice(body)
        .map_err(|e| CallError::new(ErrorCode::BadRequest, format!("The arguments are no JSON: {e}.")))?;
    tokio::task::spawn_blocking(move || work(args))
        .await
        .unwrap_or_else(|_| Err(CallError::new(ErrorCode::Internal, "The command ended in a fault of ours.")))
}

fn bytes(result: Result<Vec<u8>, CallError>) -> Response {
    match result {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Err(e) => failed(&e),
    }
}

fn failed(error: &CallError) -> Response {
    let status = match error.code {
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Internal | ErrorCode::Store | ErrorCode::StoreNewer => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, Json(error)).into_response()
}

async fn events(State(api): State<Api>) -> Response {
    let (sender, receiver) = mpsc::channel(64);
    let news = api.app.subscribe();
    let thread = std::thread::Builder::new().name("sse".into()).spawn(move || forward(&news, &sender));
    if thread.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "No thread for another event stream.\n").into_response();
    }
    let stream = Events { receiver, ending: Box::pin(ended(api.ending)) };
    Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

/// From the app's channel to the connection's, until either ends.
fn forward(news: &Receiver<std::sync::Arc<str>>, to: &mpsc::Sender<std::sync::Arc<str>>) {
    loop {
        match news.recv_timeout(Duration::from_secs(1)) {
            Ok(event) => {
                if to.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) if !to.is_closed() => {}
            Err(_) => return,
        }
    }
}

async fn ended(mut ending: watch::Receiver<bool>) {
    // An error means that the server is gone, which is an end too.
    let _ = ending.wait_for(|e| *e).await;
}

struct Events<F> {
    receiver: mpsc::Receiver<std::sync::Arc<str>>,
    ending: Pin<Box<F>>,
}

impl<F: Future<Output = ()>> Stream for Events<F> {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(cx).map(|event| event.map(|text| Ok(Event::default().data(&*text))))
    }
}
