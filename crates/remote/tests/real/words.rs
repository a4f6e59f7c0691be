//! What the tests beside real registries say alike.

use std::time::Duration;

use signalbox_release::{Cancel, Cx, Failure, OpKey, Outcome, VersionName};

pub fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(120) }
}

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

pub fn key(plan: &str) -> OpKey {
    OpKey::new(&name(plan), 0, false)
}

/// The version that was registered.
pub fn made(outcome: Outcome) -> VersionName {
    let Outcome::Done(answer) = outcome else { panic!("{outcome:?}") };
    name(answer["version"].as_str().expect("a version"))
}

pub fn refused(outcome: Outcome) -> Failure {
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    failure
}
