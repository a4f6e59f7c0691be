//! Tests only: writers of event files, growing streams, projects of many files.

pub mod tfevents;
pub mod told;
