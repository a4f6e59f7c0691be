//! JSON with the bare `NaN`, `Infinity` and `-Infinity` that Python's `json.dumps` writes and `serde_json` rejects.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// How a bare word is passed through the parser. A text that really begins with U+0001 is no number anyone logged.
const MARK: char = '\u{1}';
const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Parses one JSON text. What was a bare non-finite number is a number to [`number`].
pub(crate) fn parse(text: &[u8]) -> serde_json::Result<Value> {
    parse_as(text)
}

/// The same into a type of one's own, which asks [`marked`] of every string that may be a number.
pub(crate) fn parse_as<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let text = String::from_utf8_lossy(text);
    serde_json::from_str(&quoted(&text))
}

/// The number that a parsed value is; strings, booleans and null are none.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => marked(s),
        _ => None,
    }
}

/// The number that a parsed string was when it was bare.
pub(crate) fn marked(text: &str) -> Option<f64> {
    text.strip_prefix(MARK)?.parse().ok()
}

/// A parsed value as a person would write it: a text bare, the rest as it stood, with the bare words in it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.strip_prefix(MARK).filter(|word| WORDS.contains(word)).unwrap_or(text).to_owned(),
        other => {
            let bare = |text: String, word: &str| text.replace(&format!("\"\\u0001{word}\""), word);
            WORDS.into_iter().fold(other.to_string(), bare)
        }
    }
}

/// Puts bare non-finite numbers into marked strings.
fn quoted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if memchr::memmem::find(bytes, b"NaN").is_none() && memchr::memmem::find(bytes, b"Infinity").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 32);
    let (mut from, mut i, mut in_string) = (0, 0, false);
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if in_string => i += 1,
            b'"' => in_string = !in_string,
            b'N' | b'I' | b'-' if !in_string => {
                if let Some(word) = WORDS.iter().find(|w| bytes[i..].starts_with(w.as_bytes())) {
                    out.push_str(&text[from..i]);
                    out.push_str("\"\\u0001");
                    out.push_str(word);
                    out.push('"');
                    i += word.len();
                    from = i;
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<f64> {
        number(&parse(text.as_bytes()).unwrap()["x"])
    }

    #[test]
    fn bare_words_are_numbers() {
        assert!(value(r#"{"x": NaN}"#).unwrap().is_nan());
        assert_eq!(value(r#"{"x":Infinity}"#), Some(f64::INFINITY));
        assert_eq!(value(r#"{"y":[NaN,-Infinity],"x":-Infinity}"#), Some(f64::NEG_INFINITY));
        assert_eq!(value(r#"{"x": -1.5, "y": NaN}"#), Some(-1.5));
        assert_eq!(value(r#"{"x": 0.1}"#), Some(0.1));
    }

    #[test]
    fn strings_stay_strings() {
        assert_eq!(value(r#"{"x": "NaN"}"#), None);
        assert_eq!(value(r#"{"x": "a \" NaN", "y": NaN}"#), None);
        assert_eq!(parse(br#"{"x": "\\", "n": NaN, "t": "NaN"}"#).unwrap()["t"], "NaN");
        assert_eq!(value(r#"{"x": true}"#), None);
        assert_eq!(value(r#"{"x": null}"#), None);
    }

    #[test]
    fn other_words_fail() {
        assert!(parse(b"{\"x\": nan}").is_err());
        assert!(parse(b"{\"x\": NaNa}").is_err());
        assert!(parse(b"{\"x\": NaN").is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert_eq!(parse("{\"x\": \"é\u{fffd} NaN\"}".as_bytes()).unwrap()["x"], "é\u{fffd} NaN");
    }
}
