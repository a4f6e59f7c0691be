//! What an MLflow model takes and gives, as its `MLmodel` file says (`mlflow/types/schema.py`), in Triton's words.

use serde_json::Value;
use signalbox_release::{Failure, FailureCode};

#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    /// `TYPE_FP64`.
    pub kind: &'static str,
    pub dims: Vec<i64>,
}

/// How the tensors become what `predict` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Columns,
    Array,
    Arrays,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    pub form: Form,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
}

impl Signature {
    /// `mlmodel`: the text of the file.
    pub fn of(mlmodel: &str) -> Result<Signature, Failure> {
        let file: Value = serde_norway::from_str(mlmodel).map_err(|_| odd("MLmodel is no YAML"))?;
        let part = |name: &str| -> Result<Vec<Value>, Failure> {
            let text = file["signature"][name].as_str().ok_or_else(|| odd(&format!("it tells of no {name}")))?;
            serde_json::from_str(text).map_err(|_| odd(&format!("its {name} cannot be read")))
        };
        let (inputs, outputs) = (part("inputs")?, part("outputs")?);
        let is_tensor = |one: &Value| one["type"] == "tensor";
        let form = match &inputs[..] {
            [] => return Err(odd("it takes nothing")),
            [one] if is_tensor(one) && one["name"].is_null() => Form::Array,
            all if all.iter().all(is_tensor) => Form::Arrays,
            _ => Form::Columns,
        };
        let read = |all: &[Value], prefix: &str| -> Result<Vec<Tensor>, Failure> {
            all.iter().enumerate().map(|(i, one)| tensor(one, &format!("{prefix}-{i}"))).collect()
        };
        Ok(Signature { form, inputs: read(&inputs, "input")?, outputs: read(&outputs, "output")? })
    }
}

/// Names without one are numbered as MLServer does it, so that clients can ask both servers alike.
fn tensor(one: &Value, unnamed: &str) -> Result<Tensor, Failure> {
    let name = one["name"].as_str().unwrap_or(unnamed).to_owned();
    if name.chars().any(char::is_control) {
        return Err(odd("a name in it holds control characters"));
    }
    if one["type"] == "tensor" {
        let spec = &one["tensor-spec"];
        let dims = spec["shape"].as_array().into_iter().flatten().map(|dim| dim.as_i64().unwrap_or(-1)).collect();
        let kind = match spec["dtype"].as_str().unwrap_or("") {
            "float64" => "TYPE_FP64",
            "float32" => "TYPE_FP32",
            "float16" => "TYPE_FP16",
            "int64" => "TYPE_INT64",
            "int32" => "TYPE_INT32",
            "int16" => "TYPE_INT16",
            "int8" => "TYPE_INT8",
            "uint8" => "TYPE_UINT8",
            "uint16" => "TYPE_UINT16",
            "uint32" => "TYPE_UINT32",
            "uint64" => "TYPE_UINT64",
            "bool" => "TYPE_BOOL",
            "str" | "object" => "TYPE_STRING",
            other => return Err(odd(&format!("Triton has no {other:?}"))),
        };
        return Ok(Tensor { name, kind, dims });
    }
    let kind = match one["type"].as_str().unwrap_or("") {
        "double" => "TYPE_FP64",
        "float" => "TYPE_FP32",
        "long" => "TYPE_INT64",
        "integer" => "TYPE_INT32",
        "boolean" => "TYPE_BOOL",
        "string" => "TYPE_STRING",
        other => return Err(odd(&format!("a column of the type {other:?} has no tensor"))),
    };
    Ok(Tensor { name, kind, dims: vec![-1, 1] })
}

fn odd(why: &str) -> Failure {
    Failure::new(FailureCode::Invalid, format!("the model's signature does not say what Triton must know: {why}"))
        .hint("Log the model with a signature of inputs and outputs (mlflow.models.infer_signature).")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_becomes_tensors() {
        // As mlflow 3.17.2 writes it, with the fold in the middle.
        let text = "flavors: {}\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \"a\", \"required\": true}, {\"type\": \"string\",\n    \"name\": \"b c\", \"required\": true}]'\n  outputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"int64\", \"shape\": [-1]}}]'\n  params: null\n";
        let tensor = |name: &str, kind, dims: &[i64]| Tensor { name: name.into(), kind, dims: dims.into() };
        let wanted = Signature {
            form: Form::Columns,
            inputs: vec![tensor("a", "TYPE_FP64", &[-1, 1]), tensor("b c", "TYPE_STRING", &[-1, 1])],
            outputs: vec![tensor("output-0", "TYPE_INT64", &[-1])],
        };
        assert_eq!(Signature::of(text), Ok(wanted));
        for bad in
            ["", "signature: null", "signature:\n  inputs: '[]'\n  outputs: '[]'", "a: [", "signature:\n  inputs: x"]
        {
            assert_eq!(Signature::of(bad).expect_err(bad).code, FailureCode::Invalid);
        }
    }
}
