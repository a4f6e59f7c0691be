//! What must not be shown although a tool wrote it down: names and values that look like secrets.

/// Beginnings of keys that services hand out.
const BEGINNINGS: [&str; 11] =
    ["hf_", "sk-", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "-----BEGIN"];
/// Words that make a name one of a secret.
const WORDS: [&str; 6] = ["password", "passwd", "passphrase", "secret", "credential", "credentials"];
/// Words before `key` or `token` that make it a secret: `api_key`, `auth.token`. Others are of the field:
/// `sort_key`, `pad_token`.
const OF_SECRETS: [&str; 11] =
    ["api", "access", "auth", "private", "secret", "bearer", "refresh", "hf", "github", "wandb", "ssh"];

/// Whether a parameter, tag or attribute looks like a secret by its name, or by a value that is text.
pub(crate) fn looks_secret(name: &str, value: &str) -> bool {
    is_secret_name(name) || is_secret_value(value)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is_pair = |pair: &[&str]| matches!(pair[1], "key" | "token" | "pwd") && OF_SECRETS.contains(&pair[0]);
    words.iter().any(|w| WORDS.contains(w) || matches!(*w, "apikey" | "authtoken" | "accesstoken"))
        || words.windows(2).any(is_pair)
        || matches!(words[..], ["token" | "pwd"])
}

fn is_secret_value(value: &str) -> bool {
    let value = value.trim();
    let is_long = value.len() >= 16 && !value.contains(char::is_whitespace) || value.starts_with("-----");
    if is_long && BEGINNINGS.iter().any(|b| value.starts_with(b)) {
        return true;
    }
    // A URL with a password: `scheme://user:password@host`.
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, p)| !p.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        for name in ["api_key", "API-KEY", "hf_token", "db.password", "token", "aws_secret", "auth.token", "apikey"] {
            assert!(looks_secret(name, "x"), "{name}");
        }
        for name in ["pad_token", "max_tokens", "tokenizer", "sort_key", "key", "lr", "n_secrets_found", ""] {
            assert!(!looks_secret(name, "x"), "{name}");
        }
        for value in ["hf_abcdefghijklmnopqr", "sk-0123456789abcdefgh", "postgres://me:pw@host/db"] {
            assert!(looks_secret("note", value), "{value}");
        }
        for value in ["hf_hub", "sk-learn", "https://host/a:b@c", "git@host:a", "https://me@host/", "AKIA"] {
            assert!(!looks_secret("note", value), "{value}");
        }
    }
}
