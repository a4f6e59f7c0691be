//! What is kept of an hour's rows: counts and sums, no row. They add up.

use super::frozen::Reference;
use super::quality::QualityCell;
use crate::gather::Counts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellColumn {
    pub counts: Counts,
    /// On the reference's bins.
    pub bins: Vec<u64>,
    /// Of the finite numbers: Σ (x − m), Σ (x − m)² with m the reference's mean.
    pub sum: f64,
    pub squares: f64,
    pub min: f64,
    pub max: f64,
    /// Levels that the reference does not have.
    pub new_levels: BTreeMap<String, u64>,
}

/// New levels of an hour beyond these many are counted without their names, which have so many characters at most.
const MAX_NEW: usize = 16;
const NAME_CHARS: usize = 200;

impl CellColumn {
    pub fn empty(n_bins: usize) -> CellColumn {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        CellColumn { bins: vec![0; n_bins], min, max, ..CellColumn::default() }
    }

    pub fn add(&mut self, other: &CellColumn) {
        self.counts.add(&other.counts);
        self.bins.iter_mut().zip(&other.bins).for_each(|(to, n)| *to += n);
        self.sum += other.sum;
        self.squares += other.squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        for (level, n) in &other.new_levels {
            self.new_level(level, *n);
        }
    }

    /// A level is known by its first characters.
    pub fn new_level(&mut self, level: &str, rows: u64) {
        let name = level.char_indices().nth(NAME_CHARS).map_or(level, |(end, _)| &level[..end]);
        if let Some(n) = self.new_levels.get_mut(name) {
            *n += rows;
        } else if self.new_levels.len() < MAX_NEW {
            self.new_levels.insert(name.to_owned(), rows);
        }
    }

    pub fn finite(&self) -> u64 {
        self.bins.iter().sum()
    }
}

/// Some rows: of an hour and a segment, of a part of the reference, of any stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub rows: u64,
    /// In the order of the reference's columns.
    pub columns: Vec<CellColumn>,
    pub quality: Option<QualityCell>,
}

impl Cell {
    pub fn empty(reference: &Reference) -> Cell {
        let columns = reference.columns.iter().map(|column| CellColumn::empty(column.bins.n())).collect();
        Cell { rows: 0, columns, quality: None }
    }

    pub fn add(&mut self, other: &Cell) {
        self.rows += other.rows;
        self.columns.iter_mut().zip(&other.columns).for_each(|(to, column)| to.add(column));
        if let Some(quality) = &other.quality {
            self.quality.get_or_insert_default().merge(quality);
        }
    }
}

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileCells {
    /// By hour since 1970 (UTC) and segment.
    pub cells: Vec<(i64, String, Cell)>,
    /// Rows whose time is missing: they are in no hour.
    pub n_timeless: u64,
    /// Rows that labels may still come for.
    pub n_unlabelled: u64,
}

/// The first byte of what is kept: what is counted, and how it is written. 2: segments are the reference's.
const VERSION: u8 = 2;

impl FileCells {
    /// For keeping; another version of the program may write them otherwise.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("BUG: counts are written")
    }

    /// `None` where they do not fit the reference any more, or are another version's.
    pub fn of_bytes(bytes: &[u8], reference: &Reference) -> Option<FileCells> {
        let found: FileCells = postcard::from_bytes(bytes.strip_prefix(&[VERSION])?).ok()?;
        let fits = |cell: &Cell| {
            cell.columns.len() == reference.columns.len()
                && cell
                    .columns
                    .iter()
                    .zip(&reference.columns)
                    .all(|(column, frozen)| column.bins.len() == frozen.bins.n())
        };
        found.cells.iter().all(|(_, _, cell)| fits(cell)).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_new_level_is_one_with_all_its_rows() {
        let mut column = CellColumn::empty(1);
        let long = "ü".repeat(500);
        (0..1000).for_each(|_| column.new_level(&long, 1));
        let name = "ü".repeat(NAME_CHARS);
        assert_eq!(column.new_levels, BTreeMap::from([(name, 1000)]));
        let mut sum = column.clone();
        sum.add(&column);
        assert_eq!(sum.new_levels.into_values().collect::<Vec<u64>>(), [2000]);
    }

    #[test]
    fn bytes_of_another_version_are_none() {
        let reference = Reference { columns: Vec::new(), parts: Vec::new(), segments: Vec::new(), n_rows: 0 };
        let cell = Cell { rows: 3, columns: Vec::new(), quality: None };
        let kept = FileCells { cells: vec![(7, "a".into(), cell)], n_timeless: 1, n_unlabelled: 2 };
        let mut bytes = kept.to_bytes();
        assert_eq!(FileCells::of_bytes(&bytes, &reference), Some(kept));
        bytes[0] -= 1;
        assert_eq!(FileCells::of_bytes(&bytes, &reference), None);
        assert_eq!(FileCells::of_bytes(&[], &reference), None);
    }
}
