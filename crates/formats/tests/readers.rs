//! The readers of everything but event files: samples written by the real tools, cuts at any byte, damage,
//! replacement, and what is recognised as what.

#[path = "readers/known.rs"]
mod known;
#[path = "readers/live_database.rs"]
mod live_database;
#[path = "readers/logs.rs"]
mod logs;
#[path = "readers/logs_cut.rs"]
mod logs_cut;
#[path = "readers/mlflow_file.rs"]
mod mlflow_file;
#[path = "readers/mlflow_sqlite.rs"]
mod mlflow_sqlite;
#[path = "readers/mlflow_sqlite_access.rs"]
mod mlflow_sqlite_access;
#[path = "readers/recognise.rs"]
mod recognise;
