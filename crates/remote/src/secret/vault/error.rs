//! How a call to the vault fails.

use signalbox_release::{Failure, FailureCode};

use super::MIN_PASSPHRASE_CHARS;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("there is no vault yet")]
    Missing,
    #[error("there is a vault already")]
    Exists,
    #[error("the vault is locked")]
    Locked,
    #[error("this is not the vault's passphrase")]
    WrongPassphrase,
    #[error("a passphrase has at least {MIN_PASSPHRASE_CHARS} characters")]
    Weak,
    #[error("the vault's file is damaged: {0}")]
    Damaged(&'static str),
    #[error("the vault's file was altered by somebody who does not know its passphrase")]
    Altered,
    #[error("the vault's file is of version {0}, which this Signalbox does not know")]
    Newer(u32),
    #[error("the vault holds too much")]
    TooLarge,
    #[error("another Signalbox has been writing to the vault for too long")]
    Busy,
    #[error("this system gives no random numbers")]
    NoRandomness,
    #[error("{path}: {why}")]
    File { path: String, why: String },
}

impl From<VaultError> for Failure {
    fn from(e: VaultError) -> Failure {
        let (code, hint) = match &e {
            VaultError::Missing => (FailureCode::Local, "Make one with a passphrase."),
            VaultError::Locked => (FailureCode::Locked, "Unlock it with its passphrase."),
            VaultError::WrongPassphrase => (FailureCode::Denied, "Type it again; nobody can tell it to you."),
            VaultError::Exists => (FailureCode::Conflict, "Unlock it with its passphrase."),
            VaultError::Weak => (FailureCode::Invalid, "Four words that do not belong together are a good one."),
            VaultError::Damaged(_) | VaultError::Altered => {
                (FailureCode::Local, "Put back a copy of the file; or remove it, make a vault, and store anew.")
            }
            VaultError::Newer(_) => (FailureCode::Local, "Use the newer Signalbox."),
            VaultError::TooLarge => (FailureCode::Local, "Forget what is not needed."),
            VaultError::Busy => (FailureCode::Local, "Close the other one, and try again."),
            VaultError::NoRandomness => (FailureCode::Local, "Nothing was written."),
            VaultError::File { .. } => (FailureCode::Local, "See to it that this file can be read and written."),
        };
        Failure::new(code, e.to_string()).hint(hint)
    }
}
