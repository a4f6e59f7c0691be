//! What is kept for systems elsewhere, never what it is: a secret crosses once, from the page, when it is typed.

use serde::{Deserialize, Serialize};
use signalbox_remote::Secret;
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, TS)]
pub struct SecretsView {
    /// Why the system's keychain cannot be used; `None`: it can.
    pub keychain: Option<super::FailureView>,
    /// `missing`, `locked` or `open`.
    pub vault: String,
    /// Newest first.
    pub kept: Vec<KeptView>,
    /// Why the list of them cannot be read.
    pub failure: Option<super::FailureView>,
    /// The systems that the open projects' policies name, as far as the person has allowed them.
    pub systems: Vec<SystemSecretView>,
}

/// Something that the person has stored.
#[derive(Clone, Debug, Serialize, TS)]
pub struct KeptView {
    pub kind: String,
    pub origin: String,
    /// Of a password; a token has none.
    pub user: Option<String>,
    /// `keychain` or `vault`.
    pub at: String,
    pub stored: f64,
}

/// Whom a system would be told that we are.
#[derive(Clone, Debug, Serialize, TS)]
pub struct SystemSecretView {
    pub project: u32,
    /// As the policy calls it.
    pub name: String,
    pub kind: String,
    pub origin: String,
    /// Where the credential comes from: `~/.docker/config.json`. `None`: there is none.
    pub from: Option<String>,
    pub user: Option<String>,
    /// What is wrong with that place, though it is used.
    pub warning: Option<String>,
    pub failure: Option<super::FailureView>,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[ts(optional_fields)]
pub struct StoreSecret {
    /// `mlflow`, `oci`, `git`, `ray`, `v2`, `prometheus` or `database`.
    pub kind: String,
    /// Any address at the system; scheme, host and port count.
    pub url: String,
    /// With it the secret is this user's password, without it a token.
    pub user: Option<String>,
    #[ts(type = "string")]
    pub secret: Secret,
}

/// Where it was stored.
#[derive(Clone, Debug, Serialize, TS)]
pub struct StoredAt {
    /// `keychain` or `vault`.
    pub at: String,
}

#[derive(Clone, Debug, Deserialize, TS)]
#[ts(optional_fields)]
pub struct ForgetSecret {
    pub kind: String,
    pub url: String,
    pub user: Option<String>,
}

#[derive(Clone, Debug, Deserialize, TS)]
pub struct Passphrase {
    #[ts(type = "string")]
    pub passphrase: Secret,
}
