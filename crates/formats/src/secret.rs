//! What looks like a secret among hyper-parameters: people put keys into configurations, and we show them to others.

/// Endings of names under which nobody keeps a hyper-parameter.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "credentials",
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "bearer",
];
/// How the tokens of well-known services begin.
const PREFIXES: [&str; 10] = ["sk-", "hf_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA"];
/// No token is shorter; `pad_token` and its like are.
const TOKEN_CHARS: usize = 16;

/// Whether a parameter of this (dotted) name and text is not to be passed on.
pub(crate) fn is_secret(name: &str, text: &str) -> bool {
    let name = name.rsplit(['.', '/']).next().unwrap_or(name).to_ascii_lowercase().replace('-', "_");
    let is_long_word = text.len() >= TOKEN_CHARS && !text.contains(char::is_whitespace);
    NAMES.iter().any(|ending| name.ends_with(ending))
        || name.ends_with("token") && is_long_word && !text.contains('<')
        || is_long_word && PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        || has_password(text)
}

/// `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') || user.len() >= TOKEN_CHARS)
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn secrets_and_hyper_parameters() {
        for (name, text) in [
            ("db.password", "x"),
            ("wandb-api-key", "1"),
            ("env.AWS_SECRET_ACCESS_KEY", "x"),
            ("hf_token", "abcdefghijklmnopqrst"),
            ("note", "sk-abcdefghijklmnopqrst"),
            ("url", "postgres://ml:pw@db/x"),
            ("repo", "https://abcdefghijklmnopqrst@host/x.git"),
        ] {
            assert!(is_secret(name, text), "{name}: {text}");
        }
        for (name, text) in [
            ("pad_token", "<|endoftext|><|pad|>"),
            ("mask_token", "[MASK]"),
            ("max_tokens", "4096"),
            ("tokenizer", "bert-base-multilingual-cased"),
            ("key", "x"),
            ("url", "https://host/a@b:c"),
            ("lr", "0.1"),
        ] {
            assert!(!is_secret(name, text), "{name}: {text}");
        }
    }
}
