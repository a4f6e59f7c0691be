//! MLflow: what its file store and its database have in common, and the readers of both.
//!
//! FORMATS.md sections 1 and 2 are the source. Nothing is ever written to a store, and no lock outlives a read.

pub(crate) mod images;
pub(crate) mod keys;
pub(crate) mod logged;
pub(crate) mod metric_file;
pub(crate) mod registry;
pub(crate) mod run_dir;
pub(crate) mod run_meta;
pub(crate) mod sqlite;

use signalbox_types::Status;

/// The tags that say something about the run itself.
pub(crate) const RUN_NAME: &str = "mlflow.runName";
pub(crate) const PARENT: &str = "mlflow.parentRunId";
pub(crate) const DATA_CONTEXT: &str = "mlflow.data.context";
pub(crate) const USER: &str = "mlflow.user";

/// Names inside of an experiment's directory that are not runs.
pub(crate) const RESERVED: [&str; 4] = ["tags", "datasets", "traces", "models"];

/// Whether a directory's name is a run's id.
pub(crate) fn is_run_id(name: &[u8]) -> bool {
    name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit)
}

/// Whether text from inside of a store may be used as a single path component: an id.
pub(crate) fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 100 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A status as the database writes it, or as the file store numbers it.
pub(crate) fn status(text: &str) -> Status {
    match text.trim() {
        "1" | "RUNNING" => Status::Running,
        "2" | "SCHEDULED" => Status::Scheduled,
        "3" | "FINISHED" => Status::Finished,
        "4" | "FAILED" => Status::Failed,
        "5" | "KILLED" => Status::Killed,
        _ => Status::Unknown,
    }
}

/// Unix seconds of MLflow's milliseconds.
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// A logged model's status, which both stores number.
pub(crate) fn model_status(number: i64) -> &'static str {
    match number {
        1 => "PENDING",
        2 => "READY",
        3 => "FAILED",
        _ => "",
    }
}
