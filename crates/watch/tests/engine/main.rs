//! The engine on real folders, with a small format of its own and a store in memory: what is tested here is
//! discovery, watching, scheduling and committing. `real.rs` has the real formats and the real store.

mod discovery;
mod gone;
mod live;
mod polling;
mod rig;
mod trouble;
