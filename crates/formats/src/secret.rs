//! Secrets in what a source says of a run: the rules of `signalbox_types::looks_secret`, also within lists and maps.

use serde_json::Value;
use signalbox_types::looks_secret;

use crate::jsonl::lenient;

/// Longer texts are looked at as they are.
const MAX_TEXT: usize = 1 << 20;

/// Whether a value must not be shown, by its (dotted) name or by how it looks.
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    if value.starts_with(['[', '{']) && value.len() <= MAX_TEXT {
        // A list or a map is as secret as what it holds.
        if let Ok(inner) = lenient::parse(value.as_bytes())
            && (inner.is_array() || inner.is_object())
        {
            return holds_secret(name, &inner);
        }
    }
    looks_secret(name, value)
}

/// The same of a parsed value: a list or a map is as secret as what it holds. The parser bounds how deep it is.
pub(crate) fn holds_secret(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => is_secret(name, text),
        Value::Array(items) => items.iter().any(|item| holds_secret(name, item)),
        Value::Object(object) => object.iter().any(|(key, inner)| holds_secret(key, inner)),
        Value::Null | Value::Bool(_) => false,
        Value::Number(n) => is_secret(name, &n.to_string()),
    }
}

/// Whether a line that a program printed shows one: `NAME=value`, `"name": "value"`, or what looks like one anywhere.
pub fn line_holds_secret(line: &str) -> bool {
    let is_edge =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '{' | '}' | '(' | ')' | '[' | ']' | ';');
    let named = line.match_indices(['=', ':']).any(|(at, mark)| {
        let name = line[..at].trim_end_matches(is_edge).rsplit(is_edge).next().unwrap_or_default();
        let value = line[at + mark.len()..].trim_start_matches(is_edge).split(is_edge).next().unwrap_or_default();
        !name.is_empty() && is_secret(name, value)
    });
    named || is_secret("", line)
}

#[cfg(test)]
mod tests {
    use super::{is_secret, line_holds_secret};

    #[test]
    fn lines_that_show_one() {
        for line in [
            "export WANDB_API_KEY=abc",
            r#"config: {"lr": 0.1, "api_key": "abc", "x": 1}"#,
            "password : hunter2",
            "cloning https://ada:hunter2@example.org/x.git",
            "using hf_abcdefghijklmnopqrst now",
        ] {
            assert!(line_holds_secret(line), "{line}");
        }
        for line in [
            "",
            "epoch 3: loss=0.25 acc=0.5",
            "2026-11-23 10:00:00 tokens: 1024, pad_token: <pad>",
            "see https://example.org/a?b=c",
            "key=value sort_key=1",
            "::: === :",
            "é=ü:ß",
        ] {
            assert!(!line_holds_secret(line), "{line}");
        }
    }

    #[test]
    fn lists_and_maps_are_as_secret_as_what_they_hold() {
        for (name, value) in [
            ("keys", "[\"hf_0123456789abcdefghij\"]"),
            ("servers", "[{\"host\": \"a\", \"api_key\": \"x\"}]"),
            ("db/password", "x"),
        ] {
            assert!(is_secret(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("layers", "[64, 64]"),
            ("heads", "[{\"n\": 1, \"name\": \"a\"}]"),
            ("password", "[]"),
            ("mask_token", "[MASK]"),
        ] {
            assert!(!is_secret(name, value), "{name}: {value}");
        }
    }
}
