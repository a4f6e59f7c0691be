//! What a parameter's stored number stands for: Optuna keeps an "internal" float beside the distribution as JSON.

use std::collections::HashMap;

use signalbox_types::{ParamValue, number_json};

use crate::{jsonl::lenient, params};

/// So many choices of one distribution are kept.
const MAX_CHOICES: usize = 10_000;
/// So many distributions are remembered by their text.
const MAX_REMEMBERED: usize = 256;

#[derive(Clone, Debug, PartialEq)]
enum Distribution {
    Float,
    Int,
    Categorical(Vec<ParamValue>),
    Unknown,
}

/// Distributions by their JSON text: a study says the same few for each trial.
#[derive(Clone, Debug, Default)]
pub(super) struct Distributions(HashMap<String, Distribution>);

impl Distributions {
    /// The value that the objective was given; `None` if the distribution makes no sense or has no such choice.
    pub(super) fn external(&mut self, json: &str, internal: f64) -> Option<ParamValue> {
        if !self.0.contains_key(json) {
            if self.0.len() >= MAX_REMEMBERED {
                self.0.clear();
            }
            self.0.insert(json.to_owned(), parse(json));
        }
        match self.0.get(json)? {
            Distribution::Float => Some(number(internal)),
            // As Python's int() does.
            Distribution::Int => Some(number(internal.trunc())),
            Distribution::Categorical(choices) if (0.0..choices.len() as f64).contains(&internal) => {
                choices.get(internal as usize).cloned()
            }
            Distribution::Categorical(_) | Distribution::Unknown => None,
        }
    }
}

/// `distributions.json_to_distribution`: by class name since 0.x, by `type` when a person writes it.
fn parse(json: &str) -> Distribution {
    let Ok(value) = lenient::parse(json.as_bytes()) else { return Distribution::Unknown };
    let (kind, attributes) = match value["name"].as_str() {
        Some(name) => (name, &value["attributes"]),
        None => (value["type"].as_str().unwrap_or_default(), &value),
    };
    match kind {
        "CategoricalDistribution" | "categorical" => {
            let choices = attributes["choices"].as_array().into_iter().flatten();
            Distribution::Categorical(choices.take(MAX_CHOICES).map(params::of_json).collect())
        }
        "IntDistribution" | "IntUniformDistribution" | "IntLogUniformDistribution" | "int" => Distribution::Int,
        "FloatDistribution"
        | "UniformDistribution"
        | "LogUniformDistribution"
        | "DiscreteUniformDistribution"
        | "float" => Distribution::Float,
        _ => Distribution::Unknown,
    }
}

fn number(x: f64) -> ParamValue {
    number_json(x).map_or(ParamValue::Number(x), |word| ParamValue::Text(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded() {
        let mut known = Distributions::default();
        let mut check = |json: &str, internal, expected: Option<ParamValue>| {
            assert_eq!(known.external(json, internal), expected, "{json} {internal}");
        };
        let text = |t: &str| Some(ParamValue::Text(t.into()));
        let choices =
            r#"{"name": "CategoricalDistribution", "attributes": {"choices": ["a", 2, null, true, NaN, [1]]}}"#;
        check(choices, 0.0, text("a"));
        check(choices, 1.0, Some(ParamValue::Number(2.0)));
        check(choices, 2.0, text("null"));
        check(choices, 3.0, Some(ParamValue::Bool(true)));
        check(choices, 4.0, text("NaN"));
        check(choices, 5.0, text("[1]"));
        for internal in [6.0, -1.0, f64::NAN, 1e300] {
            check(choices, internal, None);
        }
        check(r#"{"name": "IntDistribution", "attributes": {"low": 0}}"#, 4.0, Some(ParamValue::Number(4.0)));
        check(r#"{"name": "LogUniformDistribution", "attributes": {}}"#, 0.5, Some(ParamValue::Number(0.5)));
        check(r#"{"name": "FloatDistribution", "attributes": {}}"#, f64::INFINITY, text("Infinity"));
        check(r#"{"type": "categorical", "choices": ["x"]}"#, 0.0, text("x"));
        for nonsense in ["", "{", "[]", "{}", r#"{"name": "X"}"#, r#"{"name": "CategoricalDistribution"}"#] {
            check(nonsense, 0.0, None);
        }
        check(&"[".repeat(100_000), 0.0, None);
    }
}
