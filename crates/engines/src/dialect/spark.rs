//! The words of Spark's SQL, as far as Sail knows them too.

use super::{Counted, Dialect, ROWS, civil, halving};
use crate::described::RemoteColumn;

pub struct Spark;

impl Dialect for Spark {
    fn ident(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    /// Anything that a parser might read otherwise goes as bytes.
    fn text(&self, text: &str) -> Option<String> {
        Some(if text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _-.:,/+()".contains(&b)) {
            format!("'{text}'")
        } else {
            let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
            format!("CAST(X'{hex}' AS STRING)")
        })
    }

    fn double(&self, value: f64) -> String {
        format!("{:?}D", value + 0.0)
    }

    fn as_double(&self, x: &str) -> String {
        format!("CAST({x} AS DOUBLE)")
    }

    fn as_text(&self, x: &str) -> String {
        format!("CAST({x} AS STRING)")
    }

    fn seconds(&self, x: &str, column: &RemoteColumn) -> String {
        if column.type_name == "date" {
            return format!("(CAST(unix_date({x}) AS DOUBLE) * 86400.0D)");
        }
        // The session's zone is UTC: without a zone it is taken for that.
        format!("(CAST(unix_micros(CAST({x} AS TIMESTAMP)) AS DOUBLE) / 1000000.0D)")
    }

    fn is_nan(&self, x: &str) -> String {
        format!("isnan({x})")
    }

    fn infinity(&self) -> &'static str {
        "CAST('Infinity' AS DOUBLE)"
    }

    fn edges_below(&self, x: &str, edges: &[f64]) -> String {
        let edges: Vec<String> = edges.iter().map(|edge| self.double(*edge)).collect();
        halving(x, &edges, 0)
    }

    fn place(&self, x: &str, texts: &[(usize, String)], none: usize) -> String {
        let whens: Vec<String> = texts.iter().map(|(at, text)| format!("WHEN {x} = {text} THEN {at}")).collect();
        if whens.is_empty() { none.to_string() } else { format!("CASE {} ELSE {none} END", whens.join(" ")) }
    }

    fn apart(&self, x: &str, mean: f64) -> String {
        format!("{x} - {}", self.double(mean))
    }

    fn about(&self, x: &str, column: &RemoteColumn, from: i64, till: i64) -> String {
        let of = |hour: i64| match column.type_name.as_str() {
            "date" => format!("DATE '{}'", &civil(hour)[..10]),
            "timestamp_ntz" => format!("TIMESTAMP_NTZ '{}'", civil(hour)),
            "timestamp" => format!("TIMESTAMP '{} UTC'", civil(hour)),
            _ => format!("{}", hour.saturating_mul(3600)),
        };
        // Of days: the one that begins within the hour is not the one that it lies in.
        let from = if column.type_name == "date" { from - 24 } else { from };
        format!("{x} >= {} AND {x} <= {}", of(from), of(till))
    }

    fn unpivoted(&self, columns: &[Counted], from: &str) -> String {
        let none = "CAST(NULL AS DOUBLE)";
        let mut values = vec![format!("{ROWS}, 0, {none}, {none}")];
        for column in columns {
            let (x, d) = column.number.as_ref().map_or((none, none), |(x, d)| (x, d));
            values.push(format!("{}, {}, {x}, {d}", column.at, column.bin));
        }
        format!(
            "SELECT sb_h, sb_s, CAST(c AS BIGINT) AS c, CAST(b AS BIGINT) AS b, count(*) AS n, sum(d) AS d, \
             sum(d * d) AS q, min(x) AS lo, max(x) AS hi FROM (SELECT sb_h, sb_s, stack({}, {}) AS (c, b, x, d) \
             FROM ({from}) AS sb_0) AS sb_u GROUP BY sb_h, sb_s, c, b",
            values.len(),
            values.join(", ")
        )
    }

    fn first_of_each(&self, from: &str, n: usize) -> String {
        format!(
            "SELECT * FROM (SELECT sb_h, sb_s, sb_v, sb_n, row_number() OVER (PARTITION BY sb_h, sb_s ORDER BY sb_n \
             DESC, sb_v) AS sb_r FROM ({from}) AS sb_2) AS sb_w WHERE sb_r <= {n}"
        )
    }

    fn first_chars(&self, x: &str, n: usize) -> String {
        format!("left({x}, {n})")
    }

    fn double_type(&self) -> &'static str {
        "DOUBLE"
    }

    fn integer_type(&self) -> &'static str {
        "BIGINT"
    }
}
