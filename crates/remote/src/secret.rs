//! What proves who we are. It is read when it is used, sent to one address only, and never printed.

use std::fmt;

/// A text that is never shown: `Debug` tells that there is one, and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How we say who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    None,
    Basic { user: String, password: Secret },
    Bearer { token: Secret },
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
}
