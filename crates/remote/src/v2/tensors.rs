//! MLflow's scoring form and V2's tensors, one into the other (`mlflow/pyfunc/scoring_server`, Open Inference Protocol).

use serde_json::{Map, Value, json};
use signalbox_release::{Failure, FailureCode};

/// A tensor of a model, as the server's metadata tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    pub name: String,
    pub datatype: String,
    pub shape: Vec<i64>,
    pub content_type: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Specs {
    pub inputs: Vec<Spec>,
    pub outputs: Vec<Spec>,
}

impl Specs {
    /// From a model's metadata; what is not understood is left out.
    pub fn of(metadata: &Value) -> Specs {
        let list = |name: &str| metadata[name].as_array().into_iter().flatten().filter_map(spec).collect();
        Specs { inputs: list("inputs"), outputs: list("outputs") }
    }
}

fn spec(one: &Value) -> Option<Spec> {
    Some(Spec {
        name: one["name"].as_str()?.to_owned(),
        datatype: one["datatype"].as_str()?.to_owned(),
        shape: one["shape"].as_array()?.iter().map(|dim| dim.as_i64().unwrap_or(-1)).collect(),
        content_type: one["parameters"]["content_type"].as_str().map(str::to_owned),
    })
}

/// Whether a request has V2's form already. MLflow's form has `inputs` too: arrays by name, or one array.
pub fn is_v2(request: &Value) -> bool {
    let is_tensor = |one: &Value| ["name", "shape", "datatype", "data"].iter().all(|key| one.get(key).is_some());
    request["inputs"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_tensor))
}

/// A request in MLflow's form, as tensors.
pub fn to_v2(request: &Value, specs: &Specs) -> Result<Value, Failure> {
    let object = request.as_object().ok_or_else(|| odd("it is no object"))?;
    let known = ["dataframe_split", "dataframe_records", "instances", "inputs"];
    if let Some(other) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(odd(&format!("it holds {other:?}")));
    }
    let [(form, data)] = &object.iter().collect::<Vec<_>>()[..] else {
        return Err(odd(&format!("it must hold one of {}", known.join(", "))));
    };
    match (form.as_str(), *data) {
        ("dataframe_split", split) => {
            let names = split["columns"].as_array().ok_or_else(|| odd("its columns have no names"))?;
            let rows = split["data"].as_array().ok_or_else(|| odd("it has no rows"))?;
            let names = names.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned));
            let mut columns: Vec<(String, Vec<Value>)> = names.map(|name| (name, Vec::new())).collect();
            for row in rows {
                let row = row.as_array().filter(|row| row.len() == columns.len());
                let row = row.ok_or_else(|| odd("a row has not a value per column"))?;
                columns.iter_mut().zip(row).for_each(|((_, column), value)| column.push(value.clone()));
            }
            of_columns(&columns, specs)
        }
        ("inputs", Value::Object(by_name)) => {
            let tensors = by_name.iter().map(|(name, value)| {
                let spec = specs.inputs.iter().find(|spec| spec.name == *name);
                of_array(name, value, spec)
            });
            Ok(json!({ "inputs": tensors.collect::<Result<Vec<_>, _>>()? }))
        }
        (_, Value::Array(rows)) if !rows.is_empty() && rows.iter().all(Value::is_object) => {
            let mut columns: Vec<(String, Vec<Value>)> = Vec::new();
            for name in rows[0].as_object().into_iter().flat_map(Map::keys) {
                let column =
                    rows.iter().map(|row| row.get(name).cloned().ok_or_else(|| odd("rows have other columns")));
                columns.push((name.clone(), column.collect::<Result<_, _>>()?));
            }
            of_columns(&columns, specs)
        }
        ("instances" | "inputs", Value::Array(rows)) => match &specs.inputs[..] {
            // Rows of a model that takes columns.
            several if several.len() > 1 => {
                let column = |i: usize| {
                    let values = rows.iter().map(|row| row.get(i).cloned().ok_or_else(|| odd("a row is too short")));
                    Ok((several[i].name.clone(), values.collect::<Result<Vec<_>, Failure>>()?))
                };
                of_columns(&(0..several.len()).map(column).collect::<Result<Vec<_>, Failure>>()?, specs)
            }
            one => {
                let name = one.first().map_or("input-0", |spec| &spec.name);
                Ok(json!({ "inputs": [of_array(name, data, one.first())?] }))
            }
        },
        _ => Err(odd(&format!("its {form} cannot be read"))),
    }
}

fn of_columns(columns: &[(String, Vec<Value>)], specs: &Specs) -> Result<Value, Failure> {
    // One matrix: its columns come in the order of the request, as MLflow's own server takes them.
    if let [one] = &specs.inputs[..]
        && !columns.iter().any(|(name, _)| *name == one.name)
    {
        let n = columns.first().map_or(0, |(_, values)| values.len());
        let rows: Vec<Value> = (0..n).map(|i| columns.iter().map(|(_, values)| values[i].clone()).collect()).collect();
        return Ok(json!({ "inputs": [of_array(&one.name, &json!(rows), Some(one))?] }));
    }
    let tensor = |name: &str, values: &[Value], spec: Option<&Spec>| {
        let datatype = spec.map_or_else(|| datatype_of(values), |spec| spec.datatype.clone());
        let data: Vec<Value> = values.iter().map(|value| cast(value, &datatype)).collect();
        let mut tensor = json!({ "name": name, "shape": [values.len(), 1], "datatype": datatype, "data": data });
        let text = (datatype == "BYTES").then(|| "str".to_owned());
        if let Some(kind) = spec.and_then(|spec| spec.content_type.clone()).or(text) {
            tensor["parameters"] = json!({ "content_type": kind });
        }
        tensor
    };
    let tensors: Vec<Value> = if specs.inputs.is_empty() {
        columns.iter().map(|(name, values)| tensor(name, values, None)).collect()
    } else {
        let of = |spec: &Spec| {
            let (_, values) = columns
                .iter()
                .find(|(name, _)| *name == spec.name)
                .ok_or_else(|| odd(&format!("it has no column {:?}, which the model takes", spec.name)))?;
            Ok(tensor(&spec.name, values, Some(spec)))
        };
        specs.inputs.iter().map(of).collect::<Result<_, Failure>>()?
    };
    Ok(json!({ "inputs": tensors, "parameters": { "content_type": "pd" } }))
}

fn of_array(name: &str, value: &Value, spec: Option<&Spec>) -> Result<Value, Failure> {
    let (mut shape, mut flat) = (Vec::new(), Vec::new());
    flatten(value, 0, &mut shape, &mut flat)?;
    let datatype = spec.map_or_else(|| datatype_of(&flat), |spec| spec.datatype.clone());
    // A column of a table is a vector to MLflow's clients.
    if let (Some(spec), [n]) = (spec, &shape[..])
        && spec.shape.len() == 2
        && spec.shape[1] == 1
    {
        shape = vec![*n, 1];
    }
    let data: Vec<Value> = flat.iter().map(|value| cast(value, &datatype)).collect();
    let mut tensor = json!({ "name": name, "shape": shape, "datatype": datatype, "data": data });
    let kind = spec.and_then(|spec| spec.content_type.clone());
    let kind = kind.unwrap_or_else(|| if datatype == "BYTES" { "str" } else { "np" }.to_owned());
    tensor["parameters"] = json!({ "content_type": kind });
    Ok(tensor)
}

fn flatten(value: &Value, depth: usize, shape: &mut Vec<usize>, flat: &mut Vec<Value>) -> Result<(), Failure> {
    let Value::Array(all) = value else {
        flat.push(value.clone());
        return if depth == shape.len() { Ok(()) } else { Err(odd("its rows have other lengths")) };
    };
    if depth == shape.len() {
        if !flat.is_empty() {
            return Err(odd("its rows have other lengths"));
        }
        shape.push(all.len());
    }
    if shape[depth] != all.len() {
        return Err(odd("its rows have other lengths"));
    }
    all.iter().try_for_each(|one| flatten(one, depth + 1, shape, flat))
}

fn datatype_of(values: &[Value]) -> String {
    let all = |is: fn(&Value) -> bool| values.iter().all(is);
    let name = if all(Value::is_boolean) {
        "BOOL"
    } else if all(|value| value.is_i64()) {
        "INT64"
    } else if all(|value| value.is_number() || value.is_null()) {
        "FP64"
    } else {
        "BYTES"
    };
    name.to_owned()
}

/// As MLflow's own server casts by the signature: a whole number is an integer, anything is a text.
fn cast(value: &Value, datatype: &str) -> Value {
    let whole = value.as_f64().filter(|x| x.fract() == 0.0 && x.abs() < 9e15);
    match (datatype, value) {
        ("BYTES", Value::Number(_) | Value::Bool(_)) => json!(value.to_string()),
        (kind, Value::Number(n)) if kind.contains("INT") && n.is_f64() => {
            whole.map_or_else(|| value.clone(), |x| json!(x as i64))
        }
        _ => value.clone(),
    }
}

/// The answer as MLflow's own server gives it.
pub fn from_v2(answer: &Value, specs: &Specs) -> Result<Value, Failure> {
    let bad = || Failure::new(FailureCode::Server, "the server's answer is none in V2's form").raw(answer.clone());
    let outputs = answer["outputs"].as_array().filter(|all| !all.is_empty()).ok_or_else(bad)?;
    let part = |output: &Value| -> Option<(String, Vec<usize>, Vec<Value>)> {
        let shape: Option<Vec<usize>> =
            output["shape"].as_array()?.iter().map(|dim| usize::try_from(dim.as_u64()?).ok()).collect();
        let (shape, data) = (shape?, output["data"].as_array()?.clone());
        let n = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim))?;
        (n == data.len()).then_some((output["name"].as_str()?.to_owned(), shape, data))
    };
    let parts: Vec<_> = outputs.iter().map(part).collect::<Option<_>>().ok_or_else(bad)?;
    let is_table = |spec: &Spec| spec.shape == [-1, 1] && !spec.name.starts_with("output-");
    let predictions = match &parts[..] {
        [(name, shape, data)] => match &specs.outputs[..] {
            [spec] if is_table(spec) => data.iter().map(|value| json!({ name: value })).collect(),
            // MLServer makes a matrix of every vector.
            [spec] if spec.shape.len() == 1 => json!(data),
            [] if matches!(shape[..], [_, 1]) => json!(data),
            _ => nested(shape, data),
        },
        _ => {
            let n = parts[0].2.len();
            if parts.iter().any(|(_, _, data)| data.len() != n) {
                return Ok(
                    json!({ "predictions": parts.iter().map(|(name, shape, data)| (name.clone(), nested(shape, data))).collect::<Map<_, _>>() }),
                );
            }
            let row =
                |i: usize| parts.iter().map(|(name, _, data)| (name.clone(), data[i].clone())).collect::<Map<_, _>>();
            (0..n).map(|i| Value::Object(row(i))).collect()
        }
    };
    Ok(json!({ "predictions": predictions }))
}

fn nested(shape: &[usize], data: &[Value]) -> Value {
    match shape {
        [] => data.first().cloned().unwrap_or(Value::Null),
        [_] => json!(data),
        [_, rest @ ..] => {
            let size = rest.iter().product::<usize>().max(1);
            data.chunks(size).map(|part| nested(rest, part)).collect()
        }
    }
}

fn odd(why: &str) -> Failure {
    Failure::new(FailureCode::Invalid, format!("this request cannot be put into V2's form: {why}"))
        .hint("Write it as dataframe_split, dataframe_records, instances or inputs; or in V2's form itself.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, datatype: &str, shape: &[i64]) -> Spec {
        Spec { name: name.into(), datatype: datatype.into(), shape: shape.into(), content_type: None }
    }

    #[test]
    fn the_two_kinds_of_inputs_are_told_apart() {
        assert!(is_v2(&json!({"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]})));
        for no in [
            json!({"inputs": [1, 2]}),
            json!({"inputs": {"a": [1]}}),
            json!({"inputs": []}),
            json!({"inputs": [{"name": 1, "data": 2}]}),
            json!(1),
        ] {
            assert!(!is_v2(&no), "{no}");
        }
    }

    #[test]
    fn tables_become_columns_of_the_models_types() {
        let specs = Specs { inputs: vec![spec("b", "INT64", &[-1, 1]), spec("a", "FP64", &[-1, 1])], outputs: vec![] };
        let wanted = json!({"inputs": [
            {"name": "b", "shape": [2, 1], "datatype": "INT64", "data": [2, 4]},
            {"name": "a", "shape": [2, 1], "datatype": "FP64", "data": [1, 3.5]},
        ], "parameters": {"content_type": "pd"}});
        for request in [
            json!({"dataframe_split": {"columns": ["a", "b", "more"], "data": [[1, 2.0, "x"], [3.5, 4, "y"]]}}),
            json!({"dataframe_records": [{"a": 1, "b": 2.0}, {"a": 3.5, "b": 4}]}),
            json!({"instances": [[2, 1], [4.0, 3.5]]}),
        ] {
            assert_eq!(to_v2(&request, &specs).expect("tensors"), wanted, "{request}");
        }
        let bare = to_v2(&json!({"dataframe_split": {"columns": ["t"], "data": [["x"]]}}), &Specs::default());
        assert_eq!(
            bare.expect("tensors")["inputs"][0],
            json!({"name": "t", "shape": [1, 1], "datatype": "BYTES", "data": ["x"], "parameters": {"content_type": "str"}})
        );
    }

    #[test]
    fn arrays_keep_their_shape() {
        let matrix = Specs { inputs: vec![spec("input-0", "FP32", &[-1, 2])], outputs: vec![] };
        let wanted = json!({"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4], "parameters": {"content_type": "np"}}]});
        assert_eq!(to_v2(&json!({"inputs": [[1, 2], [3, 4]]}), &matrix).expect("tensors"), wanted);
        assert_eq!(
            to_v2(&json!({"dataframe_split": {"columns": ["x", "y"], "data": [[1, 2], [3, 4]]}}), &matrix)
                .expect("tensors"),
            wanted
        );
        for bad in [
            json!({"inputs": [[1, 2], [3]]}),
            json!({"inputs": [1, [2]]}),
            json!({"inputs": [[1], 2]}),
            json!({}),
            json!({"odd": 1}),
            json!([1]),
            json!({"instances": [1], "params": {}}),
        ] {
            assert_eq!(to_v2(&bad, &matrix).expect_err("odd").code, FailureCode::Invalid, "{bad}");
        }
    }

    #[test]
    fn answers_become_predictions() {
        let output = |name: &str, shape: &[usize], data: Value| json!({"name": name, "shape": shape, "datatype": "FP64", "data": data});
        let check = |outputs: Vec<Spec>, answers: Value, wanted: Value| {
            let specs = Specs { inputs: vec![], outputs };
            assert_eq!(
                from_v2(&json!({"outputs": answers}), &specs).expect("an answer"),
                json!({"predictions": wanted})
            );
        };
        check(
            vec![spec("output-0", "INT64", &[-1])],
            json!([output("output-1", &[2, 1], json!([1, 2]))]),
            json!([1, 2]),
        );
        check(
            vec![spec("output-0", "FP64", &[-1, 2])],
            json!([output("y", &[2, 2], json!([1, 2, 3, 4]))]),
            json!([[1, 2], [3, 4]]),
        );
        check(
            vec![spec("y", "FP64", &[-1, 1])],
            json!([output("y", &[2, 1], json!([1, 2]))]),
            json!([{"y": 1}, {"y": 2}]),
        );
        check(vec![], json!([output("predict", &[2, 1], json!([1, 2]))]), json!([1, 2]));
        check(
            vec![],
            json!([output("a", &[1], json!([1])), output("b", &[1], json!(["x"]))]),
            json!([{"a": 1, "b": "x"}]),
        );
        for bad in [
            json!({}),
            json!({"outputs": []}),
            json!({"outputs": [{"name": "y", "shape": [3], "data": [1]}]}),
            json!({"outputs": [{"name": "y", "shape": [-1], "data": [1]}]}),
            json!([]),
        ] {
            assert_eq!(from_v2(&bad, &Specs::default()).expect_err("odd").code, FailureCode::Server, "{bad}");
        }
    }
}
