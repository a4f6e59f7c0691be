//! Lines become points of runs.

use std::path::Path;

use signalbox_types::{Point, RunDelta};

use super::{trainings::Trainings, writers::Record};
use crate::{log::news::SeriesSet, place};

/// Writes down what some lines told.
pub(super) struct Scribe {
    file: String,
    n_old: u32,
    runs: Vec<RunDelta>,
    run: RunDelta,
    /// Of `run`.
    series: SeriesSet,
    /// What the values of the line before were called: those of the next one mostly are too.
    columns: Vec<Column>,
    record: Record,
    n_points: u64,
}

struct Column {
    name: Vec<u8>,
    suffix: &'static str,
    series: usize,
}

impl Scribe {
    /// `file`: the log's path in the project, "" if it was opened as one. `n_old`: so many runs begin with a reset.
    pub(super) fn new(file: &str, project: &Path, n_old: u32) -> Self {
        let file = match file.is_empty() {
            true => place::run_name(project, Path::new(""), ""),
            false => place::clean_name(file.as_bytes()),
        };
        Self {
            file,
            n_old,
            runs: Vec::new(),
            run: RunDelta::default(),
            series: SeriesSet::default(),
            columns: Vec::new(),
            record: Record::default(),
            n_points: 0,
        }
    }

    #[inline]
    pub(super) fn take(&mut self, line: &[u8], trainings: &mut Trainings) {
        let Some(row) = trainings.take(line, &mut self.record) else { return };
        if row.begins || self.run.key.is_empty() {
            self.close();
            self.run.key = row.run.to_string();
        }
        if row.begins {
            self.run.reset = row.run < self.n_old;
            self.run.head.name = Some(match row.run {
                0 => self.file.clone(),
                n => format!("{} #{}", self.file, u64::from(n) + 1),
            });
        }
        for (i, value) in self.record.values.iter().enumerate() {
            let name = &row.line[value.name.clone()];
            let series = match self.columns.get(i) {
                Some(column) if column.name == name && column.suffix == value.suffix => column.series,
                _ => {
                    let series = self.series.number(&row.writer.metric(name, value.suffix));
                    let column = Column { name: name.to_vec(), suffix: value.suffix, series };
                    match self.columns.get_mut(i) {
                        Some(old) => *old = column,
                        None => self.columns.push(column),
                    }
                    series
                }
            };
            self.series.push(series, Point { step: row.step, time: f64::NAN, value: value.value });
            self.n_points += 1;
        }
    }

    /// Ends the run that is being written down.
    fn close(&mut self) {
        let mut run = std::mem::take(&mut self.run);
        run.series = std::mem::take(&mut self.series).into_deltas();
        self.columns.clear();
        if !run.key.is_empty() {
            self.runs.push(run);
        }
    }

    /// Hands all on. Returns how many points there were.
    pub(super) fn finish(mut self, runs: &mut Vec<RunDelta>) -> u64 {
        self.close();
        runs.append(&mut self.runs);
        self.n_points
    }
}
