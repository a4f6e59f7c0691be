//! The vocabulary every other crate speaks: what a run, a point, a source and a problem are.
//!
//! No IO, no time, no randomness here. Types whose fields are public have no invariant.

mod batch;
mod days;
mod ids;
mod json;
mod media;
mod point;
mod problem;
mod run;
mod secret;

pub use batch::{Batch, Cursor, DatasetRef, ModelRef, PurgeMark, RunDelta, RunHead, SeriesDelta};
pub use days::days_from_civil;
pub use ids::{MetricId, ProjectId, RunId, SourceId};
pub use json::number_json;
pub use media::{MediaItem, MediaKind};
pub use point::{Point, Points};
pub use problem::{Problem, ProblemKind};
pub use run::{Format, Lifecycle, ParamValue, Status};
pub use secret::{bare_address, looks_secret};
