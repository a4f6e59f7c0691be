//! Free ports on loopback, from below those that the system gives to connections (32768 and up on Linux, 49152 on
//! macOS): a port that a service keeps must not be somebody's outgoing connection when the keeper comes back.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use signalbox_release::{Digest, Failure, FailureCode, ServiceName};

const FIRST: u32 = 20_000;
const N: u32 = 12_000;

/// Opens a port for a service that has none yet. `wanted`: that one, or none.
pub fn open(service: &ServiceName, wanted: Option<u16>) -> Result<TcpListener, Failure> {
    if let Some(port) = wanted {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| {
            Failure::new(FailureCode::Local, format!("port {port} on 127.0.0.1 cannot be opened: {e}"))
                .hint("End the program that has it, or name another port in signalbox.toml.")
        });
    }
    // From its name, so that a service that is set up again is likely to get its address back.
    let seed = Digest::of(service.as_str()).hex();
    let start = u32::from_str_radix(&seed[..6], 16).expect("BUG: a digest is hex") % N;
    (0..N).find_map(|i| bind((start + i) % N)).ok_or_else(none)
}

/// A port for a model server. It is free now; nobody holds it until the server does.
pub fn free() -> Result<u16, Failure> {
    // Keepers that start at the same time begin at different places; one keeper does not name a port twice in a row.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(7919) % N;
    for _ in 0..N {
        let at = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % N;
        if let Some(port) = bind(at).and_then(|listener| Some(listener.local_addr().ok()?.port())) {
            return Ok(port);
        }
    }
    Err(none())
}

fn bind(at: u32) -> Option<TcpListener> {
    let port = u16::try_from(FIRST + at).expect("BUG: the range is below 65536");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

fn none() -> Failure {
    Failure::new(FailureCode::Local, format!("no port from {FIRST} to {} on 127.0.0.1 is free", FIRST + N - 1))
}
