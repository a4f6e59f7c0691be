//! What an engine's catalogue says of a table, before anything of it is read.

use crate::name::TableName;

/// What a column's values are, as far as counting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Cast to doubles, as the local reader does. `is_whole`: integers.
    Number {
        is_whole: bool,
    },
    Boolean,
    Text,
    /// Dates and points in time.
    Time,
    /// Neither: times of day, spans, lists, bytes. The words say what.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteColumn {
    pub name: String,
    /// As the engine writes it.
    pub type_name: String,
    pub shape: Shape,
    /// Its bytes on disk, where engines keep columns apart.
    pub bytes: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    pub rows: Option<u64>,
    /// Who says so: a catalogue, a count.
    pub from: String,
    /// Of all of the table.
    pub bytes: Option<u64>,
    /// Whether all of a row is read for one of its columns.
    pub whole_rows: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// "PostgreSQL 15.18".
    pub engine: String,
    /// As it will be asked for.
    pub table: TableName,
    pub columns: Vec<RemoteColumn>,
    pub estimate: Estimate,
}

impl Described {
    pub fn column(&self, name: &str) -> Option<&RemoteColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}
