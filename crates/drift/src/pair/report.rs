//! What a comparison says: one document, for the window, the terminal and CI.

use super::histogram::Histogram;
use crate::gather::{Counts, Gathered, Held};
use crate::moments::Moments;
use crate::read::{Dialect, Kind, Problem, Table};
use crate::test::benjamini_hochberg;
use crate::verdict::{Asked, Rule, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;
use ts_rs::TS;

/// One of the two tables.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(rename = "DriftSide")]
pub struct Side {
    pub path: String,
    pub files: usize,
    pub dialect: Option<Dialect>,
}

impl Side {
    pub fn of(table: &Table) -> Side {
        Side { path: table.path.display().to_string(), files: table.n_files(), dialect: table.dialect }
    }
}

/// A column on one side.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(rename = "ColumnSide")]
pub struct Move {
    #[serde(rename = "type")]
    pub physical: String,
    #[serde(flatten)]
    pub counts: Counts,
    /// Of the finite numbers, of lists' lengths.
    pub moments: Option<Moments>,
    /// How many levels there are, if they could be counted.
    pub levels: Option<u64>,
}

impl Move {
    pub fn of(physical: String, column: &Gathered) -> Move {
        let (moments, levels) = match &column.held {
            Held::Numbers(values) => (Moments::of(values), None),
            Held::Levels(levels) => (None, (levels.beyond == 0).then_some(levels.rows.len() as u64)),
            Held::Lists { lengths, .. } => (Moments::of(lengths), None),
            Held::Nothing => (None, None),
        };
        Move { physical, counts: column.counts, moments, levels }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct TestReport {
    /// `null` where it is no number.
    pub statistic: Option<f64>,
    pub p_value: Option<f64>,
    pub threshold: Option<f64>,
    /// Rows with a value, of both sides; of a sample, where one is enough.
    pub n: [u64; 2],
    /// Of the statistic, at 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub interval: Option<[f64; 2]>,
    /// Why there is no number.
    pub refused: Option<String>,
}

/// How far the values have moved.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "DriftEffect")]
pub struct Effect {
    pub name: &'static str,
    pub value: f64,
    pub threshold: f64,
}

/// The share of rows that hold none, NaN or an infinity.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "RateMove")]
pub struct Rate {
    pub of: &'static str,
    pub reference: f64,
    pub current: f64,
    pub p_value: f64,
    /// Corrected together with the columns' own.
    pub p_adjusted: f64,
}

/// A level that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct LevelMove {
    pub level: String,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct ColumnReport {
    pub name: String,
    pub kind: Kind,
    pub reference: Option<Move>,
    pub current: Option<Move>,
    pub tests: BTreeMap<String, TestReport>,
    pub effect: Option<Effect>,
    pub p_value: Option<f64>,
    /// Over all columns, by Benjamini and Hochberg.
    pub p_adjusted: Option<f64>,
    /// What the verdict turned on: the name of `effect`, or that of one of `rates`. `null` where it turned on no number.
    pub by: Option<&'static str>,
    /// Rows on bins of both sides, for the eye.
    pub histogram: Option<Histogram>,
    pub rates: Vec<Rate>,
    pub new_levels: Vec<LevelMove>,
    pub gone_levels: Vec<LevelMove>,
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub says: String,
    /// Set where the verdict does not turn on numbers.
    #[serde(skip)]
    pub settled: Option<(Verdict, String)>,
}

impl ColumnReport {
    /// The number that the verdict turned on, and its corrected p: of the column's own values, or of a rate, which is a
    /// difference of shares then.
    pub fn turned_on(&self) -> Option<(&'static str, f64, f64)> {
        let by = self.by?;
        if let Some(effect) = self.effect.as_ref().filter(|effect| effect.name == by) {
            return Some((by, effect.value, self.p_adjusted?));
        }
        let rate = self.rates.iter().find(|rate| rate.of == by)?;
        Some((by, rate.current - rate.reference, rate.p_adjusted))
    }

    /// A column that only one side has.
    pub fn of_one(name: &str, physical: &str, column: &Gathered, is_reference: bool) -> ColumnReport {
        let side = Some(Move::of(physical.to_owned(), column));
        let (verdict, says) = if is_reference {
            (Verdict::Missing, "The current data do not have this column.")
        } else {
            (Verdict::New, "The reference does not have this column.")
        };
        let (reference, current) = if is_reference { (side, None) } else { (None, side) };
        ColumnReport {
            name: name.to_owned(),
            kind: column.kind,
            reference,
            current,
            tests: BTreeMap::new(),
            effect: None,
            p_value: None,
            p_adjusted: None,
            by: None,
            histogram: None,
            rates: Vec::new(),
            new_levels: Vec::new(),
            gone_levels: Vec::new(),
            verdict,
            says: says.to_owned(),
            settled: Some((verdict, says.to_owned())),
        }
    }
}

#[derive(Clone, Debug, Serialize, TS)]
#[ts(rename = "DriftReport")]
pub struct Report {
    pub reference: Side,
    pub current: Side,
    pub rule: Rule,
    /// The gravest of the columns'.
    pub verdict: Verdict,
    pub columns: Vec<ColumnReport>,
    pub problems: Vec<Problem>,
}

impl Report {
    /// Corrects over all questions that were asked, and says what each column's answers mean.
    pub fn judged(
        reference: Side,
        current: Side,
        mut columns: Vec<ColumnReport>,
        rule: Rule,
        problems: Vec<Problem>,
    ) -> Report {
        correct(&mut columns);
        columns.iter_mut().for_each(|column| judge(column, &rule));
        let verdict = columns.iter().map(|column| column.verdict).min().unwrap_or(Verdict::NoDrift);
        Report { reference, current, rule, verdict, columns, problems }
    }

    pub fn drifted(&self) -> impl Iterator<Item = &ColumnReport> {
        self.columns.iter().filter(|c| c.verdict.is_drift())
    }
}

/// One family: each column's own question, and its rates'. Columns that are not judged ask nothing.
fn correct(columns: &mut [ColumnReport]) {
    let asks = |column: &ColumnReport| column.settled.is_none();
    let mut all = Vec::new();
    for column in columns.iter().filter(|column| asks(column)) {
        all.extend(column.p_value);
        all.extend(column.rates.iter().map(|rate| rate.p_value));
    }
    let mut adjusted = benjamini_hochberg(&all).into_iter();
    for column in columns.iter_mut().filter(|column| column.settled.is_none()) {
        if column.p_value.is_some() {
            column.p_adjusted = adjusted.next();
        }
        for rate in &mut column.rates {
            rate.p_adjusted = adjusted.next().unwrap_or(rate.p_value);
        }
    }
}

/// An effect as a sentence has it; its own name is a key.
fn titled(effect: &str) -> String {
    let (name, of) = effect.split_once(':').map_or((effect, None), |(name, of)| (name, Some(of)));
    let name = match name {
        "js" => "Jensen–Shannon",
        "wasserstein_std" => "Wasserstein in deviations",
        other => other,
    };
    of.map_or_else(|| name.to_owned(), |of| format!("{name} ({of})"))
}

fn judge(column: &mut ColumnReport, rule: &Rule) {
    if let Some((verdict, says)) = &column.settled {
        (column.verdict, column.says) = (*verdict, says.clone());
        return;
    }
    let own = column.effect.as_ref().zip(column.p_adjusted).map(|(effect, p_adjusted)| {
        let verdict = rule.judge(&Asked { p_adjusted, effect: effect.value, least: effect.threshold });
        let with = format!("{} {}, adjusted p {}", titled(effect.name), short(effect.value), short_p(p_adjusted));
        let says = match verdict {
            Verdict::Drift => format!("It has moved: {with}."),
            Verdict::SmallButSignificant => format!("It has moved a little, too little to matter: {with}."),
            Verdict::LargeButUncertain => format!("It looks moved, but so few rows may look so by chance: {with}."),
            _ => format!("Nothing has moved: {with}."),
        };
        (verdict, effect.name, says)
    });
    let of_rate = |rate: &Rate| {
        let effect = (rate.current - rate.reference).abs();
        let verdict = rule.judge(&Asked { p_adjusted: rate.p_adjusted, effect, least: rule.min_share });
        // Small samples always look moved by a hundredth: only what is sure is told of a rate.
        (verdict == Verdict::Drift).then(|| {
            let per_cent = |share: f64| format!("{:.1} %", share * 100.0);
            (
                verdict,
                rate.of,
                format!(
                    "{}: {} of the rows, {} in the reference.",
                    rate.of,
                    per_cent(rate.current),
                    per_cent(rate.reference)
                ),
            )
        })
    };
    let rates: Vec<(Verdict, &'static str, String)> = column.rates.iter().filter_map(of_rate).collect();
    let mut said: Vec<(Verdict, &'static str, String)> = own.into_iter().chain(rates).collect();
    said.sort_by_key(|(verdict, ..)| *verdict);
    match said.split_first() {
        Some(((verdict, by, first), rest)) => {
            (column.verdict, column.by) = (*verdict, Some(*by));
            let is_drift =
                |(v, _, says): &'_ (Verdict, &'static str, String)| (*v == Verdict::Drift).then(|| says.clone());
            let also = rest.iter().filter_map(is_drift);
            column.says = std::iter::once(first.clone()).chain(also).collect::<Vec<_>>().join(" ");
        }
        None => {
            (column.verdict, column.says) =
                (Verdict::NotJudged, "There is nothing in it that could be compared.".to_owned());
        }
    }
}

/// A p-value in a sentence. No test says that something cannot be: 0 is what a double could not hold.
pub fn short_p(p: f64) -> String {
    if p == 0.0 { "< 1e-300".into() } else { short(p) }
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else if value.abs() < 1e-3 || value.abs() >= 1e6 {
        format!("{value:.1e}")
    } else {
        let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
        format!("{value:.digits$}")
    }
}
