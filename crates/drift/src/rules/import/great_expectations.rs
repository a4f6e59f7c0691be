//! Great Expectations' suites: JSON with `expectation_type` (before 1.0) or `type` (since).

use super::{Gathering, ImportError, NotMapped, rest};
use crate::read::Kind;
use crate::rules::{Name, Rules, Schema};
use serde_json::Value;

pub fn great_expectations(text: &str) -> Result<(Rules, Vec<NotMapped>), ImportError> {
    let document: Value = serde_json::from_str(text)?;
    let expectations = document["expectations"].as_array().ok_or(ImportError::Not("expectations"))?;
    let mut to = Gathering::default();
    for expectation in expectations {
        let name = ["type", "expectation_type"].iter().find_map(|key| expectation[key].as_str()).unwrap_or_default();
        let is_warning = expectation["severity"].as_str().is_some_and(|word| word != "critical");
        let asked = &expectation["kwargs"];
        let column = asked["column"].as_str();
        let mapped = if asked["row_condition"].is_string() {
            Err("it holds for some of the rows only".to_owned())
        } else if asked["strict_min"] == true || asked["strict_max"] == true {
            Err("ends are within a range here".to_owned())
        } else {
            match column {
                Some(column) => of_column(&mut to, name, column, asked),
                None => of_table(&mut to, name, asked),
            }
        };
        match mapped {
            Ok(rules) if is_warning => to.warn(column, &rules),
            Ok(_) => {}
            Err(why) => to.skip(name, column, why),
        }
    }
    // Rules of a column that none of them mapped for.
    to.rules.columns.retain(|_, column| *column != Default::default());
    Ok((to.rules, to.not_mapped))
}

/// The rules that it has become.
type Mapped = Result<Vec<Name>, String>;

const UNKNOWN: &str = "there is no such rule here";
const TWICE: &str = "the column has another such rule, which is kept";

/// Puts a value where there is none yet.
fn put<T: PartialEq>(to: &mut Option<T>, value: T) -> Result<(), String> {
    match to {
        Some(other) if *other != value => Err(TWICE.into()),
        _ => {
            *to = Some(value);
            Ok(())
        }
    }
}

fn of_column(to: &mut Gathering, name: &str, column: &str, asked: &Value) -> Mapped {
    let mostly = asked["mostly"].as_f64().map(|share| rest(share.clamp(0.0, 1.0))).filter(|share| *share > 0.0);
    let (low, high) = (asked["min_value"].as_f64(), asked["max_value"].as_f64());
    // A bound that is no number: a date, or a parameter of their own.
    if ["min_value", "max_value"].iter().any(|key| !asked[key].is_null() && !asked[key].is_number()) {
        return Err("its ends are no numbers".into());
    }
    let rules = to.column(column);
    let bounds = |at: (Option<f64>, Option<f64>), names: [Name; 2]| {
        [(at.0, names[0]), (at.1, names[1])]
            .into_iter()
            .filter_map(|(at, name)| at.map(|_| name))
            .collect::<Vec<Name>>()
    };
    Ok(match name {
        "expect_column_to_exist" => {
            rules.required = true;
            vec![Name::Required]
        }
        "expect_column_values_to_not_be_null" => {
            put(&mut rules.max_null_share, mostly.unwrap_or(0.0))?;
            vec![Name::MaxNullShare]
        }
        "expect_column_values_to_be_between" => {
            if (low.is_some() && rules.min.is_some_and(|min| Some(min) != low))
                || (high.is_some() && rules.max.is_some_and(|max| Some(max) != high))
            {
                return Err(TWICE.into());
            }
            (rules.min, rules.max) = (low.or(rules.min), high.or(rules.max));
            rules.max_outside_share = mostly.or(rules.max_outside_share);
            bounds((low, high), [Name::Min, Name::Max])
        }
        "expect_column_min_to_be_between" | "expect_column_max_to_be_between" => {
            let is_min = name.contains("_min_");
            let (bound, other) = if is_min { (low, high) } else { (high, low) };
            if other.is_some() {
                return Err("that an extreme is reached is no rule here".into());
            }
            let Some(bound) = bound else { return Err("it has no bound".into()) };
            put(if is_min { &mut rules.min } else { &mut rules.max }, bound)?;
            vec![if is_min { Name::Min } else { Name::Max }]
        }
        "expect_column_values_to_be_in_set" | "expect_column_distinct_values_to_be_in_set" => {
            let Some(set) = asked["value_set"].as_array() else { return Err("it has no set".into()) };
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |x| x.to_string()),
                other => other.to_string(),
            };
            put(&mut rules.allowed, set.iter().map(text).collect())?;
            rules.max_new_level_share = mostly;
            vec![Name::Allowed]
        }
        "expect_column_values_to_be_unique" => {
            if mostly.is_some() {
                return Err("all values are unique here, or it is no rule".into());
            }
            rules.unique = true;
            vec![Name::Unique]
        }
        "expect_column_values_to_be_of_type" | "expect_column_values_to_be_in_type_list" => {
            let one = asked["type_"].as_str().into_iter();
            let list = asked["type_list"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut kinds: Vec<Option<Kind>> = one.chain(list).map(kind).collect();
            kinds.dedup();
            let [Some(kind)] = kinds[..] else {
                return Err("its types are several kinds here, or unknown".into());
            };
            put(&mut rules.kind, kind)?;
            vec![Name::Type]
        }
        "expect_column_mean_to_be_between" => {
            (rules.min_mean, rules.max_mean) = (low.or(rules.min_mean), high.or(rules.max_mean));
            bounds((low, high), [Name::MinMean, Name::MaxMean])
        }
        _ => return Err(UNKNOWN.into()),
    })
}

/// pandas', Spark's and SQL's names of types.
fn kind(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    Some(if is(&["bool"]) {
        Kind::Boolean
    } else if is(&["datetime", "timestamp", "date"]) {
        Kind::Datetime
    } else if is(&["interval"]) {
        return None;
    } else if is(&[
        "int", "uint", "float", "double", "decimal", "numeric", "bigint", "smallint", "long", "real", "number",
    ]) {
        Kind::Numeric
    } else if is(&["str", "object", "varchar", "text", "char", "category"]) {
        Kind::Categorical
    } else {
        return None;
    })
}

fn of_table(to: &mut Gathering, name: &str, asked: &Value) -> Mapped {
    Ok(match name {
        "expect_table_row_count_to_be_between" => {
            let (low, high) = (asked["min_value"].as_u64(), asked["max_value"].as_u64());
            (to.rules.min_rows, to.rules.max_rows) = (low.or(to.rules.min_rows), high.or(to.rules.max_rows));
            vec![Name::MinRows, Name::MaxRows]
        }
        "expect_table_row_count_to_equal" => {
            let Some(n) = asked["value"].as_u64() else { return Err("it has no number".into()) };
            (to.rules.min_rows, to.rules.max_rows) = (Some(n), Some(n));
            vec![Name::MinRows, Name::MaxRows]
        }
        "expect_table_columns_to_match_set" => {
            let Some(names) = asked["column_set"].as_array() else { return Err("it has no set".into()) };
            for name in names.iter().filter_map(Value::as_str) {
                to.column(name).required = true;
            }
            to.rules.schema = Some(if asked["exact_match"] == false { Schema::AtLeast } else { Schema::Exact });
            vec![Name::Schema]
        }
        "expect_table_columns_to_match_ordered_list" => return Err("the order of columns is no rule here".into()),
        _ => return Err(UNKNOWN.into()),
    })
}
