//! Data files as columns: Parquet, Arrow IPC, CSV and TSV, JSON Lines; a file, or a folder of them with hive-style parts.
//!
//! What is read comes in batches of a few ten thousand rows, with the columns that were asked for and no others. What
//! cannot be read becomes a [`Problem`] that names file, place and remedy, and the rest goes on. Nothing is written.

mod batch;
mod columns;
mod csv;
mod dialect;
mod folder;
mod infer;
mod ipc;
mod jsonl;
mod options;
mod parquet;
mod schema;
mod table;
mod text;

pub use batch::{Batch, Rows};
pub(crate) use batch::{beyond_doubles, of_another_kind, wholes_beyond};
pub use dialect::Dialect;
pub(crate) use folder::parts_of as folder_parts;
pub use folder::{data_files, is_data, listed};
pub(crate) use infer::datetime;
pub use options::Options;
pub use schema::{Column, Kind};
pub(crate) use table::zones;
pub use table::{Fingerprint, ReadError, Table};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Something in the data that could not be read as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(rename = "DataProblem")]
pub struct Problem {
    /// The file's path, as it was asked for.
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Where in the file: "row group 3", "line 120".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether rows or columns were not read for it; what is said of values, or of a file's shape, is its rules' to judge.
    pub lost: bool,
    /// For a person.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// Of integers that are compared as doubles.
    pub(crate) fn rounded(file: &std::path::Path, column: &str, rows: u64) -> Problem {
        Problem {
            file: file.display().to_string(),
            column: Some(column.to_owned()),
            place: None,
            lost: false,
            message: format!(
                "{rows} of its integers {} beyond 2⁵³ (9,007,199,254,740,992): rounded to the nearest double, neighbours \
                 count as one.",
                if rows == 1 { "lies" } else { "lie" }
            ),
            hint: Some(
                "Leave identifiers out, or write them as texts; measure times and amounts from nearer by.".into(),
            ),
        }
    }
}

/// No more are kept of one reading; the rest are counted.
const MAX_PROBLEMS: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    found: Vec<Problem>,
    n_more: u64,
}

impl Problems {
    pub fn add(&mut self, problem: Problem) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(problem);
        } else {
            self.n_more += 1;
        }
    }

    pub fn extend(&mut self, other: Problems) {
        self.n_more += other.n_more;
        other.found.into_iter().for_each(|problem| self.add(problem));
    }

    /// Each once: a file that is read column by column tells of its damage each time.
    pub fn told(mut self) -> Vec<Problem> {
        let mut seen = std::collections::HashSet::new();
        self.found.retain(|p| seen.insert((p.file.clone(), p.column.clone(), p.place.clone(), p.message.clone())));
        if self.n_more > 0 {
            self.found.push(Problem {
                file: String::new(),
                column: None,
                place: None,
                lost: true,
                message: format!("{} more problems are not listed.", self.n_more),
                hint: None,
            });
        }
        self.found
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether something was not read. Of those that are not listed nobody knows.
    pub fn has_loss(&self) -> bool {
        self.n_more > 0 || self.found.iter().any(|problem| problem.lost)
    }
}
