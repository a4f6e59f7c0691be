//! Rules that a reference keeps, with room for what is the same and a little different.

use super::{ColumnRules, Name, Rules, Schema};
use crate::gather::{Gathered, Held};
use crate::moments::Moments;
use crate::pair::gathered;
use crate::read::{Kind, Problems, Table};

/// A set of more levels than these is no set.
const MAX_SET: usize = 50;
/// Of fewer rows it is chance that none is there twice.
const MIN_UNIQUE: u64 = 100;

/// Ranges are a tenth wider than the reference's, sets bear a hundredth of new levels, means (which warn) half a
/// deviation; shares of nulls are rounded up to a hundredth, and one more. Fewer than half the rows warn.
pub fn learn(table: &Table, problems: &mut Problems) -> Rules {
    let all: Vec<usize> = (0..table.columns().len()).collect();
    let mut rules = Rules { schema: Some(Schema::AtLeast), ..Rules::default() };
    let mut n_rows = 0;
    for pass in table.passes(&all) {
        let (found, said) = gathered(table, &pass);
        problems.extend(said);
        for (at, column) in pass.iter().zip(&found) {
            n_rows = n_rows.max(column.counts.rows);
            rules.columns.insert(table.columns()[*at].name.clone(), of(column));
        }
    }
    // A day's data may well be fewer than what a model was trained on.
    (rules.min_rows, rules.warnings) = (Some(n_rows.div_ceil(2)), vec![Name::MinRows]);
    rules
}

fn of(column: &Gathered) -> ColumnRules {
    let counts = &column.counts;
    let share = |n: u64| match (n, counts.rows) {
        (0, _) | (_, 0) => 0.0,
        (n, rows) => ((n as f64 / rows as f64 * 100.0).ceil() + 1.0).min(100.0) / 100.0,
    };
    let mut rules = ColumnRules { required: true, ..ColumnRules::default() };
    if counts.nulls == counts.rows {
        // Nothing is known of it.
        return rules;
    }
    rules.kind = Some(column.kind);
    rules.max_null_share = Some(share(counts.nulls));
    match &column.held {
        Held::Numbers(values) if column.kind == Kind::Numeric => {
            rules.max_nan_share = Some(share(counts.nan));
            rules.unique = are_identifiers(values);
            if let Some(moments) = Moments::of(values).filter(|_| !rules.unique) {
                range(&mut rules, &moments);
            }
        }
        Held::Levels(levels) if column.kind == Kind::Categorical => {
            let distinct = levels.rows.len();
            rules.unique = levels.beyond == 0 && levels.n() >= MIN_UNIQUE && distinct as u64 == levels.n();
            if distinct <= MAX_SET && levels.beyond == 0 && distinct as u64 * 2 <= levels.n() {
                let mut set: Vec<String> = levels.rows.keys().map(ToString::to_string).collect();
                set.sort();
                (rules.allowed, rules.max_new_level_share) = (Some(set), Some(0.01));
            }
        }
        _ => {}
    }
    rules
}

/// Whole numbers, none of them twice.
fn are_identifiers(values: &[f64]) -> bool {
    if (values.len() as u64) < MIN_UNIQUE || values.iter().any(|value| value.fract() != 0.0) {
        return false;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).all(|two| two[0] < two[1])
}

fn range(rules: &mut ColumnRules, moments: &Moments) {
    let width = moments.max - moments.min;
    let room = if width > 0.0 { width * 0.1 } else { moments.max.abs() * 0.1 };
    // What is never below nothing stays so: counts, prices, ages.
    let low = if moments.min >= 0.0 { (moments.min - room).max(0.0) } else { moments.min - room };
    let high = if moments.max <= 0.0 { (moments.max + room).min(0.0) } else { moments.max + room };
    if low.is_finite() && high.is_finite() {
        (rules.min, rules.max) = (Some(rounded(low, false)), Some(rounded(high, true)));
    }
    let (low, high) = (moments.mean - moments.std / 2.0, moments.mean + moments.std / 2.0);
    if low.is_finite() && high.is_finite() && moments.std > 0.0 {
        (rules.min_mean, rules.max_mean) = (Some(rounded(low, false)), Some(rounded(high, true)));
        rules.warnings = vec![Name::MinMean, Name::MaxMean];
    }
}

/// To four digits, outwards: for a person to read and change.
fn rounded(value: f64, is_up: bool) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi(value.abs().log10().floor() as i32 - 3);
    let steps = if is_up { (value / unit).ceil() } else { (value / unit).floor() };
    // Through its text, so that 0.3 is 0.3.
    let found = format!("{:.3e}", steps * unit).parse().unwrap_or(value);
    let is_outside = if is_up { found >= value } else { found <= value };
    if is_outside { found } else { value }
}
