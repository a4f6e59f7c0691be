//! Parquet: row group after row group, so that a damaged one costs its own rows only.

use super::batch::{Batch, field_at};
use super::schema::Found;
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
/// A footer that says more of one row group is not believed.
const MAX_GROUP_ROWS: i64 = u32::MAX as i64;

pub struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
    pub found: Found,
}

impl ParquetFile {
    pub fn open(path: &Path) -> Result<ParquetFile, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        // The crate trusts what it is given here and there.
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            let found = Found::of(plain.schema());
            let schema = with_levels(plain.schema());
            let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
            // Where texts cannot be had as levels, they come as they are.
            let metadata = ArrowReaderMetadata::try_new(plain.metadata().clone(), options).unwrap_or(plain);
            Ok::<_, parquet::errors::ParquetError>((metadata, found))
        }));
        let (metadata, found) = loaded
            .map_err(|_| "its footer is damaged".to_owned())?
            .map_err(|e: parquet::errors::ParquetError| e.to_string())?;
        Ok(ParquetFile { file, metadata, found })
    }

    pub fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub fn n_rows(&self) -> u64 {
        self.parquet().file_metadata().num_rows().max(0) as u64
    }

    /// Of a column of doubles, from the footer; writers leave NaN out of it, and may widen it.
    pub fn bounds(&self, column: usize) -> Option<(f64, f64)> {
        let [root] = self.found.columns.get(column)?.path[..] else { return None };
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
            // What was handed on before the damage is counted already, and cannot be read again column by column.
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
                wanted.iter().flatten().filter_map(|at| self.found.columns.get(*at)).map(|c| c.name.as_str()).collect();
            problems.add(Problem {
                file: name.to_owned(),
                column: (columns.len() == 1).then(|| columns[0].to_owned()),
                place: Some(format!("row group {group}")),
                lost: true,
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
            wanted.iter().map(|at| at.and_then(|at| self.found.columns.get(at)).map(|c| &c.path[..])).collect();
        let mut roots: Vec<usize> = paths.iter().flatten().map(|path| path[0]).collect();
        roots.sort_unstable();
        roots.dedup();
        if roots.is_empty() {
            return self.scan_rows(file, group, wanted.len(), each);
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

    /// Rows of which no column is asked for: as many as the footer says, if all columns have at least as many values.
    fn scan_rows(
        &self,
        file: usize,
        group: usize,
        n_columns: usize,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, String> {
        let group = self.parquet().row_group(group);
        let (rows, least) = (group.num_rows(), group.columns().iter().map(|leaf| leaf.num_values()).min().unwrap_or(0));
        if rows > least.min(MAX_GROUP_ROWS) {
            return Err(format!("its footer says {rows} rows, and {least} values of a column"));
        }
        let mut left = usize::try_from(rows).map_err(|_| format!("its footer says {rows} rows"))?;
        while left > 0 {
            let n_rows = left.min(BATCH_ROWS);
            let flow = each(&Batch { n_rows, columns: vec![None; n_columns], file });
            if flow.is_break() {
                return Ok(flow);
            }
            left -= n_rows;
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;

    /// Rows of a file of ten, without a column of it, whose footer says so many.
    fn told(rows: i64) -> Result<usize, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.parquet");
        let x: ArrayRef = Arc::new(Float64Array::from(vec![0.5; 10]));
        let batch = RecordBatch::try_from_iter([("x", x)]).expect("a batch");
        let mut to =
            ArrowWriter::try_new(File::create(&path).expect("a file"), batch.schema(), None).expect("a writer");
        to.write(&batch).expect("written");
        to.close().expect("written");
        let mut file = ParquetFile::open(&path)?;
        let about = file.parquet().clone();
        let group = about.row_group(0).clone().into_builder().set_num_rows(rows).build().expect("a row group");
        let about = about.into_builder().set_row_groups(vec![group]).build();
        file.metadata = ArrowReaderMetadata::try_new(Arc::new(about), ArrowReaderOptions::new()).expect("a footer");
        let mut n = 0;
        let flow = file.scan_rows(0, 0, 1, &mut |batch| {
            n += batch.n_rows;
            ControlFlow::Continue(())
        });
        flow.map(|_| n)
    }

    #[test]
    fn a_footer_is_believed_as_far_as_its_columns_bear_it() {
        assert_eq!((told(10), told(0)), (Ok(10), Ok(0)));
        for rows in [-1, i64::MIN, 11, i64::MAX] {
            assert!(told(rows).is_err_and(|said| said.contains(&rows.to_string())), "{rows}");
        }
    }
}
