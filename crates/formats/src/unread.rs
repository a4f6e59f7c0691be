//! A source whose format this build has no reader for: it is listed, with a problem that says so.

use std::path::PathBuf;

use signalbox_types::{Batch, Cursor, Problem, ProblemKind};

use crate::{Progress, Reader, SourceSpec};

pub(crate) struct Unread {
    spec: SourceSpec,
    said: bool,
}

impl Unread {
    pub(crate) fn new(spec: &SourceSpec) -> Self {
        Self { spec: spec.clone(), said: false }
    }
}

impl Reader for Unread {
    fn read(&mut self, _budget_bytes: usize, batch: &mut Batch) -> Progress {
        if !self.said {
            self.said = true;
            batch.problems.push(Problem {
                path: self.spec.rel.to_string_lossy().into_owned(),
                offset: None,
                kind: ProblemKind::Unsupported,
                message: format!("{} logs are not read by this build.", self.spec.format.title()),
            });
        }
        Progress::CaughtUp
    }

    fn cursor(&self) -> Cursor {
        Cursor::default()
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}
