//! What the product can do: the command list with one body each, background jobs, the event stream.
//!
//! A shell (window, server, terminal) holds an [`App`] and carries names, JSON and bytes; it decides nothing.

mod app;
mod artifacts;
mod bodies;
mod catalogue;
mod code;
mod columns;
mod commands;
mod console;
mod data;
mod document;
mod events;
mod export;
mod frame;
mod goal;
mod live;
mod media;
mod merge;
mod offline;
mod place;
mod policy;
mod process;
mod project;
mod promotion;
mod run_page;
mod secrets;
mod state;
mod storage;
mod table;
#[cfg(test)]
mod table_tests;
mod unknown;
pub mod wire;

pub use app::{App, Desktop, Options};
pub use commands::NAMES as COMMANDS;
pub use offline::{Offline, ReadProgress};
pub use place::{data_dir, demo_path, own_program};
pub use policy::{policy_file, propose_in as propose_policy};
/// Data files, compared and profiled, for the shell that is asked without a store.
pub use signalbox_drift as drift;
/// Where a shell that changes `LD_PRELOAD` keeps what it was, for the programs that are started here.
pub use signalbox_keeper::PRELOAD_BEFORE;
/// Runs the keeper of the local target if that is what this process was started for; else does nothing.
pub use signalbox_keeper::main_if_asked as keep_if_asked;
/// For a shell or a test that keeps secrets elsewhere than the system's keychain.
pub use signalbox_remote::{KeychainAt, Secrets, SecretsAt};
pub use wire::{CallError, ErrorCode};
