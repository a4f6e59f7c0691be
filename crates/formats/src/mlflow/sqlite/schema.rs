//! Which of MLflow's tables and columns a database has: they differ by the version that made it.

use std::collections::{HashMap, HashSet};

use super::access::{AccessError, Db};

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

/// Longer texts are not read.
const MAX_TEXT: usize = 1 << 20;

/// Columns by table; a table that is missing has none.
#[derive(Debug, Default)]
pub(crate) struct Schema(HashMap<&'static str, HashSet<String>>);

impl Schema {
    /// [`AccessError::NoStore`] unless the three tables are there that make a tracking store.
    pub(crate) fn read(db: &Db) -> Result<Schema, AccessError> {
        // A view could do anything; MLflow has none.
        let tables = db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'", [], |r| r.get::<_, String>(0))?;
        let mut schema = Schema::default();
        for table in TABLES.into_iter().filter(|t| tables.iter().any(|name| name == t)) {
            let columns = db.rows(&format!("PRAGMA table_info({table})"), [], |r| r.get::<_, String>(1))?;
            schema.0.insert(table, columns.into_iter().collect());
        }
        let needed = [
            ("experiments", "experiment_id"),
            ("runs", "run_uuid"),
            ("metrics", "key"),
            ("metrics", "value"),
            ("metrics", "run_uuid"),
        ];
        match needed.iter().all(|(table, column)| schema.has(table, column)) {
            true => Ok(schema),
            false => Err(AccessError::NoStore),
        }
    }

    pub(crate) fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.0.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// A select list: each column where the table has it, NULL where not; texts that are too long are not read.
    pub(crate) fn list(&self, table: &str, columns: &[&str]) -> String {
        let one = |column: &&str| match self.has(table, column) {
            true => format!(
                "CASE WHEN octet_length({table}.\"{column}\") > {MAX_TEXT} THEN '(too long to read)' \
                 ELSE {table}.\"{column}\" END"
            ),
            false => "NULL".to_owned(),
        };
        columns.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
