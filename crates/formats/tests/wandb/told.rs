//! What a source has told so far, put together as the store does: a part's reset takes all of the part.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use signalbox_formats::{MediaBody, Progress, Reader, SourceSpec, open, read_media};
use signalbox_testkit::told::typed;
use signalbox_types::{Batch, Cursor, Format, MediaItem, ProblemKind, RunDelta, RunHead, Status};

/// Step, time's bits, value's bits.
pub type PointBits = (i64, u64, u64);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub n_runs: usize,
    pub head: RunHead,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// By (part, metric).
    pub series: BTreeMap<(String, String), Vec<PointBits>>,
    pub problems: BTreeSet<(String, Option<u64>, ProblemKind)>,
    /// Time −1 where none is known: NaN is not equal to itself.
    pub media: Vec<MediaItem>,
}

impl Told {
    pub fn apply(&mut self, batch: Batch) {
        self.problems.retain(|(path, ..)| !batch.healed.contains(path));
        self.problems.extend(batch.problems.into_iter().map(|p| (p.path, p.offset, p.kind)));
        let n_points: usize = batch.runs.iter().flat_map(|r| &r.series).map(|s| s.points.len()).sum();
        assert_eq!(batch.n_points, n_points as u64);
        batch.runs.into_iter().for_each(|delta| self.apply_run(delta));
    }

    fn apply_run(&mut self, delta: RunDelta) {
        assert_eq!(delta.key, "");
        if delta.reset {
            *self = Told { problems: std::mem::take(&mut self.problems), ..Told::default() };
        }
        self.n_runs = 1;
        let (old, new) = (std::mem::take(&mut self.head), delta.head);
        self.head = RunHead {
            name: new.name.or(old.name),
            status: new.status.or(old.status),
            started: new.started.or(old.started),
            ended: new.ended.or(old.ended),
            parent: new.parent.or(old.parent),
            experiment: new.experiment.or(old.experiment),
            user: new.user.or(old.user),
            lifecycle: new.lifecycle.or(old.lifecycle),
            artifact_root: new.artifact_root.or(old.artifact_root),
            pid: new.pid.or(old.pid),
        };
        self.params.extend(delta.params.iter().map(|(k, v)| (k.clone(), typed(v))));
        self.tags.extend(delta.tags);
        let media = delta.media.into_iter();
        self.media
            .extend(media.map(|item| MediaItem { time: if item.time.is_nan() { -1.0 } else { item.time }, ..item }));
        let resets: BTreeSet<String> = delta.series.iter().filter(|s| s.reset).map(|s| s.part.clone()).collect();
        self.series.retain(|(part, _), _| !resets.contains(part));
        for new in delta.series.into_iter().filter(|s| !s.points.is_empty()) {
            let points = self.series.entry((new.part, new.metric)).or_default();
            points.extend(new.points.iter().map(|p| (p.step, p.time.to_bits(), p.value.to_bits())));
        }
    }

    /// Reads until nothing is left.
    pub fn catch_up(&mut self, reader: &mut dyn Reader, budget: usize) {
        for _ in 0..1_000_000 {
            let mut batch = Batch::default();
            let progress = reader.read(budget, &mut batch);
            self.apply(batch);
            if progress == Progress::CaughtUp {
                return;
            }
        }
        panic!("the reader never catches up");
    }

    /// Opens with the cursor, catches up, keeps the cursor.
    pub fn visit(&mut self, spec: &SourceSpec, cursor: &mut Option<Cursor>, budget: usize) {
        let mut reader = open(spec, cursor.as_ref());
        self.catch_up(&mut *reader, budget);
        *cursor = Some(reader.cursor());
    }

    /// What was logged under a tag, with what it holds; the only item of it.
    pub fn held(&self, spec: &SourceSpec, tag: &str) -> (&MediaItem, MediaBody) {
        let items: Vec<_> = self.media.iter().filter(|item| item.tag == tag).collect();
        let [item] = items[..] else { panic!("{items:?}") };
        (item, read_media(spec, item).unwrap_or_else(|fault| panic!("{tag}: {}", fault.0)))
    }

    /// Steps and values of a metric, in the parts' order.
    pub fn line(&self, metric: &str) -> Vec<(i64, f64)> {
        let parts = self.series.iter().filter(|((_, m), _)| m == metric);
        parts.flat_map(|(_, points)| points.iter().map(|p| (p.0, f64::from_bits(p.2)))).collect()
    }

    pub fn times(&self, metric: &str) -> Vec<f64> {
        let parts = self.series.iter().filter(|((_, m), _)| m == metric);
        parts.flat_map(|(_, points)| points.iter().map(|p| f64::from_bits(p.1))).collect()
    }

    pub fn metrics(&self) -> BTreeSet<&str> {
        self.series.keys().map(|(_, metric)| metric.as_str()).collect()
    }

    pub fn name(&self) -> &str {
        self.head.name.as_deref().unwrap_or_default()
    }

    pub fn status(&self) -> Option<Status> {
        self.head.status
    }

    /// Everything that was told, as text to search for what must not be in it.
    pub fn everything(&self) -> String {
        format!("{self:?}")
    }
}

pub fn spec(format: Format, project: &Path, rel: &str) -> SourceSpec {
    SourceSpec { format, project: project.to_path_buf(), rel: PathBuf::from(rel) }
}

/// What a source says, read at once.
pub fn read_whole(spec: &SourceSpec) -> Told {
    let mut told = Told::default();
    told.visit(spec, &mut None, usize::MAX);
    told
}

/// Real files, in the repository's `tests/samples`.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples")
}

pub fn expected(sample: &str) -> serde_json::Value {
    let path = samples().join(sample).join("expected.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

pub fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}
