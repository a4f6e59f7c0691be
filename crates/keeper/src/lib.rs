//! The target that needs nothing but a Python: model servers on this machine, behind a router on loopback.
//!
//! A keeper is a process of its own, one per data folder. [`LocalTarget`] starts it when it is needed and talks to it
//! over a socket in that folder, which only its owner may enter; it outlives the Signalbox that started it. Clients of
//! a model know one address, `http://127.0.0.1:PORT`, and do not notice which version answers: the keeper loads the
//! next one beside it, and moves the traffic.
//!
//! Listens on 127.0.0.1 only. Never asks another version when one failed: the caller would not know who answered.
//! Unix only; what a killed keeper left running is found on Linux only (`/proc`).

mod ask;
mod child;
mod control;
mod folder;
mod how;
mod keeper;
mod ports;
mod protocol;
mod router;
mod server;
mod service;
mod state;
mod tally;
mod target;
mod visit;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use how::How;
pub use protocol::{ServiceSeen, VersionSeen};
pub use target::{LocalTarget, own_program};

/// The header that names who answered (`VERSION sha256:HEX`), and asks for one version.
pub const VERSION_HEADER: &str = "x-signalbox-version";

/// Runs the keeper if that is what this process was started for (`PROGRAM keep FOLDER`); else does nothing.
/// Every shell calls it before anything else.
pub fn main_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let args: Vec<OsString> = args.into_iter().skip(1).collect();
    match &args[..] {
        [word, folder] if word == "keep" => Some(keeper::main(Path::new(folder))),
        _ => None,
    }
}

/// What a lock guards stays whole while it is held: no code under one of ours panics half way.
fn held<T>(lock: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn unix_ms() -> i64 {
    use signalbox_release::Clock as _;
    signalbox_release::SystemClock.unix_ms()
}
