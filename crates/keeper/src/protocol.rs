//! What is said over the keeper's socket: a line of JSON to it, one back, and the connection ends.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_release::{Digest, Failure, ServiceName, Split, VersionRef};

use crate::how::How;

/// Raised when an older keeper would take an ask for another.
pub const PROTOCOL: u32 = 2;
pub const MAX_ASK_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub protocol: u32,
    pub ask: Ask,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Hello,
    /// All services: a list of [`ServiceSeen`].
    Observe,
    /// [`signalbox_release::Health`] of a version over the last seconds.
    Health {
        service: ServiceName,
        at: VersionRef,
        secs: u64,
    },
    Stage(Load),
    Unstage {
        service: ServiceName,
        at: VersionRef,
    },
    Route {
        service: ServiceName,
        split: Split,
        limit_ms: u64,
    },
    /// The last lines that a version's server wrote.
    Log {
        service: ServiceName,
        at: VersionRef,
        n_lines: usize,
    },
    StopService {
        service: ServiceName,
    },
    Stop,
}

/// A version that shall be loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    pub service: ServiceName,
    pub at: VersionRef,
    pub path: PathBuf,
    pub how: How,
    pub key: String,
    /// The service's port, if it is a new one; None: a free one.
    pub port: Option<u16>,
    pub limit_ms: u64,
}

pub type Reply = Result<Value, Failure>;

/// A service as its keeper sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceSeen {
    pub service: ServiceName,
    pub port: u16,
    /// Where its clients ask: `http://127.0.0.1:PORT/invocations`.
    pub address: String,
    /// Why nobody can reach it.
    pub trouble: Option<String>,
    pub versions: Vec<VersionSeen>,
}

/// A version as its keeper sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionSeen {
    pub at: VersionRef,
    /// Percent of the traffic.
    pub share: u8,
    pub stand: Stand,
    /// The keeper's own, of the artifact that the running server was started with.
    pub digest: Option<Digest>,
    pub since_unix_ms: i64,
    /// How often its server was started again because it ended.
    pub n_restarts: u64,
    pub last_failure: Option<String>,
    pub pid: Option<u32>,
    /// The server's own port; clients do not need it.
    pub port: Option<u16>,
    pub path: PathBuf,
    pub log: PathBuf,
    pub key: String,
    /// Requests that it is answering just now.
    pub n_in_flight: usize,
    /// Since it was loaded.
    pub n_requests: u64,
    pub n_errors: u64,
}

/// Where a version's server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// It was never ready yet since it was loaded or brought back.
    Loading,
    Ready,
    /// It ended; it is being started again.
    Down,
    /// It could not be loaded.
    Failed,
    Stopped,
}
