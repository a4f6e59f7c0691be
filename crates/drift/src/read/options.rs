//! What is known of text files better than their beginnings tell it.

use super::schema::{Kind, Known};
use super::table::Table;
use std::collections::HashMap;

/// What a person knows, and what other files have said.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// By column: of text files, whatever their cells look like.
    pub types: HashMap<String, Kind>,
    /// By column: of text files, where their cells bear it.
    pub like: HashMap<String, Kind>,
    pub delimiter: Option<char>,
    pub has_header: Option<bool>,
    pub decimal_comma: Option<bool>,
}

impl Options {
    /// For what is read beside a reference: the same said by a person, and a column of few or odd cells is what it is there.
    /// "94110" is a text beside "01234", and a number beside numbers. What no cells bear stays another type: words beside
    /// numbers are a finding.
    pub fn like(reference: &Table) -> Options {
        let known = reference.columns().iter().filter(|column| column.known != Known::Nothing);
        let like = known.map(|column| (column.name.clone(), column.kind)).collect();
        Options { like, ..reference.options.clone() }
    }

    /// What a column of a text file is read as, by what its cells look like (`None`: all are empty).
    pub(super) fn kind(&self, column: &str, looks: Option<(Kind, Known)>) -> (Kind, Known) {
        if let Some(kind) = self.types.get(column) {
            return (*kind, Known::Told);
        }
        let (kind, known) = looks.unwrap_or((Kind::Numeric, Known::Nothing));
        (self.like.get(column).map_or(kind, |like| known.beside(kind, *like)), known)
    }
}
