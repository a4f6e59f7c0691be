//! Labels that come after their rows, by the rows' ids.

use crate::read::{Problem, Problems, Rows, Table};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Int64Type, UInt64Type};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;

/// The last label of an id holds: a correction comes later.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    by_id: HashMap<u64, u32>,
    /// Each label once, as text.
    names: Vec<String>,
}

impl Labels {
    /// Of the columns named so in a file or a folder.
    pub fn read(table: &Table, id: &str, label: &str, problems: &mut Problems) -> Labels {
        let mut found = Labels::default();
        let (Ok(id_at), Ok(label_at)) = (table.column(id), table.column(label)) else {
            let lacks = if table.column(id).is_err() { id } else { label };
            problems.add(Problem {
                file: table.path.display().to_string(),
                column: Some(lacks.to_owned()),
                place: None,
                lost: false,
                message: "The labels do not have this column: no label finds its row.".into(),
                hint: Some("Name the columns of the id and the label in signalbox.toml: id, label.".into()),
            });
            return found;
        };
        let mut places: HashMap<String, u32> = HashMap::new();
        table.scan(&[id_at, label_at], problems, &mut |batch| {
            let (Some(ids), Some(labels)) = (&batch.columns[0], &batch.columns[1]) else {
                return ControlFlow::Continue(());
            };
            let (ids, labels) = (Texts::of(ids, batch.n_rows), Texts::of(labels, batch.n_rows));
            for row in 0..batch.n_rows {
                let (Some(id), Some(label)) = (ids.at(row), labels.at(row)) else { continue };
                let next = places.len() as u32;
                let place = *places.entry(label.to_owned()).or_insert(next);
                found.by_id.insert(hashed(id), place);
            }
            ControlFlow::Continue(())
        });
        found.names = vec![String::new(); places.len()];
        places.into_iter().for_each(|(name, at)| found.names[at as usize] = name);
        found
    }

    pub fn of(&self, id: &str) -> Option<&str> {
        self.by_id.get(&hashed(id)).map(|at| &*self.names[*at as usize])
    }

    /// Whether all that `before` said is said still: labels have come, and none was corrected or taken back.
    pub fn continues(&self, before: &Labels) -> bool {
        let is_said = |id: &u64, was: u32| {
            let mine = self.by_id.get(id).map(|at| &self.names[*at as usize]);
            mine == Some(&before.names[was as usize])
        };
        before.by_id.iter().all(|(id, was)| is_said(id, *was))
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

fn hashed(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// A column's values as texts: 1.0 is "1", so that classes that are numbers are the same whatever type they have.
/// Integers are whole, beyond 2⁵³ too: ids that are neighbours there are two.
pub struct Texts {
    names: Vec<String>,
    /// By row.
    rows: Vec<u32>,
}

const NULL: u32 = u32::MAX;

impl Texts {
    pub fn of(array: &ArrayRef, n_rows: usize) -> Texts {
        if let Some(values) = array.as_primitive_opt::<Int64Type>() {
            return Texts::of_integers(values);
        }
        if let Some(values) = array.as_primitive_opt::<UInt64Type>() {
            return Texts::of_integers(values);
        }
        match Rows::of(array) {
            Rows::Levels(values) => {
                let Some(texts) = values.values().as_string_opt::<i32>() else {
                    return Texts { names: Vec::new(), rows: vec![NULL; n_rows] };
                };
                let names = (0..texts.len()).map(|at| texts.value(at).to_owned()).collect();
                let keys = values.keys();
                let of = |row: usize| if keys.is_valid(row) { keys.value(row) as u32 } else { NULL };
                Texts { names, rows: (0..n_rows).map(of).collect() }
            }
            Rows::Booleans(values) => {
                let of = |row: usize| if values.is_null(row) { NULL } else { u32::from(values.value(row)) };
                Texts { names: vec!["false".into(), "true".into()], rows: (0..n_rows).map(of).collect() }
            }
            Rows::Numbers(values) => {
                let (mut names, mut places) = (Vec::new(), HashMap::new());
                let mut of = |row: usize| {
                    if values.is_null(row) || values.value(row).is_nan() {
                        return NULL;
                    }
                    let value = values.value(row) + 0.0;
                    *places.entry(value.to_bits()).or_insert_with(|| {
                        names.push(value.to_string());
                        (names.len() - 1) as u32
                    })
                };
                let rows = (0..n_rows).map(&mut of).collect();
                Texts { names, rows }
            }
            _ => Texts { names: Vec::new(), rows: vec![NULL; n_rows] },
        }
    }

    fn of_integers<T: ArrowPrimitiveType<Native: Eq + Hash + ToString>>(values: &PrimitiveArray<T>) -> Texts {
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        let mut of = |value: T::Native| {
            *places.entry(value).or_insert_with(|| {
                names.push(value.to_string());
                (names.len() - 1) as u32
            })
        };
        let rows = values.iter().map(|value| value.map_or(NULL, &mut of)).collect();
        Texts { names, rows }
    }

    pub fn at(&self, row: usize) -> Option<&str> {
        self.names.get(*self.rows.get(row)? as usize).map(|name| &**name)
    }
}
