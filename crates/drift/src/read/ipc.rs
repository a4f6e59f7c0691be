//! Arrow IPC: files with a footer (Feather) and streams.

mod frame;

use super::batch::{Batch, field_at};
use super::schema::{self, Column};
use super::{Problem, Problems};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::record_batch::RecordBatch;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

pub struct IpcFile {
    path: PathBuf,
    is_stream: bool,
    pub columns: Vec<Column>,
    pub twice: Vec<String>,
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

impl IpcFile {
    pub fn open(path: &Path, is_stream: bool) -> Result<IpcFile, String> {
        let (schema, ..) = guarded(|| batches(path, is_stream))?;
        let (columns, twice) = schema::columns(&schema);
        Ok(IpcFile { path: path.to_owned(), is_stream, columns, twice })
    }

    pub fn scan(
        &self,
        (file, name): (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut n_read = 0_u64;
        let read = guarded(|| {
            let (_, batches, damage) = batches(&self.path, self.is_stream)?;
            for batch in batches {
                let batch = batch?;
                let of = |at: usize| {
                    let path = &self.columns.get(at)?.path;
                    field_at(batch.columns().get(path[0])?, &path[1..])
                };
                let columns = wanted.iter().map(|at| at.and_then(of)).collect();
                if each(&Batch { n_rows: batch.num_rows(), columns, file }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                n_read += 1;
            }
            damage.map_or(Ok(ControlFlow::Continue(())), |said| Err(ArrowError::IpcError(said)))
        });
        read.unwrap_or_else(|said| {
            problems.add(Problem {
                file: name.to_owned(),
                column: None,
                place: Some(format!("record batch {n_read}")),
                message: format!("What stands from there on could not be read: {said}."),
                hint: Some("Write the file again, or leave it out.".into()),
            });
            ControlFlow::Continue(())
        })
    }
}

/// The last: what is wrong with what comes after these batches.
fn batches(path: &Path, is_stream: bool) -> Result<(SchemaRef, Batches, Option<String>), ArrowError> {
    let mut file = File::open(path)?;
    Ok(if is_stream {
        let (end, damage) = frame::sound_end(&mut file).map_err(ArrowError::IpcError)?;
        if let (0, Some(said)) = (end, &damage) {
            return Err(ArrowError::IpcError(said.clone()));
        }
        let reader = StreamReader::try_new(BufReader::new(file.take(end)), None)?;
        (reader.schema(), Box::new(reader), damage)
    } else {
        frame::check_file(&mut file).map_err(ArrowError::IpcError)?;
        let reader = FileReader::try_new(BufReader::new(file), None)?;
        (reader.schema(), Box::new(reader), None)
    })
}

/// The crate trusts what it is given here and there.
fn guarded<T>(work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err("it is damaged".into()),
    }
}
