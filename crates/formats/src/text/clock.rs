//! Wall times as logs write them: unix seconds, milli-, micro- and nanoseconds, ISO 8601.

use signalbox_types::days_from_civil;

/// Names of columns and keys that may hold the wall time of a row.
pub(crate) fn is_time_name(name: &str) -> bool {
    const NAMES: [&str; 6] = ["time", "timestamp", "wall_time", "_timestamp", "datetime", "walltime"];
    NAMES.iter().any(|n| name.trim().eq_ignore_ascii_case(n))
}

/// Unix seconds, if the number can be a time of day between 1980 and 2286 in one of the usual units.
/// A small number is a duration (Ultralytics' `time` is seconds since the start) and stays a metric.
pub(crate) fn unix_of_number(x: f64) -> Option<f64> {
    const FROM: f64 = 3.2e8;
    const TO: f64 = 1e10;
    [1.0, 1e3, 1e6, 1e9].into_iter().map(|unit| x / unit).find(|s| (FROM..TO).contains(s))
}

/// Unix seconds of `2026-01-31[T ]23:59[:59[.999]][Z|+01:00|+0100]`; without a zone it is taken as UTC.
pub(crate) fn unix_of_iso(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() < 10 || text.len() > 40 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let mut parts = date.split('-');
    let year: i64 = digits(parts.next()?, 4)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day) as f64;
    let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then_some(days * 86_400.0);
    };
    let zone_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let mut parts = clock.trim_end().split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = match parts.next() {
        None => 0.0,
        Some(s) if s.starts_with(|c: char| c.is_ascii_digit()) => s.replace(',', ".").parse::<f64>().ok()?,
        Some(_) => return None,
    };
    if parts.next().is_some() || hour > 24 || minute > 59 || !(0.0..61.0).contains(&second) {
        return None;
    }
    Some(days * 86_400.0 + (hour * 3_600 + minute * 60) as f64 + second - zone_seconds(zone)?)
}

/// The same, but nothing without a zone: a local time of a machine that is not known is no moment.
pub(crate) fn unix_of_zoned_iso(text: &str) -> Option<f64> {
    has_zone(text).then(|| unix_of_iso(text))?
}

fn has_zone(text: &str) -> bool {
    text.trim().get(10..).is_some_and(|clock| clock.contains(['Z', 'z', '+', '-']))
}

fn zone_seconds(zone: &str) -> Option<f64> {
    let sign = match zone.as_bytes().first() {
        None | Some(b'Z' | b'z') => return (zone.len() <= 1).then_some(0.0),
        Some(b'+') => 1.0,
        Some(_) => -1.0,
    };
    let digits_only: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits_only.len() {
        2 => (digits(&digits_only, 2)?, 0),
        4 => (digits(&digits_only[..2], 2)?, digits(&digits_only[2..], 2)?),
        _ => return None,
    };
    Some(sign * (hours * 3_600 + minutes * 60) as f64)
}

fn digits(text: &str, n: usize) -> Option<i64> {
    (text.len() == n && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso() {
        let check = |text, expected: Option<f64>| assert_eq!(unix_of_iso(text), expected, "{text:?}");
        check("1970-01-01", Some(0.0));
        check("2026-11-21T10:10:00Z", Some(1_795_255_800.0));
        check("2026-11-21 11:10:00.5+01:00", Some(1_795_255_800.5));
        check("2026-11-21 11:10:00,250+0100", Some(1_795_255_800.25));
        check("2024-02-29T00:00:00-05", Some(1_709_182_800.0));
        check("2026-11-21 10:10", Some(1_795_255_800.0));
        check("2026-13-01", None);
        check("2026-11-21x", None);
        check("2026-11-21T10:10:nan", None);
        check("not a date at all", None);
        check("2026-11-21T10:10:00Zjunk", None);
    }

    #[test]
    fn zones() {
        assert_eq!(unix_of_zoned_iso("2026-11-21T10:10:00+00:00"), Some(1_795_255_800.0));
        assert_eq!(unix_of_zoned_iso("2026-11-21T10:10:00"), None);
        assert_eq!(unix_of_zoned_iso("2026-11-21"), None);
        assert_eq!(unix_of_zoned_iso("é"), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(unix_of_number(1_795_247_717.5), Some(1_795_247_717.5));
        assert_eq!(unix_of_number(1_795_247_717_500.0), Some(1_795_247_717.5));
        assert_eq!(unix_of_number(1.795_247_717_5e18), Some(1_795_247_717.5));
        assert_eq!(unix_of_number(12.5), None);
        assert_eq!(unix_of_number(86_400.0), None);
        assert_eq!(unix_of_number(f64::NAN), None);
        assert_eq!(unix_of_number(f64::INFINITY), None);
    }
}
