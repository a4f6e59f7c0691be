//! One column of one table, gathered whole: what exact comparison needs.

mod vectors;

use crate::read::{Kind, Rows, beyond_doubles};
use crate::sketch::{Distinct, Hll};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::datatypes::Int32Type;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use ts_rs::TS;

pub use vectors::{SAMPLED, Vectors};

/// How many rows of a column hold what. What is in none of these is a finite number, a level, a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(rename = "RowCounts")]
pub struct Counts {
    pub rows: u64,
    pub nulls: u64,
    pub nan: u64,
    pub pos_inf: u64,
    pub neg_inf: u64,
    /// Rows of files where the column has another type.
    pub mismatched: u64,
}

impl Counts {
    /// Rows with a value that can be compared.
    pub fn values(&self) -> u64 {
        self.rows - (self.nulls + self.nan + self.pos_inf + self.neg_inf + self.mismatched).min(self.rows)
    }

    pub fn add(&mut self, other: &Counts) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.nan += other.nan;
        self.pos_inf += other.pos_inf;
        self.neg_inf += other.neg_inf;
        self.mismatched += other.mismatched;
    }
}

/// Up to so many levels, and so many bytes of their texts, are kept; rows of others are counted together.
const MAX_LEVELS: usize = 100_000;
const MAX_LEVEL_BYTES: usize = 64 << 20;
/// A longer text is known by its beginning and its hash.
const LONG: usize = 1024;

/// Texts, each with its rows.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    pub rows: HashMap<Box<str>, u64>,
    /// Rows whose levels are not kept, since there are too many.
    pub beyond: u64,
    /// The levels of those.
    sketched: Option<Box<Hll>>,
    bytes: usize,
    /// Rows by length in characters, the last for that and more.
    pub lengths: Vec<u64>,
}

/// Lengths up to here are told apart.
pub const MAX_LENGTH: usize = 4096;

impl Levels {
    pub fn add(&mut self, level: &str, rows: u64) {
        if rows == 0 {
            return;
        }
        let length = level.chars().take(MAX_LENGTH).count();
        if self.lengths.len() <= length {
            self.lengths.resize(length + 1, 0);
        }
        self.lengths[length] += rows;
        self.put(&known_as(level), rows);
    }

    fn put(&mut self, level: &str, rows: u64) {
        if let Some(n) = self.rows.get_mut(level) {
            *n += rows;
        } else if self.rows.len() < MAX_LEVELS && self.bytes + level.len() <= MAX_LEVEL_BYTES {
            self.bytes += level.len();
            self.rows.insert(level.into(), rows);
        } else {
            self.beyond += rows;
            self.sketched.get_or_insert_default().text(level);
        }
    }

    /// All levels, those that are not kept too; a long text by its beginning and its hash.
    pub fn sketch(&self) -> Hll {
        let mut all = self.sketched.as_deref().cloned().unwrap_or_default();
        let mut kept: Vec<&str> = self.rows.keys().map(|level| &**level).collect();
        // The same levels have the same bytes: a map has its own order each time.
        kept.sort_unstable();
        kept.into_iter().for_each(|level| all.text(level));
        all
    }

    /// Counted as far as all are kept, else estimated.
    pub fn distinct(&self) -> Distinct {
        match self.beyond {
            0 => Distinct { n: self.rows.len() as u64, error: None },
            _ => self.sketch().distinct(),
        }
    }

    fn add_all(&mut self, array: &DictionaryArray<Int32Type>) {
        let Some(texts) = array.values().as_string_opt::<i32>() else { return };
        let mut rows = vec![0_u64; texts.len()];
        let keys = array.keys();
        match keys.nulls() {
            None => keys.values().iter().for_each(|key| rows[*key as usize] += 1),
            Some(_) => keys.iter().flatten().for_each(|key| rows[key as usize] += 1),
        }
        for (at, n) in rows.into_iter().enumerate().filter(|(at, n)| *n > 0 && texts.is_valid(*at)) {
            self.add(texts.value(at), n);
        }
    }

    /// Most rows first, then by name.
    pub fn ordered(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.rows.iter().map(|(level, n)| (&**level, *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all
    }

    pub fn n(&self) -> u64 {
        self.beyond + self.rows.values().sum::<u64>()
    }

    pub fn mean_length(&self) -> f64 {
        let chars: f64 = self.lengths.iter().enumerate().map(|(length, n)| length as f64 * *n as f64).sum();
        chars / (self.lengths.iter().sum::<u64>() as f64).max(1.0)
    }
}

/// The name by which a level is kept and found: itself, or its beginning and its hash if it is long.
pub(crate) fn known_as(level: &str) -> Cow<'_, str> {
    if level.len() <= LONG {
        return Cow::Borrowed(level);
    }
    let mut hasher = DefaultHasher::new();
    level.hash(&mut hasher);
    let end = (0..=LONG / 2).rev().find(|at| level.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned(format!("{}… ({} bytes, {:016x})", &level[..end], level.len(), hasher.finish()))
}

/// Whether such a name stands for a longer text.
pub(crate) fn is_shortened(name: &str) -> bool {
    let about = name.rsplit_once("… (").and_then(|(_, about)| about.split_once(" bytes, "));
    about.is_some_and(|(n, hash)| n.bytes().all(|b| b.is_ascii_digit()) && hash.len() == 17)
}

#[derive(Clone, Debug)]
pub enum Held {
    /// The finite ones, as they came.
    Numbers(Vec<f64>),
    Levels(Levels),
    /// Lengths, and all finite items, each capped.
    Lists {
        lengths: Vec<f64>,
        items: Vec<f64>,
        vectors: Box<Vectors>,
    },
    Nothing,
}

/// A column, whole.
#[derive(Clone, Debug)]
pub struct Gathered {
    pub kind: Kind,
    pub counts: Counts,
    /// Integers beyond 2⁵³: the nearest double stands for each.
    pub rounded: u64,
    pub held: Held,
}

/// No more items of lists are kept.
const MAX_ITEMS: usize = 16 << 20;

impl Gathered {
    /// `n_rows`: how many are expected, if that is known.
    pub fn new(kind: Kind, n_rows: Option<u64>) -> Gathered {
        let held = match kind {
            Kind::Numeric | Kind::Datetime => {
                // A file may lie about its rows.
                Held::Numbers(Vec::with_capacity(n_rows.unwrap_or(0).min(1 << 24) as usize))
            }
            Kind::Boolean | Kind::Categorical => Held::Levels(Levels::default()),
            Kind::List => Held::Lists { lengths: Vec::new(), items: Vec::new(), vectors: Box::default() },
            Kind::Opaque => Held::Nothing,
        };
        Gathered { kind, counts: Counts::default(), rounded: 0, held }
    }

    /// `None`: the file does not have the column.
    pub fn add(&mut self, column: Option<&ArrayRef>, n_rows: usize) {
        self.counts.rows += n_rows as u64;
        let Some(column) = column else {
            self.counts.nulls += n_rows as u64;
            return;
        };
        match (Rows::of(column), &mut self.held) {
            (Rows::Numbers(from), Held::Numbers(to)) => {
                self.counts.nulls += from.null_count() as u64;
                self.rounded += beyond_doubles(column);
                match from.nulls() {
                    None if from.values().iter().fold(true, |all, value| all & value.is_finite()) => {
                        to.extend_from_slice(from.values());
                    }
                    None => finite(from.values().iter().copied(), to, &mut self.counts),
                    Some(_) => finite(from.iter().flatten(), to, &mut self.counts),
                }
            }
            (Rows::Booleans(from), Held::Levels(to)) if self.kind == Kind::Boolean => {
                self.counts.nulls += from.null_count() as u64;
                let n_true = from.true_count() as u64;
                to.add("true", n_true);
                to.add("false", from.len() as u64 - from.null_count() as u64 - n_true);
            }
            (Rows::Levels(from), Held::Levels(to)) if self.kind == Kind::Categorical => {
                self.counts.nulls += from.logical_null_count() as u64;
                to.add_all(&from);
            }
            (Rows::Lists { values, offsets, nulls }, Held::Lists { lengths, items, vectors }) => {
                for row in 0..n_rows {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        self.counts.nulls += 1;
                        continue;
                    }
                    let (from, till) = (offsets[row] as usize, offsets[row + 1] as usize);
                    lengths.push((till - from) as f64);
                    let is_whole = values.null_count() == 0 || (from..till).all(|at| values.is_valid(at));
                    vectors.add(&values.values()[from..till], is_whole);
                    let found = (from..till).filter(|at| values.is_valid(*at)).map(|at| values.value(at));
                    items.extend(found.filter(|v| v.is_finite()).take(MAX_ITEMS.saturating_sub(items.len())));
                }
            }
            (Rows::Opaque(_, nulls), _) => {
                self.counts.nulls += nulls as u64;
                if !matches!(self.held, Held::Nothing) {
                    self.counts.mismatched += (n_rows - nulls) as u64;
                }
            }
            (_, Held::Nothing) => self.counts.nulls += column.logical_null_count() as u64,
            _ => {
                let nulls = column.logical_null_count() as u64;
                self.counts.nulls += nulls;
                self.counts.mismatched += n_rows as u64 - nulls;
            }
        }
    }
}

fn finite(values: impl Iterator<Item = f64>, to: &mut Vec<f64>, counts: &mut Counts) {
    for value in values {
        if value.is_finite() {
            to.push(value);
        } else if value.is_nan() {
            counts.nan += 1;
        } else if value > 0.0 {
            counts.pos_inf += 1;
        } else {
            counts.neg_inf += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_level_has_one_name() {
        let (short, long) = ("é".repeat(512), "é".repeat(513));
        assert_eq!(known_as(&short), short);
        let name = known_as(&long);
        assert!(name.len() < LONG && name.starts_with("éé") && name.contains("1026 bytes"), "{name}");
        assert_ne!(name, known_as(&format!("{long}!")));
        assert_eq!((is_shortened(&name), is_shortened(&short), is_shortened("a… (b bytes, c)")), (true, false, false));
        let mut levels = Levels::default();
        levels.add(&long, 3);
        assert_eq!(levels.ordered(), [(&*name, 3)]);
    }
}
