//! What the code was when a run began: the commit, what was changed since (as a patch), the lock files. For tools that log
//! none of it.
//!
//! A repository is foreign input. No git is started and nothing of the repository's is carried out: no hook, no filter, no
//! `fsmonitor`; of its configuration only plain words are read, and no `include` is followed. Nothing is written, the index
//! is not refreshed. Nothing is read outside of the working tree and its git directory, and a git directory that lies
//! elsewhere is read only if it names this working tree back. What looks like a secret is named, never told.

mod attributes;
mod budget;
mod capture;
mod compare;
mod config;
mod content;
mod head;
mod ignore;
mod index;
mod locks;
mod objects;
mod patch;
mod quote;
mod redact;
mod repository;
mod snapshot;
mod staged;
mod stat;
mod untracked;
mod wildmatch;

pub use capture::capture;
pub use snapshot::{
    Change, ChangeKind, Commit, Counts, Gap, Limits, LockFile, LockState, Patch, Shown, Snapshot, Trouble, Untracked,
};
