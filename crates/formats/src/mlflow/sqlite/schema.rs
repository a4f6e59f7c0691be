//! The tables of a tracking store that are read.

use crate::sqlite::{
    access::{AccessError, Db},
    schema::Schema,
};

const TABLES: [&str; 12] = [
    "experiments",
    "runs",
    "metrics",
    "params",
    "tags",
    "inputs",
    "input_tags",
    "datasets",
    "logged_models",
    "registered_models",
    "model_versions",
    "registered_model_aliases",
];

/// [`AccessError::NoStore`] unless the three tables are there that make a tracking store.
pub(super) fn read(db: &Db) -> Result<Schema, AccessError> {
    let needed = [
        ("experiments", "experiment_id"),
        ("runs", "run_uuid"),
        ("metrics", "key"),
        ("metrics", "value"),
        ("metrics", "run_uuid"),
    ];
    Schema::read(db, &TABLES, &needed)
}
