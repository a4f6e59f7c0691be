//! ClickHouse's words. An alias there hides a column of its name; ours begin with `sb_`, and columns are named by their
//! table.

use super::{Counted, Dialect, ROWS, civil};
use crate::described::RemoteColumn;

pub struct ClickHouse;

/// Without what says only how it is stored: `Nullable(DateTime64(3, 'UTC'))` is `DateTime64(3, 'UTC')`.
pub fn plain_type(name: &str) -> &str {
    let mut name = name;
    while let Some(inner) = ["Nullable(", "LowCardinality("]
        .iter()
        .find_map(|wrap| name.strip_prefix(wrap).and_then(|rest| rest.strip_suffix(')')))
    {
        name = inner;
    }
    name
}

/// Digits of a second's fraction.
fn precision(name: &str) -> u32 {
    let digits = plain_type(name).strip_prefix("DateTime64(").and_then(|rest| rest.split([',', ')']).next());
    digits.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0)
}

impl Dialect for ClickHouse {
    fn ident(&self, name: &str) -> String {
        format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
    }

    /// Anything that a parser might read otherwise goes as bytes.
    fn text(&self, text: &str) -> Option<String> {
        Some(if text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _-.:,/+()".contains(&b)) {
            format!("'{text}'")
        } else {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            format!("unhex('{hex}')")
        })
    }

    /// As a text: how literals are read is a setting (`input_format…`), how texts are is not.
    fn double(&self, value: f64) -> String {
        format!("reinterpretAsFloat64(toUInt64({}))", (value + 0.0).to_bits())
    }

    fn as_double(&self, x: &str) -> String {
        format!("CAST({x} AS Nullable(Float64))")
    }

    fn as_text(&self, x: &str) -> String {
        format!("CAST({x} AS Nullable(String))")
    }

    fn seconds(&self, x: &str, column: &RemoteColumn) -> String {
        let name = plain_type(&column.type_name);
        let double = |x: String| format!("CAST({x} AS Nullable(Float64))");
        if name.starts_with("DateTime64") {
            let (unit, over) = match precision(name) {
                0..=3 => ("Milli", "1000."),
                4..=6 => ("Micro", "1000000."),
                _ => ("Nano", "1000000000."),
            };
            format!("({} / {over})", double(format!("toUnixTimestamp64{unit}({x})")))
        } else if name.starts_with("DateTime") {
            double(format!("toUnixTimestamp({x})"))
        } else {
            format!("({} * 86400.)", double(format!("toInt32({x})")))
        }
    }

    fn is_nan(&self, x: &str) -> String {
        format!("isNaN({x})")
    }

    fn infinity(&self) -> &'static str {
        "CAST('inf' AS Float64)"
    }

    /// Comparisons of whole blocks, added up: no branches.
    fn edges_below(&self, x: &str, edges: &[f64]) -> String {
        if edges.is_empty() {
            return "0".into();
        }
        let values: Vec<String> = edges.iter().map(|edge| format!("({x} >= {})", self.double(*edge))).collect();
        values.join(" + ")
    }

    fn place(&self, x: &str, texts: &[(usize, String)], none: usize) -> String {
        if texts.is_empty() {
            return none.to_string();
        }
        let (places, texts): (Vec<String>, Vec<&str>) =
            texts.iter().map(|(at, text)| (format!("toInt64({at})"), text.as_str())).unzip();
        format!("transform(assumeNotNull({x}), [{}], [{}], toInt64({none}))", texts.join(", "), places.join(", "))
    }

    fn apart(&self, x: &str, mean: f64) -> String {
        format!("{x} - {}", self.double(mean))
    }

    fn about(&self, x: &str, column: &RemoteColumn, from: i64, till: i64) -> String {
        let name = plain_type(&column.type_name);
        let of = |hour: i64| {
            if name.starts_with("DateTime64") {
                format!("toDateTime64('{}', {}, 'UTC')", civil(hour), precision(name))
            } else if name.starts_with("DateTime") {
                format!("toDateTime({}, 'UTC')", hour.saturating_mul(3600).clamp(0, i64::from(u32::MAX)))
            } else if name.starts_with("Date") {
                format!("toDate32('{}')", &civil(hour)[..10])
            } else {
                format!("{}", hour.saturating_mul(3600))
            }
        };
        // Of days: the one that begins within the hour is not the one that it lies in.
        let from = if name.starts_with("Date") && !name.starts_with("DateTime") { from - 24 } else { from };
        format!("{x} >= {} AND {x} <= {}", of(from), of(till))
    }

    fn unpivoted(&self, columns: &[Counted], from: &str) -> String {
        let of = |at: i64, b: &str, x: &str, d: &str| {
            format!("(toInt64({at}), toInt64({b}), ifNull({x}, 0.), ifNull({d}, 0.))")
        };
        let mut values = vec![of(ROWS, "0", "0.", "0.")];
        for column in columns {
            let (x, d) = column.number.as_ref().map_or(("0.", "0."), |(x, d)| (x, d));
            values.push(of(column.at as i64, &column.bin, x, d));
        }
        format!(
            "SELECT sb_h, sb_s, sb_u.1 AS sb_c, sb_u.2 AS sb_b, toInt64(count()) AS sb_n, sum(sb_u.4) AS sb_d, \
             sum(sb_u.4 * sb_u.4) AS sb_q, min(sb_u.3) AS sb_lo, max(sb_u.3) AS sb_hi FROM (SELECT sb_h, sb_s, \
             arrayJoin([{}]) AS sb_u FROM ({from}) AS sb_0) AS sb_4 GROUP BY sb_h, sb_s, sb_c, sb_b",
            values.join(", ")
        )
    }

    fn first_of_each(&self, from: &str, n: usize) -> String {
        format!("SELECT * FROM ({from}) AS sb_2 ORDER BY sb_n DESC, sb_v LIMIT {n} BY sb_h, sb_s")
    }

    fn first_chars(&self, x: &str, n: usize) -> String {
        format!("leftUTF8({x}, {n})")
    }

    fn double_type(&self) -> &'static str {
        "Nullable(Float64)"
    }

    fn integer_type(&self) -> &'static str {
        "Int64"
    }
}
