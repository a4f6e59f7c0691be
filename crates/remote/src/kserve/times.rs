//! Times as Kubernetes writes them (RFC 3339, in UTC as a rule).

/// Milliseconds since 1970; none if it is no such time.
pub fn unix_ms(text: &str) -> Option<i64> {
    if !text.is_ascii() || text.len() < 20 || text.len() > 40 {
        return None;
    }
    let bytes = text.as_bytes();
    let separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separated.into_iter().any(|(at, c)| bytes[at] != c) {
        return None;
    }
    let n = |from: usize, to: usize| -> Option<i64> {
        text[from..to].bytes().all(|b| b.is_ascii_digit()).then(|| text[from..to].parse().ok())?
    };
    let (year, month, day) = (n(0, 4)?, n(5, 7)?, n(8, 10)?);
    let (hour, minute, second) = (n(11, 13)?, n(14, 16)?, n(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let zone = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone);
    let ms = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<3}")[..3].parse().ok()?
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    let offset = match zone.as_bytes() {
        b"Z" => 0,
        [sign, _, _, b':', _, _] => {
            let at = text.len() - zone.len();
            let minutes = n(at + 1, at + 3)? * 60 + n(at + 4, at + 6)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let secs = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + (minute - offset) * 60 + second;
    Some(secs * 1000 + ms)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_odd_ones_are_none() {
        let check = |text, expected: Option<i64>| assert_eq!(unix_ms(text), expected, "{text:?}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-21T10:10:00Z", Some(1_795_255_800_000));
        check("2026-11-21T11:10:00.25+01:00", Some(1_795_255_800_250));
        check("2026-11-21T09:40:00.123456789-00:30", Some(1_795_255_800_123));
        for odd in [
            "",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-11-21T10:10:00",
            "2026-11-21T10:10:00.Z",
            "2026-11-21T+1:10:00Z",
            "2026-11-21T10:10:00+0100",
        ] {
            check(odd, None);
        }
    }
}
