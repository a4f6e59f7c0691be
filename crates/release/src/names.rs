//! Names of things elsewhere. They end in addresses, paths and command lines: each is checked where it comes in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {why}")]
pub struct BadName {
    what: &'static str,
    text: String,
    why: &'static str,
}

const MAX_CHARS: usize = 200;

/// What every name is: something, not too long, without what paths, addresses and terminals give a meaning of their own.
fn check(what: &'static str, text: &str, extra: fn(char) -> bool) -> Result<(), BadName> {
    let bad = |why| Err(BadName { what, text: text.chars().take(MAX_CHARS).collect(), why });
    if text.trim().is_empty() {
        return bad("it is empty");
    }
    if text.chars().count() > MAX_CHARS {
        return bad("it is longer than 200 characters");
    }
    if text.chars().any(|c| c.is_control() || is_directional(c)) {
        return bad("it holds control characters");
    }
    if text == "." || text == ".." || text.starts_with('-') {
        return bad("a path or a program would take it for something else");
    }
    if text.chars().any(|c| matches!(c, '/' | '\\' | ':') || extra(c)) {
        return bad("it holds a character that separates names");
    }
    Ok(())
}

/// Marks that turn the order of what is shown around.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $extra:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                check($what, text, $extra)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(/// A registry or a target, as the policy calls it.
    SystemId, "name of a registry or target", |c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
name!(/// A registered model.
    ModelName, "name of a model", |_| false);
name!(/// A version of a registered model, as its registry numbers them.
    VersionName, "version", |c| c.is_whitespace());
name!(/// An alias (a stage, a tag) that points at a version of a model.
    AliasName, "alias", |c| c.is_whitespace());
name!(/// What a target serves under one address: an endpoint, a model's name, an application.
    ServiceName, "name of a service", |c| c.is_whitespace());
name!(/// A plan: letters and digits that sort by time.
    PlanId, "plan's id", |c| !c.is_ascii_alphanumeric());

/// A version of a model in a registry; `digest` is that of its artifact, where it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VersionRef {
    pub registry: SystemId,
    pub model: ModelName,
    pub version: VersionName,
    pub digest: Option<Digest>,
}

impl VersionRef {
    /// The same version. A digest need not be known; but one that differs tells of another, under a number that was
    /// given anew.
    pub fn is(&self, other: &VersionRef) -> bool {
        (&self.registry, &self.model, &self.version) == (&other.registry, &other.model, &other.version)
            && !matches!((&self.digest, &other.digest), (Some(a), Some(b)) if a != b)
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.model, self.version)
    }
}

/// SHA-256 of some bytes, written as OCI does: `sha256:` and 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// From what a hasher gave.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The 64 hex digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Enough of it to tell versions apart by eye.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName {
            what: "digest",
            text: text.chars().take(MAX_CHARS).collect(),
            why: "it is not sha256: and 64 hex digits",
        };
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.is_ascii()).ok_or_else(bad)?;
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Digest(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// One step of one plan, in one direction. Written into the remote object where it can carry one, so that a call whose
/// answer was lost is found again and never repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpKey(String);

impl OpKey {
    pub fn new(plan: &PlanId, step: usize, back: bool) -> OpKey {
        OpKey(format!("{plan}.{step}{}", if back { ".back" } else { "" }))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for bad in ["", "  ", "..", ".", "a/b", "a\\b", "a:b", "-rf", "a\nb", "a\u{202e}b", "a\0", &"x".repeat(201)] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad:?}");
            assert!(bad.parse::<SystemId>().is_err(), "{bad:?}");
            assert!(bad.parse::<VersionName>().is_err(), "{bad:?}");
        }
        assert!("churn model, v2 (é)".parse::<ModelName>().is_ok());
        assert!("two words".parse::<VersionName>().is_err());
        assert!("a b".parse::<SystemId>().is_err());
        let read: Result<ModelName, _> = serde_json::from_str("\"../x\"");
        assert!(read.is_err(), "a name in a file is checked like any other");
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of("abc");
        // FIPS 180-4's own example.
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse::<Digest>().expect("a digest"), digest);
        for bad in ["", "sha256:", "sha256:zz", &text[7..], "sha512:00", &format!("{text}0"), &text.replace('b', "é")]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
