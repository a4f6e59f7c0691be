//! What can go wrong between here and an engine. Engines' own words are passed on, bounded; passwords are in none.

use thiserror::Error;

#[derive(Debug, Error)]
pub enum EngineError {
    #[error("{0}")]
    Address(String, &'static str),
    #[error("{0:?} is no table's name.")]
    TableName(String),
    #[error("{engine} at {address} cannot be reached: {why}.")]
    Unreachable { engine: &'static str, address: String, why: String, hint: &'static str },
    #[error("{engine} knows no table {table}.")]
    NoTable { engine: &'static str, table: String },
    #[error("Table {table} has no column {column:?}.")]
    NoColumn { table: String, column: String },
    /// The counts could not be the local kernel's.
    #[error("{0}")]
    Refused(String, &'static str),
    #[error("{engine} did not answer for table {table}: {why}.")]
    Failed { engine: &'static str, table: String, why: String },
    /// The answer is not one to the question.
    #[error("{engine}'s answer for table {table} makes no sense: {why}.")]
    Senseless { engine: &'static str, table: String, why: String },
    #[error("The answer for table {table} is larger than {limit}.")]
    TooLarge { table: String, limit: String },
    #[error("Stopped; the query was cancelled.")]
    Cancelled,
    #[error("{0}")]
    Local(String),
}

impl EngineError {
    /// What may help.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            EngineError::Address(_, hint) | EngineError::Unreachable { hint, .. } | EngineError::Refused(_, hint) => {
                Some(hint)
            }
            EngineError::TableName(_) => Some("As in loans, public.loans or \"odd.name\".\"loans\"."),
            EngineError::NoTable { .. } => Some("Name its schema too, and look at what this user may read."),
            EngineError::NoColumn { .. } => Some("Look at the table's columns (--plan)."),
            EngineError::Failed { .. } => {
                Some("Its own words tell what it minds; the SQL can be tried by hand (--plan).")
            }
            EngineError::Senseless { .. } => {
                Some("If the table is being written, run it again; else something other than the engine answers there.")
            }
            EngineError::TooLarge { .. } => {
                Some("Fewer hours (--last), fewer columns (--ignore) or no segments (--segment) make it smaller.")
            }
            EngineError::Cancelled | EngineError::Local(_) => None,
        }
    }

    /// Whether the command line asks for what cannot be meant.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            EngineError::Address(..)
                | EngineError::TableName(_)
                | EngineError::NoColumn { .. }
                | EngineError::Refused(..)
        )
    }
}

/// An engine's words, fit for one line: it may send anything.
pub(crate) fn words(text: &str) -> String {
    const MOST: usize = 600;
    let line = text.split_whitespace().collect::<Vec<&str>>().join(" ");
    let calm: String = line.chars().filter(|c| !c.is_control()).take(MOST).collect();
    // The sentence that it stands in has a stop of its own.
    if calm.chars().count() == MOST { format!("{calm}…") } else { calm.trim_end_matches('.').to_owned() }
}
