//! What could not be read of a source that is several files: said once for each file, and taken back when it is read.

use std::{collections::BTreeSet, io};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Problem, ProblemKind};

use crate::{Progress, log::news::Trouble};

/// After so many damaged lines in one source the rest is not listed.
const MAX_LINES: u32 = 200;

/// What came of reading a source that is one file (`what`). That it cannot be read is said once (`said`), and taken back.
pub(crate) fn of_file(
    outcome: io::Result<Progress>,
    what: &str,
    path: String,
    said: &mut bool,
    batch: &mut Batch,
) -> Progress {
    match outcome {
        Ok(progress) => {
            if std::mem::take(said) {
                batch.healed.push(path);
            }
            progress
        }
        Err(e) => {
            if !std::mem::replace(said, true) {
                let message = format!("The {what} cannot be read ({e}); it is tried again when it changes.");
                batch.problems.push(Problem { path, offset: None, kind: ProblemKind::Unreadable, message });
            }
            Progress::CaughtUp
        }
    }
}

/// Problems that were said of a source's files, by path as in [`Problem::path`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Troubles {
    /// Files that cannot be read at all.
    #[serde(rename = "b", default, skip_serializing_if = "BTreeSet::is_empty")]
    files: BTreeSet<String>,
    /// Files with damaged lines.
    #[serde(rename = "l", default, skip_serializing_if = "BTreeSet::is_empty")]
    lines: BTreeSet<String>,
    #[serde(rename = "n", default)]
    n_lines: u32,
}

impl Troubles {
    /// A file that tells nothing.
    pub(crate) fn file(&mut self, path: String, kind: ProblemKind, message: String, batch: &mut Batch) {
        if self.files.insert(path.clone()) {
            batch.problems.push(Problem { path, offset: None, kind, message });
        }
    }

    /// Records of a file that were skipped.
    pub(crate) fn lines(&mut self, path: &str, found: Vec<Trouble>, batch: &mut Batch) {
        for trouble in found {
            if self.n_lines > MAX_LINES {
                return;
            }
            self.n_lines += 1;
            let message = match self.n_lines > MAX_LINES {
                true => "There are more damaged lines in this run; they are not listed.".to_owned(),
                false => trouble.message,
            };
            self.lines.insert(path.to_owned());
            let (path, offset) = (path.to_owned(), Some(trouble.offset));
            batch.problems.push(Problem { path, offset, kind: trouble.kind, message });
        }
    }

    /// The file was read after all. Damaged lines in it stay damaged.
    pub(crate) fn heal(&mut self, path: &str, batch: &mut Batch) {
        if self.files.remove(path) && !self.lines.contains(path) {
            batch.healed.push(path.to_owned());
        }
    }

    /// Another file has taken the name: nothing that was said of the old one holds.
    pub(crate) fn replaced(&mut self, path: &str, batch: &mut Batch) {
        if self.files.remove(path) | self.lines.remove(path) {
            batch.healed.push(path.to_owned());
        }
    }

    /// Everything is told anew.
    pub(crate) fn forget(&mut self, batch: &mut Batch) {
        let all = std::mem::take(self);
        batch.healed.extend(all.files.into_iter().chain(all.lines).collect::<BTreeSet<_>>());
    }
}
