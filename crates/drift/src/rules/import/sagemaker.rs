//! SageMaker Model Monitor's `constraints.json`, as its documentation describes it ("Schema for Constraints").

use super::{Gathering, ImportError, NotMapped, rest};
use crate::read::Kind;
use crate::rules::{Rules, Schema};
use serde_json::Value;

pub fn sagemaker(text: &str) -> Result<(Rules, Vec<NotMapped>), ImportError> {
    let document: Value = serde_json::from_str(text)?;
    let features = document["features"].as_array().ok_or(ImportError::Not("features"))?;
    let monitoring = &document["monitoring_config"];
    let mut to = Gathering::default();
    // Missing columns break their baseline, and so do extra ones.
    to.rules.schema = Some(Schema::Exact);
    let domain = monitoring["domain_content_threshold"].as_f64().map_or(0.0, borne);
    for feature in features {
        let Some(name) = feature["name"].as_str() else {
            to.skip("features", None, "it has no name");
            continue;
        };
        let column = to.column(name);
        column.required = true;
        column.kind = match feature["inferred_type"].as_str() {
            Some("Integral" | "Fractional") => Some(Kind::Numeric),
            Some("String") => Some(Kind::Categorical),
            _ => None,
        };
        column.max_null_share = feature["completeness"].as_f64().map(|share| rest(share.clamp(0.0, 1.0)));
        if feature["num_constraints"]["is_non_negative"] == true {
            column.min = Some(0.0);
        }
        if let Some(domains) = feature["string_constraints"]["domains"].as_array() {
            column.allowed = Some(domains.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            column.max_new_level_share = (domain > 0.0).then_some(domain);
        }
        if feature["inferred_type"] == "Integral" {
            to.skip(
                "inferred_type",
                Some(name),
                "that its numbers are whole is not checked, only that they are numbers",
            );
        }
        let overrides = ["monitoringConfigOverrides", "monitoring_config_overrides"];
        if overrides.iter().any(|key| feature[key].as_object().is_some_and(|of| !of.is_empty())) {
            to.skip("monitoringConfigOverrides", Some(name), "thresholds of one column are not taken over");
        }
    }
    if monitoring["datatype_check_threshold"].as_f64().is_some_and(|share| borne(share) > 0.0) {
        to.skip("datatype_check_threshold", None, "a column has one type here, or breaks its rule");
    }
    let distribution = &monitoring["distribution_constraints"];
    if distribution.is_object() && distribution["perform_comparison"] != "Disabled" {
        to.skip("distribution_constraints", None, "distributions are `signalbox data drift`'s");
    }
    Ok((to.rules, to.not_mapped))
}

/// Their thresholds are written both ways: 1.0 (their samples: all rows have to match) and 0.1 (their schema: a tenth
/// need not). What is above a half is taken for the share that has to.
fn borne(threshold: f64) -> f64 {
    if threshold > 0.5 { rest(threshold.min(1.0)) } else { threshold.max(0.0) }
}
