//! Registries and serving systems elsewhere, over HTTP: what `signalbox-release`'s ports need of them.
//!
//! Blocking to its callers; the asynchronous part stays behind [`Http`]. What a server answers is never trusted: not
//! its size, not its form, not its paths. A call that changes something is never made twice blindly.

mod http;
mod kserve;
mod mlflow;
mod secret;

pub use http::{Body, Call, Http, Lost, Patience, Trust};
pub use kserve::{Kserve, KserveAt, Protocol, Reach, Storage};
pub use mlflow::{Lookup, MlflowAt, MlflowRegistry, RunSource};
pub use secret::{Auth, Secret};
