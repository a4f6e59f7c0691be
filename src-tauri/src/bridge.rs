//! The four commands that the page may call (`capabilities/main.json` grants each).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use signalbox_app::{App, CallError, ErrorCode};
use tauri::State;
use tauri::ipc::{Channel, InvokeResponseBody, Response};

use crate::timing;

/// What the commands work on.
pub struct Bridge {
    pub app: App,
    /// Folders of the command line that are opened, or refused with a word, when a page listens.
    later: Mutex<Vec<PathBuf>>,
    /// Which subscription is the page's own: a reload leaves the one before without a listener.
    subscription: Arc<AtomicU64>,
}

impl Bridge {
    pub fn new(app: App, later: Vec<PathBuf>) -> Bridge {
        Bridge { app, later: Mutex::new(later), subscription: Arc::default() }
    }
}

#[tauri::command]
pub async fn call(bridge: State<'_, Bridge>, name: String, args: Value) -> Result<Value, CallError> {
    if name == timing::PAINTED {
        timing::painted(&args);
        return Ok(Value::Null);
    }
    let app = bridge.app.clone();
    blocking(move || app.call(&name, args)).await
}

#[tauri::command]
pub async fn frame(bridge: State<'_, Bridge>, args: Value) -> Result<Response, CallError> {
    let app = bridge.app.clone();
    blocking(move || app.frame(args)).await.map(Response::new)
}

#[tauri::command]
pub async fn blob(bridge: State<'_, Bridge>, name: String, args: Value) -> Result<Response, CallError> {
    let app = bridge.app.clone();
    blocking(move || app.blob(&name, args)).await.map(Response::new)
}

#[tauri::command]
pub async fn subscribe(bridge: State<'_, Bridge>, channel: Channel<InvokeResponseBody>) -> Result<(), CallError> {
    let news = bridge.app.subscribe();
    let current = bridge.subscription.clone();
    let mine = current.fetch_add(1, Ordering::SeqCst) + 1;
    thread::Builder::new()
        .name("events-to-page".into())
        .spawn(move || forward(&news, &channel, || current.load(Ordering::SeqCst) == mine))
        .map_err(|e| CallError::new(ErrorCode::Internal, format!("No thread for events: {e}.")))?;
    let later = std::mem::take(&mut *bridge.later.lock().unwrap_or_else(PoisonError::into_inner));
    if !later.is_empty() {
        let app = bridge.app.clone();
        thread::spawn(move || app.open_paths(&later));
    }
    Ok(())
}

/// Events are JSON text already and go on as they are.
fn forward(news: &Receiver<Arc<str>>, channel: &Channel<InvokeResponseBody>, current: impl Fn() -> bool) {
    while current() {
        match news.recv_timeout(Duration::from_secs(1)) {
            Ok(event) if current() => {
                if channel.send(InvokeResponseBody::Json(event.to_string())).is_err() {
                    return;
                }
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
) -> Result<T, CallError> {
    tauri::async_runtime::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(CallError::new(ErrorCode::Internal, "The command ended in a fault of ours.")))
}
