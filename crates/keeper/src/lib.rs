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
use std::process::{Command, ExitCode};

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

/// A shell that changes `LD_PRELOAD` for WebKit's processes leaves here what it was.
pub const PRELOAD_BEFORE: &str = "SIGNALBOX_LD_PRELOAD_BEFORE";

/// Starts a program that is no part of WebKit with the `LD_PRELOAD` that the shell was started with.
pub fn preload_as_before(command: &mut Command) {
    restore(command, std::env::var_os(PRELOAD_BEFORE));
}

fn restore(command: &mut Command, before: Option<OsString>) {
    match before {
        Some(before) if before.is_empty() => command.env_remove("LD_PRELOAD").env_remove(PRELOAD_BEFORE),
        Some(before) => command.env("LD_PRELOAD", before).env_remove(PRELOAD_BEFORE),
        None => command,
    };
}

/// What a lock guards stays whole while it is held: no code under one of ours panics half way.
fn held<T>(lock: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn unix_ms() -> i64 {
    use signalbox_release::Clock as _;
    signalbox_release::SystemClock.unix_ms()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_preloaded_for_webkit_goes_no_further() {
        let set = |before: Option<&str>| {
            let mut command = Command::new("true");
            restore(&mut command, before.map(OsString::from));
            let told = |(name, value): (&std::ffi::OsStr, Option<&std::ffi::OsStr>)| {
                (name.to_owned(), value.map(ToOwned::to_owned))
            };
            command.get_envs().map(told).collect::<Vec<_>>()
        };
        let gone = |name: &str| (OsString::from(name), None);
        assert_eq!(set(None), []);
        assert_eq!(set(Some("")), [gone("LD_PRELOAD"), gone(PRELOAD_BEFORE)]);
        assert_eq!(set(Some("liba.so")), [("LD_PRELOAD".into(), Some("liba.so".into())), gone(PRELOAD_BEFORE)]);
    }
}
