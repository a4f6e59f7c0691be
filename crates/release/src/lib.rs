//! From a run to production: what a promotion will do, the carrying out of it, the way back, and the proof of both.
//!
//! Pure of any protocol: registries and serving systems are ports ([`Registry`], [`Target`]) that `signalbox-remote`
//! implements. Nothing here is `async`; a promotion runs on a thread of its own.

mod audit;
mod carry;
mod embedded;
mod failure;
pub mod gate;
mod golden;
mod journal;
mod look;
mod names;
mod plan;
mod policy;
mod ports;
mod promote;
mod seen;
mod tree;
mod words;

pub use audit::{Audit, AuditEntry, AuditError, Broken};
pub use carry::{Carrier, CarryError, Choice, Clock, Standing, SystemClock};
pub use embedded::Embedded;
pub use failure::{Failure, FailureCode, Outcome};
pub use journal::{End, Journal, Line, Progress, StepState, all as all_plans, lines as plan_lines};
pub use look::{Eye, Look, TO_BE_GIVEN, World};
pub use names::{AliasName, BadName, Digest, ModelName, OpKey, PlanId, ServiceName, SystemId, VersionName, VersionRef};
pub use plan::{Action, Candidate, Expect, Golden, Limits, Plan, Step, TooFew, Who, canonical};
pub use policy::{
    ApprovalGate, Better, Change, DriftGate, Freeze, FreezeText, Gates, HealthAt, KserveProtocol, LatencyGate,
    MetricGate, ModelPolicy, POLICY_FILE, Policy, PolicyError, Proposal, RegistryAt, Roles, ShareAt, StorageAt,
    TargetAt, propose as propose_policy, unix_ms_of,
};
pub use ports::{
    Cancel, Cas, Cx, Deployable, Registration, Registry, RegistryCaps, Request, Split, Target, TargetCaps, Whom,
};
pub use promote::{Goal, Maker, Place, plan};
pub use seen::{Answer, Health, Identity, Model, Observed, Phase, Pointer, Served, Version, VersionState};
pub use tree::{Tree, TreeError, digest_of};
