//! Arrow IPC: files with a footer (Feather) and streams.

mod frame;
mod packed;

use super::batch::{Batch, field_at};
use super::schema::Found;
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
    pub found: Found,
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

impl IpcFile {
    pub fn open(path: &Path, is_stream: bool) -> Result<IpcFile, String> {
        let (schema, ..) = guarded(|| batches(path, is_stream, None))?;
        Ok(IpcFile { path: path.to_owned(), is_stream, found: Found::of(&schema) })
    }

    pub fn scan(
        &self,
        (file, name): (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut n_read = 0_u64;
        let path_of = |at: usize| self.found.columns.get(at).map(|column| &column.path[..]);
        let mut roots: Vec<usize> = wanted.iter().flatten().filter_map(|at| Some(*path_of(*at)?.first()?)).collect();
        roots.sort_unstable();
        roots.dedup();
        let read = guarded(|| {
            // What was not asked for is not unpacked.
            let (_, batches, damage) = batches(&self.path, self.is_stream, Some(roots.clone()))?;
            for batch in batches {
                let batch = batch?;
                let of = |at: usize| {
                    let (root, rest) = path_of(at)?.split_first()?;
                    field_at(batch.columns().get(roots.binary_search(root).ok()?)?, rest)
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
                lost: true,
                message: format!("What stands from there on could not be read: {said}."),
                hint: Some("Write the file again, or leave it out.".into()),
            });
            ControlFlow::Continue(())
        })
    }
}

/// Of these columns, all if none are named. The last: what is wrong with what comes after these batches.
fn batches(
    path: &Path,
    is_stream: bool,
    columns: Option<Vec<usize>>,
) -> Result<(SchemaRef, Batches, Option<String>), ArrowError> {
    let mut file = File::open(path)?;
    Ok(if is_stream {
        let (end, damage) = frame::sound_end(&mut file).map_err(ArrowError::IpcError)?;
        if let (0, Some(said)) = (end, &damage) {
            return Err(ArrowError::IpcError(said.clone()));
        }
        let reader = StreamReader::try_new(BufReader::new(file.take(end)), columns)?;
        (reader.schema(), Box::new(reader), damage)
    } else {
        let (n_sound, damage) = frame::check_file(&mut file).map_err(ArrowError::IpcError)?;
        let reader = FileReader::try_new(BufReader::new(file), columns)?;
        (reader.schema(), Box::new(reader.take(n_sound)), damage)
    })
}

/// The crate trusts what it is given here and there.
fn guarded<T>(work: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err("it is damaged".into()),
    }
}
