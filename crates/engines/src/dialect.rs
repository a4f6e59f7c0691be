//! The plan as SQL. What is the same everywhere is here; each engine's words are in a file of their own.
//!
//! Every value becomes a code first, then one pass counts codes: the bin, or below 0 why there is none. Engines order and
//! compare NaN each in its own way, so it is asked for before anything is compared. All of a column's numbers come from
//! one reading: what is written meanwhile cannot tear them apart.

mod clickhouse;
mod postgres;
mod spark;

pub use clickhouse::plain_type;

use crate::Engine;
use crate::described::{RemoteColumn, Shape};
use crate::engine::As;
use crate::error::EngineError;
use crate::plan::{How, Plan};
use signalbox_drift::monitor::{Bins, FrozenColumn, HOUR, Reference};

/// Codes of values that are in no bin.
pub const NULL: i64 = -1;
pub const NAN: i64 = -2;
pub const POS_INF: i64 = -3;
pub const NEG_INF: i64 = -4;
pub const MISMATCHED: i64 = -5;
/// The column that is none: it counts rows.
pub const ROWS: i64 = -1;
/// As many of an hour's new levels are named, and so many characters of each.
const MAX_NEW: usize = 16;
const NAME_CHARS: usize = 200;
/// More segments than these are not asked for.
pub const MAX_SEGMENTS: usize = 50;

pub fn dialect(engine: Engine) -> &'static dyn Dialect {
    match engine {
        Engine::Postgres => &postgres::Postgres,
        Engine::ClickHouse => &clickhouse::ClickHouse,
        Engine::Spark => &spark::Spark,
    }
}

/// A counted column of a statement: names of what the subquery has made of it.
pub struct Counted {
    /// Its place in the reference.
    pub at: usize,
    /// Its code.
    pub bin: String,
    /// Its number where it is finite, else anything; that number less the reference's mean.
    pub number: Option<(String, String)>,
}

/// Words of one engine. Expressions are of SQL; `x` is never null where a method says "there".
pub trait Dialect: Sync {
    fn ident(&self, name: &str) -> String;
    /// `None`: no text over there can be this one.
    fn text(&self, text: &str) -> Option<String>;
    /// A finite double, to the bit.
    fn double(&self, value: f64) -> String;
    /// A column's values as doubles.
    fn as_double(&self, x: &str) -> String;
    /// A column's values as texts, compared byte by byte.
    fn as_text(&self, x: &str) -> String;
    /// A point in time as seconds since 1970: the double that the local reader makes of it.
    fn seconds(&self, x: &str, column: &RemoteColumn) -> String;
    fn is_nan(&self, x: &str) -> String;
    fn infinity(&self) -> &'static str;
    /// How many of the edges are at or below a finite number that is there.
    fn edges_below(&self, x: &str, edges: &[f64]) -> String;
    /// Which of the texts a text is that is there, or how many there are.
    fn place(&self, x: &str, texts: &[(usize, String)], none: usize) -> String;
    /// `x` minus the mean, of a finite number; times [`Dialect::scale`].
    fn apart(&self, x: &str, mean: f64) -> String;
    /// Sums come back times this, and those of squares times its square.
    fn scale(&self) -> f64 {
        1.0
    }
    /// A range of the time column that the engine can use to skip what is not in it: no hour of those asked for is missed.
    fn about(&self, x: &str, column: &RemoteColumn, from: i64, till: i64) -> String;
    /// (hour, segment, column, code, rows, sum, sum of squares, least, greatest) of what `from` gives as `sb_h`, `sb_s`
    /// and the columns' names.
    fn unpivoted(&self, columns: &[Counted], from: &str) -> String;
    /// Up to `n` rows for each hour and segment.
    fn first_of_each(&self, from: &str, n: usize) -> String;
    fn first_chars(&self, x: &str, n: usize) -> String;
    /// Casts for the reader: doubles, 64-bit integers.
    fn double_type(&self) -> &'static str;
    fn integer_type(&self) -> &'static str;
}

impl dyn Dialect + '_ {
    fn column(&self, name: &str) -> Result<String, EngineError> {
        Ok(format!("sb_t.{}", self.quoted(name)?))
    }

    /// No engine's names have NUL in them.
    fn quoted(&self, name: &str) -> Result<String, EngineError> {
        if name.contains('\0') {
            return Err(EngineError::Refused(
                format!("The name {name:?} has a NUL in it."),
                "Leave the column out (--ignore).",
            ));
        }
        Ok(self.ident(name))
    }

    pub fn table(&self, plan: &Plan) -> Result<String, EngineError> {
        let parts: Result<Vec<String>, EngineError> = plan.table.parts().iter().map(|part| self.quoted(part)).collect();
        Ok(format!("{} AS sb_t", parts?.join(".")))
    }

    /// The hour since 1970 as a double; null where the time is missing or no number.
    fn hour(&self, plan: &Plan) -> Result<String, EngineError> {
        let Some(time) = &plan.time else {
            return Ok(format!("CAST({} AS {})", plan.this_hour, self.double_type()));
        };
        let seconds = self.time_seconds(time)?;
        let infinity = self.infinity();
        let hour = format!("floor({seconds} / {})", self.double(HOUR as f64));
        Ok(format!(
            "CASE WHEN {} OR {seconds} = {infinity} OR {seconds} = -{infinity} THEN NULL ELSE CAST({hour} AS {}) END",
            self.is_nan(&seconds),
            self.double_type()
        ))
    }

    fn time_seconds(&self, time: &RemoteColumn) -> Result<String, EngineError> {
        let column = self.column(&time.name)?;
        Ok(match time.shape {
            Shape::Time => self.seconds(&column, time),
            _ => self.as_double(&column),
        })
    }

    /// Texts and booleans as texts, integers as doubles: they are printed here, as the local kernel prints them.
    fn segment(&self, plan: &Plan) -> Result<String, EngineError> {
        let Some(segment) = &plan.segment else { return Ok("''".into()) };
        let column = self.column(&segment.name)?;
        Ok(match segment.shape {
            Shape::Boolean => format!("CASE WHEN {column} THEN 'true' WHEN NOT {column} THEN 'false' END"),
            Shape::Text => self.as_text(&column),
            _ => self.as_double(&column),
        })
    }

    /// `WHERE`, or nothing.
    fn within(&self, plan: &Plan) -> Result<String, EngineError> {
        let (Some(hours), Some(time)) = (&plan.hours, &plan.time) else { return Ok(String::new()) };
        let column = self.column(&time.name)?;
        // An hour more on both sides: what is exact is asked besides.
        let about = self.about(&column, time, hours.start - 1, hours.end + 1);
        let hour = self.hour(plan)?;
        let of = |hour: i64| self.double(hour as f64);
        Ok(format!(" WHERE {about} AND {hour} >= {} AND {hour} < {}", of(hours.start), of(hours.end)))
    }

    fn code(&self, frozen: &FrozenColumn, how: How, x: &str) -> String {
        let infinity = self.infinity();
        match (how, &frozen.bins) {
            (How::Numbers, bins) => {
                let bin = match bins {
                    Bins::Values(values) => self.value_place(x, values),
                    Bins::Edges { edges, .. } => self.edges_below(x, edges),
                    Bins::Levels(_) => unreachable!("BUG: levels are not counted as numbers"),
                };
                format!(
                    "CASE WHEN {x} IS NULL THEN {NULL} WHEN {} THEN {NAN} WHEN {x} = {infinity} THEN {POS_INF} \
                     WHEN {x} = -{infinity} THEN {NEG_INF} ELSE {bin} END",
                    self.is_nan(x)
                )
            }
            (How::Booleans, Bins::Levels(levels)) => {
                let place = |name: &str| levels.iter().position(|level| level == name).unwrap_or(levels.len());
                let (yes, no) = (place("true"), place("false"));
                format!("CASE WHEN {x} IS NULL THEN {NULL} WHEN {x} THEN {yes} ELSE {no} END")
            }
            (How::Levels, Bins::Levels(levels)) => {
                let texts = self.texts(levels);
                format!("CASE WHEN {x} IS NULL THEN {NULL} ELSE {} END", self.place(x, &texts, levels.len()))
            }
            _ => format!("CASE WHEN {x} IS NULL THEN {NULL} ELSE {MISMATCHED} END"),
        }
    }

    fn value_place(&self, x: &str, values: &[f64]) -> String {
        let whens: Vec<String> = (values.iter().enumerate())
            .map(|(at, value)| format!("WHEN {x} = {} THEN {at}", self.double(*value)))
            .collect();
        if whens.is_empty() { "0".into() } else { format!("CASE {} ELSE {} END", whens.join(" "), values.len()) }
    }

    fn texts(&self, levels: &[String]) -> Vec<(usize, String)> {
        levels.iter().enumerate().filter_map(|(at, level)| Some((at, self.text(level)?))).collect()
    }
}

/// Counts of some of the reference's columns, and of rows.
pub fn counts(
    dialect: &dyn Dialect,
    plan: &Plan,
    reference: &Reference,
    columns: &[usize],
) -> Result<String, EngineError> {
    let mut values = vec![format!("{} AS sb_h", dialect.hour(plan)?), format!("{} AS sb_s", dialect.segment(plan)?)];
    let mut codes = vec!["sb_h".to_owned(), "sb_s".to_owned()];
    let mut counted = Vec::new();
    for at in columns.iter().copied() {
        let (frozen, how) = (&reference.columns[at], plan.columns[at].how);
        let column = dialect.column(&frozen.name)?;
        let value = match how {
            How::Numbers => dialect.as_double(&column),
            How::Levels => dialect.as_text(&column),
            _ => column,
        };
        values.push(format!("{value} AS sb_v{at}"));
        let x = format!("sb_v{at}");
        codes.push(format!("{} AS sb_b{at}", dialect.code(frozen, how, &x)));
        let number = (how == How::Numbers).then(|| {
            let mean = frozen.moments.map_or(0.0, |moments| moments.mean);
            // The sum of what is less than no number is none; it is put in here, by the reader.
            let mean = if mean.is_finite() { mean } else { 0.0 };
            codes.push(format!("{} AS sb_d{at}", dialect.apart(&x, mean)));
            codes.push(x);
            (format!("sb_v{at}"), format!("sb_d{at}"))
        });
        counted.push(Counted { at, bin: format!("sb_b{at}"), number });
    }
    let from = dialect.table(plan)?;
    let inner = format!("SELECT {} FROM {from}{}", values.join(", "), dialect.within(plan)?);
    let middle = format!("SELECT {} FROM ({inner}) AS sb_1", codes.join(", "));
    Ok(dialect.unpivoted(&counted, &middle))
}

/// (hour, segment, level, rows).
pub fn new_levels(
    dialect: &dyn Dialect,
    plan: &Plan,
    reference: &Reference,
    column: usize,
) -> Result<String, EngineError> {
    let frozen = &reference.columns[column];
    let Bins::Levels(levels) = &frozen.bins else { unreachable!("BUG: only levels have names") };
    let value = dialect.as_text(&dialect.column(&frozen.name)?);
    let texts: Vec<String> = dialect.texts(levels).into_iter().map(|(_, text)| text).collect();
    let known = if texts.is_empty() { String::new() } else { format!(" AND sb_v NOT IN ({})", texts.join(", ")) };
    let inner = format!(
        "SELECT {} AS sb_h, {} AS sb_s, {value} AS sb_v FROM {}{}",
        dialect.hour(plan)?,
        dialect.segment(plan)?,
        dialect.table(plan)?,
        dialect.within(plan)?
    );
    let grouped = format!(
        "SELECT sb_h, sb_s, sb_v, CAST(count(*) AS {}) AS sb_n FROM ({inner}) AS sb_1 WHERE sb_h IS NOT NULL AND sb_v \
         IS NOT NULL{known} GROUP BY sb_h, sb_s, sb_v",
        dialect.integer_type()
    );
    let first = dialect.first_of_each(&grouped, MAX_NEW);
    let name = dialect.first_chars("sb_v", NAME_CHARS);
    Ok(format!("SELECT sb_h, sb_s, {name} AS sb_l, sb_n FROM ({first}) AS sb_3"))
}

pub fn segments(dialect: &dyn Dialect, plan: &Plan) -> Result<String, EngineError> {
    Ok(format!(
        "SELECT DISTINCT sb_s FROM (SELECT {} AS sb_h, {} AS sb_s FROM {}{}) AS sb_1 WHERE sb_h IS NOT NULL LIMIT {}",
        dialect.hour(plan)?,
        dialect.segment(plan)?,
        dialect.table(plan)?,
        dialect.within(plan)?,
        MAX_SEGMENTS + 2
    ))
}

/// Columns as they are, `n` rows at most.
pub fn rows(dialect: &dyn Dialect, plan: &Plan, columns: &[(String, As)], n: u64) -> Result<String, EngineError> {
    let of = |(name, kind): &(String, As)| {
        let column = dialect.column(name)?;
        Ok(match kind {
            As::Text => dialect.as_text(&column),
            As::Boolean => column,
            As::Double | As::Integer => dialect.as_double(&column),
        })
    };
    let values: Vec<String> = columns.iter().map(of).collect::<Result<_, EngineError>>()?;
    let (from, within) = (dialect.table(plan)?, dialect.within(plan)?);
    Ok(format!("SELECT {} FROM {from}{within} LIMIT {n}", values.join(", ")))
}

/// The hour of the latest time; none of an empty table.
pub fn last_hour(dialect: &dyn Dialect, plan: &Plan) -> Result<String, EngineError> {
    Ok(format!(
        "SELECT max(sb_h) AS sb_m FROM (SELECT {} AS sb_h FROM {}) AS sb_1",
        dialect.hour(plan)?,
        dialect.table(plan)?
    ))
}

/// `2026-11-22 14:00:00` of an hour since 1970, in UTC; hours beyond the years 1 to 9999 are taken for the nearest.
fn civil(hour: i64) -> String {
    let hour = hour.clamp(-17_259_888, 70_389_527);
    let (day, of_day) = (hour.div_euclid(24), hour.rem_euclid(24));
    // Howard Hinnant's days_from_civil, backwards.
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {of_day:02}:00:00")
}

/// A CASE that halves the edges at each step: six comparisons for fifty edges.
fn halving(x: &str, edges: &[String], from: usize) -> String {
    if edges.is_empty() {
        return from.to_string();
    }
    let middle = edges.len() / 2;
    let below = halving(x, &edges[..middle], from);
    let above = halving(x, &edges[middle + 1..], from + middle + 1);
    format!("CASE WHEN {x} < {} THEN {below} ELSE {above} END", edges[middle])
}

#[cfg(test)]
mod tests;
