//! Registries and serving systems elsewhere, over HTTP and git: what `signalbox-release`'s ports need of them.
//!
//! Blocking to its callers; the asynchronous part stays behind [`Http`]. What a server answers is never trusted: not
//! its size, not its form, not its paths. A call that changes something is never made twice blindly.

mod alias;
mod cache;
mod counted;
mod gto;
mod http;
mod kserve;
mod mlflow;
mod oci;
mod process;
mod prometheus;
mod ray;
mod secret;
mod v2;

pub use gto::{GtoAt, GtoRegistry, origin_of};
pub use http::{Body, Call, Http, Lost, Patience, Said, Trust};
pub use kserve::{Kserve, KserveAt, Protocol, Reach, Storage};
pub use mlflow::{Lookup, MlflowAt, MlflowRegistry, RunSource};
pub use oci::{OciAt, OciRegistry};
pub use prometheus::{Counted, Prometheus};
pub use ray::{RayAt, RayServe, Share as RayShare};
pub use secret::{
    Asked, Auth, Found, Identity, Kept, Keychain, KeychainAt, KeychainError, KeychainLimits, Kind, Place, Secret,
    Secrets, SecretsAt, Source, SystemKeychain, VaultState, Where, auth_for,
};
pub use v2::{V2At, V2Target};
