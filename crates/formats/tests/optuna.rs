//! Optuna's database and its journal: the samples, everything that happens to them while they are watched, damage.

#[path = "optuna/database.rs"]
mod database;
#[path = "optuna/journal.rs"]
mod journal;
#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;
#[allow(dead_code, reason = "shared with the other databases' tests")]
#[path = "readers/live_database.rs"]
mod live_database;
#[path = "optuna/sample.rs"]
mod sample;
