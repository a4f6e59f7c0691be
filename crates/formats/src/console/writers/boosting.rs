//! XGBoost, LightGBM and CatBoost: a line for each iteration, its fields separated by tabs.

use super::{Meaning, Record, Writer, decimal_at, number, place_of, whole};

/// Between the name of a set and of a metric, as LightGBM prints them.
pub(super) const OF_SET: &str = "'s ";

/// `[3]\ttrain-rmse:0.18317\t…` of XGBoost (`core.py`, `EvaluationMonitor`), `[1]\tvalid_0's l2: 0.195444\t…` of LightGBM
/// (`callback.py`, `_format_eval_result`); with cross-validation a mean and a deviation each.
pub(super) fn bracketed(line: &[u8], record: &mut Record) -> Option<Meaning> {
    let (step, rest) = whole(&line[1..])?;
    let fields = rest.strip_prefix(b"]\t")?;
    record.at(step);
    record.values.clear();
    if plain(line, line.len() - fields.len(), record).is_some() {
        return Some(Meaning::Row(Writer::Xgboost));
    }
    record.values.clear();
    let by_lightgbm = memchr::memchr(b'\'', fields).is_some();
    for field in fields.split(|b| *b == b'\t') {
        let colon = memchr::memrchr(b':', field).filter(|i| *i > 0)?;
        let (name, value) = (&field[..colon], &field[colon + 1..]);
        let name_at = place_of(line, name);
        if by_lightgbm {
            memchr::memmem::find(name, OF_SET.as_bytes())?;
            let value = value.strip_prefix(b" ")?;
            match memchr::memmem::find(value, b" + ") {
                None => record.push(name_at, "", number(value)?),
                Some(plus) => {
                    record.push(name_at.clone(), "-mean", number(&value[..plus])?);
                    record.push(name_at, "-stdv", number(&value[plus + 3..])?);
                }
            }
        } else {
            // A set and a metric; the value is never printed as a whole number.
            memchr::memchr(b'-', name)?;
            value.iter().any(|b| !b.is_ascii_digit()).then_some(())?;
            match memchr::memchr(b'+', value).filter(|i| *i > 0 && value[i - 1].is_ascii_digit()) {
                None => record.push(name_at, "", number(value)?),
                Some(plus) => {
                    record.push(name_at.clone(), "-mean", number(&value[..plus])?);
                    record.push(name_at, "-std", number(&value[plus + 1..])?);
                }
            }
        }
    }
    Some(Meaning::Row(if by_lightgbm { Writer::Lightgbm } else { Writer::Xgboost }))
}

/// The fields of XGBoost's lines as nearly all of them are, in one go: names without a colon, decimals of few digits.
/// `None` for any other line.
#[inline]
fn plain(line: &[u8], from: usize, record: &mut Record) -> Option<()> {
    let mut at = from;
    loop {
        let begin = at;
        let mut has_dash = false;
        loop {
            match line.get(at)? {
                b':' => break,
                b'-' => has_dash = true,
                b'\t' | b'\'' => return None,
                _ => {}
            }
            at += 1;
        }
        let (value, end) = decimal_at(line, at + 1).filter(|_| has_dash)?;
        record.push(begin..at, "", value);
        match line.get(end) {
            None => return Some(()),
            Some(b'\t') => at = end + 1,
            Some(_) => return None,
        }
    }
}

/// `0:\tlearn: 0.404\ttest: 0.5\tbest: 0.5 (0)\ttotal: 52.8ms\tremaining: 476ms`; several test sets are `test`, `test1`….
pub(super) fn catboost(line: &[u8], step: i64, record: &mut Record) -> Option<Meaning> {
    let colon = memchr::memchr(b':', line)?;
    let fields = line[colon..].strip_prefix(b":\t")?;
    record.at(step);
    record.values.clear();
    let mut has_total = false;
    for field in fields.split(|b| *b == b'\t') {
        let colon = memchr::memchr(b':', field)?;
        let (name, value) = (&field[..colon], field[colon + 1..].strip_prefix(b" ")?);
        if name == b"learn" || name.starts_with(b"test") {
            record.push(place_of(line, name), "", number(value)?);
        }
        has_total |= name == b"total";
    }
    (has_total && !record.values.is_empty()).then_some(Meaning::Row(Writer::Catboost))
}

/// What both print before they repeat the best iteration's line.
pub(super) fn best_follows(line: &[u8]) -> bool {
    let begins = [&b"Stopping. "[..], b"Early stopping, ", b"Did not meet early stopping. "];
    let rest = begins.iter().find_map(|begin| line.strip_prefix(*begin));
    rest.is_some_and(|rest| {
        matches!(rest, b"Best iteration:" | b"best iteration is:" | b"Best iteration is:" | b"best iteration:")
    })
}
