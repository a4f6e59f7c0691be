//! Which training a line belongs to, and at which step.
//!
//! A line whose step falls back to where its training began is the first of another training; so is a line of another
//! writer. A lesser fall is a training that went on from a checkpoint: its steps stay as they were printed.

use serde::{Deserialize, Serialize};

use super::{
    lines::Lines,
    writers::{self, Meaning, Record, Writer},
};

/// Trainings of one file beyond this are taken for one.
pub(super) const MAX_RUNS: u32 = 1_000;

/// The trainings of a file so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Trainings {
    #[serde(rename = "n")]
    n_runs: u32,
    #[serde(rename = "r", default)]
    now: Option<Training>,
    #[serde(rename = "e", default)]
    epoch: Option<Epoch>,
    /// The next line repeats that of the best iteration.
    #[serde(rename = "b", default)]
    repeats: bool,
    #[serde(rename = "c", default)]
    crowded: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Training {
    #[serde(rename = "w")]
    writer: Writer,
    /// Where it began and where it stands, in its writer's own count: iterations or epochs.
    #[serde(rename = "a")]
    first: f64,
    #[serde(rename = "z")]
    last: f64,
    /// How many lines with a loss there were, where the lines count no steps.
    #[serde(rename = "n")]
    n_logged: i64,
}

/// Keras' epoch, after its `Epoch 1/3`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Epoch {
    #[serde(rename = "e")]
    number: i64,
    /// Batches of its line, 0 before it.
    #[serde(rename = "b")]
    n_batches: i64,
    #[serde(rename = "v")]
    has_validation: bool,
}

/// A line of a training.
pub(super) struct Row<'a> {
    pub line: &'a [u8],
    pub writer: Writer,
    pub run: u32,
    /// It is the first of the run.
    pub begins: bool,
    pub step: i64,
}

impl Trainings {
    pub(super) fn n_runs(&self) -> u32 {
        self.n_runs
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// What a line says; its values go into `record`.
    #[inline]
    pub(super) fn take<'a>(&mut self, line: &'a [u8], record: &mut Record) -> Option<Row<'a>> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        let repeats = std::mem::take(&mut self.repeats);
        match writers::meaning(line, record)? {
            Meaning::BestFollows => self.repeats = true,
            Meaning::Epoch(number) => self.epoch = Some(Epoch { number, n_batches: 0, has_validation: false }),
            Meaning::Row(_) if repeats => {}
            Meaning::Row(writer) => return self.row(line, writer, record),
        }
        None
    }

    fn row<'a>(&mut self, line: &'a [u8], writer: Writer, record: &mut Record) -> Option<Row<'a>> {
        let is_new_epoch = writer == Writer::Keras && self.enter_epoch(line, record)?;
        let at = record.position;
        let falls = |now: &Training| at <= now.first && (at < now.last || is_new_epoch);
        let mut begins = self.now.as_ref().is_none_or(|now| now.writer != writer || falls(now));
        let n_logged = if begins { 0 } else { self.now.as_ref().map_or(0, |now| now.n_logged) };
        let n_logged = n_logged + i64::from(record.counts);
        let first = self.now.as_ref().filter(|_| !begins).map_or(at, |now| now.first);
        self.now = Some(Training { writer, first, last: at, n_logged });
        if begins && self.n_runs >= MAX_RUNS {
            self.crowded = true;
            begins = false;
        }
        self.n_runs += u32::from(begins);
        let step = record.step.unwrap_or(n_logged);
        Some(Row { line, writer, run: self.n_runs - 1, begins, step })
    }

    /// Puts a line of Keras into its epoch: `None` if it belongs to none, true if it is the epoch's first.
    ///
    /// An epoch has one line, or two where a checkpoint was written before the last numbers were known; the second adds
    /// the validation's. What `evaluate` and `predict` print afterwards has no epoch.
    fn enter_epoch(&mut self, line: &[u8], record: &mut Record) -> Option<bool> {
        let epoch = self.epoch.as_mut()?;
        let is_validation = |name: &[u8]| name.starts_with(b"val_");
        let has_validation = record.values.iter().any(|value| is_validation(&line[value.name.clone()]));
        let n_batches = record.position as i64;
        (record.position, record.step) = (epoch.number as f64, Some(epoch.number));
        if epoch.n_batches == 0 {
            (epoch.n_batches, epoch.has_validation) = (n_batches, has_validation);
            return Some(true);
        }
        if epoch.n_batches != n_batches || epoch.has_validation || !has_validation {
            return None;
        }
        epoch.has_validation = true;
        record.values.retain(|value| is_validation(&line[value.name.clone()]));
        Some(false)
    }
}

/// Whether text holds a training: three lines of one writer, two of them with a rising step. `parts` are cut out of a
/// file, the first from its beginning. Of Keras, `Epoch 1/3` counts with the line that follows it.
pub(crate) fn is_log(parts: &[&[u8]]) -> bool {
    let mut counts = [Count::default(); Writer::ALL.len()];
    let mut record = Record::default();
    for (i, part) in parts.iter().enumerate() {
        let from = if i == 0 { 0 } else { memchr::memchr(b'\n', part).map_or(part.len(), |end| end + 1) };
        let mut trainings = Trainings::default();
        Lines::default().feed(&part[from..], |line| {
            if let Some(row) = trainings.take(line, &mut record) {
                counts[row.writer as usize].add(row.writer, record.position);
            }
        });
    }
    counts.iter().any(|count| count.n_lines >= 3 && count.rises)
}

#[derive(Clone, Copy, Default)]
struct Count {
    n_lines: u32,
    last: Option<f64>,
    rises: bool,
}

impl Count {
    fn add(&mut self, writer: Writer, at: f64) {
        self.n_lines += if writer == Writer::Keras { 2 } else { 1 };
        self.rises |= self.last.is_some_and(|last| at > last);
        self.last = Some(at);
    }
}
