//! What is never told of a run: values that look like keys to something, and what addresses carry of them.

/// Words of which one as a name's last part (words joined with `_`) makes the value a secret.
const NAMES: [&str; 20] = [
    "api_key",
    "apikey",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secret_key",
    "client_secret",
    "private_key",
    "access_key",
    "access_key_id",
    "secret_access_key",
    "access_token",
    "auth_token",
    "refresh_token",
    "bearer_token",
    "session_token",
    "hub_token",
    "hf_token",
    "credentials",
];

/// How the keys of widely used services begin, and how long they are at least.
const PREFIXES: [(&str, usize); 12] = [
    ("hf_", 30),
    ("sk-", 30),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 35),
];

/// Whether a value must not be shown, by its name or by how it looks. Empty values, booleans and `null` hide nothing.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    if value.trim().is_empty() || matches!(value, "null" | "None" | "true" | "false" | "{}" | "[]") {
        return false;
    }
    let last = name.rsplit(['.', '/', ' ']).next().unwrap_or(name).to_ascii_lowercase().replace('-', "_");
    let by_name = NAMES.iter().any(|n| last.strip_suffix(n).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')));
    // A short `token` is a piece of text (`<pad>`), a long one without blanks opens something.
    let is_token = last == "token" && value.len() >= 16 && !value.contains(char::is_whitespace);
    let looks_so = PREFIXES.iter().any(|(prefix, n)| {
        value.starts_with(prefix)
            && value.len() >= *n
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    });
    by_name || is_token || looks_so || has_credentials(value)
}

/// An address with a password in it.
fn has_credentials(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', ' ']).next());
    authority.and_then(|a| a.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

/// An address without the user, password, query and fragment that it carries.
pub(crate) fn address(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // `git@host:path` names a user that everybody has; one with a password is cut.
        return match url.split_once('@') {
            Some((user, rest)) if user.contains(':') => rest.to_owned(),
            _ => url.to_owned(),
        };
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let host = host.split(['?', '#']).next().unwrap_or(host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_looks() {
        for (name, value) in [
            ("api_key", "abc"),
            ("wandb.OPENAI_API_KEY", "abc"),
            ("db/password", "x"),
            ("aws-secret-access-key", "x"),
            ("hub_token", "x"),
            ("token", "0123456789abcdef0123"),
            ("note", "hf_0123456789012345678901234567890123"),
            ("url", "postgres://me:pw@host/db"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("max_tokens", "512"),
            ("pad_token", "<pad>"),
            ("token", "<s>"),
            ("tokenizer", "gpt2"),
            ("hub_token", "null"),
            ("password", ""),
            ("secretary", "x"),
            ("use_auth_token", "false"),
            ("commit", "01a1fd2061507ec381fc1fdbd84bd4da01a1fd20"),
            ("url", "https://host/path"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }

    #[test]
    fn addresses() {
        let check = |url, expected: &str| assert_eq!(address(url), expected);
        check("https://user:tok@github.com/a/b.git", "https://github.com/a/b.git");
        check("https://tok@github.com/a/b@c.git?x=1#y", "https://github.com/a/b@c.git");
        check("ssh://git@host:22/a", "ssh://host:22/a");
        check("git@github.com:a/b.git", "git@github.com:a/b.git");
        check("u:p@github.com:a/b.git", "github.com:a/b.git");
        check("https://host", "https://host");
        check("/local/path", "/local/path");
    }
}
