//! Nested JSON as named values: keys joined with ".", as W&B and SwanLab name them.

use serde_json::Value;
use signalbox_types::ParamValue;

use crate::{params, place, secret};

/// So many values below one name are taken.
const MAX_LEAVES: usize = 10_000;

/// Calls `found` with every value that is no object (or an empty one) and its name. `enter(name, object)` says
/// whether an object is looked into.
pub(crate) fn each<'v>(
    name: &str,
    value: &'v Value,
    enter: &mut impl FnMut(&str, &serde_json::Map<String, Value>) -> bool,
    found: &mut impl FnMut(String, &'v Value),
) {
    let mut n_left = MAX_LEAVES;
    walk(name, value, &mut n_left, enter, found);
}

/// Depth is bounded by the parser.
fn walk<'v>(
    name: &str,
    value: &'v Value,
    n_left: &mut usize,
    enter: &mut impl FnMut(&str, &serde_json::Map<String, Value>) -> bool,
    found: &mut impl FnMut(String, &'v Value),
) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            if !enter(name, object) {
                return;
            }
            for (key, inner) in object {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                walk(&place::clean_name(name.as_bytes()), inner, n_left, enter, found);
            }
        }
        _ => {
            if let Some(left) = n_left.checked_sub(1) {
                *n_left = left;
                found(name.to_owned(), value);
            }
        }
    }
}

/// Hyper-parameters of one named value: objects are flattened, lists kept as JSON text, secrets left out.
pub(crate) fn as_params(name: &str, value: &Value, out: &mut Vec<(String, ParamValue)>) {
    each(name, value, &mut |_, _| true, &mut |name, value| {
        let value = params::of_json(value);
        if !secret::is_secret(&name, &value.text()) {
            out.push((name, value));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::lenient;

    fn check(json: &str, expected: &[(&str, &str)]) {
        let mut found = Vec::new();
        as_params("c", &lenient::parse(json.as_bytes()).unwrap(), &mut found);
        let shown: Vec<_> = found.iter().map(|(n, v)| (n.clone(), format!("{v:?}"))).collect();
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(shown, expected, "{json}");
    }

    #[test]
    fn typed_and_named() {
        check("0.1", &[("c", "Number(0.1)")]);
        check(r#"{"a": {"b": true}, "l": [1, "x"]}"#, &[("c.a.b", "Bool(true)"), ("c.l", r#"Text("[1,\"x\"]")"#)]);
        check(
            r#"{"n": null, "e": {}, "t": "1"}"#,
            &[("c.e", r#"Text("{}")"#), ("c.n", r#"Text("null")"#), ("c.t", r#"Text("1")"#)],
        );
        check("NaN", &[("c", r#"Text("NaN")"#)]);
        check("[NaN, 1]", &[("c", r#"Text("[NaN,1]")"#)]);
        check("-Infinity", &[("c", r#"Text("-Infinity")"#)]);
        check("9007199254740993", &[("c", r#"Text("9007199254740993")"#)]);
        check(r#"{"api_key": "abc", "max_tokens": 5}"#, &[("c.max_tokens", "Number(5.0)")]);
    }

    #[test]
    fn no_more_than_the_limit() {
        let many: Vec<String> = (0..MAX_LEAVES + 10).map(|i| format!("\"k{i}\": {i}")).collect();
        let mut found = Vec::new();
        as_params("", &lenient::parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap(), &mut found);
        assert_eq!(found.len(), MAX_LEAVES);
    }
}
