//! Parquet: row group after row group, so that a damaged one costs its own rows only.

use super::batch::{Batch, field_at};
use super::schema::{self, Column};
use super::{Problem, Problems};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelectionPolicy,
};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

const BATCH_ROWS: usize = 32_768;
const BATCH_BYTES: i64 = 64 << 20;

pub struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
    pub columns: Vec<Column>,
    pub twice: Vec<String>,
}

impl ParquetFile {
    pub fn open(path: &Path) -> Result<ParquetFile, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        // The crate trusts what it is given here and there.
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            let columns = schema::columns(plain.schema());
            let schema = with_levels(plain.schema());
            let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
            // Where texts cannot be had as levels, they come as they are.
            let metadata = ArrowReaderMetadata::try_new(plain.metadata().clone(), options).unwrap_or(plain);
            Ok::<_, parquet::errors::ParquetError>((metadata, columns))
        }));
        let (metadata, (columns, twice)) = loaded
            .map_err(|_| "its footer is damaged".to_owned())?
            .map_err(|e: parquet::errors::ParquetError| e.to_string())?;
        Ok(ParquetFile { file, metadata, columns, twice })
    }

    pub fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub fn n_rows(&self) -> u64 {
        self.parquet().file_metadata().num_rows().max(0) as u64
    }

    /// Of a column of doubles, from the footer; writers leave NaN out of it, and may widen it.
    pub fn bounds(&self, column: usize) -> Option<(f64, f64)> {
        let [root] = self.columns.get(column)?.path[..] else { return None };
        let leaf = (0..self.parquet().file_metadata().schema_descr().num_columns())
            .find(|leaf| self.parquet().file_metadata().schema_descr().get_column_root_idx(*leaf) == root)?;
        let mut found: Option<(f64, f64)> = None;
        for group in self.parquet().row_groups() {
            let (min, max) = match group.column(leaf).statistics()? {
                Statistics::Double(of) => (*of.min_opt()?, *of.max_opt()?),
                _ => return None,
            };
            if !min.is_finite() || !max.is_finite() {
                return None;
            }
            let (low, high) = found.unwrap_or((min, max));
            found = Some((low.min(min), high.max(max)));
        }
        found
    }

    /// `wanted`: places in `columns`, or `None` for what this file lacks.
    pub fn scan(
        &self,
        (file, name): (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for group in 0..self.parquet().num_row_groups() {
            let rows = self.parquet().row_group(group).num_rows();
            // Column after column if all of them together cannot be read: the damaged one only is lost.
            let read = catch_unwind(AssertUnwindSafe(|| self.scan_group(file, group, wanted, each)));
            let said = match read {
                Ok(Ok(flow)) => {
                    flow?;
                    continue;
                }
                Ok(Err(e)) => e,
                Err(_) => "the reader gave up on what stands there".to_owned(),
            };
            let columns: Vec<&str> =
                wanted.iter().flatten().filter_map(|at| self.columns.get(*at)).map(|c| c.name.as_str()).collect();
            problems.add(Problem {
                file: name.to_owned(),
                column: (columns.len() == 1).then(|| columns[0].to_owned()),
                place: Some(format!("row group {group}")),
                message: format!("Its {rows} rows could not be read whole: {said}."),
                hint: Some("Write the file again, or leave it out.".into()),
            });
        }
        ControlFlow::Continue(())
    }

    /// Fewer where rows are long: texts of ten megabytes are not had by the thousand.
    fn batch_rows(&self, group: usize, roots: &[usize]) -> usize {
        let (group, schema) = (self.parquet().row_group(group), self.parquet().file_metadata().schema_descr());
        let is_wanted = |leaf: &usize| roots.binary_search(&schema.get_column_root_idx(*leaf)).is_ok();
        let sizes = (0..schema.num_columns().min(group.num_columns())).filter(is_wanted);
        let n_bytes = sizes.map(|leaf| group.column(leaf).uncompressed_size().max(0)).fold(0, i64::saturating_add);
        let per_row = n_bytes / group.num_rows().max(1);
        ((BATCH_BYTES / per_row.max(1)) as usize).clamp(1, BATCH_ROWS)
    }

    fn scan_group(
        &self,
        file: usize,
        group: usize,
        wanted: &[Option<usize>],
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, String> {
        let paths: Vec<Option<&[usize]>> =
            wanted.iter().map(|at| at.and_then(|at| self.columns.get(at)).map(|c| &c.path[..])).collect();
        let mut roots: Vec<usize> = paths.iter().flatten().map(|path| path[0]).collect();
        roots.sort_unstable();
        roots.dedup();
        if roots.is_empty() {
            let n_rows = self.parquet().row_group(group).num_rows().max(0) as usize;
            return Ok(each(&Batch { n_rows, columns: vec![None; wanted.len()], file }));
        }
        let reader = self.file.try_clone().map_err(|e| e.to_string())?;
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots.iter().copied());
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(self.batch_rows(group, &roots))
            .with_projection(mask)
            .with_row_selection_policy(RowSelectionPolicy::Auto { threshold: 32 })
            .build()
            .map_err(|e| e.to_string())?;
        for batch in batches {
            let batch = batch.map_err(|e| e.to_string())?;
            let of = |path: &[usize]| {
                let at = roots.binary_search(&path[0]).ok()?;
                field_at(batch.column(at), &path[1..])
            };
            let columns = paths.iter().map(|path| path.and_then(of)).collect();
            let flow = each(&Batch { n_rows: batch.num_rows(), columns, file });
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Texts as keys into their levels: in most files they lie so.
fn with_levels(schema: &Schema) -> Schema {
    let of = |field: &Field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let levels = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            field.clone().with_data_type(levels)
        }
        _ => field.clone(),
    };
    let fields: Vec<Field> = schema.fields().iter().map(|field| of(field)).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}
