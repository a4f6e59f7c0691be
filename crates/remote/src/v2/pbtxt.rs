//! `config.pbtxt`, Triton's configuration of a model (protobuf's text form): written, and a name changed in it.

use serde_json::Value;
use signalbox_release::{Failure, FailureCode};

use super::signature::{Form, Signature, Tensor};

/// Where our label stands among a model's parameters.
pub const PARAMETER: &str = "signalbox";

pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn parameter(key: &str, value: &str) -> String {
    format!("parameters {{ key: {} value {{ string_value: {} }} }}\n", quoted(key), quoted(value))
}

/// For a model that our own `model.py` serves.
pub fn of_mlflow(name: &str, signature: &Signature, label: &str) -> String {
    let form = match signature.form {
        Form::Columns => "columns",
        Form::Array => "array",
        Form::Arrays => "arrays",
    };
    let mut out = format!("name: {}\nbackend: \"python\"\nmax_batch_size: 0\n", quoted(name));
    let mut list = |what: &str, tensors: &[Tensor]| {
        for Tensor { name, kind, dims } in tensors {
            out += &format!("{what} {{ name: {} data_type: {kind} dims: {dims:?} }}\n", quoted(name));
        }
    };
    list("input", &signature.inputs);
    list("output", &signature.outputs);
    out + "instance_group { kind: KIND_CPU }\n" + &parameter("signalbox.form", form) + &parameter(PARAMETER, label)
}

/// A model that hands each request on to another, inside the server; `config`: that one's own, as the server tells it.
pub fn of_ensemble(name: &str, of: &str, config: &Value, label: &str) -> Result<String, Failure> {
    let odd = || {
        let why = format!("the configuration that the server tells of {of} has no inputs and outputs");
        Failure::new(FailureCode::Server, why).raw(config.clone())
    };
    let batch = config["max_batch_size"].as_i64().unwrap_or(0);
    let mut out = format!("name: {}\nplatform: \"ensemble\"\nmax_batch_size: {batch}\n", quoted(name));
    let mut step = format!("model_name: {} model_version: -1", quoted(of));
    for (what, map) in [("input", "input_map"), ("output", "output_map")] {
        let tensors = config[what].as_array().filter(|all| !all.is_empty()).ok_or_else(odd)?;
        for one in tensors {
            let tensor = one["name"].as_str().ok_or_else(odd)?;
            let kind = one["data_type"].as_str().ok_or_else(odd)?;
            if !kind.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
                return Err(odd());
            }
            let dims = one["dims"].as_array().ok_or_else(odd)?;
            let dims: Vec<i64> = dims.iter().map(|dim| dim.as_i64().ok_or_else(odd)).collect::<Result<_, _>>()?;
            let optional = if one["optional"] == true { " optional: true" } else { "" };
            out += &format!("{what} {{ name: {} data_type: {kind} dims: {dims:?}{optional} }}\n", quoted(tensor));
            step += &format!(" {map} {{ key: {0} value: {0} }}", quoted(tensor));
        }
    }
    Ok(format!("{out}ensemble_scheduling {{ step {{ {step} }} }}\n{}", parameter(PARAMETER, label)))
}

/// Somebody's own configuration under another name, with our label.
pub fn renamed(text: &str, name: &str, label: &str) -> Result<String, Failure> {
    if text.contains(&quoted(PARAMETER)) {
        let why = "its config.pbtxt carries a label of Signalbox already";
        return Err(Failure::new(FailureCode::Invalid, why).hint("Register the folder as it was before."));
    }
    let mut out = String::new();
    let (mut depth, mut rest) = (0usize, text);
    while let Some(c) = rest.chars().next() {
        let n = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => text_length(rest, c)?,
            c if c.is_ascii_alphabetic() => {
                let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                if depth == 0 && &rest[..word] == "name" {
                    let value = rest[word..].trim_start_matches([' ', '\t', '\r', '\n', ':']);
                    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(unread)?;
                    rest = &value[text_length(value, quote)?..];
                    continue;
                }
                word
            }
            c => {
                depth = match c {
                    '{' | '[' => depth + 1,
                    '}' | ']' => depth.checked_sub(1).ok_or_else(unread)?,
                    _ => depth,
                };
                c.len_utf8()
            }
        };
        out.push_str(&rest[..n]);
        rest = &rest[n..];
    }
    if depth != 0 {
        return Err(unread());
    }
    Ok(format!("name: {}\n{}\n{}", quoted(name), out.trim(), parameter(PARAMETER, label)))
}

fn unread() -> Failure {
    Failure::new(FailureCode::Invalid, "its config.pbtxt cannot be read")
}

/// The length of a quoted text, with its quotes.
fn text_length(text: &str, quote: char) -> Result<usize, Failure> {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Ok(i + 1),
            _ => {}
        }
    }
    Err(unread())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_changed_and_nothing_else() {
        let text = "# name: \"x\"\nname: \"a\\\"b\"\nbackend: 'python'\ninput [ { name: \"x\" } ]\n";
        assert_eq!(
            renamed(text, "iris--1", "l\"b").expect("read"),
            "name: \"iris--1\"\n# name: \"x\"\n\nbackend: 'python'\ninput [ { name: \"x\" } ]\nparameters { key: \"signalbox\" value { string_value: \"l\\\"b\" } }\n"
        );
        for bad in ["name: x", "input {", "}", "name: \"x", "parameters { key: \"signalbox\" }"] {
            assert!(renamed(bad, "n", "l").is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ensemble_has_the_tensors_of_what_it_hands_on_to() {
        let config = json!({ "max_batch_size": 0, "input": [{ "name": "a\"", "data_type": "TYPE_FP64", "dims": [-1, 1] }],
            "output": [{ "name": "y", "data_type": "TYPE_INT64", "dims": [-1] }] });
        let text = of_ensemble("iris", "iris--1", &config, "l").expect("a configuration");
        assert!(text.contains("input { name: \"a\\\"\" data_type: TYPE_FP64 dims: [-1, 1] }"), "{text}");
        assert!(text.contains("output_map { key: \"y\" value: \"y\" }"), "{text}");
        for bad in [json!({}), json!({ "input": [{ "name": "a", "data_type": "X } evil {", "dims": [1] }] })] {
            assert!(of_ensemble("iris", "iris--1", &bad, "l").is_err(), "{bad}");
        }
    }
}
