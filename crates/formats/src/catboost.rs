//! CatBoost's `train_dir`: `catboost_info/` in the working directory unless told otherwise (FORMATS.md section 9).
//!
//! The curves come from the tables `*_error.tsv` and `time_left.tsv`. `catboost_training.json` holds the same numbers,
//! but its last bytes are written over at every iteration, so that all of it would be read again each time; of it the
//! head alone is read. The event files in `learn/` and `test/` hold them too, rounded to 32 bits.
//!
//! The next fit in the same folder writes over all of it: then the run is told anew. There is no word for the state of
//! a run, and none is made up: that `iteration_count` rows are there tells that the iterations are over, but a fit that
//! the overfitting detector stops has fewer, and one that was killed looks the same.

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, ProblemKind, RunDelta, SeriesDelta};

use crate::{
    Progress, Reader, SourceSpec,
    anew::{self, Anew},
    catboost::meta::{Meta, MetaError},
    place,
    stamp::{Stamp, is_absent},
    table::parts::{PartFile, Parts},
    trouble::Troubles,
};

mod meta;

pub(crate) const TRAINING: &str = "catboost_training.json";
pub(crate) const TIME_LEFT: &str = "time_left.tsv";
pub(crate) const TEST_ERROR: &str = "test_error.tsv";
const ERROR: &str = "_error.tsv";
/// The name of the folder when nobody gave it another.
const DEFAULT_DIR: &str = "catboost_info";

/// Cross-validation writes a pair of tables for each fold; further ones are not read.
const MAX_TABLES: usize = 1_000;

/// Whether the file is a table of CatBoost's: `learn_error.tsv`, `fold_0_test_error.tsv`, `time_left.tsv`.
pub(crate) fn is_table(name: &str) -> bool {
    let is_set = |set: &str| ["learn", "test"].iter().any(|kind| set == *kind || set.ends_with(&format!("_{kind}")));
    name.strip_suffix(ERROR).is_some_and(is_set) || name == TIME_LEFT || name.ends_with("_time_left.tsv")
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    /// What was told before is not so any more, and nothing was told since.
    #[serde(rename = "d", default)]
    reset_due: bool,
    /// `catboost_training.json` as it was last seen, and the checksum of its meta data.
    #[serde(rename = "s")]
    training: Stamp,
    #[serde(rename = "m")]
    meta: u32,
    /// This fit has no test set: a `test_error.tsv` is another fit's.
    #[serde(rename = "t")]
    no_test: bool,
    #[serde(rename = "p")]
    parts: Parts,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// Reads one `train_dir`.
pub(crate) struct TrainDir {
    spec: SourceSpec,
    dir: PathBuf,
    state: State,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

impl TrainDir {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        Self { dir: spec.path(), spec: spec.clone(), state: saved.unwrap_or_default(), must_reset }
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(name))
    }

    fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        place::stamp_inside(&[&self.spec.project, &self.dir], &self.dir.join(name))
    }

    /// The tables of the fit that is told of, by name.
    fn tables(&self) -> io::Result<Vec<PartFile>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if is_absent(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_table(name)).take(MAX_TABLES).collect();
        names.sort_unstable();
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            if name == TEST_ERROR && self.state.no_test {
                continue;
            }
            if let Some(stamp) = self.stamp(&name)? {
                tables.push(PartFile { path: self.dir.join(&name), name, stamp });
            }
        }
        Ok(tables)
    }

    /// Parameters from the head of `catboost_training.json`, where they are new.
    fn read_meta(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let shown = self.shown(TRAINING);
        let read = match self.stamp(TRAINING) {
            // Gone or not written yet: what is known stays.
            Ok(None) => return,
            Ok(Some(stamp)) if stamp == self.state.training => return,
            Ok(Some(stamp)) => {
                self.state.training = stamp;
                Meta::read(&self.dir.join(TRAINING), &mut batch.bytes_read)
            }
            Err(e) => Err(MetaError::Io(e)),
        };
        match read {
            Ok(meta) => {
                self.state.troubles.heal(&shown, batch);
                if meta.checksum != self.state.meta {
                    self.state.meta = meta.checksum;
                    self.state.no_test = meta.no_test;
                    run.params = meta.params;
                }
            }
            Err(MetaError::Unfinished) => {}
            Err(MetaError::Io(e)) if is_absent(&e) => {}
            Err(e) => {
                let message = format!("The fit's parameters cannot be read: {e}. Its curves come from other files.");
                self.state.troubles.file(shown, e.kind(), message, batch);
            }
        }
    }

    /// Tells what is new, or everything `anew`.
    fn tell(&mut self, anew: bool, budget: usize, batch: &mut Batch) -> Result<Progress, Anew> {
        let mut run = RunDelta::default();
        if anew {
            let mut parts = std::mem::take(&mut self.state.parts);
            parts.restart(self.spec.format);
            self.state.troubles.forget(batch);
            self.state = State { parts, reset_due: true, ..State::default() };
        }
        // Until the run is told again, which may be another day.
        run.reset = self.state.reset_due;
        self.read_meta(batch, &mut run);
        let shown = self.shown("");
        let tables = match self.tables() {
            Ok(tables) => {
                self.state.troubles.heal(&shown, batch);
                tables
            }
            // The parameters are told all the same.
            Err(e) => {
                let message = format!("The folder cannot be listed ({e}); what was read of it before is kept.");
                self.state.troubles.file(shown, ProblemKind::Unreadable, message, batch);
                Vec::new()
            }
        };
        if self.state.parts.lost(&tables) {
            return Err(Anew);
        }
        let State { parts, troubles, .. } = &mut self.state;
        let (progress, series) = parts.read(&self.spec, &tables, budget, adapt, troubles, batch)?;
        run.series.extend(series);
        if !self.state.told && (self.state.parts.have_rows() || self.state.meta != 0) {
            self.state.told = true;
            run.head.name = Some(place::run_name(&self.spec.project, &self.spec.rel, DEFAULT_DIR));
        }
        if self.state.told && (run.reset || run.head.name.is_some() || !run.params.is_empty() || !run.series.is_empty())
        {
            self.state.reset_due = false;
            batch.runs.push(run);
        }
        Ok(progress)
    }
}

/// `learn_error.tsv` tells `learn/<metric>`; of several test sets all but the last are told apart by their column
/// (`test/RMSE:0`, `test/RMSE`). Times are milliseconds in the file and seconds here.
fn adapt(file: &PartFile, series: &mut SeriesDelta) {
    if let Some(set) = file.name.strip_suffix(ERROR) {
        series.metric = format!("{set}/{}", series.metric);
        return;
    }
    let fold = file.name.strip_suffix(TIME_LEFT).unwrap_or_default();
    series.metric = format!("{fold}time/{}", series.metric.to_lowercase());
    for value in &mut series.points.values {
        *value /= 1e3;
    }
}

impl Reader for TrainDir {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let anew = std::mem::take(&mut self.must_reset);
        anew::told(anew, batch, |anew, batch| self.tell(anew, budget_bytes, batch))
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        vec![self.dir.clone()]
    }
}
