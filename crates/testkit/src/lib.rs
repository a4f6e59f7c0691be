//! Tests only: writers of event files, growing streams, projects of many files, a network that fails.

pub mod fake;
pub mod proxy;
pub mod tfevents;
pub mod told;
