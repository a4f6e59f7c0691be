//! Hyper-parameters: in YAML files beside a log, and as JSON values.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Batch, Format, ParamValue, Problem, RunDelta};

use crate::{SourceSpec, jsonl::lenient, place, stamp::Stamp, yaml};

/// The files beside a log that hold its hyper-parameters, as they were last seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sidecars(Vec<Seen>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "s")]
    stamp: Stamp,
    /// It was said that the file cannot be read.
    #[serde(rename = "b")]
    bad: bool,
}

/// File names, later ones winning where they name the same parameter.
fn names(format: Format) -> &'static [&'static str] {
    match format {
        Format::LightningCsv => &["hparams.yaml"],
        // `args.yaml` since v8; v5 and v7 write the other two.
        Format::Ultralytics => &["opt.yaml", "hyp.yaml", "args.yaml"],
        _ => &[],
    }
}

/// A value of JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` as these words, whole numbers that a float cannot
/// hold as text, lists and maps as they stand.
pub(crate) fn of_json(value: &Value) -> ParamValue {
    match value {
        Value::Bool(b) => ParamValue::Bool(*b),
        Value::Number(n) => exact(n).map_or_else(|| ParamValue::Text(n.to_string()), ParamValue::Number),
        other => ParamValue::Text(yaml::cut_text(lenient::text(other))),
    }
}

/// `None` for whole numbers that a float cannot hold.
fn exact(n: &serde_json::Number) -> Option<f64> {
    let fits = n.as_i64().map(i64::unsigned_abs).or(n.as_u64()).is_none_or(|i| i <= 1 << 53);
    n.as_f64().filter(|x| fits && x.is_finite())
}

impl Sidecars {
    /// Adds the parameters of files that changed.
    pub(crate) fn read(&mut self, spec: &SourceSpec, batch: &mut Batch, run: &mut RunDelta) {
        let rel_dir = spec.rel.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        for name in names(spec.format) {
            let rel = rel_dir.join(name);
            let path = spec.project.join(&rel);
            let Ok(Some(stamp)) = Stamp::if_exists(&path) else { continue };
            let seen = match self.0.iter_mut().position(|s| s.name == *name) {
                Some(i) => &mut self.0[i],
                None => {
                    self.0.push(Seen { name: (*name).to_owned(), stamp: Stamp::default(), bad: false });
                    let last = self.0.len() - 1;
                    &mut self.0[last]
                }
            };
            if seen.stamp == stamp {
                continue;
            }
            seen.stamp = stamp;
            match yaml::read_mapping(&path, &mut batch.bytes_read) {
                Ok(mapping) => {
                    run.params.extend(yaml::params(mapping));
                    if std::mem::take(&mut seen.bad) {
                        batch.healed.push(place::shown(&rel));
                    }
                }
                // Created, not yet written.
                Err(yaml::YamlError::Empty) => {}
                Err(e) => {
                    seen.bad = true;
                    batch.problems.push(Problem {
                        path: place::shown(&rel),
                        offset: None,
                        kind: e.kind(),
                        message: format!("The run's parameters cannot be read: {e}."),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_values() {
        let check = |json: &str, expected: ParamValue| {
            assert_eq!(of_json(&lenient::parse(json.as_bytes()).unwrap()), expected, "{json}");
        };
        check("1", ParamValue::Number(1.0));
        check("-0.5", ParamValue::Number(-0.5));
        check("true", ParamValue::Bool(true));
        for (json, text) in [
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("[NaN, {\"a\": -Infinity}]", "[NaN,{\"a\":-Infinity}]"),
            ("null", "null"),
            ("\"a\"", "a"),
            ("[1, 2]", "[1,2]"),
            ("9007199254740993", "9007199254740993"),
            ("-9007199254740993", "-9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            check(json, ParamValue::Text(text.into()));
        }
    }
}
