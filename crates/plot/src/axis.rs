//! Where ticks stand and how they are written.

use crate::AxisKind;

/// A tick: its value and its words ("" draws the grid line only).
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub at: f64,
    pub text: String,
}

/// A range of data and how it maps onto 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub min: f64,
    pub max: f64,
    pub log: bool,
}

impl Scale {
    /// A scale that holds `min..=max` and some air; any input (none, one value, the whole of f64) gives a usable one.
    pub fn around(min: f64, max: f64, air: f64, log: bool) -> Scale {
        if !(min.is_finite() && max.is_finite() && min <= max) || (log && max <= 0.0) {
            return if log { Scale { min: 0.1, max: 10.0, log } } else { Scale { min: 0.0, max: 1.0, log } };
        }
        if log {
            // Numbers below the normal ones lie on the edge: powers of ten are not exact there.
            let (lo, hi) = (min.max(1e-300).log10(), max.max(1e-300).log10());
            let pad = if hi - lo < 1e-9 { 0.5 } else { (hi - lo) * air };
            return Scale {
                min: 10f64.powf(lo - pad).max(f64::MIN_POSITIVE),
                max: 10f64.powf(hi + pad).min(f64::MAX),
                log,
            };
        }
        let span = max - min;
        // A flat line sits in the middle of a range that its own size suggests.
        let pad = if span <= f64::EPSILON * max.abs().max(min.abs()) {
            if max == 0.0 { 1.0 } else { max.abs() * 0.1 }
        } else {
            (span * air).min(f64::MAX)
        };
        Scale { min: (min - pad).max(f64::MIN), max: (max + pad).min(f64::MAX), log }
    }

    /// Where `value` lies between the ends, 0 at `min`; outside of 0..=1 where it is outside.
    pub fn unit(&self, value: f64) -> f64 {
        if self.log {
            (value.log10() - self.min.log10()) / (self.max.log10() - self.min.log10())
        } else {
            // Halves first: max - min can overflow.
            (value * 0.5 - self.min * 0.5) / (self.max * 0.5 - self.min * 0.5)
        }
    }

    /// About `wanted` ticks at round values within the range.
    pub fn ticks(&self, kind: AxisKind, wanted: usize) -> Vec<Tick> {
        if self.log {
            return self.log_ticks(wanted);
        }
        let rough = (self.max / wanted.max(1) as f64) - (self.min / wanted.max(1) as f64);
        let step = match kind {
            AxisKind::Number => round_step(rough),
            AxisKind::Duration | AxisKind::UnixTime => round_time_step(rough),
        };
        let values = multiples(self.min, self.max, step);
        values
            .into_iter()
            .map(|at| {
                let text = match kind {
                    AxisKind::Number => number(at, step, self.min.abs().max(self.max.abs())),
                    AxisKind::Duration => duration(at, step),
                    AxisKind::UnixTime => utc(at, step),
                };
                Tick { at, text }
            })
            .collect()
    }

    fn log_ticks(&self, wanted: usize) -> Vec<Tick> {
        let (lo, hi) = (self.min.log10(), self.max.log10());
        if hi - lo < 0.8 {
            // Within one decade round numbers read better than powers.
            let linear = Scale { log: false, ..*self };
            return linear.ticks(AxisKind::Number, wanted).into_iter().filter(|t| t.at > 0.0).collect();
        }
        let stride = ((hi - lo) / wanted.max(1) as f64).ceil().max(1.0) as i32;
        let mut out = Vec::new();
        for e in (lo.floor() as i32)..=(hi.ceil() as i32) {
            let decade = 10f64.powi(e);
            for m in 1..10 {
                let at = decade * f64::from(m);
                if !at.is_finite() || at < self.min || at > self.max {
                    continue;
                }
                let named = (m == 1 && e.rem_euclid(stride) == 0) || (hi - lo < 2.0 && matches!(m, 2 | 5));
                if named {
                    out.push(Tick { at, text: power(at) });
                } else if stride == 1 && hi - lo < 4.0 {
                    out.push(Tick { at, text: String::new() });
                }
            }
        }
        out
    }
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let decade = 10f64.powf(rough.log10().floor());
    let lead = rough / decade;
    let round = if lead <= 1.0 {
        1.0
    } else if lead <= 2.0 {
        2.0
    } else if lead <= 5.0 {
        5.0
    } else {
        10.0
    };
    let step = round * decade;
    if step.is_finite() && step > 0.0 { step } else { f64::MAX }
}

/// A step of a clock or a calendar, in seconds; below a second and past a year as `round_step`.
fn round_time_step(rough: f64) -> f64 {
    const MIN: f64 = 60.0;
    const HOUR: f64 = 3600.0;
    const DAY: f64 = 86400.0;
    const STEPS: [f64; 22] = [
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        30.0,
        MIN,
        2.0 * MIN,
        5.0 * MIN,
        10.0 * MIN,
        15.0 * MIN,
        30.0 * MIN,
        HOUR,
        2.0 * HOUR,
        3.0 * HOUR,
        6.0 * HOUR,
        12.0 * HOUR,
        DAY,
        2.0 * DAY,
        7.0 * DAY,
        30.0 * DAY,
        365.0 * DAY,
    ];
    if rough < 1.0 {
        return round_step(rough);
    }
    STEPS.into_iter().find(|s| *s >= rough).unwrap_or_else(|| round_step(rough / DAY) * DAY)
}

/// The multiples of `step` in `min..=max`; never more than 200.
fn multiples(min: f64, max: f64, step: f64) -> Vec<f64> {
    let first = (min / step).ceil();
    let mut out = Vec::new();
    for i in 0..200 {
        let at = (first + f64::from(i)) * step;
        if at > max || !at.is_finite() {
            break;
        }
        // -0 would be written "-0".
        out.push(if at == 0.0 { 0.0 } else { at });
    }
    out
}

/// A number as short as the ticks' distance allows: 12k, 0.05, 1.5M, 2e−7.
pub fn number(x: f64, step: f64, largest: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e15).contains(&largest) {
        let digits = (x.abs().log10().floor() - step.log10().floor()).clamp(0.0, 12.0) as usize;
        return scientific(x, digits);
    }
    let (unit, suffix) = match largest {
        m if m >= 1e12 => (1e12, "T"),
        m if m >= 1e9 => (1e9, "G"),
        m if m >= 1e6 => (1e6, "M"),
        m if m >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let decimals = (-(step / unit).log10().floor()).clamp(0.0, 12.0) as usize;
    minus(format!("{:.*}{}", decimals, x / unit, suffix))
}

/// A power of ten and its 2s and 5s, for logarithmic axes.
fn power(x: f64) -> String {
    let e = (x.log10() + 1e-9).floor();
    if (-4.0..4.0).contains(&e) {
        let decimals = if e < 0.0 { -e as usize } else { 0 };
        return format!("{x:.decimals$}");
    }
    if (4.0..12.0).contains(&e) {
        let (unit, suffix) = if e >= 9.0 {
            (1e9, "G")
        } else if e >= 6.0 {
            (1e6, "M")
        } else {
            (1e3, "k")
        };
        return format!("{:.0}{suffix}", x / unit);
    }
    scientific(x, 0)
}

fn scientific(x: f64, digits: usize) -> String {
    minus(format!("{x:.digits$e}"))
}

/// The typographic minus, as on the screen.
fn minus(s: String) -> String {
    s.replace('-', "−")
}

/// Seconds as a length of time, in the largest unit that the ticks' distance is whole in.
pub fn duration(secs: f64, step: f64) -> String {
    if secs == 0.0 {
        return "0".into();
    }
    let (unit, name) = match step {
        s if s >= 86400.0 => (86400.0, "d"),
        s if s >= 3600.0 => (3600.0, "h"),
        s if s >= 60.0 => (60.0, "min"),
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e-3, "ms"),
        _ => (1e-6, "µs"),
    };
    let value = secs / unit;
    if name == "min" && value.abs() >= 60.0 {
        let (h, m) = ((value.abs() / 60.0).floor(), value.abs() % 60.0);
        return format!("{}{h:.0}h {m:02.0}", if value < 0.0 { "−" } else { "" });
    }
    if name == "s" && value.abs() >= 60.0 {
        let (m, s) = ((value.abs() / 60.0).floor(), value.abs() % 60.0);
        return format!("{}{m:.0}:{s:02.0}", if value < 0.0 { "−" } else { "" });
    }
    minus(format!("{value:.0} {name}"))
}

/// Unix seconds as a date or a time of day, whichever the ticks' distance asks for.
pub fn utc(unix_secs: f64, step: f64) -> String {
    if unix_secs.abs() > 1e12 {
        return scientific(unix_secs, 2);
    }
    let day = (unix_secs / 86400.0).floor();
    let in_day = unix_secs - day * 86400.0;
    let (year, month, date) = civil(day as i64);
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = MONTHS[(month - 1) as usize];
    let (h, m) = ((in_day / 3600.0).floor(), ((in_day % 3600.0) / 60.0).floor());
    if step >= 300.0 * 86400.0 {
        format!("{year}")
    } else if step >= 86400.0 || in_day == 0.0 {
        format!("{date} {name}")
    } else if step >= 60.0 {
        format!("{h:02.0}:{m:02.0}")
    } else if step >= 1.0 {
        format!("{h:02.0}:{m:02.0}:{:02.0}", in_day % 60.0)
    } else {
        format!("{m:02.0}:{:06.3}", in_day % 60.0)
    }
}

/// Days since 1970-01-01 as (year, month 1–12, day 1–31). Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(min: f64, max: f64, kind: AxisKind, log: bool) -> Vec<String> {
        let ticks = Scale { min, max, log }.ticks(kind, 5);
        ticks.into_iter().map(|t| t.text).filter(|t| !t.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_round_and_short() {
        assert_eq!(texts(0.0, 1.0, AxisKind::Number, false), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"].map(fix_zero));
        assert_eq!(texts(0.0, 50_000.0, AxisKind::Number, false), ["0", "10k", "20k", "30k", "40k", "50k"]);
        assert_eq!(texts(-1.0, 1.0, AxisKind::Number, false), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(texts(0.0, 2e-7, AxisKind::Number, false), ["0", "5e−8", "1.0e−7", "1.5e−7", "2.0e−7"]);
        assert_eq!(texts(1e6, 1e6 + 4.0, AxisKind::Number, false)[1], "1.000001M");
    }

    fn fix_zero(s: &str) -> String {
        if s == "0.0" { "0".into() } else { s.into() }
    }

    #[test]
    fn log_ticks_name_decades() {
        assert_eq!(texts(1e-3, 1.0, AxisKind::Number, true), ["0.001", "0.010", "0.100", "1"].map(trim));
        assert_eq!(texts(1.0, 50.0, AxisKind::Number, true), ["1", "2", "5", "10", "20", "50"]);
        assert!(texts(1e-300, 1e300, AxisKind::Number, true).len() <= 8);
        assert_eq!(texts(2.0, 3.0, AxisKind::Number, true).first().map(String::as_str), Some("2.0"));
    }

    fn trim(s: &str) -> String {
        if s.contains('.') { s.trim_end_matches('0').into() } else { s.into() }
    }

    #[test]
    fn times_step_by_the_clock() {
        assert_eq!(texts(0.0, 600.0, AxisKind::Duration, false), ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]);
        assert_eq!(texts(0.0, 4.0 * 86400.0, AxisKind::Duration, false), ["0", "1 d", "2 d", "3 d", "4 d"]);
        let noon = 1_700_000_000.0 - 1_700_000_000.0 % 86400.0 + 43200.0;
        assert_eq!(
            texts(noon, noon + 7200.0, AxisKind::UnixTime, false),
            ["12:00", "12:30", "13:00", "13:30", "14:00"]
        );
        assert_eq!(utc(1_700_000_000.0, 86400.0), "14 Nov");
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn any_range_gives_few_ticks() {
        for (min, max) in
            [(f64::MIN, f64::MAX), (0.0, 0.0), (5.0, 5.0), (-0.0, 0.0), (1e-320, 2e-320), (f64::NAN, 1.0), (1.0, 0.0)]
        {
            for log in [false, true] {
                let s = Scale::around(min, max, 0.05, log);
                assert!(s.min < s.max, "{min} {max} {log}: {s:?}");
                for kind in [AxisKind::Number, AxisKind::Duration, AxisKind::UnixTime] {
                    let n = s.ticks(kind, 6).len();
                    assert!(n <= 60, "{min} {max} {log} {kind:?}: {n}");
                }
                assert!(s.unit(s.min).abs() < 1e-6 && (s.unit(s.max) - 1.0).abs() < 1e-6);
            }
        }
    }
}
