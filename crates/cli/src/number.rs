//! Numbers, lengths of time and sizes as a person reads them.

use signalbox_app::wire::Cell;

/// Five significant digits; whole numbers whole.
pub fn number(x: f64) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    if x == x.trunc() && x.abs() < 1e9 {
        return format!("{x:.0}").replace("-0", if x == 0.0 { "0" } else { "-0" });
    }
    if !(1e-4..1e9).contains(&x.abs()) {
        let text = format!("{x:.4e}");
        let (digits, power) = text.split_once('e').expect("BUG: {:e} writes an e");
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = (4 - x.abs().log10().floor() as i32).max(0) as usize;
    trimmed(&format!("{x:.decimals$}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A cell of a table; nothing is "".
pub fn cell(cell: &Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Number(x) => number(*x),
        Cell::Text(t) => t.clone(),
    }
}

/// Seconds as the two largest units.
pub fn duration(secs: f64) -> String {
    if !(secs.is_finite() && secs >= 0.0) {
        return String::new();
    }
    if secs < 60.0 {
        return if secs < 9.95 { format!("{secs:.1} s") } else { format!("{secs:.0} s") };
    }
    let whole = secs.round() as u64;
    let (d, h, m, s) = (whole / 86400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (d, h) {
        (0, 0) => format!("{m} min {s:02} s"),
        (0, _) => format!("{h} h {m:02} min"),
        _ => format!("{d} d {h:02} h"),
    }
}

/// Unix seconds as UTC, such as `2026-11-21 10:15:32Z`. The calendar is Howard Hinnant's `civil_from_days`.
pub fn moment(unix_secs: f64) -> String {
    if !(unix_secs.is_finite() && unix_secs.abs() < 1e11) {
        return String::new();
    }
    let secs = unix_secs.floor() as i64;
    let (days, in_day) = (secs.div_euclid(86400), secs.rem_euclid(86400));
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let day = doy - (153 * mp + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", in_day / 3600, in_day / 60 % 60, in_day % 60)
}

/// Bytes in decimal units, three digits: `812 B`, `4.07 kB`, `1.20 GB`.
pub fn bytes(n: u64) -> String {
    let (mut x, mut unit) = (n as f64, "B");
    for next in ["kB", "MB", "GB", "TB"] {
        if x < 999.5 {
            break;
        }
        (x, unit) = (x / 1000.0, next);
    }
    let decimals = if unit == "B" || x >= 99.95 {
        0
    } else if x >= 9.995 {
        1
    } else {
        2
    };
    format!("{x:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_digits_are_enough() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (12.0, "12"),
            (-3.0, "-3"),
            (0.123456789, "0.12346"),
            (1234.5678, "1234.6"),
            (99999.4, "99999"),
            (0.1, "0.1"),
            (0.00001, "1e-5"),
            (1.5e12, "1.5e12"),
            (-2.5e-9, "-2.5e-9"),
            (100.0, "100"),
            (-100.0, "-100"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::MAX, "1.7977e308"),
            (10.00001, "10"),
            (-0.00012, "-0.00012"),
        ] {
            assert_eq!(number(x), text, "{x:e}");
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        for (n, text) in [
            (0, "0 B"),
            (812, "812 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (4_070, "4.07 kB"),
            (99_960, "100 kB"),
            (999_600, "1.00 MB"),
            (12_340_000, "12.3 MB"),
            (1_204_000_000, "1.20 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(n), text, "{n}");
        }
    }

    #[test]
    fn times_are_short() {
        for (secs, text) in [
            (0.0, "0.0 s"),
            (9.97, "10 s"),
            (59.4, "59 s"),
            (61.0, "1 min 01 s"),
            (7265.0, "2 h 01 min"),
            (90_000.0, "1 d 01 h"),
            (-1.0, ""),
            (f64::NAN, ""),
        ] {
            assert_eq!(duration(secs), text, "{secs}");
        }
        assert_eq!(moment(1_709_210_096.9), "2024-02-29 12:34:56Z");
        assert_eq!(moment(-1.0), "1969-12-31 23:59:59Z");
        assert_eq!(moment(f64::NAN), "");
    }
}
