//! The head of `catboost_training.json`: what the fit was asked to do.

use std::{io, path::Path};

use serde_json::{Deserializer, Map, Value};
use signalbox_types::{ParamValue, ProblemKind};

use crate::{bounded, place, yaml};

/// The meta data stand first, before the iterations; they hold a name for each metric and set.
const HEADS: [u64; 2] = [1 << 12, 1 << 18];

/// What the meta data say.
pub(super) struct Meta {
    pub params: Vec<(String, ParamValue)>,
    /// A training that evaluates nothing.
    pub no_test: bool,
    pub checksum: u32,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum MetaError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Written a moment ago, and not to its end.
    #[error("not written to its end")]
    Unfinished,
    #[error("not what CatBoost writes: {0}")]
    Malformed(String),
}

impl MetaError {
    pub(super) fn kind(&self) -> ProblemKind {
        match self {
            MetaError::Io(_) => ProblemKind::Unreadable,
            MetaError::Unfinished | MetaError::Malformed(_) => ProblemKind::Malformed,
        }
    }
}

impl Meta {
    pub(super) fn read(path: &Path, bytes_read: &mut u64) -> Result<Meta, MetaError> {
        let mut found = Err(MetaError::Unfinished);
        for len in HEADS {
            let head = bounded::read(path, len, bytes_read)?;
            found = Meta::parse(&head);
            if !matches!(found, Err(MetaError::Unfinished)) || (head.len() as u64) < len {
                return found;
            }
        }
        match found {
            Err(MetaError::Unfinished) => Err(MetaError::Malformed("its meta data are longer than 256 KiB".to_owned())),
            other => other,
        }
    }

    /// `{"meta":{…},"iterations":[…` as far as the end of the first value.
    fn parse(head: &[u8]) -> Result<Meta, MetaError> {
        let mut rest = head;
        for token in [&b"{"[..], b"\"meta\"", b":"] {
            rest = rest.trim_ascii_start();
            match rest.strip_prefix(token) {
                Some(after) => rest = after,
                None if token.starts_with(rest) => return Err(MetaError::Unfinished),
                None => return Err(MetaError::Malformed("it does not begin with its meta data".to_owned())),
            }
        }
        let mut values = Deserializer::from_slice(rest).into_iter::<Value>();
        let meta = match values.next() {
            Some(Ok(Value::Object(meta))) => meta,
            Some(Ok(_)) => return Err(MetaError::Malformed("its meta data are no object".to_owned())),
            Some(Err(e)) if !e.is_eof() => return Err(MetaError::Malformed(e.to_string())),
            Some(Err(_)) | None => return Err(MetaError::Unfinished),
        };
        let text = &rest[..values.byte_offset().min(rest.len())];
        // Zero stands for meta data that were never read.
        let checksum = crc32c::crc32c(text).max(1);
        Ok(Meta { no_test: has_no_test(&meta), params: params(&meta), checksum })
    }
}

/// CatBoost opens `test_error.tsv` only for a test set, and leaves an older fit's where it is.
fn has_no_test(meta: &Map<String, Value>) -> bool {
    meta.get("launch_mode").and_then(Value::as_str) == Some("Train")
        && meta.get("test_sets").and_then(Value::as_array).is_some_and(Vec::is_empty)
}

/// What was asked for. The sets and metrics are the series themselves, and `parameters` is empty but for searches.
fn params(meta: &Map<String, Value>) -> Vec<(String, ParamValue)> {
    let known = ["iteration_count", "launch_mode", "name", "parameters"];
    let param = |key: &str| {
        let value = match meta.get(key)? {
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => ParamValue::Text(yaml::cut_text(place::clean_name(text.as_bytes()))),
            Value::Number(n) => ParamValue::Number(n.as_f64()?),
            Value::Null => return None,
            other => ParamValue::Text(yaml::cut_text(other.to_string())),
        };
        Some((key.to_owned(), value))
    };
    known.into_iter().filter_map(param).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = Meta::parse(text.as_bytes()).map(|m| m.params).map_err(|e| e.to_string());
        let found: Result<Vec<(String, String)>, String> =
            found.map(|params| params.into_iter().map(|(name, value)| (name, value.text())).collect());
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found, expected.map(owned).map_err(str::to_owned), "{text:.60}");
    }

    #[test]
    fn heads() {
        check(
            "{\n\"meta\":{\"launch_mode\":\"Train\",\"parameters\":\"\",\"iteration_count\":15},\n\"iterations\":[\n{\"le",
            Ok(&[("iteration_count", "15"), ("launch_mode", "Train")]),
        );
        check("{\"meta\":{\"parameters\":\"depth\",\"iteration_count\":null}}", Ok(&[("parameters", "depth")]));
        check("{\n\"meta\":{\"launch_mode\":\"Tr", Err("not written to its end"));
        check("{\n\"me", Err("not written to its end"));
        check("", Err("not written to its end"));
        check("[1]", Err("not what CatBoost writes: it does not begin with its meta data"));
        check("{\"iterations\":[]}", Err("not what CatBoost writes: it does not begin with its meta data"));
        check("{\"meta\":5}", Err("not what CatBoost writes: its meta data are no object"));
        assert!(matches!(Meta::parse(b"{\"meta\":{\"a\" 1}}"), Err(MetaError::Malformed(_))));
        let deep = format!("{{\"meta\":{}", "[".repeat(200_000));
        assert!(matches!(Meta::parse(deep.as_bytes()), Err(MetaError::Malformed(_))));
    }

    #[test]
    fn a_training_without_test_sets() {
        let no_test = |text: &str| Meta::parse(text.as_bytes()).unwrap().no_test;
        assert!(no_test("{\"meta\":{\"launch_mode\":\"Train\",\"test_sets\":[]}}"));
        assert!(!no_test("{\"meta\":{\"launch_mode\":\"Train\",\"test_sets\":[\"test\"]}}"));
        assert!(!no_test("{\"meta\":{\"launch_mode\":\"Train\"}}"));
        assert!(!no_test("{\"meta\":{\"launch_mode\":\"CV\",\"test_sets\":[]}}"));
    }
}
