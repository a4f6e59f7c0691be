//! One column, looked at.

use crate::gather::{Counts, Gathered, Held, Levels};
use crate::moments::Moments;
use crate::quantile::quantile;
use crate::read::{Column, Kind};
use serde::Serialize;
use std::collections::HashMap;
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "DataHistogram")]
pub struct Histogram {
    /// One more than counts; both ends are within.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct LevelRows {
    pub level: String,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: Kind,
    /// As the file has it.
    #[serde(rename = "type")]
    pub physical: String,
    #[serde(flatten)]
    pub counts: Counts,
    pub moments: Option<Moments>,
    pub zeros: u64,
    pub negative: u64,
    /// How many values or levels there are; `null` of what is only counted.
    pub distinct: Option<u64>,
    /// Where there are too many levels to keep them, `distinct` is an estimate: its standard error as a share of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub distinct_error: Option<f64>,
    /// (share, value) at 0, 1, 5, 25, 50, 75, 95, 99 and 100 %.
    pub quantiles: Vec<(f64, f64)>,
    pub histogram: Option<Histogram>,
    /// The most usual levels.
    pub top: Vec<LevelRows>,
    /// What a person should know, in sentences.
    pub remarks: Vec<String>,
}

const BINS: usize = 40;
const TOP: usize = 20;
const AT: [f64; 9] = [0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0];

impl ColumnProfile {
    pub fn of(about: &Column, column: Gathered) -> ColumnProfile {
        let Gathered { kind, counts, held, .. } = column;
        let mut found = ColumnProfile {
            name: about.name.clone(),
            kind,
            physical: about.physical.clone(),
            counts,
            moments: None,
            zeros: 0,
            negative: 0,
            distinct: None,
            distinct_error: None,
            quantiles: Vec::new(),
            histogram: None,
            top: Vec::new(),
            remarks: Vec::new(),
        };
        match held {
            Held::Numbers(values) => found.numbers(values),
            Held::Levels(levels) => found.levels(&levels),
            Held::Lists { lengths, .. } => found.numbers(lengths),
            Held::Nothing => {}
        }
        found.gaps();
        found
    }

    fn numbers(&mut self, mut values: Vec<f64>) {
        values.sort_unstable_by(f64::total_cmp);
        self.moments = Moments::of(&values);
        self.zeros = values.iter().filter(|value| **value == 0.0).count() as u64;
        self.negative = values.iter().filter(|value| **value < 0.0).count() as u64;
        let steps = values.windows(2).filter(|two| two[0] != two[1]).count() as u64;
        self.distinct = Some(if values.is_empty() { 0 } else { steps + 1 });
        self.quantiles = AT.iter().filter_map(|at| Some((*at, quantile(&values, *at)?))).collect();
        self.histogram = histogram(&values);
        let n = values.len() as u64;
        match self.distinct {
            Some(1) if n > 1 => self.remarks.push("It holds one value only.".into()),
            Some(2..=20) if self.kind == Kind::Numeric => self.top = most_usual(&values),
            _ => {}
        }
        self.sentinel(&values);
    }

    /// −999 and its like: a value at the end, far from all others, and often there.
    fn sentinel(&mut self, sorted: &[f64]) {
        let (Some(low), Some(high)) = (quantile(sorted, 0.25), quantile(sorted, 0.75)) else { return };
        let spread = high - low;
        if spread <= 0.0 || self.kind == Kind::Datetime {
            return;
        }
        let n = sorted.len();
        let (first, last) = (sorted[0], sorted[n - 1]);
        let n_first = sorted.partition_point(|value| *value <= first);
        let n_last = n - sorted.partition_point(|value| *value < last);
        let mut say = |value: f64, rows: usize, next: Option<&f64>| {
            let apart = next.map_or(0.0, |next| (next - value).abs());
            if rows >= 5 && rows * 1000 >= n && apart > 5.0 * spread {
                self.remarks
                    .push(format!("{rows} rows hold {value}, far from all others: does it stand for a missing value?"));
            }
        };
        say(first, n_first, sorted.get(n_first));
        say(last, n_last, n.checked_sub(n_last + 1).and_then(|at| sorted.get(at)));
    }

    fn levels(&mut self, levels: &Levels) {
        let ordered = levels.ordered();
        let distinct = levels.distinct();
        (self.distinct, self.distinct_error) = (Some(distinct.n), distinct.error);
        self.top = ordered
            .iter()
            .take(TOP)
            .map(|(level, rows)| LevelRows { level: (*level).to_owned(), rows: *rows })
            .collect();
        if self.kind == Kind::Boolean || ordered.is_empty() {
            return;
        }
        let n = levels.n();
        if ordered.len() == 1 && n > 1 {
            self.remarks.push("It holds one value only.".into());
        }
        if ordered.len() > 10 && ordered.iter().all(|(level, _)| level.trim().parse::<f64>().is_ok()) {
            self.remarks.push("All its texts are numbers: read it as numbers?".into());
        }
        if let Some(error) = distinct.error {
            self.remarks.push(format!(
                "It has about {} levels: more than are kept, so that they are estimated (± {:.1} %).",
                distinct.n,
                error * 100.0
            ));
        }
        if n > 50 && distinct.n as f64 > 0.95 * n as f64 {
            self.remarks.push("Nearly each row has another: identifiers or free text.".into());
        }
        let mut alike: HashMap<String, Vec<&str>> = HashMap::new();
        for (level, _) in ordered.iter().take(10_000) {
            alike.entry(plain(level)).or_default().push(level);
        }
        let mut twins: Vec<&Vec<&str>> = alike.values().filter(|twins| twins.len() > 1).collect();
        twins.sort();
        for twins in twins.into_iter().take(3) {
            let shown: Vec<String> = twins.iter().take(4).map(|level| pointed(level)).collect();
            self.remarks.push(format!("Levels that differ in case, space or code points only: {}.", shown.join(", ")));
        }
    }

    fn gaps(&mut self) {
        let counts = self.counts;
        let share = |n: u64| n as f64 / counts.rows.max(1) as f64;
        if counts.rows > 0 && counts.nulls == counts.rows {
            self.remarks.push("It is empty: all rows are null.".into());
        } else if share(counts.nulls) > 0.5 {
            self.remarks.push(format!("{:.0} % of its rows are null.", share(counts.nulls) * 100.0));
        }
        if counts.pos_inf + counts.neg_inf > 0 {
            self.remarks.push(format!("{} rows are infinite.", counts.pos_inf + counts.neg_inf));
        }
        if counts.mismatched > 0 {
            self.remarks.push(format!("{} rows come from files where it has another type.", counts.mismatched));
        }
    }
}

fn histogram(sorted: &[f64]) -> Option<Histogram> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let width = (last - first) / BINS as f64;
    if !width.is_finite() || width <= 0.0 {
        return Some(Histogram { edges: vec![first, last], counts: vec![sorted.len() as u64] });
    }
    let edges: Vec<f64> = (0..BINS).map(|at| first + at as f64 * width).chain([last]).collect();
    let cuts: Vec<usize> = edges[1..BINS].iter().map(|edge| sorted.partition_point(|value| value < edge)).collect();
    let ends = cuts.iter().copied().chain([sorted.len()]);
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    Some(Histogram { counts: ends.zip(starts).map(|(end, start)| end.saturating_sub(start) as u64).collect(), edges })
}

fn most_usual(sorted: &[f64]) -> Vec<LevelRows> {
    let mut found: Vec<(f64, u64)> = Vec::new();
    for value in sorted {
        match found.last_mut() {
            Some((last, n)) if last == value => *n += 1,
            _ => found.push((*value, 1)),
        }
    }
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
    found.into_iter().map(|(value, rows)| LevelRows { level: value.to_string(), rows }).collect()
}

/// Without what a person does not see: case, space at the ends, and marks that follow their letter or are one with it.
fn plain(level: &str) -> String {
    let mut out = String::new();
    for c in level.trim().chars() {
        // Combining marks: U+0300 to U+036F.
        if !('\u{300}'..='\u{36f}').contains(&c) {
            out.extend(undecorated(c).to_lowercase());
        }
    }
    out
}

/// Latin letters with a mark, without it: enough to see NFC beside NFD.
fn undecorated(c: char) -> char {
    match c {
        'À'..='Å' => 'A',
        'à'..='å' => 'a',
        'Ç' => 'C',
        'ç' => 'c',
        'È'..='Ë' => 'E',
        'è'..='ë' => 'e',
        'Ì'..='Ï' => 'I',
        'ì'..='ï' => 'i',
        'Ñ' => 'N',
        'ñ' => 'n',
        'Ò'..='Ö' => 'O',
        'ò'..='ö' => 'o',
        'Ù'..='Ü' => 'U',
        'ù'..='ü' => 'u',
        other => other,
    }
}

/// A level with the code points of what is not plain in it.
fn pointed(level: &str) -> String {
    let odd: Vec<String> = level.chars().filter(|c| !c.is_ascii()).map(|c| format!("U+{:04X}", c as u32)).collect();
    if odd.is_empty() { format!("{level:?}") } else { format!("{level:?} ({})", odd.join(" ")) }
}
