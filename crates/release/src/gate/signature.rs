//! Whether who calls the version in production can call the candidate, without a change.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Ruling, Verdict};

/// A model's signature as MLflow writes it into `MLmodel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    pub inputs: Vec<Field>,
    pub outputs: Vec<Field>,
}

/// A column or a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// None: the only one, without a name.
    pub name: Option<String>,
    /// `double`, `long`, `string`, …; for a tensor its dtype and shape, −1 for any length.
    pub kind: String,
    pub required: bool,
}

/// Reads the signature of the MLflow model in a folder. `Ok(None)`: it has none.
pub fn signature_of(model: &Path) -> Result<Option<Signature>, String> {
    let path = model.join("MLmodel");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let model: serde_norway::Value = serde_norway::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let Some(signature) = model.get("signature").filter(|s| !s.is_null()) else { return Ok(None) };
    let side = |key: &str| -> Result<Vec<Field>, String> {
        let Some(text) = signature.get(key).and_then(|v| v.as_str()) else { return Ok(Vec::new()) };
        let list: Vec<Value> =
            serde_json::from_str(text).map_err(|e| format!("{}: signature.{key}: {e}", path.display()))?;
        Ok(list.iter().map(field).collect())
    };
    Ok(Some(Signature { inputs: side("inputs")?, outputs: side("outputs")? }))
}

/// A column is `{"name", "type", "required"}`, a tensor `{"type": "tensor", "tensor-spec": {"dtype", "shape"}}`.
fn field(value: &Value) -> Field {
    let kind = match (value["type"].as_str(), &value["tensor-spec"]) {
        (Some("tensor"), spec) => format!("{} {}", spec["dtype"].as_str().unwrap_or("?"), spec["shape"]),
        (Some(name), _) => match value.get("items").or_else(|| value.get("properties")) {
            Some(inner) => format!("{name} of {inner}"),
            None => name.to_owned(),
        },
        (None, _) => "?".to_owned(),
    };
    Field {
        name: value["name"].as_str().map(str::to_owned),
        kind,
        required: value["required"].as_bool().unwrap_or(true),
    }
}

/// The candidate takes all that the version in production takes, and gives what it gives.
///
/// What is asked for in addition must be optional: callers do not send it. A column that is no longer read is allowed
/// (MLflow ignores what a signature does not name). Numbers may be taken more widely (`integer` as `long` or `double`).
pub fn signature(candidate: Option<&Signature>, production: Option<&Signature>) -> Verdict {
    const GATE: &str = "signature";
    let evidence = json!({ "candidate": candidate, "production": production });
    let say = |ruling, says: String| Verdict::new(GATE, ruling, says).with(evidence.clone());
    let (candidate, production) = match (candidate, production) {
        (_, None) => return say(Ruling::Skipped, "nothing is in production that tells its signature".into()),
        (None, Some(_)) => {
            return say(
                Ruling::Inconclusive,
                "the candidate has no signature, and the version in production has one".into(),
            );
        }
        (Some(candidate), Some(production)) => (candidate, production),
    };
    for wanted in &candidate.inputs {
        let name = shown(wanted);
        match production.inputs.iter().find(|field| field.name == wanted.name) {
            None if wanted.required => return say(Ruling::Fail, format!("it needs {name}, which callers do not send")),
            Some(sent) if !takes(&wanted.kind, &sent.kind) => {
                return say(
                    Ruling::Fail,
                    format!("it takes {name} as {}, and callers send {}", wanted.kind, sent.kind),
                );
            }
            Some(sent) if wanted.required && !sent.required => {
                return say(Ruling::Fail, format!("it needs {name}, which callers may leave out"));
            }
            _ => {}
        }
    }
    for given in &production.outputs {
        let name = shown(given);
        match candidate.outputs.iter().find(|field| field.name == given.name) {
            None => return say(Ruling::Fail, format!("it does not give {name}")),
            Some(field) if field.kind != given.kind => {
                return say(Ruling::Fail, format!("it gives {name} as {}, not as {}", field.kind, given.kind));
            }
            _ => {}
        }
    }
    let dropped = production.inputs.iter().filter(|f| !candidate.inputs.iter().any(|c| c.name == f.name)).count();
    let more = if dropped > 0 { format!("; it reads {dropped} inputs less") } else { String::new() };
    say(Ruling::Pass, format!("{} inputs and {} outputs fit{more}", candidate.inputs.len(), candidate.outputs.len()))
}

fn shown(field: &Field) -> String {
    field.name.as_ref().map_or("its input".to_owned(), |name| format!("{name:?}"))
}

/// Whether a field of kind `wanted` can be given a value of kind `sent`: equal, or a wider number.
fn takes(wanted: &str, sent: &str) -> bool {
    const WIDER: [(&str, &[&str]); 4] = [
        ("integer", &["long", "double"]),
        ("long", &["double"]),
        ("float", &["double"]),
        ("boolean", &["integer", "long"]),
    ];
    wanted == sent
        || WIDER.iter().any(|(narrow, wide)| *narrow == sent && *narrow != "boolean" && wide.contains(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(inputs: &str, outputs: &str) -> Signature {
        let dir = tempfile::tempdir().expect("a folder");
        let text = format!("flavors: {{}}\nsignature:\n  inputs: '{inputs}'\n  outputs: '{outputs}'\n  params: null\n");
        fs::write(dir.path().join("MLmodel"), text).expect("written");
        signature_of(dir.path()).expect("read").expect("there")
    }

    const OUT: &str = r#"[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]"#;

    #[test]
    fn callers_of_the_one_can_call_the_other_or_not() {
        let production = of(
            r#"[{"name": "age", "type": "long", "required": true}, {"name": "city", "type": "string", "required": false}]"#,
            OUT,
        );
        let check = |inputs: &str, outputs: &str, wanted: Ruling| {
            let verdict = signature(Some(&of(inputs, outputs)), Some(&production));
            assert_eq!(verdict.ruling, wanted, "{inputs}: {}", verdict.says);
        };
        check(r#"[{"name": "age", "type": "long", "required": true}]"#, OUT, Ruling::Pass);
        check(r#"[{"name": "age", "type": "double"}]"#, OUT, Ruling::Pass);
        check(r#"[{"name": "age", "type": "string"}]"#, OUT, Ruling::Fail);
        check(r#"[{"name": "age", "type": "integer"}]"#, OUT, Ruling::Fail);
        check(r#"[{"name": "income", "type": "double"}]"#, OUT, Ruling::Fail);
        check(r#"[{"name": "income", "type": "double", "required": false}]"#, OUT, Ruling::Pass);
        check(r#"[{"name": "city", "type": "string", "required": true}]"#, OUT, Ruling::Fail);
        check(r#"[{"name": "age", "type": "long"}]"#, "[]", Ruling::Fail);
        check(r#"[{"name": "age", "type": "long"}]"#, &OUT.replace("int64", "float64"), Ruling::Fail);
        assert_eq!(signature(None, Some(&production)).ruling, Ruling::Inconclusive);
        assert_eq!(signature(None, None).ruling, Ruling::Skipped);
    }

    #[test]
    fn no_signature_is_not_an_error_and_a_broken_one_is() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(signature_of(dir.path()), Ok(None));
        fs::write(dir.path().join("MLmodel"), "flavors: {}\n").expect("written");
        assert_eq!(signature_of(dir.path()), Ok(None));
        fs::write(dir.path().join("MLmodel"), "signature:\n  inputs: '['\n").expect("written");
        assert!(signature_of(dir.path()).is_err());
    }
}
