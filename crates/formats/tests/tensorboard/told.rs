//! What a source has told so far: batches put together as a store does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use signalbox_formats::{EventDirectory, EventStream};
use signalbox_formats::{Progress, Reader, SourceSpec};
use signalbox_types::{Batch, Cursor, Format, ParamValue, ProblemKind, RunDelta, Status};

/// Step, time's bits, value's bits.
pub type PointBits = (i64, u64, u64);

/// Everything comparable: numbers as bits, since NaN is data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub n_runs: usize,
    pub started: Option<f64>,
    pub ended: Option<f64>,
    pub status: Option<Status>,
    pub pid: Option<u32>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// (tag, step, time's bits, text)
    pub texts: Vec<(String, i64, u64, String)>,
    /// By (metric, part).
    pub series: BTreeMap<(String, String), Vec<PointBits>>,
    /// (part, step, points of the part that came before)
    pub purges: Vec<(String, i64, usize)>,
    pub problems: BTreeSet<(String, Option<u64>, ProblemKind)>,
    pub n_points: u64,
    pub bytes_read: u64,
}

impl Told {
    pub fn apply(&mut self, batch: Batch) {
        self.problems.retain(|(path, ..)| !batch.healed.contains(path));
        self.problems.extend(batch.problems.into_iter().map(|p| (p.path, p.offset, p.kind)));
        self.n_points += batch.n_points;
        self.bytes_read += batch.bytes_read;
        for delta in batch.runs {
            self.apply_run(delta);
        }
    }

    fn apply_run(&mut self, delta: RunDelta) {
        assert_eq!(delta.key, "");
        self.n_runs = 1;
        if delta.reset {
            let problems = std::mem::take(&mut self.problems);
            let (n_points, bytes_read) = (self.n_points, self.bytes_read);
            *self = Told { n_runs: 1, problems, n_points, bytes_read, ..Told::default() };
        }
        let head = delta.head;
        self.started = head.started.or(self.started);
        self.ended = head.ended.flatten().or(self.ended);
        self.status = head.status.or(self.status);
        self.pid = head.pid.or(self.pid);
        self.params.extend(delta.params.into_iter().map(|(k, v)| (k, typed(&v))));
        self.tags.extend(delta.tags);
        self.texts.extend(delta.texts.into_iter().map(|t| (t.tag, t.step, t.time.to_bits(), t.text)));
        for purge in delta.purges {
            let n = self.series.iter().filter(|((_, part), _)| *part == purge.part).map(|(_, p)| p.len()).sum();
            self.purges.push((purge.part, purge.step, n));
        }
        for new in delta.series {
            let points = self.series.entry((new.metric, new.part)).or_default();
            if new.reset {
                points.clear();
            }
            points.extend(new.points.iter().map(|p| (p.step, p.time.to_bits(), p.value.to_bits())));
        }
        self.series.retain(|_, points| !points.is_empty());
    }

    /// Steps and values of a metric over all parts, in the parts' order.
    pub fn line(&self, metric: &str) -> Vec<(i64, f64)> {
        let parts = self.series.iter().filter(|((m, _), _)| m == metric);
        parts.flat_map(|(_, points)| points.iter().map(|p| (p.0, f64::from_bits(p.2)))).collect()
    }

    pub fn metrics(&self) -> BTreeSet<&str> {
        self.series.keys().map(|(metric, _)| metric.as_str()).collect()
    }

    pub fn trouble(&self) -> Vec<(Option<u64>, ProblemKind)> {
        self.problems.iter().map(|(_, offset, kind)| (*offset, *kind)).collect()
    }

    /// The same without what depends on how often a file was read.
    pub fn lasting(mut self) -> Told {
        self.n_points = 0;
        self.bytes_read = 0;
        self
    }
}

/// A value with its type: `text "1"` is not `number 1`.
pub fn typed(value: &ParamValue) -> String {
    match value {
        ParamValue::Bool(b) => format!("bool {b}"),
        ParamValue::Number(n) => format!("number {n}"),
        ParamValue::Text(t) => format!("text {t}"),
    }
}

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
