//! A small table is better compared here, exactly: its rows are pulled into a file, never more of them than was said.

use crate::described::{Described, Shape};
use crate::engine::{As, Connection, Value, Wrong};
use crate::error::EngineError;
use crate::plan::{How, Plan};
use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::FileWriter;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch.
const BATCH: usize = 8192;
/// Of all texts.
const MAX_BYTES: usize = 512 << 20;

enum Builder {
    Numbers(Float64Builder),
    Booleans(BooleanBuilder),
    Texts(StringBuilder),
}

impl Builder {
    fn of(kind: As) -> Builder {
        match kind {
            As::Boolean => Builder::Booleans(BooleanBuilder::new()),
            As::Text => Builder::Texts(StringBuilder::new()),
            As::Double | As::Integer => Builder::Numbers(Float64Builder::new()),
        }
    }

    /// Bytes of a text.
    fn push(&mut self, value: Value) -> Result<usize, Wrong> {
        match (self, value) {
            (Builder::Numbers(to), Value::Null) => to.append_null(),
            (Builder::Booleans(to), Value::Null) => to.append_null(),
            (Builder::Texts(to), Value::Null) => to.append_null(),
            (Builder::Numbers(to), Value::Double(value)) => to.append_value(value),
            (Builder::Booleans(to), Value::Boolean(value)) => to.append_value(value),
            (Builder::Texts(to), Value::Text(text)) => {
                to.append_value(&text);
                return Ok(text.len());
            }
            (_, other) => return Err(Wrong(format!("a value of another type: {other:?}"))),
        }
        Ok(0)
    }

    fn end(&mut self) -> ArrayRef {
        match self {
            Builder::Numbers(values) => Arc::new(values.finish()),
            Builder::Booleans(values) => Arc::new(values.finish()),
            Builder::Texts(values) => Arc::new(values.finish()),
        }
    }
}

impl Plan {
    /// Why a table is not pulled however small it is; `None`: it may be.
    pub fn cannot_be_pulled(&self, found: &Described) -> Option<&'static str> {
        let is_odd = |name: &str| {
            let shape = found.column(name).map(|column| column.shape);
            matches!(shape, Some(Shape::Time | Shape::Other))
        };
        if self.segment.is_some() {
            Some("segments are counted, not compared")
        } else if self.columns.iter().any(|column| column.how == How::Mismatched && is_odd(&column.name)) {
            Some("a column's type is neither number, boolean nor text")
        } else if self.columns.iter().all(|column| column.how == How::Missing) {
            Some("it has none of the columns")
        } else {
            None
        }
    }

    fn kinds(&self, found: &Described) -> Vec<(String, As)> {
        let kind = |name: &str| match found.column(name)?.shape {
            Shape::Number { .. } => Some(As::Double),
            Shape::Boolean => Some(As::Boolean),
            Shape::Text => Some(As::Text),
            Shape::Time | Shape::Other => None,
        };
        self.columns.iter().filter_map(|column| Some((column.name.clone(), kind(&column.name)?))).collect()
    }

    /// The rows of the columns that are compared, one more than `most`.
    pub fn pull_sql(&self, found: &Described, most: u64) -> Result<String, EngineError> {
        crate::dialect::rows(self.dialect(), self, &self.kinds(found), most.saturating_add(1))
    }
}

impl Connection {
    /// Writes the rows into an Arrow file: how many. More than `most` are refused: the estimate was wrong then.
    pub fn pull(&mut self, plan: &Plan, found: &Described, most: u64, to: &Path) -> Result<u64, EngineError> {
        let local = |e: &dyn std::fmt::Display| EngineError::Local(format!("{}: {e}", to.display()));
        let columns = plan.kinds(found);
        let types = columns.iter().map(|(name, kind)| {
            let data_type = match kind {
                As::Boolean => DataType::Boolean,
                As::Text => DataType::Utf8,
                As::Double | As::Integer => DataType::Float64,
            };
            Field::new(name, data_type, true)
        });
        let schema = Arc::new(Schema::new(types.collect::<Vec<Field>>()));
        let file = File::create(to).map_err(|e| local(&e))?;
        let mut writer = FileWriter::try_new(file, &schema).map_err(|e| local(&e))?;
        let kinds: Vec<As> = columns.iter().map(|(_, kind)| *kind).collect();
        let mut builders: Vec<Builder> = kinds.iter().map(|kind| Builder::of(*kind)).collect();
        let (mut n, mut n_bytes, mut lost) = (0_u64, 0, None);
        let sql = plan.pull_sql(found, most)?;
        let mut flush = |builders: &mut Vec<Builder>| {
            let arrays = builders.iter_mut().map(Builder::end).collect();
            RecordBatch::try_new(schema.clone(), arrays).and_then(|batch| writer.write(&batch))
        };
        let done = self.rows(&plan.table, &sql, &kinds, &mut |row| {
            n += 1;
            for (builder, value) in builders.iter_mut().zip(row) {
                n_bytes += builder.push(value)?;
            }
            if n > most || n_bytes > MAX_BYTES {
                lost = Some(EngineError::TooLarge {
                    table: plan.table.to_string(),
                    limit: if n > most { format!("{most} rows") } else { format!("{} MiB", MAX_BYTES >> 20) },
                });
                return Err(Wrong(String::new()));
            }
            if n.is_multiple_of(BATCH as u64)
                && let Err(e) = flush(&mut builders)
            {
                lost = Some(local(&e));
                return Err(Wrong(String::new()));
            }
            Ok(())
        });
        if let Some(lost) = lost {
            return Err(lost);
        }
        done?;
        flush(&mut builders).and_then(|()| writer.finish()).map_err(|e| local(&e))?;
        Ok(n)
    }
}
