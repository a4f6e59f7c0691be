//! The keychain of this system.
//!
//! Each call opens it anew: one that hangs holds nothing that the next one needs, and a keychain that comes later
//! (a desktop that starts, a bus that is named) is found.

use std::sync::Arc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use zeroize::Zeroize;

use super::{Keychain, KeychainError};
use crate::secret::Secret;

pub struct System {
    /// Under which name its person finds our entries.
    service: String,
}

impl System {
    pub fn new(service: impl Into<String>) -> System {
        System { service: service.into() }
    }

    fn entry(&self, key: &str) -> Result<Entry, KeychainError> {
        open()?.build(&self.service, key, None).map_err(named)
    }
}

impl Keychain for System {
    fn greet(&self) -> Result<(), KeychainError> {
        open().map(drop)
    }

    fn read(&self, key: &str) -> Result<Option<Secret>, KeychainError> {
        match self.entry(key)?.get_secret() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Secret::new(text))),
                Err(e) => {
                    e.into_bytes().zeroize();
                    Err(KeychainError::NoText)
                }
            },
            Err(Error::NoEntry) => Ok(None),
            Err(e) => Err(named(e)),
        }
    }

    fn write(&self, key: &str, secret: &Secret) -> Result<(), KeychainError> {
        self.entry(key)?.set_secret(secret.reveal().as_bytes()).map_err(named)
    }

    fn remove(&self, key: &str) -> Result<(), KeychainError> {
        match self.entry(key)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(e) => Err(named(e)),
        }
    }
}

#[cfg(target_os = "macos")]
fn open() -> Result<Arc<dyn CredentialStoreApi>, KeychainError> {
    let store = apple_native_keyring_store::keychain::Store::new().map_err(|_| KeychainError::Absent)?;
    Ok(store)
}

#[cfg(windows)]
fn open() -> Result<Arc<dyn CredentialStoreApi>, KeychainError> {
    let store = windows_native_keyring_store::Store::new().map_err(|_| KeychainError::Absent)?;
    Ok(store)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn open() -> Result<Arc<dyn CredentialStoreApi>, KeychainError> {
    let store = zbus_secret_service_keyring_store::Store::new().map_err(|_| KeychainError::Absent)?;
    Ok(store)
}

/// An error's own text and form may hold the secret; neither goes further.
fn named(e: Error) -> KeychainError {
    match e {
        Error::NoStorageAccess(_) => KeychainError::Locked,
        Error::TooLong(..) => KeychainError::TooLong,
        Error::BadEncoding(mut bytes) | Error::BadDataFormat(mut bytes, _) => {
            bytes.zeroize();
            KeychainError::NoText
        }
        Error::NoDefaultStore => KeychainError::Absent,
        _ => KeychainError::Failed,
    }
}
