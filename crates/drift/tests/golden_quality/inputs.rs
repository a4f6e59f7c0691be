//! The golden files and the monitoring table.

use arrow::array::{Array, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use signalbox_drift::quality::estimate::Scored;
use signalbox_drift::trees::Column;
use std::fs::File;
use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn json(path: &str) -> Value {
    let text = std::fs::read_to_string(tests().join(path)).expect("read");
    serde_json::from_str(&text).expect("JSON")
}

/// Of the peers.
pub fn golden() -> Value {
    json("golden/golden.json")
}

/// A block of `sklearn.json`.
pub fn sklearn(block: &str) -> Value {
    json("golden_quality/sklearn.json")[block].clone()
}

/// The cases of a block.
pub fn cases(block: &str) -> Map<String, Value> {
    sklearn(block).as_object().expect("cases").clone()
}

/// JSON has no NaN and no infinity: they stand there as texts. A refusal is none.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text == "Infinity" => Some(f64::INFINITY),
        _ => None,
    }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|value| number(value).expect("a number")).collect()
}

pub fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|value| value.as_str().expect("a text")).collect()
}

pub fn flags(value: &Value) -> Vec<bool> {
    numbers(value).into_iter().map(|value| value == 1.0).collect()
}

pub fn indices(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|value| value as usize).collect()
}

/// Both there and near, or both not there.
pub fn same(got: Option<f64>, wanted: Option<f64>, relative: f64, absolute: f64, about: &str) {
    match (got, wanted) {
        (Some(got), Some(wanted)) => {
            let is_so = got == wanted || (got - wanted).abs() <= relative * wanted.abs() + absolute;
            assert!(is_so, "{about}: {got:e} for {wanted:e}");
        }
        _ => assert_eq!(got, wanted, "{about}"),
    }
}

/// The monitoring table, `ref` or `cur`.
pub struct Monitor {
    batch: RecordBatch,
}

impl Monitor {
    pub fn read(side: &str) -> Monitor {
        let file = File::open(tests().join(format!("golden/monitor.{side}.parquet"))).expect("open");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let mut reader = reader.with_batch_size(1 << 20).build().expect("a reader");
        let batch = reader.next().expect("rows").expect("a batch");
        assert!(reader.next().is_none(), "one batch");
        Monitor { batch }
    }

    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, name: &str) -> &dyn Array {
        self.batch.column_by_name(name).expect("a column").as_ref()
    }

    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let column = self.column(name).as_any().downcast_ref::<Float64Array>().expect("numbers");
        assert_eq!(column.null_count(), 0, "{name}");
        column.values().to_vec()
    }

    pub fn flags(&self, name: &str) -> Vec<bool> {
        let column = self.column(name).as_any().downcast_ref::<Int64Array>().expect("integers");
        column.values().iter().map(|value| *value == 1).collect()
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let column = self.column(name).as_any().downcast_ref::<StringArray>().expect("texts");
        column.iter().map(|text| text.expect("a text").to_owned()).collect()
    }

    /// Numbers, or the places of the texts in the order of the alphabet.
    pub fn feature(&self, name: &str) -> Column {
        let levels: &[&str] = match name {
            "seg" => &["app", "store", "web"],
            "grp" => &["A", "B"],
            _ => return Column::Numbers(self.numbers(name)),
        };
        let code = |text: &String| levels.iter().position(|level| level == text).map(|code| code as u32);
        Column::Levels(self.texts(name).iter().map(code).collect())
    }

    pub fn features(&self, names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| self.feature(name)).collect()
    }

    pub fn scored(&self) -> Vec<(Scored, bool)> {
        let calls = self.flags("pred").into_iter().zip(self.flags("y"));
        let rows = self.numbers("score").into_iter().zip(calls);
        rows.map(|(score, (called, label))| (Scored { score, called }, label)).collect()
    }
}

/// A golden table of chunks: first the reference's, then the current ones'.
pub struct Chunks {
    pub name: &'static str,
    table: Map<String, Value>,
    asked: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl Chunks {
    pub fn of(name: &'static str) -> Chunks {
        let table = golden()["nannyml"]["monitor"][name].as_object().expect("a table").clone();
        Chunks { name, table, asked: Default::default() }
    }

    pub fn value(&self, key: &str) -> &Value {
        self.asked.borrow_mut().insert(key.to_owned());
        self.table.get(key).unwrap_or_else(|| panic!("{}: no {key}", self.name))
    }

    pub fn at(&self, key: &str, chunk: usize) -> &Value {
        &self.value(key)[chunk]
    }

    /// Every key was asked for, but for these.
    pub fn all_but(&self, left: &[&str]) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            assert!(asked.contains(key) != left.contains(&key.as_str()), "{}: {key}", self.name);
        }
    }
}

/// Where each chunk begins and ends, as the golden keys say; `true`: of the reference.
pub fn chunk_bounds(chunks: &Chunks) -> Vec<(bool, std::ops::Range<usize>)> {
    let periods = texts(chunks.value("chunk|period"));
    let bounds = texts(chunks.value("chunk|key")).into_iter().map(|key| {
        let (from, till) = key.trim_matches(['[', ']']).split_once(':').expect("a range");
        from.parse().expect("a row")..till.parse::<usize>().expect("a row") + 1
    });
    periods.into_iter().map(|period| period == "reference").zip(bounds).collect()
}
