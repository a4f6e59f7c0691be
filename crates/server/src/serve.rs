//! Listening, and ending.

use std::future::IntoFuture as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use signalbox_app::App;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::{self, Api};
use crate::door::{Door, guard};
use crate::page;
use crate::token::Token;

/// Requests that run when the server is told to end get this long.
const GRACE: Duration = Duration::from_secs(3);

/// Why there is no server.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error("port {port} on 127.0.0.1 cannot be opened: {source}")]
    Bind { port: u16, source: std::io::Error },
    #[error("the operating system gives no random bytes for a token: {0}")]
    Token(getrandom::Error),
    #[error("the server cannot run: {0}")]
    Run(#[from] std::io::Error),
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub port: u16,
    /// With the token: who opens it is let in.
    pub url: String,
}

/// Ends the server from another thread.
#[derive(Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Serves the page and the commands of `app` on 127.0.0.1 until Ctrl-C, SIGTERM or [`Stopper::stop`]. Blocking.
/// `port` 0 takes a free one. `ready` is called once, when the first request would be answered.
pub fn serve(app: App, port: u16, ready: impl FnOnce(&Address, Stopper)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(run(app, port, ready));
    // A command that does not end must not keep the program from ending.
    runtime.shutdown_timeout(GRACE);
    result
}

async fn run(app: App, port: u16, ready: impl FnOnce(&Address, Stopper)) -> Result<(), ServeError> {
    let token = Token::new().map_err(ServeError::Token)?;
    let bind = |source| ServeError::Bind { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(bind)?;
    let port = listener.local_addr()?.port();
    let address = Address { port, url: format!("http://127.0.0.1:{port}/?token={}", token.text()) };

    let (stop, stopped) = watch::channel(false);
    let stop = Stopper(stop);
    signals(stop.clone())?;
    let router = api::routes(Api { app, ending: stopped.clone() })
        .fallback(axum::routing::get(page::file))
        .layer(axum::middleware::from_fn_with_state(Arc::new(Door { port, token }), guard));
    let mut ending = stopped.clone();
    let graceful = async move {
        // An error means that nobody can stop us any more but by ending the process.
        if ending.wait_for(|e| *e).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(graceful).into_future();
    ready(&address, stop);
    let mut ending = stopped;
    let late = async move {
        let _ = ending.wait_for(|e| *e).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server => result?,
        () = late => {}
    }
    Ok(())
}

/// Ctrl-C and SIGTERM stop the server.
fn signals(stop: Stopper) -> Result<(), std::io::Error> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = stop.clone();
        tokio::spawn(async move {
            terminate.recv().await;
            stop.stop();
        });
    }
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.stop();
        }
    });
    Ok(())
}
