//! What one read of a run's event files brings, gathered as columns until it is handed on.

use signalbox_types::{Batch, Point, Points, Problem, PurgeMark, RunDelta, SeriesDelta};

use super::tags::Tags;

/// The news of one run, part after part. Deltas are in order: what a later one says comes after an earlier one.
/// Within a delta its purge marks come before its points.
#[derive(Debug, Default)]
pub struct News {
    /// The delta being filled.
    pub delta: RunDelta,
    done: Vec<RunDelta>,
    /// By tag number: the points of the part being read that are not in `delta` yet.
    columns: Vec<Points>,
    n_pending: usize,
    n_points: u64,
    /// Of the files' records, each byte once.
    pub bytes_read: u64,
    pub problems: Vec<Problem>,
    pub healed: Vec<String>,
}

impl News {
    #[inline]
    pub fn point(&mut self, tag: usize, point: Point) {
        if tag >= self.columns.len() {
            self.columns.resize_with(tag + 1, Points::default);
        }
        self.columns[tag].push(point);
        self.n_pending += 1;
    }

    /// Whether a tag has points that `end_part` has not taken yet.
    #[inline]
    pub fn is_pending(&self, tag: usize) -> bool {
        self.columns.get(tag).is_some_and(|c| !c.is_empty())
    }

    /// Moves the points of the part that was read into the delta.
    pub fn end_part(&mut self, part: &str, tags: &Tags) {
        if self.n_pending == 0 {
            return;
        }
        self.n_points += self.n_pending as u64;
        self.n_pending = 0;
        for (id, column) in self.columns.iter_mut().enumerate().filter(|(_, c)| !c.is_empty()) {
            self.delta.series.push(SeriesDelta {
                metric: tags.name(id).to_string(),
                part: part.to_string(),
                points: std::mem::take(column),
                reset: false,
            });
        }
    }

    /// Marks a restart. The part's points so far go into a delta of their own, for they come before the mark.
    pub fn purge(&mut self, part: &str, step: i64, tags: &Tags) {
        self.end_part(part, tags);
        if self.delta.series.iter().any(|s| s.part == part && !s.points.is_empty()) {
            self.done.push(std::mem::take(&mut self.delta));
        }
        self.delta.purges.push(PurgeMark { part: part.to_string(), step });
    }

    /// Says that a file's earlier problems no longer hold.
    pub fn heal(&mut self, path: &str) {
        self.problems.retain(|p| p.path != path);
        self.healed.push(path.to_string());
    }

    /// Adds everything to a batch. A delta that says nothing is left out, unless `always`.
    pub fn hand_on(self, batch: &mut Batch, always: bool) {
        batch.runs.extend(self.done);
        if always || !says_nothing(&self.delta) {
            batch.runs.push(self.delta);
        }
        batch.problems.retain(|p| !self.healed.contains(&p.path));
        batch.healed.extend(self.healed);
        batch.problems.extend(self.problems);
        batch.bytes_read += self.bytes_read;
        batch.n_points += self.n_points;
    }
}

fn says_nothing(d: &RunDelta) -> bool {
    !d.reset
        && d.head == Default::default()
        && d.params.is_empty()
        && d.tags.is_empty()
        && d.media.is_empty()
        && d.media_reset.is_empty()
        && d.datasets.is_empty()
        && d.series.is_empty()
        && d.purges.is_empty()
}
