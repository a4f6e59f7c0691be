//! Snapshots beside the real git: its status, and its `apply` of our patch to a clean clone.
#![cfg(unix)]

mod changes;
mod hostile;
mod layouts;
mod line_endings;
mod locks;
mod random;
mod world;
