//! The columns of a table of several files: by name, each of the kind that the first file says that knows it.

use super::schema::{Column, Found, Kind, Known, MAX_COLUMNS};
use super::table::zones;
use super::{Problem, Problems};
use std::collections::HashMap;

/// Where a file has a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    File(usize),
    /// The file's folder says it.
    Part(usize),
    Absent,
}

/// A file that is taken in.
pub struct Taken<'a> {
    pub name: &'a str,
    pub found: &'a Found,
    /// (key, value) of the folders above it.
    pub parts: &'a [(String, Option<String>)],
    pub is_first: bool,
}

impl Taken<'_> {
    /// Where it has each of the table's columns, to which it adds its own. What differs from the files before is told.
    pub fn places(&self, columns: &mut Vec<Column>, problems: &mut Problems) -> Vec<Place> {
        for twice in &self.found.twice {
            let message = "Two columns have this name; the later ones have a number behind it.";
            problems.add(self.problem(Some(twice), message.into(), None));
        }
        let mut places = vec![Place::Absent; columns.len()];
        let mut new: Vec<(Column, Place)> = Vec::new();
        let by_name: HashMap<&str, usize> = columns.iter().enumerate().map(|(at, c)| (c.name.as_str(), at)).collect();
        for (at, column) in self.found.columns.iter().enumerate() {
            match by_name.get(column.name.as_str()) {
                Some(known) => places[*known] = Place::File(at),
                None => new.push((column.clone(), Place::File(at))),
            }
        }
        for (at, (key, _)) in self.parts.iter().enumerate() {
            match by_name.get(key.as_str()) {
                // What the file itself says holds.
                Some(known) if places[*known] == Place::Absent => places[*known] = Place::Part(at),
                Some(_) => {}
                None if new.iter().any(|(column, _)| column.name == *key) => {}
                None => new.push((part(key), Place::Part(at))),
            }
        }
        for (column, place) in columns.iter_mut().zip(&places) {
            if let Place::File(at) = place {
                self.meet(column, &self.found.columns[*at], problems);
            }
        }
        self.differs(columns, &places, &new, problems);
        let n_beyond = (columns.len() + new.len()).saturating_sub(MAX_COLUMNS) + self.found.n_beyond;
        if n_beyond > 0 {
            let message = format!("{n_beyond} of its columns are left out: a table has {MAX_COLUMNS} at most.");
            let hint = Some("Read fewer columns of it, or files of fewer columns.");
            problems.add(Problem { lost: true, ..self.problem(None, message, hint) });
        }
        for (column, place) in new.into_iter().take(MAX_COLUMNS.saturating_sub(columns.len())) {
            columns.push(column);
            places.push(place);
        }
        places
    }

    /// A column that files before have too.
    fn meet(&self, before: &mut Column, column: &Column, problems: &mut Problems) {
        if let (Some(a), Some(b)) = (before.has_zone(), column.has_zone())
            && a != b
        {
            problems.add(zones(self.name, &column.name, b));
        }
        let is_numbers = (before.kind, before.known) == (Kind::Numeric, Known::Guessed);
        let has_codes = (column.kind, column.known) == (Kind::Categorical, Known::Codes);
        // The files before had nothing but nulls, or only such numbers as have no zero before them: they are read anew.
        if before.known == Known::Nothing || is_numbers && has_codes {
            (before.kind, before.known) = (column.kind, column.known);
            before.physical.clone_from(&column.physical);
        } else if column.known.beside(column.kind, before.kind) != before.kind {
            let message = format!("It is {} here and {} in the files before.", column.physical, before.physical);
            let hint = "Its values count as another type's, not as numbers or levels.";
            problems.add(self.problem(Some(&column.name), message, Some(hint)));
        } else if column.known == Known::Told {
            before.known = Known::Told;
        }
    }

    fn differs(&self, columns: &[Column], places: &[Place], new: &[(Column, Place)], problems: &mut Problems) {
        if self.is_first {
            return;
        }
        let absent = columns.iter().zip(places).filter(|(_, place)| **place == Place::Absent);
        let lacks: Vec<&str> = absent.map(|(column, _)| column.name.as_str()).collect();
        let more: Vec<&str> = new.iter().map(|(column, _)| column.name.as_str()).collect();
        for (what, names) in [("lacks", lacks), ("also has", more)] {
            if !names.is_empty() {
                let message = format!("It {what} {}, unlike the files before.", names.join(", "));
                problems.add(self.problem(None, message, None));
            }
        }
    }

    fn problem(&self, column: Option<&str>, message: String, hint: Option<&str>) -> Problem {
        let (column, hint) = (column.map(str::to_owned), hint.map(str::to_owned));
        Problem { file: self.name.to_owned(), column, place: None, lost: false, message, hint }
    }
}

/// A column that folders' names say.
fn part(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind: Kind::Categorical,
        physical: "folder".into(),
        nullable: true,
        path: Vec::new(),
        known: Known::Told,
    }
}
