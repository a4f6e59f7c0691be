//! The golden file and its samples.

use arrow::array::{Array, BooleanArray, Float64Array, StringArray, TimestampMicrosecondArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub fn golden() -> Value {
    let text = std::fs::read_to_string(folder().join("golden.json")).expect("read");
    serde_json::from_str(&text).expect("JSON")
}

/// The cases of the specification.
pub fn cases() -> impl Iterator<Item = (String, Value)> {
    let golden = golden();
    let cases = golden["spec"]["cases"].as_object().expect("cases").clone();
    assert!(cases.len() >= 42, "{}", cases.len());
    cases.into_iter()
}

fn columns(case: &str, side: &str) -> Vec<arrow::array::ArrayRef> {
    let file = File::open(folder().join(format!("{case}.{side}.parquet"))).expect("open");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    reader.map(|batch| batch.expect("a batch").column(0).clone()).collect()
}

/// The finite numbers of a case's column, sorted; times are seconds.
pub fn numbers(case: &str, side: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for column in columns(case, side) {
        if let Some(times) = column.as_any().downcast_ref::<TimestampMicrosecondArray>() {
            found.extend(times.iter().flatten().map(|micros| micros as f64 / 1e6));
        } else {
            let column = column.as_any().downcast_ref::<Float64Array>().expect("numbers");
            found.extend(column.iter().flatten().filter(|value| value.is_finite()));
        }
    }
    found.sort_by(f64::total_cmp);
    found
}

/// How often each of these levels is there.
pub fn levels(case: &str, side: &str, levels: &[&str]) -> Vec<u64> {
    let mut counts = vec![0; levels.len()];
    for (text, n) in all_levels(case, side) {
        counts[levels.iter().position(|level| *level == text).expect("a level")] = n;
    }
    counts
}

/// All levels of a case's column, sorted, each with its count.
pub fn all_levels(case: &str, side: &str) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    for column in columns(case, side) {
        let texts: Vec<Option<String>> = match column.as_any().downcast_ref::<StringArray>() {
            Some(texts) => texts.iter().map(|text| text.map(str::to_owned)).collect(),
            None => {
                let column = column.as_any().downcast_ref::<BooleanArray>().expect("texts or booleans");
                column.iter().map(|value| value.map(|value| value.to_string())).collect()
            }
        };
        texts.into_iter().flatten().for_each(|text| *counts.entry(text).or_default() += 1);
    }
    counts.into_iter().collect()
}

pub fn counts(value: &Value) -> Vec<u64> {
    value.as_array().expect("counts").iter().map(|n| n.as_u64().expect("a count")).collect()
}

/// JSON has no NaN and no infinity: they stand there as texts.
pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(_) => f64::NAN,
        None => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

pub struct Wanted(f64);

impl Wanted {
    pub fn of(value: &Value) -> Wanted {
        Wanted(number(value))
    }

    pub fn near(&self, got: f64, relative: f64, about: &str) {
        self.within(got, relative, 0.0, about);
    }

    pub fn within(&self, got: f64, relative: f64, absolute: f64, about: &str) {
        // Of an infinity everything would be within.
        let is_near = self.0.is_finite() && (got - self.0).abs() <= relative * self.0.abs() + absolute;
        let is_so = got == self.0 || is_near;
        assert!(is_so, "{about}: {got:e} for {:e}", self.0);
    }
}
