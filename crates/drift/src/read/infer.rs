//! What a cell of text says, and what a column of such cells holds.

use super::batch::WHOLE;
use super::schema::{Kind, Known};
use signalbox_types::days_from_civil;

/// Of numbers, times and booleans. In a column of texts they are levels: "NA" is also Namibia, "None" an answer.
const NOTHING: &[&str] = &["NA", "N/A", "n/a", "null", "NULL", "None", "#N/A", "<NA>", "-", "?"];

/// Of a cell in a column of such a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Number(f64),
    /// An integer beyond what doubles tell apart.
    Whole(i128),
    Boolean(bool),
    Text(&'a str),
    /// It is not what the column holds.
    Surprise,
}

pub fn read<'a>(cell: &'a str, kind: Kind, decimal_comma: bool) -> Cell<'a> {
    if cell.is_empty() {
        return Cell::Null;
    }
    if matches!(kind, Kind::Categorical) {
        return Cell::Text(cell);
    }
    let trimmed = cell.trim();
    if trimmed.is_empty() || NOTHING.contains(&trimmed) {
        return Cell::Null;
    }
    let found = match kind {
        Kind::Numeric => number(trimmed, decimal_comma).map(|value| {
            let whole = (value.abs() >= WHOLE).then(|| trimmed.parse().ok()).flatten();
            whole.map_or(Cell::Number(value), Cell::Whole)
        }),
        Kind::Boolean => boolean(trimmed).map(Cell::Boolean),
        Kind::Datetime => datetime(trimmed).map(Cell::Number),
        _ => None,
    };
    found.unwrap_or(Cell::Surprise)
}

fn number(text: &str, decimal_comma: bool) -> Option<f64> {
    // "infinity", "nan" and their signs are numbers to `parse`, in any case.
    if decimal_comma && text.contains(',') {
        return text.replacen(',', ".", 1).parse().ok();
    }
    text.parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Seconds since 1970-01-01T00:00:00Z of `2026-11-22`, `2026-11-22 09:47[:18[.25]][Z|+01:00]`, with `T` or a space.
pub fn datetime(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let part = |from: usize, n: usize| {
        let digits = bytes.get(from..from + n)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0_u32, |sum, d| sum * 10 + u32::from(d - b'0')))
    };
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 2)?, part(8, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => return None,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let days = days_from_civil(i64::from(year), i64::from(month), i64::from(day)) as f64;
    if bytes.len() == 10 {
        return Some(days * 86_400.0);
    }
    if !matches!(bytes[10], b'T' | b' ' | b't') || bytes.get(13) != Some(&b':') {
        return None;
    }
    let (hours, minutes) = (part(11, 2)?, part(14, 2)?);
    let (mut seconds, mut rest) = (0.0, text.get(16..)?);
    if let Some(after) = rest.strip_prefix(':') {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        seconds = after[..end].parse().ok()?;
        rest = &after[end..];
    }
    if hours > 24 || minutes > 59 || !(0.0..61.0).contains(&seconds) {
        return None;
    }
    Some(days * 86_400.0 + f64::from(hours * 3600 + minutes * 60) + seconds - zone(rest.trim())?)
}

/// Seconds east of UTC; none is UTC.
fn zone(text: &str) -> Option<f64> {
    if matches!(text, "" | "Z" | "z" | "UTC") {
        return Some(0.0);
    }
    let sign = match text.as_bytes()[0] {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !(digits.len() == 2 || digits.len() == 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours: f64 = digits[..2].parse().ok()?;
    let minutes: f64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0.0 };
    Some(sign * (hours * 3600.0 + minutes * 60.0))
}

/// So large a share of a column's cells must be of a kind, for the others to be surprises in it.
const MOSTLY: f64 = 0.9;

/// What the first cells of a column look like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looks {
    n: u64,
    numbers: u64,
    booleans: u64,
    times: u64,
    codes: u64,
}

impl Looks {
    pub fn see(&mut self, cell: &str, decimal_comma: bool) {
        let cell = cell.trim();
        if cell.is_empty() || NOTHING.contains(&cell) {
            return;
        }
        self.n += 1;
        // No cell is two of these.
        if number(cell, decimal_comma).is_some() {
            self.numbers += 1;
            self.codes += u64::from(is_code(cell));
        } else if boolean(cell).is_some() {
            self.booleans += 1;
        } else if datetime(cell).is_some() {
            self.times += 1;
        }
    }

    /// What the column holds; `None` where all are empty.
    pub fn kind(&self) -> Option<(Kind, Known)> {
        if self.n == 0 {
            return None;
        }
        let mostly = |found: u64| found as f64 >= MOSTLY * self.n as f64;
        Some(if self.booleans == self.n {
            (Kind::Boolean, Known::Guessed)
        } else if mostly(self.numbers) && self.codes > 0 {
            (Kind::Categorical, Known::Codes)
        } else if mostly(self.numbers) {
            (Kind::Numeric, Known::Guessed)
        } else if mostly(self.times) {
            (Kind::Datetime, Known::Guessed)
        } else {
            (Kind::Categorical, Known::Guessed)
        })
    }
}

/// The same of these cells.
pub fn kind_of<'a>(cells: impl Iterator<Item = &'a str>, decimal_comma: bool) -> Option<Kind> {
    let mut looks = Looks::default();
    cells.for_each(|cell| looks.see(cell, decimal_comma));
    looks.kind().map(|(kind, _)| kind)
}

/// "007": digits that would not come back from a number.
fn is_code(cell: &str) -> bool {
    cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_in_utc() {
        for (text, wanted) in [
            ("1970-01-02", Some(86_400.0)),
            ("1970-01-01T00:00:01.5Z", Some(1.5)),
            ("1970-01-01 01:00+01:00", Some(0.0)),
            ("1970-01-01T00:00:00-0130", Some(5400.0)),
            ("2026-13-01", None),
            ("2026-02-29", None),
            ("1972-02-29", Some(68_169_600.0)),
            ("1970-01-01T25:00:00", None),
            ("1970-01-01x", None),
            ("12-01-1970", None),
        ] {
            assert_eq!(datetime(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_column_holds_what_most_of_its_cells_say() {
        let kind = |cells: &[&'static str]| kind_of(cells.iter().copied(), false);
        assert_eq!(kind(&["1", "2.5", "", "NA", "1e9"]), Some(Kind::Numeric));
        assert_eq!(kind(&["007", "123"]), Some(Kind::Categorical));
        assert_eq!(kind(&["true", "FALSE"]), Some(Kind::Boolean));
        assert_eq!(kind(&["2026-01-01", "2026-01-02 10:00"]), Some(Kind::Datetime));
        assert_eq!(kind(&["1", "2", "three"]), Some(Kind::Categorical));
        assert_eq!(kind(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "ten"]), Some(Kind::Numeric));
        assert_eq!(kind(&["", "NA"]), None);
        assert_eq!(kind_of(["1,5", "2"].into_iter(), true), Some(Kind::Numeric));
        let mut zip = Looks::default();
        ["01234", "94110", ""].into_iter().for_each(|cell| zip.see(cell, false));
        assert_eq!(zip.kind(), Some((Kind::Categorical, Known::Codes)));
        assert_eq!(read("ten", Kind::Numeric, false), Cell::Surprise);
        assert_eq!(read("NA", Kind::Categorical, false), Cell::Text("NA"));
    }
}
