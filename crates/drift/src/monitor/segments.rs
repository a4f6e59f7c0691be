//! Rows by the value of one column. Which values are told apart the reference says, for all files alike: those of which it
//! has the most rows. All others are one segment, named "others"; so are rows of a value that is called so, and rows without
//! a value those of one that is called "(none)".

use super::cell::Cell;
use super::fill::{self, NOWHERE};
use super::frozen::Reference;
use crate::read::{Problems, Rows, Table};
use arrow::array::{Array, ArrayRef, AsArray};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// So many are told apart.
pub const MAX_SEGMENTS: usize = 50;
pub const OTHERS: &str = "others";
const NONE: &str = "(none)";
/// Values of the reference beyond these many are counted with nobody: they are none of the fifty.
const MAX_COUNTED: usize = 100_000;

/// The segments of a batch's rows, by name.
pub struct Segments {
    /// The first is that of rows of which nothing tells it.
    pub names: Vec<String>,
    /// By row; none: the first for all.
    rows: Vec<usize>,
}

impl Segments {
    pub fn of(column: Option<&ArrayRef>, n_rows: usize) -> Segments {
        let mut names = vec![String::new()];
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut place = |name: &str| {
            *by_name.entry(name.to_owned()).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() - 1
            })
        };
        let rows = match column.map(Rows::of) {
            Some(Rows::Levels(values)) => match values.values().as_string_opt::<i32>() {
                Some(texts) => {
                    let name = |at: usize| if texts.is_valid(at) { texts.value(at) } else { NONE };
                    let of: Vec<usize> = (0..texts.len()).map(|at| place(name(at))).collect();
                    let missing = place(NONE);
                    let keys = values.keys();
                    let at = |row: usize| if keys.is_valid(row) { of[keys.value(row) as usize] } else { missing };
                    (0..n_rows).map(at).collect()
                }
                None => Vec::new(),
            },
            Some(Rows::Booleans(values)) => {
                let name = |is_true: bool| if is_true { "true" } else { "false" };
                values.iter().map(|value| place(value.map_or(NONE, name))).collect()
            }
            Some(Rows::Numbers(values)) => {
                let name = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| value.to_string());
                values.iter().map(|value| place(&name(value))).collect()
            }
            _ => Vec::new(),
        };
        Segments { names, rows }
    }

    pub fn at(&self, row: usize) -> usize {
        self.rows.get(row).copied().unwrap_or(0)
    }
}

/// The reference by segment: a segment is compared with its own. In the order of their names.
pub fn by_segment(table: &Table, reference: &Reference, segment: usize) -> Vec<(String, Cell)> {
    let mut names = largest(table, segment);
    if !names.iter().any(|name| name == OTHERS) {
        names.push(OTHERS.to_owned());
    }
    let slot_of: HashMap<&str, u32> = names.iter().zip(0..).map(|(name, at)| (name.as_str(), at)).collect();
    let mut cells = vec![Cell::empty(reference); names.len()];
    let seats = fill::Seats::of(table, reference, &[segment]);
    let at = seats.wanted.binary_search(&segment).ok();
    table.scan(&seats.wanted, &mut Problems::default(), &mut |batch| {
        let named = Segments::of(at.and_then(|at| batch.columns[at].as_ref()), batch.n_rows);
        let slot = |name: &String| slot_of.get(name.as_str()).or_else(|| slot_of.get(OTHERS)).copied();
        let slots: Vec<u32> = named.names.iter().map(|name| slot(name).unwrap_or(NOWHERE)).collect();
        let slots: Vec<u32> = (0..batch.n_rows).map(|row| slots[named.at(row)]).collect();
        fill::add(&mut cells.iter_mut().collect::<Vec<&mut Cell>>(), &slots, reference, &seats, batch);
        ControlFlow::Continue(())
    });
    let mut found: Vec<(String, Cell)> = names.into_iter().zip(cells).filter(|(_, cell)| cell.rows > 0).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Those with the most rows, of as many the first by name.
fn largest(table: &Table, segment: usize) -> Vec<String> {
    let mut rows: HashMap<String, u64> = HashMap::new();
    table.scan(&[segment], &mut Problems::default(), &mut |batch| {
        let named = Segments::of(batch.columns[0].as_ref(), batch.n_rows);
        let mut counts = vec![0_u64; named.names.len()];
        (0..batch.n_rows).for_each(|row| counts[named.at(row)] += 1);
        for (name, n) in named.names.into_iter().zip(counts).filter(|(_, n)| *n > 0) {
            if rows.len() < MAX_COUNTED || rows.contains_key(&name) {
                *rows.entry(name).or_default() += n;
            }
        }
        ControlFlow::Continue(())
    });
    let mut all: Vec<(String, u64)> = rows.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.into_iter().take(MAX_SEGMENTS).map(|(name, _)| name).collect()
}
