//! YAML as Python tools write it: bounded in size, Python tags tolerated, values typed.

use std::{io, path::Path};

use serde_norway::{Mapping, Value};
use signalbox_types::{ParamValue, ProblemKind};

use crate::bounded;

/// Larger files are not read: hyper-parameters and run heads are a few KB.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
const MAX_PARAMS: usize = 10_000;
const MAX_TEXT: usize = 1 << 16;

/// Why a YAML file tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum YamlError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("larger than 1 MiB (a limit of Signalbox)")]
    TooLarge,
    #[error("not valid YAML: {0}")]
    Malformed(#[from] serde_norway::Error),
    #[error("not a mapping of names to values")]
    NoMapping,
    #[error("empty")]
    Empty,
}

impl YamlError {
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            YamlError::Io(_) => ProblemKind::Unreadable,
            YamlError::TooLarge => ProblemKind::TooLarge,
            YamlError::Malformed(_) | YamlError::NoMapping | YamlError::Empty => ProblemKind::Malformed,
        }
    }
}

/// Reads a file that holds one mapping. Invalid UTF-8 is replaced.
pub(crate) fn read_mapping(path: &Path, bytes_read: &mut u64) -> Result<Mapping, YamlError> {
    mapping(read_value(path, bytes_read)?)
}

/// Reads a file that holds anything.
pub(crate) fn read_value(path: &Path, bytes_read: &mut u64) -> Result<Value, YamlError> {
    let bytes = bounded::read(path, MAX_BYTES + 1, bytes_read)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(YamlError::TooLarge);
    }
    parse(&bytes)
}

pub(crate) fn parse_mapping(bytes: &[u8]) -> Result<Mapping, YamlError> {
    mapping(parse(bytes)?)
}

fn parse(bytes: &[u8]) -> Result<Value, YamlError> {
    if bytes.trim_ascii().is_empty() {
        return Err(YamlError::Empty);
    }
    Ok(untagged(serde_norway::from_str(&String::from_utf8_lossy(bytes))?))
}

fn mapping(value: Value) -> Result<Mapping, YamlError> {
    match value {
        Value::Mapping(mapping) => Ok(mapping),
        _ => Err(YamlError::NoMapping),
    }
}

/// A scalar as text: ids and names look like numbers now and then.
pub(crate) fn text(mapping: &Mapping, key: &str) -> Option<String> {
    match mapping.get(key)? {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// A whole number, however it is written.
pub(crate) fn integer(mapping: &Mapping, key: &str) -> Option<i64> {
    match mapping.get(key)? {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().and_then(crate::text::number::whole)),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

/// Hyper-parameters by dotted name: nested mappings are flattened, lists are kept as JSON text.
pub(crate) fn params(mapping: Mapping) -> Vec<(String, ParamValue)> {
    let mut out = Vec::new();
    flatten("", mapping, &mut out);
    out
}

fn flatten(prefix: &str, mapping: Mapping, out: &mut Vec<(String, ParamValue)>) {
    for (key, value) in mapping {
        if out.len() >= MAX_PARAMS {
            return;
        }
        let key = match untagged(key) {
            Value::String(s) => s,
            other => json(&other).to_string(),
        };
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        let name = crate::place::clean_name(name.as_bytes());
        match untagged(value) {
            Value::Mapping(inner) if !inner.is_empty() => flatten(&name, inner, out),
            other => out.push((name, param(&other))),
        }
    }
}

fn param(value: &Value) -> ParamValue {
    match value {
        Value::Bool(b) => ParamValue::Bool(*b),
        Value::Number(n) => exact_number(n).map_or_else(|| ParamValue::Text(n.to_string()), ParamValue::Number),
        Value::String(s) => ParamValue::Text(cut_text(s.clone())),
        other => ParamValue::Text(cut_text(json(other).to_string())),
    }
}

/// `None` for NaN, the infinities and whole numbers that a float cannot hold.
fn exact_number(n: &serde_norway::Number) -> Option<f64> {
    let x = n.as_f64().filter(|x| x.is_finite())?;
    let whole_fits = |i: u64| i <= 1 << 53;
    match (n.as_i64(), n.as_u64()) {
        (Some(i), _) => whole_fits(i.unsigned_abs()).then_some(x),
        (None, Some(u)) => whole_fits(u).then_some(x),
        (None, None) => Some(x),
    }
}

/// Texts beyond 64 KiB are cut, with a mark at the end.
pub(crate) fn cut_text(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// Without `!!python/tuple` and the like.
fn untagged(value: Value) -> Value {
    match value {
        Value::Tagged(tagged) => untagged(tagged.value),
        other => other,
    }
}

/// A mapping as JSON: its tags are dropped, and keys that are no text are written as JSON.
pub(crate) fn to_json(mapping: Mapping) -> serde_json::Value {
    json(&Value::Mapping(mapping))
}

fn json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(i), _, _) => i.into(),
            (None, Some(u), _) => u.into(),
            (None, None, Some(x)) if x.is_finite() => x.into(),
            _ => Json::String(n.to_string()),
        },
        Value::String(s) => Json::String(s.clone()),
        Value::Sequence(items) => items.iter().map(json).collect(),
        Value::Mapping(mapping) => {
            let key = |k: &Value| k.as_str().map_or_else(|| json(k).to_string(), str::to_owned);
            Json::Object(mapping.iter().map(|(k, v)| (key(k), json(v))).collect())
        }
        Value::Tagged(tagged) => json(&tagged.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: &[(&str, ParamValue)]) {
        let found = params(parse_mapping(yaml.as_bytes()).unwrap());
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        assert_eq!(found, expected, "{yaml}");
    }

    fn text_of(s: &str) -> ParamValue {
        ParamValue::Text(s.into())
    }

    #[test]
    fn typed_params() {
        check(
            "hidden: 4\nlr: 0.01\nopts: !!python/tuple\n- 1\n- 2\n",
            &[("hidden", ParamValue::Number(4.0)), ("lr", ParamValue::Number(0.01)), ("opts", text_of("[1,2]"))],
        );
        check(
            "amp: false\ntime: null\nname: on\ngit: 12e4567\n",
            &[
                ("amp", ParamValue::Bool(false)),
                ("time", text_of("null")),
                ("name", text_of("on")),
                ("git", text_of("12e4567")),
            ],
        );
        check(
            "model:\n  depth: 3\n  norm: {kind: batch}\n  empty: {}\n",
            &[
                ("model.depth", ParamValue::Number(3.0)),
                ("model.norm.kind", text_of("batch")),
                ("model.empty", text_of("{}")),
            ],
        );
        check(
            "big: 9007199254740993\nnan: .nan\n1: 2\n",
            &[("big", text_of("9007199254740993")), ("nan", text_of(".nan")), ("1", ParamValue::Number(2.0))],
        );
        check("o: !!python/object:m.C\n  a: 1\n", &[("o.a", ParamValue::Number(1.0))]);
        check("{}", &[]);
    }

    #[test]
    fn hostile_yaml_is_an_error() {
        let fails = |bytes: &[u8]| parse_mapping(bytes).unwrap_err().kind();
        assert_eq!(fails(b""), ProblemKind::Malformed);
        assert_eq!(fails(b"- a\n- b\n"), ProblemKind::Malformed);
        assert_eq!(fails(b"a: [b"), ProblemKind::Malformed);
        assert_eq!(fails("[".repeat(100_000).as_bytes()), ProblemKind::Malformed);
        assert_eq!(fails(format!("a: {}", "{x: ".repeat(10_000)).as_bytes()), ProblemKind::Malformed);
        let laughs = (1..30).fold("l0: &l0 lol\n".to_owned(), |s, i| {
            format!("{s}l{i}: &l{i} [{}]\n", vec![format!("*l{}", i - 1); 10].join(","))
        });
        assert_eq!(fails(laughs.as_bytes()), ProblemKind::Malformed);
        assert_eq!(params(parse_mapping(b"a: \"\xff\"").unwrap())[0].1, text_of("\u{fffd}"));
    }
}
