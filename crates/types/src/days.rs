//! Dates as numbers.

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `month` from 1 to 12, `day` from 1 (H. Hinnant,
/// "chrono-compatible low-level date algorithms": <https://howardhinnant.github.io/date_algorithms.html>).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
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
    fn days_are_counted_over_leap_years() {
        let check = |date: (i64, i64, i64), days| assert_eq!(days_from_civil(date.0, date.1, date.2), days, "{date:?}");
        check((1970, 1, 1), 0);
        check((1969, 12, 31), -1);
        check((2000, 2, 29), 11_016);
        check((2000, 3, 1), 11_017);
        check((2100, 3, 1), 47_541);
        check((2026, 11, 21), 20_778);
        check((0, 3, 1), -719_468);
    }
}
