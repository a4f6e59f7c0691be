//! How a call to a system elsewhere ends.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What kind of failure it was; what one does next depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// Nobody answers at that address.
    Unreachable,
    /// No answer in time, or an answer that broke off.
    TimedOut,
    /// Who we are is not known, or not allowed to do this.
    Denied,
    /// What proves who we are is locked away: a person has to unlock it.
    Locked,
    /// The thing is not there.
    NotFound,
    /// The thing is not as it was seen: another has changed it.
    Conflict,
    /// The system takes the call for wrong.
    Invalid,
    /// The system asks to be left alone for a while.
    Busy,
    /// The system says that it failed itself, or answers what it should not.
    Server,
    /// This machine cannot do its part (a file, a program, a port).
    Local,
    /// The person stopped it.
    Cancelled,
}

/// Why a call did not do what was asked, in words for a person. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub code: FailureCode,
    pub message: String,
    /// The next action.
    pub hint: Option<String>,
    /// The system's own answer.
    pub raw: Option<Value>,
}

impl Failure {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), hint: None, raw: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub fn raw(mut self, raw: Value) -> Failure {
        self.raw = Some(raw);
        self
    }
}

/// How a call that changes something ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The system says that it did it; its own answer.
    Done(Value),
    /// It was not done, and will not be: the system said no before it began, or never heard of it.
    Refused(Failure),
    /// Nobody knows whether it was done: the answer was lost. One looks; one does not ask again.
    Unknown(Failure),
}
