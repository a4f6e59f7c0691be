//! Which of a tool's tables and columns a database has: they differ by the version that made it.

use std::collections::{HashMap, HashSet};

use super::access::{AccessError, Db};

/// Longer texts are not read.
const MAX_TEXT: usize = 1 << 20;

/// Columns by table; a table that is missing has none.
#[derive(Debug, Default)]
pub(crate) struct Schema(HashMap<&'static str, HashSet<String>>);

impl Schema {
    /// Looks for these tables. [`AccessError::NoStore`] unless the columns are there that make it the tool's store.
    pub(crate) fn read(
        db: &Db,
        tables: &[&'static str],
        needed: &[(&'static str, &'static str)],
    ) -> Result<Schema, AccessError> {
        // A view could do anything; these tools have none.
        let found = db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'", [], |r| r.get::<_, String>(0))?;
        let mut schema = Schema::default();
        for table in tables.iter().filter(|t| found.iter().any(|name| name == *t)) {
            let columns = db.rows(&format!("PRAGMA table_info({table})"), [], |r| r.get::<_, String>(1))?;
            schema.0.insert(table, columns.into_iter().collect());
        }
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
