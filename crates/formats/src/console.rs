//! What trainings print: a log of anything, with the lines of XGBoost, LightGBM, CatBoost, nanoGPT, Keras or Hugging
//! Face's Trainer in it (FORMATS.md section 17).
//!
//! Only lines that match one of these writers from their beginning to their end count; all else is not ours, and is no
//! damage. A file may hold several trainings one after the other: each is a run. No line says when it was written.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Problem, ProblemKind};

use self::{
    lines::Lines,
    scribe::Scribe,
    trainings::{MAX_RUNS, Trainings},
};
use crate::{
    Progress, Reader, SourceSpec, place,
    stamp::Stamp,
    text::tail::{self, Mark},
    trouble,
};

mod lines;
mod scribe;
mod trainings;
mod writers;

pub(crate) use self::trainings::is_log;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    #[serde(rename = "f")]
    mark: Mark,
    #[serde(rename = "t")]
    trainings: Trainings,
    #[serde(rename = "l")]
    lines: Lines,
    /// So many runs were told of a file that is no more (or of one that is not known): each begins with a reset.
    #[serde(rename = "o", default)]
    n_old: u32,
    /// It was said that there are too many trainings in the file.
    #[serde(rename = "c", default)]
    crowded: bool,
    /// The file could not be read at all, and that was said.
    #[serde(rename = "x", default)]
    unreadable: bool,
}

/// Reads one console log.
pub(crate) struct ConsoleLog {
    spec: SourceSpec,
    path: PathBuf,
    state: State,
}

impl ConsoleLog {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        // What was told by a cursor that cannot be understood is not known.
        let n_old = if cursor.is_some() { u32::MAX } else { 0 };
        let state = saved.unwrap_or_else(|| State { n_old, ..State::default() });
        Self { path: spec.path(), spec: spec.clone(), state }
    }

    fn read_file(&mut self, stamp: Stamp, budget: usize, batch: &mut Batch) -> io::Result<Progress> {
        let mut file = File::open(&self.path)?;
        let mut next = self.state.clone();
        if !next.mark.holds(&mut file, &mut batch.bytes_read)? {
            if file.metadata()?.len() == 0 {
                // About to be written anew: what we know stays until lines are back.
                self.state.mark.seen = stamp;
                return Ok(Progress::CaughtUp);
            }
            let n_old = next.n_old.max(next.trainings.n_runs());
            next = State { n_old, ..State::default() };
        }
        let mut scribe = Scribe::new(&place::shown(&self.spec.rel), &self.spec.project, next.n_old);
        let State { mark: Mark { at, .. }, lines, trainings, .. } = &mut next;
        let stretch = tail::read_stretch(&mut file, *at, budget, &mut batch.bytes_read, |bytes, _| {
            lines.feed(bytes, |line| scribe.take(line, trainings))
        })?;
        next.mark.advance(&mut file, stretch.at, &mut batch.bytes_read)?;
        next.mark.seen = if stretch.at_end { stamp } else { Stamp::default() };
        batch.n_points += scribe.finish(&mut batch.runs);
        let path = place::shown(&self.spec.rel);
        if self.state.crowded && !next.crowded {
            batch.healed.push(path.clone());
        }
        if next.trainings.is_crowded() && !next.crowded {
            next.crowded = true;
            let message = format!(
                "More than {MAX_RUNS} trainings in one log (a limit of Signalbox); the last run holds the rest."
            );
            batch.problems.push(Problem { path, offset: None, kind: ProblemKind::TooLarge, message });
        }
        let n_runs = next.trainings.n_runs();
        if stretch.at_end && n_runs > 0 {
            let n_old = std::mem::take(&mut next.n_old);
            // How many there were is not known without a cursor.
            if n_old <= MAX_RUNS {
                batch.gone.extend((n_runs..n_old).map(|run| run.to_string()));
            }
        }
        self.state = next;
        Ok(if stretch.at_end { Progress::CaughtUp } else { Progress::More })
    }
}

impl Reader for ConsoleLog {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let outcome = match place::stamp_inside(&[&self.spec.project], &self.path) {
            // Gone for now; whoever walks the project notices when it stays so.
            Ok(None) => return Progress::CaughtUp,
            Ok(Some(stamp)) if stamp == self.state.mark.seen => Ok(Progress::CaughtUp),
            Ok(Some(stamp)) => self.read_file(stamp, budget_bytes, batch),
            Err(e) => Err(e),
        };
        let path = place::shown(&self.spec.rel);
        trouble::of_file(outcome, "file", path, &mut self.state.unreadable, batch)
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        self.path.parent().map(Path::to_path_buf).into_iter().collect()
    }
}
