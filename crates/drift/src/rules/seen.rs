//! What is seen of one column while its rows go by: counts, the first rows that are wrong, and nothing else that grows
//! without bound.

use super::ColumnRules;
use super::check::Example;
use crate::gather::Counts;
use crate::moments::Running;
use crate::read::{Kind, Rows, wholes_beyond};
use arrow::array::{Array, ArrayRef, AsArray};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many rows are shown of what breaks a rule.
const MAX_EXAMPLES: usize = 5;
/// More values than these are not told apart: 64 MiB of hashes, about.
const MAX_DISTINCT: usize = 4 << 20;

/// Rows that break a rule.
#[derive(Clone, Debug, Default)]
pub struct Wrong {
    pub n: u64,
    pub examples: Vec<Example>,
}

impl Wrong {
    fn see(&mut self, at: &At, value: impl FnOnce() -> String) {
        self.n += 1;
        if self.examples.len() < MAX_EXAMPLES {
            let value = value().chars().take(80).collect();
            self.examples.push(Example { file: at.file.map(str::to_owned), row: at.row, value });
        }
    }
}

/// Not the bits of a double, by chance only.
fn spread(whole: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    whole.hash(&mut hasher);
    hasher.finish()
}

/// Where a batch's first row is; rows of a file are counted from 1.
pub struct At<'a> {
    /// Of several.
    pub file: Option<&'a str>,
    pub row: u64,
}

pub struct Seen<'a> {
    rules: &'a ColumnRules,
    kind: Kind,
    allowed: Option<HashSet<&'a str>>,
    pub counts: Counts,
    pub running: Running,
    pub below: Wrong,
    pub above: Wrong,
    pub foreign: Wrong,
    pub nulls: Wrong,
    pub nan: Wrong,
    pub mismatched: Wrong,
    pub twice: Wrong,
    hashes: HashSet<u64>,
    pub is_uniqueness_cut: bool,
    /// The greatest finite number: of times, the newest.
    pub newest: f64,
}

impl<'a> Seen<'a> {
    pub fn of(rules: &'a ColumnRules, kind: Kind) -> Seen<'a> {
        Seen {
            rules,
            kind,
            allowed: rules.allowed.as_ref().map(|set| set.iter().map(String::as_str).collect()),
            counts: Counts::default(),
            running: Running::default(),
            below: Wrong::default(),
            above: Wrong::default(),
            foreign: Wrong::default(),
            nulls: Wrong::default(),
            nan: Wrong::default(),
            mismatched: Wrong::default(),
            twice: Wrong::default(),
            hashes: HashSet::new(),
            is_uniqueness_cut: false,
            newest: f64::NEG_INFINITY,
        }
    }

    /// `None`: the file lacks the column.
    pub fn add(&mut self, array: Option<&ArrayRef>, n_rows: usize, file: Option<&str>, first: u64) {
        self.counts.rows += n_rows as u64;
        let at = |row: usize| At { file, row: first + row as u64 };
        let Some(array) = array else {
            (0..n_rows).for_each(|row| self.null(&at(row)));
            return;
        };
        match (Rows::of(array), self.kind) {
            (Rows::Numbers(values), Kind::Numeric | Kind::Datetime) => {
                let mut wholes = wholes_beyond(array).into_iter().peekable();
                for row in 0..n_rows {
                    let whole = wholes.next_if(|(at, _)| *at == row).map(|(_, whole)| whole);
                    if values.is_null(row) {
                        self.null(&at(row));
                    } else {
                        self.number(&at(row), values.value(row), whole);
                    }
                }
            }
            (Rows::Booleans(values), Kind::Boolean) => {
                for row in 0..n_rows {
                    match values.is_valid(row).then(|| values.value(row)) {
                        None => self.null(&at(row)),
                        Some(value) => self.level(&at(row), if value { "true" } else { "false" }),
                    }
                }
            }
            (Rows::Levels(values), Kind::Categorical) => {
                let texts = values.values().as_string_opt::<i32>();
                for row in 0..n_rows {
                    let key = values.keys().is_valid(row).then(|| values.keys().value(row) as usize);
                    match key.zip(texts).filter(|(key, texts)| texts.is_valid(*key)) {
                        None => self.null(&at(row)),
                        Some((key, texts)) => self.level(&at(row), texts.value(key)),
                    }
                }
            }
            _ => {
                let nulls = array.logical_nulls();
                for row in 0..n_rows {
                    if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                        self.null(&at(row));
                    } else if matches!(self.kind, Kind::List | Kind::Opaque) {
                        // They are there, and that is all that can be asked of them.
                    } else {
                        self.counts.mismatched += 1;
                        self.mismatched.see(&at(row), || array.data_type().to_string());
                    }
                }
            }
        }
    }

    fn null(&mut self, at: &At) {
        self.counts.nulls += 1;
        self.nulls.see(at, || "null".into());
    }

    /// `whole`: an integer that the double only stands for.
    fn number(&mut self, at: &At, value: f64, whole: Option<i128>) {
        if value.is_nan() {
            self.counts.nan += 1;
            return self.nan.see(at, || "NaN".into());
        }
        if self.rules.min.is_some_and(|min| value < min) {
            self.below.see(at, || value.to_string());
        }
        if self.rules.max.is_some_and(|max| value > max) {
            self.above.see(at, || value.to_string());
        }
        if value.is_finite() {
            self.running.merge(&Running { n: 1, mean: value, squares: 0.0, min: value, max: value });
            self.newest = self.newest.max(value);
        } else if value > 0.0 {
            self.counts.pos_inf += 1;
        } else {
            self.counts.neg_inf += 1;
        }
        if let Some(allowed) = &self.allowed
            && !allowed.contains(&*value.to_string())
        {
            self.foreign.see(at, || value.to_string());
        }
        if self.rules.unique {
            match whole {
                Some(whole) => self.once(at, spread(whole as u64), || whole.to_string()),
                // −0 is 0.
                None => self.once(at, (value + 0.0).to_bits(), || value.to_string()),
            }
        }
    }

    fn level(&mut self, at: &At, level: &str) {
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(level)) {
            self.foreign.see(at, || level.to_owned());
        }
        if self.rules.unique {
            let mut hasher = DefaultHasher::new();
            level.hash(&mut hasher);
            self.once(at, hasher.finish(), || level.to_owned());
        }
    }

    fn once(&mut self, at: &At, hash: u64, value: impl FnOnce() -> String) {
        if self.hashes.contains(&hash) {
            self.twice.see(at, value);
        } else if self.hashes.len() < MAX_DISTINCT {
            self.hashes.insert(hash);
        } else {
            self.is_uniqueness_cut = true;
        }
    }
}
