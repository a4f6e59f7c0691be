//! The reference, frozen.

use super::cell::Cell;
use super::segments::{OTHERS, by_segment};
use super::{Definition, fill};
use crate::gather::{Gathered, Held, Levels, is_shortened};
use crate::moments::Moments;
use crate::pair::gathered;
use crate::quantile::quantile;
use crate::read::{Kind, Problems, Table};
use crate::sketch::{Distinct, Hll, kll, kll_quantiles};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Levels beyond these many, by the reference's rows, are one.
const MAX_LEVELS: usize = 200;
/// Equal bins for the eye, besides the deciles.
const FOR_THE_EYE: usize = 40;
const MAX_VALUES: usize = 20;
/// Into so many parts the reference is cut, for what it does by itself.
pub const PARTS: usize = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bins {
    /// A bin per value, and one for others.
    Values(Vec<f64>),
    /// (−∞, e₁), [e₁, e₂) … [eₖ, ∞). `decile`: for each edge, whether it is one of the deciles.
    Edges { edges: Vec<f64>, decile: Vec<bool> },
    /// A bin per level, and one for others.
    Levels(Vec<String>),
}

impl Bins {
    pub fn n(&self) -> usize {
        match self {
            Bins::Values(values) => values.len() + 1,
            Bins::Edges { edges, .. } => edges.len() + 1,
            Bins::Levels(levels) => levels.len() + 1,
        }
    }

    /// The bin of a finite number.
    pub fn at(&self, value: f64) -> usize {
        match self {
            Bins::Values(values) => {
                let at = values.partition_point(|other| *other < value);
                if values.get(at) == Some(&value) { at } else { values.len() }
            }
            Bins::Edges { edges, .. } => edges.partition_point(|edge| *edge <= value),
            Bins::Levels(levels) => levels.len(),
        }
    }

    /// Counts on the bins that tests are made on: deciles, where there are finer ones.
    pub fn coarse(&self, counts: &[u64]) -> Vec<u64> {
        let Bins::Edges { decile, .. } = self else { return counts.to_vec() };
        let mut sums = vec![0];
        for (at, n) in counts.iter().enumerate() {
            if at > 0 && decile[at - 1] {
                sums.push(0);
            }
            *sums.last_mut().expect("BUG: there is a first") += n;
        }
        sums
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenColumn {
    pub name: String,
    pub kind: Kind,
    pub physical: String,
    pub bins: Bins,
    /// Whether it has levels that are not among its bins.
    pub has_others: bool,
    pub moments: Option<Moments>,
    /// Of numbers: their quantiles, as `sketch` has them, for bins that nobody thought of when it was frozen.
    pub kll: Vec<u8>,
    /// How many values it has.
    pub hll: Vec<u8>,
}

impl FrozenColumn {
    fn of(name: &str, physical: &str, column: &Gathered) -> Option<FrozenColumn> {
        let (bins, moments, kll, hll) = match &column.held {
            Held::Numbers(values) => {
                (of_numbers(values)?, Moments::of(values), kll(values), distinct(values, physical.contains("int")))
            }
            Held::Levels(levels) => (of_levels(levels)?, None, Vec::new(), levels.sketch()),
            _ => return None,
        };
        let has_others =
            matches!(&column.held, Held::Levels(levels) if levels.beyond > 0 || levels.rows.len() > MAX_LEVELS);
        let (name, physical, hll) = (name.to_owned(), physical.to_owned(), hll.to_bytes());
        Some(FrozenColumn { name, kind: column.kind, physical, bins, has_others, moments, kll, hll })
    }

    /// Whether a level of it is known by its beginning and its hash: it is not found by whoever has its whole text only.
    pub fn has_long_levels(&self) -> bool {
        matches!(&self.bins, Bins::Levels(levels) if levels.iter().any(|level| is_shortened(level)))
    }

    /// The values at these shares of its finite rows; `None` of levels.
    pub fn quantiles(&self, at: &[f64]) -> Option<Vec<f64>> {
        kll_quantiles(&self.kll, at)
    }

    /// How many values or levels it has: an estimate, however few.
    pub fn distinct(&self) -> Option<Distinct> {
        Some(Hll::of_bytes(&self.hll)?.distinct())
    }
}

fn distinct(values: &[f64], is_whole: bool) -> Hll {
    let mut all = Hll::default();
    values.iter().for_each(|value| if is_whole { all.whole(*value) } else { all.number(*value) });
    all
}

fn of_numbers(values: &[f64]) -> Option<Bins> {
    if let Some(crate::Bins::Values(values)) = crate::Bins::of_few(values) {
        debug_assert!(values.len() <= MAX_VALUES);
        return Some(Bins::Values(values));
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let deciles: Vec<f64> = (1..10).filter_map(|tenth| quantile(&sorted, f64::from(tenth) * 0.1)).collect();
    let (low, high) = (quantile(&sorted, 0.005)?, quantile(&sorted, 0.995)?);
    let step = (high - low) / FOR_THE_EYE as f64;
    let mut edges: Vec<(f64, bool)> = deciles.into_iter().map(|edge| (edge, true)).collect();
    if step.is_finite() && step > 0.0 {
        edges.extend((0..=FOR_THE_EYE).map(|at| (low + at as f64 * step, false)));
    }
    // A decile before its like, so that it is the one that stays.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    edges.dedup_by(|later, first| later.0 == first.0);
    let (edges, decile) = edges.into_iter().unzip();
    Some(Bins::Edges { edges, decile })
}

/// `None` of identifiers and free text: nearly each row has another.
fn of_levels(levels: &Levels) -> Option<Bins> {
    let n = levels.n();
    if n == 0 || n > 50 && levels.distinct().n as f64 > 0.5 * n as f64 {
        return None;
    }
    Some(Bins::Levels(levels.ordered().into_iter().take(MAX_LEVELS).map(|(level, _)| level.to_owned()).collect()))
}

/// The reference: what cells are counted on and compared with. What is made of it holds for as long as it is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    pub columns: Vec<FrozenColumn>,
    /// Consecutive stretches of its rows, about equally long; together they are all of it.
    pub parts: Vec<Cell>,
    /// All of its rows, by segment, where it has that column; in the order of their names.
    pub segments: Vec<(String, Cell)>,
    pub n_rows: u64,
}

impl Reference {
    /// Reads the table twice: for the bins, and for what lies in them.
    pub fn freeze(table: &Table, definition: &Definition, problems: &mut Problems) -> Reference {
        let about = |name: &Option<String>, other: &str| name.as_deref() == Some(other);
        let is_watched = |name: &str| {
            !about(&definition.time, name)
                && !about(&definition.id, name)
                && !about(&definition.label, name)
                && !definition.ignore.iter().any(|other| other == name)
        };
        let wanted: Vec<usize> = (0..table.columns().len())
            .filter(|at| {
                let column = &table.columns()[*at];
                is_watched(&column.name) && !matches!(column.kind, Kind::List | Kind::Opaque | Kind::Datetime)
            })
            .collect();
        let mut columns = Vec::new();
        let mut n_rows = 0;
        for pass in table.passes(&wanted) {
            let (found, said) = gathered(table, &pass);
            problems.extend(said);
            for (at, column) in pass.iter().zip(&found) {
                n_rows = n_rows.max(column.counts.rows);
                let about = &table.columns()[*at];
                columns.extend(FrozenColumn::of(&about.name, &about.physical, column));
            }
        }
        let mut reference = Reference { columns, parts: Vec::new(), segments: Vec::new(), n_rows };
        reference.parts = fill::parts(table, &reference, n_rows);
        let segment = definition.segment.as_ref().and_then(|name| table.column(name).ok());
        reference.segments = segment.map(|at| by_segment(table, &reference, at)).unwrap_or_default();
        reference
    }

    /// Its name: SHA-256 of what it is, as hex. Without the quantiles' sketches: those of the same numbers differ, since
    /// their randomness has no seed; what they tell is in the bins, the moments and the parts.
    pub fn digest(&self) -> String {
        let mut named = self.clone();
        named.columns.iter_mut().for_each(|column| column.kll.clear());
        let bytes = postcard::to_stdvec(&named).expect("BUG: a reference is written");
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The segment that rows of this name are counted in: its own if the reference tells it apart, else that of all others.
    /// A reference without that column takes each for its own.
    pub fn segment_of<'a>(&self, name: &'a str) -> &'a str {
        let is_known = self.segments.binary_search_by(|(known, _)| known.as_str().cmp(name)).is_ok();
        if is_known || self.segments.is_empty() { name } else { OTHERS }
    }

    /// What a segment is compared with: its own rows, or all where the reference does not know it.
    pub fn of(&self, segment: Option<&str>) -> Cell {
        let own = segment.and_then(|name| self.segments.iter().find(|(known, _)| known == name));
        own.map_or_else(|| self.whole(), |(_, cell)| cell.clone())
    }

    /// All of it as one cell.
    pub fn whole(&self) -> Cell {
        let mut sum = Cell::empty(self);
        self.parts.iter().for_each(|part| sum.add(part));
        sum
    }
}
