//! Reading a source to its end, whole or in pieces.

use std::path::{Path, PathBuf};

use signalbox_formats::{EventDirectory, EventStream, Progress, Reader, SourceSpec};
pub use signalbox_testkit::told::Told;
use signalbox_types::{Batch, Cursor, Format};

pub fn spec(project: &Path, rel: &str) -> SourceSpec {
    SourceSpec { format: Format::Tensorboard, project: project.to_path_buf(), rel: PathBuf::from(rel) }
}

/// Reads a directory to its end, from `cursor` on, on the host `vm`.
pub fn read_on(spec: &SourceSpec, cursor: &Cursor, told: &mut Told) -> Cursor {
    let mut reader = EventDirectory::open(spec, Some(cursor), "vm");
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(1 << 20, &mut batch);
        told.apply(batch);
        if progress == Progress::CaughtUp {
            return reader.cursor();
        }
    }
}

pub fn read_whole(spec: &SourceSpec) -> Told {
    let mut told = Told::default();
    read_on(spec, &Cursor::default(), &mut told);
    told
}

/// Reads the first `len` bytes of a file with a stream.
pub fn stream_on(stream: &mut EventStream, bytes: &[u8], len: usize, budget: usize, told: &mut Told) {
    let mut src = std::io::Cursor::new(&bytes[..len]);
    assert!(stream.is_same(&mut src, len as u64).unwrap());
    loop {
        let mut batch = Batch::default();
        let progress = stream.read(&mut src, len as u64, budget, &mut batch).unwrap();
        told.apply(batch);
        if progress == Progress::CaughtUp {
            return;
        }
    }
}

pub fn stream_whole(bytes: &[u8]) -> Told {
    let mut told = Told::default();
    stream_on(&mut EventStream::default(), bytes, bytes.len(), usize::MAX, &mut told);
    told
}

pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples")
}
