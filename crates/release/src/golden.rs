//! Whether an answer is the one that was stored.

use serde_json::Value;

use crate::plan::Golden;

impl Golden {
    /// None: `answer` is the stored one. Otherwise where they part first, and how.
    ///
    /// Numbers are equal if they differ by at most `tolerance` of the larger one; NaN equals NaN (servers write it as
    /// a bare word, as text or as null, so those three are one). What serving protocols add to each answer of their
    /// own accord (`id`, `model_version`, `parameters`) is not compared.
    pub fn parts_from(&self, answer: &Value) -> Option<String> {
        differ(&predictions(&self.answer), &predictions(answer), self.tolerance, "answer")
    }
}

/// The part of an answer that the model made: `predictions` of MLflow's, `outputs` of V2's, or all of it.
fn predictions(answer: &Value) -> Value {
    let Some(object) = answer.as_object() else { return answer.clone() };
    if let Some(predictions) = object.get("predictions") {
        return predictions.clone();
    }
    if let Some(outputs) = object.get("outputs").and_then(Value::as_array) {
        let bare = |output: &Value| match output.as_object() {
            Some(output) => ["name", "shape", "datatype", "data"]
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), output.get(key)?.clone())))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            None => output.clone(),
        };
        return outputs.iter().map(bare).collect();
    }
    answer.clone()
}

fn differ(wanted: &Value, got: &Value, tolerance: f64, at: &str) -> Option<String> {
    match (wanted, got) {
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Some(format!("{at} has {} values, not {}", b.len(), a.len()));
            }
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| differ(a, b, tolerance, &format!("{at}[{i}]")))
        }
        (Value::Object(a), Value::Object(b)) => {
            if let Some(key) = b.keys().find(|key| !a.contains_key(*key)) {
                return Some(format!("{at} has a {key:?} that the stored one has not"));
            }
            a.iter().find_map(|(key, a)| match b.get(key) {
                Some(b) => differ(a, b, tolerance, &format!("{at}.{key}")),
                None => Some(format!("{at} has no {key:?}")),
            })
        }
        (a, b) => {
            let same = match (a.as_f64(), b.as_f64()) {
                (Some(x), Some(y)) => x == y || (x - y).abs() <= tolerance * x.abs().max(y.abs()),
                _ => a == b || (is_nan(a) && is_nan(b)),
            };
            (!same).then(|| format!("{at} is {b}, not {a}"))
        }
    }
}

fn is_nan(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("nan"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(stored: Value, answer: Value, wanted: Option<&str>) {
        let golden = Golden { request: json!(null), answer: stored, tolerance: 1e-6 };
        assert_eq!(golden.parts_from(&answer).as_deref(), wanted);
    }

    #[test]
    fn an_answer_is_the_same_or_says_where_not() {
        check(json!({"predictions": [1, 2]}), json!({"predictions": [1.0, 2.000_000_1]}), None);
        check(json!({"predictions": [1, 2]}), json!({"predictions": [1, 3]}), Some("answer[1] is 3, not 2"));
        check(json!({"predictions": [1, 2]}), json!({"predictions": [1]}), Some("answer has 1 values, not 2"));
        check(
            json!({"predictions": ["setosa"]}),
            json!({"predictions": ["iris"]}),
            Some(r#"answer[0] is "iris", not "setosa""#),
        );
        check(json!({"predictions": [null]}), json!({"predictions": ["NaN"]}), None);
        check(json!({"predictions": [0]}), json!({"predictions": [1e-9]}), Some("answer[0] is 1e-9, not 0"));
        check(
            json!({"predictions": [{"p": 1}]}),
            json!({"predictions": [{"p": 1, "q": 2}]}),
            Some("answer[0] has a \"q\" that the stored one has not"),
        );
        check(json!({"predictions": [1]}), json!({"error": "boom"}), Some("answer is {\"error\":\"boom\"}, not [1]"));
        check(
            json!({"id": "a", "outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [1.5], "parameters": {}}]}),
            json!({"id": "b", "model_version": "2", "outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [1.5]}]}),
            None,
        );
    }

    #[test]
    fn a_tolerance_of_nothing_takes_no_difference() {
        let golden = Golden { request: json!(null), answer: json!([0.1]), tolerance: 0.0 };
        assert!(golden.parts_from(&json!([0.1])).is_none());
        assert!(golden.parts_from(&json!([0.100_000_000_000_01])).is_some());
    }
}
