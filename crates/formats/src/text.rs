//! Text logs: numbers, times and steps as people and tools write them, lines, and files that grow.

pub(crate) mod clock;
pub(crate) mod lines;
pub(crate) mod number;
pub(crate) mod step;
pub(crate) mod tail;
