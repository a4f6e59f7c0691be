//! What a source has told so far: batches put together as a store does, for comparing readings of one source.

use std::collections::{BTreeMap, BTreeSet};

use signalbox_types::{Batch, MediaItem, ParamValue, ProblemKind, RunDelta, Status};

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
    pub media: Vec<MediaItem>,
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
        self.media.retain(|item| !delta.media_reset.contains(&item.part));
        // NaN is not equal to itself.
        let told = delta.media.into_iter();
        self.media
            .extend(told.map(|item| MediaItem { time: if item.time.is_nan() { -1.0 } else { item.time }, ..item }));
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
