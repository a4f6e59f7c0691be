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

/// Names are short: eight bytes at a time in place, where calling `memcmp` for each took more than half of all time.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let is_long_same = || a.iter().zip(b).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b));
    let is_rest_same = || a_rest.iter().zip(b_rest).all(|(a, b)| a == b);
    (a.len(), a_rest.len()) == (b.len(), b_rest.len()) && is_long_same() && is_rest_same()
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
                Some(column)
                    if is_same(&column.name, name) && is_same(column.suffix.as_bytes(), value.suffix.as_bytes()) =>
                {
                    column.series
                }
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

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn names_are_the_same_to_the_last_byte() {
        let name = b"a name of more than two words";
        for len in 0..name.len() {
            assert!(is_same(&name[..len], &name[..len]));
            assert!(!is_same(&name[..len], &name[..=len]) && !is_same(&name[..=len], &name[..len]));
            for i in 0..len {
                let mut other = name[..len].to_vec();
                other[i] ^= 1;
                assert!(!is_same(&name[..len], &other), "{i} of {len}");
            }
        }
    }
}
