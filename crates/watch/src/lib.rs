//! Folders to runs: discovery, notify, polling where notify cannot see, cursors, back-pressure.
//!
//! An [`Engine`] owns the store's writing thread. Each open project is walked once by a thread of its own, which
//! asks the system to tell of changes in every folder that it enters; sources are read in slices by a few
//! threads, those that changed just now before those that have much to catch up on; what was read goes to the
//! writing thread, which commits records and cursors together and tells of it. [`read_to_end`] is the same
//! without following. [`Liveness`] says whether anything proves that a source is still written.
//!
//! This crate never writes below a project, never holds a lock on what is in it, and does not know what a
//! format looks like.

mod below;
mod commit;
mod engine;
mod event;
mod eyes;
mod inbox;
mod ledger;
mod list;
mod liveness;
mod mail;
mod mounts;
mod once;
mod options;
mod patrol;
mod presence;
mod project;
mod prune;
mod queue;
mod read;
mod show;
mod source;
mod stats;
mod survey;
mod sync;
mod tasks;
mod tree;

pub use below::Below;
pub use engine::Engine;
pub use event::{EngineStats, Mode, ProjectStats, ScanCounts, WatchEvent};
pub use ledger::Ledger;
pub use liveness::Liveness;
pub use once::{ReadError, ReadProgress, Summary, read_to_end};
pub use options::{Formats, Options, RealFormats};
pub use show::display_path;
pub use sync::Cancel;
