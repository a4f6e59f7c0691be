//! What proves who we are. It is read when it is used, sent to one address only, and never printed.

mod asked;
mod files;
mod index;
mod keychain;
mod place;
mod secrets;
mod tools;
mod vault;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use zeroize::Zeroize;

pub use asked::{Asked, Identity, auth_for};
pub use keychain::{Keychain, KeychainError, KeychainLimits, System as SystemKeychain};
pub use place::{Kind, Place};
pub use secrets::{Found, Kept, KeychainAt, Secrets, SecretsAt, Source, VaultState, Where};

/// A text that is never shown: `Debug` tells that there is one, and no more. Its memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// It can be read, and there is no way to write it. No error repeats what was there in its place.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
                Err(E::custom("a secret is a text"))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom("a secret is a text"))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
                Err(E::custom("a secret is a text"))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom("a secret is a text"))
            }
        }

        // Not as a string: then the reader would name what it found itself.
        d.deserialize_any(Text)
    }
}

/// A thread that panicked while it held a lock left whole values behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How we say who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    None,
    /// In a container registry the user `<token>` says, as Docker's credential helpers do, that the password is a
    /// refresh token for the registry's token server, and no password.
    Basic {
        user: String,
        password: Secret,
    },
    Bearer {
        token: Secret,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let auth = Auth::Basic { user: "ada".into(), password: Secret::new("hunter2") };
        assert_eq!(format!("{auth:?}"), "Basic { user: \"ada\", password: Secret(…) }");
        assert_eq!(format!("{:?}", Auth::Bearer { token: Secret::new("hunter2") }), "Bearer { token: Secret(…) }");
    }

    #[test]
    fn a_secret_is_read_and_what_is_none_is_not_repeated() {
        let read = |json: &str| serde_json::from_str::<Secret>(json);
        assert_eq!(read("\"hunter2\"").expect("a text"), Secret::new("hunter2"));
        assert_eq!(read("\"\\u00e9\"").expect("a text"), Secret::new("é"));
        for odd in ["1234", "-1234", "1234.5", "[\"1234\"]", "{\"1234\":1}", "null", "true"] {
            let e = read(odd).expect_err(odd).to_string();
            assert!(!e.contains("1234"), "{e}");
            let e = serde_json::from_value::<Secret>(odd.parse().expect("JSON")).expect_err(odd).to_string();
            assert!(!e.contains("1234"), "{e}");
        }
    }
}
