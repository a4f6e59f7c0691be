//! A JSON object as hyper-parameters by dotted name.

use serde_json::{Map, Value};
use signalbox_types::ParamValue;

use crate::{jsonl::lenient, params, place, secret, yaml};

const MAX_PARAMS: usize = 10_000;

/// The values of `object`, nested ones under `outer.inner`; lists are kept as JSON text. What looks like a secret is
/// left out.
pub(crate) fn of_object(object: &Map<String, Value>) -> Vec<(String, ParamValue)> {
    let mut out = Vec::new();
    flatten("", object, &mut out);
    out
}

/// A value as a person would write it: text bare, the rest as JSON.
pub(crate) fn text(value: &Value) -> String {
    yaml::cut_text(lenient::text(&plain(value)))
}

fn flatten(prefix: &str, object: &Map<String, Value>, out: &mut Vec<(String, ParamValue)>) {
    for (key, value) in object {
        if out.len() >= MAX_PARAMS {
            return;
        }
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let name = place::clean_name(name.as_bytes());
        let value = unpickled(value);
        match value {
            // Depth is bounded by the parser.
            Value::Object(inner) if !inner.is_empty() => flatten(&name, inner, out),
            _ if secret::holds_secret(&name, value) => {}
            _ => out.push((name, params::of_json(&plain(value)))),
        }
    }
}

/// Python's tuples and NumPy's numbers as `jsonpickle` writes them, without their wrapping.
fn unpickled(value: &Value) -> &Value {
    let Value::Object(object) = value else { return value };
    let list = object.get("py/tuple").or_else(|| object.get("py/set")).filter(|_| object.len() == 1);
    let scalar = object.get("value").filter(|v| object.contains_key("py/object") && !v.is_object());
    list.or(scalar).unwrap_or(value)
}

fn plain(value: &Value) -> Value {
    match unpickled(value) {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(object) => Value::Object(object.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[(&str, ParamValue)]) {
        let Value::Object(object) = lenient::parse(json.as_bytes()).unwrap() else { panic!("no object") };
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        assert_eq!(of_object(&object), expected, "{json}");
    }

    fn text_of(s: &str) -> ParamValue {
        ParamValue::Text(s.into())
    }

    #[test]
    fn typed_params() {
        check(
            r#"{"a": {"b": 1, "c": {}}, "d": [1, NaN], "e": null, "f": true, "g": -Infinity, "h": "x"}"#,
            &[
                ("a.b", ParamValue::Number(1.0)),
                ("a.c", text_of("{}")),
                ("d", text_of("[1,NaN]")),
                ("e", text_of("null")),
                ("f", ParamValue::Bool(true)),
                ("g", text_of("-Infinity")),
                ("h", text_of("x")),
            ],
        );
        check(
            r#"{"n": 9007199254740993, "s": {"py/tuple": [1, 2]}, "v": {"py/object": "numpy.float64", "value": 0.5}}"#,
            &[("n", text_of("9007199254740993")), ("s", text_of("[1,2]")), ("v", ParamValue::Number(0.5))],
        );
    }

    #[test]
    fn secrets_are_left_out() {
        check(
            r#"{"db": {"password": "x", "url": "postgres://a:b@c"}, "keys": ["sk-0123456789abcdef"], "lr": 1}"#,
            &[("lr", ParamValue::Number(1.0))],
        );
        check(r#"{"list": [{"api_key": "x"}], "use_secret": true}"#, &[("use_secret", ParamValue::Bool(true))]);
    }
}
