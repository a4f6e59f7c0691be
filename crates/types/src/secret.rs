//! What is never told of a run: values that look like keys to something, and what addresses carry of them. People put keys
//! into configurations, and we show them to others.

/// Endings of names under which nobody keeps a hyper-parameter.
const NAMES: [&str; 22] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "credentials",
    "api_key",
    "apikey",
    "access_key",
    "access_key_id",
    "secret_key",
    "secret_access_key",
    "private_key",
    "bearer",
    "access_token",
    "auth_token",
    "refresh_token",
    "bearer_token",
    "session_token",
    "hub_token",
    "hf_token",
    "client_secret",
];

/// How the keys of widely used services begin, and how long they are at least.
const PREFIXES: [(&str, usize); 12] = [
    ("hf_", 16),
    ("sk-", 16),
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

/// Words before `key` or `token` that make it a secret: `ssh_key`, `auth.token`. Others are of the field: `sort_key`.
const OF_SECRETS: [&str; 11] =
    ["api", "access", "auth", "private", "secret", "bearer", "refresh", "hf", "github", "wandb", "ssh"];

/// No token is shorter; `pad_token` and its like are.
const TOKEN_CHARS: usize = 16;

/// Whether a value must not be shown, by its (dotted) name or by how it looks. Empty values, booleans and `null` hide
/// nothing. Lists and maps are looked at as texts: who parses them asks for each item.
pub fn looks_secret(name: &str, value: &str) -> bool {
    if value.trim().is_empty() || matches!(value, "null" | "None" | "true" | "false" | "{}" | "[]") {
        return false;
    }
    let last = name.rsplit(['.', '/', ' ']).next().unwrap_or(name).to_ascii_lowercase().replace('-', "_");
    let is_long_word = value.len() >= TOKEN_CHARS && !value.contains(char::is_whitespace);
    // Also one among other words.
    let mut words_of_value = value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    let looks_so =
        words_of_value.any(|word| PREFIXES.iter().any(|(prefix, n)| word.len() >= *n && word.starts_with(prefix)));
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_pair = |pair: &[&str]| {
        let [of, what] = [pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase()];
        matches!(what.as_str(), "key" | "token" | "pwd") && OF_SECRETS.contains(&of.as_str())
    };
    NAMES.iter().any(|ending| last.ends_with(ending))
        || words.windows(2).any(is_pair)
        || matches!(last.as_str(), "token" | "pwd") && !value.starts_with(['<', '['])
        || value.starts_with("-----BEGIN")
        || last.ends_with("token") && is_long_word && !value.contains('<')
        || looks_so
        || has_credentials(value)
}

/// An address without the user, password, query and fragment that it carries.
pub fn bare_address(url: &str) -> String {
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

/// `scheme://user:password@host`, or a token in the user's place; one address of several is enough.
fn has_credentials(value: &str) -> bool {
    value.match_indices("://").any(|(at, mark)| {
        let rest = &value[at + mark.len()..];
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':') || user.len() >= TOKEN_CHARS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_hyper_parameters() {
        for (name, value) in [
            ("api_key", "abc"),
            ("wandb-api-key", "1"),
            ("wandb.OPENAI_API_KEY", "abc"),
            ("db.password", "x"),
            ("db/password", "x"),
            ("aws-secret-access-key", "x"),
            ("env.AWS_SECRET_ACCESS_KEY", "x"),
            ("hub_token", "x"),
            ("hf_token", "abcdefghijklmnopqrst"),
            ("token", "0123456789abcdef0123"),
            ("token", "x"),
            ("auth.token", "x"),
            ("API-KEY", "x"),
            ("ssh_key", "x"),
            ("apikey", "x"),
            ("note", "-----BEGIN OPENSSH PRIVATE KEY-----"),
            ("note", "hf_0123456789012345678901234567890123"),
            ("note", "sk-abcdefghijklmnopqrst"),
            ("url", "postgres://ml:pw@db/x"),
            ("command", "train.py --docs https://host/a --db postgres://ml:pw@db/x"),
            ("command", "train.py --key sk-abcdefghijklmnopqrst"),
            ("repo", "https://abcdefghijklmnopqrst@host/x.git"),
        ] {
            assert!(looks_secret(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("max_tokens", "4096"),
            ("pad_token", "<|endoftext|><|pad|>"),
            ("mask_token", "[MASK]"),
            ("token", "<s>"),
            ("tokenizer", "bert-base-multilingual-cased"),
            ("hub_token", "null"),
            ("use_auth_token", "false"),
            ("password", ""),
            ("secretary", "x"),
            ("n_secrets_found", "3"),
            ("key", "x"),
            ("sort_key", "x"),
            ("note", "hf_hub"),
            ("note", "sk-learn"),
            ("note", "AKIA"),
            ("url", "git@host:a"),
            ("url", "https://me@host/"),
            ("lr", "0.1"),
            ("commit", "01a1fd2061507ec381fc1fdbd84bd4da01a1fd20"),
            ("url", "https://host/a@b:c"),
        ] {
            assert!(!looks_secret(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn addresses() {
        let check = |url, expected: &str| assert_eq!(bare_address(url), expected);
        check("https://user:tok@github.com/a/b.git", "https://github.com/a/b.git");
        check("https://tok@github.com/a/b@c.git?x=1#y", "https://github.com/a/b@c.git");
        check("ssh://git@host:22/a", "ssh://host:22/a");
        check("git@github.com:a/b.git", "git@github.com:a/b.git");
        check("u:p@github.com:a/b.git", "github.com:a/b.git");
        check("https://host", "https://host");
        check("/local/path", "/local/path");
    }
}
