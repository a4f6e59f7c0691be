//! A store in miniature: what all batches of a source together say, to compare ways of reading.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use signalbox_formats::{Progress, Reader, SourceSpec, open};
use signalbox_types::{Batch, Cursor, Format, Lifecycle, ParamValue, Problem, RunDelta, Status};

#[allow(dead_code, reason = "each test uses some of it")]
pub mod project;

/// (step, time bits, value bits): NaN equals itself.
pub type PointBits = (i64, u64, u64);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownRun {
    pub name: String,
    pub status: Option<Status>,
    pub started: Option<f64>,
    pub ended: Option<Option<f64>>,
    pub parent: String,
    pub experiment: String,
    pub user: String,
    pub lifecycle: Lifecycle,
    pub artifact_root: String,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub datasets: BTreeSet<(String, String, String)>,
    /// Part by part.
    pub series: BTreeMap<String, Vec<PointBits>>,
    by_part: BTreeMap<(String, String), Vec<PointBits>>,
}

impl KnownRun {
    pub fn steps(&self, metric: &str) -> Vec<i64> {
        self.series[metric].iter().map(|p| p.0).collect()
    }

    pub fn values(&self, metric: &str) -> Vec<f64> {
        self.series[metric].iter().map(|p| f64::from_bits(p.2)).collect()
    }

    pub fn times(&self, metric: &str) -> Vec<f64> {
        self.series[metric].iter().map(|p| f64::from_bits(p.1)).collect()
    }

    fn apply(&mut self, delta: &RunDelta) {
        // As the store does: the head is forgotten too, and a series' reset takes its whole part along.
        if delta.reset {
            *self = KnownRun::default();
        }
        for reset in delta.series.iter().filter(|s| s.reset) {
            self.by_part.retain(|(_, part), _| *part != reset.part);
        }
        let head = delta.head.clone();
        self.name = head.name.unwrap_or(std::mem::take(&mut self.name));
        self.status = head.status.or(self.status);
        self.started = head.started.or(self.started);
        self.ended = head.ended.or(self.ended);
        self.parent = head.parent.unwrap_or(std::mem::take(&mut self.parent));
        self.experiment = head.experiment.unwrap_or(std::mem::take(&mut self.experiment));
        self.user = head.user.unwrap_or(std::mem::take(&mut self.user));
        self.lifecycle = head.lifecycle.unwrap_or(self.lifecycle);
        self.artifact_root = head.artifact_root.unwrap_or(std::mem::take(&mut self.artifact_root));
        self.params.extend(delta.params.iter().map(|(k, v)| (k.clone(), typed(v))));
        self.tags.extend(delta.tags.iter().cloned());
        self.datasets.extend(delta.datasets.iter().map(|d| (d.name.clone(), d.digest.clone(), d.context.clone())));
        for series in delta.series.iter().filter(|s| !s.points.is_empty()) {
            let points = self.by_part.entry((series.metric.clone(), series.part.clone())).or_default();
            points.extend(series.points.iter().map(|p| (p.step, p.time.to_bits(), p.value.to_bits())));
        }
        self.series.clear();
        for ((metric, _), points) in &self.by_part {
            self.series.entry(metric.clone()).or_default().extend_from_slice(points);
        }
    }
}

fn typed(value: &ParamValue) -> String {
    match value {
        ParamValue::Text(text) => text.clone(),
        ParamValue::Number(x) => format!("number {x}"),
        ParamValue::Bool(b) => format!("bool {b}"),
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub runs: BTreeMap<String, KnownRun>,
    pub problems: BTreeSet<(String, Option<u64>, String)>,
    pub models: BTreeSet<(String, String, String)>,
    pub gone: BTreeSet<String>,
}

impl Known {
    pub fn apply(&mut self, batch: &Batch) {
        for path in &batch.healed {
            self.problems.retain(|(p, _, _)| p != path);
        }
        for Problem { path, offset, kind, .. } in &batch.problems {
            self.problems.insert((path.clone(), *offset, format!("{kind:?}")));
        }
        for key in &batch.gone {
            self.runs.remove(key);
            self.gone.insert(key.clone());
        }
        for delta in &batch.runs {
            self.gone.remove(&delta.key);
            self.runs.entry(delta.key.clone()).or_default().apply(delta);
        }
        if let Some(models) = &batch.models {
            self.models = models.iter().map(|m| (m.name.clone(), m.version.clone(), m.run.clone())).collect();
        }
    }

    /// The only run there is.
    pub fn run(&self) -> &KnownRun {
        assert_eq!(self.runs.len(), 1, "{:?}", self.runs.keys());
        self.runs.values().next().unwrap()
    }

    pub fn run_named(&self, name: &str) -> &KnownRun {
        self.runs.values().find(|r| r.name == name).unwrap_or_else(|| panic!("no run {name} in {:?}", self.runs))
    }

    /// Reads until nothing is left.
    pub fn catch_up(&mut self, reader: &mut dyn Reader, budget: usize) -> Batch {
        let mut last = Batch::default();
        for _ in 0..100_000 {
            let mut batch = Batch::default();
            let progress = reader.read(budget, &mut batch);
            self.apply(&batch);
            last.bytes_read += batch.bytes_read;
            last.n_points += batch.n_points;
            last.runs.extend(batch.runs);
            last.problems.extend(batch.problems);
            last.healed.extend(batch.healed);
            if progress == Progress::CaughtUp {
                return last;
            }
        }
        panic!("the reader never catches up");
    }

    /// One visit of a watcher that was restarted meanwhile: opens with the cursor, catches up, keeps the cursor.
    pub fn visit(&mut self, spec: &SourceSpec, cursor: &mut Option<Cursor>, budget: usize) -> Batch {
        let mut reader = open(spec, cursor.as_ref());
        let batch = self.catch_up(&mut *reader, budget);
        *cursor = Some(reader.cursor());
        batch
    }
}

/// What a source says, read at once.
pub fn read_whole(spec: &SourceSpec) -> Known {
    let mut known = Known::default();
    known.visit(spec, &mut None, usize::MAX);
    known
}

pub fn spec(format: Format, project: &Path, rel: &str) -> SourceSpec {
    SourceSpec { format, project: project.to_path_buf(), rel: PathBuf::from(rel) }
}

/// Real files, in the repository's `tests/samples`.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples")
}

pub fn expected(sample: &str) -> serde_json::Value {
    let path = samples().join(sample).join("expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A copy of a sample that a test may change.
pub fn copy_of(sample: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_dir(&samples().join(sample), dir.path());
    dir
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A number as expected.json writes it.
pub fn json_number(value: &serde_json::Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(text) => text.parse().unwrap(),
        None => value.as_f64().unwrap(),
    }
}

pub fn json_numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(json_number).collect()
}

pub fn json_steps(value: &serde_json::Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

/// Equality under which NaN equals NaN.
pub fn assert_same(found: &[f64], expected: &[f64], what: &str) {
    let bits = |xs: &[f64]| xs.iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect::<Vec<_>>();
    assert_eq!(bits(found), bits(expected), "{what}: {found:?} is not {expected:?}");
}
